"""Dates on which nobody is called, from the holidays library and from a blackout file."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from orchestrator.adapters.calendars import closed_dates, holidays_of_country
from orchestrator.errors import ConfigurationError


def dates(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)


def blackout(folder: Path, content: str | bytes) -> frozenset[date]:
    file = folder / "blackout.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return closed_dates(None, None, years=(), file=file)


def complaint(folder: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        blackout(folder, content)
    return str(caught.value)


def test_nothing_asked_nothing_closed() -> None:
    """Without a country and a file no date is closed."""
    assert closed_dates(None, None, years=[2026], file=None) == frozenset()


def test_holidays_of_a_country_in_the_years_asked() -> None:
    """The public holidays of each year, and of no other."""
    found = closed_dates("de", None, years=[2026, 2027], file=None)
    assert dates("2026-01-01", "2026-04-03", "2026-12-25", "2027-12-26") <= found
    assert {day.year for day in found} == {2026, 2027}
    assert closed_dates("DEU", None, years=[2026], file=None) == {day for day in found if day.year == 2026}


def test_holidays_of_a_country_that_nobody_knows() -> None:
    """It is said, not taken for a country without any."""
    assert dates("2026-12-25") <= (holidays_of_country("DE", years=[2026]) or frozenset())
    assert holidays_of_country("XX", years=[2026]) is None


def test_holidays_of_a_part_of_a_country() -> None:
    """A subdivision has its own besides the country's."""
    epiphany = dates("2026-01-06")
    assert epiphany <= closed_dates("DE", "BY", years=[2026], file=None)
    assert not epiphany & closed_dates("DE", "BE", years=[2026], file=None)


def test_a_holiday_is_also_kept_where_it_is_observed() -> None:
    """4 July 2026 is a Saturday, so its Friday is free too."""
    assert dates("2026-07-03", "2026-07-04") <= closed_dates("US", None, years=[2026], file=None)


@pytest.mark.parametrize(
    ("country", "subdivision", "says"),
    [
        ("Germany", None, "no holidays are known for the country `Germany`; did you mean `DE`?"),
        ("united kingdon", None, "did you mean `GB`?"),
        ("", None, "the country ``; write a two-letter code such as `DE`"),
        ("12345", None, "write a two-letter code such as `DE`"),
        ("DE", "by", "no holidays are known for `by` in DE; did you mean `BY`?"),
        ("DE", "Q", "`Q` in DE; valid are BB, BE,"),
        ("SG", "BY", "its holidays are the same everywhere"),
        (None, "BY", "holidays of `BY` need a country too"),
    ],
)
def test_no_such_place(country: str | None, subdivision: str | None, says: str) -> None:
    """An unknown country or subdivision is a configuration error that names the nearest."""
    with pytest.raises(ConfigurationError) as caught:
        closed_dates(country, subdivision, years=[2026], file=None)
    assert says in str(caught.value)


def test_blackout_file(tmp_path: Path) -> None:
    """Dates and ranges, one a line; comments, empty lines, a byte order mark and foreign line ends do not matter."""
    content = "\ufeff# closed\r\n2026-12-31\r\n\r\n 2027-02-27..2027-03-01 # fair\r\n2027-02-28 .. 2027-02-28\r\n"
    assert blackout(tmp_path, content) == dates("2026-12-31", "2027-02-27", "2027-02-28", "2027-03-01")


def test_file_and_holidays_together(tmp_path: Path) -> None:
    """Both close."""
    file = tmp_path / "blackout.txt"
    file.write_text("2030-06-01\n", encoding="utf-8")
    assert dates("2030-06-01", "2026-12-25") <= closed_dates("DE", None, years=[2026], file=file)


def test_every_problem_is_reported_with_its_line(tmp_path: Path) -> None:
    """All lines are read before complaining."""
    content = """24.12.2026
2026-12-24
2026-02-30
2027-01-02..2027-01-01
2026-01-01..
2026-01-01..2026-01-02..2026-01-03
2000-01-01..2100-01-01
2026-W01-1
"""
    lines = complaint(tmp_path, content).splitlines()
    file = tmp_path / "blackout.txt"
    expected = [
        (1, "`24.12.2026` is not a date; write one as in 2026-12-24"),
        (3, "`2026-02-30` is not a date"),
        (4, "`2027-01-02..2027-01-01` is not a range"),
        (5, "`` is not a date"),
        (6, "is not a range; write the first and the last date, as in 2026-12-24..2027-01-01"),
        (7, "`2000-01-01..2100-01-01` is longer than ten years"),
        (8, "`2026-W01-1` is not a date"),
    ]
    assert [line.split(": ", 1)[0] for line in lines] == [f"{file}:{number}:1" for number, _ in expected]
    for line, (_, says) in zip(lines, expected, strict=True):
        assert says in line


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """What cannot be read, or is no text, or far too large, is refused by name."""
    with pytest.raises(ConfigurationError, match=r"missing\.txt: the blackout dates cannot be read"):
        closed_dates(None, None, years=(), file=tmp_path / "missing.txt")
    assert "cannot be read" in complaint(tmp_path, b"\xff\xfe2\x000\x00")
    assert "larger than 1 MiB" in complaint(tmp_path, "#" * 1_100_000)


def test_nothing_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    """Neither importing the module nor reading a file loads the holidays of the world."""
    (tmp_path / "b.txt").write_text("2026-12-24\n", encoding="utf-8")
    code = (
        "import sys, pathlib, orchestrator.adapters.calendars as c;"
        "assert c.closed_dates(None, None, years=(2026,), file=pathlib.Path(sys.argv[1]));"
        "assert 'holidays' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.txt")], check=True)
