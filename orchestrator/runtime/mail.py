"""Where events end: in the inbox of the run that owns the call, before they are acknowledged (contract section 6).

An event is a reason to look, and proves nothing. So one that nobody can use is counted and forgotten, and a flood of
forged ones cannot fill the disk: a run with unread messages enough gets no further one. The event receiver calls this.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from orchestrator.core.records import EventReceived
from orchestrator.ports import Journal, Taken

MOST_UNREAD = 64
"""Messages that may wait for one run."""

_logger = logging.getLogger("orchestrator")


class Postbox:
    """Takes events, from any number of threads (`ports.EventSink`).

    Args:
        journal: Knows who owns a call, and keeps the inboxes.
        on_mail: Called with the id of each run that got mail, once that is on disk, so that a driver in this process
            need not wait for its next look. What it raises is logged, and changes nothing.
        on_ringing: Called with the event of a call that rings and that nobody owns. What it does must last: the event
            is acknowledged once it returns, and sent to another address where it raises.
        most_unread: Messages that may wait for one run.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        on_mail: Callable[[str], None] | None = None,
        on_ringing: Callable[[EventReceived], None] | None = None,
        most_unread: int = MOST_UNREAD,
    ) -> None:
        self._journal = journal
        self._on_mail = on_mail
        self._on_ringing = on_ringing
        self._most_unread = most_unread

    def take(self, event: EventReceived) -> Taken:
        """Keep one event. Raises JournalError."""
        return self.take_all([event])[0]

    def take_all(self, events: Sequence[EventReceived]) -> list[Taken]:
        """Keep events in one transaction and return what became of each. Raises JournalError: none of them is kept."""
        owners = self._journal.owners_of({event.call.call_id for event in events})
        mail = [(owners[event.call.call_id], event) for event in events if event.call.call_id in owners]
        posted = iter(self._journal.put_inbox_many(mail, most_unread=self._most_unread) if mail else ())
        taken = [next(posted) if event.call.call_id in owners else self._without_owner(event) for event in events]
        self._tell(owners, events, taken)
        return taken

    def _without_owner(self, event: EventReceived) -> Taken:
        if event.call.status != "ringing":
            return Taken.UNKNOWN
        if self._on_ringing is not None:
            try:
                self._on_ringing(event)
            except Exception:
                _logger.exception("an incoming call could not be handed on")
                return Taken.FAILED
        return Taken.RINGING

    def _tell(self, owners: Mapping[str, str], events: Sequence[EventReceived], taken: Sequence[Taken]) -> None:
        if self._on_mail is None:
            return
        for run_id in {
            owners[event.call.call_id]: None
            for event, became in zip(events, taken, strict=True)
            if became is Taken.STORED
        }:
            try:
                self._on_mail(run_id)
            except Exception:
                _logger.exception("on_mail raised; the event is in the journal")
