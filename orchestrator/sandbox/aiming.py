"""What faults of requests and faults of events have in common: how they are numbered, counted and written down.

Pure. Used by `faults.py` and `eventfaults.py` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from orchestrator.sandbox.callees import BadSettingError, read_choice, read_count


@dataclass(slots=True, kw_only=True)
class Aimed:
    """Something that hits some of what it fits.

    Attributes:
        number: counted from 1, over faults of both sorts.
        call: only what is about the call with this id, or with this number at its other end.
        nth: the first fitting one that is hit, counted from 1.
        times: how many are hit from there on; None for all.
        every: of those from there on only each so many-th: 100 hits one in a hundred.
        seen: how many fitted so far.
        hit: how many of them were hit.
    """

    number: int
    call: str | None = None
    nth: int = 1
    times: int | None = 1
    every: int = 1
    seen: int = 0
    hit: int = 0

    @property
    def spent(self) -> bool:
        """Whether it will hit nothing any more."""
        return self.times is not None and self.hit >= self.times

    @property
    def due(self) -> bool:
        """Whether the one that was seen last is to be hit. A hit that another fault took away is made up for."""
        return not self.spent and self.seen >= self.nth + self.hit * self.every

    def document(self) -> dict[str, Any]:
        """The fault as JSON-ready data, with what is left of it."""
        document = asdict(self)
        document["remaining"] = None if self.times is None else self.times - self.hit
        return document


A = TypeVar("A", bound=Aimed)


def first_due(faults: Iterable[A], fits: Callable[[A], bool]) -> A | None:
    """The fault that hits now: the first one that is due; every fault that fits counts it."""
    chosen: A | None = None
    for fault in faults:
        if not fits(fault):
            continue
        fault.seen += 1
        if chosen is None and fault.due:
            fault.hit += 1
            chosen = fault
    return chosen


def choice(choices: Sequence[str]) -> Callable[[object, str], str]:
    """A reader for one of the given words."""
    return lambda value, where: read_choice(value, choices, where)


def read_text(value: object, where: str) -> str:
    """A text that is not empty.

    Raises:
        BadSettingError: with `where` in its message.
    """
    if not isinstance(value, str) or not value:
        raise BadSettingError(f"{where}: {value!r} is not a text")
    return value


def read_times(value: object, where: str) -> int | None:
    """How often a fault hits; None for always.

    Raises:
        BadSettingError: with `where` in its message.
    """
    return None if value is None or value == "always" else read_count(value, where)
