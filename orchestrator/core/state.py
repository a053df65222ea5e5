"""The state of a run: everything that is known of it between two records.

`evolve` makes states, `decide` reads them and names the next action, reports read the same states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.phases import Phase
from orchestrator.core.records import (
    CancelAsked,
    Concluded,
    Cursor,
    EndDecided,
    EventReceived,
    Intended,
    Looked,
    Noticed,
    RunEnded,
    RunStarted,
    Verdict,
)
from orchestrator.core.script import Value
from orchestrator.core.settings import Settings

__all__ = ["Failure", "Pending", "Phase", "RunState", "StepReport"]


def clock_seen(skew_s: float, at: Instant) -> dict[str, Any]:
    """Return the fields of a state that change with a look at the server's clock, `skew_s` ahead of ours at `at`."""
    return {"clock_skew_s": skew_s, "skew_known": True, "skew_at": at}


class _Changing:
    """What is copied for every record: `dataclasses.replace` sets each field anew, at ten times the cost."""

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some fields changed."""
        assert changes.keys() <= vars(self).keys(), f"no fields of it: {changes.keys() - vars(self).keys()}"
        copy = object.__new__(type(self))
        vars(copy).update(vars(self), **changes)
        return copy


@dataclass(frozen=True, kw_only=True)  # no slots: see `_Changing`
class Pending(_Changing):
    """A request that is not over: its newest intent, what came of it, and what was seen since.

    Attributes:
        intent: Of the newest attempt.
        first_at: When the first attempt was intended.
        same_since: When the first of the attempts was intended that are one request to the server: sent again for its
            kept reply. Of those before it is known that they did not run.
        made_with: The settings that its step was made with.
        attempts: Intents written.
        held_back: Attempts that were `not_sent` or `throttled` since the last one that was not.
        held_since: When the first of those was intended.
        unknowns: Attempts whose outcome was unknown.
        concluded: Of the newest attempt; None while it is open, or after a crash.
        looks: Evidence gathered since the newest intent.
        resumed_at: Set when a crash left the newest intent without an outcome: it cannot leave this host after that.
        repeated: The next attempt repeats something that may have run.
        verdict: On the newest attempt, where it needed one.
        evidence: Its evidence.
        earlier: The verdict on an earlier attempt, in words.
        ready_since: When an acknowledged list was first seen to be over while its results were still missing.
        over_at: When its list has probably ended, where looks tell; None while it was not seen to be over.
        event: The newest event that may be the acknowledged list's.
        look_now: An event has come since the last look.
        looked_at_event: The last look was made since an event had come.
        told_at: When the newest event came.
    """

    intent: Intended
    first_at: Instant
    same_since: Instant
    attempts: int = 1
    held_back: int = 0
    held_since: Instant | None = None
    unknowns: int = 0
    concluded: Concluded | None = None
    looks: tuple[Looked, ...] = ()
    resumed_at: Instant | None = None
    repeated: bool = False
    verdict: Verdict | None = None
    evidence: str | None = None
    earlier: str | None = None
    ready_since: Instant | None = None
    over_at: Instant | None = None
    event: EventReceived | None = None
    look_now: bool = False
    made_with: Settings | None = None
    looked_at_event: bool = False
    told_at: Instant | None = None

    @property
    def left_host_at(self) -> Instant | None:
        """The moment after which the newest attempt can no longer leave this host; None while it is open."""
        return self.resumed_at if self.concluded is None else self.concluded.at

    def put_back(self) -> Pending:
        """Return the step with its newest attempt held back."""
        since = self.held_since if self.held_back else self.intent.at
        return replace(self, held_back=self.held_back + 1, held_since=since)

    def report(
        self, *, index: int, ended: Instant | None = None, results: tuple[CommandResult, ...] | None = None
    ) -> StepReport:
        """Return the report of the step as it stands."""
        concluded = self.concluded
        outcome = Outcome.UNKNOWN if concluded is None else concluded.outcome
        reason = None if concluded is None or outcome is Outcome.DONE else concluded.reason
        return StepReport(
            index=index,
            commands=self.intent.commands,
            attempts=self.attempts,
            outcome=outcome,
            verdict=self.verdict,
            evidence=self.evidence or reason or self.earlier,
            started=self.first_at,
            ended=ended,
            results=results,
            first_byte=None if concluded is None else concluded.first_byte,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One executed step, for documents (rules, section 7)."""

    index: int
    commands: tuple[str, ...]
    attempts: int
    outcome: Outcome | None
    verdict: Verdict | None
    evidence: str | None
    started: Instant
    ended: Instant | None
    results: tuple[CommandResult, ...] | None
    first_byte: Instant | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A command failed: the entry it comes from, and the error; what the API refused may be the settings' fault."""

    entry: int
    error: str
    unauthenticated: bool = False
    misconfigured: bool = False


@dataclass(frozen=True, kw_only=True)  # no slots: see `_Changing`
class RunState(_Changing):
    """Everything known of a run. Made by `evolve` alone.

    Attributes:
        cursor: The next entry to execute.
        call_id: The call the run owns, once known.
        call_status: As last seen.
        call_over: The call has ended, or never came to be.
        vanished: The API no longer knows the call, and nobody saw it end.
        api_url: The base URL of the API that the run belongs to.
        account: Names the API key that its call was made with.
        other_key: The run is driven with another one.
        hidden: The API does not show the call to that key, which proves nothing.
        hangup_cause: As the server gave it.
        answered: The callee answered.
        hung_up_by_script: The script's own `hangup` ended the call.
        call_since: When the dial left.
        fence_wall: The `schedule_expire` it carried, seconds since the epoch on the server's clock.
        dial_by: A call that was not dialled by then is not dialled any more.
        quiet_since: The end of the last step known: what the callee has surely waited in silence since.
        heard_until: When that step has probably ended, where a look found it over; None: at `quiet_since`.
        variables: Known by value.
        secret_names: Variables whose values are secret, whether held or lost.
        lost: Those whose values this process never had.
        visits: How often each label was entered.
        retries: Retries used, by entry.
        executed: Digest of every entry that may have run.
        pending: The request being worked on.
        left_over: The script's step that was still uncertain when the end was decided.
        saved_by: For each saved variable the entry of its `get_dtmf`, and the index of the step that saved it.
        jumped: The cursor was reached by a jump, which has counted the visit of its label.
        must_look: The call must be looked at before anything is sent (rules, section 4.6).
        check_stale: The silence since `quiet_since` must be checked before anything is sent.
        looked_over: The ended call was looked at for its cause.
        look_failures: Looks at the call that failed in a row.
        list_failures: Looks at the list for further calls of a lost dial that failed in a row.
        refused_look: The last look, where it was answered by 401 or 403.
        held_wake: The wake time of a wait that goes on once the first look of a resume is in.
        busy_since: Since when the call is waited for to be ready.
        busy_looks: Looks in that time.
        busy_longest_s: The longest that what keeps it busy can last.
        doubt: Some earlier attempt of this call was settled without proof, so it may still arrive.
        clock_skew_s: How far the server's clock is ahead; 0 while `skew_known` is false.
        skew_at: When that was seen.
        watch_until: A lost dial was adopted: further calls may still appear until then.
        extras: Further calls that match the lost dial and are still to be ended.
        extras_done: Those that were dealt with.
        extras_left: Those whose end is not known to have come about, for the next look at the list to find again.
        last_event: The one from which results were taken last: a late copy of it tells nothing of the next list.
        log_length: Results a command log must show before those of the pending step; None once that is not known.
    """

    phase: Phase = Phase.NEW
    started: RunStarted | None = None
    settings: Settings = field(default_factory=Settings)
    cursor: Cursor = field(default_factory=Cursor)
    call_id: str | None = None
    call_status: str = ""
    call_over: bool = False
    vanished: bool = False
    api_url: str | None = None
    account: str | None = None
    other_key: bool = False
    hidden: bool = False
    hangup_cause: str | None = None
    answered: bool = False
    hung_up_by_script: bool = False
    call_since: Instant | None = None
    fence_wall: float | None = None
    dial_by: Instant | None = None
    quiet_since: Instant | None = None
    heard_until: Instant | None = None
    variables: Mapping[str, Value] = field(default_factory=dict)
    secret_names: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    visits: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[int, int] = field(default_factory=dict)
    executed: Mapping[int, str] = field(default_factory=dict)
    pending: Pending | None = None
    left_over: Pending | None = None
    failure: Failure | None = None
    steps: tuple[StepReport, ...] = ()
    requests_sent: int = 0
    saved_by: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    jumped: bool = False
    must_look: bool = False
    check_stale: bool = False
    looked_over: bool = False
    look_failures: int = 0
    list_failures: int = 0
    refused_look: Looked | None = None
    held_wake: Instant | None = None
    busy_since: Instant | None = None
    busy_looks: int = 0
    busy_longest_s: float = 0.0
    doubt: bool = False
    wake: Instant | None = None
    wake_why: str = ""
    watch_until: Instant | None = None
    watch_looked: Instant | None = None
    extras: tuple[str, ...] = ()
    extras_done: frozenset[str] = frozenset()
    extras_left: frozenset[str] = frozenset()
    extra_tries: int = 0
    clock_skew_s: float = 0.0
    skew_known: bool = False
    skew_at: Instant | None = None
    cancel: CancelAsked | None = None
    ending: EndDecided | None = None
    end: RunEnded | None = None
    notices: tuple[Noticed, ...] = ()
    events_missed: bool = False
    last_event: EventReceived | None = None
    log_length: int | None = 0

    def server_wall(self, now: Instant) -> float:
        """Return the server's date, seconds since the epoch, by what was seen of it last.

        Since then the time is taken from the boot clock: this machine's date may have been set meanwhile.
        """
        if self.skew_at is None:
            return now.wall + self.clock_skew_s
        return self.skew_at.wall + self.clock_skew_s + now.since(self.skew_at)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.begun.run_id

    @property
    def begun(self) -> RunStarted:
        """The run's first record."""
        assert self.started is not None, "the state of a run begins with RunStarted"
        return self.started

    @property
    def call_up(self) -> bool:
        """Whether there is a call that has not ended, as far as is known."""
        return self.call_id is not None and not self.call_over

    @property
    def rings_here(self) -> bool:
        """Whether it is an incoming call that was not answered, as far as is known: whoever calls hears it ring."""
        return self.started is not None and self.started.call is not None and not self.answered

    @property
    def rings_on(self) -> bool:
        """Whether it is an incoming call that no `answer` can have reached: nobody is on its line."""
        unanswered = self.pending is None or self._known_not_to_have_run(self.pending)
        return self.rings_here and self.call_up and unanswered and not self._may_have_answered()

    def _may_have_answered(self) -> bool:
        """Whether the step that was uncertain when the end was decided may have reached the call that rang."""
        left = self.left_over
        if left is None or left.verdict is Verdict.DID_NOT_RUN:
            return False
        kept_back = left.concluded is not None and left.concluded.outcome in (Outcome.NOT_SENT, Outcome.THROTTLED)
        return bool(left.unknowns) or not kept_back

    @property
    def other_end(self) -> str:
        """Who is on the line, in a word: whoever is called, or whoever has called."""
        return "callee" if self.begun.call is None else "caller"

    @property
    def asks_for_kept_reply(self) -> bool:
        """Whether a lost request, if it is sent again, asks for the reply that the server keeps of it.

        Until it is settled: it is then known not to have run, or what may have run is repeated.
        """
        return self.goes_under_its_key and self.pending is not None and not self.pending.repeated

    @property
    def goes_under_its_key(self) -> bool:
        """Whether the server may know the pending request by its key, from a lost attempt: it must be the same then."""
        pending = self.pending
        if self.settings.idempotent_for_s is None or pending is None:
            return False
        return pending.unknowns > 0 and pending.verdict is not Verdict.DID_NOT_RUN

    @property
    def open_dial(self) -> Intended | None:
        """The intent of a dial that may have left this host and whose outcome is open."""
        for pending in (self.pending, self.left_over):
            if pending is not None and pending.intent.operation is Operation.CREATE:
                return None if self._known_not_to_have_run(pending) else pending.intent
        return None

    def _known_not_to_have_run(self, pending: Pending) -> bool:
        never_ran = not pending.unknowns or pending.verdict is Verdict.DID_NOT_RUN
        return self.phase is Phase.RETRYING and never_ran

    @property
    def has_called(self) -> bool:
        """Whether there is a call of this run at the API, or may be one; such a run belongs to that API."""
        return self.call_id is not None or self.open_dial is not None

    @property
    def watching(self) -> bool:
        """Whether further calls of a lost dial may be up."""
        return self.watch_until is not None or bool(self.extras)
