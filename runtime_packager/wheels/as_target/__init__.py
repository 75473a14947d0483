"""Run in a child process: pip, made to see the target instead of this machine.

The request is JSON on stdin, pip's arguments are in argv, the answer is JSON on stdout; whatever
pip and build backends print goes to stderr.

pip itself evaluates environment markers on the host and cannot be told otherwise, so some of its
functions are replaced and others listened to. :data:`PATCH_POINTS` lists them; when a pip lacks
one, the answer says so instead of a wrong closure, which is why pip is imported inside functions,
after that look. Build backends run in processes of their own, which stay as they are.

One process answers for all targets, one after the other. What does not depend on the target is
read once and kept (:mod:`.sharing`); what does, pip makes anew for each: options, finder,
candidates, resolver. That is faster than a process a target by the imports, the pages and their
parsing, so that five more targets cost less than half of the first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from runtime_packager.wheels.as_target.command import make_command
from runtime_packager.wheels.as_target.listening import Ear, listen
from runtime_packager.wheels.as_target.patching import (
    PATCH_POINTS,
    Believed,
    missing_patch_points,
    steer,
)
from runtime_packager.wheels.as_target.sharing import share

__all__ = ["PATCH_POINTS", "main", "missing_patch_points"]


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        json.dump(_answer(request, sys.argv[1:]), out)


def _answer(request: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    missing = missing_patch_points()
    if missing:
        version = importlib.import_module("pip").__version__
        return {"problem": {"kind": "pip", "missing": missing, "version": version}}
    believed, ear, answers = Believed(), Ear(), list[dict[str, Any]]()
    steer(believed)
    share(believed, ear)
    listen(ear)
    command = make_command(request, believed, ear, answers)
    try:
        code = command.main(arguments)
    except SystemExit as error:
        code = error.code
    if code:
        return {"problem": {"kind": "other", "message": f"pip ended with exit code {code}"}}
    return {"answers": answers}
