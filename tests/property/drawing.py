"""Draws scenarios: scripts that any author could have written, callees, networks, and everything that goes wrong.

What is drawn from is a `Dice`: a seeded generator (`tests/simulation`), or hypothesis, which shrinks what fails
(`strategies`). Both draw the same things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.limits import CutKind
from orchestrator.core.script import (
    Answer,
    Dial,
    End,
    Entry,
    FailureAction,
    GetDtmf,
    Goto,
    Hangup,
    Hold,
    OnFailure,
    Plain,
    Policy,
    Say,
    Script,
    SendDtmf,
    Sms,
    Switch,
    Unhold,
)
from orchestrator.core.settings import Mode
from orchestrator.sandbox.callees import Behaviour
from tests.fakes.library_errors import Unsent
from tests.fakes.transport import CLEAN, RawAnswer, Treatment
from tests.property.scenarios import FROM, TO, Crash, Fate, Incoming, Jump, Saved, Scenario, Stop, Theft, entry_of

_WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima")

One = TypeVar("One")


class Dice(Protocol):
    """What is drawn from."""

    def pick(self, options: Sequence[One]) -> One:
        """Draw one of these."""

    def number(self, lowest: int, highest: int) -> int:
        """Draw a whole number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a scenario may have; without any of it it is a clean run.

    Attributes:
        people: Whether callees are of every kind; otherwise all of them answer and stay.
        network: What the network does: nothing, what needs no luck to be told apart, or all of it.
        dying: Whether processes die.
        evidence: Whether the server offers more than the minimum: never, always, or sometimes.
        modes: The modes that processes run in; none: all hold their requests open.
        events: Whether somebody receives events, and what becomes of them is drawn.
        thefts: Whether leases are lost to other processes.
        spares: Whether the first requests may be spared, so that more runs get as far as their later steps.
        oddities: Whether clocks are set, disks are full, people cancel, and runs are abandoned.
        limits: Whether the account has request limits.
        incoming: Whether the run begins on a call that somebody else made.
    """

    people: bool = True
    network: str = "none"
    dying: bool = False
    evidence: str = "never"
    modes: tuple[Mode, ...] = ()
    events: bool = False
    thefts: bool = False
    spares: bool = False
    oddities: bool = False
    limits: bool = False
    incoming: bool = False


def scenario(dice: Dice, wanted: Wanted) -> Scenario:
    """Draw a scenario."""
    chances: list[Callable[[Dice], Treatment]] = [] if wanted.network == "none" else [mild]
    if wanted.network == "all":
        chances = [mild, mild, late, doubled]
    crashes: list[Crash | Theft] = []
    if wanted.dying:
        crashes = [crash(dice, oddities=wanted.oddities) for _ in range(dice.number(1, 3))]
    if wanted.thefts:
        crashes.insert(dice.number(0, len(crashes)), theft(dice))
    spared = (CLEAN,) * dice.pick([0, 1, 2, 4]) if wanted.spares else ()
    made = Scenario(
        script=script(dice),
        callee=callee(dice) if wanted.people else answering(dice),
        treatments=(*spared, *(dice.pick(chances)(dice) for _ in range(dice.number(1, 14)))) if chances else (),
        crashes=tuple(crashes),
        limit_s=dice.pick([None, None, 30.0, 60.0]),
        words_per_minute=dice.pick([150.0, 110.0, 240.0]),
        skew_s=dice.pick([0.0, 0.0, 25.0, -25.0]),
        capabilities=evidence(dice, wanted.evidence),
        drowsy_s=dice.pick([20.0, 20.0, 20.0, 0.0]),
        modes=tuple(dice.pick(wanted.modes) for _ in range(dice.number(1, 4))) if wanted.modes else (),
        fates=tuple(fate(dice) for _ in range(dice.number(0, 12))) if wanted.events else None,
    )
    if wanted.oddities:
        made = with_oddities(dice, made)
    if wanted.incoming:
        made = with_a_caller(dice, made)
    return with_limits(dice, made) if wanted.limits else made


def with_a_caller(dice: Dice, made: Scenario) -> Scenario:
    """Let the call be one that somebody makes to us: the script answers it, or turns it down."""
    robbed = any(isinstance(each, Theft) for each in made.crashes)
    incoming = Incoming(
        delays=tuple(dice.pick([0.05, 0.05, 0.05, 0.4, 3.0, 12.0]) for _ in range(dice.pick([1, 1, 1, 2, 3, 0]))),
        apart_s=None if robbed else dice.pick([None, None, 0.0, 0.01, 0.03, 2.0]),
    )
    answer = entry_of(Answer(), "answer")
    entries = () if dice.pick([False] * 9 + [True]) else (answer, *made.script.entries[1:])
    return replace(
        made,
        script=replace(made.script, entries=entries),
        callee=caller(dice),
        incoming=incoming,
        stop=made.stop if incoming.apart_s is None else None,
        extra={key: value for key, value in made.extra.items() if entries or key != "on_stale"},
    )


def with_limits(dice: Dice, made: Scenario) -> Scenario:
    """Add request limits that a single call meets, and other runs of the account that use up some of them."""
    endpoint = dice.pick([None, (1, 3.0), (1, 6.0), (2, 4.0), (2, 10.0), (3, 30.0)])
    account = dice.pick([(1, 2.0), (2, 6.0), (3, 6.0), (4, 12.0), (8, 40.0), None if endpoint else (3, 12.0)])
    limits = ApiLimits(
        endpoint=None if endpoint is None else RequestLimit(*endpoint),
        account=None if account is None else RequestLimit(*account),
    )
    others = tuple(dice.pick([0.0, 0.5, 2.0, 5.0, 9.0, 20.0, 40.0]) for _ in range(dice.pick([0, 0, 1, 3])))
    return replace(made, limits=limits, others=others)


def with_oddities(dice: Dice, made: Scenario) -> Scenario:
    """Add what seldom happens, none of it most of the time."""
    jumps = tuple(
        Jump(dice.pick([0.5, 1.5, 4.0, 9.0, 30.0, 90.0]), dice.pick([-3600.0, -40.0, -0.7, 0.7, 40.0, 3600.0]))
        for _ in range(dice.pick([0, 0, 0, 0, 1, 2]))
    )
    if any(isinstance(each, Crash) and each.reboots for each in made.crashes):
        jumps = ()  # durations across a reboot come from dates, so that nobody can tell the one from the other
    extra: dict[str, object] = {}
    if dice.pick([True, False, False]):
        extra["replay_preamble"] = "again"
    labelled = [entry.label for entry in made.script.entries if entry.label is not None]
    if labelled and dice.pick([True, False]):
        extra["on_stale"] = dice.pick(labelled)
    odd = replace(
        made,
        jumps=jumps,
        cancel_s=dice.pick([None] * 14 + [0.5, 2.0, 6.0, 15.0, 40.0]),
        abandoned=bool(made.crashes) and dice.pick([True, False, False, False, False, False, False]),
        extra=extra,
        jitter=dice.number(0, 10**6),
    )
    if dice.pick([True, False, False, False, False, False]):
        odd = replace(odd, extra={**odd.extra, "leave_up": True})
    return replace(odd, stop=stop(dice), resolved=dice.pick([True, False]))


# --- scripts ----------------------------------------------------------------------------------------------------------


def script(dice: Dice, *, most_blocks: int = 6) -> Script:
    """Draw a script that any author could have written; each sentence and each tone in it is its own."""
    entries: list[Entry] = [entry_of(Dial(to=Plain(TO), from_=Plain(FROM)), "dial")]
    saved: list[str] = []
    for _ in range(dice.number(1, most_blocks)):
        entries += _block(dice, len(entries), saved)
    if dice.pick([True, False]):
        entries.append(entry_of(Hangup(), len(entries)))
    return _labelled(entries)


_BLOCKS = ("say", "say", "ask", "ask", "keys", "switch", "goto", "held", "when", "sms", "end")
_WITH_DIGITS = (*_BLOCKS, "switch", "when", "when")


def _block(dice: Dice, at: int, saved: list[str]) -> list[Entry]:
    match dice.pick(_WITH_DIGITS if saved else _BLOCKS):
        case "when" if saved:
            return [_said(dice, at, when=Saved(saved[-1]))]
        case "ask":
            return [_asked(dice, at, saved)]
        case "keys":
            tones = Plain(f"{at}{dice.number(0, 10**6)}" * dice.pick([1, 1, 1, 12]))
            return [entry_of(SendDtmf(tones), at, if_unknown=_policy(dice), on_failure=_rule(dice))]
        case "switch" if saved:
            cases = {"1": _place(dice), "2": _place(dice)}
            return [entry_of(Switch(Saved(saved[-1]), cases, _place(dice)), at)]
        case "goto":
            return [entry_of(Goto(_place(dice)), at)]
        case "held":
            held = [_said(dice, at + 1)] if dice.pick([True, False]) else []
            return [entry_of(Hold(), at), *held, entry_of(Unhold(), at + len(held) + 1)]
        case "sms":
            message = Plain(f"message {at}")
            return [entry_of(Sms(to=Plain(TO), from_=Plain(FROM), message=message), at, if_unknown=_policy(dice))]
        case "end":
            return [entry_of(End(Plain(f"result {at}")), at)]
        case _:
            return [_said(dice, at)]


def _policy(dice: Dice) -> Policy | None:
    return dice.pick([None, None, Policy.REPEAT, Policy.SKIP, Policy.STOP])


def _place(dice: Dice) -> str:
    return f"L{dice.number(1, 12)}"


def _said(dice: Dice, at: int, **options: object) -> Entry:
    text = " ".join([f"s{at}", *_WORDS[: dice.number(0, 11)]])
    return entry_of(Say(Plain(text)), at, if_unknown=_policy(dice), **options)


def _asked(dice: Dice, at: int, saved: list[str]) -> Entry:
    prompts = ()
    if dice.pick([True, False]):
        prompts = (Say(Plain(f"p{at} " + " ".join(_WORDS[: dice.number(0, 5)]))),)
    digits = dice.pick([None, 1, 2, 3])
    element = GetDtmf(timeout_s=dice.pick([3.0, 5.0]), max_digits=digits, prompts=prompts)
    name = dice.pick([None, "choice", "pin"])
    if name is not None:
        saved.append(name)
    rule = _rule(dice)
    return entry_of(
        element,
        at,
        save=name,
        on_failure=rule,
        has_on_failure=rule != OnFailure(),
        if_unknown=_policy(dice),
        sensitive=(digits or 1) > 2 or dice.pick([True, False, False, False]),
    )


def _rule(dice: Dice) -> OnFailure:
    match dice.pick([None, FailureAction.CONTINUE, FailureAction.STOP, FailureAction.GOTO]):
        case None:
            return OnFailure()
        case FailureAction.GOTO:
            return OnFailure(retry=dice.number(0, 1), action=FailureAction.GOTO, label=_place(dice))
        case action:
            return OnFailure(retry=dice.number(0, 2), action=action)


def _labelled(entries: list[Entry]) -> Script:
    """Give labels to the entries that are jumped to, and jumps the labels that there are."""
    after_hangup = next((at for at, entry in enumerate(entries) if isinstance(entry.element, Hangup)), len(entries))
    held = [at for at in range(1, len(entries)) if _is_held(entries, at)]
    free = [at for at in range(1, after_hangup + 1) if at < len(entries) and at not in held] or [1]

    def real(label: str) -> str:
        return f"L{free[int(label[1:]) % len(free)]}"

    used: set[str] = set()
    done: list[Entry] = []
    for entry in entries:
        element, rule = entry.element, entry.on_failure
        if isinstance(element, Switch):
            cases = {key: real(label) for key, label in element.cases.items()}
            element = Switch(element.subject, cases, real(element.otherwise))
            used |= {*cases.values(), element.otherwise}
        elif isinstance(element, Goto):
            element = Goto(real(element.label))
            used.add(element.label)
        if rule.label is not None:
            rule = replace(rule, label=real(rule.label))
            used.add(rule.label or "")
        done.append(replace(entry, element=element, on_failure=rule))
    labelled = [replace(entry, label=f"L{at}") if f"L{at}" in used else entry for at, entry in enumerate(done)]
    return Script(name="drawn", entries=tuple(labelled), digest="d")


def _is_held(entries: list[Entry], at: int) -> bool:
    kinds = [type(entry.element) for entry in entries[:at]]
    return kinds.count(Hold) > kinds.count(Unhold)


# --- callees ----------------------------------------------------------------------------------------------------------


def answering(dice: Dice) -> Behaviour:
    """Draw somebody who answers and stays."""
    after = dice.pick([1.0, 6.0])
    return Behaviour(does="answer", after=after, keys=_keys(dice), key_delay=dice.pick([0.5, 2.0]))


def callee(dice: Dice) -> Behaviour:
    """Draw a callee of any kind."""
    match dice.number(0, 4):
        case 0 | 1:
            return answering(dice)
        case 2:
            return Behaviour(does=dice.pick(["busy", "no_answer", "reject", "fail"]))
        case 3:
            return Behaviour(keys=_keys(dice), hangs_up_during=dice.number(1, 4))
        case _:
            return Behaviour(keys=_keys(dice), hangs_up_after=dice.pick([0.3, 4.0, 11.0]))


def caller(dice: Dice) -> Behaviour:
    """Draw somebody who calls us, and does not wait for ever."""
    leaves = dice.number(0, 3)
    return Behaviour(
        keys=_keys(dice),
        key_delay=dice.pick([0.5, 2.0]),
        hangs_up_during=dice.number(1, 4) if leaves == 0 else None,
        hangs_up_after=dice.pick([0.3, 4.0, 11.0]) if leaves == 1 else None,
        gives_up_after=dice.pick([60.0, 60.0, 25.0, 8.0, 1.5]),
    )


def _keys(dice: Dice) -> tuple[str, ...]:
    return tuple(dice.pick(["1", "2", "", "12", "123", "1"]) for _ in range(dice.number(0, 4)))


# --- networks ---------------------------------------------------------------------------------------------------------

_SOON = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
_LATE = (0.5, 2.0, 4.0, 10.0, 30.0, 50.0)
_HTML = {"Content-Type": "text/html"}
_JSON = b'{"response": {"error": {"code": 0, "message": "no"}}}'


def _answer(status: int, **headers: str) -> RawAnswer:
    return RawAnswer(status, _JSON, {"Content-Type": "application/json", **headers})


FOR_GOOD = (Unsent.TUNNEL_403, Unsent.TUNNEL_407, Unsent.CERTIFICATE, Unsent.MALFORMED_URL)
"""What no further try changes."""
FOR_NOW = tuple(kind for kind in Unsent if kind not in FOR_GOOD)
THROTTLED = (
    _answer(429),
    _answer(429, **{"Retry-After": "3"}),
    RawAnswer(429, b"slow down", _HTML),
    _answer(503, **{"Retry-After": "2"}),
)
DOUBTFUL = (
    _answer(500),
    RawAnswer(502, b"<html>", _HTML),
    _answer(503),
    RawAnswer(503, b"<html>", {**_HTML, "Retry-After": "2"}),
    _answer(504),
    _answer(408),
    RawAnswer(524, b"<html>", _HTML),
)
REDIRECT = RawAnswer(302, b"", {"Location": "/elsewhere"})
REJECTED = (
    _answer(400),
    _answer(401),
    _answer(403),
    _answer(404),
    _answer(405),
    _answer(422),
    RawAnswer(403, b"<html>", _HTML),
    RawAnswer(413, b"<html>", _HTML),
)
LIES = (
    RawAnswer(200),
    RawAnswer(200, b"<html>", _HTML),
    RawAnswer(200, b"{}", {"Content-Type": "application/json"}),
    RawAnswer(201, b'{"response": []}', {"Content-Type": "application/json"}),
)
"""A success that nobody has had: what answered was not the API."""


def mild(dice: Dice) -> Treatment:
    """Draw what a network does to a request, short of holding it back or doubling it."""
    soon = dice.pick(_SOON)
    away = Treatment(deliveries=(), cut_after_s=soon)
    options: list[Callable[[], Treatment]] = [
        lambda: CLEAN,
        lambda: CLEAN,
        lambda: Treatment(unsent=dice.pick(FOR_NOW)),
        lambda: Treatment(unsent=dice.pick(FOR_GOOD)) if soon > 2.0 else CLEAN,
        lambda: replace(away, cut=dice.pick([CutKind.RESET, CutKind.CLOSED])),  # cut before
        lambda: Treatment(cut_after_s=soon, cut=dice.pick([CutKind.RESET, CutKind.CLOSED])),  # cut while it runs
        lambda: Treatment(cut_after_s=soon, stops_work=True),  # the same, and the server notices
        lambda: Treatment(cut_by_reply=True, cut=dice.pick([CutKind.RESET, CutKind.CLOSED, None])),  # cut after it ran
        lambda: Treatment(answered_by=None),  # no reply, ever
        lambda: Treatment(deliveries=()),  # never arrives, no reply
        lambda: Treatment(share=dice.pick([0.1, 0.9])),
        lambda: Treatment(emptied=True),
        lambda: Treatment(slow_s=dice.pick([0.5, 4.0, 60.0])),
        lambda: replace(away, instead=dice.pick(THROTTLED)),
        lambda: replace(away, instead=dice.pick(DOUBTFUL)),  # and it did not run
        lambda: Treatment(cut_after_s=soon, instead=dice.pick(DOUBTFUL)),  # and it runs on
        lambda: Treatment(instead=dice.pick(DOUBTFUL)),  # and it ran
        lambda: replace(away, instead=dice.pick(LIES)),
        lambda: replace(away, instead=REDIRECT),
        lambda: replace(away, instead=dice.pick([_answer(409), _answer(404)])),
        lambda: replace(away, instead=dice.pick(REJECTED)) if soon > 2.0 else CLEAN,
    ]
    return dice.pick(options)()


def late(dice: Dice) -> Treatment:
    """Draw a delivery after everybody gave up."""
    gives_up_s = dice.pick(_SOON)
    return Treatment(deliveries=(gives_up_s + dice.pick(_LATE),), cut_after_s=gives_up_s)


def doubled(dice: Dice) -> Treatment:
    """Draw a request that something on the way sends twice."""
    first_s = dice.pick(_SOON)
    return Treatment(deliveries=(first_s, first_s + dice.pick(_LATE)), answered_by=dice.pick([0, 1, None]))


def evidence(dice: Dice, wanted: str) -> tuple[str, ...]:
    """Draw what a server offers beyond the minimum."""
    if wanted == "never" or (wanted == "sometimes" and dice.pick([True, False])):
        return ()
    return dice.pick(
        [("command_log",), ("idempotency_key",), ("client_reference",), ("command_log", "client_reference")]
    )


# --- mishaps ----------------------------------------------------------------------------------------------------------


def crash(dice: Dice, *, oddities: bool = False) -> Crash:
    """Draw how a process dies."""
    append = dice.pick([None, dice.number(0, 14)])
    return Crash(
        append=append,
        takes_effect=dice.pick([True, False]),
        after_s=dice.pick([0.01, 0.5, 1.5, 3.0, 6.0, 12.0, 25.0, 70.0]),
        gap_s=dice.pick([0.0, 0.0, 2.0, 8.0, 15.0, 40.0, 200.0]),
        disk_full=oddities and bool(append) and dice.pick([True, False, False, False, False]),
        reboots=oddities and dice.pick([True, False, False, False, False, False]),
    )


def stop(dice: Dice) -> Stop | None:
    """Draw whether and when the first process is told to stop."""
    after_s = dice.pick([None] * 10 + [0.01, 1.0, 3.0, 7.0, 15.0])
    if after_s is None:
        return None
    return Stop(after_s, grace_s=dice.pick([0.0, 5.0, 30.0]), hand_over=dice.pick([True, False, False]))


def theft(dice: Dice) -> Theft:
    """Draw how a process loses its lease."""
    return Theft(
        request=dice.pick([None, dice.number(0, 8)]),
        after_s=dice.pick([0.5, 1.5, 3.0, 6.0, 12.0, 25.0]),
        stopped_s=dice.pick([32.0, 36.0, 45.0, 70.0, 200.0, None]),
        rival_s=dice.pick([31.0, 31.0, 34.0, 44.0]),
    )


def fate(dice: Dice) -> Fate:
    """Draw what becomes of an event."""
    return Fate(
        delays=tuple(dice.pick([0.0, 0.05, 0.05, 0.4, 3.0, 12.0]) for _ in range(dice.number(0, 3))),
        lie_after_s=dice.pick([None, None, None, 0.0, 0.5, 4.0]),
    )
