from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.errors import InputError
from runtime_packager.wheels import requirement_names, requirements_digest


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.txt"


LINES = st.lists(
    st.sampled_from(["a==1", "b>=2; sys_platform == 'win32'", "c[x]", "--index-url http://x/"]),
    min_size=1,
    unique=True,
)


@given(lines=LINES, data=st.data())
def test_order_comments_spacing_and_blank_lines_do_not_count(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    noisy = [
        line.replace(" ", "   ") + data.draw(st.sampled_from(["", "  ", "  # why", "\n\n# note"]))
        for line in data.draw(st.permutations(lines))
    ]
    plain = requirements_digest([write(folder, plain="\n".join(lines))])
    assert requirements_digest([write(folder, noisy="\r\n".join(noisy))]) == plain
    fewer = requirements_digest([write(folder, fewer="\n".join(lines[1:]))])
    assert fewer != plain


def test_how_requirements_are_divided_into_files_does_not_count(tmp_path: Path) -> None:
    whole = write(tmp_path, whole="a==1\nb==2\n")
    parts = write(tmp_path, main="-r more.txt\na==1", more="b==2")
    assert requirements_digest([parts]) == requirements_digest([whole])
    write(tmp_path, more="b==3")
    assert requirements_digest([parts]) != requirements_digest([whole])


def test_a_constraint_is_not_a_requirement(tmp_path: Path) -> None:
    limited = write(tmp_path, limited="--constraint=limits.txt\na", limits="b==2")
    asked = write(tmp_path, asked="-r limits.txt\na")
    assert requirements_digest([limited]) != requirements_digest([asked])


def test_continued_lines_are_one(tmp_path: Path) -> None:
    one = write(tmp_path, one="a==1 --hash=sha256:00 --hash=sha256:11\n")
    two = write(tmp_path, two="a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n")
    assert requirements_digest([one]) == requirements_digest([two])


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    here = write(tmp_path, here="-r there.txt\na", there="-r here.txt\nb")
    assert requirements_digest([here]) == requirements_digest([write(tmp_path, both="a\nb")])


def test_an_included_file_may_be_named_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "WHICH", "more")
    named = write(tmp_path, named="-r ${WHICH}.txt", more="a")
    assert requirements_digest([named]) == requirements_digest([write(tmp_path, same="a")])


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, main="-r gone.txt\n-c lost.txt\n")
    with pytest.raises(InputError) as caught:
        requirements_digest([path])
    assert sorted(line.split(":")[0] for line in caught.value.details) == [
        str(tmp_path / "gone.txt"),
        str(tmp_path / "lost.txt"),
    ]


def test_what_is_asked_for_by_name(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        first="Torch >= 2; sys_platform == 'linux'\n-r second.txt\n-c limits.txt\n--no-binary x\n"
        "ruamel.yaml[jinja2]==1 --hash=sha256:00\n./local\nhere @ https://example.com/here.whl\n",
        second="peft # adapters\n",
        limits="numpy<2\n",
    )
    assert requirement_names([file]) == {"torch", "peft", "ruamel-yaml", "here"}
