"""Where runs may go: laws of the state machine, whatever order things happen in."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_studio.errors import ProblemError
from peft_studio.runs.states import ACTIVE, OVER, Command, Event, Status, after, heard

STATUSES: tuple[Status, ...] = get_args(Status)
COMMANDS: tuple[Command, ...] = get_args(Command)
EVENTS: tuple[Event, ...] = get_args(Event)
COMMAND = st.sampled_from([word for word in COMMANDS if word != "delete"])


def possible(status: Status, command: Command) -> bool:
    try:
        after(status, command)
    except ProblemError as error:
        assert (error.problem.status, error.problem.id) == (409, "run_conflict")
        assert status in error.problem.message
        return False
    return True


@given(st.lists(st.one_of(COMMAND, st.sampled_from(EVENTS))))
def test_from_wherever_a_run_gets_it_can_be_ended(steps: list[str]) -> None:
    status: Status = "queued"
    for step in steps:
        if step in EVENTS:
            status = heard(status, step) or status
        elif possible(status, step):
            status = after(status, step)
        assert possible(status, "cancel") == (status not in OVER)
        assert possible(status, "delete") == (status not in ACTIVE)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", sorted(set(STATUSES) - ACTIVE))
def test_what_a_child_says_too_late_changes_nothing(status: Status, event: Event) -> None:
    assert heard(status, event) is None


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_what_was_active_when_the_service_ended_can_be_resumed(status: Status) -> None:
    assert heard(status, "lost") == "interrupted"
    assert after("interrupted", "resume") == "queued"


def test_a_pause_holds_until_it_is_taken_back() -> None:
    assert after("running", "pause") == "pausing"
    assert heard("pausing", "started") is None
    assert heard("pausing", "paused") == "paused"
    assert after("paused", "resume") == "queued"


def test_what_is_over_stays_over_but_a_failed_run_may_try_again() -> None:
    assert [status for status in sorted(OVER) if possible(status, "resume")] == ["failed"]
