"""A project as small as one can be: an interpreter of a hundred modules, an app of one line."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from runtime_packager.config import find_config, load_config
from runtime_packager.interpreters import obtain
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.locking import catalogue
from runtime_packager.platforms import host_target

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "runtime_packager"

_WORKERS = (
    PACKAGE / "tree/compile_worker.py",
    PACKAGE / "imports/scan.py",
    PACKAGE / "app/start_app.py",
)

_NEEDED = """
import json, sys, multiprocessing.connection, multiprocessing.popen_spawn_posix, runpy
import multiprocessing.resource_tracker, multiprocessing.spawn, multiprocessing.synchronize
import multiprocessing.popen_fork, multiprocessing.queues, site, encodings.ascii, encodings.latin_1
import multiprocessing.heap, multiprocessing.util, tempfile, random, encodings.utf_8_sig
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="worker")
print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]))
"""


def interpreter(cache: Cache, place: Path) -> str:
    """Make a prefix of the project's interpreter with what our workers import; its version."""
    config = load_config(find_config(ROOT))
    found = obtain(config.python, host_target(), config.sources, catalogue(config), cache, Silent())
    prefix = found.root / "python"
    short = f"{config.python.major}.{config.python.minor}"
    program = prefix / f"bin/python{short}"
    done = subprocess.run(
        [program, "-I", "-B", "-c", _NEEDED, *_WORKERS], capture_output=True, text=True, check=True
    )
    wanted = [Path(name) for name in json.loads(done.stdout)]
    for path in [program, *(p for p in wanted if p.is_relative_to(prefix))]:
        to = place / path.relative_to(prefix)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        to.chmod(0o755 if path == program else 0o644)
    dynload = place / f"lib/python{short}/lib-dynload"
    dynload.mkdir(exist_ok=True)
    (dynload / "README").write_text("what Python takes for its exec_prefix\n")
    return str(config.python)


def write_project(folder: Path, prefix: Path, python: str, said: str) -> None:
    """A project whose app prints ``said``."""
    (folder / "app").mkdir(parents=True, exist_ok=True)
    (folder / "requirements.txt").write_text("")
    (folder / "app/main.py").write_text(f"print({said!r})\n")
    (folder / "pyproject.toml").write_text(f"""
[tool.runtime-packager]
name = "tiny"
version = "1"
app = "app"
entry = "main.py"
requirements = ["requirements.txt"]
python = "{python}"
platforms = ["{host_target().name}"]
output = "out"
launcher = "tiny"

[tool.runtime-packager.checks]
smoke = false
binaries = false
imports = false

[[tool.runtime-packager.sources]]
kind = "directory"
path = "{prefix}"
platforms = ["{host_target().name}"]
""")
