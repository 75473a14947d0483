"""What the rule ``untraced`` has to know of a planned tree, and what it makes of it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from runtime_packager.binaries import Binary, read_layers
from runtime_packager.config import Config
from runtime_packager.entries import Layer
from runtime_packager.inputs import Ingredients
from runtime_packager.io.cache import Cache
from runtime_packager.io.steps import Steps
from runtime_packager.tree import NOTHING, STDLIB, LeftOut, Native, Origin, leave_out
from runtime_packager.wheels import InstalledWheel


def untraced(
    config: Config,
    made_from: Ingredients,
    wheels: Sequence[InstalledWheel],
    layers: Sequence[Layer],
    cache: Cache,
    steps: Steps,
) -> LeftOut:
    """What the rule leaves out of ``layers``: the interpreter's, then one a wheel.

    :raises BuildError: when native files have to be read, and lief is not there for it.
    """
    if "untraced" not in config.trim:
        return NOTHING
    if made_from.trace is None:
        name = made_from.target.name
        return LeftOut(
            notices=(
                f"the trim rule untraced left nothing out: there is no trace for {name} "
                f"({config.trace_file(name).name}); run `runtime-packager trace` on such a system",
            )
        )
    with steps.step("untraced") as step:
        minor = f"{config.python.major}.{config.python.minor}"
        names = [(STDLIB, minor), *map(_named, wheels)]
        origins = [Origin(*name, layer) for name, layer in zip(names, layers, strict=True)]
        found = read_layers(layers, cache, steps.progress)
        natives = {binary.path: _native(binary) for binary in found}
        if any(binary.problem for binary in found):
            # What a damaged file needs cannot be told.
            natives = {}
        left_out = leave_out(origins, made_from.trace, natives)
        step.note = f"{len(left_out.paths)} files left out"
        return left_out


def _named(wheel: InstalledWheel) -> tuple[str, str]:
    return canonicalize_name(wheel.name), str(Version(wheel.version))


def _native(binary: Binary) -> Native:
    names = {posixpath.basename(binary.path), *(posixpath.basename(p.name) for p in binary.slices)}
    needed = {posixpath.basename(n) for p in binary.slices for n in (*p.needed, *p.weak)}
    return Native(frozenset(map(str.lower, names)), frozenset(map(str.lower, needed)))
