"""Assembles relocatable Python runtimes; :mod:`runtime_packager.assemble` is the way in."""

__version__ = "0.1.0"
