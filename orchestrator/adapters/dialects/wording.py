"""Makes what a server wrote fit to be shown and journalled: short, printable, without digits. Pure."""

from __future__ import annotations

import re

LONGEST_WORD = 100
LONGEST_MESSAGE = 200

_DIGITS = re.compile(r"(?<![\d-])(?P<range>0-9)(?![\d-])|\d+")


def printable(text: str, longest: int = LONGEST_WORD) -> str:
    """Return `text` without control characters, no longer than `longest` characters."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())


def masked(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Return `text` printable and with every run of digits but `0-9` replaced by `#`: digits pressed may be secret."""
    return _DIGITS.sub(lambda found: found["range"] or "#", printable(text, longest))
