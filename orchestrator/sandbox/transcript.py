"""The truth: everything that reached the stand-in, and everything a callee heard, in order.

Tests and demonstrations compare what the product believes with what stands here. Entries are plain dictionaries, ready
for JSON; docs/reference/sandbox.md lists the events and their fields. Knows nothing of HTTP or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Entry = dict[str, Any]
Listener = Callable[[Entry], None]

_HEARD = {"say": "text", "play": "resource_id", "send_dtmf": "keyed"}


class Transcript:
    """An append-only list of entries, each with `seq` (from 1), `at` (seconds since the epoch) and `event`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.listeners: list[Listener] = []
        self._written = 0

    def record(self, event: str, at: float, **fields: object) -> Entry:
        """Append an entry and tell the listeners."""
        self._written += 1
        entry: Entry = {"seq": self._written, "at": at, "event": event, **fields}
        self.entries.append(entry)
        for listener in tuple(self.listeners):
            listener(entry)
        return entry

    def find(self, after: int = 0, **wanted: object) -> list[Entry]:
        """The entries with a `seq` above `after` whose fields have the wanted values."""
        return [entry for entry in self.entries if entry["seq"] > after and matches(entry, wanted)]

    def heard(self, call_id: str) -> list[Entry]:
        """What the callee of a call was played, in order: speech, media and tones, prompts included.

        Each entry has the `command`, its `text`, `resource_id` or `keyed` tones, `start`, `end` and `complete` (false
        when the call ended or the list was cancelled in the middle of it).
        """
        return [
            {
                "command": entry["command"],
                _HEARD[entry["command"]]: entry[_HEARD[entry["command"]]],
                "start": entry["start"],
                "end": entry["at"],
                "complete": entry["status"] == "ok",
            }
            for entry in self.entries
            if entry["event"] == "ran" and entry["call"] == call_id and entry["command"] in _HEARD
        ]

    def rung(self) -> list[str]:
        """The numbers dialled, in order, one for each time."""
        return [entry["to"] for entry in self.entries if entry["event"] == "ringing"]

    def clear(self) -> None:
        """Forget the entries; `seq` goes on counting, so that an `after` taken earlier stays valid."""
        self.entries.clear()


def matches(entry: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    """Whether the entry has every wanted field with that value; texts from a query string match numbers too."""
    return all(key in entry and str(entry[key]) == str(value) for key, value in wanted.items())
