"""Which models there are, and what a model's id stands for.

``local:NAME`` is the directory ``models/NAME``; ``hub:org/name`` or ``hub:org/name@revision`` is
fetched by the run that first wants it, into ``hub/``, laid out as huggingface_hub does it:
``hub/models--org--name/`` with ``refs/``, ``blobs/`` and ``snapshots/<commit>/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peft_studio.data_dir import DataDir
from peft_studio.errors import Problem, ProblemError
from peft_studio.models.look import Flaw, Look, look

Kind = Literal["local", "hub"]

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""A directory in ``models/``, and each part of a hub's id."""

_HUB_ID = re.compile(rf"(?P<name>{NAME}(/{NAME})?)(@(?P<revision>{NAME}))?")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Where a child finds a model.

    :param source: a directory, or a hub's ``org/name``.
    :param revision: of the hub's model, when one was asked for.
    :param local: whether ``source`` is a directory; nothing is then fetched.
    """

    source: str
    revision: str | None
    local: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is there. See :class:`peft_studio.models.look.Look`."""

    id: str
    kind: Kind
    name: str
    look: Look


class Models:
    """The models of a data directory."""

    def __init__(self, data: DataDir) -> None:
        self._local = data.models
        self._hub = data.hub / "hub"

    def all(self) -> list[Model]:
        """Local ones first, each kind by name."""
        return [*self._local_ones(), *self._hub_ones()]

    def resolve(self, model_id: str) -> ModelRef:
        """What ``model_id`` stands for; a local model can be used as far as one can see.

        :raises ProblemError: ``model_not_found``, ``model_invalid`` or ``model_unsafe``.
        """
        kind, _, rest = model_id.partition(":")
        if kind == "local":
            return self._resolve_local(rest)
        match = _HUB_ID.fullmatch(rest)
        if kind != "hub" or match is None or re.search(r"\.\.|--", rest):
            raise ProblemError(_UNKNOWN_KIND)
        for model in self._hub_ones():
            if model.id == model_id and model.look.flaw and model.look.flaw.id == "model_unsafe":
                raise ProblemError(_problem(model_id, model.look.flaw))
        return ModelRef(match["name"], match["revision"], local=False)

    def _resolve_local(self, name: str) -> ModelRef:
        # Looked for among what is there: what was asked for is never part of a path.
        folder = next((path for path in self._folders() if path.name == name), None)
        if folder is None:
            raise ProblemError(_NOT_FOUND)
        if flaw := _local(folder).look.flaw:
            raise ProblemError(_problem(f"local:{name}", flaw))
        return ModelRef(str(folder), None, local=True)

    def _folders(self) -> list[Path]:
        found = self._local.iterdir() if self._local.is_dir() else ()
        return sorted(path for path in found if path.is_dir())

    def _local_ones(self) -> Iterator[Model]:
        return map(_local, self._folders())

    def _hub_ones(self) -> Iterator[Model]:
        repositories = sorted(self._hub.iterdir()) if self._hub.is_dir() else []
        for repository in repositories:
            prefix, _, rest = repository.name.partition("--")
            name = rest.replace("--", "/")
            snapshot = _snapshot(repository)
            if prefix == "models" and _HUB_ID.fullmatch(name) and snapshot is not None:
                yield Model(f"hub:{name}", "hub", name, look(snapshot, repository))


_NOT_FOUND = Problem(
    404,
    "model_not_found",
    "there is no such model",
    "GET /api/models lists those that are there",
)
_UNKNOWN_KIND = Problem(
    404,
    "model_not_found",
    "there is no such model",
    "a model is local:NAME, hub:org/name or hub:org/name@revision",
)
_MISNAMED = Flaw(
    "model_invalid",
    "has a name with other characters than letters, digits, dot, dash and underscore",
    "rename its directory",
)


def _local(folder: Path) -> Model:
    found = look(folder, folder)
    # A name that is not Unicode could not be told to anyone.
    name = folder.name.encode(errors="replace").decode()
    if not re.fullmatch(NAME, folder.name):
        found = Look(found.architecture, found.parameters, found.size, _MISNAMED)
    return Model(f"local:{name}", "local", name, found)


def _snapshot(repository: Path) -> Path | None:
    """The files of the main revision, or of the one revision that is there."""
    try:
        with (repository / "refs" / "main").open() as file:
            commit = file.read(100).strip()
    except (OSError, ValueError):
        commit = ""
    try:
        snapshots = [path for path in (repository / "snapshots").iterdir() if path.is_dir()]
    except OSError:
        return None
    named = [path for path in snapshots if path.name == commit]
    return named[0] if named else snapshots[0] if len(snapshots) == 1 else None


def _problem(model_id: str, flaw: Flaw) -> Problem:
    return Problem(422, flaw.id, f"the model {model_id} {flaw.message}", flaw.hint)
