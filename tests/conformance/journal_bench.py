"""What tests of journals share: a clock they move, processes they kill, and records they can tell apart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.instant import Instant
from orchestrator.core.records import Noticed, RunMarks, RunStarted
from orchestrator.core.settings import Settings
from orchestrator.errors import OrchestratorError
from orchestrator.ports import CampaignStore, Journal, PathStore, RequestBudget

LEASE_S = 30.0
A_BIT = 0.001
NUMBER = "+15555550100"
SETTLED = RunMarks(claims_dial=False)


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self._moment = Instant(1_700_000_000.0, 1_000.0, "boot-1")

    def __call__(self) -> Instant:
        """Tell the time."""
        return self._moment

    def move(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._moment = self._moment.plus(seconds)

    def set_date(self, seconds: float) -> None:
        """Set the wall clock ahead by `seconds`; the boot clock goes on."""
        self._moment = replace(self._moment, wall=self._moment.wall + seconds)

    def reboot(self) -> None:
        """Start the boot clock anew."""
        self._moment = replace(self._moment, boot_s=1.0, boot_id=self._moment.boot_id + "+")


class JournalFile(Journal, Protocol):
    """A journal with the campaigns of the same file."""

    @property
    def campaigns(self) -> CampaignStore:
        """The campaigns."""

    @property
    def paths(self) -> PathStore:
        """What is known of the ways to APIs."""

    def budget_of(self, account: str) -> RequestBudget:
        """Return the request limits of an account."""


class Bench(Protocol):
    """One journal file, seen by several processes of one host."""

    now: Hands

    def open(self, process: str = "this") -> JournalFile:
        """Open the journal as that process does."""

    def kill(self, process: str) -> None:
        """End that process without a word."""


def a_start(bench: Bench, run_id: str = "run-1", *, to: str = NUMBER) -> RunStarted:
    """Return the first record of a run that starts now."""
    return RunStarted(
        at=bench.now(),
        run_id=run_id,
        script_name="reminder",
        script_digest="0" * 64,
        script_source="version: 1",
        script_masked=False,
        script_path=None,
        to=to,
        from_="+15555550199",
        variables={"patient": "Ada", "tries": 2},
        secret_names=("pin",),
        settings=Settings(),
    )


def a_note(bench: Bench, number: int) -> Noticed:
    """Return some record that a test can tell from others."""
    return Noticed(at=bench.now(), code="note", message=f"number {number}")


def problems_of(journal: SqliteJournal) -> list[str]:
    """Return what the check finds, but for the marks: tests of the file alone set some that say nothing true."""
    return [each for each in journal.check_integrity() if not each.endswith("is not what its records say.")]


def at_once(threads: int, work: Callable[[int], object]) -> list[OrchestratorError | None]:
    """Run `work(0)`, `work(1)`, … in as many threads, begun together; return what each raised."""
    errors: list[OrchestratorError | None] = [None] * threads
    start = threading.Barrier(threads)

    def body(number: int) -> None:
        start.wait()
        try:
            work(number)
        except OrchestratorError as error:
            errors[number] = error

    workers = [threading.Thread(target=body, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return errors
