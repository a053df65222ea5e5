"""Where a contact stands → its row of the results, without its own columns. For whoever writes or shows results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.core.admission import CALLED_AGAIN, LEFT_OUT
from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.records import Concluded, Disposition, Record
from orchestrator.core.state import Phase, RunState
from orchestrator.ports import ContactState, Standing
from orchestrator.runtime.facts import is_undialled

NOT_OVER = "its call is not over; the next tick carries on with it"
"""Why a contact waits whose call neither ended nor needs a person."""
NOT_BEGUN = "its call was not begun"
"""How the reason begins why a contact waits whose dial is known not to have left."""
_STATUSES: Mapping[Tally, str] = {
    Tally.REACHED: "completed",
    Tally.NOT_REACHED: "failed",
    Tally.REFUSED: "refused",
    Tally.WAITING: "waiting",
    Tally.UNKNOWN: "undecided",
}
_EXIT_CODES: Mapping[Tally, int] = {
    Tally.REACHED: 0,
    Tally.NOT_REACHED: 1,
    Tally.REFUSED: 1,
    Tally.WAITING: 75,
    Tally.UNKNOWN: 20,
}


def result_of(
    number: str, standing: Standing | None, *, read: Callable[[str], list[Record]], stopped: bool = False
) -> ResultRow:
    """Return the result of a contact.

    Args:
        number: The callee's.
        standing: Where the contact stands; None for one that no tick has come to.
        read: Returns the records of a run.
        stopped: A person stopped the campaign: nobody waits for a further call, and what the last one came to stands.
    """
    if standing is None:
        if stopped:
            return ResultRow(to=number, disposition=Tally.REFUSED, reason=LEFT_OUT)
        return ResultRow(to=number, disposition=Tally.WAITING, reason="its turn has not come yet")
    reason = in_one_line(standing.reason)
    row = partial(ResultRow, to=number, attempts=standing.attempts, run_id=standing.run_id, call_id=standing.call_id)
    match standing.state:
        case ContactState.WAITING if stopped and standing.disposition is None:
            return row(disposition=Tally.REFUSED, reason=LEFT_OUT)
        case ContactState.WAITING if not stopped:
            return row(disposition=Tally.WAITING, reason=reason)
        case ContactState.REFUSED:
            return row(disposition=Tally.REFUSED, reason=reason)
        case ContactState.AGAIN if not stopped:
            when = "" if standing.due_wall is None else f" from {rfc3339(standing.due_wall)} on"
            return row(disposition=Tally.WAITING, reason=f"{standing.disposition}: {CALLED_AGAIN}{when}")
        case ContactState.OPEN:
            disposition, reason = _of_open(read(standing.run_id or ""), stopped=stopped)
            return row(disposition=disposition, reason=reason)
        case _:
            if standing.state in (ContactState.WAITING, ContactState.AGAIN):  # what is noted is why it waited
                reason = f"it is not called again: {LEFT_OUT}"
            return row(
                disposition=standing.disposition or Disposition.UNKNOWN,
                result=standing.result,
                started_at=rfc3339(standing.started_wall),
                ended_at=rfc3339(standing.ended_wall),
                reason=reason,
            )


def row_of_call(state: RunState, *, attempts: int) -> ResultRow:
    """Return what one call of a contact came to, whose run has ended; it was the so many-th."""
    end = state.end
    assert end is not None, "a call has come to something once its run has ended"
    return ResultRow(
        to=state.begun.to,
        disposition=end.disposition,
        result=end.result,
        attempts=attempts,
        run_id=state.run_id,
        call_id=state.call_id,
        started_at=state.begun.at.rfc3339(),
        ended_at=end.at.rfc3339(),
        reason=None if end.fault is None else in_one_line(end.fault.message),
    )


def in_one_line(text: str | None) -> str | None:
    """Return a reason as a row has it: what is wrong with a script for a contact comes a line each."""
    return None if text is None else "; ".join(text.splitlines())


def rfc3339(wall: float | None) -> str | None:
    """Return a date as results have it."""
    return None if wall is None else Instant(wall, 0.0).rfc3339()


def document_of_row(row: ResultRow, *, script: str) -> dict[str, Any]:
    """Return the document of a contact that has no run, or none any more, in the form of a run's (rules, section 7)."""
    error = None if row.reason is None else {"code": row.disposition, "message": row.reason, "resume_command": None}
    return {
        "run_id": row.run_id or "",
        "script": script,
        "status": _STATUSES[row.tally],
        "disposition": row.disposition,
        "result": row.result,
        "call_id": row.call_id,
        "to": row.to,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "variables": {},
        "requests_sent": 0,
        "steps": [],
        "error": error,
    }


def exit_code_of_row(row: ResultRow) -> int:
    """Return what a batch of this contact alone would end with."""
    return _EXIT_CODES[row.tally]


def _of_open(records: list[Record], *, stopped: bool) -> tuple[str, str | None]:
    """Return the disposition and the reason of a contact whose run is not settled."""
    state = fold(records)
    if state.end is None and state.phase is Phase.UNDECIDED:
        fault = None if state.ending is None else state.ending.fault
        return Disposition.UNKNOWN, None if fault is None else in_one_line(fault.message)
    if not is_undialled(state):
        return Tally.WAITING, NOT_OVER
    if stopped:
        return Tally.REFUSED, LEFT_OUT
    why = next((f" ({record.reason})" for record in reversed(records) if isinstance(record, Concluded)), "")
    return Tally.WAITING, f"{NOT_BEGUN}{in_one_line(why)}; the next tick tries again"
