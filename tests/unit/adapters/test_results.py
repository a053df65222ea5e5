"""Result files: whole or not there, without secrets and formulas, one row per contact."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.results import (
    Appended,
    BatchMetrics,
    append_results,
    check_appendable,
    check_writable,
    write_junit,
    write_metrics,
    write_rejects,
    write_results,
)
from orchestrator.adapters.results.files import replacing
from orchestrator.core.cells import harmless
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.ledger import Ledger, LedgerError, ResultRow
from orchestrator.core.masking import mask_cards
from orchestrator.errors import ConfigurationError
from orchestrator.scriptfile.contacts import read_contacts

BOB = "+15555550123"
CARD = "4111 1111 1111 1111"
HIDDEN_CARD = "**** **** **** 1111"
FIXED = "to,disposition,result,attempts,run_id,call_id,started_at,ended_at,reason"
BUSY = ResultRow(
    to=BOB,
    disposition="busy",
    attempts=2,
    run_id="r1",
    call_id="c1",
    started_at="2030-01-31T09:00:00.000Z",
    ended_at="2030-01-31T09:00:30.500Z",
    reason="the line was busy",
    columns={"phone": "555 0123", "name": "Bob"},
)
DONE = ResultRow(
    to=BOB,
    disposition="completed",
    result="confirmed",
    attempts=1,
    run_id="r2",
    columns={"phone": "555 0123", "name": "Bob"},
    saved={"choice": "1", "vip": True},
)
REFUSED = ResultRow(to=BOB, disposition="refused", reason="on the do-not-call list", columns={"phone": "5", "city": ""})


def as_csv(*rows: ResultRow, secret: tuple[str, ...] = ()) -> list[dict[str, str]]:
    text = io.StringIO(newline="")
    assert write_results(text, rows, secret=secret) == len(rows)
    text.seek(0)
    return list(csv.DictReader(text, strict=True))


def run(number: int, disposition: str = "completed", **saved: str) -> ResultRow:
    return ResultRow(to=BOB, disposition=disposition, run_id=f"r{number}", saved=saved)


def appended(path: Path, *rows: ResultRow) -> Appended:
    return append_results(path, rows)


def run_ids(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as text:
        return [row["run_id"] for row in csv.DictReader(text, strict=True)]


# --- rows


def test_a_results_file(tmp_path: Path) -> None:
    """Fixed columns, then the contacts' own, then the saved ones, in the order of first appearance."""
    path = tmp_path / "results.csv"
    assert write_results(path, iter([BUSY, DONE, REFUSED])) == 3
    assert path.read_text(encoding="utf-8") == (
        f"{FIXED},contact_phone,name,city,choice,vip\n"
        f"{BOB},busy,,2,r1,c1,2030-01-31T09:00:00.000Z,2030-01-31T09:00:30.500Z,the line was busy,555 0123,Bob,,,\n"
        f"{BOB},completed,confirmed,1,r2,,,,,555 0123,Bob,,1,true\n"
        f"{BOB},refused,,0,,,,,on the do-not-call list,5,,,,\n"
    )


@pytest.mark.parametrize(("name", "format"), [("results.jsonl", "auto"), ("r.NDJSON", "auto"), ("r.csv", "jsonl")])
def test_json_lines(name: str, format: str, tmp_path: Path) -> None:  # noqa: A002 - the option's name
    """By name or on demand, an object a line with the same columns and typed values."""
    path = tmp_path / name
    write_results(path, [DONE], format=format)  # type: ignore[arg-type]
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        **dict.fromkeys(FIXED.split(",")),
        "to": BOB, "disposition": "completed", "result": "confirmed", "attempts": 1, "run_id": "r2",
        "contact_phone": "555 0123", "name": "Bob", "choice": "1", "vip": True,
    }  # fmt: skip


def test_json_lines_to_a_stream() -> None:
    """A text stream takes either format."""
    text = io.StringIO()
    write_results(text, [DONE], format="jsonl")
    assert json.loads(text.getvalue())["to"] == BOB


def test_names_that_are_taken() -> None:
    """No column hides another: own ones and saved ones get a prefix where their name is taken."""
    row = ResultRow(
        to=BOB,
        disposition="completed",
        columns={"result": "1", "contact_result": "2", "To": "3", "name": "4", "=x": "5"},
        saved={"name": "6", "saved_name": "7", "reason": "8"},
    )
    (shown,) = as_csv(row)
    assert {
        name: value for name, value in shown.items() if name not in {"to", "disposition", "attempts"} and value
    } == {
        "contact_result": "1",
        "contact_contact_result": "2",
        "contact_To": "3",
        "name": "4",
        "'=x": "5",
        "saved_name": "6",
        "saved_saved_name": "7",
        "saved_reason": "8",
    }


def test_secrets_stay_out_of_results() -> None:
    """Sensitive variables are masked wherever they stand, card numbers everywhere but in numbers, ids and times."""
    row = ResultRow(
        to=BOB,
        disposition="completed",
        result=f"paid with {CARD}",
        reason=CARD,
        run_id="4111111111111111",
        columns={"pin": "1234", "note": CARD, "phone": "4111111111111111", "empty": ""},
        saved={"pin": "5678", "card": 4111111111111111, "rate": float("nan"), "empty": ""},
    )
    (shown,) = as_csv(row, secret=("pin", "empty"))
    assert shown["result"] == f"paid with {HIDDEN_CARD}"
    assert shown["reason"] == shown["note"] == HIDDEN_CARD
    assert shown["run_id"] == shown["contact_phone"] == "4111111111111111"
    assert shown["pin"] == shown["saved_pin"] == "***"
    assert shown["card"] == "************1111"
    assert shown["rate"] == "nan"
    assert shown["empty"] == shown["saved_empty"] == ""


def test_no_cell_is_a_formula() -> None:
    """A callee's name cannot run in the spreadsheet of whoever opens the results."""
    (shown,) = as_csv(ResultRow(to=BOB, disposition="completed", columns={"name": "=HYPERLINK(1)", "n": "-5"}))
    assert shown["to"] == BOB
    assert shown["name"] == "'=HYPERLINK(1)"
    assert shown["n"] == "-5"


USABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from('\r\n\t,;|"=+-@'))


@given(st.lists(st.tuples(USABLE, USABLE), min_size=1, max_size=4))
def test_any_text_goes_through_reader_and_writer(cells: list[tuple[str, str]]) -> None:
    """What a contacts file held stands in the results, in either format, but for masks and apostrophes."""
    source = io.StringIO(newline="")
    csv.writer(source).writerows([("to", "a", "b"), *((BOB, *pair) for pair in cells)])
    source.seek(0)
    contacts = [
        row for row in read_contacts(source, normalise=lambda text, _: (text, None)) if isinstance(row, Contact)
    ]
    rows = [ResultRow(to=row.to, disposition="waiting", columns=row.columns) for row in contacts]
    expected = [(mask_cards(a), mask_cards(b)) for a, b in cells]
    assert [(row["a"], row["b"]) for row in as_csv(*rows)] == [(harmless(a), harmless(b)) for a, b in expected]
    lines = io.StringIO(newline="")
    write_results(lines, rows, format="jsonl")
    found = [json.loads(line) for line in lines.getvalue().split("\n")[:-1]]
    assert [(row["a"], row["b"]) for row in found] == expected


def test_text_that_is_not_unicode_is_written_somehow(tmp_path: Path) -> None:
    """A stray byte of the command line does not lose the results."""
    path = tmp_path / "results.csv"
    write_results(path, [ResultRow(to=BOB, disposition="completed", result="\udce9")])
    assert "\\udce9" in path.read_text(encoding="utf-8")


MEASURE = """
import resource, sys
from orchestrator.adapters.results import write_results
from orchestrator.core.ledger import ResultRow

for count in (2_000, 40_000):
    rows = (
        ResultRow(to="+15555550123", disposition="completed", run_id=f"r{n}", columns={"name": "x" * 200})
        for n in range(count)
    )
    assert write_results(sys.argv[1], rows) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    """Rows are spooled: twenty times as many take no more memory."""
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "results.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    early, late = map(int, done.stdout.split())
    assert late < early * 1.05


# --- files


def failing() -> Iterator[ResultRow]:
    yield DONE
    raise RuntimeError("lost")


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """Half a file is never seen: the old one stays, and nothing lies beside it."""
    path = tmp_path / "results.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="lost"):
        write_results(path, failing())
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_replaced_not_rewritten(tmp_path: Path) -> None:
    """Whoever has the old file open goes on reading it."""
    path = tmp_path / "results.csv"
    path.write_text("old", encoding="utf-8")
    with path.open(encoding="utf-8") as old:
        write_results(path, [DONE])
        assert old.read() == "old"


def test_modes_and_links(tmp_path: Path) -> None:
    """A new file is private, one that is there keeps its mode, a link stays a link, its target is written."""
    path, link = tmp_path / "results.csv", tmp_path / "link.csv"
    link.symlink_to(path)
    write_results(link, [DONE])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    write_results(link, [BUSY])
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "busy" in path.read_text(encoding="utf-8")


def test_a_pipe_is_written_to_directly(tmp_path: Path) -> None:
    """Nothing is renamed over a pipe or a device."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text(encoding="utf-8")))
    reader.start()
    check_writable(path)
    write_results(path, [DONE])
    reader.join()
    assert read[0].startswith(FIXED)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_appending_to_a_device_is_writing(tmp_path: Path) -> None:
    """Nothing is read back from what is no file."""
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    assert append_results(link, [DONE]) == Appended(added=1, replaced=0, repaired=False)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    """A missing folder, or a folder for a file, is told before anything is sent, and when writing."""
    check_writable(tmp_path / "new.csv")
    none = tmp_path / "none"
    for place, before, reason in [
        (none / "r.csv", f"there is no folder {none}", "No such file or directory"),
        (tmp_path, "Is a directory", "Is a directory"),
    ]:
        with pytest.raises(ConfigurationError, match=f"{place} cannot be written: {before}"):
            check_writable(place)
        for write in (write_results, append_results):
            with pytest.raises(ConfigurationError, match=f"{place} cannot be written: {reason}"):
                write(place, [DONE])
    assert list(tmp_path.iterdir()) == []


def test_an_error_without_words_is_told(tmp_path: Path) -> None:
    """An error that carries no text of the system shows its own."""
    with pytest.raises(ConfigurationError, match=r"r\.csv cannot be written: odd"), replacing(tmp_path / "r.csv"):
        raise OSError("odd")


# --- append


def test_a_ledger_grows(tmp_path: Path) -> None:
    """The first append begins it, the next adds to it; columns that come later find room."""
    path = tmp_path / "ledger.csv"
    assert appended(path, run(1)) == Appended(added=1, replaced=0, repaired=False)
    assert appended(path, run(2, choice="1"), REFUSED) == Appended(added=2, replaced=0, repaired=False)
    assert path.read_text(encoding="utf-8") == (
        f"{FIXED},contact_phone,city,choice\n"
        f"{BOB},completed,,0,r1,,,,,,,\n"
        f"{BOB},completed,,0,r2,,,,,,,1\n"
        f"{BOB},refused,,0,,,,,on the do-not-call list,5,,\n"
    )
    check_appendable(path)


def test_no_run_has_two_rows(tmp_path: Path) -> None:
    """A row given again replaces the old one, with or without a run; of two given at once for a run the last counts."""
    path = tmp_path / "ledger.csv"
    appended(path, run(1), run(2, "waiting"), REFUSED)
    assert appended(path, run(2, "busy"), run(3), run(2), REFUSED) == Appended(added=3, replaced=2, repaired=False)
    assert run_ids(path) == ["r1", "r3", "r2", ""]
    assert "waiting" not in path.read_text(encoding="utf-8")
    assert "busy" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_ticks_that_find_nothing_to_do_add_nothing(suffix: str, tmp_path: Path) -> None:
    """Who waits has one row however many ticks wait, and none once called; a new reason to refuse is a new row."""
    path = tmp_path / f"ledger.{suffix}"
    other = replace(REFUSED, to="+15555550124")
    appended(path, replace(REFUSED, disposition="waiting", reason="outside its window"), other)
    waits = replace(REFUSED, disposition="waiting", reason="until 09:00")
    assert appended(path, waits, other) == Appended(added=2, replaced=2, repaired=False)
    assert appended(path, waits, other) == Appended(added=2, replaced=2, repaired=False)
    assert appended(path, run(1), replace(other, reason="on another list")).replaced == 1
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3 + (suffix == "csv")
    assert "waiting" not in text
    assert text.index("on the do-not-call list") < text.index("r1") < text.index("on another list")


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=4), st.sampled_from(["csv", "jsonl"]))
def test_every_run_has_one_row(tmp_path_factory: pytest.TempPathFactory, ticks: list[list[int]], suffix: str) -> None:
    """Whatever is appended in whatever order, each run stands there exactly once."""
    path = tmp_path_factory.mktemp("ledger") / f"ledger.{suffix}"
    for numbers in ticks:
        appended(path, *(run(number) for number in numbers))
    if suffix == "csv":
        found = run_ids(path) if ticks else []
    else:
        found = [json.loads(line)["run_id"] for line in path.read_text().splitlines()] if ticks else []
    assert sorted(found) == sorted({f"r{number}" for numbers in ticks for number in numbers})


@pytest.mark.parametrize("cut", [1, 3, 8, 20])
def test_a_torn_last_line_is_repaired(cut: int, tmp_path: Path) -> None:
    """A file that was cut in mid-row loses that row only, and gets it back when it is given again."""
    path = tmp_path / "ledger.csv"
    rows = [run(1, note="a\nb"), run(2, note='c,"\nd')]
    appended(path, *rows)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    appended(path, rows[1])
    assert path.read_bytes() == whole


def test_a_torn_row_is_reported_and_left_out(tmp_path: Path) -> None:
    """A row that is not whole is no row, in its quotation marks or before its last column."""
    path = tmp_path / "ledger.csv"
    for torn in (f'{BOB},completed,"a\nb', f"{BOB},compl"):
        path.write_text(f"{FIXED}\n{BOB},completed,,0,r1,,,,\n{torn}", encoding="utf-8")
        check_appendable(path)
        assert appended(path, run(2)) == Appended(added=1, replaced=0, repaired=True)
        assert run_ids(path) == ["r1", "r2"]


def test_a_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    """Editors leave out the last line end; the row is whole and stays. So do short rows and blank lines within."""
    path = tmp_path / "ledger.csv"
    path.write_text(f"\ufeff{FIXED}\r\n{BOB},busy\r\n\r\n{BOB},completed,,0,r1,,,,", encoding="utf-8")
    assert appended(path, run(2)) == Appended(added=1, replaced=0, repaired=False)
    assert path.read_text(encoding="utf-8") == (
        f"{FIXED}\n{BOB},busy,,,,,,,\n{BOB},completed,,0,r1,,,,\n{BOB},completed,,0,r2,,,,\n"
    )


def test_a_ledger_of_json_lines(tmp_path: Path) -> None:
    """JSON lines are appended to, deduplicated and repaired in the same way."""
    path = tmp_path / "ledger.jsonl"
    appended(path, run(1, "waiting"), run(2))
    with path.open("a", encoding="utf-8") as text:
        text.write('{"to": "+1')
    check_appendable(path)
    assert appended(path, run(1), run(3)) == Appended(added=2, replaced=1, repaired=True)
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert appended(path, run(4)) == Appended(added=1, replaced=0, repaired=False)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(row["run_id"], row["disposition"]) for row in rows] == [
        ("r2", "completed"), ("r1", "completed"), ("r3", "completed"), ("r4", "completed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("l.csv", b"to,name\n", f"its first line is not the header of one, {FIXED},…"),
        ("l.csv", FIXED.replace(",", ";").encode() + b"\n", f"its first line is not the header of one, {FIXED},…"),
        ("l.csv", b'"to\n', "its line 1 is not CSV: unexpected end of data"),
        ("l.csv", FIXED.encode() + b'\n"a"b\nc\n', "its line 2 is not CSV: ',' expected after '\"'"),
        ("l.csv", f'{FIXED}\n{BOB},busy,"\n{BOB},busy,,\n'.encode(), "its line 3 is not CSV: unexpected end of data"),
        ("l.csv", FIXED.encode() + b"\n\xe9\n", "it is not UTF-8 text"),
        ("l.jsonl", b"to,name\n", "its line 1 is not JSON"),
        ("l.jsonl", b'{"to": "+1"}\n', f"its line 1 lacks the columns of one, {FIXED.replace(',', ', ')}"),
        ("l.jsonl", b"[]\n", f"its line 1 lacks the columns of one, {FIXED.replace(',', ', ')}"),
    ],
)  # fmt: skip
def test_files_that_are_no_ledgers(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    """A file of another kind is refused, before anything is sent and when appending, and is left as it is."""
    path = tmp_path / name
    path.write_bytes(content)
    message = f"{path} is no ledger of this program: {reason}; name a new file, or write it without --append"
    for check in (lambda: check_appendable(path), lambda: append_results(path, [DONE])):
        with pytest.raises(ConfigurationError) as raised:
            check()
        assert str(raised.value) == message
    assert path.read_bytes() == content


def test_a_ledger_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says is passed on."""
    path = tmp_path / "ledger.csv"
    path.write_text(FIXED, encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"ledger\.csv cannot be read: Permission denied"):
        check_appendable(path)


def test_appends_of_several_threads_lose_no_row(tmp_path: Path) -> None:
    """Appends to one ledger wait for each other."""
    path = tmp_path / "ledger.csv"
    threads = [threading.Thread(target=appended, args=(path, run(number))) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run_ids(path)) == [f"r{number}" for number in range(8)]


# --- JUnit, metrics, rejects


def test_junit(tmp_path: Path) -> None:
    """One case per contact: not reached fails, unknown is an error, refused and waiting are skipped."""
    path = tmp_path / "junit.xml"
    odd = ResultRow(to=BOB, disposition="unknown", reason=f'<"\0\r\n{CARD}>')
    waiting = ResultRow(to=BOB, disposition="waiting")
    write_junit(path, [BUSY, DONE, REFUSED, odd, waiting], campaign='A & "B"')
    root = ET.parse(path).getroot()
    (suite,) = root
    for element in (root, suite):
        totals = {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
        assert totals == {"tests": "5", "failures": "1", "errors": "1", "skipped": "2", "time": "30.500"}
    assert suite.get("name") == 'A & "B"'
    assert [case.get("name") for case in suite] == [BOB] * 5
    assert [[(child.tag, child.get("type"), child.get("message"), child.text) for child in case] for case in suite] == [
        [("failure", "busy", "busy: the line was busy", "run r1")],
        [],
        [("skipped", None, "refused: on the do-not-call list", None)],
        [("error", "unknown", f'unknown: <"\ufffd\r\n{HIDDEN_CARD}>', None)],
        [("skipped", None, "waiting", None)],
    ]


def test_junit_knows_every_disposition(tmp_path: Path) -> None:
    """A disposition that no total counts is our own bug, and leaves no file."""
    with pytest.raises(LedgerError):
        write_junit(tmp_path / "junit.xml", [ResultRow(to=BOB, disposition="gone")], campaign="x")
    assert list(tmp_path.iterdir()) == []


def test_metrics(tmp_path: Path) -> None:
    """The text format of Prometheus: every family described once, labels escaped, readable by others."""
    path = tmp_path / "batch.prom"
    metrics = BatchMetrics(
        campaign='a"b\\c\nd',
        ledger=Ledger(contacts=6, reached=1, not_reached=2, refused=3),
        dials=4,
        rejected_rows=5,
        duplicates=6,
        started_at=1000.0,
        ended_at=1002.5,
        exit_code=1,
    )
    write_metrics(path, metrics)
    lines = path.read_text(encoding="utf-8").splitlines()
    label = 'campaign="a\\"b\\\\c\\nd"'
    assert [line for line in lines if not line.startswith("#")] == [
        f'orchestrator_batch_contacts{{{label},tally="reached"}} 1',
        f'orchestrator_batch_contacts{{{label},tally="not_reached"}} 2',
        f'orchestrator_batch_contacts{{{label},tally="refused"}} 3',
        f'orchestrator_batch_contacts{{{label},tally="waiting"}} 0',
        f'orchestrator_batch_contacts{{{label},tally="unknown"}} 0',
        f"orchestrator_batch_dials{{{label}}} 4",
        f"orchestrator_batch_rejected_rows{{{label}}} 5",
        f"orchestrator_batch_duplicates{{{label}}} 6",
        f"orchestrator_batch_last_start_timestamp_seconds{{{label}}} 1000.0",
        f"orchestrator_batch_last_end_timestamp_seconds{{{label}}} 1002.5",
        f"orchestrator_batch_duration_seconds{{{label}}} 2.5",
        f"orchestrator_batch_exit_code{{{label}}} 1",
    ]
    assert len([line for line in lines if line.startswith("# HELP ")]) == 8
    assert len({line for line in lines if line.startswith("# TYPE ") and line.endswith(" gauge")}) == 8
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_rejects_of_a_csv_file(tmp_path: Path) -> None:
    """Each bad row with line and reason: by column, or as written where it has no columns."""
    path = tmp_path / "rejects.csv"
    with write_rejects(path, columns=("to", "line", "note")) as rejects:
        columns = {"to": "4111111111111111", "line": "=1", "note": CARD}
        rejects.add(Rejected(line=2, reason="bad", text="x", columns=columns))
        rejects.add(Rejected(line=3, reason="short", text=f"+1,{CARD}"))
        assert rejects.count == 2
    assert path.read_text(encoding="utf-8") == (
        "line,reason,to,contact_line,note,row\n"
        f"2,bad,4111111111111111,'=1,{HIDDEN_CARD},\n"
        f'3,short,,,,"\'+1,{HIDDEN_CARD}"\n'
    )


def test_rejects_of_json_lines_without_secrets(tmp_path: Path) -> None:
    """Rows of JSON lines stand as written; with a secret variable its value is masked, and a row that may hide it."""
    row = Rejected(line=2, reason="bad", text='{"pin": "1234"}', columns={"pin": "1234", "a": "b", "empty": ""})
    broken = Rejected(line=3, reason="no JSON", text='{"pin": 1234')
    shown = {}
    for secret in ((), ("pin", "empty")):
        path = tmp_path / f"rejects{len(secret)}.csv"
        with write_rejects(path, secret=secret) as rejects:
            rejects.add(row)
            rejects.add(broken)
        with path.open(encoding="utf-8", newline="") as text:
            shown[secret] = [cells["row"] for cells in csv.DictReader(text)]
    assert shown[()] == ['{"pin": "1234"}', '{"pin": 1234']
    assert shown["pin", "empty"] == ['{"pin": "***", "a": "b", "empty": ""}', "***"]


def test_rejects_of_a_csv_file_with_secrets(tmp_path: Path) -> None:
    """By column the secret is masked; a row without columns is withheld."""
    path = tmp_path / "rejects.csv"
    with write_rejects(path, columns=("to", "pin"), secret=("pin",)) as rejects:
        rejects.add(Rejected(line=2, reason="bad", text="1,1234", columns={"to": "1", "pin": "1234"}))
        rejects.add(Rejected(line=3, reason="bad", text="1,1234,5"))
    assert path.read_text(encoding="utf-8").splitlines()[1:] == ["2,bad,1,***,", "3,bad,,,***"]


def test_a_secret_that_is_no_column_hides_no_row(tmp_path: Path) -> None:
    """A sensitive variable with a default stands in no row of a CSV file, so its rows are shown as written."""
    path = tmp_path / "rejects.csv"
    with write_rejects(path, columns=("to", "name"), secret=("pin",)) as rejects:
        rejects.add(Rejected(line=2, reason="bad", text="1"))
    assert path.read_text(encoding="utf-8").splitlines()[1:] == ["2,bad,,,1"]


def test_corrected_rejects_are_contacts_again(tmp_path: Path) -> None:
    """The reject file can be corrected in place and given as contacts."""
    path = tmp_path / "rejects.csv"
    with write_rejects(path, columns=("to", "name")) as rejects:
        rejects.add(Rejected(line=2, reason="bad", text="1,Bob", columns={"to": BOB, "name": "Bob"}))
    (row,) = read_contacts(path, normalise=lambda text, _: (text, None))
    assert isinstance(row, Contact)
    assert (row.to, row.variables["name"]) == (BOB, "Bob")
