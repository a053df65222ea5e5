"""A journal from another machine is refused until somebody takes it over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from tests.conftest import Cli


def test_a_journal_from_another_machine_is_refused_until_adopted(bare_cli: Cli, tmp_path: Path) -> None:
    """`journal adopt` takes it over, and says so; before that every command refuses it with exit 73."""
    path = tmp_path / "moved.db"
    SqliteJournal(path, now=SystemClock().now).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE home SET machine = 'another machine'")
        database.commit()
    refused = bare_cli("--journal", path, "runs")
    assert refused.returncode == 73
    assert "journal adopt" in refused.stderr
    adopted = bare_cli("--journal", path, "journal", "adopt")
    assert adopted.returncode == 0, adopted.stderr
    assert bare_cli("--journal", path, "runs").returncode == 0
