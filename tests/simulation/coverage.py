"""What really happened in a simulation, in words, so that a test can tell what never does.

Drawing a fault is not enough: it counts where it met a request, and a crash where it fell into its gap.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import (
    Branched,
    BranchKind,
    Concluded,
    Disposition,
    Intended,
    Looked,
    LookKind,
    Record,
    ReplayClass,
    Resolved,
    Resumed,
    RunEnded,
    Settled,
    Status,
    Then,
    Verdict,
    Waited,
)
from orchestrator.core.state import Phase
from orchestrator.sandbox.operations import Operation
from tests.fakes.library_errors import Unsent
from tests.fakes.transport import Sent, Treatment
from tests.fakes.virtual_time import EPOCH
from tests.property.drawing import LIES
from tests.property.scenarios import Scenario, Theft
from tests.property.simulation import UNWRITABLE, Simulated
from tests.simulation import calls_in, limits

CRASH_ROWS = (
    "before a run is created",
    "after the run is created, before the dial's intent",
    "after the dial's intent, before its first byte",
    "while it rings, or before the dial's outcome is written",
    "after a sentence's intent, before its first byte",
    "while a sentence is spoken",
    "before the outcome of a sentence is written",
    "before the digits of a `get_dtmf` are written",
    "after the intent of a dangerous step, before its first byte",
    "while a dangerous step runs, after the look at it",
    "before the hang-up is written",
    "while it resumes",
    "while it waits between tries",
    "stopped (SIGSTOP) beyond its lease, then woken",
    "the disk is full, in mid-call",
)
"""The rows of docs/explanation/crashes.md; a test holds the two together."""

_FAULTS = (
    *(f"unsent: {kind.value}" for kind in Unsent),
    *("cut before", "cut while it runs", "cut after", "no reply", "late", "doubled", "truncated", "lied"),
    *("slow bytes", "too slow", "cancelled on disconnect", "429", "503 with Retry-After", "5xx", "408", "redirect"),
    *("409", "4xx", "event lost", "event doubled", "event late", "event untrue"),
)
_MISHAPS = (
    *("killed before an append", "killed after an append", "killed at a moment", "killed again", "started again"),
    *("stopped and woken", "starved of its lease", "clock set forward", "clock set back", "server's clock apart"),
    *("cancelled by a person", "reaped", "told to stop", "told to hand over", "left up"),
    *("ran, a person says", "did not run, a person says"),
)
_INCOMING = (
    *("taken", "answered", "turned down", "announced to nobody", "announced late", "announced twice"),
    *("told of again to its run", "offered to two at once", "refused to the second", "could not be looked at"),
    *("over when it was looked at", "given up by its caller while it rang", "hung up on by its caller"),
    *(
        "killed before it was taken",
        "killed after it was taken, before it was answered",
        "killed while it was answered",
    ),
    *("answered by a resume", "stolen while it was up", "reaped", "left ringing by a reap"),
    *("asked for its digits again, without an answer",),
)
_LIMITS = (
    *("a dial waits", "a step waits", "a look waits", "a list waits", "another run's requests count"),
    *("no place within max_silence", "a hang-up leaves without a place", "a place was slept over"),
)
_CALLEES = ("hangs up", "presses keys", "stays silent", "busy", "no answer", "rejects")

EXPECTED = frozenset(
    [
        *(f"crash: {row}" for row in CRASH_ROWS),
        *(f"fault: {fault}" for fault in _FAULTS),
        *(f"mishap: {mishap}" for mishap in _MISHAPS),
        *(f"callee: {callee}" for callee in _CALLEES),
        *(f"incoming: {what}" for what in _INCOMING),
        *(f"limits: {what}" for what in _LIMITS),
        *(f"outcome: {outcome}" for outcome in Outcome),
        *(f"verdict: {verdict}" for verdict in Verdict),
        *(f"then: {then}" for then in Then),
        *(f"branch: {kind}" for kind in BranchKind),
        *(f"class: {kind}" for kind in ReplayClass),
        *(f"end: {status}" for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNDECIDED)),
        *(f"disposition: {disposition}" for disposition in Disposition if disposition is not Disposition.UNKNOWN),
    ]
)
"""What must occur among ten thousand seeds. Only a person's verdict gives a call the disposition `unknown`."""


def seen_in(simulated: Simulated) -> set[str]:
    """Return what occurred in a simulation."""
    found = {f"crash: {row}" for row in _crash_rows(simulated)}
    found |= {f"fault: {fault}" for fault in _faults(simulated)}
    found |= {f"mishap: {mishap}" for mishap in _mishaps(simulated)}
    found |= {f"callee: {callee}" for callee in _callees(simulated)}
    if simulated.scenario.incoming is not None:
        found |= {f"incoming: {what}" for what in calls_in.seen_in(simulated, simulated.scenario.incoming)}
    if simulated.scenario.limits is not None:
        found |= {f"limits: {what}" for what in limits.seen_in(simulated, simulated.scenario.limits)}
    for record in simulated.records:
        found |= set(_of_record(record))
    if simulated.records and simulated.state.phase is Phase.UNDECIDED:
        found.add(f"end: {Status.UNDECIDED}")
    return found


def _of_record(record: Record) -> Iterator[str]:
    match record:
        case Concluded():
            yield f"outcome: {record.outcome}"
        case Settled():
            yield f"verdict: {record.verdict}"
            yield f"then: {record.then}"
        case Branched():
            yield f"branch: {record.kind}"
        case Intended():
            yield f"class: {record.replay_class}"
        case RunEnded():
            yield f"end: {record.status}"
            yield f"disposition: {record.disposition}"


def _faults(simulated: Simulated) -> Iterator[str]:
    for _, unsent in simulated.unsent:
        yield f"unsent: {unsent.value}"
    for sent in (*simulated.sent, *simulated.looks):
        yield from _of_treatment(sent, sent.treatment)
    for fate in simulated.fates:
        if not fate.delays:
            yield "event lost"
        if len(fate.delays) > 1:
            yield "event doubled"
        if any(delay_s > 1 for delay_s in fate.delays):
            yield "event late"
        if fate.lie_after_s is not None:
            yield "event untrue"


def _of_treatment(sent: Sent, treatment: Treatment) -> Iterator[str]:
    delivered = [one for one in sent.deliveries if isinstance(one, Operation)]
    if treatment.instead is not None:
        if sent.answer is treatment.instead:
            yield from _of_answer(sent)
    elif treatment.cut_after_s is not None and sent.broken:
        yield "cut while it runs" if delivered else "cut before"
    elif treatment.cut_by_reply and sent.broken:
        yield "cut after"
    elif treatment.answered_by is None or not treatment.deliveries:
        yield "no reply"
    if len(delivered) > 1:
        yield "doubled"
    if delivered and treatment.deliveries[0] > (treatment.cut_after_s or 1e9):
        yield "late"
    if treatment.share < 1.0 and sent.answer is not None:
        yield "truncated"
    if treatment.emptied and sent.answer is not None:
        yield "lied"
    if treatment.slow_s and sent.answer is not None:
        yield "too slow" if sent.broken else "slow bytes"
    if any(one.execution is not None and one.execution.outcome == "cancelled" for one in delivered):
        yield "cancelled on disconnect"


def _of_answer(sent: Sent) -> Iterator[str]:
    assert sent.answer is not None
    status = sent.answer.status
    if sent.answer in LIES:
        yield "lied"
    elif status in (408, 409, 429):
        yield str(status)
    elif status == 503 and "Retry-After" in sent.answer.headers:
        yield "503 with Retry-After"
    else:
        yield {3: "redirect", 4: "4xx", 5: "5xx"}[status // 100]


def _mishaps(simulated: Simulated) -> Iterator[str]:
    scenario = simulated.scenario
    told = [text for _, text in simulated.happened]
    killed = sum("is killed" in text for text in told)
    for crash in scenario.crashes[: simulated.lives]:
        if isinstance(crash, Theft) and simulated.robbed:
            yield "starved of its lease" if crash.stopped_s is None else "stopped and woken"
        elif not isinstance(crash, Theft) and killed and not crash.disk_full:
            moment = crash.append is None
            yield "killed at a moment" if moment else f"killed {'after' if crash.takes_effect else 'before'} an append"
    if killed > 1:
        yield "killed again"
    if any("started again" in text for text in told):
        yield "started again"
    if any("set +" in text for text in told):
        yield "clock set forward"
    if any("set -" in text for text in told):
        yield "clock set back"
    if scenario.skew_s:
        yield "server's clock apart"
    if simulated.records:
        yield from _people(simulated)


def _people(simulated: Simulated) -> Iterator[str]:
    """Yield what people asked for, decided and wanted."""
    cancel, stop = simulated.state.cancel, simulated.scenario.stop
    if cancel is not None and cancel.code in ("cancelled", "reaped"):
        yield "reaped" if cancel.code == "reaped" else "cancelled by a person"
    if simulated.told_to_stop_s is not None and stop is not None:
        yield "told to hand over" if stop.hand_over else "told to stop"
    for record in simulated.records:
        if isinstance(record, Resolved):
            yield "ran, a person says" if record.ran else "did not run, a person says"
    if simulated.state.end is not None and simulated.state.call_up:
        yield "left up"


def _callees(simulated: Simulated) -> Iterator[str]:
    causes = {"remote": "hangs up", "busy": "busy", "no_answer": "no answer", "rejected": "rejects"}
    for entry in simulated.server.transcript.entries:
        if entry["event"] == "hangup" and entry["cause"] in causes:
            yield causes[entry["cause"]]
        if entry["event"] == "ran" and entry["command"] == "get_dtmf":
            yield "presses keys" if entry["status"] == "ok" else "stays silent"


def _crash_rows(simulated: Simulated) -> Iterator[str]:
    """Yield the gaps into which processes died."""
    for at_s, on_disk in simulated.deaths:
        yield from _gap(simulated, simulated.records[:on_disk], at_s)
    if simulated.robbed and any(isinstance(each, Theft) and each.stopped_s for each in simulated.scenario.crashes):
        yield "stopped (SIGSTOP) beyond its lease, then woken"
    if any(sent.note == UNWRITABLE for sent in simulated.sent):
        yield "the disk is full, in mid-call"


def _gap(simulated: Simulated, records: list[Record], at_s: float) -> Iterator[str]:
    if not records:
        yield "before a run is created"
        return
    since = max((at for at, record in enumerate(records) if isinstance(record, Resumed)), default=None)
    if since is not None and not any(isinstance(record, Intended) for record in records[since:]):
        yield "while it resumes"
    if isinstance(records[-1], Waited) and fold(records).phase is Phase.RETRYING:
        yield "while it waits between tries"
    places = [at for at, record in enumerate(records) if isinstance(record, Intended)]
    if not places:
        if simulated.scenario.incoming is None:
            yield "after the run is created, before the dial's intent"
        return
    intent, after = records[places[-1]], records[places[-1] :]
    assert isinstance(intent, Intended)
    if not any(isinstance(record, Concluded | Resumed) for record in after):
        sent = [one for one in simulated.sent if one.note == places[-1] and one.at_s <= at_s]
        yield from _open(simulated, intent, after, sent, at_s)


def _open(simulated: Simulated, intent: Intended, after: list[Record], sent: list[Sent], at_s: float) -> Iterator[str]:
    """Yield the gaps of a process that died while an intent had no outcome."""
    running, over = _stand(simulated.scenario, sent, at_s)
    looked = any(isinstance(record, Looked) and record.kind is LookKind.OPEN and record.ok for record in after)
    if intent.operation is Kind.CREATE:
        yield "while it rings, or before the dial's outcome is written" if sent else CRASH_ROWS[2]
    elif intent.replay_class is ReplayClass.DANGEROUS and intent.operation is Kind.COMMAND:
        if not sent:
            yield "after the intent of a dangerous step, before its first byte"
        elif looked:
            yield "while a dangerous step runs, after the look at it"
    elif intent.commands[-1] == "hangup" and over:
        yield "before the hang-up is written"
    elif intent.replay_class is ReplayClass.HEARD and not sent:
        yield "after a sentence's intent, before its first byte"
    elif intent.replay_class is ReplayClass.HEARD and (running or over):
        yield "while a sentence is spoken" if running else "before the outcome of a sentence is written"
    elif "get_dtmf" in intent.commands and over:
        yield "before the digits of a `get_dtmf` are written"


def _stand(scenario: Scenario, sent: list[Sent], at_s: float) -> tuple[bool, bool]:
    """Return whether the server was at work on what was sent, and whether it was done with it."""
    operations = [one for each in sent for one in each.deliveries if isinstance(one, Operation)]
    begun = [one for one in operations if one.received_at - EPOCH - scenario.skew_s <= at_s]
    done = [one for one in begun if one.completed_at is not None and one.completed_at - EPOCH - scenario.skew_s <= at_s]
    return len(begun) > len(done), bool(done)
