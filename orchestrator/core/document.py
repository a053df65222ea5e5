"""The document of a run: what `show RUN --json` and `run --json` print, and the exit code (rules, section 7). Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.core.ending import disposition_of
from orchestrator.core.exchange import CommandResult
from orchestrator.core.instant import Instant
from orchestrator.core.masking import masked
from orchestrator.core.records import Disposition, Fault, Status
from orchestrator.core.state import Phase, RunState, StepReport

SECRET = "***"  # noqa: S105 - what is shown in place of a secret
"""Stands in documents for the value of a variable that is secret."""

INCOMING, OUTGOING = "incoming", "outgoing"
"""Who began a call: whoever called us, or the run. A document without `direction` tells of an outgoing one."""

_EXIT_CODES = {
    "authentication": 77,
    "configuration": 78,
    "journal": 73,
    "unreachable": 69,
    "stopped": 75,
    "unsettled": 75,
    "undecided": 20,
    "changed_past": 65,
}


def status_of(state: RunState, now: Instant, *, driven: bool) -> Status:
    """Return the status of a run, given whether a live process drives it."""
    if state.end is not None:
        return state.end.status
    if state.phase is Phase.UNDECIDED:
        return Status.UNDECIDED
    if state.wake is not None and state.wake.since(now) > 0:
        return Status.WAITING
    return Status.RUNNING if driven else Status.INTERRUPTED


def exit_code_of_run(state: RunState, rest: Fault | None) -> int:
    """Return the exit code for one driven run, by the precedence of the rules, section 7.

    75 says that running again resumes it; a run that has ended, though it was stopped, leaves nothing to resume.
    """
    fault = rest or (None if state.end is None else state.end.fault)
    by_fault = 0 if fault is None else _EXIT_CODES.get(fault.code, 0)
    if state.end is None:
        return by_fault or 75
    return by_fault if by_fault not in (0, 75) else (0 if state.end.status is Status.COMPLETED else 1)


def document_of(
    state: RunState, now: Instant, *, driven: bool, rest: Fault | None = None, resume_command: str | None = None
) -> dict[str, Any]:
    """Return the document of a run, a JSON value without secrets.

    Args:
        state: The run.
        now: This moment, to tell `waiting` from `interrupted`.
        driven: Whether a live process drives it.
        rest: Why the process that drove it stopped, where it was this one.
        resume_command: The command that resumes it; shown only for a run that can be resumed.
    """
    begun, end = state.begun, state.end
    status = status_of(state, now, driven=driven)
    fault = rest or (end.fault if end is not None else (state.ending.fault if state.ending is not None else None))
    resumable = end is None and not driven and status in (Status.INTERRUPTED, Status.WAITING)
    disposition: Disposition | None = None
    if end is not None:
        disposition = end.disposition
    elif state.phase is Phase.UNDECIDED:
        disposition = disposition_of(state)
    return {
        "run_id": begun.run_id,
        "script": begun.script_name,
        "status": status.value,
        "disposition": None if disposition is None else disposition.value,
        "result": None if end is None or end.result is None else masked(end.result),
        "call_id": state.call_id,
        "to": begun.to,
        "started_at": begun.at.rfc3339(),
        "ended_at": None if end is None else end.at.rfc3339(),
        "variables": _variables(state),
        "requests_sent": state.requests_sent,
        "steps": [_step(report) for report in _reports(state, driven=driven)],
        "error": _error(fault, resume_command=resume_command if resumable else None, resumable=resumable),
        **({} if begun.call is None else {"direction": INCOMING, "from": begun.from_ or None}),
    }


def error_document(code: str, message: str, *, resume_command: str | None = None) -> dict[str, Any]:
    """Return the document of a run that never came to be; of another one the part that tells of an error."""
    return {"error": {"code": code, "message": masked(message), "resume_command": resume_command}}


def _error(fault: Fault | None, *, resume_command: str | None, resumable: bool) -> dict[str, Any] | None:
    if fault is None and not resumable:
        return None
    if fault is None:
        fault = Fault(code="interrupted", message="no process drives this run, and it has not ended")
    return {"code": fault.code, "message": masked(fault.message), "resume_command": resume_command}


def _variables(state: RunState) -> dict[str, Any]:
    secret = state.secret_names
    shown = {name: SECRET if name in secret else masked(value) for name, value in state.variables.items()}
    shown |= dict.fromkeys(state.lost, SECRET)
    for name in ("to", "from", "run_id", "call_id"):
        shown.pop(name, None)
    return shown


def _reports(state: RunState, *, driven: bool) -> list[StepReport]:
    unfinished = state.pending or state.left_over
    reports = list(state.steps)
    if unfinished is not None and unfinished.intent.command_entries:
        report = unfinished.report(index=len(reports))
        under_way = driven and state.phase is Phase.SENDING
        reports.append(replace(report, outcome=None) if under_way else report)
    return reports


def _step(report: StepReport) -> dict[str, Any]:
    return {
        "index": report.index,
        "commands": list(report.commands),
        "attempts": report.attempts,
        "outcome": None if report.outcome is None else report.outcome.value,
        "verdict": None if report.verdict is None else report.verdict.value,
        "evidence": None if report.evidence is None else masked(report.evidence),
        "started_at": report.started.rfc3339(),
        "ended_at": None if report.ended is None else report.ended.rfc3339(),
        "results": None if report.results is None else [_result(result) for result in report.results],
    }


def _result(result: CommandResult) -> dict[str, Any]:
    shown: dict[str, Any] = {"command": result.command, "status": "ok" if result.ok else "failed"}
    if result.error is not None:
        shown["error"] = masked(result.error)
    if result.digits is not None:
        shown["dtmf"] = masked(result.digits)
    elif result.digit_count is not None:
        shown["dtmf_count"] = result.digit_count
    return shown
