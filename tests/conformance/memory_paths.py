"""What is known of the ways to hosts, in memory: the port `ports.PathStore` for tests. See `memory_journal`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from orchestrator.core.limits import FORGET_AFTER_S, Cut, History, Lived
from orchestrator.ports import KEPT_OF_A_HOST

Seen = TypeVar("Seen", Cut, Lived)


class StoredPaths:
    """What a store keeps, in the order in which it came."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.lived: list[Lived] = []

    def forget(self, now_wall: float) -> None:
        """Forget what is too old."""
        self.cuts = [cut for cut in self.cuts if now_wall - cut.when <= FORGET_AFTER_S]
        self.lived = [lived for lived in self.lived if now_wall - lived.when <= FORGET_AFTER_S]


class MemoryPaths:
    """One process's view of a store. See `ports.PathStore`."""

    def __init__(self, stored: StoredPaths, using: Callable[[], AbstractContextManager[None]]) -> None:
        self._stored = stored
        self._using = using

    def add_cut(self, cut: Cut) -> None:
        """Keep a cut."""
        with self._using():
            _keep(self._stored.cuts, cut)
            self._stored.forget(cut.when)

    def add_lived(self, lived: Lived) -> None:
        """Keep a clean request."""
        with self._using():
            _keep(self._stored.lived, lived)
            self._stored.forget(lived.when)

    def read(self, host: str) -> History:
        """Return what is kept of a host, the newest first."""
        with self._using():
            return History(_newest(self._stored.cuts, host), _newest(self._stored.lived, host))


def _newest(all_seen: list[Seen], host: str) -> tuple[Seen, ...]:
    return tuple(sorted((each for each in reversed(all_seen) if each.host == host), key=lambda each: -each.when))


def _keep(all_seen: list[Seen], seen: Seen) -> None:
    all_seen.append(seen)
    for surplus in _newest(all_seen, seen.host)[KEPT_OF_A_HOST:]:
        all_seen.remove(surplus)
