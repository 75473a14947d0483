"""The assembled runtime as a user has it: moved, read-only, somebody else's, and sealed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fakes.seals import snapshot

NONSENSE = {"PYTHONHOME": "/nonsense", "PYTHONPATH": "/nonsense", "PYTHONSTARTUP": "/nonsense"}
NOBODY = 65534


def start(launcher: Path, *words: str, **options) -> tuple[subprocess.Popen, dict]:
    """Start the backend and wait for the line in which it says that it is ready."""
    data = launcher.parents[1] / "data"
    data.mkdir(exist_ok=True)
    data.chmod(0o777)
    home = {"XDG_DATA_HOME": str(data), "LOCALAPPDATA": str(data)}
    options["env"] = {**os.environ, **home, **options.pop("env", {})}
    child = subprocess.Popen(
        [launcher, "--port", "0", *words], stdout=subprocess.PIPE, text=True, **options
    )
    line = child.stdout.readline()
    assert line, f"it ended with {child.wait()}"
    return child, json.loads(line)


def stop(child: subprocess.Popen) -> int:
    child.send_signal(signal.SIGTERM)
    child.stdout.read()
    child.stdout.close()
    return child.wait()


def healthy(ready: dict) -> bool:
    answer = httpx.get(f"http://127.0.0.1:{ready['port']}/api/health", trust_env=False)
    return answer.status_code == 200 and answer.json()["status"] == "healthy"


def test_it_runs_from_another_path_for_another_user_read_only(runtime: Path) -> None:
    moved = runtime.with_name("mit Leerzeichen und ü")
    runtime.rename(moved)
    for path in [moved, *moved.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    # Only root may hand files to somebody else; anybody else is at least not allowed to write.
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    moved.parent.chmod(0o755)
    child, ready = start(moved / "peft_engine", cwd="/", env=NONSENSE, **options)
    try:
        assert healthy(ready)
        assert ready["pid"] == child.pid
    finally:
        assert stop(child) == 0


def test_a_run_writes_nothing_into_the_tree(runtime: Path) -> None:
    before = snapshot(runtime)
    child, ready = start(runtime / "peft_engine", "--no-token", cwd=runtime)
    assert healthy(ready)
    url = f"http://127.0.0.1:{ready['port']}/api/dependencies"
    assert httpx.get(url, trust_env=False).status_code == 200
    assert stop(child) == 0
    assert snapshot(runtime) == before


def test_the_interpreter_is_the_apps_environment(runtime: Path) -> None:
    script = (
        "import fastapi, pydantic_core, ssl, sqlite3, peft_studio, subprocess, sys;"
        "print(subprocess.run([sys.executable, '-c', 'import uvicorn, peft_studio'])"
        ".returncode)"
    )
    launcher = [runtime / "peft_engine", "--runtime-python", "-c", script]
    done = subprocess.run(
        launcher, capture_output=True, text=True, env={**os.environ, **NONSENSE}, cwd="/"
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    direct = [runtime / "python/bin/python3", "-c", script]
    assert subprocess.run(direct, capture_output=True, text=True, cwd="/").stdout == "0\n"


def test_every_module_starts_from_bytecode(runtime: Path) -> None:
    """Nothing is compiled at start: each source that was imported has its pyc in use."""
    script = (
        "import sys, peft_studio.app, peft_studio.server\n"
        "for module in list(sys.modules.values()):\n"
        "    spec = getattr(module, '__spec__', None)\n"
        "    if spec and spec.origin and spec.origin.endswith('.py') and spec.cached:\n"
        "        import os\n"
        "        if not os.path.exists(spec.cached): print(spec.name)\n"
    )
    done = subprocess.run(
        [runtime / "peft_engine", "--runtime-python", "-c", script], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_shiv_starts_and_writes_nothing(runtime: Path, tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "SHIV_ROOT": str(tmp_path / "shiv")}
    before = snapshot(runtime)
    done = subprocess.run(
        [runtime / "python/bin/python3", "-I", "-B", runtime / "app.pyz", "--version"],
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert snapshot(runtime) == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_file_of_the_tree_names_this_machine(runtime: Path) -> None:
    needle = os.fsencode(Path(__file__).resolve().parents[2])
    named = [
        path.relative_to(runtime)
        for path in runtime.rglob("*")
        if path.is_file() and not path.is_symlink() and needle in path.read_bytes()
    ]
    assert named == []


def test_the_hosts_openssl_configuration_stays_out(runtime: Path, tmp_path: Path) -> None:
    """A configuration that breaks every TLS context of an interpreter that reads it."""
    settings = tmp_path / "openssl.cnf"
    lines = ["config_diagnostics = 1", "openssl_conf = init", "[init]", "ssl_conf = tls", "[tls]"]
    lines += ["system_default = defaults", "[defaults]", "CipherString = NONSENSE"]
    settings.write_text("\n".join(lines) + "\n")
    code = "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)"
    env = {**os.environ, "OPENSSL_CONF": str(settings)}
    bare = subprocess.run(
        [runtime / "python/bin/python3", "-I", "-c", code], env=env, stderr=subprocess.DEVNULL
    )
    assert bare.returncode != 0, "it is no such configuration"
    ours = [runtime / "peft_engine", "--runtime-python", "-c", code]
    subprocess.run(ours, env=env, check=True)


def test_terminals_are_known_on_a_system_without_descriptions(runtime: Path) -> None:
    code = "import curses; curses.setupterm('xterm-256color'); print(curses.tigetnum('colors'))"
    ours = [runtime / "peft_engine", "--runtime-python", "-c", code]
    env = {"TERMINFO": "/nowhere", "HOME": "/nowhere"}
    assert subprocess.check_output(ours, env=env, text=True) == "256\n"


def test_a_trimmed_module_says_which_rule_left_it_out(runtime: Path) -> None:
    ours = [runtime / "peft_engine", "--runtime-python", "-c", "import turtle"]
    done = subprocess.run(ours, capture_output=True, text=True)
    assert done.returncode == 1
    assert "set trim.turtledemo = false in [tool.runtime-packager]" in done.stderr
