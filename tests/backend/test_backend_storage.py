"""The data directory and its database: shared by nobody, migrated, moved aside when damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from backend_harness import BACKEND, PATIENCE, Ask, Launch, environment

from peft_studio.app import create_app
from peft_studio.errors import ProblemError
from peft_studio.settings import Settings
from peft_studio.storage.database import Database
from peft_studio.storage.migrations import MIGRATIONS


def start(data: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to give up."""
    return subprocess.run(
        [*before, sys.executable, str(BACKEND / "main.py"), "--port", "0", "--data-dir", data],
        capture_output=True, text=True, env=environment(), timeout=PATIENCE,
    )  # fmt: skip


def schema(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
        return rows + file.execute("PRAGMA user_version").fetchall()


def rows(database: Database) -> int:
    with database.transaction() as connection:
        (count,) = connection.execute("SELECT count(*) FROM datasets").fetchone()
    return int(count)


def fill(database: Database, size: int) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO datasets VALUES ('x', ?, 0)", ("m" * size,))


def test_two_starts_on_one_data_directory(launch: Launch, tmp_path: Path) -> None:
    launch("--data-dir", str(tmp_path / "data"))
    second = start(tmp_path / "data")
    assert (second.returncode, second.stdout) == (96, "")
    assert second.stderr.splitlines()[-1] == (
        f"peft_engine: another PEFT Studio uses the data directory {tmp_path / 'data'}: close it, "
        "or choose another with --data-dir"
    )


def test_a_kill_leaves_the_data_directory_free(launch: Launch, tmp_path: Path) -> None:
    first = launch("--data-dir", str(tmp_path / "data"))
    (tmp_path / "data/tmp/half").write_text("an upload that was not finished")
    first.process.kill()
    first.process.wait(PATIENCE)
    launch("--data-dir", str(tmp_path / "data"))
    assert not list((tmp_path / "data/tmp").iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_data_directory(tmp_path: Path, there: bool) -> None:
    data = tmp_path / "sealed" / "data"
    (data if there else data.parent).mkdir(parents=True)
    (data if there else data.parent).chmod(0o555)
    # Root could write all the same.
    powerless = ["setpriv", "--bounding-set=-dac_override"] if not os.getuid() else []
    done = start(data, *powerless)
    assert (done.returncode, done.stdout) == (96, "")
    assert done.stderr.splitlines()[-1] == (
        f"peft_engine: the data directory {data} cannot be used: Permission denied"
    )


def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    done = start(tmp_path)
    assert done.returncode == 96
    assert f"{path} was written by a newer PEFT Studio (its format is 999" in done.stderr
    assert "update PEFT Studio" in done.stderr and "Traceback" not in done.stderr
    assert path.read_bytes() == before


def test_an_old_database_becomes_the_newest_and_a_rerun_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    sqlite3.connect(path).close()  # version 0
    Database(path).close()
    first = schema(path)
    assert first[-1] == (len(MIGRATIONS),)
    assert {"datasets", "runs", "metrics"} <= {row[1] for row in first if len(row) > 1}
    database = Database(path)
    fill(database, 10)
    database.close()
    again = Database(path)
    assert (rows(again), again.moved_aside) == (1, None)
    again.close()
    assert schema(path) == first


def test_a_migration_that_fails_is_undone_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "studio.sqlite3"
    Database(path).close()
    before = schema(path)
    broken = (*MIGRATIONS, "CREATE TABLE half (id TEXT); CREATE TABLE half (id TEXT)")
    monkeypatch.setattr("peft_studio.storage.database.MIGRATIONS", broken)
    with pytest.raises(ProblemError) as caught:
        Database(path)
    assert caught.value.problem.id == "storage_failed"
    assert schema(path) == before


def break_header(path: Path) -> None:
    path.write_bytes(b"these are not the bytes of a database" * 200)


def break_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [break_header, break_pages])
def test_a_damaged_database_is_moved_aside_and_said_so(
    ask: Ask, settings: Settings, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    settings.data_dir.mkdir()
    path = settings.data_dir / "studio.sqlite3"
    Database(path).close()
    assert callable(damage)
    damage(path)
    damaged = path.read_bytes()

    app = create_app(settings)
    (notice,) = ask("/api/notices", app=app).json()["notices"]
    assert notice["id"] == "database_damaged" and notice["hint"] and notice["at"] > 0
    (aside,) = settings.data_dir.glob("studio.sqlite3.damaged-*")
    assert aside.read_bytes() == damaged
    assert aside.name in notice["message"]
    assert f"{path} is damaged" in caplog.text
    assert len(ask("/api/notices", app=app).json()["notices"]) == 1


def test_what_was_moved_aside_earlier_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    for _ in range(3):
        break_header(path)
        Database(path).close()
    assert len(list(tmp_path.glob("*.damaged-*"))) == 3


def test_a_transaction_on_a_full_disk_is_undone_and_the_next_one_works(tmp_path: Path) -> None:
    database = Database(tmp_path / "studio.sqlite3")
    with database.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ProblemError) as caught:
        fill(database, 1_000_000)
    assert (caught.value.problem.status, caught.value.problem.id) == (507, "disk_full")
    assert rows(database) == 0
    fill(database, 10)
    assert rows(database) == 1
    database.close()


def test_a_database_that_is_damaged_meanwhile_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    database = Database(path)
    fill(database, 100_000)
    database.close()  # folds the log into the file
    database = Database(path)
    break_header(path)
    with pytest.raises(ProblemError) as caught:
        rows(database)
    assert caught.value.problem.id == "storage_failed"
    database.close()


def test_an_error_in_the_body_undoes_the_transaction(tmp_path: Path) -> None:
    database = Database(tmp_path / "studio.sqlite3")

    def body() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO datasets VALUES ('x', '{}', 0)")
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        body()
    assert rows(database) == 0
    database.close()
