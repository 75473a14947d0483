"""What keeps targets from being locked, said once for all that it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from runtime_packager.errors import NetworkError, PackagerError
from runtime_packager.platforms import Target


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no lock for one target.

    :param kind: the error it becomes.
    :param what: a sentence; ``{}`` in it stands for the platforms and the Python, if it matters.
    :param details: one finding each.
    :param tags: the wheels that were looked for on this target, where that matters.
    """

    target: Target
    kind: type[PackagerError]
    what: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    tags: str | None = None

    @classmethod
    def of(cls, error: PackagerError, target: Target) -> Trouble:
        """An error that is the same for any target, as one's trouble."""
        return cls(target, type(error), literal(error.message), error.hint, error.details)

    @property
    def problem(self) -> tuple[object, ...]:
        """What makes it the same trouble as another target's."""
        return (self.kind, self.what, self.hint, self.details)


def together(troubles: Sequence[Trouble], asked: int, python: Version) -> PackagerError:
    """One error for all that went wrong with ``asked`` targets; what is the same is said once.

    Its kind: an index that cannot be read comes before all else, since it may be behind the rest.
    """
    groups: dict[tuple[object, ...], list[Trouble]] = {}
    for one in troubles:
        groups.setdefault(one.problem, []).append(one)
    ordered = sorted(groups.values(), key=lambda group: _weight(group[0].kind), reverse=True)
    kind, hints = ordered[0][0].kind, [group[0].hint for group in ordered if group[0].hint]
    if len(ordered) == 1:
        (group,) = ordered
        return kind(_sentence(group, python), group[0].hint, details=_lines(group))
    details = []
    for group in ordered:
        details.append(f"{_sentence(group, python)}:")
        details += [f"  {line}" for line in _lines(group)]
    hint = "; ".join(dict.fromkeys(hints)) or None
    message = f"the requirements cannot be locked for {len(troubles)} of {asked} platforms"
    return kind(message, hint, details=details)


def _weight(kind: type[PackagerError]) -> tuple[bool, int]:
    return kind is NetworkError, kind.exit_code


def _sentence(group: Sequence[Trouble], python: Version) -> str:
    names = ", ".join(one.target.name for one in group)
    return group[0].what.format(f"{names}, Python {python}")


def _lines(group: Sequence[Trouble]) -> list[str]:
    tags = {one.target.name: one.tags for one in group if one.tags}
    if len(tags) == 1:
        return [*group[0].details, *(f"looked for: {text}" for text in tags.values())]
    return [*group[0].details, *(f"looked for on {name}: {text}" for name, text in tags.items())]


def literal(text: str) -> str:
    """``text`` for a :attr:`Trouble.what`, in which braces mean something."""
    return text.replace("{", "{{").replace("}", "}}")
