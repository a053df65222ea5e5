"""How long things last in a call: speech, media and tones.

Pure. Used by executions; the figures come from the sandbox file or the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # rare Chinese characters
    (0x4E00, 0x9FFF),  # Chinese characters
)
_CHARACTERS_A_WORD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Rates and lengths, in seconds of the call; `speed` such seconds pass in one second of the server's clock."""

    words_per_minute: float = 150.0
    play_seconds: float = 3.0
    tone_seconds: float = 0.2
    media: Mapping[str, float] = field(default_factory=dict)
    speed: float = 1.0

    def say(self, text: str) -> float:
        """Seconds of speech: by words, and by characters for scripts that put no spaces between words."""
        unspaced = sum(_is_unspaced(character) for character in text)
        spaced = "".join(" " if _is_unspaced(character) else character for character in text)
        return (len(spaced.split()) + unspaced / _CHARACTERS_A_WORD) * 60 / self.words_per_minute

    def play(self, resource_id: str) -> float:
        """Seconds the media lasts; `play_seconds` for one that the file does not name."""
        return self.media.get(resource_id.lower(), self.play_seconds)

    def tones(self, dtmf: str) -> float:
        """Seconds to send the tones."""
        return len(dtmf) * self.tone_seconds


def _is_unspaced(character: str) -> bool:
    code = ord(character)
    return code >= _WITHOUT_SPACES[0][0] and any(first <= code <= last for first, last in _WITHOUT_SPACES)
