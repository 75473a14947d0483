"""What an app does not need, left out by named rules before it is ever written.

Most rules are a pattern over tree paths: some look at the interpreter's layer alone, some at the
wheels'. The others have modules of their own: :mod:`~runtime_packager.tree.symbols`,
:mod:`~runtime_packager.tree.sourceless`, :mod:`~runtime_packager.tree.untraced`. Every rule can be
switched in the config.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.entries import FileEntry, Layer

_STDLIB = r"python/(?:lib/python3\.\d+|Lib)"
"""The standard library's place, on Unix and on Windows."""


_EXPLAINS = Path(__file__).with_name("trimmed.py")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to leave out.

    :param pattern: of tree paths; ``None`` for a rule that goes by more than names.
    :param default: whether it applies unless the config says otherwise.
    :param wheels: whether it looks at the wheels' files rather than the interpreter's.
    """

    name: str
    description: str
    pattern: re.Pattern[str] | None
    default: bool = True
    wheels: bool = False


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What one rule left out: files, or of so many files a part, and the bytes together."""

    rule: str
    files: int
    size: int


def _rule(
    name: str, description: str, *patterns: str, default: bool = True, wheels: bool = False
) -> Rule:
    pattern = re.compile("|".join(f"(?:{p})" for p in patterns)) if patterns else None
    return Rule(name, description, pattern, default, wheels)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        _rule(
            "tests",
            "the standard library's own tests and their compiled helpers",
            rf"{_STDLIB}/(?:.*/)?(?:test|tests|idle_test)/",
            rf"{_STDLIB}/lib-dynload/(?:_test\w*|_xxtestfuzz|xxlimited\w*|_ctypes_test)\.",
            r"python/DLLs/(?:_test\w*|_ctypes_test)\.",
        ),
        _rule("idlelib", "the IDLE editor", rf"{_STDLIB}/idlelib/"),
        _rule(
            "tkinter",
            "tkinter with Tcl and Tk",
            rf"{_STDLIB}/tkinter/",
            rf"{_STDLIB}/lib-dynload/_tkinter\.",
            r"python/DLLs/(?:_tkinter|tcl|tk|zlib1)[^/]*$",
            r"python/lib/(?:libtcl|libtk|tcl\d|tk\d|itcl|thread\d|tdbc|sqlite\d)[^/]*",
            r"python/tcl/",
        ),
        _rule("turtledemo", "turtle graphics", rf"{_STDLIB}/(?:turtledemo/|turtle\.py$)"),
        _rule("ensurepip", "the wheel that makes virtual environments", rf"{_STDLIB}/ensurepip/"),
        _rule("lib2to3", "the Python 2 converter", rf"{_STDLIB}/lib2to3/"),
        _rule(
            "bundled-packages",
            "packages the interpreter comes with, such as pip",
            rf"{_STDLIB}/site-packages/",
        ),
        _rule(
            "include",
            "C headers, static libraries and build configuration",
            r"python/include/",
            r"python/libs/",
            r"python/lib/pkgconfig/",
            rf"{_STDLIB}/config-3\.[^/]*/",
            r"python/lib/[^/]*\.a$",
        ),
        _rule(
            "libpython",
            "libpython, which only programs that embed Python need: python itself is static",
            r"python/lib/libpython3[^/]*\.(?:so|dylib)[^/]*$",
        ),
        _rule(
            "scripts",
            "wrapper scripts in bin, whose first line names another machine's paths",
            r"python/bin/(?!python3(?:\.\d+)?$|python$)",
            r"python/Scripts/",
        ),
        _rule("man", "manual pages", r"python/share/man/"),
        _rule(
            "terminfo",
            "descriptions of all but the common terminals; the system's come first anyway",
            r"python/share/terminfo/[^/]+/"
            r"(?!(?:xterm|screen|tmux|rxvt|linux|dumb|ansi|vt\d+|alacritty|kitty|foot)(?![a-z]))",
        ),
        _rule("pyi", "type stubs, which no program reads", r".*\.pyi$", wheels=True),
        _rule(
            "script-stubs",
            "Windows programs that installers copy to start scripts: an app installs nothing",
            r".*/setuptools/(?:cli|gui)(?:-\w+)?\.exe$",
            r".*/(?:pip/_vendor/)?distlib/[tw]\d+(?:-\w+)?\.exe$",
            wheels=True,
        ),
        _rule(
            "debug-symbols",
            "what debuggers alone read in Linux programs and libraries; exported names stay",
        ),
        _rule(
            "wheel-tests",
            "test folders inside wheels",
            r".*/site-packages/.*/tests?/",
            default=False,
            wheels=True,
        ),
        _rule(
            "wheel-sources",
            "sources of wheels, of which bytecode is enough to run them",
            default=False,
        ),
        _rule(
            "untraced",
            "modules that no run was seen to import; see the command trace",
            default=False,
        ),
    )
}  # fmt: skip


def trim(layer: Layer, rules: Collection[str], *, wheel: bool) -> tuple[Layer, list[Trimmed]]:
    """The layer without what ``rules`` name, and what each of them left out.

    :param wheel: whether the layer is a wheel's rather than the interpreter's.
    """
    active = _active(rules, wheel=wheel)
    kept = []
    files = dict.fromkeys((rule.name for rule in active), 0)
    sizes = dict(files)
    for entry in layer.entries:
        rule = _first(active, entry.path)
        if rule is None:
            kept.append(entry)
        else:
            files[rule.name] += 1
            sizes[rule.name] += entry.size if isinstance(entry, FileEntry) else 0
    left_out = [Trimmed(name, files[name], sizes[name]) for name in files if files[name]]
    return Layer(layer.origin, tuple(kept)), left_out


def rule_of(path: str, rules: Collection[str], *, wheel: bool) -> str | None:
    """The name of the first of ``rules`` that leaves ``path`` out.

    :param wheel: whether a wheel brings it rather than the interpreter.
    """
    rule = _first(_active(rules, wheel=wheel), path)
    return rule.name if rule else None


def _active(rules: Collection[str], *, wheel: bool) -> list[Rule]:
    named = (RULES[name] for name in sorted(rules))
    return [rule for rule in named if rule.pattern and rule.wheels == wheel]


def _first(active: Sequence[Rule], path: str) -> Rule | None:
    return next((rule for rule in active if rule.pattern and rule.pattern.match(path)), None)


def missing_modules(
    layers: Sequence[tuple[Layer, bool]], rules: Collection[str], kept: Collection[str]
) -> dict[str, str]:
    """By module the rule that left it out; of a package that is gone whole, its own name alone.

    :param layers: before trimming, and whether each is a wheel's.
    :param kept: the paths of the finished tree.
    """
    there = {name for path in kept if (module := _module(path)) for name in and_parents(module)}
    found: dict[str, str] = {}
    for layer, wheel in layers:
        active = _active(rules, wheel=wheel)
        for entry in layer.entries:
            rule = _first(active, entry.path)
            if rule and (module := _module(entry.path)):
                gone = next((name for name in and_parents(module) if name not in there), None)
                if gone:
                    found.setdefault(gone, rule.name)
    return dict(sorted(found.items()))


_MODULE = re.compile(
    rf"(?:{_STDLIB}/(?:site-packages/|lib-dynload/)?|python/DLLs/)"
    r"((?:\w+/)*\w+?)(?:/__init__)?(?:\.py|(?:\.[\w-]+)?\.(?:so|pyd))"
)


def _module(path: str) -> str:
    """The dotted name of a module of the interpreter or a wheel; empty for other files."""
    match = _MODULE.fullmatch(path)
    return match[1].replace("/", ".") if match else ""


def explanation(missing: Mapping[str, str], trace: str = "") -> bytes:
    """The module that explains the absence of ``missing``, for the tree's ``site-packages``.

    :param trace: what the file is called whose lines the rule ``untraced`` kept, where it applies.
    """
    text = _EXPLAINS.read_text(encoding="utf-8")
    text = text.replace('RULES = {"": ""}', f"RULES = {json.dumps(missing, indent=4)}", 1)
    return text.replace('TRACE = ""', f"TRACE = {json.dumps(trace)}", 1).encode()


def and_parents(module: str) -> list[str]:
    """``a.b.c`` -> ``a``, ``a.b``, ``a.b.c``."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def total(trimmed: Sequence[Trimmed]) -> list[Trimmed]:
    """One :class:`Trimmed` a rule, summed, the most bytes first."""
    files: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for row in trimmed:
        files[row.rule] = files.get(row.rule, 0) + row.files
        sizes[row.rule] = sizes.get(row.rule, 0) + row.size
    rows = [Trimmed(rule, files[rule], sizes[rule]) for rule in files]
    return sorted(rows, key=lambda row: (-row.size, row.rule))
