"""What the runs of a process know of the server's clock, and what they are told of it by those before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.instant import Instant
from orchestrator.core.records import Record, RunMarks
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import JournalError
from orchestrator.runtime.serverclock import NEWEST, ServerClock
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes import machine as m

HERE, THERE = "https://here.example", "https://there.example"
Write = Callable[..., None]


class WatchedJournal(MemoryJournal):
    """Tells before a run is read."""

    before_read: Callable[[str], None] = staticmethod(lambda _run_id: None)

    def read(self, run_id: str) -> list[Record]:
        """Return a run's records in order."""
        self.before_read(run_id)
        return super().read(run_id)


@pytest.fixture
def journal() -> WatchedJournal:
    return WatchedJournal(now=lambda: m.at(1000))


@pytest.fixture
def write(journal: WatchedJournal) -> Write:
    """Return what writes one more run: its records are a dial and its outcome, at some moment."""

    def run(*records: Record, at: Instant, api_url: str | None = HERE) -> None:
        number = len(journal.store.runs)
        started = m.started(run_id=f"run-{number}", at=at, api_url=api_url)
        lease = journal.start_run(started, lease_s=30)
        journal.append(lease, records, RunMarks(claims_dial=False))

    return run


def outcome(skew_s: float | None, at: Instant) -> list[Record]:
    return [m.intent(m.Operation.CREATE, at=at), replace(m.concluded(clock_skew_s=skew_s), at=at)]


def seen(skew_s: float, began_with_s: float | None = None) -> RunState:
    started = m.started(clock_skew_s=began_with_s)
    return m.state(Phase.ENDED, started=started, clock_skew_s=skew_s, skew_known=True)


def test_the_newest_run_that_saw_it_counts(journal: WatchedJournal) -> None:
    """One that knows only what it began with has not seen it."""
    clock = ServerClock(journal)
    assert clock.skew_s(m.at(1)) is None
    clock.learn(m.state(Phase.ENDED), m.at(1))
    assert clock.skew_s(m.at(1)) is None
    clock.learn(seen(90.0), m.at(2))
    assert clock.skew_s(m.at(3)) == 90.0
    clock.learn(seen(120.0, began_with_s=90.0), m.at(4))
    clock.learn(seen(90.0, began_with_s=90.0), m.at(5))
    assert clock.skew_s(m.at(6)) == 120.0


def test_a_clock_that_was_set_is_taken_into_account(journal: WatchedJournal) -> None:
    """How far the wall clock is from the boot clock tells."""
    clock = ServerClock(journal)
    clock.learn(seen(90.0), m.at(2))
    later = m.at(12)
    assert clock.skew_s(Instant(later.wall + 90.0, later.boot_s, later.boot_id)) == 0.0


def test_the_newest_run_of_the_same_api_tells_a_new_process(journal: WatchedJournal, write: Write) -> None:
    """Of several that saw it the newest counts, by what it saw last; other APIs have clocks of their own."""
    write(*outcome(30.0, m.at(1)), at=m.at(0))
    write(*outcome(80.0, m.at(11)), m.look(12, clock_skew_s=90.0), at=m.at(10))
    write(*outcome(None, m.at(21)), at=m.at(20))
    write(*outcome(500.0, m.at(31)), at=m.at(30), api_url=THERE)
    assert ServerClock(journal, api_url=HERE).skew_s(m.at(40)) == pytest.approx(90.0)
    assert ServerClock(journal, api_url=THERE).skew_s(m.at(40)) == pytest.approx(500.0)
    assert ServerClock(journal, api_url="https://nowhere.example").skew_s(m.at(40)) is None


def test_what_was_seen_before_a_boot_is_not_believed(journal: WatchedJournal, write: Write) -> None:
    """A clock may be set at every boot, and a dial with a skew that is no more would be fenced out."""
    write(*outcome(90.0, m.at(1)), at=m.at(0))
    assert ServerClock(journal, api_url=HERE).skew_s(replace(m.at(10), boot_id="next")) is None


def test_a_clock_that_was_set_since_the_earlier_process_is_taken_into_account(
    journal: WatchedJournal, write: Write
) -> None:
    """As within a process."""
    write(*outcome(90.0, m.at(1)), at=m.at(0))
    later = m.at(12)
    assert ServerClock(journal, api_url=HERE).skew_s(replace(later, wall=later.wall + 60.0)) == pytest.approx(30.0)


def test_the_journal_is_asked_once_and_not_for_long(journal: WatchedJournal, write: Write) -> None:
    """Few runs are read, by the first run of a process alone; what it sees itself counts more."""
    write(*outcome(90.0, m.at(1)), at=m.at(0))
    for number in range(NEWEST):
        write(at=m.at(10 + number))
    reads: list[str] = []
    journal.before_read = reads.append
    clock = ServerClock(journal, api_url=HERE)
    assert [clock.skew_s(m.at(40)), clock.skew_s(m.at(41))] == [None, None]
    assert reads == [f"run-{number}" for number in range(NEWEST, 0, -1)]
    clock.learn(seen(7.0), m.at(42))
    assert clock.skew_s(m.at(43)) == 7.0


def test_others_do_not_wait_while_the_journal_is_asked(journal: WatchedJournal, write: Write) -> None:
    """A second run that begins meanwhile goes without; what that run learns first is kept."""
    write(*outcome(90.0, m.at(1)), at=m.at(0))
    clock = ServerClock(journal, api_url=HERE)
    meanwhile: list[float | None] = []

    def another_run(_run_id: str) -> None:
        meanwhile.append(clock.skew_s(m.at(40)))
        clock.learn(seen(7.0), m.at(40))

    journal.before_read = another_run
    assert clock.skew_s(m.at(40)) == 7.0
    assert meanwhile == [None]


def test_a_damaged_run_is_no_obstacle(journal: WatchedJournal, write: Write) -> None:
    """A call does not fail for what is wrong with an earlier one."""
    write(*outcome(90.0, m.at(1)), at=m.at(0))

    def damaged(run_id: str) -> None:
        raise JournalError(f"Run {run_id} is damaged.")

    journal.before_read = damaged
    assert ServerClock(journal, api_url=HERE).skew_s(m.at(40)) is None
