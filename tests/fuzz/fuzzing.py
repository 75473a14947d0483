"""Seeded mutation: what is kept in ``corpus`` is bent and broken, and fed to one of our readers.

``RUNTIME_PACKAGER_FUZZ_SECONDS`` is how long all campaigns together may take (6 by default),
``RUNTIME_PACKAGER_FUZZ_SEED`` repeats a run: the seed is printed at its end. Every input kept in
the corpus is tried as it is first, so what was found once stays found.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime_packager.errors import PackagerError

CORPUS = Path(__file__).parent / "corpus"
SEED = int(os.environ.get("RUNTIME_PACKAGER_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
SECONDS = float(os.environ.get("RUNTIME_PACKAGER_FUZZ_SECONDS") or 6)
CAMPAIGNS = 10
"""How many share the time."""

HANG = 20
"""Seconds after which one small input counts as a hang; the slowest takes a tenth of one."""
GROWTH = 400 * 1024
"""Kilobytes by which a campaign may raise our peak of memory."""
SIZE = 200_000
"""Bytes a mutated input may have."""

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

Check = Callable[[bytes], None]
"""Reads an input; raises a :class:`PackagerError` to refuse it, anything else is a find."""


@dataclass
class Report:
    """What a campaign did."""

    name: str
    inputs: int = 0
    refused: int = 0
    kinds: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        kinds = ", ".join(sorted(self.kinds)) or "nothing"
        return f"{self.name}: {self.inputs} inputs, {self.refused} refused ({kinds})"


REPORTS: list[Report] = []


def corpus(name: str) -> list[bytes]:
    """The inputs kept for a campaign, sorted by their names."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def campaign(
    name: str, check: Check, tokens: Sequence[bytes], folder: Path, more: Sequence[bytes] = ()
) -> Report:
    """Try the corpus of ``name`` and ``more`` as they are, then mutations for our share of time.

    :param tokens: words of the format, put in here and there.
    :param folder: where an input that is a find is left.
    """
    report, seeds = Report(name), [*corpus(name), *more]
    REPORTS.append(report)
    rng, end = random.Random(f"{SEED}/{name}"), time.monotonic() + SECONDS / CAMPAIGNS
    peak = _peak()
    for data in seeds:
        _try(data, check, folder, report)
    while time.monotonic() < end or report.inputs < len(seeds) + 30:
        _try(mutated(rng, seeds, tokens), check, folder, report)
    assert _peak() - peak < GROWTH, f"{name}: memory grew to {_peak()} kB (seed {SEED})"
    return report


def _try(data: bytes, check: Check, folder: Path, report: Report) -> None:
    report.inputs += 1
    try:
        with _hang_is_a_find():
            check(data)
    except PackagerError as error:
        report.refused += 1
        report.kinds.add(error.kind)
        str(error).encode()
    except (Exception, SystemExit) as error:
        find = folder / f"find-{report.name}-{report.inputs}"
        find.write_bytes(data)
        pytest.fail(
            f"{report.name}, seed {SEED}, input {report.inputs}: {type(error).__name__}: {error}; "
            f"it lies in {find}: put it into tests/fuzz/corpus/{report.name}"
        )


@contextmanager
def _hang_is_a_find() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        yield
        return

    def alarm(*_: object) -> None:
        raise TimeoutError(f"no verdict after {HANG} s")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _peak() -> int:
    """Kilobytes of memory we had at most; 0 where nobody says."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def mutated(rng: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """One of the seeds after one to six changes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        _change(rng, data, seeds, tokens)
    return bytes(data[:SIZE])


def _change(
    rng: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]
) -> None:
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 2, 4, 8, 64, 512)))
    match rng.randrange(10):
        case 0 if data:
            data[at - 1] ^= 1 << rng.randrange(8)
        case 1 if data:
            data[at - 1] = rng.randrange(256)
        case 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        case 3:
            del data[at:to]
        case 4:
            data[at:at] = data[at:to] * rng.choice((1, 2, 3, 100))
        case 5:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at:to] = other[start : start + rng.randrange(1, 600)]
        case 6:
            del data[at:]
        case 7:
            form = rng.choice(("<H", "<L", ">L", "<Q"))
            number = struct.pack(
                form, rng.choice(_NUMBERS) & 0xFFFF if form == "<H" else rng.choice(_NUMBERS)
            )
            data[at : at + len(number)] = number
        case 8:
            data[at:to] = rng.choice(tokens)
        case _:
            data[at:at] = rng.choice(tokens)
