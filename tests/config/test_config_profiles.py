"""Profiles: what they replace, where they put things, and what they may not touch."""

from pathlib import Path

import pytest

from runtime_packager.config import Config, load_config
from runtime_packager.errors import InputError

BASE = """\
[tool.runtime-packager]
name = "demo"
version = "1.0"
app = "backend"
python = "3.12.14"
profile = "core"
requirements = ["requirements.txt"]
output = "out"
exclude = ["*.md"]
[tool.runtime-packager.checks]
optional-imports = ["tomli"]
path-budget = 180
[tool.runtime-packager.trim]
pyi = false
"""
FULL = """
[tool.runtime-packager.profiles.full]
requirements = ["requirements.txt", "more.txt"]
platforms = ["linux-x64"]
optimize = 2
[tool.runtime-packager.profiles.full.checks]
optional-imports = ["triton"]
[tool.runtime-packager.profiles.full.trim]
man = false
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("")
    for name in ("requirements.txt", "more.txt"):
        (tmp_path / name).write_text("")
    return tmp_path


def load(project: Path, text: str, profile: str | None = None) -> Config:
    file = project / "pyproject.toml"
    file.write_text(text)
    return load_config(file, profile)


def refused(project: Path, text: str, profile: str | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        load(project, text, profile)
    return caught.value


def test_a_profile_is_the_base_with_its_keys_replaced(project: Path) -> None:
    core, full = load(project, BASE + FULL), load(project, BASE + FULL, "full")
    assert [file.name for file in core.requirements] == ["requirements.txt"]
    assert [file.name for file in full.requirements] == ["requirements.txt", "more.txt"]
    assert [target.name for target in full.platforms] == ["linux-x64"]
    assert (core.optimize, full.optimize) == (0, 2)
    assert (full.name, full.exclude) == ("demo", ("*.md",))


def test_tables_are_replaced_key_by_key(project: Path) -> None:
    core, full = load(project, BASE + FULL), load(project, BASE + FULL, "full")
    assert full.checks.optional_imports == ("triton",)
    assert full.checks.path_budget == 180
    assert core.trim - full.trim == {"man"}
    assert "pyi" not in full.trim


def test_what_a_profile_makes_lies_below_its_name(project: Path) -> None:
    full = load(project, BASE + FULL, "full")
    places = (full.output, full.lock_file(full.platforms[0]), full.trace_file("linux-x64"))
    assert [place.relative_to(project).as_posix() for place in places] == [
        "out/full",
        "manifests/locks/full/pylock.linux-x64.toml",
        "manifests/traced/full/linux-x64.txt",
    ]


def test_the_base_goes_by_its_name_too(project: Path) -> None:
    assert load(project, BASE + FULL, "core") == load(project, BASE + FULL)
    assert load(project, BASE + FULL, "core").output == project / "out"


def test_without_a_name_the_base_is_default(project: Path) -> None:
    text = BASE.replace('profile = "core"\n', "")
    assert load(project, text).profile.name == "default"
    assert load(project, text, "default") == load(project, text)


def test_an_unknown_profile_is_told_which_there_are(project: Path) -> None:
    error = refused(project, BASE + FULL, "fulll")
    assert "no profile 'fulll'" in error.message
    assert error.hint is not None
    assert error.hint.startswith("did you mean full? there are core and full;")
    alone = refused(project, BASE, "full")
    assert "there is core;" in str(alone.hint)


def test_keys_of_the_project_cannot_be_a_profiles(project: Path) -> None:
    text = BASE + FULL.replace(
        "optimize = 2", 'name = "other"\nsources = []\nlocks = "x"\nrequirments = []\noptimize = 3'
    )
    assert list(refused(project, text, "full").details) == [
        "profiles.full.locks: is the whole project's; it stands in the table itself",
        "profiles.full.name: is the whole project's; it stands in the table itself",
        "profiles.full.requirments: unknown key; did you mean requirements?",
        "profiles.full.sources: is the whole project's; it stands in the table itself",
        "optimize: expected 0, 1 or 2, is 3",
    ]
    assert "profile full" in refused(project, text, "full").message


def test_profiles_that_are_wrong_are_told_when_another_is_asked_for(project: Path) -> None:
    text = BASE + "[tool.runtime-packager.profiles.full]\nname = 'x'\n"
    assert "profiles.full.name" in refused(project, text).details[0]


@pytest.mark.parametrize(
    "name", ["win-x64", "darwin-arm64", "all", "wheels", "Full", "'a/b'", "core"]
)
def test_names_that_stand_for_something_else_are_refused(project: Path, name: str) -> None:
    error = refused(project, f"{BASE}[tool.runtime-packager.profiles.{name}]\n")
    assert [line.partition(":")[0] for line in error.details] == [f"profiles.{name.strip(chr(39))}"]


@pytest.mark.parametrize("output", ["out", "out/linux-x64", "out/mac-arm64/inside"])
def test_an_output_inside_another_profiles_runtimes_is_refused(project: Path, output: str) -> None:
    error = refused(project, f'{BASE}[tool.runtime-packager.profiles.full]\noutput = "{output}"\n')
    assert len(error.details) == 1
    assert error.details[0].startswith("profiles.full.output: ")


@pytest.mark.parametrize(
    "line", ["profiles = 3", "profiles.full = 3", 'profile = "A B"', "profile = 1"]
)
def test_profiles_of_another_type_are_a_problem(project: Path, line: str) -> None:
    text = BASE.replace('profile = "core"', line)
    assert refused(project, text).details[0].startswith(line.partition(" ")[0] + ": expected")


def test_no_profiles_output_is_part_of_the_app(project: Path) -> None:
    elsewhere = FULL.replace("optimize = 2", 'output = "backend/big"')
    for profile in ("core", "full"):
        outputs = load(project, BASE + elsewhere, profile).profile.outputs
        assert outputs == (project / "out", project / "backend/big")


def test_peft_studios_full_profile_lacks_nothing() -> None:
    """What the service does without in ``core`` is looked for and imported in ``full``."""
    file = Path(__file__).parents[2] / "pyproject.toml"
    core, full = load_config(file, "core"), load_config(file, "full")
    assert {"torch", "transformers", "peft"} <= {*core.checks.optional_imports}
    assert full.checks.optional_imports == ()
    assert [path.name for path in full.requirements] == ["requirements.txt", "requirements-ml.txt"]
