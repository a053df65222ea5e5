"""Journals of every released format, read by today's code: each run comes to the same end, by the same decisions.

`record.py` made them. What fails here would change what users' journals mean: docs/reference/journal.md, "Histories".
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.actions import Action, Finish, Note, Orders, Send, Wait
from orchestrator.core.decide import decide
from orchestrator.core.evolve import evolve, fold, marks
from orchestrator.core.records import Branched, EndDecided, Intended, Record, RunEnded, Settled, Waited
from orchestrator.core.script import Script
from orchestrator.core.state import RunState
from orchestrator.scriptfile import parse_script
from tests.conftest import Cli
from tests.replay.record import documents

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*/*.sql"))
_EACH = pytest.mark.parametrize("history", HISTORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
_NOT_MEANT = {"wake", "why", "reason", "evidence", "message", "way", "end_reason"}
_DECIDED = Intended | Waited | Settled | Branched | EndDecided | RunEnded


def restored(history: Path, path: Path) -> Path:
    """Make the journal that a history is of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(history.read_text(encoding="utf-8"))
    path.chmod(0o600)
    return path


@pytest.fixture
def journal(history: Path, tmp_path: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(restored(history, tmp_path / "journal.db"), now=SystemClock().now)) as journal:
        yield journal


def test_there_are_histories_of_every_format() -> None:
    """The oldest format is never given up: a journal of any release can be read."""
    assert {path.parent.name for path in HISTORIES} >= {"format-1"}
    assert all(path.with_suffix(".json").exists() for path in HISTORIES)


@_EACH
def test_it_shows_the_same(history: Path, bare_cli: Cli) -> None:
    """The documents are those that were shown when it was recorded."""
    restored(history, bare_cli.journal)
    expected = json.loads(history.with_suffix(".json").read_text(encoding="utf-8"))
    assert documents(bare_cli, [document["run_id"] for document in expected]) == expected


@_EACH
def test_nothing_is_wrong_with_it(journal: SqliteJournal) -> None:
    """The check finds nothing, every record is exported, and the marks are those that the records give today."""
    assert journal.check_integrity() == []
    exported = list(journal.export())
    for run in journal.runs():
        records = journal.read(run.run_id)
        assert [each["seq"] for each in exported if each["run_id"] == run.run_id] == [*range(1, len(records) + 1)]
        assert marks(fold(records)) == run.marks


@_EACH
def test_the_same_would_be_decided(journal: SqliteJournal) -> None:
    """At each place where the run decided something, today's code, knowing the same, decides the same."""
    decided = 0
    for run in journal.runs():
        records = journal.read(run.run_id)
        state = fold(records[:1])
        script = parse_script(state.begun.script_source)
        for record in records[1:]:
            if isinstance(record, _DECIDED):
                assert _meaning(_decision(state, script, record)) == _meaning(record)
                decided += 1
            state = evolve(state, record)
    assert decided > 0


def _decision(state: RunState, script: Script, record: Record) -> Record | None:
    action: Action = decide(state, script, record.at, orders=Orders(), jitter=0.5)
    match action:
        case Note(decided) | Finish(decided):
            return decided
        case Send(intent):
            return intent
        case Wait(_, waited):
            return waited
        case _:
            return None


def _meaning(record: object) -> object:
    """Return a record without its sentences for people, which may be put better, and without what chance has made."""
    if is_dataclass(record) and not isinstance(record, type):
        told = {one.name: getattr(record, one.name) for one in fields(record) if one.name not in _NOT_MEANT}
        return type(record).__name__, {name: _meaning(value) for name, value in told.items()}
    return record
