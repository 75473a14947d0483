"""Checking a run before it is taken on, and telling its child where everything is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft_studio import methods, packages
from peft_studio.datasets.library import Datasets
from peft_studio.models.library import Models
from peft_studio.runs.spec import RunRequest

LIBRARIES = ("torch", "transformers", "peft", "datasets", "accelerate", "safetensors")
"""What the child imports."""


def prepared(
    request: RunRequest, models: Models, datasets: Datasets, hub: Path
) -> Mapping[str, Any]:
    """What the child of a run is told beyond the request.

    :param hub: where fetched models are.
    :raises ProblemError: ``unsupported_method``, ``invalid_parameters``, ``model_not_found``,
        ``model_invalid``, ``model_unsafe``, ``dataset_not_found`` or ``missing_package``.
    """
    parameters = methods.checked(request.method, request.parameters)
    model = models.resolve(request.model)
    dataset = datasets.get(request.dataset)
    packages.require(*LIBRARIES)
    return {
        "hub": str(hub),
        "source": model.source,
        "revision": model.revision,
        "online": not model.local,
        "data": str(dataset.path),
        "parameters": parameters,
    }
