"""Which holds are tried next, and what findings mean; also against simulated paths of every kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.limits import CutKind
from orchestrator.core.networks import LimitKind
from orchestrator.core.probing import (
    MOST_ROUNDS,
    Finding,
    Hold,
    Measured,
    advice,
    is_needless,
    ladder,
    longest_s,
    measured,
    network_of,
    next_holds,
    patience_s,
    precision_for,
)

CLOSED, GATEWAY, SILENT, ON_SEND = CutKind.CLOSED, CutKind.GATEWAY, CutKind.SILENT, CutKind.RESET_ON_SEND


def found(length_s: float, cut: CutKind | None = None, lasted_s: float | None = None, **hold) -> Finding:
    lasted_s = length_s if lasted_s is None else lasted_s
    status = 504 if cut is GATEWAY else None
    return Finding(hold=Hold(length_s=length_s, **hold), cut=cut, lasted_s=lasted_s, status=status)


def known_of(*findings: Finding) -> Measured:
    return measured(findings, precision_s=0.5)


def after(*findings: Finding, parallel: int = 6) -> tuple[Hold, ...]:
    return next_holds(findings, precision_s=0.5, parallel=parallel, keepalive_s=15)


def test_the_first_holds_grow_by_a_factor() -> None:
    """From the shortest to the longest, each as many times longer than the one before."""
    assert [hold.length_s for hold in ladder(5, 40, 4)] == [5, 10, 20, 40]
    assert [hold.length_s for hold in ladder(5, 40, 1)] == [40]
    assert [hold.length_s for hold in ladder(7, 7, 4)] == [7]


def test_where_everything_lives_nothing_more_is_tried() -> None:
    """No limit up to the longest that was tried."""
    assert after(found(5), found(40)) == ()
    known = known_of(found(5), found(40))
    assert (known.lived_s, known.died_s, known.kind) == (40, None, LimitKind.NONE)
    assert known_of() == Measured(lived_s=0, died_s=None)


def test_a_loud_end_is_a_measure_by_itself() -> None:
    """The next round aims right below the moment of the cut, and tries what would help."""
    holds = after(found(20), found(40, CLOSED, 30.0))
    plain = [hold.length_s for hold in holds if hold.is_plain]
    assert max(plain) == 29.6
    assert [hold for hold in holds if not hold.is_plain] == [
        Hold(length_s=33, keepalive_s=15),
        Hold(length_s=33, beat=True),
    ]
    assert len(holds) == 6


def test_a_silent_drop_is_narrowed_down_evenly() -> None:
    """It says only that a hold was too long."""
    holds = after(found(20), found(40, SILENT, 41.5), parallel=5)
    assert [hold.length_s for hold in holds if hold.is_plain] == [25, 30, 35]


def test_with_one_place_there_is_still_a_next_hold() -> None:
    """However little is allowed at a time, it goes on."""
    assert Hold(length_s=29.6) in after(found(20), found(40, CLOSED, 30.0), parallel=1)


def test_keepalive_is_tried_in_time() -> None:
    """Its first packet comes well before the limit, and never more often than once a second."""
    idle = {
        limit: next(h.keepalive_s for h in after(found(0.4), found(limit, SILENT)) if h.keepalive_s)
        for limit in (1, 8, 60)
    }
    assert idle == {1: 1, 8: 4, 60: 15}


def test_when_the_limit_is_known_only_what_was_not_tried_is_left() -> None:
    """After everything is known there is no next round."""
    narrow = (found(29.8), found(40, CLOSED, 30.0))
    assert all(not hold.is_plain for hold in after(*narrow))
    assert after(*narrow, found(33, CLOSED, 30, keepalive_s=15), found(33, beat=True)) == ()
    assert known_of(*narrow).precise


def test_what_is_known_of_a_proxy() -> None:
    """Keepalive did not help, bytes did: silence is what is limited."""
    known = known_of(
        found(59.8),
        found(80, GATEWAY, 60.0),
        found(66, GATEWAY, 60.0, keepalive_s=15),
        found(66, beat=True),
    )
    assert (known.lived_s, known.died_s, known.cut, known.status) == (59.8, 60.0, GATEWAY, 504)
    assert (known.keepalive_cures, known.kind) == (False, LimitKind.IDLE)
    assert known.looks_like == "60 s with a 504 page: a proxy, keepalive does not help"


def test_a_limit_on_the_whole_reply() -> None:
    """Bytes now and then did not help either."""
    known = known_of(found(29), found(40, GATEWAY, 29.2), found(33, CLOSED, 29.2, beat=True))
    assert known.kind is LimitKind.REPLY


def test_a_trial_below_the_limit_tells_nothing() -> None:
    """Only what was longer than the limit shows what helps."""
    known = known_of(found(5), found(9, SILENT), found(8, keepalive_s=2), found(8, beat=True))
    assert (known.keepalive_cures, known.kind) == (None, None)


def test_a_stray_is_no_limit() -> None:
    """One hold that was cut far sooner than others that lived is counted, and no more."""
    known = known_of(found(5, CLOSED, 1.0), found(40), found(60, CLOSED, 50))
    assert (known.lived_s, known.died_s, known.strays) == (40, 50, 1)
    nearly = known_of(found(8.0), found(9, CLOSED, 7.8))
    assert (nearly.lived_s, nearly.died_s, nearly.strays) == (8.0, 8.0, 0)


def test_holds_that_can_teach_nothing() -> None:
    """Two deaths at a shorter length make a longer hold needless; trials are always waited for."""
    one, two = found(10, SILENT), found(20, SILENT)
    assert not is_needless(Hold(length_s=40), [one])
    assert is_needless(Hold(length_s=40), [one, two])
    assert not is_needless(Hold(length_s=15), [one, two])
    assert not is_needless(Hold(length_s=40, beat=True), [one, two])


def test_precision_and_patience() -> None:
    """Long limits are known less closely; slow paths are waited for longer."""
    assert precision_for(0.5, 30) == 0.5
    assert precision_for(0.5, 350) == 3.5
    assert patience_s(0) == 1
    assert patience_s(0.2) == 5


@pytest.mark.parametrize(
    ("known", "advised"),
    [
        (
            Measured(lived_s=400, died_s=None),
            "nothing was cut up to 400 s; --limit 400s if longer is not to be trusted",
        ),
        (Measured(lived_s=0, died_s=1), "even the shortest silence was cut: measure again with a shorter --from"),
        (Measured(lived_s=59.84, died_s=60, keepalive_cures=False), "--limit 59.8s"),
        (
            Measured(lived_s=349, died_s=350, keepalive_cures=True),
            "--limit 349s is the cautious choice; this program's",
        ),
        (Measured(lived_s=9, died_s=10, keepalive_cures=True), "--limit 9s: keepalive helps, but this program's first"),
    ],
)
def test_the_advice(known: Measured, advised: str) -> None:
    """It names the flag to use."""
    assert advice(known, keepalive_idle_s=15).startswith(advised)


def test_the_profile_of_what_was_measured() -> None:
    """Its limit is what lived; where nothing was cut it claims none, and says how long a request lives at least."""
    cut = network_of(known_of(found(5.27), found(9, SILENT)), name="office", description="d")
    assert (cut.limit_s, cut.kind, cut.client_sees, cut.keepalive_helps) == (5.2, LimitKind.IDLE, "silent drop", False)
    page = network_of(known_of(found(5.3), found(9, GATEWAY, 5.5)), name="office", description="d")
    assert (page.limit_s, page.client_sees) == (5.3, "504")
    free = network_of(known_of(found(400)), name="office", description="d")
    assert (free.limit_s, free.at_least_s, free.kind, free.keepalive_helps) == (None, 400, LimitKind.NONE, False)


class Path:
    """A simulated path: cuts what is silent for too long, or lasts too long, loudly or not."""

    def __init__(self, limit_s: float, cut: CutKind, *, cures: bool, kind: LimitKind) -> None:
        self._limit_s, self._cut, self._cures, self._kind = limit_s, cut, cures, kind

    def try_(self, hold: Hold) -> Finding:
        """Return what comes of a hold."""
        cured = (hold.keepalive_s is not None and self._cures) or (hold.beat and self._kind is LimitKind.IDLE)
        if cured or hold.length_s <= self._limit_s:
            return Finding(hold=hold, cut=None, lasted_s=hold.length_s)
        is_silent = self._cut in (SILENT, ON_SEND)
        return Finding(hold=hold, cut=self._cut, lasted_s=hold.length_s + 1 if is_silent else self._limit_s)


@given(
    limit_s=st.floats(0.5, 399),
    cut=st.sampled_from(CutKind),
    cures=st.booleans(),
    kind=st.sampled_from([LimitKind.IDLE, LimitKind.REPLY]),
    parallel=st.integers(3, 16),
)
def test_every_path_is_measured_in_the_time_that_was_announced(
    limit_s: float, cut: CutKind, cures: bool, kind: LimitKind, parallel: int
) -> None:
    """Whatever cuts, the limit lies between the bounds, which are close; and rounds and time are bounded."""
    path = Path(limit_s, cut, cures=cures, kind=kind)
    findings: list[Finding] = []
    holds, took_s, rounds = ladder(5, 400, parallel), 0.0, 0
    while holds:
        findings += [path.try_(hold) for hold in holds]
        took_s += max(each.lasted_s for each in findings[-len(holds) :])
        rounds += 1
        holds = next_holds(findings, precision_s=1, parallel=parallel, keepalive_s=15)
    known = measured(findings, precision_s=1)
    assert known.died_s is not None
    assert known.lived_s <= limit_s + 0.001
    assert known.died_s >= limit_s - 0.001
    assert known.died_s - known.lived_s <= max(1, 0.01 * known.died_s) + 0.002
    assert (known.cut, known.keepalive_cures, known.kind) == (cut, cures, kind)
    assert rounds <= MOST_ROUNDS
    assert took_s <= longest_s(5, 400, precision_s=1, parallel=parallel)
