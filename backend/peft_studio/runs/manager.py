"""The runs: one works at a time, the others wait their turn.

Clients' threads and the threads that hear children meet here; one lock keeps them apart.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from peft_studio import ids
from peft_studio.errors import Problem, ProblemError
from peft_studio.runs.endings import crash
from peft_studio.runs.events import Listeners, RunEvent
from peft_studio.runs.job import AdapterRef, Job, Rules, happened
from peft_studio.runs.places import ADAPTER, SCRATCH
from peft_studio.runs.spec import Failure, Metric, Progress, Run, RunRequest
from peft_studio.runs.states import ACTIVE, OVER, Command, Event, after
from peft_studio.runs.store import RunStore
from peft_studio.worker.pipe import Message
from peft_studio.worker.process import Main, Worker

_log = logging.getLogger(__name__)


class Runs:
    """All runs. Methods may be called from any thread.

    :param child: what runs in a child; see ``training.child``.
    """

    def __init__(self, store: RunStore, rules: Rules, child: Main) -> None:
        self._store, self._rules, self._child = store, rules, child
        self.listeners = Listeners()
        self._lock = threading.RLock()
        self._queue: deque[str] = deque()
        self._job: Job | None = None
        self._closed = False
        store.recover()

    def create(self, request: RunRequest) -> Run:
        """Take a run on; it starts when it is its turn.

        :raises ProblemError: when it cannot work: what ``Rules.prepare`` says, ``disk_full``.
        """
        self._rules.prepare(request)
        run = Run(
            **request.model_dump(),
            id=ids.new(),
            status="queued",
            created_at=time.time(),
        )
        with self._lock:
            self._store.add(run)
            self._queue.append(run.id)
            self._start_next()
            return self.get(run.id)

    def get(self, run_id: str) -> Run:
        """One run as it stands.

        :raises ProblemError: ``run_not_found``.
        """
        with self._lock:
            run = self._store.get(run_id)
            if run is None:
                raise ProblemError(
                    Problem(404, "run_not_found", "there is no such run", "it may be deleted")
                )
            return self._as_it_stands(run)

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        with self._lock:
            return [self._as_it_stands(run) for run in self._store.all()]

    def metrics(self, run_id: str, after: int, limit: int) -> list[Metric]:
        """The run's history past step ``after``, at most ``limit`` steps.

        :raises ProblemError: ``run_not_found``.
        """
        self.get(run_id)
        return self._store.metrics(run_id, after, limit)

    def pause(self, run_id: str) -> Run:
        """Have the run write a checkpoint and end its child.

        :raises ProblemError: ``run_not_found``, ``run_conflict``.
        """
        with self._lock:
            run = self._commanded(run_id, "pause")
            if run.status == "paused":
                self._queue.remove(run_id)
            elif self._job and self._job.worker:
                self._job.worker.send({"type": "pause"})
            return run

    def resume(self, run_id: str) -> Run:
        """Have the run go on from its newest checkpoint when it is its turn.

        :raises ProblemError: ``run_not_found``, ``run_conflict``.
        """
        with self._lock:
            self._commanded(run_id, "resume", error=None, ended_at=None)
            self._queue.append(run_id)
            self._start_next()
            return self.get(run_id)

    def cancel(self, run_id: str) -> Run:
        """End the run for good; its child's memory is free when this returns.

        :raises ProblemError: ``run_not_found``, ``run_conflict``.
        """
        with self._lock:
            after(self.get(run_id).status, "cancel")
            try:
                return self._commanded(run_id, "cancel", ended_at=time.time())
            finally:
                # Also when the disk is too full to write it down.
                self._let_go(run_id)

    def delete(self, run_id: str, bin_folder: Path) -> None:
        """Forget the run and delete its files.

        :param bin_folder: on the same file system; emptied at start, should we end half-way.
        :raises ProblemError: ``run_not_found``, ``run_conflict``.
        """
        doomed = bin_folder / f"run-{run_id}-{secrets.token_hex(4)}"
        try:
            with self._lock:
                run = self.get(run_id)
                after(run.status, "delete")
                self._let_go(run_id)
                self._move_away(run_id, doomed)
                self._store.remove(run_id)
                self.listeners.tell(RunEvent(type="deleted", run=run))
        finally:
            # Also when the disk is too full to forget the run: this is what makes room.
            shutil.rmtree(doomed, ignore_errors=True)

    def adapter(self, run_id: str) -> AdapterRef:
        """The adapter of a completed run.

        :raises ProblemError: ``run_not_found``; ``run_conflict`` when there is none (yet).
        """
        run = self.get(run_id)
        path = self._store.folder(run_id) / ADAPTER
        if run.status != "completed" or not path.is_dir():
            message = f"the run is {run.status}: it has no adapter"
            raise ProblemError(Problem(409, "run_conflict", message, "a completed run has one"))
        return AdapterRef(path, run.model)

    def uses_dataset(self, dataset_id: str) -> bool:
        """Whether a run that is not over was given this data set."""
        return any(run.dataset == dataset_id and run.status not in OVER for run in self.all())

    def close(self) -> None:
        """End the child; what was active can be resumed after the next start."""
        with self._lock:
            self._closed = True
            job, self._job = self._job, None
            self._queue.clear()
        if job and job.worker:
            job.worker.kill()

    def _as_it_stands(self, run: Run) -> Run:
        """What we know better than the database, which may have failed to be written."""
        if self._job and not self._job.over and self._job.run.id == run.id:
            return self._job.run
        if run.status in ACTIVE and run.id not in self._queue:
            return run.model_copy(update={"status": "interrupted"})
        return run

    def _commanded(self, run_id: str, command: Command, **changes: Any) -> Run:
        run = self.get(run_id)
        changed = run.model_copy(update={"status": after(run.status, command)} | changes)
        self._store.update(changed)
        self._set(changed)
        return changed

    def _let_go(self, run_id: str) -> None:
        """See to it that nothing works on this run any more."""
        with contextlib.suppress(ValueError):
            self._queue.remove(run_id)
        job = self._job
        if job and job.worker and job.run.id == run_id:
            job.over = True
            job.worker.kill()

    def _move_away(self, run_id: str, target: Path) -> None:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._store.folder(run_id).rename(target)

    def _set(self, run: Run) -> None:
        """The run stands differently: the job and whoever watches should know."""
        if self._job and self._job.run.id == run.id:
            self._job.run = run
        self.listeners.tell(RunEvent(type="status", run=run))

    def _start_next(self) -> None:
        while self._queue and not self._job and not self._closed:
            run = self.get(self._queue[0])
            self._queue.popleft()
            self._job = Job(run)
            try:
                self._start(self._job)
            # Whatever it is: a job without a child would keep its place, and all others waiting.
            except Exception as error:
                self._job = None
                self._refused(run, error)

    def _start(self, job: Job) -> None:
        run = job.run
        told = self._rules.prepare(run)
        self._rules.before_start()
        folder = self._store.folder(run.id)
        happened(job, "picked", started_at=time.time())
        self._store.update(job.run)
        self._set(job.run)
        arguments = {
            **told,
            "folder": str(folder),
            "model": run.model,
            "method": run.method,
            "training": run.training.model_dump(),
        }
        job.worker = Worker(
            self._child,
            arguments,
            lambda message: self._on_message(job, message),
            lambda code: self._on_end(job, code),
        )

    def _refused(self, run: Run, error: Exception) -> None:
        """The run could not even start."""
        _log.error("run %s did not start", run.id, exc_info=error)
        if isinstance(error, ProblemError):
            one = error.problem
            failure = Failure(id=one.id, message=one.message, hint=one.hint)
        else:
            failure = Failure(id="worker_crashed", message="no process could be started for it")
        failed = {"status": "failed", "error": failure, "ended_at": time.time()}
        self._write(run.model_copy(update=failed))

    def _on_message(self, job: Job, message: Message) -> None:
        with self._lock:
            if job is not self._job or job.over:
                return
            match message["type"]:
                case "started":
                    happened(job, "started")
                    self._write(job.run)
                case "progress":
                    self._progressed(job, message)
                case "paused" | "completed" | "failed" as ending:
                    self._ended(job, ending, message.get("error"))
                case "hardware":
                    self._rules.on_hardware(message)

    def _progressed(self, job: Job, message: Message) -> None:
        told = {name: value for name, value in message.items() if name != "type"}
        job.run = job.run.model_copy(update={"progress": Progress(**told)})
        with _logged_problems():
            self._store.progress(job.run)
        self.listeners.tell(RunEvent(type="progress", run=job.run))

    def _ended(self, job: Job, ending: Event, error: Mapping[str, Any] | None) -> None:
        failure = Failure(**error) if error else None
        ended_at = None if ending == "paused" else time.time()
        happened(job, ending, error=failure, ended_at=ended_at)
        self._write(job.run)
        job.over = True

    def _on_end(self, job: Job, code: int) -> None:
        shutil.rmtree(self._store.folder(job.run.id) / SCRATCH, ignore_errors=True)
        with self._lock:
            if job is not self._job:
                return
            if not job.over:
                _log.error("the child of run %s ended by itself: exit code %d", job.run.id, code)
                self._ended(job, "failed", crash(code))
            self._job = None
            self._start_next()

    def _write(self, run: Run) -> None:
        """Write down where the run stands; when that fails the run goes on all the same."""
        with _logged_problems():
            self._store.update(run)
        self._set(run)


@contextlib.contextmanager
def _logged_problems() -> Iterator[None]:
    try:
        yield
    except ProblemError as error:
        _log.error("not written down: %s", error)
