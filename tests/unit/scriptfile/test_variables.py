"""Declared variables: binding given values, and finding names that can never have one."""

from __future__ import annotations

import pytest

from orchestrator.core.script import Script, Value, Variable
from orchestrator.errors import ScriptError
from orchestrator.scriptfile import bind_variables, never_given, parse_script, unknown_variables

COMMANDS = 'commands:\n  - dial: {to: "{{ to }}", from: "{{ from }}"}\n'


def script(variables: str, body: str = "") -> Script:
    return parse_script(f"version: 1\nvariables:\n{variables}{COMMANDS}{body}", name="s")


def problems(variables: str, given: dict[str, Value]) -> list[str]:
    with pytest.raises(ScriptError) as caught:
        bind_variables(script(variables), given)
    return [str(problem) for problem in caught.value.problems]


DECLARED = (
    "  t: {type: text}\n  i: {type: integer}\n  n: {type: number}\n  b: {type: boolean}\n  d: {default: x}\n"
    "  e: hello\n  f:\n  g: {}\n"
)


def test_given_values_are_typed() -> None:
    """Text from a flag takes the declared type; typed values from a library are taken as they are."""
    assert bind_variables(script(DECLARED), {"t": "1", "i": "1", "n": "1.5", "b": "true"}) == {
        "t": "1", "i": 1, "n": 1.5, "b": True, "d": "x", "e": "hello",
    }  # fmt: skip
    assert bind_variables(script(DECLARED), {"t": 1, "i": 1, "n": 2, "b": False, "d": "y", "e": 2.5}) == {
        "t": "1", "i": 1, "n": 2.0, "b": False, "d": "y", "e": "2.5",
    }  # fmt: skip


def test_undeclared_values_are_kept() -> None:
    """What is given without a declaration stays what it is; `to` and `from` too."""
    assert bind_variables(script("  a: {}\n"), {"x": "01", "to": "+15555550123", "k": 3}) == {
        "x": "01",
        "to": "+15555550123",
        "k": 3,
    }


def test_every_problem_is_reported() -> None:
    """Missing, ill-typed and ill-named variables are all reported, at their declarations."""
    found = problems(
        "  patient: {required: true}\n  i: {type: integer}\n  to: {required: true}\n  t: {}\n  z: {required: true}\n",
        {"patiant": "x", "i": "one", "run_id": "x", "a-b": "x", "t": True},
    )

    assert found == [
        "s: the variable `run_id` must not be `run_id`, which the program itself sets",
        "s: the variable `a-b` must be a name of letters, digits and `_` that starts with a letter, not `a-b`",
        "s:3:3: the variable `patient` is required and has no value (`patiant` was given; is that meant?)",
        "s:4:3: the variable `i` must be a whole number, not `one`",
        "s:5:3: the variable `to` is required and has no value; give it with --to NUMBER (in a program: in `to`)",
        "s:6:3: the variable `t` must be text, not `True`",
        (
            "s:7:3: the variable `z` is required and has no value; give it with --var z=VALUE (in a program: in "
            "`variables`)"
        ),
    ]


def test_a_secret_value_is_never_quoted() -> None:
    """A sensitive value of the wrong type is reported without its text."""
    assert problems("  pin: {type: integer, sensitive: true}\n", {"pin": "12x4"}) == [
        "s:3:3: the variable `pin` is not of the type integer"
    ]
    assert bind_variables(script("  pin: {type: integer, sensitive: true}\n"), {"pin": "12"}) == {"pin": 12}


def test_a_variable_without_a_place() -> None:
    """A script built by hand has no places; its problems stand for the whole file."""
    built = Script(name="built", entries=(), variables=(Variable(name="a", required=True),))

    with pytest.raises(ScriptError, match=r"^built: the variable `a` is required"):
        bind_variables(built, {})


def test_declarations() -> None:
    """A declaration keeps what it says."""
    found = script("  a: {required: true, type: number, description: How many}\n  b: {sensitive: true, default: ''}\n")

    assert [(each.name, each.required, each.type, each.description) for each in found.variables] == [
        ("a", True, "number", "How many"),
        ("b", False, "text", ""),
    ]
    assert (found.variables[1].sensitive, found.variables[1].default) == (True, "")
    assert script("").variables == ()


def test_what_nobody_can_give_to_a_call_that_comes_in() -> None:
    """A default is the way; the two numbers come with the call."""
    declared = "  a: {required: true}\n  b: {default: x}\n  c: {}\n  from: {required: true}\n"
    (problem,) = never_given(script(declared))
    assert "`a` is required" in problem.message
    assert "write a `default` for it into the script" in problem.message


def test_unknown_variables() -> None:
    """A name that is neither known, saved nor provided for is found once, at its first entry."""
    body = (
        '  - say: {text: "{{ patient }} {{ choice }} {{ run_id }} {{ x | default(1) }}", voice: "{{ v }}"}\n'
        "  - get_dtmf: {terminate_on: '{{ zz }}', commands: [{say: {text: '{{ p }}'}}, "
        "{play: {resource_id: '{{ r }}'}}]}\n"
        "    save: choice\n"
        "  - send_dtmf: {dtmf: '{{ s }}{{ v }}'}\n    when: w\n"
        "  - switch: '{{ c }}'\n    cases: {a: l}\n    otherwise: l\n"
        "  - id: l\n    sms: {to: '{{ to }}', from: '{{ from }}', message: '{{ m }}'}\n"
        "  - hold: {}\n  - unhold: {}\n  - end: {result: '{{ patiant }}'}\n"
    )
    answering = unknown_variables(script("  a: {}\n", body), {"patient"}, can_be_given=False)
    assert answering[0].message.endswith("`v`; declare it under `variables`, with a `default`")
    assert answering[-1].message.endswith("did you mean `patient`, or forget to declare it, with a `default`?")
    found = unknown_variables(script("  a: {}\n", body), {"patient"})

    assert [str(problem) for problem in found] == [
        "s:6:5: there is no variable `v`; give it with --var v=VALUE (in a program: in `variables`)",
        "s:7:5: there is no variable `p`; give it with --var p=VALUE (in a program: in `variables`)",
        "s:7:5: there is no variable `r`; give it with --var r=VALUE (in a program: in `variables`)",
        "s:7:5: there is no variable `zz`; give it with --var zz=VALUE (in a program: in `variables`)",
        "s:9:5: there is no variable `s`; give it with --var s=VALUE (in a program: in `variables`)",
        "s:9:5: there is no variable `w`; give it with --var w=VALUE (in a program: in `variables`)",
        "s:11:5: there is no variable `c`; give it with --var c=VALUE (in a program: in `variables`)",
        "s:14:5: there is no variable `m`; give it with --var m=VALUE (in a program: in `variables`)",
        "s:18:5: there is no variable `patiant`; did you mean `patient`, or forget to give it?",
    ]
