"""What `drill` prints, from drills that were carried out: whole in a pipe, and no wider than it has to be."""

from __future__ import annotations

import os
import re
import sys

import pytest

from orchestrator.cli.commands.drill_telling import tell
from orchestrator.core.drills import Blow, Drill, Drilled, Noticed

SENTENCE = "Hello there, this is a sentence of some length that is heard to its very end."
SAID, KEYED = Noticed("say", SENTENCE), Noticed("send_dtmf", "3 keys")
CLEAN = Drilled(drill=Drill(), noticed=(SAID, KEYED), status="completed", disposition="completed")


def drilled(request: int, blow: Blow, **fields: object) -> Drilled:
    """What a drill of a request came to."""
    drill = Drill(blow=blow, request=request, what="say")
    return Drilled(**{"drill": drill, "noticed": (), "status": "completed", "disposition": "completed"} | fields)


DRILLED = [
    CLEAN,
    drilled(0, Blow.LOST),
    drilled(1, Blow.REPLY_LOST, twice=(SAID,)),
    drilled(2, Blow.KILLED, left_out=(KEYED,), status="undecided"),
    drilled(3, Blow.KILLED, twice=(KEYED,), left_out=(SAID,), status="waiting"),
]


def test_in_a_pipe_each_drill_is_a_line_and_only_the_last_column_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    """Blows have their short names, which are said below; what differs stands last, so that nothing is padded."""
    tell(DRILLED, left=2)
    told = capsys.readouterr()
    rows = [each for each in told.out.splitlines() if re.match(" +[0-9]  say", each)]
    assert [re.split("  +", row.strip())[2:] for row in rows] == [
        ["lost", "completed", "-"],
        ["reply lost", "completed", f"twice: say: {SENTENCE}"],
        ["killed", "undecided: it asks a person", "left out: send_dtmf: 3 keys"],
        ["killed", "not over (waiting)", f"twice: send_dtmf: 3 keys; left out: say: {SENTENCE}"],
    ]
    assert len(rows[0]) < 80
    assert "reply lost: its reply is lost after it has run; killed: the process is killed with -9" in told.out
    assert "4 drills, 3 of them safe." in told.out
    assert "2 drills left out" in told.err
    assert "Not safe: request 3 (say)" in told.err


@pytest.mark.parametrize(("columns", "is_wide"), [(60, False), (99, False), (100, True), (160, True)])
def test_a_wide_terminal_has_a_column_for_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, is_wide: bool
) -> None:
    """There the blows are written out, and texts are wrapped."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    tell(DRILLED, left=0)
    out = re.sub("\x1b.*?m", "", capsys.readouterr().out)
    assert ("reply lost: its reply" in out) != is_wide
    assert max(map(len, out.split("\n\n")[1].splitlines())) <= columns
