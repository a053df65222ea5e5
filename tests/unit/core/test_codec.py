"""The text form of records."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.codec import decode, encode
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import (
    FORMAT_VERSION,
    Concluded,
    Cursor,
    Intended,
    Noticed,
    Record,
    ReplayClass,
    Resumed,
    RunStarted,
    Waited,
)
from orchestrator.core.script import Policy
from orchestrator.core.settings import Settings
from orchestrator.errors import JournalError

NOW = Instant(1_700_000_000.25, 12.5, "boot")
KINDS = typing.get_args(Record)
SCALARS = {
    str: st.text(max_size=8),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    types.NoneType: st.none(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return whatever a field of that type may hold."""
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(hint)})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Mapping:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is not None:
        return st.one_of(*map(values_of, arguments))
    return st.sampled_from(list(hint)) if issubclass(hint, Enum) else SCALARS[hint]


def as_written(record: Any) -> Any:
    """Return a record without what is never written."""
    hidden = [field.name for field in dataclasses.fields(record) if field.metadata.get("memory_only")]
    return dataclasses.replace(record, **{name: {} for name in hidden})


def body_of(record: Record, **changes: Any) -> str:
    """Return a record's text with some of its members changed; None removes one."""
    body = json.loads(encode(record)) | changes
    return json.dumps({name: value for name, value in body.items() if value is not None})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_as_it_was(kind: type) -> None:
    """Reading what was written gives the same record, of every type, less what lives in memory only."""

    @given(values_of(kind))
    def check(record: Any) -> None:
        text = encode(record)
        assert decode(text) == as_written(record)
        assert text.isascii()
        assert "\n" not in text

    check()


def test_the_text_is_compact_json_without_defaults() -> None:
    """A record is one object: type, version, and only the fields that differ from their defaults."""
    intended = Intended(
        at=NOW,
        operation=Operation.COMMAND,
        attempt=1,
        start=Cursor(3),
        after=Cursor(4, 1),
        commands=("say",),
        replay_class=ReplayClass.HEARD,
    )
    assert encode(intended) == (
        '{"t":"Intended","v":1,"at":[1700000000.25,12.5,"boot"],"operation":"command","attempt":1,'
        '"start":{"entry":3},"after":{"entry":4,"sentence":1},"commands":["say"],"replay_class":"heard"}'
    )


def test_settings_are_written_in_full() -> None:
    """A run keeps the settings it began with, even when a release changes a default."""
    body = json.loads(encode(Resumed(at=NOW, settings=Settings())))
    assert set(body["settings"]) == {field.name for field in dataclasses.fields(Settings)}


def test_secrets_are_not_in_the_text() -> None:
    """Memory-only fields are never written, digits that the machine left in are."""
    concluded = Concluded(
        at=NOW,
        outcome=Outcome.DONE,
        reason="",
        results=(CommandResult(command="get_dtmf", digits="12"), CommandResult(command="get_dtmf", digit_count=4)),
        secrets={"pin": "4711"},
    )
    text = encode(concluded)
    assert "4711" not in text
    assert "pin" not in text
    assert decode(text).results == concluded.results  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["\x00", "é", "\U0001f4de", "\ud800", "\u2028", '"\\'])
def test_any_text_survives(text: str) -> None:
    """Control characters, astral and even lone surrogate code points come back."""
    assert decode(encode(Noticed(at=NOW, code="x", message=text))).message == text  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [1, 1.0, True, "1"])
def test_values_keep_their_type(value: object) -> None:
    """A variable that is 1 is not one that is true, 1.0 or text."""
    started = RunStarted(
        at=NOW,
        run_id="r",
        script_name="s",
        script_digest="d",
        script_source="",
        script_masked=False,
        script_path=None,
        to="+1",
        from_="+2",
        variables={"v": value},  # type: ignore[dict-item]
        secret_names=(),
        settings=Settings(),
    )
    read = decode(encode(started))
    assert isinstance(read, RunStarted)
    assert type(read.variables["v"]) is type(value)


def test_mappings_of_any_kind_are_written() -> None:
    """A read-only view is as good as a dictionary."""
    intended = Intended(
        at=NOW,
        operation=Operation.COMMAND,
        attempt=1,
        start=Cursor(0),
        after=Cursor(1),
        commands=(),
        digests=types.MappingProxyType({"0": "abc"}),
    )
    assert decode(encode(intended)) == dataclasses.replace(intended, digests={"0": "abc"})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    """A record that could not be read back is not written."""
    with pytest.raises(JournalError, match="Waited cannot be written"):
        encode(Waited(at=NOW, wake=Instant(number, 0.0), why=""))


def test_things_that_no_record_holds_are_refused() -> None:
    """An object JSON has no form for is our own mistake, said before anything is written."""
    with pytest.raises(JournalError, match="Noticed cannot be written"):
        encode(Noticed(at=NOW, code="x", message=object()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"t":"Noticed","v":1,"at":[NaN,1,""]}', "not JSON"),
        ("[]", "not an object"),
        ("{}", "unknown type None"),
        ('{"t":"Nothing","v":1}', "unknown type 'Nothing'"),
        ('{"t":[],"v":1}', "unknown type"),
        ('{"t":"Noticed"}', "without a format version"),
        ('{"t":"Noticed","v":true}', "without a format version"),
        ('{"t":"Noticed","v":0}', "without a format version"),
        (f'{{"t":"Noticed","v":{FORMAT_VERSION + 1}}}', "newer release"),
    ],
)
def test_what_is_no_record_is_refused(text: str, said: str) -> None:
    """Text that is not a record of this or an older format is refused in a sentence."""
    with pytest.raises(JournalError, match=said):
        decode(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": None}, "Noticed lacks code"),
        ({"at": None, "message": None}, "Noticed lacks at, message"),
        ({"more": 1}, "unknown field 'more'"),
        ({"code": 1}, "Noticed.code must be text"),
        ({"at": 1}, "Noticed.at must be"),
        ({"at": [1, 2]}, "Noticed.at must be"),
        ({"at": ["1", 2, ""]}, "Noticed.at must be"),
        ({"at": [1, True, ""]}, "Noticed.at must be"),
        ({"at": [1, 2, 3]}, "Noticed.at must be"),
    ],
)
def test_a_field_that_is_not_right_is_named(changes: dict[str, Any], said: str) -> None:
    """Missing, unknown and ill-typed fields are refused by name."""
    with pytest.raises(JournalError, match=said):
        decode(body_of(Noticed(at=NOW, code="x", message="y"), **changes))


CONCLUDED = Concluded(at=NOW, outcome=Outcome.DONE, reason="")
INTENDED = Intended(at=NOW, operation=Operation.SMS, attempt=1, start=Cursor(0), after=Cursor(1), commands=())
RESUMED = Resumed(at=NOW, settings=Settings())


@pytest.mark.parametrize(
    ("record", "changes", "said"),
    [
        (CONCLUDED, {"outcome": "maybe"}, "Concluded.outcome must be one of done, "),
        (CONCLUDED, {"outcome": []}, "Concluded.outcome must be one of done, "),
        (CONCLUDED, {"status": True}, "Concluded.status must be an integer"),
        (CONCLUDED, {"status": 200.0}, "Concluded.status must be an integer"),
        (CONCLUDED, {"final": 1}, "Concluded.final must be true or false"),
        (CONCLUDED, {"retry_after_s": "1"}, "Concluded.retry_after_s must be a number"),
        (CONCLUDED, {"call": []}, "Concluded.call must be an object"),
        (CONCLUDED, {"call": {"status": "ready"}}, "Concluded.call lacks call_id"),
        (CONCLUDED, {"results": {}}, "Concluded.results must be a list"),
        (CONCLUDED, {"results": [{"command": 1}]}, "Concluded.results.command must be text"),
        (INTENDED, {"digests": []}, "Intended.digests must be an object"),
        (INTENDED, {"digests": {"0": 1}}, "Intended.digests must be text"),
        (RESUMED, {"settings": {"speed": 1}}, "Resumed.settings has the unknown field 'speed'"),
        (RESUMED, {"secrets": {}}, "Resumed has the unknown field 'secrets'"),
    ],
)
def test_what_lies_deeper_is_named_by_its_path(record: Record, changes: dict[str, Any], said: str) -> None:
    """A complaint about a nested value says where it is."""
    with pytest.raises(JournalError, match=said):
        decode(body_of(record, **changes))


def test_a_variable_is_text_a_number_or_a_truth() -> None:
    """A value of a type that no script has is refused, and not shown."""
    started = RunStarted(
        at=NOW,
        run_id="r",
        script_name="s",
        script_digest="d",
        script_source="",
        script_masked=False,
        script_path=None,
        to="+1",
        from_="+2",
        variables={},
        secret_names=(),
        settings=Settings(),
    )
    with pytest.raises(
        JournalError, match="variables must be a number or an integer or text or true or false"
    ) as caught:
        decode(body_of(started, variables={"v": ["4711"]}))
    assert "4711" not in str(caught.value)


def test_an_integer_is_a_number() -> None:
    """A whole number of seconds may be written without a point."""
    assert decode(body_of(CONCLUDED, retry_after_s=2)) == dataclasses.replace(CONCLUDED, retry_after_s=2.0)


def test_the_defaults_that_are_left_out_are_part_of_the_format() -> None:
    """Changing one would change what old journals say: raise FORMAT_VERSION and teach `decode` the old value."""
    defaults = {
        (kind.__name__, field.name): field.default
        for kind in (*KINDS, Cursor, CallSeen, CommandResult)
        for field in dataclasses.fields(kind)
        if field.default not in (dataclasses.MISSING, None)
    }
    assert defaults == {
        ("RunStarted", "defaulted"): (),
        ("Intended", "command_entries"): (),
        ("Intended", "sensitive"): False,
        ("Intended", "replay_class"): ReplayClass.HARMLESS,
        ("Intended", "policy"): Policy.REPEAT,
        ("Intended", "shortest_s"): 0.0,
        ("Intended", "longest_s"): 0.0,
        ("Intended", "read_timeout_s"): 0.0,
        ("Intended", "fell_into"): (),
        ("Intended", "asynchronous"): False,
        ("Intended", "expected_s"): 0.0,
        ("Intended", "way"): "",
        ("Concluded", "final"): False,
        ("Concluded", "unauthenticated"): False,
        ("Concluded", "misconfigured"): False,
        ("Looked", "reason"): "",
        ("Looked", "gone"): False,
        ("Looked", "refused"): False,
        ("Looked", "matches"): (),
        ("Looked", "complete"): False,
        ("Looked", "unauthenticated"): False,
        ("Settled", "doubled"): False,
        ("Branched", "reason"): "",
        ("EndDecided", "leave_up"): False,
        ("Resumed", "why"): "resume",
        ("CancelAsked", "why"): "cancelled on request",
        ("CancelAsked", "code"): "cancelled",
        ("EventReceived", "source"): "main",
        ("Cursor", "entry"): 0,
        ("Cursor", "sentence"): 0,
        ("CallSeen", "status"): "",
        ("CommandResult", "ok"): True,
    }
