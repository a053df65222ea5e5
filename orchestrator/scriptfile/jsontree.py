"""JSON text → tree: the standard library's `json` judges the text and reads its values, a walk over tokens places them.

YAML is not quite a superset of JSON (tabs, long names and a colon on its own line are valid JSON only), so the
places do not come from the YAML composer. Called by `parse` only.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import accumulate

from orchestrator.scriptfile.source import Complaints, usable
from orchestrator.scriptfile.tree import DEEPEST, Kind, ListNode, MapNode, Node, Pair, Scalar
from orchestrator.scriptfile.yamltree import unique

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+')
_WORDS = {"true": Kind.BOOLEAN, "false": Kind.BOOLEAN, "null": Kind.NULL}
_TOO_DEEP = f"the lists and mappings are nested deeper than {DEEPEST} levels"
_WORDING = {
    "Expecting property name": "a name in double quotes is expected here; a comma before a closing `}` is one too many",
    "Illegal trailing comma": "this comma is one too many",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing before this",
    "Expecting ':' delimiter": "a `:` is missing after the name that stands before this",
    "Expecting value": "a value is expected here; text stands in double quotes, and no comma before a closing `]`",
    "Extra data": "the script ends before this; nothing may follow its last `}`",
    "Unterminated string": "the closing quote of this text is missing",
    "Invalid control character": "a line break or tab cannot stand in text; write \\n or \\t",
    "Invalid \\": "this escape does not exist; a backslash itself is written \\\\",
}


def read_json(complaints: Complaints) -> Node:
    """Return the tree of a JSON text. Raises ScriptError when it is not JSON; else notes what it finds."""
    text = complaints.source.text
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise complaints.stop(error.pos, f"this is not valid JSON: {_explain(error.msg)}") from error
    except RecursionError as error:
        raise complaints.stop(_first_too_deep(text), _TOO_DEEP) from error
    return _Walk(complaints).tree()


def _explain(raw: str) -> str:
    return next((wording for start, wording in _WORDING.items() if raw.startswith(start)), raw)


def _first_too_deep(text: str) -> int:
    """Return the offset of the first bracket that is nested too deep."""
    brackets = [match for match in _TOKEN.finditer(text) if match.group() in {"{", "[", "}", "]"}]
    depths = accumulate(1 if match.group() in "{[" else -1 for match in brackets)
    return next(match.start() for match, depth in zip(brackets, depths, strict=True) if depth > DEEPEST)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose closing bracket has not been reached."""

    start: int
    is_map: bool
    items: list[Node] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    key: Scalar | None = None


class _Walk:
    """Builds the tree of a text that `json` has found valid, without recursion."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._open: list[_Open] = []

    def tree(self) -> Node:
        root: Node | None = None
        for lexeme in _TOKEN.finditer(self._complaints.source.text):
            done = self._take(lexeme.group(), lexeme.start(), lexeme.end())
            root = done or root
        assert root is not None
        return root

    def _take(self, lexeme: str, start: int, end: int) -> Node | None:
        if lexeme in "{[":
            self._open.append(_Open(start, is_map=lexeme == "{"))
            if len(self._open) > DEEPEST:
                raise self._complaints.stop(start, _TOO_DEEP)
            return None
        if lexeme in "}]":
            return self._place(self._close())
        return None if lexeme in ",:" else self._place(self._scalar(lexeme, start, end))

    def _close(self) -> Node:
        closed = self._open.pop()
        if closed.is_map:
            return MapNode(unique(closed.pairs, self._complaints), closed.start)
        return ListNode(tuple(closed.items), closed.start)

    def _place(self, node: Node) -> Node | None:
        """Put a finished node into what encloses it; return it if it is the outermost."""
        if not self._open:
            return node
        around = self._open[-1]
        if not around.is_map:
            around.items.append(node)
        elif around.key is None:
            assert isinstance(node, Scalar)
            around.key = node
        else:
            around.pairs.append(Pair(around.key, node))
            around.key = None
        return None

    def _scalar(self, lexeme: str, start: int, end: int) -> Scalar:
        if lexeme.startswith('"'):
            text: str = json.loads(lexeme)
            if not usable(text):
                self._complaints.add(start, "this text holds a character that can be neither spoken nor sent")
            return Scalar(text, start, end)
        if lexeme in {"NaN", "Infinity", "-Infinity"}:
            self._complaints.add(start, f"`{lexeme}` is not a number of JSON")
            return Scalar(lexeme, start, end)
        return Scalar(lexeme, start, end, _WORDS.get(lexeme, Kind.NUMBER))
