"""The desktop app for Windows: packed here, signed, sealed, installed under wine and taken away."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from fakes.mirror import Mirror
from foreign import backend, desktop, mains, project, windows, wine
from foreign.desktop import Certificate, Desktop
from foreign.mains import Mains
from foreign.wine import Wine, windows_path

APP, LAUNCHER, PYTHON = "PEFT Studio.exe", "peft_engine.exe", "python/python.exe"
UNINSTALLER = "Uninstall PEFT Studio.exe"
FOREIGN_DIRECTORY = 10
"""Setup's exit code for a directory that holds somebody else's files."""

KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"


@pytest.fixture(scope="module")
def certificate(scratch: Path) -> Certificate:
    return desktop.make_certificate(scratch / "desktop-certificate")


@pytest.fixture(scope="module")
def sources(scratch: Path, pbs_mirror: Mirror) -> Desktop:
    """The app's sources and an assembled runtime, nothing packed yet."""
    if reason := wine.missing() or desktop.missing():
        pytest.skip(reason)
    archives = [windows.archive()]
    made = project.make(scratch / "desktop", pbs_mirror, archives, str(windows.PYTHON))
    return desktop.make(made.assembled("win-x64"), scratch / "desktop-tools")


@pytest.fixture(scope="module")
def packed(sources: Desktop, certificate: Certificate) -> Desktop:
    """Signed, with its Setup."""
    assembled = digests(sources.project.output / "win-x64")
    done = sources.dist(**certificate.environment)
    assert done.returncode == 0, done.stdout
    assert digests(sources.project.output / "win-x64") == assembled, "what was assembled changed"
    return sources


def digests(tree: Path) -> dict[str, str]:
    return {
        path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file()
    }


def signer(program: Path, certificate: Certificate) -> str | None:
    """Who signed it, if its signature fits its bytes and is by ``certificate``; else ``None``."""
    words = ["osslsigncode", "verify", "-CAfile", certificate.chain, "-in", program]
    done = subprocess.run(words, capture_output=True, text=True)
    return "Nobody" if done.returncode == 0 and "CN=Nobody" in done.stdout else None


def test_app_setup_and_runtime_are_signed_and_the_manifest_fits(
    packed: Desktop, certificate: Certificate
) -> None:
    (setup,) = packed.output.glob("*.exe")
    for program in (packed.unpacked / APP, packed.runtime / LAUNCHER, setup):
        assert signer(program, certificate) == "Nobody"
    packed.project.verify(packed.runtime)
    before = digests(packed.project.output / "win-x64")
    after = digests(packed.runtime)
    differing = {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    }
    assert LAUNCHER in differing
    assert {"manifest/files.json", "manifest/release.dsse.json"} < differing
    assert PYTHON not in differing, "it carries its makers' signature"
    assert all(
        name.startswith("manifest/") or name.endswith((".exe", ".dll", ".pyd"))
        for name in differing
    )


# --- installed


INSTALLED = "/opt/wine/drive_c/users/root/AppData/Local/Programs/peft-studio-desktop"
"""Where Setup installs to when nobody says otherwise, seen from the chroot."""


@pytest.fixture(scope="module")
def shared(scratch: Path, packed: Desktop) -> Path:
    """A directory that wine sees, with the Setup in it."""
    place = scratch / "desktop-shared"
    place.mkdir()
    (setup,) = packed.output.glob("*.exe")
    desktop.linked(setup, place / "Setup.exe")
    return place


@pytest.fixture(scope="module")
def system(scratch: Path, shared: Path) -> Iterator[Wine]:
    work = scratch / "desktop-wine"
    work.mkdir()
    with wine.session(shared, work) as running:
        yield running


@pytest.fixture
def installed(system: Wine, shared: Path) -> Iterator[str]:
    """Installed without a question, where Setup wants it; taken away afterwards."""
    assert setup(system, shared) == 0
    yield INSTALLED
    if there(system, f"{INSTALLED}/{UNINSTALLER}"):
        uninstall(system)


def setup(system: Wine, shared: Path, *words: str) -> int:
    command = system.command(shared / "Setup.exe", "/S", *words)
    return subprocess.run(command, capture_output=True, timeout=desktop.PATIENCE).returncode


def uninstall(system: Wine) -> None:
    """Run it to its end: it answers at once, and a copy of it goes on."""
    assert system.run(f"{INSTALLED}/{UNINSTALLER}", "/S").returncode == 0
    deadline = time.monotonic() + desktop.PATIENCE
    while (there(system, INSTALLED) or registered(system)) and time.monotonic() < deadline:
        time.sleep(0.1)


def there(system: Wine, path: str) -> bool:
    return subprocess.run(system.inside("test", "-e", path)).returncode == 0


def registered(system: Wine, root: str = "HKCU") -> str:
    """What stands under the app's name in the list of installed programs."""
    listed = system.run("reg", "query", rf"{root}\{KEY}", "/s").stdout
    return listed if "PEFT Studio" in listed else ""


def copied(system: Wine, shared: Path, original: Path) -> Path:
    """A copy of what is installed, where we can read it, with the modes that Windows has not."""
    place = shared / "copied"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(system.inside("cp", "-a", INSTALLED, str(place)), check=True)
    for path in original.rglob("*"):
        found = place / path.relative_to(original)
        if found.exists():
            found.chmod(path.stat().st_mode & 0o777)
    return place


def test_setup_installs_for_the_user_and_uninstall_leaves_nothing(
    packed: Desktop, certificate: Certificate, system: Wine, shared: Path, installed: str
) -> None:
    found = copied(system, shared, packed.unpacked)
    packed.project.verify(found / "resources/backend")
    listed = digests(found)
    assert listed.keys() - digests(packed.unpacked).keys() == {UNINSTALLER}
    assert listed.items() >= digests(packed.unpacked).items()
    assert signer(found / UNINSTALLER, certificate) == "Nobody"
    assert "peft-studio-desktop" in registered(system)
    assert not registered(system, "HKLM"), "it is the user's alone"
    uninstall(system)
    assert not there(system, installed)
    assert not registered(system)
    rest = subprocess.run(system.inside("ls", "-A", str(Path(installed).parent)), stdout=PIPE)
    assert rest.stdout == b""


def test_the_installed_engine_answers(system: Wine, installed: str) -> None:
    program = f"{installed}/resources/backend/{LAUNCHER}"
    words = ("--port", "0", "--no-token", "--exit-on-stdin-eof")
    with system.started(program, *words, stdin=PIPE) as child:
        assert backend.healthy(backend.ready(child)["port"])
        assert child.stdin
        child.stdin.close()
        assert child.wait(backend.PATIENCE) == 0


def test_a_new_version_takes_the_place_of_the_old_one(
    packed: Desktop, system: Wine, shared: Path, installed: str
) -> None:
    backend_there = f"{installed}/resources/backend"
    for name in ("python/from-an-old-version.dll", "damaged"):
        subprocess.run(system.inside("touch", f"{backend_there}/{name}"), check=True)
    assert setup(system, shared, "--updated") == 0
    found = copied(system, shared, packed.unpacked)
    packed.project.verify(found / "resources/backend")
    for rest in (f"{installed}.old", f"{installed}.new"):
        assert not there(system, rest)


def test_setup_touches_no_directory_that_is_not_ours(system: Wine, shared: Path) -> None:
    documents = shared / "Documents"
    documents.mkdir()
    (documents / "thesis.txt").write_text("years of work")
    assert setup(system, shared, f"/D={windows_path(documents)}") == FOREIGN_DIRECTORY
    assert [path.name for path in documents.iterdir()] == ["thesis.txt"]
    assert not (shared / "Documents.new").exists()
    assert not registered(system)


# --- the main process


FAMILY = (mains.ELECTRON, LAUNCHER, "python.exe")


@pytest.fixture(scope="module")
def ready_to_run(packed: Desktop, system: Wine, shared: Path) -> Mains:
    """The packed app's resources, and what runs them without a window."""
    return mains.make(system, packed.unpacked / "resources", shared / "mains")


def family(system: Wine) -> dict[str, list[int]]:
    return {name: found for name in FAMILY if (found := system.running(name))}


def well(event: dict) -> bool:
    return event["status"] == "healthy" and event["runtime"]["level"] == "quick"


def test_the_main_process_runs_the_runtime_and_quits_with_nothing_left(
    system: Wine, ready_to_run: Mains
) -> None:
    with ready_to_run.started("quit") as events:
        mains.until(lambda: any(e["status"] == "stopped" for e in events()), events)
        mains.until(lambda: not family(system), lambda: family(system))
    told = events()
    phases = [event["phase"] for event in told if event["status"] == "starting"]
    assert phases == ["verify", "port", "spawn", "listen", "health"]
    (ready,) = (event for event in told if event["status"] == "ready")
    assert ready["mode"] == "packaged"
    assert (ready["runtime"]["platform"], ready["runtime"]["level"]) == ("win-x64", "exe")
    assert any(map(well, told))
    assert {event["status"] for event in told} == {"starting", "ready", "healthy", "stopped"}


def test_a_killed_main_process_takes_the_runtime_with_it(system: Wine, ready_to_run: Mains) -> None:
    with ready_to_run.started("stay") as events:
        mains.until(lambda: any(map(well, events())), events)
        assert family(system).keys() == set(FAMILY)
        os.kill(ready_to_run.pid(), signal.SIGKILL)
        mains.until(lambda: not family(system), lambda: family(system))
    assert "stopped" not in {event["status"] for event in events()}
