"""A script played without a call: its beats, the answers, and how it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.core.pretend import begun
from orchestrator.core.records import BranchKind, Disposition, Status
from orchestrator.core.rehearsal import HANG_UP, Asked, Beat, Did, Ended, HungUp, Rang, Said, Went, collected, rehearse
from orchestrator.core.settings import Settings
from orchestrator.scriptfile import parse_script

DIAL = '  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}\n'
ASKING = (
    DIAL
    + """
  - id: ask
    get_dtmf: {timeout: 5, commands: [{say: {text: "Press one. Or two."}}]}
    save: choice
    on_failure: {retry: 1, then: bye}
  - switch: "{{ choice }}"
    cases: {"1": bye}
    otherwise: ask
  - id: bye
    say: {text: "Goodbye."}
  - end: {result: "pressed {{ choice }}"}
"""
)


def played(commands: str, answers: Iterable[Any] = (), *, hang_up_at: str | None = None, **settings: Any) -> list[Beat]:
    """Play a script; `answers` go to questions, and the callee hangs up when `hang_up_at` is said."""
    script = parse_script(f"version: 1\ncommands:\n{commands}", name="played")
    run = begun(
        script, to="+12125550123", from_="+15555550199", variables={}, secrets={}, settings=Settings(**settings)
    )
    play, left = rehearse(script, run), iter(answers)
    beats = [next(play)]
    while True:
        beat = beats[-1]
        answer = next(left, None) if isinstance(beat, Asked) else None
        if isinstance(beat, Said) and beat.text == hang_up_at:
            answer = HANG_UP
        try:
            beats.append(play.send(answer))
        except StopIteration:
            return beats


def said(beats: list[Beat]) -> list[str]:
    return [beat.text for beat in beats if isinstance(beat, Said)]


def end(beats: list[Beat]) -> Ended:
    assert isinstance(beats[-1], Ended)
    return beats[-1]


def test_sentences_are_said_one_by_one_and_take_their_time() -> None:
    """The phone rings first; without a hangup the run ends the call."""
    beats = played(DIAL + '  - say: {text: "One. Two and three."}\n')
    assert isinstance(beats[0], Rang)
    assert said(beats) == ["One.", "Two and three."]
    lasts = [beat.seconds for beat in beats if isinstance(beat, Said)]
    assert 0 < lasts[0] < lasts[1]
    assert beats[-2] == HungUp(by_callee=False)
    assert (end(beats).status, end(beats).disposition) == (Status.COMPLETED, Disposition.COMPLETED)


def test_keys_choose_the_branch() -> None:
    """A retry, a wrong key and a right one, as in a call."""
    beats = played(ASKING, [None, "7", "1"])
    assert [beat.kind for beat in beats if isinstance(beat, Went)] == [
        BranchKind.RETRY,
        BranchKind.SWITCH,
        BranchKind.SWITCH,
    ]
    assert [beat.label for beat in beats if isinstance(beat, Went)] == ["", "ask", "bye"]
    assert end(beats).result == "pressed 1"
    assert end(beats).variables["choice"] == "1"


def test_too_many_visits_end_the_call_and_say_why() -> None:
    """The limits are those of a call."""
    beats = played(ASKING, ["7"] * 5)
    assert end(beats).status is Status.FAILED
    assert "max_visits" in str(end(beats).why)
    assert any(isinstance(beat, Did) and "max_visits" in beat.detail for beat in beats)


def test_a_callee_may_hang_up_at_a_question_and_in_mid_sentence() -> None:
    """Nothing is said after that."""
    for beats in (played(ASKING, [HANG_UP]), played(ASKING, hang_up_at="Or two.")):
        assert beats[-2] == HungUp(by_callee=True)
        assert end(beats).disposition is Disposition.HUNG_UP
        assert "Goodbye." not in said(beats)


def test_what_is_not_said_is_told() -> None:
    """Keys are counted, not shown; a file is named; a message may follow the end of the call."""
    beats = played(
        DIAL
        + '  - play: {resource_id: "3f0c1c2e-6a3e-4f4e-9a54-0a2f4a0d9a11"}\n'
        + '  - send_dtmf: {dtmf: "12"}\n  - send_dtmf: {dtmf: "3"}\n  - hold: {}\n  - unhold: {}\n  - hangup: {}\n'
        + '  - sms: {to: "+15555550111", from: "+15555550199", message: "Hello."}\n'
    )
    told = [(beat.what, beat.detail) for beat in beats if isinstance(beat, Did)]
    assert told == [
        ("play", "3f0c1c2e-6a3e-4f4e-9a54-0a2f4a0d9a11"),
        ("send_dtmf", "2 keys"),
        ("send_dtmf", "1 key"),
        ("hold", ""),
        ("unhold", ""),
        ("sms", "to +15555550111: Hello."),
    ]
    assert beats.index(HungUp(by_callee=False)) < len(beats) - 2
    assert end(beats).status is Status.COMPLETED


def test_secret_digits_are_not_told() -> None:
    """A question for more than two digits is secret; the variable is not among those shown."""
    beats = played(DIAL + "  - get_dtmf: {timeout: 5, max_digits: 4}\n    save: pin\n", ["1234"])
    (asked,) = [beat for beat in beats if isinstance(beat, Asked)]
    assert asked.secret
    assert "pin" not in end(beats).variables


def test_a_question_takes_its_digits_from_the_keys() -> None:
    """Up to the key that ends them, and no more than it asks for."""
    asked = Asked(timeout_s=5, max_digits=3, terminate_on="#", secret=False)
    assert [collected(keys, asked) for keys in ("12#4", "#", "12345")] == ["12", "", "123"]


def test_an_incoming_call_is_answered() -> None:
    """Nothing rings there."""
    beats = played('  - answer: {}\n  - say: {text: "Welcome."}\n')
    assert beats[0] == Did("answer")
    assert said(beats) == ["Welcome."]
