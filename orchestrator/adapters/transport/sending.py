"""One request on its way: whether its first byte has left, and how to stop it. Knows no HTTP library."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from orchestrator.adapters.transport.sockets import Line
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock


class Stop(StrEnum):
    """Why a request was given up from outside its own thread."""

    DEADLINE = "deadline"
    ABORTED = "aborted"


class StoppedBeforeSendError(Exception):
    """The request was stopped, or its hook refused it, before its first byte: nothing leaves.

    Not an OSError: the HTTP library swallows some of those while it writes a request.
    """


class Sending:
    """The state of one send, shared by its own thread, the deadline watcher and `abort`.

    `stopped` is written by the others, `first_byte` by the own thread, which writes it first and looks at `stopped`
    after; so a request whose stop it did not see counts as sent, and one whose stop it saw never leaves.

    Attributes:
        deadline: When the whole exchange is given up.
        fresh: A connection that carried another request before must not be used.
        first_byte: When the first request byte was about to be written; None: nothing was sent.
        stopped: Why it was given up from outside, if it was.
        refusal: What the hook raised.
        replied: The reply's head has come; what ends the exchange now is no cut of a silent request.
    """

    __slots__ = (
        "_clock",
        "_hook",
        "_line",
        "_once_sent",
        "deadline",
        "first_byte",
        "fresh",
        "refusal",
        "replied",
        "stopped",
    )

    def __init__(
        self,
        clock: Clock,
        *,
        deadline: Instant,
        fresh: bool = False,
        hook: Callable[[], None] | None = None,
        once_sent: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._hook = hook
        self._once_sent = once_sent
        self._line: Line | None = None
        self.deadline = deadline
        self.fresh = fresh
        self.first_byte: Instant | None = None
        self.stopped: Stop | None = None
        self.refusal: BaseException | None = None
        self.replied = False

    def left_s(self) -> float:
        """Return the seconds until the deadline, never negative."""
        return max(self.deadline.since(self._clock.now()), 0.0)

    def take(self, line: Line) -> None:
        """Put the request on a line.

        Raises:
            StoppedBeforeSendError: It was stopped already.
        """
        line.take(self)
        self._line = line
        self._raise_if_stopped()

    def mark(self) -> None:
        """Note that the first request byte is about to be written, after asking the hook.

        Raises:
            StoppedBeforeSendError: The hook raised (see `refusal`), or the request was stopped.
        """
        if self._hook is not None:
            try:
                self._hook()
            except BaseException as error:  # noqa: BLE001 - passed on to the caller of `send` whatever it is
                self.refusal = error
                raise StoppedBeforeSendError from None
        now = self._clock.now()
        if self.stopped is None and now.since(self.deadline) >= 0:
            self.stopped = Stop.DEADLINE
        self.first_byte = now
        if self.stopped is not None:
            self.first_byte = None
        self._raise_if_stopped()

    def sent(self) -> None:
        """Note that the last request byte was written; whoever asked for it is told before the reply is read."""
        if self._once_sent is not None:
            self._once_sent()

    def stop(self, why: Stop) -> None:
        """Give the request up, from any thread: its own thread returns at once."""
        if self.stopped is None:
            self.stopped = why
        line = self._line
        if line is not None:
            line.shut(self)

    def over(self, *, whole: bool) -> None:
        """End the exchange. After this nothing of the request can leave this host.

        Args:
            whole: The reply was complete, so that the connection need not be reset.
        """
        line, self._line = self._line, None
        if line is not None:
            line.leave(self, whole=whole)

    def _raise_if_stopped(self) -> None:
        if self.stopped is not None:
            raise StoppedBeforeSendError
