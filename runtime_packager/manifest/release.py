"""The signed payload: what one runtime is.

Rules:

1. Strict JSON of at most 8 MiB with ``schema`` 1. A change that an old verifier must not pass
   over gets a new schema number.
2. Every field of :class:`Release` is there and of its type.
3. Further fields are allowed, because an app in the field must be able to take a release that a
   newer tool signed; but each name in the list ``must_understand`` has to be one we know, or the
   release is refused (``must-understand``). Objects inside hold exactly their fields.
4. The platform is a known one; paths obey :mod:`runtime_packager.manifest.paths`; executables
   ascend by path; ``created`` is ``YYYY-MM-DDTHH:MM:SSZ`` and a real moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.paths import order_problems, path_problem
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, Problem, rejection
from runtime_packager.platforms import TARGETS

SCHEMA = 1
MAX_SIZE = 8 * 1024 * 1024

_WHAT = "the release"
_PLATFORMS = frozenset(target.name for target in TARGETS)
_EXECUTABLE_KEYS = frozenset({"path", "sha256", "size"})


class Executable(NamedTuple):
    """A program or library of the tree that every verification hashes.

    :param sha256: lower-case hex.
    :param size: bytes.
    """

    path: str
    sha256: str
    size: int


PROVENANCE = {
    "python": True,
    "source": True,
    "origin": True,
    "release": False,
    "asset": False,
    "sha256": False,
}
"""The texts that say where the interpreter comes from, and whether each must not be empty:
its version, the kind of source, the place itself for people, the release and archive it is from,
and the SHA-256 it was known by. Beside them stands the boolean ``official``: whether it is,
digest for digest, a published python-build-standalone build."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is signed.

    :param epoch: a number that never falls from release to release; rollback compares it.
    :param platform: canonical name of the target.
    :param files_sha256: of ``manifest/files.json``, hex; ``files_size`` its bytes.
    :param file_count: records in it.
    :param tree_root: see :func:`runtime_packager.manifest.files.tree_root`.
    :param executables: ascending by path.
    :param interpreters: one, two in a universal tree; :data:`PROVENANCE` and ``official`` of each.
    :param lock_sha256: of the lock file, hex.
    :param tool: name and version of the program that made it.
    :param created: UTC, RFC 3339 with ``Z``, whole seconds.
    :param inputs: digest of everything the assembly was made from, hex.
    """

    product: str
    version: str
    epoch: int
    platform: str
    files_sha256: str
    files_size: int
    file_count: int
    tree_root: str
    executables: tuple[Executable, ...]
    interpreters: tuple[Mapping[str, str | bool], ...]
    lock_sha256: str
    tool: str
    created: str
    inputs: str


_FIELDS = frozenset(Release.__dataclass_fields__)
_KNOWN = _FIELDS | {"schema", "must_understand"}


def render(release: Release) -> bytes:
    """The payload, canonical."""
    return strict_json.dumps(
        {name: getattr(release, name) for name in _FIELDS}
        | {
            "interpreters": [dict(interpreter) for interpreter in release.interpreters],
            "executables": [executable._asdict() for executable in release.executables],
            "must_understand": [],
            "schema": SCHEMA,
        }
    )


def parse(data: bytes) -> Release:
    """The release that a verified payload describes.

    :raises IntegrityFailure: when a rule of this module is broken.
    """
    found = shape.require(strict_json.loads(data, max_size=MAX_SIZE, what=_WHAT), dict, _WHAT)
    shape.require_schema(found.get("schema"), SCHEMA, _WHAT)
    _require_understood(found.get("must_understand"))
    shape.require_keys(found, _KNOWN, _WHAT, optional=frozenset(found))
    return Release(
        product=_text(found, "product"),
        version=_text(found, "version"),
        epoch=_count(found, "epoch"),
        platform=_platform(found),
        files_sha256=_digest(found, "files_sha256"),
        files_size=_count(found, "files_size"),
        file_count=_count(found, "file_count"),
        tree_root=_digest(found, "tree_root"),
        executables=_executables(found["executables"], found["platform"]),
        interpreters=_interpreters(found["interpreters"]),
        lock_sha256=_digest(found, "lock_sha256"),
        tool=_text(found, "tool"),
        created=shape.require_moment(found["created"], f"{_WHAT}: created"),
        inputs=_digest(found, "inputs"),
    )


def timestamp(epoch: int) -> str:
    """Seconds since 1970 as ``created`` writes them."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _require_understood(value: Any) -> None:
    what = f"{_WHAT}: must_understand"
    names = [shape.require_text(name, what) for name in shape.require(value, list, what)]
    if unknown := sorted(set(names) - _KNOWN):
        raise rejection(
            ErrorId.MUST_UNDERSTAND, f"needs a newer verifier, for {', '.join(unknown)}", _WHAT
        )


def _text(found: Mapping[str, Any], name: str) -> str:
    return shape.require_text(found[name], f"{_WHAT}: {name}")


def _count(found: Mapping[str, Any], name: str) -> int:
    return shape.require_count(found[name], f"{_WHAT}: {name}")


def _digest(found: Mapping[str, Any], name: str) -> str:
    return shape.require_digest(found[name], f"{_WHAT}: {name}")


def _platform(found: Mapping[str, Any]) -> str:
    name = _text(found, "platform")
    if name not in _PLATFORMS:
        raise rejection(ErrorId.SCHEMA, f"{name} is no known platform", f"{_WHAT}: platform")
    return name


def _executables(value: Any, platform: str) -> tuple[Executable, ...]:
    what = f"{_WHAT}: executables"
    found = tuple(_executable(row, what) for row in shape.require(value, list, what))
    if problems := _path_problems([executable.path for executable in found], platform):
        raise IntegrityFailure(f"{what} hold paths a tree cannot", problems)
    return found


def _executable(value: Any, what: str) -> Executable:
    row = shape.require_keys(value, _EXECUTABLE_KEYS, what)
    return Executable(
        shape.require(row["path"], str, f"{what}: path"),
        shape.require_digest(row["sha256"], f"{what}: sha256"),
        shape.require_count(row["size"], f"{what}: size"),
    )


def _path_problems(paths: Sequence[str], platform: str) -> list[Problem]:
    unfit = (
        Problem(path, ErrorId.PATH, reason)
        for path in paths
        if (reason := path_problem(path, platform))
    )
    return [*order_problems(paths), *unfit]


def _interpreters(value: Any) -> tuple[dict[str, str | bool], ...]:
    what = f"{_WHAT}: interpreters"
    found = tuple(_provenance(row, what) for row in shape.require(value, list, what))
    if not found:
        raise rejection(ErrorId.SCHEMA, "at least one expected", what)
    return found


def _provenance(value: Any, what: str) -> dict[str, str | bool]:
    row = shape.require_keys(value, frozenset({*PROVENANCE, "official"}), what)
    for name, needed in PROVENANCE.items():
        if needed or row[name] != "":
            shape.require_text(row[name], f"{what}: {name}")
    if row["sha256"]:
        shape.require_digest(row["sha256"], f"{what}: sha256")
    shape.require(row["official"], bool, f"{what}: official")
    return row
