"""Numbers as people write them: understood, explained or refused. The good ones are set aside for fiction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.e164 import is_region, to_e164
from orchestrator.core.contact import BadNumberError

WAY_OUT = "write `+` and the country code first, or set a default region"
SCIENTIFIC = (
    "was damaged by a spreadsheet: it is in scientific notation and its last digits are lost; format the column as "
    "text, enter the numbers again and export"
)
LETTERS = "is no phone number: it holds letters"
READ_AS_US = "(read as one of the default region US; write others with `+`)"
EXTENSION = "has an extension, which cannot be dialled; give the number alone"
EMERGENCY = "is an emergency number, which this program never calls"
SEVERAL = "holds more than one number; give each its own row"


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("+33639980123", None),
        (" +33 6 39 98 01 23 ", None),
        ("+33 (0)6 39 98 01 23", None),
        ("(+33) 6-39-98-01-23", None),
        ("06.39.98.01.23", "FR"),
        ("06/39/98/01/23", "FR"),
        ("639980123", "FR"),  # a spreadsheet dropped the zero
        ("33639980123", "FR"),
        ("0033639980123", "FR"),
        ("\uff10\uff16\uff13\uff19\uff19\uff18\uff10\uff11\uff12\uff13", "FR"),  # full-width digits
        ("\uff0b33639980123", None),
        ("\u0660\u0666\u0663\u0669\u0669\u0668\u0660\u0661\u0662\u0663", "FR"),  # Arabic digits
        ("06\u201339\u201398\u201301\u201323", "FR"),
        ("06\u00a039\u202f98\u200901\u200223", "FR"),
        ("\u202a+33 6 39 98 01 23\u202c", None),  # as copied from an address book
        ("tel:+33-6-39-98-01-23", None),
        ("TEL: 06 39 98 01 23", "FR"),
        ("'+33639980123", None),
        ('="0639980123"', "FR"),
    ],
)  # fmt: skip
def test_ways_to_write_a_number(written: str, region: str | None) -> None:
    """Every way to write one number gives the same E.164."""
    assert to_e164(written, region)[0] == "+33639980123"


@pytest.mark.parametrize(("written", "number"), [("+390612345678", "+390612345678"), ("+6834119", "+6834119")])
def test_shapes_of_countries(written: str, number: str) -> None:
    """A leading zero that belongs to the number stays; short countries are countries."""
    assert to_e164(written, None)[0] == number


def test_possible_but_unassigned_numbers_are_taken_with_a_warning() -> None:
    """Whether a number exists is for the network to say."""
    assert to_e164("+442079460123", None)[1] is None
    number, warning = to_e164("+1 555 555 0123", None)
    assert number == "+15555550123"
    assert warning == "has a possible length, but belongs to no range that is in use; it is taken all the same"


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("", "FR", "is empty"),
        ("'", None, "is empty"),
        ("3.31235E+10", "FR", SCIENTIFIC),
        ("3,31235e10", None, SCIENTIFIC),
        ("33639980123.0", "FR", ("was damaged by a spreadsheet: it ends in `.0`, so it was a decimal and may have lost "
         "its `+` or leading zero; format the column as text and export again")),
        ("639980123,00", "FR", ("was damaged by a spreadsheet: it ends in `.0`, so it was a decimal and may have lost "
         "its `+` or leading zero; format the column as text and export again")),
        ("2030-01-31", "DE", "is a date, not a phone number"),
        ("2030-01-31 10:00:00", "DE", "is a date, not a phone number"),
        ("31.01.2030", "DE", "is a date, not a phone number"),
        ("639980123", None, f"has neither `+` nor a leading zero: a spreadsheet may have dropped it; {WAY_OUT}"),
        ("0639980123", None, f"has no country code; {WAY_OUT}"),
        ("0033639980123", None, f"begins with 00 in place of `+`, which not every country understands; {WAY_OUT}"),
        ("()", None, "is no phone number: it holds no digits"),
        ("()", "FR", "is no phone number"),
        ("0", "FR", "is no phone number"),
        ("00", "FR", "is too short: nothing follows the international prefix"),
        ("+33639980123 x12", None, EXTENSION),
        ("+33639980123 ext. 12", None, EXTENSION),
        ("+33639980123 poste 12", None, EXTENSION),
        ("tel:+33639980123;ext=12", None, EXTENSION),
        ("+33639980123#12", None, EXTENSION),
        ("+33639980123 / +33639980124", None, SEVERAL),
        ("0639980123, 0639980124", "FR", SEVERAL),
        ("tel:0123;phone-context=+33", None, "is a tel: address with parameters; give the number alone"),
        ("Bob 0639980123", "FR", LETTERS),
        ("1-800-FLOWERS", "US", LETTERS),
        ("+", None, "is no phone number: it may hold digits, spaces, `+ - . / ( )` and nothing else"),
        ("06*39", "FR", "is no phone number: it may hold digits, spaces, `+ - . / ( )` and nothing else"),
        ("+9991234567", None, "has no country code that exists"),
        ("+1555555012", None, "is too short for a number of +1"),
        ("+155555501234", None, "is too long for a number of +1"),
        ("33639980123", "US", f"is too long for a number of +1 {READ_AS_US}"),
        ("555 0123", "US", f"lacks its area code and is too short for a number of +1 {READ_AS_US}"),
        ("11", "FR", "is too short for a number of +33 (read as one of the default region FR; write others with `+`)"),
        ("112", "FR", EMERGENCY),
        ("911", None, EMERGENCY),
        ("9-1-1", "US", EMERGENCY),
        ("+911", None, EMERGENCY),
        ("+1 911", None, EMERGENCY),
        ("+49 30 1", None, "lacks its area code and is too short for a number of +49"),
        ("+981111", None, "is too short or too long for an international number, which has 7 to 15 digits"),
        ("1" * 40, "FR", "is too long for a phone number"),
        ("1" * 101, "FR", "is no phone number: it has 101 characters"),
        ("+39 0", "FR", "is too short for a phone number"),
    ],
)  # fmt: skip
def test_numbers_that_are_refused(written: str, region: str | None, reason: str) -> None:
    """Each kind of bad number is refused in words that lead to the good one; damage is never guessed away."""
    with pytest.raises(BadNumberError) as raised:
        to_e164(written, region)
    assert str(raised.value) == reason


def test_regions() -> None:
    """A region is two capital letters that a numbering plan knows."""
    assert [is_region(text) for text in ("FR", "fr", "XX", "")] == [True, False, False, False]


@given(st.text() | st.text("+0123456789 ().-/eE,;x\u0660\uff10"), st.sampled_from([None, "FR", "US", "IT"]))
def test_any_text_is_a_number_or_refused(text: str, region: str | None) -> None:
    """Nothing else comes out than E.164, and that is itself a way to write the number."""
    try:
        number, warning = to_e164(text, region)
    except BadNumberError:
        return
    assert to_e164(number, None) == (number, warning)
