"""``init --electron``: what it writes into another project, brings up to date, and leaves alone."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from runtime_packager.cli import main

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
[tool.runtime-packager]
name = "tide-table"
version = "1.0.0"
app = "backend"
entry = "main.py"
python = "3.12.14"
output = "runtime"
launcher = "tide_engine"
"""


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    write_package(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_package(project: Path, **more: object) -> None:
    package = {"name": "tide-table", "devDependencies": {"electron": "42.0.0"}, **more}
    (project / "package.json").write_text(json.dumps(package))


def tree(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    capsys.readouterr()
    assert run("init", "--electron", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_the_modules_are_copied_and_a_second_run_changes_nothing(project, capsys) -> None:
    package = (project / "package.json").read_bytes()
    done = answer(capsys)
    assert done["builder_written"]
    written = tree(project)
    ours = ROOT / "electron/src/service/manager.js"
    assert written["runtime-packager/service/manager.js"] == ours.read_bytes()
    assert "product: 'tide-table'" in written["runtime-packager/example-main.js"].decode()
    assert "runtime-packager/settings.js" not in written
    assert b"peft-studio" not in b"".join(written.values())
    assert '"runtime/${os}-${arch}"' in written["electron-builder.yml"].decode()
    assert written["package.json"] == package
    again = answer(capsys)
    assert (again["written"], again["add"], tree(project)) == ([], None, written)


def test_an_older_copy_is_brought_up_to_date(project, capsys) -> None:
    answer(capsys)
    folder = project / "runtime-packager"
    record = json.loads((folder / "copied.json").read_text())
    wanted = tree(project)
    # As an older version would have left it: another text, and a module that is no more.
    import hashlib

    (folder / "log.js").write_text("older\n")
    (folder / "gone.js").write_text("older\n")
    digest = hashlib.sha256(b"older\n").hexdigest()
    record |= {"version": "0.0.9", "files": record["files"] | {"log.js": digest, "gone.js": digest}}
    (folder / "copied.json").write_text(json.dumps(record))
    done = answer(capsys)
    assert (done["before"], done["written"], done["removed"]) == ("0.0.9", ["log.js"], ["gone.js"])
    assert tree(project) == wanted


def test_edited_copies_are_not_overwritten(project, capsys) -> None:
    answer(capsys)
    manager = project / "runtime-packager/service/manager.js"
    manager.write_text("mine")
    (project / "runtime-packager/log.js").unlink()
    before = tree(project)
    assert run("init", "--electron") == 2
    shown = capsys.readouterr().err
    assert "not as they were copied" in shown
    assert "service/manager.js" in shown
    assert tree(project) == before


def test_line_ends_that_git_changed_are_no_edit(project, capsys) -> None:
    answer(capsys)
    log = project / "runtime-packager/log.js"
    log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    assert answer(capsys)["written"] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("electron-builder.yml", "appId: mine\n"),
        ("electron-builder.config.js", "module.exports = {};\n"),
        ("package.json", None),
    ],
)
def test_a_configuration_that_is_there_is_not_touched(project, capsys, name, text) -> None:
    write_package(project, build={"appId": "mine"}) if text is None else (
        project / name
    ).write_text(text)
    before = (project / name).read_bytes()
    done = answer(capsys)
    assert Path(done["builder"]).name == name
    assert not done["builder_written"]
    assert (project / name).read_bytes() == before
    for wanted in ("extraResources", "runtime-packager/builder/seal.js", "afterSign", "signExts"):
        assert wanted in done["add"]
    if name != "electron-builder.yml":
        assert json.loads(f"{{{done['add']}}}")["mac"]["signIgnore"]


def test_an_esm_project_is_told_how_to_import(project, capsys) -> None:
    write_package(project, type="module")
    assert any("import { setupRuntime }" in line for line in answer(capsys)["todo"])
    assert json.loads((project / "runtime-packager/package.json").read_text())["type"] == "commonjs"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda at: (at / "package.json").unlink(), "no package.json"),
        (lambda at: (at / "package.json").write_text("{}"), "does not depend on electron"),
        (lambda at: (at / "package.json").write_text("{"), "not valid JSON"),
        (lambda at: (at / "pyproject.toml").unlink(), "runtime-packager init"),
    ],
)
def test_what_is_no_electron_project_is_refused(project, capsys, spoil, says) -> None:
    spoil(project)
    before = tree(project)
    assert run("init", "--electron") == 2
    shown = capsys.readouterr().err
    assert says in shown
    assert "hint:" in shown or "mend it" in shown
    assert tree(project) == before


def test_a_wheel_has_the_modules(tmp_path: Path, project: Path) -> None:
    place = tmp_path / "wheel"
    pip = [sys.executable, "-m", "pip"]
    isolation = ["--no-deps", "--no-build-isolation"]
    words = [*pip, "wheel", "--quiet", *isolation, "--wheel-dir", place, ROOT]
    made = subprocess.run(words, capture_output=True, text=True)
    if "No module named 'hatchling'" in made.stderr or "hatchling.build" in made.stderr:
        words = [word for word in words if word != "--no-build-isolation"]
        made = subprocess.run(words, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
        wheel.extractall(unpacked)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from runtime_packager.cli import main; "
        "from runtime_packager.wiring import modules; print(modules(), file=sys.stderr); "
        "main(['init', '--electron', '--json'])"
    )
    words = [sys.executable, "-c", code, unpacked]
    done = subprocess.run(words, capture_output=True, text=True, cwd=project)
    assert done.returncode == 0, done.stderr
    assert str(unpacked / "runtime_packager/desktop") in done.stderr
    assert (project / "runtime-packager/builder/entitlements.runtime.plist").is_file()
