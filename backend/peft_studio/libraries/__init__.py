"""What the children share that load the heavy libraries: loading a model, and saying why not."""
