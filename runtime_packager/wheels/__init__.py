"""Requirements: resolved by pip as the target, locked, fetched, unpacked once, made layers of."""

from runtime_packager.wheels.build import build_all
from runtime_packager.wheels.install import console_script, install
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import (
    WHEELHOUSE,
    Lock,
    LockedPackage,
    lock_name,
    parse,
    render,
    up_to_date,
)
from runtime_packager.wheels.naming import recorded, top_level
from runtime_packager.wheels.requirements import requirement_names, requirements_digest
from runtime_packager.wheels.resolve import resolve, resolve_all
from runtime_packager.wheels.store import InstalledWheel

__all__ = [
    "WHEELHOUSE",
    "InstalledWheel",
    "Job",
    "Lock",
    "LockedPackage",
    "build_all",
    "console_script",
    "install",
    "lock_name",
    "parse",
    "recorded",
    "render",
    "requirement_names",
    "requirements_digest",
    "resolve",
    "resolve_all",
    "top_level",
    "up_to_date",
]
