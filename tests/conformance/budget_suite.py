"""The rules of the port `RequestBudget`, for every implementation."""

from __future__ import annotations

import pytest

from orchestrator.core.budget import ASK_AGAIN_S, MARGIN_S, ApiLimits, Demand, RequestLimit
from orchestrator.core.exchange import Operation
from orchestrator.core.records import RunMarks
from orchestrator.ports import Place, RequestBudget
from tests.conformance.journal_bench import LEASE_S, Bench, a_start, at_once

TWO_IN_10_S = ApiLimits(endpoint=RequestLimit(2, 10.0))
STEP = Demand(operation=Operation.COMMAND, limits=TWO_IN_10_S)
END = Demand(operation=Operation.END, limits=TWO_IN_10_S)
ALL_LIMITED = ApiLimits(account=RequestLimit(2, 10.0))
DIAL = Demand(operation=Operation.CREATE, limits=ApiLimits(endpoint=RequestLimit(2, 10.0)), call_per_s=0.15)


class BudgetSuite:
    """Subclasses give the fixture `bench`."""

    @pytest.fixture
    def budget(self, bench: Bench) -> RequestBudget:
        """Return the account's limits as this process sees them."""
        return bench.open().budget_of("account")

    def test_places_follow_each_other_as_the_limit_has_it(self, bench: Bench, budget: RequestBudget) -> None:
        """The first two leave at once, the next two a window later: in the order in which they ask."""
        begun = bench.now().wall
        waits = [budget.take(STEP, run_id="run-1").wall - begun for _ in range(5)]
        window_s = 10.0 + MARGIN_S
        assert waits == pytest.approx([0, 0, window_s, window_s, 2 * window_s])

    def test_processes_share_a_budget(self, bench: Bench, budget: RequestBudget) -> None:
        """What another process took is taken."""
        other = bench.open("other").budget_of("account")
        other.take(STEP, run_id="run-2")
        budget.take(STEP, run_id="run-1")
        assert other.take(STEP, run_id="run-2").wall > bench.now().wall

    def test_no_two_threads_get_the_same_place(self, bench: Bench, budget: RequestBudget) -> None:
        """However many ask at once, as many leave in a window as the limit says."""
        begun = bench.now().wall
        places: list[Place] = []
        assert at_once(10, lambda number: places.append(budget.take(STEP, run_id=f"run-{number}"))) == [None] * 10
        waits = sorted(place.wall - begun for place in places)
        assert waits == pytest.approx([turn // 2 * (10.0 + MARGIN_S) for turn in range(10)])

    def test_accounts_are_apart(self, bench: Bench, budget: RequestBudget) -> None:
        """Another account's requests count towards its own limits."""
        for _ in range(2):
            budget.take(STEP, run_id="run-1")
        assert bench.open().budget_of("another").take(STEP, run_id="run-2").wall == bench.now().wall

    def test_an_end_never_waits_and_counts(self, bench: Bench, budget: RequestBudget) -> None:
        """Hang-ups go before all; the account's limit knows of them."""
        now = bench.now().wall
        assert [budget.take(END, run_id="run-1").wall for _ in range(4)] == [now] * 4
        step = Demand(operation=Operation.COMMAND, limits=ALL_LIMITED)
        assert budget.take(step, run_id="run-1").wall > now

    def test_a_place_given_back_is_free(self, bench: Bench, budget: RequestBudget) -> None:
        """Whoever gives up waiting keeps nobody else waiting."""
        for _ in range(2):
            budget.take(STEP, run_id="run-1")
        place = budget.take(STEP, run_id="run-1")
        budget.give_back(place)
        assert budget.take(STEP, run_id="run-2").wall == place.wall
        budget.give_back(Place(bench.now().wall, None))

    def test_a_window_later_all_is_free(self, bench: Bench, budget: RequestBudget) -> None:
        """Only the last window counts."""
        for _ in range(2):
            budget.take(STEP, run_id="run-1")
        bench.now.move(120)
        assert budget.take(STEP, run_id="run-1").wall == bench.now().wall

    def test_a_dial_comes_after_the_steps_of_live_calls(self, bench: Bench, budget: RequestBudget) -> None:
        """It reserves nothing ahead: a step that asks later goes first."""
        dial = Demand(operation=Operation.CREATE, limits=ALL_LIMITED)
        step = Demand(operation=Operation.COMMAND, limits=ALL_LIMITED)
        for _ in range(2):
            budget.take(step, run_id="run-1")
        refused = budget.take(dial, run_id="run-2")
        assert refused.number is None
        assert refused.wall > bench.now().wall
        assert [budget.take(step, run_id="run-1").wall for _ in range(2)] == [refused.wall] * 2
        bench.now.move(refused.wall - bench.now().wall)
        assert budget.take(dial, run_id="run-2").number is None

    def test_a_dial_waits_while_live_calls_leave_no_room(self, bench: Bench, budget: RequestBudget) -> None:
        """0.2 requests a second carry one call of 0.15, not two; a run that holds a place to dial counts as live."""
        journal = bench.open()
        leases = [
            journal.start_run(a_start(bench, f"run-{number}", to=f"+1555555010{number}"), lease_s=LEASE_S)
            for number in (1, 2)
        ]
        assert budget.take(DIAL, run_id="run-1").number is not None
        assert budget.take(DIAL, run_id="run-2") == Place(bench.now().wall + ASK_AGAIN_S, None)
        journal.append(leases[0], [], RunMarks(call_id="call-1", claims_dial=False))
        assert budget.take(DIAL, run_id="run-2").number is None
        journal.append(leases[0], [], RunMarks(ended=True, claims_dial=False))
        assert budget.take(DIAL, run_id="run-2").number is not None

    def test_a_run_that_nobody_drives_is_no_live_call(self, bench: Bench, budget: RequestBudget) -> None:
        """A lease whose time is over stands for no requests."""
        lease = bench.open().start_run(a_start(bench), lease_s=LEASE_S)
        bench.open().append(lease, [], RunMarks(call_id="call-1", claims_dial=False))
        assert budget.take(DIAL, run_id="run-2").number is None
        bench.now.move(LEASE_S + 1)
        assert budget.take(DIAL, run_id="run-2").number is not None

    def test_a_batch_sees_beforehand_that_there_is_no_room(self, bench: Bench, budget: RequestBudget) -> None:
        """Runs that are about to dial count, too; asking reserves nothing."""
        now = bench.now().wall
        assert [budget.room_at(DIAL) for _ in range(4)] == [now] * 4
        bench.open().start_run(a_start(bench), lease_s=LEASE_S)
        assert budget.room_at(DIAL) > now
