"""What people see of a batch: its page and `batch status`, on terminals of any width and in files."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from datetime import UTC, datetime

import pytest

from tests.conftest import Cli
from tests.e2e.operators import at_work, tick

SCRIPT = """
version: 1
name: reminder
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "Hello."}
  - end: {result: told}
"""


@pytest.fixture
def operator(cli: Cli) -> Cli:
    """The command line of somebody with a script and a list."""
    return at_work(cli, SCRIPT)


def on_terminal(cli: Cli, *arguments: object, columns: int) -> tuple[int, str]:
    """Run it on a terminal of so many columns; return its exit code and what was shown."""
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    place = Cli(cli.home, cli.environment | {"TERM": "xterm", "COLUMNS": str(columns)})
    with place.start(*arguments, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _part(terminal), b""))
    os.close(terminal)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def _part(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # nobody has the other side any more
        return b""


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_names_and_counts_are_whole_at_any_width(operator, columns: int) -> None:
    """`batch status`, and the page of a tick: no line is longer than the terminal, and no name is broken."""
    name = "appointment-reminders-of-the-spring"
    tick(operator, "--name", name, "--max-calls", "3", code=75)
    code, shown = on_terminal(operator, "batch", "status", columns=columns)
    assert code == 0
    assert name in shown
    assert datetime.now(UTC).date().isoformat() in shown
    assert max(map(len, shown.splitlines())) <= columns
    assert {"3", "1"} <= set(shown.replace(",", " ").split())
    code, shown = on_terminal(
        operator, "batch", "reminder.yaml", "--contacts", "list.csv", "--name", name, columns=columns
    )
    assert code == 0
    assert f"{name} {datetime.now(UTC).date().isoformat()}" in shown
    assert "This tick: 1 call, 3 called already." in shown


def test_a_table_in_a_file_is_not_broken(operator) -> None:
    """However long a name is: one line for each campaign."""
    name = "a-very-long-name-" * 8
    tick(operator, "--name", name)
    head, line = operator("batch", "status").stdout.splitlines()
    assert line.split()[0] == name
    assert head.split()[:2] == ["campaign", "occurrence"]
    assert head.index("occurrence") == line.index("20")


def test_a_waiting_tick_is_told_on_a_terminal(operator) -> None:
    """Somebody is there to read why it ended."""
    code, shown = on_terminal(
        operator, "batch", "reminder.yaml", "--contacts", "list.csv", "--max-calls", "1", columns=80
    )
    assert code == 75
    assert "the tick has called its `max_calls`" in " ".join(shown.split())
