"""Whatever the cfg holds: the launcher says what it would start, or what is wrong with it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import CAMPAIGNS, SECONDS, SEED, campaign

from runtime_packager.errors import InputError
from runtime_packager.launcher import configuration
from runtime_packager.launcher.build import COMMON_FLAGS, LINUX_SOURCES, SOURCES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is run here")

TOKENS = [
    b"\n", b"\r\n", b"\0", b" = ", b"=", b"#", b"format = 1\n", b"format = 2\n", b"interpreter = ",
    b"script = ",
    b"argument = ", b"environment = ", b"${root}", b"${", b"$", b"..", b"/", b"\\", b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"a" * 4100, b"argument = x\n" * 3000, b"${root}" * 500, b"\t", b"A=",
    b"\x7f",
]  # fmt: skip
GOLDEN = Path(__file__).parent.parent / "launcher" / "launcher.golden.cfg"
INVALID = range(70, 80)
"""Exit codes of the launcher's own (``src/launcher.h``)."""


class Launcher:
    """A launcher whose cfg is written anew for each input; undefined behaviour kills it."""

    def __init__(self, root: Path) -> None:
        self.program, self.cfg = root / "it", root / "it.cfg"
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"]
        for name in ("python/bin/python3", "python/bin/python3.13", "app.py", "app/main.py"):
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"#!/bin/false\n")
            place.chmod(0o755)
        checks = ["-fsanitize=undefined", "-fsanitize-trap=undefined", "-fstack-protector-all"]
        words = [*compiler, *COMMON_FLAGS, *checks, *LINUX_SOURCES, "-o", str(self.program)]
        subprocess.run(words, cwd=SOURCES, check=True)

    def info(self, cfg: bytes) -> subprocess.CompletedProcess[bytes]:
        self.cfg.write_bytes(cfg)
        return subprocess.run(
            [str(self.program), "--runtime-info"], capture_output=True, env={}, timeout=20
        )


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    return Launcher(tmp_path_factory.mktemp("fuzzed"))


def test_the_launchers_parser(launcher: Launcher, tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        done = launcher.info(data)
        if done.returncode == 0:
            json.loads(done.stdout)
            return
        assert done.returncode in INVALID, done
        assert done.stderr.strip(), "it says nothing"
        raise InputError(done.stderr.decode(errors="replace"))

    campaign("cfg", check, TOKENS, tmp_path, [GOLDEN.read_bytes()])


ALPHABET = "aZ0 _-=#$ {}\t\"'\\/:.\u00e9\u4e2d\U0001f600\u2028\x7f\n\0\ud800"


def test_what_the_writer_takes_the_launcher_reads_back(launcher: Launcher) -> None:
    rng, accepted = random.Random(f"{SEED}/writer"), 0

    def word(longest: int) -> str:
        return "".join(
            rng.choice(ALPHABET[: rng.choice((4, 12, len(ALPHABET)))])
            for _ in range(rng.randrange(longest))
        )

    for _ in range(int(60 * max(1, SECONDS / CAMPAIGNS))):
        arguments = [word(8) for _ in range(rng.randrange(3))]
        environment = {f"A{n}{word(3)}": word(12) for n in range(rng.randrange(3))}
        try:
            cfg = configuration("python/bin/python3", arguments, "app.py", environment)
        except InputError:
            continue
        accepted += 1
        done = launcher.info(cfg)
        assert done.returncode == 0, (SEED, cfg, done.stderr)
        seen = json.loads(done.stdout)
        root = str(launcher.program.parent)
        assert seen["arguments"] == arguments, (SEED, cfg)
        expanded = {name: value.replace("${root}", root) for name, value in environment.items()}
        set_here = seen["environment"]["set"]
        assert expanded == {name: set_here[name] for name in expanded}, (SEED, cfg)
    assert accepted > 10
