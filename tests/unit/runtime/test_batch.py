"""A tick of a campaign in virtual time, against the sandbox's model of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, pairwise
from typing import Any

import pytest

from orchestrator.core.campaign import Campaign, Occurrence, Repeat
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.records import Disposition
from orchestrator.core.redial import NumberLimits, RedialRule
from orchestrator.core.script import Dial, Entry, Plain, Say, Script, Sms
from orchestrator.core.settings import Settings
from orchestrator.errors import JournalError, LeaseHeldError, UsageError
from orchestrator.ports import CampaignOrders, ContactState, Standing
from orchestrator.runtime.batch import Batch
from orchestrator.runtime.control import Control
from orchestrator.runtime.job import Job, SameFileError, TickReport
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from tests.conformance.memory_journal import MemoryJournal, MemoryStore
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import CLEAN, FakeTransport, Treatment
from tests.fakes.virtual_time import EPOCH, KilledError, VirtualTime

NUMBERS = [f"+1212555{number:04}" for number in range(10)]
FROM = "+15555550199"
LONGEST_S = 60.0
BUSY = Behaviour(does="busy", after=0.1)
AGAIN = RedialRule(disposition=Disposition.BUSY, times=1, after_s=300.0)


class _Number:
    """Text that is the callee's number, as a campaign's template would give it."""

    source, names = "{{ to }}", frozenset({"to"})

    def render(self, variables: Any) -> str:
        """Return it."""
        return str(variables["to"])


def entry(element: Any) -> Entry:
    return Entry(element=element, digest=str(element), written=type(element).__name__.lower())


SCRIPT = Script(
    name="reminder",
    entries=(entry(Dial(to=_Number(), from_=Plain(FROM))), entry(Say(Plain("one two three four five")))),
)
MESSAGE = Script(
    name="message", entries=(entry(Sms(to=_Number(), from_=Plain(FROM), message=Plain("Please call us."))),)
)


class Bench:
    """A campaign, its callees, and what outlives its ticks."""

    def __init__(self, **campaign: Any) -> None:
        self.time = VirtualTime()
        self.callees = Callees()
        model = CallServer(
            ids=counted_ids(), callees=self.callees, timing=Timing(words_per_minute=150.0), capabilities=frozenset()
        )
        self.server = ModelServer(model, self.time)
        self.store = MemoryStore()
        self.campaign = Campaign(**{"name": "spring", **campaign})
        self.occurrence = Occurrence("monday")
        self.contacts: Sequence[Contact | Rejected] = [contact(number) for number in NUMBERS[:3]]
        self.forbidden: dict[str, str] = {}
        self.network = CLEAN
        self.fallback: Script | None = None
        self.digest = "one file"
        self._ids = count(1)
        self._processes = count(1)

    def job(self) -> Job:
        """What a tick works on."""
        return Job(
            campaign=self.campaign,
            occurrence=self.occurrence,
            script=SCRIPT,
            longest_s=LONGEST_S,
            contacts=lambda: self.contacts,
            content_digest=self.digest,
            prepare=self.prepare,
            zones_of=lambda _: frozenset({"UTC"}),
            forbidden=self.forbidden.get,
            fallback=self.fallback,
            has_priorities=True,
        )

    def prepare(self, row: Contact) -> Prepared:
        """What a contact's run needs."""
        if row.variables.get("bad"):
            raise UsageError("a variable is missing")
        return Prepared(to=row.to, from_=FROM, variables={"to": row.to}, secrets={}, settings=Settings())

    def journal(self) -> MemoryJournal:
        """The journal as a new process sees it."""
        return MemoryJournal(now=self.time.now, store=self.store, process=f"process {next(self._processes)}")

    def batch(self, journal: MemoryJournal, control: Control) -> tuple[Runner, Batch]:
        """A tick that has not begun."""
        runner = Runner(
            journal=journal,
            transport=FakeTransport(self.server, self.time, network=lambda _: self.network),
            clock=self.time,
            control=control,
            new_id=lambda: f"run-{next(self._ids)}",
            draw=lambda: 0.5,
            lease_s=30.0,
        )
        made = Batch(
            runner=runner,
            journal=journal,
            store=journal.campaigns,
            clock=self.time,
            control=control,
            job=self.job(),
            lease_s=30.0,
        )
        return runner, made

    def tick(self, *, after_s: float = 0.0, stop_at_s: float | None = None) -> TickReport:
        """Run a tick in a process of its own."""
        self.time._broken = None  # further threads may take part after those of the last tick have ended
        with self.time.running():
            self.time.sleep(after_s)
            control = Control(self.time)
            if stop_at_s is not None:
                self.time.at(self.time.seconds + stop_at_s, lambda: control.stop(grace_s=30.0, why="a signal"))
            runner, made = self.batch(self.journal(), control)
            try:
                return made.tick()
            finally:
                runner.close()

    def rung(self) -> list[tuple[float, str]]:
        """When which number rang."""
        entries = self.server.model.transcript.entries
        return [(each["at"] - EPOCH, each["to"]) for each in entries if each["event"] == "ringing"]

    def numbers(self) -> list[str]:
        """The numbers that rang, in order."""
        return [number for _, number in self.rung()]

    def standing(self, number: str) -> Standing:
        """Where the contact of a number stands."""
        (found,) = (each for each in self.store.campaigns.contacts.values() if each.number == number)
        return found


def contact(number: str, **fields: Any) -> Contact:
    return Contact(line=1, to=number, **fields)


def test_everybody_is_called_once_and_then_known() -> None:
    """In the order of the file; a second tick finds nothing to do; bad rows are passed over."""
    bench = Bench(concurrency=1)
    bench.contacts = [*bench.contacts, Rejected(line=9, reason="no number", text="x")]
    report = bench.tick()
    assert (report.called, report.known, report.stopped) == (3, 0, None)
    assert bench.numbers() == NUMBERS[:3]
    assert bench.standing(NUMBERS[0]).disposition == "completed"
    report = bench.tick()
    assert (report.called, report.known) == (0, 3)
    assert len(bench.rung()) == 3


def test_the_higher_priority_is_called_first() -> None:
    """Whatever the order of the file."""
    bench = Bench(concurrency=1)
    bench.contacts = [contact(NUMBERS[0]), contact(NUMBERS[1], priority=5), contact(NUMBERS[2], priority=1)]
    bench.tick()
    assert bench.numbers() == [NUMBERS[1], NUMBERS[2], NUMBERS[0]]


def test_calls_begin_at_the_campaign_s_rate() -> None:
    """Two a minute: never sooner than 30 s after the one before."""
    bench = Bench(rate_per_s=1 / 30)
    bench.tick()
    moments = [moment for moment, _ in bench.rung()]
    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx([30.0, 30.0], abs=0.1)


def test_there_are_never_more_calls_than_allowed_and_fewer_at_first() -> None:
    """`concurrency` at a time, growing over `ramp_up`."""
    bench = Bench(concurrency=4, ramp_up_s=40.0)
    bench.contacts = [contact(number) for number in NUMBERS]
    bench.tick()
    live = most_at_first = most = 0
    for each in bench.server.model.transcript.entries:
        live += {"ringing": 1, "hangup": -1}.get(each["event"], 0)
        most = max(most, live)
        if each["at"] - EPOCH < 10:
            most_at_first = max(most_at_first, live)
    assert most_at_first == 1
    assert 1 < most <= 4


def test_who_was_busy_is_called_again_when_it_is_due() -> None:
    """Not by a tick before, once by one after; then it is over, and only then a message is sent, once."""
    bench = Bench(redial=(AGAIN,))
    bench.fallback = MESSAGE
    bench.callees.set(NUMBERS[1], [BUSY])
    bench.tick()
    held = bench.standing(NUMBERS[1])
    assert held.state is ContactState.AGAIN
    bench.tick(after_s=200.0)
    assert bench.numbers().count(NUMBERS[1]) == 1
    bench.tick(after_s=200.0)
    bench.tick(after_s=400.0)
    assert bench.numbers().count(NUMBERS[1]) == 2
    texts = [each for each in bench.server.model.transcript.entries if each["event"] == "sms"]
    assert len(texts) == 1


def test_a_redial_after_the_occurrence_is_not_waited_for() -> None:
    """Its contact is done at once."""
    bench = Bench(redial=(AGAIN,))
    bench.occurrence = Occurrence("monday", EPOCH + 100.0)
    bench.callees.set(NUMBERS[1], [BUSY])
    bench.tick()
    assert bench.standing(NUMBERS[1]).state is ContactState.DONE


def test_a_forbidden_number_is_refused_until_it_is_not() -> None:
    """With the reason; it was never called."""
    bench = Bench()
    bench.forbidden[NUMBERS[0]] = "it is on a list"
    bench.tick()
    assert (bench.standing(NUMBERS[0]).state, bench.standing(NUMBERS[0]).reason) == ("refused", "it is on a list")
    bench.forbidden.clear()
    bench.tick()
    assert bench.numbers().count(NUMBERS[0]) == 1


def test_no_message_to_a_number_that_must_not_be_called() -> None:
    """A list may have changed since the call."""
    bench = Bench()
    bench.fallback = MESSAGE
    bench.contacts = [contact(NUMBERS[0])]
    bench.time.at(1.0, lambda: bench.forbidden.update({NUMBERS[0]: "it is on a list"}))
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=5.0)])
    report = bench.tick()
    assert "no text message" in report.troubles[0]


def test_a_contact_that_cannot_be_prepared_is_refused() -> None:
    """The others are called."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0], variables={"bad": "x"}), contact(NUMBERS[1])]
    report = bench.tick()
    assert report.called == 1
    assert bench.standing(NUMBERS[0]).reason == "a variable is missing"
    assert bench.numbers() == [NUMBERS[1]]


def test_one_number_is_called_for_one_contact_after_the_other() -> None:
    """Different contacts of one number wait for each other; the same row is called once."""
    bench = Bench(limits=NumberLimits())
    rows = [("a", "1"), ("b", "2"), ("c", "1")]
    bench.contacts = [contact(NUMBERS[0], id=id_, variables={"n": n}) for id_, n in rows]
    bench.tick()
    events = [each["event"] for each in bench.server.model.transcript.entries if each["event"] in ("ringing", "hangup")]
    assert events == ["ringing", "hangup"] * 2
    states = [each.state for each in bench.store.campaigns.contacts.values()]
    assert sorted(states) == ["done", "done", "refused"]


def test_a_closed_window_lets_everybody_wait() -> None:
    """Until it opens."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0], not_before=datetime.fromtimestamp(EPOCH + 1000, UTC))]
    bench.tick()
    held = bench.standing(NUMBERS[0])
    assert (held.state, held.due_wall) == (ContactState.WAITING, EPOCH + 1000)
    bench.tick(after_s=1001.0)
    assert bench.numbers() == [NUMBERS[0]]


def test_a_signal_stops_new_calls_and_the_next_tick_goes_on() -> None:
    """The live call comes to its end."""
    bench = Bench(concurrency=1)
    report = bench.tick(stop_at_s=2.0)
    assert report.stopped == "a signal ended it"
    assert bench.numbers() == NUMBERS[:1]
    assert bench.standing(NUMBERS[0]).disposition == "completed"
    bench.tick()
    assert bench.numbers() == NUMBERS[:3]


@pytest.mark.parametrize(
    ("orders", "is_over"), [(CampaignOrders(paused=True), False), (CampaignOrders(stopped=True), True)]
)
def test_orders_are_heard_before_and_during_a_tick(orders: CampaignOrders, is_over: bool) -> None:
    """Nobody new is called; taken back, they are."""
    bench = Bench(concurrency=1)
    store = bench.journal().campaigns
    bench.time.at(2.0, lambda: store.order("spring", orders))
    report = bench.tick()
    assert (report.stopped is not None, report.is_over) == (True, is_over)
    assert len(bench.rung()) == 1
    assert bench.tick().called == 0
    store.order("spring", CampaignOrders())
    assert bench.tick().called == 2


def test_the_same_file_is_refused_in_another_occurrence() -> None:
    """Unless the campaign repeats; another file is not the same."""
    bench = Bench()
    bench.tick()
    bench.occurrence = Occurrence("tuesday")
    with pytest.raises(SameFileError, match="monday"):
        bench.tick()
    assert len(bench.rung()) == 3
    bench.campaign = replace(bench.campaign, repeat=Repeat.DAILY)
    bench.tick()
    assert len(bench.rung()) == 6


def test_a_campaign_that_another_process_runs_is_left_alone() -> None:
    """Nobody is called."""
    bench = Bench()
    bench.journal().campaigns.take_campaign("spring", lease_s=30.0)
    with pytest.raises(LeaseHeldError):
        bench.tick()
    assert bench.rung() == []


def test_an_api_out_of_reach_loses_nobody() -> None:
    """Five calls in a row end the tick with 69; the runs that never dialled are called like new contacts."""
    bench = Bench(concurrency=1)
    bench.contacts = [contact(number) for number in NUMBERS]
    bench.network = Treatment(refused=True)
    report = bench.tick()
    assert report.codes == {69}
    assert len(bench.store.runs) == 5
    bench.network = CLEAN
    bench.forbidden[NUMBERS[0]] = "it is on a list"
    bench.tick()
    assert sorted(bench.numbers()) == NUMBERS[1:]
    assert len(bench.store.runs) == len(NUMBERS)
    assert bench.standing(NUMBERS[0]).state is ContactState.OPEN


def test_a_run_that_never_dialled_ends_with_its_occurrence() -> None:
    """Nobody is called for a day that is over."""
    bench = Bench(concurrency=1, repeat=Repeat.DAILY)
    bench.contacts = [contact(NUMBERS[0])]
    bench.network = Treatment(refused=True)
    bench.tick()
    bench.network = CLEAN
    bench.occurrence = Occurrence("tuesday")
    bench.contacts = []
    bench.tick()
    assert bench.rung() == []
    assert bench.standing(NUMBERS[0]).state is ContactState.DONE


def test_a_killed_tick_is_carried_on_with_first() -> None:
    """The same live call goes on; its sentence is heard once; then the others are called."""
    bench = Bench(concurrency=1)
    with bench.time.running():
        process = bench.time.begin_process("first")
        journal = MemoryJournal(now=bench.time.now, store=bench.store, process=process.name)

        def kill() -> None:
            bench.time.kill(process)
            bench.store.kill(process.name)

        bench.time.at(2.0, kill)
        _, made = bench.batch(journal, Control(bench.time))
        with pytest.raises((KilledError, JournalError)):
            made.tick()
        bench.time.begin_process("second")
    report = bench.tick(after_s=1.0)
    assert (report.resumed, report.called) == (1, 2)
    assert bench.numbers() == NUMBERS[:3]


def test_a_journal_that_fails_ends_the_live_calls() -> None:
    """And is told."""
    bench = Bench(concurrency=1)
    with bench.time.running():
        journal = bench.journal()
        runner, made = bench.batch(journal, Control(bench.time))
        bench.time.at(2.0, lambda: journal.fail_after(0, takes_effect=False))
        with pytest.raises(JournalError):
            made.tick()
        runner.close()
    assert len(bench.rung()) == 1


def test_the_limits_of_a_tick_leave_the_rest_waiting() -> None:
    """`max_calls`."""
    bench = Bench(max_calls=2)
    bench.tick()
    assert len(bench.rung()) == 2
    assert "max_calls" in (bench.standing(NUMBERS[2]).reason or "")
