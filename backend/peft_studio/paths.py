"""Where PEFT Studio keeps a user's files: never beside the program, which is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def default_data_dir(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """The user's data directory by the platform's own convention; it is not created here.

    Windows gets ``%LOCALAPPDATA%``: models are too large to roam. Linux follows the XDG base
    directory specification, which has relative paths ignored.

    :param platform: as in :data:`sys.platform`.
    """
    if platform == "win32":
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "PEFT Studio"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "PEFT Studio"
    xdg = Path(environ.get("XDG_DATA_HOME", ""))
    return (xdg if xdg.is_absolute() else home / ".local" / "share") / "peft-studio"
