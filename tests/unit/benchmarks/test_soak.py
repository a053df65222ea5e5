"""The soak's judgement: what it takes for a lie between journal and transcript, and what for growth."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import Concluded, Cursor, Intended, Record, Settled, Then, Verdict
from tests.unit.benchmarks.test_benchmarks import BENCHMARKS

TO = "+12125550123"
NOW = Instant(wall=0.0, boot_s=0.0)


@pytest.fixture(scope="module")
def soak() -> Iterator[Any]:
    """The module, which finds those beside it as a program does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("soak")


def sent(outcome: Outcome, verdict: Verdict | None = None, *, entry: int = 1, attempt: int = 1) -> list[Record]:
    """Return what the journal has of an attempt at a sentence."""
    start, after = Cursor(entry), Cursor(entry + 1)
    intent = Intended(
        at=NOW,
        operation=Operation.COMMAND,
        attempt=attempt,
        start=start,
        after=after,
        commands=("say",),
        command_entries=(entry,),
    )
    records: list[Record] = [intent, Concluded(at=NOW, outcome=outcome, reason="")]
    if verdict is not None:
        records.append(Settled(at=NOW, verdict=verdict, evidence="", then=Then.REPEAT))
    return records


HANG_UP = Intended(
    at=NOW, operation=Operation.END, attempt=1, start=Cursor(4), after=Cursor(4), commands=(), command_entries=()
)


@pytest.mark.parametrize(
    ("outcome", "verdict", "most"),
    [
        (Outcome.DONE, None, 1),
        (Outcome.UNKNOWN, None, 1),
        (Outcome.UNKNOWN, Verdict.RAN, 1),
        (Outcome.UNKNOWN, Verdict.PARTLY, 1),
        (Outcome.UNKNOWN, Verdict.UNDECIDABLE, 1),
        (Outcome.UNKNOWN, Verdict.DID_NOT_RUN, 0),
        (Outcome.NOT_SENT, None, 0),
        (Outcome.THROTTLED, None, 0),
        (Outcome.REJECTED, None, 0),
        (Outcome.REJECTED, Verdict.UNDECIDABLE, 1),
    ],
)
def test_an_attempt_can_have_run_unless_the_journal_holds_that_it_has_not(soak, outcome, verdict, most) -> None:
    """By its outcome, or by the verdict on an unknown one; attempts of a sentence add up, and others do not count."""
    records = [*sent(outcome, verdict), *sent(Outcome.DONE, attempt=2), *sent(Outcome.DONE, entry=2), HANG_UP]
    assert soak.may_have_run(records)[1] == most + 1
    assert soak.may_have_run(records)[2] == 1


def _truth(soak: Any, tmp_path: Path, *, records: list[Record], heard: int, rang: int = 1, **step: Any) -> Any:
    """Hold a run of one sentence against a transcript in which it was heard so many times."""
    transcript = tmp_path / "transcript.jsonl"
    entries: list[dict[str, Any]] = [{"event": "ringing", "call": f"c{at}", "to": TO} for at in range(rang)]
    entries += [{"event": "ran", "command": "say", "call": "c0", "text": soak.SENTENCES[0]}] * heard
    transcript.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    told = {"index": 1, "commands": ["say"], "attempts": 1, "outcome": "done", "verdict": None} | step
    document = {"to": TO, "status": "completed", "disposition": "completed", "steps": [told]}
    return soak.truth_of([(document, records)], transcript)


def test_what_is_true_is_no_lie(soak, tmp_path) -> None:
    """Heard once, and once more after an unknown attempt; the ends and the outcomes of steps are counted."""
    truth = _truth(soak, tmp_path, records=sent(Outcome.DONE), heard=1)
    assert truth.lies == []
    assert truth.ends == {"completed, completed": 1}
    assert truth.steps == {"done": 1}
    twice = [*sent(Outcome.UNKNOWN, Verdict.UNDECIDABLE), *sent(Outcome.DONE, attempt=2)]
    assert _truth(soak, tmp_path, records=twice, heard=2, attempts=2).lies == []


@pytest.mark.parametrize(
    ("outcome", "verdict", "told"),
    [
        (Outcome.NOT_SENT, None, "not_sent, None"),
        (Outcome.THROTTLED, None, "throttled, None"),
        (Outcome.REJECTED, None, "rejected, None"),
        (Outcome.UNKNOWN, Verdict.DID_NOT_RUN, "unknown, did_not_run"),
    ],
)
def test_a_step_that_is_held_not_to_have_run_was_not_heard(soak, tmp_path, outcome, verdict, told) -> None:
    """Even if it was sent once more, and that ran: the attempts that can have run are as many as were heard."""
    step = {"outcome": outcome.value, "verdict": None if verdict is None else verdict.value}
    records = sent(outcome, verdict)
    assert _truth(soak, tmp_path, records=records, heard=0, **step).lies == []
    expected = [f"step 1 of {TO}: {told}, 1 attempts; heard 1 times, but 0 can have run"]
    assert _truth(soak, tmp_path, records=records, heard=1, **step).lies == expected
    again = [*records, *sent(Outcome.DONE, attempt=2)]
    assert _truth(soak, tmp_path, records=again, heard=1, attempts=2).lies == []
    assert len(_truth(soak, tmp_path, records=again, heard=2, attempts=2).lies) == 1


def test_what_counts_as_done_was_heard_and_nobody_is_rung_twice(soak, tmp_path) -> None:
    """By its outcome, or by its verdict."""
    (lie,) = _truth(soak, tmp_path, records=sent(Outcome.DONE), heard=0).lies
    assert lie.endswith("never heard")
    unknown = sent(Outcome.UNKNOWN, Verdict.RAN)
    assert len(_truth(soak, tmp_path, records=unknown, heard=0, outcome="unknown", verdict="ran").lies) == 1
    assert _truth(soak, tmp_path, records=sent(Outcome.DONE), heard=1, rang=2).lies == [f"{TO} rang 2 times"]


def _readings(soak: Any, *, minutes: float = 30.0, memory: float = 0.0, blocks: float = 0.0) -> list[Any]:
    """Return sixty readings of a process that ends 40 calls a second, and keeps so many KiB and blocks of each."""
    return [
        soak.Reading(
            at_s=at * minutes,
            ended=round(at * minutes * 40),
            threads=500,
            descriptors=1000,
            memory=800 + memory * at * minutes * 40 / 1024,
            blocks=round(2_000_000 + blocks * at * minutes * 40),
            journal=0.0,
        )
        for at in range(1, 61)
    ]


@pytest.mark.parametrize(
    ("grows", "is_level"),
    [
        ({}, True),
        ({"memory": 1.1}, True),  # what the allocator and SQLite take
        ({"memory": 2.2}, False),  # a leak of 1 KiB besides
        ({"blocks": 1.0}, True),
        ({"blocks": 2.5}, False),
    ],
)
def test_what_each_call_leaves_behind_is_noticed(soak, grows: dict[str, float], is_level: bool) -> None:
    """Also where the last third is but a little above the middle one."""
    readings = _readings(soak, **grows)
    assert soak.growth(readings, "memory") <= soak.LEVEL
    assert soak.print_levels(readings) is is_level
    assert soak.leak_kib(readings) == pytest.approx(grows.get("memory", 0.0), abs=0.01)
    assert soak.leak_blocks(readings) == pytest.approx(grows.get("blocks", 0.0), abs=0.01)


def test_memory_is_not_judged_before_it_is_warm(soak, capsys: pytest.CaptureFixture[str]) -> None:
    """While caches are being filled it rises by itself; that is said. Threads are judged all the same."""
    readings = _readings(soak, minutes=3.0, memory=20.0, blocks=5.0)
    assert soak.print_levels(readings) is True
    assert "Memory is not judged: that takes a soak of 30 minutes." in capsys.readouterr().out
    more = [replace(each, threads=500 + 5 * at) for at, each in enumerate(readings)]
    assert soak.print_levels(more) is False


def test_a_moment_of_many_objects_is_no_leak(soak) -> None:
    """What counts is the least of a third."""
    bursts = [replace(each, blocks=each.blocks + 10**6 * (at % 3 > 0)) for at, each in enumerate(_readings(soak))]
    assert soak.print_levels(bursts) is True
