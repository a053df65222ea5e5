"""A tick of a campaign in virtual time, against the sandbox's model of the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any

import pytest

from orchestrator.core.campaign import Occurrence
from orchestrator.core.contact import Rejected
from orchestrator.core.ending import SUPERSEDED
from orchestrator.core.evolve import fold, marks
from orchestrator.core.exchange import CallSeen, Operation, Outcome, Request
from orchestrator.core.records import CancelAsked, Concluded, Disposition, Intended, RunEnded, RunStarted, Status
from orchestrator.core.redial import NumberLimits
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase
from orchestrator.core.windows import EVERY_DAY, Calendar, Window
from orchestrator.errors import JournalError, LeaseHeldError
from orchestrator.ports import CampaignOrders, ContactState, RunMarks
from orchestrator.runtime.adrift import ASK_AGAIN_S, Adrift
from orchestrator.runtime.batch import CHUNK
from orchestrator.runtime.control import Control
from orchestrator.sandbox.callees import Behaviour
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.batch_bench import AGAIN, BUSY, FROM, LONGEST_S, MESSAGE, NUMBERS, Bench, contact
from tests.fakes.transport import CLEAN, RawAnswer, Treatment
from tests.fakes.virtual_time import EPOCH, KilledError


def _find_the_api_down(bench: Bench) -> None:
    """Run a tick that leaves runs which never dialled; after it the API is there."""
    bench.network = Treatment(refused=True)
    bench.tick()
    bench.network = CLEAN


def _be_killed(bench: Bench) -> None:
    """Have a tick's process die two seconds after its start."""
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


def test_everybody_is_called_once_and_then_known() -> None:
    """In the order of the file; a second tick finds nothing to do; bad rows are passed over."""
    bench = Bench(concurrency=1)
    bench.contacts = [*bench.contacts, Rejected(line=9, reason="no number", text="x")]
    report = bench.tick()
    assert (report.called, report.stopped) == (3, None)
    assert bench.numbers() == NUMBERS[:3]
    assert bench.standing(NUMBERS[0]).disposition == "completed"
    report = bench.tick()
    assert report.called == 0
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


def _loses_dials(request: Request) -> Treatment:
    """Each dial rings, and its reply is lost; the list of calls is shown to nobody."""
    if request.operation is Operation.CREATE:
        return Treatment(cut_after_s=0.1)
    return Treatment(instead=RawAnswer(403, b"{}")) if request.operation is Operation.LIST else CLEAN


def test_a_call_that_nobody_knows_of_takes_a_place_until_it_can_be_up_no_longer() -> None:
    """Its run waits for a person. With no place left a tick ends; one after `max_call` calls whoever is next."""
    bench = Bench(concurrency=1)
    bench.contacts = [contact(number) for number in NUMBERS[:2]]
    bench.network = _loses_dials
    for after_s in (0.0, 200.0):
        report = bench.tick(after_s=after_s)
        assert bench.numbers() == NUMBERS[:1]
        assert "take all places" in (report.stopped or "")
        assert bench.time.seconds < 500.0
    bench.tick(after_s=500.0)
    assert bench.numbers() == NUMBERS[:2]


def test_a_tick_goes_on_beside_a_call_that_nobody_knows_of() -> None:
    """As long as there is another place, one at a time."""
    bench = Bench(concurrency=2)
    bench.contacts = [contact(number) for number in NUMBERS[:3]]
    bench.network = lambda request: _loses_dials(request) if not bench.rung() else CLEAN
    assert bench.tick().stopped is None
    assert bench.numbers() == NUMBERS[:3]


def test_a_call_that_a_person_has_settled_gives_its_place_back() -> None:
    """Also while other calls of the tick go on: the journal is asked again and again."""
    bench = Bench(concurrency=1)
    bench.contacts = [contact(number) for number in NUMBERS[:1]]
    bench.network = _loses_dials
    bench.tick()
    journal = bench.journal()
    adrift = Adrift(journal, bench.time)
    adrift.note(fold(journal.read("run-1")))
    assert adrift.count() == 1
    bench.time._broken = None  # see `Bench.tick`
    with bench.time.running():
        runner, _ = bench.batch(bench.journal(), Control(bench.time))
        runner.resolve("run-1", ran=False, call_id=None, note=None)
        runner.close()
        assert adrift.count() == 1, "it is not asked for at every turn"
        bench.time.sleep(ASK_AGAIN_S)
    assert adrift.count() == 0


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


def test_a_message_that_the_api_refused_is_no_dial_of_its_number() -> None:
    """The least time between two dials counts from the call before it."""
    bench = Bench(limits=NumberLimits(min_gap_s=600.0))
    bench.fallback = MESSAGE
    bench.contacts = [contact(NUMBERS[0])]
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=100.0)])
    bench.network = lambda request: (
        Treatment(instead=RawAnswer(400, b"{}")) if request.operation is Operation.SMS else CLEAN
    )
    assert "failed" in bench.tick().troubles[0]
    bench.occurrence = Occurrence("tuesday")
    bench.digest = "another file"
    bench.tick(after_s=EPOCH + 601.0 - bench.time.now().wall)
    first, second = (moment for moment, _ in bench.rung())
    assert second - first == pytest.approx(601.0, abs=1.0)


def test_a_contact_is_done_only_once_its_message_is_sent() -> None:
    """A process that dies in between sends it when it carries on: by then nobody else would think of it."""
    bench = Bench()
    bench.fallback = MESSAGE
    bench.contacts = [contact(NUMBERS[0])]
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=5.0)])
    bench.network = Treatment(deliveries=(3.0,))
    seen: list[ContactState] = []

    def look() -> None:
        seen.extend(standing.state for standing in bench.journal().campaigns.all_of("spring"))

    bench.time.at(10.0, look)  # the message is on its way
    bench.tick()
    look()
    assert seen == [ContactState.OPEN, ContactState.DONE]
    assert [each["event"] for each in bench.server.model.transcript.entries].count("sms") == 1


def test_whoever_a_person_cancelled_is_left_alone() -> None:
    """No redial, and no message, whatever the rules say."""
    bench = Bench(redial=(replace(AGAIN, disposition=Disposition.FAILED),))
    bench.fallback = MESSAGE
    bench.contacts = [contact(NUMBERS[0])]
    bench.callees.set(NUMBERS[0], [Behaviour(does="answer", after=5.0)])
    bench.time.at(2.0, lambda: bench.journal().put_inbox("run-1", CancelAsked(at=bench.time.now(), why="a person")))
    bench.tick()
    held = bench.standing(NUMBERS[0])
    assert (held.state, held.disposition, held.reason) == (ContactState.DONE, "failed", "a person")
    bench.tick(after_s=1000.0)
    assert bench.numbers() == [NUMBERS[0]]
    assert not [each for each in bench.server.model.transcript.entries if each["event"] == "sms"]


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


def test_a_contact_that_is_in_the_file_twice_is_called_once() -> None:
    """Where its second row has to wait for the sake of its number, what its call came to is kept, too."""
    bench = Bench(limits=NumberLimits(min_gap_s=100.0), concurrency=1)
    bench.contacts = [contact(NUMBERS[0]), contact(NUMBERS[1]), contact(NUMBERS[0])]
    bench.tick()
    assert bench.standing(NUMBERS[0]).state is ContactState.DONE
    bench.tick(after_s=200.0)
    assert bench.numbers() == NUMBERS[:2]


def test_a_second_row_of_a_contact_to_be_called_again_does_not_call_it_sooner() -> None:
    """The redial rule says when, not the file."""
    bench = Bench(redial=(AGAIN,), concurrency=1)
    bench.callees.set(NUMBERS[0], [BUSY])
    bench.contacts = [contact(NUMBERS[0]), contact(NUMBERS[1]), contact(NUMBERS[0])]
    bench.tick()
    assert bench.numbers() == NUMBERS[:2]


def test_a_second_row_far_below_the_first_finds_what_became_of_it() -> None:
    """Also where the first one's call was up when the second one's part of the file was looked up."""
    bench = Bench(redial=(AGAIN,), concurrency=2)
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=15.0)])
    bench.contacts = [
        *(contact(NUMBERS[1], id=f"known {at}", variables={"bad": "x"}) for at in range(CHUNK - 1)),
        contact(NUMBERS[0]),
        *map(contact, NUMBERS[2:]),
        contact(NUMBERS[0]),
    ]
    bench.tick()
    assert bench.numbers().count(NUMBERS[0]) == 1
    assert bench.standing(NUMBERS[0]).state is ContactState.AGAIN


def test_a_refused_contact_keeps_nobody_of_its_number_waiting() -> None:
    """And a tick ends, although it is refused again whenever it is offered; it takes nobody's call of the tick away."""
    bench = Bench(limits=NumberLimits(min_gap_s=100.0), rate_per_s=1.0, max_calls=2)
    bench.contacts = [
        contact(NUMBERS[0], id="bad", variables={"bad": "x"}),
        contact(NUMBERS[0], id="good"),
        contact(NUMBERS[0], id="later", variables={"n": "1"}),
        contact(NUMBERS[1]),
    ]
    report = bench.tick()
    assert sorted(bench.numbers()) == NUMBERS[:2]
    assert report.called == 2
    states = {each.reason: each.state for each in bench.store.campaigns.contacts.values()}
    assert states["a variable is missing"] is ContactState.REFUSED


def test_a_call_that_was_not_begun_and_is_blocked_stays_the_contact_s_one_run() -> None:
    """A second run beside it could be carried on with, and call the same person twice."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0])]
    _find_the_api_down(bench)
    other = bench.journal()
    (started,) = (each for each in other.read("run-1")[:1] if isinstance(each, RunStarted))
    lease = other.start_run(replace(started, run_id="other"), lease_s=30.0)
    report = bench.tick()
    assert report.called == 0
    held = bench.standing(NUMBERS[0])
    assert (held.state, held.run_id) == (ContactState.OPEN, "run-1")
    other.release(lease)
    bench.tick()
    assert bench.standing(NUMBERS[0]).run_id == "run-1"
    assert bench.numbers() == [NUMBERS[0]]


def test_a_tick_that_was_stopped_for_long_writes_over_nothing() -> None:
    """What it found out about contacts is old once another process has taken the campaign over."""
    bench = Bench(limits=NumberLimits(min_gap_s=1.0), concurrency=1)
    bench.contacts = [contact(NUMBERS[0]), contact(NUMBERS[0], id="late"), contact(NUMBERS[1]), contact(NUMBERS[2])]
    bench.forbidden = {NUMBERS[0]: "it is on a list"}
    with bench.time.running():
        process = bench.time.process
        _, made = bench.batch(bench.journal(), Control(bench.time))

        def taken_over() -> None:
            bench.store.campaigns.campaigns["spring"].tenancy.give("another", bench.time.now().plus(30.0))
            bench.time.at(bench.time.seconds + 40.0, lambda: setattr(process, "stopped", False))
            process.stopped = True

        bench.time.at(2.0, taken_over)
        report = made.tick()
    assert report.stopped == "another process has taken the campaign over"
    assert [each.number for each in bench.store.campaigns.contacts.values()] == [NUMBERS[1]]


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


LATER_S = 10_000.0


def _windows(until_s: float) -> Calendar:
    """Two windows: from the simulation's first moment on, and another one later."""
    moments = [datetime.fromtimestamp(EPOCH + at_s, UTC).time() for at_s in (0.0, until_s, LATER_S, 2 * LATER_S)]
    return Calendar(windows=(Window(EVERY_DAY, *moments[:2]), Window(EVERY_DAY, *moments[2:])))


def _dials(bench: Bench) -> list[float]:
    """When dials were about to leave, in seconds."""
    records = [record for run in bench.store.runs for record in bench.journal().read(run)]
    dials = [each for each in records if isinstance(each, Intended) and each.operation is Operation.CREATE]
    return [each.at.boot_s for each in dials]


LOST = Treatment(deliveries=(), answered_by=None, cut_after_s=0.1)


def test_a_dial_that_is_lost_near_the_end_of_its_window_is_sent_again_in_the_next_one() -> None:
    """It is known too late that it made no call; the contact keeps its one run."""
    bench = Bench(calendar=_windows(LONGEST_S + 20.0))
    bench.contacts = [contact(NUMBERS[0])]
    bench.network = LOST
    bench.time.at(1.0, lambda: setattr(bench, "network", CLEAN))
    bench.tick()
    assert len(_dials(bench)) == 1
    assert bench.rung() == []
    assert bench.standing(NUMBERS[0]).state is ContactState.OPEN
    bench.tick(after_s=3600.0)
    assert bench.rung() == []
    bench.tick(after_s=LATER_S - bench.time.seconds + 1.0)
    assert bench.numbers() == [NUMBERS[0]]
    assert bench.standing(NUMBERS[0]).state is ContactState.DONE
    assert list(bench.store.runs) == ["run-1"]


@pytest.mark.parametrize(("is_open", "at_s"), [(True, 1800.0), (False, LATER_S)])
def test_a_dial_whose_process_died_is_settled_at_once_and_sent_again_only_in_a_windows(is_open, at_s) -> None:
    """Whoever carries on asks what became of it; whether it is called then is asked as for a new contact."""
    bench = Bench(calendar=_windows(7200.0 if is_open else 900.0))
    bench.contacts = [contact(NUMBERS[0])]
    bench.network = LOST
    _be_killed(bench)
    bench.network = CLEAN
    report = bench.tick(after_s=1798.0)
    assert report.resumed == 1
    assert len(bench.rung()) == is_open
    assert fold(bench.journal().read("run-1")).phase is (Phase.ENDED if is_open else Phase.RETRYING)
    bench.tick(after_s=LATER_S - bench.time.seconds + 1.0)
    assert bench.numbers() == [NUMBERS[0]]
    assert len(_dials(bench)) == 2
    assert _dials(bench)[1] == pytest.approx(at_s, abs=120.0)


def test_a_dial_of_which_the_server_keeps_the_reply_is_asked_about_at_once() -> None:
    """By sending it again, with its key and its time to ring until: it may have made a call that is up."""
    bench = Bench(calendar=_windows(7200.0))
    bench.contacts = [contact(NUMBERS[0])]
    bench.settings = Settings(idempotent_for_s=3600.0)
    bench.network = replace(LOST, cut_after_s=None)
    _be_killed(bench)
    bench.network = CLEAN
    report = bench.tick(after_s=8.0)
    assert (report.resumed, report.called) == (1, 0)
    assert _dials(bench)[-1] == pytest.approx(10.0, abs=1.0)
    records = bench.journal().read("run-1")
    assert len({each.expires_wall for each in records if isinstance(each, Intended) and each.expires_wall}) == 1


def test_a_call_never_rings_after_its_window_however_often_its_dial_is_sent() -> None:
    """Each attempt has the same last moment: the end of the window less the longest call."""
    bench = Bench(calendar=_windows(LONGEST_S + 20.0))
    bench.contacts = [contact(NUMBERS[0])]
    bench.network = Treatment(refused=True)
    bench.tick()
    records = [each for each in bench.journal().read("run-1") if isinstance(each, Intended)]
    assert len(records) > 1
    assert {each.expires_wall for each in records} == {EPOCH + 20.0}
    assert bench.standing(NUMBERS[0]).state is ContactState.OPEN


CHANGED = [{"to": NUMBERS[1]}, {"from_": "+12125550188"}, {"variables": {"name": "Bob"}}]


@pytest.mark.parametrize("changes", CHANGED, ids=["number", "caller", "variables"])
def test_a_row_that_changed_before_its_call_was_begun_is_called_as_it_is_now(changes: dict[str, Any]) -> None:
    """The run that was made for the old row is given up: it would dial and say what nobody wants any more."""
    bench = Bench()
    row = contact(NUMBERS[0], id="alice", variables={"name": "Alice"})
    bench.contacts = [row]
    _find_the_api_down(bench)
    bench.contacts = [replace(row, **changes)]
    bench.tick()
    assert bench.numbers() == [bench.contacts[0].to]
    given_up, made = (fold(bench.journal().read(run_id)) for run_id in ("run-1", "run-2"))
    assert given_up.end is not None
    assert (given_up.end.status, given_up.requests_sent) == (Status.CANCELLED, 0)
    assert (made.begun.to, made.begun.from_) == (bench.contacts[0].to, bench.contacts[0].from_ or FROM)
    held = bench.standing(bench.contacts[0].to)
    assert (held.state, held.run_id, held.attempts) == (ContactState.DONE, "run-2", 1)


def test_a_row_that_is_put_right_while_another_process_has_its_run_is_left_to_that() -> None:
    """A second run beside it could call a second time."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0], id="alice")]
    _find_the_api_down(bench)
    bench.contacts = [contact(NUMBERS[1], id="alice")]
    other = bench.journal()
    lease = other.acquire("run-1", lease_s=3600.0)
    bench.tick()
    assert bench.numbers() == []
    other.release(lease)
    bench.tick()
    assert bench.numbers() == [NUMBERS[1]]


def test_a_contact_whose_old_run_was_given_up_by_a_process_that_died_then_is_called() -> None:
    """It waits like one that nobody has come to."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0], id="alice")]
    _find_the_api_down(bench)
    bench.cancel("run-1", code=SUPERSEDED)
    bench.tick()
    bench.tick()
    assert bench.numbers() == [NUMBERS[0]]


def test_a_run_that_never_dialled_is_no_dial_of_its_number() -> None:
    """A cap of one dial a day would keep a contact from its only one."""
    bench = Bench(limits=NumberLimits(daily_cap=1, min_gap_s=3600.0))
    bench.contacts = [contact(NUMBERS[0])]
    _find_the_api_down(bench)
    bench.tick(after_s=60.0)
    assert bench.numbers() == [NUMBERS[0]]


def test_the_gap_of_a_number_begins_with_its_dial() -> None:
    """A run that could not dial for an hour, since the API was down, is as new to the number as its dial."""
    bench = Bench(limits=NumberLimits(min_gap_s=600.0))
    bench.contacts = [contact(NUMBERS[0])]
    _find_the_api_down(bench)
    bench.tick(after_s=3600.0)
    bench.contacts = [contact(NUMBERS[0]), contact(NUMBERS[0], id="later", variables={"n": "1"})]
    bench.tick(after_s=300.0)
    assert bench.numbers() == NUMBERS[:1]
    bench.tick(after_s=600.0)
    assert bench.numbers() == [NUMBERS[0]] * 2


def test_an_occurrence_that_dialled_nobody_is_no_earlier_call_of_its_file() -> None:
    """The API was down for a day: the next day the same file is called, and not refused as one that was."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0])]
    _find_the_api_down(bench)
    bench.occurrence = Occurrence("tuesday")
    bench.tick(after_s=3600.0)
    assert bench.numbers() == [NUMBERS[0]]
    first = fold(bench.journal().read("run-1"))
    assert first.end is not None
    assert first.end.status is Status.CANCELLED


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


def test_every_call_that_has_come_to_rest_is_told_once() -> None:
    """With its row, in the order in which calls end; a second tick tells of nobody."""
    bench = Bench()
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=30.0)])
    bench.tick()
    assert [each.contact.to for each in bench.told if each.contact] == [NUMBERS[1], NUMBERS[2], NUMBERS[0]]
    assert [each.result.state.end.disposition for each in bench.told if each.result.state.end][2] == "busy"
    bench.tick()
    assert len(bench.told) == 3


def test_when_nobody_asks_any_more_no_call_is_begun() -> None:
    """The next tick goes on."""
    bench = Bench(concurrency=1)
    bench.enough = 1
    report = bench.tick()
    assert (report.stopped, len(bench.rung())) == ("nobody asks for its results any more", 1)
    bench.enough = 1000
    bench.tick()
    assert bench.numbers() == NUMBERS[:3]


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


def test_a_killed_tick_is_carried_on_with_first() -> None:
    """The same live call goes on; its sentence is heard once; then the others are called."""
    bench = Bench(concurrency=1)
    _be_killed(bench)
    report = bench.tick(after_s=1.0)
    assert (report.resumed, report.called) == (1, 2)
    assert bench.numbers() == NUMBERS[:3]


@pytest.mark.parametrize("waited_s", [0.0, 7200.0])
def test_whoever_is_on_the_line_with_another_campaign_is_called_later(waited_s: float) -> None:
    """A second call would ring beside the first, which a live process steers, however long that waited for its dial."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0])]
    bench.tick()
    other = bench.journal()
    (started,) = (each for each in other.read("run-1")[:1] if isinstance(each, RunStarted))
    made = replace(started, at=bench.time.now().plus(-waited_s), run_id="other")
    lease = other.start_run(made, lease_s=3600.0)
    dialled = [record for record in other.read("run-1")[1:] if not isinstance(record, RunEnded)][:3]
    other.append(lease, dialled, marks(fold([made, *dialled])))
    bench.occurrence = Occurrence("tuesday")
    bench.digest = "another file"
    bench.tick()
    held = next(each for each in bench.store.campaigns.contacts.values() if each.occurrence == "tuesday")
    assert (held.state, held.run_id) == (ContactState.WAITING, None)
    assert "run other has a call to this number" in (held.reason or "")
    other.append(lease, [], RunMarks(ended=True, claims_dial=False, call_id="gone"))
    other.release(lease)
    bench.tick()
    assert bench.numbers() == [NUMBERS[0]] * 2


def test_a_call_that_is_dialled_right_after_the_look_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that come at once: the run is made only where nobody has called its number since the look."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0])]
    bench.tick()
    other = bench.journal()
    (started,) = (each for each in other.read("run-1")[:1] if isinstance(each, RunStarted))
    lease = other.start_run(replace(started, at=bench.time.now(), run_id="other"), lease_s=3600.0)
    other.append(lease, [], RunMarks(claims_dial=False, call_id="theirs"))
    bench.occurrence = Occurrence("tuesday")
    bench.digest = "another file"
    monkeypatch.setattr(MemoryJournal, "calls_to", lambda *_: {})
    bench.tick()
    held = next(each for each in bench.store.campaigns.contacts.values() if each.occurrence == "tuesday")
    assert (held.state, held.run_id) == (ContactState.WAITING, None)
    assert bench.numbers() == [NUMBERS[0]]


def test_a_run_that_has_yet_to_dial_does_not_ring_beside_another_campaign_s_call() -> None:
    """It waits as it is, as one that would be made only now."""
    bench = Bench()
    bench.contacts = [contact(NUMBERS[0])]
    _find_the_api_down(bench)
    other = bench.journal()
    (started,) = (each for each in other.read("run-1")[:1] if isinstance(each, RunStarted))
    lease = other.start_run(replace(started, at=bench.time.now(), run_id="other"), lease_s=3600.0)
    at = bench.time.now()
    call = CallSeen(call_id="theirs", status="in-progress", to=NUMBERS[0], from_=FROM)
    dialled = [
        replace(next(each for each in other.read("run-1") if isinstance(each, Intended)), at=at),
        Concluded(at=at, outcome=Outcome.DONE, reason="", status=201, call=call),
    ]
    other.append(lease, dialled, marks(fold([replace(started, run_id="other"), *dialled])))
    bench.tick()
    assert bench.numbers() == []
    assert bench.standing(NUMBERS[0]).state is ContactState.OPEN
    other.append(lease, [], RunMarks(ended=True, claims_dial=False, call_id="theirs"))
    other.release(lease)
    bench.tick()
    assert bench.numbers() == [NUMBERS[0]]


def test_a_call_that_another_process_looks_after_keeps_its_place() -> None:
    """Found by simulation: while somebody else ended a call of the campaign, one call more than allowed was up."""
    bench = Bench(concurrency=1)
    bench.settings = Settings(max_call_s=60.0)
    _be_killed(bench)
    lease = bench.journal().acquire("run-1", lease_s=3600.0)
    assert lease.run_id == "run-1"
    assert bench.tick(after_s=1.0).stopped is None
    first, *later = bench.rung()
    assert (first[1], [number for _, number in later]) == (NUMBERS[0], NUMBERS[1:3])
    assert later[0][0] >= first[0] + 55.0  # when that call can be up no longer


def test_a_row_that_cannot_be_read_any_more_keeps_no_other_call_from_being_carried_on_with() -> None:
    """Its own call goes on without the secrets that the row had."""
    bench = Bench(concurrency=3)
    bench.has_secrets = True
    _be_killed(bench)
    bench.contacts = [contact(NUMBERS[0], variables={"bad": "1"}), *bench.contacts[1:]]
    assert bench.tick(after_s=1.0).resumed == 3
    assert {bench.standing(number).disposition for number in NUMBERS[:3]} == {"completed"}


def test_a_kill_takes_no_further_call_away() -> None:
    """Whoever carries on lacks the row, and so the time zone that `within` is read in; the next tick has it."""
    bench = Bench(redial=(replace(AGAIN, within=(Window(EVERY_DAY, time(0), time(0)),)),))
    bench.contacts = [contact(NUMBERS[0])]
    bench.callees.set(NUMBERS[0], [Behaviour(does="busy", after=5.0)])
    _be_killed(bench)
    bench.tick(after_s=1.0)
    assert bench.standing(NUMBERS[0]).state is ContactState.AGAIN
    bench.tick(after_s=400.0)
    assert bench.numbers() == [NUMBERS[0]] * 2


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
