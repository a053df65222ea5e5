"""A run of ten steps with the real journal on a disk that fails, against the sandbox's model in virtual time.

Smaller than the simulations of `tests/property`: nothing fails here but the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.adapters.dialects.call_api import CallApi
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.adapters.journal.owner import owner_of
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation
from orchestrator.core.records import Intended, Record, RunMarks, RunStarted
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import JournalError
from orchestrator.ports import Lease
from orchestrator.runtime.control import Control
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.runtime.shared import RunResult
from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from orchestrator.scriptfile import parse_script
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import FakeTransport, Sent
from tests.fakes.virtual_time import VirtualTime
from tests.faults.disk import Disk

TO, FROM, RUN_ID = "+15555550100", "+15555550199", "run-1"
SCRIPT = parse_script(
    """
version: 1
commands:
  - dial: {to: "+15555550100", from: "+15555550199", timeout: 20}
  - say: {text: "One, the first sentence."}
  - say: {text: "Two, the second sentence."}
  - get_dtmf: {timeout: 3, commands: [{say: {text: "Three, press a key."}}]}
    save: choice
  - say: {text: "Four, you pressed {{ choice }}."}
  - send_dtmf: {dtmf: "5555"}
  - say: {text: "Six, the sixth sentence."}
  - hold: {}
  - unhold: {}
  - say: {text: "Nine, the ninth sentence."}
  - hangup: {}
"""
)
WHOLE = [
    "One, the first sentence.",
    "Two, the second sentence.",
    "Three, press a key.",
    "Four, you pressed 1.",
    "5555",
    "Six, the sixth sentence.",
    "Nine, the ninth sentence.",
]
_MOST_LIVES = 5
_NO_PROCESS = 2**22 + 1
"""Above what Linux gives to processes: the leases of such an owner are free at once."""
_LOOKS = (Operation.LOOK, Operation.LIST)


class _Noting(SqliteJournal):
    """The real journal, which tells the world what it has acknowledged."""

    world: DiskWorld

    def start_run(self, started: RunStarted, **options: Any) -> Lease:
        """Create the run."""
        lease = super().start_run(started, **options)
        self.world.acknowledged([started])
        return lease

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append."""
        super().append(lease, records, marks)
        self.world.acknowledged(records)


class DiskWorld:
    """One run: a first process whose disk may fail, and as many more as it takes, whose disk is well.

    Attributes:
        batches: What is surely on disk, by transaction.
        sent: For each request that left but looks the number of its intent's record; None for the end of a call that
            needed none.
        errors: What the processes met.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.disk = disk
        self.time = VirtualTime(drowsy_s=20.0)
        callees = Callees({TO: [Behaviour(keys=("1",) * 5)]})
        self.model = CallServer(ids=counted_ids(), callees=callees, timing=Timing(words_per_minute=150.0))
        self.batches: list[list[Record]] = []
        self.sent: list[int | None] = []
        self.errors: list[JournalError] = []
        self._server = ModelServer(self.model, self.time)
        self._here = owner_of(1)
        self._lives = 0

    @property
    def records(self) -> list[Record]:
        """The run's records as they are surely on disk."""
        return [record for batch in self.batches for record in batch]

    @property
    def state(self) -> RunState:
        """The run as they tell."""
        return fold(self.records)

    @property
    def heard(self) -> list[str]:
        """What the callee heard, in order."""
        call_id = self.state.call_id
        found = [] if call_id is None else self.model.transcript.heard(call_id)
        return [str(entry.get("text", entry.get("keyed"))) for entry in found]

    def run(self) -> DiskWorld:
        """Run it from its start to its end."""
        with self.time.running():
            for _ in range(_MOST_LIVES):
                needs_another = self._live()
                self.disk.heal()
                if not needs_another:
                    break
                self.time.sleep(1.0)
        return self

    def acknowledged(self, records: Sequence[Record]) -> None:
        """Take what the journal said is on disk."""
        self.batches.append(list(records))

    def _live(self) -> bool:
        """Live one life; return whether another is needed."""
        process = self.time.begin_process(f"process {self._lives}")
        self._lives += 1
        journal = runner = None
        try:
            journal = self._open()
            runner = self._runner(journal)
            result = self._drive(runner, journal)
        except JournalError as error:
            self.errors.append(error)
            return True
        finally:
            if runner is not None:
                runner.close()
            if journal is not None:
                journal.close()
            self.time.kill(process)
            self.time.begin_process("between two lives")
        return result.state.end is None and result.state.phase is not Phase.UNDECIDED

    def _open(self) -> SqliteJournal:
        owner = replace(self._here, pid=_NO_PROCESS + self._lives, pid_start=None)
        journal = _Noting(self.path, now=self.time.now, busy_timeout_s=0.001, owner=owner)
        journal.world = self
        return journal

    def _runner(self, journal: SqliteJournal) -> Runner:
        return Runner(
            journal=journal,
            transport=FakeTransport(self._server, self.time, dialect=CallApi(), watch=self._watch),
            clock=self.time,
            control=Control(self.time),
            new_id=lambda: RUN_ID,
            draw=lambda: 0.5,
            lease_s=30.0,
        )

    def _drive(self, runner: Runner, journal: SqliteJournal) -> RunResult:
        """Begin the run, or resume it from what is really on disk."""
        if not list(journal.runs()):
            return runner.run(
                SCRIPT, Prepared(to=TO, from_=FROM, variables={"to": TO}, secrets={}, settings=Settings())
            )
        found, known = journal.read(RUN_ID), self.records
        assert found[: len(known)] == known, "an acknowledged record is gone"
        if len(found) > len(known):  # an append that failed may have reached the disk all the same
            self.acknowledged(found[len(known) :])
        return runner.resume(RUN_ID, SCRIPT, secrets={}, settings=Settings())

    def _watch(self, sent: Sent) -> None:
        """Find the intent of a request among what is surely on disk; a call may be ended without one on a bad disk."""
        request = sent.request
        if request.operation in _LOOKS:
            return
        records = self.records
        number = next(at for at in range(len(records) - 1, -1, -1) if isinstance(records[at], Intended | RunStarted))
        intent = records[number]
        names = tuple(next(iter(command)) for command in request.commands)
        is_meant = isinstance(intent, Intended) and intent.operation is request.operation and intent.commands == names
        if is_meant:
            assert number not in self.sent, "sent twice for one intent"
            self.sent.append(number)
        else:
            assert request.operation is Operation.END, f"no intent on disk for {request}"
            assert self.disk.failed
            self.sent.append(None)


def fresh_copy(template: Path, path: Path) -> Path:
    """Return a copy of a journal that nobody has open."""
    return Path(shutil.copyfile(template, path))
