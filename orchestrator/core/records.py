"""The journal's records: everything a run is, in the order it happened. `evolve` folds them, `codec` writes them.

A record is added, never changed. Fields marked `memory_only` live in the process that made the record and are not
written down: what they hold is secret (rules, section 4.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.script import Policy, Value
from orchestrator.core.settings import Settings

FORMAT_VERSION = 1
"""Written with every record. A reader refuses a newer one and upgrades an older one (`codec`)."""


def memory_only() -> Any:
    """Return a field that is never written to the journal."""
    return field(default_factory=dict, metadata={"memory_only": True}, repr=False)


class ReplayClass(StrEnum):
    """How bad it is to run a command twice, the least first (rules, section 2)."""

    HARMLESS = "harmless"
    HEARD = "heard"
    ASKS = "asks"
    DANGEROUS = "dangerous"
    FORBIDDEN = "forbidden"


class Verdict(StrEnum):
    """What evidence says of an unknown attempt (rules, section 2)."""

    RAN = "ran"
    PARTLY = "partly"
    DID_NOT_RUN = "did_not_run"
    UNDECIDABLE = "undecidable"


class Then(StrEnum):
    """What follows a verdict."""

    GO_ON = "go_on"
    AGAIN = "again"
    REPEAT = "repeat"
    SKIP = "skip"
    STOP = "stop"


class Status(StrEnum):
    """The status of a run as documents show it (rules, section 7)."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Disposition(StrEnum):
    """How the call ended, for the business (rules, section 7)."""

    COMPLETED = "completed"
    HUNG_UP = "hung_up"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a script: the entry, and for a `say` split at sentence ends how many sentences are behind."""

    entry: int = 0
    sentence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a run did not go well: a short code for programs and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run exists.

    Attributes:
        secrets: The variables declared sensitive.
        defaulted: Names those of them that have their default.
        api_url: The base URL of the API that its call is made at, normalised; None: made by a release that kept none.
        account: Names the API key that it is made with, without telling it.
        clock_skew_s: How far the server's clock was ahead by earlier runs; None: not known.
        call: The incoming call that it takes; None where it dials.
    """

    at: Instant
    run_id: str
    script_name: str
    script_digest: str
    script_source: str
    script_masked: bool
    script_path: str | None
    to: str
    from_: str
    variables: Mapping[str, Value]
    secret_names: tuple[str, ...]
    settings: Settings
    defaulted: tuple[str, ...] = ()
    api_url: str | None = None
    account: str | None = None
    clock_skew_s: float | None = None
    call: CallSeen | None = None
    secrets: Mapping[str, Value] = memory_only()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """A request is about to leave: the intent.

    Attributes:
        at: Before the first byte.
        operation: CREATE, COMMAND, SMS or END.
        attempt: From 1, counted over the step.
        start: Where the step begins; equal to `after` for the END that hangs up by itself.
        after: Where the run continues once the step is done.
        commands: The commands' names.
        command_entries: For each command the entry it comes from; -1 for a replay preamble.
        digests: For each entry of the step its digest, in order, to refuse a changed past.
        saves: The variable that gets the digits of the last command, if any.
        sensitive: Whether those digits are secret.
        replay_class: Of the most dangerous command.
        policy: What to do if its truth cannot be known.
        shortest_s: The shortest the list can take, by safe bounds.
        longest_s: The longest it can take.
        read_timeout_s: When its reply is given up.
        fell_into: Labels entered by falling through, not by a jump.
        expires_wall: For a dial, the `schedule_expire` it carries, seconds since the epoch on the server's clock.
        call_id: For END: the call to end, which is not the run's own where a lost dial had rung twice.
        end_reason: For END: why.
        asynchronous: The request is to be acknowledged at once, before the commands have run.
        expected_s: How long an acknowledged list is expected to take.
        way: Why the request is held open or acknowledged at once, where the mode leaves a choice.
    """

    at: Instant
    operation: Operation
    attempt: int
    start: Cursor
    after: Cursor
    commands: tuple[str, ...]
    command_entries: tuple[int, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    saves: str | None = None
    sensitive: bool = False
    replay_class: ReplayClass = ReplayClass.HARMLESS
    policy: Policy = Policy.REPEAT
    shortest_s: float = 0.0
    longest_s: float = 0.0
    read_timeout_s: float = 0.0
    fell_into: tuple[str, ...] = ()
    expires_wall: float | None = None
    call_id: str | None = None
    end_reason: str | None = None
    asynchronous: bool = False
    expected_s: float = 0.0
    way: str = ""

    @property
    def answers(self) -> bool:
        """Whether it answers an incoming call: it can run only once, on a call that rings (contract section 3)."""
        return self.commands[:1] == ("answer",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """The outcome of the attempt whose intent came before (see `exchange.Reply` for the fields)."""

    at: Instant
    outcome: Outcome
    reason: str
    first_byte: Instant | None = None
    final: bool = False
    status: int | None = None
    call: CallSeen | None = None
    results: tuple[CommandResult, ...] | None = None
    retry_after_s: float | None = None
    clock_skew_s: float | None = None
    unauthenticated: bool = False
    misconfigured: bool = False
    secrets: Mapping[str, Value] = memory_only()


class LookKind(StrEnum):
    """Why the API was asked."""

    CALL = "call"  # GET /calls/UUID
    LIST = "list"  # GET /calls
    OPEN = "open"  # GET /calls/UUID while the step's own request was open


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A look at the call or at the list: evidence.

    Attributes:
        began: Before the look was sent.
        at: When its reply was whole, or was given up.
        ok: Whether there was a usable reply.
        gone: The API does not know the call (404).
        call: The call, for CALL and OPEN.
        matches: For LIST the calls that may be the lost dial, the oldest first.
        complete: For LIST, whether the list reaches back before the intent.
        results: Results the server shows of all commands that ran on the call, where the dialect has a command log.
        unauthenticated: The API itself answered 401 or 403.
    """

    at: Instant
    began: Instant
    kind: LookKind
    ok: bool
    reason: str = ""
    status: int | None = None
    gone: bool = False
    refused: bool = False
    call: CallSeen | None = None
    matches: tuple[CallSeen, ...] = ()
    complete: bool = False
    results: tuple[CommandResult, ...] | None = None
    clock_skew_s: float | None = None
    unauthenticated: bool = False
    secrets: Mapping[str, Value] = memory_only()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """The run waits until `wake`, which was written before the wait began."""

    at: Instant
    wake: Instant
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The verdict on an unknown attempt, its evidence, and what follows.

    Attributes:
        call: The call as the evidence shows it.
        results: What a command log shows of the step.
        next_cursor: Where to go on after `partly`, where a command log says which commands ran.
        doubled: The server did the work more often than it was sent: something on the way repeated it.
    """

    at: Instant
    verdict: Verdict
    evidence: str
    then: Then
    call: CallSeen | None = None
    results: tuple[CommandResult, ...] | None = None
    next_cursor: Cursor | None = None
    doubled: bool = False
    secrets: Mapping[str, Value] = memory_only()


class BranchKind(StrEnum):
    """Why the run did not simply go to the next entry."""

    WHEN = "when"
    SWITCH = "switch"
    GOTO = "goto"
    RETRY = "retry"
    ON_FAILURE = "on_failure"
    STALE = "on_stale"
    LOST_DIGITS = "lost_digits"
    CALL_GONE = "call_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branched:
    """A branch was taken; it is never evaluated again. `label` is set where a label was entered by the jump."""

    at: Instant
    kind: BranchKind
    entry: int
    target: Cursor
    label: str | None = None
    fell_into: str | None = None
    digest: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDecided:
    """The run will end so; the call, if it is up, is hung up first unless it is to be left up.

    With status UNDECIDED the run does not end: it then rests until a person resolves its uncertain step.
    """

    at: Instant
    status: Status
    result: str | None = None
    fault: Fault | None = None
    leave_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The run is over."""

    at: Instant
    status: Status
    disposition: Disposition
    result: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Another driver took the run over. An intent without an outcome is unknown from here on.

    Attributes:
        api_url: The base URL of the API that is used from here on; a run that has not called belongs to it now.
        account: Names the API key, likewise.
        dial_by: A call that was not dialled by then is not dialled any more; None: whoever resumes answers for that.
    """

    at: Instant
    settings: Settings
    why: str = "resume"
    api_url: str | None = None
    account: str | None = None
    dial_by: Instant | None = None
    secrets: Mapping[str, Value] = memory_only()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """The run is to end now, whatever is left of its script; while a request is open, this is the DELETE's intent.

    Attributes:
        why: In words, for people.
        code: `cancelled` by a person (through the inbox), `stopped` by a signal, `reaped`, or `max_call`.
    """

    at: Instant
    why: str = "cancelled on request"
    code: str = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A person's verdict on an undecidable step (inbox)."""

    at: Instant
    ran: bool
    call_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReceived:
    """An event of the run's call arrived (inbox; contract section 6). It is a reason to look, and proves nothing.

    Attributes:
        call: The call as the event shows it.
        results: Of the list that has finished, where the event carries any. More than two digits are never among them:
            they may be a secret, and the inbox is on disk.
        source: `main` or `fallback`: the address it came to.
    """

    at: Instant
    call: CallSeen
    results: tuple[CommandResult, ...] | None = None
    source: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something a person should know that changes nothing: doubled work, a further call ended."""

    at: Instant
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMarks:
    """What a journal indexes of a run, derived from its state after every append; never the truth by itself.

    Attributes:
        status: As far as the records tell: RUNNING for every run that has not ended and is not undecided.
        disposition: How the call ended.
        ended: The run is over.
        call_id: The call the run owns.
        claims_dial: The run's dial is not settled: no other run may dial its number.
        claim_until_wall: The claim outlives its driver until then, seconds since the epoch; None: it does not (nothing
            was sent yet).
        wake_wall: The run waits until then.
    """

    status: Status = Status.RUNNING
    disposition: Disposition | None = None
    ended: bool = False
    call_id: str | None = None
    claims_dial: bool = True
    claim_until_wall: float | None = None
    wake_wall: float | None = None


Record = (
    RunStarted
    | Intended
    | Concluded
    | Looked
    | Waited
    | Settled
    | Branched
    | EndDecided
    | RunEnded
    | Resumed
    | CancelAsked
    | Resolved
    | EventReceived
    | Noticed
)
InboxRecord = CancelAsked | Resolved | EventReceived
