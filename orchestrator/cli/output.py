"""What the user sees: results on stdout, everything else on stderr, nothing that could take a terminal over.

Names, texts and errors come from files and from the network, so every text passes `safe` on its way out. Commands call
this module; it knows nothing of runs.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orchestrator.core.masking import mask_cards, masked

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or they turn text around
    "\U000e0000-\U000e007f\ud800-\udfff]"  # tags, and halves of characters
)
_NARROWEST, _HEIGHT, _GAP = 20, 25, 2
_ENDLESS = 1_000_000
"""How wide a line is where there is no terminal: files, pipes and mails get each row whole, on one line."""


class OutputError(Exception):
    """The result cannot be written. `reason` says why; None: whoever read it has gone, which is no error to tell of."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


def prepare_streams() -> None:
    """Make both streams usable: closed ones lead nowhere, and what an encoding lacks is shown as an escape."""
    sys.stdout = _usable(sys.stdout)
    sys.stderr = _usable(sys.stderr)


def _usable(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return stream


def safe(text: object) -> str:
    """Return a text as it may be shown: control characters and the like written out, card numbers masked."""
    return _UNSAFE.sub(_written_out, mask_cards(str(text)))


def line(text: object) -> str:
    """Return a text as `safe` does, on one line."""
    return " ".join(safe(text).split())


def result(text: str = "") -> None:
    """Write a line of the result to stdout. Raises OutputError."""
    _write(f"{safe(text)}\n")


def result_document(document: object, *, compact: bool = False) -> None:
    """Write one JSON document to stdout, on one line where `compact`. Raises OutputError."""
    text = json.dumps(masked(document), ensure_ascii=False, indent=None if compact else 2)
    _write(_UNSAFE.sub(lambda found: json.dumps(found.group())[1:-1], text) + "\n")


def show(renderable: RenderableType, *, narrowest: int = 1) -> None:
    """Write something of rich's to stdout; without rules and blanks at the ends of lines where that is no terminal.

    Args:
        renderable: What to write.
        narrowest: How many columns it needs, even on a terminal that has fewer.

    Raises:
        OutputError: It cannot be written.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    if isinstance(renderable, Table) and not is_terminal:
        renderable.box = None
        renderable.padding = (0, 2, 0, 0)
    columns = max(width(), narrowest)
    drawn = io.StringIO()
    # with a height, since else rich takes a terminal that is called dumb for one of 80 columns
    page = Console(
        file=drawn,
        force_terminal=is_terminal,
        width=columns,
        height=_HEIGHT,
        markup=False,
        emoji=False,
        highlight=False,
    )
    page.print(renderable, soft_wrap=isinstance(renderable, Text))  # texts come with their line ends
    lines = drawn.getvalue().splitlines(keepends=True)
    _write("".join(lines if is_terminal else (f"{each.rstrip()}\n" for each in lines)))


def empty_table() -> Table:
    """Return a table as all of this program's are: a line under its heads, and a blank between its columns."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def width() -> int:
    """Return how many columns a line of the result has: those of the terminal; without one, as many as are needed."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENDLESS


def prose(text: str) -> None:
    """Write a sentence to stdout; on a terminal wrapped between words, and indented as it begins. Raises OutputError.

    Not for what is copied, such as a command: a terminal that wraps by itself leaves that whole.
    """
    import textwrap

    shown = safe(text)
    if not sys.stdout.isatty():
        _write(f"{shown}\n")
        return
    blank = shown[: len(shown) - len(shown.lstrip(" "))]
    wrapped = textwrap.fill(
        shown, max(width(), _NARROWEST), subsequent_indent=blank, break_long_words=False, break_on_hyphens=False
    )
    _write(f"{wrapped}\n")


def show_words(table: Table) -> None:
    """Write a table as `show` does, with no word in it broken. Raises OutputError.

    Each column gets the width of its longest word, and the rest of the line goes to those that lack the least.
    """
    cells = [[str(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    least = [max(len(word) for cell in column for word in ["", *cell.split()]) for column in cells]
    lacks = [max(map(len, column)) - width for column, width in zip(cells, least, strict=True)]
    needed = sum(least) + _GAP * (len(least) - 1)
    spare = max(width() - needed, 0)
    for left, index in enumerate(sorted(range(len(least)), key=lacks.__getitem__), start=-len(least)):
        more = min(lacks[index], spare // -left)
        spare -= more
        table.columns[index].width = least[index] + more
    show(table, narrowest=needed)


def note(text: object) -> None:
    """Write a line for people to stderr; where that is not possible, to nobody."""
    try:
        sys.stderr.write(f"{safe(text)}\n")
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)


class Stderr:
    """The stderr of the moment: while a live view stands there, lines go above it."""

    def write(self, text: str) -> int:
        """Write a text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return sys.stderr.isatty()


def stderr_console() -> Console:
    """Return rich's console on stderr, for the live view."""
    from rich.console import Console

    return Console(file=sys.stderr, markup=False, emoji=False, highlight=False)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _drop(sys.stdout)
        raise OutputError(None if isinstance(error, BrokenPipeError) else error.strerror) from None


def _drop(stream: TextIO) -> None:
    """Let a stream that takes nothing lead nowhere, so that the end of the process is quiet too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
