"""What makes a pile of files a sealed tree: trimming, bytecode, merging, placing."""

from runtime_packager.tree.bytecode import Bytecode, Unit, compile_units
from runtime_packager.tree.merging import merge
from runtime_packager.tree.placing import LINK_MODES, LinkMode, place
from runtime_packager.tree.sourceless import without_text
from runtime_packager.tree.symbols import strip_symbols
from runtime_packager.tree.traces import (
    STDLIB,
    Seen,
    Trace,
    load_trace,
    merge_traces,
    render_trace,
)
from runtime_packager.tree.trimming import (
    RULES,
    Trimmed,
    explanation,
    missing_modules,
    rule_of,
    trim,
)
from runtime_packager.tree.untraced import (
    NOTHING,
    UNTRACED,
    LeftOut,
    Native,
    Origin,
    leave_out,
    module_name,
    without_sources,
)

__all__ = [
    "LINK_MODES",
    "NOTHING",
    "RULES",
    "STDLIB",
    "UNTRACED",
    "Bytecode",
    "LeftOut",
    "LinkMode",
    "Native",
    "Origin",
    "Seen",
    "Trace",
    "Trimmed",
    "Unit",
    "compile_units",
    "explanation",
    "leave_out",
    "load_trace",
    "merge",
    "merge_traces",
    "missing_modules",
    "module_name",
    "place",
    "render_trace",
    "rule_of",
    "strip_symbols",
    "trim",
    "without_sources",
    "without_text",
]
