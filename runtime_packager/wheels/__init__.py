"""Requirements: resolved by pip as the target, locked, fetched, unpacked once, made layers of."""

from runtime_packager.wheels.install import console_script, install
from runtime_packager.wheels.lock import Lock, LockedPackage, lock_name, parse, render, up_to_date
from runtime_packager.wheels.requirements import requirements_digest
from runtime_packager.wheels.resolve import resolve, resolve_all
from runtime_packager.wheels.store import InstalledWheel

__all__ = [
    "InstalledWheel",
    "Lock",
    "LockedPackage",
    "console_script",
    "install",
    "lock_name",
    "parse",
    "render",
    "requirements_digest",
    "resolve",
    "resolve_all",
    "up_to_date",
]
