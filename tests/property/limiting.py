"""What must hold of a run whose account has request limits: the server never counts more, and nobody waits in vain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.core.budget import LONGEST_WINDOW_S, RequestLimit
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.records import CancelAsked, EndDecided, Intended, Looked, Waited
from tests.property.simulation import UNWRITABLE

if TYPE_CHECKING:
    from tests.property.simulation import Simulated

FOR_A_PLACE = "for a place within the account's request limits"
"""Why a run waits for its turn, as its journal tells."""


def check_limits_are_kept(simulated: Simulated) -> None:
    """Within no window does the server count more requests than the limits allow, looks included (contract, section 7).

    A DELETE leaves at once, whatever the limits say. So it may be one too many, but whoever asks later counts it.
    """
    limits = simulated.scenario.limits
    if limits is None:
        return
    counted = sorted(_arrivals(simulated))
    for at_s, kind in counted:
        if kind is Kind.END or _clock_was_set(simulated, at_s):
            continue
        places = [(place_s, asked_s) for asked_s, place_s, of in simulated.asked if of is kind and place_s <= at_s]
        _, asked_s = max(places, default=(at_s, at_s))  # whose place it is: it may have been asked for long before
        known = [(one_s, one) for one_s, one in counted if one_s <= at_s and (one is not Kind.END or one_s <= asked_s)]
        _check_window([one_s for one_s, one in known if one is kind], at_s, limits.endpoint, kind)
        _check_window([one_s for one_s, _ in known], at_s, limits.account, "any request")


def _check_window(moments_s: list[float], at_s: float, limit: RequestLimit | None, kind: str) -> None:
    if limit is not None:
        within = [moment_s for moment_s in moments_s if moment_s > at_s - limit.window_s]
        assert len(within) <= limit.requests, f"{len(within)} of {kind} in the {limit.window_s:g} s before {at_s:.2f}"


def _arrivals(simulated: Simulated) -> Iterator[tuple[float, Kind]]:
    """Yield when the server counts which request, but for those that the network loses, holds back or doubles."""
    for sent in (*simulated.sent, *simulated.looks):
        if sent.treatment.deliveries == (0.0,) and sent.note != UNWRITABLE:  # who cannot write cannot count either
            yield sent.at_s, sent.request.operation
    for at_s in simulated.others:
        yield at_s, Kind.COMMAND


def _clock_was_set(simulated: Simulated, at_s: float) -> bool:
    """Whether the dates of the requests that count then cannot be compared."""
    return any(at_s - 2 * LONGEST_WINDOW_S <= jump.at_s <= at_s for jump in simulated.scenario.jumps)


def check_hang_ups_do_not_wait(simulated: Simulated) -> None:
    """A DELETE goes first: nobody waits for a place to end a call."""
    is_to_end = waits = False
    for record in simulated.records:
        if isinstance(record, EndDecided | CancelAsked):
            is_to_end, waits = True, False
        elif isinstance(record, Waited):
            waits = record.why == FOR_A_PLACE
        elif isinstance(record, Looked):  # that was what waited
            waits = False
        elif isinstance(record, Intended):
            assert not (is_to_end and waits and record.operation is Kind.END), f"waited for a place to end: {record}"
            waits = False
