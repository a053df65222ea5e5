"""Runs a scenario: the real runner, driver and core against the sandbox's call model, in virtual time.

Processes die as the scenario says, and new ones resume from the journal, until the run has ended or waits for a person.
What it leaves behind is what `checks` judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import partial
from typing import Any

from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
from orchestrator.adapters.events.reading import read_event
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.exchange import Request
from orchestrator.core.instant import Instant
from orchestrator.core.origin import Origin
from orchestrator.core.records import CancelAsked, Intended, Record, RunMarks, RunStarted
from orchestrator.core.script import Entry
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.ports import ContactClaim, Lease
from orchestrator.runtime.control import Control
from orchestrator.runtime.mail import Postbox
from orchestrator.runtime.runner import Prepared, Runner, RunResult
from orchestrator.sandbox.callees import Callees
from orchestrator.sandbox.events import Event
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from tests.conformance.memory_journal import MemoryJournal, MemoryStore
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import CLEAN, FakeTransport, Sent, Treatment
from tests.fakes.virtual_time import EPOCH, KilledError, Process, VirtualTime
from tests.property.scenarios import FROM, TO, Crash, Fate, Scenario

RUN_ID = "run-1"
MOST_LIVES = 12
NO_INTENT = -1


@dataclass(slots=True)
class Simulated:
    """What a simulation left behind.

    Attributes:
        records: The run's records, as they stand in the journal.
        written_s: When each of them reached the disk.
        batches: The records by transaction.
        sent: Every request that left, with the index of the intent it belongs to as its note.
        lives: Processes that drove the run.
        ends: What each life came to.
    """

    scenario: Scenario
    settings: Settings
    server: CallServer
    time: VirtualTime
    store: MemoryStore
    sent: list[Sent] = field(default_factory=list)
    lives: int = 0
    results: list[RunResult] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    written_s: list[float] = field(default_factory=list)
    batches: list[list[Record]] = field(default_factory=list)

    @property
    def state(self) -> RunState:
        """The run as its records tell."""
        return fold(self.records)


class _DyingJournal(MemoryJournal):
    """A memory journal whose process may die at an append, and which knows what is on disk."""

    def __init__(self, world: World, process: Process, crash: Crash | None) -> None:
        super().__init__(now=world.time.now, store=world.simulated.store, process=process.name)
        self._world = world
        self._dying = process
        self._crash = crash

    def start_run(self, started: RunStarted, *, lease_s: float, contact: ContactClaim | None = None) -> Lease:
        """Create the run, or die."""
        assert contact is None, "simulations have no batches"
        with self._deadly():
            lease = super().start_run(started, lease_s=lease_s)
            self._world.on_disk([started])
        return lease

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append, or die."""
        with self._deadly():
            super().append(lease, records, marks)
            self._world.on_disk(records)

    def _deadly(self) -> _Deadly:
        return _Deadly(self)

    def dies_now(self, *, takes_effect: bool) -> bool:
        """Whether this append is the last thing of the process, before or after it is on disk."""
        crash = self._crash
        if crash is None or crash.append is None or self._dying.killed:
            return False
        return crash.append == self._world.appends and crash.takes_effect is takes_effect

    def die(self) -> None:
        """End the process."""
        self._world.kill(self._dying)
        raise KilledError(self._dying.name)

    def count(self) -> None:
        """Count an append."""
        self._world.appends += 1


class _Deadly:
    """Around an append: dies before it or after it."""

    def __init__(self, journal: _DyingJournal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        if self._journal.dies_now(takes_effect=False):
            self._journal.die()

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is None and self._journal.dies_now(takes_effect=True):
            self._journal.die()
        self._journal.count()


class World:
    """One simulation while it runs."""

    def __init__(self, scenario: Scenario, *, settings: Settings | None = None) -> None:
        self.scenario = scenario
        self.time = VirtualTime(drowsy_s=scenario.drowsy_s)
        model = CallServer(
            ids=counted_ids(),
            callees=Callees({TO: [scenario.callee]}),
            timing=Timing(words_per_minute=scenario.words_per_minute),
            capabilities=scenario.capabilities,  # type: ignore[arg-type]
        )
        self.server = ModelServer(model, self.time, skew_s=scenario.skew_s)
        kept_s = 300.0 if "idempotency_key" in scenario.capabilities else None
        self.settings = settings or Settings(
            limit_s=scenario.limit_s,
            idempotent_for_s=kept_s,
            shows_results="command_log" in scenario.capabilities,
            hears_events=scenario.fates is not None,
        )
        self.simulated = Simulated(scenario, self.settings, model, self.time, MemoryStore())
        self.dialect = CallApi(Capabilities(**dict.fromkeys(scenario.capabilities, True)))
        self.appends = 0
        self.run_id = RUN_ID
        self.clean = False
        self.origin: Origin | None = None
        self._treatments = iter(scenario.treatments)
        self._fates = iter(scenario.fates or ())
        if scenario.fates is not None:
            model.events.listeners.append(self._event_arose)

    def run(self) -> Simulated:
        """Run it from its start to its end."""
        try:
            with self.time.running():
                for _ in self._lives():
                    pass
        except Exception as error:
            error.add_note(story(self.simulated))
            raise
        return self.simulated

    def on_disk(self, records: Sequence[Record]) -> None:
        """Remember what is on disk, and since when."""
        self.simulated.batches.append(list(records))
        self.simulated.records += records
        self.simulated.written_s += [self.time.seconds] * len(records)

    def kill(self, process: Process) -> None:
        """End a process without a word."""
        self.time.kill(process)
        self.simulated.store.kill(process.name)

    def runner(self, crash: Crash | None = None) -> Runner:
        """Return the runner of a new process, which dies as `crash` says."""
        process = self.time.begin_process(f"process {self.simulated.lives}")
        self.simulated.lives += 1
        self.appends = 0
        if crash is not None and crash.append is None:
            self.time.at(self.time.seconds + crash.after_s, lambda: self.kill(process))
        self.journal = _DyingJournal(self, process, crash)
        self.control = Control(self.time)
        self.transport = FakeTransport(
            self.server, self.time, network=self.network, dialect=self.dialect, watch=self.watch
        )
        return Runner(
            journal=self.journal,
            transport=self.transport,
            clock=self.time,
            control=self.control,
            new_id=lambda: self.run_id,
            draw=lambda: 0.5,
            lease_s=30.0,
            origin=self.origin,
        )

    def _lives(self) -> Iterator[None]:
        crashes = iter(self.scenario.crashes)
        for life in range(MOST_LIVES):
            self.clean = life >= MOST_LIVES // 2
            crash = next(crashes, None)
            if not self.live(crash):
                return
            self.time.sleep(1.0 if crash is None else crash.gap_s)
            yield

    def live(self, crash: Crash | None) -> bool:
        """Live one life; return whether another is needed."""
        runner = self.runner(crash)
        process = self.time.process
        try:
            result = self.drive(runner)
            runner.close()
        except BaseException:
            if not process.killed:
                raise
            return True
        finally:
            self.time.begin_process("between two lives")
        self.simulated.results.append(result)
        return result.state.end is None and result.state.phase is not Phase.UNDECIDED

    def drive(self, runner: Runner) -> RunResult:
        """Begin the run, or resume it."""
        if self.run_id in self.simulated.store.runs:
            return runner.resume(self.run_id, self.scenario.script, secrets={}, settings=self.settings_now())
        prepared = Prepared(to=TO, from_=FROM, variables={}, secrets={}, settings=self.settings_now())
        return runner.run(self.scenario.script, prepared)

    def settings_now(self) -> Settings:
        """Return the settings of the process that lives now, which may have a mode of its own."""
        modes = self.scenario.modes
        if not modes:
            return self.settings
        return replace(self.settings, mode=modes[min(self.simulated.lives, len(modes)) - 1])

    def _event_arose(self, event: Event) -> None:
        """Deliver an event as often and as late as its fate will have it, by way of the inbox."""
        fate = next(self._fates, Fate())
        for delay_s in fate.delays:
            self.time.at(self.time.seconds + delay_s, partial(self._receive, event.body))
        if fate.lie_after_s is not None:
            call = {**event.body["response"]["call"], "status": "hangup"}
            self.time.at(self.time.seconds + fate.lie_after_s, partial(self._receive, {"response": {"call": call}}))

    def _receive(self, body: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        event = read_event(json.dumps(body).encode(), headers, source="main", at=self.time.now())
        receiver = MemoryJournal(now=self.time.now, store=self.simulated.store, process="receiver")
        Postbox(receiver).take(event)

    def reap(self) -> bool:
        """Let a new process reap; return whether it found anything to do."""
        runner = self.runner()
        reaped = runner.reap()
        runner.close()
        return bool(reaped) and reaped[0].state.end is None and reaped[0].state.phase is not Phase.UNDECIDED

    def calls(self) -> list[dict[str, Any]]:
        """Return every call of the server, as the API shows it."""
        reply = self.simulated.server.list_calls(self.simulated.server.now).reply
        assert reply is not None
        calls: list[dict[str, Any]] = reply.body["response"]["data"]
        return calls

    def network(self, _request: Request) -> Treatment:
        """Return what happens to the next request."""
        return CLEAN if self.clean else next(self._treatments, CLEAN)

    def watch(self, sent: Sent) -> None:
        """Write down which intent on disk a request belongs to."""
        if sent.request.operation in (Kind.LOOK, Kind.LIST):
            return
        sent.note = self._intent_of(sent)
        self.simulated.sent.append(sent)

    def _intent_of(self, sent: Sent) -> int:
        records = self.simulated.records
        for index in range(len(records) - 1, -1, -1):
            record = records[index]
            if isinstance(record, Intended):
                same = (record.operation, record.call_id) == (sent.request.operation, sent.request.call_id)
                names = tuple(next(iter(command)) for command in sent.request.commands)
                if same and (record.commands == names or not names):
                    return index
                return NO_INTENT if sent.request.operation is not Kind.END else self._ended_without_one(index)
        return NO_INTENT

    def _ended_without_one(self, since: int) -> int:
        records = self.simulated.records
        return next(
            (at for at in range(len(records) - 1, since, -1) if isinstance(records[at], CancelAsked)), NO_INTENT
        )


def simulate(scenario: Scenario, *, settings: Settings | None = None) -> Simulated:
    """Run a scenario from its start to its end."""
    return World(scenario, settings=settings).run()


def story(simulated: Simulated) -> str:
    """Return a simulation as a person would want to read it: script, weather, records and transcript in order."""
    scenario = simulated.scenario
    lines = [f"callee {scenario.callee}", f"limit {scenario.limit_s} skew {scenario.skew_s} {scenario.capabilities}"]
    lines += [f"crash {crash}" for crash in scenario.crashes]
    lines += [f"{at}: {entry.label or ''} {_options(entry)}" for at, entry in enumerate(scenario.script.entries)]
    told = [
        (at, f"  journal  {_short(record)}") for at, record in zip(simulated.written_s, simulated.records, strict=True)
    ]
    told += [(sent.at_s, f"  sent     {sent.request.operation} {_short(sent.treatment)}") for sent in simulated.sent]
    for entry in simulated.server.transcript.entries:
        if entry["event"] != "request" or entry["method"] != "GET":
            fields = {key: value for key, value in entry.items() if key not in ("seq", "at", "body", "call", "start")}
            at = entry["at"] - EPOCH - scenario.skew_s
            told.append((at, f"  server   {fields}"))
    lines += [f"{at:8.2f}{text}" for at, text in sorted(told, key=lambda one: one[0])]
    return "\n".join(lines)


def _short(thing: object) -> str:
    """Return a dataclass with those of its fields that say something."""
    shown = []
    for one in fields(thing):  # type: ignore[arg-type]
        value = getattr(thing, one.name)
        plain = one.default if one.default is not MISSING else None
        if value not in (plain, (), {}, None) and one.name not in ("at", "digests", "settings", "began"):
            text = f"{value.boot_s:.2f}" if isinstance(value, Instant) else str(value)
            shown.append(f"{one.name}={text[:160]}")
    return f"{type(thing).__name__}({', '.join(shown)})"


def _options(entry: Entry) -> str:
    return f"{_short(entry.element)} save={entry.save} {_short(entry.on_failure)} {entry.if_unknown} {entry.sensitive}"
