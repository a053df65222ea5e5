"""What cuts tell about a network: who probably cuts, and the limit that the planner should keep to.

Pure. `probe` names the culprit of what it measured; runs record each cut as a `Cut` and each clean request as a
`Lived`, and ask for `learned_limit` before they plan. A limit in the settings always counts more (`limit_to_use`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.networks import NETWORKS, Network

FORGET_AFTER_S = 30 * 86_400.0
"""A cut counts for so long: networks change, and a planner that keeps below a limit never sees that it is gone."""
TRUSTED_AFTER = 3
"""So many clean requests since the last cut show that requests of their length live."""
_NAMES_AFTER = 2
_SAME_MOMENT_S = 2.0
_SAME_S, _SAME_SHARE = 1.0, 0.02


class CutKind(StrEnum):
    """How a request ended that got no reply of the server's own."""

    CLOSED = "closed"  # FIN without a reply
    RESET = "reset"  # RST
    RESET_ON_SEND = "reset_on_send"  # silence, and RST as soon as the client sent anything
    GATEWAY = "gateway"  # an error page of somebody in between, such as 504
    SILENT = "silent"  # nothing ever came


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A request that was cut.

    Attributes:
        host: The host it was sent to, as the route names it.
        lasted_s: From its last byte sent to the cut; for SILENT, to the moment it was given up.
        kind: How it ended.
        when: Seconds since the epoch, at the cut.
        status: Of the error page, for GATEWAY.
        keepalive: Whether TCP keepalive was on, as it always is in runs.
    """

    host: str
    lasted_s: float
    kind: CutKind
    when: float
    status: int | None = None
    keepalive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A request that was answered by the server itself; the fields are those of `Cut`."""

    host: str
    lasted_s: float
    when: float
    keepalive: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the way to a host: its cuts and its clean requests, in any order."""

    cuts: Sequence[Cut] = ()
    lived: Sequence[Lived] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The limit that is known of a host.

    Attributes:
        limit_s: The longest that a silent request should last.
        cut_at_s: The shortest of the cuts at the same length that it was learned from.
        cuts: How many they are.
        newest: When the last of them was, seconds since the epoch.
        why: Who probably cuts, in words.
        raised: Whether clean longer requests have raised it.
    """

    limit_s: float
    cut_at_s: float
    cuts: int
    newest: float
    why: str
    raised: bool


def learned_limit(cuts: Iterable[Cut], lived: Iterable[Lived], *, host: str, now: float) -> Learned | None:
    """Return the limit to plan with for a host; None where nothing was learned.

    Two cuts of the same kind at the same length make a limit: the shorter one's length. It is raised slowly: to the
    length that `TRUSTED_AFTER` clean requests reached, each with no cut after it that came sooner. Cuts older than
    `FORGET_AFTER_S` no longer count. A silence is no measure: its length says when the client gave up, not when the
    path was cut.

    Args:
        cuts: Of any hosts, in any order.
        lived: Likewise.
        host: Whose limit is asked for.
        now: Seconds since the epoch.
    """
    recent = [
        cut for cut in cuts if cut.host == host and cut.kind is not CutKind.SILENT and now - cut.when <= FORGET_AFTER_S
    ]
    group = next((group for group in _groups(recent) if len(group) >= _NAMES_AFTER), None)
    if group is None:
        return None
    clean = [each for each in lived if each.host == host]
    cut_at_s = group[0].lasted_s
    trusted_s = _trusted_s(recent, clean)
    return Learned(
        limit_s=max(cut_at_s, trusted_s),
        cut_at_s=cut_at_s,
        cuts=len(group),
        newest=max(cut.when for cut in group),
        why=culprit(
            lasted_s=cut_at_s,
            kind=group[0].kind,
            status=group[0].status,
            keepalive_cures=_keepalive_cures(group, clean),
        ),
        raised=trusted_s > cut_at_s,
    )


def is_news(seen: Cut | Lived, known: History) -> bool:
    """Return whether a request tells more of the way to its host than is known.

    Cuts at the same moment are one: a server that ends cuts all its requests, however long each has lasted. Clean
    requests count when fewer than `TRUSTED_AFTER` are known that lasted as long.

    Args:
        seen: The request.
        known: Of the same host.
    """
    if isinstance(seen, Cut):
        return all(abs(seen.when - cut.when) > _SAME_MOMENT_S for cut in known.cuts)
    cuts = [cut for cut in known.cuts if cut.kind is not CutKind.SILENT]
    as_long = [each for each in known.lived if each.lasted_s >= seen.lasted_s and _stands(each, cuts)]
    return len(as_long) < TRUSTED_AFTER


def limit_to_use(setting_s: float | None, learned: Learned | None) -> float | None:
    """Return the limit for the planner, seconds: the setting's where there is one, else the learned one."""
    if setting_s is not None:
        return setting_s
    return None if learned is None else learned.limit_s


def told(learned: Learned, *, kept: bool = True) -> str:
    """Return a sentence about a learned limit, for whoever's run it shapes.

    Args:
        learned: The limit.
        kept: Whether every step fits it; else the run goes on as if nothing were known.
    """
    raised = ", and raised since longer requests lived" if learned.raised else ""
    seen = f"{learned.cuts} cuts ({learned.why}){raised}"
    limit = f"the network limit of {round(learned.limit_s, 1):g} s was learned from {seen}"
    if kept:
        return f"{limit}; --limit or --network overrides it"
    return f"{limit}; it is not kept, since not every step fits it: shorten them, or use --mode auto"


def culprit(*, lasted_s: float, kind: CutKind, status: int | None = None, keepalive_cures: bool | None = None) -> str:
    """Return who probably cuts, in words: `looks like an AWS NAT gateway: 350 s, keepalive cures it`.

    Args:
        lasted_s: How long requests live.
        kind: How they end.
        status: Of the error page, for GATEWAY.
        keepalive_cures: Whether requests with TCP keepalive live longer; None where that is not known.
    """
    on_packets = keepalive_cures is True or (keepalive_cures is None and kind in (CutKind.RESET, CutKind.RESET_ON_SEND))
    length = f"{lasted_s:.{1 if lasted_s < 10 else 0}f} s"
    remedy = {True: ", keepalive cures it", False: ", keepalive does not help", None: ""}[keepalive_cures]
    fitting = [
        profile
        for profile in NETWORKS
        if profile.looks_like and profile.limit_s and same_length(lasted_s, profile.limit_s)
        if profile.keepalive_helps == on_packets and _page_fits(profile, kind, status)
    ]
    if fitting:
        nearest = min(fitting, key=lambda profile: abs(lasted_s - (profile.limit_s or 0.0)))
        return f"looks like {nearest.looks_like}: {nearest.limit_s:g} s{remedy}"
    seen = _SEEN[kind].format(status=status or "5xx")
    if on_packets:
        return f"{length}, {seen}: a firewall, router or NAT gateway{remedy}"
    if kind is CutKind.SILENT:
        return f"{length}, {seen}: a firewall, or a server that does not answer{remedy}"
    return f"{length} with {seen}: a proxy{remedy}"


def same_length(one_s: float, other_s: float) -> bool:
    """Return whether two cuts came after the same time, as far as timers and measuring allow."""
    return abs(one_s - other_s) <= max(_SAME_S, _SAME_SHARE * max(one_s, other_s))


_SEEN = {
    CutKind.CLOSED: "a close and no reply",
    CutKind.RESET: "a reset",
    CutKind.RESET_ON_SEND: "a reset at the next packet",
    CutKind.GATEWAY: "a {status} page",
    CutKind.SILENT: "a silent drop",
}


def _page_fits(profile: Network, kind: CutKind, status: int | None) -> bool:
    """Return whether a profile's page is the one that was seen; what closes without a page names no product."""
    if profile.keepalive_helps:
        return kind is not CutKind.GATEWAY
    pages = [word.strip("/, ") for part in profile.client_sees.split() for word in part.split("/")]
    return kind is CutKind.GATEWAY and (status is None or str(status) in pages)


def _groups(cuts: Sequence[Cut]) -> list[list[Cut]]:
    """Return cuts of one kind and the same length together, by the shortest of each group, which comes first in it."""
    groups: list[list[Cut]] = []
    for cut in sorted(cuts, key=lambda cut: (cut.kind, cut.lasted_s)):
        first = groups[-1][0] if groups else None
        if first is not None and first.kind is cut.kind and same_length(first.lasted_s, cut.lasted_s):
            groups[-1].append(cut)
        else:
            groups.append([cut])
    return sorted(groups, key=lambda group: group[0].lasted_s)


def _trusted_s(cuts: Sequence[Cut], clean: Sequence[Lived]) -> float:
    """Return the length that enough clean requests reached after the last cut that came sooner; 0 for none."""
    standing = sorted(
        (each.lasted_s for each in clean if _stands(each, cuts)),
        reverse=True,
    )
    return standing[TRUSTED_AFTER - 1] if len(standing) >= TRUSTED_AFTER else 0.0


def _stands(clean: Lived, cuts: Sequence[Cut]) -> bool:
    """Return whether no cut that came after a clean request came sooner than it was long."""
    return not any(cut.when >= clean.when and cut.lasted_s <= clean.lasted_s for cut in cuts)


def _keepalive_cures(group: Sequence[Cut], clean: Sequence[Lived]) -> bool | None:
    """Return whether keepalive prevents these cuts: no where they came in spite of it, yes where only without it."""
    if any(cut.keepalive for cut in group):
        return False
    longest_s = max(cut.lasted_s for cut in group)
    longer = [each.lasted_s for each in clean if each.keepalive and each.lasted_s > longest_s]
    return True if any(not same_length(each_s, longest_s) for each_s in longer) else None
