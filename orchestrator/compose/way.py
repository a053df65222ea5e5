"""What requests have taught of the way to the API: its history in the journal, and the network limit it tells of.

The rules are `core.limits`'s; `runtime.pathmemory` writes what is read here.
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.compose.parts import Parts
    from orchestrator.core.limits import History, Learned


class Way:
    """The way to one API. The journal is read once, and again after `forget`; none is made."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._history: History | None = None

    def learned(self) -> Learned | None:
        """Return the network limit that cuts have taught; None where nothing was learned."""
        from orchestrator.core.limits import learned_limit

        known = self.history()
        return learned_limit(known.cuts, known.lived, host=self._parts.host, now=self._parts.clock.now().wall)

    def history(self) -> History:
        """Return what the journal holds of the way: the newest first, nothing where it cannot be read."""
        from orchestrator.core.limits import History

        with self._parts.making:
            if self._history is None:
                self._history = History()
                with suppress(OrchestratorError):  # whoever needs the journal is told what is wrong with it
                    self._history = self._read()
            return self._history

    def forget(self) -> None:
        """Read the journal again the next time: it holds more by now."""
        self._history = None

    def _read(self) -> History:
        from orchestrator.adapters.journal import SqliteJournal
        from orchestrator.core.limits import History

        journal, path = self._parts.open_journal, self._parts.place.path
        if journal is not None:
            return journal.paths.read(self._parts.host)
        if not path.exists():
            return History()
        with closing(SqliteJournal(path, now=self._parts.clock.now, read_only=True)) as looked_into:
            return looked_into.paths.read(self._parts.host)
