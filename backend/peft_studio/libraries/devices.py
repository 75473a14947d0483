"""What torch can compute with. For children alone: it loads torch."""

from __future__ import annotations

from typing import Any


def report() -> dict[str, Any]:
    """The GPUs that torch sees, memory in bytes, as the service is told them."""
    import torch

    found = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
    gpus = [{"name": one.name, "memory": one.total_memory} for one in found]
    return {"gpus": gpus, "source": "torch"}
