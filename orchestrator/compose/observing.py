"""Who is told of what runs do, without being able to disturb them."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.records import Record
from orchestrator.core.state import RunState

Observer = Callable[[Record, RunState], None]


def guarded(observer: Observer) -> Observer:
    """Return an observer whose own errors cannot end somebody's call."""

    def observe(record: Record, state: RunState) -> None:
        try:
            observer(record, state)
        except Exception:
            import logging

            logging.getLogger("orchestrator").exception("on_record raised; the call goes on")

    return observe
