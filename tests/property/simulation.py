"""Runs a scenario: the real runner, driver and core against the sandbox's call model, in virtual time.

Processes die as the scenario says, and new ones resume from the journal, until the run has ended or waits for a person.
What it leaves behind is what `checks` judges.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
from orchestrator.adapters.events.reading import read_event
from orchestrator.core.budget import Demand
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import CallSeen, Request
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.origin import Origin
from orchestrator.core.records import CancelAsked, Intended, Record, RunStarted, Then
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import CallTakenError, LeaseHeldError, LeaseLostError
from orchestrator.ports import RequestBudget
from orchestrator.runtime.control import Control
from orchestrator.runtime.mail import Postbox
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.runtime.shared import RunResult
from orchestrator.sandbox.callees import Callees
from orchestrator.sandbox.events import Event
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from tests.conformance.memory_journal import MemoryJournal, MemoryStore
from tests.fakes.library_errors import Unsent
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import CLEAN, FakeTransport, Sent, Treatment
from tests.fakes.virtual_time import Process, VirtualTime
from tests.property.doorbell import Doorbell, Taker
from tests.property.dying import DyingJournal, NotedBudget
from tests.property.scenarios import FROM, TO, Crash, Fate, Scenario, Stop, Theft
from tests.property.story import story

RUN_ID = "run-1"
MOST_LIVES = 12
NO_INTENT = -1
UNWRITABLE = -2
"""A call is ended without an intent where none can be written."""
LEASE_S = 30.0
ACCOUNT = "account"
"""Whose request limits they are."""
MOST_VERDICTS = 5
REPLIES_KEPT_S = 90.0
"""So long a server with idempotency keys gives a repeat the first reply; less than a process may be away."""
_TRUTH_IS_OUT_S = 300.0
"""By then nothing is on its way any more."""


@dataclass(slots=True)
class Simulated:
    """What a simulation left behind.

    Attributes:
        records: The run's records, as they stand in the journal.
        written_s: When each of them reached the disk.
        batches: The records by transaction.
        sent: Every request that left but looks, with the index of the intent it belongs to as its note.
        looks: The looks that left.
        unsent: What was to be sent and did not leave: the index of its intent, and what kept it.
        happened: What became of processes and clocks, and when.
        deaths: When processes were killed, and how many records were on disk.
        disk_full: When a process could write no more, and how many records were on disk.
        told_to_stop_s: When the first process was told to stop, if it was.
        stopped_s: When it was done then.
        robbed: Processes that found that they had lost their lease.
        fates: What became of the events that arose.
        fenced: Requests that left a process that had lost its lease.
        lives: Processes that drove the run.
        results: What each life came to that came to something.
        others: When requests of other runs of the account left.
        run_id: The run that was begun.
        begun: Every run that was begun: two where two took one call.
        refused: Processes that were too late to take a call: another one has it.
        rings: The looks by which processes saw whether an announced call rings, with what they took it for as a note.
        asked: Places within the account's limits: when each was asked for, its moment, and for what.
    """

    scenario: Scenario
    settings: Settings
    server: CallServer
    time: VirtualTime
    store: MemoryStore
    sent: list[Sent] = field(default_factory=list)
    looks: list[Sent] = field(default_factory=list)
    unsent: list[tuple[int, Unsent]] = field(default_factory=list)
    happened: list[tuple[float, str]] = field(default_factory=list)
    deaths: list[tuple[float, int]] = field(default_factory=list)
    disk_full: list[tuple[float, int]] = field(default_factory=list)
    told_to_stop_s: float | None = None
    stopped_s: float | None = None
    robbed: int = 0
    fates: list[Fate] = field(default_factory=list)
    fenced: list[Sent] = field(default_factory=list)
    lives: int = 0
    results: list[RunResult] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    run_id: str = RUN_ID
    begun: list[str] = field(default_factory=list)
    refused: int = 0
    rings: list[Sent] = field(default_factory=list)
    asked: list[tuple[float, float, Kind]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    written_s: list[float] = field(default_factory=list)
    batches: list[list[Record]] = field(default_factory=list)

    @property
    def state(self) -> RunState:
        """The run as its records tell."""
        return fold(self.records)


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
            replies_kept=REPLIES_KEPT_S,
        )
        self.server = ModelServer(model, self.time, skew_s=scenario.skew_s)
        kept_s = REPLIES_KEPT_S if "idempotency_key" in scenario.capabilities else None
        self.settings = settings or Settings(
            limit_s=scenario.limit_s,
            idempotent_for_s=kept_s,
            shows_results="command_log" in scenario.capabilities,
            hears_events=scenario.fates is not None,
            api_limits=scenario.limits,
            **scenario.extra,  # type: ignore[arg-type]
        )
        self.simulated = Simulated(scenario, self.settings, model, self.time, MemoryStore())
        self.dialect = CallApi(Capabilities(**dict.fromkeys(scenario.capabilities, True)))
        self.run_id = RUN_ID
        self.clean = False
        self.origin: Origin | None = None
        self.doorbell = Doorbell(self.time)
        self._ids = count(1)
        self._treatments = iter(scenario.treatments)
        self._fates = iter(scenario.fates or ())
        self._draw = (lambda: 0.5) if scenario.jitter is None else random.Random(scenario.jitter).random
        if scenario.fates is not None or scenario.incoming is not None:
            model.events.listeners.append(self._event_arose)

    def run(self) -> Simulated:
        """Run it from its start to its end."""
        try:
            with self.time.running():
                self._arrange()
                if self.scenario.abandoned:
                    self._be_abandoned()
                else:
                    for _ in self._lives():
                        pass
                    self._be_resolved()
        except Exception as error:
            error.add_note(story(self.simulated))
            raise
        return self.simulated

    def _arrange(self) -> None:
        """Have happen what happens at moments of its own."""
        for jump in self.scenario.jumps:
            self.time.at(jump.at_s, partial(self._set_clock, jump.forward_s))
        if self.scenario.cancel_s is not None:
            self.time.at(self.scenario.cancel_s, self._cancel)
        for at_s in self.scenario.others:
            self.time.at(at_s, self._let_another_run_ask)
        if self.scenario.incoming is not None:
            self.time.at(self.scenario.incoming.rings_at_s, self._be_called)

    def _be_called(self) -> None:
        """Let somebody call us."""
        now = max(self.server.now(), self.simulated.server.now)
        self.simulated.server.incoming(now, from_=TO, to=FROM, caller=self.scenario.callee)

    def _let_another_run_ask(self) -> None:
        """Let a run that is not simulated take a place within the account's limits, and send its request then."""
        limits, now = self.scenario.limits, self.time.now()
        assert limits is not None, "only where there are limits does anybody ask"
        outsider = MemoryJournal(now=self.time.now, store=self.simulated.store, process="another run's")
        place = self.limits_as_seen_by(outsider).take(Demand(operation=Kind.COMMAND, limits=limits), run_id="another")
        self.simulated.others.append(now.plus(place.wall - now.wall).boot_s)

    def limits_as_seen_by(self, journal: MemoryJournal) -> RequestBudget:
        """Return the request limits of the account, as a process sees them."""
        return NotedBudget(journal.budget_of(ACCOUNT), self)

    def _set_clock(self, forward_s: float) -> None:
        self.tell(f"the clock is set {forward_s:+g} s")
        self.time.set_clock(forward_s)

    def _cancel(self) -> None:
        if self.run_id in self.simulated.store.runs and self.simulated.state.end is None:
            self.tell("a person asks for the end of the call")
            outsider = MemoryJournal(now=self.time.now, store=self.simulated.store, process="a person")
            outsider.put_inbox(self.run_id, CancelAsked(at=self.time.now(), why="a person asked for it"))

    def _be_abandoned(self) -> None:
        """Live one life, and have what is left of it reaped."""
        mishap = self.scenario.crashes[0]
        if self._is_offered_twice:
            self._live_beside(mishap)
        else:
            self.live(mishap)
        self.clean = True
        self.time.sleep(400.0)
        while self.reap():
            self.time.sleep(400.0)

    def _be_resolved(self) -> None:
        """Have a person who knows what happened give each verdict that the run waits for, and resume it each time."""
        for _ in range(MOST_VERDICTS):
            known = self.run_id in self.simulated.store.runs
            if not (self.scenario.resolved and known and self.simulated.state.phase is Phase.UNDECIDED):
                return
            self.clean = True
            self.time.sleep(_TRUTH_IS_OUT_S)
            self._resolve()
            while self.simulated.state.end is None and self.live(None):
                self.time.sleep(1.0)

    def _resolve(self) -> None:
        from tests.property.checks import attempts_of

        attempts = attempts_of(self.simulated)
        asked = [one for one in attempts if any(each.then is Then.STOP for each in one.settled)][-1]
        ran = any(one.executed for one in attempts if one.step == asked.step)
        rung, over = (self.simulated.server.transcript.find(event=event) for event in ("ringing", "hangup"))
        up = [entry["call"] for entry in rung if entry["call"] not in {entry["call"] for entry in over}]
        adopted = up[-1] if up and ran and asked.intent.operation is Kind.CREATE else None
        self.tell(f"a person says that it {'ran' if ran else 'did not run'}")
        runner = self.runner()
        runner.resolve(self.run_id, ran=ran, call_id=adopted, note=None)
        runner.close()
        self.time.begin_process("between two lives")

    def tell(self, text: str) -> None:
        """Write down what happened to a process or a clock."""
        self.simulated.happened.append((self.time.seconds, text))

    def begins(self, started: RunStarted) -> None:
        """Remember that a run was begun; it is the one that is simulated if it is the first."""
        self.simulated.begun.append(started.run_id)
        if len(self.simulated.begun) == 1:
            self.run_id = self.simulated.run_id = started.run_id
            self.on_disk([started])

    def on_disk(self, records: Sequence[Record]) -> None:
        """Remember what is on disk, and since when."""
        self.simulated.batches.append(list(records))
        self.simulated.records += records
        self.simulated.written_s += [self.time.seconds] * len(records)

    def kill(self, process: Process) -> None:
        """End a process without a word."""
        if not process.killed:
            self.tell(f"{process.name} is killed")
            self.simulated.deaths.append((self.time.seconds, len(self.simulated.records)))
        self.time.kill(process)
        self.simulated.store.kill(process.name)

    def runner(self, crash: Crash | None = None, theft: Theft | None = None) -> Runner:
        """Return the runner of a new process, to which happens what `crash` or `theft` says."""
        process = self.time.begin_process(f"process {self.simulated.lives}")
        self.simulated.lives += 1
        if crash is not None and crash.append is None:
            self.time.at(self.time.seconds + crash.after_s, lambda: self.kill(process))
        if theft is not None and theft.request is None:
            self.time.at(self.time.seconds + theft.after_s, lambda: self._stop(process, theft))
        self.serving = process.name
        self.journal = DyingJournal(self, process, crash)
        self.control = Control(self.time)
        if self.scenario.stop is not None and self.simulated.lives == 1:
            asked = partial(self._tell_to_stop, process, self.control, self.scenario.stop)
            self.time.at(self.time.seconds + self.scenario.stop.after_s, asked)
        network = self.network if theft is None else partial(self._stopping_network, process, theft, [0])
        self.transport = FakeTransport(
            self.server,
            self.time,
            network=network,
            dialect=self.dialect,
            watch=partial(self._seen, self.journal, process),
        )
        self.transport.held = partial(self._held, process)
        return Runner(
            journal=self.journal,
            transport=self.transport,
            clock=self.time,
            control=self.control,
            new_id=self._new_id,
            draw=self._draw,
            lease_s=LEASE_S,
            budget=None if self.scenario.limits is None else self.limits_as_seen_by(self.journal),
            origin=self.origin,
        )

    def _new_id(self) -> str:
        return self.run_id if self.scenario.incoming is None else f"run-{next(self._ids)}"

    def _lives(self) -> Iterator[None]:
        crashes = iter(self.scenario.crashes)
        for life in range(MOST_LIVES):
            self.clean = life >= MOST_LIVES // 2
            mishap = next(crashes, None)
            if not (self._live_beside(mishap) if life == 0 and self._is_offered_twice else self.live(mishap)):
                return
            gap_s = mishap.gap_s if isinstance(mishap, Crash) else 1.0
            self.time.sleep(gap_s)
            if isinstance(mishap, Crash) and mishap.reboots:
                self.tell("the machine is started again")
                self.time.reboot(f"boot {life}")
            yield

    def live(self, mishap: Crash | Theft | None) -> bool:
        """Live one life; return whether another is needed."""
        if isinstance(mishap, Theft):
            return self._be_robbed(mishap)
        runner = self.runner(mishap)
        process, journal = self.time.process, self.journal
        try:
            try:
                result = self._begin(runner)
            finally:
                if not process.killed:
                    runner.close()
        except BaseException:
            if not process.killed and not journal.failed:
                raise
            return True
        finally:
            if self.simulated.told_to_stop_s is not None and self.simulated.stopped_s is None:
                self.simulated.stopped_s = self.time.seconds
            self.time.begin_process("between two lives")
        return self._came_to(result)

    def _came_to(self, result: RunResult | None) -> bool:
        if result is None:  # there was no call to take, or it is another process's
            return self._is_left()
        self.simulated.results.append(result)
        return result.state.end is None and result.state.phase is not Phase.UNDECIDED

    def _is_left(self) -> bool:
        """Whether anything is left to do for a further process."""
        if not self.simulated.records:
            return bool(self.doorbell.waiting)
        return self.simulated.state.end is None and self.simulated.state.phase is not Phase.UNDECIDED

    @property
    def _is_offered_twice(self) -> bool:
        return self.scenario.incoming is not None and self.scenario.incoming.apart_s is not None

    def _live_beside(self, mishap: Crash | Theft | None) -> bool:
        """Live a life beside that of a second process, which hears of the same call: only one of them may take it."""
        runner = self.runner()
        self.time.process.drowsy_s = 0.0  # the thread that drives is not the first of all
        take = partial(self.doorbell.take, self._taker(runner), second=True)
        failures: list[BaseException] = []

        def drive() -> None:
            try:
                take()
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for this one
                failures.append(error)
            runner.close()

        second = threading.Thread(target=drive)
        second.start()
        self.live(mishap)
        second.join()
        if failures:
            raise failures[0]
        return self._is_left()

    def _be_robbed(self, theft: Theft) -> bool:
        """Live a life whose lease is taken over by another process while it lives, and the life of that one."""
        came_to: list[RunResult | LeaseLostError | None] = []
        failures: list[BaseException] = []
        runner = self.runner(theft=theft)
        process = self.time.process
        if theft.stopped_s is None:
            process.drowsy_s = LEASE_S + 15.0

        def drive() -> None:
            try:
                came_to.append(self._begin(runner))
            except LeaseLostError as error:
                self.tell(f"{process.name} has lost its lease")
                self.simulated.robbed += 1
                came_to.append(error)
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for this one
                failures.append(error)
            runner.close()

        victim = threading.Thread(target=drive)
        victim.start()
        self.time.begin_process("between two lives")
        starved_s = theft.after_s + theft.rival_s
        patience_s = starved_s if theft.stopped_s is None else 300.0
        self.time.block(lambda: bool(came_to or failures or process.stopped), until_s=self.time.seconds + patience_s)
        another = True
        if not came_to and not failures and self.run_id in self.simulated.store.runs:
            if process.stopped:
                self.time.sleep(theft.rival_s)
            another = self._rob()
        self.time.begin_process("between two lives")
        victim.join()
        if failures:
            raise failures[0]
        [first] = came_to
        if isinstance(first, RunResult):
            another = self._came_to(first) and another
        return another

    def _rob(self) -> bool:
        """Live the life of a process that takes the run over as soon as it can."""
        for _ in range(20):
            try:
                return self.live(None)
            except LeaseHeldError:
                self.time.sleep(7.0)
        return True

    def _tell_to_stop(self, process: Process, control: Control, stop: Stop) -> None:
        if self.simulated.lives == 1 and self.time.process is process and not process.killed:
            self.tell(f"{process.name} is told to {'hand over' if stop.hand_over else 'stop'}")
            self.simulated.told_to_stop_s = self.time.seconds
            control.stop(grace_s=stop.grace_s, why="the process was told to stop", hand_over=stop.hand_over)

    def _stop(self, process: Process, theft: Theft) -> None:
        """Stop a process, and wake it after its time."""
        if theft.stopped_s is not None and not process.stopped:
            self.tell(f"{process.name} is stopped for {theft.stopped_s:g} s")
            process.stopped = True
            self.time.at(self.time.seconds + theft.stopped_s, partial(self._wake, process))

    def _wake(self, process: Process) -> None:
        self.tell(f"{process.name} is woken")
        process.stopped = False

    def _stopping_network(self, process: Process, theft: Theft, counted: list[int], request: Request) -> Treatment:
        """Stop the process right before the first byte of one of its requests."""
        if counted[0] == theft.request:
            self._stop(process, theft)
        counted[0] += 1
        return self.network(request)

    def _begin(self, runner: Runner) -> RunResult | None:
        """Take the call that rings, or drive the run; None: there is no call to begin it on."""
        if self.scenario.incoming is None or self.run_id in self.simulated.store.runs:
            return self.drive(runner)
        return self.doorbell.take(self._taker(runner))

    def drive(self, runner: Runner) -> RunResult:
        """Begin the run, or resume it."""
        if self.run_id in self.simulated.store.runs:
            return runner.resume(self.run_id, self.scenario.script, secrets={}, settings=self.settings_now())
        prepared = Prepared(to=TO, from_=FROM, variables={}, secrets={}, settings=self.settings_now())
        return runner.run(self.scenario.script, prepared)

    def _taker(self, runner: Runner) -> Taker:
        """Return the process that was made last as one that takes calls."""
        settings = self.settings_now()

        def answer(call: CallSeen, began: Callable[[str], None]) -> RunResult:
            prepared = Prepared(to=call.to or "", from_=call.from_ or "", variables={}, secrets={}, settings=settings)
            try:
                return runner.answer(self.scenario.script, prepared, call, began=began)
            except CallTakenError:
                self.simulated.refused += 1
                raise

        return Taker(answer=answer, transport=self.transport, control=self.control, process=self.serving)

    def settings_now(self) -> Settings:
        """Return the settings of the process that lives now, which may have a mode of its own."""
        modes = self.scenario.modes
        if not modes:
            return self.settings
        return replace(self.settings, mode=modes[min(self.simulated.lives, len(modes)) - 1])

    def _event_arose(self, event: Event) -> None:
        """Deliver an event as often and as late as its fate will have it, by way of the inbox."""
        if self.scenario.incoming is not None and event.reason == "incoming":
            self.doorbell.last_s = self.time.seconds
            for delay_s in self.scenario.incoming.delays:
                self.doorbell.last_s = max(self.doorbell.last_s, self.time.seconds + delay_s)
                self.time.at(self.time.seconds + delay_s, partial(self._receive, event.body))
            return
        if self.scenario.fates is None:
            return
        fate = next(self._fates, Fate())
        self.simulated.fates.append(fate)
        for delay_s in fate.delays:
            self.time.at(self.time.seconds + delay_s, partial(self._receive, event.body))
        if fate.lie_after_s is not None:
            call = {**event.body["response"]["call"], "status": "hangup"}
            self.time.at(self.time.seconds + fate.lie_after_s, partial(self._receive, {"response": {"call": call}}))

    def _receive(self, body: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        event = read_event(json.dumps(body).encode(), headers, source="main", at=self.time.now())
        receiver = MemoryJournal(now=self.time.now, store=self.simulated.store, process="receiver")
        apart_s = None if self.scenario.incoming is None else self.scenario.incoming.apart_s
        Postbox(receiver, on_ringing=lambda event: self.doorbell.ring(event, apart_s=apart_s)).take(event)

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

    def network(self, request: Request) -> Treatment:
        """Return what happens to the next request."""
        treatment = CLEAN if self.clean else next(self._treatments, CLEAN)
        # The API's own word for a call that is over: whoever says so untruthfully is believed, and nobody can help it.
        says_gone = treatment.instead is not None and treatment.instead.status == 404
        is_believed = request.operation is Kind.LOOK or (
            says_gone and request.operation is Kind.END and request.call_id != self.simulated.state.call_id
        )
        return CLEAN if says_gone and is_believed else treatment

    def watch(self, sent: Sent) -> None:
        """Write down which intent on disk a request belongs to."""
        if sent.request.operation in (Kind.LOOK, Kind.LIST):
            self.simulated.looks.append(sent)
            return
        sent.note = self._intent_of(sent.request)
        self.simulated.sent.append(sent)

    def _seen(self, journal: DyingJournal, process: Process, sent: Sent) -> None:
        """Watch a request, and whether its process has the lease."""
        if process.name in self.doorbell.looking:
            self.simulated.rings.append(sent)
            self.doorbell.looking[process.name] = sent
            return
        self.watch(sent)
        run = self.simulated.store.runs.get(self.run_id)
        if sent.request.operation is Kind.END and journal.failed:
            sent.note = UNWRITABLE
        elif run is not None and run.tenancy.holder != process.name:
            self.simulated.fenced.append(sent)

    def _held(self, process: Process, request: Request, unsent: Unsent) -> None:
        """Write down what kept a request of the run's own process from leaving: the intents are those of no other."""
        run = self.simulated.store.runs.get(self.run_id)
        is_ours = run is None or run.tenancy.holder == process.name
        if is_ours and request.operation not in (Kind.LOOK, Kind.LIST):
            self.simulated.unsent.append((self._intent_of(request), unsent))

    def _intent_of(self, request: Request) -> int:
        return intent_of(request, self.simulated.records)


def simulate(scenario: Scenario, *, settings: Settings | None = None) -> Simulated:
    """Run a scenario from its start to its end."""
    return World(scenario, settings=settings).run()


def intent_of(request: Request, records: Sequence[Record]) -> int:
    """Return the index of the intent that a request belongs to, as the records of its run stand; or NO_INTENT."""
    for index in range(len(records) - 1, -1, -1):
        record = records[index]
        if isinstance(record, Intended):
            same = (record.operation, record.call_id) == (request.operation, request.call_id)
            names = tuple(next(iter(command)) for command in request.commands)
            if same and (record.commands == names or not names):
                return index
            return NO_INTENT if request.operation is not Kind.END else _ended_without_one(records)
    return NO_INTENT


def _ended_without_one(records: Sequence[Record]) -> int:
    """Return the order to end the call, which is the intent of a DELETE while another request is open."""
    return next((at for at in range(len(records) - 1, -1, -1) if isinstance(records[at], CancelAsked)), NO_INTENT)
