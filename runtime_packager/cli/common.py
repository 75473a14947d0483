"""Options that commands share, and what they stand for."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from runtime_packager.errors import InputError
from runtime_packager.io.cache import ENVIRONMENT_VARIABLE, Cache

if TYPE_CHECKING:
    from runtime_packager.config import Config
    from runtime_packager.platforms import Target

P = ParamSpec("P")
R = TypeVar("R")

ALL = "all"


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared options of one run."""

    project: Path
    cache_dir: Path | None
    as_json: bool
    quiet: bool

    def config(self, profile: str | None = None) -> Config:
        """The project's configuration, of one of its profiles or the base."""
        from runtime_packager.config import find_config, load_config

        return load_config(find_config(self.project), profile)

    def config_if_any(self, profile: str | None = None) -> Config | None:
        """The same where there is a project: a runtime can be tried and verified anywhere.

        :raises InputError: when there is a broken one, or none and ``profile`` asks for it.
        """
        from runtime_packager.config import find_config, load_config

        try:
            file = find_config(self.project)
        except InputError:
            if profile is not None:
                raise
            return None
        return load_config(file, profile)

    def cache(self, config: Config | None = None) -> Cache:
        """The cache: ``--cache-dir``, the environment, the config, else the user's."""
        from platformdirs import user_cache_path

        named = os.environ.get(ENVIRONMENT_VARIABLE)
        chosen = self.cache_dir or (Path(named) if named else None)
        chosen = chosen or (config.cache if config else None)
        return Cache((chosen or user_cache_path("runtime-packager")).absolute())

    @property
    def silent(self) -> bool:
        """Whether progress is unwanted."""
        return self.quiet or self.as_json


def shared_options(function: Callable[P, R]) -> Callable[..., R]:
    """Add the options every command has; the command gets them as ``shared``."""

    @click.option(
        "--project",
        type=click.Path(exists=True, path_type=Path),
        default=Path(),
        help="The project's directory, or its pyproject.toml.  [default: here, or above]",
    )
    @click.option(
        "--cache-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Where downloads and unpacked wheels lie.  [env var: {ENVIRONMENT_VARIABLE}]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
    @functools.wraps(function)
    def wrapper(
        *args: Any, project: Path, cache_dir: Path | None, as_json: bool, quiet: bool, **kwargs: Any
    ) -> R:
        return function(*args, shared=Shared(project, cache_dir, as_json, quiet), **kwargs)  # type: ignore[arg-type]

    return wrapper


platform_option = click.option(
    "-p",
    "--platform",
    "platforms",
    multiple=True,
    metavar="NAME",
    help="The target, such as linux-x64, win-x64, mac-arm64; repeat it, or say all: "
    "every platform of the configuration.",
)


profile_option = click.option(
    "--profile",
    metavar="NAME",
    help="Which of the configuration's profiles.  [default: its base]",
)


def chosen_targets(config: Config, names: Sequence[str], default: Sequence[Target]) -> list[Target]:
    """The targets that ``names`` stand for; ``all`` is every platform of the config.

    :raises InputError: for an unknown name.
    """
    if not names:
        return [config.target(target.name) for target in default]
    found: list[Target] = []
    for name in names:
        found += config.platforms if name == ALL else [config.target(name)]
    return list(dict.fromkeys(found))


def require(condition: object, message: str, hint: str | None = None) -> None:
    """:class:`InputError` unless ``condition``."""
    if not condition:
        raise InputError(message, hint)
