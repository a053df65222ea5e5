"""What the simulation of a batch leaves behind, for whoever judges or tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from orchestrator.core.campaign import Occurrence
from orchestrator.core.contact import Contact, occurrence_key
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.ledger import ResultRow
from orchestrator.core.records import RunStarted
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase
from orchestrator.runtime.control import Control
from orchestrator.runtime.job import TickReport
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation
from tests.conformance.memory_journal import MemoryStore
from tests.fakes.transport import Sent
from tests.fakes.virtual_time import EPOCH, Process, VirtualTime
from tests.property.batch_drawing import BatchScenario, Life
from tests.property.simulation import Simulated

OCCURRENCE = Occurrence("monday")


@dataclass(slots=True, eq=False)
class TickSeen:
    """One tick, or one try of it.

    Attributes:
        scenario: Of whose campaign it is.
        report: What it reported; None where it did not live to.
        error: What it raised, by name.
        told_s: When it was told to stop.
    """

    process: Process
    scenario: BatchScenario
    life: Life
    began_s: float
    control: Control
    ended_s: float | None = None
    report: TickReport | None = None
    error: str | None = None
    told_s: float | None = None
    thread: threading.Thread | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is no more."""
        return self.ended_s is not None


@dataclass(slots=True)
class SimulatedBatch:
    """What the simulation of a batch left behind, and of its neighbour.

    Attributes:
        longest_s: The longest that a call is expected to last.
        runs: What each run did, by its id, in the order in which they began.
        begun: When each run began, and in which process.
        ticks: The ticks, in the order in which they began.
        ended_s: When nothing was left to do; None: that never came.
        reaped: Runs that were ended when everything was over.
        rows: The results at the end, one for each contact's row.
        strangers: Requests that belong to no run.
        dialled: When which process sent the dial of which run.
        reasons: Why contacts had to wait, or were refused, in the words that were noted.
        happened: What became of processes, and what people said.
    """

    scenario: BatchScenario
    settings: Settings
    server: CallServer
    time: VirtualTime
    store: MemoryStore
    longest_s: float = 0.0
    runs: dict[str, Simulated] = field(default_factory=dict)
    begun: dict[str, tuple[float, str]] = field(default_factory=dict)
    ticks: list[TickSeen] = field(default_factory=list)
    ended_s: float | None = None
    reaped: int = 0
    rows: list[tuple[Contact, ResultRow]] = field(default_factory=list)
    strangers: list[Sent] = field(default_factory=list)
    dialled: list[tuple[float, str, str]] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)
    happened: list[tuple[float, str]] = field(default_factory=list)

    def campaigns(self) -> list[SimulatedBatch]:
        """Return what is of each campaign's own: its ticks, its runs and its rows."""
        scenario = self.scenario
        if scenario.neighbour is None:
            return [self]
        return [self._of(scenario), self._of(scenario.neighbour)]

    def _of(self, scenario: BatchScenario) -> SimulatedBatch:
        name = scenario.campaign.name
        ticks = [tick for tick in self.ticks if tick.scenario.campaign.name == name]
        mine = {tick.process.name for tick in ticks}
        runs = {run_id: run for run_id, run in self.runs.items() if self.begun[run_id][1] in mine}
        begun = {run_id: self.begun[run_id] for run_id in runs}
        rows = [(contact, row) for contact, row in self.rows if contact in scenario.contacts]
        return replace(self, scenario=scenario, ticks=ticks, runs=runs, begun=begun, rows=rows)

    def key_of(self, contact: Contact) -> str:
        """Return the key of a contact in the occurrence."""
        return key_of(self.scenario, contact)

    def runs_of(self, contact: Contact) -> list[Simulated]:
        """Return the runs of a contact, the oldest first; its messages are not among them."""
        key = self.key_of(contact)
        return [self.runs[run_id] for run_id, run in self.store.runs.items() if run.contact_key == key]


@dataclass(frozen=True, slots=True)
class Rung:
    """One call that really rang.

    Attributes:
        sent_s: When the dial left that made it.
        began_s: When it began to ring.
        ended_s: When it was over; None: it is up.
        cause: Why it ended, as the server knows.
        answered: Whether somebody answered.
        doubled: Whether the network sent its dial on twice.
    """

    call_id: str
    run_id: str
    number: str
    sent_s: float
    began_s: float
    ended_s: float | None
    cause: str | None
    answered: bool
    doubled: bool


def key_of(scenario: BatchScenario, contact: Contact) -> str:
    """Return the key of a contact in the occurrence of a scenario."""
    return occurrence_key(campaign=scenario.campaign.name, contact=contact.key, occurrence=OCCURRENCE.name)


def started_of(run: Simulated) -> RunStarted:
    """Return a run's first record."""
    started = run.records[0]
    assert isinstance(started, RunStarted), "a run's records begin with its start"
    return started


def calls_of(run: Simulated) -> list[str]:
    """Return the ids of the calls that a run's dials have made, by what the server did with them."""
    return list(_dials_of(run))


def _dials_of(run: Simulated) -> dict[str, Sent]:
    return {
        one.execution.call.resource_id: sent
        for sent in run.sent
        if sent.request.operation is Kind.CREATE
        for one in sent.deliveries
        if isinstance(one, Operation) and one.execution is not None
    }


def is_message(simulated: SimulatedBatch, run: Simulated) -> bool:
    """Whether a run sends the campaign's text message, and calls nobody."""
    return started_of(run).script_name != simulated.scenario.script.name


def rung_of(simulated: SimulatedBatch) -> Iterator[Rung]:
    """Yield every call that rang for a campaign, or for both, in order."""
    epoch = EPOCH + simulated.scenario.skew_s
    find = simulated.server.transcript.find
    dials = {
        call_id: (run_id, sent) for run_id, run in simulated.runs.items() for call_id, sent in _dials_of(run).items()
    }
    over = {entry["call"]: entry for entry in find(event="hangup")}
    answered = {entry["call"] for entry in find(event="answered")}
    for entry in find(event="ringing"):
        call = entry["call"]
        if call not in dials:  # its neighbour's
            continue
        end, (run_id, sent) = over.get(call), dials[call]
        all_sent = [each for each in simulated.runs[run_id].sent if each.request.operation is Kind.CREATE]
        yield Rung(
            call,
            run_id,
            entry["to"],
            sent.at_s,
            entry["at"] - epoch,
            None if end is None else end["at"] - epoch,
            None if end is None else end["cause"],
            call in answered,
            any(len(each.treatment.deliveries) > 1 for each in all_sent),
        )


def contacts_of(simulated: SimulatedBatch) -> list[Contact]:
    """Return the contacts of the file, each once."""
    return list({contact.key: contact for contact in reversed(simulated.scenario.contacts)}.values())


def is_undecided(run: Simulated) -> bool:
    """Whether nobody knows of a run's call, and a person is asked."""
    return run.state.phase is Phase.UNDECIDED


def begun_by(simulated: SimulatedBatch) -> Iterator[tuple[str, float, str]]:
    """Yield the runs that were made to call somebody, with when and by which process."""
    for run_id, (at_s, process) in simulated.begun.items():
        if not is_message(simulated, simulated.runs[run_id]):
            yield run_id, at_s, process
