"""A run's document in words: the summary, the table of its steps, what went wrong and what to do about it.

It reads documents (rules, section 7) and writes text; it neither prints nor knows journals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output import empty_table, line, safe
from orchestrator.core.document import INCOMING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.spinner import Spinner
    from rich.table import Table

    from orchestrator.core.state import RunState

Document = Mapping[str, Any]
NOT_SENT = "not sent: "
"""Begins the reason of an attempt that was not sent; where that is said already, it would be said twice."""
WAYS_ON = ("It happened: ", "It did not happen: ", "To carry on with it: ", "To end the call: ")
"""Begin the lines that end in a command, for copying."""
WIDE = 100
"""From so many columns on there is room for evidence beside a step: ids in it must not be broken."""
_NOT_KNOWN = (
    ("dial", "whether the phone rang"),
    ("sms", "whether the text message was sent"),
    ("send_dtmf", "whether the digits were keyed"),
    ("get_dtmf", "which digits were pressed"),
    ("hangup", "whether the call was hung up"),
)
_VERDICTS = {
    "ran": "done, its reply was lost",
    "partly": "partly done",
    "did_not_run": "did not run",
    "undecidable": "not known",
}
_OPEN = {"unknown": "reply lost, finding out", "not_sent": "not sent, trying again", "throttled": "told to wait"}
_OVER = {"unknown": "not known", "not_sent": "not sent", "throttled": "told to wait", "rejected": "refused"}


def summary(document: Document) -> str:
    """Return how a run stands, one fact a line."""
    result = document["result"]
    facts = {
        "status": document["status"],
        "disposition": document["disposition"] or "-",
        "result": "-" if result is None else line(result),
        "steps": len(document["steps"]),
        "run": document["run_id"],
    }
    return "\n".join(f"{name + ':':13}{fact}" for name, fact in facts.items())


def trouble(document: Document, command: Callable[..., str] | None, *, call_up: bool = False) -> list[str]:
    """Return what went wrong with a run and what to do next, a line each; nothing when all is well.

    Args:
        document: The run's.
        command: Makes a command of this program from its words; None where nothing can be done: its sandbox is gone.
        call_up: Its call may be up although nobody drives the run.
    """
    error = document["error"]
    if document["status"] == "undecided":
        lines = _needs_verdict(document, command)
    elif error is None:
        return []
    else:
        lines = [f"{_short(document)}: {safe(error['message'])}"]
        if error["resume_command"] is not None:
            lines += [f"To carry on with it:  {error['resume_command']}"]
    if call_up and command is not None and document["status"] in ("undecided", "interrupted", "waiting"):
        up = "may still be up" if document["call_id"] is not None else "may be ringing, or be up"
        who = "caller" if is_incoming(document) else "callee"
        lines.insert(1, f"Its call {up}: the {who} hears nothing until somebody carries on with it, or ends it.")
        if document["status"] != "undecided" or document["call_id"] is not None:  # else nobody knows which it is
            lines.append(f"To end the call:      {command('cancel', document['run_id'])}")
    return lines


def ended_as(status: str, disposition: str | None) -> str:
    """Return how a run stands, and how its call ended where that says more."""
    return status if disposition in (None, status) else f"{status} ({disposition})"


def is_incoming(document: Document) -> bool:
    """Return whether the run takes a call, and dials nobody; of a document of `runs` as well."""
    return bool(document.get("direction") == INCOMING)


def other_end(document: Document) -> str:
    """Return whom the call is with: `to` who is called, or `from` who has called."""
    return f"from {caller(document)}" if is_incoming(document) else f"to {line(document['to'])}"


def caller(document: Document) -> str:
    """Return who calls, as far as that is known."""
    return line(document["from"]) if document["from"] else "a withheld number"


def cause(document: Document) -> str:
    """Return what went wrong with a run, without the commands that settle it; nothing where nothing did."""
    from orchestrator.compose import WAY_OUT

    return "" if document["error"] is None else line(document["error"]["message"].partition(WAY_OUT)[0])


def uncertain(document: Document) -> tuple[str, Mapping[str, Any]] | None:
    """Return what is not known of an undecided run, in words, and the step it is about."""
    for step in reversed(document["steps"]):
        if step["outcome"] == "unknown" and step["verdict"] in (None, "undecidable", "partly"):
            known = [text for name, text in _NOT_KNOWN if name in step["commands"]]
            return (known or ["whether all of it was heard"])[0], step
    return None


def steps_table(
    steps: Sequence[Mapping[str, Any]],
    *,
    now: float | None = None,
    sending: bool = False,
    spinner: Spinner | None = None,
    with_evidence: bool = True,
) -> Table:
    """Return the table of steps.

    Args:
        steps: Of a document.
        now: Seconds since the epoch, for the step that goes on; None where none does.
        sending: The request of the step that goes on is open.
        spinner: Stands beside that step.
        with_evidence: Add the column of evidence; it needs a line of `WIDE` columns.
    """
    from rich.text import Text

    table = empty_table()
    table.add_column("step", justify="right")
    table.add_column("commands", overflow="fold")
    table.add_column("state", overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    if with_evidence:
        table.add_column("evidence", overflow="fold")
    for step in steps:
        is_open = step["ended_at"] is None and now is not None
        words, style = ("running", "cyan") if is_open and sending else state_of(step, is_open=is_open)
        state: RenderableType = Text(words, style=style)
        if is_open and spinner is not None:
            spinner.update(text=state)
            state = spinner
        table.add_row(
            str(step["index"]),
            ", ".join(step["commands"]),
            state,
            _seconds(step, now),
            *([Text(_evidence(step))] if with_evidence else []),
        )
    return table


def evidence(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the evidence of each step that has some, a line each: for where the table has no room for it."""
    return [f"step {step['index']}: {_evidence(step)}" for step in steps if step["evidence"]]


def _evidence(step: Mapping[str, Any]) -> str:
    return line(step["evidence"] or "").removeprefix(NOT_SENT)  # its state says that


def is_sending(state: RunState) -> bool:
    """Return whether a request of the run is open, as far as its records tell."""
    return state.pending is not None and state.pending.concluded is None


def state_of(step: Mapping[str, Any], *, is_open: bool) -> tuple[str, str]:
    """Return what a step has come to, in words, and a style for it."""
    failed = next((result for result in step["results"] or () if result["status"] == "failed"), None)
    outcome, verdict = step["outcome"], step["verdict"]
    if is_open and verdict is None:
        words, style = _OPEN.get(outcome, "waiting"), "yellow"
    elif failed is not None:
        words, style = f"failed: {line(failed.get('error') or 'no reason given')}", "yellow"
    elif verdict is not None:
        words, style = _VERDICTS[verdict], "green" if verdict == "ran" else "yellow"
    elif outcome == "done":
        words, style = "done", "green"
    else:
        words, style = _OVER.get(outcome, "interrupted"), "red"
    return (words if step["attempts"] < 2 else f"{words} ({step['attempts']} attempts)"), style


def moment(text: str | None) -> datetime | None:
    """Return a document's time; None for null."""
    return None if text is None else datetime.fromisoformat(text)


def local(text: str | None) -> str:
    """Return a document's time as a clock on the wall here shows it."""
    at = moment(text)
    return "-" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(seconds: float) -> str:
    """Return an age with one unit."""
    for unit, length_s in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length_s:
            return f"{seconds // length_s:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"


def _needs_verdict(document: Document, command: Callable[..., str] | None) -> list[str]:
    run_id = document["run_id"]
    found = uncertain(document)
    if found is None:
        lines = [f"{_short(document)} needs a person's verdict: {cause(document)}"]
        about_dial = document["call_id"] is None
    else:
        words, step = found
        about_dial = "dial" in step["commands"]
        lines = [f"{_short(document)} needs a person's verdict: it is not known {words}."]
        lines.append(f"The step:   {step['index']} ({', '.join(step['commands'])}), begun {local(step['started_at'])}")
        lines.append(f"Evidence:   {line(step['evidence']) if step['evidence'] else cause(document)}")
    if command is None:
        return lines
    ran = ["--ran", *(["--call", "CALL_ID"] if about_dial else [])]
    return [
        *lines,
        f"It happened:         {command('resolve', run_id, *ran)}",
        f"It did not happen:   {command('resolve', run_id, '--not-run')}",
    ]


def _short(document: Document) -> str:
    return f"Run {document['run_id'][:8]} {other_end(document)}"


def _seconds(step: Mapping[str, Any], now: float | None) -> str:
    begun, ended = moment(step["started_at"]), moment(step["ended_at"])
    if begun is None or (ended is None and now is None):
        return "-"
    until = datetime.fromtimestamp(now or 0, UTC) if ended is None else ended
    return f"{max((until - begun).total_seconds(), 0):.1f}"
