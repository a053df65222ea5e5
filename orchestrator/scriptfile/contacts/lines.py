"""The lines of a contacts file: opening it, telling the wrong kind of file, numbered lines of bounded length.

It knows neither CSV nor JSON; the readers of both take their lines here.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, ClassVar, TextIO, cast

from orchestrator.errors import OrchestratorError, Problem

LONGEST_ROW = 64 * 1024
"""Characters of the longest row that is read; a longer one is rejected."""

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_SAVE_AS = "save it as CSV in UTF-8"
_KINDS = (
    (b"PK\x03\x04", f"is an Excel workbook or another zip file, not CSV: open it and {_SAVE_AS}"),
    (b"\xd0\xcf\x11\xe0", f"is an old Excel workbook, not CSV: open it and {_SAVE_AS}"),
    (b"%PDF", "is a PDF, not a contacts file: give CSV or JSON lines"),
    (b"\x1f\x8b", "is compressed with gzip: unpack it first, or `zcat FILE | … --contacts -`"),
    (b"BZh", "is compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"),
    (b"SQLite format 3\x00", "is an SQLite database, not a contacts file: give CSV or JSON lines"),
    (b"{\\rtf", f"is a rich-text document, not CSV: open it and {_SAVE_AS}"),
)


class ContactsError(OrchestratorError):
    """A contacts file cannot be used.

    Attributes:
        problems: Every problem found, in the order of the file.
    """

    exit_code: ClassVar[int] = 65
    code: ClassVar[str] = "bad_contacts"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Lines(Iterator[str]):
    """Numbered lines of a text, taken one at a time, with their line ends.

    A line longer than LONGEST_ROW comes cut to one character more than that.

    Attributes:
        name: What the file is called in messages.
        number: The line last taken, from 1.
    """

    def __init__(self, stream: TextIO, name: str, close: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.number = 0
        self._release = close
        self._stream = stream
        self._given_back: deque[str] = deque()

    @classmethod
    def open(cls, source: str | os.PathLike[str] | TextIO, name: str | None = None) -> Lines:
        """Open a path, `-` for standard input, or a text stream; a name replaces its own. Raises ContactsError."""
        if not isinstance(source, str | os.PathLike):
            return cls(source, name or str(getattr(source, "name", None) or "<text>"))
        if source == "-":
            return _opened(sys.stdin.buffer, name or "<stdin>", keep_open=True)
        name = name or os.fspath(source)
        try:
            binary = open(source, "rb")  # noqa: SIM115, PTH123 - closed by `close`; a path may be any path-like
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ContactsError([Problem(name, 0, 0, f"the contacts cannot be read: {reason}")]) from error
        return _opened(binary, name, keep_open=False)

    def __next__(self) -> str:
        if self._given_back:
            self.number += 1
            return self._given_back.popleft()
        try:
            line = self._stream.readline(LONGEST_ROW + 1)
        except OSError as error:
            raise self.error(self.number + 1, f"cannot be read from here on: {error.strerror}") from error
        if not line:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            line = line.removeprefix("\ufeff") or "\n"
        if len(line) > LONGEST_ROW:
            self._skip_rest(line)
        if not line.isascii() and (foreign := _NOT_UTF8.search(line)):
            raise self.error(
                self.number,
                f"is not UTF-8 text from here on, probably Windows-1252 or Latin-1: {_SAVE_AS}, or convert it with "
                "`iconv -f WINDOWS-1252 -t UTF-8`",
                column=foreign.start() + 1,
            )
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        """Put back the lines that were taken last."""
        self._given_back.extendleft(reversed(lines))
        self.number -= len(lines)

    def first_text(self) -> str:
        """Return the first line that is not blank without taking it; blank ones before it are taken.

        Raises:
            ContactsError: When there is none, or the text is of the wrong kind.
        """
        for line in self:
            if line.strip():
                self.give_back([line])
                self._check_first(line.lstrip())
                return line.lstrip()
        raise self.error(0, "is empty; contacts need a header line with a column `to`, then a row each")

    def error(self, line: int, message: str, *, column: int = 1) -> ContactsError:
        """Return the error that the file is unusable; the message reads on from `the file`. Line 0: all of it."""
        return ContactsError([Problem(self.name, line, column, f"the file {message}")])

    def close(self) -> None:
        """Close what `open` opened; reading on gives nothing."""
        release, self._release = self._release, lambda: None
        self._stream = io.StringIO()
        self._given_back.clear()
        release()

    def _check_first(self, line: str) -> None:
        for magic, message in _KINDS:
            if line.startswith(magic.decode("latin-1")):
                raise self.error(0, message)
        if line.startswith("<"):
            raise self.error(self.number + 1, "is HTML or XML, not a contacts file: give CSV or JSON lines")
        if "\0" in line:
            raise self.error(self.number + 1, "is not text: its first line holds NUL bytes; give CSV or JSON lines")

    def _skip_rest(self, line: str) -> None:
        """Leave out what a line has beyond its longest length."""
        while line and not line.endswith(("\n", "\r")):
            line = self._stream.readline(LONGEST_ROW)


def _opened(binary: BinaryIO | io.BufferedIOBase, name: str, *, keep_open: bool) -> Lines:
    is_buffered = isinstance(binary, io.BufferedReader)
    buffered = cast("io.BufferedReader", binary) if is_buffered else io.BufferedReader(cast("io.RawIOBase", binary))
    text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")

    def let_go() -> None:
        text.detach()
        if not is_buffered:
            buffered.detach()

    close = let_go if keep_open else text.close
    try:
        head = buffered.peek(4096)[:4096]
    except OSError as error:
        close()
        raise ContactsError([Problem(name, 0, 0, f"the contacts cannot be read: {error.strerror}")]) from error
    message = _wrong_kind(head)
    if message is not None:
        close()
        raise ContactsError([Problem(name, 0, 0, f"the file {message}")])
    return Lines(text, name, close)


def _wrong_kind(head: bytes) -> str | None:
    """Return what a file is, by its first bytes, if it is no UTF-8 text."""
    for magic, message in _KINDS:
        if head.startswith(magic):
            return message
    has_mark = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff"))
    if has_mark or head.count(0) * 5 >= len(head) * 2 > 0:  # ASCII text in UTF-16 is half NUL bytes
        return f"is UTF-16 text or binary, not UTF-8: {_SAVE_AS}"
    return None
