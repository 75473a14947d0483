"""What lies where in a run's directory; the service and the child that trains agree on it."""

from __future__ import annotations

ADAPTER = "adapter"
"""The finished adapter: whole or absent."""
SCRATCH = "scratch"
"""What a child keeps that need not outlive it."""
