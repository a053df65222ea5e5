"""Where a run stands between two records, and the table of every transition there is.

`evolve` looks transitions up here; `docs/draw.py` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """Where a run stands between two records."""

    NEW = "new"
    READY = "ready"
    SENDING = "sending"
    AWAITING = "awaiting"
    RETRYING = "retrying"
    SETTLING = "settling"
    BUSY = "busy"
    FAILED = "failed"
    OVER = "over"
    UNDECIDED = "undecided"
    ENDED = "ended"


class Event(StrEnum):
    """What a record means to the phase of its run."""

    STARTED = "started"
    INTENDED = "intended"
    ACCEPTED = "acknowledged"
    DONE = "done"
    COMMAND_FAILED = "command failed"
    HELD_BACK = "not sent or throttled"
    LOST = "outcome unknown"
    NOT_READY = "call busy"
    CALL_OVER = "call over"
    STILL = "nothing changes"
    BRANCHED = "branched"
    SEEN_READY = "call seen ready"
    GO_ON = "settled: go on"
    AGAIN = "settled: send again"
    STOP = "settled: stop"
    END_DECIDED = "end decided"
    NEEDS_VERDICT = "needs a verdict"
    RESUMED = "resumed"
    RESOLVED_ON = "resolved: go on"
    RESOLVED_AGAIN = "resolved: send again"
    RUN_ENDED = "run ended"


TRANSITIONS: Mapping[Phase, Mapping[Event, Phase]] = {
    Phase.NEW: {Event.STARTED: Phase.READY},
    Phase.READY: {
        Event.INTENDED: Phase.SENDING,
        Event.STILL: Phase.READY,
        Event.BRANCHED: Phase.READY,
        Event.SEEN_READY: Phase.READY,
        Event.NOT_READY: Phase.BUSY,
        Event.CALL_OVER: Phase.OVER,
        Event.END_DECIDED: Phase.READY,
        Event.NEEDS_VERDICT: Phase.UNDECIDED,
        Event.RESUMED: Phase.READY,
        Event.RUN_ENDED: Phase.ENDED,
    },
    Phase.SENDING: {
        Event.STILL: Phase.SENDING,
        Event.ACCEPTED: Phase.AWAITING,
        Event.DONE: Phase.READY,
        Event.COMMAND_FAILED: Phase.FAILED,
        Event.HELD_BACK: Phase.RETRYING,
        Event.LOST: Phase.SETTLING,
        Event.NOT_READY: Phase.BUSY,
        Event.CALL_OVER: Phase.OVER,
        Event.NEEDS_VERDICT: Phase.UNDECIDED,
        Event.RESUMED: Phase.SETTLING,
    },
    Phase.AWAITING: {
        Event.STILL: Phase.AWAITING,
        Event.DONE: Phase.READY,
        Event.COMMAND_FAILED: Phase.FAILED,
        Event.LOST: Phase.SETTLING,
        Event.CALL_OVER: Phase.OVER,
        Event.END_DECIDED: Phase.READY,
        Event.RESUMED: Phase.AWAITING,
    },
    Phase.RETRYING: {
        Event.INTENDED: Phase.SENDING,
        Event.BRANCHED: Phase.READY,
        Event.STILL: Phase.RETRYING,
        Event.SEEN_READY: Phase.RETRYING,
        Event.NOT_READY: Phase.BUSY,
        Event.CALL_OVER: Phase.OVER,
        Event.NEEDS_VERDICT: Phase.UNDECIDED,
        Event.END_DECIDED: Phase.READY,
        Event.RESUMED: Phase.RETRYING,
    },
    Phase.SETTLING: {
        Event.INTENDED: Phase.SENDING,
        Event.STILL: Phase.SETTLING,
        Event.GO_ON: Phase.READY,
        Event.COMMAND_FAILED: Phase.FAILED,
        Event.NOT_READY: Phase.BUSY,
        Event.AGAIN: Phase.RETRYING,
        Event.CALL_OVER: Phase.OVER,
        Event.STOP: Phase.READY,
        Event.NEEDS_VERDICT: Phase.UNDECIDED,
        Event.END_DECIDED: Phase.READY,
        Event.RESUMED: Phase.SETTLING,
    },
    Phase.BUSY: {
        Event.STILL: Phase.BUSY,
        Event.NOT_READY: Phase.BUSY,
        Event.SEEN_READY: Phase.READY,
        Event.AGAIN: Phase.RETRYING,
        Event.LOST: Phase.SETTLING,
        Event.CALL_OVER: Phase.OVER,
        Event.END_DECIDED: Phase.READY,
        Event.RESUMED: Phase.BUSY,
    },
    Phase.FAILED: {
        Event.BRANCHED: Phase.READY,
        Event.STILL: Phase.FAILED,
        Event.SEEN_READY: Phase.FAILED,
        Event.NOT_READY: Phase.FAILED,
        Event.END_DECIDED: Phase.READY,
        Event.CALL_OVER: Phase.OVER,
        Event.RESUMED: Phase.FAILED,
    },
    Phase.OVER: {
        Event.INTENDED: Phase.SENDING,
        Event.STILL: Phase.OVER,
        Event.SEEN_READY: Phase.OVER,
        Event.NOT_READY: Phase.OVER,
        Event.BRANCHED: Phase.OVER,
        Event.CALL_OVER: Phase.OVER,
        Event.END_DECIDED: Phase.OVER,
        Event.NEEDS_VERDICT: Phase.UNDECIDED,
        Event.RESUMED: Phase.OVER,
        Event.RUN_ENDED: Phase.ENDED,
    },
    Phase.UNDECIDED: {
        Event.INTENDED: Phase.SENDING,
        Event.STILL: Phase.UNDECIDED,
        Event.RESUMED: Phase.UNDECIDED,
        Event.RESOLVED_ON: Phase.READY,
        Event.RESOLVED_AGAIN: Phase.RETRYING,
        Event.CALL_OVER: Phase.OVER,
    },
    Phase.ENDED: {Event.STILL: Phase.ENDED, Event.RESUMED: Phase.ENDED, Event.INTENDED: Phase.SENDING},
}
"""Every transition. What the table cannot say: whether the call is over follows from the newest call object seen."""
