"""One tick of a campaign: who is unfinished first, then who is due, each contact by the rules, at the campaign's pace.

A batch is many runs; everything true of one run stays true of each. What is decided about a contact is `admission`'s,
where contacts stand is the campaign store's. Called by `compose`; it names no adapter and reads no file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from orchestrator.core.admission import Admission, Call, Facts, Known, Later, Refused, Spent, Tick, admit
from orchestrator.core.campaign import Campaign, Occurrence, Repeat
from orchestrator.core.contact import Contact, Rejected, occurrence_key, row_digest
from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.ledger import Tally, tally_of
from orchestrator.core.records import Disposition, Fault
from orchestrator.core.redial import CallAt, PastRun, Planning, next_call
from orchestrator.core.script import Script, Value
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import (
    AlreadyCalledError,
    LeaseHeldError,
    NumberBlockedError,
    OrchestratorError,
    ScriptError,
    UsageError,
)
from orchestrator.ports import CampaignLease, CampaignStore, Clock, ContactClaim, ContactState, Journal, Standing
from orchestrator.runtime.control import Control
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.runner import Prepared, Runner, RunResult

CHUNK = 200
"""Contacts looked up at a time: what is held of a file of any size."""
PULSE_S = 0.5
"""How often orders are looked for and the campaign's lease is thought of."""
LOOK_BACK_S = 26 * 3600.0
"""How far back dials of a number can matter to a daily cap, by the clock of any zone."""
DUPLICATE = "a duplicate: the number and the variables of another contact are the same"
BREAKER = 5
"""So many calls in a row that the API could not be reached for end the tick: it is the API's fault, not theirs."""


class SameFileError(OrchestratorError):
    """The contacts file has the content of an earlier occurrence, and the campaign does not repeat (exit 65)."""

    exit_code = 65
    code = "same_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a tick works on.

    Attributes:
        campaign: With the closed dates in its calendar.
        occurrence: The one this tick is in.
        script: What is executed for each contact.
        longest_s: The longest that one call may last.
        contacts: Opens the contacts anew each time it is called.
        content_digest: Of the contacts file.
        prepare: Checks all that a contact's run needs. Raises UsageError or ScriptError.
        zones_of: The time zones of a number.
        forbidden: Why a number must not be called, read anew each time; None where it may.
        fallback: The script of the text message to a contact who was not reached; None for none.
        has_secrets: Whether contacts carry variables that the journal does not keep.
        has_priorities: Whether contacts may differ in priority.
    """

    campaign: Campaign
    occurrence: Occurrence
    script: Script
    longest_s: float
    contacts: Callable[[], Iterable[Contact | Rejected]]
    content_digest: str
    prepare: Callable[[Contact], Prepared]
    zones_of: Callable[[str], frozenset[str]]
    forbidden: Callable[[str], str | None]
    fallback: Script | None = None
    has_secrets: bool = False
    has_priorities: bool = False


@dataclass(slots=True)
class TickReport:
    """What a tick did. Counts are of contacts."""

    called: int = 0
    resumed: int = 0
    known: int = 0
    refused: int = 0
    waiting: int = 0
    unfinished: int = 0
    stopped: str | None = None
    """Why the tick ended before its list did."""
    troubles: list[str] = field(default_factory=list)


class Batch:
    """Runs the ticks of one campaign."""

    def __init__(
        self,
        *,
        runner: Runner,
        journal: Journal,
        store: CampaignStore,
        clock: Clock,
        control: Control,
        job: Job,
        lease_s: float,
        observer: Observer | None = None,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._store = store
        self._clock = clock
        self._control = control
        self._job = job
        self._lease_s = lease_s
        self._observer = observer
        self._tick = Tick(campaign=job.campaign, occurrence=job.occurrence, longest_s=job.longest_s)
        self._report = TickReport()
        self._lease: CampaignLease | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._guard = threading.Lock()  # of what follows, which the calls' threads change
        self._spent = Spent()
        self._out_of_reach = 0
        self._rows_called: set[str] = set()  # digests of this tick, ahead of what the store knows
        self._began = self._kept = self._next_start = clock.now()
        self._live: set[Future[None]] = set()
        self._free = threading.Event()  # set when a call's thread is done

    def tick(self) -> TickReport:
        """Run one tick: carry on, call, and wait for the calls to end.

        Raises:
            LeaseHeldError: Another process runs a tick of this campaign.
            SameFileError: The contacts were called in an earlier occurrence.
            JournalError: It could not be written; live calls were ended.
        """
        lease = self._store.take_campaign(self._job.campaign.name, lease_s=self._lease_s)
        try:
            self._refuse_an_old_file()
            with ThreadPoolExecutor(self._job.campaign.concurrency, thread_name_prefix="call") as pool:
                self._lease, self._pool = lease, pool
                try:
                    self._carry_on()
                    self._call_all()
                    self._drain()
                except BaseException:
                    self._control.stop(grace_s=0.0, why="the batch broke off")
                    raise
        finally:
            self._store.give_campaign_back(lease)
        return self._report

    # --- before anybody is called -------------------------------------------------------------------------------------

    def _refuse_an_old_file(self) -> None:
        campaign, occurrence = self._job.campaign, self._job.occurrence
        if not self._job.content_digest:
            return
        earlier = self._store.note_file(
            campaign.name,
            occurrence=occurrence.name,
            content_digest=self._job.content_digest,
            now_wall=self._clock.now().wall,
        )
        if earlier is not None and campaign.repeat is Repeat.NONE:
            raise SameFileError(
                f"these contacts were called in the occurrence {earlier} of {campaign.name} already, and it does not "
                "repeat: say `repeat: daily` or `weekly` in the campaign if they are to be called again"
            )

    def _carry_on(self) -> None:
        """Settle the contacts whose runs have ended, and resume the others, before anybody new is called."""
        unfinished = list(self._store.all_of(self._job.campaign.name, state=ContactState.OPEN))
        secrets = self._secrets_of({standing.key for standing in unfinished}) if unfinished else {}
        for standing in unfinished:
            if standing.run_id is None:
                continue
            state = fold(self._journal.read(standing.run_id))
            if state.end is not None:
                self._settle(standing, state)
            elif state.phase is not Phase.UNDECIDED:
                self._report.resumed += 1
                self._start(self._resume, standing, secrets.get(standing.key, {}))

    def _secrets_of(self, keys: set[str]) -> dict[str, Mapping[str, Value]]:
        if not self._job.has_secrets:
            return {}
        found = {}
        for contact in self._contacts():
            key = self._key(contact)
            if key in keys:
                found[key] = self._job.prepare(contact).secrets
        return found

    # --- calling ------------------------------------------------------------------------------------------------------

    def _call_all(self) -> None:
        for priority in self._priorities():
            wanted = (contact for contact in self._contacts() if priority is None or contact.priority == priority)
            for chunk in _chunks(wanted):
                if self._must_stop():
                    return
                standings = self._store.standings([self._key(contact) for contact in chunk])
                left = [self._offer(contact, standings.get(self._key(contact))) for contact in chunk]
                self._store.put([standing for standing in left if standing is not None])

    def _priorities(self) -> list[int] | list[None]:
        """Return the priorities there are, the highest first; the file is read once for each."""
        if not self._job.has_priorities:
            return [None]
        return sorted({contact.priority for contact in self._contacts()}, reverse=True)

    def _contacts(self) -> Iterator[Contact]:
        return (row for row in self._job.contacts() if isinstance(row, Contact))

    def _offer(self, contact: Contact, standing: Standing | None) -> Standing | None:
        """Call a contact, or return what to note of one that is not called now."""
        if self._report.stopped is not None:
            return None
        blank = standing or Standing(
            key=self._key(contact),
            campaign=self._job.campaign.name,
            occurrence=self._job.occurrence.name,
            number=contact.to,
            row_digest=row_digest(contact),
            state=ContactState.WAITING,
        )
        admission = self._admit(contact, blank, is_new=standing is None)
        if isinstance(admission, Call):
            self._wait_for_a_place()
            if self._must_stop():
                return None
            admission = self._admit(contact, blank, is_new=standing is None, about_to_dial=True)
        match admission:
            case Call() if blank.row_digest in self._rows_called and standing is None:
                self._report.refused += 1
                return replace(blank, state=ContactState.REFUSED, reason=DUPLICATE)
            case Call(ring_by_wall=ring_by_wall):
                self._rows_called.add(blank.row_digest)
                self._spend(blank)
                self._start(self._call, contact, blank, ring_by_wall)
                return None
            case Later(due_wall=due_wall, reason=reason):
                self._report.waiting += 1
                state = blank.state if blank.state is ContactState.AGAIN else ContactState.WAITING
                return replace(blank, state=state, due_wall=due_wall or blank.due_wall, reason=reason)
            case Refused(reason=reason):
                self._report.refused += 1
                return replace(blank, state=ContactState.REFUSED, reason=reason)
            case Known(reason=reason):
                self._report.known += 1
                is_again = blank.state is ContactState.AGAIN
                return replace(blank, state=ContactState.DONE, due_wall=None, reason=reason) if is_again else None

    def _admit(self, contact: Contact, standing: Standing, *, is_new: bool, about_to_dial: bool = False) -> Admission:
        """Apply the rules; the do-not-call lists only right before the dial, for they may be a program to run."""
        now = self._clock.now()
        campaign = self._job.campaign
        seen = None if is_new else standing
        needs_dials = campaign.limits.min_gap_s > 0 or campaign.limits.daily_cap is not None
        look_back_s = max(LOOK_BACK_S, campaign.limits.min_gap_s)
        facts = Facts(
            standing=seen,
            twin=self._store.twin_of(
                standing.key,
                campaign=campaign.name,
                occurrence=self._job.occurrence.name,
                row_digest=standing.row_digest,
            ),
            earlier=self._earlier(standing) if standing.state is ContactState.AGAIN else (),
            dials_wall=self._store.dials_of(contact.to, since_wall=now.wall - look_back_s) if needs_dials else (),
            zones=self._job.zones_of(contact.to) if contact.tz is None else frozenset(),
            forbidden=self._job.forbidden(contact.to) if about_to_dial else None,
        )
        with self._guard:
            spent = replace(self._spent, running_s=now.since(self._began))
        return admit(contact, facts, self._tick, spent=spent, now_wall=now.wall)

    def _earlier(self, standing: Standing) -> list[PastRun]:
        states = [fold(self._journal.read(run_id)) for run_id in self._store.runs_of(standing.key)]
        return [_past(state) for state in states if state.end is not None]

    def _spend(self, standing: Standing) -> None:
        with self._guard:
            first = 0 if standing.state is ContactState.AGAIN else 1
            self._spent = replace(
                self._spent,
                calls=self._spent.calls + first,
                attempts=self._spent.attempts + 1,
                call_s=self._spent.call_s + self._job.longest_s,
            )
        self._report.called += 1

    def _call(self, contact: Contact, standing: Standing, ring_by_wall: float | None) -> None:
        """Make one call, in a thread of its own."""
        began = self._clock.now()
        try:
            prepared = self._job.prepare(contact)
            if ring_by_wall is not None:
                expire_s = min(prepared.settings.dial_expire_s, max(ring_by_wall - began.wall, 1.0))
                prepared = replace(prepared, settings=replace(prepared.settings, dial_expire_s=expire_s))
            claim = ContactClaim(
                key=standing.key,
                campaign=standing.campaign,
                occurrence=standing.occurrence,
                row_digest=standing.row_digest,
            )
            result = self._runner.run(self._job.script, prepared, contact=claim, observer=self._observer)
        except (UsageError, ScriptError) as error:
            self._put_aside(standing, ContactState.REFUSED, error)
            return
        except NumberBlockedError as error:
            self._put_aside(standing, ContactState.WAITING, error)
            return
        except AlreadyCalledError:
            return  # another process was faster; what it does is its own
        self._after(standing, result, began)

    def _resume(self, standing: Standing, secrets: Mapping[str, Value]) -> None:
        """Carry on with one call, in a thread of its own."""
        began = self._clock.now()
        run_id = standing.run_id
        assert run_id is not None, "an open contact has a run"
        settings = fold(self._journal.read(run_id)).settings
        try:
            result = self._runner.resume(
                run_id, self._job.script, secrets=secrets, settings=settings, observer=self._observer
            )
        except LeaseHeldError:
            return
        except ScriptError as error:
            self._trouble(f"run {run_id} cannot be carried on with: {error}")
            return
        self._after(standing, result, began)

    def _after(self, standing: Standing, result: RunResult, began: Instant) -> None:
        """Take what a call came to."""
        state = result.state
        lasted_s = self._clock.now().since(began)
        fault = state.end.fault if state.end is not None else result.rest
        with self._guard:
            self._spent = replace(self._spent, call_s=max(self._spent.call_s - self._job.longest_s, 0.0) + lasted_s)
            lost = fault is not None and fault.code in ("unreachable", "throttled")
            self._out_of_reach = self._out_of_reach + 1 if lost else 0
            if self._out_of_reach >= BREAKER:
                self._report.stopped = f"the API was out of reach for {BREAKER} calls in a row: {_words(fault)}"
            if fault is not None and fault.code in ("authentication", "configuration"):
                self._report.stopped = _words(fault)
        if state.end is not None:
            self._settle(standing, state)
        else:
            self._report.unfinished += 1

    def _settle(self, standing: Standing, state: RunState) -> None:
        """Note what a contact's ended run came to, and whether it is called again."""
        end = state.end
        assert end is not None, "only an ended run is settled"
        now = self._clock.now()
        held = self._store.standings([standing.key]).get(standing.key, standing)
        earlier = self._earlier(held)
        again = next_call(Planning(rules=self._job.campaign.redial), earlier, dials_wall=(), now_wall=now.wall)
        due_wall = again.at_wall if isinstance(again, CallAt) else None
        self._store.put(
            [
                replace(
                    held,
                    state=ContactState.DONE if due_wall is None else ContactState.AGAIN,
                    due_wall=due_wall,
                    disposition=end.disposition.value,
                    result=end.result,
                    reason=None if end.fault is None else end.fault.message,
                    call_id=state.call_id,
                    started_wall=state.begun.at.wall,
                    ended_wall=end.at.wall,
                )
            ]
        )
        if due_wall is None and self._job.fallback is not None and tally_of(end.disposition) is Tally.NOT_REACHED:
            self._send_instead(held, state)

    def _send_instead(self, standing: Standing, state: RunState) -> None:
        """Send the text message to a contact who was not reached: a run of its own, at most once in an occurrence."""
        fallback = self._job.fallback
        assert fallback is not None, "called only where there is one"
        begun = state.begun
        key = occurrence_key(campaign=standing.campaign, contact=standing.key, occurrence="fallback_sms")
        claim = ContactClaim(
            key=key, campaign=f"{standing.campaign} (sms)", occurrence=standing.occurrence, row_digest=key
        )
        prepared = Prepared(
            to=begun.to, from_=begun.from_, variables=begun.variables, secrets=begun.secrets, settings=state.settings
        )
        try:
            result = self._runner.run(fallback, prepared, contact=claim, observer=self._observer)
        except (AlreadyCalledError, NumberBlockedError) as error:
            self._trouble(f"no text message was sent to {begun.to}: {error}")
            return
        if result.state.end is not None and result.state.end.disposition is not Disposition.COMPLETED:
            self._trouble(f"the text message to {begun.to} failed: {_words(result.state.end.fault)}")

    def _put_aside(self, standing: Standing, state: ContactState, error: OrchestratorError) -> None:
        with self._guard:
            if state is ContactState.REFUSED:
                self._report.refused += 1
            else:
                self._report.waiting += 1
            self._report.called -= 1
        self._store.put([replace(standing, state=state, reason=str(error))])

    def _trouble(self, text: str) -> None:
        with self._guard:
            self._report.troubles.append(text)

    # --- pace and orders ----------------------------------------------------------------------------------------------

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._wait_until_fewer_than(self._job.campaign.concurrency)
        assert self._pool is not None, "calls are made within a tick"
        call = self._pool.submit(work, *arguments)
        self._live.add(call)
        call.add_done_callback(lambda _: self._free.set())

    def _wait_for_a_place(self) -> None:
        """Wait until one more call may begin: by the number of calls at a time, and by their rate."""
        campaign = self._job.campaign
        running_s = self._clock.now().since(self._began)
        places = campaign.concurrency
        if campaign.ramp_up_s > 0 and running_s < campaign.ramp_up_s:
            places = max(1, int(campaign.concurrency * running_s / campaign.ramp_up_s))
        self._wait_until_fewer_than(places)
        if campaign.rate_per_s is None:
            return
        while self._next_start.since(self._clock.now()) > 0 and not self._must_stop():
            self._nap(self._next_start)
        late_s = max(self._clock.now().since(self._next_start), 0.0)
        self._next_start = self._next_start.plus(late_s + 1 / campaign.rate_per_s)

    def _wait_until_fewer_than(self, places: int) -> None:
        while self._collect() >= places and not self._must_stop():
            self._nap(self._clock.now().plus(PULSE_S))

    def _nap(self, until: Instant) -> None:
        soonest = self._clock.now().plus(PULSE_S)
        self._clock.wait(until if until.since(soonest) < 0 else soonest, self._free)
        self._free.clear()
        self._pulse()

    def _pulse(self) -> None:
        """Keep the campaign's lease, and hear what a person or a signal says."""
        now = self._clock.now()
        if now.since(self._kept) < PULSE_S:
            return
        assert self._lease is not None, "a tick has the campaign's lease"
        if not self._store.keep_campaign(self._lease, lease_s=self._lease_s):
            self._report.stopped = "another process has taken the campaign over"
        self._kept = now
        orders = self._store.orders_of(self._job.campaign.name)
        if orders.stopped:
            self._report.stopped = "the campaign was stopped"
        elif orders.paused:
            self._report.stopped = "the campaign is paused"

    def _must_stop(self) -> bool:
        self._pulse()
        if self._control.told.is_set():
            self._report.stopped = self._report.stopped or "a signal ended it"
        return self._report.stopped is not None

    def _drain(self) -> None:
        """Wait for the calls that are live."""
        while self._collect():
            self._nap(self._clock.now().plus(PULSE_S))

    def _collect(self) -> int:
        """Let go of the calls that are done, and return how many are live. An error of a call is one of the tick."""
        for call in [call for call in self._live if call.done()]:
            self._live.discard(call)
            call.result()
        return len(self._live)

    def _key(self, contact: Contact) -> str:
        campaign, occurrence = self._job.campaign.name, self._job.occurrence.name
        return occurrence_key(campaign=campaign, contact=contact.key, occurrence=occurrence)


def _chunks(contacts: Iterable[Contact]) -> Iterator[list[Contact]]:
    rows = iter(contacts)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _past(state: RunState) -> PastRun:
    assert state.end is not None, "only ended runs are past"
    return PastRun(disposition=state.end.disposition, ended_wall=state.end.at.wall, labels=frozenset(state.visits))


def _words(fault: Fault | None) -> str:
    return "unknown" if fault is None else fault.message
