"""A journal from another machine: everybody may look into it, and nobody calls with it until it is taken over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from tests.conftest import Cli
from tests.fakes import machine as m


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal with one run, which another machine has made."""
    path = tmp_path / "moved.db"
    with closing(SqliteJournal(path, now=SystemClock().now)) as journal:
        journal.release(journal.start_run(m.started(), lease_s=30))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE home SET machine = 'another machine'")
        database.commit()
    return path


def test_a_journal_from_another_machine_is_refused_until_adopted(bare_cli: Cli, path: Path) -> None:
    """`journal adopt` takes it over, and says so; before that commands that call refuse it with exit 73."""
    refused = bare_cli("--journal", path, "resume", "--all")
    assert refused.returncode == 73
    assert "journal adopt" in refused.stderr
    adopted = bare_cli("--journal", path, "journal", "adopt")
    assert adopted.returncode == 0, adopted.stderr
    assert "another machine" not in bare_cli("--journal", path, "resume", "--all").stderr


@pytest.mark.parametrize(
    "words",
    [
        ("runs",),
        ("runs", "--json"),
        ("show", "run-1"),
        ("why", "run-1"),
        ("journal", "check"),
        ("journal", "export"),
        ("journal", "prune", "--older-than", "1d", "--dry-run"),
    ],
)
def test_whoever_only_looks_needs_not_adopt(bare_cli: Cli, path: Path, words: tuple[str, ...]) -> None:
    """A copy can be looked into where it lies, also after its machine is lost, and stays as it is."""
    before = path.read_bytes()
    done = bare_cli("--journal", path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == before
    assert list(path.parent.glob("moved.db*")) == [path]
