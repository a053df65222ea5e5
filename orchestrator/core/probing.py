"""How a path is measured: which holds to try next, and what the findings mean. Pure; `orchestrator.probe` does the I/O.

A hold is a request that the hold server answers only after a silence. A loud end (a close, a reset, a page of somebody
in between) says by itself how long requests live; a silent drop shows only that a hold was too long, so lengths are
narrowed down, several at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.core.limits import CutKind, culprit
from orchestrator.core.networks import LimitKind, Network

MOST_ROUNDS = 12
_FINEST_SHARE = 0.01
"""No finer than this share of the limit: timers of long limits are coarse."""
_STRAY_S, _STRAY_SHARE = 0.5, 0.02
_BEYOND_S, _BEYOND_SHARE = 1.0, 0.1
_AIM = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One request to try.

    Attributes:
        length_s: The silence asked for.
        keepalive_s: With TCP keepalive, the first after so much silence; None: without.
        beat: With bytes of the reply coming now and then, so that only a limit on the whole reply cuts it.
    """

    length_s: float
    keepalive_s: int | None = None
    beat: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing at all passes while it lasts."""
        return self.keepalive_s is None and not self.beat


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a hold.

    Attributes:
        hold: What was tried.
        cut: How it was cut; None: it lived, and was answered.
        lasted_s: From its last byte sent to its end; for a silent drop, to when it was given up.
        status: Of the page of somebody in between.
        server: How that one calls itself (`Server`, `Via`).
    """

    hold: Hold
    cut: CutKind | None
    lasted_s: float
    status: int | None = None
    server: str | None = None

    @property
    def died_by_s(self) -> float:
        """The moment at the latest at which the path had cut it."""
        silent = self.cut in (CutKind.SILENT, CutKind.RESET_ON_SEND)
        return self.hold.length_s if silent else min(self.lasted_s, self.hold.length_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of a path.

    Attributes:
        lived_s: The longest silence that lived, without keepalive; 0 for none.
        died_s: The shortest that is known to be cut; None: none was.
        cut: How.
        status: Of the page that was seen.
        server: Of that page.
        keepalive_cures: Whether a longer silence lives with TCP keepalive; None: not known.
        kind: Whether silence is what is limited, or the whole reply; None: not known.
        looks_like: Who probably cuts, in words.
        strays: Holds that were cut far sooner than others that lived: not the limit, but no good sign.
        precise: The limit lies between `lived_s` and `died_s`, as closely as was asked for.
    """

    lived_s: float
    died_s: float | None
    cut: CutKind | None = None
    status: int | None = None
    server: str | None = None
    keepalive_cures: bool | None = None
    kind: LimitKind | None = None
    looks_like: str | None = None
    strays: int = 0
    precise: bool = False


def ladder(from_s: float, to_s: float, rungs: int) -> tuple[Hold, ...]:
    """Return the first holds: so many lengths, each the same factor longer than the one before."""
    if rungs == 1 or from_s >= to_s:
        return (Hold(length_s=to_s),)
    factor = (to_s / from_s) ** (1 / (rungs - 1))
    lengths = [round(from_s * factor**rung, 3) for rung in range(rungs - 1)]
    return tuple(Hold(length_s=length_s) for length_s in [*lengths, to_s])


def next_holds(findings: Sequence[Finding], *, precision_s: float, parallel: int, keepalive_s: int) -> tuple[Hold, ...]:
    """Return what to try next, all at once; nothing where everything is known that can be.

    Args:
        findings: Of all rounds so far.
        precision_s: How closely the limit is to be known; see `precision_for`.
        parallel: How many holds at a time.
        keepalive_s: After how much silence this program's connections send their first keepalive.
    """
    known = measured(findings, precision_s=precision_s)
    if known.died_s is None:
        return ()
    trials = _trials(findings, known.died_s, keepalive_s=keepalive_s)
    if known.precise:
        return trials
    room = max(parallel - len(trials), 1)
    loud = known.cut not in (CutKind.SILENT, CutKind.RESET_ON_SEND)
    return (
        _between(known.lived_s, known.died_s, room, fine_s=precision_for(precision_s, known.died_s), loud=loud) + trials
    )


def is_needless(hold: Hold, findings: Iterable[Finding]) -> bool:
    """Return whether a hold that is still open can teach nothing: two that were no longer died already.

    One does not do: it may be a stray. What tells the kind of limit is always waited for.
    """
    dead = [each for each in findings if each.hold.is_plain and each.cut is not None]
    return hold.is_plain and sum(each.died_by_s <= hold.length_s for each in dead) >= 2


def measured(findings: Iterable[Finding], *, precision_s: float) -> Measured:
    """Return what findings tell, complete or not."""
    findings = tuple(findings)
    plain = [each for each in findings if each.hold.is_plain]
    lived_s = max((each.hold.length_s for each in plain if each.cut is None), default=0.0)
    dead = [each for each in plain if each.cut is not None]
    slack_s = max(_STRAY_S, _STRAY_SHARE * lived_s)
    deaths = [each for each in dead if each.died_by_s >= lived_s - slack_s]
    strays = len(dead) - len(deaths)
    if not deaths:
        return Measured(lived_s=lived_s, died_s=None, strays=strays, kind=LimitKind.NONE if plain else None)
    first = min(deaths, key=lambda each: each.died_by_s)
    died_s = max(first.died_by_s, lived_s)
    cures = _keepalive_cures(findings, died_s)
    assert first.cut is not None, "a death has its kind"
    return Measured(
        lived_s=lived_s,
        died_s=died_s,
        cut=first.cut,
        status=first.status,
        server=first.server,
        keepalive_cures=cures,
        kind=_kind(findings, died_s),
        looks_like=culprit(lasted_s=died_s, kind=first.cut, status=first.status, keepalive_cures=cures),
        strays=strays,
        precise=died_s - lived_s <= precision_for(precision_s, died_s),
    )


def precision_for(precision_s: float, limit_s: float) -> float:
    """Return how closely a limit of this length can be known: as asked for, but no finer than 1 % of it."""
    return max(precision_s, _FINEST_SHARE * limit_s)


def patience_s(round_trip_s: float) -> float:
    """Return how much later than promised a reply may come before its hold counts as dropped, seconds."""
    return 1.0 + 20 * round_trip_s


def longest_s(from_s: float, to_s: float, *, precision_s: float, parallel: int) -> float:
    """Return how long measuring takes at most, seconds, without round trips: for a silent drop just below `to_s`."""
    rungs = [0.0, *(hold.length_s for hold in ladder(from_s, to_s, parallel))]
    parts = max(parallel - 2, 1) + 1  # the trials of the second round take up to two places
    slack_s = 2 * patience_s(0)

    def narrowing_s(low_s: float, high_s: float) -> float:
        ratio = max((high_s - low_s) / precision_for(precision_s, low_s), 1.0)
        rounds = max(math.ceil(math.log(ratio, parts)), 1)
        return min(rounds, MOST_ROUNDS - 1) * (_beyond(high_s) + slack_s)

    return to_s + slack_s + max(narrowing_s(low_s, high_s) for low_s, high_s in pairwise(rungs))


def advice(known: Measured, *, keepalive_idle_s: float) -> str:
    """Return the setting to use, and why, in words.

    Args:
        known: What was measured.
        keepalive_idle_s: After how much silence this program's connections send their first keepalive.
    """
    if known.died_s is None:
        limit = f"--limit {_floor(known.lived_s):g}s"
        return f"nothing was cut up to {known.lived_s:g} s; {limit} if longer is not to be trusted"
    if known.lived_s == 0:
        return "even the shortest silence was cut: measure again with a shorter --from, and look at the path"
    limit = f"--limit {_floor(known.lived_s):g}s"
    if known.keepalive_cures and known.lived_s > keepalive_idle_s:
        return (
            f"{limit} is the cautious choice; this program's keepalives, every {keepalive_idle_s:g} s, prevent the cut"
        )
    if known.keepalive_cures:
        return (
            f"{limit}: keepalive helps, but this program's first comes after {keepalive_idle_s:g} s, which is too late"
        )
    return limit


def network_of(known: Measured, *, name: str, description: str) -> Network:
    """Return a profile of what was measured, for `--network`. Its limit is the longest silence that lived.

    Where nothing was cut it claims no limit: only how long a request lives at least, for a longer one was not tried.
    """
    if known.died_s is None:
        return Network(
            name=name,
            limit_s=None,
            kind=LimitKind.NONE,
            client_sees="nothing was cut",
            keepalive_helps=False,
            description=description,
            at_least_s=_floor(known.lived_s),
        )
    assert known.cut is not None, "what died was cut"
    return Network(
        name=name,
        limit_s=_floor(known.lived_s),
        kind=known.kind or LimitKind.IDLE,
        client_sees=str(known.status) if known.status is not None else _SEEN[known.cut],
        keepalive_helps=bool(known.keepalive_cures),
        description=description,
    )


_SEEN = {
    CutKind.CLOSED: "close without a reply",
    CutKind.RESET: "RST",
    CutKind.RESET_ON_SEND: "RST on the next packet",
    CutKind.GATEWAY: "error page",
    CutKind.SILENT: "silent drop",
}


def _trials(findings: Sequence[Finding], died_s: float, *, keepalive_s: int) -> tuple[Hold, ...]:
    """Return the holds that tell what kind of limit it is, beyond it, as far as they were not tried."""
    length_s = round(_beyond(died_s), 3)
    trials = []
    if not any(each.hold.keepalive_s is not None for each in findings):
        idle_s = min(keepalive_s, max(math.floor(died_s / 2), 1))
        trials.append(Hold(length_s=length_s, keepalive_s=idle_s))
    if not any(each.hold.beat for each in findings):
        trials.append(Hold(length_s=length_s, beat=True))
    return tuple(trials)


def _between(low_s: float, high_s: float, count: int, *, fine_s: float, loud: bool) -> tuple[Hold, ...]:
    """Return lengths between what lived and what died: for a loud end right below it, else all over."""
    spaced = [low_s + (high_s - low_s) * part / (count + 1) for part in range(1, count + 1)]
    if loud:
        spaced = sorted({*spaced[: count - 1], max(high_s - _AIM * fine_s, (low_s + high_s) / 2)})
    return tuple(Hold(length_s=round(length_s, 3)) for length_s in spaced)


def _keepalive_cures(findings: Iterable[Finding], died_s: float) -> bool | None:
    """Return whether a hold with keepalive lived beyond the limit."""
    tried = [each for each in findings if each.hold.keepalive_s is not None and each.hold.length_s > died_s]
    return any(each.cut is None for each in tried) if tried else None


def _kind(findings: Iterable[Finding], died_s: float) -> LimitKind | None:
    tried = [each for each in findings if each.hold.beat and each.hold.length_s > died_s]
    if not tried:
        return None
    return LimitKind.IDLE if any(each.cut is None for each in tried) else LimitKind.REPLY


def _beyond(length_s: float) -> float:
    return length_s + max(_BEYOND_S, _BEYOND_SHARE * length_s)


def _floor(seconds: float) -> float:
    """Return a length to a tenth of a second, never longer; a whole tenth stays what it is."""
    return math.floor(round(seconds * 10, 6)) / 10
