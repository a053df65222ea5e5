"""The driver: the order of writes, what ends a call in mid-request, and what a lost lease or journal does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.core.exchange import Operation, Request
from orchestrator.core.records import (
    CancelAsked,
    Concluded,
    Intended,
    Looked,
    LookKind,
    Noticed,
    Record,
    Resolved,
    RunEnded,
    Status,
    Waited,
)
from orchestrator.core.script import GetDtmf, Hangup, Plain, Say, Script, SendDtmf
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase
from orchestrator.errors import JournalError, LeaseHeldError, LeaseLostError
from orchestrator.ports import Lease
from orchestrator.runtime.runner import Prepared
from orchestrator.runtime.shared import RunResult
from orchestrator.sandbox.callees import Behaviour
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.transport import CLEAN, Treatment
from tests.property.scenarios import FROM, TO, Scenario, script_of
from tests.property.simulation import RUN_ID, World

LONG = Say(Plain(" ".join(["word"] * 100)))  # 40 s
SHORT = Say(Plain("one two three"))
OPERATIONS = (Operation.CREATE, Operation.COMMAND, Operation.END)


class Bench(World):
    """A simulation with an attentive heartbeat, in which things can be made to happen at a request or at a moment."""

    def __init__(self, script: Script, *treatments: Treatment, settings: Settings | None = None, **fields: Any) -> None:
        scenario = Scenario(script=script, treatments=treatments, drowsy_s=0.0, **fields)
        super().__init__(scenario, settings=settings)
        self.at_request: dict[int, Callable[[], None]] = {}
        self.requests: list[Request] = []

    def network(self, request: Request) -> Treatment:
        """Let happen what was to happen at this request, right before it leaves."""
        self.requests.append(request)
        self.at_request.get(len(self.requests), lambda: None)()
        return super().network(request)

    def outsider(self) -> MemoryJournal:
        """Return the journal as another process sees it."""
        return MemoryJournal(now=self.time.now, store=self.simulated.store, process="another")

    def steal(self) -> None:
        """Give the lease to another driver, as after a lapse."""
        self.journal.release(Lease(run_id=RUN_ID, token=1))
        self.outsider().acquire(RUN_ID, lease_s=30.0)

    def operations(self) -> list[Operation]:
        """Return what reached the wire, in order."""
        return [sent.request.operation for sent in self.transport.log]

    def heard(self) -> list[str]:
        """Return what the callee heard to its end."""
        state = self.simulated.state
        heard = self.simulated.server.transcript.heard(state.call_id or "")
        return [entry["text"] for entry in heard if entry["complete"]]


@contextmanager
def driving(bench: Bench) -> Iterator[Callable[[], RunResult]]:
    """Give the function that starts the run, and close its runner at the end."""
    with bench.time.running():
        runner = bench.runner()
        yield lambda: bench.drive(runner)
        runner.close()


def run(bench: Bench) -> RunResult:
    with driving(bench) as drive:
        return drive()


# --- the order of writes ----------------------------------------------------------------------------------------------


def test_an_intent_is_on_disk_before_its_request_leaves() -> None:
    """And a step's outcome shares its transaction with the next step's intent."""
    bench = Bench(script_of(SHORT, SHORT, Hangup()))
    durable: list[int] = []
    for number in (1, 2, 3, 4):
        bench.at_request[number] = lambda: durable.append(len(bench.simulated.records))
    run(bench)
    kinds = [[type(record) for record in batch] for batch in bench.simulated.batches]
    assert kinds[1] == [Intended]
    assert kinds[2:5] == [[Concluded, Intended]] * 3
    assert kinds[5][-1] is RunEnded
    assert durable == [2, 4, 6, 8]


def test_a_wake_time_is_on_disk_before_the_wait() -> None:
    """And the intent of the next try only after it."""
    bench = Bench(script_of(Hangup()), Treatment(refused=True))
    run(bench)
    kinds = [[type(record) for record in batch] for batch in bench.simulated.batches]
    assert kinds[1:4] == [[Intended], [Concluded, Waited], [Intended]]
    assert bench.simulated.written_s[4] - bench.simulated.written_s[3] > 0.2


def test_a_lost_lease_sends_nothing_more() -> None:
    """Found out right before the first byte: the request does not leave, and neither does a DELETE."""
    bench = Bench(script_of(SHORT, Hangup()))
    bench.at_request[2] = bench.steal
    with pytest.raises(LeaseLostError):
        run(bench)
    assert bench.operations() == [Operation.CREATE]


def test_a_lease_lost_at_the_journal_sends_nothing_more() -> None:
    """Found out at an append: likewise."""
    bench = Bench(script_of(SHORT, Hangup()))
    with driving(bench) as drive:
        bench.time.at(0.5, bench.steal)
        with pytest.raises(LeaseLostError):
            drive()
    assert bench.operations() == [Operation.CREATE]


def test_a_journal_that_fails_in_mid_call_ends_it() -> None:
    """By one DELETE, the one request that needs no intent."""
    bench = Bench(script_of(SHORT, Hangup()))
    with driving(bench) as drive:
        bench.journal.fail_after(1, takes_effect=False)
        with pytest.raises(JournalError):
            drive()
    assert bench.operations() == [Operation.CREATE, Operation.END]
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_a_journal_that_fails_before_the_dial_sends_nothing() -> None:
    """No intent, no request."""
    bench = Bench(script_of(SHORT))
    with driving(bench) as drive:
        bench.journal.fail_after(0, takes_effect=False)
        with pytest.raises(JournalError):
            drive()
    assert bench.operations() == []


def test_whoever_watches_is_told_of_every_record() -> None:
    """In order, each with the state it led to."""
    bench = Bench(script_of(Hangup()))
    seen: list[str] = []
    with bench.time.running():
        runner = bench.runner()
        prepared = Prepared(to=TO, from_=FROM, variables={}, secrets={}, settings=bench.settings)
        runner.run(
            bench.scenario.script,
            prepared,
            observer=lambda record, state: seen.append(f"{type(record).__name__} {state.phase}"),
        )
        runner.close()
    assert seen[:3] == ["RunStarted ready", "Intended sending", "Concluded ready"]
    assert seen[-1] == "RunEnded ended"


# --- the look while a dangerous request is open -----------------------------------------------------------------------


def test_a_dangerous_step_is_looked_at_while_it_is_open() -> None:
    """The look is on disk before the outcome; seeing it run is proof after a cut."""
    bench = Bench(script_of(SendDtmf(Plain("1" * 12)), Hangup()), Treatment(), Treatment(cut_after_s=1.0))
    result = run(bench)
    looks = [record for record in bench.simulated.records if isinstance(record, Looked)]
    assert (looks[0].kind, looks[0].call.status if looks[0].call else None) == (LookKind.OPEN, "in-progress")
    assert result.state.steps[1].verdict == "ran"
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    assert Operation.LOOK not in {request.operation for request in bench.requests[:2]}


def test_a_dangerous_step_that_is_over_at_once_is_not_looked_at() -> None:
    """A request that was refused, or came back before the look was due."""
    bench = Bench(script_of(SendDtmf(Plain("1" * 12)), Hangup()), Treatment(), Treatment(refused=True))
    bench.at_request[4] = lambda: None
    run(bench)
    assert [request.operation for request in bench.requests[:2]] == [Operation.CREATE, Operation.COMMAND]
    cut = Bench(script_of(SendDtmf(Plain("1" * 40)), Hangup()), Treatment(), Treatment(cut_after_s=0.1))
    run(cut)
    kinds = [record.kind for record in cut.simulated.records if isinstance(record, Looked)]
    assert LookKind.OPEN not in kinds


def test_an_open_look_that_loses_the_lease_is_silent() -> None:
    """The step's own thread meets the same."""
    bench = Bench(script_of(SendDtmf(Plain("1" * 12)), Hangup()))
    with driving(bench) as drive:
        bench.time.at(1.3, bench.steal)
        with pytest.raises(LeaseLostError):
            drive()
    assert bench.operations() == [Operation.CREATE, Operation.COMMAND]


# --- ended from outside while a request is open -----------------------------------------------------------------------


def cancel_at(bench: Bench, seconds: float) -> None:
    """Let another process ask for the run's end."""
    bench.time.at(seconds, lambda: bench.outsider().put_inbox(RUN_ID, CancelAsked(at=bench.time.now())))


def test_a_cancel_ends_an_open_sentence() -> None:
    """The DELETE follows the durable order within a moment; the run is cancelled."""
    bench = Bench(script_of(LONG, Hangup()))
    with driving(bench) as drive:
        cancel_at(bench, 10.0)
        result = drive()
    assert result.state.end is not None
    assert (result.state.end.status, result.state.call_over) == (Status.CANCELLED, True)
    assert bench.operations() == list(OPERATIONS)
    assert bench.transport.log[-1].at_s < 11.0
    assert bench.simulated.sent[-1].note == next(
        index for index, record in enumerate(bench.simulated.records) if isinstance(record, CancelAsked)
    )
    assert result.state.requests_sent == 3


def test_an_open_request_that_does_not_come_back_is_cut() -> None:
    """A few seconds after its call was ended."""
    bench = Bench(script_of(LONG, Hangup()), Treatment(), Treatment(answered_by=None))
    with driving(bench) as drive:
        cancel_at(bench, 10.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert bench.time.seconds < 16.0


def test_a_cancel_ends_a_phone_that_rings() -> None:
    """The list of calls tells which."""
    bench = Bench(script_of(SHORT), callee=Behaviour(does="no_answer"))
    with driving(bench) as drive:
        cancel_at(bench, 5.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert [call["hangup_cause"] for call in bench.calls()] == ["cancelled"]
    assert bench.time.seconds < 8.0


def test_a_phone_that_rings_is_found_later_if_not_now() -> None:
    """The look at the list failed: the request is cut, and the lost dial is settled and ended."""
    bench = Bench(script_of(SHORT), Treatment(), Treatment(refused=True), callee=Behaviour(does="no_answer"))
    with driving(bench) as drive:
        cancel_at(bench, 5.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert [call["hangup_cause"] for call in bench.calls()] == ["cancelled"]


def test_a_journal_that_fails_while_a_phone_rings_is_met_by_the_step() -> None:
    """Nobody can be looked for without a journal; the run's own thread raises."""
    bench = Bench(script_of(SHORT), callee=Behaviour(does="no_answer"))
    with driving(bench) as drive:
        bench.journal.fail_after(1, takes_effect=False)
        cancel_at(bench, 5.0)
        bench.time.at(5.0, lambda: bench.simulated.store.kill("process 0"))
        with pytest.raises(JournalError):
            drive()


def test_a_cancel_between_steps_is_heard_at_once() -> None:
    """A wait wakes up for it."""
    bench = Bench(script_of(SHORT, Hangup()), *[Treatment(refused=True)] * 4)
    with driving(bench) as drive:
        cancel_at(bench, 0.6)
        result = drive()
    assert result.state.end is not None
    assert (result.state.end.status, bench.operations()) == (Status.CANCELLED, [])


def test_max_call_ends_an_open_request() -> None:
    """A call is not longer than that, whatever is being said."""
    bench = Bench(script_of(LONG, Hangup()), settings=Settings(max_call_s=15.0))
    result = run(bench)
    assert result.state.end is not None
    assert result.state.end.fault is not None
    assert (result.state.end.status, result.state.end.fault.code) == (Status.FAILED, "max_call")
    assert 15.0 <= bench.transport.log[-1].at_s < 16.0


def test_a_journal_that_fails_at_the_cancel_does_not_keep_the_call_up() -> None:
    """The DELETE needs no intent."""
    bench = Bench(script_of(LONG, Hangup()))
    with driving(bench) as drive:
        bench.journal.fail_after(2, takes_effect=False)
        cancel_at(bench, 10.0)
        with pytest.raises(JournalError):
            drive()
    assert bench.operations()[:3] == list(OPERATIONS)
    assert bench.transport.log[2].at_s < 11.0


def test_a_lease_lost_at_the_cancel_leaves_the_call_to_its_new_driver() -> None:
    """This process sends nothing more."""
    bench = Bench(script_of(LONG, Hangup()))
    with driving(bench) as drive:
        cancel_at(bench, 10.0)
        bench.time.at(9.9, bench.steal)
        with pytest.raises(LeaseLostError):
            drive()
    assert bench.operations() == [Operation.CREATE, Operation.COMMAND]


# --- signals ----------------------------------------------------------------------------------------------------------


def stop_at(bench: Bench, seconds: float, *, grace_s: float, hand_over: bool = False) -> None:
    bench.time.at(seconds, lambda: bench.control.stop(grace_s=grace_s, why="SIGTERM", hand_over=hand_over))


def test_a_stop_lets_the_call_go_on_for_its_grace() -> None:
    """Then it is ended, in the middle of a sentence if need be."""
    bench = Bench(script_of(SHORT, LONG, Hangup()))
    with driving(bench) as drive:
        stop_at(bench, 5.0, grace_s=10.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.fault is not None
    assert (result.state.end.status, result.state.end.fault.code) == (Status.CANCELLED, "stopped")
    assert 15.0 <= bench.transport.log[-1].at_s < 16.0
    assert bench.heard() == ["one two three"]


def test_a_call_that_ends_within_the_grace_ends_well() -> None:
    """Nothing is cut short."""
    bench = Bench(script_of(SHORT, SHORT, Hangup()))
    with driving(bench) as drive:
        stop_at(bench, 1.5, grace_s=30.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


def test_a_stop_during_a_wait_ends_it_when_the_grace_is_over() -> None:
    """Not when the wait would have been."""
    busy = Bench(script_of(SHORT, Hangup()), Treatment(), Treatment(deliveries=(), cut_after_s=0.1))
    with driving(busy) as drive:
        stop_at(busy, 1.2, grace_s=0.5)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert busy.transport.log[-1].at_s < 3.0


def test_a_hand_over_leaves_the_call_up_for_the_next_process() -> None:
    """At the next boundary between steps; it is resumed where it was."""
    bench = Bench(script_of(SHORT, LONG, SHORT, Hangup()))
    with bench.time.running():
        first = bench.runner()
        stop_at(bench, 5.0, grace_s=0.0, hand_over=True)
        handed = bench.drive(first)
        first.close()
        assert handed.rest is not None
        assert (handed.rest.code, handed.state.call_up) == ("stopped", True)
        second = bench.runner()
        result = bench.drive(second)
        second.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    assert len(bench.heard()) == 3


def test_nothing_is_dialled_after_a_stop() -> None:
    """The run waits for a later process."""
    bench = Bench(script_of(SHORT))
    with driving(bench) as drive:
        bench.control.stop(grace_s=30.0, why="SIGTERM")
        result = drive()
    assert result.rest is not None
    assert (result.rest.code, bench.operations()) == ("stopped", [])


# --- inbox ------------------------------------------------------------------------------------------------------------


def test_a_verdict_that_nobody_waits_for_is_put_aside() -> None:
    """And said so."""
    bench = Bench(script_of(SHORT, LONG, Hangup()))
    with driving(bench) as drive:
        bench.time.at(3.0, lambda: bench.outsider().put_inbox(RUN_ID, Resolved(at=bench.time.now(), ran=True)))
        result = drive()
    assert [notice.code for notice in result.state.notices] == ["resolve_unneeded"]
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    assert sum(isinstance(record, Noticed) for record in bench.simulated.records) == 1


# --- the lease --------------------------------------------------------------------------------------------------------


def test_a_step_longer_than_the_lease_keeps_it() -> None:
    """The heartbeat renews it, apart from how long steps take."""
    bench = Bench(script_of(LONG, Hangup()))
    refused: list[str] = []

    def intrude() -> None:
        with pytest.raises(LeaseHeldError):
            bench.outsider().acquire(RUN_ID, lease_s=30.0)
        refused.append("held")

    with driving(bench) as drive:
        bench.time.at(35.0, intrude)
        drive()
    assert refused == ["held"]


def test_a_driver_whose_journal_cannot_be_asked_goes_on() -> None:
    """The heartbeat's own failure is not the end: the next append tells."""
    bench = Bench(script_of(LONG, Hangup()))
    with driving(bench) as drive:

        def fail(*_args: object, **_kwargs: object) -> frozenset[str]:
            raise JournalError("busy")

        bench.journal.inbox_waiting = fail  # type: ignore[method-assign]
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


# --- secrets ----------------------------------------------------------------------------------------------------------

PIN = GetDtmf(timeout_s=5.0, max_digits=4)


def pin_script() -> Script:
    script = script_of(PIN, SHORT, Hangup())
    entries = list(script.entries)
    entries[1] = type(entries[1])(element=PIN, digest=entries[1].digest, written="get_dtmf", save="pin", sensitive=True)
    return Script(name="pin", entries=tuple(entries))


@pytest.mark.parametrize("capabilities", [(), ("command_log",)])
@pytest.mark.parametrize("treatment", [Treatment(), Treatment(cut_by_reply=True)])
def test_secret_digits_are_not_on_disk(capabilities: tuple[str, ...], treatment: Treatment) -> None:
    """Neither from a reply nor from a command log; this process knows them."""
    bench = Bench(
        pin_script(),
        Treatment(),
        treatment,
        callee=Behaviour(keys=("1234", "5678"), key_delay=0.3),
        capabilities=capabilities,
    )
    result = run(bench)
    assert result.state.variables["pin"] in ("1234", "5678")
    written = "".join("".join(run.texts) for run in bench.simulated.store.runs.values())
    assert "1234" not in written
    assert "5678" not in written
    assert '"digit_count":4' in written


def test_open_digits_are_on_disk() -> None:
    """What is not secret is journalled with its results."""
    bench = Bench(script_of(GetDtmf(timeout_s=5.0), Hangup()), callee=Behaviour(keys=("7",)))
    result = run(bench)
    assert result.state.steps[1].results is not None
    assert result.state.steps[1].results[0].digits == "7"
    assert result.state.phase is Phase.ENDED


# --- what is done while a request is open -----------------------------------------------------------------------------


def test_the_observer_is_told_while_a_request_is_open_never_in_the_callees_silence() -> None:
    """Each record is told once, in order; those of a step once its request has left."""
    bench = Bench(script_of(SHORT, SHORT, Hangup()))
    told: list[tuple[Record, int]] = []
    prepared = Prepared(to=TO, from_=FROM, variables={}, secrets={}, settings=bench.settings)
    with bench.time.running():
        runner = bench.runner()
        runner.run(
            bench.scenario.script,
            prepared,
            observer=lambda record, _state: told.append((record, len(bench.transport.log))),
        )
        runner.close()
    assert [record for record, _ in told] == bench.simulated.records
    assert [sent for record, sent in told if isinstance(record, Concluded)] == [2, 3, 4, 4]
    assert [sent for record, sent in told if isinstance(record, Intended)] == [1, 2, 3, 4]


def test_a_look_that_hangs_does_not_keep_the_callee_waiting_behind_a_clean_reply() -> None:
    """The look at an open dangerous step is forgotten once the step's own reply is whole."""
    hanging = Treatment(deliveries=(), answered_by=None)
    bench = Bench(script_of(SendDtmf(Plain("12345")), SHORT, Hangup()), CLEAN, CLEAN, hanging)
    result = run(bench)
    assert [request.operation for request in bench.requests][2] is Operation.LOOK
    concluded = [one for one in bench.simulated.records if isinstance(one, Concluded)]
    by_command = {one.results[0].command: one for one in concluded if one.results}
    keyed, spoken = by_command["send_dtmf"], by_command["say"]
    assert spoken.first_byte is not None
    assert spoken.first_byte.since(keyed.at) < 1.0
    assert not [record for record in bench.simulated.records if isinstance(record, Looked)]
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


def test_a_look_that_hangs_is_waited_for_behind_a_lost_reply() -> None:
    """Its evidence is what the step is settled by."""
    slow = Treatment(deliveries=(3.0,))
    bench = Bench(script_of(SendDtmf(Plain("123456789")), Hangup()), CLEAN, Treatment(cut_after_s=1.0), slow)
    run(bench)
    looks = [record.kind for record in bench.simulated.records if isinstance(record, Looked)]
    assert looks[0] is LookKind.OPEN
