"""The child of a run: from what it is told to a finished adapter.

It says ``started`` when training begins, ``progress`` at every step, and in the end one of
``completed``, ``paused`` (there is a checkpoint, if a step was done) and ``failed`` with an error.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from typing import Any

from peft_studio.libraries.faults import told
from peft_studio.training import checkpoints
from peft_studio.training.job import WORDS, Job, Service
from peft_studio.worker import child
from peft_studio.worker.pipe import Pipe

_log = logging.getLogger(__name__)


def main(pipe: Pipe, arguments: Mapping[str, Any]) -> None:
    """Train, and say how it ended.

    :param arguments: see :meth:`Job.told`.
    """
    service = Service(pipe)
    child.listen(pipe, service.hear)
    try:
        service.tell(trained(Job.told(arguments), service))
    # Also what is no Exception: there is nobody else to say that the run is over.
    except BaseException as error:
        _log.exception("the training failed")
        service.tell("failed", error=told(error, WORDS))


def trained(job: Job, service: Service) -> str:
    """Do what is left of the run.

    :returns: ``completed`` or ``paused``.
    :raises Exception: whatever goes wrong; see :func:`failures.told`.
    """
    shutil.rmtree(job.scratch, ignore_errors=True)
    child.confine(job.hub, job.scratch, online=job.online)
    for folder in (job.checkpoints, job.folder):
        checkpoints.clear(folder)
    if job.adapter.is_dir():
        return "completed"  # the service ended before it heard so
    trainer = _trainer(job, service)
    if service.wants_pause:
        return "paused"
    service.tell("started")
    checkpoint = checkpoints.newest(job.checkpoints)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if trainer.state.global_step < trainer.state.max_steps:
        return "paused"
    from peft_studio.training import adapting

    adapting.export(job, trainer.model)
    return "completed"


def _trainer(job: Job, service: Service) -> Any:
    from peft_studio.libraries import devices, loading
    from peft_studio.training import adapting, rows, trainer

    service.tell("hardware", **devices.report())
    tokenizer = loading.tokenizer(job.base, WORDS)
    cache = job.scratch / "datasets"
    tokenised = rows.tokenised(job.data, cache, tokenizer, job.training["max_length"])
    kind = trainer.dtype(job.training["precision"])
    model = loading.model(job.base, kind, WORDS)
    trainer.seed(job.training["seed"])
    return trainer.make(job, service, adapting.adapted(job, model), tokenizer, tokenised)
