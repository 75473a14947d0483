"""The app's layer: what is in it, how it starts, that the shiv finds it and writes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime_packager.app import Data, Function, Script, collect, pack
from runtime_packager.entries import Layer
from runtime_packager.errors import InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.tree import place

MAIN = """\
import multiprocessing, sys
from helper import VALUE

def square(x):
    return x * x

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(sys.argv[1:], VALUE, pool.map(square, [3]), __file__ == sys.argv[0])
    sys.exit(7)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    app = tmp_path / "project"
    (app / "pkg").mkdir(parents=True)
    (app / "main.py").write_text(MAIN)
    (app / "helper.py").write_text("VALUE = 'helped'\n")
    (app / "pkg/__init__.py").write_text("def go():\n    print('gone')\n    return 5\n")
    (app / "run.sh").write_text("#!/bin/sh\n")
    return app


def tree_of(app: Path, entry, tmp_path: Path, name: str = "tree") -> Path:
    layer, _ = pack(collect(app, [], []), entry, Cache(tmp_path / f"cache-{name}"))
    place(layer.entries, tmp_path / name, tmp_path / f"cache-{name}", "copy", Silent())
    return tmp_path / name


def run(*arguments: object, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-I", "-B", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}
    )


def test_a_script_runs_as_main_with_spawned_children(project: Path, tmp_path: Path) -> None:
    tree = tree_of(project, Script("main.py"), tmp_path)
    done = run(tree / "app/_start_app.py", "a b", "ü", cwd=tmp_path)
    assert done.stdout.strip() == "['a b', 'ü'] helped [9] True", done.stderr
    assert done.returncode == 7


def test_a_function_runs_and_its_result_is_the_status(project: Path, tmp_path: Path) -> None:
    tree = tree_of(project, Function("pkg", "go"), tmp_path)
    done = run(tree / "app/_start_app.py")
    assert (done.stdout, done.returncode) == ("gone\n", 5)


def test_the_current_directory_cannot_inject_a_module(project: Path, tmp_path: Path) -> None:
    tree = tree_of(project, Script("main.py"), tmp_path)
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("helper", "multiprocessing", "random"):
        (evil / f"{name}.py").write_text("raise SystemExit('injected')")
    assert run(tree / "app/_start_app.py", cwd=evil).returncode == 7


def test_the_shiv_runs_the_extracted_copy_and_writes_nothing(project: Path, tmp_path: Path) -> None:
    tree = tree_of(project, Script("main.py"), tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    done = run(tree / "app.pyz", "x", HOME=str(home), SHIV_ROOT=str(home / "shiv"))
    assert "helped [9] True" in done.stdout, done.stderr
    assert done.returncode == 7
    assert list(home.iterdir()) == []


def test_a_shiv_alone_still_starts(project: Path, tmp_path: Path) -> None:
    tree = tree_of(project, Script("main.py"), tmp_path)
    alone = tmp_path / "alone.pyz"
    (tree / "app.pyz").rename(alone)
    done = run(alone, SHIV_ROOT=str(tmp_path / "shiv"))
    assert "helped [9] True" in done.stdout, done.stderr
    assert (tmp_path / "shiv").is_dir()


def digests(layer: Layer) -> dict[str, tuple[str, bool]]:
    return {entry.path: (entry.sha256, entry.executable) for entry in layer.entries}


def test_the_same_files_give_the_same_bytes(project: Path, tmp_path: Path) -> None:
    first, _ = pack(collect(project, [], []), Script("main.py"), Cache(tmp_path / "one"))
    moved = tmp_path / "elsewhere" / "app"
    moved.parent.mkdir()
    project.rename(moved)
    for path in moved.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    before = os.umask(0o077)
    try:
        second, _ = pack(collect(moved, [], []), Script("main.py"), Cache(tmp_path / "two"))
    finally:
        os.umask(before)
    assert digests(first) == digests(second)
    assert digests(first)["app/run.sh"][1] is True
    assert digests(first)["app/main.py"][1] is False


def test_a_second_pack_comes_from_the_cache_until_a_line_changes(project: Path, tmp_path) -> None:
    cache = Cache(tmp_path / "cache")
    assert pack(collect(project, [], []), Script("main.py"), cache)[1] is False
    assert pack(collect(project, [], []), Script("main.py"), cache)[1] is True
    (project / "helper.py").write_text("VALUE = 'changed'\n")
    assert pack(collect(project, [], []), Script("main.py"), cache)[1] is False


def test_hidden_files_bytecode_and_excluded_names_stay_out(project: Path) -> None:
    for name in (
        ".env",
        "dist/out.bin",
        "pkg/__pycache__/x.pyc",
        "notes.txt",
        "pkg/deep/notes.txt",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("secret")
    paths = [f.path for f in collect(project, ["dist", "notes.txt"], [])]
    assert paths == ["helper.py", "main.py", "pkg/__init__.py", "run.sh"]


def test_data_files_come_along(project: Path, tmp_path: Path) -> None:
    (tmp_path / "models/small").mkdir(parents=True)
    (tmp_path / "models/small/w.bin").write_bytes(b"\0")
    (tmp_path / "settings.toml").write_text("")
    data = [Data(tmp_path / "models", "data/models"), Data(tmp_path / "settings.toml", "conf.toml")]
    paths = [f.path for f in collect(project, [], data)]
    assert "data/models/small/w.bin" in paths
    assert "conf.toml" in paths
    with pytest.raises(InputError, match="would replace app file main.py"):
        collect(project, [], [Data(tmp_path / "settings.toml", "main.py")])


def test_links_out_of_the_app_are_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (project / "leak").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="outside the app directory"):
        collect(project, [], [])


def test_a_directory_link_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "loop").symlink_to(project)
    with pytest.raises(InputError, match="link to a directory"):
        collect(project, [], [])


def test_a_missing_script_and_a_taken_name_are_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'other.py' is not a file"):
        pack(collect(project, [], []), Script("other.py"), Cache(tmp_path))
    (project / "_start_app.py").write_text("")
    with pytest.raises(InputError, match="_start_app.py, a name the runtime needs"):
        pack(collect(project, [], []), Script("main.py"), Cache(tmp_path))


def test_an_empty_app_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        collect(tmp_path / "empty", [], [])


def test_what_is_no_file_is_named(project: Path) -> None:
    (project / "dangling").symlink_to("nowhere")
    with pytest.raises(InputError, match="dangling cannot be packed"):
        collect(project, [], [])
    (project / "dangling").unlink()
    os.mkfifo(project / "pipe")
    with pytest.raises(InputError, match="pipe is no regular file"):
        collect(project, [], [])
    assert collect(project, ["pipe"], [])


def test_an_output_inside_the_app_does_not_pack_itself(project: Path) -> None:
    (project / "out/linux-x64").mkdir(parents=True)
    (project / "out/linux-x64/old").write_text("")
    paths = [f.path for f in collect(project, [], [], apart_from=[project / "out"])]
    assert not any(path.startswith("out") for path in paths)


@pytest.mark.parametrize("damage", [b"", b"[[1]]", b"{}", b'[["app/x",1,"0",0]]'])
def test_a_damaged_table_in_the_cache_is_made_again(project: Path, tmp_path: Path, damage) -> None:
    cache = Cache(tmp_path / "cache")
    before, _ = pack(collect(project, [], []), Script("main.py"), cache)
    (table,) = (tmp_path / "cache/apps").glob("*/table.json")
    table.write_bytes(damage)
    after, cached = pack(collect(project, [], []), Script("main.py"), cache)
    assert not cached
    assert digests(after) == digests(before)
