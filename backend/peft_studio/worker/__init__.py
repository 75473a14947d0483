"""Child processes that load the heavy libraries, so that the service never does."""
