"""What can befall a request, and what a callee can answer to a question: the choices that `exploring` tries. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from orchestrator.core.exchange import Operation
from orchestrator.core.records import Intended, ReplayClass
from orchestrator.core.script import GetDtmf, Script, Switch

TOO_LATE_S = 5.0
"""By so much a late resume misses `max_silence`."""
_QUICK_S = 1.0
_MISSED_S = 2.0
"""So long it takes to miss a dead process, where nothing depends on it."""
_KEYS = re.compile(r"[0-9*#]+", re.ASCII)
_ANY_KEYS = "1234567890"


class Mishap(StrEnum):
    """What befalls one request. The value ends a sentence that begins with "if"."""

    NOT_RECEIVED = "its request is lost before the API has it"
    CUT = "its connection is cut while it runs"
    REPLY_LOST = "it runs and its reply is lost"
    UNSEEN = "it runs, its reply is lost, and no look at the call was made meanwhile"
    OUT_OF_REACH = "it runs, its reply is lost, and the API stays out of reach"
    HUNG_UP = "the callee hangs up while it runs, and its reply is lost"
    KILLED_BEFORE = "the process is killed before it writes the intent"
    RESUMED_LATE = "the process is killed before it, and the run is resumed after more than max_silence"
    GONE_MEANWHILE = "the process is killed before it, and the callee hangs up before the run is resumed"
    KILLED_INTENT = "the process is killed after the intent is written, before the request leaves"
    KILLED_RUNNING = "the process is killed while it runs, and the run is resumed while it still does"
    KILLED_LATER = "the process is killed before its reply is written, and the run is resumed as soon as it is over"
    KILLED_LATE = (
        "the process is killed before its reply is written, and the run is resumed after more than max_silence"
    )
    KILLED_HUNG_UP = "the process is killed while it runs, and the callee hangs up"


KILLED = frozenset(
    {Mishap.KILLED_INTENT, Mishap.KILLED_RUNNING, Mishap.KILLED_LATER, Mishap.KILLED_LATE, Mishap.KILLED_HUNG_UP}
)
"""Those in which the process dies with its request."""
_OF_AN_END = (Mishap.NOT_RECEIVED, Mishap.REPLY_LOST, Mishap.KILLED_INTENT, Mishap.KILLED_LATER)
_OF_ANY = (*_OF_AN_END, Mishap.KILLED_BEFORE)
_OF_A_CALL = (*_OF_ANY, Mishap.CUT, Mishap.OUT_OF_REACH, Mishap.HUNG_UP, Mishap.KILLED_RUNNING, Mishap.KILLED_HUNG_UP)


def mishaps_of(intent: Intended) -> tuple[Mishap, ...]:
    """Return what can befall a request."""
    match intent.operation:
        case Operation.CREATE:
            return _OF_A_CALL
        case Operation.COMMAND:
            silent = (Mishap.RESUMED_LATE, Mishap.KILLED_LATE, Mishap.GONE_MEANWHILE)
            dangerous = (Mishap.UNSEEN,) if intent.replay_class is ReplayClass.DANGEROUS else ()
            return (*_OF_A_CALL, *silent, *dangerous)
        case Operation.SMS:
            return _OF_ANY
        case _:
            return _OF_AN_END


def lasting_s(intent: Intended, mishap: Mishap | None) -> float:
    """Return how long a request's work takes: the middle between its shortest and its longest time.

    It is over almost at once where a resume is to come early, so that its callee has not waited for long: bounds of
    speech are estimates, and a sandbox may run many times as fast.
    """
    if intent.operation is Operation.END:
        return 0.0
    middle_s = (intent.shortest_s + intent.longest_s) / 2
    is_early = intent.operation is Operation.COMMAND and mishap is Mishap.KILLED_LATER
    return min(middle_s, _QUICK_S) if is_early else middle_s


def extremes_s(intent: Intended) -> tuple[float, ...]:
    """Return the other times to try for a step that is done before anything befalls the next one.

    Whoever resumes the run does not know that it is done, and counts the silence from before it: by its length the
    callee has waited for too long, or not. An asynchronous list is not over with its reply.
    """
    is_open = intent.operation is Operation.COMMAND and not intent.asynchronous
    return (intent.shortest_s, intent.longest_s) if is_open and intent.shortest_s < intent.longest_s else ()


def resumed_after_s(mishap: Mishap, lasts_s: float, *, max_silence_s: float) -> float:
    """Return how long after the death of a process another takes over.

    Args:
        mishap: One of `KILLED`.
        lasts_s: How long the request's work takes, from about the same moment.
        max_silence_s: How long a callee may be left waiting.
    """
    match mishap:
        case Mishap.KILLED_RUNNING:
            return 0.0
        case Mishap.KILLED_INTENT:
            return _MISSED_S
        case Mishap.KILLED_LATER:
            return lasts_s
        case Mishap.KILLED_LATE:
            return lasts_s + max_silence_s + TOO_LATE_S
        case _:
            return lasts_s + _MISSED_S


def keys_to_try(script: Script, intent: Intended) -> tuple[str | None, ...]:
    """Return what the callee may press during a step: for each case of a switch its keys, another key, and nothing.

    Without a question in the step there is nothing to press. The first is one that the script knows what to do with.
    """
    question = next((entry for entry in intent.command_entries if _asks(script, entry)), None)
    if question is None:
        return (None,)
    name = script.entries[question].save
    cases: list[str] = []
    for entry in script.entries:
        if name is not None and isinstance(entry.element, Switch) and name in entry.element.subject.names:
            cases += [keys for keys in entry.element.cases if _KEYS.fullmatch(keys) and keys not in cases]
    others = [key for key in _ANY_KEYS if key not in cases]
    return (*cases, *(_as_many(script, question, key) for key in others[:1]), None)


def _asks(script: Script, entry: int) -> bool:
    return entry >= 0 and isinstance(script.entries[entry].element, GetDtmf)


def _as_many(script: Script, entry: int, key: str) -> str:
    """Return as many keys as are asked for."""
    element = script.entries[entry].element
    digits = element.max_digits if isinstance(element, GetDtmf) else None
    return key * (digits or 1)
