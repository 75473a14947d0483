"""The configuration: what it means, and that everything wrong with it is said at once."""

from pathlib import Path

import pytest
from fakes.icons import GOOD, ico, png

from runtime_packager.app import Function, Script
from runtime_packager.config import Checks, find_config, load_config
from runtime_packager.errors import InputError
from runtime_packager.interpreters import ArchiveSource, GithubSource, MirrorSource, NpmSource
from runtime_packager.launcher import Identity, read_icon
from runtime_packager.tree import RULES

MINIMAL = """\
[tool.runtime-packager]
name = "demo"
version = "1.0"
app = "backend"
python = "3.12.14"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("")
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text(MINIMAL)
    return tmp_path


def write(project: Path, text: str) -> Path:
    file = project / "pyproject.toml"
    file.write_text(text)
    return file


def problems(project: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_config(write(project, text))
    assert str(project / "pyproject.toml") in caught.value.message
    return list(caught.value.details)


def test_defaults(project: Path) -> None:
    config = load_config(project / "pyproject.toml")
    assert config.entry == Script("main.py")
    assert config.sources == (GithubSource(),)
    assert [target.name for target in config.platforms][:2] == ["linux-x64", "linux-arm64"]
    assert config.trim == {name for name, rule in RULES.items() if rule.default}
    assert config.launcher == "peft_engine"
    assert config.lock_file(config.platforms[0]).name == "pylock.linux-x64.toml"
    assert config.cache is None
    assert config.scripts == ()
    assert config.checks == Checks()
    floors = {target.name: config.target(target.name).floor for target in config.platforms}
    assert floors == {
        **dict.fromkeys(["linux-x64", "linux-arm64"], (2, 28)),
        **dict.fromkeys(["win-x64", "win-arm64"], (10, 0)),
        **{"mac-x64": (11, 0), "mac-arm64": (13, 0), "mac-universal": (11, 0)},
    }


def test_floors_scripts_and_checks(project: Path) -> None:
    text = (
        MINIMAL
        + """
platforms = ["linux-x64", "linux-x64-musl", "mac-universal"]
scripts = ["alembic", "uvicorn"]
[tool.runtime-packager.floors]
glibc = "2.31"
macos-arm64 = "14.0"
[tool.runtime-packager.checks]
imports = false
smoke = false
system-libraries = ["libasound.so.2"]
accept = ["*/setuptools/*.exe"]
optional-imports = ["tomli"]
universal-arm64 = ["*/build_info.py"]
path-budget = 180
"""
    )
    config = load_config(write(project, text))
    assert config.scripts == ("alembic", "uvicorn")
    assert [target.floor for target in config.platforms[:2]] == [(2, 31), (1, 2)]
    assert config.target("linux-arm64").floor == (2, 31)
    parts = config.parts(config.target("macos-universal2"))
    assert [(part.name, part.floor) for part in parts] == [
        ("mac-x64", (11, 0)),
        ("mac-arm64", (14, 0)),
    ]
    assert config.parts(config.target("win-x64")) == (config.target("win-x64"),)
    assert config.checks == Checks(
        True,
        False,
        ("libasound.so.2",),
        ("*/setuptools/*.exe",),
        ("tomli",),
        ("*/build_info.py",),
        180,
        False,
    )


def test_wrong_floors_scripts_and_checks_are_all_named(project: Path) -> None:
    text = (
        MINIMAL
        + """
scripts = ["python", "peft_engine", "a/b"]
[tool.runtime-packager.floors]
glibc = "2.12"
macos-x64 = "eleven"
windows = "10"
[tool.runtime-packager.checks]
path-budget = 400
acept = []
"""
    )
    assert problems(project, text) == [
        "floors.glibc: expected a version such as \"2.28\", 2.17 or newer, is '2.12'",
        "floors.macos-x64: expected a version such as \"11.0\", 11.0 or newer, is 'eleven'",
        "floors.windows: unknown key; known are glibc, macos-arm64, macos-x64, musl",
        "scripts: expected a name that the tree does not use itself, is 'python'",
        "scripts: expected a name that the tree does not use itself, is 'peft_engine'",
        "scripts: expected letters, digits, - _ and ., is 'a/b'",
        "checks.path-budget: expected a number from 60 to 259, is 400",
        "checks.acept: unknown key; did you mean accept?",
    ]


def test_what_windows_shows(project: Path) -> None:
    config = load_config(project / "pyproject.toml")
    assert config.identity == Identity("demo", "1.0", "demo")
    (project / "icon.ico").write_bytes(GOOD)
    text = (
        MINIMAL
        + """
[tool.runtime-packager.windows]
icon = "icon.ico"
product = "Größe 𝄞"
company = "Example Ltd"
copyright = "© 2026"
"""
    )
    assert load_config(write(project, text)).identity == Identity(
        "Größe 𝄞", "1.0", "Größe 𝄞", "Example Ltd", "© 2026", read_icon(GOOD)
    )


def test_everything_wrong_with_what_windows_shows_is_named(project: Path) -> None:
    (project / "icon.png").write_bytes(png(16))
    text = (
        MINIMAL
        + f"""
[tool.runtime-packager.windows]
icon = "icon.png"
product = "two\\nlines"
company = "{"x" * 1001}"
description = "nul\\u0000"
copyrigth = "© 2026"
"""
    )
    assert [line.partition(", is")[0] for line in problems(project, text)] == [
        "windows.product: expected one line of text",
        "windows.description: expected one line of text",
        "windows.company: expected at most 1000 UTF-16 units",
        "windows.icon: expected an .ico file",
        "windows.copyrigth: unknown key; did you mean copyright?",
    ]


def test_every_wrong_image_of_an_icon_is_named(project: Path) -> None:
    (project / "icon.ico").write_bytes(ico((16, png(32)), (32, png(16))))
    (line,) = problems(project, MINIMAL + 'windows = { icon = "icon.ico" }\n')
    assert line == (
        "windows.icon: Windows could not show it; "
        "image 1: expected 16 x 16 pixels, the PNG has 32 x 32; "
        "image 2: expected 32 x 32 pixels, the PNG has 16 x 16"
    )


@pytest.mark.parametrize("icon", ["missing.ico", "backend"])
def test_an_icon_that_is_no_file(project: Path, icon: str) -> None:
    expected = f"windows.icon: expected an existing file, is {icon!r}"
    assert problems(project, f'{MINIMAL}windows = {{ icon = "{icon}" }}\n') == [expected]


def test_no_two_launchers_may_bring_the_same_file(project: Path) -> None:
    text = MINIMAL + 'scripts = ["Tool", "tool", "tool.cfg", "Peft_Engine.exe", "Tool", "x.py"]\n'
    assert [line.rpartition(" ")[2] for line in problems(project, text)] == [
        "'tool'",
        "'tool.cfg'",
        "'Peft_Engine.exe'",
    ]


@pytest.mark.parametrize("name", ["app", "Python", "manifest"])
def test_a_launcher_cannot_be_called_like_a_folder_of_the_tree(project: Path, name: str) -> None:
    expected = f"launcher: expected a name that the tree does not use itself, is {name!r}"
    assert problems(project, f'{MINIMAL}launcher = "{name}"\n') == [expected]


def test_everything(project: Path) -> None:
    (project / "py.tar.gz").write_bytes(b"")
    text = (
        MINIMAL
        + """
entry = "pkg.mod:run"
requirements = ["requirements.txt"]
platforms = ["win32-x64", "darwin-arm64", "win-x64"]
output = "out"
launcher = "engine"
exclude = ["*.md"]
data = [{ from = "requirements.txt", to = "conf/r.txt" }]
optimize = 1
link-mode = "copy"
epoch = 7
lock-urls = false
cache = "cache"
sources = [
  { kind = "mirror", url = "https://mirror.example/pbs" },
  { kind = "archive", path = "py.tar.gz", platforms = ["linux-x64"] },
  { kind = "github", platforms = ["mac-arm64"] },
]
[tool.runtime-packager.trim]
tests = false
wheel-tests = true
"""
    )
    config = load_config(write(project, text))
    assert config.entry == Function("pkg.mod", "run")
    assert [target.name for target in config.platforms] == ["win-x64", "mac-arm64"]
    assert [type(source) for source in config.sources] == [
        MirrorSource,
        ArchiveSource,
        GithubSource,
    ]
    assert "tests" not in config.trim
    assert "wheel-tests" in config.trim
    assert config.data[0].to == "conf/r.txt"
    assert config.output == project / "out"
    assert config.epoch == 7


def test_all_problems_at_once_each_with_key_and_expectation(project: Path) -> None:
    found = "\n".join(
        problems(
            project,
            """\
[tool.runtime-packager]
name = 5
app = "nowhere"
entry = "a b c"
requirements = ["missing.txt"]
python = "3.12"
platforms = ["linux-x46"]
optimize = true
link-mode = "symlink"
launcher = "bad name.exe"
colour = "blue"
exclud = []
data = [{ from = "gone", to = "../up" }]
sources = [{ kind = "ftp" }, { kind = "archive", path = "gone.tar.gz" }]
[tool.runtime-packager.trim]
testz = true
tests = "no"
""",
        )
    )
    for expected in (
        "name: expected the product's name, is 5",
        "version: expected the product's version, is missing",
        "app: expected an existing directory, is 'nowhere'",
        "entry: 'a b c' is no entry point",
        "requirements: expected an existing file, is 'missing.txt'",
        "python: expected major.minor.micro",
        "platforms: unknown platform 'linux-x46'",
        "did you mean linux-x64?",
        "optimize: expected 0, 1 or 2, is True",
        "link-mode: expected one of auto, reflink, hardlink, copy, is 'symlink'",
        "launcher: expected letters",
        "exclud: unknown key; did you mean exclude?",
        "colour: unknown key",
        "data[0].from: expected an existing file or directory, is 'gone'",
        "data[0].to: expected a path inside app/",
        "sources[0].kind: expected github, mirror, archive, directory or npm, is 'ftp'",
        "sources[1].path: expected an existing file",
        "sources[1].platforms: expected the platforms this source serves, is missing",
        "trim.testz: unknown key; did you mean tests?",
        "trim.tests: expected true or false, is 'no'",
    ):
        assert expected in found


def test_a_source_that_cannot_work_is_a_problem_among_others(project: Path) -> None:
    text = (
        MINIMAL.replace('"1.0"', '"one"')
        + """
[[tool.runtime-packager.sources]]
kind = "mirror"
url = "ftp://x"

[[tool.runtime-packager.sources]]
kind = "npm"
package = "x"
sha256 = "1"
prefix = "p"
python = "3.12.14"
platforms = ["linux-x64"]
"""
    )
    found = "\n".join(problems(project, text))
    assert "version: expected the product's version" in found
    assert "sources[0].kind: the mirror 'ftp://x' is not an http" in found
    assert "sources[1].kind: " in found


def test_a_complete_npm_source(project: Path) -> None:
    text = (
        MINIMAL
        + """
[[tool.runtime-packager.sources]]
kind = "npm"
package = "@a/b@1.0.0"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
prefix = "package/python"
python = "3.12.14"
platforms = ["linux-x64"]
"""
    )
    (source,) = load_config(write(project, text)).sources
    assert isinstance(source, NpmSource)
    assert source.targets == {"linux-x64"}


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "9" * 5000], ids=["deep", "long"])
def test_toml_that_nobody_can_read_is_an_input_error(project: Path, text: str) -> None:
    with pytest.raises(InputError, match="not valid TOML"):
        load_config(write(project, text))


def test_broken_toml_names_the_place(project: Path) -> None:
    with pytest.raises(InputError, match="not valid TOML: .*end of document"):
        load_config(write(project, "[tool"))


def test_the_nearest_project_above_is_found(project: Path) -> None:
    inner = project / "backend/deep"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\n")
    assert find_config(inner) == project / "pyproject.toml"


def test_without_a_project_init_is_the_hint(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_config(tmp_path)
    assert "init" in str(caught.value.hint)
