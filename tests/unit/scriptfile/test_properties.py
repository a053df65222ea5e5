"""Whatever the text, the answer is a script or a list of problems, and never anything else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from orchestrator.errors import ExpressionError, Problem, ScriptError
from orchestrator.scriptfile import parse_script
from orchestrator.scriptfile.models import COMMANDS, CONTROLS
from orchestrator.scriptfile.templates import TemplateProblemError, compile_condition, compile_text

SAMPLE = (Path(__file__).parents[3] / "configs/scripts/appointment-reminder.yaml").read_text(encoding="utf-8")
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.sampled_from(
    [*COMMANDS, *CONTROLS, "id", "when", "save", "on_failure", "cases", "otherwise", "to", "from", "text", "commands",
     "version", "settings", "variables", "name", "then", "retry", "dtmf", "+15555550123", "1", "{{ a }}", "a", ""]
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


def judge(text: str) -> None:
    problems: Sequence[Problem] = ()
    try:
        script = parse_script(text)
    except ScriptError as error:
        problems = error.problems
        script = None
    assert (script is None) == bool(problems)
    assert list(problems) == sorted(problems, key=lambda each: (each.line, each.column, each.message))
    assert script is None or len(script.source) == len(text.removeprefix("\ufeff"))


@QUICK
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text(text: str) -> None:
    """Any text is a script or has problems."""
    judge(text)


@QUICK
@given(st.text(alphabet="-:{}[]\"'|>&*!%#?,@` \n\tab01\\", max_size=80))
def test_any_punctuation(text: str) -> None:
    """Any heap of YAML's own characters is a script or has problems."""
    judge(text)


@QUICK
@given(VALUES)
def test_any_json(value: object) -> None:
    """Any JSON value is a script or has problems."""
    judge(json.dumps(value))
    judge(json.dumps({"version": 1, "commands": value}))


@QUICK
@given(st.lists(st.dictionaries(WORDS, VALUES, max_size=3), max_size=6))
def test_any_entries(entries: list[object]) -> None:
    """Any list of entries after a dial is a script or has problems."""
    dial = {"dial": {"to": "+15555550123", "from": "+15555550199"}}
    judge(json.dumps({"version": "1", "commands": [dial, *entries]}))


@QUICK
@given(st.data())
def test_any_edit_of_a_good_script(data: st.DataObject) -> None:
    """A good script with a piece taken out or put in is a script or has problems."""
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 30)))
    judge(SAMPLE[:start] + data.draw(st.text(max_size=6)) + SAMPLE[end:])


@QUICK
@given(st.text(alphabet="ab12'\"()[]{}|.,*%+-~=<>! \n", max_size=30))
def test_any_expression(text: str) -> None:
    """Any expression compiles or is refused, and gives a value or fails in a sentence."""
    for make in (lambda: compile_text("{{" + text + "}}").render({"a": "x", "b": 2}),
                 lambda: compile_condition(text).holds({"a": "x", "b": 2})):  # fmt: skip
        try:
            make()
        except (TemplateProblemError, ExpressionError) as error:
            assert str(error)  # noqa: PT017 - either error is as good as a value
