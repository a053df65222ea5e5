"""What the journal keeps of a reply: everything but secret digits, which stay in memory. Pure; the driver calls it."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.exchange import CommandResult, Reply
from orchestrator.core.records import Concluded, Intended
from orchestrator.core.script import Value


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
