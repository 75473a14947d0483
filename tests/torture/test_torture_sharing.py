"""One cache and many who use it; outputs that are in use, in the wrong place, at a wrong time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torture.harness import COLD, Torture
from torture.project import write_project

from runtime_packager.manifest import Level, TrustedKeys, load_public, verify_tree
from runtime_packager.platforms import host_target

TEN_YEARS = 10 * 365 * 86400


def start(torture: Torture, project: Path, *words: object, **env: str) -> subprocess.Popen[str]:
    command = ["assemble", "--project", project, "--cache-dir", torture.cache, *words]
    return cli(*command, **env)


def cli(*words: object, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runtime_packager", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **env},
    )


def assembled(torture: Torture, project: Path, **env: str) -> None:
    """Assemble, in a process of its own, without trouble."""
    said, _ = (child := start(torture, project, **env)).communicate()
    assert child.returncode == 0, said


def project(torture: Torture, name: str, said: str) -> Path:
    """A further project over the same cache, with the lock of the first."""
    folder = torture.work / name
    write_project(folder, torture.work / "prefix", torture.python, said)
    shutil.copytree(torture.work / "project/manifests", folder / "manifests", dirs_exist_ok=True)
    return folder


def says(torture: Torture, folder: Path) -> str:
    """What the app says, once every byte of its runtime is verified."""
    runtime = folder / "out" / host_target().name
    keys = TrustedKeys((load_public(torture.cache / "keys/development.json"),))
    verify_tree(runtime, keys, Level.FULL)
    return subprocess.run([runtime / "tiny"], capture_output=True, text=True).stdout.strip()


def test_eight_at_once_over_one_empty_cache(torture: Torture) -> None:
    for folder in COLD.gone:
        shutil.rmtree(torture.cache / folder)
    same = project(torture, "same", "same")
    places = [same] * 4 + [project(torture, f"other{n}", f"other{n}") for n in range(4)]
    running = [start(torture, place) for place in places]
    said = [child.communicate()[0] for child in running]
    assert [child.returncode for child in running] == [0] * 8, said
    assert [says(torture, place) for place in places] == [place.name for place in places]
    assert not [*torture.cache.glob("*/.*"), *torture.cache.glob("blobs/*/.*")]


def test_a_cache_that_is_cleaned_during_use(torture: Torture) -> None:
    """An assembly gets through, or says why not; its output is whole, and a rerun gets through."""
    places = [project(torture, f"clean{n}", "before") for n in range(2)]
    for place in places:
        assembled(torture, place)
        project(torture, place.name, "after")
    running = [start(torture, place) for place in places]
    while any(child.poll() is None for child in running):
        cleaning = cli("cache", "clean", "--cache-dir", torture.cache, "--project", places[0])
        said, _ = cleaning.communicate()
        assert cleaning.returncode == 0, said
    for child, place in zip(running, places, strict=True):
        said, _ = child.communicate()
        assert child.returncode in (0, 4), said
        assert "Traceback" not in said
        assert says(torture, place) == ("before" if child.returncode else "after")
        assembled(torture, place)
        assert says(torture, place) == "after"


def test_a_destination_that_cannot_be_written(torture: Torture) -> None:
    """Not even root may make a directory there."""
    said, _ = (child := start(torture, torture.work / "project", "-o", "/sys/out")).communicate()
    assert child.returncode == 4
    assert said.startswith("error: /sys/out cannot be written to")


def test_a_running_backend_goes_on_while_its_runtime_is_replaced(torture: Torture) -> None:
    folder = project(torture, "running", "old")
    main = folder / "app/main.py"
    main.write_text("import sys\nprint('old', flush=True)\nprint(len(sys.stdin.read()))\n")
    assembled(torture, folder)
    backend = subprocess.Popen(
        [folder / "out" / host_target().name / "tiny"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert backend.stdout and backend.stdout.readline() == "old\n"
    project(torture, "running", "new")
    assembled(torture, folder)
    assert says(torture, folder) == "new"
    said, _ = backend.communicate("still here")
    assert (backend.returncode, said) == (0, "10\n")


@pytest.mark.parametrize("ahead", [TEN_YEARS, -TEN_YEARS])
def test_a_clock_that_is_ten_years_off_stops_nobody(torture: Torture, ahead: int) -> None:
    env = {"LD_PRELOAD": str(torture.shim), "TORTURE_CLOCK": str(ahead)}
    now = [sys.executable, "-c", "import time; print(time.time())"]
    shown = subprocess.run(now, capture_output=True, text=True, env={**os.environ, **env})
    really = subprocess.run(now, capture_output=True, text=True)
    assert abs(float(shown.stdout) - float(really.stdout) - ahead) < 86400
    folder = project(torture, f"clock{ahead}", "on time")
    assembled(torture, folder, **env)
    runtime = folder / "out" / host_target().name
    words = ("verify", runtime, "--project", folder, "--cache-dir", torture.cache)
    said, _ = (verifying := cli(*words, **env)).communicate()
    assert verifying.returncode == 0, said
    done = subprocess.run([runtime / "tiny"], capture_output=True, env={**os.environ, **env})
    assert done.stdout == b"on time\n"


def test_what_rots_in_the_cache_gets_into_no_tree(torture: Torture) -> None:
    """Neither size nor time of a file say that one of its bits is another."""
    folder = project(torture, "rot", "one")
    assembled(torture, folder)
    (library,) = (torture.cache / "interpreters").glob("*/tree/python/lib/*/os.py")
    times = library.stat()
    spoiled = bytearray(library.read_bytes())
    spoiled[60] ^= 1
    library.write_bytes(spoiled)
    os.utime(library, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.rmtree(folder / "out")

    said, _ = (child := start(torture, folder)).communicate()
    assert child.returncode == 5, said
    assert "not what was stored" in said
    assert "os.py" in said
    assert not (folder / "out" / host_target().name).exists()
    assembled(torture, folder)
    assert says(torture, folder) == "one"
