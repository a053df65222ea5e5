"""How long commands last: at least, as expected, at most. Pure; texts come rendered, in their form on the wire.

The shortest bound decides that a command cannot have run (rules, section 4.4), the longest when a reply is given up
and what fits a network limit (section 6). Both must be safe: shortest too low and longest too high cost only time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.core.exchange import WireCommand

FASTEST_WORDS_PER_MINUTE = 260.0
"""Nobody is made to listen to faster speech; the shortest bound of a text (rules, section 4.4)."""
SLOWEST_SHARE = 0.6
"""The longest bound of a text: this share of the expected rate. Slow voices, and pauses at every stop and comma."""
SPEECH_START_S = 1.0
"""Added to the longest bound of a text: a speech engine starts to speak only after a while."""
TONE_S = 0.2
"""One tone of send_dtmf (contract section 3)."""
RING_S = 30.0
"""The server's ring timeout for a dial that has none (contract section 3)."""
RING_MARGIN_S = 5.0
"""A dial may last this much longer than its ring timeout (rules, section 6)."""
DIGIT_TIMEOUT_S = 15.0
"""The server's timeout of a get_dtmf that has none (contract section 3)."""
UNKNOWN_PLAY_S = (0.0, 10.0, 60.0)
"""A media file of unknown length: shortest, expected, longest."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long something lasts, in seconds; for a list of commands their sum."""

    shortest_s: float = 0.0
    expected_s: float = 0.0
    longest_s: float = 0.0

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(
            self.shortest_s + other.shortest_s, self.expected_s + other.expected_s, self.longest_s + other.longest_s
        )


_AT_ONCE = Bounds(0.0, 0.2, 1.0)
_SMS = Bounds(0.0, 1.0, 10.0)
_ANSWERED_AFTER_S = 10.0
_KEY_PRESSED_AFTER_S = 3.0
_PLAY_TOLERANCE = 0.1
_PLAY_MARGIN_S = 0.5
_REACTION_S = 1.0

# A lone sign such as a dash stands between white space too, but is silence to the speaker.
_WORD = re.compile(r"[^\W_]\S*")
# What takes longer to say than a word: each digit; signs that are read out; a dot inside an address or a number.
_SPELT = re.compile(r"[\d@/&%$€£¥+*#=_~^|\\<>§°]|[.:,-](?=\w)")
_ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")
_LONG_WORD = re.compile(r"[^\W\d_]{13,}")
_LETTERS_A_WORD = 12

# Scripts that are not read word by word, and for each how many characters make a word: at most, usually, at least.
_CHARACTERS_A_WORD = (
    (
        re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"),
        3.0,
        2.0,
        1.5,
    ),
    (re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"), 6.0, 4.0, 2.0),
)
_HANGUL = re.compile("[\uac00-\ud7a3]")
_HANGUL_SYLLABLES_A_WORD = 2.0


def bounds(command: WireCommand, *, words_per_minute: float, play_s: float | None = None) -> Bounds:
    """Return how long a rendered command lasts.

    Args:
        command: In the form of contract section 3.
        words_per_minute: The expected rate of speech; a faster one than 260 also moves the shortest bound.
        play_s: How long a `play` lasts, where its author said so.
    """
    ((name, parameters),) = command.items()
    match name:
        case "say":
            lasts = speech(parameters["text"], words_per_minute=words_per_minute)
        case "get_dtmf":
            lasts = _digits(parameters, words_per_minute=words_per_minute, play_s=play_s)
        case "play":
            lasts = _media(play_s)
        case "send_dtmf":
            tones_s = TONE_S * len(parameters["dtmf"])
            lasts = Bounds(tones_s / 2, tones_s, tones_s * 2)
        case "dial":
            ring_s = parameters.get("timeout", RING_S)
            lasts = Bounds(0.0, min(ring_s, _ANSWERED_AFTER_S), ring_s + RING_MARGIN_S)
        case "sms":
            lasts = _SMS
        case _:
            lasts = _AT_ONCE
    return lasts


@lru_cache(maxsize=512)  # a text is measured for the plan, then for its step, and by every run of a script
def speech(text: str, *, words_per_minute: float) -> Bounds:
    """Return how long a text takes to speak.

    A word is what stands between white space. Digits, read-out signs, acronyms and long compounds count for more in
    the expected and longest bounds, for nothing more in the shortest; scripts without spaces count by characters.
    """
    fewest, usual, most = _spoken_words(text)
    second_s = 60.0 / words_per_minute
    return Bounds(
        min(fewest * 60.0 / FASTEST_WORDS_PER_MINUTE, fewest * second_s),
        usual * second_s,
        most * second_s / SLOWEST_SHARE + SPEECH_START_S,
    )


def _spoken_words(text: str) -> tuple[float, float, float]:
    """Return the fewest, usual and most words that a text counts for."""
    unspaced = (0.0, 0.0, 0.0)
    if not text.isascii():
        text, unspaced = _without_unspaced(text)
    words = text.split()
    usual = most = len(words) + len(_SPELT.findall(text))
    if max(map(len, words), default=0) > _LETTERS_A_WORD:
        most += sum((len(word) - 1) // _LETTERS_A_WORD for word in _LONG_WORD.findall(text))
    if not text.isupper():
        most += sum(map(len, _ACRONYM.findall(text)))
    return len(_WORD.findall(text)) + unspaced[0], usual + unspaced[1], most + unspaced[2]


def _without_unspaced(text: str) -> tuple[str, tuple[float, float, float]]:
    """Return the text without the scripts that use no spaces, and the words those count for."""
    fewest = usual = most = 0.0
    for characters, of_most, of_usual, of_fewest in _CHARACTERS_A_WORD:
        text, count = characters.subn(" ", text)
        fewest += count / of_most
        usual += count / of_usual
        most += count / of_fewest
    # Korean has spaces, but a word of it is a whole phrase.
    syllables = len(_HANGUL.findall(text)) / _HANGUL_SYLLABLES_A_WORD
    return text, (fewest, usual + syllables, most + syllables)


def _digits(parameters: Mapping[str, Any], *, words_per_minute: float, play_s: float | None) -> Bounds:
    """Return the bounds of a get_dtmf. Its prompts may be cut short by a key (open), so the shortest is nothing."""
    prompts = Bounds()
    for prompt in parameters.get("commands", ()):
        prompts += bounds(prompt, words_per_minute=words_per_minute, play_s=play_s)
    timeout_s = parameters.get("timeout", DIGIT_TIMEOUT_S)
    digits = parameters.get("max_digits", 1)
    return Bounds(
        0.0,
        prompts.expected_s + min(timeout_s, _KEY_PRESSED_AFTER_S) + digits - 1,
        prompts.longest_s + digits * timeout_s + _REACTION_S,
    )


def _media(play_s: float | None) -> Bounds:
    if play_s is None:
        return Bounds(*UNKNOWN_PLAY_S)
    return Bounds(
        max(0.0, play_s * (1 - _PLAY_TOLERANCE) - _PLAY_MARGIN_S),
        play_s,
        play_s * (1 + _PLAY_TOLERANCE) + _PLAY_MARGIN_S,
    )
