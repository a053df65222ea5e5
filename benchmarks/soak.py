"""Half an hour of a batch with 500 calls in flight and a fault in every hundredth request: is it level, is it true?

The product runs in this process; every so often its threads, descriptors and memory are written down. At the end the
journal is held against the sandbox's transcript: nobody was rung twice, nobody heard a sentence more often than the
journal says that it can have run, and nothing counts as done that was not heard. Run it with `make soak`; it prints
Markdown and ends with 1 if something grew or was untrue.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch import contacts_file
from measuring import table
from steps import FROM

from orchestrator import Orchestrator
from orchestrator.batches import CampaignRun
from orchestrator.core.campaign import Campaign
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import Concluded, Intended, Record, Settled, Verdict

SENTENCES = (
    "Good morning, this is the water works.",
    "Tomorrow there will be no water in your street from eight until noon.",
    "Thank you, and goodbye.",
)
LEVEL = 1.15
"""So many times the middle third's median may the last third's be."""
LEAST_LEAK_KIB = 2.0
"""From so many KiB on for each call that ended memory counts as leaking; a share of what is there would hide that."""
LEAST_LEAK_BLOCKS = 2.0
"""And from so many of the blocks in which Python keeps small objects, of 512 bytes at most."""
WARM_S = 600.0
"""Before, memory is no measure: threads still make their connections to the journal, and fill the caches of these."""

# One in a hundred requests is hit: each kind one in 800, beginning at moments of their own.
KINDS: tuple[Mapping[str, Any], ...] = (
    {"kind": "close", "place": "before"},
    {"kind": "reset", "place": "after"},
    {"kind": "status", "place": "received", "status": 502},
    {"kind": "reset", "place": "running", "at": 0.5},
    {"kind": "half", "place": "after"},
    {"kind": "status", "place": "before", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "garbage", "place": "after", "shape": "not_json"},
    {"kind": "status", "place": "after", "status": 504},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the process held at one moment. Memory and files in MiB; blocks are those of Python's objects."""

    at_s: float
    ended: int
    threads: int
    descriptors: int
    memory: float
    blocks: int
    journal: float

    def cells(self) -> list[str]:
        """Return it as a line of a table."""
        counts = (self.ended, self.threads, self.descriptors, round(self.memory), self.blocks, round(self.journal))
        return [f"{self.at_s / 60:.1f}", *(f"{count:,}" for count in counts)]


@dataclass(slots=True)
class Watch:
    """Reads off the process every few seconds, in a thread of its own."""

    journal: Path
    every_s: float
    readings: list[Reading] = field(default_factory=list)
    ended: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def one_more(self, _: object) -> None:
        """Count a call that has come to rest."""
        self.ended += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the block ends."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._over.wait(self.every_s):
            self.readings.append(self._read(time.monotonic() - began))
            print(" | ".join(self.readings[-1].cells()), file=sys.stderr, flush=True)

    def _read(self, at_s: float) -> Reading:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        files = [self.journal, self.journal.with_name(f"{self.journal.name}-wal")]
        return Reading(
            at_s=at_s,
            ended=self.ended,
            threads=threading.active_count(),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            memory=pages * resource.getpagesize() / 2**20,
            blocks=sys.getallocatedblocks(),
            journal=sum(file.stat().st_size for file in files if file.exists()) / 2**20,
        )


@contextmanager
def sandbox(folder: Path, share: float) -> Iterator[tuple[str, Path]]:
    """Start the stand-in API with its faults; yield its address and its transcript."""
    every = max(int(len(KINDS) / share), 1)
    faults = [
        {**kind, "times": "always", "every": every, "nth": 1 + at * every // len(KINDS)}
        for at, kind in enumerate(KINDS)
    ]
    (folder / "faults.json").write_text(json.dumps(faults), encoding="utf-8")
    (folder / "callees.json").write_text(json.dumps({"default": {"after": 1}}), encoding="utf-8")
    transcript = folder / "transcript.jsonl"
    command = [sys.executable, "-m", "orchestrator.sandbox", "--faults", str(folder / "faults.json")]
    command += ["--callees", str(folder / "callees.json"), "--transcript", str(transcript), "--die-with-parent"]
    command += ["--list-size", "6000", "--list-age", "200"]
    environment = {**os.environ, "ORCHESTRATOR_API_KEY": "key", "ORCHESTRATOR_API_PASSWORD": "password"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"], transcript
        finally:
            process.terminate()


def script_at(folder: Path) -> Path:
    """Write the script: a dial, three sentences, a hang-up."""
    says = [{"say": {"text": sentence}} for sentence in SENTENCES]
    dial = {"dial": {"to": "{{ to }}", "from": FROM}}
    path = folder / "script.json"
    path.write_text(json.dumps({"version": 1, "commands": [dial, *says, {"hangup": {}}]}), encoding="utf-8")
    return path


# --- the truth --------------------------------------------------------------------------------------------------------


def heard_by(transcript: Path) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return how often each number rang, and how often it heard which sentence, to its end or in part."""
    rang: Counter[str] = Counter()
    heard: dict[str, Counter[str]] = {}
    number_of: dict[str, str] = {}
    with transcript.open(encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            if entry["event"] == "ringing":
                rang[entry["to"]] += 1
                number_of[entry["call"]] = entry["to"]
            elif entry["event"] == "ran" and entry["command"] == "say":
                heard.setdefault(number_of[entry["call"]], Counter())[entry["text"]] += 1
    return rang, heard


@dataclass(slots=True)
class Truth:
    """What became of the runs, and everything in which journal and transcript contradict each other."""

    ends: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)


def truth_of(runs: Iterable[tuple[Mapping[str, Any], Sequence[Record]]], transcript: Path) -> Truth:
    """Hold the runs, each a document and the records of its journal, against what the sandbox saw."""
    truth = Truth()
    rang, heard = heard_by(transcript)
    truth.lies += [f"{number} rang {times} times" for number, times in rang.items() if times > 1]
    for run, records in runs:
        truth.ends[f"{run['status']}, {run['disposition']}"] += 1
        said, most = heard.get(run["to"], Counter()), may_have_run(records)
        for step in run["steps"]:
            truth.steps[step["verdict"] or step["outcome"]] += 1
            if step["commands"] == ["say"]:
                place = step["index"]
                truth.lies += lies_of(step, said[SENTENCES[place - 1]], most=most[place], number=run["to"])
    return truth


def may_have_run(records: Iterable[Record]) -> Counter[int]:
    """Return for each entry how many of its attempts can have run, as the journal tells.

    Those that it holds not to have run are left out: not sent, throttled, rejected, or lost with the verdict
    `did_not_run`. A verdict comes after an outcome, and counts. A sentence is an entry, and a step of its own.
    """
    can_have: dict[tuple[int, int], bool] = {}
    sent = 0, 0
    for record in records:
        match record:
            case Intended(command_entries=entries):
                sent = max(entries, default=0), len(can_have)
                can_have[sent] = True
            case Concluded(outcome=outcome):
                can_have[sent] = outcome not in (Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.REJECTED)
            case Settled(verdict=verdict):
                can_have[sent] = verdict is not Verdict.DID_NOT_RUN
    return Counter(entry for (entry, _), can in can_have.items() if can)


def lies_of(step: Mapping[str, Any], times: int, *, most: int, number: str) -> Iterator[str]:
    """Yield what is untrue of a step whose sentence was heard so many times, where `most` attempts can have run."""
    told = f"step {step['index']} of {number}: {step['outcome']}, {step['verdict']}, {step['attempts']} attempts"
    if times > most:
        yield f"{told}; heard {times} times, but {most} can have run"
    if times == 0 and (step["outcome"] == "done" or step["verdict"] == "ran"):
        yield f"{told}; never heard"


def growth(readings: Sequence[Reading], what: str) -> float:
    """Return the last third's median over the middle third's."""
    middle, last = later_thirds(readings, what)
    return last / max(middle, 1e-9)


def leak_kib(readings: Sequence[Reading]) -> float:
    """Return by how many KiB memory rose with each call that ended, from the middle third to the last one."""
    (ended_before, ended), (before, after) = later_thirds(readings, "ended"), later_thirds(readings, "memory")
    return (after - before) * 1024 / max(ended - ended_before, 1)


def leak_blocks(readings: Sequence[Reading]) -> float:
    """Return the same of blocks, of the fewest in each third: many are in use for a moment, but what leaks stays."""
    (ended_before, ended), (before, after) = later_thirds(readings, "ended"), later_thirds(readings, "blocks", of=min)
    return (after - before) / max(ended - ended_before, 1)


def later_thirds(
    readings: Sequence[Reading], what: str, *, of: Callable[[Iterable[float]], float] = statistics.median
) -> tuple[float, float]:
    """Return the medians, or what else is asked for, of the middle third and of the last one."""
    third = max(len(readings) // 3, 1)
    values = [getattr(reading, what) for reading in readings]
    return float(of(values[third : 2 * third])), float(of(values[2 * third :]))


def measure(options: argparse.Namespace, folder: Path) -> bool:
    """Soak, print what came of it, and return whether all is level and true."""
    contacts = contacts_file(folder, 100_000)
    watch = Watch(folder / "journal.db", options.minutes * 60 / 60)
    with sandbox(folder, options.faults) as (url, transcript):
        campaign = Campaign(
            name="soak",
            script=str(script_at(folder)),
            contacts=str(contacts),
            concurrency=options.calls,
            rate_per_s=options.calls / 10.0,
        )
        with (
            Orchestrator(api_url=url, api_key="key", api_password="password", journal=watch.journal) as maker,
            CampaignRun(maker, campaign) as run,
        ):
            gc.collect()
            until = time.monotonic() + options.minutes * 60
            with watch.watching():
                report = run.tick(told=watch.one_more, enough=lambda: time.monotonic() > until)
            truth = truth_of(_told(maker), transcript)
    level = print_levels([each for each in watch.readings if each.at_s <= options.minutes * 60])
    print(f"\n{report.called:,} calls: {dict(truth.ends)}; steps: {dict(truth.steps)}; {len(report.troubles)} troubles")
    shown = "".join(f"\n- {lie}" for lie in truth.lies[:20])
    print(f"\n{len(truth.lies)} contradictions between the journal and the transcript.{shown}")
    return level and not truth.lies and not report.troubles


def _told(maker: Orchestrator) -> Iterator[tuple[Mapping[str, Any], Sequence[Record]]]:
    """Yield every run of the journal, with its records."""
    for run in maker.journal.runs():
        records = maker.journal.read(run.run_id)
        yield maker.document(fold(records), driven=False), records


def print_levels(readings: Sequence[Reading]) -> bool:
    """Print ten readings and how much each quantity grew; return whether all that must be level is."""
    heads = ["minute", "calls ended", "threads", "descriptors", "memory MiB", "blocks", "journal MiB"]
    shown = readings[:: max(len(readings) // 10, 1)]
    rows = [each.cells() for each in shown]
    print(table(heads, rows))
    grew = {what: growth(readings, what) for what in ("threads", "descriptors", "memory")}
    print("\nThe last third against the middle one: " + ", ".join(f"{what} {by:.2f}" for what, by in grew.items()))
    kib, blocks = leak_kib(readings), leak_blocks(readings)
    print(f"\nMemory rose by {kib:.2f} KiB a call, Python's objects by {blocks:.2f} blocks.")
    if readings[len(readings) // 3].at_s < WARM_S:
        print(f"Memory is not judged: that takes a soak of {3 * WARM_S / 60:.0f} minutes.")
        return max(grew["threads"], grew["descriptors"]) <= LEVEL
    return max(grew.values()) <= LEVEL and kib < LEAST_LEAK_KIB and blocks < LEAST_LEAK_BLOCKS


def main() -> None:
    """Soak and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long new calls are begun")
    parser.add_argument("--calls", type=int, default=500, help="calls in flight")
    parser.add_argument("--faults", type=float, default=0.01, help="share of requests that meet a fault")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the journal is made")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 16_384), hard), hard))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        is_good = measure(options, Path(name))
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
