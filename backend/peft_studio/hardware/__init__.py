"""What there is to compute with, found out without torch."""
