"""Bytecode: used without a look at the source, the same bytes each time, failures listed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, Layer
from runtime_packager.errors import IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.progress import Silent
from runtime_packager.tree import compile_units, place

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SOURCES = {
    "pkg/__init__.py": "NAME = 'pkg'\nEMPTY = ()\n",
    "pkg/work.py": "def f(x: int = 1, *rest: str) -> tuple[int, ...]:\n    return (x, 2, 3)\n",
    "pkg/template.py": "class {{ name }}:\n",
    "pkg/data.txt": "not a source",
}


def layer_of(home: Path, sources: dict[str, str] = SOURCES) -> Layer:
    entries = []
    for path, text in sources.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644)
        os.utime(file, (FILE_TIME, FILE_TIME))
        digest = hashlib.sha256(text.encode()).hexdigest()
        entries.append(FileEntry(path, len(text), digest, False, file))
    return Layer("pkg 1.0", tuple(entries))


def compiled(cache: Path, *layers: Layer, optimize: int = 0):
    return compile_units(
        layers, Path(sys.executable), VERSION, Cache(cache), Silent(), optimize=optimize
    )


def test_the_tree_imports_from_bytecode_alone(tmp_path: Path) -> None:
    layer = layer_of(tmp_path / "src")
    result = compiled(tmp_path / "cache", layer)
    entries = [*layer.entries, *result.layers[0].entries]
    place(entries, tmp_path / "tree", tmp_path / "cache", "auto", Silent())
    work = tmp_path / "tree/pkg/work.py"
    work.write_text("raise SystemExit('the source was read')")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pkg.work import f; "
        "print(f(5), f.__code__.co_filename)"
    )
    command = [sys.executable, "-I", "-B", "-c", script, str(tmp_path / "tree")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split(" ", 3)[:3] == ["(5,", "2,", "3)"]
    assert done.stdout.strip().endswith(str(work))


def test_what_does_not_compile_is_listed_not_fatal(tmp_path: Path) -> None:
    result = compiled(tmp_path / "cache", layer_of(tmp_path / "src"))
    assert len(result.failed) == 1
    assert result.failed[0].startswith("pkg/template.py: SyntaxError")
    assert len(result.layers[0].entries) == 2


def test_a_second_run_compiles_nothing_and_an_edit_only_its_layer(tmp_path: Path) -> None:
    one = layer_of(tmp_path / "one")
    two = layer_of(tmp_path / "two", {"app.py": "x = 1\n"})
    cache = tmp_path / "cache"
    assert compiled(cache, one, two).compiled == 4
    assert compiled(cache, one, two).compiled == 0
    edited = layer_of(tmp_path / "three", {"app.py": "x = 2\n"})
    assert compiled(cache, one, edited).compiled == 1


def test_bytecode_that_was_changed_in_the_cache_is_made_again(tmp_path: Path) -> None:
    layer, cache = layer_of(tmp_path / "src"), tmp_path / "cache"
    before = compiled(cache, layer).layers[0].entries
    before[0].source.write_bytes(b"rotten")
    after = compiled(cache, layer).layers[0].entries
    assert [e.sha256 for e in after] == [e.sha256 for e in before]
    assert after[0].source.read_bytes() != b"rotten"


def test_a_source_that_rotted_gives_no_bytecode(tmp_path: Path) -> None:
    """It would lie under the good source's digest, and run, long after the source was mended."""
    layer, cache = layer_of(tmp_path / "src"), tmp_path / "cache"
    source = next(e for e in layer.entries if isinstance(e, FileEntry) and e.path.endswith("py"))
    good = source.source.read_bytes()
    source.source.write_bytes(good + b"import evil\n")
    with pytest.raises(IntegrityError, match="not what was stored") as raised:
        compiled(cache, layer)
    assert any(source.path in line for line in raised.value.details)
    source.source.write_bytes(good)
    result = compiled(cache, layer)
    assert not any(b"evil" in e.source.read_bytes() for e in result.layers[0].entries)


def test_layers_without_sources_share_one_entry(tmp_path: Path) -> None:
    one = layer_of(tmp_path / "one", {"a.txt": "a"})
    two = layer_of(tmp_path / "two", {"b.txt": "b"})
    code = layer_of(tmp_path / "three")
    result = compiled(tmp_path / "cache", one, two, code)
    assert [len(layer.entries) for layer in result.layers] == [0, 0, 2]


def test_order_and_company_do_not_show_in_the_bytes(tmp_path: Path) -> None:
    """The standard library's own modules, in two orders, from two caches: equal digests."""
    home = Path(os.__file__).parent
    names = sorted(path.name for path in home.glob("*.py"))[:60]
    texts = {name: (home / name).read_text(encoding="utf-8") for name in names}
    forward = layer_of(tmp_path / "one", texts)
    backward = Layer("reversed", tuple(reversed(forward.entries)))
    alone = [Layer(e.path, (e,)) for e in forward.entries[:10]]
    first = {e.path: e.sha256 for e in compiled(tmp_path / "c1", forward).layers[0].entries}
    second = {e.path: e.sha256 for e in compiled(tmp_path / "c2", backward).layers[0].entries}
    assert first == second
    for layer in compiled(tmp_path / "c3", *alone).layers:
        assert all(first[entry.path] == entry.sha256 for entry in layer.entries)


@pytest.mark.parametrize(("level", "suffix"), [(1, ".opt-1"), (2, ".opt-2")])
def test_optimised_bytecode_has_the_name_python_looks_for(tmp_path: Path, level, suffix) -> None:
    result = compiled(tmp_path / "cache", layer_of(tmp_path / "src"), optimize=level)
    tag = f"cpython-{VERSION.replace('.', '')}{suffix}.pyc"
    assert all(entry.path.endswith(tag) for entry in result.layers[0].entries)
