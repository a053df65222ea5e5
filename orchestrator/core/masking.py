"""Hides what must not be shown: card-number-like digits in any output, phone numbers in logs (design 4.10). Pure."""

from __future__ import annotations

import re
from typing import Any

_UUID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_CARD = re.compile(rf"(?P<uuid>{_UUID})|(?<![\d+])(?:\d[ -]?){{12,18}}\d(?!\d)")
_NUMBER = re.compile(r"\+\d{5,13}(?=\d{2}(?!\d))")


def mask_cards(text: str) -> str:
    """Return `text` with the digits of every payment card number (13 to 19 digits, Luhn) but the last four hidden."""
    if not any(map(str.isdigit, text)):
        return text
    return _CARD.sub(lambda found: found["uuid"] or _masked(found.group()), text)


def mask_numbers(text: str) -> str:
    """Return `text` with all but the last two digits of every E.164 number hidden."""
    return _NUMBER.sub("+…", text)


def masked(document: Any) -> Any:
    """Return a JSON value with `mask_cards` done to every text in it."""
    match document:
        case str():
            return mask_cards(document)
        case dict():
            return {key: masked(value) for key, value in document.items()}
        case list() | tuple():
            return [masked(value) for value in document]
        case _:
            return document


def _masked(text: str) -> str:
    digits = [int(character) for character in text if character.isdigit()]
    if not _is_luhn(digits):
        return text
    hidden = len(digits) - 4
    shown = []
    for character in text:
        if character.isdigit():
            shown.append("*" if hidden > 0 else character)
            hidden -= 1
        else:
            shown.append(character)
    return "".join(shown)


def _is_luhn(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
