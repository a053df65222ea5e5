"""Numbers that must never be dialled. The fictional ones are from ranges that their countries set aside."""

import subprocess
import sys

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.shortnumberinfo import is_emergency_number

from orchestrator.adapters.numbers import refusal

EMERGENCY = "could reach an emergency service"
PREMIUM = "is a premium-rate number"
SHAPE = "is not a number in international form"


@pytest.mark.parametrize(
    "number",
    [
        "+15555550123",  # North America, fictional
        "+12025550123",
        "+18005550199",
        "+15550100",  # too short to exist
        "+4915550000000",
        "+493023125001",  # Germany, Berlin, for film and television
        "+447700900123",  # United Kingdom, drama
        "+442079460123",
        "+33199001234",  # France, fiction
        "+33639980123",
        "+33153550123",  # Paris: begins with 15, the ambulance
        "+911120001234",  # Delhi: begins with 112
        "+61491570156",  # Australia, fiction
        "+353200123456",
        "+46701740605",  # Sweden, fiction
        "+8613800138000",
        "+5511912345678",
        "+27110001234",
        "+9991234567",  # no country has this code
        "+6834119",  # Niue: 4 digits are a whole number
    ],
)
def test_ordinary_and_fictional_numbers_pass(number: str) -> None:
    """What exists, could exist or is fictional may be dialled."""
    assert refusal(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "112", "911", "999", "000", "110", "15", "17", "190", "+112", "+911",
        "+1911", "+44999", "+44112", "+49112", "+49110", "+33112", "+3315", "+39113", "+61000", "+81119", "+86120",
        "+55190", "+91108", "+27112", "+4690000", "+7112", "+34112", "+972100", "+1 911", "+44-999",
        "+49999", "+1112",  # another region's emergency number behind this country code
        "+1911911",  # a fragment that begins with one
    ],
)  # fmt: skip
def test_emergency_numbers_are_refused(number: str) -> None:
    """Emergency numbers are refused alone, behind a country code, and however they are written."""
    assert EMERGENCY in (refusal(number) or "")


def test_the_emergency_numbers_of_many_regions_are_refused() -> None:
    """What a numbering plan calls an emergency number is refused, alone and behind its country code."""
    regions = "AE AR AT AU BR CA CH CL CN CO DE EG ES FR GB GH GR ID IE IN IT JP KE MX NG NZ PL PT RU SE TR UA US ZA"
    asked, passed = 0, []
    for region in regions.split():
        short = [f"{number:03}" for number in range(1000) if is_emergency_number(f"{number:03}", region)]
        asked += len(short)
        for number in (*short, *(f"+{phonenumbers.country_code_for_region(region)}{digits}" for digits in short)):
            passed += [number] if EMERGENCY not in (refusal(number) or "") else []
    assert asked > 2 * len(regions.split())
    assert passed == []


@pytest.mark.parametrize(
    "number",
    [
        "+19005550123", "+449090123456", "+33899123456", "+39892123", "+34803123456", "+81990123456", "+979123456789",
        "+611900123456", "+31900123456", "+43900123456",
    ],
)  # fmt: skip
def test_premium_numbers_are_refused(number: str) -> None:
    """Numbers that cost the caller more than a call are refused, those of no country among them."""
    assert PREMIUM in (refusal(number) or "")


@pytest.mark.parametrize(
    "number",
    ["", " ", "abc", "0612345671", "+0612345671", "15555550123", "+1234", "+1234567890123456", "+1 555 555 0123",
     "+1555555012a", "+1555555012\uff13", "sip:a@b", "++15555550123", "+15555550123\n"],
)  # fmt: skip
def test_what_is_not_e164_is_refused(number: str) -> None:
    """A plus and 7 to 15 ASCII digits, nothing else."""
    assert SHAPE in (refusal(number) or "")


def test_the_example_numbers_of_every_region() -> None:
    """In every region the examples of premium-rate numbers are refused, and those of every other kind pass."""
    wrong = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, kind)
            number = "" if example is None else phonenumbers.format_number(example, PhoneNumberFormat.E164)
            expected = PREMIUM if kind == PhoneNumberType.PREMIUM_RATE else "None"
            if len(number) > 7 and expected not in str(refusal(number)):
                wrong.append((region, number, refusal(number)))
    assert wrong == []


def test_the_library_is_imported_only_when_a_number_is_asked_about() -> None:
    """Starting the program does not cost the import of the numbering plans."""
    code = "import sys, orchestrator.adapters.numbers; print('phonenumbers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
