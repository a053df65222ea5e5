"""A campaign in virtual time: its callees, its ticks, and what outlives them. For tests of the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from typing import Any

from orchestrator.core.campaign import Campaign, Occurrence
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.exchange import Request
from orchestrator.core.records import Disposition
from orchestrator.core.redial import RedialRule
from orchestrator.core.script import Dial, Entry, Plain, Say, Script, Sms
from orchestrator.core.settings import Settings
from orchestrator.errors import UsageError
from orchestrator.ports import Standing
from orchestrator.runtime.batch import Batch
from orchestrator.runtime.control import Control
from orchestrator.runtime.job import Finished, Job, TickReport
from orchestrator.runtime.runner import Prepared, Runner
from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.timing import Timing
from tests.conformance.memory_journal import MemoryJournal, MemoryStore
from tests.fakes.model_server import ModelServer
from tests.fakes.transport import CLEAN, FakeTransport, Treatment
from tests.fakes.virtual_time import EPOCH, VirtualTime

NUMBERS = [f"+1212555{number:04}" for number in range(10)]
FROM = "+15555550199"
LONGEST_S = 60.0
BUSY = Behaviour(does="busy", after=0.1)
AGAIN = RedialRule(disposition=Disposition.BUSY, times=1, after_s=300.0)


class _Number:
    """Text that is the callee's number, as a campaign's template would give it."""

    source, names = "{{ to }}", frozenset({"to"})

    def render(self, variables: Any) -> str:
        """Return it."""
        return str(variables["to"])


def entry(element: Any) -> Entry:
    return Entry(element=element, digest=str(element), written=type(element).__name__.lower())


SCRIPT = Script(
    name="reminder",
    entries=(entry(Dial(to=_Number(), from_=Plain(FROM))), entry(Say(Plain("one two three four five")))),
)
MESSAGE = Script(
    name="message", entries=(entry(Sms(to=_Number(), from_=Plain(FROM), message=Plain("Please call us."))),)
)


class Bench:
    """A campaign, its callees, and what outlives its ticks."""

    def __init__(self, **campaign: Any) -> None:
        self.time = VirtualTime()
        self.callees = Callees()
        model = CallServer(
            ids=counted_ids(), callees=self.callees, timing=Timing(words_per_minute=150.0), capabilities=frozenset()
        )
        self.server = ModelServer(model, self.time)
        self.store = MemoryStore()
        self.campaign = Campaign(**{"name": "spring", **campaign})
        self.occurrence = Occurrence("monday")
        self.contacts: Sequence[Contact | Rejected] = [contact(number) for number in NUMBERS[:3]]
        self.forbidden: dict[str, str] = {}
        self.network: Treatment | Callable[[Request], Treatment] = CLEAN
        self.fallback: Script | None = None
        self.digest = "one file"
        self.settings = Settings()
        self.has_secrets = False
        self.holidays: dict[str, frozenset[date] | None] = {}
        self.told: list[Finished] = []
        self.enough = 1000
        self._ids = count(1)
        self._processes = count(1)

    def job(self) -> Job:
        """What a tick works on."""
        return Job(
            campaign=self.campaign,
            occurrence=self.occurrence,
            script=SCRIPT,
            longest_s=LONGEST_S,
            contacts=lambda: self.contacts,
            content_digest=self.digest,
            prepare=self.prepare,
            zones_of=lambda _: frozenset({"UTC"}),
            forbidden=self.forbidden.get,
            holidays_of=lambda number: self.holidays.get(number, frozenset()),
            fallback=self.fallback,
            has_secrets=self.has_secrets,
            has_priorities=True,
        )

    def prepare(self, row: Contact) -> Prepared:
        """What a contact's run needs."""
        if row.variables.get("bad"):
            raise UsageError("a variable is missing")
        variables = {"to": row.to, **row.variables}
        return Prepared(to=row.to, from_=row.from_ or FROM, variables=variables, secrets={}, settings=self.settings)

    def journal(self) -> MemoryJournal:
        """The journal as a new process sees it."""
        return MemoryJournal(now=self.time.now, store=self.store, process=f"process {next(self._processes)}")

    def batch(self, journal: MemoryJournal, control: Control) -> tuple[Runner, Batch]:
        """A tick that has not begun."""
        runner = Runner(
            journal=journal,
            transport=FakeTransport(self.server, self.time, network=self._treatment),
            clock=self.time,
            control=control,
            new_id=lambda: f"run-{next(self._ids)}",
            draw=lambda: 0.5,
            lease_s=30.0,
        )
        made = Batch(
            runner=runner,
            journal=journal,
            store=journal.campaigns,
            clock=self.time,
            control=control,
            job=self.job(),
            lease_s=30.0,
            told=self.told.append,
            enough=lambda: len(self.told) >= self.enough,
        )
        return runner, made

    def _treatment(self, request: Request) -> Treatment:
        return self.network if isinstance(self.network, Treatment) else self.network(request)

    def tick(self, *, after_s: float = 0.0, stop_at_s: float | None = None) -> TickReport:
        """Run a tick in a process of its own."""
        self.time._broken = None  # further threads may take part after those of the last tick have ended
        with self.time.running():
            self.time.sleep(after_s)
            control = Control(self.time)
            if stop_at_s is not None:
                self.time.at(self.time.seconds + stop_at_s, lambda: control.stop(grace_s=30.0, why="a signal"))
            runner, made = self.batch(self.journal(), control)
            try:
                return made.tick()
            finally:
                runner.close()

    def cancel(self, run_id: str, *, code: str) -> None:
        """End a run in a process of its own."""
        self.time._broken = None
        with self.time.running():
            runner, _ = self.batch(self.journal(), Control(self.time))
            runner.cancel(run_id, why="a test", code=code)
            runner.close()

    def rung(self) -> list[tuple[float, str]]:
        """When which number rang."""
        entries = self.server.model.transcript.entries
        return [(each["at"] - EPOCH, each["to"]) for each in entries if each["event"] == "ringing"]

    def numbers(self) -> list[str]:
        """The numbers that rang, in order."""
        return [number for _, number in self.rung()]

    def standing(self, number: str) -> Standing:
        """Where the contact of a number stands."""
        (found,) = (each for each in self.store.campaigns.contacts.values() if each.number == number)
        return found


def contact(number: str, **fields: Any) -> Contact:
    return Contact(line=1, to=number, **fields)
