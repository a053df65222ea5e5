"""Dead air: what is expected of it between steps, and what a run measured.

Pure. `plan` marks the boundaries that are expected to be longer than `max_dead_air`; `show` tells what was measured, by
the same rule by which a run notices a breach (`conclude`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from orchestrator.core import awaiting
from orchestrator.core.conclude import may_have_been_heard, silence_before
from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.modes import asks_events
from orchestrator.core.records import Concluded, Intended, Looked, LookKind, Record, ReplayClass
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, Phase, RunState, StepReport
from orchestrator.core.step import Step

ASSUMED_GAP_S = 0.05
"""From the end of a step to the next one's first byte, where nothing was measured."""
MAIL_LAG_S = 0.05
"""A run that waits for an event asks for its mail so often (`runtime.heartbeat`)."""
_BEGIN = Instant(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Gap:
    """What passes between a step's end and the first byte of the next one.

    Attributes:
        seconds: The median of what was measured.
        measured: How many boundaries that is from; 0: it is assumed.
    """

    seconds: float = ASSUMED_GAP_S
    measured: int = 0


ASSUMED_GAP = Gap()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How the end of a step is expected to be learnt.

    Attributes:
        looks: GETs of the call.
        lag_s: How long after the end it is known, without the way of a look to the server and back.
    """

    looks: int
    lag_s: float


BY_ITS_REPLY = Watching(looks=0, lag_s=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """The dead air before one step of a run, as measured.

    Attributes:
        step: The index of the step in the run's document.
        seconds: From the end of the step before to the newest first byte of this one.
        is_breach: It was longer than `max_dead_air` allowed at that time.
        at_most: It was no longer, but may have been shorter: what was sent with a reply that was lost, and is repeated
            or left out, may have been heard in it.
    """

    step: int
    seconds: float
    is_breach: bool
    at_most: bool = False


def gap_of(runs: Iterable[Sequence[StepReport]]) -> Gap:
    """Return the gap by the steps of several runs: only of steps that went well at once, one right after the other."""
    found = [
        after.first_byte.since(before.ended)
        for steps in runs
        for before, after in pairwise(steps)
        if before.ended is not None and after.first_byte is not None
        if after.attempts == 1 and before.outcome is after.outcome is Outcome.DONE
    ]
    return Gap(max(statistics.median(found), 0.0), len(found)) if found else ASSUMED_GAP


def watching(step: Step, settings: Settings) -> Watching:
    """Return how the end of a step is learnt if it lasts as long as expected.

    An acknowledged list is looked at by the rules of a run (`awaiting`). Its end falls anywhere between two looks: half
    of their distance there is the lag. An event is in the mail a moment after the end, and is a reason to look then.
    """
    if not step.asynchronous:
        # keys are looked at once while their request is open (rules, section 4.4)
        is_keyed = step.operation is Operation.COMMAND and step.replay_class is ReplayClass.DANGEROUS
        return Watching(looks=1, lag_s=0.0) if is_keyed else BY_ITS_REPLY
    end = _BEGIN.plus(step.bounds.expected_s)
    state, last, looks = _acknowledged(step, settings), _BEGIN, 0
    while (due := awaiting.next_look(state, last)).since(end) < 0:
        state = _looked(state, due)
        last, looks = due, looks + 1
    lag_s = due.since(last) / 2
    if asks_events(settings):
        assert state.pending is not None, "an acknowledged list is pending"
        told = replace(state, pending=replace(state.pending, look_now=True))
        after_event = awaiting.next_look(told, end)
        lag_s = min(lag_s, max(after_event.since(end), 0.0) + MAIL_LAG_S)
    return Watching(looks=looks + 1, lag_s=lag_s)


def expected_silence_s(before: Step, lag_s: float, gap: Gap) -> float:
    """Return the dead air behind a step; an acknowledged one's end is learnt by a look, which takes its time too."""
    return gap.seconds + (lag_s + gap.seconds if before.asynchronous else 0.0)


def measured(records: Iterable[Record]) -> list[Silence]:
    """Return the dead air before each step of a run that callees heard, in order; a repeated step's newest counts."""
    found: dict[int, Silence] = {}
    state = RunState()
    for record in records:
        silent_s = silence_before(state, record) if isinstance(record, Concluded) else None
        if silent_s is not None:
            longest_s = state.settings.max_dead_air_s
            step = len(state.steps)
            is_breach = longest_s is not None and silent_s > longest_s
            at_most = may_have_been_heard(state)
            found[step] = Silence(step=step, seconds=silent_s, is_breach=is_breach, at_most=at_most)
        state = evolve(state, record)
    return list(found.values())


def in_short(silences: Sequence[Silence]) -> dict[str, object]:
    """Return what `show --dead-air --json` says of a whole run; nulls where nothing was measured."""
    seconds = [silence.seconds for silence in silences]
    return {
        "p50_s": round(statistics.median(seconds), 3) if seconds else None,
        "max_s": round(max(seconds), 3) if seconds else None,
        "breaches": [silence.step for silence in silences if silence.is_breach],
        "at_most": [silence.step for silence in silences if silence.at_most],
    }


def _acknowledged(step: Step, settings: Settings) -> RunState:
    intent = Intended(
        at=_BEGIN,
        operation=step.operation,
        attempt=1,
        start=step.start,
        after=step.after,
        commands=step.names,
        shortest_s=step.bounds.shortest_s,
        longest_s=step.bounds.longest_s,
        asynchronous=True,
        expected_s=step.bounds.expected_s,
    )
    return RunState(
        phase=Phase.AWAITING, settings=settings, pending=Pending(intent=intent, first_at=_BEGIN, same_since=_BEGIN)
    )


def _looked(state: RunState, at: Instant) -> RunState:
    assert state.pending is not None, "an acknowledged list is pending"
    look = Looked(at=at, began=at, kind=LookKind.CALL, ok=True)
    return replace(state, pending=replace(state.pending, looks=(look,)))
