"""Embedded-Python relocatable runtime packager: see ``docs/`` and :mod:`runtime_packager.assemble`."""

__version__ = "0.1.0"
