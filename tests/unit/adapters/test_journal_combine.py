"""Flat combining: who leads, who follows, and what becomes of work when something breaks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from orchestrator.adapters.journal.combine import Combiner, Submission


class Watched(deque[Submission[None, object]]):
    """A queue that tells when something joined it."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = threading.Semaphore(0)

    def append(self, submission: Submission[None, object]) -> None:
        """Join the queue."""
        super().append(submission)
        self.joined.release()


class Store:
    """Runs batches when a test lets it, and remembers them."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.combiner: Combiner[None] = Combiner(self.run, lambda: RuntimeError("abandoned"))
        self.combiner._waiting = self.queue = Watched()
        self.breaks: BaseException | None = None

    def run(self, batch: Sequence[Submission[None, object]]) -> None:
        """Do the work of all."""
        self.entered.release()
        self.gate.acquire()
        if self.breaks is not None:
            error, self.breaks = self.breaks, None
            raise error
        results = []
        for submission in batch:
            try:
                results.append(submission.work(None))
                submission.succeed(results[-1])
            except ValueError as error:
                submission.fail(error)
        self.batches.append(results)

    def begin(self, work: Callable[[None], object]) -> tuple[threading.Thread, list[object]]:
        """Submit in a thread of its own, and wait until it is queued; the list gets the result or the error."""
        outcome: list[object] = []

        def body() -> None:
            try:
                outcome.append(self.combiner.submit(work))
            except BaseException as error:  # noqa: BLE001 - whatever it was is what the test looks at
                outcome.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        self.queue.joined.acquire()
        return thread, outcome


def test_one_alone_leads_at_once_in_its_own_thread() -> None:
    """A single submission runs in the thread that submitted it and returns its result."""
    store = Store()
    store.gate.release()
    assert store.combiner.submit(lambda _: threading.get_ident()) == threading.get_ident()
    assert store.batches == [[threading.get_ident()]]


def test_what_comes_meanwhile_is_one_batch() -> None:
    """Everything submitted while a batch runs is done together in the next, in order, each with its own outcome."""
    store = Store()
    first = store.begin(lambda _: "first")
    store.entered.acquire()
    others = [store.begin(lambda _, number=number: int("x" if number == 3 else number)) for number in range(5)]
    store.gate.release(2)
    for thread, _ in [first, *others]:
        thread.join()
    assert store.batches == [["first"], [0, 1, 2, 4]]
    assert [outcome for _, (outcome,) in others[:3]] == [0, 1, 2]
    assert isinstance(others[3][1][0], ValueError)


def test_a_leader_that_is_interrupted_leaves_nobody_waiting() -> None:
    """When a batch breaks off, its submissions fail as abandoned, and the next batch is led by another."""
    store = Store()
    store.breaks = KeyboardInterrupt()
    first = store.begin(lambda _: "first")
    store.entered.acquire()
    second = store.begin(lambda _: "second")
    store.gate.release(2)
    first[0].join()
    second[0].join()
    assert isinstance(first[1][0], KeyboardInterrupt)
    assert second[1] == ["second"]


def test_those_that_shared_an_interrupted_batch_are_told() -> None:
    """A follower whose leader was interrupted gets an error, never a silent success."""
    store = Store()
    first = store.begin(lambda _: "first")
    store.entered.acquire()
    pair = [store.begin(lambda _: "one")]
    pair.append(store.begin(lambda _: "two"))
    store.gate.release()
    first[0].join()
    store.entered.acquire()
    store.breaks = KeyboardInterrupt()
    store.gate.release()
    for thread, _ in pair:
        thread.join()
    assert isinstance(pair[0][1][0], KeyboardInterrupt)
    assert str(pair[1][1][0]) == "abandoned"


class Interrupting:
    """A lock whose waiting is interrupted, as Ctrl-C would."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.meanwhile = meanwhile
        self.released = 0

    def acquire(self) -> None:
        """Wait in vain."""
        self.meanwhile()
        raise KeyboardInterrupt

    def release(self) -> None:
        """Count."""
        self.released += 1


def test_a_follower_that_is_interrupted_takes_its_work_along() -> None:
    """Ctrl-C while waiting withdraws what has not begun."""
    store = Store()
    submission: Submission[None, object] = Submission(lambda _: "never")
    submission.turn = Interrupting(lambda: None)  # type: ignore[assignment]
    store.combiner._waiting.append(submission)
    store.combiner._led = True
    with pytest.raises(KeyboardInterrupt):
        store.combiner._wait(submission)
    assert not store.combiner._waiting


def test_a_follower_that_is_interrupted_while_its_work_is_done_leaves_it() -> None:
    """Ctrl-C while another thread already does the work does not disturb that batch."""
    store = Store()
    submission: Submission[None, object] = Submission(lambda _: "done")
    submission.turn = Interrupting(lambda: None)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        store.combiner._wait(submission)
    assert not store.combiner._led


def test_an_heir_that_is_interrupted_hands_the_lead_on() -> None:
    """Ctrl-C in the thread that was to lead next lets the one behind it lead."""
    store = Store()
    heir: Submission[None, object] = Submission(lambda _: "never")
    behind: Submission[None, object] = Submission(lambda _: "next")
    behind.turn = threading.Lock()
    behind.turn.acquire()

    def promote() -> None:
        with store.combiner._mutex:
            store.combiner._hand_over()

    heir.turn = Interrupting(promote)  # type: ignore[assignment]
    store.combiner._waiting.extend([heir, behind])
    with pytest.raises(KeyboardInterrupt):
        store.combiner._wait(heir)
    assert behind.leads
    assert store.combiner._led
    assert list(store.combiner._waiting) == [behind]
    assert behind.turn.acquire(blocking=False)
