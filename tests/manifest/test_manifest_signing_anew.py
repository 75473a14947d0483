"""Signing a finished tree anew: at any moment it is one that verifies, however signing ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from manifest_examples import Sealed, example_key, trusting

from runtime_packager.manifest import TrustedKeys, resign, verify_tree

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to kill")

OTHER = example_key(seed=5)


def killed_at_rename(root: Path, number: int) -> bool:
    """Sign in a child that is killed in the place of its ``number``-th rename, if it has so many."""
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


@pytest.mark.skipif(
    hasattr(os, "getuid") and not os.getuid(), reason="the superuser writes anywhere"
)
def test_signing_where_nothing_can_be_written_beside_the_tree(sealed: Sealed) -> None:
    sealed.root.parent.chmod(0o555)
    try:
        resign(sealed.root, OTHER)
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
