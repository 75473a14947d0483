"""Programs are run for a while, ended in order, and leave nothing running."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_packager.afterrun import running
from runtime_packager.afterrun.running import Identity, code_text, home, identities, run_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends programs by signals")

ME = Identity("yourself")


@pytest.fixture
def place() -> Iterator[Path]:
    with home(ME) as path:
        yield path


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def test_one_that_ends_by_itself(place: Path) -> None:
    assert run_for(shell("exit 0"), ME, place, 60).failure() is None
    ended = run_for(shell("exit 3"), ME, place, 60)
    assert (ended.code, ended.asked) == (3, False)
    assert "exit code 3" in (ended.failure() or "")
    assert "SIGSEGV" in (run_for(shell("kill -SEGV $$"), ME, place, 60).failure() or "")


def test_one_whose_time_is_up_is_asked_and_that_is_no_failure(place: Path) -> None:
    ended = run_for(["/bin/sleep", "600"], ME, place, 0)
    assert (ended.code, ended.asked, ended.failure()) == (-signal.SIGTERM, True, None)


def test_one_that_does_not_listen_is_killed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "GRACE", 0.1)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit it
    try:
        ended = run_for(["/bin/sleep", "600"], ME, place, 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (ended.code, ended.asked) == (None, True)


def test_what_it_left_running_is_killed(place: Path) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run_for(shell(f"exec 3>{pipe}; sleep 600 & echo started >&3"), ME, place, 60)
    assert os.read(reader, 100) == b"started\n"
    ready, _, _ = select.select([reader], [], [], 30)
    assert ready, "it still holds the pipe"
    assert os.read(reader, 100) == b""
    os.close(reader)


def test_home_and_scratch_lie_elsewhere_and_are_removed() -> None:
    with home(ME) as path:
        run_for(shell('echo "$HOME $TMPDIR $PWD $XDG_DATA_HOME" > here'), ME, path, 60)
        assert (path / "here").read_text().split() == [str(path)] * 3
    assert not path.exists()


def test_the_superuser_tries_it_without_and_with_the_right_to_write(tmp_path: Path) -> None:
    nobody, owner = identities(tmp_path, superuser=True)
    assert (nobody.uid, owner.uid) == (running.NOBODY, tmp_path.stat().st_uid)
    (me,) = identities(tmp_path, superuser=False)
    assert me.options() == {}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes another")
def test_as_nobody_it_has_neither_our_rights_nor_our_groups(tmp_path: Path) -> None:
    nobody, _ = identities(tmp_path, superuser=True)
    with home(nobody) as path:
        run_for(shell("id -u > ids; id -G >> ids"), nobody, path, 60)
        assert (path / "ids").read_text().split() == [str(running.NOBODY)] * 2


@pytest.mark.parametrize(
    ("code", "text"), [(2, "exit code 2"), (-9, "SIGKILL"), (-200, "signal 200"), (None, "not end")]
)
def test_exit_codes_in_words(code: int | None, text: str) -> None:
    assert text in code_text(code)
