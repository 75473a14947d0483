"""Running a program of the tree as somebody, for a while, and ending it and all it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOBODY = 65534
"""User and group ``nobody`` (``nogroup``) on Linux; on macOS no account at all, which does too."""

GRACE = 5.0
"""Seconds a program has to end when it is asked to."""

_WINDOWS = os.name == "nt"
_OWN_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
                "XDG_STATE_HOME")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Who runs it.

    :param uid: user and ``gid`` group to become, or ``None`` to stay who we are.
    """

    name: str
    uid: int | None = None
    gid: int | None = None

    def options(self) -> dict[str, Any]:
        """What :class:`subprocess.Popen` is told about it."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    :param code: its exit code, negative for a signal; ``None`` when it had to be killed.
    :param asked: whether we ended it, because its time was up.
    :param seconds: it ran.
    """

    code: int | None
    asked: bool
    seconds: float

    def failure(self) -> str | None:
        """Why it cannot be called a success, if it cannot."""
        if self.asked or self.code == 0:
            return None
        return f"{code_text(self.code)} after {self.seconds:.1f} s"


def code_text(code: int | None) -> str:
    """How an exit code is put to people; ``None`` stands for a program that did not end."""
    if code is None:
        return "did not end"
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


def identities(root: Path, *, superuser: bool) -> list[Identity]:
    """As whom to run what lies at ``root``.

    The superuser does it twice. ``nobody`` has no right to write, as with a program that an
    administrator installed: that shows whether the app gets on without. The tree's owner has
    it, as with a program that a user installed: only then an attempt leaves something to find.
    """
    if not superuser:
        return [Identity("yourself")]
    status = root.stat()
    owner = Identity(f"its owner ({status.st_uid})", status.st_uid, status.st_gid)
    nobody = Identity(f"nobody ({NOBODY})", NOBODY, NOBODY)
    return [owner] if owner.uid == NOBODY else [nobody, owner]


@contextmanager
def home(identity: Identity) -> Iterator[Path]:
    """A directory of the identity's own, outside the tree, gone afterwards."""
    # realpath: macOS has its temporary directory behind a link.
    path = Path(os.path.realpath(tempfile.mkdtemp(prefix="runtime-packager-after-run-")))
    try:
        if identity.uid is not None and identity.gid is not None:
            os.chown(path, identity.uid, identity.gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run_for(
    command: Sequence[str | Path],
    identity: Identity,
    home: Path,
    limit: float | None,
    *,
    interruptible: bool = False,
) -> Ended:
    """Run ``command`` until it ends or ``limit`` seconds have passed; then end it in order.

    It is asked first (end of its standard input; SIGTERM), killed :data:`GRACE` seconds later,
    and whatever it left running is killed with it. What it prints goes to standard error.

    :param limit: ``None`` for as long as it takes.
    :param interruptible: Ctrl-C ends it in order too, and not us.
    :raises OSError: when it cannot be started.
    """
    began = time.monotonic()
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=home,
        env=_environment(os.environ, home),
        stdin=subprocess.PIPE,
        stdout=2,
        start_new_session=not _WINDOWS,
        **identity.options(),
    )
    try:
        try:
            asked = not _ends(child, limit)
        except KeyboardInterrupt:
            if not interruptible:
                raise
            asked = True
        if asked:
            assert child.stdin  # noqa: S101 - for the type checker: it is a pipe
            child.stdin.close()
            child.terminate()
        over = _ends(child, GRACE)
    finally:
        _kill(child)
    return Ended(child.returncode if over else None, asked, time.monotonic() - began)


def _environment(ours: Mapping[str, str], home: Path) -> dict[str, str]:
    kept = {name: value for name, value in ours.items() if name not in _OWN_FOLDERS}
    return kept | dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(home))


def _ends(child: subprocess.Popen[bytes], limit: float | None) -> bool:
    try:
        child.wait(limit)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(child: subprocess.Popen[bytes]) -> None:
    if _WINDOWS:
        child.kill()  # the launcher's job takes all that it started with it
    else:
        # Its session is a process group of its own; gone, or on macOS all zombies, is as good.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin:
        with suppress(OSError):
            child.stdin.close()
