"""Importing everything in a small tree around the host's own Python, whatever the modules do."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.seals import snapshot
from packaging.version import Version

from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import find_target, host_target
from runtime_packager.smoking import Smoked, smoke

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the launcher is a shell script here")

PYTHON = Version(".".join(map(str, sys.version_info[:3])))
LAUNCHER = """#!/bin/sh
shift
exec '{python}' -I -B -c '
import sys
sys.path.append("{site}")
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
' "$@"
"""
STUB = 'ENTRY = "{entry}"\nraise RuntimeError("the stub was run")\n'
NEVER = "raise RuntimeError('the entry was run')\n"


@dataclass
class Tree:
    """A runtime in miniature; its requirements need not be Python's own."""

    root: Path

    @property
    def site(self) -> Path:
        return self.root / host_target().site_packages(PYTHON)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def require(self, name: str, *files: str) -> None:
        """Install a distribution with empty files; the record names them all."""
        for file in files:
            self.write(f"{self.site.relative_to(self.root)}/{file}", "")
        rows = "".join(f"{file},,\n" for file in files)
        self.write(f"{self.site.relative_to(self.root)}/{name}.dist-info/RECORD", rows)

    def smoke(self, *optional: str, timeout: float = 60.0, workers: int = 2) -> Smoked:
        return smoke(
            self.root, host_target(), PYTHON, Silent(),
            optional=optional, timeout=timeout, workers=workers,
        )  # fmt: skip

    def failures(self, *optional: str, timeout: float = 60.0, workers: int = 2) -> list[str]:
        with pytest.raises(BuildError) as caught:
            self.smoke(*optional, timeout=timeout, workers=workers)
        return list(caught.value.details)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "mit Leerzeichen")
    tree.site.mkdir(parents=True)
    interpreter = tree.root / host_target().interpreter(PYTHON)
    interpreter.parent.mkdir(parents=True)
    python = os.path.realpath(sys.executable)
    interpreter.symlink_to(python)
    tree.write("peft_engine", LAUNCHER.format(python=python, site=tree.site))
    (tree.root / "peft_engine").chmod(0o755)
    tree.write("peft_engine.cfg", "script = app/_start_app.py\n")
    tree.write("app/_start_app.py", STUB.format(entry="main.py"))
    tree.write("app/main.py", NEVER)
    return tree


def test_all_is_imported_and_nothing_is_written(tree: Tree) -> None:
    tree.write("app/main.py", f"import json\nfrom parts import one, two as other\n{NEVER}")
    tree.write("app/parts/__init__.py", "two = 2")
    tree.write("app/parts/one.py", "def later():\n    from demo import sub\n    import colorsys\n")
    tree.write("app/parts/__main__.py", NEVER)
    tree.write("app/not-a-module.py", NEVER)
    tree.require("demo-1.0", "demo/__init__.py", "demo/sub.py", "other.py")
    before = snapshot(tree.root)
    found = tree.smoke()
    # Compiled: main, parts.__main__. Imported: parts, parts.one, json, colorsys, demo, other.
    assert (found.modules, found.optional) == (8, ())
    assert snapshot(tree.root) == before


def test_a_missing_module_names_who_wants_it_and_who_was_importing(tree: Tree) -> None:
    tree.write("app/main.py", "def lazily():\n    import nowhere\n")
    tree.write("app/outer.py", "\nimport inner\n")
    tree.write("app/inner.py", "import nowhere.below\n")
    assert tree.failures() == [
        "inner (wanted by outer.py:2): ModuleNotFoundError: No module named 'nowhere'; "
        "imported by inner:1",
        "nowhere (wanted by main.py:2): ModuleNotFoundError: No module named 'nowhere'",
        "nowhere.below (wanted by inner.py:1): ModuleNotFoundError: No module named 'nowhere'",
        "outer: ModuleNotFoundError: No module named 'nowhere'; imported by outer:2 -> inner:1",
    ]


def test_a_name_that_a_module_does_not_have_is_missing(tree: Tree) -> None:
    tree.write("app/main.py", "def lazily():\n    from json import dumps, nothing\n")
    (line,) = tree.failures()
    assert (
        line == "json (wanted by main.py:2): ImportError: cannot import name 'nothing' from 'json'"
    )
    assert tree.smoke("json.nothing").modules == 2


def test_what_may_be_missing_is_left_alone_and_its_users_forgiven(tree: Tree) -> None:
    tree.write("app/main.py", "import nowhere\nfrom nowhere.below import this\n")
    tree.write("app/user.py", "import nowhere\n")
    tree.write("app/tool.py", NEVER)
    found = tree.smoke("nowhere", "tool")
    assert found.optional == ("nowhere", "nowhere.below", "tool")
    assert found.modules == 2


def test_a_crash_is_found_and_the_others_are_imported(tree: Tree) -> None:
    tree.write("app/a.py", "")
    tree.write("app/b.py", "import native\n")
    tree.write("app/native.py", "import ctypes\nctypes.string_at(0)\n")
    tree.write("app/silent.py", "import os\nos._exit(3)\n")
    tree.write("app/z.py", "import nowhere\n")
    found = {line.partition(":")[0].partition(" ")[0]: line for line in tree.failures("nowhere")}
    assert sorted(found) == ["b", "native", "silent"]
    assert "b: crash: crashed the interpreter (SIGSEGV)" in found["b"]
    assert "app/b.py:1 -> app/native.py:2" in found["b"]
    assert found["silent"] == "silent: crash: ended the interpreter with exit code 3"
    assert any(line.startswith("z:") for line in tree.failures())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("import os; os._exit(0)", "ended the interpreter with exit code 0, though not alone"),
        ("import threading; threading.Event().wait()", "not done after 1 s, though not alone"),
    ],
)
def test_harm_that_takes_two_is_told_from_one_alone(tree: Tree, harm: str, said: str) -> None:
    tree.write("app/first.py", "")
    tree.write("app/second.py", f"import sys\nif 'first' in sys.modules: {harm}\n")
    (line,) = tree.failures(timeout=1.0)
    assert said in line
    assert "first, app/main.py" in line


def test_a_module_that_hangs_is_given_up_and_the_others_are_imported(tree: Tree) -> None:
    tree.write("app/hangs.py", "import threading\nthreading.Event().wait()\n")
    tree.write("app/z.py", "import nowhere\n")
    lines = tree.failures(timeout=1.0)
    assert [line.partition(" ")[0].rstrip(":") for line in lines] == ["hangs", "nowhere", "z"]
    assert lines[0].startswith("hangs: timeout: not done after 1 s; imported by app/hangs.py:2")


def test_what_modules_print_read_and_raise_does_no_harm(tree: Tree) -> None:
    noise = "import os, sys\nprint('[\"end\"]')\nsys.stderr.write('x' * 200_000)\n"
    tree.write(
        "app/noisy.py", f"{noise}os.write(1, b'[\"end\"]\\n')\nassert not sys.stdin.read()\n"
    )
    tree.write(
        "app/forks.py", "import os\nif not os.fork():\n    import time\n    time.sleep(3600)\n"
    )
    tree.write("app/leaves.py", "import sys\nsys.exit('bye')\n")
    tree.write("app/wrong.py", "def f(:\n")
    tree.write("app/uses.py", "def later():\n    import wrong\n")
    tree.write("app/template.py", "import {{ nobody }}\n")
    assert tree.failures() == [
        "leaves: SystemExit: bye; imported by leaves:2",
        "wrong (wanted by uses.py:2): SyntaxError: invalid syntax (wrong.py, line 1)",
    ]


def test_a_process_that_a_module_leaves_behind_is_not_waited_for(tree: Tree) -> None:
    fifo = tree.root.with_name("fifo")
    os.mkfifo(fifo)
    escape = f"os.setsid(); os.write(w, b'.'); open({str(fifo)!r}).read(); os._exit(0)"
    text = f"import os\nr, w = os.pipe()\nif not os.fork(): {escape}\nos.read(r, 1)\n"
    tree.write("app/daemon.py", text)
    assert tree.smoke().modules == 3
    fifo.write_text("")  # it is still there to read this


def test_an_entry_that_does_not_compile_fails(tree: Tree) -> None:
    tree.write("app/main.py", "def f(:\n")
    assert tree.failures() == ["app/main.py: SyntaxError: invalid syntax (main.py, line 1)"]


def test_a_function_that_starts_the_app_has_to_be_there(tree: Tree) -> None:
    tree.write("app/_start_app.py", STUB.format(entry="parts.cli:Main.run"))
    tree.write("app/main.py", "")
    tree.write("app/parts/cli.py", "")
    (line,) = tree.failures()
    assert "entry parts.cli:Main.run" in line
    assert "cannot import name 'Main'" in line


def test_a_missing_library_is_named_behind_an_essay(tree: Tree) -> None:
    essay = "try:\n    import ctypes; ctypes.CDLL('libnowhere.so.7')\n"
    tree.write(
        "app/native.py", f"{essay}except OSError as e:\n    raise ImportError('Oh') from e\n"
    )
    (line,) = tree.failures()
    assert line.startswith("native: ImportError: Oh; the library libnowhere.so.7 is missing")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_many_requirements_are_shared_out(tree: Tree, workers: int) -> None:
    modules = [f"demo{number}" for number in range(60)]
    tree.require("demo-1.0", *(f"{module}.py" for module in modules), "gone.py")
    (tree.site / "gone.py").unlink()
    (tree.site / "demo41.py").write_text("import nowhere")
    found = tree.smoke("nowhere", workers=workers)
    assert found.modules == 61
    assert found.interpreters == {1: 1, 2: 2, 5: 4}[workers]
    (line,) = tree.failures(workers=workers)
    assert line.startswith("demo41 (wanted by demo 1.0): ModuleNotFoundError")


def test_a_tree_for_another_platform_is_not_run(tree: Tree) -> None:
    with pytest.raises(InputError) as caught:
        smoke(tree.root, find_target("win-arm64"), PYTHON, Silent())
    assert "win-arm64 and cannot be run here" in caught.value.message
    assert "checks" in (caught.value.hint or "")


def test_an_interpreter_that_does_not_start_is_no_failed_module(tree: Tree) -> None:
    tree.write("peft_engine", "#!/bin/sh\necho no such interpreter >&2\nexit 71\n")
    with pytest.raises(BuildError) as caught:
        tree.smoke()
    assert "ended with exit code 71" in caught.value.message
    assert caught.value.details == ("no such interpreter",)
