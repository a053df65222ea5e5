"""When a request may leave, by the request limits of the API (contract section 7), which are the account's.

Pure: it is given the requests of the account that left lately or have a place reserved, whoever made them, and says
when the next one may leave. Called by the adapters of `ports.RequestBudget`, inside the transaction that reserves a
place. It knows no run, no clock and no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.exchange import Operation

LONGEST_WINDOW_S = 60.0
"""No limit counts over a longer time: requests before that are forgotten."""
ASK_AGAIN_S = 5.0
"""When a dial asks again that the live calls leave no room for: nobody knows when one of them ends."""
MARGIN_S = 0.25
"""Added to every window: what the way to the server may shorten the time between two requests by."""
_ROUNDING_S = 1e-5  # dates are floats: what was a window later is not exactly that when it is subtracted


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """At most so many requests within any stretch of time of that length."""

    requests: int
    window_s: float

    @property
    def per_s(self) -> float:
        """The rate that can be kept up."""
        return self.requests / self.window_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """The request limits of the API (contract section 7); None where there is none, or nobody knows.

    Attributes:
        endpoint: For each operation, such as `POST /calls`, by itself.
        account: For all requests together.
    """

    endpoint: RequestLimit | None = None
    account: RequestLimit | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """A request of the account: when it left, or will (seconds since the epoch)."""

    operation: Operation
    wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who asks for a place.

    Attributes:
        operation: Of the request. A CREATE is a new dial, everything else belongs to a live call; an END never waits.
        limits: What the asker knows of the limits.
        call_per_s: For a CREATE the requests a second that its call will make once it is up, by its plan.
        repeats: A CREATE that asks for the reply to an earlier one, whose call may be up.
    """

    operation: Operation
    limits: ApiLimits
    call_per_s: float = 0.0
    repeats: bool = False

    @property
    def never_waits(self) -> bool:
        """Whether it leaves whatever the limits say."""
        return self.operation is Operation.END

    @property
    def begins_call(self) -> bool:
        """Whether it is a new dial, which comes after every live call."""
        return self.operation is Operation.CREATE and not self.repeats


def leaves_at(demand: Demand, departures: Sequence[Departure], *, live_calls: int, now_wall: float) -> float:
    """Return when the request may leave, seconds since the epoch; never before now.

    Live calls are served in the order in which they ask: each reserves the first place that is free. A dial reserves
    nothing ahead: it leaves now, or asks again at the moment returned, by which live calls may have gone before it.

    Args:
        demand: Who asks.
        departures: Of the account: those of the last `LONGEST_WINDOW_S`, and those reserved, in any order.
        live_calls: Calls of the account that are up, or being dialled.
        now_wall: This moment.
    """
    if demand.never_waits:
        return now_wall
    if demand.begins_call and not carries(demand, departures, live_calls=live_calls, now_wall=now_wall):
        return now_wall + ASK_AGAIN_S
    counted = list(_counted(demand, departures))
    tries = {now_wall}
    for limit, walls in counted:
        tries |= {wall + limit.window_s + MARGIN_S for wall in walls if wall + limit.window_s + MARGIN_S > now_wall}
    return next(wall for wall in sorted(tries) if all(_fits(wall, walls, limit) for limit, walls in counted))


def carries(demand: Demand, departures: Sequence[Departure], *, live_calls: int, now_wall: float) -> bool:
    """Say whether the limits carry every live call to its end with one more beside them.

    The live calls are taken to ask as much as the new one will, or as much as they were seen to, whichever is more. The
    first call is always carried: where the limits are too tight for it, it waits between its own steps.
    """
    if not live_calls:
        return True
    for limit, steps_only in ((demand.limits.endpoint, True), (demand.limits.account, False)):
        if limit is None:
            continue
        seen = sum(
            now_wall - LONGEST_WINDOW_S < departure.wall <= now_wall
            for departure in departures
            if departure.operation is Operation.COMMAND or not steps_only
        )
        load_per_s = max(live_calls * demand.call_per_s, seen / LONGEST_WINDOW_S)
        if load_per_s + demand.call_per_s > limit.per_s:
            return False
    return True


def _counted(demand: Demand, departures: Sequence[Departure]) -> Iterator[tuple[RequestLimit, list[float]]]:
    """Yield each limit with the sorted times that count towards it."""
    if demand.limits.endpoint is not None:
        same = sorted(departure.wall for departure in departures if departure.operation is demand.operation)
        yield demand.limits.endpoint, same
    if demand.limits.account is not None:
        yield demand.limits.account, sorted(departure.wall for departure in departures)


def _fits(wall: float, walls: Sequence[float], limit: RequestLimit) -> bool:
    """Say whether one more request at `wall` makes no stretch hold too many, those that end later included."""
    window_s = limit.window_s + MARGIN_S
    near = sorted([wall, *(other for other in walls if abs(other - wall) < window_s)])
    firsts = range(len(near) - limit.requests)
    # Only stretches that hold the new one count: an END that left all the same must not keep the others for ever.
    return not any(
        near[first + limit.requests] - near[first] < window_s - _ROUNDING_S
        and near[first] <= wall <= near[first + limit.requests]
        for first in firsts
    )
