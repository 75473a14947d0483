"""The steps from an empty database to the newest form. A step, once released, never changes."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE datasets (
        id TEXT PRIMARY KEY,
        meta TEXT NOT NULL,
        created_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        spec TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL NOT NULL,
        started_at REAL,
        ended_at REAL,
        progress TEXT,
        error TEXT
    ) STRICT;
    CREATE INDEX runs_by_age ON runs (created_at);
    CREATE TABLE metrics (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        epoch REAL NOT NULL,
        loss REAL NOT NULL,
        learning_rate REAL NOT NULL,
        tokens_per_second REAL,
        PRIMARY KEY (run, step)
    ) STRICT, WITHOUT ROWID;
    """,
)
"""SQL scripts; the number that were run is the database's ``user_version``. ``meta``, ``spec``,
``progress`` and ``error`` are JSON; times are seconds since the epoch, UTC."""
