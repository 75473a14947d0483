"""Whether every import resolves in a tree that this host cannot run, read from files alone."""

from runtime_packager.imports.check import Missing, check_imports
from runtime_packager.imports.modules import Modules, builtin_modules

__all__ = ["Missing", "Modules", "builtin_modules", "check_imports"]
