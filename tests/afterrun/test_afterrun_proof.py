"""What the findings of a run amount to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_packager.afterrun.proof import judge, require_host
from runtime_packager.afterrun.snapshot import Difference, What
from runtime_packager.errors import BuildError, InputError, IntegrityError
from runtime_packager.platforms import TARGETS, host_target

ROOT = Path("dist/linux-x64")
NOTES = Difference("app/notes.txt", What.APPEARED, "a file that was not there")
PYC = Difference("app/a.cpython-312.pyc", What.APPEARED, "a file that was not there")


def test_nothing_found_is_nothing_wrong() -> None:
    judge(ROOT, [], [], [])


def test_whatever_was_written_is_named_with_what_failed() -> None:
    with pytest.raises(IntegrityError) as caught:
        judge(ROOT, [NOTES], [], ["as nobody: it ended with exit code 1"])
    assert caught.value.details == (
        "app/notes.txt: a file that was not there",
        "as nobody: it ended with exit code 1",
    )
    assert "user's data directory" in (caught.value.hint or "")


def test_bytecode_has_a_hint_of_its_own() -> None:
    with pytest.raises(IntegrityError) as caught:
        judge(ROOT, [PYC], [], [])
    assert "-O" in (caught.value.hint or "")
    assert "data directory" not in (caught.value.hint or "")


def test_what_only_the_digests_show_is_named_and_nothing_is_said_twice() -> None:
    broken = ["app/notes.txt: not in the list [file-extra]", "a.txt: another digest [file-hash]"]
    with pytest.raises(IntegrityError) as caught:
        judge(ROOT, [NOTES], broken, [])
    assert caught.value.details == (str(NOTES), broken[1])
    with pytest.raises(IntegrityError):
        judge(ROOT, [], broken, [])


def test_what_failed_and_wrote_nothing_is_a_failed_step() -> None:
    with pytest.raises(BuildError, match="nothing was written"):
        judge(ROOT, [], [], ["it ended with exit code 1"])


def test_a_tree_for_another_system_is_refused_with_both_names() -> None:
    here = host_target()
    require_host(ROOT, here.name)
    for target in TARGETS:
        if here.name not in (target.name, *target.parts):
            with pytest.raises(InputError) as caught:
                require_host(ROOT, target.name)
            assert f"for {target.name}" in str(caught.value)
            assert f"on {here.name}" in str(caught.value)
