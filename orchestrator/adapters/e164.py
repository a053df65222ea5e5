"""Phone numbers as people and spreadsheets write them → E.164, by the numbering plans of phonenumbers.

`compose` gives `to_e164` to the reader of contacts, and asks `is_region` about a setting. Whether a number may be
dialled at all is not asked here but right before each dial (`adapters.numbers`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from orchestrator.adapters.numbers import is_emergency
from orchestrator.core.contact import BadNumberError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_LONGEST = 100
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_AS_FORMULA = re.compile(r'="(.*)"')
_SCIENTIFIC = re.compile(r"\+?\d(?:[.,]\d*)?[eE]\+?\d{1,2}")
_DECIMAL = re.compile(r"\+?\d{5,}[.,]0+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T].*)?|\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d")
_EXTENSION = re.compile(r"(?:ext|extn|extension|poste|durchwahl|anexo|int|x|#|;ext=)[ .:=]*\d{1,8}$", re.IGNORECASE)
_EMERGENCY = "is an emergency number, which this program never calls"
_WRITTEN = re.compile(r"\(?\+?[\d\s().\-/]+", re.ASCII)


def to_e164(text: str, region: str | None) -> tuple[str, str | None]:
    """Return a number in E.164, and a warning about it or None.

    Spaces, dashes, dots, brackets, full-width digits and `tel:` are understood. A number without its country code needs
    a region.

    Args:
        text: The number as written.
        region: The country, two letters, whose people would dial it as it is written; None for none.

    Raises:
        BadNumberError: For what is no number, or one that no callee can have; the message reads on from the column's
            name. Impossible is what has a wrong length; what merely is not assigned to anybody gives a warning.
    """
    written = _plainly_written(text)
    _check_damage(written)
    if not _WRITTEN.fullmatch(written):
        raise BadNumberError(_not_a_number(written))
    digits = re.sub(r"\D", "", written)
    if region is None and "+" not in written:
        raise BadNumberError(_EMERGENCY if is_emergency(digits) else _without_country(digits))
    if "+" in written and is_emergency(digits):
        raise BadNumberError(_EMERGENCY)
    parsed = _parsed(written, region)
    _check_length(parsed, region, "+" in written)
    return _formatted(parsed)


def is_region(text: str) -> bool:
    """Return whether this is a region as phonenumbers has them: two capital letters, such as `FR`."""
    import phonenumbers

    return text in phonenumbers.SUPPORTED_REGIONS


def _plainly_written(text: str) -> str:
    """Return the number with ASCII digits and signs, without what cannot be seen and what marks it as text."""
    if len(text) > _LONGEST:
        raise BadNumberError(f"is no phone number: it has {len(text)} characters")
    plain = _INVISIBLE.sub("", _DASHES.sub("-", unicodedata.normalize("NFKC", text))).strip()
    plain = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in plain)
    if marked := _AS_FORMULA.fullmatch(plain):
        plain = marked[1]
    plain = plain.removeprefix("'").strip()
    return plain[4:].strip() if plain[:4].lower() == "tel:" else plain


def _check_damage(written: str) -> None:
    """Refuse what a spreadsheet made of a number: it would be dialled as another one."""
    if _SCIENTIFIC.fullmatch(written):
        raise BadNumberError(
            "was damaged by a spreadsheet: it is in scientific notation and its last digits are lost; format the "
            "column as text, enter the numbers again and export"
        )
    if _DECIMAL.fullmatch(written):
        raise BadNumberError(
            "was damaged by a spreadsheet: it ends in `.0`, so it was a decimal and may have lost its `+` or leading "
            "zero; format the column as text and export again"
        )
    if _DATE.fullmatch(written):
        raise BadNumberError("is a date, not a phone number")


def _not_a_number(written: str) -> str:
    if not written:
        return "is empty"
    if _EXTENSION.search(written):
        return "has an extension, which cannot be dialled; give the number alone"
    if written.count("+") > 1 or re.search(r"\d{5}.*[,;|].*\d{5}", written):
        return "holds more than one number; give each its own row"
    if ";" in written:
        return "is a tel: address with parameters; give the number alone"
    if any(sign.isalpha() for sign in written):
        return "is no phone number: it holds letters"
    return "is no phone number: it may hold digits, spaces, `+ - . / ( )` and nothing else"


def _without_country(digits: str) -> str:
    if not digits:
        return "is no phone number: it holds no digits"
    way_out = "write `+` and the country code first, or set a default region"
    if digits.startswith("00"):
        return f"begins with 00 in place of `+`, which not every country understands; {way_out}"
    if digits.startswith("0"):
        return f"has no country code; {way_out}"
    return f"has neither `+` nor a leading zero: a spreadsheet may have dropped it; {way_out}"


def _parsed(written: str, region: str | None) -> PhoneNumber:
    import phonenumbers
    from phonenumbers import NumberParseException

    try:
        return phonenumbers.parse(written, region)
    except NumberParseException as error:
        reasons = {
            NumberParseException.INVALID_COUNTRY_CODE: "has no country code that exists",
            NumberParseException.TOO_SHORT_AFTER_IDD: "is too short: nothing follows the international prefix",
            NumberParseException.TOO_SHORT_NSN: "is too short for a phone number",
            NumberParseException.TOO_LONG: "is too long for a phone number",
        }
        raise BadNumberError(reasons.get(error.error_type, "is no phone number")) from None


def _check_length(parsed: PhoneNumber, region: str | None, is_international: bool) -> None:
    import phonenumbers
    from phonenumbers import ValidationResult

    result = phonenumbers.is_possible_number_with_reason(parsed)
    if result == ValidationResult.IS_POSSIBLE:
        return
    if is_emergency(str(parsed.national_number)):
        raise BadNumberError(_EMERGENCY)
    reasons = {
        ValidationResult.TOO_LONG: "is too long",
        ValidationResult.TOO_SHORT: "is too short",
        ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code and is too short",
    }
    where = f"a number of +{parsed.country_code}"
    hint = "" if is_international else f" (read as one of the default region {region}; write others with `+`)"
    raise BadNumberError(f"{reasons.get(result, 'has a wrong length')} for {where}{hint}")


def _formatted(parsed: PhoneNumber) -> tuple[str, str | None]:
    import phonenumbers

    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not _E164.fullmatch(number):
        raise BadNumberError("is too short or too long for an international number, which has 7 to 15 digits")
    if phonenumbers.is_valid_number(parsed):
        return number, None
    return number, "has a possible length, but belongs to no range that is in use; it is taken all the same"
