"""The budget of silence between steps: what is expected of it, what was measured, and that a breach is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core import deadair
from orchestrator.core.conclude import silence_before
from orchestrator.core.deadair import Gap, expected_silence_s, gap_of, in_short, measured, watching
from orchestrator.core.evolve import evolve, fold
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.plan import Plan, plan
from orchestrator.core.records import Cursor, EventReceived, Settled, Then, Verdict
from orchestrator.core.script import Hangup, Plain, Say, SendDtmf, Sms
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.state import Phase, RunState, StepReport
from orchestrator.core.step import Step, next_step
from orchestrator.runtime.heartbeat import MAIL_S
from tests.fakes import machine as m

LONG = Say(Plain(" ".join(["word"] * 100)))  # 40 s expected


def step(element: Any, entry: int = 1, **fields: Any) -> Step:
    """Return the step that a command makes in a mode."""
    return next_step(m.script(element, Hangup()), Cursor(entry), {}, Settings(**fields), to=m.TO, from_=m.FROM)


def planned(*elements: Any, gap: Gap = Gap(0.1, 7), **fields: Any) -> Plan:  # noqa: B008 - immutable
    """Return the plan of a script of these commands behind its dial."""
    return plan(m.script(*elements), {}, Settings(**fields), gap=gap)


def report(index: int, **fields: Any) -> StepReport:
    """Return a step that lasted from 10 s x index for eight seconds and whose first byte left at once."""
    given: dict[str, Any] = {
        "index": index,
        "commands": ("say",),
        "attempts": 1,
        "outcome": Outcome.DONE,
        "verdict": None,
        "evidence": None,
        "started": m.at(10 * index),
        "ended": m.at(10 * index + 8),
        "results": None,
        "first_byte": m.at(10 * index + index / 10),
    }
    return StepReport(**{**given, **fields})


@pytest.mark.parametrize(("longest_s", "noticed"), [(None, False), (2.0, False), (1.9, True)])
def test_a_longer_silence_than_the_budget_is_noticed(longest_s: float | None, noticed: bool) -> None:
    """Two seconds between the end of a step and the next first byte are noticed when less is allowed."""
    before = m.with_settings(
        m.state(Phase.SENDING, pending=m.pending(), quiet_since=m.at(10)), max_dead_air_s=longest_s
    )
    after = evolve(before, m.concluded(first_byte=m.at(12), seconds=13))
    assert [notice.code for notice in after.notices] == (["dead_air"] if noticed else [])


def test_only_what_a_callee_hears_breaks_a_silence() -> None:
    """A hang-up or a message after a long silence is no breach of the budget."""
    pending = m.pending(m.intent(Operation.SMS, "sms"))
    before = m.with_settings(m.state(Phase.SENDING, pending=pending, quiet_since=m.at(1)), max_dead_air_s=1.0)
    assert evolve(before, m.concluded(first_byte=m.at(12), seconds=13)).notices == ()


def test_the_gap_is_the_median_of_what_runs_measured() -> None:
    """From a step's end to the next one's first byte."""
    found = gap_of([[report(0), report(1), report(2)], [report(0), report(1)]])
    assert found == Gap(pytest.approx(2.1), 3)


@pytest.mark.parametrize(
    "odd",
    [{"attempts": 2}, {"outcome": Outcome.UNKNOWN}, {"first_byte": None}],
)
def test_steps_that_did_not_go_well_at_once_measure_nothing(odd: dict[str, Any]) -> None:
    """Neither do runs of one step, nor a step whose end is not known: then a gap is assumed."""
    assert gap_of([[report(0), report(1, **odd)]]) == deadair.ASSUMED_GAP
    assert gap_of([[report(0, ended=None), report(1)], [report(0)], []]) == deadair.ASSUMED_GAP
    assert Gap(0.05, 0) == deadair.ASSUMED_GAP


def test_a_reply_tells_at_once_that_a_step_is_over() -> None:
    """No look is needed; keys are looked at once while their request is open."""
    assert watching(step(LONG), Settings()) == deadair.BY_ITS_REPLY
    assert watching(step(SendDtmf(Plain("12"))), Settings()).looks == 1
    sms = Sms(to=Plain("+1"), from_=Plain("+2"), message=Plain("x"))
    assert watching(step(sms), Settings()).looks == 0


def test_looks_are_dense_around_the_expected_end() -> None:
    """The end falls anywhere between two looks: the lag is half of their distance."""
    settings = Settings(mode=Mode.POLL)
    found = watching(step(LONG, mode=Mode.POLL), settings)
    assert found.looks > 5
    assert found.lag_s == pytest.approx(0.15)


def test_a_ringing_call_is_looked_at_every_second() -> None:
    """Ten seconds of ringing are ten looks."""
    found = watching(step(LONG, 0, mode=Mode.POLL), Settings(mode=Mode.POLL))
    assert (found.looks, found.lag_s) == (10, pytest.approx(0.5))


def test_an_event_spares_looks_and_is_known_a_moment_later() -> None:
    """The lag is that of the mail."""
    by_event = Settings(mode=Mode.ASYNC, hears_events=True)
    found = watching(step(LONG, mode=Mode.ASYNC, hears_events=True), by_event)
    assert found.looks < watching(step(LONG, mode=Mode.POLL), Settings(mode=Mode.POLL)).looks
    assert found.lag_s == pytest.approx(deadair.MAIL_LAG_S)
    assert deadair.MAIL_LAG_S == MAIL_S


def test_behind_an_acknowledged_step_a_look_takes_its_time_too() -> None:
    """The gap twice, and the lag."""
    assert expected_silence_s(step(LONG), 0.0, Gap(0.1)) == pytest.approx(0.1)
    assert expected_silence_s(step(LONG, mode=Mode.POLL), 0.15, Gap(0.1)) == pytest.approx(0.35)


def test_the_plan_expects_dead_air_before_each_step_but_the_first() -> None:
    """A text message breaks no silence."""
    sms = Sms(to=Plain("+1"), from_=Plain("+2"), message=Plain("x"))
    made = planned(Say(Plain("one")), sms, Hangup())
    assert [item.silence_s for item in made.steps] == [None, 0.1, None, 0.1]
    assert (made.worst_silence_s, made.breaches) == (0.1, ())
    assert made.to_document()["dead_air"] == {
        "gap_s": 0.1,
        "measured": 7,
        "worst_s": 0.1,
        "max_s": None,
        "breaches": [],
    }


def test_boundaries_over_the_budget_are_marked() -> None:
    """In poll mode those behind an acknowledged step, by their numbers."""
    made = planned(Say(Plain("one")), Hangup(), mode=Mode.POLL, max_dead_air_s=0.4)
    assert made.breaches == (1,)  # the dial's end is looked for once a second
    assert planned(Say(Plain("one")), mode=Mode.POLL, max_dead_air_s=5.0).breaches == ()


def test_an_acknowledged_step_is_no_long_request() -> None:
    """Its slack is that of the acknowledgement; the plan says which way each step goes, and why."""
    made = planned(LONG, Hangup(), mode=Mode.POLL, limit_s=30.0)
    spoken, hung_up = made.steps[1:]
    assert (spoken.request_s, spoken.slack_s, spoken.way) == (1.0, 29.0, "poll mode")
    assert (hung_up.step.asynchronous, hung_up.way) == (False, "it is over at once")
    assert (made.longest_request_s, made.longest_step_s > 40) == (1.0, True)
    assert made.looks == sum(item.watching.looks for item in made.steps) > 0
    document = made.to_document()
    assert (document["mode"], document["longest_request_s"], document["looks"]) == ("poll", 1.0, made.looks)


def run_of_two_sentences(budget_s: float | None) -> list[Any]:
    """Return the records of a call whose second sentence came three seconds after the first had ended."""
    return [
        m.started(settings=Settings(max_dead_air_s=budget_s)),
        m.intent(Operation.CREATE, at=m.at(0)),
        m.concluded(seconds=9, first_byte=m.at(0), results=(CommandResult(command="dial"),)),
        m.intent(at=m.at(9.5)),
        m.concluded(seconds=12),
        replace(m.intent(), at=m.at(13), start=Cursor(2), after=Cursor(3), command_entries=(2,)),
        m.concluded(seconds=18, first_byte=m.at(15)),
    ]


@pytest.mark.parametrize(("budget_s", "breaches"), [(None, []), (2.0, [2]), (0.5, [1, 2])])
def test_a_run_tells_what_was_measured(budget_s: float | None, breaches: list[int]) -> None:
    """Before each step but the dial, and which of it was over the budget."""
    found = measured(run_of_two_sentences(budget_s))
    assert [(silence.step, silence.seconds) for silence in found] == [(1, 1.0), (2, 3.0)]
    assert in_short(found) == {"p50_s": 2.0, "max_s": 3.0, "breaches": breaches, "at_most": []}


def test_a_run_without_a_boundary_tells_nothing() -> None:
    """Nulls, not noughts."""
    nothing = {"p50_s": None, "max_s": None, "breaches": [], "at_most": []}
    assert in_short(measured(run_of_two_sentences(None)[:3])) == nothing


def verdict_at(seconds: float, verdict: Verdict, then: Then) -> Settled:
    """Return the verdict on a lost reply, and what follows."""
    return Settled(at=m.at(seconds), verdict=verdict, evidence="e", then=then)


def lost_sentence(then: Then, verdict: Verdict) -> list[Any]:
    """Return the records of a call whose first sentence had its reply lost, and which spoke again at 30 s."""
    again = then in (Then.REPEAT, Then.AGAIN)
    entry = 1 if again else 2
    after = m.intent(at=m.at(29), attempt=2 if again else 1, start=Cursor(entry), after=Cursor(entry + 1))
    return [
        m.started(settings=Settings(max_dead_air_s=1.0)),
        m.intent(Operation.CREATE, at=m.at(0)),
        m.concluded(seconds=9, first_byte=m.at(0), results=(CommandResult(command="dial"),)),
        m.intent(at=m.at(9.5)),
        m.concluded(Outcome.UNKNOWN, seconds=20, first_byte=m.at(10)),
        verdict_at(25, verdict, then),
        replace(after, command_entries=(entry,)),
        m.concluded(seconds=33, first_byte=m.at(30)),
    ]


@pytest.mark.parametrize(
    ("then", "verdict", "seconds", "at_most"),
    [
        (Then.REPEAT, Verdict.UNDECIDABLE, 21.0, True),
        (Then.SKIP, Verdict.UNDECIDABLE, 21.0, True),
        (Then.AGAIN, Verdict.DID_NOT_RUN, 21.0, False),
        (Then.GO_ON, Verdict.RAN, 5.0, False),
    ],
)
def test_what_may_have_been_heard_bounds_the_silence(
    then: Then, verdict: Verdict, seconds: float, at_most: bool
) -> None:
    """A sentence of which nobody knows whether it was heard makes the silence at most as long as was measured."""
    records = lost_sentence(then, verdict)
    last = measured(records)[-1]
    assert (last.seconds, last.at_most) == (seconds, at_most)
    assert in_short(measured(records))["at_most"] == ([last.step] if at_most else [])
    told = fold(records).notices[-1].message
    assert told.startswith(f"{'up to ' if at_most else ''}{seconds:.1f} s of dead air before say")


@pytest.mark.parametrize(
    ("looks", "ended"),
    [
        ((), 19.0),
        (((14.0, "ready"), (16.0, "ready")), 19.0),
        (((14.0, "in-progress"), (16.0, "in-progress"), (17.0, None), (18.0, "ready")), 17.0),
    ],
)
def test_a_lost_reply_s_step_has_probably_ended_between_two_looks(
    looks: tuple[tuple[float, str | None], ...], ended: float
) -> None:
    """As an acknowledged one's: not when it was settled. A look that failed shows nothing."""
    seen = tuple(m.look(seconds, status) for seconds, status in looks)
    lost = m.pending(concluded=m.concluded(Outcome.UNKNOWN, seconds=13), looks=seen)
    state = m.state(Phase.SETTLING, pending=lost, quiet_since=m.at(9))
    over = evolve(state, verdict_at(19, Verdict.RAN, Then.GO_ON))
    assert silence_behind(over) == pytest.approx(20 - ended)


def acknowledged(**fields: Any) -> RunState:
    """Return a run whose sentence of 2 to 8 s was acknowledged at 12 s."""
    accepted = m.concluded(call=m.seen("in-progress"), results=None)
    step = m.pending(m.intent(asynchronous=True, expected_s=4.0), unknowns=0, concluded=accepted)
    return m.state(Phase.AWAITING, pending=step, **fields)


def silence_behind(state: RunState) -> float:
    """Return the dead air before the next step, whose first byte leaves at 20 s."""
    assert state.pending is None
    begun = evolve(state, m.intent(at=m.at(20)))
    silent_s = silence_before(begun, m.concluded(first_byte=m.at(20), seconds=21))
    assert silent_s is not None
    return silent_s


@pytest.mark.parametrize(
    ("running_at", "over_at", "ended"),
    [((), 18.0, 16.05), ((13.0,), 18.0, 16.05), ((16.0,), 18.0, 17.05), ((16.0,), 30.0, 18.0)],
)
def test_a_step_that_is_looked_at_has_probably_ended_between_two_looks(
    running_at: tuple[float, ...], over_at: float, ended: float
) -> None:
    """Not when that was seen: half of their distance was silent, as the plan expects. A look takes a tenth of a second.

    The list lasts at least until 14 s, and until 20 s at the longest.
    """
    state = acknowledged()
    for seconds in running_at:
        state = evolve(state, m.look(seconds, "in-progress"))
    assert silence_behind(evolve(state, m.look(over_at))) == pytest.approx(20 - ended)


@pytest.mark.parametrize(("told_at", "ended"), [(16.2, 16.2), (15.0, 16.0), (19.0, 18.1)])
def test_an_event_tells_when_a_step_has_ended(told_at: float, ended: float) -> None:
    """As far as the looks before and after it agree with that."""
    state = evolve(acknowledged(), m.look(16.0, "in-progress"))
    told = EventReceived(at=m.at(told_at), call=m.seen(), results=(CommandResult(command="say"),))
    assert silence_behind(evolve(evolve(state, told), m.look(18.0))) == pytest.approx(20 - ended)


def test_a_step_has_ended_when_it_was_first_seen_to_be_over() -> None:
    """However long its digits are waited for; a reply to the next step tells that one's end itself."""
    asks = m.intent(commands=("get_dtmf",), asynchronous=True, expected_s=4.0)
    accepted = m.concluded(call=m.seen("in-progress"), results=None)
    state = m.state(Phase.AWAITING, pending=m.pending(asks, unknowns=0, concluded=accepted))
    state = m.with_settings(state, mode=Mode.ASYNC, hears_events=True)
    state = evolve(evolve(state, m.look(16.0, "in-progress")), m.look(16.4))
    told = EventReceived(at=m.at(17), call=m.seen(), results=(CommandResult(command="get_dtmf", digits="1"),))
    state = evolve(evolve(state, told), m.look(17.2))
    assert silence_behind(state) == pytest.approx(20 - 16.25)
    replied = evolve(evolve(state, m.intent(at=m.at(18))), m.concluded(seconds=19))
    assert silence_behind(replied) == pytest.approx(1.0)
