"""Numbers that stand for contacts, kept in little memory: a list may be a million rows long. Pure.

Whoever reads a contacts file must know which contacts and ids it has come to before. A dict of a million takes 130 MiB,
this 32. It knows nothing of contacts; the reader of contacts files and the batch make the numbers, by hashing.
"""

from __future__ import annotations

from array import array

_LEAST_PLACES = 1024
_FULLEST = 2 / 3
"""The part of the places that may be taken: above it most looks take several steps."""


class Marks:
    """A hash table of machine words: evenly spread numbers that are not 0, and a value for each."""

    def __init__(self) -> None:
        self._make_places(_LEAST_PLACES)

    def __contains__(self, mark: int) -> bool:
        return self._marks[self._place_of(mark)] == mark

    def add(self, mark: int, value: int = 0) -> int | None:
        """Keep a mark with its value, if it is new; return the value it is kept with already, None for a new one."""
        place = self._place_of(mark)
        if self._marks[place] == mark:
            return self._values[place]
        self._marks[place], self._values[place] = mark, value
        self._taken += 1
        if self._taken > _FULLEST * len(self._marks):
            self._grow()
        return None

    def _place_of(self, mark: int) -> int:
        """Return where a mark stands or would stand: at its place, or at the first after it that nobody else has."""
        marks = self._marks
        last = len(marks) - 1
        place = mark & last
        while marks[place] not in (0, mark):
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        marks, values = self._marks, self._values
        self._make_places(2 * len(marks))
        for mark, value in zip(marks, values, strict=True):
            if mark:
                self.add(mark, value)

    def _make_places(self, number: int) -> None:
        """Make so many empty places, a power of two."""
        self._marks, self._values = array("Q", [0]) * number, array("Q", [0]) * number
        self._taken = 0


def mark_of(digest: str) -> int:
    """Return the mark that a digest in hexadecimal digits stands for: its first ones, and never 0."""
    return int(digest[:15], 16) or 1
