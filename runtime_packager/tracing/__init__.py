"""Tracing: a runtime is run, and the modules of it that were imported are noted."""

from runtime_packager.tracing.recording import Run, record

__all__ = ["Run", "record"]
