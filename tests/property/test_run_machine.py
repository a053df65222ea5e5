"""The run machine against the sandbox's call model, with every fault of the network and crashes at every boundary.

`PROPERTY_EXAMPLES` sets how many simulations each test runs; with it they are new ones each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.records import Status
from orchestrator.core.script import GetDtmf, Hangup, Plain, Policy, Say, SendDtmf
from orchestrator.core.settings import Mode
from orchestrator.core.state import Phase
from orchestrator.errors import JournalError
from tests.fakes.transport import Treatment
from tests.property.checks import attempts_of, check
from tests.property.drawing import Wanted
from tests.property.scenarios import TO, Crash, Scenario, script_of
from tests.property.simulation import World, simulate
from tests.property.strategies import scenarios

_ASKED_FOR = os.environ.get("PROPERTY_EXAMPLES")


def _examples(share: float) -> settings:
    """Return how many simulations a test runs: its share of what was asked for, and the same ones by default."""
    return settings(
        max_examples=max(int(float(_ASKED_FOR or 400) * share), 1),
        derandomize=_ASKED_FOR is None,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


_MODES = (Mode.POLL, Mode.POLL, Mode.SYNC, Mode.AUTO, Mode.ASYNC)
_EVENT_MODES = (Mode.ASYNC, Mode.ASYNC, Mode.AUTO, Mode.SYNC)


@_examples(0.25)
@given(scenarios(Wanted(people=False)))
def test_without_faults_the_callee_hears_the_script(scenario: Scenario) -> None:
    """On a clean network every sentence is heard exactly once, in order, and the run ends as its script does."""
    simulated = simulate(scenario)
    check(simulated)
    assert all(attempt.intent.attempt == 1 for attempt in attempts_of(simulated))


@_examples(0.15)
@given(scenarios(Wanted()))
def test_every_kind_of_callee_is_met(scenario: Scenario) -> None:
    """Busy, silent, refusing and departing callees end runs as they should."""
    check(simulate(scenario))


@_examples(0.4)
@given(scenarios(Wanted(network="all")))
def test_faults_of_the_network(scenario: Scenario) -> None:
    """Whatever the network does: nothing twice without leave, no false belief, nobody left on the line, an end."""
    check(simulate(scenario))


@_examples(0.3)
@given(scenarios(Wanted(people=False, dying=True)))
def test_crashes(scenario: Scenario) -> None:
    """Killed at any boundary or moment, resumed by a new process: the same, and the same spoken transcript."""
    check(simulate(scenario))


@_examples(0.8)
@given(scenarios(Wanted(network="all", dying=True)))
def test_faults_and_crashes(scenario: Scenario) -> None:
    """Both at once."""
    check(simulate(scenario))


@_examples(0.3)
@given(scenarios(Wanted(network="all", dying=True, evidence="always")))
def test_servers_that_offer_more(scenario: Scenario) -> None:
    """With command logs, idempotency keys and client references everything still holds."""
    check(simulate(scenario))


@_examples(0.25)
@given(scenarios(Wanted(people=False, modes=_MODES)))
def test_every_mode_tells_the_callee_the_same(scenario: Scenario) -> None:
    """On a clean network every sentence is heard exactly once, in order, however its end is learnt."""
    simulated = simulate(scenario)
    check(simulated)
    assert all(attempt.intent.attempt == 1 for attempt in attempts_of(simulated))


@_examples(0.6)
@given(scenarios(Wanted(network="all", dying=True, modes=_MODES, evidence="sometimes")))
def test_a_run_may_change_its_mode_between_processes(scenario: Scenario) -> None:
    """Begun in one mode, killed, and resumed in another: nothing twice without leave, and an end."""
    check(simulate(scenario))


@_examples(0.25)
@given(scenarios(Wanted(people=False, modes=_EVENT_MODES, events=True)))
def test_events_lost_late_doubled_reordered_and_untrue(scenario: Scenario) -> None:
    """Whatever comes of them: every sentence is heard once, in order, and nothing is sent a second time."""
    simulated = simulate(scenario)
    check(simulated)
    assert all(one.intent.attempt == 1 or "get_dtmf" in one.intent.commands for one in attempts_of(simulated))


@_examples(0.25)
@given(scenarios(Wanted(people=False, incoming=True)))
def test_calls_that_others_make_hear_the_script(scenario: Scenario) -> None:
    """On a clean network a call that is announced while it rings is answered once, and hears every sentence once."""
    simulated = simulate(scenario)
    check(simulated)
    assert all(attempt.intent.attempt == 1 for attempt in attempts_of(simulated))


@_examples(0.4)
@given(scenarios(Wanted(network="all", dying=True, evidence="sometimes", incoming=True)))
def test_calls_that_others_make_faults_and_crashes(scenario: Scenario) -> None:
    """Announced late, twice, to two processes: one run takes the call, and nobody is left on it."""
    check(simulate(scenario))


@_examples(0.4)
@given(scenarios(Wanted(network="all", dying=True, modes=_MODES, limits=True)))
def test_request_limits_faults_and_crashes(scenario: Scenario) -> None:
    """The server never counts more than the limits allow, a DELETE waits for nobody, and every run comes to its end."""
    check(simulate(scenario))


@_examples(0.4)
@given(scenarios(Wanted(network="all", dying=True, modes=_EVENT_MODES, events=True)))
def test_events_faults_and_crashes(scenario: Scenario) -> None:
    """All of it at once."""
    check(simulate(scenario))


@_examples(0.15)
@given(scenarios(Wanted(people=False, network="mild", dying=True)))
def test_reap_leaves_nobody_on_the_line(scenario: Scenario) -> None:
    """After a crash that nobody resumes, reaping ends every call that its run knows of."""
    world = World(scenario)
    with world.time.running():
        crash = scenario.crashes[0]
        rests = world.live(crash)
        world.clean = True
        world.time.sleep(400.0)
        while rests and world.reap():
            world.time.sleep(400.0)
    state = world.simulated.state if world.simulated.records else None
    for call in world.calls():
        known = state is not None and (state.call_id == call["resource_id"] or state.end is not None)
        left_for_resume = state is not None and state.call_id is None and state.phase is Phase.UNDECIDED
        assert call["status"] == "hangup" or not known or left_for_resume


@_examples(0.15)
@given(scenarios(Wanted(people=False)), st.integers(0, 8), st.booleans())
def test_a_journal_that_fails_ends_the_call(scenario: Scenario, appends: int, takes_effect: bool) -> None:
    """A journal that cannot be written in mid-call: one DELETE, no other request, and the error reaches the caller."""
    world = World(scenario)
    with world.time.running():
        runner = world.runner()
        world.journal.fail_after(appends, takes_effect=takes_effect)
        try:
            result = world.drive(runner)
        except JournalError:
            result = None
        runner.close()
    deleted = [sent for sent in world.transport.log if sent.request.operation.value == "end"]
    if result is None:
        assert len(deleted) <= 1
        assert all(call["status"] == "hangup" for call in world.calls())
        assert not deleted or world.transport.log[-1] is deleted[0]
    else:
        assert result.state.end is not None


def test_a_dial_of_long_ago_is_found_by_the_clock_of_the_reply() -> None:
    """Found by simulation: the first look of a resume judged a slow server's call by our own clock, and rang twice."""
    simulated = simulate(_saying(crashes=(Crash(after_s=0.5, gap_s=208.0),), skew_s=-25.0))
    check(simulated)
    assert simulated.server.transcript.rung() == [TO]


def test_a_refused_look_long_after_a_crash_is_not_the_end() -> None:
    """Found by simulation: one refused look, long after the crash, gave the API up in every later process too."""
    lost = Treatment(cut_by_reply=True)
    refused = Treatment(refused=True)
    scenario = _saying(treatments=(Treatment(), lost, refused), crashes=(Crash(append=4, gap_s=200.0),))
    check(simulate(scenario))


def test_a_doubled_dial_is_ended_even_if_the_run_waits_for_a_person() -> None:
    """Found by simulation: a run that became undecided forgot the second call of its doubled dial."""
    scenario = _saying(
        policy=Policy.STOP,
        treatments=(Treatment(deliveries=(0.0, 4.0)), Treatment(), Treatment(cut_by_reply=True)),
        crashes=(Crash(after_s=0.5, gap_s=2.0),),
    )
    simulated = simulate(scenario)
    check(simulated)
    assert simulated.state.phase is Phase.UNDECIDED
    assert [notice.code for notice in simulated.state.notices] == ["doubled_dial"]


def test_a_refused_look_does_not_end_the_watch_for_doubled_dials() -> None:
    """Found by simulation: one failed look at the list at the end of the watch let the second call live on."""
    doubled = Treatment(deliveries=(0.0, 0.5), answered_by=None)
    refusals = (Treatment(), Treatment(), Treatment(), *[Treatment(refused=True)] * 3)
    simulated = simulate(_saying(treatments=(doubled, *refusals)))
    check(simulated)
    assert simulated.state.end is not None
    assert simulated.state.end.status is Status.COMPLETED


def test_a_doubled_dial_whose_end_was_lost_is_ended_later() -> None:
    """Found by simulation: three lost DELETEs in a row let the second call live on."""
    doubled = Treatment(deliveries=(0.0, 0.5), answered_by=1)
    lost = Treatment(deliveries=(), answered_by=None)
    found = (Treatment(), lost, Treatment(), lost, Treatment(), lost)
    check(simulate(_saying(treatments=(doubled, *found), crashes=(Crash(after_s=1.5),))))


def test_a_hangup_behind_a_silent_callee_is_not_taken_for_done() -> None:
    """Found by simulation: the list had stopped at its get_dtmf, and the call stayed up when its run had ended."""
    script = script_of(GetDtmf(timeout_s=3.0), Hangup())
    scenario = Scenario(script=script, limit_s=30.0, crashes=(Crash(after_s=1.5),))
    check(simulate(scenario))


def test_a_dangerous_step_seen_running_is_not_keyed_again() -> None:
    """The look while its request was open proves that it ran, although the reply was lost."""
    cut = Treatment(cut_after_s=1.0)
    script = script_of(SendDtmf(Plain("12345678")), Hangup())
    simulated = simulate(Scenario(script=script, treatments=(Treatment(), cut)))
    check(simulated)
    assert simulated.state.steps[1].verdict == "ran"
    assert simulated.state.end is not None
    assert simulated.state.end.status is Status.COMPLETED


def _saying(
    *,
    policy: Policy | None = None,
    treatments: tuple[Treatment, ...] = (),
    crashes: tuple[Crash, ...] = (),
    skew_s: float = 0.0,
) -> Scenario:
    """Return a scenario of a dial and a sentence."""
    script = script_of(Say(Plain("one two three")), policy=policy)
    return Scenario(script=script, treatments=treatments, crashes=crashes, skew_s=skew_s)
