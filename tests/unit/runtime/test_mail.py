"""Events end in the inbox of the run that owns their call, and a flood of them ends nowhere."""

from __future__ import annotations

import logging

import pytest

from orchestrator.core.exchange import CallSeen, CommandResult
from orchestrator.core.records import EventReceived, RunMarks
from orchestrator.errors import JournalError
from orchestrator.ports import Lease, Taken
from orchestrator.runtime.mail import MOST_UNREAD, Postbox
from tests.conformance.journal_bench import LEASE_S, a_note, a_start
from tests.conformance.memory_journal import MemoryJournal
from tests.conformance.test_journal import MemoryBench


@pytest.fixture
def bench() -> MemoryBench:
    return MemoryBench()


@pytest.fixture
def journal(bench: MemoryBench) -> MemoryJournal:
    return bench.open()


@pytest.fixture
def lease(bench: MemoryBench, journal: MemoryJournal) -> Lease:
    """A run that owns `call-1`."""
    return owning(bench, journal, "run-1", "call-1")


def owning(bench: MemoryBench, journal: MemoryJournal, run_id: str, call_id: str, *, ended: bool = False) -> Lease:
    """Start a run that owns a call."""
    lease = journal.start_run(a_start(bench, run_id, to=""), lease_s=LEASE_S)
    journal.append(lease, [a_note(bench, 1)], RunMarks(call_id=call_id, claims_dial=False, ended=ended))
    return lease


def event(bench: MemoryBench, call_id: str = "call-1", *, status: str = "ready") -> EventReceived:
    results = (CommandResult(command="say"),)
    return EventReceived(at=bench.now(), call=CallSeen(call_id=call_id, status=status), results=results)


def test_an_event_goes_to_the_run_that_owns_its_call(bench, journal, lease) -> None:
    """The driver finds it in its inbox, whole."""
    arrived = event(bench)
    assert Postbox(journal).take(arrived) is Taken.STORED
    assert journal.take_inbox(lease) == [arrived]


def test_the_events_of_many_runs_are_kept_at_once_in_their_order(bench, journal, lease) -> None:
    """Each gets its own; what became of each is told in the order in which they were given."""
    other = owning(bench, journal, "run-2", "call-2")
    owning(bench, journal, "run-3", "call-3", ended=True)
    events = [event(bench, each) for each in ("call-2", "call-9", "call-1", "call-3", "call-2")]
    taken = Postbox(journal).take_all(events)
    assert taken == [Taken.STORED, Taken.UNKNOWN, Taken.STORED, Taken.ENDED, Taken.STORED]
    assert journal.take_inbox(lease) == [events[2]]
    assert journal.take_inbox(other) == [events[0], events[4]]


def test_a_flood_of_forged_events_does_not_fill_the_disk(bench, journal, lease) -> None:
    """Of one run's unread messages there are only so many; once it has read them there is room again."""
    postbox = Postbox(journal)
    taken = postbox.take_all([event(bench)] * (MOST_UNREAD + 10))
    assert taken == [Taken.STORED] * MOST_UNREAD + [Taken.FULL] * 10
    assert postbox.take(event(bench)) is Taken.FULL
    assert len(journal.take_inbox(lease)) == MOST_UNREAD
    journal.append(lease, [a_note(bench, 2)], RunMarks(call_id="call-1", claims_dial=False))
    assert postbox.take(event(bench)) is Taken.STORED


def test_events_of_calls_of_nobody_write_nothing(bench) -> None:
    """A stranger's calls need no transaction, and a journal that cannot be written does not matter to them."""
    read_only = MemoryJournal(now=bench.now)
    read_only.put_inbox_many = None  # type: ignore[method-assign]  # to call it is an error
    assert Postbox(read_only).take_all([event(bench, "call-8"), event(bench, "call-9")]) == [Taken.UNKNOWN] * 2


@pytest.mark.usefixtures("lease")
def test_a_journal_that_fails_keeps_nothing(bench, journal) -> None:
    """The error goes to whoever acknowledges."""
    journal.close()
    with pytest.raises(JournalError):
        Postbox(journal).take(event(bench))


def test_a_run_in_this_process_is_woken_once_its_mail_is_there(bench, journal, lease) -> None:
    """Once for several events, only for those that were stored, and after the commit."""
    woken = []
    owning(bench, journal, "run-3", "call-3", ended=True)

    def on_mail(run_id: str) -> None:
        woken.append((run_id, len(journal.take_inbox(lease))))

    events = [event(bench), event(bench), event(bench, "call-3"), event(bench, "call-9")]
    Postbox(journal, on_mail=on_mail).take_all(events)
    assert woken == [("run-1", 2)]


@pytest.mark.usefixtures("lease")
def test_what_on_mail_raises_is_logged_and_changes_nothing(bench, journal, caplog) -> None:
    """The event is in the journal: the run finds it by itself."""

    def on_mail(_run_id: str) -> None:
        raise ValueError("no such driver")

    with caplog.at_level(logging.ERROR):
        assert Postbox(journal, on_mail=on_mail).take(event(bench)) is Taken.STORED
    assert "on_mail raised" in caplog.text


@pytest.mark.usefixtures("lease")
def test_an_incoming_call_is_handed_on(bench, journal) -> None:
    """A call that rings and that nobody owns; one that a run owns is that run's business."""
    rang = []
    postbox = Postbox(journal, on_ringing=rang.append)
    incoming = event(bench, "call-7", status="ringing")
    assert postbox.take_all([incoming, event(bench, status="ringing")]) == [Taken.RINGING, Taken.STORED]
    assert rang == [incoming]
    assert Postbox(journal).take(incoming) is Taken.RINGING


@pytest.mark.usefixtures("lease")
def test_an_incoming_call_that_cannot_be_handed_on_is_not_acknowledged(bench, journal, caplog) -> None:
    """It falls alone: the events that came with it are kept."""

    def on_ringing(_event: EventReceived) -> None:
        raise JournalError("the disk is full")

    postbox = Postbox(journal, on_ringing=on_ringing)
    assert postbox.take_all([event(bench, "call-7", status="ringing"), event(bench)]) == [Taken.FAILED, Taken.STORED]
    assert "could not be handed on" in caplog.text
