"""A script's text with its places: reading it safely, and turning offsets into lines and columns.

It knows neither YAML nor JSON. `parse` reads with it; all other modules complain through `Complaints`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core.script import Place
from orchestrator.errors import Problem, ScriptError

LARGEST_FILE = 1024 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNUSABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A text, the name it goes by in messages, and where its lines start."""

    name: str
    text: str
    line_starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = (0, *(match.end() for match in _LINE_END.finditer(self.text)))
        object.__setattr__(self, "line_starts", starts)

    def place(self, offset: int) -> Place:
        """Return the line and column, from 1, of a character offset from 0."""
        line = bisect_right(self.line_starts, offset)
        return Place(line, offset - self.line_starts[line - 1] + 1)

    def problem(self, offset: int, message: str) -> Problem:
        """Return a complaint about the text at an offset."""
        place = self.place(offset)
        return Problem(self.name, place.line, place.column, message)


@dataclass(slots=True)
class Complaints:
    """Collects every problem and warning of one file."""

    source: Source
    problems: set[Problem] = field(default_factory=set)
    warnings: set[Problem] = field(default_factory=set)

    def add(self, offset: int, message: str) -> None:
        """Note a problem."""
        self.problems.add(self.source.problem(offset, message))

    def warn(self, offset: int, message: str) -> None:
        """Note what is legal but probably not meant."""
        self.warnings.add(self.source.problem(offset, message))

    def stop(self, offset: int, message: str) -> ScriptError:
        """Return the error to raise when nothing after this problem can be read."""
        self.add(offset, message)
        return self.error()

    def error(self) -> ScriptError:
        """Return the error that carries every problem so far, in the order of the file."""
        return ScriptError(in_order(self.problems))

    def raise_if_any(self) -> None:
        """Raise ScriptError if there is a problem."""
        if self.problems:
            raise self.error()


def in_order(problems: set[Problem]) -> list[Problem]:
    """Return problems by their place in the file."""
    return sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message))


def read_text(path: Path, name: str) -> str:
    """Return a file's text. Raises ScriptError if it cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScriptError([Problem(name, 0, 0, f"the file cannot be read: {reason}")]) from error
    return decoded(data, name)


def decoded(data: bytes, name: str) -> str:
    """Return the text in a file's bytes. Raises ScriptError if there are too many, or they are not UTF-8."""
    if len(data) > LARGEST_FILE:
        raise ScriptError([_too_large(name)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = Source(name, data[: error.start].decode("utf-8-sig"))
        message = "the file is not UTF-8 text from here on; save it as UTF-8"
        raise ScriptError([before.problem(len(before.text), message)]) from error


def checked_source(name: str, text: str) -> Source:
    """Return a usable text as a Source. Raises ScriptError for an empty, too large or binary one."""
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST_FILE or len(text.encode("utf-8", "replace")) > LARGEST_FILE:
        raise ScriptError([_too_large(name)])
    source = Source(name, text)
    if not text.strip():
        raise ScriptError([source.problem(0, "the file is empty; a script needs `commands`")])
    unusable = _UNUSABLE.search(text)
    if unusable is not None:
        message = f"the character U+{ord(unusable.group()):04X} cannot stand in a script; delete it"
        raise ScriptError([source.problem(unusable.start(), message)])
    return source


def usable(text: str) -> bool:
    """Return whether a decoded value holds only characters that can be spoken, sent and stored."""
    return _UNUSABLE.search(text) is None


def _too_large(name: str) -> Problem:
    return Problem(name, 0, 0, "the file is larger than 1 MiB; a script is never that long")
