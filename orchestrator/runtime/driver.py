"""Drives one run: asks `decide`, does what it says, and gives what happened to `evolve` and to the journal.

The order of writes is the heart of it (rules, section 4.1): records gather in memory, and reach the disk in one
transaction with the next intent, before its first byte leaves. Called by the runner, which holds the lease.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from orchestrator.core.actions import Action, Finish, Note, Orders, Reconcile, Rest, Send, Wait
from orchestrator.core.decide import call_is_too_long, decide, too_long
from orchestrator.core.evolve import evolve, marks
from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.instant import Instant
from orchestrator.core.intents import Foreseen, foresee
from orchestrator.core.modes import asks_events
from orchestrator.core.records import (
    CancelAsked,
    Fault,
    InboxRecord,
    Looked,
    LookKind,
    Noticed,
    Record,
    Resolved,
)
from orchestrator.core.script import Script
from orchestrator.core.state import Pending, Phase, RunState
from orchestrator.core.taken import concluded, looked, without_echoes
from orchestrator.core.throttle import demand_of, held_up
from orchestrator.errors import LeaseLostError, OrchestratorError
from orchestrator.ports import Channel, Clock, Journal, Lease
from orchestrator.runtime.control import Control
from orchestrator.runtime.listing import Listing
from orchestrator.runtime.openlook import OpenLook
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.places import Places
from orchestrator.runtime.retry import send_until_it_left

Observer = Callable[[Record, RunState], None]

LOOK_TIMEOUT_S = 10.0
_OPERATIONS = {LookKind.CALL: Operation.LOOK, LookKind.OPEN: Operation.LOOK, LookKind.LIST: Operation.LIST}
END_PATIENCE_S = 3.0
"""How long the open request of a call that was just ended may take to come back before it is cut."""


class _ToldError(Exception):
    """A run was told something while it waited for its place: it is heard before anything is asked."""


class Driver:
    """One run, from where its records stand to where it ends or rests."""

    def __init__(  # noqa: PLR0913 - the parts of a run, each given by name
        self,
        *,
        script: Script,
        state: RunState,
        lease: Lease,
        journal: Journal,
        channel: Channel,
        clock: Clock,
        control: Control,
        draw: Callable[[], float],
        places: Places | None = None,
        listing: Listing | None = None,
        orders: Orders | None = None,
        ring_by_wall: float | None = None,
        observer: Observer | None = None,
        memory: PathMemory | None = None,
    ) -> None:
        self.state = state
        self.lease = lease
        self._script = script
        self._journal = journal
        self._channel = channel
        self._clock = clock
        self._control = control
        self._draw = draw
        self._places = places
        self._listing = listing
        self._orders = orders
        self._ring_by_wall = ring_by_wall
        self._observer = observer
        self._memory = memory
        self._untold: deque[tuple[Record, RunState]] = deque()
        self._foreseen: Foreseen | None = None
        self._unwritten: list[Record] = []
        self._writing = threading.RLock()
        self._telling = threading.RLock()
        self._has_mail = True
        self._wakeup = threading.Event()
        self._sending = False

    def drive(self, *, first: Sequence[Record] = ()) -> Fault | None:
        """Drive the run until it ends or rests; return why it rests, None when it has ended.

        Args:
            first: Records to take before anything else (`Resumed`).

        Raises:
            JournalError: It could not be written; a live call was ended by DELETE.
            LeaseLostError: Another driver has taken over; nothing more was sent.
            NumberBlockedError: Another run's dial to the same number is unsettled; nothing was sent.
        """
        try:
            for record in first:
                self.take(record)
            self.commit()
            return self._drive()
        except LeaseLostError:
            raise
        except Exception:
            self._end_without_intent()
            raise
        finally:
            self._tell_observer()
            self._remember()

    @property
    def awaits_event(self) -> bool:
        """Whether the run waits for an event. Asked from other threads."""
        state = self.state
        return state.phase is Phase.AWAITING and asks_events(state.settings)

    def tell(self, *, mail: bool = False) -> None:
        """Wake the run up to look at its inbox and its orders. Called from other threads."""
        if mail:
            self._has_mail = True
        self._wakeup.set()

    def tick(self) -> None:
        """End the call while its request is open, if it must end now. Called by the heartbeat every moment or so."""
        if self._control.told.is_set():
            self._wakeup.set()
        with self._writing:
            if not self._sending or self._must_end():
                return
            before = self.state
            try:
                self._hear()
                if self.state is before:
                    return
                self.commit()  # what was heard leaves the inbox with it, and is heard once
                if not self._must_end():
                    return
            except LeaseLostError:
                return
            except OrchestratorError:
                pass  # the journal fails in mid-call: the call is ended by the one request that needs no intent
            threading.Thread(target=self._end_open_call, args=(self.state.pending,), daemon=True).start()

    def close(self) -> None:
        """Close the run's connections."""
        self._channel.close()
        if self._places is not None:
            self._places.give_back()

    def take(self, record: Record) -> None:
        """Take a record into the state; it reaches the disk with the next commit."""
        with self._writing:
            self.state = evolve(self.state, record)
            self._unwritten.append(record)
            if self._observer is not None:
                self._untold.append((record, self.state))

    def commit(self) -> None:
        """Write what was taken since the last commit, in one transaction."""
        with self._writing:
            if self._unwritten:
                self._journal.append(self.lease, self._unwritten, marks(self.state))
                self._unwritten = []

    def _drive(self) -> Fault | None:
        action = self._decide()
        while True:
            match action:
                case Note(record):
                    self.take(record)
                    action = self._decide()
                case Send():
                    action = send_until_it_left(
                        self._attempt,
                        action,
                        is_held_back=lambda: self.state.phase is Phase.RETRYING,
                        seconds_until=lambda wait: max(wait.until.since(self._clock.now()), 0.0),
                        wait=self._wait,
                    )
                case Wait():
                    self._wait(action)
                    action = self._decide()
                case Reconcile(LookKind.LIST) if self._listing is not None:
                    action = self._share_a_list(self._listing)
                case Reconcile(kind):
                    action = self._held_up(_OPERATIONS[kind]) or self._look(kind)
                case Finish(record):
                    self.take(record)
                    self.commit()
                    return None
                case Rest(fault):
                    self.commit()
                    return fault

    def _decide(self) -> Action:
        self._hear()
        orders = self._orders or self._control.orders
        if self._ring_by_wall is not None:
            orders = replace(orders, ring_by_wall=self._ring_by_wall)
        return decide(
            self.state, self._script, self._clock.now(), orders=orders, jitter=self._draw(), foreseen=self._foreseen
        )

    def _must_end(self) -> bool:
        return self.state.cancel is not None

    def _hear(self) -> None:
        """Take what was left in the inbox, and what the process was told."""
        if self._has_mail:
            self._has_mail = False
            for message in self._journal.take_inbox(self.lease):
                self._take_message(message)
        if self.state.cancel is not None or self.state.phase is Phase.ENDED:
            return
        now = self._clock.now()
        why = self._control.must_end(now)
        if why is not None:
            self.take(CancelAsked(at=now, why=why, code="stopped"))
        elif self._sending and call_is_too_long(self.state, now):
            self.take(CancelAsked(at=now, why=too_long(self.state), code="max_call"))

    def _take_message(self, message: InboxRecord) -> None:
        if isinstance(message, Resolved) and self.state.phase is not Phase.UNDECIDED:
            text = "a verdict came for a run that waits for none; it was put aside"
            self.take(Noticed(at=self._clock.now(), code="resolve_unneeded", message=text))
        else:
            self.take(message)

    def _attempt(self, action: Action | None) -> Action:
        """Send once, if that is what is to be done, and return what is to be done next."""
        action = action or self._decide()
        if not isinstance(action, Send):
            return action
        waiting = self._held_up(action.request.operation)
        if waiting is not None:
            return waiting
        self.take(action.intent)
        self.commit()
        looker = None if action.look_after_s is None else self._open_look(action.look_after_s)
        self._sending = True
        try:
            reply = self._channel.send(
                action.request, before_first_byte=lambda: self._first_byte(looker), once_sent=self._while_open
            )
        finally:
            self._sending = False
        if self._memory is not None:
            self._memory.note(action.request, reply)
        if looker is not None:
            looker.finish(is_evidence=reply.outcome is Outcome.UNKNOWN)
        self.take(concluded(without_echoes(reply, self.state), action.intent))
        return self._decide()

    def _open_look(self, after_s: float) -> OpenLook:
        """Return a look at the call while a request is open. It counts within the account's limits like any other."""
        look, places = partial(self.look, LookKind.OPEN), None if self._places is None else self._places.beside()
        if places is None:
            return OpenLook(look, self._keep, clock=self._clock, after_s=after_s)
        place = partial(self._place, Operation.LOOK, places)
        return OpenLook(look, self._keep, clock=self._clock, after_s=after_s, held_up=place, give_up=places.give_back)

    def _first_byte(self, looker: OpenLook | None) -> None:
        """Right before the first byte: is this run still ours to drive?"""
        self._journal.check(self.lease)
        if looker is not None:
            looker.start()

    def _while_open(self) -> None:
        """Do while the server is at work what would otherwise be done in the callee's silence."""
        self._tell_observer()
        self._foreseen = foresee(self.state, self._script)
        self._remember()

    def _remember(self) -> None:
        if self._memory is not None:
            self._memory.write()

    def _tell_observer(self) -> None:
        """Tell the observer what was taken since it was last told."""
        if self._observer is not None:
            with self._telling:
                while self._untold:
                    self._observer(*self._untold.popleft())

    def _wait(self, action: Wait) -> None:
        if action.record is not None:
            self.take(action.record)
        self.commit()
        self._tell_observer()
        until = action.until
        deadline = self._control.deadline
        if deadline is not None and self.state.cancel is None and until.since(deadline) > 0:
            until = deadline
        self._clock.wait(until, self._wakeup)
        self._wakeup.clear()

    def _held_up(self, operation: Operation) -> Action | None:
        """Take the request's place within the account's limits; return what to do while there is none."""
        until = self._place(operation)
        return None if until is None else held_up(self.state, operation, self._clock.now(), until)

    def _place(self, operation: Operation, places: Places | None = None) -> Instant | None:
        places = places or self._places
        if places is None:
            return None
        demand = demand_of(self.state, self._script, operation)
        return None if demand is None else places.wait_until(demand)

    def _look(self, kind: LookKind) -> Action:
        look = self.look(kind)
        if self.state.phase is Phase.AWAITING:  # what an event tells counts only if it is known by now
            self._has_mail = True
            self._hear()
        self.take(look)
        return self._decide()

    def _share_a_list(self, listing: Listing) -> Action:
        """Look at the list of calls; other runs that want to may look at the same one."""
        try:
            listed = listing.ask(self.state.run_id, lambda: self._ask(LookKind.LIST), ready=self._wait_to_list)
        except _ToldError:
            return self._decide()
        self.take(self._looked(LookKind.LIST, listed.began, listed.reply))
        return self._decide()

    def _wait_to_list(self) -> None:
        while (until := self._place(Operation.LIST)) is not None:
            told = self._clock.wait(until, self._wakeup)
            self._wakeup.clear()
            if told:
                raise _ToldError

    def look(self, kind: LookKind) -> Looked:
        """Ask the API, and return what it showed as a record."""
        began = self._clock.now()
        return self._looked(kind, began, self._ask(kind))

    def _ask(self, kind: LookKind) -> Reply:
        reference = f"{self.state.run_id}.0" if kind is LookKind.LIST else None
        return self._channel.send(
            Request(
                operation=_OPERATIONS[kind],
                call_id=None if kind is LookKind.LIST else self.state.call_id,
                read_timeout_s=LOOK_TIMEOUT_S,
                deadline_s=LOOK_TIMEOUT_S + 5.0,
                reference=reference,
            ),
            before_first_byte=lambda: self._journal.check(self.lease),
        )

    def _looked(self, kind: LookKind, began: Instant, reply: Reply) -> Looked:
        """Return what a reply showed to this run."""
        owners = self._journal.owners_of([call.call_id for call in reply.calls]) if reply.calls else {}
        others = {call_id for call_id, owner in owners.items() if owner != self.state.run_id}
        reply = without_echoes(reply, self.state)
        return looked(self.state, reply, kind=kind, began=began, owned_by_others=others)

    def _keep(self, look: Looked) -> None:
        """Take a look made while a request is open, and write it at once: it is a proof that a crash must not lose."""
        with self._writing:
            self.take(look)
            self.commit()

    def _end_without_intent(self) -> None:
        """End a live call although nothing can be written: nobody is left on a silent line (rules, section 4.11)."""
        if self.state.call_up:
            self._end(self.state.call_id, before_first_byte=None)

    def _end(self, call_id: str | None, *, before_first_byte: Callable[[], None] | None) -> Reply:
        return self._channel.send(
            Request(operation=Operation.END, call_id=call_id, read_timeout_s=LOOK_TIMEOUT_S, deadline_s=LOOK_TIMEOUT_S),
            before_first_byte=before_first_byte,
        )

    def _end_open_call(self, open_request: Pending | None) -> None:
        """End the call whose request is open, then cut that request if it does not come back by itself."""
        places = None if self._places is None else self._places.beside()
        try:
            for call_id in self._live_calls(open_request, places):
                self._count_an_end(places)
                self._end(call_id, before_first_byte=self._still_ours)
        except LeaseLostError:
            return  # another driver has the call
        self._clock.wait(self._clock.now().plus(END_PATIENCE_S), threading.Event())
        if self._sending and self.state.pending is open_request:
            self._channel.abort()

    def _count_an_end(self, places: Places | None) -> None:
        """Count a DELETE, which waits for nobody, not even for a journal that cannot count it."""
        with suppress(OrchestratorError):
            self._place(Operation.END, places)

    def _live_calls(self, open_request: Pending | None, places: Places | None) -> list[str]:
        """Return the run's call; of a dial that is ringing only the list of calls can tell which that is."""
        if self.state.call_up and self.state.call_id is not None:
            return [self.state.call_id]
        if open_request is None or open_request.intent.operation is not Operation.CREATE:
            return []
        try:
            while (until := self._place(Operation.LIST, places)) is not None:
                self._clock.wait(until, threading.Event())
                if self.state.pending is not open_request or not self._sending:
                    return []  # it has come back by itself
            return [call.call_id for call in self.look(LookKind.LIST).matches]
        except OrchestratorError:
            return []  # the lease is lost or the journal fails: the step's own thread meets the same

    def _still_ours(self) -> None:
        """Fence a DELETE off; a journal that cannot be read does not keep a call from being ended."""
        try:
            self._journal.check(self.lease)
        except LeaseLostError:
            raise
        except OrchestratorError:
            return
