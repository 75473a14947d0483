"""The app: its files as a layer, the same as a shiv, and the few lines that start it."""

from runtime_packager.app.collect import Data, collect
from runtime_packager.app.entry import ConsoleScript, EntryPoint, Function, Script, parse_entry
from runtime_packager.app.pack import DIRECTORY, STUB, app_key, pack, stub_text

__all__ = [
    "DIRECTORY",
    "STUB",
    "ConsoleScript",
    "Data",
    "EntryPoint",
    "Function",
    "Script",
    "app_key",
    "collect",
    "pack",
    "parse_entry",
    "stub_text",
]
