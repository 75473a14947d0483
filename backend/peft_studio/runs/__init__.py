"""Training runs: what was asked for, where each one stands, and what came of it."""
