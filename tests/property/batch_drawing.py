"""Draws batches: campaigns, contacts, callees, and everything that goes wrong while their ticks are run from cron.

Plain data, drawn from the same `Dice` as the scenarios of single runs. `batch_simulation` plays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.campaign import Campaign, FallbackSms
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.plan import plan
from orchestrator.core.records import Disposition
from orchestrator.core.redial import NumberLimits, RedialRule
from orchestrator.core.script import Dial, Plain, Script, Sms
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.windows import EVERY_DAY, Calendar, Window
from orchestrator.ports import CampaignOrders
from orchestrator.sandbox.callees import Behaviour
from tests.fakes.transport import CLEAN, Treatment
from tests.fakes.virtual_time import EPOCH
from tests.property import drawing
from tests.property.drawing import Dice
from tests.property.scenarios import FROM, Crash, Saved, Stop

NUMBERS = tuple(f"+1212555{number:04}" for number in range(100, 108))
CAMPAIGN = "spring"
NEIGHBOUR = "summer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What happens to one tick's process; without any of it, nothing does.

    Attributes:
        crash: How it dies, or how its disk is full. The `gap_s` of a crash is the time until cron's next tick.
        stop: When it is told to stop, and how.
        stopped_after_s: When it is stopped (SIGSTOP); None: it is not.
        stopped_s: For how long.
        rival_s: How long after it another tick of the campaign is begun, as by a second machine; None: it is not.
    """

    crash: Crash | None = None
    stop: Stop | None = None
    stopped_after_s: float | None = None
    stopped_s: float = 0.0
    rival_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchScenario:
    """One simulated batch, whole.

    Attributes:
        script: What is run for each contact; it dials the variable `to`.
        campaign: By which rules.
        rows: The contacts file.
        callees: Who answers how, call by call.
        forbidden: Numbers that must not be called.
        unprepared: Ids of contacts whose row lacks what the script needs.
        treatments: What the network does to the first requests, in order; the rest goes through.
        outage: From when to when no request leaves, in seconds.
        lives: What happens to the first ticks; nothing happens to the others.
        period_s: How long after the end of a tick cron begins the next.
        orders: What people tell the campaign, and when.
        resolved: Between two ticks a person who knows what really happened gives each verdict that is waited for.
        neighbour: Another campaign of the same journal that calls some of the same numbers, with rules, rows, lives and
            orders of its own, in the same world; None: there is none.
        beside_s: How long before this one's ticks cron begins those of the neighbour; None: after they have ended.
        limit_s: The network limit that steps are packed for.
        words_per_minute: How fast the server speaks.
        skew_s: How far the server's clock is ahead.
        capabilities: What the server offers beyond the minimum.
        mode: How runs learn that a step is over.
        drowsy_s: How late threads may wake up.
        jitter: The seed of what the runners draw.
    """

    script: Script
    campaign: Campaign
    rows: tuple[Contact | Rejected, ...]
    callees: Mapping[str, tuple[Behaviour, ...]]
    forbidden: frozenset[str] = frozenset()
    unprepared: frozenset[str] = frozenset()
    treatments: tuple[Treatment, ...] = ()
    outage: tuple[float, float] | None = None
    lives: tuple[Life, ...] = ()
    period_s: float = 60.0
    orders: tuple[tuple[float, CampaignOrders], ...] = ()
    resolved: bool = False
    neighbour: BatchScenario | None = None
    beside_s: float | None = None
    limit_s: float | None = None
    words_per_minute: float = 150.0
    skew_s: float = 0.0
    capabilities: tuple[str, ...] = ()
    mode: Mode = Mode.SYNC
    drowsy_s: float = 0.0
    jitter: int = 0

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The rows that can be called."""
        return tuple(row for row in self.rows if isinstance(row, Contact))


def batch(dice: Dice) -> BatchScenario:
    """Draw a batch: often with a little trouble, so that it gets far; sometimes with everything."""
    network = dice.pick(["none", "none", "mild", "mild", "all", "all"])
    has_deaths, has_people = dice.pick([False, True, True]), dice.pick([True, True, False])
    script = _script(dice)
    rows = _rows(dice)
    numbers = [row.to for row in rows if isinstance(row, Contact)]
    scenario = BatchScenario(
        script=script,
        campaign=_campaign(dice, script),
        rows=rows,
        callees={number: _callees(dice, has_people=has_people) for number in dict.fromkeys(numbers)},
        forbidden=frozenset(dice.pick([(), (), (), (dice.pick(numbers),)])),
        unprepared=frozenset(dice.pick([(), (), (), ("contact 1",)])),
        treatments=_treatments(dice, network),
        outage=_outage(dice) if network == "all" else None,
        lives=tuple(_life(dice) for _ in range(dice.number(1, 4))) if has_deaths else (),
        period_s=dice.pick([60.0, 60.0, 300.0]),
        orders=_orders(dice),
        limit_s=dice.pick([None, None, None, 60.0]),
        words_per_minute=dice.pick([150.0, 110.0, 240.0]),
        skew_s=dice.pick([0.0, 0.0, 25.0, -25.0]),
        capabilities=drawing.evidence(dice, "sometimes" if dice.pick([True, False]) else "never"),
        mode=dice.pick([Mode.SYNC, Mode.SYNC, Mode.POLL]),
        drowsy_s=dice.pick([0.0, 0.0, 0.2, 0.3]),
        jitter=dice.number(0, 10**6),
        resolved=dice.pick([True, False]),
    )
    scenario = replace(scenario, campaign=replace(scenario.campaign, calendar=_calendar(dice, scenario)))
    if dice.pick([True, False, False]):
        beside_s = dice.pick([None, 0.0, 0.5, 10.0])
        scenario = replace(scenario, neighbour=_neighbour(dice, scenario), beside_s=beside_s)
    return scenario


def _neighbour(dice: Dice, scenario: BatchScenario) -> BatchScenario:
    """Draw a campaign that calls some of the numbers of another one, and others."""
    limits = scenario.campaign.api_limits  # those of the account
    campaign = replace(_campaign(dice, scenario.script), name=NEIGHBOUR, api_limits=limits)
    rows = tuple(
        Contact(line=at + 2, to=dice.pick([row.to for row in scenario.contacts]), id=f"neighbour {at}")
        for at in range(dice.number(1, 4))
    )
    neighbour = replace(
        scenario,
        campaign=campaign,
        rows=rows,
        unprepared=frozenset(),
        lives=tuple(_life(dice) for _ in range(dice.number(0, 2))) if scenario.lives else (),
        orders=_orders(dice),
    )
    return replace(neighbour, campaign=replace(campaign, calendar=_calendar(dice, scenario)))


def _script(dice: Dice) -> Script:
    """Draw a short script that dials the contact's number, and sends its messages there."""
    drawn = drawing.script(dice, most_blocks=3)
    entries = []
    for entry in drawn.entries:
        element = entry.element
        if isinstance(element, Dial):
            element = Dial(to=Saved("to"), from_=Plain(FROM))
        elif isinstance(element, Sms):
            element = replace(element, to=Saved("to"))
        entries.append(replace(entry, element=element))
    return replace(drawn, entries=tuple(entries))


# --- the campaign -----------------------------------------------------------------------------------------------------


def _campaign(dice: Dice, script: Script) -> Campaign:
    return Campaign(
        name=CAMPAIGN,
        concurrency=dice.number(1, 4),
        rate_per_s=dice.pick([None, None, 0.1, 0.5, 2.0]),
        ramp_up_s=dice.pick([0.0, 0.0, 0.0, 20.0]),
        max_calls=dice.pick([None, None, None, 2]),
        max_attempts=dice.pick([None, None, None, 3]),
        limits=NumberLimits(min_gap_s=dice.pick([0.0, 0.0, 100.0]), daily_cap=dice.pick([None, None, None, 2, 4])),
        redial=_redial(dice, script),
        fallback_sms=FallbackSms(text=Plain("Please call us.")) if dice.pick([False, False, True]) else None,
        api_limits=_api_limits(dice),
    )


def _calendar(dice: Dice, scenario: BatchScenario) -> Calendar:
    """Draw when calls are allowed: often at any time; else for some minutes from now on, or from then on, or both.

    What closes soon leaves hardly more time than one call takes.
    """
    settings = Settings(limit_s=scenario.limit_s)
    longest_s = plan(scenario.script, {"to": NUMBERS[0], "from": FROM}, settings).bounds.longest_s
    closes_s = min(longest_s, settings.max_call_s) + dice.pick([3.0, 20.0, 45.0, 300.0, 1400.0])
    opens_s = dice.pick([100.0, 1000.0, 2500.0])
    early, late = _window(-3600.0, closes_s), _window(opens_s, opens_s + 5000.0)
    return Calendar(windows=dice.pick([*[()] * 6, (early,), (late,), (early, _window(closes_s + 300.0, 9000.0))]))


def _window(from_s: float, until_s: float) -> Window:
    """Return the window of every day between two moments of the simulation's first."""
    start, end = (datetime.fromtimestamp(EPOCH + at_s, UTC).time() for at_s in (from_s, until_s))
    return Window(EVERY_DAY, start, end)


def _redial(dice: Dice, script: Script) -> tuple[RedialRule, ...]:
    kinds = [Disposition.BUSY, Disposition.NO_ANSWER, Disposition.REJECTED, Disposition.FAILED]
    rules = [
        RedialRule(disposition=kind, times=dice.number(1, 2), after_s=dice.pick([0.0, 40.0, 400.0]))
        for kind in kinds
        if dice.pick([True, True, False])
    ]
    is_wanted = dice.pick([True, False])
    labels = [entry.label for entry in script.entries if entry.label is not None]
    if labels and is_wanted:
        rules.append(RedialRule(disposition=Disposition.HUNG_UP, times=1, after_s=40.0, before_label=dice.pick(labels)))
    return tuple(rules)


def _api_limits(dice: Dice) -> ApiLimits:
    """Draw the limits of the account, some of them so tight that calls are given up."""
    one_a_second, six = RequestLimit(1, 1.0), RequestLimit(6, 10.0)
    return dice.pick(
        [
            ApiLimits(),
            ApiLimits(),
            ApiLimits(endpoint=one_a_second),
            ApiLimits(account=six),
            ApiLimits(endpoint=RequestLimit(4, 10.0), account=RequestLimit(30, 60.0)),
            ApiLimits(endpoint=RequestLimit(2, 10.0)),
        ]
    )


def _orders(dice: Dice) -> tuple[tuple[float, CampaignOrders], ...]:
    """Draw what people say: a pause is lifted again, a stop perhaps."""
    at_s = dice.pick([1.0, 10.0, 30.0, 70.0])
    lifted = (at_s + dice.pick([5.0, 100.0, 400.0]), CampaignOrders())
    return dice.pick(
        [
            *[()] * 6,
            ((at_s, CampaignOrders(paused=True)), lifted),
            ((at_s, CampaignOrders(stopped=True)),),
            ((at_s, CampaignOrders(stopped=True)), lifted),
        ]
    )


# --- contacts and callees ---------------------------------------------------------------------------------------------


def _rows(dice: Dice) -> tuple[Contact | Rejected, ...]:
    count = dice.number(2, 8)
    pool = NUMBERS[: dice.pick([count, count, max(count - 2, 1), max(count // 2, 1)])]
    rows: list[Contact | Rejected] = []
    for at in range(count):
        to = pool[at % len(pool)]
        name = dice.pick([f"name {at}", f"name {at}", "the same"])
        contact = Contact(
            line=at + 2,
            to=to,
            id=f"contact {at}",
            priority=dice.pick([0, 0, 0, 1]),
            variables={"name": name},
        )
        rows.append(contact)
    if dice.pick([True, False, False]):  # the same contact in another row
        again = dice.pick(rows)
        rows.append(replace(again, line=len(rows) + 2))
    if dice.pick([True, False, False]):
        rows.insert(dice.number(0, len(rows)), Rejected(line=99, reason="no number", text="-"))
    return tuple(rows)


def _callees(dice: Dice, *, has_people: bool) -> tuple[Behaviour, ...]:
    if not has_people:
        return (drawing.answering(dice),)
    return tuple(drawing.callee(dice) for _ in range(dice.number(1, 3)))


# --- what goes wrong --------------------------------------------------------------------------------------------------


def _treatments(dice: Dice, network: str) -> tuple[Treatment, ...]:
    if network == "none":
        return ()
    chances = [drawing.mild] if network == "mild" else [drawing.mild, drawing.mild, drawing.late, drawing.doubled]
    fair = dice.pick([0, 2, 6])  # so many requests go through for each that does not
    drawn = []
    for _ in range(dice.number(4, 40)):
        drawn += [CLEAN] * dice.number(0, fair)
        drawn.append(dice.pick(chances)(dice))
    return tuple(drawn)


def _outage(dice: Dice) -> tuple[float, float] | None:
    begins_s = dice.pick([None, None, 0.0, 20.0, 60.0])
    return None if begins_s is None else (begins_s, begins_s + dice.pick([20.0, 200.0, 600.0]))


def _life(dice: Dice) -> Life:
    match dice.number(0, 7):
        case 0:
            return Life(stop=Stop(dice.pick([0.01, 3.0, 15.0, 40.0]), grace_s=dice.pick([0.0, 5.0, 30.0])))
        case 1:
            after_s = dice.pick([1.5, 6.0, 25.0])
            return Life(stop=Stop(after_s, hand_over=True))
        case 2:
            after_s, stopped_s = dice.pick([0.5, 3.0, 12.0, 25.0]), dice.pick([10.0, 36.0, 70.0, 200.0])
            return Life(stopped_after_s=after_s, stopped_s=stopped_s, rival_s=after_s + dice.pick([5.0, 31.0, 40.0]))
        case 3:
            return Life(rival_s=dice.pick([0.0, 0.5, 10.0]))
        case _:
            return Life(crash=_crash(dice))


def _crash(dice: Dice) -> Crash:
    append = dice.pick([None, dice.number(0, 8), dice.number(0, 40)])
    return Crash(
        append=append,
        takes_effect=dice.pick([True, False]),
        after_s=dice.pick([0.01, 0.5, 1.5, 3.0, 6.0, 12.0, 25.0, 70.0, 140.0]),
        gap_s=dice.pick([0.0, 1.0, 2.0, 15.0, 60.0, 200.0]),
        disk_full=bool(append) and dice.pick([True, False, False, False, False]),
        reboots=dice.pick([True, False, False, False, False, False, False]),
    )
