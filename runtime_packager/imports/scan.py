"""The imports of source files, lazy and conditional ones included.

Reading them takes an interpreter of the tree's own minor version: an older one does not know the
syntax of a newer. So this file is also a program that such an interpreter runs, and imports the
standard library only.

Left out is what cannot run on the target: branches of ``if`` that test ``sys.platform``,
``os.name``, ``platform.system()``, ``sys.version_info`` or ``TYPE_CHECKING`` against constants
and come out false there.
"""

from __future__ import annotations

import ast
import json
import operator
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """One import.

    :param line: of the file, from 1.
    :param module: absolute dotted name.
    :param names: what ``from module import ...`` takes from it: attributes or submodules; with
        ``*`` left out.
    """

    line: int
    module: str
    names: tuple[str, ...] = ()


Facts = Mapping[str, object]
"""What expressions are on the target, by their source text: ``{"sys.platform": "win32", ...}``."""


_PARTS = ("major", "minor", "micro")


def facts_of(markers: Mapping[str, str], python: tuple[int, ...]) -> Facts:
    """The facts of a target, from its PEP 508 environment markers and Python version."""
    return {
        "sys.platform": markers["sys_platform"],
        "os.name": markers["os_name"],
        "platform.system()": markers["platform_system"],
        "platform.machine()": markers["platform_machine"],
        "sys.version_info": (*python, "final", 0),
        **{f"sys.version_info.{part}": n for part, n in zip(_PARTS, python, strict=False)},
        "sys.implementation.name": markers["implementation_name"],
        "TYPE_CHECKING": False,
        "typing.TYPE_CHECKING": False,
    }


def imports_of(source: bytes, package: str, facts: Facts) -> list[Import]:
    """Every import in ``source``, by line.

    :param package: the dotted name of the package the file lies in, for relative imports.
    :raises SyntaxError: when it is not Python; for NUL bytes a ``ValueError`` up to CPython 3.11.
    """
    module = ast.parse(source)
    return sorted(set(_walk(module.body, package, _learned(module, facts))))


def _learned(module: ast.Module, facts: Facts) -> Facts:
    """The facts under the names that the module gives them at its top.

    ``import sys as s``, ``from sys import platform``, ``WINDOWS = sys.platform == "win32"``; a name
    that is bound more than once tells nothing.
    """
    known, bound = dict(facts), _bound(module)
    for node in module.body:
        match node:
            case ast.Import():
                for alias in node.names:
                    known |= _renamed(f"{alias.name}.", f"{alias.asname or alias.name}.", facts)
            case ast.ImportFrom(module=str(name), level=0):
                for alias in node.names:
                    known |= _renamed(f"{name}.{alias.name}", alias.asname or alias.name, facts)
            case ast.Assign(targets=[ast.Name(id=name)]) if bound[name] == 1:
                verdict = _verdict(node.value, known)
                value = known.get(_text(node.value)) if verdict is None else verdict
                known |= {} if value is None else {name: value}
            case _:
                pass
    return known


def _bound(module: ast.Module) -> Counter[str]:
    names = (node for node in ast.walk(module) if isinstance(node, ast.Name))
    return Counter(name.id for name in names if not isinstance(name.ctx, ast.Load))


def _renamed(name: str, other: str, facts: Facts) -> dict[str, object]:
    return {
        f"{other}{text.removeprefix(name)}": value
        for text, value in facts.items()
        if text.startswith(name)
    }


def _walk(nodes: Iterable[ast.AST], package: str, facts: Facts) -> Iterator[Import]:
    """In no order. A list of what is left to see, for calls would run out in a long expression."""
    waiting = _reached(list(nodes), facts)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If() | ast.IfExp() if (verdict := _verdict(node.test, facts)) is not None:
                branch = node.body if verdict else node.orelse
                waiting += _reached(branch, facts) if isinstance(branch, list) else [branch]
                continue
            case ast.Import():
                for alias in node.names:
                    yield Import(node.lineno, alias.name)
            case ast.ImportFrom():
                yield from _from(node, package)
            case ast.Call():
                yield from _call(node, package)
            case _:
                pass
        for _, value in ast.iter_fields(node):
            parts = value if isinstance(value, list) else [value]
            waiting += _reached([part for part in parts if isinstance(part, ast.AST)], facts)


def _reached(nodes: list[Any], facts: Facts) -> list[Any]:
    """Those up to an ``if`` that is sure to leave: ``if sys.platform != "win32": return``."""
    for number, node in enumerate(nodes):
        if isinstance(node, ast.If) and (verdict := _verdict(node.test, facts)) is not None:
            branch = node.body if verdict else node.orelse
            if branch and isinstance(branch[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                return nodes[: number + 1]
    return nodes


def _from(node: ast.ImportFrom, package: str) -> Iterator[Import]:
    module = _absolute(node.module or "", node.level, package)
    if module:
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        yield Import(node.lineno, module, names)


def _absolute(module: str, level: int, package: str) -> str:
    """The absolute name; empty for a relative import that leaves the top."""
    if not level:
        return module
    parts = package.split(".") if package else []
    if level - 1 > len(parts) or not parts:
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])


def _call(node: ast.Call, package: str) -> Iterator[Import]:
    """``importlib.import_module("name")`` and ``__import__("name")`` with a constant name."""
    match node.func:
        case ast.Name(id=called) | ast.Attribute(attr=called):
            pass
        case _:
            return
    match node.args:
        case [ast.Constant(value=str(name)), *more] if name.strip("."):
            pass
        case _:
            return
    if called == "import_module":
        level = len(name) - len(name.lstrip("."))
        anchor = _anchor(_argument(node, more, 0, "package"), package) if level else ""
        if module := _absolute(name.lstrip("."), level, anchor):
            yield Import(node.lineno, module)
    elif called == "__import__":
        match _argument(node, more, 3, "level"):
            case None | ast.Constant(value=0):
                yield Import(node.lineno, name)
            case ast.Constant(value=int(level)) if module := _absolute(name, level, package):
                yield Import(node.lineno, module)


def _argument(node: ast.Call, more: list[ast.expr], place: int, name: str) -> ast.expr | None:
    """An argument behind the first, by its place or name."""
    if place < len(more):
        return more[place]
    return next((word.value for word in node.keywords if word.arg == name), None)


def _anchor(argument: ast.expr | None, package: str) -> str:
    """The package that a relative name starts at; empty when only running it would tell."""
    match argument:
        case ast.Constant(value=str(named)):
            return named
        case ast.Name(id="__package__"):
            return package
        case _:
            return ""


def _text(node: ast.expr) -> str:
    """The source of an expression; empty for one too long to write out, which is no fact."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


def _verdict(test: ast.expr, facts: Facts) -> bool | None:
    """What a condition is on the target; ``None`` when only running it would tell."""
    match test:
        case ast.BoolOp(op=op, values=values):
            verdicts = [_verdict(value, facts) for value in values]
            decisive = isinstance(op, ast.Or)
            if decisive in verdicts:
                return decisive
            return None if None in verdicts else not decisive
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            verdict = _verdict(operand, facts)
            return None if verdict is None else not verdict
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _compare(left, type(op), right, facts)
        case ast.Call(func=ast.Attribute(attr="startswith", value=value), args=[wanted]):
            known = facts.get(_text(value))
            return _starts(known, wanted) if isinstance(known, str) else None
        case _:
            known = facts.get(_text(test))
            return known if isinstance(known, bool) else None


def _starts(known: str, wanted: ast.expr) -> bool | None:
    try:
        return known.startswith(ast.literal_eval(wanted))
    except (TypeError, ValueError):
        return None


def _compare(left: ast.expr, op: type[ast.cmpop], right: ast.expr, facts: Facts) -> bool | None:
    try:
        return bool(_COMPARISONS[op](_value(left, facts), _value(right, facts)))
    except (LookupError, TypeError, ValueError):
        return None


def _value(node: ast.expr, facts: Facts) -> Any:
    """:raises LookupError: when it is neither known nor constant."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=int(index))):
            return _value(value, facts)[index]
        case ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=ast.Constant(value=end))):
            return _value(value, facts)[:end]
        case ast.Constant() | ast.Tuple() | ast.List() | ast.Set():
            return ast.literal_eval(node)
        case _:
            return facts[_text(node)]


def main() -> None:
    """Answer the request on standard input: ``{"facts": {...}, "files": [[path, package], ...]}``.

    One list a file, ``[[line, module, names], ...]``, or ``null`` for a file that is no Python.
    """
    request = json.load(sys.stdin)
    facts = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in request["facts"].items()
    }
    json.dump([_answer(path, package, facts) for path, package in request["files"]], sys.stdout)


def _answer(path: str, package: str, facts: Facts) -> list[list[object]] | None:
    with open(path, "rb") as stream:
        source = stream.read()
    try:
        compile(source, path, "exec", dont_inherit=True)  # more than parsing: a stray return
        return [[i.line, i.module, i.names] for i in imports_of(source, package, facts)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # MemoryError: nested too deep for the parser


if __name__ == "__main__":
    main()
