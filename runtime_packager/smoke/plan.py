"""What to import, and which of it in one interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

GROUP_SIZE = 25
"""Modules of requirements one interpreter imports before another is worth its start: fewer are done
sooner together, for most packages import the same ones."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to try.

    :param module: dotted name; for a source that is only compiled its tree path.
    :param names: what ``from module import ...`` takes from it: attributes or submodules.
    :param wanted_by: who imports or brings it: ``main.py:12``, or ``numpy 2.3.4``.
    :param compiled: compile the source at the tree path ``module``, import nothing.
    """

    module: str
    names: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()
    compiled: bool = False


def app_probes(paths: Iterable[str], root: str, entry: str = "") -> list[Probe]:
    """A probe for each source of the app that can be imported.

    The script that starts the app, and every ``__main__``, would run when imported: they are
    compiled. A name that no ``import`` statement can spell belongs to a template or a tool.

    :param paths: of the app's files, in the tree.
    :param root: the directory of the tree whose modules the app imports.
    :param entry: tree path of the script that starts the app, empty when there is none.
    """
    found = []
    for path in sorted(paths):
        if not path.endswith(".py"):
            continue
        if path == entry or PurePosixPath(path).name == "__main__.py":
            found.append(Probe(path, compiled=True))
        elif path.startswith(f"{root}/"):
            parts = path.removeprefix(f"{root}/").removesuffix(".py").split("/")
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if parts and all(part.isidentifier() for part in parts):
                found.append(Probe(".".join(parts)))
    return found


def in_groups(
    app: Sequence[Probe], requirements: Sequence[Probe], workers: int
) -> list[tuple[Probe, ...]]:
    """Probes that share an interpreter each; every module appears once, with all that want it.

    The app's modules stay together, as they will be when it runs.

    :param workers: interpreters that may run side by side.
    """
    app, requirements = _once([*app]), _once([*requirements])
    taken = {probe.module for probe in app}
    rest = [probe for probe in requirements if probe.module not in taken]
    if len(rest) <= GROUP_SIZE or workers == 1:
        return [(*app, *rest)] if app or rest else []
    count = min(max(workers - 1, 1), -(-len(rest) // GROUP_SIZE))
    size = -(-len(rest) // count)
    chunks = [tuple(rest[start : start + size]) for start in range(0, len(rest), size)]
    return [tuple(app), *chunks] if app else chunks


def _once(probes: Sequence[Probe]) -> list[Probe]:
    found: dict[tuple[str, bool], Probe] = {}
    for probe in probes:
        key = (probe.module, probe.compiled)
        known = found.get(key, Probe(probe.module, compiled=probe.compiled))
        found[key] = Probe(
            probe.module,
            tuple(dict.fromkeys([*known.names, *probe.names])),
            tuple(dict.fromkeys([*known.wanted_by, *probe.wanted_by])),
            probe.compiled,
        )
    return list(found.values())
