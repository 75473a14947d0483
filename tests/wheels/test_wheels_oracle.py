"""Our locks beside those of ``uv pip compile --python-platform``, over popular packages.

Two resolvers may choose different versions that both hold; :data:`EXPLAINED` has those, each with
its reason. Any other difference is a bug of ours.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.version import Version

from runtime_packager.errors import NetworkError
from runtime_packager.platforms import Target, find_target
from runtime_packager.wheels import resolve_all

PYTHON = Version("3.12.14")
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.txt"))
ENVIRONMENT = dict(os.environ)
"""As it was before the suite took pip's settings away."""

UV_PLATFORMS = {
    "linux-x64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "win-x64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
    "mac-x64": "x86_64-apple-darwin",
    "mac-arm64": "aarch64-apple-darwin",
}

SIX = tuple(map(find_target, UV_PLATFORMS))

EXPLAINED: Mapping[tuple[str, str], Mapping[str, str]] = {}
"""(corpus, platform) -> package -> why its version may differ. None does at present."""

Pins = AbstractSet[tuple[str, str]]


@pytest.fixture(scope="module")
def both() -> Mapping[tuple[str, str], tuple[Pins, Pins]]:
    """(corpus, platform) -> what we lock, what uv pins."""
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not installed: pip install -e '.[dev]'")
    settings = _settings()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        try:
            ours = dict(zip(CORPUS, pool.map(_ours, CORPUS), strict=True))
        except NetworkError as error:
            pytest.skip(f"needs a package index: {error}")
        asked = [(file, target) for file in CORPUS for target in SIX]
        theirs = list(pool.map(lambda pair: _uv(*pair, settings), asked))
        again = [
            {p for p in _uv(file, target, settings, moved) if p in moved or p[0] not in dict(moved)}
            if (moved := _moved(ours[file][target.name], pins))
            else pins
            for (file, target), pins in zip(asked, theirs, strict=True)
        ]
    return {
        (file.stem, target.name): (ours[file][target.name], pins)
        for (file, target), pins in zip(asked, again, strict=True)
    }


def _moved(ours: Pins, theirs: Pins) -> Pins:
    """Our versions of what both chose, in different versions: the index gave a new release to one
    of us only. uv is asked again whether it would have ours; other packages have no such excuse."""
    return {pin for pin in ours - theirs if pin[0] in {name for name, _ in theirs}}


def _settings() -> dict[str, str]:
    """The index and the certificates that pip is set up for here, and nothing else of it.

    A second index, a directory or a constraint would not mean the same to uv.
    """
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    found = dict(re.findall(r"^[^.]+\.(index-url|cert)='(.*)'$", listed.stdout, re.MULTILINE))
    found |= {
        key: value
        for key in ("index-url", "cert")
        if (value := ENVIRONMENT.get(f"PIP_{key.upper().replace('-', '_')}"))
    }
    named = {f"PIP_{key.upper().replace('-', '_')}": value for key, value in found.items()}
    return {**named, "PIP_CONFIG_FILE": os.devnull}


def _ours(file: Path) -> dict[str, Pins]:
    locks = resolve_all([file], SIX, PYTHON)
    return {
        name: {(package.name, package.version) for package in lock.packages}
        for name, lock in locks.items()
    }


def _uv(file: Path, target: Target, settings: Mapping[str, str], held: Pins = frozenset()) -> Pins:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--quiet"]
    # uv fetches its list of interpreters from elsewhere unless told that ours will do.
    command += ["--no-python-downloads", "--python", sys.executable]
    command += ["--python-version", str(PYTHON), "--python-platform", UV_PLATFORMS[target.name]]
    command += ["--no-header", "--no-annotate", str(file)]
    environment = {name: text for name, text in ENVIRONMENT.items() if not name.startswith("UV_")}
    if index := settings.get("PIP_INDEX_URL"):
        environment["UV_DEFAULT_INDEX"] = index
    if certificates := settings.get("PIP_CERT"):
        environment["SSL_CERT_FILE"] = certificates
    if target.os == "mac":
        environment["MACOSX_DEPLOYMENT_TARGET"] = "{}.{}".format(*target.floor)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("".join(f"{name}=={version}\n" for name, version in held))
        constraints.flush()
        command += ["--refresh", "--constraint", constraints.name] if held else []
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if held and "there is no version of" in done.stderr:
        return _uv(file, target, settings) | held  # the index shows uv no such release yet
    assert done.returncode == 0, done.stderr
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)$", done.stdout, re.MULTILINE)
    return {(name, str(Version(version))) for name, version in pins}


@pytest.mark.parametrize("target", SIX, ids=lambda target: target.name)
@pytest.mark.parametrize("corpus", [file.stem for file in CORPUS])
def test_we_lock_what_uv_pins(
    both: Mapping[tuple[str, str], tuple[Pins, Pins]], corpus: str, target: Target
) -> None:
    ours, theirs = both[corpus, target.name]
    explained = EXPLAINED.get((corpus, target.name), {})
    assert {pin for pin in ours ^ theirs if pin[0] not in explained} == set()
    assert len(ours) >= 35


def test_the_platforms_differ_where_they_should(
    both: Mapping[tuple[str, str], tuple[Pins, Pins]],
) -> None:
    """So that agreement means something: the corpus does reach needs of single platforms."""
    names = {target.name: {name for name, _ in both["past", target.name][0]} for target in SIX}
    for name in ("linux-x64", "linux-arm64", "mac-x64", "mac-arm64"):
        assert {"uvloop", "pexpect"} <= names[name]
        assert "colorama" not in names[name]
    assert "appnope" not in names["linux-x64"]
    for name in ("win-x64", "win-arm64"):
        assert {"colorama", "pywin32"} <= names[name]
        assert "uvloop" not in names[name]
    assert "appnope" in names["mac-arm64"]


def test_the_corpus_is_as_large_as_we_say() -> None:
    lines = (line for file in CORPUS for line in file.read_text(encoding="utf-8").splitlines())
    names = {re.split(r"[\[;=<> ]", line)[0] for line in lines if re.match(r"[a-z]", line)}
    assert len(names) >= 60
