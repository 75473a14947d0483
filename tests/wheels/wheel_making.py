"""Small wheels and source archives as bytes, sound or broken on purpose."""

from __future__ import annotations

import hashlib
import io
import tarfile
import warnings
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """A distribution file."""

    filename: str
    data: bytes
    requires_python: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def record_hash(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={urlsafe_b64encode(digest).decode().rstrip('=')}"


def make_wheel(
    name: str,
    version: str,
    tag: str = "py3-none-any",
    *,
    files: Mapping[str, bytes | str] | None = None,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    extras: Sequence[str] = (),
    entry_points: str = "",
    executable: Sequence[str] = (),
    unrecorded: Sequence[str] = (),
    misrecorded: Mapping[str, str] | None = None,
    modes: Mapping[str, int] | None = None,
    twice: Sequence[str] = (),
    wheel_version: str = "1.0",
) -> Made:
    """A wheel; ``files`` are paths from its root, by default one package of the wheel's name."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    package = name.replace("-", "_")
    content = {k: _bytes(v) for k, v in (files or {f"{package}/__init__.py": "x = 1\n"}).items()}
    content[f"{info}/METADATA"] = _metadata(name, version, requires, requires_python, extras)
    content[f"{info}/WHEEL"] = _wheel_file(tag, wheel_version)
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points.encode()
    rows = {path: f'"{path}",{record_hash(data)},{len(data)}' for path, data in content.items()}
    rows |= misrecorded or {}
    listed = [row for path, row in rows.items() if path not in unrecorded]
    content[f"{info}/RECORD"] = "".join(f"{r}\n" for r in [*listed, f"{info}/RECORD,,"]).encode()
    chosen = dict.fromkeys(executable, 33261) | dict(modes or {})
    data = _zip([*content.items(), *((path, content[path]) for path in twice)], chosen)
    return Made(f"{stem}-{tag}.whl", data, requires_python)


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _metadata(
    name: str,
    version: str,
    requires: Sequence[str],
    requires_python: str | None,
    extras: Sequence[str],
) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    return "\n".join([*lines, "", ""]).encode()


def _wheel_file(tag: str, wheel_version: str) -> bytes:
    pure = str(tag.endswith("-any")).lower()
    return (
        f"Wheel-Version: {wheel_version}\nGenerator: tests (1.0)\nRoot-Is-Purelib: {pure}\n"
        f"Tag: {tag}\n"
    ).encode()


def _zip(members: Sequence[tuple[str, bytes]], modes: Mapping[str, int]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # duplicate names are what some tests are about
        for path, data in members:
            info = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            info.external_attr = modes.get(path, 0o100644) << 16
            archive.writestr(info, data)
    return out.getvalue()


BACKEND = """
import os, zipfile
NAME, VERSION, TAG, FAIL, DIARY = {name!r}, {version!r}, {tag!r}, {fail!r}, {diary!r}
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
METADATA = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"

def note(line):
    if DIARY:
        with open(DIARY, "a") as out:
            out.write(line + "\\n")

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    note("metadata")
    os.mkdir(os.path.join(directory, INFO))
    with open(os.path.join(directory, INFO, "METADATA"), "w") as out:
        out.write(METADATA)
    return INFO

def build_wheel(directory, config_settings=None, metadata_directory=None):
    note("wheel")
    if FAIL:
        raise SystemExit("no compiler found")
    import base64, hashlib
    name = f"{{NAME}}-{{VERSION}}-{{TAG}}.whl"
    files = {{
        f"{{NAME}}.py": f"EPOCH = {{os.environ['SOURCE_DATE_EPOCH']!r}}\\n",
        f"{{INFO}}/METADATA": METADATA,
        f"{{INFO}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: backend (1.2.3)\\n"
            f"Root-Is-Purelib: true\\nTag: {{TAG}}\\n",
    }}
    rows = [
        f"{{path}},sha256="
        + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        + f",{{len(text)}}\\n"
        for path, text in files.items()
    ]
    files[f"{{INFO}}/RECORD"] = "".join(rows) + f"{{INFO}}/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
"""


def make_sdist(
    name: str,
    version: str,
    tag: str = "py3-none-any",
    *,
    fail: bool = False,
    diary: Path | None = None,
) -> Made:
    """A source archive with a build backend of its own, so that building needs no network.

    :param tag: what the wheel it builds is tagged with.
    :param diary: a file that gets a line whenever its metadata or its wheel is made.
    """
    stem = f"{name}-{version}"
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": system,
        "backend.py": BACKEND.format(
            name=name, version=version, tag=tag, fail=fail, diary=str(diary or "")
        ),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{stem}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return Made(f"{stem}.tar.gz", out.getvalue())
