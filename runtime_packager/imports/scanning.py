"""What the app's sources import, read by an interpreter of the tree's minor version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from runtime_packager.entries import FileEntry
from runtime_packager.errors import BuildError
from runtime_packager.imports.scan import Facts, Import
from runtime_packager.io import process

_WORKER = Path(__file__).with_name("scan.py")


def scan_app(
    files: Sequence[FileEntry], root: str, facts: Facts, interpreter: Path
) -> dict[str, list[Import]]:
    """By file of the app, at its tree path, what it imports; templates and the like are left out.

    :param files: at their tree paths.
    :param root: the directory of the tree whose modules the app imports.
    :param interpreter: one that runs here and knows the sources' syntax.
    :raises BuildError: when it cannot be run.
    """
    sources = [file for file in files if file.path.endswith(".py")]
    request = {
        "facts": facts,
        "files": [[str(file.source), _package(file.path, root)] for file in sources],
    }
    done = process.run([interpreter, "-I", "-S", "-B", _WORKER], stdin=json.dumps(request))
    try:
        answers = json.loads(done.stdout)
    except ValueError as error:
        raise BuildError(
            "the imports of the app could not be read", details=[str(error)]
        ) from error
    return {
        file.path: [Import(line, module, tuple(names)) for line, module, names in answer]
        for file, answer in zip(sources, answers, strict=True)
        if answer is not None
    }


def _package(path: str, root: str) -> str:
    """The dotted package a file lies in; empty outside ``root``, where nothing is importable."""
    if not path.startswith(f"{root}/"):
        return ""
    return path.removeprefix(f"{root}/").rpartition("/")[0].replace("/", ".")
