"""Hides what must not be shown: card-number-like digits in any output, phone numbers in logs (rules, 4.10). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_UUID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_DIGITS = re.compile(rf"(?P<uuid>{_UUID})|(?<![\d+])\d+(?:[ -]\d+)*")
_GROUP = re.compile(r"\d+")
_FEWEST, _MOST = 13, 19  # digits of a payment card number
SHORTEST_SECRET = 4
"""Shorter ones are words and numbers of every message; their digits are masked where a server wrote them."""
_HIDDEN = "***"
_NUMBER = re.compile(r"\+\d{5,13}(?=\d{2}(?!\d))")


def mask_cards(text: str) -> str:
    """Return `text` with the digits of every payment card number (13 to 19 digits, Luhn) but the last four hidden.

    A card number is whole groups of digits, a space or a dash between them; other groups may stand before and behind.
    """
    if not any(map(str.isdigit, text)):
        return text
    return _DIGITS.sub(lambda found: found["uuid"] or _masked(found.group()), text)


def mask_numbers(text: str) -> str:
    """Return `text` with all but the last two digits of every E.164 number hidden."""
    return _NUMBER.sub("+…", text)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return what a server wrote without secrets it repeats: whole, with their digits masked by `#`, or cut by its end.

    Args:
        text: Shortened ones end with an ellipsis.
        secrets: Of less than four characters none is looked for.
    """
    forms = {form for each in secrets for form in (each, _GROUP.sub("#", each)) if len(form) >= SHORTEST_SECRET}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, _HIDDEN)
    if text.endswith("…"):
        starts = (form[:length] for form in forms for length in range(len(form) - 1, 1, -1))
        found = max((start for start in starts if text[:-1].endswith(start)), key=len, default="")
        text = f"{text[: -1 - len(found)]}{_HIDDEN}…" if found else text
    return text


def without_keys(text: str, keyed: Iterable[str]) -> str:
    """Return a sentence without the keys that somebody pressed: said as one number, or one by one.

    Args:
        text: What is said.
        keyed: What was pressed, question by question; of any length, since only whole numbers are looked for.
    """
    for keys in sorted(filter(None, keyed), key=len, reverse=True):
        one_by_one = r"[ ,.-]{0,2}".join(map(re.escape, keys))
        text = re.sub(rf"(?<!\d){one_by_one}(?!\d)", _HIDDEN, text)
    return text


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
    """Hide the card numbers in a row of groups, the leftmost and of these the longest first."""
    groups = list(_GROUP.finditer(text))
    shown, done, first = "", 0, 0
    while first < len(groups):
        last = _card_from(first, groups)
        if last is None:
            first += 1
            continue
        start, end = groups[first].start(), groups[last].end()
        shown += text[done:start] + _hidden(text[start:end])
        done, first = end, last + 1
    return shown + text[done:]


def _card_from(first: int, groups: list[re.Match[str]]) -> int | None:
    """Return the last group of the longest card number that begins with the group `first`; None for none."""
    digits, found = "", None
    for last in range(first, len(groups)):
        digits += groups[last].group()
        if len(digits) > _MOST:
            break
        if len(digits) >= _FEWEST and _is_luhn([int(digit) for digit in digits]):
            found = last
    return found


def _hidden(card: str) -> str:
    hidden = sum(map(str.isdigit, card)) - 4
    shown = ""
    for character in card:
        is_hidden = character.isdigit() and hidden > 0
        hidden -= character.isdigit()
        shown += "*" if is_hidden else character
    return shown


def _is_luhn(digits: list[int]) -> bool:
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
