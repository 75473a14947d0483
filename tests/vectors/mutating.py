"""Vectors changed at random: in their bytes, in their JSON, in what is done to a tree."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

from make_signed import envelope as make_envelope
from make_signed import signature
from vector_parts import expand
from vector_verdicts import Vector

LARGEST = 200_000
"""Bytes; larger vectors are not worth the time."""

TOKENS = [
    *b'{ } [ ] " : , \\ \\u0000 \\ud83d \\ude00 null true false NaN -Infinity'.split(),
    *b"- 0 -0 01 1.0 1e3 .5 9007199254740991 9007199254740992 -9007199254740993".split(),
    *b'"schema":1, "schema":2, "path":"a", "__proto__":{}, "keyid":"", /../ // con'.split(),
    *(b"\x00", b"\x1f", b"\x7f", b" ", b"\n", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
    *(text.encode() for text in ("\u0085", "\u2028", "\u00e9", "e\u0301", "\U0001f600")),
]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 2**53 - 1, 2**53, [], {}, [[]], {"a": 1}, ["a"]),
    *("", "a", "..", "../a", "a/b", "A", "con", "a.", "aa:b", "\n", "\x7f", "\u0085"),
    *("\u00e9", "e\u0301", "\u212a", "\u0130", "\U00010400", "\ue000"),
    *("0644", "0755", "0777", "file", "link", "release", "linux-x64", "win-x64", "mac-arm64"),
    *("ab" * 32, "AB" * 32, "2030-02-29T00:00:00Z"),
]


def mutant(vectors: list[Vector], chance: random.Random) -> Vector:
    """One of the vectors, changed in one to three places."""
    vector = dict(chance.choice(vectors))
    field = "inputs" if vector["kind"] == "root" else "input"
    chain = [expand(parts) for parts in (vector[field] if field == "inputs" else [vector[field]])]
    index = chance.randrange(len(chain))
    changed = _signed_anew if vector["kind"] == "root" and chance.random() < 0.6 else _changed
    chain[index] = changed(chain[index], chance)
    parts = [[{"base64": base64.b64encode(data).decode()}] for data in chain]
    vector[field] = parts if field == "inputs" else parts[0]
    if vector["kind"] == "files" and chance.random() < 0.3:
        vector["platform"] = chance.choice(("linux-x64", "win-x64", "mac-arm64"))
    return vector


def is_small(vector: Vector) -> bool:
    """Whether it has an input, and one that can be changed many times."""
    chain = vector.get("inputs") or [vector.get("input")]
    return all(parts is not None and len(expand(parts)) <= LARGEST for parts in chain)


def tree_mutant(vectors: list[Vector], chance: random.Random) -> Vector:
    """A tree to which is done what several vectors do; some of it may be impossible."""
    chosen = chance.sample(vectors, chance.randint(2, 4))
    actions = [action for vector in chosen for action in vector["actions"]]
    return dict(chance.choice(vectors)) | {"actions": actions}


def _changed(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        data = chance.choice((_bytes_changed, _json_changed, _json_changed))(data, chance)
    return data


def _signed_anew(envelope: bytes, chance: random.Random) -> bytes:
    """An envelope whose payload is changed and then signed by some: it gets past signatures."""
    try:
        kind, payload = (json.loads(envelope)[name] for name in ("payloadType", "payload"))
        made = _json_changed(base64.b64decode(payload), chance)
    except (ValueError, TypeError):
        return _changed(envelope, chance)
    seeds = chance.choice(((1, 2), (1, 2), (1, 2, 3, 4), (1,)))
    rows = (signature(seed, made, kind) for seed in seeds)
    return make_envelope(*rows, signed=made, kind=kind)


def _bytes_changed(data: bytes, chance: random.Random) -> bytes:
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((0, 1, 1, 2, 8, 64)))
    token = chance.choice((b"", chance.choice(TOKENS), chance.randbytes(1), data[start:end] * 2))
    return data[:start] + token + data[end:]


def _json_changed(data: bytes, chance: random.Random) -> bytes:
    """A value, key or row replaced, removed or repeated, where the text is still JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _bytes_changed(data, chance)
    places = list(_places(document))
    if not places:
        return json.dumps(chance.choice(VALUES)).encode()
    container, key = chance.choice(places)
    chance.choice(_CHANGES)(container, key, chance)
    return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")


def _places(value: Any) -> list[tuple[Any, Any]]:
    pending, found = [value], []
    while pending:
        container = pending.pop()
        if isinstance(container, dict | list):
            keys = list(container) if isinstance(container, dict) else range(len(container))
            found += [(container, key) for key in keys]
            pending += [container[key] for key in keys]
    return found


def _replace(container: Any, key: Any, chance: random.Random) -> None:
    container[key] = chance.choice(VALUES)


def _edit(container: Any, key: Any, chance: random.Random) -> None:
    value = container[key]
    if isinstance(value, str):
        at = chance.randint(0, len(value))
        container[key] = (
            value[:at] + str(chance.choice(VALUES)) + value[at + chance.randint(0, 1) :]
        )
    elif type(value) is int:
        container[key] = value + chance.choice((-1, 1, 10**6))
    else:
        _replace(container, key, chance)


def _remove(container: Any, key: Any, chance: random.Random) -> None:
    del container[key]


def _repeat(container: Any, key: Any, chance: random.Random) -> None:
    if isinstance(container, list):
        container.insert(chance.randint(0, len(container)), container[key])
    else:
        container[str(chance.choice(VALUES))] = container[key]


_CHANGES: list[Callable[[Any, Any, random.Random], None]] = [_replace, _edit, _remove, _repeat]
