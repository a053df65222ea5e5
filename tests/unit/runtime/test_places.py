"""A run's requests within the account's limits: the driver waits for its place before it writes the intent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.budget import MARGIN_S, ApiLimits, Demand, RequestLimit
from orchestrator.core.exchange import Operation
from orchestrator.core.records import CancelAsked, Concluded, Intended, Status, Waited
from orchestrator.core.script import Hangup, Plain, Script, SendDtmf
from orchestrator.core.settings import Settings
from orchestrator.errors import JournalError
from orchestrator.runtime.places import Places
from orchestrator.runtime.runner import Runner
from orchestrator.sandbox.callees import Behaviour
from tests.conformance.memory_budget import MemoryBudget
from tests.fakes.transport import Treatment
from tests.property.scenarios import script_of
from tests.property.simulation import RUN_ID
from tests.unit.runtime.test_driver import LONG, SHORT, Bench, driving

TWO_STEPS_IN_10_S = ApiLimits(endpoint=RequestLimit(2, 10.0))


class Limited(Bench):
    """A simulation whose runs keep request limits."""

    def __init__(
        self, script: Script, *treatments: Treatment, limits: ApiLimits = TWO_STEPS_IN_10_S, **fields: Any
    ) -> None:
        super().__init__(script, *treatments, settings=Settings(api_limits=limits), **fields)

    def runner(self, *_: object) -> Runner:
        """Return the runner of a new process, with the budget of its journal."""
        plain = super().runner()
        plain.close()
        self.budget = self.journal.budget_of("account")
        return Runner(
            journal=self.journal,
            transport=self.transport,
            clock=self.time,
            control=self.control,
            new_id=lambda: self.run_id,
            draw=lambda: 0.5,
            lease_s=30.0,
            budget=self.budget,
        )

    def cancel_at(self, seconds: float) -> None:
        """Let a person ask for the end of the call."""
        asked = CancelAsked(at=self.time.now(), why="enough")
        self.time.at(seconds, lambda: self.outsider().put_inbox(RUN_ID, asked))

    def sent_at(self, operation: Operation) -> list[float]:
        """Return when the requests of a kind left."""
        return [sent.at_s for sent in self.transport.log if sent.request.operation is operation]

    def counted(self) -> list[tuple[Operation, float]]:
        """Return what the budget counted, in order of time."""
        found = [one.departure for one in self.simulated.store.requested.values()]
        return sorted(((one.operation, one.wall) for one in found), key=lambda one: one[1])


def fill(bench: Limited, operation: Operation = Operation.COMMAND, *, times: int = 2) -> None:
    """Let other runs use up the places."""
    for _ in range(times):
        bench.budget.take(Demand(operation=operation, limits=TWO_STEPS_IN_10_S), run_id="other")


def failing(take: Callable[..., object], operation: Operation) -> Callable[..., object]:
    """Return a `take` that fails for one operation."""

    def fails(demand: Demand, *, run_id: str) -> object:
        if demand.operation is operation:
            raise JournalError("the disk is full")
        return take(demand, run_id=run_id)

    return fails


def test_the_wait_is_over_before_the_intent_is_written() -> None:
    """The wake time is journalled, the intent only when the request may leave, and nothing lies between it and that."""
    bench = Limited(script_of(SHORT, Hangup()))
    with driving(bench) as drive:
        fill(bench)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    kinds = [[type(record) for record in batch] for batch in bench.simulated.batches]
    assert kinds[1:4] == [[Intended], [Concluded, Waited], [Intended]]
    assert bench.simulated.written_s[4] == pytest.approx(10.0 + MARGIN_S)
    steps = [sent for sent in bench.transport.log if sent.request.operation is Operation.COMMAND]
    assert steps[0].at_s - bench.simulated.written_s[4] < 0.1


def test_every_request_of_a_run_counts_once() -> None:
    """What left, and nothing else, is in the account's books."""
    bench = Limited(script_of(SHORT, Hangup()), Treatment(), Treatment(cut_by_reply=True))
    with driving(bench) as drive:
        drive()
    assert [operation for operation, _ in bench.counted()] == bench.operations()


def test_a_call_is_ended_when_its_callee_would_wait_too_long() -> None:
    """As throttled: by a DELETE, which waits for nobody. The place it had reserved is free again."""
    bench = Limited(script_of(SHORT, Hangup()))
    with driving(bench) as drive:
        fill(bench, times=8)
        result = drive()
    assert bench.operations() == [Operation.CREATE, Operation.END]
    assert result.state.end is not None
    assert result.state.end.fault is not None
    assert result.state.end.fault.code == "throttled"
    assert [operation for operation, _ in bench.counted()].count(Operation.COMMAND) == 8


def test_a_dial_waits_for_as_long_as_it_must() -> None:
    """Nobody hears it: it is tried again when there may be room."""
    bench = Limited(script_of(Hangup()))
    with driving(bench) as drive:
        fill(bench, Operation.CREATE)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    assert bench.transport.log[0].at_s >= 10.0


def test_a_wait_is_broken_off_by_a_signal() -> None:
    """No new dial is made, and what was not begun rests."""
    bench = Limited(script_of(Hangup()))
    with driving(bench) as drive:
        fill(bench, Operation.CREATE)
        bench.time.at(3.0, lambda: bench.control.stop(grace_s=5.0, why="a signal"))
        result = drive()
    assert bench.operations() == []
    assert result.rest is not None
    assert result.rest.code == "stopped"
    assert bench.time.seconds < 5.0


def test_a_look_waits_for_its_place_too() -> None:
    """After a resume: the look that comes first is counted and kept back like everything else."""
    bench = Limited(script_of(SHORT, SHORT, Hangup()))
    bench.time.at(2.0, lambda: bench.kill(bench.time.process))
    with bench.time.running():
        assert bench.live(None)
        runner = bench.runner()
        fill(bench, Operation.LOOK)
        began = bench.time.seconds
        bench.drive(runner)
        runner.close()
    looks = [sent for sent in bench.transport.log if sent.request.operation is Operation.LOOK]
    assert looks[0].at_s >= began + 10.0


def test_the_list_of_a_lost_dial_waits_for_its_place_too() -> None:
    """It is asked for when the limits let it through, and uses its place up."""
    bench = Limited(script_of(Hangup()), Treatment(cut_by_reply=True))
    with driving(bench) as drive:
        fill(bench, Operation.LIST)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    lists = [sent.at_s for sent in bench.transport.log if sent.request.operation is Operation.LIST]
    assert lists[0] >= 10.0
    assert len(lists) > 3
    assert all(later - earlier >= 10.0 + MARGIN_S / 2 for earlier, later in zip(lists, lists[2:], strict=False))


def test_the_look_while_a_dangerous_step_runs_waits_for_its_place_too() -> None:
    """It is made when the limits let it through, if the step still runs then."""
    keys = SendDtmf(Plain("1" * 100))  # 20 s
    bench = Limited(script_of(keys, Hangup()))
    with driving(bench) as drive:
        fill(bench, Operation.LOOK)
        drive()
    assert bench.sent_at(Operation.LOOK) == [pytest.approx(10.0 + MARGIN_S, abs=0.1)]
    assert [operation for operation, _ in bench.counted()].count(Operation.LOOK) == 3


def test_a_look_that_came_to_nothing_gives_its_place_back() -> None:
    """The step was over before its turn came."""
    bench = Limited(script_of(SendDtmf(Plain("123456")), Hangup()))
    with driving(bench) as drive:
        fill(bench, Operation.LOOK)
        drive()
    assert bench.sent_at(Operation.LOOK) == []
    assert [operation for operation, _ in bench.counted()].count(Operation.LOOK) == 2


def test_who_is_told_something_while_it_waits_to_list_is_heard_and_waits_on() -> None:
    """A cancel of a lost dial needs the list, too: it makes no request more than the limits allow."""
    bench = Limited(script_of(Hangup()), Treatment(cut_by_reply=True))
    with driving(bench) as drive:
        fill(bench, Operation.LIST)
        bench.cancel_at(4.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert bench.sent_at(Operation.LIST)[0] >= 10.0


def test_a_signal_ends_the_wait_for_a_list() -> None:
    """The lost dial is left to whoever resumes."""
    bench = Limited(script_of(Hangup()), Treatment(cut_by_reply=True))
    with driving(bench) as drive:
        fill(bench, Operation.LIST)
        bench.time.at(3.0, lambda: bench.control.stop(grace_s=1.0, why="a signal"))
        result = drive()
    assert result.rest is not None
    assert result.rest.code == "stopped"
    assert bench.sent_at(Operation.LIST) == []
    assert bench.time.seconds < 6.0


def test_a_cancel_while_it_rings_waits_for_the_place_of_its_list() -> None:
    """Only the list of calls tells which call it is that rings; the DELETE itself waits for nobody, and is counted."""
    bench = Limited(script_of(Hangup()), callee=Behaviour(after=25.0))
    with driving(bench) as drive:
        fill(bench, Operation.LIST)
        bench.cancel_at(1.0)
        drive()
    assert bench.sent_at(Operation.LIST)[0] == pytest.approx(10.0 + MARGIN_S, abs=0.1)
    assert bench.sent_at(Operation.END)[0] < 10.5
    operations = [operation for operation, _ in bench.counted()]
    assert operations.count(Operation.END) == len(bench.sent_at(Operation.END))


def test_a_cancel_whose_dial_comes_back_first_asks_for_no_list() -> None:
    """The dial's own reply names the call."""
    bench = Limited(script_of(LONG, Hangup()), callee=Behaviour(after=3.0))
    with driving(bench) as drive:
        fill(bench, Operation.LIST)
        bench.cancel_at(1.0)
        drive()
        bench.time.sleep(20.0)
    assert bench.operations() == [Operation.CREATE, Operation.END]


def test_a_delete_that_cannot_be_counted_leaves_all_the_same() -> None:
    """Beside an open sentence, with a journal that keeps no books any more."""
    bench = Limited(script_of(LONG, Hangup()))
    with driving(bench) as drive:
        vars(bench.budget)["take"] = failing(bench.budget.take, Operation.END)
        bench.cancel_at(10.0)
        result = drive()
    assert result.state.end is not None
    assert result.state.end.status is Status.CANCELLED
    assert bench.sent_at(Operation.END)[0] < 11.0


def test_a_journal_that_fails_while_a_place_is_taken_ends_the_call() -> None:
    """By the one request that asks nobody."""
    bench = Limited(script_of(SHORT, Hangup()))
    with driving(bench) as drive:
        vars(bench.budget)["take"] = failing(bench.budget.take, Operation.COMMAND)
        with pytest.raises(JournalError):
            drive()
    assert bench.operations() == [Operation.CREATE, Operation.END]


@contextmanager
def full_books() -> Iterator[tuple[Limited, Places, Demand]]:
    """Yield the places of a run, and a step for which there is none at the moment."""
    bench = Limited(script_of(Hangup()))
    with bench.time.running():
        bench.runner().close()
        fill(bench)
        places = Places(bench.budget, clock=bench.time, run_id="run-1")
        yield bench, places, Demand(operation=Operation.COMMAND, limits=TWO_STEPS_IN_10_S)


def test_a_place_is_kept_until_its_moment_and_used_once() -> None:
    """Asking again before it leaves it as it is; asking for something else gives it back."""
    with full_books() as (bench, places, step):
        until = places.wait_until(step)
        assert until is not None
        bench.time.sleep(4.0)
        assert places.wait_until(step) == until
        assert len(bench.counted()) == 3
        bench.time.sleep(until.since(bench.time.now()))
        assert places.wait_until(step) is None
        assert len(bench.counted()) == 3
        fill(bench)
        assert places.wait_until(step) is not None
        assert places.wait_until(replace(step, operation=Operation.END)) is None
        assert [operation for operation, _ in bench.counted()].count(Operation.COMMAND) == 5


def test_a_place_that_was_slept_over_is_asked_for_anew() -> None:
    """Others were told that there is room since its moment: who leaves now counts from now on."""
    with full_books() as (bench, places, step):
        assert places.wait_until(step) is not None
        bench.time.sleep(15.0)
        assert places.wait_until(step) is None
        assert bench.counted()[-1][1] == bench.time.now().wall
        assert len(bench.counted()) == 3


def test_nobody_is_sent_back_for_being_late_twice() -> None:
    """Found by simulation: on a machine that wakes everybody late two runs gave their places back for ever."""
    with full_books() as (bench, places, step):
        late = 2 * MARGIN_S
        for left in (False, True, False, True):  # and then it is sent back once more
            until = places.wait_until(step)
            assert until is not None
            bench.time.sleep(max(until.since(bench.time.now()), 0.0) + late)
            if not left:
                fill(bench, times=2)  # others have taken what was free meanwhile
            else:
                assert places.wait_until(step) is None
                fill(bench, times=2)


def test_a_batch_is_told_when_there_is_room() -> None:
    """None means now, also where no limits are kept at all."""
    bench = Limited(script_of(Hangup()))
    dial = Demand(operation=Operation.CREATE, limits=TWO_STEPS_IN_10_S)
    with bench.time.running():
        runner = bench.runner()
        assert runner.room_for(dial) is None
        fill(bench, Operation.CREATE)
        assert runner.room_for(dial) == bench.time.now().plus(10.0 + MARGIN_S)
        runner.close()
        unlimited = super(Limited, bench).runner()
        assert unlimited.room_for(dial) is None
        unlimited.close()


def test_the_budget_is_one_of_the_journal() -> None:
    """Processes of one store share it."""
    bench = Limited(script_of(Hangup()))
    with bench.time.running():
        bench.runner().close()
    fill(bench)
    other = bench.outsider().budget_of("account")
    assert isinstance(other, MemoryBudget)
    assert other.take(Demand(operation=Operation.COMMAND, limits=TWO_STEPS_IN_10_S), run_id="x").wall > 0
