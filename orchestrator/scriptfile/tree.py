"""What a script file holds, before it means anything: scalars, lists and mappings with their places.

It knows no word of the script format. `yamltree` and `jsontree` build trees; `entries` and the others read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

DEEPEST = 40
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


class Kind(Enum):
    """What a scalar was written as. YAML scalars are TEXT, or NULL where nothing is written."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `start` and `end` are character offsets in the source, quotes included."""

    text: str
    start: int
    end: int
    kind: Kind = Kind.TEXT

    @property
    def value(self) -> str | int | float | bool | None:
        """The value in Python's types."""
        if self.kind is Kind.BOOLEAN:
            return self.text == "true"
        if self.kind is Kind.NULL:
            return None
        if self.kind is Kind.NUMBER:
            return int(self.text) if self.text.lstrip("-").isdigit() and len(self.text) < 20 else float(self.text)
        return self.text


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping whose names are unique, in the order of the file."""

    pairs: tuple[Pair, ...]
    start: int

    def find(self, name: str) -> Pair | None:
        """Return the pair of that name."""
        return next((pair for pair in self.pairs if pair.key.text == name), None)

    def scalar(self, name: str) -> Scalar | None:
        """Return the value of that name if it is a scalar."""
        pair = self.find(name)
        return pair.value if pair is not None and isinstance(pair.value, Scalar) else None

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)


Node = Scalar | ListNode | MapNode


def plain(node: Node) -> Plain:
    """Return a tree as plain Python values, without places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {pair.key.text: plain(pair.value) for pair in node}


def texts(node: Node) -> Plain:
    """Return a tree as plain values with every scalar as its text, so that `30` and `"30"` are the same."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, ListNode):
        return [texts(item) for item in node.items]
    return {pair.key.text: texts(pair.value) for pair in node}
