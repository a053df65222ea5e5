"""Starts, resumes, cancels, resolves and reaps runs: what the CLI and the library call, over the ports.

It knows scripts only as objects, and no adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from orchestrator.core.budget import Demand
from orchestrator.core.evolve import evolve, fold, marks
from orchestrator.core.exchange import CallSeen, Operation
from orchestrator.core.instant import Instant
from orchestrator.core.origin import Origin, dial_by, other_api
from orchestrator.core.past import refuse_changed_past
from orchestrator.core.records import CancelAsked, Fault, Noticed, Resolved, RunStarted
from orchestrator.core.script import Dial, Script, Value
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import LeaseHeldError, UsageError
from orchestrator.ports import Clock, ContactClaim, Journal, Lease, RequestBudget, Transport
from orchestrator.runtime.control import Control
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.ontheline import refuse_second_call
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.reaping import Reaper
from orchestrator.runtime.shared import NOTHING_LEFT, RunResult, Shared

NEVER = 0.0
"""As `ring_by_wall`: whoever carries on with the run settles what is uncertain, but dials nobody."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a run needs besides its script, checked before anything is sent.

    Attributes:
        to: The callee.
        from_: The caller id.
        variables: Those that are not secret, by name.
        secrets: The others.
        settings: Of the run.
        defaulted: Secrets that have their default.
        learned: A sentence about the network limit, where that was learned and not set; the run notes it.
    """

    to: str
    from_: str
    variables: Mapping[str, Value]
    secrets: Mapping[str, Value]
    settings: Settings
    defaulted: tuple[str, ...] = ()
    learned: str | None = None


class Runner:
    """Drives runs with one journal, one transport and one heartbeat. May be used by several threads at once."""

    def __init__(  # noqa: PLR0913 - the parts that runs share, each given by name
        self,
        *,
        journal: Journal,
        transport: Transport,
        clock: Clock,
        control: Control,
        new_id: Callable[[], str],
        draw: Callable[[], float],
        lease_s: float,
        budget: RequestBudget | None = None,
        shares_lists: bool = True,
        origin: Origin | None = None,
        memory: PathMemory | None = None,
    ) -> None:
        """Keep what all runs share.

        Args:
            journal: Where the runs are.
            transport: Sends their requests.
            clock: Tells the time.
            control: What the process was told.
            new_id: Makes the id of a run.
            draw: Draws from [0, 1), for jitter.
            lease_s: How long the right to drive a run outlives its last heartbeat.
            budget: Keeps the request limits of the account, for runs whose settings have any; None: they are not kept.
            shares_lists: Lost dials may share one list of calls: it is the same for all of them.
            origin: The API that the transport reaches, for runs to note.
            memory: Remembers how requests were cut; None: that is forgotten.
        """
        self._new_id = new_id
        self._shared = Shared(
            journal=journal,
            transport=transport,
            clock=clock,
            control=control,
            draw=draw,
            lease_s=lease_s,
            budget=budget,
            shares_lists=shares_lists,
            origin=origin or Origin(),
            memory=memory,
        )
        self._journal = journal
        self._clock = clock
        self._origin = self._shared.origin
        self._reaper = Reaper(self._shared)

    @property
    def left_alone(self) -> Mapping[str, str]:
        """Runs that `reap` left alone since they belong to another API: its base URL, by the run's id."""
        return self._reaper.left_alone

    def close(self) -> None:
        """End the heartbeat."""
        self._shared.close()

    def tell(self, run_id: str) -> None:
        """Tell a run that this process drives that it has mail, so that it need not find out by itself."""
        self._shared.tell(run_id)

    def run(
        self,
        script: Script,
        prepared: Prepared,
        *,
        contact: ContactClaim | None = None,
        ring_by_wall: float | None = None,
        observer: Observer | None = None,
    ) -> RunResult:
        """Create a run and drive it.

        Args:
            script: What to execute.
            prepared: For whom, with what.
            contact: The contact of a batch that it is for.
            ring_by_wall: By then it rings, or it rests undialled, seconds since the epoch; None: at any time.
            observer: Told of every record.

        Raises:
            NumberBlockedError: A dial to the number is unsettled; no run was created.
            CallLeftUpError: An interrupted run may have left a call to the number up; no run was created.
            NumberBlockedError: For a contact also where a live run has a call to the number up.
            AlreadyCalledError: The contact was called; no run was created.
            JournalError: Nothing was sent, or a live call was ended.
        """
        dials = any(isinstance(entry.element, Dial) for entry in script.entries)
        beside_live = contact is None or not dials
        now, api_url = self._clock.now(), self._origin.api_url
        seen = refuse_second_call(self._journal, prepared.to, now=now, api_url=api_url, beside_live=beside_live)
        lease, state = self._begin(script, prepared, contact=contact, beside=None if beside_live else seen)
        return self._drive_from_its_start(script, prepared, lease, state, observer, ring_by_wall=ring_by_wall)

    def answer(
        self,
        script: Script,
        prepared: Prepared,
        call: CallSeen,
        *,
        began: Callable[[str], None],
        observer: Observer | None = None,
    ) -> RunResult:
        """Create a run that takes an incoming call, and drive it.

        Args:
            script: What to execute; it begins with `answer`; one without entries turns the call down.
            prepared: Who calls whom, with what.
            call: The call, ringing.
            began: Called with the run's id once it is in the journal.
            observer: Told of every record.

        Raises:
            CallTakenError: Another run has it; no run was created.
            JournalError: Nothing was sent, or the call was ended.
        """
        lease, state = self._begin(script, prepared, call=call)
        began(state.run_id)
        return self._drive_from_its_start(script, prepared, lease, state, observer)

    def _begin(
        self,
        script: Script,
        prepared: Prepared,
        *,
        contact: ContactClaim | None = None,
        beside: Collection[str] | None = None,
        call: CallSeen | None = None,
    ) -> tuple[Lease, RunState]:
        now = self._clock.now()
        started = RunStarted(
            at=now,
            run_id=self._new_id(),
            script_name=script.name,
            script_digest=script.digest,
            script_source=script.source,
            script_masked=script.masked,
            script_path=script.path,
            to=prepared.to,
            from_=prepared.from_,
            variables=prepared.variables,
            secret_names=tuple(prepared.secrets),
            settings=prepared.settings,
            defaulted=prepared.defaulted,
            api_url=self._origin.api_url,
            account=self._origin.account,
            clock_skew_s=self._shared.clock_skew_s(now),
            call=call,
            secrets=prepared.secrets,
        )
        lease = self._journal.start_run(started, lease_s=self._shared.lease_s, contact=contact, beside=beside)
        return lease, fold([started])

    def _drive_from_its_start(
        self,
        script: Script,
        prepared: Prepared,
        lease: Lease,
        state: RunState,
        observer: Observer | None,
        *,
        ring_by_wall: float | None = None,
    ) -> RunResult:
        if observer is not None:
            observer(state.begun, state)
        first = None
        if prepared.learned is not None:
            code = "limit_not_kept" if prepared.settings.limit_s is None else "limit_learned"
            first = Noticed(at=state.begun.at, code=code, message=prepared.learned)
        return self._shared.drive(script, state, lease, first=first, ring_by_wall=ring_by_wall, observer=observer)

    def room_for(self, dial: Demand) -> Instant | None:
        """Return when one more call may be thought of within the account's request limits; None: now."""
        return self._shared.room_for(dial)

    def resume(
        self,
        run_id: str,
        script: Script,
        *,
        secrets: Mapping[str, Value],
        settings: Settings,
        original: Script | None = None,
        dials_late: bool = True,
        ring_by_wall: float | None = None,
        beside_live: bool = True,
        observer: Observer | None = None,
    ) -> RunResult:
        """Carry on with an interrupted run. One that has ended, or waits for a verdict, is returned as it stands.

        Args:
            run_id: The run.
            script: What to execute from here on.
            secrets: Values of variables that the journal does not hold.
            settings: From here on.
            original: The script as it was, to show a difference in what has already run.
            dials_late: A call that was not dialled in its time is dialled now all the same: the caller knows better.
            ring_by_wall: As for `run`; a lost dial is asked about, whenever it is.
            beside_live: A run that has yet to dial may ring beside another run's call to its number.
            observer: Told of every record.

        Raises:
            LeaseHeldError: A live process drives it.
            ConfigurationError: It belongs to another API.
            NumberBlockedError: Another run may have a call to its number up, and it must not ring beside that.
            ChangedPastError: The script differs in what has already run.
        """
        lease = self._shared.acquire(run_id)
        try:
            state = fold(self._journal.read(run_id))
            if state.end is None:
                self._shared.refuse_another_api(state)
            if state.end is None and state.phase is not Phase.UNDECIDED:
                refuse_changed_past(state, script, original=original)
            if state.end is None and state.call_id is None and not beside_live:
                now, api_url = self._clock.now(), self._origin.api_url
                refuse_second_call(self._journal, state.begun.to, now=now, api_url=api_url, beside_live=False)
        except BaseException:
            self._journal.release(lease)
            raise
        if state.end is not None or (state.phase is Phase.UNDECIDED and not state.watching):
            self._journal.release(lease)
            return RunResult(state, state.ending.fault if state.end is None and state.ending is not None else None)
        latest = None if dials_late else dial_by(state)
        resumed = self._shared.resumed(settings, why="resume", secrets=secrets, latest=latest)
        return self._shared.drive(script, state, lease, first=resumed, ring_by_wall=ring_by_wall, observer=observer)

    def cancel(
        self, run_id: str, *, why: str, code: str = "cancelled", observer: Observer | None = None
    ) -> RunResult | None:
        """End a run's call, and the run; of a run that has ended the call that it left up.

        Returns None where a live process drives it and was asked to do so.

        Raises:
            ConfigurationError: Its call is another API's, and no process that could end it drives it.
        """
        asked = CancelAsked(at=self._clock.now(), why=why, code=code)
        state = fold(self._journal.read(run_id))
        is_open = state.end is None
        by_inbox = is_open and other_api(state, self._origin.api_url) is None
        if by_inbox:
            self._journal.put_inbox(run_id, asked)
        try:
            lease = self._shared.acquire(run_id)
        except LeaseHeldError:
            if is_open and not by_inbox:
                self._journal.put_inbox(run_id, asked)  # the process that drives it reaches its API
            return None
        return self._drive_to_its_end(lease, None if by_inbox else asked, observer=observer)

    def resolve(self, run_id: str, *, ran: bool, call_id: str | None, note: str | None) -> RunResult:
        """Give a person's verdict on the uncertain step of an undecided run.

        Raises:
            UsageError: The run waits for no verdict, or a call is named and its uncertain step is no dial.
            LeaseHeldError: A live process drives it.
            ConfigurationError: The run ends by it, and belongs to another API.
        """
        lease = self._shared.acquire(run_id)
        verdict = Resolved(at=self._clock.now(), ran=ran, call_id=call_id, note=note)
        try:
            state = self._waiting_for_a_verdict(run_id, of_a_dial=call_id is not None)
            resolved = evolve(state, verdict)
            if resolved.phase is Phase.OVER:
                self._shared.refuse_another_api(state)
            else:
                self._journal.append(lease, [verdict], marks(resolved))
        except BaseException:
            self._journal.release(lease)
            raise
        if resolved.phase is Phase.OVER:
            return self._shared.drive(NOTHING_LEFT, state, lease, first=verdict)
        self._journal.release(lease)
        return RunResult(resolved, Fault(code="resolved", message="resume it"))

    def reap(self, *, keep: Collection[str] = (), observer: Observer | None = None) -> list[RunResult]:
        """End live calls whose driver is gone and on which somebody has waited longer than `max_silence`.

        Among them are further calls of a doubled dial that its driver did not live to see: they are looked for.
        An incoming call that still rings is none of those: it is left to whoever resumes its run, or rings out. Runs of
        another API are left alone, and noted in `left_alone`.

        Args:
            keep: Runs that are about to be resumed.
            observer: Told of every record.
        """
        return self._reaper.reap(keep=keep, observer=observer)

    def _drive_to_its_end(self, lease: Lease, asked: CancelAsked | None, *, observer: Observer | None) -> RunResult:
        try:
            state = fold(self._journal.read(lease.run_id))
            is_over = state.end is not None and not state.call_up
            if not is_over:
                self._shared.refuse_another_api(state)
        except BaseException:
            self._journal.release(lease)
            raise
        if is_over:
            self._journal.release(lease)
            return RunResult(state)
        resumed = self._shared.resumed(state.settings, why="cancel")
        return self._shared.drive(NOTHING_LEFT, state, lease, first=resumed, then=asked, observer=observer)

    def _waiting_for_a_verdict(self, run_id: str, *, of_a_dial: bool) -> RunState:
        state = fold(self._journal.read(run_id))
        if state.phase is not Phase.UNDECIDED:
            raise waits_for_no_verdict(run_id)
        if of_a_dial and not _asks_about_a_dial(state):
            raise UsageError("a call is named where it is uncertain whether a dial made one: this step is none")
        return state


def waits_for_no_verdict(run_id: str) -> UsageError:
    """Return what to raise where a verdict is given on a run that asks for none."""
    return UsageError(f"run {run_id} does not wait for a verdict")


def _asks_about_a_dial(state: RunState) -> bool:
    """Return whether the step of an undecided run that a person is asked about is a dial."""
    uncertain = state.left_over or state.pending
    return uncertain is not None and uncertain.intent.operation is Operation.CREATE
