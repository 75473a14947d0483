"""Loading the model and its tokenizer: from files alone, safetensors alone, no code of theirs."""

from __future__ import annotations

from typing import Any

from peft_studio.training.failures import TrainingFailure, told
from peft_studio.training.job import Job


def tokenizer(job: Job) -> Any:
    """The model's tokenizer.

    :raises TrainingFailure: ``model_invalid`` when it has none, ``hub_unreachable``.
    """
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(job.source, **_how(job))
    except Exception as error:
        raise _failure(job, error, "has no tokenizer that can be used", "tokenizer.json") from error


def model(job: Job, dtype: Any) -> Any:
    """The model, frozen as it is, on the CPU.

    :raises TrainingFailure: ``model_invalid``, ``hub_unreachable``, ``out_of_memory``.
    """
    import transformers

    try:
        return transformers.AutoModelForCausalLM.from_pretrained(
            job.source, dtype=dtype, use_safetensors=True, **_how(job)
        )
    except Exception as error:
        raise _failure(job, error, "cannot be loaded", "config.json, *.safetensors") from error


def _how(job: Job) -> dict[str, Any]:
    how = {"trust_remote_code": False, "local_files_only": not job.online}
    return how | ({"revision": job.revision} if job.revision else {})


def _failure(job: Job, error: Exception, what: str, files: str) -> Exception:
    known = told(error)
    if known["id"] != "training_failed":
        return TrainingFailure(**known)
    if job.online and _is_network(error):
        return TrainingFailure(
            "hub_unreachable",
            f"the model hub could not be reached for {job.model}",
            "check the network, or put the model into the models directory",
        )
    return TrainingFailure("model_invalid", f"{job.model} {what}", f"it needs {files}; see the log")


def _is_network(error: BaseException | None) -> bool:
    while error is not None:
        if type(error).__module__.partition(".")[0] in {"httpx", "httpcore", "requests", "socket"}:
            return True
        if type(error).__name__ in {"LocalEntryNotFoundError", "ConnectionError"}:
            return True
        error = error.__cause__ or error.__context__
    return False
