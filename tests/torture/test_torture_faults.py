"""A seeded sample of what `make torture` does in full."""

from __future__ import annotations

import errno
import os
import random

import pytest
from torture.harness import COLD, COPIES, FAULTS, WARM, Scene, Torture

SEED = int(os.environ.get("TORTURE_SEED", "0")) or random.SystemRandom().randrange(10**6)


READING = [fault for fault, (*_, reads) in FAULTS.items() if reads]
CHANGING = [fault for fault in FAULTS if fault not in READING]


@pytest.fixture(scope="module")
def calls(torture: Torture) -> dict[str, int]:
    return {scene.name: torture.calls(scene) for scene in (WARM, COPIES, COLD)}


@pytest.fixture(scope="module")
def reads(torture: Torture) -> dict[str, int]:
    return {scene.name: torture.calls(scene, reads=True) for scene in (WARM, COLD)}


def point(calls: dict[str, int], scene: Scene, what: str) -> int:
    """A call of the scene's; the seed stands in the failed test's output."""
    chosen = random.Random(f"{SEED} {scene.name} {what}").randint(1, calls[scene.name])
    print(f"TORTURE_SEED={SEED}: {scene.name}, call {chosen}")  # noqa: T201
    return chosen


@pytest.mark.parametrize("scene", [WARM, COPIES, COLD], ids=lambda scene: scene.name)
def test_killed_anywhere_an_output_is_whole(torture: Torture, calls, scene: Scene) -> None:
    torture.kill(scene, point(calls, scene, "kill"))


@pytest.mark.parametrize("fault", CHANGING)
def test_a_fault_anywhere_is_an_error_of_ours(torture: Torture, calls, fault: str) -> None:
    torture.fail(WARM, point(calls, WARM, fault), fault)


@pytest.mark.parametrize("fault", READING)
@pytest.mark.parametrize("scene", [WARM, COLD], ids=lambda scene: scene.name)
def test_what_cannot_be_read_is_named(torture: Torture, reads, scene: Scene, fault: str) -> None:
    torture.fail(scene, point(reads, scene, fault), fault)


def test_a_replaced_tree_that_cannot_be_removed_is_no_failure(torture: Torture, calls) -> None:
    """The new tree has its name by then. Removing the one before is what comes last."""
    torture.prepare(WARM)
    status, said = torture.run(WARM, "fail", calls[WARM.name] - 100, errno.EIO)
    assert status == 0, said
    assert "is the new runtime, but" in said
    assert ".retired cannot be removed: Input/output error" in said
    torture.require(torture.said)
    torture.again(WARM)


def test_a_staging_directory_that_cannot_be_removed_is_no_failure(torture: Torture, calls) -> None:
    torture.prepare(WARM)
    status, said = torture.run(WARM, "fail", calls[WARM.name], errno.EIO)
    assert status == 0, said
    assert "warning:" in said
    torture.require(torture.said)
    torture.again(WARM)


def test_short_writes_lose_nothing(torture: Torture) -> None:
    torture.short(WARM, 1)


@pytest.mark.parametrize("scene", [WARM, COLD], ids=lambda scene: scene.name)
def test_what_gets_a_name_was_synced_before(torture: Torture, scene: Scene) -> None:
    torture.power_cut(scene)
