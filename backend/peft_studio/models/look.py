"""Looking at a model's directory: what it is, and what keeps it from being used.

Nothing of it is run and no library is asked; weights are judged by their headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft_studio.models.weights import WeightsError, parameters

_JSON_LIMIT = 16 << 20
"""Bytes of a JSON file that are read; the index of a large model has some 100 KB."""
_INDEX = "model.safetensors.index.json"
_ADAPTER = "adapter_config.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_TOKENIZERS = frozenset(
    {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a model cannot be used.

    :param id: ``model_invalid``, or ``model_unsafe`` when loading it would run its code.
    :param message: what follows the model's name.
    """

    id: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a directory holds.

    :param architecture: as in ``config.json``.
    :param parameters: their number, by the headers of the weights.
    :param size: bytes of its files.
    :param flaw: why it cannot be used, if so; what else is known stays.
    """

    architecture: str | None
    parameters: int | None
    size: int
    flaw: Flaw | None


class _FlawError(Exception):
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def look(folder: Path, within: Path) -> Look:
    """Look at ``folder``, whose links may lead to places in ``within`` and nowhere else."""
    architecture: str | None = None
    count: int | None = None
    size = 0
    try:
        files = _files(folder, within.resolve())
        size = sum(path.stat().st_size for path in files.values())
        architecture = _architecture(files)
        count = _weights(files)
        if not files.keys() & _TOKENIZERS:
            raise _invalid("has no tokenizer", "it needs tokenizer.json or tokenizer.model")
        flaw = None
    except _FlawError as error:
        flaw = error.flaw
    except (OSError, RuntimeError) as error:  # the latter: a link that leads to itself
        reason = getattr(error, "strerror", None) or "a link leads to itself"
        flaw = Flaw("model_invalid", f"cannot be read: {reason}")
    return Look(architecture, count, size, flaw)


def _files(folder: Path, within: Path) -> dict[str, Path]:
    """Its regular files by name, where they really are."""
    files = {}
    for path in sorted(folder.iterdir()):
        real = path.resolve()
        if not real.is_relative_to(within):
            message = f"has {_shown(path.name)}, a link out of its directory"
            raise _FlawError(Flaw("model_unsafe", message, "put the file itself there"))
        if real.is_file():
            files[path.name] = real
    return files


def _architecture(files: Mapping[str, Path]) -> str:
    if _ADAPTER in files:
        # transformers would load it on top of the model, or another model that it names.
        raise _invalid(f"has {_ADAPTER}: it is an adapter, or carries one", "take the model alone")
    if "config.json" not in files:
        raise _invalid("has no config.json", "a model is a directory as transformers saves it")
    config = _json(files, "config.json")
    match config:
        case {"architectures": [str(architecture), *_]} if architecture.isidentifier():
            return architecture[:200]
    raise _invalid("has a config.json that names no architecture")


def _weights(files: Mapping[str, Path]) -> int:
    names = [name for name in files if name.endswith(".safetensors")]
    if not names:
        _refuse_pickles(files)
    if _INDEX in files:
        names = _shards(_json(files, _INDEX))
        if missing := [name for name in names if name not in files]:
            raise _invalid(f"lacks {_shown(missing[0])}", "copy all files of the model")
    return sum(_parameters(files[name], name) for name in names)


def _refuse_pickles(files: Iterable[str]) -> None:
    pickles = [name for name in files if name.endswith(_PICKLES)]
    if not pickles:
        raise _invalid("has no weights", "it needs files that end in .safetensors")
    message = f"has its weights only as {_shown(pickles[0])}, which can run code when it is loaded"
    raise _FlawError(Flaw("model_unsafe", message, "get the model as safetensors, or convert it"))


def _shards(index: object) -> list[str]:
    match index:
        case {"weight_map": dict(weights)} if all(isinstance(n, str) for n in weights.values()):
            return sorted(set(weights.values()))
    raise _invalid(f"has a {_INDEX} without weight_map")


def _parameters(path: Path, name: str) -> int:
    try:
        return parameters(path)
    except WeightsError as error:
        raise _invalid(f"has {_shown(name)}, which {error}", "copy the file again") from error


def _json(files: Mapping[str, Path], name: str) -> Any:
    with files[name].open("rb") as file:
        content = file.read(_JSON_LIMIT + 1)
    try:
        return json.loads(content) if len(content) <= _JSON_LIMIT else None
    except (ValueError, RecursionError):
        raise _invalid(f"has a {name} that is not JSON") from None


def _invalid(message: str, hint: str | None = None) -> _FlawError:
    return _FlawError(Flaw("model_invalid", message, hint))


def _shown(name: str) -> str:
    """A foreign name in a sentence."""
    return ascii(name)[1:-1][:100]
