"""What the backend is told at start: arguments first, then the environment, then defaults.

The token comes through the environment alone: arguments show in every process list.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from peft_studio import __version__
from peft_studio.paths import default_data_dir
from peft_studio.start_error import UsageError

TOKEN_VARIABLE = "PEFT_STUDIO_TOKEN"  # noqa: S105 - the variable's name, not the secret
LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
"""The hosts that may be asked for, and the address each one means."""
MAX_UPLOAD = 2 << 30
"""Bytes: 2 GiB, unless another limit is asked for."""
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the service is told.

    :param host: the loopback address to listen on.
    :param port: 0 until the listener has picked one.
    :param data_dir: the user's data directory; nothing is created before it is needed.
    :param token: the secret of this launch; ``None`` lets every process of this machine in,
        unless ``locked``.
    :param locked: without a token nothing is served but health, rather than everything.
    :param origin: the one window origin that may call, as in the ``Origin`` header.
    :param model_idle: seconds after which the model that last wrote a text leaves the memory.
    :param max_upload: bytes a data set may have when it is uploaded.
    :param exit_on_stdin_eof: stop when standard input ends, as it does when the parent dies.
    """

    host: str
    port: int
    data_dir: Path
    log_level: str = "info"
    token: str | None = field(default=None, repr=False)
    locked: bool = False
    origin: str | None = None
    model_idle: int = 300
    max_upload: int = MAX_UPLOAD
    exit_on_stdin_eof: bool = False

    def at_port(self, port: int) -> Settings:
        """The same settings with the port that is really listened on."""
        return dataclasses.replace(self, port=port)


def read_settings(
    argv: Sequence[str], environ: Mapping[str, str], *, packaged: bool = False
) -> Settings:
    """Read the arguments and the environment.

    :param packaged: whether the launcher started us: without a token it then serves nobody.
    :raises UsageError: for the first value that cannot be used, naming where it came from.
    """
    given = _parser().parse_args(argv)
    values = {option.name: option.value(given, environ) for option in _OPTIONS}
    data_dir = values.pop("data_dir") or default_data_dir(sys.platform, environ, Path.home())
    return Settings(
        **values,
        data_dir=data_dir,
        token=_token(environ),
        locked=packaged and not given.no_token,
        exit_on_stdin_eof=given.exit_on_stdin_eof,
    )


def _token(environ: Mapping[str, str]) -> str | None:
    token = environ.get(TOKEN_VARIABLE)
    # An empty secret is a mistake in whoever made it; taking it for "none" would open the door.
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise UsageError(f"{TOKEN_VARIABLE} must be printable ASCII without spaces, and not empty")
    return token


def _host(text: str) -> str:
    if text not in LOOPBACK:
        raise ValueError("only this machine may connect, so the host is one of 127.0.0.1, ::1")
    return LOOPBACK[text]


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise ValueError("a port is a number from 0 (pick one) to 65535")
    return int(text)


def _data_dir(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("the data directory must be an absolute path")
    return path


def _log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"the log level is one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _model_idle(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise ValueError("a number of seconds, up to 99999")
    return int(text)


def _origin(text: str) -> str:
    # "null" is what every sandboxed frame and local file says, so it would admit them all.
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s*?#@]+", text):
        raise ValueError("an origin is scheme://host or scheme://host:port, without a path")
    return text


def _bytes(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise ValueError("a number of bytes, from 1")
    return int(text)


@dataclass(frozen=True, slots=True)
class _Option:
    """A value that an argument or, failing that, an environment variable gives."""

    name: str
    read: Callable[[str], Any]
    default: Any
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "PEFT_STUDIO_" + self.name.upper()

    def value(self, given: argparse.Namespace, environ: Mapping[str, str]) -> Any:
        argument: str | None = getattr(given, self.name)
        if argument is not None:
            return self._checked(argument, f"{self.flag} {argument}")
        if text := environ.get(self.variable):
            return self._checked(text, f"{self.variable}={text}")
        return self.default

    def _checked(self, text: str, source: str) -> Any:
        try:
            return self.read(text)
        except ValueError as error:
            raise UsageError(f"{source}: {error}") from None


_OPTIONS = (
    _Option("host", _host, "127.0.0.1", "ADDRESS", "loopback address to listen on"),
    _Option("port", _port, 8000, "NUMBER", "port to listen on; 0 picks one"),
    _Option("data_dir", _data_dir, None, "DIRECTORY", "where the user's files go"),
    _Option("log_level", _log_level, "info", "LEVEL", ", ".join(LOG_LEVELS)),
    _Option("max_upload", _bytes, MAX_UPLOAD, "BYTES", "the largest data set that is taken"),
    _Option("origin", _origin, None, "ORIGIN", "the window's origin, the only one let in"),
    _Option("model_idle", _model_idle, 300, "SECONDS", "how long a model that wrote stays loaded"),
)


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="peft_engine",
        description="PEFT Studio's backend.",
        epilog=f"Each value also comes from a variable (--port: PEFT_STUDIO_PORT). The secret "
        f"that requests must carry comes from {TOKEN_VARIABLE} alone.",
        allow_abbrev=False,
    )
    for option in _OPTIONS:
        parser.add_argument(option.flag, metavar=option.metavar, help=option.help)
    parser.add_argument(
        "--no-token", action="store_true", help="let every program on this machine in"
    )
    parser.add_argument("--exit-on-stdin-eof", action="store_true", help="stop when stdin ends")
    parser.add_argument("--version", action="version", version=__version__)
    return parser
