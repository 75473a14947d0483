"""A small tree around the host's own Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_packager.launcher import configuration

HERE = Path(__file__).parent

APP = """
import json, os, sys
print(json.dumps({
    "arguments": sys.argv[1:], "original": sys.orig_argv, "pid": os.getpid(),
    "environment": dict(os.environ), "executable": sys.executable, "flags": sys.flags.isolated,
}))
"""


@dataclass
class Tree:
    """An assembled tree in miniature."""

    root: Path
    name: str = "peft_engine"

    @property
    def launcher(self) -> Path:
        return self.root / self.name

    @property
    def cfg(self) -> Path:
        return self.root / f"{self.name}.cfg"

    def write_app(self, text: str) -> None:
        (self.root / "app.py").write_text(text, encoding="utf-8")

    def run(self, *arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(self.launcher), *arguments]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="surrogateescape", **options
        )

    def report(self, *arguments: str | bytes, **options: Any) -> dict[str, Any]:
        """What the app saw of itself."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def make_tree(root: Path, binary: Path) -> Tree:
    (root / "python" / "bin").mkdir(parents=True)
    (root / "python" / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    tree = Tree(root)
    tree.launcher.write_bytes(binary.read_bytes())
    tree.launcher.chmod(0o755)
    tree.cfg.write_bytes(configuration("python/bin/python3", ["-I", "-B"], "app.py", {}))
    tree.write_app(APP)
    return tree
