"""Settles an attempt whose outcome is unknown, by evidence (rules, sections 4.4 and 4.5). Pure.

`reconcile` looks at what has been seen since the attempt and says what follows: a verdict, another look, or that
nothing can be learnt from here. The rules in short:

- A call that was seen `in-progress` after the attempt and `ready` later: it ran.
- `ready` by itself proves nothing; it becomes a proof of absence only through looks that were closer together than
  the list is short, or through a command log, and then only after the settle time of what is dangerous, since a
  proxy may deliver a request long after everybody gave up.
- A dial is looked for in the list of calls; its absence is proof only once it can no longer ring.
- What stays open goes to the policy: `if_unknown` of the step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import takewhile

from orchestrator.core.awaiting import event_of
from orchestrator.core.evidence import is_idle, verdict_of, was_refused
from orchestrator.core.exchange import CallSeen, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import (
    Looked,
    LookKind,
    ReplayClass,
    Settled,
    Then,
    Verdict,
)
from orchestrator.core.script import Policy
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, RunState

LIST_ALWAYS_HOLDS = 100
"""`GET /calls` shows at least the last 100 calls (contract section 2) ..."""
LIST_HOLDS_FOR_S = 3600.0
"""... for at least an hour."""
FEWEST_DIGITS = 7
"""Fewer digits in common do not make two numbers the same."""
CLOCK_SLACK_S = 5.0
"""A call created this much before the intent, by the server's whole seconds, may still be the lost dial."""
SKEW_SLACK_S = 1.0
"""The server's clock is known to a second at best, since `Date` shows whole ones."""
SHORTEST_LOOK_S = 0.3
LONGEST_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing is settled yet; look again at `at`."""

    at: Instant
    kind: LookKind


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """The API has not answered for too long, or does not do what it must; another process may settle this later."""

    reason: str
    code: str = "unreachable"


def reconcile(state: RunState, now: Instant) -> Settled | LookAgain | OutOfReach:
    """Say what is known of the pending attempt of a run that is settling."""
    pending = state.pending
    assert pending is not None, "a settling run has a pending attempt"
    if (locked := locked_out(pending)) is not None:
        return locked
    match pending.intent.operation:
        case Operation.CREATE:
            return _reconcile_dial(state, pending, now)
        case Operation.SMS:
            evidence = "the server has no record of text messages to look at"
            return _by_policy(
                state, pending, Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP)
            )
        case _:
            found = _reconcile_list(state, pending, now)
            return _doubled(pending, found) if isinstance(found, Settled) and was_refused(pending) else found


def locked_out(pending: Pending) -> OutOfReach | None:
    """Return why nothing can be learnt with the credentials in use: the API refused them at the last look.

    A 403 to a look at the list is another thing: there are servers that list their calls to nobody.
    """
    last = pending.looks[-1] if pending.looks else None
    if last is None or not (last.status == 401 or (last.unauthenticated and last.kind is not LookKind.LIST)):
        return None
    return OutOfReach(f"the call could not be looked at: {last.reason}", code="authentication")


def _doubled(pending: Pending, settled: Settled) -> Settled:
    """Report, with the verdict on a list that was refused, that something on the way has doubled a request."""
    status = None if pending.concluded is None else pending.concluded.status
    evidence = (
        f"it was refused ({status}) though nothing of this run should have kept the call busy, so that something on "
        f"the way has probably delivered a request twice, or late; {settled.evidence}"
    )
    return replace(settled, evidence=evidence, doubled=True)


def matches_of(
    calls: Iterable[CallSeen], state: RunState, now: Instant, *, owned_by_others: Collection[str]
) -> tuple[CallSeen, ...]:
    """Return the calls that may be the run's lost dial, the oldest first (rules, section 4.5).

    Args:
        calls: As a reply showed them.
        state: The run, with the server's clock as that reply told it.
        now: The moment of that reply.
        owned_by_others: Those of the calls that belong to other runs.
    """
    # What is older is another run's, even if nobody owns it: a doubled call of a run to the same number.
    dial = state.pending if state.call_id is None else None
    since = (state.call_since or state.begun.at) if dial is None else dial.same_since
    earliest = _server_wall(since, state, now) - CLOCK_SLACK_S
    intent = dial.intent if dial is not None else None
    fence = intent.expires_wall if intent is not None else None
    if fence is None:
        fence = _server_wall(since, state, now) + state.settings.dial_expire_s
    if intent is not None:  # sent again for its kept reply it may have come too late, and be shown as expired
        fence = max(fence, _server_wall(intent.at, state, now))
    latest = fence + CLOCK_SLACK_S  # what came into being later cannot be this dial
    found = [
        call
        for call in calls
        if _same_number(call.to, state.begun.to)
        and (call.from_ is None or _same_number(call.from_, state.begun.from_))
        and (call.created_epoch is None or earliest <= call.created_epoch <= latest)
        and call.call_id not in owned_by_others
    ]
    return tuple(sorted(found, key=lambda call: call.created_epoch or 0.0))


def list_is_complete(calls: Collection[CallSeen], state: RunState, now: Instant) -> bool:
    """Say whether a list of calls surely shows the dial, if there was one: it reaches back, and can be read."""
    since = state.pending.same_since if state.pending is not None else state.begun.at
    unreadable = any(len(_digits(call.to)) < FEWEST_DIGITS for call in calls)
    if now.since(since) > LIST_HOLDS_FOR_S or unreadable or not state.skew_known:
        return False
    earliest = _server_wall(since, state, now) - CLOCK_SLACK_S
    return len(calls) < LIST_ALWAYS_HOLDS or any(
        call.created_epoch is not None and call.created_epoch < earliest for call in calls
    )


def _server_wall(moment: Instant, state: RunState, now: Instant) -> float:
    """Return the server's date at an earlier moment, by what its clock shows: ours may have been set in between."""
    return state.server_wall(now) - now.since(moment)


def _same_number(shown: str | None, ours: str) -> bool:
    """Compare numbers as servers may show them: with or without `+`, country code or punctuation."""
    digits, wanted = _digits(shown), _digits(ours)
    shorter = min(len(digits), len(wanted))
    return shorter >= FEWEST_DIGITS and digits[-shorter:] == wanted[-shorter:]


def _digits(number: str | None) -> str:
    return "".join(character for character in number or "" if character.isdigit()).lstrip("0")


def _reconcile_dial(state: RunState, pending: Pending, now: Instant) -> Settled | LookAgain | OutOfReach:
    looks = [look for look in pending.looks if look.kind is LookKind.LIST and look.ok]
    if any(look.matches for look in looks):
        return _adopted(looks, now)
    refused = next((look for look in pending.looks if look.refused), None)
    if refused is not None:
        evidence = f"the server does not list its calls ({refused.reason})"
        return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP)
    quiet_at = _no_more_ringing_at(state, pending, now)
    if looks and looks[-1].began.since(quiet_at) >= 0:
        if state.other_key:
            reason = f"no call to {_number(state)} is shown to the API key in use, but it was dialled with another one"
            return OutOfReach(reason, code="configuration")
        if not looks[-1].complete:
            evidence = "the list of calls does not reach back to the dial"
            return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP)
        evidence = f"no call to {_number(state)} in {len(looks)} looks at the list, and it can no longer ring"
        then = Then.AGAIN if pending.unknowns < state.settings.max_attempts else Then.STOP
        return Settled(at=now, verdict=Verdict.DID_NOT_RUN, evidence=evidence, then=then)
    if _unreachable(pending, now, after=quiet_at, settings=state.settings):
        return OutOfReach("the list of calls could not be read")
    at = _next_look(pending, now, longest_s=LONGEST_LOOK_S)
    if 0 < quiet_at.since(now) < at.since(now):
        at = quiet_at
    return LookAgain(at, LookKind.LIST)


def _adopted(looks: list[Looked], now: Instant) -> Settled:
    seen = {call.call_id: call for look in looks for call in look.matches}
    candidates = list(seen.values())
    call = next((candidate for candidate in candidates if not candidate.ended), candidates[0])
    several = "" if len(candidates) == 1 else f"; {len(candidates)} calls match, a proxy may have doubled the dial"
    evidence = f"the list of calls shows call {call.call_id}, {call.status or 'status unknown'}{several}"
    return Settled(at=now, verdict=Verdict.RAN, evidence=evidence, then=Then.GO_ON, call=call)


def _no_more_ringing_at(state: RunState, pending: Pending, now: Instant) -> Instant:
    """Return when a dial that has not appeared can appear no more: after its expiry and its settle time."""
    left = pending.left_host_at or pending.intent.at
    quiet = left.plus(state.settings.settle_dangerous_s)
    if pending.intent.expires_wall is None:
        return quiet.plus(state.settings.dial_expire_s)
    expiry_s = pending.intent.expires_wall - _server_wall(left, state, now) + SKEW_SLACK_S
    return quiet.plus(max(expiry_s, 0.0))


def _reconcile_list(state: RunState, pending: Pending, now: Instant) -> Settled | LookAgain | OutOfReach:
    intent = pending.intent
    if intent.operation is Operation.END and (given_up := _cannot_end(state, pending)) is not None:
        return given_up
    if (
        pending.concluded is not None
        and pending.concluded.outcome is Outcome.DONE
        and pending.concluded.results is None
        and intent.operation is not Operation.END
        and not _rang_on(pending)
    ):
        evidence = "the reply was whole but showed no results"
        call = pending.concluded.call
        if intent.asynchronous:
            evidence = "the list was acknowledged and is over, but its results were not told"
            call = pending.looks[-1].call if pending.looks else call
        ran = Settled(at=now, verdict=Verdict.RAN, evidence=evidence, then=Then.GO_ON, call=call)
        return _by_policy(state, pending, ran)
    looks = [look for look in pending.looks if look.ok and look.kind is not LookKind.LIST]
    left = pending.left_host_at or intent.at
    if not looks:
        if _unreachable(pending, now, after=left, settings=state.settings):
            return _left_in_silence(pending, now)
        return LookAgain(_next_look(pending, now, longest_s=LONGEST_LOOK_S), LookKind.CALL)
    verdict = verdict_of(state, pending, looks, now)
    if verdict is not None:
        return _by_policy(state, pending, verdict)
    if _unreachable(pending, now, after=looks[-1].at, settings=state.settings):
        return _left_in_silence(pending, now)
    return LookAgain(_next_look(pending, now, longest_s=_longest_gap_s(pending)), LookKind.CALL)


def _rang_on(pending: Pending) -> bool:
    """Whether the call still rang when the list that answers it was acknowledged, and due: it may not have begun."""
    return pending.intent.answers and any(look.call is not None and look.call.rings for look in pending.looks)


def _cannot_end(state: RunState, pending: Pending) -> OutOfReach | None:
    """Return why a call that is to be ended is left to a later process: its DELETEs come to nothing."""
    resumed = pending.resumed_at is not None  # whoever resumes is taken to have put the key right
    if pending.concluded is not None and pending.concluded.unauthenticated and not resumed:
        return OutOfReach(f"the call could not be ended: {pending.concluded.reason}", code="authentication")
    over = any(look.gone or (look.call is not None and look.call.ended) for look in pending.looks)
    if pending.unknowns >= state.settings.max_attempts and pending.looks and not over:
        return OutOfReach(f"the call could not be ended in {pending.unknowns} tries")
    return None


def _by_policy(state: RunState, pending: Pending, settled: Settled) -> Settled:
    """Give a verdict that leaves something open to the author's policy."""
    intent = pending.intent
    event = event_of(state)
    if settled.verdict is Verdict.RAN and settled.results is None and event is not None:
        settled = replace(settled, results=event.results)
    if settled.verdict is Verdict.DID_NOT_RUN:
        return _limited(state, pending, settled, Then.AGAIN)
    if intent.operation is Operation.END:
        return settled if settled.verdict is Verdict.RAN else _limited(state, pending, settled, Then.REPEAT)
    digits_known = "get_dtmf" not in intent.commands or settled.results is not None
    if settled.verdict is Verdict.RAN and (digits_known or _ended(settled)):
        return settled
    if settled.verdict is Verdict.PARTLY and settled.next_cursor is not None and not _ended(settled):
        return settled  # the log says which commands ran, so the run goes on at the next one
    if (
        settled.verdict is Verdict.UNDECIDABLE
        and settled.call is not None
        and not (is_idle(settled.call, intent) or settled.call.ended)
    ):
        return settled  # still running: nothing may be sent into it
    match intent.policy:
        case Policy.STOP:
            return _then(settled, Then.STOP)
        case Policy.SKIP:
            return _then(settled, Then.SKIP)
        case Policy.REPEAT:
            return _then(settled, Then.GO_ON) if _ended(settled) else _limited(state, pending, settled, Then.REPEAT)


def _limited(state: RunState, pending: Pending, settled: Settled, then: Then) -> Settled:
    """Send again, but no more than `max_attempts` times on unknown outcomes."""
    if pending.unknowns < state.settings.max_attempts:
        return _then(settled, then)
    evidence = f"{settled.evidence}; it was sent {pending.unknowns} times with unknown outcome"
    return Settled(at=settled.at, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP, call=settled.call)


def _then(settled: Settled, then: Then) -> Settled:
    return replace(settled, then=then)


def _ended(settled: Settled) -> bool:
    return settled.call is not None and settled.call.ended


def _number(state: RunState) -> str:
    return f"…{state.begun.to[-4:]}"


def _next_look(pending: Pending, now: Instant, *, longest_s: float) -> Instant:
    """Return when to look next: at once the first time, then from 0.3 s, doubling, up to `longest_s`."""
    after = [look for look in pending.looks if look.kind is not LookKind.OPEN]
    if not after:
        return now
    return after[-1].at.plus(min(SHORTEST_LOOK_S * 2 ** min(len(after) - 1, 10), longest_s))


def _longest_gap_s(pending: Pending) -> float:
    """Return how far looks may be apart: closer than the list is short, where that can become a proof."""
    intent = pending.intent
    if intent.replay_class in (ReplayClass.HEARD, ReplayClass.ASKS) and intent.shortest_s > 0:
        return max(min(LONGEST_LOOK_S, intent.shortest_s * 0.6), SHORTEST_LOOK_S)
    return LONGEST_LOOK_S


def _left_in_silence(pending: Pending, now: Instant) -> Settled | OutOfReach:
    """The API is out of reach, and a callee may be waiting: what must not be repeated needs a person's verdict."""
    reason = "the API was out of reach, so that the call could not be looked at"
    if pending.intent.operation is Operation.END and pending.concluded is not None:
        reason = f"whether the call has ended could not be seen ({pending.concluded.reason} to its DELETE)"
    if pending.intent.policy is Policy.STOP and pending.intent.operation is Operation.COMMAND:
        return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=reason, then=Then.STOP)
    return OutOfReach(reason)


def _unreachable(pending: Pending, now: Instant, *, after: Instant, settings: Settings) -> bool:
    """Whether looks have failed for so long that this process gives up; a callee is not left longer than he may be."""
    patience_s = max(settings.retry_total_s, settings.max_silence_s)
    if pending.intent.operation is Operation.COMMAND:
        spoken_until = pending.intent.at.plus(pending.intent.longest_s)
        after = spoken_until if spoken_until.since(after) > 0 else after
        patience_s = settings.max_silence_s
    failing = list(takewhile(lambda look: not look.ok, reversed(pending.looks)))
    if failing and pending.held_back and pending.held_since is not None:  # nor could its kept reply be asked for
        return now.since(pending.held_since) > patience_s
    return bool(failing) and now.since(after) > patience_s and now.since(failing[-1].began) > patience_s
