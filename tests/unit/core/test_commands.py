"""Names, replay classes, policies and the wire form of every command."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from orchestrator.core import commands
from orchestrator.core.exchange import WireCommand
from orchestrator.core.records import ReplayClass
from orchestrator.core.script import (
    Answer,
    Command,
    Control,
    Dial,
    End,
    Entry,
    GetDtmf,
    Goto,
    Hangup,
    Hold,
    Plain,
    Play,
    Policy,
    Say,
    SendDtmf,
    Sms,
    Switch,
    Unhold,
    Variables,
)
from orchestrator.errors import ExpressionError


@dataclasses.dataclass(frozen=True)
class Named:
    """A text, or a condition, that reads one variable."""

    name: str

    @property
    def source(self) -> str:
        """As written."""
        return "{{ " + self.name + " }}"

    @property
    def names(self) -> frozenset[str]:
        """The one variable."""
        return frozenset({self.name})

    def render(self, variables: Variables) -> str:
        """Its value."""
        return str(variables[self.name])

    def holds(self, variables: Variables) -> bool:
        """Whether its value is true."""
        return bool(variables[self.name])


def entry(element: Command | Control, *, if_unknown: Policy | None = None, when: Named | None = None) -> Entry:
    return Entry(element=element, digest="0", written="as written", if_unknown=if_unknown, when=when)


A, B, C, D = Plain("a"), Plain("b"), Plain("c"), Plain("d")


@pytest.mark.parametrize(
    ("command", "name", "replay_class", "policy"),
    [
        (Dial(to=A, from_=B), "dial", "forbidden", "stop"),
        (Answer(), "answer", "harmless", "repeat"),
        (Play(A), "play", "heard", "repeat"),
        (Say(A), "say", "heard", "repeat"),
        (GetDtmf(), "get_dtmf", "asks", "repeat"),
        (SendDtmf(A), "send_dtmf", "dangerous", "stop"),
        (Hold(), "hold", "harmless", "repeat"),
        (Unhold(), "unhold", "harmless", "repeat"),
        (Hangup(), "hangup", "harmless", "repeat"),
        (Sms(to=A, from_=B, message=C), "sms", "dangerous", "skip"),
    ],
)
def test_kinds(command: Command, name: str, replay_class: str, policy: str) -> None:
    """Each command has the name, the replay class and the default policy of the rules, sections 2 and 4.4."""
    assert commands.name(command) == name
    assert commands.replay_class(entry(command)) is ReplayClass(replay_class)
    assert commands.policy(entry(command)) is Policy(policy)


def test_every_kind_is_known() -> None:
    """A kind of command or control that is added must be added to the tables too."""
    assert set(commands.NAMES) == {*get_args(Command), *get_args(Control)}
    assert set(commands.REPLAY_CLASSES) == set(get_args(Command))
    assert set(commands.POLICIES) == set(ReplayClass)


@pytest.mark.parametrize("policy", list(Policy))
def test_authors_policy_counts(policy: Policy) -> None:
    """What the author wrote as `if_unknown` replaces the default."""
    assert commands.policy(entry(SendDtmf(A), if_unknown=policy)) is policy


def test_most_dangerous() -> None:
    """A step has the class of its most dangerous command; an empty one is harmless."""
    assert commands.most_dangerous([]) is ReplayClass.HARMLESS
    assert commands.most_dangerous([ReplayClass.ASKS, ReplayClass.HEARD]) is ReplayClass.ASKS
    assert commands.most_dangerous(reversed(ReplayClass)) is ReplayClass.FORBIDDEN


def test_strictest() -> None:
    """Of several policies stop wins over skip, skip over repeat; without any a repeat is right."""
    assert commands.strictest([]) is Policy.REPEAT
    assert commands.strictest([Policy.REPEAT, Policy.SKIP]) is Policy.SKIP
    assert commands.strictest([Policy.SKIP, Policy.STOP, Policy.REPEAT]) is Policy.STOP


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Dial(to=A, from_=B), {"dial": {"to": "a", "from": "b"}}),
        (
            Dial(to=A, from_=B, timeout_s=20.0, schedule_start=C, schedule_expire=D),
            {"dial": {"to": "a", "from": "b", "timeout": 20, "schedule_start": "c", "schedule_expire": "d"}},
        ),
        (Answer(), {"answer": {}}),
        (Play(A), {"play": {"resource_id": "a"}}),
        (Say(A), {"say": {"text": "a"}}),
        (Say(A, voice=B), {"say": {"text": "a", "voice": "b"}}),
        (GetDtmf(), {"get_dtmf": {}}),
        (
            GetDtmf(timeout_s=2.5, max_digits=4, terminate_on=A, prompts=(Say(B), Play(C))),
            {
                "get_dtmf": {
                    "timeout": 2.5,
                    "max_digits": 4,
                    "terminate_on": "a",
                    "commands": [{"say": {"text": "b"}}, {"play": {"resource_id": "c"}}],
                }
            },
        ),
        (SendDtmf(Named("code")), {"send_dtmf": {"dtmf": "42"}}),
        (Hold(), {"hold": {}}),
        (Unhold(), {"unhold": {}}),
        (Hangup(), {"hangup": {}}),
        (Sms(to=A, from_=B, message=Named("code")), {"sms": {"to": "a", "from": "b", "message": "42"}}),
    ],
)
def test_wire(command: Command, expected: object) -> None:
    """A command is rendered in the contract's form; what the author left out is left out."""
    assert commands.wire(command, {"code": "42"}) == expected


def test_whole_numbers_stay_integers() -> None:
    """A whole number of seconds is sent as an integer, since servers may refuse `8.0`."""
    timeout = commands.wire(GetDtmf(timeout_s=8.0), {})["get_dtmf"]["timeout"]
    assert type(timeout) is int


def test_dial_with_the_runs_numbers() -> None:
    """The run's numbers and ring timeout replace the script's; the script's own are not even rendered."""
    dial = Dial(to=Named("missing"), from_=Named("missing"), timeout_s=10)
    sent = commands.wire_dial(dial, {}, to="+1", from_="+2", timeout_s=22)
    assert sent == {"dial": {"to": "+1", "from": "+2", "timeout": 22}}


@pytest.mark.parametrize(
    ("element", "names"),
    [
        (Dial(to=Named("a"), from_=Named("b"), schedule_start=Named("c"), schedule_expire=Named("d")), "abcd"),
        (Dial(to=A, from_=B), ""),
        (Say(Named("a"), voice=Named("b")), "ab"),
        (Play(Named("a")), "a"),
        (GetDtmf(terminate_on=Named("a"), prompts=(Say(Named("b")), Play(Named("c")))), "abc"),
        (SendDtmf(Named("a")), "a"),
        (Sms(to=Named("a"), from_=Named("b"), message=Named("c")), "abc"),
        (Switch(subject=Named("a"), cases={}, otherwise="x"), "a"),
        (Goto("x"), ""),
        (End(), ""),
        (End(Named("a")), "a"),
        (Hangup(), ""),
    ],
)
def test_names_read(element: Command | Control, names: str) -> None:
    """Every text of an element counts among the variables it reads, and so does its condition."""
    assert commands.names_read(entry(element)) == set(names)
    assert commands.names_read(entry(element, when=Named("w"))) == {*names, "w"}


@pytest.mark.parametrize(("length", "refused"), [(480, False), (481, True)])
def test_a_message_that_would_be_cut_is_refused(length: int, refused: bool) -> None:
    """The API silently drops what is beyond 480 characters (contract section 2): that is an error here."""
    sms = Sms(to=Plain("+15555550123"), from_=Plain("+15555550199"), message=Plain("x" * length))
    if refused:
        with pytest.raises(ExpressionError, match="480"):
            commands.wire(sms, {})
    else:
        assert commands.wire(sms, {})["sms"]["message"] == "x" * length


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            {"dial": {"to": "+12125550123", "from": "+12125550199", "timeout": 30}},
            "dial: +12125550123 (from +12125550199, timeout 30)",
        ),
        ({"say": {"text": "Hello.", "voice": "anna"}}, "say: Hello. (voice anna)"),
        ({"play": {"resource_id": "jingle"}}, "play: jingle"),
        (
            {"get_dtmf": {"timeout": 5, "commands": [{"say": {"text": "Press."}}, {"play": {"resource_id": "beep"}}]}},
            "get_dtmf: Press. beep (timeout 5)",
        ),
        ({"get_dtmf": {}}, "get_dtmf"),
        ({"sms": {"to": "+12125550123", "from": "Shop", "message": "Hi"}}, "sms: +12125550123: Hi (from Shop)"),
        ({"sms": {"to": "", "from": "Shop", "message": "Hi"}}, "sms: Hi (from Shop)"),
        ({"hangup": {}}, "hangup"),
    ],
)
def test_in_words(command: WireCommand, words: str) -> None:
    """People read whom a command reaches or what is heard of it before its other parameters."""
    assert commands.in_words(command) == words
