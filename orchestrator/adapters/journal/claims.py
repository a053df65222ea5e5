"""The dial of a number: claimed by one run at a time (rules, section 4.5).

The claim is the column `runs.claimed_number`, which is UNIQUE. Called inside a write transaction.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from orchestrator.adapters.journal import statements
from orchestrator.adapters.journal.connections import Link
from orchestrator.adapters.journal.owner import Owner, is_live
from orchestrator.adapters.journal.rows import tenure_of
from orchestrator.adapters.journal.schema import runs
from orchestrator.core.instant import Instant
from orchestrator.errors import NumberBlockedError


def claim(link: Link, number: str, *, now: Instant, here: Owner, for_run: str | None = None) -> str | None:
    """Return the value of `claimed_number` for a run that claims `number`; the claim of a run that is done is ended.

    Args:
        link: In a write transaction.
        number: The callee; no number (a script that answers calls) is never claimed.
        now: This moment.
        here: This process.
        for_run: The run that claims, if it exists already.

    Raises:
        NumberBlockedError: Another run's claim still blocks.
    """
    if not number:
        return None
    if statements.claim_of_another.run(link.driver, {"number": number, "run_id": for_run}).fetchone() is None:
        return number  # as good as always
    other = link.core.execute(
        runs.select().where(runs.c.claimed_number == number, runs.c.run_id.is_distinct_from(for_run))
    ).one()
    being_settled = is_live(tenure_of(other), now=now, here=here)
    until_wall = other.claim_until_wall
    if being_settled or (until_wall is not None and now.wall < until_wall):
        does = "is about to dial this number"
        if until_wall is not None:
            does = "has dialled this number and what came of it is not settled"
        raise NumberBlockedError(
            f"Run {other.run_id} {does}: no other run dials it. "
            + ("That run is being driven." if being_settled else f"Resume or resolve run {other.run_id} first."),
            blocking_run_id=other.run_id,
            being_settled=being_settled,
        )
    link.core.execute(sa.update(runs).where(runs.c.run_id == other.run_id).values(claimed_number=None))
    return number


def refuse_others(link: Link, number: str, *, beside: Collection[str]) -> None:
    """Refuse a run to a number that another run has called, and has not ended, but for those of `beside`.

    Raises:
        NumberBlockedError: There is one.
    """
    for (run_id,) in statements.called_by.run(link.driver, {"number": number}):
        if run_id not in beside:
            raise NumberBlockedError(
                f"Run {run_id} has just called this number: no other run dials it.",
                blocking_run_id=run_id,
                being_settled=True,
            )
