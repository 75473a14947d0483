"""The backend under load: fifty clients while a run trains; start, memory and first use.

    python benchmarks/backend.py

Runs on the assembled full runtime, or on the Python that PEFT_STUDIO_TEST_PYTHON names.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, RUNS, record, table

sys.path.insert(0, str(ROOT / "tests/backend"))

import tiny
from crowd import CLIENTS, visit
from engine import Engine, Program, find_program, running

ROUNDS = 20
LONG = {"max_steps": 100_000, "batch_size": 4}


def main() -> None:
    program = find_program()
    if isinstance(program, str):
        raise SystemExit(program)
    with tempfile.TemporaryDirectory() as folder:
        starts = [start(program, Path(folder), number) for number in range(RUNS)]
    with tempfile.TemporaryDirectory() as folder, running(program, Path(folder)) as engine:
        record("backend-load", load(engine))
        record("backend-start", table(HEADS, [*first_use(engine), *times(starts)]))


HEADS = ("", "figure")


def start(program: Program, root: Path, number: int) -> tuple[float, float]:
    """Seconds until health answers, and the idle service's memory in MB."""
    place = root / str(number)
    place.mkdir()
    began = time.perf_counter()
    with running(program, place) as engine:
        engine.client.get("/health").raise_for_status()
        return time.perf_counter() - began, memory(engine)


def times(starts: list[tuple[float, float]]) -> list[tuple[str, str]]:
    return [
        ("from start to the answer of health", f"{statistics.median(t for t, _ in starts):.2f} s"),
        ("memory of the idle service", f"{statistics.median(m for _, m in starts):.0f} MB"),
    ]


def load(engine: Engine) -> str:
    """What the clients of the cheap endpoints see, without and with a run that trains."""
    visit(engine.ready["port"], engine.token, 1)  # the database is opened, packages are found
    rows = [row("nothing else", visit(engine.ready["port"], engine.token, ROUNDS))]
    tiny.make_model(engine.data / "models/tiny")
    run = begin(engine, LONG)
    engine.until(run, lambda event: event["type"] == "progress")
    rows.append(row("a run trains", visit(engine.ready["port"], engine.token, ROUNDS)))
    engine.client.post(f"/runs/{run}/cancel").raise_for_status()
    heads = (f"{CLIENTS} clients, and", "requests", "a second", "p50, ms", "p99, ms", "max, ms")
    return table((*heads, "errors"), rows)


def row(name: str, crowd) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    took = sorted(one * 1000 for times in crowd.seconds.values() for one in times)
    # Every client always has one request under way.
    rate = CLIENTS * 1000 / statistics.mean(took)
    figures = (statistics.median(took), took[int(len(took) * 0.99)], took[-1])
    shown = [f"{figure:.0f}" for figure in (rate, *figures)]
    return name, f"{len(took):,}", *shown, str(len(crowd.errors))


def begin(engine: Engine, training: dict[str, object]) -> str:
    named = {"name": "tiny", "format": "jsonl"}
    data = engine.client.post("/datasets", params=named, content=tiny.jsonl(tiny.texts())).json()
    body = {"model": "local:tiny", "method": "lora", "dataset": data["id"], "training": training}
    return str(engine.client.post("/runs", json=body).json()["id"])


def first_use(engine: Engine) -> list[tuple[str, str]]:
    """Seconds of the first text and the next, and of a whole short run, libraries loaded anew."""
    wish = {"model": "local:tiny", "prompt": "the early", "max_new_tokens": 16, "seed": 1}

    def write() -> float:
        began = time.perf_counter()
        engine.client.post("/generate", json=wish).raise_for_status()
        return time.perf_counter() - began

    first, second = write(), write()
    began = time.perf_counter()
    engine.settled(begin(engine, {"max_steps": 12, "batch_size": 4}))
    run = time.perf_counter() - began
    return [
        ("first text: a child, torch, transformers, the model", f"{first:.1f} s"),
        ("the next text", f"{second * 1000:.0f} ms"),
        ("a run of 12 steps, from request to adapter", f"{run:.1f} s"),
    ]


def memory(engine: Engine) -> float:
    status = Path(f"/proc/{engine.ready['pid']}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
