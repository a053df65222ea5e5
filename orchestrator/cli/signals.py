"""What signals do while calls are live (rules, section 4.11): the first stops with grace, the second at once.

A handler only puts the signal into a queue; a thread of its own does the rest, since a handler may interrupt anything,
even a lock it would need itself. `run`, `resume` and `batch` use it; `drill` only needs `handled`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from orchestrator.runtime.control import Control

PATIENCE_S = 5.0
"""How long a call may take to be ended after the second signal before the process ends without it."""
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have signals handled so; those that are ignored, by `nohup` or in the background of a script, stay ignored."""
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class Stops:
    """Turns signals into orders, from `__enter__` to `__exit__`.

    Attributes:
        asked: Whether a first signal came.
        forced: The exit code after a second signal, 128+n; None before.
    """

    def __init__(
        self,
        control: Control,
        *,
        grace_s: float,
        hand_over: bool,
        say: Callable[[str], None],
        left_behind: Callable[[], Sequence[str]],
        last_words: Callable[[str], None] | None = None,
    ) -> None:
        """Take what to do at the first signal.

        Args:
            control: Gets the orders.
            grace_s: How long live calls may go on.
            hand_over: Leave live calls up instead.
            say: Tells the user.
            left_behind: Returns for each call that may be up the command that ends it.
            last_words: Writes the result, given why, where the process ends before its calls do.
        """
        self.asked = False
        self.forced: int | None = None
        self._control = control
        self._grace_s = grace_s
        self._hand_over = hand_over
        self._say = say
        self._left_behind = left_behind
        self._last_words = last_words
        self._came: SimpleQueue[int] = SimpleQueue()
        self._left = threading.Event()
        self._handled = handled(_SIGNALS, self._hear)
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)

    def __enter__(self) -> Self:
        self._handled.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._handled.__exit__(None, None, None)
        self._came.put(0)
        self._thread.join()

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._came.put(number)

    def _listen(self) -> None:
        while not self._left.is_set():
            number = self._came.get()
            if not number:
                return
            if not self.asked:
                self._first(number)
            elif self.forced is None:
                self._second(number)

    def _first(self, number: int) -> None:
        self.asked = True
        name = signal.Signals(number).name
        self._control.stop(grace_s=self._grace_s, why=f"stopped by {name}", hand_over=self._hand_over)
        if not self._left_behind():
            self._say(f"{name}: nothing more is begun.")
        elif self._hand_over:
            self._say(f"{name}: the call is left up after this step, for `resume` to carry on. Again: end it now.")
        else:
            self._say(f"{name}: the call goes on for at most {self._grace_s:g} s, then it is ended. Again: end it now.")

    def _second(self, number: int) -> None:
        self.forced = 128 + number
        name = signal.Signals(number).name
        self._control.stop(grace_s=0, why=f"stopped by {name}")
        self._say(f"{name} again: the call is ended now.")
        if not self._left.wait(PATIENCE_S):
            self._say("The call could not be ended in time.")
            try:
                for command in self._left_behind():
                    self._say(f"To end it: {command}")
                if self._last_words is not None:
                    self._last_words(f"stopped by {name}; the call could not be ended in time")
            finally:
                os._exit(self.forced)
