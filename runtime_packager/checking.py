"""What is wrong with a planned tree, read from its files: this host may not be able to run it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from runtime_packager.app import ConsoleScript, Function, Script
from runtime_packager.binaries import judge, read_layers
from runtime_packager.config import Config
from runtime_packager.entries import Entry, FileEntry
from runtime_packager.errors import BuildError
from runtime_packager.imports import (
    Modules,
    Wanted,
    check_imports,
    facts_of,
    path_lines,
    scan_app,
    unix_builtins,
    windows_builtins,
)
from runtime_packager.inputs import Ingredients, app_directory
from runtime_packager.io.cache import Cache
from runtime_packager.io.steps import Steps
from runtime_packager.manifest import path_problem
from runtime_packager.planning import Plan
from runtime_packager.platforms import Target, host_target
from runtime_packager.tree import rule_of
from runtime_packager.wheels import console_script


def check(config: Config, made_from: Ingredients, plan: Plan, cache: Cache, steps: Steps) -> None:
    """Look at everything that can be told without running the tree.

    :raises BuildError: naming all that is wrong: paths the target cannot hold, binaries that do
        not fit it, modules that would not be found.
    """
    problems = [*_paths(plan.entries, made_from.target, config.checks.path_budget)]
    hints = ["exclude or rename these files, or raise checks.path-budget"] if problems else []
    if config.checks.binaries:
        with steps.step("binaries") as step:
            found, count = _binaries(config, made_from.target, plan, cache, steps)
            step.note = f"{count} read"
        problems += found
        if found:
            hints.append(
                "choose versions that fit, raise a floor under floors, or make exceptions under "
                "checks (accept, system-libraries)"
            )
    if config.checks.imports:
        with steps.step("imports"):
            found = _imports(config, made_from, plan)
        found += _broken_entry(config, plan)
        problems += found
        if found:
            hints.append(
                "add the requirement; what the app does without goes into optional-imports = "
                '["name"] under [tool.runtime-packager.checks]'
            )
    if problems:
        raise BuildError(
            f"{len(problems)} thing{'s' * (len(problems) > 1)} would not work on "
            f"{made_from.target.name}",
            "; ".join(hints),
            details=problems,
        )


def _paths(entries: Sequence[Entry], target: Target, budget: int) -> Iterator[str]:
    for entry in entries:
        reason = path_problem(entry.path, target.name)
        if reason and "/__pycache__/" in entry.path:
            continue  # its source has the same name, and is named
        if reason:
            yield f"{entry.path}: {reason}"
        elif target.is_windows and (length := len(entry.path.encode("utf-16-le")) // 2) > budget:
            yield f"{entry.path}: {length} characters, expected at most {budget} (path-budget)"


def _binaries(
    config: Config, target: Target, plan: Plan, cache: Cache, steps: Steps
) -> tuple[list[str], int]:
    paths = {entry.path for entry in plan.entries}
    read = read_layers(plan.whole, cache, steps.progress)
    found = [binary for binary in read if binary.path in paths]
    problems = judge(
        found,
        paths,
        target,
        system_libraries=config.checks.system_libraries,
        accepted=config.checks.accept,
    )
    return [problem.message for problem in problems], len(found)


def _imports(config: Config, made_from: Ingredients, plan: Plan) -> list[str]:
    target, python = made_from.target, config.python
    files = {entry.path: entry for entry in plan.entries if isinstance(entry, FileEntry)}
    modules = Modules(
        frozenset(entry.path for entry in plan.entries),
        _roots(config, target, files.values()),
        target.extension_suffixes(python),
        _builtins(config, target, files),
    )
    compiler = made_from.compiler.root / host_target().interpreter(python)
    app = [entry for path, entry in files.items() if path.startswith("app/")]
    facts = facts_of(target.markers(python), python.release)
    wanted = Wanted(
        imports=scan_app(app, app_directory(config), facts, compiler),
        top_level={
            **{f"{wheel.name} {wheel.version}": wheel.top_level for wheel in plan.wheels},
            **_started(config, plan),
        },
        optional=config.checks.optional_imports,
        undone=frozenset((*plan.left_out.modules, *plan.left_out.hollow)),
    )
    return list(map(str, check_imports(wanted, modules, _trimmed(config, made_from, plan))))


def _started(config: Config, plan: Plan) -> dict[str, list[str]]:
    """The modules that the app and the console scripts begin in, by what names them."""
    found = {}
    if isinstance(config.entry, Function):
        found[f"entry {config.entry}"] = [config.entry.module]
    entry = [config.entry.name] if isinstance(config.entry, ConsoleScript) else []
    for name in (*entry, *config.scripts):
        if text := console_script(plan.wheels, name):
            found[f"console script {name}"] = [text.partition(":")[0]]
    return found


def _broken_entry(config: Config, plan: Plan) -> list[str]:
    """Other sources that do not compile may be templates; the one that starts the app is not."""
    if not isinstance(config.entry, Script):
        return []
    entry = f"app/{config.entry.path}: "
    return [f"{line} (it starts the app)" for line in plan.uncompiled if line.startswith(entry)]


def _roots(config: Config, target: Target, files: Iterable[FileEntry]) -> tuple[str, ...]:
    """``sys.path`` of the runtime, as tree paths: the app first, as its start stub has it."""
    stdlib, site = target.stdlib(config.python), target.site_packages(config.python)
    compiled = "python/DLLs" if target.is_windows else f"{stdlib}/lib-dynload"
    added = [
        posixpath.normpath(f"{site}/{line}")
        for file in files
        if file.path.endswith(".pth") and file.path.rpartition("/")[0] == site
        for line in path_lines(file.source.read_text(encoding="utf-8", errors="replace"))
    ]
    return tuple(dict.fromkeys([app_directory(config), stdlib, compiled, site, *added]))


def _builtins(
    config: Config, target: Target, files: Mapping[str, FileEntry]
) -> Callable[[str], bool]:
    if target.is_windows:
        return windows_builtins()
    return unix_builtins(files[target.interpreter(config.python)].source)


def _trimmed(config: Config, made_from: Ingredients, plan: Plan) -> Callable[[Sequence[str]], str]:
    """Says of paths which rule left them out, where the interpreter or a wheel had brought them."""

    @cache
    def left_out() -> dict[str, str]:
        layers = [(made_from.interpreter.layer, False)]
        layers += [(wheel.layer, True) for wheel in plan.wheels]
        by_name = {
            entry.path: rule
            for layer, wheel in layers
            for entry in layer.entries
            if (rule := rule_of(entry.path, config.trim, wheel=wheel))
        }
        return by_name | dict.fromkeys(plan.left_out.all_paths, "untraced")

    def explain(paths: Sequence[str]) -> str:
        rules = dict.fromkeys(left_out()[path] for path in paths if path in left_out())
        return " ".join(f"the trim rule {rule} leaves it out: {remedy(rule)}" for rule in rules)

    def remedy(rule: str) -> str:
        if rule != "untraced":
            return f"set trim.{rule} = false"
        return (
            "run `runtime-packager trace` on what imports it, or add it, with .* for "
            f"all below it, to {config.trace_file(made_from.target.name).name}"
        )

    return explain
