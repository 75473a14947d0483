"""Which programs have a digest without their code signature, and what it costs to take.

    python benchmarks/signable.py DIRECTORY-OR-WHEEL...

Programs that have none are named with the reason: they would have to keep their exact bytes.
"""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runtime_packager.manifest.codesign import Bare, OddError, bare_file, is_signable


def main(places: list[str]) -> None:
    counts: Counter[str] = Counter()
    read, seconds = 0, 0.0
    for name, data in (program for place in places for program in programs(Path(place))):
        began = time.perf_counter()
        found = judged(data)
        seconds += time.perf_counter() - began
        read += len(data)
        if isinstance(found, Bare):
            counts["signed" if found.signed else "not signed"] += 1
        else:
            counts["none"] += 1
            print(f"{name}: {found}")
    listed = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    print(f"{counts.total()} programs: {listed}; {read / 1e6:.0f} MB in {seconds:.2f} s")


def programs(place: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of all that looks like a program for Windows or macOS."""
    for name, data in members(place) if place.is_file() else files(place):
        if is_signable(data[:4]) and not data.startswith(b"\xca\xfe\xba\xbe\0\0\0\x34"):
            yield name, data


def members(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            yield f"{wheel.name}: {name}", archive.read(name)


def files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.endswith((".py", ".pyc")):
            yield str(path), path.read_bytes()


def judged(data: bytes) -> Bare | OddError:
    try:
        return bare_file(io.BytesIO(data))
    except OddError as error:
        return error


if __name__ == "__main__":
    main(sys.argv[1:])
