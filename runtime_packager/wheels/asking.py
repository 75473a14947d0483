"""Asking pip in a child process that sees the target: the one place that starts ``as_target``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from runtime_packager.errors import BuildError
from runtime_packager.io.process import run, tail
from runtime_packager.platforms import Target

_CHILD = (
    "import sys; place = sys.argv.pop(1); sys.path.insert(0, place); "
    "from runtime_packager.wheels.as_target import main; sys.path.remove(place); main()"
)
"""Only our own package comes from our place: pip and its like come from where they always do, and
another copy of us that is installed must not answer."""

_PLACE = Path(__file__).parents[2]

QUIET = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
"""Environment of every pip we start: it neither asks nor looks for a newer self."""

ARGUMENTS = ("--no-color", "--progress-bar=off", "--quiet")


@dataclass(frozen=True, slots=True)
class Answer:
    """What pip said for one target.

    :param found: ``packages`` or ``locations``, or ``problem``.
    :param lines: the last that pip and build backends printed.
    """

    found: Mapping[str, Any]
    lines: Sequence[str]

    @property
    def problem(self) -> Mapping[str, Any] | None:
        """Why there is no result, if there is none."""
        return self.found.get("problem")


def ask(
    verb: str,
    target: Target,
    python: Version,
    arguments: Sequence[str],
    **request: object,
) -> tuple[Mapping[str, Any], list[str]]:
    """Like :func:`ask_all`, for one target: the answer, and the last lines pip printed."""
    (answer,) = ask_all(verb, [target], python, arguments, **request)
    return answer.found, [*answer.lines]


def ask_all(
    verb: str,
    targets: Sequence[Target],
    python: Version,
    arguments: Sequence[str],
    **request: object,
) -> list[Answer]:
    """Send ``request`` to a pip that believes to run on each of ``targets`` in turn.

    :param verb: ``resolve`` or ``locate``.
    :param arguments: for ``pip install``, such as ``-r`` and a file.
    :return: one answer a target, in their order.
    :raises BuildError: when pip lacks what we rely on, or dies without an answer.
    """
    described = [describe(target, python) for target in targets]
    question = {"verb": verb, "targets": described, **request}
    # -P: a module in the current directory must not hide one of pip's.
    command = [sys.executable, "-P", "-c", _CHILD, str(_PLACE), *ARGUMENTS, *arguments]
    done = run(command, stdin=json.dumps(question), env=QUIET, check=False)
    lines = [line for line in tail(done) if line.strip()] if done.stderr.strip() else []
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise BuildError("pip ended without an answer", details=lines) from error
    refuse_unknown_pip(answer)
    if problem := answer.get("problem"):
        return [Answer({"problem": problem}, lines) for _ in targets]
    return [Answer(found, found["lines"]) for found in answer["answers"]]


def describe(target: Target, python: Version) -> dict[str, object]:
    """All that pip asks of a platform: markers, Python version, tags by preference."""
    return {
        "markers": target.markers(python),
        "python": [*python.release[:3]],
        "tags": [[tag.interpreter, tag.abi, tag.platform] for tag in target.tags(python)],
    }


def refuse_unknown_pip(answer: Mapping[str, Any]) -> None:
    """:raises BuildError: when the installed pip was rebuilt inside and we cannot steer it."""
    problem = answer.get("problem") or {}
    if problem.get("kind") == "pip":
        raise BuildError(
            f"pip {problem['version']} cannot be made to resolve for another platform",
            "install another pip beside runtime-packager, 25.1 or newer, or update us",
            details=[f"it has no {name}" for name in problem["missing"]],
        )
