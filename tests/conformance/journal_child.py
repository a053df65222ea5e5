"""A process of its own that uses a journal, for tests that kill it or let it contend. Talks by lines.

Usage: journal_child.py JOURNAL JOB [RUN_ID]. It says `ready`, waits for one line and then does its job.
"""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.instant import Instant
from orchestrator.core.records import Noticed, RunMarks, RunStarted
from orchestrator.core.settings import Settings
from orchestrator.errors import AlreadyCalledError, JournalError, LeaseHeldError
from orchestrator.ports import ContactClaim

WRITERS = 4


def real_now() -> Instant:
    """Tell the time by this host's clocks."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Instant(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot_id)


def a_start(run_id: str) -> RunStarted:
    """Return the first record of a run of its own number."""
    return RunStarted(
        at=real_now(),
        run_id=run_id,
        script_name="reminder",
        script_digest="0" * 64,
        script_source="",
        script_masked=False,
        script_path=None,
        to="+1" + "".join(str(ord(letter)) for letter in run_id),
        from_="+15555550199",
        variables={},
        secret_names=(),
        settings=Settings(),
    )


@dataclass
class Child:
    """The jobs."""

    path: str
    run_id: str
    says: threading.Lock = field(default_factory=threading.Lock)

    def say(self, line: str) -> None:
        """Write one line, whole."""
        with self.says:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def begin(self) -> SqliteJournal:
        """Open the journal, then wait for the word."""
        journal = SqliteJournal(self.path, now=real_now)
        self.say("ready")
        sys.stdin.readline()
        return journal

    def write(self) -> None:
        """Append from several threads until killed; say each append once it is acknowledged."""
        journal = self.begin()

        def body(name: str) -> None:
            lease = journal.start_run(a_start(name), lease_s=600)
            number = 0
            while True:
                number += 1
                note = Noticed(at=real_now(), code="note", message=str(number))
                journal.append(lease, [note, note], RunMarks(call_id=f"{name}-{number}"))
                self.say(f"{name} {number}")

        for index in range(WRITERS):
            threading.Thread(target=body, args=(f"{self.run_id}-{index}",)).start()

    def take(self) -> None:
        """Take the lease, say whether it went well, and keep it until killed."""
        journal = self.begin()
        try:
            self.say(f"token {journal.acquire(self.run_id, lease_s=600).token}")
        except LeaseHeldError:
            self.say("held")
        sys.stdin.readline()

    def claim(self) -> None:
        """Start a run of the one contact there is, and say whether it went well."""
        journal = self.begin()
        contact = ContactClaim(key="key-1", campaign="spring", occurrence="monday", row_digest="row-1")
        try:
            journal.start_run(a_start(self.run_id), lease_s=600, contact=contact)
            self.say("called")
        except AlreadyCalledError:
            self.say("taken")

    def tick(self) -> None:
        """Take the campaign, say whether it went well, and keep it until killed."""
        journal = self.begin()
        try:
            self.say(f"token {journal.campaigns.take_campaign('spring', lease_s=600).token}")
        except LeaseHeldError:
            self.say("held")
        sys.stdin.readline()

    def fill(self) -> None:
        """Append until the file may not grow, then let it grow again; say what became of each append."""
        journal = self.begin()
        lease = journal.start_run(a_start(self.run_id), lease_s=600)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (128 * 1024, hard))
        number = failures = 0
        while failures < 3:
            number += 1
            note = Noticed(at=real_now(), code="note", message=f"{number} " + "x" * 4000)
            try:
                journal.append(lease, [note], RunMarks())
                self.say(f"kept {number}")
            except JournalError as error:
                self.say(f"failed {number} {error}")
                failures += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        journal.append(lease, [Noticed(at=real_now(), code="note", message=f"{number + 1} again")], RunMarks())
        self.say(f"kept {number + 1}")

    def lock(self) -> None:
        """Hold the write lock until told to let go."""
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self.say("ready")
            sys.stdin.readline()
        self.say("gone")


if __name__ == "__main__":
    child = Child(path=sys.argv[1], run_id=sys.argv[3] if len(sys.argv) > 3 else "run-1")
    getattr(child, sys.argv[2])()
