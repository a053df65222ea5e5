"""A batch of many contacts with everything durable, against a plain thread pool over `requests` without any journal.

Three questions: how many contacts a second where commands take no time; whether memory stays flat in the size of the
contacts file; and what a callee hears with 2,000 calls in flight in one process, commands of 5 s, their starts spread
by the pacing. Every measurement is a process of its own, so that its peak memory is its own; both variants talk to the
same stand-in server and take turns. Run it with `python benchmarks/batch.py`; it prints Markdown tables.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from measuring import machine, percentile, table
from standin import StandIn
from steps import FROM, SAID, plain_call

PLAIN, DURABLE = "plain", "durable"
VARIANTS = (PLAIN, DURABLE)
_AREAS = ("212", "213", "305", "312", "404", "415", "503", "602", "702", "713")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One batch.

    Attributes:
        variant: `plain` or `durable`.
        contacts: Rows of the file.
        says: Commands between the dial and the hang-up.
        concurrency: Most calls at a time.
        rate_per_s: Most new calls in a second; None for any number.
        max_calls: Only so many of the contacts are called; None for all.
        command_ms: How long each command takes.
    """

    variant: str
    contacts: int
    says: int = 1
    concurrency: int = 32
    rate_per_s: float | None = None
    max_calls: int | None = None
    command_ms: int = 0

    @property
    def calls(self) -> int:
        """Calls that are made."""
        return min(self.contacts, self.max_calls or self.contacts)


@dataclass(slots=True)
class Samples:
    """What was measured of one case, round by round."""

    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    cpu_shares: list[float] = field(default_factory=list)
    peaks_mib: list[float] = field(default_factory=list)
    silences_s: list[float] = field(default_factory=list)
    server_shares: list[float] = field(default_factory=list)


# --- in a process of its own ------------------------------------------------------------------------------------------


def contacts_file(folder: Path, rows: int) -> Path:
    """Return a file of so many contacts, each with a fictional number of its own; made when it is missing."""
    path = folder / f"contacts-{rows}.csv"
    if not path.exists():
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["to", "patient"])
            writer.writerows([f"+1{_AREAS[at // 10_000]}555{at % 10_000:04d}", f"Patient {at}"] for at in range(rows))
    return path


def script_of(case: Case) -> dict[str, Any]:
    """Return the script: a dial, so many sentences, a hang-up."""
    says: list[dict[str, Any]] = [{"say": {"text": f"Hello {{{{ patient }}}}. {SAID}"}}] * case.says
    dial = {"dial": {"to": "{{ to }}", "from": FROM}}
    return {"version": 1, "variables": {"patient": {"required": True}}, "commands": [dial, *says, {"hangup": {}}]}


def plain(case: Case, url: str, contacts: Path) -> None:
    """Read the file row by row, and make each call in a thread of a pool, as a careful user of requests would."""

    def call(row: dict[str, str]) -> None:
        said = {"say": {"text": f"Hello {row['patient']}. {SAID}"}}
        plain_call(url, [{"dial": {"to": row["to"], "from": FROM}}, *[said] * case.says, {"hangup": {}}])

    free = threading.Semaphore(case.concurrency)
    failed: list[BaseException] = []

    def over(done: Future[None]) -> None:
        error = done.exception()
        if error is not None:
            failed.append(error)
        free.release()

    due = time.monotonic()
    with contacts.open(newline="", encoding="utf-8") as file, ThreadPoolExecutor(case.concurrency) as pool:
        for row, _ in zip(csv.DictReader(file), range(case.calls), strict=False):
            free.acquire()
            if case.rate_per_s is not None:
                time.sleep(max(due - time.monotonic(), 0.0))
                due = max(due, time.monotonic() - 1.0) + 1 / case.rate_per_s
            pool.submit(call, row).add_done_callback(over)
    if failed:
        raise RuntimeError(f"{len(failed)} calls failed") from failed[0]


def durable(case: Case, url: str, contacts: Path, folder: Path) -> None:
    """Run one tick of a campaign, with everything durable."""
    from orchestrator import Orchestrator
    from orchestrator.batches import CampaignRun
    from orchestrator.core.campaign import Campaign

    script = folder / "script.json"
    script.write_text(json.dumps(script_of(case)), encoding="utf-8")
    campaign = Campaign(
        name="benchmark",
        script=str(script),
        contacts=str(contacts),
        concurrency=case.concurrency,
        rate_per_s=case.rate_per_s,
        max_calls=case.max_calls,
    )
    with (
        Orchestrator(api_url=url, api_key="key", api_password="password", journal=folder / "journal.db") as maker,
        CampaignRun(maker, campaign) as run,
    ):
        report = run.tick()
        if report.called != case.calls or report.troubles:
            raise RuntimeError(f"the batch went wrong: {report}")


def measured_here(case: Case, url: str, folder: Path) -> dict[str, float]:
    """Run a case in this process; return how long it took, and its CPU time and peak memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * case.concurrency + 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted) if hard < 0 else min(max(soft, wanted), hard), hard))
    contacts = contacts_file(folder.parent, case.contacts)
    gc.collect()
    began, cpu_began = time.perf_counter(), time.process_time()
    if case.variant == PLAIN:
        plain(case, url, contacts)
    else:
        durable(case, url, contacts, folder)
    lasted_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"lasted_s": lasted_s, "cpu_s": cpu_s, "peak_mib": peak_mib}


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(case: Case, folder: Path, standin: StandIn, samples: Samples) -> None:
    """Run one case once in a process of its own, and add what was measured."""
    standin.report()
    contacts_file(folder, case.contacts)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        task = json.dumps({"case": asdict(case), "url": standin.url(case.command_ms), "folder": own})
        done = subprocess.run(
            [sys.executable, str(Path(__file__)), "--task", task], stdout=subprocess.PIPE, text=True, check=True
        )
    found = json.loads(done.stdout)
    report = standin.report()
    if report["requests"] != case.calls * (case.says + 2):
        raise RuntimeError(f"{report['requests']} requests were made instead of {case.calls * (case.says + 2)}")
    samples.rates.append(case.calls / found["lasted_s"])
    samples.cpu_ms.append(found["cpu_s"] / case.calls * 1000)
    samples.cpu_shares.append(found["cpu_s"] / found["lasted_s"])
    samples.peaks_mib.append(found["peak_mib"])
    samples.silences_s.extend(report["silences_s"])
    samples.server_shares.append(report["cpu_s"] / found["lasted_s"])


def in_turns(pair: Sequence[Case], rounds: int, folder: Path, standin: StandIn) -> list[Samples]:
    """Measure cases in turns; return what was measured of each."""
    samples = [Samples() for _ in pair]
    for at in range(rounds):
        turns = list(zip(pair, samples, strict=True))
        for case, own in turns if at % 2 == 0 else reversed(turns):
            measure(case, folder, standin, own)
    return samples


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> str:
    """Return the median of the rounds' ratios, with their range."""
    ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def speed(options: argparse.Namespace, folder: Path, standin: StandIn) -> str:
    """Return the table of contacts a second where commands take no time."""
    contacts = 100 if options.quick else options.contacts
    cases = [Case(variant=variant, contacts=contacts) for variant in VARIANTS]
    of_plain, of_durable = in_turns(cases, options.rounds, folder, standin)
    rows = [
        [
            f"{contacts:,} contacts, {cases[0].concurrency} at once",
            *(f"{statistics.median(own.rates):,.0f}" for own in (of_plain, of_durable)),
            ratio(of_durable.rates, of_plain.rates),
            " / ".join(f"{statistics.median(own.cpu_ms):.2f}" for own in (of_plain, of_durable)),
            " / ".join(f"{statistics.median(own.peaks_mib):.0f}" for own in (of_plain, of_durable)),
            " / ".join(f"{statistics.median(own.server_shares) * 100:.0f} %" for own in (of_plain, of_durable)),
        ]
    ]
    heads = [
        "three steps of 0 ms",
        "plain contacts/s",
        "durable contacts/s",
        "ratio (range)",
        "CPU ms a contact, plain / durable",
        "peak MiB, plain / durable",
        "server busy",
    ]
    return table(heads, rows)


def memory(options: argparse.Namespace, folder: Path, standin: StandIn) -> str:
    """Return the table of peak memory by the size of the file."""
    sizes = (50, 200) if options.quick else (1_000, 100_000)
    called = None if options.whole else sizes[0]
    cases = [Case(variant=DURABLE, contacts=size, max_calls=called) for size in sizes]
    found = in_turns(cases, 1, folder, standin)
    rows = [
        [f"{case.contacts:,}", f"{case.calls:,}", f"{own.peaks_mib[0]:.0f}", f"{case.calls / own.rates[0]:.1f}"]
        for case, own in zip(cases, found, strict=True)
    ]
    heads = ["contacts in the file", "called", "peak MiB", "the tick took, s"]
    times = found[1].peaks_mib[0] / found[0].peaks_mib[0]
    return table(heads, rows) + f"\n\n{times:.2f} times the memory for {sizes[1] // sizes[0]} times the contacts."


def in_flight(options: argparse.Namespace, folder: Path, standin: StandIn) -> str:
    """Return the table of dead air with many calls in flight."""
    calls, says, command_ms, spread_s = (30, 2, 50, 0.3) if options.quick else (2_000, 6, 5_000, 20.0)
    cases = [
        Case(
            variant=variant,
            contacts=calls,
            says=says,
            concurrency=calls,
            rate_per_s=calls / spread_s,
            command_ms=command_ms,
        )
        for variant in VARIANTS
    ]
    rows = [
        [
            case.variant,
            f"{percentile(own.silences_s, 0.5) * 1000:.1f}",
            f"{percentile(own.silences_s, 0.99) * 1000:.1f}",
            f"{max(own.silences_s) * 1000:.0f}",
            f"{statistics.median(own.cpu_shares) * 100:.0f} %",
            f"{statistics.median(own.peaks_mib):.0f}",
        ]
        for case, own in zip(cases, in_turns(cases, 1, folder, standin), strict=True)
    ]
    heads = [
        f"{calls:,} calls in flight, commands of {command_ms / 1000:g} s",
        "dead air p50 ms",
        "p99 ms",
        "longest ms",
        "CPU",
        "peak MiB",
    ]
    return table(heads, rows)


TABLES = {"speed": speed, "memory": memory, "in-flight": in_flight}


def tables(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Yield what was asked for, as soon as it is measured."""
    with StandIn() as standin:
        for name in options.only or TABLES:
            yield TABLES[name](options, folder, standin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often the speed of each variant is measured")
    parser.add_argument("--contacts", type=int, default=10_000, help="of the speed measurement")
    parser.add_argument("--only", action="append", choices=TABLES, help="one table; may be given again")
    parser.add_argument("--whole", action="store_true", help="call everybody of the large file: takes a good while")
    parser.add_argument("--quick", action="store_true", help="only see that it works: short, and no figures to quote")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journal is made")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task is not None:
        task = json.loads(options.task)
        print(json.dumps(measured_here(Case(**task["case"]), task["url"], Path(task["folder"]))))
        return
    options.rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        print(f"{machine(Path(name))}; {options.rounds} rounds")
        for each in tables(options, Path(name)):
            print(f"\n{each}", flush=True)


if __name__ == "__main__":
    main()
