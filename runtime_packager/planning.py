"""One platform's tree, planned: every file and where its bytes lie, before anything is written.

install wheels -> pack the app -> trim -> debug symbols -> bytecode -> own files -> merge.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime_packager import inputs
from runtime_packager.app import ConsoleScript, Function, Script, pack, stub_text
from runtime_packager.config import Config
from runtime_packager.entries import Entry, Layer
from runtime_packager.errors import InputError
from runtime_packager.inputs import Ingredients
from runtime_packager.io.cache import Cache
from runtime_packager.io.steps import Steps
from runtime_packager.io.store import store_texts
from runtime_packager.launcher import identified_launcher
from runtime_packager.platforms import host_target
from runtime_packager.tree import (
    NOTHING,
    UNTRACED,
    Bytecode,
    LeftOut,
    Trimmed,
    compile_units,
    explanation,
    merge,
    missing_modules,
    strip_symbols,
    trim,
    without_sources,
    without_text,
)
from runtime_packager.untraced import untraced
from runtime_packager.wheels import InstalledWheel, console_script, install

EXPLAINS = "_runtime_trimmed"
"""The module of ``site-packages`` that says why another is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A tree that is not written yet.

    :param layers: what it is merged from, bytecode left out.
    :param entries: all of it, sorted by path.
    :param uncompiled: sources without bytecode, and why.
    :param notices: what a person should know about this tree, a sentence each.
    :param whole: the layers before the rule ``untraced``. What is remembered of layers (bytecode,
        native files) is remembered of these, so it does not change with every trace.
    :param left_out: what that rule took.
    """

    layers: tuple[Layer, ...]
    wheels: tuple[InstalledWheel, ...]
    entries: tuple[Entry, ...]
    trimmed: tuple[Trimmed, ...]
    uncompiled: tuple[str, ...]
    notices: tuple[str, ...]
    whole: tuple[Layer, ...] = ()
    left_out: LeftOut = NOTHING


def plan(
    config: Config, made_from: Ingredients, cache: Cache, steps: Steps, *, offline: bool
) -> Plan:
    """The tree of one target that has an interpreter of its own.

    :raises PackagerError: of the kind that fits; nothing but the cache is written.
    """
    wheels = _install(config, made_from, cache, steps, offline)
    scripts = _scripts(config, wheels)
    app = _pack(config, made_from, wheels, cache, steps)
    with steps.step("trim") as step:
        layers, trimmed = _trim(config, made_from, wheels)
        step.note = f"{sum(row.files for row in trimmed)} files left out"
    whole, smaller = _strip(config, made_from, layers, cache, steps)
    left_out = untraced(config, made_from, wheels, whole, cache, steps)
    layers, unseen = left_out.applied(whole)
    missing = _missing(config, made_from, wheels, [*whole, app])
    own = _own_files(config, made_from, scripts, missing, left_out, cache)
    bytecode = _bytecode(config, made_from, [*whole, app, own], cache, steps)
    with steps.step("merge") as step:
        compiled = without_sources(bytecode.layers, left_out.paths)
        layers, compiled, texts = _without_text(config, layers, compiled)
        entries = merge([*layers, *compiled, app, own])
        step.note = f"{len(entries)} files"
    return Plan(
        layers=(*layers, app, own),
        whole=(*whole, app, own),
        left_out=left_out,
        wheels=tuple(wheels),
        entries=tuple(entries),
        trimmed=(*trimmed, *smaller, *unseen, *texts),
        uncompiled=tuple(
            line for line in bytecode.failed if line.partition(":")[0] not in left_out.paths
        ),
        notices=(*(n for wheel in wheels for n in _notices(wheel)), *left_out.notices),
    )


def _notices(wheel: InstalledWheel) -> list[str]:
    who = f"{wheel.name} {wheel.version}"
    return [
        *(f"{who}: {name} was left out (a script for another machine)" for name in wheel.left_out),
        *(f"{who}: {name} runs code whenever Python starts" for name in wheel.import_pths),
    ]


def _install(
    config: Config, made_from: Ingredients, cache: Cache, steps: Steps, offline: bool
) -> list[InstalledWheel]:
    with steps.step("wheels") as step:
        result = install(
            made_from.lock,
            made_from.target,
            config.python,
            cache,
            steps.progress,
            wheelhouse=config.locks / "wheels",
            requirements=config.requirements,
            offline=offline,
        )
        new = sum(not wheel.cached for wheel in result)
        step.note = f"{len(result)} wheels" + (f", {new} unpacked" if new else "")
        step.cached = not new
        return result


def _pack(
    config: Config,
    made_from: Ingredients,
    wheels: list[InstalledWheel],
    cache: Cache,
    steps: Steps,
) -> Layer:
    with steps.step("app") as step:
        layer, step.cached = pack(made_from.app_files, _entry_point(config, wheels), cache)
        step.note = f"{len(made_from.app_files)} files"
        return layer


def _entry_point(config: Config, wheels: list[InstalledWheel]) -> Script | Function:
    if not isinstance(config.entry, ConsoleScript):
        return config.entry
    found = console_script(wheels, config.entry.name)
    if found is None:
        raise InputError(
            f"entry {config.entry.name!r} is no console script of any requirement",
            "name a script such as main.py, package.module:function, or add the requirement",
        )
    return _function(found)


def _function(text: str) -> Function:
    module, _, function = text.partition(":")
    return Function(module, function)


def _scripts(config: Config, wheels: list[InstalledWheel]) -> dict[str, Function]:
    """Name -> what it calls, for the console scripts that get launchers.

    :raises InputError: naming every one that no requirement has.
    """
    found = {name: console_script(wheels, name) for name in config.scripts}
    if missing := [name for name, text in found.items() if text is None]:
        offered = sorted({name for wheel in wheels for name, _ in wheel.console_scripts})
        raise InputError(
            f"scripts: {', '.join(missing)} is no console script of any requirement",
            f"they have {', '.join(offered)}" if offered else "add the requirement that has it",
        )
    return {name: _function(text) for name, text in found.items() if text}


def _trim(
    config: Config, made_from: Ingredients, wheels: list[InstalledWheel]
) -> tuple[list[Layer], list[Trimmed]]:
    interpreter, trimmed = trim(made_from.interpreter.layer, config.trim, wheel=False)
    layers = [interpreter]
    for wheel in wheels:
        layer, left_out = trim(wheel.layer, config.trim, wheel=True)
        layers.append(layer)
        trimmed += left_out
    return layers, trimmed


def _strip(
    config: Config, made_from: Ingredients, layers: list[Layer], cache: Cache, steps: Steps
) -> tuple[list[Layer], list[Trimmed]]:
    if "debug-symbols" not in config.trim or made_from.target.os != "linux":
        return layers, []
    with steps.step("debug symbols") as step:
        smaller, saved, made = strip_symbols(layers, cache, steps.progress)
        step.note = f"taken out of {sum(row.files for row in saved)} files"
        step.cached = not made
        return smaller, saved


def _bytecode(
    config: Config, made_from: Ingredients, layers: list[Layer], cache: Cache, steps: Steps
) -> Bytecode:
    with steps.step("bytecode") as step:
        compiler = made_from.compiler
        version = compiler.provenance.python
        interpreter = compiler.root / host_target().interpreter(config.python)
        made = [
            compile_units(layers, interpreter, version, cache, steps.progress, optimize=level)
            # Children that were not told -O look for plain bytecode, and would write it.
            for level in sorted({0, config.optimize})
        ]
        compiled = sum(bytecode.compiled for bytecode in made)
        step.cached = not compiled
        notes = [f"{compiled} compiled"] if compiled else []
        notes += [f"by CPython {version}"] if version != str(config.python) else []
        step.note = " ".join(notes)
        return Bytecode(
            layers=tuple(layer for bytecode in made for layer in bytecode.layers),
            compiled=compiled,
            failed=tuple(sorted({line for bytecode in made for line in bytecode.failed})),
        )


def _without_text(
    config: Config, layers: list[Layer], bytecode: list[Layer]
) -> tuple[list[Layer], list[Layer], list[Trimmed]]:
    """The interpreter's layer comes first, and keeps its sources."""
    if "wheel-sources" not in config.trim:
        return layers, bytecode, []
    tag = f"cpython-{config.python.major}{config.python.minor}"
    tag += f".opt-{config.optimize}" if config.optimize else ""
    wheels, compiled, saved = without_text(layers[1:], bytecode, tag)
    return [layers[0], *wheels], compiled, saved


def _missing(
    config: Config, made_from: Ingredients, wheels: list[InstalledWheel], layers: list[Layer]
) -> dict[str, str]:
    """The modules that trimming left out, and by which rule."""
    before = [(made_from.interpreter.layer, False), *((wheel.layer, True) for wheel in wheels)]
    kept = [entry.path for layer in layers for entry in layer.entries]
    return missing_modules(before, config.trim, kept)


def _own_files(
    config: Config,
    made_from: Ingredients,
    scripts: dict[str, Function],
    missing: dict[str, str],
    left_out: LeftOut,
    cache: Cache,
) -> Layer:
    """Launchers, their configurations, and what makes the app importable everywhere."""
    target = made_from.target
    site_packages = target.site_packages(config.python)
    up = "/".join([".."] * (site_packages.count("/") + 1))
    texts = {
        f"{config.launcher}.cfg": made_from.configuration,
        inputs.OPENSSL_CONF: b"# Empty: the host's configuration is not for this runtime.\n",
        f"{site_packages}/_runtime_app.pth": f"{up}/{inputs.app_directory(config)}\n".encode(),
    }
    if left_out.modules:
        texts[f"{site_packages}/{UNTRACED}.py"] = left_out.explanation()
    if missing or left_out.modules:
        trace = config.trace_file(target.name).name if left_out.modules else ""
        texts[f"{site_packages}/{EXPLAINS}.py"] = explanation(missing, trace)
        texts[f"{site_packages}/{EXPLAINS}.pth"] = f"import {EXPLAINS}\n".encode()
    launchers = [made_from.launcher]
    for name, function in scripts.items():
        stub = f"_start_script_{name}"
        texts[f"app/{stub}.py"] = stub_text(function).encode()
        texts[f"{name}.cfg"] = inputs.start_configuration(config, target, stub)
        launchers.append(identified_launcher(target, name, config.identity, cache))
    return Layer("runtime-packager", (*launchers, *store_texts(cache, texts)))
