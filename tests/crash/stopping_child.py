"""A process that drives one run and stops itself with SIGSTOP at a chosen journal boundary. Started by the crash tests.

    python stopping_child.py URL JOURNAL SCRIPT LEASE BOUNDARY before|after

It is the real program; only the journal is told to stop the process right before, or right after, its Nth append.
Woken, it goes on as if nothing had been, and exits with the code of what it met.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.compose import Orchestrator
from orchestrator.core.records import Record, RunMarks
from orchestrator.errors import OrchestratorError
from orchestrator.ports import Lease
from orchestrator.scriptfile import load_script


class StoppingJournal(SqliteJournal):
    """The real journal, which stops its process at one append."""

    boundary = 0
    when = "never"
    passed = 0

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append."""
        self.passed += 1
        self._stop("before")
        super().append(lease, records, marks)
        self._stop("after")

    def _stop(self, where: str) -> None:
        if self.passed == self.boundary and where == self.when:
            # Never within a transaction of its heartbeat: stopped there, it would keep everybody from the journal.
            self._writer.apart(lambda _: os.kill(os.getpid(), signal.SIGSTOP))


def main() -> int:
    """Drive the run; return the exit code."""
    url, journal, script, lease, boundary, when = sys.argv[1:]
    orchestrator = Orchestrator(api_url=url, journal=journal, settings={"lease": lease})
    stopping = StoppingJournal(journal, now=orchestrator.clock.now)
    stopping.boundary, stopping.when = int(boundary), when
    orchestrator._parts._journal = stopping
    try:
        orchestrator.run(load_script(script), to="+15555550123")
    except OrchestratorError as error:
        sys.stdout.write(f"{type(error).__name__}\n")
        return error.exit_code
    finally:
        orchestrator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
