"""Starting, resuming, cancelling, resolving and reaping runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation, Request
from orchestrator.core.origin import Origin
from orchestrator.core.records import Disposition, Intended, RunStarted, Status, Waited
from orchestrator.core.script import Hangup, Plain, Policy, Say, Script, SendDtmf, Sms
from orchestrator.core.state import Phase
from orchestrator.errors import (
    CallLeftUpError,
    ChangedPastError,
    ConfigurationError,
    JournalError,
    LeaseHeldError,
    UsageError,
    exit_code_of,
)
from orchestrator.runtime.ontheline import refuse_second_call
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.runtime.shared import RunResult
from tests.fakes.transport import RawAnswer, Treatment
from tests.property.scenarios import FROM, script_of
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


def _another(bench: Bench, origin: Origin | None = None) -> Runner:
    """Return the runner of a process that lives beside the first."""
    return Runner(
        journal=bench.outsider(),
        transport=bench.transport,
        clock=bench.time,
        control=bench.control,
        new_id=lambda: "x",
        draw=lambda: 0.0,
        lease_s=30.0,
        origin=origin,
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
        with pytest.raises(UsageError, match="is none"):  # it is a send_dtmf that is uncertain
            runner.resolve(RUN_ID, ran=True, call_id="call-1", note=None)
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


def test_reap_goes_on_when_another_process_has_taken_a_run_over() -> None:
    """It was stopped for longer than its lease: whose call it was ending is no reason to leave the others up."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=10.0)
    with bench.time.running():
        die(bench)
        bench.time.sleep(120.0)
        tenancy = bench.simulated.store.runs[RUN_ID].tenancy
        bench.time.at(bench.time.seconds + 0.01, lambda: tenancy.give("another", bench.time.now()) and None)
        assert reap(bench) == []
        assert reap(bench) == [Status.FAILED]


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


@pytest.mark.parametrize("is_undecided", [False, True])
def test_reap_ends_the_second_call_of_a_doubled_dial(is_undecided: bool) -> None:
    """Its driver was killed while it watched for one; nobody else would ever look, least of all a person's verdict."""
    message = Sms(to=Plain("+15555550100"), from_=Plain("+15555550199"), message=Plain("late"))
    rest = message if is_undecided else Hangup()
    lost = Treatment(deliveries=(2.0, 52.0), cut_after_s=0.1)
    six_looks = (Treatment(),) * 6
    bench = Bench(script_of(rest, policy=Policy.STOP), lost, *six_looks, LOST)
    bench.time.at(40.0, lambda: bench.kill(bench.time.process))
    with bench.time.running():
        die(bench)
        assert reap(bench) == []
        bench.time.sleep(60.0)
        assert reap(bench) == [None if is_undecided else Status.COMPLETED]
        assert {call["status"] for call in bench.calls()} == {"hangup"}
        assert len(bench.calls()) == 2


def test_reap_ends_the_second_call_of_a_doubled_dial_whose_first_is_to_be_left_up() -> None:
    """Its run rests undecided after DELETEs that came to nothing: its own call stays up for a person to decide on."""
    message = Sms(to=Plain("+15555550100"), from_=Plain("+15555550199"), message=Plain("late"))
    doubled = Treatment(deliveries=(2.0, 20.0), cut_after_s=0.1)
    bench = Unended(script_of(message, policy=Policy.STOP), doubled)
    bench.settings = replace(bench.settings, leave_up=True)
    with bench.time.running():
        assert not bench.live(None)
        assert bench.simulated.state.phase is Phase.UNDECIDED
        tried = bench.operations().count(Operation.END)
        assert tried > 1
        bench.time.sleep(60.0)
        assert [call["status"] for call in bench.calls()] == ["ready", "ready"]
        bench.is_deaf = False
        assert reap(bench) == [None]
        assert [call["status"] for call in bench.calls()] == ["hangup", "ready"]
        assert bench.calls()[1]["resource_id"] == bench.simulated.state.call_id
        assert reap(bench) == []
    assert bench.simulated.state.phase is Phase.UNDECIDED


class Unended(Bench):
    """A simulation in which no DELETE arrives while `is_deaf`, and the reply to no text message."""

    is_deaf = True

    def network(self, request: Request) -> Treatment:
        """Lose what is to be lost."""
        if request.operation is Operation.SMS:
            return LOST
        is_lost = request.operation is Operation.END and self.is_deaf
        return Treatment(deliveries=(), answered_by=None, cut_after_s=0.1) if is_lost else super().network(request)


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


# --- the end of a call ------------------------------------------------------------------------------------------------


BARE = Treatment(emptied=True)
NOT_FOUND = Treatment(instead=RawAnswer(404, b'{"response": {"error": {"code": 404, "message": "no such call"}}}'))


def ends(bench: Bench) -> list[Operation]:
    """Return what was sent from the first DELETE on."""
    operations = bench.operations()
    return operations[operations.index(Operation.END) :]


def test_an_ordinary_end_costs_one_request() -> None:
    """Its reply shows the ended call."""
    bench = Bench(script_of(SHORT))
    with bench.time.running():
        assert not bench.live(None)
    assert ends(bench) == [Operation.END]


def test_a_bare_reply_to_an_end_is_looked_at() -> None:
    """The call is shown ended: one look, and the run has ended well."""
    bench = Bench(script_of(SHORT), Treatment(), Treatment(), BARE)
    with bench.time.running():
        assert not bench.live(None)
    assert ends(bench) == [Operation.END, Operation.LOOK]
    assert bench.simulated.state.end is not None
    assert bench.simulated.state.end.status is Status.COMPLETED


@pytest.mark.parametrize("claim", [NOT_FOUND, replace(BARE, deliveries=(), instead=RawAnswer(200), cut_after_s=1.0)])
def test_an_end_that_did_not_happen_is_tried_again(claim: Treatment) -> None:
    """A middlebox says it is gone, or that all is well; the look shows the call up."""
    swallowed = replace(claim, deliveries=(), cut_after_s=1.0)
    bench = Bench(script_of(SHORT), Treatment(), Treatment(), swallowed)
    with bench.time.running():
        assert not bench.live(None)
    assert ends(bench) == [Operation.END, Operation.LOOK, Operation.END]
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_a_call_that_the_api_does_not_know_is_not_said_to_have_ended() -> None:
    """404 to the DELETE and to the look: the run ends, and says that nobody saw its call end."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=10.0)
    with bench.time.running():
        die(bench)
        runner = other(bench)
        bench.network = lambda _request: NOT_FOUND  # type: ignore[method-assign, assignment]
        bench.transport.network = bench.network
        result = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert result is not None
    assert [notice.code for notice in result.state.notices] == ["vanished"]
    assert result.state.end is not None
    assert result.state.end.fault is not None
    assert "that it has ended was not seen" in result.state.end.fault.message


# --- a call that was left up ------------------------------------------------------------------------------------------


def left_up() -> Bench:
    """Return a run that will complete, and leave its call up."""
    bench = Bench(script_of(SHORT))
    bench.settings = replace(bench.settings, leave_up=True)
    return bench


def test_a_call_that_a_completed_run_left_up_can_be_ended() -> None:
    """The run stays completed, with a notice; asked again, nothing more is sent."""
    bench = left_up()
    with bench.time.running():
        assert not bench.live(None)
        assert [call["status"] for call in bench.calls()] == ["ready"]
        end = bench.simulated.state.end
        runner = other(bench)
        result = runner.cancel(RUN_ID, why="enough")
        sent = len(bench.requests)
        again = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert [call["status"] for call in bench.calls()] == ["hangup"]
    assert result is not None
    assert (result.rest, result.state.phase, result.state.end) == (None, Phase.ENDED, end)
    assert [notice.code for notice in result.state.notices] == ["ended_later"]
    assert again is not None
    assert (again.state.end, len(bench.requests)) == (end, sent)
    assert bench.simulated.state == result.state


def test_a_cancel_that_died_is_carried_on_with_by_the_next() -> None:
    """The intent of the DELETE is on disk; what came of it is looked at."""
    bench = left_up()
    with bench.time.running():
        assert not bench.live(None)
        runner = other(bench)
        bench.at_request[len(bench.requests) + 1] = lambda: bench.kill(bench.time.process)
        with pytest.raises(JournalError):
            runner.cancel(RUN_ID, why="enough")
        bench.time.begin_process("between")
        assert bench.simulated.state.phase is Phase.SENDING
        runner = other(bench)
        result = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert result is not None
    assert (result.rest, result.state.phase) == (None, Phase.ENDED)
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_a_call_that_an_undecided_run_left_up_can_be_ended() -> None:
    """It waits for its verdict all the same."""
    bench = undecided()
    bench.settings = replace(bench.settings, leave_up=True)
    with bench.time.running():
        assert not bench.live(None)
        assert [call["status"] for call in bench.calls()] == ["ready"]
        runner = other(bench)
        result = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert [call["status"] for call in bench.calls()] == ["hangup"]
    assert result is not None
    assert result.state.phase is Phase.UNDECIDED


# --- the API that a run belongs to ------------------------------------------------------------------------------------

OURS = Origin(api_url="https://api.example", account="a")
THEIRS = Origin(api_url="https://elsewhere.example", account="a")
OTHER_KEY = Origin(api_url="https://api.example", account="b")


def crashed_at(origin: Origin) -> Bench:
    """Return a run of some API whose process died in the middle of its call."""
    bench = crashed(script_of(SHORT, LONG, Hangup()), after_s=10.0)
    bench.origin = origin
    return bench


def test_a_run_notes_its_api() -> None:
    """In its first record."""
    bench = crashed_at(OURS)
    with bench.time.running():
        die(bench)
    started = bench.simulated.records[0]
    assert isinstance(started, RunStarted)
    assert (started.api_url, started.account) == (OURS.api_url, OURS.account)


def test_a_run_of_another_api_is_refused() -> None:
    """Nothing is sent or written, the lease is free, and the message names the URL and how to set it."""
    bench = crashed_at(THEIRS)
    with bench.time.running():
        die(bench)
        bench.origin = OURS
        sent, written = len(bench.requests), len(bench.simulated.records)
        bench.time.sleep(500.0)
        runner = other(bench)
        for attempt in (lambda: bench.drive(runner), lambda: runner.cancel(RUN_ID, why="enough")):
            with pytest.raises(ConfigurationError, match=r"ORCHESTRATOR_API_URL=https://elsewhere\.example"):
                attempt()
        assert runner.reap() == []
        assert runner.left_alone == {RUN_ID: "https://elsewhere.example"}
        runner.close()
        assert (len(bench.requests), len(bench.simulated.records)) == (sent, written)
        bench.origin = THEIRS
        runner = other(bench)
        result = bench.drive(runner)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is not Status.CANCELLED


def test_a_cancel_reaches_the_driver_of_another_api() -> None:
    """It has the credentials for it; this process only leaves a message."""
    bench = Bench(script_of(LONG, Hangup()))
    bench.origin = THEIRS
    outcomes: list[object] = []

    def intrude() -> None:
        runner = _another(bench, OURS)
        outcomes.append(runner.cancel(RUN_ID, why="enough"))

    with bench.time.running():
        bench.time.at(10.0, intrude)
        assert not bench.live(None)
    assert outcomes == [None]
    assert bench.simulated.state.end is not None
    assert bench.simulated.state.end.status is Status.CANCELLED


def test_a_run_of_another_api_that_never_dialled_can_be_cancelled() -> None:
    """Nothing need be sent for that."""
    bench = Bench(script_of(SHORT))
    bench.origin = THEIRS
    with bench.time.running():
        runner = other(bench)
        bench.control.stop(grace_s=30.0, why="SIGTERM")
        bench.drive(runner)
        runner.close()
        bench.origin = OURS
        runner = other(bench)
        result = runner.cancel(RUN_ID, why="enough")
        runner.close()
    assert result is not None
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert bench.requests == []


def test_a_verdict_that_ends_a_run_of_another_api_is_refused() -> None:
    """There may be more to end; the verdict is not taken."""
    bench = undecided()
    bench.origin = THEIRS
    with bench.time.running():
        assert not bench.live(None)
        bench.origin = OURS
        runner = other(bench)
        with pytest.raises(ConfigurationError):
            runner.resolve(RUN_ID, ran=True, call_id=None, note=None)
        runner.close()
    assert bench.simulated.state.phase is Phase.UNDECIDED


def test_another_key_that_cannot_see_the_call_proves_nothing() -> None:
    """404 to a resume and to a cancel: the run rests, and the right key carries on with the same call."""
    bench = crashed_at(OURS)
    with bench.time.running():
        die(bench)
        bench.origin = OTHER_KEY
        for attempt in ("resume", "cancel"):
            runner = other(bench)
            bench.transport.network = lambda _request: NOT_FOUND
            result = bench.drive(runner) if attempt == "resume" else runner.cancel(RUN_ID, why="enough")
            runner.close()
            assert result is not None
            assert result.rest is not None
            assert result.rest.code == "configuration"
            assert "another API key" in result.rest.message
            assert result.state.end is None
        bench.origin = OURS
        runner = other(bench)
        done = bench.drive(runner)
        runner.close()
    assert done.state.end is not None
    assert done.state.end.status is Status.CANCELLED
    assert [call["status"] for call in bench.calls()] == ["hangup"]


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap_s", "dials_late", "dials"), [(300.0, False, 1), (400.0, False, 0), (400.0, True, 1)])
def test_a_run_that_never_dialled_is_not_dialled_by_surprise(gap_s: float, dials_late: bool, dials: int) -> None:
    """Long after it was asked for, unless whoever resumes it knows better, as a batch does."""
    bench = Bench(script_of(SHORT))
    with bench.time.running():
        runner = other(bench)
        bench.control.stop(grace_s=30.0, why="SIGTERM")
        bench.drive(runner)
        runner.close()
        bench.time.sleep(gap_s)
        runner = other(bench)
        result = runner.resume(
            RUN_ID, bench.scenario.script, secrets={}, settings=bench.settings, dials_late=dials_late
        )
        runner.close()
    assert result.state.end is not None
    assert bench.operations().count(Operation.CREATE) == dials
    if not dials:
        assert result.state.end.fault is not None
        assert (result.state.end.status, result.state.end.fault.code) == (Status.FAILED, "too_late")


@pytest.mark.parametrize("same_process", [True, False])
def test_the_clock_of_the_server_is_remembered_from_run_to_run(same_process: bool) -> None:
    """The first dial of a machine whose clock is behind is fenced out, which the run says; the next one rings."""
    bench = Bench(script_of(SHORT, Hangup()), skew_s=200.0)
    with bench.time.running():
        runner = bench.runner()
        first = bench.drive(runner)
        if not same_process:
            runner.close()
            runner = bench.runner()
        bench.run_id = "run-2"
        second = bench.drive(runner)
        runner.close()
    assert first.state.end is not None
    assert first.state.end.fault is not None
    assert (first.state.end.disposition, first.state.end.fault.code) == (Disposition.EXPIRED, "clock_skew")
    assert "the clocks differ by 200 s" in first.state.end.fault.message
    assert second.state.begun.clock_skew_s == pytest.approx(200.0, abs=1.0)
    assert second.state.end is not None
    assert second.state.end.status is Status.COMPLETED


def test_a_verdict_that_is_driven_keeps_its_lease() -> None:
    """The watch for further calls of a lost dial lasts longer than a lease: nobody else takes the run meanwhile."""
    bench = Bench(script_of(SHORT, Hangup(), policy=Policy.STOP), LOST, Treatment(), LOST)
    bench.time.at(20.0, lambda: bench.kill(bench.time.process))
    taken: list[str] = []

    def take() -> None:
        try:
            bench.outsider().acquire(RUN_ID, lease_s=30.0)
        except LeaseHeldError:
            taken.append("held")

    with bench.time.running():
        die(bench)
        assert bench.simulated.state.phase is Phase.UNDECIDED
        runner = other(bench)
        bench.time.at(55.0, take)
        result = runner.resolve(RUN_ID, ran=True, call_id=None, note=None)
        runner.close()
    assert taken == ["held"]
    assert bench.time.seconds > 60.0
    assert result.state.end is not None


def test_nobody_is_rung_while_an_interrupted_run_may_have_them_on_the_line() -> None:
    """Refused by the library, too, until that run is over, or can have no call any more; another API's is not asked."""
    bench = crashed(script_of(SHORT))
    with bench.time.running():
        die(bench)
        before = fold(bench.outsider().read(RUN_ID))
        prepared = Prepared(to=before.begun.to, from_=FROM, variables={}, secrets={}, settings=before.settings)
        refused = _another(bench)
        with pytest.raises(CallLeftUpError, match="may still be up") as raised:
            refused.run(script_of(SHORT), prepared)
        refused.close()
        assert (raised.value.blocking_run_id, exit_code_of(raised.value)) == (RUN_ID, 75)
        assert len(bench.calls()) == 1
        now = bench.time.now()
        journal = bench.outsider()
        late = now.plus(before.settings.max_call_s)
        refuse_second_call(journal, before.begun.to, now=late, api_url=None)
        refuse_second_call(journal, "+12125550177", now=now, api_url=None)
