"""How long commands last: safe bounds, and figures near those of the contract."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.durations import Bounds, bounds, speech

WPM = 150.0


def lasts(name: str, play_s: float | None = None, **parameters: Any) -> Bounds:
    return bounds({name: parameters}, words_per_minute=WPM, play_s=play_s)


def test_bounds_add_up() -> None:
    """A list lasts as long as its commands together."""
    assert Bounds(1, 2, 3) + Bounds(10, 20, 30) == Bounds(11, 22, 33)


def test_speech_of_words() -> None:
    """Words are spoken at 260 a minute at most, as set expectedly, at 60 % of that plus a second at the slowest."""
    found = speech(" ".join(["word"] * 26), words_per_minute=WPM)
    assert found.shortest_s == pytest.approx(6)
    assert found.expected_s == pytest.approx(26 * 0.4)
    assert found.longest_s == pytest.approx(26 * 0.4 / 0.6 + 1)


def test_faster_speech_than_the_fastest() -> None:
    """Who sets a rate above 260 moves the shortest bound with it: it never exceeds what is expected."""
    found = speech("one two three", words_per_minute=600)
    assert found.shortest_s == found.expected_s == pytest.approx(0.3)


def test_nothing_to_say() -> None:
    """An empty text has nothing to speak, but a speech engine may still take its time."""
    assert speech("", words_per_minute=WPM) == Bounds(0, 0, 1)


@pytest.mark.parametrize(
    ("plain", "longer"),
    [
        ("Your code is four", "Your code is 4711"),
        ("Call number", "Call +15555550199"),
        ("Open example", "Open www.example.com/help"),
        ("Pay the sum", "Pay the $3.50"),
        ("Ask the office", "Ask the NHS"),
        ("Zum Kapitän bitte", "Zum Donaudampfschifffahrtskapitän bitte"),
    ],
)
def test_what_takes_longer_to_say(plain: str, longer: str) -> None:
    """Digits, signs, acronyms and compounds make the longest bound longer, and the shortest not."""
    assert speech(longer, words_per_minute=WPM).longest_s > speech(plain, words_per_minute=WPM).longest_s
    assert speech(longer, words_per_minute=WPM).shortest_s <= speech(plain, words_per_minute=WPM).shortest_s


def test_each_digit_is_spoken() -> None:
    """Ten digits take as long as ten words by the expected bound, and as one by the shortest."""
    number = speech("5555550199", words_per_minute=WPM)
    assert number.expected_s >= 10 * 0.4
    assert number.shortest_s == pytest.approx(60 / 260)


def test_capital_letters_alone_are_no_acronyms() -> None:
    """A text in capital letters throughout is shouted, not spelt."""
    loud, quiet = (speech(text, words_per_minute=WPM) for text in ("PRESS ONE NOW", "press one now"))
    assert loud == quiet


def test_a_dash_is_not_heard() -> None:
    """What has neither letter nor digit does not lengthen the shortest bound."""
    assert speech("yes - no", words_per_minute=WPM).shortest_s == speech("yes no", words_per_minute=WPM).shortest_s


@pytest.mark.parametrize(
    "text",
    [
        "您好您的预约是明天上午十点",
        "ご予約は明日の午前十時です",
        "การนัดหมายของคุณคือพรุ่งนี้",
        "안녕하세요내일오전예약입니다",
    ],
)
def test_scripts_without_spaces(text: str) -> None:
    """Chinese, Japanese, Thai and Korean count by characters: such a text is not one word long."""
    found = speech(text, words_per_minute=WPM)
    assert found.expected_s >= len(text) * 0.4 / 4
    assert found.longest_s >= len(text) * 0.4 / 2
    assert found.shortest_s <= len(text) * 60 / 260 / 3


def test_mixed_scripts() -> None:
    """Words between characters count besides them."""
    mixed = speech("请按 one 键", words_per_minute=WPM)
    assert mixed.expected_s == pytest.approx((3 / 2 + 1) * 0.4)


@given(st.text(), st.floats(60, 400))
def test_bounds_are_ordered(text: str, rate: float) -> None:
    """Whatever the text: shortest, expected, longest come in this order."""
    found = speech(text, words_per_minute=rate)
    assert 0 <= found.shortest_s <= found.expected_s + 1e-9
    assert found.expected_s <= found.longest_s


@given(st.text(), st.text())
def test_more_text_takes_no_less(first: str, second: str) -> None:
    """Two texts as one, with white space between, take no less at the shortest than either alone."""
    whole = speech(f"{first} {second}", words_per_minute=WPM).shortest_s
    assert whole >= max(speech(text, words_per_minute=WPM).shortest_s for text in (first, second)) - 1e-9


def test_say_is_speech() -> None:
    """A say lasts as long as its text."""
    assert lasts("say", text="one two") == speech("one two", words_per_minute=WPM)


def test_play_of_unknown_length() -> None:
    """Without a hint a media may last up to a minute."""
    assert lasts("play", resource_id="x") == Bounds(0, 10, 60)


def test_play_with_a_hint() -> None:
    """With a hint it lasts about as long as its author said; a tiny one never less than nothing."""
    assert lasts("play", play_s=10.0, resource_id="x") == Bounds(8.5, 10, 11.5)
    assert lasts("play", play_s=0.25, resource_id="x").shortest_s == 0


def test_get_dtmf_by_default() -> None:
    """Without parameters it is one digit within 15 s."""
    assert lasts("get_dtmf") == Bounds(0, 3, 16)


def test_get_dtmf_waits_for_each_digit() -> None:
    """The timeout starts again with each digit, and comes on top of the prompts."""
    prompt = speech("Press one", words_per_minute=WPM)
    found = lasts("get_dtmf", timeout=5, max_digits=4, commands=[{"say": {"text": "Press one"}}])
    assert found.longest_s == pytest.approx(prompt.longest_s + 4 * 5 + 1)
    assert found.expected_s == pytest.approx(prompt.expected_s + 3 + 3)


def test_get_dtmf_may_end_at_once() -> None:
    """A key may cut the prompts short, so nothing of them counts for the shortest bound."""
    assert lasts("get_dtmf", commands=[{"say": {"text": "a long prompt"}}]).shortest_s == 0


def test_get_dtmf_hint_is_for_its_media() -> None:
    """A `duration` at a get_dtmf is that of the media it plays."""
    assert lasts("get_dtmf", play_s=10.0, timeout=5, commands=[{"play": {"resource_id": "x"}}]).longest_s == 17.5


def test_send_dtmf() -> None:
    """A tone takes 0.2 s, at the shortest half of that, at the longest twice."""
    assert lasts("send_dtmf", dtmf="12345") == Bounds(0.5, 1.0, 2.0)


def test_dial() -> None:
    """A dial may be answered or refused at once, and lasts its ring timeout and 5 s at the longest."""
    assert lasts("dial", timeout=20) == Bounds(0, 10, 25)
    assert lasts("dial", timeout=4).expected_s == 4
    assert lasts("dial").longest_s == 35


@pytest.mark.parametrize("name", ["answer", "hold", "unhold", "hangup"])
def test_what_is_done_at_once(name: str) -> None:
    """Commands that make no sound take a second at most."""
    assert lasts(name) == Bounds(0, 0.2, 1)


def test_sms() -> None:
    """A text message has no length of its own."""
    assert lasts("sms", to="+1", message="x").shortest_s == 0
