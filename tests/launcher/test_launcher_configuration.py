"""The cfg as Python writes it: frozen by a golden file, and read back by the launcher."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher_tree import HERE, Tree, make_tree

from runtime_packager.errors import InputError
from runtime_packager.launcher import configuration


def test_golden() -> None:
    made = configuration(
        "python/bin/python3.13",
        ["-I", "-B", "-X", "utf8"],
        "app/main.py",
        {
            "OPENSSL_CONF": "${root}/python/openssl.cnf",
            "GREETING": "größe = 数据",
            "EMPTY": "",
        },
    )
    assert made == (HERE / "launcher.golden.cfg").read_bytes()


@pytest.mark.parametrize(
    "path", ["", "/a", "..", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "C:a", "a ", "a\nb"]
)
def test_paths_that_leave_the_tree_or_the_line_are_refused(path: str) -> None:
    with pytest.raises(InputError, match="script"):
        configuration("python", [], path, {})
    with pytest.raises(InputError, match="interpreter"):
        configuration(path, [], "script", {})


@pytest.mark.parametrize(
    "environment, problem",
    [
        ({"": "x"}, "letters, digits"),
        ({"A B": "x"}, "letters, digits"),
        ({"1A": "x"}, "letters, digits"),
        ({"Path": "x", "PATH": "y"}, "set twice"),
        ({"A": "${HOME}"}, "no reference but"),
        ({"A": "two\nlines"}, "one line of text"),
        ({"A": "nul\0"}, "one line of text"),
        ({"A": "trailing "}, "without blanks around it"),
        ({"A": "x" * 5000}, "at most 4096 bytes a line"),
        ({f"A{n}": "x" * 4000 for n in range(20)}, "at most 65536 bytes"),
    ],
)
def test_environment_the_launcher_would_refuse(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        configuration("python", [], "script", environment)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InputError) as caught:
        configuration("/python", ["", " x"], "../script", {"A B": "${C}"})
    assert len(caught.value.details) == 6


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory: pytest.TempPathFactory, host_launcher: Path) -> Tree:
    return make_tree(tmp_path_factory.mktemp("cfg") / "tree", host_launcher)


VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)


@settings(max_examples=100)
@given(st.lists(VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_launcher_reads_what_python_writes(
    shared_tree: Tree, arguments: list[str], environment: dict[str, str]
) -> None:
    try:
        cfg = configuration("python/bin/python3", arguments, "app.py", environment)
    except InputError:
        return
    shared_tree.cfg.write_bytes(cfg)
    seen = shared_tree.report("--runtime-info", env={"SSL_CERT_DIR": "/none"})
    assert seen["arguments"] == arguments
    root = str(shared_tree.root)
    expanded = {name: value.replace("${root}", root) for name, value in environment.items()}
    assert seen["environment"]["set"] == expanded
