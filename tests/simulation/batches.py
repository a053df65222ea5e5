"""One seed, one simulated batch: everything about it is drawn from `random.Random(seed)`, and judged when it is over.

    python -m tests.simulation --batch 4711

What occurred in it is told in words, so that a test can tell what never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, zip_longest

from orchestrator.core.exchange import Operation
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.records import Disposition, Intended, Record, Resolved, Resumed, Settled, Then, Waited
from tests.property.batch_checks import check_batch
from tests.property.batch_drawing import batch
from tests.property.batch_seen import SimulatedBatch, TickSeen, is_message, rung_of, started_of
from tests.property.batch_simulation import simulate_batch
from tests.property.limiting import FOR_A_PLACE
from tests.property.simulation import Simulated
from tests.simulation.coverage import _of_treatment
from tests.simulation.seeds import SeededDice

_FAULTS = (
    *("cut before", "cut while it runs", "cut after", "no reply", "late", "doubled", "truncated", "lied", "too slow"),
    *("cancelled on disconnect", "429", "503 with Retry-After", "5xx", "408", "redirect", "409", "4xx", "unsent"),
)
_TICKS = (
    *("killed before a write", "killed after a write", "killed at a moment", "killed while it carries on"),
    *("disk full", "told to stop", "told to hand over", "stopped and woken", "refused beside another", "taken over"),
    *("started again", "paused", "stopped by a person", "broken off", "carried on"),
)
_CONTACTS = (
    *("called again", "numbers shared", "a duplicate", "forbidden", "unprepared", "sent a message", "left out"),
    *("held back by min_gap", "held back by daily_cap", "held back by max_calls", "held back by max_attempts"),
    *("waited for a place", "its call ran, says a person", "its call did not run, says a person"),
    *("reached after a verdict", "called again after a verdict"),
    *("outside the window", "too late in the window", "not dialled again by itself"),
)
_NEIGHBOURS = (
    *("at once", "one after the other", "a number is called by both"),
    *("on the line with the other", "kept by a dial that is not settled"),
)

EXPECTED = frozenset(
    [
        *(f"fault: {fault}" for fault in _FAULTS),
        *(f"tick: {each}" for each in _TICKS),
        *(f"contact: {each}" for each in _CONTACTS),
        *(f"neighbour: {each}" for each in _NEIGHBOURS),
        *(f"tally: {tally}" for tally in Tally if tally is not Tally.WAITING),
        *(
            f"disposition: {disposition}"
            for disposition in Disposition
            if disposition not in (Disposition.EXPIRED, Disposition.UNKNOWN)
        ),
    ]
)
"""What must occur among some hundreds of seeds."""


def run_batch_seed(seed: int) -> SimulatedBatch:
    """Run a seed's batch and judge it.

    Raises:
        AssertionError: Something does not hold that must hold of every batch; a note has the seed and the story.
        Exception: What the product raised, likewise.
    """
    try:
        simulated = simulate_batch(batch(SeededDice(seed)))
        check_batch(simulated)
    except Exception as error:
        error.add_note(f"seed {seed}; to see it again: .venv/bin/python -m tests.simulation --batch {seed}")
        raise
    return simulated


def seen_in_batch(simulated: SimulatedBatch) -> set[str]:
    """Return what occurred in a batch."""
    found = {f"tick: {each}" for one in simulated.campaigns() for each in _of_ticks(one)}
    found |= {f"contact: {each}" for one in simulated.campaigns() for each in _of_contacts(one)}
    found |= {f"neighbour: {each}" for each in _of_neighbours(simulated)}
    for run in simulated.runs.values():
        for sent in (*run.sent, *run.looks):
            found |= {f"fault: {fault}" for fault in _of_treatment(sent, sent.treatment)}
        if run.unsent:
            found.add("fault: unsent")
        if run.state.end is not None and not is_message(simulated, run):
            found.add(f"disposition: {run.state.end.disposition}")
        if any(isinstance(record, Waited) and record.why == FOR_A_PLACE for record in run.records):
            found.add("contact: waited for a place")
    found |= {f"tally: {row.tally}" for _, row in simulated.rows}
    return found


def _of_ticks(simulated: SimulatedBatch) -> Iterator[str]:
    told = [text for _, text in simulated.happened]
    for words in ("started again", "disk full"):
        looked_for = "cannot write" if words == "disk full" else words
        if any(looked_for in text for text in told):
            yield words
    if any(text.endswith("pause") for text in told):
        yield "paused"
    if any(text.endswith(": stop") for text in told):
        yield "stopped by a person"
    for place, tick in enumerate(simulated.ticks):
        yield from _of_tick(simulated, tick, place)


def _of_neighbours(simulated: SimulatedBatch) -> Iterator[str]:
    """Yield what occurs only where two campaigns call the same numbers."""
    if simulated.scenario.neighbour is None:
        return
    one, other = simulated.campaigns()
    beside = any(
        tick.began_s < (each.ended_s or 0.0) and each.began_s < (tick.ended_s or 0.0)
        for tick in one.ticks
        for each in other.ticks
    )
    yield "at once" if beside else "one after the other"
    numbers = {started_of(run).to for run in one.runs.values()} & {started_of(run).to for run in other.runs.values()}
    if numbers:
        yield "a number is called by both"
    if any("has a call to this number" in reason for reason in simulated.reasons):
        yield "on the line with the other"
    if any("number is blocked" in reason for reason in simulated.reasons):
        yield "kept by a dial that is not settled"


def _of_tick(simulated: SimulatedBatch, tick: TickSeen, place: int) -> Iterator[str]:
    crash, report = tick.life.crash, tick.report
    if tick.process.killed and crash is not None:
        moment = crash.append is None
        yield "killed at a moment" if moment else f"killed {'after' if crash.takes_effect else 'before'} a write"
        died_s = tick.ended_s or 0.0
        if any(tick.began_s <= at_s <= died_s for run in simulated.runs.values() for at_s in _resumed_s(run.records)):
            yield "killed while it carries on"
    if tick.told_s is not None and tick.life.stop is not None:
        yield "told to hand over" if tick.life.stop.hand_over else "told to stop"
    if any(text == f"{tick.process.name} is woken" for _, text in simulated.happened):
        yield "stopped and woken"
    if tick.error == "LeaseHeldError":
        yield "refused beside another"
    elif place and simulated.ticks[place - 1].life.stopped_after_s is not None and report is not None:
        before = simulated.ticks[place - 1]
        if before.ended_s is None or before.ended_s > tick.began_s:
            yield "taken over"
    if report is not None and report.codes:
        yield "broken off"
    if report is not None and report.resumed:
        yield "carried on"


def _resumed_s(records: list[Record]) -> Iterator[float]:
    return (record.at.boot_s for record in records if isinstance(record, Resumed))


def _of_verdicts(runs: list[Simulated], row: ResultRow) -> Iterator[str]:
    for run, following in zip_longest(runs, runs[1:]):
        for record in run.records:
            if isinstance(record, Resolved):
                yield f"its call {'ran' if record.ran else 'did not run'}, says a person"
                if following is not None:
                    yield "called again after a verdict"
                elif row.tally is Tally.REACHED:
                    yield "reached after a verdict"


def _of_contacts(simulated: SimulatedBatch) -> Iterator[str]:
    scenario = simulated.scenario
    numbers = [contact.to for contact in {contact.key: contact for contact in scenario.contacts}.values()]
    if len(set(numbers)) < len(numbers):
        yield "numbers shared"
    if any(is_message(simulated, run) for run in simulated.runs.values()):
        yield "sent a message"
    if any(_was_kept(run) for run in simulated.runs.values()):
        yield "not dialled again by itself"
    rung = {each.run_id for each in rung_of(simulated)}
    for contact, row in simulated.rows:
        runs = simulated.runs_of(contact)
        if sum(started_of(run).run_id in rung for run in runs) > 1:
            yield "called again"
        yield from _of_verdicts(runs, row)
        reason = row.reason or ""
        for words, shown in (("a duplicate", "a duplicate"), ("on a list", "forbidden"), ("is empty", "unprepared")):
            if row.tally is Tally.REFUSED and words in reason:
                yield shown
        if row.tally is Tally.REFUSED and "is stopped" in reason:
            yield "left out"
    yield from _of_reasons(simulated)


def _of_reasons(simulated: SimulatedBatch) -> Iterator[str]:
    for reason in simulated.reasons:
        if reason.startswith("it is outside the calling window"):
            yield "outside the window"
        if reason.startswith("the calling window closes too soon"):
            yield "too late in the window"
        for word in ("min_gap", "daily_cap", "max_calls", "max_attempts"):
            if f"`{word}`" in reason:
                yield f"held back by {word}"


def _was_kept(run: Simulated) -> bool:
    """Whether a dial that was lost was left to be decided about anew, and was sent again then."""
    is_dial = False
    for before, after in pairwise(run.records):
        if isinstance(before, Intended):
            is_dial = before.operation is Operation.CREATE
        if is_dial and isinstance(before, Settled) and before.then is Then.AGAIN and isinstance(after, Resumed):
            return True
    return False
