"""Which requests are held open until their step is over, and which are acknowledged at once."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.modes import asks_events, kept_open_because
from orchestrator.core.records import Cursor
from orchestrator.core.script import GetDtmf, Hangup, Hold, Plain, Say, Script, Sms, Unhold
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.step import PlanError, Step, next_step
from tests.fakes import machine as m

SHORT = Say(Plain("one two three"))
LONG = Say(Plain(" ".join(["word"] * 100)))
ASK = GetDtmf(timeout_s=5.0)


def step(script: Script, entry: int = 1, **fields: Any) -> Step:
    """Return the step that begins at an entry."""
    return next_step(script, Cursor(entry), {}, Settings(**fields), to="+15555550100", from_="+15555550199")


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.POLL])
@pytest.mark.parametrize("element", [SHORT, LONG, Hold()])
def test_what_is_heard_is_acknowledged_at_once(mode: Mode, element: Any) -> None:
    """However long it is, under whatever limit; a hold may even end its list (contract section 3)."""
    found = step(m.script(element, Hangup()), mode=mode, limit_s=20.0)
    assert (found.asynchronous, len(found.commands)) == (True, 1)


def test_a_dial_is_acknowledged_at_once_and_rings_as_long_as_it_does_otherwise() -> None:
    """No limit shortens it."""
    found = step(m.script(SHORT), 0, mode=Mode.POLL, limit_s=20.0)
    assert found.asynchronous
    assert "timeout" not in found.commands[0]["dial"]


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (Hangup(), "over at once"),
        (Unhold(), "over at once"),
        (Sms(to=Plain("+1"), from_=Plain("+2"), message=Plain("x")), "always"),
    ],
)
def test_what_is_short_is_held_open_in_every_mode(element: Any, why: str) -> None:
    """And says so."""
    found = step(m.script(element), mode=Mode.POLL)
    assert not found.asynchronous
    assert why in found.way


def test_digits_that_no_look_shows_are_asked_for_with_the_request_held_open() -> None:
    """GET shows no results on the minimal server (contract section 5)."""
    assert not step(m.script(ASK), mode=Mode.POLL).asynchronous
    assert step(m.script(ASK), mode=Mode.POLL, shows_results=True).asynchronous
    assert not step(m.script(ASK), mode=Mode.ASYNC).asynchronous, "nobody receives events"
    assert step(m.script(ASK), mode=Mode.ASYNC, hears_events=True).asynchronous


@pytest.mark.parametrize(
    ("sensitive", "most", "kept"), [(True, 1, True), (False, 3, True), (False, 2, False), (False, 1, False)]
)
def test_digits_that_may_be_secret_never_come_by_an_event(sensitive: bool, most: int, kept: bool) -> None:
    """An event's digits pass through the inbox, on disk (rules, section 4.10)."""
    commands = ({"get_dtmf": {"timeout": 5, "max_digits": most}},)
    why = kept_open_because(commands, sensitive=sensitive, settings=Settings(), asks_events=True)
    assert (why is not None) is kept


def test_digits_that_must_be_waited_for_must_fit_the_limit() -> None:
    """The refusal does not name the mode that is in use already as a way out."""
    with pytest.raises(PlanError, match="or raise the limit") as refused:
        step(m.script(GetDtmf(timeout_s=60.0)), mode=Mode.POLL, limit_s=30.0)
    assert "mode" not in str(refused.value)


def test_auto_holds_a_request_open_where_it_lives_for_long_enough() -> None:
    """And says by which figures."""
    assert step(m.script(SHORT), mode=Mode.AUTO).way == "no network limit is known"
    short = step(m.script(SHORT), mode=Mode.AUTO, limit_s=30.0)
    assert (short.asynchronous, short.way) == (False, "at most 3 s, and 27 s fit")


def test_auto_has_the_rest_acknowledged_at_once() -> None:
    """What is too long, and a hold that stays."""
    words = Say(Plain(" ".join(["word"] * 300)))
    held = step(m.script(Hold(), SHORT), mode=Mode.AUTO, limit_s=30.0)
    assert held.asynchronous
    assert "unhold" in held.way
    long = step(m.script(words), mode=Mode.AUTO, limit_s=30.0)
    assert long.asynchronous
    assert "may last" in long.way


def test_auto_still_refuses_digits_that_fit_nowhere() -> None:
    """They can neither be waited for nor be told."""
    with pytest.raises(PlanError):
        step(m.script(GetDtmf(timeout_s=60.0)), mode=Mode.AUTO, limit_s=30.0)


@pytest.mark.parametrize(
    ("mode", "hears", "asks"),
    [
        (Mode.ASYNC, True, True),
        (Mode.ASYNC, False, False),
        (Mode.AUTO, True, True),
        (Mode.POLL, True, False),
        (Mode.SYNC, True, False),
    ],
)
def test_events_are_waited_for_only_where_somebody_receives_them(mode: Mode, hears: bool, asks: bool) -> None:
    """Otherwise only looks tell."""
    assert asks_events(Settings(mode=mode, hears_events=hears)) is asks
