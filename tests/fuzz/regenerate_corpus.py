"""Write the archives of the corpus anew: ``python tests/fuzz/regenerate_corpus.py``.

Finds are added by hand and stay as they are.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "wheels"), str(HERE.parent.parent)]

from fakes.tarball import copy, file, folder, link, special, tar  # noqa: E402
from packaging.version import Version  # noqa: E402
from wheel_making import make_wheel  # noqa: E402

from runtime_packager.wheels.lock import Lock, LockedPackage, render  # noqa: E402


def corpus() -> dict[str, bytes]:
    """Path below ``corpus`` -> content."""
    tree = [
        folder("a"),
        file("a/run", b"#!/bin/sh\n", 0o755),
        link("a/l", "run"),
        copy("c", "a/run"),
    ]
    stored = make_wheel("pkg", "1.0", files={"pkg/__init__.py": "x = 1\n"})
    return {
        "archive/sound.tar": tar(tree),
        "archive/long-name.tar": tar([file("n" * 200), file("caf\u00e9"), special("p", b"6")]),
        "archive/gnu.tar": _gnu("n" * 200),
        "lock/sound.toml": _lock().encode(),
        "wheel/stored.whl": stored.data,
        "wheel/deflated.whl": _packed(stored.data, zip64=False),
        "wheel/zip64.whl": _packed(stored.data, zip64=True),
    }


def _lock() -> str:
    url = "https://files.example/one-1.0-py3-none-any.whl"
    packages = (
        LockedPackage("one", "1.0", url.rpartition("/")[2], "ab" * 32, 99, url, "wheel", ">=3.8"),
        LockedPackage("two", "2.0", "two-2.0.tar.gz", "cd" * 32, None, None, "sdist"),
    )
    return render(Lock("linux-x64", (2, 28), Version("3.12.14"), "ef" * 32, packages))


def _gnu(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as made:
        made.addfile(file(name, b"")[0])
        made.addfile(link("l", name)[0])
    return out.getvalue()


def _packed(wheel: bytes, *, zip64: bool) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(wheel)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for info in source.infolist():
            entry = zipfile.ZipInfo(info.filename, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with made.open(entry, "w", force_zip64=zip64) as member:
                member.write(source.read(info))
    return out.getvalue()


if __name__ == "__main__":
    for name, data in corpus().items():
        path = HERE / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
