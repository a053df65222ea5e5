"""The driver when nothing gets through: how long it goes on, what it gives up, and what it never leaves behind."""

from __future__ import annotations

import pytest

from orchestrator.core.document import exit_code_of_run
from orchestrator.core.exchange import Operation, Request
from orchestrator.core.records import Status
from orchestrator.core.script import GetDtmf, Hangup, Plain, Policy, Script, SendDtmf, Sms
from orchestrator.core.state import Phase
from orchestrator.errors import LeaseLostError
from orchestrator.runtime.shared import RunResult
from tests.fakes.transport import RawAnswer, Treatment
from tests.property.scenarios import FROM, TO, script_of
from tests.unit.runtime.test_driver import LONG, SHORT, Bench, cancel_at, driving, run

JSON = {"Content-Type": "application/json"}
ERROR = b'{"response": {"error": {"code": 0, "message": "no"}}}'
LOST = Treatment(deliveries=(), cut_after_s=0.1)
REFUSED = Treatment(refused=True)
FORBIDDEN = Treatment(deliveries=(), cut_after_s=0.1, instead=RawAnswer(401, ERROR, JSON))


def throttled(retry_after_s: int) -> Treatment:
    return Treatment(
        deliveries=(), cut_after_s=0.1, instead=RawAnswer(429, ERROR, {**JSON, "Retry-After": str(retry_after_s)})
    )


class Weather(Bench):
    """A bench whose network treats each operation by itself, each request of it in turn."""

    def __init__(self, script: Script, **by_operation: tuple[Treatment, ...]) -> None:
        super().__init__(script)
        self.weather = {Operation[name.upper()]: list(treatments) for name, treatments in by_operation.items()}

    def network(self, request: Request) -> Treatment:
        """Return what happens to the next request of its kind."""
        clean = super().network(request)
        coming = self.weather.get(request.operation)
        return coming.pop(0) if coming else clean

    def times(self, operation: Operation) -> list[float]:
        """Return when requests of a kind reached the wire."""
        return [sent.at_s for sent in self.simulated.sent if sent.request.operation is operation]


def resume(bench: Bench) -> RunResult:
    """Drive the run on in a new process."""
    runner = bench.runner()
    result = bench.drive(runner)
    runner.close()
    return result


def test_deletes_that_come_to_nothing_are_given_up() -> None:
    """After three, with pauses; the run keeps its ending, and a resume tries again."""
    bench = Weather(script_of(SHORT), end=(LOST,) * 3)
    with bench.time.running():
        rested = resume(bench)
        assert rested.rest is not None
        assert rested.rest.code == "unreachable"
        assert rested.state.ending is not None
        assert rested.state.ending.status is Status.COMPLETED
        first, second, third = bench.times(Operation.END)
        assert second - first >= 0.5
        assert third - second > second - first
        result = resume(bench)
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    assert [call["status"] for call in bench.calls()] == ["hangup"]


def test_tries_are_counted_as_the_journal_counts_them() -> None:
    """Over all processes, and with what was tried: the step is given up first, then the hang-up."""
    bench = Weather(script_of(SHORT), command=(REFUSED,) * 100, end=(REFUSED,) * 100)
    with bench.time.running():
        for _ in range(2):
            rested = resume(bench)
            state = rested.state
            assert rested.rest is not None
            assert state.ending is not None
            assert state.pending is not None
            tried = f"hangup, after {state.pending.attempts} tries: not sent"
            assert rested.rest.message.startswith(tried)
    assert state.ending.fault is not None
    assert state.ending.fault.message.startswith("say, after 7 tries: not sent")


def test_a_refused_delete_rests_for_its_key() -> None:
    """401: one try, exit code 77; a resume tries again."""
    bench = Weather(script_of(SHORT), end=(FORBIDDEN,))
    with bench.time.running():
        rested = resume(bench)
        assert rested.rest is not None
        assert (rested.rest.code, exit_code_of_run(rested.state, rested.rest)) == ("authentication", 77)
        assert len(bench.times(Operation.END)) == 1
        result = resume(bench)
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED


@pytest.mark.parametrize("look", [(), (REFUSED,) * 99])
def test_a_callee_is_not_left_to_a_network_that_is_gone(look: tuple[Treatment, ...]) -> None:
    """Steps are tried for as long as he may wait (20 s), in more than five tries; then the call is ended."""
    bench = Weather(script_of(SHORT, SHORT, Hangup()), command=(Treatment(), *(REFUSED,) * 99), look=look)
    result = run(bench)
    tries = [request for request in bench.requests if request.operation is Operation.COMMAND]
    assert len(tries) > 6
    assert result.state.end is not None
    assert result.state.end.fault is not None
    assert (result.state.end.status, result.state.end.fault.code) == (Status.FAILED, "unreachable")
    quiet_s = bench.times(Operation.COMMAND)[0] + 1.2
    assert 10.0 < bench.times(Operation.END)[0] - quiet_s < 22.0
    assert [call["status"] for call in bench.calls()] == ["hangup"]


@pytest.mark.parametrize(("policy", "status"), [(Policy.STOP, Status.UNDECIDED), (Policy.REPEAT, Status.FAILED)])
def test_a_step_that_is_lost_with_the_network(policy: Policy, status: Status) -> None:
    """What must not be repeated becomes a person's to decide, anything else a failure; the call is ended."""
    script = script_of(SendDtmf(Plain("1")), Hangup(), policy=policy)
    bench = Weather(script, command=(Treatment(cut_by_reply=True),), look=(REFUSED,) * 99)
    result = run(bench)
    assert [call["status"] for call in bench.calls()] == ["hangup"]
    ending = result.state.ending
    assert ending is not None
    assert ending.status is status
    assert (result.state.phase is Phase.UNDECIDED) is (status is Status.UNDECIDED)
    assert bench.times(Operation.END)[0] < 26.0


def test_a_wait_the_server_asked_for_is_followed_by_a_try() -> None:
    """12 of the 20 s that the callee may wait: the step is sent once they are over."""
    bench = Weather(script_of(SHORT, SHORT, Hangup()), command=(Treatment(), throttled(12)))
    result = run(bench)
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    _, held, again, *_ = bench.times(Operation.COMMAND)
    assert 12.0 <= again - held < 13.0
    assert bench.heard() == ["one two three", "one two three"]


@pytest.mark.parametrize("kind", ["create", "command"])
def test_a_wait_goes_on_for_the_rest_of_its_time_after_a_resume(kind: str) -> None:
    """A process that dies in the middle of it does not make it longer, and does not cut it short."""
    bench = Weather(script_of(SHORT, Hangup()), **{kind: (throttled(12),)})
    with bench.time.running():
        bench.time.at(7.0, lambda: bench.kill(bench.time.process))
        assert bench.live(None)
        bench.time.sleep(1.0)
        result = resume(bench)
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    held, again, *_ = bench.times(Operation[kind.upper()])
    assert 12.0 <= again - held < 13.0


def test_a_question_whose_answers_are_lost_is_not_asked_for_ever() -> None:
    """A reply without results counts as an unknown outcome: three times in all."""
    empty = RawAnswer(200, b'{"response": {"data": {}}}', JSON)
    script = script_of(GetDtmf(timeout_s=3.0), policy=Policy.REPEAT)
    entries = list(script.entries)
    entries[1] = type(entries[1])(
        element=entries[1].element, digest="asks", written="get_dtmf", save="choice", if_unknown=Policy.REPEAT
    )
    bench = Weather(Script(name="asks", entries=tuple(entries)), command=(Treatment(instead=empty),) * 9)
    result = run(bench)
    assert len(bench.times(Operation.COMMAND)) == 3
    assert result.state.phase is Phase.UNDECIDED


def test_a_cancel_during_a_message_looks_for_no_call() -> None:
    """Only a dial can be ringing: a message that is open has nothing to end."""
    message = Sms(to=Plain(TO), from_=Plain(FROM), message=Plain("Bye."))
    bench = Weather(script_of(SHORT, Hangup(), message), sms=(Treatment(answered_by=None),))
    with driving(bench) as drive:
        cancel_at(bench, 5.0)
        drive()
    assert Operation.LIST not in bench.operations()
    assert Operation.END not in bench.operations()


def test_the_end_of_an_open_call_is_fenced() -> None:
    """A lease lost right before the DELETE leaves: another driver has the call, and ends it or not."""
    bench = Bench(script_of(LONG, Hangup()))
    bench.at_request[3] = bench.steal
    with driving(bench) as drive:
        cancel_at(bench, 10.0)
        with pytest.raises(LeaseLostError):
            drive()
    assert bench.requests[2].operation is Operation.END
    assert bench.operations() == [Operation.CREATE, Operation.COMMAND]
