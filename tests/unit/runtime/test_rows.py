"""Where a contact stands, as a row of the results."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.ports import ContactState, Standing
from orchestrator.runtime.rows import document_of_row, exit_code_of_row, result_of

NUMBER = "+12125550101"
HELD = Standing(
    key="k",
    campaign="c",
    occurrence="o",
    number=NUMBER,
    row_digest="d",
    state=ContactState.WAITING,
    attempts=2,
    due_wall=0.0,
    disposition="busy",
    reason="it waits",
)


@pytest.mark.parametrize(
    ("state", "disposition", "reason"),
    [
        (ContactState.WAITING, "waiting", "it waits"),
        (ContactState.REFUSED, "refused", "it waits"),
        (ContactState.AGAIN, "waiting", "busy: to be called again from 1970-01-01T00:00:00.000Z on"),
        (ContactState.DONE, "busy", "it waits"),
    ],
)
def test_a_result_says_where_a_contact_stands(state, disposition, reason) -> None:
    """In the words of the results file."""
    row = result_of(NUMBER, replace(HELD, state=state), read=lambda _: [])
    assert (row.disposition, row.reason, row.attempts) == (disposition, reason, 2)


def test_a_contact_no_tick_has_come_to_waits() -> None:
    """It is counted all the same."""
    assert result_of(NUMBER, None, read=lambda _: []).disposition == "waiting"


@pytest.mark.parametrize(
    ("disposition", "status", "exit_code"),
    [
        ("completed", "completed", 0),
        ("busy", "failed", 1),
        (Tally.REFUSED, "refused", 1),
        (Tally.WAITING, "waiting", 75),
        ("unknown", "undecided", 20),
    ],
)
def test_a_contact_without_a_run_has_a_document_like_a_run(disposition: str, status: str, exit_code: int) -> None:
    """With the same keys, a status, and the reason as its error."""
    row = ResultRow(to=NUMBER, disposition=disposition, reason="because")
    document = document_of_row(row, script="reminder")
    assert (document["status"], document["to"], document["run_id"]) == (status, NUMBER, "")
    assert document["error"] == {"code": disposition, "message": "because", "resume_command": None}
    assert exit_code_of_row(row) == exit_code
    assert document_of_row(replace(row, reason=None), script="reminder")["error"] is None
