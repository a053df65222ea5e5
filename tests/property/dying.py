"""What a simulated process has of the world: a journal at which it may die, and books of which notes are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.budget import Demand
from orchestrator.core.records import Record, RunMarks, RunStarted
from orchestrator.errors import JournalError, LeaseLostError
from orchestrator.ports import Lease, Place
from tests.conformance.memory_budget import MemoryBudget
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.virtual_time import KilledError, Process
from tests.property.scenarios import Crash

if TYPE_CHECKING:
    from tests.property.simulation import World


class DyingJournal(MemoryJournal):
    """A memory journal whose process may die at an append, or whose disk is full from then on."""

    def __init__(self, world: World, process: Process, crash: Crash | None) -> None:
        super().__init__(now=world.time.now, store=world.simulated.store, process=process.name)
        self._world = world
        self._dying = process
        self._crash = crash
        self._count = 0
        self.failed = False
        if crash is not None and crash.disk_full and crash.append is not None:
            self.fail_after(max(crash.append - 1, 0), takes_effect=crash.takes_effect)

    def start_run(self, started: RunStarted, **options: Any) -> Lease:
        """Create the run, or die."""
        assert options.get("contact") is None, "simulations have no batches"
        self._perhaps_die(takes_effect=False)
        lease = super().start_run(started, **options)
        self._world.begins(started)
        self._perhaps_die(takes_effect=True)
        return lease

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append, or die."""
        self._perhaps_die(takes_effect=False)
        run = self.store.runs[lease.run_id]
        before = len(run.texts)
        try:
            super().append(lease, records, marks)
        except LeaseLostError:
            raise
        except JournalError:
            if not self.failed:
                self._world.simulated.disk_full.append((self._world.time.seconds, before))
            self.failed = True
            raise
        finally:
            if len(run.texts) > before and lease.run_id == self._world.run_id:
                self._world.on_disk(records)
        self._perhaps_die(takes_effect=True)

    def _perhaps_die(self, *, takes_effect: bool) -> None:
        """End the process, if this append is its last deed, before or after it is on disk."""
        crash = self._crash
        if (
            crash is not None
            and (crash.append, crash.takes_effect) == (self._count, takes_effect)
            and not (crash.disk_full or self._dying.killed)
        ):
            self._world.kill(self._dying)
            raise KilledError(self._dying.name)
        self._count += takes_effect


class NotedBudget:
    """The request limits of the account, with a note of each place."""

    def __init__(self, budget: MemoryBudget, world: World) -> None:
        self._budget = budget
        self._world = world
        self.give_back = budget.give_back
        self.room_at = budget.room_at

    def take(self, demand: Demand, *, run_id: str) -> Place:
        """Reserve a place."""
        place, now = self._budget.take(demand, run_id=run_id), self._world.time.now()
        if place.number is not None:
            moment_s = now.plus(place.wall - now.wall).boot_s
            self._world.simulated.asked.append((now.boot_s, moment_s, demand.operation))
        return place
