"""What the API receives and answers, as values: an operation, its reply, and ids for both.

Pure. Made by `model.CallServer`, read by the HTTP server and by tests in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.sandbox.execution import Execution


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API answers: an HTTP status and a JSON object."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True, eq=False, kw_only=True)
class Operation:
    """One request as the API received it, and its reply once there is one.

    Attributes:
        number: its `request` number in the transcript.
        received_at: when it came, in seconds since the epoch.
        reply: None while the client waits.
        completed_at: when the reply was ready.
        execution: the command list it set going, if any; it may outlast the reply (asynchronous, scheduled).
        when_done: each is called with the operation when its reply comes later than the method that made it returns.
    """

    number: int
    method: str
    path: str
    received_at: float
    reply: Reply | None = None
    completed_at: float | None = None
    execution: Execution | None = None
    when_done: list[Callable[[Operation], None]] = field(default_factory=list, repr=False)


def counted_ids() -> Callable[[], str]:
    """Ids for deterministic tests: UUIDs that count from 1."""
    given = 0

    def next_id() -> str:
        nonlocal given
        given += 1
        return f"00000000-0000-4000-8000-{given:012d}"

    return next_id
