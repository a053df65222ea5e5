"""How long speech, media and tones last."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.timing import Timing


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("one two three four five", 2.0),
        ("one", 0.4),
        ("", 0.0),
        ("予約の確認です", 7 / 2 * 0.4),
        ("ok 予約", 2 * 0.4),
        ("สวัสดี", 6 / 2 * 0.4),
        ("Grüße aus Köln", 1.2),
    ],
)
def test_speech_lasts_by_words_or_by_characters(text: str, seconds: float) -> None:
    """At 150 words a minute a word takes 0.4 s; where no spaces stand between words, two characters do."""
    assert Timing().say(text) == pytest.approx(seconds)


def test_media_lasts_as_the_file_says() -> None:
    """A media file has its own length, whatever the case of its id; unknown ones have the default."""
    timing = Timing(media={"ab": 12.5})
    assert (timing.play("AB"), timing.play("cd")) == (12.5, 3.0)


def test_tones_take_a_fifth_of_a_second_each() -> None:
    """Contract section 3: about 0.2 s a tone."""
    assert Timing().tones("1234#") == pytest.approx(1.0)
