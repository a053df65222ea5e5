"""What the journal keeps of a reply: everything but secret digits, which stay in memory. Pure; the driver calls it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from orchestrator.core.exchange import CallSeen, CommandResult, Outcome, Reply
from orchestrator.core.instant import Instant
from orchestrator.core.masking import without_secrets
from orchestrator.core.reconcile import list_is_complete, matches_of
from orchestrator.core.records import Concluded, Intended, Looked, LookKind
from orchestrator.core.script import Value
from orchestrator.core.state import RunState, clock_seen


def concluded(reply: Reply, intent: Intended) -> Concluded:
    """Return what the journal keeps of the reply to a request that had an intent."""
    results, secrets = (None, {}) if reply.results is None else apart(reply.results, intent)
    return Concluded(
        at=reply.ended,
        outcome=reply.outcome,
        reason=reply.reason,
        first_byte=reply.first_byte,
        final=reply.final,
        status=reply.status,
        call=reply.call,
        results=results,
        retry_after_s=reply.retry_after_s,
        clock_skew_s=skew_of(reply),
        unauthenticated=reply.unauthenticated,
        misconfigured=reply.misconfigured,
        secrets=secrets,
    )


def without_echoes(reply: Reply, state: RunState) -> Reply:
    """Return a reply whose words do not repeat the secrets of a run: an error may quote the text it is about."""
    secrets = [str(state.variables[name]) for name in state.secret_names if name in state.variables]
    if not secrets:
        return reply
    results = reply.results and tuple(
        result if result.error is None else replace(result, error=without_secrets(result.error, secrets))
        for result in reply.results
    )
    return replace(reply, reason=without_secrets(reply.reason, secrets), results=results)


def looked(
    state: RunState, reply: Reply, *, kind: LookKind, began: Instant, owned_by_others: Collection[str]
) -> Looked:
    """Return what a reply to a look showed to a run.

    Args:
        state: The run.
        reply: Of a GET of the call, or of the list of calls.
        kind: Which look it was.
        began: When it was made.
        owned_by_others: Those of the calls shown that belong to other runs of the journal.
    """
    is_list = kind is LookKind.LIST
    skew_s = skew_of(reply)
    matches: tuple[CallSeen, ...] = ()
    complete = False
    if is_list and reply.outcome is Outcome.DONE:
        # By the clock of this very reply: a dial of long ago may be the first thing this process asks about.
        known = state if skew_s is None else state.changed(clock_seen(skew_s, reply.ended))
        matches = matches_of(reply.calls, known, reply.ended, owned_by_others=owned_by_others)
        complete = list_is_complete(reply.calls, known, reply.ended)
    results, secrets = _logged(state, reply)
    gone = not is_list and reply.outcome is Outcome.REJECTED and reply.status in (404, 410)
    return Looked(
        at=reply.ended,
        began=began,
        kind=kind,
        ok=reply.outcome is Outcome.DONE or gone,
        reason=reply.reason,
        status=reply.status,
        gone=gone,
        refused=is_list and (reply.outcome is Outcome.REJECTED or reply.misconfigured),
        call=reply.call,
        matches=matches,
        complete=complete,
        results=results,
        clock_skew_s=skew_s,
        unauthenticated=reply.unauthenticated,
        secrets=secrets,
    )


def _logged(state: RunState, reply: Reply) -> tuple[tuple[CommandResult, ...] | None, dict[str, Value]]:
    """Return what a command log shows, without digits but those of the pending step, and its secret ones apart."""
    pending, behind = state.pending, state.log_length
    if reply.results is None or pending is None or behind is None:
        return None, {}
    mine, secrets = apart(reply.results[behind:], pending.intent)
    return (*(without_digits(result) for result in reply.results[:behind]), *mine), secrets


def apart(results: tuple[CommandResult, ...], intent: Intended) -> tuple[tuple[CommandResult, ...], dict[str, Value]]:
    """Take secret digits out of results that will be journalled; return them by the variable they belong to."""
    if not intent.sensitive:
        return results, {}
    last = results[len(intent.commands) - 1] if len(results) >= len(intent.commands) else None
    secrets: dict[str, Value] = {}
    if intent.saves is not None and last is not None and last.digits is not None:
        secrets[intent.saves] = last.digits
    return tuple(without_digits(result) for result in results), secrets


def without_digits(result: CommandResult) -> CommandResult:
    """Return a result with the count of its digits in their place."""
    if result.digits is None:
        return result
    return replace(result, digits=None, digit_count=len(result.digits))


def skew_of(reply: Reply) -> float | None:
    """Return how far the server's clock is ahead of ours, seconds; its `Date` shows whole seconds."""
    return None if reply.server_wall is None else reply.server_wall + 0.5 - reply.ended.wall
