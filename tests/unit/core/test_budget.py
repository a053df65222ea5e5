"""When a request may leave within the account's limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.budget import (
    ASK_AGAIN_S,
    MARGIN_S,
    ApiLimits,
    Demand,
    Departure,
    RequestLimit,
    carries,
    leaves_at,
)
from orchestrator.core.exchange import Operation

NOW = 1_700_000_000.0
WINDOW_S = 10.0 + MARGIN_S
ENDPOINT = ApiLimits(endpoint=RequestLimit(2, 10.0))
ACCOUNT = ApiLimits(account=RequestLimit(3, 10.0))
BOTH = ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0))


def left(*seconds: float, operation: Operation = Operation.COMMAND) -> list[Departure]:
    """Return requests that left (or will, where positive) so many seconds from now."""
    return [Departure(operation, NOW + at) for at in seconds]


def wait_s(demand: Demand, departures: list[Departure], *, live_calls: int = 0) -> float:
    return leaves_at(demand, departures, live_calls=live_calls, now_wall=NOW) - NOW


def step(limits: ApiLimits) -> Demand:
    return Demand(operation=Operation.COMMAND, limits=limits)


def dial(limits: ApiLimits, call_per_s: float = 0.0) -> Demand:
    return Demand(operation=Operation.CREATE, limits=limits, call_per_s=call_per_s)


@pytest.mark.parametrize(
    ("departures", "expected_s"),
    [
        ([], 0.0),
        (left(-1.0), 0.0),
        (left(-1.0, -2.0), WINDOW_S - 2.0),
        (left(-1.0, -11.0), 0.0),
        (left(-1.0, -2.0, 9.0), WINDOW_S - 1.0),
        (left(5.0, 6.0), 5.0 + WINDOW_S),
        (left(WINDOW_S, WINDOW_S), 0.0),
    ],
)
def test_a_step_takes_the_first_place_that_is_free(departures: list[Departure], expected_s: float) -> None:
    """No stretch of a window holds too many, those that end at places reserved ahead included."""
    assert wait_s(step(ENDPOINT), departures) == pytest.approx(expected_s)


def test_an_endpoint_counts_its_own_requests_and_an_account_all() -> None:
    """`POST /calls` does not use up what `PUT /calls` may."""
    others = left(-1.0, -2.0, -3.0, operation=Operation.LOOK)
    assert wait_s(step(ENDPOINT), others) == 0.0
    assert wait_s(step(ACCOUNT), others) == pytest.approx(WINDOW_S - 3.0)


def test_an_end_never_waits_and_does_not_block_the_rest_for_ever() -> None:
    """More hang-ups than the limit has places for are over a window later, like everything else."""
    ends = left(*[-1.0] * 9, operation=Operation.END)
    assert wait_s(Demand(operation=Operation.END, limits=ACCOUNT), ends) == 0.0
    assert wait_s(step(ACCOUNT), ends) == pytest.approx(WINDOW_S - 1.0)


def test_a_dial_begins_only_if_the_budget_carries_every_live_call() -> None:
    """One `PUT` a second carries five calls of 0.2 requests a second, not six; the first call is always carried."""
    assert wait_s(dial(BOTH, 0.2), [], live_calls=4) == 0.0
    assert wait_s(dial(BOTH, 0.2), [], live_calls=5) == ASK_AGAIN_S
    assert wait_s(dial(BOTH, 7.0), [], live_calls=0) == 0.0
    assert wait_s(dial(ApiLimits(), 7.0), [], live_calls=99) == 0.0
    again = replace(dial(BOTH, 0.2), repeats=True)
    assert wait_s(again, [], live_calls=5) == 0.0, "its own call may be up: it is one of the live ones"


def test_what_live_calls_were_seen_to_ask_counts_if_it_is_more() -> None:
    """Calls of another script may need more than this one's plan says."""
    seen = left(*[-at for at in range(55)])
    assert carries(dial(BOTH, 0.1), seen[:50], live_calls=1, now_wall=NOW)
    assert not carries(dial(BOTH, 0.1), seen, live_calls=1, now_wall=NOW)
    looks = left(*[-at for at in range(55)], operation=Operation.LOOK)
    assert carries(dial(BOTH, 0.1), looks, live_calls=1, now_wall=NOW), "the endpoint of steps has none of them"


@given(
    st.lists(st.floats(-30, 30), max_size=12),
    st.integers(1, 4),
    st.floats(0.5, 12),
)
def test_no_window_ever_holds_too_many(offsets: list[float], requests: int, window_s: float) -> None:
    """Whatever was reserved by the rules, one more by the rules breaks none."""
    limits = ApiLimits(endpoint=RequestLimit(requests, window_s))
    departures: list[Departure] = []
    for offset in offsets:
        wall = leaves_at(step(limits), departures, live_calls=0, now_wall=NOW + offset)
        assert wall >= NOW + offset
        departures.append(Departure(Operation.COMMAND, wall))
    walls = sorted(departure.wall for departure in departures)
    assert all(later - earlier >= window_s for earlier, later in zip(walls, walls[requests:], strict=False))
