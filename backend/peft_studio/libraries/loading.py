"""Loading a model and its tokenizer: from files alone, safetensors alone, no code of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peft_studio.libraries.faults import Fault, Words, foreseen


@dataclass(frozen=True, slots=True)
class Base:
    """A model as it is, without an adapter.

    :param name: what people know it by.
    :param source: a directory, or a name on the hub.
    :param revision: of a model on the hub; its newest when ``None``.
    :param online: whether the hub may be asked.
    """

    name: str
    source: str
    revision: str | None
    online: bool


def tokenizer(base: Base, words: Words) -> Any:
    """The model's tokenizer.

    :raises Fault: ``model_invalid`` when it has none, ``hub_unreachable``.
    """
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(base.source, **_how(base))
    except Exception as error:
        what = "has no tokenizer that can be used"
        raise _fault(base, error, words, what, "tokenizer.json") from error


def model(base: Base, dtype: Any, words: Words) -> Any:
    """The model, frozen as it is, on the CPU.

    :param dtype: of torch, or ``auto`` for the type of its weights.
    :raises Fault: ``model_invalid``, ``hub_unreachable``, ``out_of_memory``.
    """
    import transformers

    try:
        return transformers.AutoModelForCausalLM.from_pretrained(
            base.source, dtype=dtype, use_safetensors=True, **_how(base)
        )
    except Exception as error:
        what, files = "cannot be loaded", "config.json and *.safetensors"
        raise _fault(base, error, words, what, files) from error


def _how(base: Base) -> dict[str, Any]:
    how = {"trust_remote_code": False, "local_files_only": not base.online}
    return how | ({"revision": base.revision} if base.revision else {})


def _fault(base: Base, error: Exception, words: Words, what: str, files: str) -> Fault:
    if known := foreseen(error, words):
        return known
    if base.online and _is_network(error):
        return Fault(
            "hub_unreachable",
            f"the model hub could not be reached for {base.name}",
            "check the name and the network, or put the model into the models directory",
        )
    return Fault("model_invalid", f"{base.name} {what}", f"it needs {files}; see the log")


def _is_network(error: BaseException | None) -> bool:
    while error is not None:
        if type(error).__module__.partition(".")[0] in {"httpx", "httpcore", "requests", "socket"}:
            return True
        if type(error).__name__ in {"LocalEntryNotFoundError", "ConnectionError"}:
            return True
        error = error.__cause__ or error.__context__
    return False
