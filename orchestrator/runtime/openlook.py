"""One look at the call while a dangerous step's request is open (rules, section 4.4).

Seeing it `in-progress` then is the proof that a later cut cannot give. Used by the driver, for one request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from orchestrator.core.instant import Instant
from orchestrator.core.records import Looked
from orchestrator.errors import OrchestratorError
from orchestrator.ports import Clock


class OpenLook:
    """Looks once, a moment after the request was sent, unless it is over by then.

    Args:
        look: Asks the API.
        keep: Writes down what was seen.
        clock: For the moment.
        after_s: How long after the first byte.
        held_up: Takes the look's place within the account's limits; returns the moment to ask again at, None for now.
        give_up: Gives that place back where there is nothing to look at any more.
    """

    def __init__(
        self,
        look: Callable[[], Looked],
        keep: Callable[[Looked], None],
        *,
        clock: Clock,
        after_s: float,
        held_up: Callable[[], Instant | None] = lambda: None,
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._look = look
        self._keep = keep
        self._clock = clock
        self._after_s = after_s
        self._held_up = held_up
        self._give_up = give_up
        self._over = threading.Event()
        self._keeping = threading.Lock()
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to wait for the moment of the look; called right before the first byte."""
        self._thread.start()

    def finish(self, *, is_evidence: bool) -> None:
        """The request is over: begin no look any more.

        Args:
            is_evidence: What a look that is under way shows is needed, and is waited for. Otherwise nobody waits for
                it, least of all the callee, and it is forgotten.
        """
        self._over.set()
        if not self._thread.ident:
            return  # nothing was sent
        if is_evidence:
            self._thread.join()
        with self._keeping:
            self._is_wanted = False

    def _run(self) -> None:
        if self._clock.wait(self._clock.now().plus(self._after_s), self._over):
            return
        try:
            while (until := self._held_up()) is not None:
                if self._clock.wait(until, self._over):
                    self._give_up()
                    return
            look = self._look()
            with self._keeping:
                if self._is_wanted:
                    self._keep(look)
        except OrchestratorError:
            return  # the lease is lost or the journal fails: the step's own thread meets the same
