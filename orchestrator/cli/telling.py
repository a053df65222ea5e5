"""The story of one run from its records: what its document does not show. For `show` and `why`.

It only reads; how records come about is the core's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output import line, safe
from orchestrator.cli.story import NOT_SENT, caller, cause, ended_as, is_incoming, local, state_of, uncertain
from orchestrator.cli.watch import call_may_be_up
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    Intended,
    Noticed,
    Record,
    Resolved,
    Resumed,
    Settled,
    Then,
    Waited,
)

if TYPE_CHECKING:
    from orchestrator.core.state import RunState

_SHORTEST_WAIT_TOLD_S = 5.0
_THEN = {
    Then.GO_ON: "the run goes on",
    Then.AGAIN: "it is to be sent again",
    Then.REPEAT: "it may be repeated",
    Then.SKIP: "the run goes on without it",
    Then.STOP: "the run stops",
}
_VERDICTS = {
    "ran": "it ran",
    "partly": "it ran in part",
    "did_not_run": "it did not run",
    "undecidable": "whether it ran is not known",
}
_BRANCHES = {
    BranchKind.WHEN: "skipped",
    BranchKind.SWITCH: "branched",
    BranchKind.GOTO: "jumped",
    BranchKind.RETRY: "tried again",
    BranchKind.ON_FAILURE: "after a failure went on",
    BranchKind.STALE: "after a long silence went on",
    BranchKind.LOST_DIGITS: "went back to ask for digits that were lost",
    BranchKind.CALL_GONE: "the call is over: went on",
}


def heading(document: Mapping[str, Any]) -> str:
    """Return what a run is and how it stands, a fact a line."""
    shown = {
        "Run": document["run_id"],
        "Script": line(document["script"]),
        "From": f"{caller(document)}, an incoming call" if is_incoming(document) else None,
        "To": line(document["to"]),
        "Status": ended_as(document["status"], document["disposition"]),
        "Result": None if document["result"] is None else line(document["result"]),
        "Call": document["call_id"],
        "Started": local(document["started_at"]),
        "Ended": None if document["ended_at"] is None else local(document["ended_at"]),
        "Requests": document["requests_sent"],
    }
    lines = [f"{name:10}{fact}" for name, fact in shown.items() if fact is not None]
    for number, (name, value) in enumerate(document["variables"].items()):
        lines.append(f"{'' if number else 'Variables':10}{name}={line(value)}")
    return "\n".join(lines)


def events(records: Sequence[Record]) -> list[str]:
    """Return what happened besides steps that went well, a line each, in order."""
    told = []
    commands: tuple[str, ...] = ()
    for record in records:
        if isinstance(record, Intended):
            commands = record.commands or ("hang-up",)
        text = _told(record, ", ".join(commands))
        if text is not None:
            told.append(f"{local(record.at.rfc3339())[11:]}  {text}")
    return told


def why(document: Mapping[str, Any], state: RunState) -> str:
    """Return in one line why a run waits or rests, what it does, or how it ended."""
    status = document["status"]
    run = f"Run {document['run_id'][:8]}"
    message = cause(document)
    if status == "undecided":
        found = uncertain(document)
        return f"{run} needs a person's verdict: {message if found is None else f'it is not known {found[0]}'}."
    if status == "waiting":
        assert state.wake is not None, "a run that waits has a wake time"
        return f"{run} waits until {local(state.wake.rfc3339())}: {line(state.wake_why)}."
    if status == "running":
        steps = document["steps"]
        doing = ", ".join(steps[-1]["commands"]) if steps else "nothing yet"
        return f"{run} is running: {doing}."
    if status == "interrupted":
        up = "its call may be up" if call_may_be_up(state) else "it has no live call"
        return f"{run} is interrupted: {message}{_last_trouble(document)}; {up}."
    how = f", {document['disposition']}" if document["disposition"] not in (None, status) else ""
    with_result = "" if document["result"] is None else f" with the result {line(document['result'])}"
    return f"{run} ended {local(document['ended_at'])}: {status}{how}{with_result}{f': {message}' if message else ''}."


def _last_trouble(document: Mapping[str, Any]) -> str:
    """Return what became of the step that the run rests at, where it did not go well."""
    step = document["steps"][-1] if document["steps"] else None
    if step is None or step["outcome"] in (None, "done"):
        return ""
    words = state_of(step, is_open=False)[0]
    return f"; {', '.join(step['commands'])}: {words}{f', {_reason(step)}' if step['evidence'] else ''}"


def _reason(step: Mapping[str, Any]) -> str:
    return line(step["evidence"]).removeprefix(NOT_SENT)


def _told(record: Record, commands: str) -> str | None:
    match record:
        case Concluded(outcome=Outcome.DONE):
            return None
        case Concluded(outcome=outcome, reason=reason):
            words = {"unknown": "reply lost", "not_sent": "not sent", "throttled": "told to wait"}
            return f"{commands}: {words.get(outcome.value, outcome.value)}: {line(reason).removeprefix(NOT_SENT)}"
        case Settled(verdict=verdict, evidence=evidence, then=then):
            return f"{commands}: {_VERDICTS[verdict.value]}: {line(evidence)}; {_THEN[then]}"
        case Branched(kind=kind, label=label, reason=reason):
            where = f" at `{line(label)}`" if label is not None else ""
            return f"{_BRANCHES[kind]}{where}{f': {line(reason)}' if reason else ''}"
        case Waited(at=at, wake=wake, why=reason):
            waited_s = wake.since(at)
            return f"waited {waited_s:.0f} s {line(reason)}" if waited_s >= _SHORTEST_WAIT_TOLD_S else None
        case Resumed(why=reason):
            return {"resume": "another process carried on", "reap": "another process ended the abandoned call"}.get(
                reason, f"another process took over: {line(reason)}"
            )
        case CancelAsked(why=reason):
            return f"told to end: {line(reason)}"
        case Resolved(ran=ran, note=note):
            said = "it happened" if ran else "it did not happen"
            return f"a person's verdict: {said}{f' ({safe(note)})' if note else ''}"
        case Noticed(message=message):
            return f"notice: {line(message)}"
        case _:
            return None
