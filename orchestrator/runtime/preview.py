"""What a tick would do with each contact at this moment. Nothing is sent or written. For `batch --dry-run`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from orchestrator.core.admission import (
    LEFT_OUT,
    OTHER_CALL,
    PAUSED,
    SAME_CALL,
    SAME_CONTACT,
    Admission,
    Call,
    Facts,
    Known,
    Later,
    Refused,
    Spent,
    Tick,
    admit,
)
from orchestrator.core.contact import Contact, Repeats, row_digest
from orchestrator.core.marks import Marks, mark_of
from orchestrator.ports import CampaignOrders, ContactState, Standing


@dataclass(frozen=True, slots=True)
class Preview:
    """What a tick would do with one contact now."""

    contact: Contact
    admission: Admission


def previews(
    standings: Iterable[tuple[Contact, Standing | None]],
    rules: Tick,
    *,
    facts_of: Callable[[Contact, Standing | None], Facts],
    problem_of: Callable[[Contact], str | None],
    orders: CampaignOrders,
    now_wall: float,
) -> Iterator[Preview]:
    """Yield what a tick would do with each contact.

    Args:
        standings: The contacts in the order in which they would be called, with where they stand.
        rules: Of the tick.
        facts_of: Returns what is known of a contact.
        problem_of: Returns why a contact's run cannot be made; None where it can.
        orders: What a person told the campaign.
        now_wall: The moment, seconds since the epoch.
    """
    spent, repeats, calls = Spent(), Repeats(), Marks()
    for contact, standing in standings:
        if (is_same := repeats.is_same_call(contact)) is not None:
            yield Preview(contact, Refused(SAME_CONTACT if is_same else OTHER_CALL))
            continue
        admission = admit(contact, facts_of(contact, standing), rules, spent=spent, now_wall=now_wall)
        if isinstance(admission, Call | Later):
            if (problem := problem_of(contact)) is not None:
                admission = Refused(problem)
            elif calls.add(mark_of(row_digest(contact))) is not None:
                admission = Refused(SAME_CALL)
        admission = _as_ordered(admission, orders, is_redial=_is_redial(standing))
        if isinstance(admission, Call):
            first = 0 if _is_redial(standing) else 1
            spent = replace(spent, calls=spent.calls + first, attempts=spent.attempts + 1)
        yield Preview(contact, admission)


def _is_redial(standing: Standing | None) -> bool:
    return standing is not None and standing.state is ContactState.AGAIN


def _as_ordered(admission: Admission, orders: CampaignOrders, *, is_redial: bool) -> Admission:
    """Return what becomes of an admission in a campaign that a person has paused or stopped."""
    if orders.stopped and isinstance(admission, Call | Later):
        return Known(f"it is not called again: {LEFT_OUT}") if is_redial else Refused(LEFT_OUT)
    if orders.paused and isinstance(admission, Call):
        return Later(None, PAUSED)
    return admission
