"""What a get_dtmf collects, when, and what the transcript says of it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation, counted_ids

CALLEE = "+15555550101"
PROMPT = {"say": {"text": "one two three four five"}}  # 2 s
UP = 1.0  # when the call is answered


def talk(**behaviour: Any) -> tuple[CallServer, str]:
    """A call that has just been answered at 1.0."""
    api = CallServer(ids=counted_ids(), callees=Callees({CALLEE: [Behaviour(**behaviour)]}))
    operation = api.post(0.0, {"commands": [{"dial": {"to": CALLEE, "from": "+15555550199"}}]})
    reply = api.finish(operation)
    assert reply is not None
    return api, reply.body["response"]["call"]["resource_id"]


def ask(api: CallServer, call_id: str, **parameters: Any) -> Operation:
    return api.put(api.now, call_id, {"commands": [{"get_dtmf": parameters}]})


def result(operation: Operation) -> dict[str, Any]:
    assert operation.reply is not None
    (entry,) = operation.reply.body["response"]["results"]
    return {key: value for key, value in entry.items() if key != "command"}


def ok(digits: str) -> dict[str, str]:
    return {"status": "ok", "dtmf": digits}


TIMEOUT = {"status": "failed", "error": "timeout"}


@pytest.mark.parametrize(
    ("keys", "delay", "parameters", "expected", "lasts"),
    [
        pytest.param("1", 1.0, {}, ok("1"), 1.0, id="one-digit-by-default"),
        pytest.param("123", 1.0, {}, ok("1"), 1.0, id="no-more-than-asked"),
        pytest.param("", 1.0, {"timeout": 4}, TIMEOUT, 4.0, id="silence"),
        pytest.param("1", 1.0, {"commands": [PROMPT]}, ok("1"), 3.0, id="keys-after-the-prompt"),
        pytest.param("", 1.0, {"commands": [PROMPT], "timeout": 4}, TIMEOUT, 6.0, id="timeout-after-the-prompt"),
        pytest.param("1234", 0.5, {"max_digits": 4}, ok("1234"), 2.0, id="as-many-as-asked"),
        pytest.param("12#4", 0.5, {"max_digits": 4}, ok("12"), 1.5, id="terminator-is-no-digit"),
        pytest.param("12*4", 0.5, {"max_digits": 4, "terminate_on": "*"}, ok("12"), 1.5, id="other-terminator"),
        pytest.param("1#", 0.5, {"max_digits": 2, "terminate_on": ""}, ok("1#"), 1.0, id="no-terminator"),
        pytest.param("#", 0.5, {"max_digits": 4}, ok(""), 0.5, id="terminator-alone"),
        pytest.param("12", 1.0, {"max_digits": 4, "timeout": 3}, ok("12"), 5.0, id="timeout-with-some-digits"),
        pytest.param("123", 2.5, {"max_digits": 3, "timeout": 3}, ok("123"), 7.5, id="timeout-starts-again"),
        pytest.param("1", 5.0, {"timeout": 3}, TIMEOUT, 3.0, id="key-too-late"),
        pytest.param("1", 0.0, {}, ok("1"), 0.0, id="key-at-once"),
    ],
)
def test_what_is_collected_and_when(
    keys: str, delay: float, parameters: dict[str, Any], expected: dict[str, str], lasts: float
) -> None:
    """Prompts, then keys until enough, the terminator or silence; the timeout starts again with each digit."""
    api, call_id = talk(keys=(keys,), key_delay=delay)
    operation = ask(api, call_id, **parameters)
    api.finish(operation)
    assert result(operation) == expected
    assert operation.completed_at == pytest.approx(UP + lasts)


def test_each_get_dtmf_takes_the_next_keys() -> None:
    """The list of keys is consumed in order, across requests; after it comes silence."""
    api, call_id = talk(keys=("1", "", "2"))
    seen = []
    for _ in range(4):
        operation = ask(api, call_id, timeout=3)
        api.finish(operation)
        seen.append(result(operation).get("dtmf"))
    assert seen == ["1", None, "2", None]


def test_further_keys_are_pressed_at_every_question_after_the_list() -> None:
    """The list first, in order, and then always the same."""
    api, call_id = talk(keys=("1",), further_keys="7")
    answers = []
    for _ in range(3):
        operation = ask(api, call_id, timeout=3)
        api.finish(operation)
        answers.append(result(operation))
    assert answers == [ok("1"), ok("7"), ok("7")]


def test_keys_pressed_during_a_prompt_count_when_it_ends() -> None:
    """The prompt is not cut short, and the key is not lost."""
    api, call_id = talk()
    operation = ask(api, call_id, commands=[PROMPT])
    api.press(UP + 0.5, call_id, "9")
    assert operation.reply is None
    api.finish(operation)
    assert (result(operation), operation.completed_at) == (ok("9"), UP + 2.0)


def test_keys_pressed_by_hand_end_the_wait_at_once() -> None:
    """Each key is collected at the moment it is pressed."""
    api, call_id = talk()
    operation = ask(api, call_id, max_digits=2)
    api.press(UP + 2, call_id, "4")
    assert operation.reply is None
    api.press(UP + 3.5, call_id, "2")
    assert (result(operation), operation.completed_at) == (ok("42"), UP + 3.5)


def test_keys_pressed_while_nobody_asks_are_lost() -> None:
    """They stand in the transcript as lost, and the next get_dtmf does not see them."""
    api, call_id = talk()
    api.press(UP, call_id, "5")
    operation = ask(api, call_id, timeout=3)
    api.finish(operation)
    assert result(operation) == TIMEOUT
    assert [(entry["key"], entry["lost"]) for entry in api.transcript.find(event="pressed")] == [("5", True)]


def test_the_transcript_tells_what_was_played_and_keyed() -> None:
    """Prompts, speech, media and tones are heard in order, with their times and whether they were whole."""
    api, call_id = talk()
    media = "3f0c1c2e-6a3e-4f4e-9a54-0a2f4a0d9a11"
    commands = [
        {"send_dtmf": {"dtmf": "12"}},
        {"play": {"resource_id": media}},
        {"get_dtmf": {"commands": [PROMPT], "timeout": 1}},
    ]
    api.finish(api.put(UP, call_id, {"commands": commands}))
    heard = api.transcript.heard(call_id)
    assert [(one["command"], one["complete"]) for one in heard] == [
        ("send_dtmf", True),
        ("play", True),
        ("say", True),
    ]
    assert [heard[0]["keyed"], heard[1]["resource_id"], heard[2]["text"]] == ["12", media, PROMPT["say"]["text"]]
    assert [(one["start"], one["end"]) for one in heard] == [
        (UP, pytest.approx(UP + 0.4)),
        (pytest.approx(UP + 0.4), pytest.approx(UP + 3.4)),
        (pytest.approx(UP + 3.4), pytest.approx(UP + 5.4)),
    ]


def test_a_prompt_cut_by_the_end_of_the_call_is_not_whole() -> None:
    """The get_dtmf fails with `hangup`, and its prompt was heard in part."""
    api, call_id = talk()
    operation = ask(api, call_id, commands=[PROMPT])
    api.hang_up(UP + 1, call_id)
    assert result(operation) == {"status": "failed", "error": "hangup"}
    (heard,) = api.transcript.heard(call_id)
    assert (heard["complete"], heard["end"]) == (False, UP + 1)
