"""The fine-tuning methods: told, and checked before anything is started."""

from __future__ import annotations

import pytest
from backend_harness import Ask

from peft_studio.errors import ProblemError
from peft_studio.methods import METHODS, checked, supported

ALL = ["lora", "dora", "rslora", "pissa", "ia3", "prefix_tuning"]


def problem(method: str, parameters: dict[str, object]) -> tuple[int, str, str]:
    with pytest.raises(ProblemError) as caught:
        checked(method, parameters)
    return caught.value.problem.status, caught.value.problem.id, caught.value.problem.message


def test_all_methods_are_told_with_defaults_that_are_themselves_valid(ask: Ask) -> None:
    answer = ask("/api/methods").json()
    assert [one["name"] for one in answer["methods"]] == ALL
    for one in answer["methods"]:
        defaults = {parameter["name"]: parameter["default"] for parameter in one["parameters"]}
        assert checked(one["name"], defaults) == defaults == checked(one["name"], {})


def test_what_the_installed_peft_lacks_is_said() -> None:
    dora = METHODS["dora"]
    assert supported(dora, "0.9.0")
    assert supported(dora, "1.0.0.dev0")
    assert not supported(dora, "0.8.2")
    assert not supported(dora, None)
    assert not supported(dora, "unknown")


@pytest.mark.parametrize("name", ["", "LORA", "qlora", "../lora", "x" * 10000])
def test_another_method_is_refused_by_name(name: str) -> None:
    status, identity, message = problem(name, {})
    assert (status, identity) == (422, "unsupported_method")
    assert len(message) < 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"rank": 0},
        {"rank": 513},
        {"rank": True},
        {"rank": 8.0},
        {"rank": "8"},
        {"rank": None},
        {"rank": [8]},
        {"alpha": float("nan")},
        {"alpha": float("inf")},
        {"alpha": 10**400},
        {"dropout": 0.91},
        {"dropout": -0.1},
        {"target": "q_proj"},
        {"target": 1},
        {"r": 8},
        {"task_type": "SEQ_CLS"},
    ],
)
def test_a_wrong_parameter_is_refused(parameters: dict[str, object]) -> None:
    status, identity, message = problem("lora", parameters)
    assert (status, identity) == (422, "invalid_parameters")
    assert message.startswith(next(iter(parameters)))


def test_all_that_is_wrong_is_said_at_once() -> None:
    _, _, message = problem("lora", {"rank": 0, "dropout": 2, "colour": "red"})
    assert "rank" in message
    assert "dropout" in message
    assert "colour" in message


def test_a_whole_number_will_do_for_a_number() -> None:
    assert checked("lora", {"alpha": 32})["alpha"] == 32.0
