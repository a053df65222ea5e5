"""Behaviour by number, and the file it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.callees import BadSettingError, Behaviour, Callees, read_behaviour, read_behaviours
from orchestrator.sandbox.files import load_faults, load_people

NUMBER = "+15555550101"


def test_a_number_shows_its_behaviours_call_by_call() -> None:
    """The first call gets the first behaviour; the last one stays for all later calls."""
    busy, answers = Behaviour(does="busy"), Behaviour(after=2)
    callees = Callees({NUMBER: [busy, answers]})
    assert [callees.take(NUMBER) for _ in range(3)] == [busy, answers, answers]


def test_an_unknown_number_behaves_by_default() -> None:
    """Everybody the file does not name answers after a second and presses nothing, or as its default says."""
    assert Callees().take(NUMBER) == Behaviour(does="answer", after=1.0, keys=())
    assert Callees(default=Behaviour(does="busy")).take(NUMBER).does == "busy"


def test_behaviours_can_be_changed_and_restored() -> None:
    """What was set at run time lasts until the sandbox is reset."""
    callees = Callees({NUMBER: [Behaviour(does="busy")]})
    callees.set(NUMBER, [Behaviour(does="reject")])
    callees.default = Behaviour(does="fail")
    assert (callees.take(NUMBER).does, callees.take("+1").does) == ("reject", "fail")
    callees.restore()
    assert (callees.take(NUMBER).does, callees.take("+1").does) == ("busy", "answer")


def test_everything_of_a_behaviour_can_be_given() -> None:
    """Numbers may come as text, as YAML gives them; an empty text, `~` or `none` is silence."""
    given = {
        "does": "answer",
        "after": "2.5",
        "keys": ["1", "", "none", None, "12#", 7],
        "further_keys": "9",
        "key_delay": 0,
        "hangs_up_after": "20",
        "hangs_up_during": "3",
        "gives_up_after": "7",
    }
    assert read_behaviour(given, "x") == Behaviour(
        after=2.5,
        keys=("1", "", "", "", "12#", "7"),
        further_keys="9",
        key_delay=0.0,
        hangs_up_after=20.0,
        hangs_up_during=3,
        gives_up_after=7.0,
    )
    assert read_behaviours([{"hangs_up_after": None, "hangs_up_during": "~"}, None], "x") == [Behaviour(), Behaviour()]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("busy", "x: expected a mapping"),
        ([], "x: the list of behaviours is empty"),
        ([{}, {"does": "sing"}], r"x\[1\].does: 'sing' is not one of answer, busy"),
        ({"afetr": 1}, "x: unknown key 'afetr' .known: does, after"),
        ({"after": -1}, "x.after: -1 is not a number of at least 0"),
        ({"after": "soon"}, "x.after: 'soon' is not a number"),
        ({"after": True}, "x.after: True is not a number"),
        ({"after": "nan"}, "x.after: 'nan' is not a number"),
        ({"hangs_up_during": 1.5}, "x.hangs_up_during: 1.5 is not a whole number"),
        ({"hangs_up_during": 0}, "at least 1"),
        ({"keys": "123"}, "x.keys: expected a list"),
        ({"further_keys": "x"}, r"x.further_keys"),
        ({"keys": ["12x"]}, r"x.keys\[0\]: '12x' has keys other than"),
    ],
)
def test_a_bad_behaviour_is_refused_by_place(given: object, complaint: str) -> None:
    """The message says where the fault lies and what is wrong."""
    with pytest.raises(BadSettingError, match=complaint):
        read_behaviours(given, "x")


YAML = f"""\
default: {{after: 2}}
numbers:
  {NUMBER}: {{keys: ["1"], hangs_up_during: 2}}
  +15555550102: [{{does: busy}}, {{}}]
media: {{AB12: 7.5}}
words_per_minute: 200
play_seconds: 0.2
"""
AS_JSON = {
    "default": {"after": 2},
    "numbers": {NUMBER: {"keys": ["1"], "hangs_up_during": 2}, "+15555550102": [{"does": "busy"}, {}]},
    "media": {"AB12": 7.5},
    "words_per_minute": 200,
    "play_seconds": 0.2,
}


@pytest.mark.parametrize(("name", "text"), [("people.yaml", YAML), ("people.json", json.dumps(AS_JSON))])
def test_yaml_and_json_files_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    """Unquoted numbers of a YAML file stay numbers to dial."""
    (tmp_path / name).write_text(text)
    people = load_people(tmp_path / name)
    assert people.callees.take(NUMBER) == Behaviour(keys=("1",), hangs_up_during=2)
    assert people.callees.take("+15555550102").does == "busy"
    assert people.callees.take("+15555550103").after == 2.0
    assert people.timing == {"media": {"ab12": 7.5}, "words_per_minute": 200.0, "play_seconds": 0.2}


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    """An empty file is the default."""
    (tmp_path / "people.yaml").write_text("")
    assert load_people(tmp_path / "people.yaml").callees.take(NUMBER) == Behaviour()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"- 1", "expected a mapping"),
        (b"people: {}", "unknown key 'people'"),
        (b"numbers: [1]", "numbers: expected a mapping"),
        (b"numbers: {bob: {}}", "numbers.bob: must be an E.164 number"),
        (b"numbers: {+15555550101: {does: sing}}", "numbers.+15555550101.does: 'sing'"),
        (b"media: {ab: long}", "media.ab: 'long' is not a number"),
        (b"words_per_minute: 0", "nobody speaks at 0 words"),
        (b"a: b: c", "mapping values are not allowed"),
        (b"{", "expected the node content"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Every complaint begins with the file's name and is one line."""
    path = tmp_path / "people.yaml"
    path.write_bytes(content)
    with pytest.raises(BadSettingError) as caught:
        load_people(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("load", [load_people, load_faults])
def test_a_missing_file_is_named(tmp_path: Path, load: Any) -> None:
    """A file that is not there is a complaint like any other."""
    with pytest.raises(BadSettingError, match=r"nowhere\.yaml: No such file"):
        load(tmp_path / "nowhere.yaml")


def test_faults_are_read_from_a_file(tmp_path: Path) -> None:
    """A faults file holds one fault or a list; texts of YAML become numbers."""
    path = tmp_path / "faults.yaml"
    path.write_text(
        "- {kind: status, place: after, status: 502, nth: 2}\n- {kind: late, delay: 0.5, call: +15550001}\n"
    )
    first, second = load_faults(path).document()
    assert (first["status"], first["nth"], second["delay"], second["call"]) == (502, 2, 0.5, "+15550001")
    path.write_text("{kind: explode}")
    with pytest.raises(BadSettingError, match=r"faults\.yaml: .*explode"):
        load_faults(path)
