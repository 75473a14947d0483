"""What the benchmarks share: projects, children, medians of runs in turn, docs/benchmarks.md."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import tomli_w

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs/benchmarks.md"
CACHE = Path(os.environ.get("RUNTIME_PACKAGER_CACHE") or ROOT / "cache")
RUNS = 5
PATIENCE = 60.0
"""Seconds a service may take to answer before the benchmark gives up."""


def make_project(project: Path, app: Path, **settings: object) -> None:
    """A project in ``project`` that packs ``app`` with the repository's sources and cache."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["runtime-packager"]
    for key in ("requirements", "exclude", "data", "windows"):
        table.pop(key, None)
    table |= {"app": str(app), "output": "dist", "cache": str(CACHE)}
    table |= {"pins": str(ROOT / "manifests/interpreters.json")} | settings
    document = {"tool": {"runtime-packager": table}}
    (project / "pyproject.toml").write_text(tomli_w.dumps(document))


def link_wheels(project: Path, wheels: Path) -> None:
    """The locked wheels as installers want them: in one folder, under their names."""
    wheels.mkdir()
    for lock in (project / "manifests/locks").glob("pylock.*.toml"):
        for package in tomllib.loads(lock.read_text())["packages"]:
            (wheel,) = package["wheels"]
            digest = wheel["hashes"]["sha256"]
            os.link(CACHE / "blobs" / digest[:2] / digest, wheels / Path(wheel["path"]).name)


def run(command: Sequence[object], **options: object) -> str:
    """Standard output of a command that has to succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{(done.stdout + done.stderr)[-2000:]}")
    return str(done.stdout)


_WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak(command: Sequence[object]) -> int:
    """The largest resident set of a command or one of its children, in bytes.

    A small process starts it: until a child's program is loaded it counts as large as its parent.
    """
    return int(run([sys.executable, "-I", "-S", "-c", _WATCH, *command])) * 1024


SAMPLE = 0.02
"""Seconds between two looks at what a command and its children hold."""


def together(command: Sequence[object]) -> int:
    """The most a command and all its children had at one time, in bytes, by Linux' /proc.

    Looked at every :data:`SAMPLE` seconds, so a peak in between is missed. What processes share is
    counted once (proportional set size); files they map count as far as they were read.
    """
    words, most = [str(word) for word in command], 0
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet, process_group=0) as process:
        while process.poll() is None:
            most = max(most, sum(map(_proportional, _family(process.pid))))
            time.sleep(SAMPLE)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return most


def _family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _proportional(pid: int) -> int:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        if match := re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE):
            return int(match[1]) * 1024
    return 0


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(
    work: Mapping[str, Callable[[], object]], runs: int = RUNS, warm: int = 1
) -> dict[str, float]:
    """The median seconds of each, one run of every kind after the other.

    A job that returns a float has measured itself; else its whole call is.

    :param warm: rounds before those that count.
    """
    found: dict[str, list[float]] = {name: [] for name in work}
    for number in range(runs + warm):
        for name, job in work.items():
            began = time.perf_counter()
            own = job()
            value = own if isinstance(own, float) else time.perf_counter() - began
            if number >= warm:
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def ready(command: Sequence[object], path: str = "/api/health", **options: object) -> float:
    """Seconds from starting a service (``{port}`` in its words) to its answer; it is then ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(word).replace("{port}", str(port)) for word in command]
    began = time.perf_counter()
    with subprocess.Popen(words, **options) as process:  # type: ignore[call-overload]
        try:
            answer(process, f"http://127.0.0.1:{port}{path}", began + PATIENCE)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()


def answer(process: subprocess.Popen[bytes], url: str, until: float) -> None:
    """Wait until ``url`` answers 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=PATIENCE):
                return
        except OSError:
            if process.poll() is not None or time.perf_counter() > until:
                raise SystemExit(f"{process.args} does not answer") from None
            time.sleep(0.002)


def size_of(root: Path) -> tuple[int, int]:
    """Bytes and number of the files below ``root``, or of the file itself."""
    if root.is_file():
        return root.stat().st_size, 1
    found = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in found), len(found)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def record(section: str, text: str) -> None:
    """Print ``text`` and put it between the marks of ``section`` in docs/benchmarks.md."""
    print(f"\n{text}\n", flush=True)
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    known = DOCS.read_text(encoding="utf-8")
    new, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{text}\n{end}",
        known,
        flags=re.DOTALL,
    )
    if count != 1:
        raise SystemExit(f"{DOCS} has no place for {section}")
    DOCS.write_text(new, encoding="utf-8")
