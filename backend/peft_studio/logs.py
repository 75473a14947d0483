"""Logs go to standard error, where the desktop app collects them."""

from __future__ import annotations

import faulthandler
import logging
import sys


def configure(level: str) -> None:
    """Log from ``level`` up, and write a traceback when native code crashes.

    :param level: ``debug``, ``info``, ``warning`` or ``error``.
    """
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    # A windowed program on Windows may have no standard error at all.
    if sys.stderr is not None:
        faulthandler.enable()


def say(sentence: str) -> None:
    """Write one line to standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"{sentence}\n")
