"""Explores every crash point and every lost reply of a script, by driving the real machine against a pretend server.

Pure: no I/O, no clock, no chance. Each request meets each mishap once, each question gets each answer that matters, and
the process dies at each write; `evolve` and `decide` then do what they would do in a call. What a callee could hear
twice, and what a person would be asked, is written down as findings. `verification` says what would change them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core.actions import Action, Finish, Note, Orders, Reconcile, Rest, Send, Wait
from orchestrator.core.commands import name
from orchestrator.core.decide import decide
from orchestrator.core.evolve import evolve, fold
from orchestrator.core.exchange import CallSeen, CommandResult, Outcome, Reply
from orchestrator.core.findings import Exploration, Finding, Kind
from orchestrator.core.instant import Instant
from orchestrator.core.mishaps import (
    KILLED,
    TOO_LATE_S,
    Mishap,
    extremes_s,
    keys_to_try,
    lasting_s,
    mishaps_of,
    resumed_after_s,
)
from orchestrator.core.pretend import Course, PretendServer, server_of, server_wall
from orchestrator.core.reconcile import list_is_complete, matches_of
from orchestrator.core.records import (
    Branched,
    BranchKind,
    Concluded,
    EndDecided,
    EventReceived,
    Intended,
    Looked,
    LookKind,
    Record,
    ReplayClass,
    Resumed,
    RunStarted,
    Settled,
    Then,
    Verdict,
)
from orchestrator.core.script import Control, Script
from orchestrator.core.state import Phase, RunState, clock_seen
from orchestrator.core.taken import apart, concluded, skew_of, without_digits

MOST_REQUESTS = 20_000
"""So many requests are pretended at most before the exploration is given up as too large."""
_MOST_ACTIONS = 2_000
_SOON_S = 0.5
_LOOK_S = 0.1
_NO_ANSWER_S = 1.0
_ORDERS = Orders()


def explore(script: Script, started: RunStarted, *, faults: int = 1, most_requests: int = MOST_REQUESTS) -> Exploration:
    """Follow a script through every course of events with so many mishaps.

    Args:
        script: The script.
        started: Of the pretended run: its callee, its variables and its settings, which say how it is driven.
        faults: How many mishaps befall one call at most.
        most_requests: The bound; `Exploration.bound_reached` says whether it was met.
    """
    return _Explorer(script, started, faults=faults, most_requests=most_requests).explore()


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """One moment of one course of events.

    Attributes:
        state: What the process knows.
        written: The records on disk.
        unwritten: Those that would be lost with the process.
        server: What the server did.
        now: The moment.
        out_until: The API is out of reach until then.
        faults_left: Mishaps that may still happen.
        because: Those that have.
        actions: How many there were.
        lasted_s: The step just done took its shortest or its longest time, which matters only to whoever resumes the
            run without knowing that it is done; None where it took the middle.
    """

    state: RunState
    written: tuple[Record, ...]
    unwritten: tuple[Record, ...]
    server: PretendServer
    now: Instant
    out_until: Instant | None = None
    faults_left: int
    because: tuple[tuple[int, Mishap], ...] = ()
    actions: int = 0
    lasted_s: float | None = None

    def took(self, record: Record) -> _World:
        return replace(self, state=evolve(self.state, record), unwritten=(*self.unwritten, record))

    def wrote(self) -> _World:
        return replace(self, written=(*self.written, *self.unwritten), unwritten=())

    def at(self, moment: Instant) -> _World:
        return replace(self, now=moment) if moment.since(self.now) > 0 else self

    @property
    def is_out(self) -> bool:
        return self.out_until is not None and self.now.since(self.out_until) < 0

    @property
    def is_late(self) -> bool:
        """Whether a resume finds a callee who has waited for longer than `max_silence`."""
        quiet, longest_s = self.state.quiet_since, self.state.settings.max_silence_s
        return self.state.check_stale and quiet is not None and self.now.since(quiet) > longest_s


class _Explorer:
    def __init__(self, script: Script, started: RunStarted, *, faults: int, most_requests: int) -> None:
        self._script = script
        self._started = started
        self._faults = faults
        self._most_requests = most_requests
        self._found = Exploration()
        self._seen: set[tuple[Any, ...]] = set()
        self._own_ends: set[str] = set()

    def explore(self) -> Exploration:
        started = self._started
        first = _World(
            state=fold([started]),
            written=(started,),
            unwritten=(),
            server=server_of(started),
            now=started.at,
            faults_left=self._faults,
        )
        open_worlds = [first]
        while open_worlds:
            world = open_worlds.pop()
            followers = self._followers(world)
            self._found.courses += not followers
            open_worlds += followers
        self._leave_out_what_says_nothing()
        return self._found

    def _leave_out_what_says_nothing(self) -> None:
        """Drop the ends that the script comes to without any mishap, and the rests before an end that is told."""
        findings = self._found.findings
        for entry, kind, code in list(findings):
            is_own = kind is Kind.ENDED and code in self._own_ends
            is_told = kind is Kind.RESTS and (entry, Kind.ENDED, code) in findings
            if is_own or is_told:
                del findings[(entry, kind, code)]

    def _followers(self, world: _World) -> list[_World]:
        """Return every world that may come next; none where a course ends or joins another."""
        if self._found.requests >= self._most_requests or world.actions >= _MOST_ACTIONS:
            self._found.bound_reached = True
            return []
        if self._was_here(world):
            return []
        world = replace(world, actions=world.actions + 1)
        action = decide(world.state, self._script, world.now, orders=_ORDERS, jitter=0.5)
        return list(self._carry_out(world, action))

    def _carry_out(self, world: _World, action: Action) -> Iterator[_World]:
        match action:
            case Note(record):
                yield self._take(world, record)
            case Wait(until, record):
                waiting = (world if record is None else world.took(record)).wrote()
                yield self._waited(waiting, until)
            case Reconcile(kind):
                yield self._looked(world, kind)
            case Send():
                yield from self._send(world, action)
            case Finish():
                return
            case Rest(fault):
                if world.state.phase is not Phase.UNDECIDED and world.state.end is None:
                    self._find(world, Kind.RESTS, code="" if fault is None else fault.code)
                    later = world if world.out_until is None else world.at(world.out_until)
                    yield self._resumed(world.wrote(), later.now.plus(1.0))

    def _was_here(self, world: _World) -> bool:
        """Say whether another course came by here: from here on it goes as that one did, whatever time it is."""
        state = world.state
        if state.phase is not Phase.READY or state.ending is not None or world.server.is_busy(world.now):
            return False
        here = (
            (state.cursor, state.call_id, state.call_over, state.jumped, state.must_look, state.check_stale),
            tuple(sorted((name, str(value)) for name, value in state.variables.items())),
            tuple(sorted(state.visits.items())),
            tuple(sorted(state.retries.items())),
            (state.lost, state.doubt, state.log_length is None, state.watch_until is None, state.events_missed),
            (world.faults_left, world.is_out, bool(world.unwritten), world.server.is_over(world.now), world.is_late),
            world.lasted_s,
        )
        if here in self._seen:
            return True
        self._seen.add(here)
        return False

    # --- requests -----------------------------------------------------------------------------------------------------

    def _send(self, world: _World, action: Send) -> Iterator[_World]:
        intent = action.intent
        if world.lasted_s is not None:
            if Mishap.KILLED_BEFORE in mishaps_of(intent):
                yield from self._befallen(world, action, Mishap.KILLED_BEFORE, keys=None)
            return
        self._found.requests += 1
        if world.is_out:
            sent = world.took(intent).wrote().at(world.now.plus(_NO_ANSWER_S))
            yield sent.took(concluded(Reply(outcome=Outcome.NOT_SENT, reason="out of reach", ended=sent.now), intent))
            return
        tried = keys_to_try(self._script, intent)
        if world.faults_left:
            for mishap in mishaps_of(intent):
                yield from self._befallen(world, action, mishap, keys=tried[0])
            for lasts_s in extremes_s(intent):
                yield replace(self._done(world, action, keys=tried[0], lasts_s=lasts_s), lasted_s=lasts_s)
        for keys in tried:
            yield self._done(world, action, keys=keys, lasts_s=lasting_s(intent, None))

    def _done(self, world: _World, action: Send, *, keys: str | None, lasts_s: float) -> _World:
        """Return the world in which nothing befalls this request."""
        server, reply = self._received(world, action, Course(lasts_s=lasts_s, keys=keys))
        told = world.took(action.intent).wrote().took(concluded(reply, action.intent))
        return replace(told.at(reply.ended), server=server)

    def _received(self, world: _World, action: Send, course: Course) -> tuple[PretendServer, Reply]:
        """Let the server have a request; note what it does a second time."""
        server, reply = world.server.receive(action.request, world.now, course)
        reference = action.request.reference or ""
        if server.ran.get(reference, 0) > max(world.server.ran.get(reference, 0), 1):
            self._find_twice(world, action.intent)
        return server, reply

    def _befallen(self, world: _World, action: Send, mishap: Mishap, *, keys: str | None) -> Iterator[_World]:
        """Yield the world in which a mishap befalls this request."""
        intent = action.intent
        struck = replace(
            world,
            faults_left=world.faults_left - 1,
            because=(*world.because, (self._place(intent), mishap)),
        )
        if mishap in (Mishap.KILLED_BEFORE, Mishap.RESUMED_LATE, Mishap.GONE_MEANWHILE):
            yield self._killed_before(struck, mishap)
            return
        struck = struck.took(intent).wrote()
        lasts_s = lasting_s(intent, mishap)
        if mishap not in (Mishap.NOT_RECEIVED, Mishap.KILLED_INTENT):
            hangs_up = mishap in (Mishap.HUNG_UP, Mishap.KILLED_HUNG_UP)
            server, _ = self._received(struck, action, Course(lasts_s=lasts_s, keys=keys, hangs_up=hangs_up))
            struck = replace(struck, server=server)
        soon = struck.now.plus(min(lasts_s / 3, _SOON_S))
        if mishap in KILLED:
            gap_s = resumed_after_s(mishap, lasts_s, max_silence_s=struck.state.settings.max_silence_s)
            yield self._resumed(struck, soon.plus(gap_s))
            return
        is_short = intent.asynchronous or mishap in (Mishap.NOT_RECEIVED, Mishap.CUT)
        cut_at = soon if is_short else struck.now.plus(lasts_s)
        if mishap is Mishap.OUT_OF_REACH:
            struck = replace(struck, out_until=cut_at.plus(struck.state.settings.max_silence_s + 20.0))
        elif action.look_after_s is not None and mishap in (Mishap.REPLY_LOST, Mishap.HUNG_UP):
            struck = self._looked(struck.at(struck.now.plus(action.look_after_s)), LookKind.OPEN).wrote()
        lost = Reply(outcome=Outcome.UNKNOWN, reason="the connection was cut", ended=cut_at, first_byte=intent.at)
        yield struck.took(concluded(lost, intent)).at(cut_at)

    def _killed_before(self, world: _World, mishap: Mishap) -> _World:
        """The process dies before its next write: what it had not written is forgotten, nothing was sent."""
        gap_s = 1.0
        if mishap is Mishap.RESUMED_LATE:
            gap_s = world.state.settings.max_silence_s + TOO_LATE_S
        if mishap is Mishap.GONE_MEANWHILE:
            world = replace(world, server=world.server.hung_up(world.now))
        return self._resumed(replace(world, unwritten=()), world.now.plus(gap_s))

    def _resumed(self, world: _World, at: Instant) -> _World:
        """Another process takes over what is on disk, where secret digits never were."""
        started = self._started
        on_disk = [_as_on_disk(record) for record in world.written]
        again = Resumed(at=at, settings=started.settings, secrets=started.secrets)
        behind = replace(world, state=fold(on_disk), written=tuple(on_disk), unwritten=(), now=at, lasted_s=None)
        return behind.took(again).wrote()

    # --- looks and waits ----------------------------------------------------------------------------------------------

    def _looked(self, world: _World, kind: LookKind) -> _World:
        began = world.now
        if world.is_out:
            at = began.plus(_NO_ANSWER_S)
            return self._take(world.at(at), Looked(at=at, began=began, kind=kind, ok=False, reason="out of reach"))
        at = began.plus(_LOOK_S)
        call = world.server.seen(began)
        if kind is LookKind.LIST:
            return self._take(world.at(at), self._listed(world, began=began, at=at, call=call))
        looked = Looked(
            at=at,
            began=began,
            kind=kind,
            ok=True,
            reason="200" if call is not None else "404",
            gone=call is None,
            call=call,
            results=_log_of(world),
            clock_skew_s=0.0,
        )
        return self._take(world.at(at), looked)

    def _listed(self, world: _World, *, began: Instant, at: Instant, call: CallSeen | None) -> Looked:
        calls = () if call is None else (call,)
        skew_s = skew_of(Reply(outcome=Outcome.DONE, reason="", ended=at, server_wall=server_wall(at)))
        assert skew_s is not None, "the reply has a date"
        state = world.state.changed(clock_seen(skew_s, at))
        return Looked(
            at=at,
            began=began,
            kind=LookKind.LIST,
            ok=True,
            reason="200",
            matches=matches_of(calls, state, at, owned_by_others=()),
            complete=list_is_complete(calls, state, began),
            clock_skew_s=skew_s,
        )

    def _waited(self, world: _World, until: Instant) -> _World:
        """Wait; the event of a list that ends meanwhile comes then, where events are heard."""
        ends, behind = world.server.busy_until, world.state.log_length
        awaits = world.state.phase is Phase.AWAITING and world.state.settings.hears_events
        if awaits and ends is not None and until.since(ends) >= 0 and ends.since(world.now) > 0:
            call = world.server.seen(ends)
            assert call is not None, "a list runs on a call"
            results = None if behind is None else world.server.log[behind:]
            return self._take(world.at(ends), EventReceived(at=ends, call=call, results=results))
        return world.at(until)

    # --- findings -----------------------------------------------------------------------------------------------------

    def _take(self, world: _World, record: Record) -> _World:
        """Take a record, and note what it means for the callee or for a person."""
        pending = world.state.pending
        if isinstance(record, Settled) and pending is not None:
            self._find_settled(world, record, pending.intent)
        elif isinstance(record, EndDecided) and record.fault is not None:
            if not world.because:
                self._own_ends.add(record.fault.code)
            self._find(world, Kind.ENDED, code=record.fault.code, details=record.fault.message)
        elif isinstance(record, Branched) and record.kind is BranchKind.STALE:
            self._find(world, Kind.STALE, details=record.reason)
        elif isinstance(record, Branched) and record.kind is BranchKind.LOST_DIGITS:
            self._find(world, Kind.ASKED_AGAIN, entry=record.target.entry, code="lost_digits", details=record.reason)
        return world.took(record)

    def _find_settled(self, world: _World, record: Settled, intent: Intended) -> None:
        entry = self._place(intent)
        reference = f"{world.state.run_id}.{len(world.state.steps)}"
        if record.then is Then.STOP:
            self._find(world, Kind.UNDECIDED, entry=entry, details=record.evidence)
        elif record.then is Then.SKIP and not world.server.ran.get(reference):
            self._find(world, Kind.LEFT_OUT, entry=entry, details=record.evidence)
        elif record.verdict in (Verdict.UNDECIDABLE, Verdict.PARTLY):
            is_open = record.then in (Then.SKIP, Then.GO_ON) and record.next_cursor is None
            if is_open and intent.replay_class is ReplayClass.DANGEROUS:
                self._find(world, Kind.NEVER_KNOWN, entry=entry, details=record.evidence)

    def _place(self, intent: Intended) -> int:
        """Return the command that an intent is about; for the end of the call the last one before it."""
        entries = self._script.entries
        place = min(intent.start.entry, len(entries) - 1)
        while isinstance(entries[place].element, Control):
            place -= 1
        return place

    def _find_twice(self, world: _World, intent: Intended) -> None:
        for entry, command in zip(intent.command_entries, intent.commands, strict=True):
            if command in _FELT and entry >= 0:
                kind = Kind.ASKED_AGAIN if command == "get_dtmf" else Kind.TWICE
                self._find(world, kind, entry=entry)

    def _find(self, world: _World, kind: Kind, *, entry: int | None = None, code: str = "", details: str = "") -> None:
        """Note a finding; ends without any mishap are the script's own business."""
        if not world.because:
            return
        if entry is None:
            entry = world.because[-1][0]  # where the call stood when it went wrong
        key, cause = (entry, kind, code), world.because[-1]
        known = self._found.findings.get(key)
        if known is None:
            command = name(self._script.entries[entry].element)
            self._found.findings[key] = Finding(kind, entry, command, code, (cause,), details)
        elif cause not in known.because:
            self._found.findings[key] = replace(known, because=(*known.because, cause))


_FELT = frozenset({"dial", "say", "play", "get_dtmf", "send_dtmf", "sms"})
"""What a person notices when it is done twice."""


def _log_of(world: _World) -> tuple[CommandResult, ...] | None:
    """Return what a command log shows, where the server has one: as the driver takes it, without secret digits."""
    pending, behind = world.state.pending, world.state.log_length
    if not world.state.settings.shows_results or world.server.is_busy(world.now) or pending is None or behind is None:
        return None
    log = world.server.log
    mine, _ = apart(log[behind:], pending.intent)
    return (*map(without_digits, log[:behind]), *mine)


def _as_on_disk(record: Record) -> Record:
    """Return a record as a journal gives it back: without what lives in memory only."""
    if isinstance(record, _WITH_SECRETS) and record.secrets:
        return replace(record, secrets={})
    return record


_WITH_SECRETS = (RunStarted, Concluded, Looked, Settled, Resumed)
