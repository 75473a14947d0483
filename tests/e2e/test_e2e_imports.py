"""What the static import check believes of an interpreter, held to what that interpreter says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from runtime_packager.imports import unix_builtins

INTERNAL = {
    *("_testinternalcapi", "_xxinterpchannels", "_xxsubinterpreters", "_xxtestfuzz", "xxsubtype"),
}
"""Modules for CPython's own tests, whose symbols the interpreter does not show."""


@pytest.mark.skipif(os.name == "nt", reason="Windows has a list of its own")
def test_built_in_modules_are_read_off_the_interpreter(runtime: Path) -> None:
    info = subprocess.check_output([runtime / "peft_engine", "--runtime-info"], text=True)
    interpreter = Path(json.loads(info)["interpreter"])
    names = "[sys.stdlib_module_names, sys.builtin_module_names]"
    script = f"import json, sys; print(json.dumps({names}, default=list))"
    done = subprocess.check_output([interpreter, "-I", "-c", script], text=True)
    known, real = (set(names) for names in json.loads(done))
    is_builtin = unix_builtins(interpreter)
    found = {name for name in known if is_builtin(name)}
    assert real - found <= INTERNAL
    assert found - real <= {"_frozen_importlib", "_frozen_importlib_external"}
