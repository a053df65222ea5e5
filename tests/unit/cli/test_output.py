"""What reaches the terminal is harmless, and a result that nobody takes is no disaster."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import pytest

from orchestrator.cli import output, program
from orchestrator.core.masking import mask_cards


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb", r"a\x0db"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u200bhidden\ufeff", r"\u200bhidden\ufeff"),
        ("\x9b31m", r"\x9b31m"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("card 4111 1111 1111 1111", "card **** **** **** 1111"),
    ],
)
def test_texts_cannot_take_the_terminal_over(text: str, shown: str) -> None:
    """Control characters, direction overrides and invisible characters are written out; card numbers are masked."""
    assert output.safe(text) == shown


def test_the_ids_of_runs_and_calls_are_no_cards(capsys) -> None:
    """An id whose digits pass for a card number stays whole: it is what the next command needs."""
    run_id = "a60c6b43-d1b4-4111-1111-11111128c343"
    assert mask_cards("4111-1111-1111-1111") == "****-****-****-1111"
    assert output.safe(f"resume {run_id}") == f"resume {run_id}"
    document = {"run_id": run_id, "number": 4111111111111111, "list": ["4111111111111111"]}
    output.result_document(document)
    assert json.loads(capsys.readouterr().out) == {**document, "list": ["************1111"]}


def test_a_line_stays_one_line() -> None:
    """Text from elsewhere cannot forge further lines."""
    assert output.line("a\n  b\tc") == "a b c"


def test_json_stays_json_whatever_is_in_it(capsys) -> None:
    """Unsafe characters are escaped in the JSON way; other languages are readable."""
    document = {"text": "漢 \u202e\x7f\x1b\U000e0041 4111111111111111"}
    output.result_document(document)
    printed = capsys.readouterr().out
    assert "漢" in printed
    assert "\u202e" not in printed
    assert json.loads(printed) == {"text": "漢 \u202e\x7f\x1b\U000e0041 ************1111"}


def test_closed_streams_lead_nowhere(monkeypatch) -> None:
    """`orchestrator … >&- 2>&-` works."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    output.prepare_streams()
    output.result("x")
    output.note("x")
    sys.stdout.close()
    sys.stderr.close()


@pytest.fixture
def broken_pipe():
    """A stream whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_a_reader_who_has_gone_is_quiet(monkeypatch, capsys, broken_pipe, script) -> None:
    """Exit 141, as of any program in a pipe, and no message."""
    monkeypatch.setattr(sys, "stdout", broken_pipe)
    assert program.run(["validate", str(script)]) == 141
    assert capsys.readouterr().err == ""


def test_an_error_document_that_nobody_reads_is_quiet_too(monkeypatch, capsys, broken_pipe) -> None:
    """The same while an error is told."""
    monkeypatch.setattr(sys, "stdout", broken_pipe)
    assert program.run(["show", "x", "--json"]) == 141
    assert capsys.readouterr().err == ""


def test_notes_that_nobody_reads_are_dropped(monkeypatch, broken_pipe) -> None:
    """A log reader that has gone does not end a call."""
    monkeypatch.setattr(sys, "stderr", broken_pipe)
    output.note("x")
    output.note("y")


@pytest.mark.parametrize("words", [("validate", "SCRIPT"), ("--help",), ("run", "--help"), ("--version",)])
def test_a_full_disk_is_told(monkeypatch, capsys, script, words: tuple[str, ...]) -> None:
    """A result that cannot be written is exit 1 with the reason; so is a help."""
    with contextlib.suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full:  # closing it fails too
        monkeypatch.setattr(sys, "stdout", full)
        assert program.run([str(script) if word == "SCRIPT" else word for word in words]) == 1
        monkeypatch.undo()
    assert "the result cannot be written: No space left on device" in capsys.readouterr().err


def test_what_an_encoding_lacks_is_escaped(monkeypatch) -> None:
    """An ASCII terminal shows escapes instead of failing."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.prepare_streams()
    output.result("ü")
    assert raw.getvalue() == b"\\xfc\n"


def test_the_log_s_stream_is_the_stderr_of_the_moment(capsys) -> None:
    """Lines of the log go where stderr leads now."""
    stream = output.Stderr()
    stream.write("x\n")
    stream.flush()
    assert capsys.readouterr().err == "x\n"
    assert stream.isatty() is False
