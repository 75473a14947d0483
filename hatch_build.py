"""The wheel's build hook: compiles the launcher for every target before files are collected, and
adds the desktop app's modules that ``init --electron`` copies."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DESKTOP = ("src", "preload.js", "build/entitlements.runtime.plist")
"""What of electron/ is in the wheel, as runtime_packager/desktop/; an editable install reads
electron/ itself."""

BUILD_SCRIPT = Path("runtime_packager") / "launcher" / "build.py"


class LauncherHook(BuildHookInterface[Any]):
    """Runs for wheels and editable installs. A source distribution carries the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build every launcher that is out of date; pyproject.toml's artifacts pick them up."""
        if self.target_name == "wheel":
            script = _load(Path(self.root) / BUILD_SCRIPT)
            script.build(report=lambda line: self.app.display_info(f"launcher {line}"))
            if version == "standard":
                for name in DESKTOP:
                    source = str(Path(self.root) / "electron" / name)
                    build_data["force_include"][source] = f"runtime_packager/desktop/{name}"
                license = str(Path(self.root) / "LICENSE")
                build_data["force_include"][license] = "runtime_packager/desktop/LICENSE"


def _load(path: Path) -> ModuleType:
    """Import one file of the package: the package itself needs what is not installed here."""
    spec = importlib.util.spec_from_file_location("runtime_packager_launcher_build", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
