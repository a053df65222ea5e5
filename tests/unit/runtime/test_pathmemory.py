"""What requests tell of the path: which of them, when it is written, and that no call suffers by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.instant import Instant
from orchestrator.core.limits import Cut, CutKind, History, Lived
from orchestrator.core.records import Noticed
from orchestrator.core.script import Hangup
from orchestrator.errors import JournalError
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.runner import Prepared, Runner
from tests.conformance.memory_journal import MemoryJournal
from tests.fakes.transport import CLEAN, Treatment
from tests.property.scenarios import FROM, TO, Crash, script_of
from tests.unit.runtime.test_driver import LONG, Bench

HOST = "api.example"
BEGUN = Instant(1_700_000_000.0, 100.0, "boot")
COMMAND = Request(operation=Operation.COMMAND, call_id="call", commands=({"say": {"text": "Hello"}},))


def reply(lasted_s: float = 60.0, *, cut: CutKind | None = CutKind.CLOSED, outcome: Outcome = Outcome.UNKNOWN) -> Reply:
    return Reply(outcome=outcome, reason="", first_byte=BEGUN, ended=BEGUN.plus(lasted_s), cut=cut)


def clean(lasted_s: float = 60.0) -> Reply:
    return reply(lasted_s, cut=None, outcome=Outcome.DONE)


class Store:
    """A journal's store that can fail, and counts."""

    def __init__(self) -> None:
        self.paths = MemoryJournal(now=lambda: BEGUN).paths
        self.fails = False
        self.reads = 0

    def add_cut(self, cut: Cut) -> None:
        """Keep a cut, or fail."""
        if self.fails:
            raise JournalError("the disk is full")
        self.paths.add_cut(cut)

    def add_lived(self, lived: Lived) -> None:
        """Keep a clean request."""
        self.paths.add_lived(lived)

    def read(self, host: str) -> History:
        """Return what is kept."""
        self.reads += 1
        return self.paths.read(host)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def memory(store: Store) -> PathMemory:
    return PathMemory(store, host=HOST)


def test_a_cut_is_kept_with_its_length_kind_and_page(store: Store, memory: PathMemory) -> None:
    """Only when it is told to write."""
    memory.note(COMMAND, replace(reply(29.5, cut=CutKind.GATEWAY), status=504))
    assert store.reads == 0
    memory.write()
    cut = Cut(host=HOST, lasted_s=29.5, kind=CutKind.GATEWAY, when=BEGUN.wall + 29.5, status=504)
    assert store.read(HOST) == History((cut,), ())


def test_a_clean_request_is_kept_while_it_is_news(store: Store, memory: PathMemory) -> None:
    """The three longest are enough, and what is no news costs no reading."""
    for lasted_s in (10.0, 10.0, 10.0, 10.0, 9.0, 12.0):
        memory.note(COMMAND, clean(lasted_s))
        memory.write()
    assert [each.lasted_s for each in store.read(HOST).lived] == [12.0, 10.0, 10.0, 10.0]
    reads = store.reads
    for _ in range(5):
        memory.note(COMMAND, clean(10.0))
        memory.write()
    assert store.reads == reads + 1


@pytest.mark.parametrize(
    ("request_", "reply_"),
    [
        (COMMAND, reply(1.0)),
        (COMMAND, clean(0.5)),
        (COMMAND, reply(cut=None)),
        (COMMAND, reply(cut=None, outcome=Outcome.REJECTED)),
        (COMMAND, replace(reply(), first_byte=None)),
        (replace(COMMAND, asynchronous=True), clean()),
        (replace(COMMAND, operation=Operation.LOOK), reply()),
        (replace(COMMAND, operation=Operation.SMS), clean()),
    ],
)
def test_what_tells_nothing_of_limits_is_not_noted(
    store: Store, memory: PathMemory, request_: Request, reply_: Reply
) -> None:
    """Short requests, those that were not held open, and ends that were neither the path's nor a whole reply."""
    memory.note(request_, reply_)
    memory.write()
    assert store.reads == 0


def test_whoever_wants_to_know_is_told_of_cuts_that_are_news(store: Store) -> None:
    """Not of clean requests, nor of a cut at the same moment as another."""
    told: list[None] = []
    memory = PathMemory(store, host=HOST, on_cut=lambda: told.append(None))
    for each in (clean(), reply(60.0), reply(60.5)):
        memory.note(COMMAND, each)
        memory.write()
    assert len(told) == 1
    assert len(store.read(HOST).cuts) == 1


def test_a_journal_that_fails_costs_nothing_but_the_memory(store: Store, memory: PathMemory) -> None:
    """What could not be written is forgotten; what comes later is kept."""
    store.fails = True
    memory.note(COMMAND, reply(60.0))
    memory.note(COMMAND, clean())
    memory.write()
    store.fails = False
    memory.write()
    assert store.read(HOST) == History((), ())
    memory.note(COMMAND, reply(61.0))
    memory.write()
    assert [cut.lasted_s for cut in store.read(HOST).cuts] == [61.0]


class _Remembering(Bench):
    """A simulation whose runner remembers, and that writes down what was sent last when a cut is written."""

    def runner(self, crash: Crash | None = None) -> Runner:
        """Return a runner with a memory."""
        super().runner(crash)
        self.paths = self.outsider().paths
        self.written_after: list[Operation] = []
        memory = PathMemory(self.paths, host=HOST, on_cut=lambda: self.written_after.append(self.operations()[-1]))
        return Runner(
            journal=self.journal,
            transport=self.transport,
            clock=self.time,
            control=self.control,
            new_id=lambda: self.run_id,
            draw=lambda: 0.5,
            lease_s=30.0,
            memory=memory,
        )


def test_a_run_writes_its_cuts_while_the_next_request_is_open() -> None:
    """Never between two steps: the looks after the cut, and the silence after them, pass without a write."""
    bench = _Remembering(script_of(LONG, Hangup()), CLEAN, Treatment(cut_after_s=20.0))
    with bench.time.running():
        runner = bench.runner()
        bench.drive(runner)
        runner.close()
    (cut,) = bench.paths.read(HOST).cuts
    assert (cut.kind, cut.lasted_s) == (CutKind.RESET, pytest.approx(20.0))
    assert bench.operations()[-1] is Operation.COMMAND
    assert bench.written_after == [Operation.COMMAND]
    assert Operation.LOOK in bench.operations()


def test_what_the_last_request_told_is_written_at_the_end() -> None:
    """A call that its callee ends has no next request."""
    bench = _Remembering(script_of(LONG))
    with bench.time.running():
        runner = bench.runner()
        bench.drive(runner)
        runner.close()
    assert max(each.lasted_s for each in bench.paths.read(HOST).lived) == pytest.approx(40.0, abs=1.0)


@pytest.mark.parametrize(("limit_s", "code"), [(60.0, "limit_learned"), (None, "limit_not_kept")])
def test_a_run_notes_that_its_limit_was_learned(limit_s: float | None, code: str) -> None:
    """In its records, before anything is sent; also where the limit is left out, since not every step fits it."""
    bench = Bench(script_of(Hangup()))
    with bench.time.running():
        runner = bench.runner()
        settings = replace(bench.settings, limit_s=limit_s)
        prepared = Prepared(
            to=TO, from_=FROM, variables={}, secrets={}, settings=settings, learned="the limit was learned"
        )
        result = runner.run(bench.scenario.script, prepared)
        runner.close()
    assert [(note.code, note.message) for note in result.state.notices] == [(code, "the limit was learned")]
    assert isinstance(bench.simulated.records[1], Noticed)
