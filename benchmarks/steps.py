"""Steps a second, CPU and dead air of durable runs against a plain `requests.Session` loop without any journal.

Both talk to the same stand-in server, take turns round by round, and are compared within a round, since a machine that
others use is never the same twice. Run it with `python benchmarks/steps.py`; it prints Markdown tables.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from measuring import machine, percentile, table
from standin import StandIn

from orchestrator import Orchestrator, Script

FROM = "+15555550199"
MEDIA = "7b9ec4f4-6a6e-4a5f-8f0c-7ad1c7a6f9d1"
SAID = "Your appointment is on Tuesday the fourteenth at half past nine in the morning."

Command = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: so many calls of so many commands, at once, each command lasting so long."""

    command_ms: int
    at_once: int
    commands: int
    calls: int

    @property
    def steps(self) -> int:
        """Requests that one measurement makes: a dial, the commands and a hang-up for each call."""
        return self.calls * (self.commands + 2)

    def __str__(self) -> str:
        return f"{self.command_ms} ms, {self.at_once} at once"


@dataclass(slots=True)
class Samples:
    """What was measured of one variant in one case, round by round."""

    rates: list[float] = field(default_factory=list)
    cpu_s_per_1000: list[float] = field(default_factory=list)
    silences_s: list[float] = field(default_factory=list)
    server_shares: list[float] = field(default_factory=list)
    server_cpu_s: float = 0.0
    requests: int = 0


Variant = Callable[[Case, str], None]
"""Makes the calls of a case at a base URL."""


def commands_of(case: Case, to: str) -> list[Command]:
    """Return the command list of one call."""
    spoken: list[Command] = [
        {"play": {"resource_id": MEDIA}} if at % 5 == 4 else {"say": {"text": SAID}} for at in range(case.commands)
    ]
    return [{"dial": {"to": to, "from": FROM}}, *spoken, {"hangup": {}}]


def number(at: int) -> str:
    """Return a fictional number of its own for each of the calls of a measurement."""
    return f"+1555556{at:04d}"


# --- the two variants -------------------------------------------------------------------------------------------------


def plain_call(base_url: str, commands: list[Command]) -> None:
    """Make one call as a careful user of requests would, without any journal."""
    with requests.Session() as session:
        session.auth = ("key", "password")
        reply = session.post(f"{base_url}/calls", json={"commands": commands[:1]}, timeout=(5, 70))
        reply.raise_for_status()
        call_id = reply.json()["response"]["call"]["resource_id"]
        for command in commands[1:]:
            reply = session.put(f"{base_url}/calls/{call_id}", json={"commands": [command]}, timeout=(5, 70))
            reply.raise_for_status()
            results = reply.json()["response"]["results"]
            if any(result["status"] != "ok" for result in results):
                raise RuntimeError(f"a command failed: {results}")


def plain(case: Case, base_url: str) -> None:
    """Make the calls of a case with plain loops, one thread a call."""
    with ThreadPoolExecutor(case.at_once) as pool:
        calls = [pool.submit(plain_call, base_url, commands_of(case, number(at))) for at in range(case.calls)]
        for call in calls:
            call.result()


@contextmanager
def durable(folder: Path, standin: StandIn, cases: list[Case]) -> Iterator[Variant]:
    """Yield the variant that makes the calls of a case as durable runs, with one journal for all of them."""
    speeds = {case.command_ms for case in cases}
    makers = {
        standin.url(speed): Orchestrator(
            api_url=standin.url(speed), api_key="key", api_password="password", journal=folder / f"journal-{speed}.db"
        )
        for speed in speeds
    }

    def run(case: Case, base_url: str) -> None:
        script = Script.parse(json.dumps({"commands": commands_of(case, number(0))}), name="benchmark.json")
        maker = makers[base_url]
        with ThreadPoolExecutor(case.at_once) as pool:
            for result in pool.map(lambda at: maker.run(script, to=number(at)), range(case.calls)):
                if result.status != "completed" or len(result.document["steps"]) != case.commands + 2:
                    raise RuntimeError(f"a run went wrong: {result.document}")

    try:
        yield run
    finally:
        for maker in makers.values():
            maker.close()


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(case: Case, variant: Variant, standin: StandIn, samples: Samples) -> None:
    """Run one variant once and add what was measured to its samples."""
    gc.collect()
    standin.report()
    began, cpu_began = time.perf_counter(), time.process_time()
    variant(case, standin.url(case.command_ms))
    lasted_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    report = standin.report()
    if report["requests"] != case.steps:
        raise RuntimeError(f"{report['requests']} requests were made instead of {case.steps}")
    samples.rates.append(case.steps / lasted_s)
    samples.cpu_s_per_1000.append(cpu_s / case.steps * 1000)
    samples.silences_s.extend(report["silences_s"])
    samples.server_shares.append(report["cpu_s"] / lasted_s)
    samples.server_cpu_s += report["cpu_s"]
    samples.requests += report["requests"]


def cells(case: Case, plain_samples: Samples, durable_samples: Samples) -> list[str]:
    """Return one line of the table: plain against durable, and the median of the rounds' ratios."""
    pairs = zip(durable_samples.rates, plain_samples.rates, strict=True)
    ratios = [mine / theirs for mine, theirs in pairs]

    def both(value: Callable[[Samples], str]) -> str:
        return f"{value(plain_samples)} / {value(durable_samples)}"

    return [
        str(case),
        both(lambda samples: f"{statistics.median(samples.rates):,.0f}"),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        both(lambda samples: f"{statistics.median(samples.cpu_s_per_1000):.3f}"),
        both(lambda samples: f"{percentile(samples.silences_s, 0.5) * 1000:.2f}"),
        both(lambda samples: f"{percentile(samples.silences_s, 0.99) * 1000:.2f}"),
        both(lambda samples: f"{statistics.median(samples.server_shares) * 100:.0f} %"),
    ]


HEADS = [
    "plain / durable",
    "steps/s",
    "ratio (range)",
    "CPU s per 1000 steps",
    "dead air p50 ms",
    "dead air p99 ms",
    "server busy",
]


def cases_of(options: argparse.Namespace) -> list[Case]:
    """Return what is to be measured."""
    steps = 20 if options.quick else options.steps
    slow, slow_ms = max(steps // 10, 3), 20 if options.quick else 200
    many, one = (4, 1) if options.quick else (32, 5)
    return [
        Case(command_ms=0, at_once=1, commands=steps, calls=one),
        Case(command_ms=0, at_once=many, commands=steps, calls=many),
        Case(command_ms=slow_ms, at_once=1, commands=slow, calls=1),
        Case(command_ms=slow_ms, at_once=many, commands=slow, calls=many),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each variant is measured in each case")
    parser.add_argument("--steps", type=int, default=200, help="commands of one call; a tenth of it at 200 ms")
    parser.add_argument("--quick", action="store_true", help="only see that it works: short, and no figures to quote")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journal is made")
    options = parser.parse_args()
    cases, rounds = cases_of(options), 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(dir=options.folder) as name, StandIn() as standin:
        folder = Path(name)
        print(f"{machine(folder)}; {rounds} rounds\n")
        with durable(folder, standin, cases) as run_durable:
            measured = [(case, Samples(), Samples()) for case in cases]
            for case in cases:  # what is imported, opened and cached at the first use is not measured
                for variant in (plain, run_durable):
                    measure(replace(case, commands=1), variant, standin, Samples())
            for at in range(rounds):
                for case, of_plain, of_durable in measured:
                    turns = [(plain, of_plain), (run_durable, of_durable)]
                    for variant, samples in turns if at % 2 == 0 else reversed(turns):
                        measure(case, variant, standin, samples)
    print(table(HEADS, [cells(*line) for line in measured]))
    every = [samples for _, *both in measured for samples in both]
    cost_s = sum(samples.server_cpu_s for samples in every) / sum(samples.requests for samples in every)
    print(
        f"\nThe stand-in server takes {cost_s * 1e6:.0f} µs of CPU a request: its ceiling is {1 / cost_s:,.0f} steps/s"
    )


if __name__ == "__main__":
    main()
