"""Whether a tree's native files will load on a target that this host cannot run.

Pure: it looks at facts and names. The rules, each of which gives a sentence:

- the format is the target's system's, and the file can be read at all;
- the architectures are the target's, all of them for a universal one;
- glibc on glibc, musl on musl, macOS rather than another of Apple's systems;
- the floor it states is not above the target's;
- code for Apple's processor carries a signature, or the kernel kills it;
- every library it cannot do without is in the tree or on the target's list;
- no library is looked for outside the tree.

The last four are not asked of the files in :data:`~runtime_packager.binaries.allowed.OPTIONAL`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from runtime_packager.binaries.allowed import is_optional, is_system_library
from runtime_packager.binaries.facts import Binary, Format, Slice
from runtime_packager.binaries.finding import Names, bad_rpaths, in_tree, libpython, system_of
from runtime_packager.platforms import Os, Target, find_target

_FORMATS: dict[Os, Format] = {"linux": "ELF", "win": "PE", "mac": "Mach-O"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a file of the tree will not load.

    :param message: a sentence that names the file, expected and actual.
    """

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a tree is measured against.

    :param floors: by architecture, (major, minor).
    :param extra: libraries that the configuration says the system has.
    """

    target: Target
    names: Names
    floors: Mapping[str, tuple[int, int]]
    extra: Collection[str]


def judge(
    binaries: Sequence[Binary],
    names: Collection[str],
    target: Target,
    *,
    system_libraries: Collection[str] = (),
    accepted: Sequence[str] = (),
    floors: Mapping[str, tuple[int, int]] | None = None,
) -> list[Problem]:
    """All that is wrong, by path.

    :param names: every path of the tree, links too.
    :param system_libraries: names or shell patterns of libraries that the system has beyond
        :mod:`~runtime_packager.binaries.allowed`.
    :param accepted: shell patterns of tree paths that are not judged: data for another system.
    :param floors: by architecture, where they differ; else the target's own, and for a universal
        target its parts'.
    """
    rules = Rules(
        target,
        Names.of(names, binaries, windows=target.is_windows),
        {**_floors(target), **(floors or {})},
        system_libraries,
    )
    judged = [b for b in binaries if not any(fnmatchcase(b.path, p) for p in accepted)]
    return [
        Problem(binary.path, f"{binary.path} {sentence}")
        for binary in sorted(judged, key=lambda binary: binary.path)
        for sentence in dict.fromkeys(_sentences(binary, rules))
    ]


def _floors(target: Target) -> dict[str, tuple[int, int]]:
    singles = [find_target(part) for part in target.parts] or [target]
    return {single.architectures[0]: single.floor for single in singles}


def _sentences(binary: Binary, rules: Rules) -> Iterator[str]:
    expected = _FORMATS[rules.target.os]
    if binary.format != expected:
        yield (
            f"is made for {system_of(binary.format)} ({binary.format}), "
            f"but {rules.target.name} needs {expected}"
        )
        return
    if binary.problem:
        yield f"is damaged: {binary.problem}"
        return
    wanted = rules.target.architectures
    present = {part.architecture: part for part in binary.slices}
    if any(architecture not in present for architecture in wanted):
        yield (
            f"is made for {' and '.join(present)}, "
            f"but {rules.target.name} needs {' and '.join(wanted)}"
        )
    for architecture in wanted:
        if architecture in present:
            yield from _slice_sentences(binary, present[architecture], rules)


def _slice_sentences(binary: Binary, part: Slice, rules: Rules) -> Iterator[str]:
    yield from _libc(part, rules.target)
    if is_optional(binary.path) or _wrong_libc(part, rules.target):
        return
    yield from _floor(part, rules)
    if binary.format == "Mach-O" and part.architecture == "aarch64" and not part.signed:
        yield "has no signature, not even an ad-hoc one: arm64 Macs kill what loads it"
    if outside := bad_rpaths(binary, part, rules.names):
        places = ", ".join(rpath or "the working directory" for rpath in outside)
        yield f"looks for libraries outside the tree, in {places}"
    yield from _missing(binary, part, rules)


def _wrong_libc(part: Slice, target: Target) -> bool:
    own = "musl" if target.musl else "glibc"
    return target.os == "linux" and part.libc not in (None, own)


def _libc(part: Slice, target: Target) -> Iterator[str]:
    if _wrong_libc(part, target):
        own = "musl" if target.musl else "glibc"
        yield f"is linked against {part.libc}, but {target.name} has {own}"


def _floor(part: Slice, rules: Rules) -> Iterator[str]:
    if part.floor is None:
        return
    kind, needed = part.floor
    if rules.target.os == "mac" and kind != "macos":
        yield f"is made for {kind}, but {rules.target.name} needs macos"
        return
    floor = rules.floors[part.architecture]
    if needed > floor:
        stated = f"{kind} {needed[0]}.{needed[1]}"
        yield (
            f"needs {stated} ({part.floor_by}), "
            f"but {rules.target.name} is to run from {kind} {floor[0]}.{floor[1]} on"
        )


def _missing(binary: Binary, part: Slice, rules: Rules) -> Iterator[str]:
    for name in part.needed:
        if is_system_library(name, rules.target, rules.extra):
            continue
        if in_tree(name, binary, part, rules.names):
            continue
        hint = ": libpython is left out by the trim rule libpython" if libpython(name) else ""
        yield (
            f"needs {name}, which is neither in the tree nor part of {rules.target.name}'s system"
            f"{hint}"
        )
