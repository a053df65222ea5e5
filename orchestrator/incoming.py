"""Incoming calls: each ringing call starts a run of the script configured for its number. For `serve` and the library.

An event that a call rings proves nothing: the call is looked at first. It is acknowledged once its run is in the
journal; from then on the call is looked after like any other, by this process or the one that resumes it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.core.ask import Ask
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import CallSeen
from orchestrator.core.records import EventReceived
from orchestrator.core.script import Script
from orchestrator.errors import CallTakenError, OrchestratorError, StoppedEarlyError

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator

AT_ONCE = 50
TURNED_DOWN = Script(name="(turned down)", entries=())
"""For calls to other numbers: a run that has nothing to say hangs up. Its name is what `runs` and `show` tell."""
BEGUN_WITHIN_S = 9.0
"""An event is to be acknowledged within 10 s (contract section 6)."""
_logger = logging.getLogger("orchestrator")


class Unknown(StrEnum):
    """What becomes of a call to a number that has no script."""

    LEAVE = "leave"
    REJECT = "reject"


class IncomingCalls:
    """Answers calls. Give `ring` to an `EventReceiver` as `on_ringing`.

    Args:
        orchestrator: Drives the calls.
        scripts: The script of each number that is called, E.164; each begins with `answer`.
        unknown: What becomes of calls to other numbers.
        at_once: So many calls are taken at a time; the events of further ones are refused, so that they come again.

    Raises:
        ScriptError, UsageError: A script cannot answer a call, or lacks a variable.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        scripts: Mapping[str, Script],
        *,
        unknown: Unknown = Unknown.LEAVE,
        at_once: int = AT_ONCE,
    ) -> None:
        for number, script in scripts.items():  # whatever is wrong is said now, not when somebody calls
            orchestrator.prepare(script, Ask(to=number, from_="", incoming=True))
        self._orchestrator = orchestrator
        self._scripts = dict(scripts)
        self._unknown = unknown
        self._places = threading.Semaphore(at_once)
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="incoming")
        self._stopped = False

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ring(self, event: EventReceived) -> None:
        """Take the call of an event, if it rings and is ours to take; return once its run is in the journal.

        Raises:
            StoppedEarlyError: No further call is taken now; the event is to be sent again, or elsewhere.
            OrchestratorError: The call could not be looked at, or its run not be written.
        """
        script = self._script_for(event.call.to)
        if script is None:
            return
        if self._stopped or not self._places.acquire(blocking=False):
            raise StoppedEarlyError("no further call is taken now")
        began = threading.Event()
        taking = self._pool.submit(self._take, event.call.call_id, script, began)
        taking.add_done_callback(lambda _done: self._places.release())
        taking.add_done_callback(lambda _done: began.set())
        if not began.wait(BEGUN_WITHIN_S):
            raise StoppedEarlyError("the call could not be taken in time")
        if taking.done():
            taking.result()  # what went wrong before the run began is told by the refusal of the event

    def resume(self) -> list[Future[None]]:
        """Carry on with the incoming calls that a process before this one has left; return at once."""
        return [self._pool.submit(self._carry_on, run_id) for run_id in self._left_behind()]

    def close(self) -> None:
        """Take no further call, and wait until those that were taken are over."""
        self._stopped = True
        self._pool.shutdown(wait=True)

    def _script_for(self, number: str | None) -> Script | None:
        script = self._scripts.get(number or "")
        return TURNED_DOWN if script is None and self._unknown is Unknown.REJECT else script

    def _take(self, call_id: str, script: Script, began: threading.Event) -> None:
        call: CallSeen | None = self._orchestrator.ringing(call_id)
        if call is None:
            return  # untrue, late, or over by now
        try:
            self._orchestrator.answer(script, call, began=lambda _run_id: began.set())
        except CallTakenError:
            return  # the same event again
        except OrchestratorError:
            if not began.is_set():
                raise
            _logger.exception("an incoming call was broken off")

    def _carry_on(self, run_id: str) -> None:
        try:
            self._orchestrator.resume(run_id)
        except OrchestratorError:
            _logger.exception("incoming run %s could not be carried on", run_id)

    def _left_behind(self) -> Iterator[str]:
        for summary in self._orchestrator.resumable():
            if fold(self._orchestrator.journal.read(summary.run_id)).begun.call is not None:
                yield summary.run_id
