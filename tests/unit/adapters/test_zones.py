"""Time zones and countries of numbers. The fictional ones are from ranges that their countries set aside."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from phonenumbers.tzdata import TIMEZONE_DATA

from orchestrator.adapters.zones import country_of, is_zone, zones_of


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+493023125001", {"Europe/Berlin"}),
        ("+4915550000000", {"Europe/Berlin"}),
        ("+442079460123", {"Europe/London"}),
        ("+12025550123", {"America/New_York"}),
        ("+61491570156", zones_of("+61491570006")),  # a mobile number of Australia is from anywhere in it
    ],
)
def test_zones_of_a_number(number: str, zones: set[str]) -> None:
    """A number has the zones of the place it was given out for."""
    assert zones_of(number) == zones
    assert zones


@pytest.mark.parametrize("number", ["+18005550199", "+15555550123"])
def test_a_number_from_anywhere_has_every_zone_of_its_plan(number: str) -> None:
    """Free and fictional numbers may be answered anywhere in the plan, so all its zones must be open."""
    assert {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "America/St_Johns"} <= zones_of(number)


@pytest.mark.parametrize("number", ["+9991234567", "+1555", "+881612345678", "0301234567", "", "soon"])
def test_what_is_no_number_of_a_place_has_no_zone(number: str) -> None:
    """No zone is guessed: neither `Etc/Unknown`, nor one for a number that could not exist."""
    assert zones_of(number) == frozenset()


def test_every_zone_of_a_number_can_be_used() -> None:
    """The plans name no zone that the installed zone data lack, the old names included."""
    named = {zone for zones in TIMEZONE_DATA.values() for zone in zones} - {"Etc/Unknown"}
    assert len(named) > 200
    assert {ZoneInfo(zone).key for zone in named} == named


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+493023125001", "DE"),
        ("+12025550123", "US"),
        ("+14165550123", "CA"),
        ("+353200123456", "IE"),  # not given out, but only Ireland has the prefix
        ("+15555550123", None),  # not given out, and many countries share the prefix
        ("+881612345678", None),  # a satellite's
        ("+9991234567", None),
        ("+80012345678", None),
        ("soon", None),
    ],
)
def test_country_of_a_number(number: str, country: str | None) -> None:
    """The country is known where the number or its prefix belongs to one."""
    assert country_of(number) == country


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Europe/Berlin", True),
        ("UTC", True),
        ("Asia/Choibalsan", True),
        ("Europe/Nowhere", False),
        ("Europe", False),
        ("", False),
        ("../etc/passwd", False),
        ("/etc/passwd", False),
        ("Europe/Ber\0lin", False),
        ("a" * 300, False),
    ],
)
def test_names_of_zones(name: str, known: bool) -> None:
    """A name that a contact list gives is a zone or not, whatever it is."""
    assert is_zone(name) is known


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Importing the module costs no phone number data."""
    code = "import sys, orchestrator.adapters.zones as z; assert not {'phonenumbers', 'zoneinfo'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
