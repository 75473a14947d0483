"""What the started app sees: arguments, streams, environment, pid; and what its parent sees."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from launcher_tree import Tree, make_tree

from runtime_packager.launcher import configuration

HARD_ARGUMENTS = [
    "",
    " ",
    "two words",
    'a "quoted" word',
    "it's",
    "back\\slash\\",
    '\\"',
    "größe 数据 🐍",
    "*.py",
    "$HOME",
    "-m",
    "--",
    "line\nbreak",
]


def test_arguments_arrive_as_given(tree: Tree) -> None:
    assert tree.report(*HARD_ARGUMENTS)["arguments"] == HARD_ARGUMENTS


def test_a_thousand_arguments(tree: Tree) -> None:
    many = [f"argument {number}" for number in range(1000)]
    assert tree.report(*many)["arguments"] == many


def test_bytes_that_are_not_utf8_arrive(tree: Tree) -> None:
    assert tree.report(b"\xff\xfe")["arguments"] == ["\udcff\udcfe"]


def test_our_options_are_the_apps_when_they_come_later(tree: Tree) -> None:
    later = ["serve", "--runtime-info", "--runtime-python", "--runtime-detach"]
    assert tree.report(*later)["arguments"] == later


def test_interpreter_gets_the_arguments_of_the_cfg_before_the_script(tree: Tree) -> None:
    arguments = ["-I", "-B", "-X", "utf8"]
    tree.cfg.write_bytes(configuration("python/bin/python3", arguments, "app.py", {}))
    seen = tree.report("serve")
    interpreter = str(tree.root / "python/bin/python3")
    assert seen["original"] == [interpreter, *arguments, str(tree.root / "app.py"), "serve"]
    assert seen["executable"] == interpreter


def test_windows_line_ends_and_comments_are_understood(tree: Tree) -> None:
    lines = ["# made by hand", "", "format = 1", "  interpreter=python/bin/python3\t"]
    tree.cfg.write_bytes("\r\n".join([*lines, "script = app.py"]).encode())
    assert tree.report()["original"][1:] == [str(tree.root / "app.py")]


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_code_is_the_apps(tree: Tree, code: int) -> None:
    tree.write_app(f"raise SystemExit({code})")
    assert tree.run().returncode == code


def test_death_by_signal_is_seen(tree: Tree) -> None:
    tree.write_app("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert tree.run().returncode == -signal.SIGKILL


def test_sigterm_reaches_the_app(guarded_tree: Tree) -> None:
    guarded_tree.write_app(
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen([guarded_tree.launcher], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait() == 7


def test_pid_is_the_launchers(guarded_tree: Tree) -> None:
    with subprocess.Popen([guarded_tree.launcher], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert json.load(process.stdout)["pid"] == process.pid


def test_the_app_has_no_child_it_did_not_start(guarded_tree: Tree) -> None:
    guarded_tree.write_app("import os\ntry: os.wait()\nexcept ChildProcessError: print('none')")
    assert guarded_tree.run().stdout == "none\n"


def test_streams_are_handed_on(tree: Tree) -> None:
    tree.write_app("import sys; print(input()); print('error', file=sys.stderr)")
    done = tree.run(input="hello\nrest")
    assert (done.stdout, done.stderr) == ("hello\n", "error\n")


def test_working_directory_stays(tree: Tree, tmp_path: Path) -> None:
    tree.write_app("import os; print(os.getcwd())")
    assert tree.run(cwd=tmp_path).stdout == f"{tmp_path}\n"


def test_pythons_variables_are_removed_and_others_stay(tree: Tree) -> None:
    hostile = {
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
        "PYTHON": "x",
        "__PYVENV_LAUNCHER__": "/nowhere/python3",
    }
    kept = {"PYTHO": "1", "MY_PYTHONPATH": "2", "__PYVENV_LAUNCHER__X": "3", "EMPTY": ""}
    seen = tree.report(env={**os.environ, **hostile, **kept})["environment"]
    assert not hostile.keys() & seen.keys()
    assert {name: seen[name] for name in kept} == kept


def test_the_cfgs_environment_is_set(tree: Tree) -> None:
    wanted = {
        "OPENSSL_CONF": "${root}/python/ssl.cnf",
        "TWICE": "${root}:${root}",
        "PRICE": "$5 {x} a=b",
        "EMPTY": "",
        "CHANGED": "ours",
    }
    tree.cfg.write_bytes(configuration("python/bin/python3", ["-I"], "app.py", wanted))
    seen = tree.report(env={**os.environ, "CHANGED": "theirs"})["environment"]
    expected = {name: value.replace("${root}", str(tree.root)) for name, value in wanted.items()}
    assert {name: seen[name] for name in wanted} == expected


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_chosen_by_the_user_are_kept(tree: Tree, name: str) -> None:
    ours = {name: "${root}/ours"}
    tree.cfg.write_bytes(configuration("python/bin/python3", ["-I"], "app.py", ours))
    others = {key: value for key, value in os.environ.items() if not key.startswith("SSL_CERT")}
    assert tree.report(env=others)["environment"][name] == f"{tree.root}/ours"
    assert tree.report(env={**others, name: ""})["environment"][name] == f"{tree.root}/ours"
    assert tree.report(env={**others, name: "/theirs"})["environment"][name] == "/theirs"


CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def without_certificates() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("SSL_CERT")}


@pytest.mark.skipif(not os.path.exists(CERTIFICATES), reason=f"needs {CERTIFICATES}")
def test_the_systems_certificates_are_found(tree: Tree) -> None:
    others = without_certificates()
    assert tree.report(env=others)["environment"]["SSL_CERT_FILE"] == CERTIFICATES
    info = tree.report("--runtime-info", env=others)
    assert info["environment"]["set"]["SSL_CERT_FILE"] == CERTIFICATES
    chosen = tree.report(env={**others, "SSL_CERT_DIR": "/theirs"})["environment"]
    assert "SSL_CERT_FILE" not in chosen


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, unshare")
@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("/etc/pki/tls/certs", "ca-bundle.crt"),
        ("/etc/pki/ca-trust/extracted/pem", "tls-ca-bundle.pem"),
        ("/etc/ssl", "ca-bundle.pem"),
        ("/etc/ssl", "cert.pem"),
    ],
)
def test_certificates_are_found_where_other_distributions_keep_them(
    tree: Tree, directory: str, name: str
) -> None:
    script = 'mount -t tmpfs none /etc && mkdir -p "$1" && : > "$1/$2" && exec "$3" --runtime-info'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", directory, name, str(tree.launcher)]
    done = subprocess.run(command, capture_output=True, text=True, env=without_certificates())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["environment"]["set"]["SSL_CERT_FILE"] == f"{directory}/{name}"


def test_started_through_links(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(tree.launcher)
    (tmp_path / "second").symlink_to("first")
    done = subprocess.run([tmp_path / "second", "x"], capture_output=True, check=True)
    assert json.loads(done.stdout)["executable"] == str(tree.root / "python/bin/python3")


def test_a_directory_with_blanks_and_letters_of_the_world(
    tmp_path: Path, host_launcher: Path
) -> None:
    root = tmp_path / "Größe 数据 'x' 🐍"
    tree = make_tree(root, host_launcher)
    assert tree.report("x")["executable"] == str(root / "python/bin/python3")


def test_a_moved_and_renamed_tree_starts(tree: Tree, tmp_path: Path) -> None:
    moved = Tree(tree.root.rename(tmp_path / "elsewhere"), "other")
    (moved.root / "peft_engine").rename(moved.launcher)
    (moved.root / "peft_engine.cfg").rename(moved.cfg)
    assert moved.report("x")["arguments"] == ["x"]


def test_runtime_python_is_the_apps_interpreter(tree: Tree) -> None:
    code = "import sys; print(sys.flags.isolated, sys.argv)"
    done = tree.run("--runtime-python", "-c", code, "--runtime-info")
    assert done.stdout == "1 ['-c', '--runtime-info']\n"


def test_runtime_info_says_what_would_start(tree: Tree) -> None:
    environment = {"A": '${root}"\\\t!', "SSL_CERT_FILE": "${root}/ca.pem"}
    arguments = ["-X", "größe"]
    tree.cfg.write_bytes(configuration("python/bin/python3", arguments, "app.py", environment))
    outside = {"PYTHONPATH": "x", "PYTHON_B": "", "SSL_CERT_FILE": "/theirs"}
    assert tree.report("--runtime-info", "ignored", env=outside) == {
        "format": 1,
        "launcher": str(tree.launcher),
        "root": str(tree.root),
        "interpreter": str(tree.root / "python/bin/python3"),
        "arguments": arguments,
        "script": str(tree.root / "app.py"),
        "environment": {
            "set": {"A": f'{tree.root}"\\\t!'},
            "kept": ["SSL_CERT_FILE"],
            "removed": ["PYTHONPATH", "PYTHON_B"],
        },
        "guarded": True,
        "exit_on_stdin_eof": False,
    }


def test_runtime_info_of_a_root_that_is_not_utf8(tmp_path: Path, host_launcher: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9\x7f\x01")
    tree = make_tree(root, host_launcher)
    printed = subprocess.run([tree.launcher, "--runtime-info"], capture_output=True, check=True)
    assert json.loads(printed.stdout.decode())["root"] == str(root)


def test_runtime_info_knows_of_detach(tree: Tree) -> None:
    assert tree.report("--runtime-detach", "--runtime-info")["guarded"] is False


def test_runtime_info_that_cannot_be_written_fails(tree: Tree) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [tree.launcher, "--runtime-info"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 70
    assert b"standard output cannot be written to: No space left on device" in done.stderr
