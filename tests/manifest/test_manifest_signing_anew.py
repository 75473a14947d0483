"""Signing a finished tree anew: at any moment it is one that verifies, however signing ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from manifest_examples import Sealed, example_key, trusting

from runtime_packager.manifest import TrustedKeys, resign, verify_tree

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to kill")

OTHER = example_key(seed=5)


def killed_at_rename(root: Path, number: int) -> bool:
    """Sign in a child that is killed in the place of one of its renames, if it has so many."""
    child = os.fork()
    if not child:
        rename, left = os.replace, number

        def counted(source: Path, to: Path) -> None:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            rename(source, to)

        os.replace = counted  # type: ignore[assignment]
        try:
            resign(root, OTHER)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def both(sealed: Sealed) -> TrustedKeys:
    return trusting(sealed.key, OTHER)


@pytest.mark.parametrize("number", range(3))
def test_a_kill_leaves_a_tree_that_verifies(sealed: Sealed, number: int) -> None:
    assert killed_at_rename(sealed.root, number) is (number < 2)
    verify_tree(sealed.root, both(sealed))
    resign(sealed.root, OTHER)
    verify_tree(sealed.root, trusting(OTHER))


SIGN = """
import sys; from pathlib import Path; from manifest_examples import example_key
from runtime_packager.manifest import resign
resign(Path(sys.argv[1]), example_key(seed=5))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_signing_where_nothing_can_be_written_beside_the_tree(sealed: Sealed) -> None:
    # Without these two the superuser feels modes, as everybody else does.
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [sys.executable, "-c", SIGN, str(sealed.root)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    sealed.root.parent.chmod(0o555)
    try:
        subprocess.run([*([] if os.getuid() else powerless), *command], check=True, env=env)
    finally:
        sealed.root.parent.chmod(0o755)
    verify_tree(sealed.root, trusting(OTHER))


def test_what_a_kill_left_in_the_tree_is_no_obstacle(sealed: Sealed) -> None:
    (sealed.root / "manifest/.release.dsse.json.half").write_bytes(b"{")
    resign(sealed.root, OTHER)
    verify_tree(sealed.root, trusting(OTHER))


def test_nothing_stays_beside_the_tree(sealed: Sealed) -> None:
    before = sorted(sealed.root.parent.iterdir())
    resign(sealed.root, OTHER)
    assert sorted(sealed.root.parent.iterdir()) == before
