"""The assembled full runtime, run through its launcher from a place that nobody can write to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from engine import BACKEND, Engine, Program, running

from runtime_packager.platforms import host_target

TREE = Path(os.environ.get("PEFT_STUDIO_TEST_TREE") or BACKEND / "dist/full" / host_target().name)

pytestmark = [
    pytest.mark.skipif(
        not TREE.is_dir(), reason=f"{TREE} is not there: make assemble PROFILE=full"
    ),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="run it as root on Linux: it mounts"
    ),
]
TRAINING = {"max_steps": 6, "batch_size": 4, "learning_rate": 0.01, "dataloader_workers": 2}


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Engine]:
    """The service of a runtime that is mounted read-only; the mount ends with it."""
    place = tmp_path / "read only ü"
    place.mkdir()
    steps = [
        'mount --bind "$1" "$2"',
        'mount -o remount,bind,ro "$2"',
        '! touch "$2/x" 2>/dev/null',
    ]
    shell = " && ".join([*steps, "shift 2", 'exec "$@"'])
    inside = ("sh", "-c", shell, "sh", str(TREE), str(place), str(place / "peft_engine"))
    program = Program(("unshare", "--mount", *inside), str(TREE / "python/bin/python3"))
    with running(program, tmp_path) as engine:
        yield engine


def begin(engine: Engine, **training: int) -> str:
    if not (engine.data / "models/tiny").exists():
        tiny.make_model(engine.data / "models/tiny")
    named = {"name": "tiny", "format": "jsonl"}
    data = engine.client.post("/datasets", params=named, content=tiny.jsonl(tiny.texts())).json()
    body = {"model": "local:tiny", "method": "lora", "dataset": data["id"]}
    started = engine.client.post("/runs", json=body | {"training": TRAINING | training})
    assert started.status_code == 202, started.text
    return str(started.json()["id"])


def names() -> list[tuple[str, int, int]]:
    """Every name of the tree, with its size and time."""
    found = ((path, path.lstat()) for path in sorted(TREE.rglob("*")))
    return [(str(path), status.st_size, status.st_mtime_ns) for path, status in found]


def test_it_trains_with_workers_and_writes_a_text(sealed: Engine) -> None:
    """That nothing is left behind, no process and no file, is the fixture's business."""
    before = names()
    run = begin(sealed)
    assert sealed.settled(run)["status"] == "completed", sealed.log()
    wish = {"run": run, "prompt": "the early", "max_new_tokens": 8, "seed": 1}
    written = sealed.client.post("/generate", json=wish)
    assert written.status_code == 200, written.text + sealed.log()
    assert written.json()["new_tokens"] > 0
    sealed.stop()
    assert names() == before


def test_a_killed_launcher_leaves_nothing(sealed: Engine) -> None:
    run = begin(sealed, max_steps=100_000)
    sealed.until(run, lambda event: event["type"] == "progress")
    assert len(sealed.processes()) >= 4  # the service, the trainer and its two workers
    sealed.kill()
    sealed.start()
    assert sealed.client.get(f"/runs/{run}").json()["status"] == "interrupted"
