"""What one step costs the journal: appends a second by 1 and by 32 threads, against one transaction for each append.

Each append is what a step writes: the outcome of one request and the intent of the next. "alone" wraps the same journal
in a lock, so that no two runs share a transaction; the rest of the work is the same, so the difference is the group
commit. Run it with `python benchmarks/commit.py`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from measuring import machine, table

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import Concluded, Cursor, Intended, Record, ReplayClass, RunMarks, RunStarted
from orchestrator.core.settings import Settings
from orchestrator.ports import Lease

MANY = 32
CALL = CallSeen(call_id="7b9ec4f4-6a6e-4a5f-8f0c-7ad1c7a6f9d1", status="ready", to="+15555560000", from_="+15555550199")
MARKS = RunMarks(call_id=CALL.call_id, claims_dial=False)

Append = Callable[[Lease, list[Record]], None]


@dataclass(frozen=True, slots=True)
class Writers:
    """So many threads, each appending to a run of its own."""

    journal: SqliteJournal
    clock: SystemClock
    threads: int

    def rate(self, append: Append, *, appends: int) -> float:
        """Return the appends a second of all threads together; each makes `appends`."""
        leases = [self.journal.start_run(started(self.clock.now()), lease_s=600) for _ in range(self.threads)]

        def write(lease: Lease) -> None:
            for at in range(appends):
                append(lease, step_records(self.clock.now(), at))

        with ThreadPoolExecutor(self.threads) as pool:
            began = time.perf_counter()
            for done in [pool.submit(write, lease) for lease in leases]:
                done.result()
            return self.threads * appends / (time.perf_counter() - began)


def started(now: Instant) -> RunStarted:
    """Return the first record of a run of its own."""
    return RunStarted(
        at=now,
        run_id=str(uuid.uuid4()),
        script_name="benchmark",
        script_digest="0" * 64,
        script_source="",
        script_masked=False,
        script_path=None,
        to="",
        from_="+15555550199",
        variables={},
        secret_names=(),
        settings=Settings(),
    )


def step_records(now: Instant, at: int) -> list[Record]:
    """Return what one step writes."""
    outcome = Concluded(
        at=now,
        outcome=Outcome.DONE,
        reason="the API answered 200",
        first_byte=now,
        status=200,
        call=CALL,
        results=(CommandResult(command="say"),),
        clock_skew_s=0.1,
    )
    intent = Intended(
        at=now,
        operation=Operation.COMMAND,
        attempt=1,
        start=Cursor(at),
        after=Cursor(at + 1),
        commands=("say",),
        command_entries=(at,),
        digests={str(at): "0" * 64},
        replay_class=ReplayClass.HEARD,
        shortest_s=3.5,
        longest_s=12.5,
        read_timeout_s=17.5,
        call_id=CALL.call_id,
    )
    return [outcome, intent]


def variants(journal: SqliteJournal) -> dict[str, Append]:
    """Return how to append: together with other threads, or each in a transaction of its own."""
    lock = threading.Lock()

    def together(lease: Lease, records: list[Record]) -> None:
        journal.append(lease, records, MARKS)

    def alone(lease: Lease, records: list[Record]) -> None:
        with lock:
            journal.append(lease, records, MARKS)

    return {"alone": alone, "together": together}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each variant is measured")
    parser.add_argument("--appends", type=int, default=1600, help="appends of one measurement, all threads together")
    parser.add_argument("--quick", action="store_true", help="only see that it works: short, and no figures to quote")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journal is made")
    options = parser.parse_args()
    appends, rounds = (64, 1) if options.quick else (options.appends, options.rounds)
    rates: dict[tuple[int, str], list[float]] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        print(f"{machine(Path(name))}; {rounds} rounds\n")
        clock = SystemClock()
        journal = SqliteJournal(Path(name) / "journal.db", now=clock.now)
        for _ in range(rounds):
            for threads in (1, MANY):
                writers = Writers(journal, clock, threads)
                for label, append in variants(journal).items():
                    rate = writers.rate(append, appends=max(appends // threads, 1))
                    rates.setdefault((threads, label), []).append(rate)
        journal.close()
    rows = []
    for threads in (1, MANY):
        alone, together = rates[threads, "alone"], rates[threads, "together"]
        ratio = statistics.median(mine / theirs for mine, theirs in zip(together, alone, strict=True))
        rows.append(
            [str(threads), f"{statistics.median(alone):,.0f}", f"{statistics.median(together):,.0f}", f"{ratio:.2f}"]
        )
    print(table(["threads", "one transaction each, appends/s", "shared, appends/s", "ratio"], rows))


if __name__ == "__main__":
    main()
