"""Where a contact stands, as a row of the results."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.admission import LEFT_OUT
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Outcome
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.records import Concluded
from orchestrator.ports import ContactState, Standing
from orchestrator.runtime.rows import NOT_OVER, document_of_row, exit_code_of_row, result_of
from tests.fakes.batch_bench import NUMBERS, Bench

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


@pytest.mark.parametrize("state", [ContactState.REFUSED, ContactState.WAITING, ContactState.DONE])
def test_a_reason_is_one_line_and_whole(state: ContactState) -> None:
    """Whoever reads results line by line has a contact in each; every problem of a script is among it."""
    held = replace(HELD, state=state, reason="s.yaml:3:5: no `time`\ns.yaml:4:5: no `name`")
    assert result_of(NUMBER, held, read=lambda _: []).reason == "s.yaml:3:5: no `time`; s.yaml:4:5: no `name`"


def test_a_contact_no_tick_has_come_to_waits() -> None:
    """It is counted all the same."""
    assert result_of(NUMBER, None, read=lambda _: []).disposition == "waiting"


@pytest.mark.parametrize(
    ("standing", "disposition", "reason"),
    [
        (None, "refused", LEFT_OUT),
        (replace(HELD, disposition=None), "refused", LEFT_OUT),
        (replace(HELD, reason="to be called once more"), "busy", f"it is not called again: {LEFT_OUT}"),
        (replace(HELD, state=ContactState.REFUSED), "refused", "it waits"),
        (replace(HELD, state=ContactState.AGAIN), "busy", f"it is not called again: {LEFT_OUT}"),
        (replace(HELD, state=ContactState.DONE), "busy", "it waits"),
    ],
)
def test_in_a_stopped_campaign_nobody_waits(standing: Standing | None, disposition: str, reason: str) -> None:
    """Who was called keeps what the last call came to, all others are refused."""
    row = result_of(NUMBER, standing, read=lambda _: [], stopped=True)
    assert (row.disposition, row.reason) == (disposition, reason)


def test_in_a_stopped_campaign_a_live_call_still_comes_to_its_end() -> None:
    """One whose dial never left does not."""
    bench = Bench(concurrency=1)
    bench.tick(stop_at_s=2.0)
    journal = bench.journal()
    run = journal.campaigns.runs_of(bench.standing(NUMBERS[0]).key)[0]
    records = journal.read(run)
    live = next(
        records[:count]
        for count in range(1, len(records))
        if (state := fold(records[:count])).call_id is not None and state.end is None
    )
    held = replace(HELD, state=ContactState.OPEN, run_id=run)
    assert result_of(NUMBER, held, read=lambda _: live, stopped=True).reason == NOT_OVER
    assert result_of(NUMBER, held, read=lambda _: records[:1], stopped=True).reason == LEFT_OUT
    assert result_of(NUMBER, held, read=lambda _: live).reason == NOT_OVER


def test_a_call_that_was_not_begun_says_what_kept_it() -> None:
    """The last that was heard of the API, if anything was; it is no call that is not over."""
    bench = Bench(concurrency=1)
    bench.tick()
    journal = bench.journal()
    run = journal.campaigns.runs_of(bench.standing(NUMBERS[0]).key)[0]
    records = journal.read(run)
    held = replace(HELD, state=ContactState.OPEN, run_id=run)
    bare = result_of(NUMBER, held, read=lambda _: records[:1])
    assert bare.reason == "its call was not begun; the next tick tries again"
    refused = Concluded(at=records[1].at, outcome=Outcome.NOT_SENT, reason="the connection was refused")
    row = result_of(NUMBER, held, read=lambda _: [*records[:2], refused])
    assert row.disposition == "waiting"
    assert row.reason == "its call was not begun (the connection was refused); the next tick tries again"


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
