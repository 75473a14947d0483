"""Training itself. Runs in a child; the service imports nothing from here but names."""
