"""The models that are there to be fine-tuned: local directories, and what a hub's cache holds."""
