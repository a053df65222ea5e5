"""How many events a second the receiver takes, each acknowledged only once the journal has it on disk.

It is the real `orchestrator serve` as a process of its own; this process sends it events of runs that wait for them,
over connections that stay open, as a gateway does. "as fast as it can" has 64 requests open at all times; "at a pace"
sends at moments fixed beforehand and counts the time from those, so that nothing is hidden by a sender that waits.
Run it with `python benchmarks/events.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, cycle, islice, product
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from commit import started
from measuring import machine, percentile, table

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import RunMarks

CONNECTIONS = 64
MOST_UNREAD = 64  # of one run; a further event would only be counted


@dataclass(frozen=True, slots=True)
class Measured:
    """One round."""

    rate: float
    latencies_s: list[float]
    cpu_us: float = 0.0


def make_runs(path: Path, number: int) -> list[str]:
    """Make a journal with so many runs, each with a call of its own; return the calls."""
    clock = SystemClock()
    journal = SqliteJournal(path, now=clock.now)
    calls = []
    for _ in range(number):
        calls.append(str(uuid.uuid4()))
        lease = journal.start_run(started(clock.now()), lease_s=60)
        journal.append(lease, [], RunMarks(call_id=calls[-1], claims_dial=False))
    journal.close()
    return calls


def request(path: str, call: str) -> bytes:
    """Return an event as it goes over the wire."""
    seen = {
        "resource_id": call,
        "application_id": "0d9e0f4e-51c4-4a39-8b5c-4a3e7c1f2b6d",
        "to": "+15555560000",
        "from": "+15555550199",
        "status": "ready",
        "hangup_cause": None,
        "duration": 12,
        "created_epoch": 1_700_000_000,
    }
    results = [{"command": "say", "status": "ok"}, {"command": "get_dtmf", "status": "ok", "dtmf": "1"}]
    body = json.dumps({"response": {"call": seen, "results": results}}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


class Sender(asyncio.Protocol):
    """One connection with at most one request open."""

    def __init__(self) -> None:
        self._reply: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        """Take a reply: an acknowledgement has no body, and comes whole."""
        if self._reply is not None:
            self._reply.set_result(data)

    async def send(self, event: bytes) -> None:
        """Send an event and wait until it is acknowledged."""
        assert self._transport is not None
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(event)
        reply = await self._reply
        assert reply.startswith(b"HTTP/1.1 204"), reply


async def as_fast_as_it_can(senders: list[Sender], events: list[bytes]) -> Measured:
    """Send with all connections at once."""
    left = iter(events)
    latencies = []

    async def work(sender: Sender) -> None:
        for event in left:
            began = time.perf_counter()
            await sender.send(event)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(work, senders))
    return Measured(len(events) / (time.perf_counter() - began), latencies)


async def at_a_pace(senders: list[Sender], events: list[bytes], *, pace: float) -> Measured:
    """Send `pace` events a second, whatever the receiver does."""
    number = count()
    latencies = []
    began = time.perf_counter()

    async def work(sender: Sender) -> None:
        while (mine := next(number)) < len(events):
            due = began + mine / pace
            await asyncio.sleep(due - time.perf_counter())
            await sender.send(events[mine])
            latencies.append(time.perf_counter() - due)

    await asyncio.gather(*map(work, senders))
    return Measured(len(events) / (time.perf_counter() - began), latencies)


@contextmanager
def serving(journal: Path) -> Iterator[tuple[int, SplitResult]]:
    """Run a receiver; yields its process and its address of events."""
    command = [sys.executable, "-m", "orchestrator", "--journal", str(journal), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, urlsplit(json.loads(process.stdout.readline())["main_url"])
        finally:
            process.terminate()


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process so far; 0 where the platform does not show it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def rounds(journal: Path, calls: list[str], *, events: int, paces: list[float], times: int) -> list[list[str]]:
    """Measure each way as often as asked, taking turns; return the rows of the table."""
    measured: dict[str, list[Measured]] = {}
    with serving(journal) as (pid, url):
        wires = cycle([request(url.path, call) for call in calls])
        loop = asyncio.get_running_loop()
        senders = [(await loop.create_connection(Sender, url.hostname, url.port))[1] for _ in range(CONNECTIONS)]
        for _, pace in product(range(times), [None, *paces]):
            before = cpu_s(pid)
            some = list(islice(wires, events))
            found = await (as_fast_as_it_can(senders, some) if pace is None else at_a_pace(senders, some, pace=pace))
            way = "as fast as it can" if pace is None else f"at a pace of {pace:,.0f}/s"
            spent = replace(found, cpu_us=(cpu_s(pid) - before) / events * 1e6)
            measured.setdefault(way, []).append(spent)
    return [[way, *figures(found)] for way, found in measured.items()]


def figures(found: list[Measured]) -> list[str]:
    """Return the medians over all rounds."""
    rate = statistics.median(each.rate for each in found)
    half, most = (
        statistics.median(percentile(each.latencies_s, share) for each in found) * 1000 for share in (0.5, 0.99)
    )
    cpu = statistics.median(each.cpu_us for each in found)
    return [f"{rate:,.0f}", f"{half:.1f}", f"{most:.1f}", f"{cpu:.0f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured")
    parser.add_argument("--events", type=int, default=4000, help="events of one measurement")
    parser.add_argument("--quick", action="store_true", help="only see that it works: short, and no figures to quote")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journal is made")
    options = parser.parse_args()
    events, times = (128, 1) if options.quick else (options.events, options.rounds)
    paces = [1000.0, 2000.0]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        print(f"{machine(Path(name))}; {times} rounds of {events} events, medians\n")
        journal = Path(name) / "journal.db"
        calls = make_runs(journal, events * times * (1 + len(paces)) // MOST_UNREAD + 1)
        rows = asyncio.run(rounds(journal, calls, events=events, paces=paces, times=times))
    print(table(["events sent", "acknowledged/s", "p50 ms", "p99 ms", "CPU us an event"], rows))


if __name__ == "__main__":
    main()
