"""One app (`peer_app`), packed by us and by everyone else: build, size, start.

    python benchmarks/peers.py [--nuitka]

All use the same interpreter (python-build-standalone, stripped) and the same wheels, those that our
lock names. Peers are installed from the package index; everything is then built and run here.
Medians of RUNS runs in turn. `--nuitka` compiles with Nuitka too, once: that takes about an hour.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import (
    CACHE,
    ROOT,
    in_turn,
    link_wheels,
    make_project,
    ready,
    record,
    run,
    seconds,
    size_of,
    table,
)
from packaging.version import Version

from runtime_packager.config import load_config
from runtime_packager.interpreters import obtain, read_catalogue
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import find_target, host_target

APP = ROOT / "benchmarks/peer_app"
TOOL = [sys.executable, "-m", "runtime_packager"]
UV = [sys.executable, "-m", "uv"]
SERVE = ("--port", "{port}")


class Peers:
    """The app, packed by each, below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ours = root / "dist" / host_target().name
        self.wheels = root / "wheels"
        self.python = root / "python/bin/python3"
        self.venv = root / "venv"
        self.onedir = root / "onedir/app"
        self.onefile = root / "onefile/app"
        self.home = {**os.environ, "PEX_ROOT": str(root / "pex"), "SHIV_ROOT": str(root / "shiv")}

    def prepare(self) -> None:
        """Our tree, the wheels it was made of, and an interpreter with them and the peers."""
        make_project(self.root, APP, requirements=[str(APP / "requirements.txt")])
        run([*TOOL, "assemble", "--project", self.root])
        link_wheels(self.root, self.wheels)
        python = load_config(self.root / "pyproject.toml").python
        self._copy_interpreter(python)
        self.install(self.python)
        run([*UV, "pip", "install", "--python", self.python, "--break-system-packages",
             "pyinstaller", "pex", "shiv", "nuitka", "pip"])  # fmt: skip
        run([*UV, "venv", "--quiet", "--python", self.python, self.venv])
        self.install(self.venv / "bin/python")
        run([self.venv / "bin/python", "-m", "compileall", "-q", self.venv / "lib"])

    def _copy_interpreter(self, python: Version) -> None:
        config = load_config(self.root / "pyproject.toml")
        catalogue = read_catalogue(config.pins)
        target = find_target(host_target().name)
        found = obtain(python, target, config.sources, catalogue, Cache(CACHE), Silent())
        shutil.copytree(found.root / "python", self.root / "python", symlinks=True)
        packages = self.root / f"python/lib/python{python.major}.{python.minor}/site-packages"
        packages.mkdir(exist_ok=True)

    def install(self, python: Path, *words: object) -> None:
        """``uv pip install`` of the same wheels; it links them from its own warm cache."""
        run([*UV, "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps",
             "--break-system-packages", "--python", python, *words,
             *sorted(self.wheels.iterdir())])  # fmt: skip

    def install_anew(self, *words: object) -> None:
        target = self.root / "-".join(("installed", *map(str, words)))
        shutil.rmtree(target, ignore_errors=True)
        self.install(self.python, "--target", target, *words)

    def assemble_anew(self) -> None:
        shutil.rmtree(self.root / "dist")
        run([*TOOL, "assemble", "--project", self.root, "--offline"])

    def pyinstaller(self, *words: object, output: Path) -> None:
        run([self.python, "-m", "PyInstaller", "--noconfirm", "--clean", "--name", "app",
             "--distpath", output, "--workpath", self.root / "work", "--specpath", self.root,
             *words, APP / "main.py"])  # fmt: skip

    def pex(self) -> None:
        run([self.python, "-m", "pex", "--pre-resolved-dists", self.wheels,
             *(path.name.split("-")[0] for path in sorted(self.wheels.iterdir())),
             "--sources-directory", APP, "--entry-point", "main:serve", "--venv",
             "--python", self.python, "--python-shebang", self.python,
             "--output-file", self.root / "app.pex"], env=self.home)  # fmt: skip

    def shiv(self) -> None:
        site = self.root / "for-shiv"
        self.install(self.python, "--target", site)
        shutil.copy(APP / "main.py", site)
        run([self.python, "-m", "shiv", "--site-packages", site, "--entry-point", "main:serve",
             "--python", self.python, "--output-file", self.root / "app.pyz"])  # fmt: skip

    def nuitka(self) -> None:
        run([self.python, "-m", "nuitka", "--standalone", "--assume-yes-for-downloads",
             "--static-libpython=no", f"--output-dir={self.root / 'nuitka'}",
             APP / "main.py"])  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        peers = Peers(Path(name))
        peers.prepare()
        built = {
            "PyInstaller, one file": seconds(
                lambda: peers.pyinstaller("--onefile", output=peers.onefile.parent)
            ),
            "pex, with a venv": seconds(peers.pex),
            "shiv": seconds(peers.shiv),
        }
        if "--nuitka" in sys.argv:
            built["Nuitka, standalone"] = seconds(peers.nuitka)
        building(peers, built)
        starting(peers, built)
        launching()


def building(peers: Peers, built: dict[str, float]) -> None:
    medians = in_turn(
        {
            "assemble": peers.assemble_anew,
            "PyInstaller, one directory": lambda: peers.pyinstaller(
                "--onedir", output=peers.onedir.parent
            ),
            "uv pip install, same wheels": peers.install_anew,
            "the same with --compile-bytecode": lambda: peers.install_anew("--compile-bytecode"),
        }
    )
    places = {
        "assemble": peers.ours,
        "PyInstaller, one directory": peers.onedir,
        "PyInstaller, one file": peers.onefile,
        "uv pip install, same wheels": peers.root / "installed",
        "the same with --compile-bytecode": peers.root / "installed---compile-bytecode",
        "pex, with a venv": peers.root / "app.pex",
        "shiv": peers.root / "app.pyz",
        "Nuitka, standalone": peers.root / "nuitka/main.dist",
    }
    base, (unit, _) = medians["assemble"], size_of(peers.onedir)
    rows = []
    for name, value in (medians | built).items():
        size, files = size_of(places[name])
        rows.append([
            name, f"{value:.2f}", f"{base / value:.3f}",
            f"{size / 1e6:.1f}", f"{size / unit:.2f}", f"{files:,}",
        ])  # fmt: skip
    heads = ["", "build, s", "ours / it", "size, MB", "of onedir", "files"]
    record("peers-build", table(heads, rows))


def starting(peers: Peers, built: dict[str, float]) -> None:
    python = peers.ours / "python/bin/python3"
    commands = {
        "launcher": [peers.ours / "peft_engine"],
        "bare python main.py, same tree": [python, peers.ours / "app/main.py"],
        "PyInstaller, one directory": [peers.onedir / "app"],
        "PyInstaller, one file": [peers.onefile],
        "venv": [peers.venv / "bin/python", APP / "main.py"],
        "pex, with a venv, later starts": [peers.root / "app.pex"],
        "shiv, later starts": [peers.root / "app.pyz"],
    }
    if "Nuitka, standalone" in built:
        commands["Nuitka, standalone"] = [peers.root / "nuitka/main.dist/main.bin"]
    rows = []
    for path, what in (("/api/health", "ready"), ("/api/use", "first use")):
        medians = in_turn(
            {
                name: lambda words=words, path=path: ready([*words, *SERVE], path, env=peers.home)
                for name, words in commands.items()
            },
            runs=11,
        )
        ours = medians["launcher"]
        rows += [
            [name, what, f"{value:.3f}", f"{ours / value:.2f}"] for name, value in medians.items()
        ]
    record("peers-start", table(["", "until", "seconds", "ours / it"], rows))


def launching() -> None:
    """What the launcher itself costs: a program that does nothing."""
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        root = Path(name)
        (root / "noop").mkdir()
        (root / "noop/main.py").write_text("pass\n")
        make_project(root, root / "noop")
        run([*TOOL, "assemble", "--project", root])
        tree = root / "dist" / host_target().name
        python = tree / "python/bin/python3"
        medians = in_turn(
            {
                "python -I -c pass": lambda: seconds(lambda: run([python, "-I", "-c", "pass"])),
                "peft_engine, an app that does nothing": lambda: seconds(
                    lambda: run([tree / "peft_engine"])
                ),
            },
            runs=101,
            warm=5,
        )
    base = medians["python -I -c pass"]
    rows = [
        [name, f"{value * 1e3:.1f}", f"{(value - base) * 1e3:+.1f}"]
        for name, value in medians.items()
    ]
    record("launcher-cost", table(["", "ms", "difference"], rows))


if __name__ == "__main__":
    main()
