"""Runs a batch: the real batch, runner, driver and core against the sandbox's call model, in virtual time.

Ticks are processes that cron begins one after the other, until nothing is left to do; they die, are stopped, meet a
second one, and hear what people order. What it leaves behind is what `batch_checks` judges: for each run of the batch a
`Simulated` of its own, so that all that holds of one run is asked of each.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
from orchestrator.core.admission import DUPLICATE
from orchestrator.core.budget import ApiLimits
from orchestrator.core.contact import Contact
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.exchange import Request
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.plan import plan
from orchestrator.core.records import Intended, Record, RunStarted, Then
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase
from orchestrator.core.throttle import dial_of
from orchestrator.errors import JournalError, LeaseHeldError, UsageError
from orchestrator.ports import CampaignOrders, ContactState
from orchestrator.runtime.batch import Batch
from orchestrator.runtime.control import Control
from orchestrator.runtime.job import Job, TickReport
from orchestrator.runtime.messages import message_of
from orchestrator.runtime.rows import result_of
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.sandbox.callees import Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from tests.conformance.memory_journal import MemoryJournal, MemoryStore
from tests.fakes.library_errors import Unsent
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import CLEAN, FakeTransport, Sent, Treatment
from tests.fakes.virtual_time import EPOCH, KilledError, Process, VirtualTime
from tests.property.batch_drawing import BatchScenario, Life
from tests.property.batch_journal import BatchJournal
from tests.property.batch_seen import OCCURRENCE, SimulatedBatch, TickSeen, calls_of, key_of
from tests.property.checks import attempts_of
from tests.property.scenarios import FROM, Scenario
from tests.property.simulation import LEASE_S, REPLIES_KEPT_S, UNWRITABLE, Simulated, intent_of

MOST_TICKS = 250
LONGEST_S = 7 * 86_400.0
"""No batch takes longer: a number that has had its calls of the day is called on the next one."""
NO_LIFE = Life()
_MOST_RIVALS = 3
_MOST_VERDICTS = 4
_PATIENT_TICKS = 25
_RIVAL_AGAIN_S = 31.0
_TRUTH_IS_OUT_S = 400.0
_MOST_TURNS = 200_000


def _is_to_end(run: Simulated, call_id: str | None) -> bool:
    """Whether a run has written down that it ends a call, which may be a further one that it found."""
    intents = (record for record in reversed(run.records) if isinstance(record, Intended))
    last = next(intents, None)
    return last is not None and (last.operation, last.call_id) == (Kind.END, call_id)


def verdict_on(simulated: SimulatedBatch, run: Simulated) -> tuple[bool, str | None]:
    """Return whether the step that a run asks about really ran, and its call if that is up still."""
    from tests.property.batch_checks import view_of

    (batch,) = (each for each in simulated.campaigns() if run in each.runs.values())
    view = view_of(batch, run)
    attempts = attempts_of(view)
    asked = [one for one in attempts if any(each.then is Then.STOP for each in one.settled)][-1]
    ran = any(one.executed for one in attempts if one.step == asked.step)
    rung, over = (view.server.transcript.find(event=event) for event in ("ringing", "hangup"))
    up = [entry["call"] for entry in rung if entry["call"] not in {entry["call"] for entry in over}]
    return ran, up[-1] if up and ran and asked.intent.operation is Kind.CREATE else None


class BatchWorld:
    """One simulated batch while it runs."""

    def __init__(self, scenario: BatchScenario) -> None:
        self.scenario = scenario
        self.time = VirtualTime(drowsy_s=scenario.drowsy_s, most_turns=_MOST_TURNS, longest_s=2 * LONGEST_S)
        model = CallServer(
            ids=counted_ids(),
            callees=Callees(scenario.callees),
            timing=Timing(words_per_minute=scenario.words_per_minute),
            capabilities=scenario.capabilities,  # type: ignore[arg-type]
            replies_kept=REPLIES_KEPT_S,
        )
        self.server = ModelServer(model, self.time, skew_s=scenario.skew_s)
        limits = scenario.campaign.api_limits
        self.settings = Settings(
            limit_s=scenario.limit_s,
            idempotent_for_s=REPLIES_KEPT_S if "idempotency_key" in scenario.capabilities else None,
            shows_results="command_log" in scenario.capabilities,
            mode=scenario.mode,
            api_limits=None if limits == ApiLimits() else limits,
        )
        self.simulated = SimulatedBatch(scenario, self.settings, model, self.time, MemoryStore())
        self.dialect = CallApi(Capabilities(**dict.fromkeys(scenario.capabilities, True)))
        self._treatments = iter(scenario.treatments)
        self._draw = random.Random(scenario.jitter).random
        self._ids = count(1)
        self._scenarios = [scenario] if scenario.neighbour is None else [scenario, scenario.neighbour]
        self._orders_left = sum(len(each.orders) for each in self._scenarios)
        self._outsider = MemoryJournal(now=self.time.now, store=self.simulated.store, process="a person")
        self._failures: list[Exception] = []
        self._verdicts: Counter[str] = Counter()

    def run(self) -> SimulatedBatch:
        """Run it until nothing is left to do."""
        from tests.property.batch_story import batch_story

        try:
            with self.time.running():
                for each in self._scenarios:
                    for at_s, orders in each.orders:
                        self.time.at(at_s, partial(self._order, each.campaign.name, orders))
                self._run_ticks()
                self.simulated.rows = [row for each in self._scenarios for row in self._rows(each)]
                self._reap_what_is_left()
        except Exception as error:
            error.add_note(batch_story(self.simulated))
            raise
        return self.simulated

    def tell(self, text: str) -> None:
        """Write down what happened to a process, or what a person said."""
        self.simulated.happened.append((self.time.seconds, text))

    def begun(self, started: RunStarted, process: Process) -> None:
        """Remember a new run."""
        pending = Scenario(script=self.scenario.script)
        run = Simulated(pending, self.settings, self.simulated.server, self.time, self.simulated.store)
        self.simulated.runs[started.run_id] = run
        self.simulated.begun[started.run_id] = (self.time.seconds, process.name)
        self.on_disk(started.run_id, [started])

    def on_disk(self, run_id: str, records: Sequence[Record]) -> None:
        """Remember what is on disk, and since when."""
        run = self.simulated.runs[run_id]
        run.batches.append(list(records))
        run.records += records
        run.written_s += [self.time.seconds] * len(records)

    def kill(self, process: Process) -> None:
        """End a process without a word."""
        if process.killed:
            return
        self.tell(f"{process.name} is killed")
        for run_id, stored in self.simulated.store.runs.items():
            if stored.tenancy.holder == process.name:
                run = self.simulated.runs[run_id]
                run.deaths.append((self.time.seconds, len(run.records)))
        self.time.kill(process)
        self.simulated.store.kill(process.name)

    # --- cron ---------------------------------------------------------------------------------------------------------

    def _run_ticks(self) -> None:
        lives = [iter(each.lives) for each in self._scenarios]
        for _ in range(MOST_TICKS):
            lived = [next(each, NO_LIFE) for each in lives]
            self._live_round(lived)
            self._be_resolved()
            if self._is_nothing_left():
                self.simulated.ended_s = self.time.seconds
                return
            if self.time.seconds > LONGEST_S:
                return
            crash = next((life.crash for life in lived if life.crash is not None), None)
            self.time.sleep(crash.gap_s if crash is not None else min(map(self._pause_s, self._scenarios)))
            if crash is not None and crash.reboots:
                self.tell("the machine is started again")
                self.time.reboot(f"boot {len(self.simulated.ticks)}")

    def _pause_s(self, scenario: BatchScenario) -> float:
        """Return when cron's next tick comes that has something to do: the others would change nothing."""
        period_s = scenario.period_s
        if len(self.simulated.ticks) > _PATIENT_TICKS * len(
            self._scenarios
        ):  # an open contact, or one after it, waits for the next day
            period_s = max(period_s, 3600.0)
        standings = list(self._outsider.campaigns.all_of(scenario.campaign.name))
        waiting = [one for one in standings if one.state in (ContactState.AGAIN, ContactState.WAITING)]
        dues = [one.due_wall for one in waiting]
        is_open = any(one.state is ContactState.OPEN for one in standings)
        if is_open or not dues or len(standings) < len({contact.key for contact in scenario.contacts}):
            return period_s
        left_s = min((0.0 if due is None else due - EPOCH - self.time.seconds for due in dues), default=0.0)
        return max(left_s, period_s)

    def _live_round(self, lives: list[Life]) -> None:
        """Live a tick of each campaign, beside one another or one after the other."""
        scenario = self.scenario
        if scenario.beside_s is None:
            for each, life in zip(self._scenarios, lives, strict=True):
                self._live(each, life)
            return
        beside = self._begin_tick(self._scenarios[1], lives[1])
        self.time.sleep(scenario.beside_s)
        self._live(scenario, lives[0], beside)

    def _live(self, scenario: BatchScenario, life: Life, *others: TickSeen) -> None:
        """Live a tick, and those that are begun beside it; and wait for others to end."""
        first = self._begin_tick(scenario, life)
        ticks = [first]
        if life.rival_s is not None:
            self.time.block(lambda: first.is_over, until_s=first.began_s + life.rival_s)
            while not first.is_over and len(ticks) <= _MOST_RIVALS:
                ticks.append(self._begin_tick(scenario, NO_LIFE))
                until_s = ticks[-1].began_s + _RIVAL_AGAIN_S
                self.time.block(lambda: all(tick.is_over for tick in ticks), until_s=until_s)
                if not ticks[-1].is_over:
                    break
        for tick in (*ticks, *others):
            assert tick.thread is not None
            tick.thread.join()
        if self._failures:
            raise self._failures[0]

    def _begin_tick(self, scenario: BatchScenario, life: Life) -> TickSeen:
        process = self.time.begin_process(f"tick {len(self.simulated.ticks)}")
        journal = BatchJournal(self, process, life.crash)
        tick = TickSeen(process, scenario, life, self.time.seconds, Control(self.time))
        self.simulated.ticks.append(tick)
        self._arrange(tick)
        tick.thread = threading.Thread(target=self._tick, args=(tick, journal))
        tick.thread.start()
        self.time.begin_process("cron")
        return tick

    def _arrange(self, tick: TickSeen) -> None:
        """Have happen to a tick what happens at moments of its own."""
        life, process = tick.life, tick.process
        if life.crash is not None and life.crash.append is None:
            self.time.at(tick.began_s + life.crash.after_s, lambda: None if tick.is_over else self.kill(process))
        if life.stop is not None:
            self.time.at(tick.began_s + life.stop.after_s, partial(self._tell_to_stop, tick))
        if life.stopped_after_s is not None:
            self.time.at(tick.began_s + life.stopped_after_s, partial(self._stop, tick))

    def _tell_to_stop(self, tick: TickSeen) -> None:
        stop = tick.life.stop
        if stop is not None and not tick.is_over:
            self.tell(f"{tick.process.name} is told to {'hand over' if stop.hand_over else 'stop'}")
            tick.told_s = self.time.seconds
            tick.control.stop(grace_s=stop.grace_s, why="the process was told to stop", hand_over=stop.hand_over)

    def _stop(self, tick: TickSeen) -> None:
        if not tick.is_over:
            self.tell(f"{tick.process.name} is stopped for {tick.life.stopped_s:g} s")
            tick.process.stopped = True
            self.time.at(self.time.seconds + tick.life.stopped_s, partial(self._wake, tick.process))

    def _wake(self, process: Process) -> None:
        self.tell(f"{process.name} is woken")
        process.stopped = False

    def _order(self, campaign: str, orders: CampaignOrders) -> None:
        said = "stop" if orders.stopped else "pause" if orders.paused else "continue"
        self.tell(f"a person says to {campaign}: {said}")
        self._orders_left -= 1
        self._outsider.campaigns.order(campaign, orders)

    def _be_resolved(self) -> None:
        """Have a person who finds out what happened give the verdicts that are waited for, between two ticks."""
        if not self.scenario.resolved:
            return
        for run_id, run in list(self.simulated.runs.items()):
            if run.state.phase is not Phase.UNDECIDED or self._verdicts[run_id] == _MOST_VERDICTS:
                continue
            self.time.sleep(_TRUTH_IS_OUT_S)
            self._verdicts[run_id] += 1
            process = self.time.begin_process("a person at a terminal")
            runner = self._runner(process, BatchJournal(self, process, None), Control(self.time))
            ran, adopted = verdict_on(self.simulated, run)
            self.tell(f"a person says of {run_id} that it {'ran' if ran else 'did not run'}")
            runner.resolve(run_id, ran=ran, call_id=adopted, note=None)
            runner.close()
            self.time.begin_process("cron")

    # --- a tick -------------------------------------------------------------------------------------------------------

    def _tick(self, tick: TickSeen, journal: BatchJournal) -> None:
        """Do in a process of its own what the command does: reap, then tick."""
        try:
            runner = self._runner(tick.process, journal, tick.control)
            try:
                tick.report = self._drive(tick, runner, journal)
            finally:
                runner.close()
        except LeaseHeldError:
            tick.error = "LeaseHeldError"
        except JournalError:
            tick.error = "JournalError"
            if not journal.failed:
                raise
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for this one
            self._failures.append(error)
        finally:
            tick.ended_s = self.time.seconds

    def _drive(self, tick: TickSeen, runner: Runner, journal: BatchJournal) -> TickReport:
        name = tick.scenario.campaign.name
        unfinished = [one.run_id for one in journal.campaigns.all_of(name, state=ContactState.OPEN) if one.run_id]
        runner.reap(keep=unfinished)
        batch = Batch(
            runner=runner,
            journal=journal,
            store=journal.campaigns,
            clock=self.time,
            control=tick.control,
            job=self._job(tick.scenario),
            lease_s=LEASE_S,
        )
        return batch.tick()

    def _job(self, scenario: BatchScenario) -> Job:
        variables = {"to": scenario.contacts[0].to, "from": FROM}
        longest_s = plan(scenario.script, variables, self.settings).bounds.longest_s
        self.simulated.longest_s = min(longest_s, self.settings.max_call_s)
        return Job(
            campaign=scenario.campaign,
            occurrence=OCCURRENCE,
            script=scenario.script,
            longest_s=self.simulated.longest_s,
            contacts=lambda: scenario.rows,
            content_digest="one file",
            prepare=partial(self._prepare, scenario),
            zones_of=lambda _: frozenset({"UTC"}),
            forbidden=lambda number: "it is on a list" if number in scenario.forbidden else None,
            dial=dial_of(scenario.script, variables, self.settings),
            fallback=message_of(scenario.campaign),
            has_priorities=True,
        )

    def _prepare(self, scenario: BatchScenario, contact: Contact) -> Prepared:
        if contact.id in scenario.unprepared:
            raise UsageError("the column `name` is empty, but the script needs it")
        variables = {**contact.variables, "to": contact.to, "from": FROM}
        return Prepared(to=contact.to, from_=FROM, variables=variables, secrets={}, settings=self.settings)

    def _runner(self, process: Process, journal: MemoryJournal, control: Control) -> Runner:
        transport = FakeTransport(
            self.server,
            self.time,
            network=partial(self._network, process),
            dialect=self.dialect,
            watch=partial(self._seen, journal, process),
        )
        transport.held = self._held
        return Runner(
            journal=journal,
            transport=transport,
            clock=self.time,
            control=control,
            new_id=lambda: f"run-{next(self._ids)}",
            draw=self._draw,
            lease_s=LEASE_S,
            budget=journal.budget_of("the account"),
            shares_lists="client_reference" not in self.scenario.capabilities,
        )

    # --- requests -----------------------------------------------------------------------------------------------------

    def _network(self, process: Process, request: Request) -> Treatment:
        if process.killed:
            raise KilledError(process.name)
        outage = self.scenario.outage
        if outage is not None and outage[0] <= self.time.seconds < outage[1]:
            return Treatment(unsent=Unsent.REFUSED)
        treatment = next(self._treatments, CLEAN)
        # The API's own word for a call that is over: whoever says so untruthfully is believed, and nobody can help it.
        says_gone = treatment.instead is not None and treatment.instead.status == 404
        return CLEAN if says_gone and request.operation in (Kind.LOOK, Kind.END) else treatment

    def _seen(self, journal: MemoryJournal, process: Process, sent: Sent) -> None:
        """Write down whose request it is, and which intent on disk it belongs to."""
        run_id = self._run_of(sent.request)
        run = self.simulated.runs.get(run_id)
        if run is None:
            self.simulated.strangers.append(sent)
            return
        if sent.request.operation in (Kind.LOOK, Kind.LIST):
            run.looks.append(sent)
            return
        sent.note = intent_of(sent.request, run.records)
        run.sent.append(sent)
        if sent.request.operation is Kind.CREATE:
            self.simulated.dialled.append((sent.at_s, process.name, run_id))
        if sent.request.operation is Kind.END and getattr(journal, "failed", False):
            sent.note = UNWRITABLE
        elif self.simulated.store.runs[run_id].tenancy.holder != process.name:
            run.fenced.append(sent)

    def _held(self, request: Request, unsent: Unsent) -> None:
        """Write down what kept a request from leaving."""
        run = self.simulated.runs.get(self._run_of(request))
        if run is not None and request.operation not in (Kind.LOOK, Kind.LIST):
            run.unsent.append((intent_of(request, run.records), unsent))

    def _run_of(self, request: Request) -> str:
        """Return the run that a request belongs to: it names the run, or a call that the run has, ends, or dialled."""
        if request.reference is not None:
            return request.reference.rpartition(".")[0]
        runs, stored = self.simulated.runs, self.simulated.store.runs
        owners = [run_id for run_id, run in stored.items() if run.marks.call_id == request.call_id]
        ends = [
            run_id
            for run_id, run in runs.items()
            if request.operation is Kind.END and _is_to_end(run, request.call_id) and not stored[run_id].marks.ended
        ]
        dialled = [run_id for run_id, run in runs.items() if request.call_id in calls_of(run)]
        return next(iter([*ends, *owners, *dialled]), "")

    # --- the end ------------------------------------------------------------------------------------------------------

    def _rows(self, scenario: BatchScenario) -> Iterator[tuple[Contact, ResultRow]]:
        """Yield a result for each contact's row, as the results file has it."""
        journal, campaign = self._outsider, scenario.campaign.name
        is_stopped = journal.campaigns.orders_of(campaign).stopped
        seen: Counter[str] = Counter()
        for contact in scenario.contacts:
            key = key_of(scenario, contact)
            seen[key] += 1
            if seen[key] > 1:
                yield contact, ResultRow(to=contact.to, disposition=Tally.REFUSED, reason=f"{DUPLICATE}: another row")
                continue
            standing = journal.campaigns.standings([key]).get(key)
            yield contact, result_of(contact.to, standing, read=journal.read, stopped=is_stopped)

    def _is_nothing_left(self) -> bool:
        """Return whether no further tick would change anything."""
        return not self._orders_left and all(map(self._has_nothing_left, self._scenarios))

    def _has_nothing_left(self, scenario: BatchScenario) -> bool:
        if any(row.tally is Tally.WAITING for _, row in self._rows(scenario)):
            return False
        messages = self._outsider.campaigns.all_of(f"{scenario.campaign.name} (sms)", state=ContactState.OPEN)
        states = [fold(self._outsider.read(one.run_id)) for one in messages if one.run_id is not None]
        return all(state.end is not None or state.phase is Phase.UNDECIDED for state in states)

    def _reap_what_is_left(self) -> None:
        """Do what the line of the crontab does that ends live calls whose run is dead."""
        for _ in range(3):
            self.time.sleep(_TRUTH_IS_OUT_S)
            process = self.time.begin_process("the reaper")
            runner = self._runner(
                process,
                MemoryJournal(now=self.time.now, store=self.simulated.store, process="the reaper"),
                Control(self.time),
            )
            reaped = runner.reap()
            runner.close()
            self.time.begin_process("cron")
            self.simulated.reaped += len(reaped)
            if not reaped:
                return


def simulate_batch(scenario: BatchScenario) -> SimulatedBatch:
    """Run a batch until nothing is left to do."""
    return BatchWorld(scenario).run()
