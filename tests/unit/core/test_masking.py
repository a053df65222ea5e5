"""The second net: card-number-like digits in any output, phone numbers in logs."""

from __future__ import annotations

import pytest

from orchestrator.core.masking import mask_cards, mask_numbers, masked, without_keys, without_secrets

CARD = "4111111111111111"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"card {CARD}.", "card ************1111."),
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("378282246310005", "***********0005"),
        ("4111111111111112", "4111111111111112"),  # not by the check digit
        ("411111111111", "411111111111"),  # too short
        ("4" * 20, "4" * 20),  # too long
        ("+4111111111111111", "+4111111111111111"),  # a phone number
        ("00000000-0000-4000-8000-000000000003", "00000000-0000-4000-8000-000000000003"),
        (f"12 {CARD}", "12 ************1111"),
        ("order 99 4111 1111 1111 1111 7", "order 99 **** **** **** 1111 7"),
        (f"{CARD} {CARD}", "************1111 ************1111"),
        (f"+15555550100 {CARD}", "+15555550100 ************1111"),
        (f"{'1 ' * 30}{CARD}", f"{'1 ' * 30}************1111"),
        ("keys 0-9 only, 2026-11-22 10 times", "keys 0-9 only, 2026-11-22 10 times"),
        ("no digits", "no digits"),
        ("", ""),
    ],
)
def test_card_numbers_are_masked_but_for_the_last_four(text: str, shown: str) -> None:
    """13 to 19 digits that pass the check are hidden, with their spaces and dashes; nothing else is."""
    assert mask_cards(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call to +15555550100 lost", "call to +…00 lost"),
        ("+33123456789,+12", "+…89,+12"),
        ("15555550100", "15555550100"),
    ],
)
def test_numbers_are_masked_but_for_the_last_two(text: str, shown: str) -> None:
    """Every E.164 number in a log."""
    assert mask_numbers(text) == shown


def test_whole_documents_are_masked() -> None:
    """Texts at every depth; keys, numbers and nothing stay."""
    document = {CARD: [CARD, {"a": CARD}, 1, None, (CARD,)]}
    hidden = "************1111"
    assert masked(document) == {CARD: [hidden, {"a": hidden}, 1, None, [hidden]]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bad word opensesame42!", "bad word ***!"),
        ("bad word opensesame#!", "bad word ***!"),
        ("opensesame42opensesame42", "******"),
        ("bad word opense…", "bad word ***…"),
        ("bad word o…", "bad word o…"),
        ("cut elsewhere…", "cut elsewhere…"),
        ("abc is too short", "abc is too short"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_secrets_that_a_server_repeats_are_hidden(text: str, shown: str) -> None:
    """Whole, with their digits masked already, or cut by the end of a shortened text; very short ones stay."""
    assert without_secrets(text, ("opensesame42", "abc")) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Your PIN is 73104652.", "Your PIN is ***."),
        ("That is 7 3 1 0 4 6 5 2, or 7, 3, 1, 0, 4, 6, 5, 2.", "That is ***, or ***."),
        ("The code on the back is 123; not 1234, nor 0123.", "The code on the back is ***; not 1234, nor 0123."),
        ("*9# it was", "*** it was"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_keys_that_were_pressed_are_hidden_in_what_is_said(text: str, shown: str) -> None:
    """As one number or one by one; short ones too, but not within longer numbers."""
    assert without_keys(text, {"73104652", "123", "*9#", ""}) == shown
