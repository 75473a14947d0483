"""The import check: whether modules can be imported in an assembled runtime, by importing them."""

from runtime_packager.smoke.failure import Failure
from runtime_packager.smoke.plan import Probe, app_probes, in_groups
from runtime_packager.smoke.run import Runtime, import_all

__all__ = ["Failure", "Probe", "Runtime", "app_probes", "import_all", "in_groups"]
