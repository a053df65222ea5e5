"""Between the event loop and the journal: one thread hands over all events that came while it was at the disk.

So the loop never waits for a disk, many events share one commit, and one that comes alone is handed over at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from orchestrator.core.records import EventReceived
from orchestrator.errors import JournalError
from orchestrator.ports import EventSink, Taken

_MOST_AT_ONCE = 256
_logger = logging.getLogger("orchestrator")

_Waiting = tuple[EventReceived, "asyncio.Future[Taken]"]


class Desk:
    """Hands events to a sink, for one event loop at a time.

    Its thread begins with the first event and ends with `close`.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._came: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def take(self, event: EventReceived) -> Taken:
        """Return what became of an event, once the sink has it; FAILED where the sink could not keep it."""
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="events", daemon=True)
            self._thread.start()
        self._came.put((event, future))
        return await future

    def close(self) -> None:
        """End the thread, after what is in hand."""
        if self._thread is not None:
            self._came.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (first := self._came.get()) is not None:
            batch = [first]
            while len(batch) < _MOST_AT_ONCE and not self._came.empty():  # nobody else takes from it
                further = self._came.get()
                if further is None:
                    self._came.put(None)
                    break
                batch.append(further)
            self._hand_over(batch)

    def _hand_over(self, batch: Sequence[_Waiting]) -> None:
        try:
            taken = self._sink.take_all([event for event, _ in batch])
        except JournalError as error:
            _logger.warning("%d event(s) could not be kept: %s", len(batch), error)
            taken = [Taken.FAILED] * len(batch)
        except Exception:
            _logger.exception("%d event(s) could not be kept", len(batch))
            taken = [Taken.FAILED] * len(batch)
        settled = [(future, became) for (_, future), became in zip(batch, taken, strict=True)]
        for loop in {future.get_loop() for future, _ in settled}:  # one, but for what an earlier one left behind
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, [each for each in settled if each[0].get_loop() is loop])


def _settle(settled: Sequence[tuple[asyncio.Future[Taken], Taken]]) -> None:
    for future, became in settled:
        if not future.done():  # its client may have gone
            future.set_result(became)
