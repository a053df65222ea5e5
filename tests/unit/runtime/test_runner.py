"""Starting, resuming, cancelling, resolving and reaping runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.exchange import Operation
from orchestrator.core.records import Intended, Status, Waited
from orchestrator.core.script import Hangup, Plain, Policy, Say, Script, SendDtmf
from orchestrator.core.state import Phase
from orchestrator.errors import ChangedPastError, LeaseHeldError, UsageError
from orchestrator.runtime.runner import Runner, RunResult
from tests.fakes.transport import Treatment
from tests.property.scenarios import script_of
from tests.property.simulation import RUN_ID
from tests.unit.runtime.test_driver import LONG, SHORT, Bench

LOST = Treatment(cut_by_reply=True)


def undecided() -> Bench:
    """Return a run whose sentence was lost, and whose author wants to be asked then."""
    return Bench(script_of(SHORT, Hangup(), policy=Policy.STOP), Treatment(), LOST)


def crashed(script: Script, after_s: float = 2.0) -> Bench:
    """Return a run whose process died in the middle of its call."""
    bench = Bench(script)
    bench.time.at(after_s, lambda: bench.kill(bench.time.process))
    return bench


def die(bench: Bench) -> None:
    """Live the life that ends in a crash."""
    assert bench.live(None)


def other(bench: Bench) -> Runner:
    """Return the runner of a further process."""
    return bench.runner()


def _another(bench: Bench) -> Runner:
    """Return the runner of a process that lives beside the first."""
    return Runner(
        journal=bench.outsider(),
        transport=bench.transport,
        clock=bench.time,
        control=bench.control,
        new_id=lambda: "x",
        draw=lambda: 0.0,
        lease_s=30.0,
    )


def _reaped_by_another(bench: Bench) -> list[RunResult]:
    return _another(bench).reap()


def test_a_run_that_has_ended_is_not_driven_again() -> None:
    """Resume and cancel return it as it stands; nothing is sent, and the lease is free."""
    bench = Bench(script_of(Hangup()))
    with bench.time.running():
        assert not bench.live(None)
        sent = len(bench.requests)
        runner = other(bench)
        resumed = runner.resume(RUN_ID, bench.scenario.script, secrets={}, settings=bench.settings)
        cancelled = runner.cancel(RUN_ID, why="late")
        runner.close()
    assert resumed.state.end is not None
    assert cancelled is not None
    assert cancelled.state.end == resumed.state.end
    assert len(bench.requests) == sent


def test_a_changed_past_is_refused_and_the_lease_given_back() -> None:
    """Nothing is sent; the right script still resumes."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=4.0)
    with bench.time.running():
        die(bench)
        sent = len(bench.requests)
        runner = other(bench)
        changed = script_of(Say(Plain("something else")), LONG, Hangup())
        with pytest.raises(ChangedPastError):
            runner.resume(RUN_ID, changed, secrets={}, settings=bench.settings)
        assert len(bench.requests) == sent
        result = bench.drive(runner)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


def test_a_wait_goes_on_for_the_rest_of_its_time_after_a_crash() -> None:
    """Whoever dies while waiting between tries leaves the wake time; the next process sends no sooner, nor later."""
    bench = Bench(script_of(Hangup()), Treatment(refused=True))

    def die_in_the_wait() -> None:
        bench.time.at(0.05, lambda: bench.kill(bench.time.process))

    bench.at_request[1] = die_in_the_wait
    with bench.time.running():
        die(bench)
        (waited,) = [record for record in bench.simulated.records if isinstance(record, Waited)]
        assert waited.wake.since(bench.time.now()) > 0.1
        runner = other(bench)
        result = bench.drive(runner)
        runner.close()
    intents = [record for record in bench.simulated.records if isinstance(record, Intended)]
    assert 0 <= intents[1].at.since(waited.wake) < 0.05
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


def test_a_run_that_is_driven_cannot_be_resumed() -> None:
    """Its lease is held; a cancel leaves a message."""
    bench = Bench(script_of(LONG, Hangup()))
    outcomes: list[object] = []

    def intrude() -> None:
        runner = _another(bench)
        with pytest.raises(LeaseHeldError):
            runner.resume(RUN_ID, bench.scenario.script, secrets={}, settings=bench.settings)
        outcomes.append(runner.cancel(RUN_ID, why="enough"))

    with bench.time.running():
        bench.time.at(10.0, intrude)
        assert not bench.live(None)
    assert outcomes == [None]
    state = bench.simulated.state
    assert state.end is not None
    assert state.end.status is Status.CANCELLED


def test_cancelling_a_run_that_nobody_drives_ends_its_call() -> None:
    """Without its script."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=10.0)
    with bench.time.running():
        die(bench)
        runner = other(bench)
        result = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert result is not None
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert bench.operations()[-1] is Operation.END
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_an_undecided_run_waits_for_a_person() -> None:
    """Its call is ended; a resume changes nothing, and says why."""
    bench = undecided()
    with bench.time.running():
        assert not bench.live(None)
        runner = other(bench)
        result = bench.drive(runner)
        runner.close()
    assert result.state.phase is Phase.UNDECIDED
    assert result.rest is not None
    assert result.rest.code == "undecided"
    assert [call["status"] for call in bench.calls()] == ["hangup"]


@pytest.mark.parametrize("ran", [True, False])
def test_a_person_decides(ran: bool) -> None:
    """The call is gone, so that the run ends as failed, with the verdict in its report."""
    bench = undecided()
    with bench.time.running():
        assert not bench.live(None)
        runner = other(bench)
        result = runner.resolve(RUN_ID, ran=ran, call_id=None, note="I asked")
        with pytest.raises(UsageError):
            runner.resolve(RUN_ID, ran=ran, call_id=None, note=None)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.FAILED
    assert result.state.steps[1].verdict == ("ran" if ran else "did_not_run")


def test_a_verdict_on_a_call_that_was_left_up_is_followed_by_a_resume() -> None:
    """The run goes on with the same call."""
    bench = undecided()
    bench.settings = replace(bench.settings, leave_up=True)
    with bench.time.running():
        assert not bench.live(None)
        runner = other(bench)
        resolved = runner.resolve(RUN_ID, ran=False, call_id=None, note=None)
        assert resolved.rest is not None
        assert resolved.rest.code == "resolved"
        result = bench.drive(runner)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


def reap(bench: Bench, *, keep: tuple[str, ...] = ()) -> list[Status | None]:
    """Let a further process reap; return what became of what it reaped."""
    runner = other(bench)
    found = runner.reap(keep=keep)
    runner.close()
    return [None if result.state.end is None else result.state.end.status for result in found]


def test_reap_ends_a_call_whose_callee_waits_in_silence() -> None:
    """Longer than `max_silence`, and than what may still be spoken; not before, and not what is about to be resumed."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=10.0)
    with bench.time.running():
        die(bench)
        bench.time.sleep(40.0)
        assert reap(bench) == []
        bench.time.sleep(80.0)
        assert reap(bench, keep=(RUN_ID,)) == []
        assert reap(bench) == [Status.FAILED]
        assert reap(bench) == []
    state = bench.simulated.state
    assert state.end is not None
    assert state.end.fault is not None
    assert state.end.fault.code == "reaped"
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_reap_leaves_alone_what_is_driven_or_waits_or_never_rang() -> None:
    """A live driver, a person's verdict, a run that died before its dial."""
    driven = Bench(script_of(LONG, Hangup()))
    found: list[object] = []
    with driven.time.running():
        driven.time.at(35.0, lambda: found.append(_reaped_by_another(driven)))
        assert not driven.live(None)
    assert found == [[]]
    waiting = undecided()
    with waiting.time.running():
        assert not waiting.live(None)
        waiting.time.sleep(500.0)
        assert reap(waiting) == []
    unborn = Bench(script_of(SHORT))
    with unborn.time.running():
        runner = other(unborn)
        unborn.control.stop(grace_s=0.0, why="SIGTERM")
        unborn.drive(runner)
        runner.close()
        unborn.time.sleep(500.0)
        assert reap(unborn) == []


def test_reap_does_not_wait_for_a_lost_dial() -> None:
    """What cannot be settled now is left to a later process."""
    bench = Bench(script_of(SHORT), Treatment(deliveries=(), answered_by=None))
    bench.time.at(10.0, lambda: bench.kill(bench.time.process))
    with bench.time.running():
        die(bench)
        bench.time.sleep(60.0)
        runner = other(bench)
        began_s = bench.time.seconds
        (result,) = runner.reap()
        runner.close()
    assert result.rest is not None
    assert result.rest.code == "unsettled"
    assert bench.time.seconds - began_s < 5.0


def test_a_dangerous_step_is_never_keyed_twice_by_a_resume() -> None:
    """Killed in the middle of it: the open look is on disk, and proves that it ran."""
    bench = crashed(script_of(SendDtmf(Plain("123456789")), Hangup()), after_s=1.9)
    with bench.time.running():
        die(bench)
        runner = other(bench)
        result = bench.drive(runner)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    keyed = [e["keyed"] for e in bench.simulated.server.transcript.heard(result.state.call_id or "")]
    assert keyed == ["123456789"]
