"""Rounds of one assembly each, spoiled at one call, and what must hold after every one of them.

All rounds work on one project, whose app says another number in each, so there is always work. The
state that one leaves is where the next begins: damage would have to survive every later round.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from torture.anvil import STATE
from torture.powercut import inodes, lost
from torture.project import interpreter, write_project

from runtime_packager.io.cache import Cache
from runtime_packager.manifest import Level, TrustedKeys, load_public, verify_tree
from runtime_packager.platforms import host_target

HERE = Path(__file__).resolve().parent
HANDLED = 4
"""The exit code that a fault of the machine has."""
HANDLED_READS = (2, HANDLED, 5)
READ_ERRORS = (os.strerror(errno.EIO), "cannot be read as it was written")
"""What is said of them; the second of what was only just written."""
"""Those of a read: of input (2), or of the tree when it is verified before it appears (5)."""

FAULTS = {
    "no room": (errno.ENOSPC, False, False),
    "no room from there on": (errno.ENOSPC, True, False),
    "disk error": (errno.EIO, False, False),
    "interrupted": (errno.EINTR, False, False),
    "disk error while reading": (errno.EIO, False, True),
}
"""What a call may fail with, whether every later one that needs room does too, and whether it is
one that reads; all others change files."""


@dataclass(frozen=True)
class Scene:
    """What an assembly finds: folders of the cache that are gone, and how files get into trees."""

    name: str
    link_mode: str
    gone: tuple[str, ...] = ()


WARM = Scene("warm cache, hard links", "hardlink")
COPIES = Scene("warm cache, copies", "copy")
COLD = Scene("cold cache", "copy", ("apps", "bytecode", "interpreters", "stripped", "texts"))
SCENES = (WARM, COPIES, COLD)


def build_shim(folder: Path) -> Path:
    """The preloaded library, compiled from shim.c."""
    shim = folder / "shim.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-O1", "-fPIC", "-shared", "-o", shim]
    subprocess.run([*command, HERE / "shim.c"], check=True, capture_output=True)
    return shim


@dataclass
class Torture:
    """A tiny project, its cache, and the process whose forks assemble it."""

    work: Path
    shim: Path
    python: str
    said: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begin(cls, work: Path, cache: Cache) -> Torture:
        """Set everything up below ``work`` and assemble once.

        :param cache: one that has, or may fetch, the project's interpreter.
        """
        work.mkdir(parents=True, exist_ok=True)
        made = cls(work, build_shim(work), interpreter(cache, work / "prefix"))
        (work / "state").write_bytes(bytes(STATE.size))
        (work / "log").touch()
        (work / "tmp").mkdir()
        made._anvil = made._start()
        made.next_app()
        status, said = made.run(WARM, "off")
        assert status == 0, said
        made.require(made.said)
        return made

    _anvil: subprocess.Popen[str] = field(init=False, repr=False)

    @property
    def output(self) -> Path:
        return self.work / "project/out" / host_target().name

    @property
    def cache(self) -> Path:
        return self.work / "cache"

    def _start(self) -> subprocess.Popen[str]:
        paths = [str(HERE.parents[1]), str(HERE.parent)]
        anvil = subprocess.Popen(
            [sys.executable, "-B", HERE / "anvil.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "LD_PRELOAD": str(self.shim),
                "TORTURE_STATE": str(self.work / "state"),
                "TORTURE_LOG": str(self.work / "log"),
                "TMPDIR": str(self.work / "tmp"),
                "TORTURE_BELOW": f"{self.cache}:{self.work / 'project'}:",
            },
        )
        assert anvil.stdout and anvil.stdout.readline() == "ready\n"
        return anvil

    def end(self) -> None:
        """End the process and remove everything."""
        self._anvil.communicate(json.dumps({"mode": "quit"}))
        shutil.rmtree(self.work)

    def next_app(self) -> None:
        """Change the app, so that the next assembly has something to do."""
        self.said += 1
        write_project(self.work / "project", self.work / "prefix", self.python, str(self.said))

    def order(
        self,
        scene: Scene,
        mode: str,
        nth: int = 0,
        error: int = 0,
        sticky: bool = False,
        reads: bool = False,
    ) -> dict:
        """Assemble once in a fork; its wait status, and the calls that were counted."""
        words = ["assemble", "--project", str(self.work / "project")]
        words += ["--offline"] if self.said > 1 else []  # the first makes the lock
        words += ["--cache-dir", str(self.cache), "--link-mode", scene.link_mode]
        order = {
            "words": words, "mode": mode, "nth": nth, "error": error, "sticky": sticky,
            "reads": reads, "said": str(self.work / "said"),
        }  # fmt: skip
        assert self._anvil.stdin and self._anvil.stdout
        self._anvil.stdin.write(f"{json.dumps(order)}\n")
        self._anvil.stdin.flush()
        return json.loads(self._anvil.stdout.readline())

    def run(self, scene: Scene, mode: str, *fault: int) -> tuple[int, str]:
        """Assemble once; the wait status and all that was printed."""
        status = self.order(scene, mode, *fault)["status"]
        return status, (self.work / "said").read_text()

    def prepare(self, scene: Scene) -> None:
        self.next_app()
        for folder in scene.gone:
            shutil.rmtree(self.cache / folder, ignore_errors=True)

    def calls(self, scene: Scene, *, reads: bool = False) -> int:
        """How many calls an assembly of this scene makes that could be spoiled."""
        self.prepare(scene)
        found = self.order(scene, "count", reads=reads)
        assert found["status"] == 0, (self.work / "said").read_text()
        self.require(self.said)
        return found["count"]

    def kill(self, scene: Scene, nth: int) -> None:
        """Kill an assembly at its nth call; what is there is whole, and running it again works."""
        self.prepare(scene)
        status, _ = self.run(scene, "kill", nth)
        assert status in (0, signal.SIGKILL), f"kill at {nth}: status {status}"
        self.counts["kill points"] += status != 0
        self.require(self.said - 1, self.said)
        self.again(scene)

    def fail(self, scene: Scene, nth: int, fault: str) -> None:
        """Let the nth call fail: an error of ours, all is whole, running it again works."""
        self.prepare(scene)
        status, said = self.run(scene, "fail", nth, *FAULTS[fault])
        where = f"{scene.name}: {fault} at call {nth}: exit {status >> 8}\n{said}"
        assert status & 0x7F == 0, where
        reads = FAULTS[fault][-1]
        assert status >> 8 in (0, *(HANDLED_READS if reads else (HANDLED,))), where
        assert "Traceback" not in said, where
        assert status == 0 or "error:" in said, where
        assert status == 0 or not reads or any(words in said for words in READ_ERRORS), where
        self.counts[f"faults: {fault}"] += 1
        self.counts["faults that went unnoticed"] += status == 0
        self.require(*([self.said] if status == 0 else [self.said - 1, self.said]))
        self.again(scene)

    def short(self, scene: Scene, nth: int) -> None:
        """From the nth call on no write takes all it is given: the result is the same."""
        self.prepare(scene)
        status, said = self.run(scene, "short", nth)
        assert status == 0, said
        self.counts["short writes"] += 1
        self.require(self.said)

    def power_cut(self, scene: Scene) -> None:
        """Nothing that got its name in an assembly would be lost by a power cut at any moment."""
        self.prepare(scene)
        (self.work / "log").write_bytes(b"")
        before = inodes(self.output)
        status, said = self.run(scene, "log")
        assert status == 0, said
        log = (self.work / "log").read_text().splitlines()
        published, problems = lost(log, self.output, before)
        assert not problems, problems
        self.counts["names given, their content synced before"] += published
        self.require(self.said)

    def again(self, scene: Scene) -> None:
        status, said = self.run(scene, "off")
        assert status == 0, said
        self.require(self.said)
        beside = {path.name for path in self.output.parent.iterdir()}
        assert beside <= {self.output.name, f".{self.output.name}.lock"}, beside
        assert not list((self.work / "tmp").iterdir())

    def require(self, *numbers: int) -> None:
        """The output verifies, every byte of it, and the app in it says one of ``numbers``."""
        keys = TrustedKeys((load_public(self.cache / "keys/development.json"),))
        verify_tree(self.output, keys, Level.FULL)
        done = subprocess.run([self.output / "tiny"], capture_output=True, text=True)
        assert done.stdout.strip() in map(str, numbers), (done, numbers)
        self.counts["outputs verified and started"] += 1
