"""One tree for both kinds of Mac, made from the two.

A file that is the same in both, or in one alone, stands once. Two Mach-O files become one universal
file. What a wheel says about itself is put together; a few files that only describe a build are
arm64's. Two files that differ otherwise are an error: which of them would run could not be told.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import posixpath
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

from runtime_packager.binaries import extract, is_macho, slices, write_fat
from runtime_packager.entries import DAMAGED, Entry, FileEntry, Layer, dump_table, load_table
from runtime_packager.errors import BuildError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import remove_tree, sha256_file
from runtime_packager.io.progress import Progress
from runtime_packager.io.store import intact, require_undamaged, seal, store_texts
from runtime_packager.planning import EXPLAINS, Plan
from runtime_packager.tree import UNTRACED, merge
from runtime_packager.wheels import InstalledWheel

FORMAT = 1
"""Part of every key: raise it when the same files would be put together differently."""

FOLDER = "universal"

DESCRIBES_A_BUILD = (
    "*/_sysconfigdata_*.py", "*/__config__.py", "*.dist-info/*", f"*/{EXPLAINS}.py",
    f"*/{UNTRACED}.py",
)  # fmt: skip
"""Files that may differ, because no program's work depends on them: the interpreter's build
configuration, numpy's and scipy's, metadata, and what says which modules were trimmed."""


def combine(
    x64: Plan, arm64: Plan, arm64_wins: Sequence[str], cache: Cache, progress: Progress
) -> Plan:
    """The universal tree of two plans, one for each kind of Mac.

    :param arm64_wins: patterns of further paths that may differ; the tree gets arm64's.
    :raises BuildError: naming every requirement whose versions differ, or every file that differs
        and cannot be put together.
    """
    _require_same_versions(x64.wheels, arm64.wheels)
    pairs = _Pairs.of(x64.entries, arm64.entries, (*DESCRIBES_A_BUILD, *arm64_wins))
    if pairs.problems:
        raise BuildError(
            f"{len(pairs.problems)} files differ between mac-x64 and mac-arm64 and cannot be one",
            "list them under checks.universal-arm64 to ship arm64's, or ship the two Macs apart",
            details=pairs.problems,
        )
    fat = _universal_files(pairs.programs, cache, progress)
    entries = {entry.path: entry for entry in (*pairs.settled, *fat)}
    require_undamaged(cache, chain.from_iterable(pairs.metadata))
    entries |= {e.path: e for e in store_texts(cache, _metadata(pairs.metadata, entries))}
    notices = [
        *dict.fromkeys((*x64.notices, *arm64.notices)),
        *(f"{path}: the two Macs differ, the tree has arm64's" for path in pairs.chosen),
        *(f"{path}: for one kind of Mac alone" for path in pairs.alone),
        *_only_in("mac-x64", x64.wheels, arm64.wheels),
        *_only_in("mac-arm64", arm64.wheels, x64.wheels),
    ]
    return replace(
        arm64,
        layers=(),
        whole=(),
        entries=tuple(_merged(entries.values(), arm64)),
        uncompiled=tuple(sorted({*x64.uncompiled, *arm64.uncompiled})),
        notices=tuple(notices),
    )


def _merged(entries: Iterable[Entry], arm64: Plan) -> list[Entry]:
    """By path; refused where what one tree alone has collides with the other by case alone."""
    theirs = {entry.path for entry in arm64.entries}
    layers: dict[str, list[Entry]] = {"mac-x64": [], "mac-arm64": []}
    for entry in entries:
        layers["mac-arm64" if entry.path in theirs else "mac-x64"].append(entry)
    return merge([Layer(origin, tuple(found)) for origin, found in layers.items()])


def _only_in(
    name: str, wheels: Sequence[InstalledWheel], others: Sequence[InstalledWheel]
) -> list[str]:
    known = {wheel.name for wheel in others}
    return [
        f"{wheel.name} {wheel.version}: required on {name} alone, and in the tree for both"
        for wheel in wheels
        if wheel.name not in known
    ]


def _require_same_versions(x64: Sequence[InstalledWheel], arm64: Sequence[InstalledWheel]) -> None:
    versions = {wheel.name: wheel.version for wheel in x64}
    problems = [
        f"{wheel.name}: {versions[wheel.name]} on mac-x64, {wheel.version} on mac-arm64"
        for wheel in arm64
        if versions.get(wheel.name, wheel.version) != wheel.version
    ]
    if problems:
        raise BuildError(
            f"{len(problems)} requirements have another version on each kind of Mac",
            "pin one that both have, or ship the two Macs apart",
            details=problems,
        )


@dataclass(slots=True)
class _Pairs:
    """What becomes of each path.

    :param settled: entries that the tree takes as they are.
    :param programs: pairs, x64's first, that become one universal file.
    :param metadata: pairs of RECORD and WHEEL files.
    :param chosen: paths of which arm64's is taken though the other differs, metadata left out.
    :param alone: paths of programs that only one tree has.
    """

    settled: list[Entry]
    programs: list[tuple[FileEntry, FileEntry]]
    metadata: list[tuple[FileEntry, FileEntry]]
    chosen: list[str]
    alone: list[str]
    problems: list[str]

    @classmethod
    def of(cls, x64: Sequence[Entry], arm64: Sequence[Entry], arm64_wins: Sequence[str]) -> _Pairs:
        pairs = cls([], [], [], [], [], [])
        others = {entry.path: entry for entry in arm64}
        for one in x64:
            pairs._sort(one, others.pop(one.path, None), arm64_wins)
        for other in others.values():
            pairs._sort(other, None, arm64_wins)
        return pairs

    def _sort(self, one: Entry, other: Entry | None, arm64_wins: Sequence[str]) -> None:
        if other is None:
            self.settled.append(one)
            if isinstance(one, FileEntry) and is_macho(_head(one)):
                self.alone.append(one.path)
        elif not isinstance(one, FileEntry) or not isinstance(other, FileEntry):
            self.settled.append(other)
            if one != other:
                self.problems.append(f"{one.path}: a link in one, something else in the other")
        elif one.sha256 == other.sha256:
            self.settled.append(replace(other, executable=one.executable or other.executable))
        elif one.path.endswith((".dist-info/RECORD", ".dist-info/WHEEL")):
            self.metadata.append((one, other))
        elif any(fnmatchcase(_source_of(one.path), pattern) for pattern in arm64_wins):
            self.settled.append(other)
            if _source_of(one.path) == one.path and ".dist-info/" not in one.path:
                self.chosen.append(one.path)
        elif is_macho(_head(one)) and is_macho(_head(other)):
            self.programs.append((one, other))
        else:
            self.problems.append(one.path)


def _head(entry: FileEntry) -> bytes:
    with entry.source.open("rb", buffering=0) as stream:
        return stream.read(64)


def _source_of(path: str) -> str:
    """The source that a bytecode file is of; any other path as it is (PEP 3147)."""
    folder, _, name = path.rpartition("/")
    if not folder.endswith("/__pycache__"):
        return path
    return f"{folder.removesuffix('/__pycache__')}/{name.partition('.')[0]}.py"


def _universal_files(
    pairs: Sequence[tuple[FileEntry, FileEntry]], cache: Cache, progress: Progress
) -> tuple[Entry, ...]:
    """Universal files for ``pairs``, made once for the same pairs."""
    facts = [FORMAT, [[one.path, one.sha256, other.sha256] for one, other in pairs]]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    home = cache.directory(FOLDER, key)
    with cache.locked(f"{FOLDER}-{key[:16]}", progress):
        if (found := _stored(home)) is not None:
            return found
        remove_tree(home)
        with (
            cache.building(FOLDER, key) as staging,
            progress.task("making universal files", total=len(pairs), unit="files") as task,
        ):
            made, problems = [], []
            for one, other in pairs:
                require_undamaged(cache, (one, other))
                try:
                    made.append(_universal_file(one, other, staging / "tree"))
                except BuildError as error:
                    problems.append(f"{one.path}: {error.message}")
                task.advance(1)
            if problems:
                raise BuildError(
                    f"{len(problems)} programs cannot be joined to universal ones",
                    "list them under checks.universal-arm64 to ship arm64's",
                    details=problems,
                )
            (staging / "table.json").write_bytes(dump_table(made))
    return load_table((home / "table.json").read_bytes(), home / "tree")


def _stored(home: Path) -> tuple[Entry, ...] | None:
    try:
        found = load_table((home / "table.json").read_bytes(), home / "tree")
    except DAMAGED:
        return None
    return found if intact(found) else None


def _universal_file(one: FileEntry, other: FileEntry, tree: Path) -> FileEntry:
    place = tree / one.path
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as scratch:
        x64 = _thin(one.source, "x86_64", Path(scratch))
        write_fat([x64, _thin(other.source, "aarch64", Path(scratch))], place)
    executable = one.executable or other.executable
    seal(place, executable)
    return FileEntry(one.path, place.stat().st_size, sha256_file(place), executable, place)


def _thin(file: Path, architecture: str, scratch: Path) -> Path:
    """The part of ``file`` for one processor: mostly the file itself, which may be large.

    Some wheels for one processor hold files for both; theirs is taken out.
    """
    (first, *others) = slices(file)
    if first.architecture == architecture and first.offset == 0 and not others:
        return file
    thin = scratch / architecture
    thin.write_bytes(extract(file, architecture))
    return thin


def _metadata(
    pairs: Sequence[tuple[FileEntry, FileEntry]], entries: Mapping[str, Entry]
) -> dict[str, bytes]:
    """What the merged WHEEL and RECORD files say, by path; RECORDs last, they list the others."""
    written: dict[str, bytes] = {}
    for one, other in sorted(pairs, key=lambda pair: pair[0].path.endswith("/RECORD")):
        texts = [entry.source.read_text(encoding="utf-8") for entry in (one, other)]
        if one.path.endswith("/WHEEL"):
            written[one.path] = _merged_wheel(*texts).encode()
        else:
            written[one.path] = _merged_record(one.path, texts, entries, written).encode()
    return written


def _merged_wheel(x64: str, arm64: str) -> str:
    """arm64's WHEEL with the tags of both."""
    lines = arm64.splitlines()
    tags = [line for line in x64.splitlines() if line.startswith("Tag:") and line not in lines]
    last = max((n for n, line in enumerate(lines) if line.startswith("Tag:")), default=-1)
    return "\n".join([*lines[: last + 1], *tags, *lines[last + 1 :]]) + "\n"


def _merged_record(
    path: str,
    texts: Sequence[str],
    entries: Mapping[str, Entry],
    written: Mapping[str, bytes],
) -> str:
    """A RECORD of what the universal tree has; rows of files that were trimmed stay as they are."""
    site = path.rpartition("/")[0].rpartition("/")[0]
    rows = {row[0]: row for text in texts for row in csv.reader(text.splitlines()) if row}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for name in sorted(rows):
        place = posixpath.normpath(f"{site}/{name}")
        found = entries.get(place)
        if place in written:
            digest = hashlib.sha256(written[place]).digest()
            writer.writerow([name, _hash(digest), len(written[place])])
        elif isinstance(found, FileEntry) and rows[name][1]:
            writer.writerow([name, _hash(bytes.fromhex(found.sha256)), found.size])
        else:
            writer.writerow(rows[name])
    return out.getvalue()


def _hash(digest: bytes) -> str:
    """As RECORD spells it (the binary distribution format's "RECORD": urlsafe, unpadded)."""
    return f"sha256={urlsafe_b64encode(digest).rstrip(b'=').decode()}"
