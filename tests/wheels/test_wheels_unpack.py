from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from wheel_making import Made, make_wheel, record_hash

from runtime_packager.errors import IntegrityError
from runtime_packager.io.files import FILE_TIME, sha256_file
from runtime_packager.wheels.unpack import Unpacked, unpack


def unpacked(made: Made, folder: Path) -> tuple[Unpacked, dict[str, Path]]:
    wheel = folder / "blob"
    wheel.write_bytes(made.data)
    result = unpack(wheel, made.filename, folder / "out")
    return result, {entry.path: entry.source for entry in result.entries}


PKG = {"pkg/__init__.py": "import os\n"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"files": {**PKG, "../evil.py": ""}}, "'..' part"),
        ({"files": {**PKG, "pkg/../../evil.py": ""}}, "'..' part"),
        ({"files": {**PKG, "/etc/evil": ""}}, "absolute"),
        ({"files": {**PKG, "pkg\\evil.py": ""}}, "character"),
        ({"files": {**PKG, "C:/evil.py": ""}}, "character ':'"),
        ({"files": {**PKG, "pkg/aux.py": ""}}, "device on Windows"),
        ({"files": {**PKG, "pkg/__INIT__.py": ""}}, "only in case"),
        ({"files": {**PKG, "pkg": ""}}, "member of that name"),
        ({"files": {**PKG, "pkg-1.0.data/purelib/pkg/__init__.py": ""}}, "member of that name"),
        ({"files": {**PKG, "pkg-1.0.data/platlib/PKG/__init__.py": ""}}, "only in case"),
        ({"files": {**PKG, "pkg-1.0.data/nowhere/x": ""}}, "no known folder of .data"),
        ({"files": {**PKG, "other-1.0.dist-info/METADATA": ""}}, "2 .dist-info folders"),
        ({"twice": ["pkg/__init__.py"]}, "member of that name already"),
        ({"unrecorded": ["pkg/__init__.py"]}, "pkg/__init__.py is not in RECORD"),
        ({"misrecorded": {"pkg/__init__.py": "pkg/__init__.py,,"}}, "no sha256 in RECORD"),
        (
            {"misrecorded": {"pkg/__init__.py": "pkg/__init__.py,md5=AAAA,10"}},
            "no sha256 in RECORD",
        ),
        (
            {"misrecorded": {"x": f"pkg/__init__.py,{record_hash(b'')},0"}},
            "is in RECORD twice",
        ),
        (
            {"misrecorded": {"pkg/__init__.py": f"pkg/__init__.py,{record_hash(b'no')},10"}},
            "its sha256 is not what RECORD says",
        ),
        (
            {
                "misrecorded": {
                    "pkg/__init__.py": f"pkg/__init__.py,{record_hash(b'import os' + b'!')},11"
                }
            },
            "RECORD says 11 bytes, it has 10",
        ),
        (
            {"misrecorded": {"pkg/__init__.py": f"pkg/__init__.py,{record_hash(b'', 'sha512')},"}},
            "its sha512 is not what RECORD says",
        ),
        ({"misrecorded": {"pkg/__init__.py": "one,two,three,four"}}, "RECORD cannot be read"),
        ({"modes": {"pkg/__init__.py": stat.S_IFLNK | 0o777}}, "neither file nor directory"),
        ({"wheel_version": "2.0"}, "Wheel-Version is 2.0"),
    ],
)
def test_a_hostile_or_broken_wheel_is_refused(
    tmp_path: Path, broken: dict[str, Any], reason: str
) -> None:
    made = make_wheel("pkg", "1.0", **{"files": PKG, **broken})
    with pytest.raises(IntegrityError, match=r"pkg-1\.0-py3-none-any\.whl") as caught:
        unpacked(made, tmp_path)
    assert reason in str(caught.value)
    assert not (tmp_path / "evil.py").exists()


def test_a_wheel_under_another_name_is_refused(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files=PKG)
    for filename in ("other-1.0-py3-none-any.whl", "pkg-2.0-py3-none-any.whl"):
        with pytest.raises(IntegrityError, match="can be trusted") as caught:
            unpacked(Made(filename, made.data), tmp_path)
        assert "its content pkg-1.0.dist-info" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"no zip", make_wheel("pkg", "1.0").data[:-60]])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(IntegrityError, match="cannot be read as a wheel"):
        unpacked(Made("pkg-1.0-py3-none-any.whl", data), tmp_path)


def test_damage_inside_is_noticed(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files={"pkg.py": "import os\n" * 50})
    data = bytearray(made.data)
    data[40] ^= 0xFF
    with pytest.raises(IntegrityError):
        unpacked(Made(made.filename, bytes(data)), tmp_path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files={"../a.py": "", "/b.py": "", "c/nul": ""})
    with pytest.raises(IntegrityError) as caught:
        unpacked(made, tmp_path)
    assert len(caught.value.details) == 3


def test_other_strong_digests_in_record_are_checked_too(tmp_path: Path) -> None:
    row = f"pkg/__init__.py,{record_hash(b'import os' + bytes([10]), 'sha384')},10"
    made = make_wheel("pkg", "1.0", files=PKG, misrecorded={"pkg/__init__.py": row})
    _, files = unpacked(made, tmp_path)
    assert files["purelib/pkg/__init__.py"].read_text() == "import os\n"


def test_what_is_written_and_what_is_left_out(tmp_path: Path) -> None:
    data = "pkg-1.0.data"
    made = make_wheel(
        "pkg",
        "1.0",
        files={
            "pkg/__init__.py": "",
            "pkg/__pycache__/__init__.cpython-312.pyc": "old",
            "pkg/legacy.py": "",
            "pkg/legacy.pyc": "old",
            "pkg/sourceless.pyc": "code",
            "single.py": "",
            "_fast.abi3.so": "ELF",
            "pkg.libs/liba.so.1": "ELF",
            "pkg-1.0.dist-info/INSTALLER": "somebody",
            "pkg-1.0.dist-info/direct_url.json": "{}",
            f"{data}/scripts/tool": b"\x7fELF",
            f"{data}/scripts/old.py": "#!python\nprint()\n",
            f"{data}/scripts/env.py": "#!/usr/bin/env python3\nprint()\n",
            f"{data}/scripts/shell": "#!/bin/sh\n",
            f"{data}/data/share/pkg/a,b.txt": "text",
            f"{data}/headers/pkg.h": "",
            f"{data}/platlib/_slow.so": "ELF",
        },
        entry_points="[console_scripts]\npkg = pkg:main\n",
        executable=["pkg/sourceless.pyc"],
    )

    result, files = unpacked(made, tmp_path)

    info = "purelib/pkg-1.0.dist-info"
    assert sorted(files) == sorted(
        [
            "data/share/pkg/a,b.txt",
            "platlib/_slow.so",
            "purelib/_fast.abi3.so",
            "purelib/pkg.libs/liba.so.1",
            "purelib/pkg/__init__.py",
            "purelib/pkg/legacy.py",
            "purelib/pkg/sourceless.pyc",
            "purelib/single.py",
            "scripts/shell",
            "scripts/tool",
            f"windows/{info.removeprefix('purelib/')}/RECORD",
            *(
                f"{info}/{n}"
                for n in ["INSTALLER", "METADATA", "RECORD", "WHEEL", "entry_points.txt"]
            ),
        ]
    )
    assert result.left_out == ("headers/pkg.h", "scripts/env.py", "scripts/old.py")
    assert result.top_level == ("_fast", "_slow", "pkg", "single")
    assert files[f"{info}/INSTALLER"].read_bytes() == b"runtime-packager\n"
    executable = sorted(entry.path for entry in result.entries if entry.executable)
    assert executable == ["purelib/pkg/sourceless.pyc", "scripts/shell", "scripts/tool"]
    for entry in result.entries:
        status = entry.source.stat()
        assert status.st_mtime == FILE_TIME
        assert stat.S_IMODE(status.st_mode) == (0o755 if entry.executable else 0o644)
        assert (entry.size, entry.sha256) == (status.st_size, sha256_file(entry.source))


def test_record_says_where_files_lie_on_each_system(tmp_path: Path) -> None:
    data = "pkg-1.0.data"
    files = {"pkg.py": "", f"{data}/scripts/tool": "ELF", f"{data}/data/etc/a,b": ""}
    _, found = unpacked(make_wheel("pkg", "1.0", files=files), tmp_path)
    for folder, paths in {
        "purelib": ['"../../../etc/a,b"', "../../../bin/tool"],
        "windows": ['"../../etc/a,b"', "../../Scripts/tool"],
    }.items():
        lines = found[f"{folder}/pkg-1.0.dist-info/RECORD"].read_text().splitlines()
        assert lines[0].startswith("../") or lines[0].startswith('"../')
        assert [line.split(",sha256=")[0] for line in lines if "../" in line] == sorted(
            paths, key=lambda path: path.strip('"')
        )
        assert "pkg-1.0.dist-info/RECORD,," in lines
        assert f"pkg.py,{record_hash(b'')},0" in lines
