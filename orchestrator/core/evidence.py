"""What looks at a live call prove of a list of commands whose outcome is unknown (rules, section 4.4).

Pure; part of `reconcile`, which gives what stays open to the author's policy.
"""

from __future__ import annotations

from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import Cursor, Intended, Looked, LookKind, ReplayClass, Settled, Then, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, RunState


def verdict_of(state: RunState, pending: Pending, looks: list[Looked], now: Instant) -> Settled | None:
    """Return what the looks prove, or that the settle time has passed without proof; None while neither holds."""
    intent, last = pending.intent, looks[-1]
    logged = _by_command_log(state, pending, looks, now)
    if logged is not None:
        return logged
    call = last.call
    if last.gone or (call is not None and call.ended):
        return _call_is_over(intent, looks, now)
    assert call is not None, "a usable look that is not `gone` shows a call"
    running_since = next((look for look in looks if _shows_running(look, intent)), None)
    if not is_idle(call, intent):
        assert running_since is not None, "a call that is up and not idle is running something"
        if last.began.since(running_since.at) > intent.longest_s + state.settings.read_margin_s:
            evidence = f"the call is still {call.status} {now.since(intent.at):.0f} s after the step was sent"
            return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP, call=call)
        return None
    seen = _seen_before(intent, running_since) if call.ready else None
    if seen is not None and intent.commands[-1:] == ("hangup",):
        evidence = f"the call was seen {seen}, and is ready: its hangup did not run"
        return Settled(at=now, verdict=Verdict.PARTLY, evidence=evidence, then=Then.STOP, call=call)
    if seen is not None and not _may_be_another(state, pending):
        evidence = f"the call was seen {seen}, and ready later"
        return Settled(at=now, verdict=Verdict.RAN, evidence=evidence, then=Then.GO_ON, call=call)
    left = pending.left_host_at
    if left is None or last.kind is LookKind.OPEN:
        return None
    if _was_watched_closely(state, pending, looks):
        closely = "" if intent.answers else ", closer together than the list is short,"
        evidence = f"{len(looks)} looks{closely} all showed the call {call.status}"
        return Settled(at=now, verdict=Verdict.DID_NOT_RUN, evidence=evidence, then=Then.AGAIN, call=call)
    settle_s = settle_time_s(intent.replay_class, state.settings)
    if last.began.since(left) >= settle_s:
        evidence = f"the call was seen {seen}, and ready later, but that may have been an earlier request"
        if seen is None:
            waited_s = max(now.since(left), 0)
            never = f"was never seen running in {waited_s:.1f} s of {len(looks)} looks"
            evidence = f"the call is {call.status}, and {never}"
        return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.STOP, call=call)
    return None


def settle_time_s(replay_class: ReplayClass, settings: Settings) -> float:
    """Return how long evidence is waited for before an attempt of that class is undecidable."""
    match replay_class:
        case ReplayClass.HARMLESS:
            return 0.0
        case ReplayClass.HEARD | ReplayClass.ASKS:
            return settings.settle_heard_s
        case ReplayClass.DANGEROUS | ReplayClass.FORBIDDEN:
            return settings.settle_dangerous_s


def is_idle(call: CallSeen, intent: Intended) -> bool:
    """Whether nothing runs on a call that is up. One that rings has not begun a list that answers it."""
    return call.ready or (intent.answers and call.rings)


def _call_is_over(intent: Intended, looks: list[Looked], now: Instant) -> Settled:
    last = looks[-1]
    cause = last.call.hangup_cause if last.call is not None else None
    if intent.operation is Operation.END or (intent.commands[-1:] == ("hangup",) and cause == "command"):
        evidence = "the API does not know the call any more" if last.gone else f"the call has ended ({cause})"
        return Settled(at=now, verdict=Verdict.RAN, evidence=evidence, then=Then.GO_ON, call=last.call)
    running = next((look for look in looks if _shows_running(look, intent)), None)
    ended = last.call or CallSeen(call_id=intent.call_id or "", status="hangup")
    if running is not None:
        evidence = f"the call was {_status(running)} after sending, and has ended ({cause or 'it is gone'})"
        return Settled(at=now, verdict=Verdict.PARTLY, evidence=evidence, then=Then.GO_ON, call=ended)
    evidence = f"the call has ended ({cause or 'it is gone'}); whether the step ran before is not known"
    return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.GO_ON, call=ended)


def _by_command_log(state: RunState, pending: Pending, looks: list[Looked], now: Instant) -> Settled | None:
    """Return what a server's own log of commands proves (contract section 8), where it has one."""
    last, intent = looks[-1], pending.intent
    if last.results is None or state.log_length is None or intent.operation is not Operation.COMMAND:
        return None
    ran = last.results[state.log_length :]
    running = last.call is not None and not last.call.ready and not last.call.ended
    if running:
        return None
    if not ran:
        left = pending.left_host_at
        if left is None or last.began.since(left) < state.settings.settle_dangerous_s:
            return None
        evidence = "the server's command log does not show it, long after it was sent"
        return Settled(at=now, verdict=Verdict.DID_NOT_RUN, evidence=evidence, then=Then.AGAIN, call=last.call)
    names = tuple(result.command for result in ran)
    shown = min(len(names), len(intent.commands))
    if names[:shown] != intent.commands[:shown]:
        return None  # it is of another list, which something on the way repeated: of this one it proves nothing
    whole = names[: len(intent.commands)] == intent.commands or not ran[-1].ok
    mine: tuple[CommandResult, ...] = ran[: len(intent.commands)]
    if whole:
        doubled = len(ran) > len(mine)
        more = f", and {len(ran) - len(mine)} commands more than were sent" if doubled else ""
        return Settled(
            at=now,
            verdict=Verdict.RAN,
            evidence=f"the server's command log shows it{more}",
            then=Then.GO_ON,
            call=last.call,
            results=mine,
            doubled=doubled,
            secrets=last.secrets,
        )
    evidence = f"the server's command log shows only {', '.join(names)}"
    after = Cursor(intent.command_entries[len(mine) - 1] + 1) if len(mine) else intent.start
    return Settled(
        at=now,
        verdict=Verdict.PARTLY,
        evidence=evidence,
        then=Then.GO_ON,
        call=last.call,
        results=mine,
        next_cursor=after,
    )


def _was_watched_closely(state: RunState, pending: Pending, looks: list[Looked]) -> bool:
    """Whether looks alone prove that nothing ran (never for what must not be repeated).

    A call that rings has not been answered, however far apart the looks are: once answered it never rings again.
    """
    intent, left = pending.intent, pending.left_host_at
    if left is None or looks[-1].began.since(left) < state.settings.settle_dangerous_s:
        return False
    if intent.answers:
        return all(look.call is not None and look.call.rings for look in looks)
    if intent.replay_class in (ReplayClass.DANGEROUS, ReplayClass.FORBIDDEN) or intent.shortest_s <= 0:
        return False
    sent = pending.concluded.first_byte if pending.concluded is not None else None
    previous = sent or intent.at
    for look in looks:
        if not (look.call is not None and look.call.ready) or look.began.since(previous) >= intent.shortest_s:
            return False
        previous = look.began
    return True


def was_refused(pending: Pending) -> bool:
    """Whether a list is uncertain because it was refused by a call that should have been idle (`looks`)."""
    concluded, intent = pending.concluded, pending.intent
    return intent.operation is Operation.COMMAND and concluded is not None and concluded.outcome is Outcome.REJECTED


def _may_be_another(state: RunState, pending: Pending) -> bool:
    """Whether what was seen running may have been another request than this attempt.

    After a refusal it was that, or a copy of this one. An earlier one that may still come counts where it is dangerous.
    """
    if was_refused(pending):
        return not pending.intent.answers  # nothing but that list ends the ringing
    return state.doubt and pending.intent.replay_class is ReplayClass.DANGEROUS


def _seen_before(intent: Intended, running: Looked | None) -> str | None:
    """Return what, seen before the call was `ready`, proves that the list ran: that it ran, or that the call rang."""
    if running is not None:
        return f"{_status(running)} after sending"
    return "ringing before" if intent.answers else None


def _shows_running(look: Looked, intent: Intended) -> bool:
    """Whether a look shows the call up and not idle; unknown status strings count as that (contract, head)."""
    return look.call is not None and not look.call.ended and not is_idle(look.call, intent)


def _status(look: Looked) -> str:
    return (look.call.status if look.call is not None else "") or "in an unknown status"
