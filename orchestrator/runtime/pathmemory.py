"""Remembers what the requests of this process tell of the way to the API: how long they lived, and how they were cut.

The driver notes each request; what is news is written while another request is open or at the end of a run, never in a
callee's silence. It must not know what is made of it: that is `core.limits`'s. Built by `compose`, one for each API.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.limits import Cut, History, Lived, is_news
from orchestrator.errors import JournalError
from orchestrator.ports import PathStore

SHORTEST_S = 1.0
"""A request that was over sooner tells nothing of limits."""
_HELD_OPEN = (Operation.CREATE, Operation.COMMAND)


class PathMemory:
    """What is known of the way to one host. May be used by several threads at once.

    Args:
        store: Where it is kept.
        host: The API's.
        on_cut: Told after a cut was written.
    """

    def __init__(self, store: PathStore, *, host: str, on_cut: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._host = host
        self._on_cut = on_cut
        self._lock = threading.Lock()
        self._noted: deque[Cut | Lived] = deque()
        self._known: History | None = None

    def note(self, request: Request, reply: Reply) -> None:
        """Note how a request ended. Only one that was held open for longer than `SHORTEST_S` is worth it."""
        if request.asynchronous or request.operation not in _HELD_OPEN or reply.first_byte is None:
            return
        lasted_s = reply.ended.since(reply.first_byte)
        if lasted_s <= SHORTEST_S:
            return
        when = reply.ended.wall
        if reply.cut is not None:
            cut = Cut(host=self._host, lasted_s=lasted_s, kind=reply.cut, when=when, status=reply.status)
            self._noted.append(cut)
        elif reply.outcome is Outcome.DONE:
            self._noted.append(Lived(host=self._host, lasted_s=lasted_s, when=when))

    def write(self) -> None:
        """Write what was noted and is news. A journal that fails is nothing to end a call for: then it is forgotten."""
        if not self._noted:
            return
        has_cut = False
        with self._lock:
            try:
                while self._noted:
                    has_cut |= self._write(self._noted.popleft())
            except JournalError:
                self._noted.clear()
        if has_cut:
            self._on_cut()

    def _write(self, seen: Cut | Lived) -> bool:
        """Write what is news; return whether a cut was."""
        if self._known is None:
            self._known = self._store.read(self._host)
        if not is_news(seen, self._known):
            return False
        self._known = None  # others write, too; what is news is rare
        if isinstance(seen, Cut):
            self._store.add_cut(seen)
            return True
        self._store.add_lived(seen)
        return False
