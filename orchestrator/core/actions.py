"""What `decide` can name as the next action of a run, and what the driver may be told. Frozen values, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.exchange import Request
from orchestrator.core.instant import Instant
from orchestrator.core.records import Fault, Intended, LookKind, Record, RunEnded, Waited


@dataclass(frozen=True, slots=True)
class Send:
    """Journal the intent, then send the request. For a dangerous step look at the call `look_after_s` into it."""

    intent: Intended
    request: Request
    look_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Journal the wake time (unless `record` is None: it is journalled already), then wait for it."""

    until: Instant
    record: Waited | None


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Look at the call or at the list of calls, and journal what was seen."""

    kind: LookKind


@dataclass(frozen=True, slots=True)
class Note:
    """Take a record into the state; it reaches the disk with the next thing that must."""

    record: Record


@dataclass(frozen=True, slots=True)
class Finish:
    """Journal the end of the run."""

    record: RunEnded


@dataclass(frozen=True, slots=True)
class Rest:
    """Stop driving without ending the run: somebody else, or a later process, carries on."""

    fault: Fault | None = None


Action = Send | Wait | Reconcile | Note | Finish | Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the driver was told from outside, by signals.

    Attributes:
        no_new_dial: Do not begin a call any more.
        ring_by_wall: A call rings by then, or not at all, whatever has become of its dial before: seconds since the
            epoch. None: at any time.
        hand_over: Leave the call up for a later resume, at the next boundary between steps.
        hurry: Do not wait for evidence of a lost dial; a later process may (`reap`).
    """

    no_new_dial: bool = False
    ring_by_wall: float | None = None
    hand_over: bool = False
    hurry: bool = False
