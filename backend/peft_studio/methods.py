"""The fine-tuning methods: what they are called, what can be set, and peft's form of them.

The service tells and checks them without peft; only a child that trains builds the configuration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from peft_studio.errors import Problem, ProblemError

Value = bool | int | float | str
"""What a parameter may be set to."""
Kind = Literal["integer", "number", "boolean", "string"]
"""JSON Schema's names of types."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that can be set.

    :param minimum: and ``maximum``: inclusive, of numbers.
    :param choices: all values that there are, of strings.
    """

    name: str
    type: Kind
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A way to fine-tune.

    :param since: the first peft, as ``(major, minor)``, that has it.
    """

    name: str
    title: str
    sentence: str
    parameters: tuple[Parameter, ...]
    since: tuple[int, int]


_RANK = Parameter(
    "rank", "integer", 8, "inner size of the matrices: higher learns more, costs more", 1, 512
)
_ALPHA = Parameter(
    "alpha", "number", 16, "strength of what was learned, in relation to the rank", 1, 4096
)
_DROPOUT = Parameter("dropout", "number", 0.0, "share of inputs left out while training", 0, 0.9)
_TARGET = Parameter(
    "target",
    "string",
    "attention",
    "which layers: those peft takes for this kind of model (attention), or every linear one",
    choices=("attention", "all-linear"),
)
_LORA = (_RANK, _ALPHA, _DROPOUT, _TARGET)

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "lora",
            "LoRA",
            "Adds a pair of small matrices to layers; the usual choice.",
            _LORA,
            (0, 3),
        ),
        Method(
            "dora",
            "DoRA",
            "LoRA that learns direction and size of weights apart; slower, often better.",
            _LORA,
            (0, 9),
        ),
        Method(
            "rslora",
            "rsLoRA",
            "LoRA whose strength does not fade as the rank grows; for high ranks.",
            _LORA,
            (0, 7),
        ),
        Method(
            "pissa",
            "PiSSA",
            "LoRA that starts from the weights' main directions; learns faster, starts slower.",
            _LORA,
            (0, 11),
        ),
        Method(
            "ia3",
            "IA3",
            "Learns to scale activations only: the smallest adapter there is.",
            (),
            (0, 4),
        ),
        Method(
            "prefix_tuning",
            "Prefix tuning",
            "Puts learned virtual tokens in front of every layer's input; weights stay untouched.",
            (
                Parameter("virtual_tokens", "integer", 20, "how many virtual tokens", 1, 512),
                Parameter(
                    "projection",
                    "boolean",
                    False,
                    "learn the tokens through a small network: steadier, and larger while training",
                ),
            ),
            (0, 3),
        ),
    )
}
"""All methods by name, in the order they are shown. peft gained each in the release that
``since`` names (its release notes)."""


def checked(method: str, parameters: Mapping[str, object]) -> dict[str, Value]:
    """The parameters of ``method``, those that were left out at their defaults.

    :param parameters: as they came: anything JSON can hold.
    :raises ProblemError: ``unsupported_method`` or ``invalid_parameters``, with all that is wrong.
    """
    known = {one.name: one for one in _method(method).parameters}
    wrong = [f"{name}: {method} has no such parameter" for name in parameters if name not in known]
    for name, parameter in known.items():
        if name in parameters and (why := _wrong(parameter, parameters[name])):
            wrong.append(f"{name}: {why}")
    if wrong:
        hint = f"it takes {', '.join(known)}" if known else "it takes no parameters"
        raise ProblemError(Problem(422, "invalid_parameters", "; ".join(wrong)[:2000], hint))
    return {name: _taken(one, parameters.get(name, one.default)) for name, one in known.items()}


def supported(method: Method, version: str | None) -> bool:
    """Whether peft of that ``version`` has ``method``."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version or "")
    return found is not None and (int(found[1]), int(found[2])) >= method.since


def peft_config(method: str, parameters: Mapping[str, Value]) -> Any:
    """peft's configuration of a causal language model's adapter. Imports peft: for children.

    :param parameters: as :func:`checked` gave them.
    """
    import peft

    if method == "ia3":
        return peft.IA3Config(task_type="CAUSAL_LM")
    if method == "prefix_tuning":
        return peft.PrefixTuningConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=parameters["virtual_tokens"],
            prefix_projection=parameters["projection"],
        )
    return peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=parameters["rank"],
        lora_alpha=parameters["alpha"],
        lora_dropout=parameters["dropout"],
        # None is peft's own choice by the model's architecture.
        target_modules="all-linear" if parameters["target"] == "all-linear" else None,
        use_dora=method == "dora",
        use_rslora=method == "rslora",
        # The exact decomposition: the fast one is random, and a resumed run must repeat it.
        init_lora_weights="pissa" if method == "pissa" else True,
    )


def _method(name: str) -> Method:
    try:
        return METHODS[name]
    except KeyError:
        raise ProblemError(
            Problem(
                422,
                "unsupported_method",
                f"there is no method {name[:100]!r}",
                f"known are {', '.join(METHODS)}",
            )
        ) from None


def _wrong(parameter: Parameter, value: object) -> str | None:
    if not _is(parameter.type, value):
        return f"expected {parameter.type}, got {type(value).__name__}"
    if parameter.choices is not None and value not in parameter.choices:
        return f"expected one of {', '.join(parameter.choices)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = parameter.minimum, parameter.maximum
        # Written so that what is no number fails as well.
        if not ((low is None or value >= low) and (high is None or value <= high)):
            return f"expected {low} to {high}"
    return None


def _is(kind: Kind, value: object) -> bool:
    match value:
        case bool():
            return kind == "boolean"
        case int():
            return kind in {"integer", "number"}
        case float():
            return kind == "number" and math.isfinite(value)
        case str():
            return kind == "string"
        case _:
            return False


def _taken(parameter: Parameter, value: object) -> Value:
    assert isinstance(value, Value)  # noqa: S101 - it was checked
    return float(value) if parameter.type == "number" else value
