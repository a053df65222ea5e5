"""Flat combining: of the threads that want a commit at the same time, one does the work of all with one fsync.

A thread that finds nobody at work leads at once, without waiting for others and without changing threads, so that a
single run pays nothing. Whoever comes meanwhile waits; the first of them leads next and takes all that wait. Knows
nothing of databases; the writer calls it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Context = TypeVar("Context")
Result = TypeVar("Result")


class Submission(Generic[Context, Result]):
    """One piece of work and what came of it. It counts as done only once `succeed` or `fail` was called."""

    __slots__ = ("_error", "_result", "leads", "settled", "turn", "work")

    def __init__(self, work: Callable[[Context], Result]) -> None:
        self.work = work
        self.settled = False
        self.leads = False
        self.turn: threading.Lock | None = None  # held while its thread must wait
        self._result: Result | None = None
        self._error: BaseException | None = None

    def succeed(self, result: Result) -> None:
        """The work is on disk."""
        self._result, self.settled = result, True

    def fail(self, error: BaseException) -> None:
        """Nothing of the work took effect, as far as can be known."""
        self._error, self.settled = error, True

    def outcome(self) -> Result:
        """Return the work's result or raise its error, in the thread that submitted it."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set together with `settled`


class Combiner(Generic[Context]):
    """Runs submissions in batches, one batch at a time.

    Args:
        run_batch: Does the work of all and settles each. Never called by two threads at once.
        abandoned: Makes the error of a submission that `run_batch` left unsettled (it was interrupted).
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Submission[Context, object]]], None],
        abandoned: Callable[[], Exception],
    ) -> None:
        self._run_batch = run_batch
        self._abandoned = abandoned
        self._mutex = threading.Lock()
        self._waiting: deque[Submission[Context, object]] = deque()
        self._led = False

    def submit(self, work: Callable[[Context], Result]) -> Result:
        """Run `work` in some batch; return its result or raise its error."""
        submission: Submission[Context, Result] = Submission(work)
        with self._mutex:
            self._waiting.append(submission)  # type: ignore[arg-type]  # a batch mixes results of all types
            follows, self._led = self._led, True
            if follows:
                submission.turn = threading.Lock()
                submission.turn.acquire()
        if follows:
            self._wait(submission)
        if not submission.settled:
            self._lead()
        return submission.outcome()

    def _wait(self, submission: Submission[Context, Result]) -> None:
        """Wait until the submission was settled by another thread, or is to lead."""
        assert submission.turn is not None
        try:
            submission.turn.acquire()
        except BaseException:  # Ctrl-C: whatever has not begun is withdrawn, and the lead is not lost with it
            with self._mutex:
                if submission in self._waiting:
                    self._waiting.remove(submission)  # type: ignore[arg-type]
                if submission.leads:
                    self._hand_over()
            raise

    def _lead(self) -> None:
        with self._mutex:
            batch = tuple(self._waiting)
            self._waiting.clear()
        try:
            self._run_batch(batch)
        finally:
            with self._mutex:
                self._hand_over()
            for submission in batch:
                if not submission.settled:
                    submission.fail(self._abandoned())
                if submission.turn is not None:
                    submission.turn.release()

    def _hand_over(self) -> None:
        """Let the first that waits lead, if any; the mutex is held."""
        self._led = bool(self._waiting)
        if self._waiting:
            heir = self._waiting[0]
            heir.leads = True
            assert heir.turn is not None
            heir.turn.release()
