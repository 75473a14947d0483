"""backend/main.py as the desktop app runs it: arguments in; a line, an exit code and a log out."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from backend_harness import BACKEND, PATIENCE, Launch, Running, environment

import main

SCRIPT = str(BACKEND / "main.py")


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment(**env),
        timeout=PATIENCE,
        check=False,
    )


def test_says_ready_answers_and_stops_on_sigterm_leaving_the_port_free(
    launch: Launch, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    backend = launch("--data-dir", str(data))
    assert backend.ready == {
        "event": "ready",
        "host": "127.0.0.1",
        "port": backend.ready["port"],
        "pid": backend.process.pid,
        "version": "0.1.0",
    }
    health = httpx.get(f"{backend.url}/api/health")
    assert (health.status_code, health.json()["status"]) == (200, "healthy")

    backend.process.terminate()
    assert backend.process.wait(PATIENCE) == 0
    assert backend.process.stdout and backend.process.stdout.read() == ""
    assert "no token is set" in backend.log()
    assert "stopping: SIGTERM" in backend.log()
    assert {path.name for path in data.rglob("*") if path.is_file()} <= {"lock"}
    # As a restart would: the closed connections still count for a while otherwise.
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", backend.ready["port"]))
        again.listen()


def test_sigint_stops_it_though_connections_are_open(launch: Launch) -> None:
    backend = launch()
    address = ("127.0.0.1", backend.ready["port"])
    with httpx.Client() as kept, socket.create_connection(address) as half:
        kept.get(f"{backend.url}/api/health")
        half.sendall(b"POST /api/health HTTP/1.1\r\nHost: ")
        backend.process.send_signal(signal.SIGINT)
        assert backend.process.wait(PATIENCE) == 0


PROBED = """
import os, sys, threading
import main
from peft_studio import app

create = app.create_app

def create_app(settings):
    built = create(settings)

    @built.get("/stuck")
    def stuck() -> None:
        print("entered", flush=True)
        threading.Event().wait()

    @built.get("/environment")
    def environment() -> list[str]:
        return sorted(os.environ)

    return built

app.create_app = create_app
sys.exit(main.main())
"""
"""The backend with two endpoints more: one never ends, one tells what children would inherit."""


@pytest.fixture
def probed(launch: Launch, tmp_path: Path) -> Running:
    script = tmp_path / "probed.py"
    script.write_text(PROBED)
    return launch(
        command=[str(script)], env={"PYTHONPATH": str(BACKEND), "PEFT_STUDIO_TOKEN": "s3cret"}
    )


def test_work_that_never_ends_does_not_keep_it_from_stopping(probed: Running) -> None:
    port = probed.ready["port"]
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = f"GET /stuck HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-PEFT-Token: s3cret\r\n\r\n"
        client.sendall(head.encode())
        assert probed.process.stdout and probed.process.stdout.readline() == "entered\n"
        probed.process.terminate()
        assert probed.process.wait(PATIENCE) == 0


def test_children_do_not_inherit_the_token(probed: Running) -> None:
    names = httpx.get(f"{probed.url}/environment", headers={"X-PEFT-Token": "s3cret"}).json()
    assert "PATH" in names and "PEFT_STUDIO_TOKEN" not in names


def test_stops_when_stdin_ends_if_asked_to(launch: Launch) -> None:
    backend = launch("--exit-on-stdin-eof")
    assert backend.process.stdin
    backend.process.stdin.close()
    assert backend.process.wait(PATIENCE) == 0
    assert "standard input ended" in backend.log()


def test_lives_on_without_stdin_if_not_asked_to(launch: Launch) -> None:
    backend = launch()
    assert backend.process.stdin
    backend.process.stdin.close()
    assert httpx.get(f"{backend.url}/api/health").status_code == 200


def test_a_taken_port_is_a_sentence_and_98() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(SCRIPT, "--port", str(port))
    assert done.returncode == 98
    assert done.stderr == f"peft_engine: port {port} on 127.0.0.1 is already in use\n"
    assert done.stdout == ""


def test_a_missing_package_is_named() -> None:
    done = run("-S", SCRIPT, "--port", "0")
    assert done.returncode == 97
    assert done.stderr.splitlines()[-1].startswith("peft_engine: No module named 'fastapi'")


def test_the_environment_gives_what_the_arguments_do_not(launch: Launch) -> None:
    secret = {"PEFT_STUDIO_TOKEN": "s3cret", "PEFT_STUDIO_PORT": "not a port"}
    backend = launch(env=secret)
    version = f"{backend.url}/api/version"
    assert httpx.get(version).status_code == 401
    assert httpx.get(version, headers={"X-PEFT-Token": "s3cret"}).status_code == 200
    assert "s3cret" not in backend.log()


def test_a_spawned_child_can_import_main_again() -> None:
    again = f"import runpy; runpy.run_path({SCRIPT!r}, run_name='__mp_main__')"
    done = run("-c", again, PYTHONPATH=str(BACKEND))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0: only this machine may connect"),
        (["--host", "192.168.1.2"], "only this machine may connect"),
        (["--port", "65536"], "--port 65536: a port is a number from 0"),
        (["--port", "-1"], "a port is a number"),
        (["--port", "\uff18\uff10"], "a port is a number"),
        (["--data-dir", "here"], "must be an absolute path"),
        (["--log-level", "loud"], "the log level is one of debug"),
        (["--origin", "null"], "an origin is scheme://host"),
        (["--origin", "*"], "an origin is scheme://host"),
        (["--origin", "app://studio/"], "without a path"),
        (["--prot", "80"], "unrecognized arguments"),
        (["--token", "x"], "unrecognized arguments"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_2(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(argv) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert err.startswith("peft_engine: ") and err.count("\n") == 1
    assert out == ""


FAKE = "raise SystemExit('imported')"


def test_heavy_libraries_are_found_but_not_imported(launch: Launch, tmp_path: Path) -> None:
    libraries = tmp_path / "libraries"
    for name in ("torch", "transformers", "peft", "datasets", "accelerate", "safetensors"):
        (libraries / name).mkdir(parents=True)
        (libraries / name / "__init__.py").write_text(FAKE)
        metadata = libraries / f"{name}-9.8.7.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.8.7\n")
    backend = launch(env={"PYTHONPATH": str(libraries)})
    assert httpx.get(f"{backend.url}/api/health").status_code == 200
    answer = httpx.get(f"{backend.url}/api/dependencies").json()
    assert answer["missing"] == []
    torch = next(one for one in answer["dependencies"] if one["name"] == "torch")
    assert torch == {"name": "torch", "group": "training", "installed": True, "version": "9.8.7"}
    assert backend.process.poll() is None
