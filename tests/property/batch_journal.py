"""The journal of one process of a simulated batch: in memory, and the process may die at any write."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchestrator.core.records import Record, RunMarks, RunStarted
from orchestrator.errors import JournalError, LeaseLostError
from orchestrator.ports import CampaignLease, Lease, Standing
from tests.conformance.memory_campaigns import MemoryCampaigns
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.virtual_time import KilledError, Process
from tests.property.scenarios import Crash

if TYPE_CHECKING:
    from tests.property.batch_simulation import BatchWorld


class BatchJournal(MemoryJournal):
    """A memory journal whose process may die at a write, or whose disk is full from then on."""

    def __init__(self, world: BatchWorld, process: Process, crash: Crash | None) -> None:
        super().__init__(now=world.time.now, store=world.simulated.store, process=process.name)
        self._world = world
        self._dying = process
        self._crash = crash
        self._count = 0
        self.failed = False
        self.campaigns = _DyingCampaigns(self, self.store, self._using, now=world.time.now, process=process.name)

    def start_run(self, started: RunStarted, **options: Any) -> Lease:
        """Create the run, or die."""
        with self.writing():
            lease = super().start_run(started, **options)
            self._world.begun(started, self._dying)
        return lease

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append, or die."""
        run = self._world.simulated.runs[lease.run_id]
        before = len(run.records)
        try:
            with self.writing():
                super().append(lease, records, marks)
                self._world.on_disk(lease.run_id, records)
        except LeaseLostError:
            raise
        except JournalError:
            run.disk_full.append((self._world.time.seconds, before))
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """End the process, if this write is its last deed, before or after it is on disk; or let it fail."""
        mine = self._crash is not None and self._crash.append == self._count
        full = self._crash is not None and self._crash.disk_full
        takes_effect = self._crash is not None and self._crash.takes_effect
        if self.failed or (mine and full and not takes_effect):
            self._fail()
        if mine and not full and not takes_effect:
            self._die()
        yield
        self._count += 1
        if mine and takes_effect:
            if full:
                self._fail()
            self._die()

    def noted(self, standings: Collection[Standing]) -> None:
        """Remember why contacts wait."""
        self._world.simulated.reasons.update(dict.fromkeys(each.reason for each in standings if each.reason))

    def _fail(self) -> None:
        if not self.failed:
            self._world.tell(f"{self._dying.name} cannot write any more")
        self.failed = True
        raise JournalError("The disk is full, as the simulation wanted.")

    def _die(self) -> None:
        self._world.kill(self._dying)
        raise KilledError(self._dying.name)

    @contextmanager
    def _using(self) -> Iterator[None]:
        if self._dying.killed:
            raise KilledError(self._dying.name)
        with super()._using():
            yield


class _DyingCampaigns(MemoryCampaigns):
    """The campaigns of such a journal."""

    def __init__(self, journal: BatchJournal, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._journal = journal

    def take_campaign(self, campaign: str, *, lease_s: float) -> CampaignLease:
        """Take it, or die."""
        with self._journal.writing():
            return super().take_campaign(campaign, lease_s=lease_s)

    def note_file(self, campaign: str, *, occurrence: str, content_digest: str, now_wall: float) -> None:
        """Note it, or die."""
        with self._journal.writing():
            super().note_file(campaign, occurrence=occurrence, content_digest=content_digest, now_wall=now_wall)

    def put(self, standings: Collection[Standing]) -> None:
        """Write them, or die."""
        if standings:
            with self._journal.writing():
                super().put(standings)
            self._journal.noted(standings)
