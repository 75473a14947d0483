"""The desktop app for Windows: packed here, signed, sealed, installed under wine and taken away."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.mirror import Mirror
from foreign import backend, desktop, project, windows, wine
from foreign.desktop import Certificate, Desktop
from foreign.wine import Wine, windows_path

APP, LAUNCHER, PYTHON = "PEFT Studio.exe", "peft_engine.exe", "python/python.exe"
UNINSTALLER = "Uninstall PEFT Studio.exe"
KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall"


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


@pytest.fixture(scope="module")
def shared(scratch: Path, packed: Desktop) -> Path:
    """A directory that wine sees, with the Setup in it."""
    place = scratch / "desktop-shared"
    place.mkdir()
    (setup,) = packed.output.glob("*.exe")
    shutil.copy(setup, place / "Setup.exe")
    return place


@pytest.fixture(scope="module")
def system(scratch: Path, shared: Path) -> Iterator[Wine]:
    work = scratch / "desktop-wine"
    work.mkdir()
    with wine.session(shared, work) as running:
        yield running


@pytest.fixture
def place(shared: Path) -> Path:
    """Where users install it: a directory whose name has a space and an umlaut."""
    return shared / "Für alle" / "PEFT Studio"


def install(system: Wine, shared: Path, place: Path, *words: str) -> int:
    # NSIS takes /D= last and unquoted, whatever is in it.
    return system.run(shared / "Setup.exe", "/S", *words, f"/D={windows_path(place)}").returncode


def uninstall(system: Wine, place: Path) -> int:
    # _?= keeps it from copying itself and answering before it is done.
    return system.run(place / UNINSTALLER, "/S", f"_?={windows_path(place)}").returncode


def registered(system: Wine) -> str:
    return system.run("reg", "query", KEY, "/s").stdout


def test_setup_installs_for_the_user_and_uninstall_leaves_nothing(
    packed: Desktop, certificate: Certificate, system: Wine, shared: Path, place: Path
) -> None:
    place.parent.mkdir()
    assert install(system, shared, place) == 0
    installed = place / "resources/backend"
    packed.project.verify(installed)
    assert digests(installed) == digests(packed.runtime)
    assert (place / "resources/app.asar").read_bytes() == (
        packed.unpacked / "resources/app.asar"
    ).read_bytes()
    assert signer(place / UNINSTALLER, certificate) == "Nobody"
    entry = registered(system)
    assert "PEFT Studio" in entry and windows_path(place) in entry
    everybody = system.run("reg", "query", KEY.replace("HKCU", "HKLM"), "/s").stdout
    assert "PEFT Studio" not in everybody
    assert uninstall(system, place) == 0
    assert not place.exists()
    assert "PEFT Studio" not in registered(system)
    assert sorted(place.parent.iterdir()) == []


def test_the_installed_runtime_starts(system: Wine, shared: Path, place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    assert install(system, shared, place) == 0
    program = place / "resources/backend" / LAUNCHER
    with system.started(program, "--port", "0", PEFT_STUDIO_TOKEN="t" * 43) as child:
        assert backend.healthy(backend.ready(child)["port"])
    assert uninstall(system, place) == 0


def test_setup_touches_no_directory_that_is_not_ours(system: Wine, shared: Path) -> None:
    documents = shared / "Documents"
    documents.mkdir()
    (documents / "thesis.txt").write_text("years of work")
    assert install(system, shared, documents) == 10
    assert [path.name for path in documents.iterdir()] == ["thesis.txt"]
    assert not (shared / "Documents.new").exists()
