"""A process that drives one run and is killed with SIGKILL at a chosen journal boundary. Started by the crash tests.

    python child.py URL JOURNAL SCRIPT BOUNDARY before|after run|RUN_ID

It is the real program; only the journal is told to kill the process right before, or right after, its Nth append.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.compose import Orchestrator
from orchestrator.core.records import Record, RunMarks, RunStarted
from orchestrator.ports import Lease
from orchestrator.scriptfile import load_script


class KillingJournal(SqliteJournal):
    """The real journal, which kills its process at one boundary."""

    boundary = 0
    when = "never"
    passed = 0

    def start_run(self, started: RunStarted, **options: Any) -> Lease:
        """Create the run: boundary 1."""
        self._die("before")
        lease = super().start_run(started, **options)
        self._die("after")
        return lease

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append: boundaries 2 and on."""
        self._die("before")
        super().append(lease, records, marks)
        self._die("after")

    def _die(self, where: str) -> None:
        if where == "before":
            self.passed += 1
        if self.passed == self.boundary and where == self.when:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Drive the run, or what is left of it."""
    url, journal, script, boundary, when, run_id = sys.argv[1:]
    orchestrator = Orchestrator(api_url=url, journal=journal)
    killing = KillingJournal(journal, now=orchestrator.clock.now)
    killing.boundary, killing.when = int(boundary), when
    orchestrator._parts._journal = killing
    if run_id == "run":
        orchestrator.run(load_script(script), to="+15555550123")
    else:
        orchestrator.resume(run_id)
    sys.stdout.write(f"{killing.passed}\n")
    orchestrator.close()


if __name__ == "__main__":
    main()
