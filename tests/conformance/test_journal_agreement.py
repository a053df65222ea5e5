"""The journal in memory and the one on SQLite do the same, whatever is done to them.

The property tests of the run machine stand on the journal in memory; this keeps it from drifting from the real one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from orchestrator.core.records import CancelAsked, RunMarks, Status
from orchestrator.errors import NumberBlockedError, OrchestratorError
from orchestrator.ports import CampaignLease, ContactClaim, ContactState, Lease, Standing
from tests.conformance.journal_bench import Bench, JournalFile, a_note, a_start
from tests.conformance.test_journal import MemoryBench, SqliteBench

RUN_IDS = st.sampled_from(["a", "ab", "b"])
NUMBERS = st.sampled_from(["", "+1", "+2"])
PROCESSES = st.sampled_from(["this", "other"])
LEASES = st.builds(Lease, run_id=RUN_IDS, token=st.integers(1, 4))
SECONDS = st.sampled_from([0.5, 1.0, 5.0, 10.0])
MARKS = st.builds(
    RunMarks,
    status=st.sampled_from([Status.RUNNING, Status.UNDECIDED]),
    ended=st.booleans(),
    call_id=st.sampled_from([None, "call-1"]),
    claims_dial=st.booleans(),
    claim_until_wall=st.sampled_from([None, 1_700_000_005.0, 1_700_000_020.0]),
)
STANDINGS = st.builds(
    Standing,
    key=st.sampled_from(["x", "y"]),
    campaign=st.just("spring"),
    occurrence=st.sampled_from(["", "monday"]),
    number=NUMBERS,
    row_digest=st.just("row"),
    state=st.sampled_from(ContactState),
    run_id=st.one_of(st.none(), RUN_IDS),
)
CLAIMS = st.builds(
    ContactClaim,
    key=st.sampled_from(["x", "y"]),
    campaign=st.just("spring"),
    occurrence=st.just("monday"),
    row_digest=st.just("row"),
)
CAMPAIGN_LEASES = st.builds(CampaignLease, campaign=st.just("spring"), token=st.integers(1, 4))


class Agreement(RuleBasedStateMachine):
    """Does everything to both journals and compares what comes of it."""

    @initialize()
    def open(self) -> None:
        """Begin with two empty journals."""
        self.folder = tempfile.TemporaryDirectory()
        self.sqlite = SqliteBench(Path(self.folder.name))
        self.benches: tuple[Bench, ...] = (MemoryBench(), self.sqlite)
        self.opened: dict[tuple[int, str], JournalFile] = {}

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "sqlite"):
            self.sqlite.close()
            self.folder.cleanup()

    def both(self, process: str, work: Callable[[JournalFile, Bench], Any]) -> None:
        """Do the same as the same process in both; the results, or what was raised, are the same."""
        outcomes = []
        for index, bench in enumerate(self.benches):
            journal = self.opened.get((index, process))
            if journal is None:
                journal = self.opened[index, process] = bench.open(process)
            try:
                outcomes.append(work(journal, bench))
            except NumberBlockedError as error:
                outcomes.append((error.blocking_run_id, error.being_settled))
            except OrchestratorError as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]

    @rule(process=PROCESSES, run_id=RUN_IDS, to=NUMBERS, lease_s=SECONDS, contact=st.one_of(st.none(), CLAIMS))
    def start(self, process: str, run_id: str, to: str, lease_s: float, contact: ContactClaim | None) -> None:
        """Create a run, perhaps of a contact."""
        self.both(
            process,
            lambda journal, bench: journal.start_run(a_start(bench, run_id, to=to), lease_s=lease_s, contact=contact),
        )

    @rule(process=PROCESSES, standings=st.lists(STANDINGS, max_size=3))
    def put_standings(self, process: str, standings: list[Standing]) -> None:
        """Say where contacts stand."""
        self.both(process, lambda journal, _: journal.campaigns.put(standings))

    @rule(process=PROCESSES, state=st.one_of(st.none(), st.sampled_from(ContactState)))
    def list_standings(self, process: str, state: ContactState | None) -> None:
        """Look where contacts stand."""
        self.both(process, lambda journal, _: list(journal.campaigns.all_of("spring", state=state)))
        self.both(process, lambda journal, _: journal.campaigns.standings(["x", "y", "z"]))
        self.both(process, lambda journal, _: journal.campaigns.runs_of("x"))
        self.both(
            process,
            lambda journal, _: journal.campaigns.twin_of("x", campaign="spring", occurrence="monday", row_digest="row"),
        )
        self.both(process, lambda journal, _: journal.campaigns.dialling_runs("+1", since_wall=1_700_000_003.0))

    @rule(process=PROCESSES, lease_s=SECONDS)
    def take_campaign(self, process: str, lease_s: float) -> None:
        """Ask for the campaign."""
        self.both(process, lambda journal, _: journal.campaigns.take_campaign("spring", lease_s=lease_s))

    @rule(process=PROCESSES, lease=CAMPAIGN_LEASES, lease_s=SECONDS)
    def keep_campaign(self, process: str, lease: CampaignLease, lease_s: float) -> None:
        """Keep the campaign with a lease that may be good."""
        self.both(process, lambda journal, _: journal.campaigns.keep_campaign(lease, lease_s=lease_s))

    @rule(process=PROCESSES, lease=CAMPAIGN_LEASES)
    def give_campaign_back(self, process: str, lease: CampaignLease) -> None:
        """Give the campaign back with a lease that may be good."""
        self.both(process, lambda journal, _: journal.campaigns.give_campaign_back(lease))

    @rule(process=PROCESSES, lease=LEASES, number=st.integers(0, 9), marks=MARKS)
    def append(self, process: str, lease: Lease, number: int, marks: RunMarks) -> None:
        """Append with a lease that may be good."""
        self.both(process, lambda journal, bench: journal.append(lease, [a_note(bench, number)] * (number % 3), marks))

    @rule(process=PROCESSES, run_id=RUN_IDS, lease_s=SECONDS)
    def acquire(self, process: str, run_id: str, lease_s: float) -> None:
        """Ask for a lease."""
        self.both(process, lambda journal, _: journal.acquire(run_id, lease_s=lease_s))

    @rule(process=PROCESSES, leases=st.lists(LEASES, max_size=3), lease_s=SECONDS)
    def renew(self, process: str, leases: list[Lease], lease_s: float) -> None:
        """Send a heartbeat."""
        self.both(process, lambda journal, _: journal.renew(leases, lease_s=lease_s))

    @rule(process=PROCESSES, lease=LEASES)
    def release(self, process: str, lease: Lease) -> None:
        """Give a lease back that may be good."""
        self.both(process, lambda journal, _: journal.release(lease))

    @rule(process=PROCESSES, run_id=RUN_IDS, why=st.sampled_from("xyz"))
    def put(self, process: str, run_id: str, why: str) -> None:
        """Leave a message."""
        self.both(process, lambda journal, bench: journal.put_inbox(run_id, CancelAsked(at=bench.now(), why=why)))

    @rule(process=PROCESSES, lease=LEASES)
    def take(self, process: str, lease: Lease) -> None:
        """Take messages."""
        self.both(process, lambda journal, _: journal.take_inbox(lease))

    @rule(process=PROCESSES, lease=LEASES)
    def check(self, process: str, lease: Lease) -> None:
        """Ask whether a lease still counts."""
        self.both(process, lambda journal, _: journal.check(lease))

    @rule(process=PROCESSES, run_id=RUN_IDS, unfinished=st.booleans(), limit=st.none() | st.integers(0, 3))
    def look(self, process: str, run_id: str, unfinished: bool, limit: int | None) -> None:
        """Read everything there is."""
        self.both(process, lambda journal, _: journal.read(run_id))
        self.both(process, lambda journal, _: journal.find_run(run_id))
        self.both(process, lambda journal, _: journal.inbox_waiting([run_id, "b"]))
        self.both(
            process,
            lambda journal, _: [
                (run.run_id, run.to, run.started, run.marks, run.driven, run.owner is None)
                for run in journal.runs(unfinished=unfinished, limit=limit)
            ],
        )

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for bench in self.benches:
            bench.now.move(seconds)

    @rule()
    def kill(self) -> None:
        """End the other process, if it ever began."""
        for index, bench in enumerate(self.benches):
            journal = self.opened.pop((index, "other"), None)
            if journal is not None:
                bench.kill("other")


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
