"""What PEFT Studio remembers, in one SQLite file."""
