"""What the modes cost: the same script for the same callees, told apart only by how the end of a step is learnt.

All modes talk to the same stand-in server and take turns, round by round. The first table has the calls of a small
batch; the second has more and more calls at once, all in one process, to find how many it holds; the third is how many
events the receiver takes (`benchmarks/events.py`). Run it with `python benchmarks/modes.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlunsplit

import events
from measuring import machine, percentile, table
from standin import StandIn

from orchestrator import Orchestrator, Script

MODES = ("sync", "async", "poll", "auto")
LISTENS = ("async", "auto")
WORDS = (2, 3, 3)
"""Of each sentence: they are expected to last 0.8 and 1.2 s and all last 1 s, since no estimate is ever exact."""
COMMAND_MS = 1000
AUTO_LIMIT_S = 7.0
"""The network limit that `auto` is told of: a sentence fits under it, a question and the ringing do not."""
HEARD_WELL_S = 1.0
"""Dead air that a callee takes for a pause."""


@dataclass(frozen=True, slots=True)
class Way:
    """A mode with the orchestrator that makes its calls, and its receiver where it has one."""

    mode: str
    orchestrator: Orchestrator
    receiver_pid: int | None = None
    events_url: str | None = None


@dataclass(slots=True)
class Samples:
    """What was measured of one mode, round by round; per call, but for the silences."""

    requests: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    bytes_: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    receiver_cpu_ms: list[float] = field(default_factory=list)
    server_shares: list[float] = field(default_factory=list)
    silences_s: list[list[float]] = field(default_factory=list)

    def silence_ms(self, share: float) -> float:
        """Return a percentile of the dead air, the median over the rounds."""
        return statistics.median(percentile(found, share) for found in self.silences_s) * 1000


def script() -> Script:
    """Return a call of a dial, sentences, a question and a hang-up."""
    said = [{"say": {"text": " ".join(["word"] * words)}} for words in WORDS]
    asked = {"get_dtmf": {"timeout": 8, "commands": [{"say": {"text": "Press one."}}]}, "save": "key"}
    commands = [
        {"dial": {"to": "{{ to }}", "from": "+15555550199", "timeout": 20}},
        *said,
        asked,
        {"hangup": {}},
    ]
    document = {"version": 1, "variables": {"to": {"required": True}}, "commands": commands}
    return Script.parse(json.dumps(document), name="benchmark.json")


@contextmanager
def ways(folder: Path, standin: StandIn, *, command_ms: int) -> Iterator[list[Way]]:
    """Make each mode's orchestrator, with a journal of its own and a receiver that serves it."""
    with ExitStack() as stack:
        made = []
        for mode in MODES:
            journal = folder / f"{mode}.db"
            given = {"api_url": standin.url(command_ms), "api_key": "key", "api_password": "password"}
            orchestrator = stack.enter_context(Orchestrator(**given, journal=journal, settings={"mode": mode}))
            if mode in LISTENS:
                _ = orchestrator.journal  # it is made before its receiver opens it
                pid, url = stack.enter_context(events.serving(journal))
                made.append(Way(mode, orchestrator, pid, urlunsplit(url)))
            else:
                made.append(Way(mode, orchestrator))
        yield made


def measure(way: Way, standin: StandIn, samples: Samples, *, calls: int) -> None:
    """Make so many calls at once, begun within the time of one command, and add what was measured."""
    said = script()

    def call(at: int) -> None:
        time.sleep(COMMAND_MS / 1000 * at / calls)
        limit_s = AUTO_LIMIT_S if way.mode == "auto" else None
        result = way.orchestrator.run(said, to=f"+1212555{at:04d}", limit_s=limit_s)
        if (result.status, result.variables.get("key")) != ("completed", "1"):
            raise RuntimeError(f"a run went wrong: {result.document}")

    gc.collect()
    standin.send_events(way.events_url)
    standin.report()
    receiver_began = 0.0 if way.receiver_pid is None else events.cpu_s(way.receiver_pid)
    began, cpu_began = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(calls) as at_once:
        list(at_once.map(call, range(calls)))
    lasted_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    report = standin.report()
    receiver_s = 0.0 if way.receiver_pid is None else events.cpu_s(way.receiver_pid) - receiver_began
    samples.requests.append(report["requests"] / calls)
    samples.looks.append(report["looks"] / calls)
    samples.bytes_.append(report["bytes"] / calls)
    samples.cpu_ms.append(cpu_s / calls * 1000)
    samples.receiver_cpu_ms.append(receiver_s / calls * 1000)
    samples.server_shares.append(report["cpu_s"] / lasted_s)
    samples.silences_s.append(report["silences_s"])


def cells(mode: str, found: Samples) -> list[str]:
    """Return one line of the first table."""
    median = statistics.median
    return [
        mode,
        f"{median(found.requests):.1f}",
        f"{median(found.looks):.1f}",
        f"{median(found.bytes_):,.0f}",
        f"{found.silence_ms(0.5):.1f}",
        f"{found.silence_ms(0.99):.1f}",
        f"{median(found.cpu_ms):.1f}",
        f"{median(found.receiver_cpu_ms):.1f}",
        f"{median(found.server_shares) * 100:.0f} %",
    ]


HEADS = [
    "mode",
    "requests a call",
    "of them looks",
    "bytes a call",
    "dead air p50 ms",
    "p99 ms",
    "CPU ms a call",
    "receiver's",
    "server busy",
]


def in_flight(ways_: list[Way], standin: StandIn, *, numbers: list[int]) -> list[list[str]]:
    """Return a line for each mode: its dead air with more and more calls at once, until nobody would wait for it."""
    lines = {way.mode: [way.mode] for way in ways_}
    held = dict.fromkeys(lines, 0)
    over: set[str] = set()
    for number in numbers:
        for way in ways_:
            if way.mode in over:
                lines[way.mode].append("-")
                continue
            samples = Samples()
            measure(way, standin, samples, calls=number)
            most_ms = samples.silence_ms(0.99)
            lines[way.mode].append(f"{samples.silence_ms(0.5):.0f} / {most_ms:.0f}")
            if most_ms <= HEARD_WELL_S * 1000:
                held[way.mode] = number
            else:
                over.add(way.mode)
    return [[*line, f"{held[mode]}"] for mode, line in lines.items()]


def received(folder: Path, *, number: int, times: int) -> list[list[str]]:
    """Return the table of the receiver's events."""
    paces = [2000.0]
    journal = folder / "events.db"
    calls = events.make_runs(journal, number * times * (1 + len(paces)) // events.MOST_UNREAD + 1)
    return asyncio.run(events.rounds(journal, calls, events=number, paces=paces, times=times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each mode is measured")
    parser.add_argument("--calls", type=int, default=32, help="calls at once in the first table")
    parser.add_argument("--quick", action="store_true", help="only see that it works: short, and no figures to quote")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journals are made")
    options = parser.parse_args()
    rounds, calls, command_ms, numbers, number = options.rounds, options.calls, COMMAND_MS, [100, 200, 400], 4000
    if options.quick:
        rounds, calls, command_ms, numbers, number = 1, 2, 50, [3], 128
    with tempfile.TemporaryDirectory(dir=options.folder) as name, StandIn() as standin:
        folder = Path(name)
        print(f"{machine(folder)}; {rounds} rounds of {calls} calls at once, commands of {command_ms} ms\n")
        found = {mode: Samples() for mode in MODES}
        with ways(folder, standin, command_ms=command_ms) as made:
            for way in (
                () if options.quick else made
            ):  # what is imported, opened and cached at the first use is not measured
                measure(way, standin, Samples(), calls=1)
            for at in range(rounds):
                for way in made[at % len(made) :] + made[: at % len(made)]:
                    measure(way, standin, found[way.mode], calls=calls)
            print(table(HEADS, [cells(mode, samples) for mode, samples in found.items()]) + "\n")
            heads = [
                "dead air p50 / p99 ms",
                *(f"{each} calls" for each in numbers),
                f"most with p99 under {HEARD_WELL_S:g} s",
            ]
            print(table(heads, in_flight(made, standin, numbers=numbers)) + "\n")
        rows = received(folder, number=number, times=rounds)
    print(table(["events sent", "acknowledged/s", "p50 ms", "p99 ms", "CPU us an event"], rows))


if __name__ == "__main__":
    main()
