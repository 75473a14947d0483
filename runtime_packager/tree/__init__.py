"""What makes a pile of files a sealed tree: trimming, bytecode, merging, placing."""

from runtime_packager.tree.bytecode import Bytecode, Unit, compile_units
from runtime_packager.tree.merging import merge
from runtime_packager.tree.placing import LINK_MODES, LinkMode, place
from runtime_packager.tree.symbols import strip_symbols
from runtime_packager.tree.trimming import (
    RULES,
    Trimmed,
    explanation,
    missing_modules,
    rule_of,
    trim,
)

__all__ = [
    "LINK_MODES",
    "RULES",
    "Bytecode",
    "LinkMode",
    "Trimmed",
    "Unit",
    "compile_units",
    "explanation",
    "merge",
    "missing_modules",
    "place",
    "rule_of",
    "strip_symbols",
    "trim",
]
