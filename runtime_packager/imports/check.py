"""The static import check: every import of the app, every module of every requirement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runtime_packager.imports.modules import Kind, Modules
from runtime_packager.imports.scan import Import


@dataclass(frozen=True, slots=True)
class Missing:
    """A module that would not be found.

    :param module: its dotted name.
    :param wanted_by: who imports or promises it: ``main.py:12``, or ``numpy 2.3.4``.
    :param reason: more about it, empty when there is no more to say.
    """

    module: str
    wanted_by: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """One line."""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.module}, imported by {', '.join(self.wanted_by)}{why}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to resolve.

    :param imports: by file of the app, at its tree path, what it imports.
    :param top_level: by requirement (``numpy 2.3.4``) the modules it makes importable.
    :param optional: modules that may be missing, ``name.*`` for what is below a name.
    :param undone: modules that were left out on purpose, or whose imports were: no requirement has
        to have them, but nothing of the app may want one.
    """

    imports: Mapping[str, Sequence[Import]]
    top_level: Mapping[str, Sequence[str]]
    optional: Sequence[str] = ()
    undone: Collection[str] = frozenset()


def check_imports(
    wanted: Wanted,
    modules: Modules,
    explain: Callable[[Sequence[str]], str] = lambda paths: "",
) -> list[Missing]:
    """Every module that is wanted and not there, by name.

    :param explain: says of tree paths, any of which would be the module, why they are not there.
    """
    askers: dict[str, list[str]] = {}
    for asker, module in _asked(wanted, modules):
        askers.setdefault(module, []).append(asker)
    return [
        Missing(module, tuple(dict.fromkeys(who)), _reason(module, modules, explain))
        for module, who in sorted(askers.items())
        if not is_optional(module, wanted.optional)
    ]


def is_optional(module: str, optional: Sequence[str]) -> bool:
    """Whether a module may be missing, as :attr:`Wanted.optional` has it."""
    return any(fnmatchcase(module, pattern) for pattern in _patterns(optional))


def _patterns(optional: Sequence[str]) -> Iterator[str]:
    """A name stands for itself and all below it: what is missing takes its submodules along."""
    for name in optional:
        yield name
        if not name.endswith("*"):
            yield f"{name}.*"


def _asked(wanted: Wanted, modules: Modules) -> Iterator[tuple[str, str]]:
    """(who, module) for all that does not resolve."""
    for requirement, names in wanted.top_level.items():
        for name in names:
            if modules.find(name) is None and name not in wanted.undone:
                yield requirement, name
    for file, imports in wanted.imports.items():
        for found in imports:
            for module in _unresolved(found, modules, wanted.undone):
                yield f"{file.removeprefix('app/')}:{found.line}", module


def _unresolved(found: Import, modules: Modules, undone: Collection[str]) -> Iterator[str]:
    target = modules.find(found.module)
    below = [f"{found.module}.{name}" for name in found.names]
    if target is None or found.module in undone:
        yield found.module
    elif gone := [module for module in below if module in undone]:
        yield from gone
    elif target.kind is Kind.NAMESPACE:
        # A namespace has no attributes, so every name taken from it is a module.
        yield from (module for module in below if modules.find(module) is None)


def _reason(module: str, modules: Modules, explain: Callable[[Sequence[str]], str]) -> str:
    if foreign := modules.unloadable(module):
        return f"{foreign[0]} is no module this platform's interpreter loads"
    inside = module.replace(".", "/")
    endings = ("/__init__.py", ".py", *modules.suffixes)
    return explain([f"{root}/{inside}{end}" for root in modules.roots for end in endings])
