"""The heartbeat: one thread for all runs, which renews their leases and brings them their mail."""

from __future__ import annotations

import logging

import pytest

from orchestrator.core.records import CancelAsked, Status
from orchestrator.core.script import Hangup
from orchestrator.ports import RunSummary
from orchestrator.runtime.heartbeat import Heartbeat
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.virtual_time import VirtualTime
from tests.property.scenarios import script_of
from tests.property.simulation import RUN_ID
from tests.unit.runtime.test_driver import LONG, Bench


def test_it_rests_while_there_is_nothing_to_drive() -> None:
    """Between two runs of one process nothing is asked of the journal; a heartbeat that never began can be stopped."""
    bench = Bench(script_of(LONG, Hangup()))
    asked: list[float] = []
    with bench.time.running():
        runner = bench.runner()
        bench.drive(runner)
        waiting = bench.journal.inbox_waiting

        def count(run_ids: list[str]) -> frozenset[str]:
            asked.append(bench.time.seconds)
            return waiting(run_ids)

        bench.journal.inbox_waiting = count  # type: ignore[method-assign, assignment]
        bench.time.sleep(60.0)
        assert asked == []
        runner.close()
    time = VirtualTime()
    Heartbeat(journal=MemoryJournal(now=time.now), clock=time, lease_s=30.0).stop()


def test_it_serves_every_run_of_the_process() -> None:
    """A second run is watched by the same thread: its mail arrives."""
    bench = Bench(script_of(LONG, Hangup()))
    with bench.time.running():
        runner = bench.runner()
        bench.time.at(10.0, lambda: bench.outsider().put_inbox(RUN_ID, CancelAsked(at=bench.time.now())))
        first = bench.drive(runner)
        bench.run_id = "run-2"
        begun_s = bench.time.seconds
        bench.time.at(begun_s + 10.0, lambda: bench.outsider().put_inbox("run-2", CancelAsked(at=bench.time.now())))
        second = bench.drive(runner)
        runner.close()
    for result in (first, second):
        assert result.state.end is not None
        assert result.state.end.status is Status.CANCELLED
    assert bench.time.seconds - begun_s < 12.0


def test_reap_passes_over_a_run_that_another_process_has_just_taken() -> None:
    """Between the list of runs and the lease."""
    bench = Bench(script_of(LONG, Hangup()))
    bench.time.at(5.0, lambda: bench.kill(bench.time.process))
    with bench.time.running():
        assert bench.live(None)
        bench.time.sleep(300.0)
        runner = bench.runner()
        listed = list(bench.journal.runs(unfinished=True))

        def runs(*, unfinished: bool = False) -> list[RunSummary]:
            assert unfinished
            bench.outsider().acquire(RUN_ID, lease_s=30.0)
            return listed

        bench.journal.runs = runs  # type: ignore[method-assign, assignment]
        assert runner.reap() == []
        runner.close()


def test_it_outlives_what_goes_wrong(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the journal's library, or of one run, is logged; the lease of a long call is kept all the same."""
    bench = Bench(script_of(LONG, LONG, Hangup()))
    broken = [True, True, True]
    with bench.time.running(), caplog.at_level(logging.ERROR, logger="orchestrator"):
        runner = bench.runner()
        renew, check = bench.journal.renew, bench.control.must_end

        def fails_at_first(*leases: object, **options: float) -> frozenset[str]:
            if broken and broken.pop():
                raise ZeroDivisionError("not a JournalError")
            return renew(*leases, **options)  # type: ignore[arg-type]

        def fails_once(now: object) -> str | None:
            if len(broken) == 3 and bench.time.seconds > 3.0:
                broken.pop()
                raise ZeroDivisionError("in a tick")
            return check(now)  # type: ignore[arg-type]

        bench.journal.renew = fails_at_first  # type: ignore[method-assign, assignment]
        bench.control.must_end = fails_once  # type: ignore[method-assign, assignment]
        result = bench.drive(runner)
        runner.close()
    assert result.state.end is not None
    assert result.state.end.status is Status.COMPLETED
    told = [record.getMessage() for record in caplog.records]
    assert "the heartbeat could not ask the journal; it goes on" in told
    assert f"the heartbeat of run {RUN_ID} met an error; it goes on" in told
