"""One HTTP request and what came of it, in the words of the rules, sections 2 and 4.2. Transports speak these types.

The table from HTTP statuses to outcomes is here, pure; the table from exceptions to outcomes is the transport's,
since only it may know the library that raises them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator.core.instant import Instant

if TYPE_CHECKING:
    from orchestrator.core.limits import CutKind

WireCommand = Mapping[str, Any]
"""A command as contract section 3 writes it, rendered: `{"say": {"text": "Hello"}}`."""


class Outcome(StrEnum):
    """What is known of an attempt right after it (rules, section 2)."""

    DONE = "done"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class Operation(StrEnum):
    """The operations of contract section 2."""

    CREATE = "create"  # POST /calls
    COMMAND = "command"  # PUT /calls/UUID
    LOOK = "look"  # GET /calls/UUID
    LIST = "list"  # GET /calls
    END = "end"  # DELETE /calls/UUID
    SMS = "sms"  # POST /sms


METHODS: Mapping[Operation, str] = {
    Operation.CREATE: "POST",
    Operation.COMMAND: "PUT",
    Operation.LOOK: "GET",
    Operation.LIST: "GET",
    Operation.END: "DELETE",
    Operation.SMS: "POST",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the call API.

    Attributes:
        operation: Which one.
        call_id: The call, for COMMAND, LOOK and END.
        commands: Rendered commands of CREATE and COMMAND; for SMS one `{"sms": {...}}`.
        read_timeout_s: Longest silence before the reply is given up.
        deadline_s: Longest time for the whole exchange, from the start of the send.
        reference: Names the step across its attempts, for dialects with an idempotency key or a client reference.
        asynchronous: To be acknowledged at once, before the commands have run (contract section 4).
    """

    operation: Operation
    call_id: str | None = None
    commands: tuple[WireCommand, ...] = ()
    read_timeout_s: float = 10.0
    deadline_s: float = 15.0
    reference: str | None = None
    asynchronous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """A call object as a reply showed it (contract section 5). Unknown strings are kept as they are."""

    call_id: str
    status: str = ""
    hangup_cause: str | None = None
    to: str | None = None
    from_: str | None = None
    created_epoch: float | None = None
    reference: str | None = None
    duration_s: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.status == "hangup"

    @property
    def ready(self) -> bool:
        """Whether the call is up and idle."""
        return self.status == "ready"

    @property
    def rings(self) -> bool:
        """Whether it is an incoming call that waits to be answered."""
        return self.status == "ringing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """One entry of `results` (contract section 4).

    Attributes:
        command: The command's name.
        ok: False when its status was anything but `ok`.
        error: The error text of a failed one.
        digits: The digits of a `get_dtmf`; None where there are none or where they are a secret no longer held.
        digit_count: How many digits there were; what the journal keeps of secret ones.
    """

    command: str
    ok: bool = True
    error: str | None = None
    digits: str | None = None
    digit_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one attempt.

    Attributes:
        outcome: See `Outcome`.
        reason: What happened, in words, without secrets; for logs, evidence and reports.
        ended: When the exchange was over; for `unknown`: when the request could no longer leave this host.
        first_byte: When the first request byte was about to be written; None: nothing was sent.
        final: For `not_sent`: trying again cannot help (certificate, proxy 403/407, malformed URL).
        status: The HTTP status, where a status line came.
        call: The call the reply showed.
        calls: The calls a LIST showed, newest first.
        results: Per-command results; None where the reply had none.
        retry_after_s: The wait a `throttled` reply asked for, seconds.
        server_wall: The server's `Date`, seconds since the epoch.
        unauthenticated: The API itself answered 401 or 403.
        misconfigured: The reply shows a wrong setting (3xx, or no such place to a dial).
        cut: How the path ended the exchange in the server's place, for `unknown`; None where it did not, or where
            the reply had begun: what is cut then is no silence.
    """

    outcome: Outcome
    reason: str
    ended: Instant
    first_byte: Instant | None = None
    final: bool = False
    status: int | None = None
    call: CallSeen | None = None
    calls: tuple[CallSeen, ...] = ()
    results: tuple[CommandResult, ...] | None = None
    retry_after_s: float | None = None
    server_wall: float | None = None
    unauthenticated: bool = False
    misconfigured: bool = False
    cut: CutKind | None = None


def outcome_of_status(status: int, *, has_retry_after: bool, is_json_object: bool) -> Outcome:
    """Return what an HTTP status alone says of an attempt (rules, section 4.2).

    A 2xx is DONE only as far as its status goes: the body's shape must still be checked. Only 429, and a 503 that is
    the API's own (a JSON object with Retry-After), are `throttled`; what may have run is `unknown`.
    """
    if 200 <= status < 300:
        return Outcome.DONE
    if status == 429 or (status == 503 and has_retry_after and is_json_object):
        return Outcome.THROTTLED
    if 400 <= status < 500 and status != 408:
        return Outcome.REJECTED
    return Outcome.UNKNOWN
