"""Contacts: what is read, what is refused and in which words, and that a long file takes no more memory."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.contact import BadNumberError, Contact, Rejected
from orchestrator.errors import UsageError
from orchestrator.scriptfile.contacts import ContactRows, ContactsError, digest_of, read_contacts
from orchestrator.scriptfile.contacts.lines import LONGEST_ROW

ROOT = Path(__file__).parents[3]
BOB = "+15555550123"
ALICE = "+15555550124"


def normalise(text: str, region: str | None) -> tuple[str, str | None]:
    """Stand in for a numbering plan: digits only, `+` needed unless there is a region."""
    digits = text.replace(" ", "")
    if not digits.removeprefix("+").isdecimal():
        raise BadNumberError("is no phone number")
    if digits.startswith("+"):
        return digits, "is odd" if digits.endswith("99") else None
    if region is None:
        raise BadNumberError("has no country code")
    return f"+1{digits}", None


def opened(text: str, **options: str | None) -> ContactRows:
    return read_contacts(io.StringIO(text, newline=""), normalise=normalise, **options)  # type: ignore[arg-type]


def read(text: str, **options: str | None) -> list[Contact | Rejected]:
    return list(opened(text, **options))


def the_contact(text: str, **options: str | None) -> Contact:
    (row,) = read(text, **options)
    assert isinstance(row, Contact), row
    return row


def reasons(text: str, **options: str | None) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read(text, **options) if isinstance(row, Rejected)]


def complaint(text: str, **options: str | None) -> str:
    with pytest.raises(ContactsError) as raised:
        read(text, **options)
    assert raised.value.exit_code == 65
    return str(raised.value).replace("<text>", "F")


def file_complaint(path: Path) -> str:
    with pytest.raises(ContactsError) as raised:
        list(read_contacts(path, normalise=normalise))
    return str(raised.value).replace(str(path), "F")


# --- CSV


def test_every_known_column() -> None:
    """Each known column gets its type, the rest are variables; columns stay as written, in order."""
    header = " Phone ;ID;From;tz;not_before;not_after;priority;name;note"
    row = the_contact(f"{header}\n+1 5555550123; A1 ;{ALICE};Europe/Paris;22:00;6:00:30;-3; Bob ;\n")
    assert row == Contact(
        line=2,
        to=BOB,
        id="A1",
        from_=ALICE,
        tz="Europe/Paris",
        not_before=time(22),
        not_after=time(6, 0, 30),
        priority=-3,
        variables={"name": "Bob"},
        columns={
            "Phone": "+1 5555550123",
            "ID": " A1 ",
            "From": ALICE,
            "tz": "Europe/Paris",
            "not_before": "22:00",
            "not_after": "6:00:30",
            "priority": "-3",
            "name": " Bob ",
            "note": "",
        },
    )
    assert list(row.columns) == ["Phone", "ID", "From", "tz", "not_before", "not_after", "priority", "name", "note"]


def test_empty_optional_cells_are_none() -> None:
    """An empty cell is as good as no column."""
    row = the_contact(f"to,id,from,tz,not_before,not_after,priority\n{BOB},,, ,,,\n")
    assert row == Contact(line=2, to=BOB, columns=row.columns)


def test_date_times() -> None:
    """A moment may carry its offset or be local to the callee."""
    row = the_contact(f"to,not_before,not_after\n{BOB},2030-01-31T09:00,2030-01-31 17:00:00z\n")
    assert row.not_before == datetime(2030, 1, 31, 9)  # noqa: DTZ001 - local to the callee, as meant
    assert row.not_after == datetime(2030, 1, 31, 17, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_from_the_header(delimiter: str) -> None:
    """The header line decides, even where another sign is commoner in it or in the rows."""
    rows = f'to{delimiter}"a,b;c|d\te"{delimiter}name\n{BOB}{delimiter}x{delimiter}"Bob, the; one| and\tonly"\n'
    assert the_contact(rows).variables == {"name": "Bob, the; one| and\tonly"}


@pytest.mark.parametrize(("given", "sign"), [(":", ":"), ("tab", "\t"), ("\\t", "\t"), (";", ";")])
def test_a_delimiter_may_be_given(given: str, sign: str) -> None:
    """Any one sign delimits when it is given."""
    assert the_contact(f"to{sign}a,b{sign}name\n{BOB}{sign}{sign}Bob\n", delimiter=given).variables == {"name": "Bob"}


@pytest.mark.parametrize("given", ["", ",,", "a", '"', " ", "\n"])
def test_what_cannot_delimit(given: str) -> None:
    """A delimiter that could stand in a number or a name is a usage error."""
    with pytest.raises(UsageError, match="the delimiter must be one sign"):
        read("to,name\n", delimiter=given)


def test_the_line_that_excel_writes_declares_the_delimiter() -> None:
    """`sep=;` is understood and is no header."""
    assert the_contact(f"sep=;\nto;a|b|c|d;name\n{BOB};x;Bob\n").line == 3


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str, tmp_path: Path) -> None:
    """Every kind of line end is understood, inside quotation marks too; the last may be missing."""
    path = tmp_path / "contacts.csv"
    path.write_text(f'to,note{end}{BOB},"one{end}two"{end}{end}{ALICE},x', encoding="utf-8", newline="")
    rows = list(read_contacts(path, normalise=normalise))
    assert [(row.line, row.variables) for row in rows if isinstance(row, Contact)] == [
        (2, {"note": f"one{end}two"}),
        (5, {"note": "x"}),
    ]


def test_rows_without_anything_are_skipped() -> None:
    """Blank lines and rows of delimiters are what spreadsheets leave behind; blank lines may come first."""
    assert [row.line for row in read(f"\n \nto,name\n\n , \n,,,\n{BOB},Bob\n\n")] == [7]


def test_delimiters_at_the_end_are_forgiven() -> None:
    """Nameless columns at the end count only if something stands in them."""
    text = f"to,name,,\n{BOB},Bob,,\n{ALICE},Alice\n{BOB},Bob,,x\n"
    assert reasons(text) == [(4, "the row has 4 fields, the header 2")]
    assert len(read(text)) == 3


def test_bad_rows_do_not_stop_the_good_ones() -> None:
    """Each bad row comes out with its line, its reason and itself; the last row is still read."""
    text = (
        "to,name,tz,priority\n"
        f"{BOB}\n"
        f"{BOB},a,,,b\n"
        "555 0123,a,,\n"
        ",a,,\n"
        f"{BOB},nul\0byte,,\n"
        f"{BOB},a,europe/paris,high\n"
        f"{BOB},a,Mars,9999999\n"
        f"{BOB},a,,5\n"
    )
    assert reasons(text) == [
        (2, "the row has 1 field, the header 4"),
        (3, "the row has 5 fields, the header 4"),
        (4, "`to` has no country code"),
        (5, "there is no number to call"),
        (6, "`name` holds the character U+0000; delete it"),
        (
            7,
            (
                "`tz` must be a time zone such as Europe/Paris, not `europe/paris`; did you mean `Europe/Paris`?; "
                "`priority` must be a whole number, not `high`"
            ),
        ),
        (
            8,
            (
                "`tz` must be a time zone such as Europe/Paris, not `Mars`; `priority` must be between -1000000 and "
                "1000000"
            ),
        ),
    ]
    last = read(text)[-1]
    assert isinstance(last, Contact)
    assert last.priority == 5
    rejected = read(text)[2]
    assert rejected == Rejected(
        line=4,
        reason="`to` has no country code",
        text="555 0123,a,,",
        columns={"to": "555 0123", "name": "a", "tz": "", "priority": ""},
    )


@pytest.mark.parametrize(
    ("columns", "cells", "reason"),
    [
        ("not_before", "25:00", ("`not_before` must be a time such as 09:00, or a date and time such as "
         "2030-01-31T09:00 or 2030-01-31T09:00+01:00, not `25:00`")),
        ("not_after", "2030-01-31", ("`not_after` must be a time such as 09:00, or a date and time such as "
         "2030-01-31T09:00 or 2030-01-31T09:00+01:00, not `2030-01-31`")),
        ("not_before,not_after", "09:00,9:00", "`not_after` must be later than `not_before`"),
        ("not_before,not_after", "2030-01-31T09:00,2030-01-31T08:00", "`not_after` must be later than `not_before`"),
        ("id", "x" * 201, "`id` must not be longer than 200 characters"),
        ("from", "me", "`from` is no phone number"),
        ("tz", "../../etc/passwd", "`tz` must be a time zone such as Europe/Paris, not `../../etc/passwd`"),
        ("tz", "new york", ("`tz` must be a time zone such as Europe/Paris, not `new york`; did you mean "
         "`America/New_York`?")),
    ],
)  # fmt: skip
def test_bad_cells(columns: str, cells: str, reason: str) -> None:
    """Each kind of cell is refused in its own words."""
    assert reasons(f"to,{columns}\n{BOB},{cells}\n") == [(2, reason)]


def test_moments_that_cannot_be_compared_are_let_pass() -> None:
    """A window that begins at a date and ends at a time of day, or mixes offsets, is the callee's zone's business."""
    for begin, end in [("2030-01-31T09:00", "08:00"), ("2030-01-31T09:00", "2030-01-31T08:00+01:00")]:
        the_contact(f"to,not_before,not_after\n{BOB},{begin},{end}\n")


def test_many_zones_do_not_fill_memory() -> None:
    """Zones are remembered, but only as many as a real file has."""
    rows = opened("to,tz\n" + "".join(f"{BOB},Zone{n}\n" for n in range(1005)))
    assert all(isinstance(row, Rejected) for row in itertools.islice(rows, 1005))


def test_odd_numbers_are_taken_with_a_warning() -> None:
    """What normalise warns of reads on from the column's name."""
    assert the_contact("to,from\n+1599,+1699\n").warnings == ("`to` is odd", "`from` is odd")


def test_the_region_reaches_the_numbering_plan() -> None:
    """National numbers need the region."""
    assert the_contact("to\n5555550123\n", region="US").to == BOB


QUOTES = "text follows a closing quotation mark; inside a quoted field a quotation mark is written twice"
OPEN = "a quotation mark opens a field that is never closed"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (f'{BOB},"Bob\n{ALICE},"Alice"\n', [(2, QUOTES)]),
        (f'{BOB},"Bob"by\n{ALICE},x\n', [(2, QUOTES)]),
        (f'{BOB},"Bob\n{ALICE},x\n', [(2, OPEN)]),
        (f'{BOB},"Bob\n' + f"{ALICE},x\n" * 200, [(2, OPEN)]),
        (f'{ALICE},x\n{BOB},"Bob', [(3, OPEN)]),
        (f"{BOB},{'x' * LONGEST_ROW}\n{ALICE},x\n", [(2, "the row is longer than 65536 characters")]),
        (f"{BOB},{'x' * 3 * LONGEST_ROW}\n{ALICE},x\n", [(2, "the row is longer than 65536 characters")]),
        (f"{BOB},{'x' * LONGEST_ROW}", [(2, "the row is longer than 65536 characters")]),
    ],
)  # fmt: skip
def test_a_broken_row_takes_no_other_with_it(rows: str, expected: list[tuple[int, str]]) -> None:
    """A forgotten quotation mark or an endless field costs its own line only; those below keep their numbers."""
    text = f"to,name\n{rows}"
    assert reasons(text) == expected
    good = [row.line for row in read(text) if isinstance(row, Contact)]
    bad = {line for line, _ in expected}
    assert good == [line for line in range(2, 2 + rows.rstrip("\n").count("\n") + 1) if line not in bad]


def test_a_stream_that_keeps_its_carriage_returns() -> None:
    """A carriage return within a line is no row end and no text: the row is refused, or the header."""
    with pytest.raises(ContactsError, match="header cannot be read: the row is not CSV: new-line character"):
        read_contacts(io.StringIO("to\rname\n", newline="\n"), normalise=normalise)
    bad, good = read_contacts(io.StringIO(f"to,a\n{BOB},a\rb\n{BOB},a\n", newline="\n"), normalise=normalise)
    assert isinstance(bad, Rejected)
    assert bad.reason.startswith("the row is not CSV: new-line character")
    assert isinstance(good, Contact)


# --- headers and kinds of file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "F: the file is empty; contacts need a header line with a column `to`, then a row each"),
        ("\n \n", "F: the file is empty; contacts need a header line with a column `to`, then a row each"),
        ("sep=;\n", "F: the file is empty; contacts need a header line with a column `to`, then a row each"),
        (f"{BOB},Bob\n", ("F:1:1: the first row looks like data (its field 1 is a phone number); a contacts file "
         "begins with a header line such as `to,name`")),
        ("Bob;06 12 34 56 78\n", ("F:1:1: the first row looks like data (its field 2 is a phone number); a contacts "
         "file begins with a header line such as `to,name`")),
        ("name,city\n", "F:1:1: no column is named `to`, `number` or `phone` (the header has `name` and `city`)"),
        ("name,phne\n", ("F:1:1: no column is named `to`, `number` or `phone`; is `phne` meant? (the header has "
         "`name` and `phne`)")),
        ("to,to,to\n", "F:1:1: 3 columns named `to` could each be the number to call; keep one and rename the others"),
        ("to,a,Phone\n", "F:1:1: `to` and `Phone` could each be the number to call; keep one and rename the others"),
        ("to,a,,a,tz,TZ\n", ("F:1:1: column 3 has no name; give it one or delete it\n"
         "F:1:1: the column `a` stands twice in the header\nF:1:1: the column `tz` stands twice in the header")),
        ('to,"name\n', "F:1:1: the header cannot be read: a quotation mark opens a field that is never closed"),
        ('\n[{"to": "x"}]', ("F:2:1: the file is a JSON array, not JSON lines: write one object a line, as "
         "`jq -c '.[]'` does")),
        ('{\n"to": "x"\n}', ("F:1:1: the file is a JSON document of several lines: write one object a line, as "
         "`jq -c .` does")),
        ("<html>", "F:1:1: the file is HTML or XML, not a contacts file: give CSV or JSON lines"),
        ("PK\x03\x04", ("F: the file is an Excel workbook or another zip file, not CSV: open it and save it as CSV in "
         "UTF-8")),
        ("to\0", "F:1:1: the file is not text: its first line holds NUL bytes; give CSV or JSON lines"),
    ],
)  # fmt: skip
def test_files_that_are_no_contacts(text: str, message: str) -> None:
    """The wrong file is refused before its first row, with its place and the way out."""
    with pytest.raises(ContactsError) as raised:
        opened(text)
    assert str(raised.value).replace("<text>", "F") == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"to\n", mtime=0), ("F: the file is compressed with gzip: unpack it first, or "
         "`zcat FILE | … --contacts -`")),
        (b"%PDF-1.7\n\xff", "F: the file is a PDF, not a contacts file: give CSV or JSON lines"),
        (b"PK\x03\x04\x00\x00", ("F: the file is an Excel workbook or another zip file, not CSV: open it and save it "
         "as CSV in UTF-8")),
        ("to,name\n".encode("utf-16"), "F: the file is UTF-16 text or binary, not UTF-8: save it as CSV in UTF-8"),
        ("to,name\n".encode("utf-16-le"), "F: the file is UTF-16 text or binary, not UTF-8: save it as CSV in UTF-8"),
        (b"", "F: the file is empty; contacts need a header line with a column `to`, then a row each"),
        (b"\xef\xbb\xbf", "F: the file is empty; contacts need a header line with a column `to`, then a row each"),
        (b"to,name\n+1,Bob\n+1,Ren\xe9\n", ("F:3:7: the file is not UTF-8 text from here on, probably Windows-1252 or "
         "Latin-1: save it as CSV in UTF-8, or convert it with `iconv -f WINDOWS-1252 -t UTF-8`")),
    ],
)  # fmt: skip
def test_files_of_another_kind(content: bytes, message: str, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 text say what they are; a foreign letter says where it stands."""
    path = tmp_path / "contacts.csv"
    path.write_bytes(content)
    assert file_complaint(path) == message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """What the system says is passed on."""
    assert file_complaint(tmp_path / "none.csv") == "F: the contacts cannot be read: No such file or directory"
    assert file_complaint(tmp_path) == "F: the contacts cannot be read: Is a directory"
    assert file_complaint(Path("a\0b")) == "F: the contacts cannot be read: embedded null byte"


def test_a_disk_that_fails_is_reported_with_the_line() -> None:
    """A read error in mid-file or at its start is no crash."""

    class Failing(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            line = super().readline(-1 if size is None else size)
            if not line:
                raise OSError(5, "Input/output error")
            return line

    rows = read_contacts(Failing(f"to\n{BOB}\n"), normalise=normalise)
    assert isinstance(next(rows), Contact)
    with pytest.raises(ContactsError, match=r"<text>:3:1: the file cannot be read from here on: Input/output error"):
        next(rows)


def test_standard_input_that_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does one that cannot be read at all."""

    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Failing())))
    with pytest.raises(ContactsError, match=r"^<stdin>: the contacts cannot be read: Input/output error$"):
        read_contacts("-", normalise=normalise)


def test_odd_columns_are_told() -> None:
    """A column that is nearly a known one, or can be no variable, is kept and reported."""
    rows = opened(f"to,priorty,first name,run_id,name\n{BOB},1,Bob,r,B\n")
    assert [str(warning) for warning in rows.warnings] == [
        "<text>:1:1: the column `priorty` is taken for a variable of the script; did you mean `priority`?",
        "<text>:1:1: the column `first name` is kept, but its name cannot be that of a variable",
        "<text>:1:1: the column `run_id` is kept, but its name cannot be that of a variable",
    ]
    assert rows.columns == ("to", "priorty", "first name", "run_id", "name")
    assert rows.variables == ("priorty", "name")
    (row,) = rows
    assert isinstance(row, Contact)
    assert row.variables == {"priorty": "1", "name": "B"}
    assert row.columns["first name"] == "Bob"


# --- JSON lines


def test_json_lines_keep_types() -> None:
    """Values keep their types, null is no value, an empty text is one; known keys go by the same names as columns."""
    line = {"Number": BOB, "id": 7, "name": "Bob", "floor": 3, "part": 0.5, "vip": True, "note": None, "empty": ""}
    line |= {"tz": "", "priority": 4, "no variable": 1}
    rows = opened("\n" + json.dumps(line) + "\n\n")
    assert rows.format == "jsonl"
    (row,) = rows
    assert row == Contact(
        line=2,
        to=BOB,
        id="7",
        priority=4,
        variables={"name": "Bob", "floor": 3, "part": 0.5, "vip": True, "empty": ""},
        columns={
            "Number": BOB, "id": "7", "name": "Bob", "floor": "3", "part": "0.5", "vip": "true", "note": "",
            "empty": "", "tz": "", "priority": "4", "no variable": "1",
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("to", "the line is not JSON: Expecting value at column 1"),
        ("[]", 'the line must be a JSON object such as {"to": "+15555550123"}'),
        ("{}", "there is no number to call"),
        ('{"to": 15555550123}', "`to` must be text in quotes: as a number it loses its `+` and leading zeros"),
        ('{"to": "+1", "to": "+2"}', "the key `to` stands twice in the object"),
        ('{"to": "+1", "phone": "+2"}', "both `to` and `phone` stand for `to`; keep one of them"),
        ('{"to": "+1", "a": [1]}', "`a` must be text, a number, true, false or null, not a list or an object"),
        ('{"to": "+1", "a": NaN}', "NaN is not JSON"),
        ('{"to": "+1", "a": 1e999}', "a number is too large"),
        ('{"to": "+1", "a": "\\u0000"}', "`a` holds the character U+0000; delete it"),
        ('{"to": "+1", "a": "\\ud800"}', "`a` holds the character U+D800; delete it"),
        ('{"to": "+1", "\\u0000": "a"}', "` ` holds the character U+0000; delete it"),
        ('{"to": "+1", "id": true}', "`id` must be text in double quotes, not `true`"),
        ('{"to": "+1", "priority": 1.5}', "`priority` must be a whole number, not `1.5`"),
        ('{"to": "+1", "a": ' + "9" * 5000 + "}", ("the line is not JSON that can be read: it is nested too deep or a "
         "number too long")),
        ("[" * 60000, "the line is not JSON that can be read: it is nested too deep or a number too long"),
        ('{"to": "' + "1" * LONGEST_ROW + '"}', "the line is longer than 65536 characters"),
    ],
)  # fmt: skip
def test_bad_lines_of_json(line: str, reason: str) -> None:
    """A bad line is rejected with its reason, and the next one is read."""
    good = json.dumps({"to": BOB})
    text = f"{good}\n{line}\n{good}\n"
    assert reasons(text) == [(2, reason)]
    assert len(read(text)) == 3


def test_the_format_may_be_given() -> None:
    """What is given is not guessed: a CSV header may begin with a brace, JSON lines with a bad line."""
    assert the_contact(f"{{a,to\n1,{BOB}\n", format="csv").to == BOB
    assert [row.line for row in read(f'x\n{{"to": "{BOB}"}}\n', format="jsonl")] == [1, 2]


# --- sources


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`-` is standard input, which stays open, whatever kind of stream it is."""
    data = f"\ufeffto\n{BOB}\n".encode()
    path = tmp_path / "in"
    path.write_bytes(data)
    with path.open("rb") as file:
        for binary in (io.BytesIO(data), file):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(binary))  # type: ignore[type-var]
            with read_contacts("-", normalise=normalise) as rows:
                assert rows.name == "<stdin>"
                assert [row.line for row in rows] == [2]
            assert not binary.closed
        file.seek(0)


def test_a_file_is_closed_when_it_is_left(tmp_path: Path) -> None:
    """Leaving the block, or reading to the end, closes the file; there is nothing to read then."""
    path = tmp_path / "contacts.csv"
    path.write_text(f"to\n{BOB}\n{BOB}\n", encoding="utf-8")
    with read_contacts(path, normalise=normalise) as rows:
        next(rows)
    assert list(rows) == []
    rows.close()


def test_text_streams_stay_open() -> None:
    """Who opened a stream closes it; a byte-order mark in it is no part of the header."""
    stream = io.StringIO(f"\ufeffto\n{BOB}\n")
    assert len(list(read_contacts(stream, normalise=normalise))) == 1
    assert not stream.closed


def test_digest_of_a_file(tmp_path: Path) -> None:
    """Saving a file again with a byte-order mark and other line ends does not change what it says; a letter does."""
    one, same, other = tmp_path / "one", tmp_path / "same", tmp_path / "other"
    one.write_bytes(b"to\n+1\n")
    same.write_bytes(b"\xef\xbb\xbfto\r\n+1\r\n\r\n")
    other.write_bytes(b"to\n+2\n")
    assert digest_of(one) == digest_of(same) != digest_of(other)
    other.write_bytes(b"to\n\xe9\n")
    with pytest.raises(ContactsError, match=r":2:1: the file is not UTF-8"):
        digest_of(other)


def test_the_sample_file_is_good() -> None:
    """The shipped example has no bad row."""
    with read_contacts(ROOT / "configs" / "contacts" / "example.csv", normalise=normalise) as rows:
        found = list(rows)
    assert rows.warnings == ()
    assert found
    assert all(isinstance(row, Contact) for row in found)


# --- properties


USABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from('\r\n\t,;|"'))


@given(st.lists(st.tuples(USABLE, USABLE), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_any_text_is_read_as_it_was_written(cells: list[tuple[str, str]], delimiter: str) -> None:
    """What a CSV writer wrote comes out as it went in, in every row; variables without the space around them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["to", "a", "b"])
    writer.writerows([BOB, *pair] for pair in cells)
    rows = read(text.getvalue())
    assert [row.columns for row in rows] == [{"to": BOB, "a": a, "b": b} for a, b in cells]
    for row, (a, b) in zip(rows, cells, strict=True):
        assert isinstance(row, Contact)
        assert row.variables == {name: value.strip() for name, value in (("a", a), ("b", b)) if value.strip()}


@given(
    st.dictionaries(
        st.from_regex(r"x[a-z]{1,5}", fullmatch=True), USABLE | st.integers(-(2**60), 2**60) | st.booleans()
    )
)
def test_any_json_is_read_as_it_was_written(values: dict[str, str | int]) -> None:
    """Typed values come out as they went in."""
    assert the_contact(json.dumps({"to": BOB, **values})).variables == values


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands in a file is a contact, a rejected row or a ContactsError."""
    for head in ("", "to,name\n", '{"to": "+1"}\n'):
        try:
            rows = read(head + text)
        except ContactsError:
            continue
        assert all(row.line > 0 for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        f"id,to\nA1,{BOB}\nA1,{BOB}\nA1,{ALICE}\nA2,{ALICE}\n,{ALICE}\n",
        f'{{"id":"A1","to":"{BOB}"}}\n\n{{"id":"A1","to":"{BOB}"}}\n{{"id":"A1","to":"{ALICE}"}}\n{{"to":"{ALICE}"}}\n',
    ],
    ids=["csv", "jsonl"],
)
def test_an_id_stands_for_one_number(text: str) -> None:
    """A later row with another number is somebody else, and is refused with the line of the first."""
    first = 2 if text.startswith("id") else 1
    assert reasons(text) == [(4, f"the id `A1` stands in line {first} for another number")]


def test_a_row_that_is_refused_has_no_id() -> None:
    """The id of a bad row is free for a good one."""
    assert reasons(f"id,to\nA1,x\nA1,{BOB}\n") == [(2, "`to` is no phone number")]


MEASURE = """
import io, itertools, resource, sys
from orchestrator.scriptfile.contacts import read_contacts

class Generated(io.RawIOBase):
    lines = itertools.chain([b"to,name,time\\n"], (b"+1555%07d,Bob %d,10:00\\n" % (row, row) for row in range(200_000)))
    def readable(self):
        return True
    def readinto(self, buffer):
        data = b"".join(itertools.islice(self.lines, len(buffer) // 40))
        buffer[: len(data)] = data
        return len(data)

stream = io.TextIOWrapper(io.BufferedReader(Generated()), encoding="utf-8", newline="")
rows = read_contacts(stream, normalise=lambda text, region: (text, None))
for count in (10_000, 190_000):
    assert sum(1 for _ in itertools.islice(rows, count)) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
assert next(rows, None) is None
"""


def test_memory_does_not_grow_with_rows() -> None:
    """200,000 rows take no more memory than 10,000: the highest use of a process of its own."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    early, late = map(int, done.stdout.split())
    assert late < early * 1.05
