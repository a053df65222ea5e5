"""Whether a call rings: an event that says so may be old, or somebody else's."""

from __future__ import annotations

from orchestrator.core.exchange import CallSeen, Operation, Outcome, Request
from orchestrator.errors import UnreachableError
from orchestrator.ports import Transport


def ringing(transport: Transport, call_id: str) -> CallSeen | None:
    """Look at a call; return it if it rings. Raises UnreachableError where that cannot be seen."""
    channel = transport.open_channel()
    try:
        reply = channel.send(Request(operation=Operation.LOOK, call_id=call_id, read_timeout_s=5.0, deadline_s=6.0))
    finally:
        channel.close()
    if reply.outcome is Outcome.DONE and reply.call is not None:
        return reply.call if reply.call.status == "ringing" else None
    if reply.outcome is Outcome.REJECTED and reply.status in (404, 410):
        return None
    raise UnreachableError(f"the call could not be looked at: {reply.reason}")
