"""Contacts and ledgers: what makes two the same, and totals that add up."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.cells import csv_line, harmless, text_of
from orchestrator.core.contact import Contact, Repeats, content_digest, is_number_column, occurrence_key, row_digest
from orchestrator.core.ledger import Ledger, LedgerError, ResultRow, Tally, tally_of
from orchestrator.core.records import Disposition

TEXT = st.text(max_size=8)
TRIPLES = st.tuples(TEXT, TEXT, TEXT)


def key_of(triple: tuple[str, str, str]) -> str:
    campaign, contact, occurrence = triple
    return occurrence_key(campaign=campaign, contact=contact, occurrence=occurrence)


def test_a_contact_is_its_id_else_its_number() -> None:
    """The id makes a contact the same one under another number; without it the number does."""
    assert Contact(line=2, to="+15555550123", id="A1").key == "A1"
    assert Contact(line=2, to="+15555550123").key == "+15555550123"


@given(TRIPLES, TRIPLES)
def test_occurrence_keys_are_equal_for_equal_triples_only(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """No two triples share a key."""
    assert (key_of(one) == key_of(other)) == (one == other)


def test_parts_do_not_run_into_each_other() -> None:
    """Moving a letter from one part to the next makes another key; text that is not Unicode has one too."""
    triples = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abc", "", "d"), ("a\udc80", "b", "cd")]
    assert len({key_of(triple) for triple in triples}) == len(triples)


def test_an_id_never_passes_for_the_number_of_another_contact() -> None:
    """One of the two would be taken to have been called already."""
    named = Contact(line=2, to="+15555550123", id="+15555550124")
    assert named.key != Contact(line=3, to="+15555550124").key
    assert Contact(line=2, to="+15555550123", id="+15555550123").key == "+15555550123"
    assert Contact(line=2, to="+15555550123", id="A1").key == "A1"


def test_the_occurrence_key_is_stable() -> None:
    """Journals keep these keys for years: the rule must never change."""
    assert key_of(("reminders", "+15555550123", "2030-01-31")) == (
        "28ab9b7e7f5a4772b5913faace00a3c49a6d31af18c5b94ea5467ede2859f493"
    )


def test_rows_of_one_number_and_the_same_variables_are_duplicates() -> None:
    """Line, id, order and type do not count; number and values do."""
    one = Contact(line=2, to="+15555550123", id="A1", variables={"name": "Bob", "floor": 3})
    assert row_digest(one) == row_digest(Contact(line=9, to="+15555550123", variables={"floor": "3", "name": "Bob"}))
    others = [
        Contact(line=2, to="+15555550124", variables={"name": "Bob", "floor": 3}),
        Contact(line=2, to="+15555550123", variables={"name": "Bob"}),
        Contact(line=2, to="+15555550123", variables={"name": "3", "floor": "Bob"}),
    ]
    assert row_digest(one) not in {row_digest(other) for other in others}


def test_a_later_row_of_a_contact_is_the_same_call_or_another() -> None:
    """Told by its id, else by its number; the first row counts, whatever has come between."""
    repeats = Repeats()
    row, other = {"name": "Bob"}, {"name": "Eve"}
    asked = [
        repeats.is_same_call(Contact(line=2, to="+15555550123", variables=row)),
        repeats.is_same_call(Contact(line=3, to="+15555550123", variables=other)),
        repeats.is_same_call(Contact(line=4, to="+15555550123", variables=row)),
        repeats.is_same_call(Contact(line=5, to="+15555550123", id="A1", variables=row)),
        repeats.is_same_call(Contact(line=6, to="+15555550124", id="A1", variables=row)),
    ]
    assert asked == [None, False, True, None, False]


def test_content_is_its_lines() -> None:
    """Line ends, blank lines and pieces do not make another content; a letter and the order of lines do."""
    content = content_digest(["a\n", "b\n"])
    assert content == content_digest(["a\r\n", "\r\n", "b\r\n"])
    assert content == content_digest(["a", "\n", "b\n"])
    others = [["a\n", "c\n"], ["b\n", "a\n"], ["ab\n"], []]
    assert content not in {content_digest(other) for other in others}


def test_number_columns() -> None:
    """The number's column has three names, however they are written."""
    assert [is_number_column(name) for name in ("to", " Phone ", "NUMBER", "tel")] == [True, True, True, False]


def test_every_disposition_has_its_total() -> None:
    """Each disposition is counted in exactly one total, and an unknown word in none."""
    assert {tally_of(disposition) for disposition in Disposition} == {
        Tally.REACHED,
        Tally.NOT_REACHED,
        Tally.UNKNOWN,
    }
    assert ResultRow(to="+15555550123", disposition="refused").tally is Tally.REFUSED
    assert ResultRow(to="+15555550123", disposition="waiting").tally is Tally.WAITING
    with pytest.raises(LedgerError, match="no total of the ledger counts the disposition 'gone'"):
        tally_of("gone")


@given(st.lists(st.sampled_from(Tally)), st.integers(-2, 2))
def test_a_ledger_adds_up_exactly_when_nobody_is_missing(tallies: list[Tally], error: int) -> None:
    """A contact that was lost or counted twice is always found."""
    ledger = Ledger.of(tallies, contacts=len(tallies) + error)
    if error == 0:
        ledger.check()
    else:
        with pytest.raises(LedgerError, match="does not add up"):
            ledger.check()


def test_a_ledger_says_what_is_wrong() -> None:
    """The message shows every total; a negative total is wrong even if the sum fits. It is our own bug: exit 70."""
    with pytest.raises(LedgerError) as raised:
        Ledger(contacts=2, reached=1, waiting=-1, refused=2).check()
    assert str(raised.value) == (
        "the ledger does not add up: 2 contacts, but 1 reached + 0 not_reached + 2 refused + -1 waiting + 0 unknown"
    )
    assert raised.value.exit_code == 70


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\rx", "'\rx"),
        ("+33 6 12", "'+33 6 12"),
        ("+15555550123", "+15555550123"),
        ("-12.5", "-12.5"),
        ("+1", "+1"),
        ("", ""),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(cell: str, written: str) -> None:
    """What a spreadsheet could compute is text; plain numbers, E.164 among them, stay."""
    assert harmless(cell) == written


def test_values_as_cells() -> None:
    """Nothing is an empty cell, truth values are written as in JSON."""
    assert [text_of(value) for value in (None, True, False, 1, 1.5, "a")] == ["", "true", "false", "1", "1.5", "a"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2))
def test_any_cells_survive_csv(cells: list[str]) -> None:
    """A CSV reader gets back what was written, line ends and quotation marks too."""
    assert list(csv.reader(io.StringIO(csv_line(cells), newline=""), strict=True)) == [cells]
