"""The machine a journal is used on: a copy is refused elsewhere until it is adopted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.adapters.journal import owner as module
from orchestrator.core.records import RunMarks
from orchestrator.errors import JournalError
from tests.conformance.journal_bench import LEASE_S, Bench, a_note, a_start
from tests.conformance.test_journal import SqliteBench

ONE, TWO = "1" * 32, "2" * 32
NONE = ["", "\n", "uninitialized\n", None]
"""What stands in the file of a machine that has no id: nothing, not yet anything; or there is no file."""

Move = Callable[[str | None], None]


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Return what moves this process to a machine with some id, under another host name each time."""
    file = tmp_path / "machine-id"
    monkeypatch.setattr(module, "_MACHINE_ID", str(file))
    names = iter(range(100))

    def go(text: str | None) -> None:
        monkeypatch.setattr(socket, "gethostname", lambda: f"container-{next(names)}")
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)

    return go


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def opened(path: Path, *, adopt: bool = False) -> SqliteJournal:
    return SqliteJournal(path, now=SqliteBench(path.parent).now, adopt=adopt)


def test_a_journal_of_another_machine_is_refused(path: Path, move: Move) -> None:
    """It says so, names the way out and changes nothing; at home it goes on."""
    move(ONE)
    opened(path).close()
    before = path.read_bytes()
    move(TWO)
    with pytest.raises(JournalError, match=r"comes from another machine; `orchestrator journal adopt` takes it over"):
        opened(path)
    assert path.read_bytes() == before
    move(ONE)
    opened(path).close()


def test_an_adopted_journal_is_at_home(path: Path, move: Move) -> None:
    """Once it was adopted it is used here without a word, with all it holds, and refused where it came from."""
    move(ONE)
    bench: Bench = SqliteBench(path.parent)
    with closing(opened(path)) as journal:
        journal.release(journal.start_run(a_start(bench), lease_s=LEASE_S))
    move(TWO)
    opened(path, adopt=True).close()
    with closing(opened(path)) as journal:
        journal.append(journal.acquire("run-1", lease_s=LEASE_S), [a_note(bench, 1)], RunMarks())
    opened(path, adopt=True).close()
    move(ONE)
    with pytest.raises(JournalError, match="another machine"):
        opened(path)


@pytest.mark.parametrize("nothing", NONE)
def test_a_machine_without_an_id_refuses_nothing(path: Path, move: Move, nothing: str | None) -> None:
    """Containers have no id, or come and go with host names of their own: their journals stay usable, as do others'."""
    move(nothing)
    opened(path).close()
    opened(path).close()
    move(ONE)
    opened(path).close()
    opened(path, adopt=True).close()
    move(nothing)
    opened(path).close()
    opened(path, adopt=True).close()
    move(TWO)
    opened(path).close()
