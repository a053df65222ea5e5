"""Where a text may be cut so that a listener does not notice: at the ends of sentences, else between clauses.

Pure. The planner uses it for a `say` that is too long for one request. Cutting loses nothing: the parts joined are
the text, white space included. A cut too few is better than one in the middle of a name or a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core import abbreviations

_WINDOW = 80  # characters around a stop that are looked at
_CLOSERS = "\"'”\u2019“\u2018»«\u203a\u2039)\\]}\u300d\u300f\u3011\uff09\u3009\u300b"
_OPENERS = "\"'“”„\u201a\u2018\u2019«»\u2039\u203a([{\u300c\u300e\u3010\uff08\u3008\u300a¿¡*-\u2013—"
# Stops that end a sentence whatever follows: of Chinese and Japanese (4), Urdu, Arabic, Hindi (2), Burmese, Khmer,
# Ethiopic and Armenian. In code points, since many look like other signs.
_ALWAYS = "\u3002\uff01\uff1f\uff61\u06d4\u061f\u0964\u0965\u104b\u17d4\u1362\u0589"
_STOP = re.compile(
    rf"(?P<stop>[.!?…\u203c\u2047\u2048\u2049{_ALWAYS}]+)[{_CLOSERS}]*(?:[\s\u00a0\u202f]?»(?=\s|$))?|\n\s*"
)
_WORD_BEFORE = re.compile(r"[^\s\"'“”„\u2018«»(\[{¿¡—]+\Z")
_WORD_AFTER = re.compile(r"\A\w+")
_INNER_DOTS = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
_CLAUSE = re.compile(
    rf"[;:,\u061b\u060c][{_CLOSERS}]*(?=\s)|—|\s[\u2013-](?=\s)"
    r"|[\uff0c\u3001\uff1b\uff1a](?!\d)"
    # Thai, Lao, Burmese and Khmer put white space between clauses only.
    r"|(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])(?=\s)"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text between two places where it may be cut.

    Attributes:
        text: With the white space that follows it.
        ends_sentence: Whether a sentence ends here, so that this is a good place to cut; else only a clause ends.
    """

    text: str
    ends_sentence: bool


def parts(text: str) -> tuple[Part, ...]:
    """Cut a text wherever it may be cut. Joined the parts are the text; none for an empty one.

    It depends on the text only, so that a place counted in parts stays what it is when a limit changes.
    """
    found: list[Part] = []
    for sentence in sentences(text):
        clauses = _cut(sentence, (match.end() for match in _CLAUSE.finditer(sentence)))
        found += [Part(clause, ends_sentence=False) for clause in clauses[:-1]]
        found.append(Part(clauses[-1], ends_sentence=True))
    return tuple(found)


def sentences(text: str) -> tuple[str, ...]:
    """Cut a text after each sentence and paragraph. Joined the sentences are the text; none for an empty one."""
    return tuple(_cut(text, _sentence_ends(text)))


def _cut(text: str, ends: Iterator[int]) -> list[str]:
    """Cut after each end and the white space that follows it; no piece is blank unless the text is."""
    pieces: list[str] = []
    begin = 0
    for place in ends:
        end = _next_visible(text, place)
        if begin < end < len(text) and not text[begin:end].isspace():
            pieces.append(text[begin:end])
            begin = end
    if begin < len(text):
        pieces.append(text[begin:])
    return pieces


def _next_visible(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _sentence_ends(text: str) -> Iterator[int]:
    caseless = text == text.lower()
    begin = 0
    for match in _STOP.finditer(text):
        if _ends_sentence(text, match, begin=begin, caseless=caseless):
            begin = match.end()
            yield begin


def _ends_sentence(text: str, match: re.Match[str], *, begin: int, caseless: bool) -> bool:
    """Whether a sentence that began at `begin` ends at a stop. `caseless`: the text has no capital letters."""
    stop = match["stop"]
    after = text[match.end() : match.end() + _WINDOW]
    visible = after.lstrip().lstrip(_OPENERS)
    goes_on_small = not caseless and visible[:1].islower()
    if stop is None:  # the end of a line
        return match[0].count("\n") > 1 or not goes_on_small
    if any(character in _ALWAYS for character in stop):
        return True
    if after and not after[0].isspace() and after[0] not in "¿¡":
        return False
    if goes_on_small:
        return False
    return stop != "." or not _is_abbreviated(text[max(begin, match.start() - _WINDOW) : match.start()], visible)


def _is_abbreviated(before: str, after: str) -> bool:
    """Whether the full stop between two texts belongs to the word before it."""
    word = "".join(_WORD_BEFORE.findall(before))
    known = word.lower()
    next_word = "".join(_WORD_AFTER.findall(after)).lower()
    if word.isdigit():
        # An ordinal, or the number of an item in a list.
        return next_word in abbreviations.AFTER_ORDINALS or not before[: -len(word)].strip()
    if known in abbreviations.BEFORE_NUMBERS and after.lstrip("+")[:1].isdigit():
        return True
    if known in abbreviations.MAY_END:
        return not after[:1].isupper() or next_word in abbreviations.DATE_WORDS
    if known in abbreviations.TITLES:
        return True
    is_short = (
        known in abbreviations.ABBREVIATIONS or (len(word) == 1 and word.isalpha()) or bool(_INNER_DOTS.fullmatch(word))
    )
    return is_short and bool(next_word) and next_word not in abbreviations.STARTERS
