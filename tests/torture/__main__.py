"""``make torture``: every point and fault; prints what it counted. Takes an hour, or ``--sample``.

python tests/torture [--seed N] [--sample N]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

from torture.harness import FAULTS, SCENES, WARM, Torture  # noqa: E402

from runtime_packager.errors import IntegrityError  # noqa: E402
from runtime_packager.io.cache import Cache  # noqa: E402

KILLS = 300


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--sample", type=int, default=0, help="faults of each kind and scene")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--go-on", action="store_true", help="count what fails and go on")
    options = parser.parse_args()
    cache = os.environ.get("RUNTIME_PACKAGER_CACHE", HERE.parents[1] / "cache")
    torture = Torture.begin(Path(tempfile.mkdtemp()) / "work", Cache(Path(cache)))
    bad = 0
    for number, (what, *words) in enumerate(rounds(torture, options)):
        try:
            getattr(torture, what)(*words)
        except (AssertionError, IntegrityError) as error:
            bad += 1
            print(f"{what} {words[0].name} {words[1:]}: {error}", flush=True)
            if not options.go_on:
                raise
            torture.next_app()
            torture.again(WARM)
        if number % 100 == 99:
            print(f"{number + 1} rounds", dict(torture.counts), f"bad {bad}", flush=True)
    for what, count in sorted(torture.counts.items()):
        print(f"{count:7} {what}")
    print(f"{bad:7} lost or half-made outputs, tracebacks, runs that could not be repeated")
    torture.end()
    sys.exit(bool(bad))


def rounds(torture: Torture, options: argparse.Namespace) -> list[tuple]:
    """The rounds: kills at seeded points, faults at every call or a seeded sample of them."""
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    found: list[tuple] = []
    for scene in SCENES:
        calls = torture.calls(scene)
        reads = torture.calls(scene, reads=True)
        print(f"{scene.name}: {calls} calls, {reads} reads", flush=True)
        kills = options.kills // len(SCENES)
        found += [("kill", scene, chance.randint(1, calls)) for _ in range(kills)]
        found += [("short", scene, 1), ("power_cut", scene)]
        for fault, (*_, reading) in FAULTS.items():
            every = range(1, (reads if reading else calls) + 1)
            most = options.sample or (len(every) if scene is WARM else 100)
            some = chance.sample(every, most) if most < len(every) else every
            found += [("fail", scene, nth, fault) for nth in some]
    chance.shuffle(found)
    return found


if __name__ == "__main__":
    main()
