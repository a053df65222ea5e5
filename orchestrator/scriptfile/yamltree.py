"""YAML text → tree, through PyYAML's composer: nodes with marks, nothing constructed, nothing guessed from scalars.

Plain scalars stay text. Duplicate names, tags, deep nesting, alias bombs and several documents are refused. Called
by `parse` only.
"""

from __future__ import annotations

import yaml
from yaml.composer import Composer, ComposerError
from yaml.error import Mark, MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from orchestrator.scriptfile.source import Complaints, usable
from orchestrator.scriptfile.tree import DEEPEST, Kind, ListNode, MapNode, Node, Pair, Scalar

_MOST_ALIAS_NODES = 10_000
_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_TOO_LARGE = "this is not valid YAML: a number or an escape (`\\U…`) here is too large"
_WORDING = {
    "mapping values are not allowed here": "a colon cannot stand here; put text that contains `: ` in quotes, "
    "and check the indentation",
    "could not find expected ':'": "a `:` is missing after the name that stands before this",
    "found unexpected end of stream": "the text ends in the middle of a quoted value; a closing quote is missing",
    "found undefined alias": "this alias (`*…`) has no anchor (`&…`); put text that starts with `*` in quotes",
    "but found another document": "a second document starts here; a file holds one script",
    "second occurrence": "this anchor (`&…`) is already used",
    "too deep": f"the lists and mappings are nested deeper than {DEEPEST} levels",
    "expected <block end>, but found '-'": "the indentation of this `-` does not fit the lines above",
    "expected <block end>, but found '<scalar>'": "nothing may follow the closing quote or bracket of a value; put the "
    "whole value in quotes",
    "expected <block end>": "the indentation does not fit the lines above",
    "expected ',' or ']'": "a `,` or the closing `]` is missing before this",
    "expected ',' or '}'": "a `,` or the closing `}` is missing before this; put text that contains `{`, `}` or "
    "`,` in quotes",
    "found character '%'": "text that starts with `%` must be in quotes",
    "found character '@'": "text that starts with `@` must be in quotes",
    "found character '`'": "text that starts with a backquote must be in quotes",
    "found character '\\t'": "a tab stands here; indent and separate with spaces",
}


class _Composer(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's composer with a limit of depth and without any guess at a scalar's type."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
            raise ComposerError(None, None, "too deep", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def read_yaml(complaints: Complaints) -> Node:
    """Return the tree of a YAML text. Raises ScriptError when it is not YAML; else notes what it finds."""
    composer = _Composer(complaints.source.text)
    try:
        root = composer.get_single_node()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise complaints.stop(_offset(mark), _explain(error)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise complaints.stop(_offset(composer.get_mark()), _TOO_LARGE) from error
    if root is None:
        raise complaints.stop(0, "the file is empty; a script needs `commands`")
    return _Converter(complaints).convert(root)


def _offset(mark: Mark | None) -> int:
    return 0 if mark is None else mark.index


def _explain(error: MarkedYAMLError) -> str:
    raw = error.problem or error.context or "unreadable"
    for start, wording in _WORDING.items():
        if raw.startswith(start):
            return f"this is not valid YAML: {wording}" if start != "too deep" else wording
    return f"this is not valid YAML: {raw}"


class _Converter:
    """Turns PyYAML's nodes into ours; an aliased node is converted once and shared."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._limit = len(complaints.source.text) + _MOST_ALIAS_NODES
        self._made: dict[int, tuple[Node, int, int]] = {}
        self._open: set[int] = set()

    def convert(self, root: yaml.Node) -> Node:
        return self._convert(root)[0]

    def _convert(self, node: yaml.Node) -> tuple[Node, int, int]:
        """Return our node, how many nodes it stands for with aliases spelt out, and how deep it is."""
        if id(node) in self._open:
            raise self._complaints.stop(_offset(node.start_mark), "this anchor (`&…`) contains itself")
        if id(node) not in self._made:
            self._open.add(id(node))
            if node.tag not in _TAGS:
                message = "tags (`!…`) are not used in scripts; put text that starts with `!` in quotes"
                self._complaints.add(_offset(node.start_mark), message)
            made = self._collection(node) if isinstance(node, yaml.CollectionNode) else (self._scalar(node), 1, 1)
            self._open.remove(id(node))
            if made[1] > self._limit or made[2] > DEEPEST:
                message = "the aliases (`*…`) in this file multiply beyond all measure"
                raise self._complaints.stop(_offset(node.start_mark), message)
            self._made[id(node)] = made
        return self._made[id(node)]

    def _scalar(self, node: yaml.Node) -> Scalar:
        start, end = _offset(node.start_mark), _offset(node.end_mark)
        text: str = node.value
        if not usable(text):
            self._complaints.add(start, "this text holds a character that can be neither spoken nor sent")
        empty = text == "" and getattr(node, "style", None) is None
        return Scalar(text, start, end, Kind.NULL if empty else Kind.TEXT)

    def _collection(self, node: yaml.Node) -> tuple[Node, int, int]:
        start = _offset(node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            children = [self._convert(item) for item in node.value]
            made: Node = ListNode(tuple(child[0] for child in children), start)
        else:
            children = [self._convert(value) for _, value in node.value]
            pairs = [
                Pair(key, child[0])
                for (name, _), child in zip(node.value, children, strict=True)
                if (key := self._key(name)) is not None
            ]
            made = MapNode(unique(pairs, self._complaints), start)
        return made, 1 + sum(child[1] for child in children), 1 + max((child[2] for child in children), default=0)

    def _key(self, node: yaml.Node) -> Scalar | None:
        key = self._convert(node)[0]
        if isinstance(key, Scalar):
            return key
        self._complaints.add(key.start, "a name must be a single word; put text that starts with `{` or `[` in quotes")
        return None


def unique(pairs: list[Pair], complaints: Complaints) -> tuple[Pair, ...]:
    """Return the pairs without repeated names, and complain about those."""
    seen: dict[str, Pair] = {}
    for pair in pairs:
        first = seen.setdefault(pair.key.text, pair)
        if first is not pair:
            line = complaints.source.place(first.key.start).line
            complaints.add(pair.key.start, f"`{pair.key.text}` is written twice; the first is in line {line}")
    return tuple(seen.values())
