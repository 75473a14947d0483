"""What a user trains on: uploaded, checked line by line, kept as JSONL of one shape."""
