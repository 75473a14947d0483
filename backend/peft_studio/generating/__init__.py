"""Writing text with a model, in a child that keeps the model for a while."""
