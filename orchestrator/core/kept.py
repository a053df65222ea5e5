"""Asks a server that keeps replies by idempotency key for the reply to a lost request (contract section 8). Pure.

Part of `decide`. The run goes on settling meanwhile: whether the reply is still kept is asked anew whenever the request
could leave, since later the same request would do the work again.
"""

from __future__ import annotations

from orchestrator.core.actions import Orders, Rest, Send, Wait
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.intents import lost_of, send, step_again
from orchestrator.core.patience import held_back, stale_silence_s
from orchestrator.core.reconcile import SKEW_SLACK_S, locked_out
from orchestrator.core.records import LookKind
from orchestrator.core.script import Script
from orchestrator.core.state import RunState
from orchestrator.core.step import PlanError
from orchestrator.errors import ExpressionError


def ask_for_kept_reply(
    state: RunState, script: Script, now: Instant, orders: Orders, jitter: float
) -> Send | Wait | Rest | None:
    """Send a lost request again for the reply that the server keeps of it; None where other evidence must tell."""
    pending = state.pending
    assert pending is not None, "a settling run has a pending attempt"
    if locked_out(pending) is not None or not reply_is_kept(state, now) or lost_of(pending, state, script):
        return None
    if pending.intent.operation is Operation.CREATE and (orders.no_new_dial or state.cancel is not None):
        return None  # the first one may never have come, and this one would ring
    held = held_back(state, pending, now, jitter)
    if isinstance(held, Rest) and pending.concluded is not None and pending.concluded.final:
        return held
    looked = pending.held_back and any(look.kind is not LookKind.OPEN for look in pending.looks)
    if looked or stale_silence_s(state, now) is not None or not (held is None or isinstance(held, Wait)):
        return None
    if held is not None:
        return held
    try:
        return send(state, step_again(state, script, pending), now, attempt=pending.attempts + 1)
    except (ExpressionError, PlanError):
        return None


def reply_is_kept(state: RunState, now: Instant) -> bool:
    """Say whether sending the same again is certain to be safe (contract section 8), and likely to bring the reply."""
    pending = state.pending
    assert pending is not None, "a settling run has a pending attempt"
    kept_s = state.settings.idempotent_for_s
    if kept_s is None or pending.intent.operation not in (Operation.CREATE, Operation.COMMAND, Operation.SMS):
        return False
    lost = pending.concluded is None or pending.concluded.outcome not in (Outcome.DONE, Outcome.REJECTED)
    young = now.since(pending.same_since) + pending.intent.read_timeout_s < kept_s
    fence = pending.intent.expires_wall  # the key goes with the same body only, so a dial goes with the same fence
    if fence is not None and state.server_wall(now) + SKEW_SLACK_S >= fence:
        return False
    return lost and young and pending.unknowns < state.settings.max_attempts
