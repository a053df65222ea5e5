"""How a script's calls are best driven: by how long its requests last, what the network lets live, and who can hear.

Pure: from facts to a recommendation. `advise` gathers the facts and shows the result; nothing is sent for it. The three
factors are those that the API's own documentation names: how the application is built, how long the network lets a
request live, and whether a web server can be made available.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.deadair import ASSUMED_GAP, Gap
from orchestrator.core.plan import Plan, plan
from orchestrator.core.script import Script, Variables
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.step import room_s

ASSUMED_LIMIT_S = 60.0
"""What most proxies let live: the limit where none is known (network profile `proxy60`)."""
ASSUMED_NETWORK = "proxy60"
MANY_CALLS = 100
"""From so many calls at once on no request is held open where events are heard: each would be a connection."""
LOST_REPLIES = 2
"""So many replies that were lost lately show that the network cuts requests, though nobody knows after how long."""
DOCUMENTED_LIMITS = ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0))
_LONGEST_LIMIT_S = 3600


class Source(StrEnum):
    """Where the network limit is known from."""

    GIVEN = "given"  # --limit or --network
    SETTING = "setting"  # the configuration file or the environment
    LEARNED = "learned"  # from requests that were cut
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long a silent request lives.

    Attributes:
        seconds: None for ever; not to be used where `source` is UNKNOWN.
        source: Where that is known from.
        network: The profile it comes from.
        at_least_s: Without a known limit, the longest request that is known to live; None: any lives.
        why: Who says so, in words.
    """

    seconds: float | None
    source: Source
    network: str | None = None
    at_least_s: float | None = None
    why: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anybody says so."""
        return self.source is not Source.UNKNOWN

    @property
    def counted_s(self) -> float | None:
        """The limit to go by: the known one, else the assumed one."""
        return self.seconds if self.is_known else ASSUMED_LIMIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the journal tells of calls.

    Attributes:
        in_flight: Runs that have not ended and wait for no verdict.
        most_in_flight: The most at once, now and among the newest runs.
        runs: How many newest runs were looked at.
        requests: What they sent.
        lost_replies: How many of those had an unknown outcome.
    """

    in_flight: int = 0
    most_in_flight: int = 0
    runs: int = 0
    requests: int = 0
    lost_replies: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Whether events can be heard.

    Attributes:
        running: A receiver serves the journal now.
        can_serve: What a receiver needs is installed.
        url: Where it listens, without its secret.
    """

    running: bool = False
    can_serve: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of driving the script's calls, with its plan.

    Attributes:
        name: In words.
        plan: By which its requests would be sent.
        fits: No request of it lasts longer than the network lets live, with a margin, and none is refused.
        calls_carried: How many calls at once the request limits of the API carry; None for any number.
        needs_receiver: It is what it is only where events are heard.
    """

    name: str
    plan: Plan
    fits: bool
    calls_carried: int | None
    needs_receiver: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a recommendation is made from, besides the plans that follow from it."""

    script: Script
    variables: Variables
    settings: Settings
    limit: Limit
    traffic: Traffic = Traffic()
    receiver: Receiver = Receiver()
    gap: Gap = ASSUMED_GAP
    to: str | None = None
    from_: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The recommended way.

    Attributes:
        way: It.
        limit_s: The limit to set; None for none, and then every step carries one command.
        network: The profile to name for it, where there is one.
        reasons: Why, in sentences.
    """

    way: Way
    limit_s: float | None
    network: str | None
    reasons: tuple[str, ...]

    @property
    def mode(self) -> Mode:
        """The mode to set."""
        return self.way.plan.mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What `advise` tells.

    Attributes:
        facts: What it goes by.
        ways: Every way, with its figures.
        choice: The recommended one; None where the script cannot be sent in any.
        flips: For each circumstance that would change that, the circumstance and what would be recommended.
        concerns: What is to be heeded besides, in sentences.
    """

    facts: Facts
    ways: tuple[Way, ...]
    choice: Choice | None
    flips: tuple[tuple[str, str], ...]
    concerns: tuple[str, ...]


def advise(facts: Facts) -> Advice:
    """Return the recommendation, and what would change it."""
    ways = tuple(_ways(facts))
    choice = _choose(facts)
    return Advice(
        facts=facts,
        ways=ways,
        choice=choice,
        flips=tuple(_flips(facts, choice)),
        concerns=tuple(() if choice is None else _concerns(facts, choice)),
    )


def calls_carried(planned: Plan, limits: ApiLimits) -> int | None:
    """Return how many calls at once the request limits carry, at least one: a single one waits between its steps."""
    lasts_s = max(planned.bounds.expected_s, 1.0)
    dearest = max(planned.requests - 1, planned.looks, 1)  # PUT and GET each count by themselves; the POST is one
    loads = ((limits.endpoint, dearest), (limits.account, max(planned.requests + planned.looks, 1)))
    carried = [limit.per_s * lasts_s / requests for limit, requests in loads if limit is not None]
    return max(int(min(carried)), 1) if carried else None


def longer_than_tried(planned: Plan, tried_s: float | None, *, where: str) -> Iterator[str]:
    """Yield what is to be heeded where a request may last longer than any that was tried; None: any length lives."""
    if tried_s is not None and planned.longest_request_s > tried_s:
        yield (
            f"a request may last {planned.longest_request_s:.3g} s, and longer than {tried_s:g} s was not tried "
            f"{where}: measure again with a longer --to (orchestrator probe)"
        )


def _ways(facts: Facts) -> Iterator[Way]:
    counted_s = facts.limit.counted_s
    yield _way(facts, "sync, one command a step", Mode.SYNC, None)
    if counted_s is not None:
        yield _way(facts, "sync, packed", Mode.SYNC, counted_s)
    yield _way(facts, "auto", Mode.AUTO, counted_s)
    yield _way(facts, "poll", Mode.POLL, counted_s)
    yield _way(facts, "async", Mode.ASYNC, counted_s)


def _way(facts: Facts, name: str, mode: Mode, limit_s: float | None) -> Way:
    """Return one way; `async` as it is with a receiver, `auto` as it is here."""
    hears = mode is Mode.ASYNC or (mode is Mode.AUTO and facts.receiver.running)
    settings = replace(facts.settings, mode=mode, limit_s=limit_s, hears_events=hears)
    planned = plan(facts.script, facts.variables, settings, to=facts.to, from_=facts.from_, gap=facts.gap)
    counted_s = facts.limit.counted_s
    return Way(
        name=name,
        plan=planned,
        fits=not planned.problems and (counted_s is None or planned.longest_request_s <= room_s(counted_s)),
        calls_carried=calls_carried(planned, facts.settings.api_limits or DOCUMENTED_LIMITS),
        needs_receiver=mode is Mode.ASYNC,
    )


def _choose(facts: Facts) -> Choice | None:
    """Return the recommendation; None where the script cannot be sent."""
    limit = facts.limit
    network = limit.network if limit.is_known else ASSUMED_NETWORK
    for name, mode, limit_s, reasons in _preferences(facts):
        way = _way(facts, name, mode, limit_s)
        if way.fits:
            return Choice(
                way=way, limit_s=limit_s, network=network if limit_s is not None else None, reasons=tuple(reasons(way))
            )
    return None


_Reasons = Callable[[Way], Iterator[str]]


def _preferences(facts: Facts) -> Iterator[tuple[str, Mode, float | None, _Reasons]]:
    """Yield the ways to be tried, the best first: name, mode, limit and why."""
    limit, traffic, hears = facts.limit, facts.traffic, facts.receiver.running
    counted_s = limit.counted_s
    if hears and traffic.most_in_flight >= MANY_CALLS:
        yield "async", Mode.ASYNC, counted_s, lambda _: _why_many(facts)
    if not limit.is_known and traffic.lost_replies >= LOST_REPLIES:
        mode = Mode.ASYNC if hears else Mode.POLL
        yield mode.value, mode, counted_s, lambda _: _why_lost(facts)
    if not limit.is_known or counted_s is None:
        yield "sync, one command a step", Mode.SYNC, None, lambda way: _why_single(facts, way)
    if counted_s is not None:
        yield "sync, packed", Mode.SYNC, counted_s, lambda way: _why_packed(facts, way)
    yield "auto", Mode.AUTO, counted_s, lambda way: _why_auto(facts, way)


def _why_many(facts: Facts) -> Iterator[str]:
    most = facts.traffic.most_in_flight
    yield f"{most} calls were live at once: with requests held open each would be a connection for as long as it lasts"
    yield "a receiver runs, so that the end of a step is known as soon as its event is in"


def _why_lost(facts: Facts) -> Iterator[str]:
    traffic = facts.traffic
    yield (
        f"{traffic.lost_replies} replies of the newest {traffic.requests} requests were lost, and nobody knows how long"
        " a request lives here: short ones are cut the least"
    )
    if facts.receiver.running:
        yield "a receiver runs, so that the end of a step is known as soon as its event is in"
    else:
        yield "no receiver runs, so that the call is looked at until a step is over"


def _why_single(facts: Facts, way: Way) -> Iterator[str]:
    longest = f"the longest request lasts {way.plan.longest_request_s:.3g} s"
    if facts.limit.is_known:
        yield f"nothing cuts a request ({facts.limit.why}), and {longest}"
    else:
        yield f"{longest}, which lives behind most proxies ({ASSUMED_LIMIT_S:g} s is usual; a few have 29 or 30)"
    yield "a reply brings the results, and a lost one leaves no more than one command in doubt"


def _why_packed(facts: Facts, way: Way) -> Iterator[str]:
    counted_s = facts.limit.counted_s
    assert counted_s is not None, "steps are packed under a limit"
    yield (
        f"every request fits under {_limit_named(facts.limit)}: the longest lasts {way.plan.longest_request_s:.3g} s, "
        f"and {room_s(counted_s):.3g} s fit"
    )
    yield "a reply brings the results, and is the least dead air"


def _why_auto(facts: Facts, way: Way) -> Iterator[str]:
    steps = [item for item in way.plan.steps if item.step.asynchronous]
    many = f"{len(steps)} of {way.plan.requests} steps"
    under = "" if facts.limit.counted_s is None else f" under {_limit_named(facts.limit)}"
    yield f"{many} cannot be held open{under}: they are acknowledged at once"
    if facts.receiver.running:
        yield "a receiver runs, so that their end is known as soon as its event is in"
    else:
        yield f"no receiver runs, so that the call is looked at until they are over: {way.plan.looks} times a call"
    yield "all others are held open, so that their replies bring the results"


def _limit_named(limit: Limit) -> str:
    known = "" if limit.is_known else "the assumed "
    return f"{known}{limit.counted_s:g} s"


def _concerns(facts: Facts, choice: Choice) -> Iterator[str]:
    planned, settings = choice.way.plan, facts.settings
    if planned.breaches:
        yield (
            f"up to {planned.worst_silence_s:.2g} s of dead air are expected, longer than max_dead_air "
            f"({settings.max_dead_air_s:g} s)"
        )
    carried = choice.way.calls_carried
    if carried is not None and carried < facts.traffic.most_in_flight:
        whose = "the API's documented limits" if settings.api_limits is None else "api_limits"
        yield (
            f"{facts.traffic.most_in_flight} calls were live at once, and {whose} carry about "
            f"{carried}: the others wait between their steps"
        )
    if settings.api_limits is None:
        yield "api_limits is not set: only the API's refusals (429) slow calls down"
    if "mode" in facts.script.settings and facts.script.settings["mode"] != choice.mode:
        yield "the script's own settings name another mode, and count more than the configuration file"
    yield from longer_than_tried(planned, facts.limit.at_least_s, where="here")
    if not facts.limit.is_known:
        yield "how long a request lives here is not known: `orchestrator probe` measures it"


def _flips(facts: Facts, choice: Choice | None) -> Iterator[tuple[str, str]]:
    """Yield each circumstance that would change the recommendation, with what it would be then."""
    now = _named(choice)
    for when, other in (*_other_limits(facts, choice), *_other_circumstances(facts)):
        then = _named(_choose(other))
        if then != now:
            yield when, then


def _other_circumstances(facts: Facts) -> Iterator[tuple[str, Facts]]:
    traffic, receiver = facts.traffic, facts.receiver
    few, many = replace(traffic, most_in_flight=0), replace(traffic, most_in_flight=MANY_CALLS)
    heard = replace(facts, receiver=replace(receiver, running=True))
    if receiver.running:
        yield "if no receiver were running", replace(facts, receiver=Receiver())
    else:
        yield "if a receiver were running", heard
    if traffic.most_in_flight >= MANY_CALLS:
        yield f"if fewer than {MANY_CALLS} calls were live at once", replace(facts, traffic=few)
    elif receiver.running:
        yield f"if {MANY_CALLS} calls or more were live at once", replace(facts, traffic=many)
    else:
        both = f"if a receiver were running, and {MANY_CALLS} calls or more were live at once"
        yield both, replace(heard, traffic=many)
    if not facts.limit.is_known:
        lost = max(traffic.lost_replies, LOST_REPLIES)
        yield "if replies were lost", replace(facts, traffic=replace(traffic, lost_replies=lost))


def _other_limits(facts: Facts, choice: Choice | None) -> Iterator[tuple[str, Facts]]:
    """Yield the next shorter and the next longer limit at which something else is recommended."""
    counted_s = facts.limit.counted_s
    now = _mode_of(choice)
    if counted_s is None:
        below = _LONGEST_LIMIT_S
    else:
        below = min(int(counted_s), _LONGEST_LIMIT_S)
        longest = _with_limit(facts, _LONGEST_LIMIT_S)
        if _mode_of(_choose(longest)) != now:
            first = _first(lambda limit: _mode_of(_choose(_with_limit(facts, limit))) != now, below, _LONGEST_LIMIT_S)
            yield f"if the limit were {first} s or longer", _with_limit(facts, first)
    if _mode_of(_choose(_with_limit(facts, 1))) != now:
        last = _first(lambda limit: _mode_of(_choose(_with_limit(facts, limit))) == now, 1, below)
        yield f"if the limit were below {last} s", _with_limit(facts, max(last - 1, 1))


def _first(holds: Callable[[int], bool], below: int, upto: int) -> int:
    """Return the first number behind `below`, up to `upto`, where something holds that goes on to hold."""
    while upto - below > 1:
        middle = (below + upto) // 2
        below, upto = (below, middle) if holds(middle) else (middle, upto)
    return upto


def _with_limit(facts: Facts, limit_s: int) -> Facts:
    return replace(facts, limit=Limit(seconds=float(limit_s), source=Source.GIVEN, why="as supposed"))


def _mode_of(choice: Choice | None) -> Mode | None:
    return None if choice is None else choice.mode


def _named(choice: Choice | None) -> str:
    return "the script could not be sent" if choice is None else choice.way.name
