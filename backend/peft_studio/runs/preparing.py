"""Checking a run before it is taken on, and telling its child where everything is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from peft_studio import methods
from peft_studio.data_dir import DataDir
from peft_studio.datasets.library import Datasets
from peft_studio.errors import Problem, ProblemError
from peft_studio.runs.spec import RunRequest


class Preparing:
    """What ``Rules.prepare`` is.

    :param datasets: asked when a run needs one.
    """

    def __init__(self, data: DataDir, datasets: Callable[[], Datasets]) -> None:
        self._data, self._datasets = data, datasets

    def __call__(self, request: RunRequest) -> Mapping[str, Any]:
        """What the child is told of method, model and data.

        :raises ProblemError: ``unsupported_method``, ``invalid_parameters``, ``model_...``,
            ``dataset_not_found``, ``missing_package``.
        """
        parameters = methods.checked(request.method, request.parameters)
        dataset = self._datasets().get(request.dataset)
        kind, _, name = request.model.partition(":")
        path = self._data.models / name
        if kind != "local" or name not in [p.name for p in self._data.models.iterdir()]:
            raise ProblemError(Problem(404, "model_not_found", "there is no such model"))
        return {
            "hub": str(self._data.hub),
            "source": str(path),
            "revision": None,
            "online": False,
            "data": str(dataset.path),
            "parameters": parameters,
        }
