"""What good scripts become: both forms, every element and option, digests, masks, warnings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from orchestrator.core import script as core
from orchestrator.core.script import FailureAction, OnFailure, Place, Plain, Policy
from orchestrator.scriptfile import load_script, parse_script

V = "version: 1\ncommands:\n"
D = '  - dial: {to: "+15555550123", from: "+15555550199"}\n'
MEDIA = "123e4567-e89b-12d3-a456-426614174000"
MEDIA_PROMPT = {"play": {"resource_id": MEDIA}}
ENDED = "the call has ended, only `sms` and `end` can follow"


def entries(body: str) -> tuple[core.Entry, ...]:
    return parse_script(V + D + body).entries[1:]


def elements(body: str) -> list[core.Command | core.Control]:
    return [entry.element for entry in entries(body)]


def test_api_form_is_a_script_unchanged() -> None:
    """The API's own JSON is valid as it is, and `{{` in it stands for itself, with a warning."""
    commands = [
        {"dial": {"to": "+15555550123", "from": "+15555550199", "timeout": 20}},
        {"say": {"text": "Hello {{ you }}", "voice": "female"}},
        {"get_digits": {"timeout": 5, "max_digits": 2, "terminate_on": "*", "commands": [MEDIA_PROMPT]}},
        {"send_digits": {"dtmf": "12#"}},
        {"hold": {}}, {"unhold": {}}, {"hangup": {}},
    ]  # fmt: skip
    script = parse_script(json.dumps({"commands": commands}), name="flow.json")

    assert not script.templates
    assert script.name == "flow"
    assert [entry.element for entry in script.entries] == [
        core.Dial(to=Plain("+15555550123"), from_=Plain("+15555550199"), timeout_s=20.0),
        core.Say(Plain("Hello {{ you }}"), Plain("female")),
        core.GetDtmf(timeout_s=5.0, max_digits=2, terminate_on=Plain("*"), prompts=(core.Play(Plain(MEDIA)),)),
        core.SendDtmf(Plain("12#")),
        core.Hold(), core.Unhold(), core.Hangup(),
    ]  # fmt: skip
    assert script.warnings == (
        "flow.json:1:88: `{{` stands for itself here; variables need `version: 1` at the top of the file",
    )


def test_answer_may_be_first() -> None:
    """A script for an incoming call starts with `answer`."""
    assert isinstance(parse_script(V + "  - answer: {}\n").entries[0].element, core.Answer)


def test_every_dial_parameter() -> None:
    """A dial keeps its numbers as written and its times typed."""
    dial = parse_script(
        V + '  - dial: {to: +15555550123, from: "{{ from }}", timeout: 1m, '
        'schedule_start: "2030-01-31T09:00:00+01:00", schedule_expire: "2030-01-31T09:05:00Z"}\n'
    ).entries[0]

    assert isinstance(dial.element, core.Dial)
    assert dial.element.to == Plain("+15555550123")
    assert dial.element.from_.names == {"from"}
    assert dial.element.timeout_s == 60.0
    assert dial.element.schedule_start == Plain("2030-01-31T09:00:00+01:00")
    assert dial.element.schedule_expire == Plain("2030-01-31T09:05:00Z")


def test_control_and_sms() -> None:
    """`switch`, `goto`, `end` and `sms` become their elements."""
    found = elements(
        "  - switch: a\n    cases: {1: x}\n    otherwise: y\n  - id: x\n    goto: y\n  - id: y\n    hangup:\n"
        '  - sms: {to: "+15555550123", from: "+15555550199", message: hi}\n'
        '  - end: {result: good}\n    when: "1 == 1"\n  - end:\n'
    )

    assert found == [
        core.Switch(Plain("a"), {"1": "x"}, "y"),
        core.Goto("y"),
        core.Hangup(),
        core.Sms(to=Plain("+15555550123"), from_=Plain("+15555550199"), message=Plain("hi")),
        core.End(Plain("good")),
        core.End(),
    ]


def test_options() -> None:
    """Every option beside a command is typed, and absent ones have their defaults."""
    full, bare, play = entries(
        "  - id: ask\n    get_dtmf: {}\n    when: a\n    save: b\n    on_failure: {retry: 2, then: ask}\n"
        "    if_unknown: skip\n    sensitive: true\n    group: alone\n  - hangup: {}\n    when: false\n"
        f"  - play: {{resource_id: {MEDIA}}}\n    duration: 1500ms\n"
    )

    assert (full.label, full.save, full.if_unknown) == ("ask", "b", Policy.SKIP)
    assert full.sensitive
    assert full.alone
    assert full.on_failure == OnFailure(2, FailureAction.GOTO, "ask")
    assert full.has_on_failure
    assert full.when is not None
    assert full.when.holds({"a": "x"})
    assert bare.on_failure == OnFailure()
    assert (bare.label, bare.save, bare.if_unknown, bare.alone, bare.has_on_failure) == (None, None, None, False, False)
    assert play.duration_s == 1.5


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("continue", OnFailure(action=FailureAction.CONTINUE)),
        ("stop", OnFailure(action=FailureAction.STOP)),
        ("{retry: 3}", OnFailure(retry=3)),
        ("{retry: 1, then: continue}", OnFailure(retry=1, action=FailureAction.CONTINUE)),
        ("{}", OnFailure()),
    ],
)
def test_on_failure(written: str, expected: OnFailure) -> None:
    """`on_failure` is a word, or a number of retries and what follows them."""
    assert entries(f"  - say: {{text: a}}\n    on_failure: {written}\n")[0].on_failure == expected


@pytest.mark.parametrize(
    ("parameters", "option", "expected"),
    [
        ("", "", False),
        ("max_digits: 2", "", False),
        ("max_digits: 3", "", True),
        ("max_digits: 3", "\n    sensitive: false", False),
        ("max_digits: 1", "\n    sensitive: true", True),
    ],
)
def test_more_than_two_digits_are_secret(parameters: str, option: str, expected: bool) -> None:
    """A get_dtmf that can take more than two digits is sensitive unless it says otherwise."""
    assert entries(f"  - get_dtmf: {{{parameters}}}{option}\n")[0].sensitive is expected


def test_json_with_version_has_everything() -> None:
    """The full format may be JSON too, with typed values."""
    document = {
        "version": 1,
        "name": "x",
        "settings": {"max_silence": 5, "leave_up": True},
        "variables": {"n": {"type": "integer", "default": 3}, "b": True, "f": 1.5, "i": 7, "big": 10**30},
        "commands": [
            {"dial": {"to": "+15555550123", "from": "+15555550199"}},
            {"say": {"text": "{{ n }}"}, "when": True},
        ],
    }
    script = parse_script(json.dumps(document, indent="\t"))

    assert script.settings == {"max_silence_s": 5.0, "leave_up": True}
    assert [(each.name, each.default, each.type) for each in script.variables] == [
        ("n", 3, "integer"),
        ("b", True, "boolean"),
        ("f", 1.5, "number"),
        ("i", 7, "integer"),
        ("big", 1e30, "number"),
    ]
    assert script.templates


def test_scalars_stay_what_was_written() -> None:
    """YAML makes no number, truth value or date of a plain scalar."""
    say, sms = elements("  - say: {text: 0612345671}\n  - sms: {to: +33612345671, from: +15555550199, message: yes}\n")

    assert say == core.Say(Plain("0612345671"))
    assert isinstance(sms, core.Sms)
    assert (sms.to, sms.message) == (Plain("+33612345671"), Plain("yes"))


def test_digest_is_of_what_is_written_not_how() -> None:
    """YAML, JSON, quotes, order of names and aliases of commands make no difference to a digest; words do."""
    plain = entries("  - get_digits: {timeout: 5, max_digits: 1}\n    save: a\n")[0]
    quoted = entries('  - save: "a"\n    get_dtmf: {max_digits: "1", timeout: 5}\n')[0]
    other = entries("  - get_dtmf: {timeout: 6, max_digits: 1}\n    save: a\n")[0]

    assert plain.digest == quoted.digest != other.digest
    assert len(plain.digest) == 64
    assert entries("  - hangup:\n")[0].digest == entries("  - hangup: {}\n")[0].digest


def test_written_is_one_line() -> None:
    """An entry is shown on one line, as its author wrote it."""
    entry = entries("  - id: a\n    get_dtmf:\n      commands: [{say: {text: 'x, y'}}]\n    save: b\n")[0]

    assert entry.written == 'id: "a", get_dtmf: {commands: [{say: {text: "x, y"}}]}, save: "b"'
    assert entry.place == Place(4, 5)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("12#", "***"),
        ('"12#"', '"***"'),
        ("'12#'", "'***'"),
        ('"1\\x32#"', '"******"'),
        ("'1{{ pin2 }}3'", "'*{{ pin2 }}*'"),
        ('"{% if a %}1{% endif %}"', '"{% if a %}*{% endif %}"'),
    ],
)
def test_literal_keys_are_masked(written: str, kept: str) -> None:
    """Literal `send_dtmf` keys are in no kept text: source, digest, one-line form; length and lines stay the same."""
    text = f"{V}{D}  - send_dtmf: {{dtmf: {written}}}\n  - say: {{text: 12#}}\n"
    script = parse_script(text)

    assert script.source == f"{V}{D}  - send_dtmf: {{dtmf: {kept}}}\n  - say: {{text: 12#}}\n"
    assert script.masked
    assert script.digest == hashlib.sha256(script.source.encode()).hexdigest()
    assert "12" not in script.entries[1].written
    assert isinstance(script.entries[1].element, core.SendDtmf)
    assert script.entries[1].element.dtmf.render({"pin2": "7", "a": "1"}).startswith("1")


def test_masked_digits_do_not_change_a_digest() -> None:
    """Two scripts that differ in literal keys only are the same to a digest."""
    assert entries("  - send_dtmf: {dtmf: 12}\n")[0].digest == entries("  - send_dtmf: {dtmf: 34}\n")[0].digest


def test_default_of_a_sensitive_variable_is_masked() -> None:
    """The default of a variable that is never journalled is not in the journalled source either."""
    head = "version: 1\nvariables: {pin: {sensitive: true, default: %s}}\ncommands:\n" + D
    script = parse_script(head % '"a1b 2"')

    assert script.source == head % '"*** *"'
    assert script.masked


def test_unmasked_source_is_the_text() -> None:
    """A script without secrets is kept as it is, without its byte order mark."""
    script = parse_script("\ufeff" + V + D)

    assert script.source == V + D
    assert not script.masked


def test_round_trip() -> None:
    """What was kept of a script without secrets gives the same script again."""
    script = parse_script(V + D + "  - say: {text: 'Hello {{ name }}'}\n    when: name\n", name="x")

    assert parse_script(script.source, name="x") == script


def test_anchors_may_be_used() -> None:
    """A YAML alias stands for the same entry again."""
    first, second = elements("  - &hello\n    say: {text: a}\n  - *hello\n")

    assert first == second == core.Say(Plain("a"))


def test_load_knows_its_path(tmp_path: Path) -> None:
    """A loaded script knows its absolute path, and goes by its file's stem."""
    file = tmp_path / "reminder.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (V + D).replace("\n", "\r\n").encode())
    script = load_script(str(file))

    assert (script.name, script.path) == ("reminder", str(file))
    assert parse_script(V + D, name="a/reminder.v2").name == "reminder.v2"
    assert parse_script("name: \u2028 x\n" + V + D).name == "x"


def test_labels() -> None:
    """A label leads to its entry."""
    script = parse_script(V + D + "  - id: bye\n    hangup: {}\n")

    assert script.index_of("bye") == 1
    with pytest.raises(KeyError):
        script.index_of("hello")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  - end: {}\n  - say: {text: a}\n", ["5:5: this entry is never reached"]),
        ("  - goto: b\n  - say: {text: a}\n  - id: b\n    hangup: {}\n", ["5:5: this entry is never reached"]),
        ("  - goto: b\n    when: x\n  - say: {text: a}\n  - id: b\n    hangup: {}\n", []),
        ("  - say: {text: a}\n    on_failure: {then: b}\n  - end: {}\n  - id: b\n    hangup: {}\n", []),
        ("  - hold: {}\n  - say: {text: a}\n", ["4:5: no `unhold` follows this `hold`: the callee stays on hold"]),
        ("  - hold: {}\n  - say: {text: a}\n  - unhold: {}\n", []),
        (
            "  - hangup: {}\n    when: x\n  - say: {text: a}\n",
            [f"6:5: `say` possibly comes after the `hangup` of line 4: {ENDED}"],
        ),
        (
            "  - get_dtmf: {}\n    save: a\n  - say: {text: b}\n    when: a == 1 or a == '1' or a|int == 1 or b == 1\n",
            ["6:5: `a` holds digits as text and equals no number; write a == '1', or a | int"],
        ),
    ],
)  # fmt: skip
def test_warnings(body: str, expected: list[str]) -> None:
    """What is legal but probably not meant is a warning at its place."""
    assert list(parse_script(V + D + body, name="s").warnings) == [f"s:{warning}" for warning in expected]


def test_stale_label_is_reached() -> None:
    """The entry that `on_stale` names is not unreachable."""
    text = f"version: 1\nsettings: {{on_stale: bye}}\ncommands:\n{D}  - end: {{}}\n  - id: bye\n    hangup: {{}}\n"

    assert parse_script(text).warnings == ()


def test_a_loop_with_a_command_is_no_error() -> None:
    """A loop that speaks or asks is bounded by `max_visits` and allowed."""
    assert len(entries("  - id: a\n    say: {text: a}\n  - goto: a\n")) == 2
