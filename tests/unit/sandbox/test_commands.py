"""Contract section 3: which command lists are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.sandbox.commands import (
    BadRequestError,
    Dial,
    GetDtmf,
    Play,
    Say,
    command_names,
    read_commands,
)

DIAL = {"dial": {"to": "+15555550101", "from": "+15555550199"}}
SAY = {"say": {"text": "Hello"}}
MEDIA = "3f0c1c2e-6a3e-4f4e-9a54-0a2f4a0d9a11"


def put(*commands: Any, asynchronous: bool = False) -> Any:
    return read_commands({"commands": list(commands)}, creating=False, asynchronous=asynchronous)


def post(*commands: Any, asynchronous: bool = False) -> Any:
    return read_commands({"commands": list(commands)}, creating=True, asynchronous=asynchronous)


def dial(**parameters: Any) -> dict[str, Any]:
    return {"dial": {**DIAL["dial"], **parameters}}


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([SAY], id="say"),
        pytest.param([{"say": {"text": "Hello", "voice": "female"}}], id="voice"),
        pytest.param([{"play": {"resource_id": MEDIA}}], id="play"),
        pytest.param([{"get_dtmf": {}}], id="get_dtmf-all-defaults"),
        pytest.param(
            [{"get_dtmf": {"timeout": 2.5, "max_digits": 4, "terminate_on": "*", "commands": [SAY]}}], id="get_dtmf"
        ),
        pytest.param([{"get_dtmf": {"terminate_on": ""}}], id="no-terminator"),
        pytest.param([{"send_dtmf": {"dtmf": "12*#"}}], id="send_dtmf"),
        pytest.param([{"hold": {}}, {"unhold": {}}], id="hold-given-back"),
        pytest.param([SAY, {"hangup": {}}], id="hangup-last"),
        pytest.param([{"answer": {}}, SAY], id="answer-first"),
    ],
)
def test_a_put_accepts_what_the_contract_allows(commands: list[Any]) -> None:
    """Every command with its documented parameters, in its documented place, is accepted."""
    assert [command.name for command in put(*commands)] == [next(iter(command)) for command in commands]


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        pytest.param([], "at least one", id="empty-list"),
        pytest.param(["say"], r"commands\[0\]: .* exactly one key", id="not-an-object"),
        pytest.param([{}], "exactly one key", id="no-key"),
        pytest.param([{**SAY, "hangup": {}}], "exactly one key", id="two-keys"),
        pytest.param([{"shout": {}}], "unknown command 'shout'", id="unknown-command"),
        pytest.param([{"say": "Hello"}], "must be an object", id="parameters-not-an-object"),
        pytest.param([{"say": {}}], "text is missing", id="missing-parameter"),
        pytest.param([{"say": {"text": "Hi", "speed": 2}}], "unknown parameter 'speed'", id="unknown-parameter"),
        pytest.param([{"say": {"text": "  "}}], "not empty", id="empty-text"),
        pytest.param([{"say": {"text": 5}}], "not empty", id="text-not-text"),
        pytest.param([{"play": {"resource_id": "song"}}], "UUID", id="media-not-a-uuid"),
        pytest.param([{"play": {"resource_id": 7}}], "UUID", id="media-not-text"),
        pytest.param([{"send_dtmf": {"dtmf": "12a"}}], "keys 0-9", id="no-such-tone"),
        pytest.param([{"get_dtmf": {"timeout": 0}}], "seconds above 0", id="no-time"),
        pytest.param([{"get_dtmf": {"timeout": True}}], "seconds above 0", id="time-not-a-number"),
        pytest.param([{"get_dtmf": {"timeout": float("inf")}}], "seconds above 0", id="endless-time"),
        pytest.param([{"get_dtmf": {"max_digits": 0}}], "at least 1", id="no-digits"),
        pytest.param([{"get_dtmf": {"max_digits": 1.5}}], "whole number", id="half-a-digit"),
        pytest.param([{"get_dtmf": {"terminate_on": "12"}}], "one key", id="two-terminators"),
        pytest.param([{"get_dtmf": {"commands": SAY}}], "must be a list", id="prompts-not-a-list"),
        pytest.param([{"get_dtmf": {"commands": [{"hold": {}}]}}], "only play and say", id="prompt-that-is-none"),
        pytest.param([{"hangup": {}}, SAY], "nothing may follow", id="after-hangup"),
        pytest.param([DIAL], "first command of a POST", id="dial-in-a-put"),
        pytest.param([SAY, {"answer": {}}], "first command of a PUT", id="answer-later"),
        pytest.param([SAY, {"hold": {}}], "must not end in hold", id="ends-in-hold"),
    ],
)
def test_a_put_refuses_what_breaks_a_rule(commands: list[Any], complaint: str) -> None:
    """A list that breaks a rule is refused as a whole, with the place and the rule in the message."""
    with pytest.raises(BadRequestError, match=complaint):
        put(*commands)


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        pytest.param([SAY], "first command of a POST is dial", id="no-dial"),
        pytest.param([DIAL, DIAL], "stands nowhere else", id="dial-twice"),
        pytest.param([{"answer": {}}], "answer is the first command of a PUT", id="answer"),
        pytest.param([dial(to="5555550101")], "E.164", id="number-without-plus"),
        pytest.param([dial(to=15555550101)], "E.164", id="number-as-a-number"),
        pytest.param([dial(timeout="30")], "seconds above 0", id="timeout-as-text"),
        pytest.param([dial(schedule_start="2030-01-01T09:00:00")], "offset from UTC", id="time-without-offset"),
        pytest.param([dial(schedule_start="soon")], "must be a time", id="no-time"),
        pytest.param([dial(schedule_start=1893456000)], "must be a time", id="time-as-a-number"),
        pytest.param(
            [dial(schedule_start="2030-01-01T09:00:01Z", schedule_expire="2030-01-01T09:00:00Z")],
            "after schedule_expire",
            id="expires-before-it-starts",
        ),
        pytest.param(
            [dial(schedule_end="2030-01-01T09:00:01Z", schedule_expire="2030-01-01T09:00:01Z")],
            "two names for one thing",
            id="both-names-of-the-expiry",
        ),
    ],
)
def test_a_post_refuses_what_breaks_a_rule(commands: list[Any], complaint: str) -> None:
    """A POST begins with exactly one dial, with E.164 numbers and times that carry an offset."""
    with pytest.raises(BadRequestError, match=complaint):
        post(*commands)


@pytest.mark.parametrize("name", ["schedule_expire", "schedule_end"])
def test_the_expiry_has_two_names(name: str) -> None:
    """Section 9: the documentation names the expiry in two ways, and both are taken."""
    (command,) = post(dial(**{name: "1970-01-01T01:00:10+01:00"}))
    assert isinstance(command, Dial)
    assert command.expire == 10.0


def test_defaults_are_those_of_the_contract() -> None:
    """A dial rings 30 s at most; get_dtmf waits 15 s for one digit, and # ends it."""
    ringing, asking = post(DIAL, {"get_dtmf": {}})
    assert isinstance(ringing, Dial)
    assert (ringing.timeout, ringing.start, ringing.expire) == (30.0, None, None)
    assert asking == GetDtmf(timeout=15.0, max_digits=1, terminate_on="#", prompts=())


def test_prompts_are_read() -> None:
    """The prompts of a get_dtmf are play and say commands."""
    (asking,) = put({"get_dtmf": {"commands": [SAY, {"play": {"resource_id": MEDIA}}]}})
    assert asking.prompts == (Say(text="Hello", voice=None), Play(resource_id=MEDIA))


def test_an_asynchronous_list_may_end_in_hold() -> None:
    """Only a synchronous list must give control back."""
    assert put({"hold": {}}, asynchronous=True)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"commands": [{"get_dtmf": {"commands": [SAY]}}, {"hangup": {}}]}, ["get_dtmf", "say", "hangup"]),
        ({"commands": "say"}, []),
        ({"commands": ["say"]}, []),
        ({"to": "+15555550101"}, []),
        ([], []),
        (None, []),
    ],
)
def test_names_are_found_in_any_body(body: object, names: list[str]) -> None:
    """The names are for the transcript and for faults, so a bad body must not matter."""
    assert command_names(body) == names
