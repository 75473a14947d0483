"""Whether every import resolves in a tree that this host cannot run, read from files alone."""

from runtime_packager.imports.builtin import unix_builtins, windows_builtins
from runtime_packager.imports.check import Missing, Wanted, check_imports, is_optional
from runtime_packager.imports.modules import Modules, path_lines
from runtime_packager.imports.scan import Import, facts_of
from runtime_packager.imports.scanning import scan_app

__all__ = [
    "Import",
    "Missing",
    "Modules",
    "Wanted",
    "check_imports",
    "facts_of",
    "is_optional",
    "path_lines",
    "scan_app",
    "unix_builtins",
    "windows_builtins",
]
