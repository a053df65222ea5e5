"""Templates and conditions: what they can do, what they refuse, and that they can neither hang nor reach anything."""

from __future__ import annotations

import traceback

import pytest

from orchestrator.core.script import Plain, Value
from orchestrator.errors import ExpressionError
from orchestrator.scriptfile.templates import (
    TemplateProblemError,
    compared_with_numbers,
    compile_condition,
    compile_text,
    needed_names,
)

VARIABLES: dict[str, Value] = {"name": "Ms. Rivera", "n": 3, "f": 2.5, "yes": True, "digits": "12", "empty": ""}
HUGE = 10**9
SECRET = "48151"
MISFIT = "the types of its values do not fit together; digits and other text become numbers with `| int`"


def rendered(source: str) -> str:
    return compile_text(source).render(VARIABLES)


def reason(source: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        rendered(source)
    return str(caught.value).partition("cannot be evaluated: ")[2]


@pytest.mark.parametrize(
    "expression",
    [
        "pin + 1", "pin / 0", "pin % 2", "pin ** 99", "pin * 99999", "pin[pin]", "pin[99]", "{}[pin]",
        "[][pin | int]", "(pin | int) ** 99", "(pin | int) / 0", "pin.split('')", "unknown ~ pin", "{'a': 1}[pin]",
        "pin is divisibleby 2", "pin in 5", "(pin | int)[0]",
    ],
)  # fmt: skip
def test_an_error_never_shows_a_value(expression: str) -> None:
    """A value may be secret, and errors are journalled: neither their text nor what a traceback shows quotes one."""
    for evaluate in (compile_text(f"{{{{ {expression} }}}}").render, compile_condition(expression).holds):
        with pytest.raises(ExpressionError) as caught:
            evaluate({"pin": SECRET})
        assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("source", ["", "no variables", "{# no comment #}", "100 % {sure}", "a }} b %} c\n"])
def test_text_without_expressions_stays(source: str) -> None:
    """Text without `{{` or `{%` is not a template at all."""
    assert compile_text(source) == Plain(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ name }}.\n", "Hello Ms. Rivera.\n"),
        ("{{ name | upper }} {{ name.lower() }}", "MS. RIVERA ms. rivera"),
        ("{% if n > 2 %}many{% elif n %}few{% else %}none{% endif %}", "many"),
        ("{{ 'a' if empty else 'b' }}", "b"),
        ("{{ unknown | default('friend') }}", "friend"),
        ("{{ unknown is defined }} {{ n is odd }} {{ n in [1, 3] }}", "False True True"),
        ("{{ digits | int + 1 }} {{ n * 4 }} {{ 7 % n }} {{ 2 ** n }} {{ 7 // 2 }}", "13 12 1 8 3"),
        ("{{ 'ab' * 2 }} {{ 2 * 'ab' }} {{ [1] * 2 }} {{ -1 * 'ab' }}|", "abab abab [1, 1] |"),
        ("{{ f | round(1) }} {{ f | round }}", "2.5 2.0"),
        ("{{ digits | join(', ') }}", "1, 2"),
        ("{{ 'one two' | replace('one', '1') }}", "1 two"),
        ("{{ digits[0] }} {{ digits[1:] }} {{ {'12': 'dozen'}[digits] }}", "1 2 dozen"),
        ("{{ name ~ n }} {{ yes }}", "Ms. Rivera3 True"),
        ("{{ '{{' }} {% raw %}{{ name }} {% x %}{% endraw %} {{ '}}' }}", "{{ {{ name }} {% x %} }}"),
        ("{# text #} {{ n }}", "{# text #} 3"),
        ("<b>{{ '<' }}", "<b><"),
    ],
)
def test_rendering(source: str, expected: str) -> None:
    """Expressions, `if`, the listed filters and methods work; nothing is escaped; `{#` is text."""
    assert rendered(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ nme }}", "there is no variable `nme`; did you mean `name`?"),
        ("{{ zzz }}", "there is no variable `zzz`"),
        ("{{ digits[9] }}", "a part of a value that does not exist is asked for"),
        ("{{ digits['upper'] }}", "a part of a value that does not exist is asked for"),
        ("{{ digits['format'] }}", "a part of a value that does not exist is asked for"),
        ("{{ n / 0 }}", "a number is divided by zero"),
        ("{{ digits + 1 }}", MISFIT),
        ("{{ n.upper() }}", "a part of a value that does not exist is asked for"),
        ("{{ 1e999 | int }}", "a value in it is not what the expression needs"),
        (f"{{{{ 'x' * {HUGE} }}}}", "its text grows longer than 10000 characters"),
        (f"{{{{ {HUGE} * 'x' }}}}", "its text grows longer than 10000 characters"),
        (f"{{{{ [1] * {HUGE} }}}}", "its text grows longer than 10000 characters"),
        ("{{ 'x' * 9000 }}{{ 'x' * 9000 }}", "its text grows longer than 10000 characters"),
        ("{{ ('x' * 9000) | replace('x', 'yy') }}", "its text grows longer than 10000 characters"),
        ("{{ ('x' * 9000) | join('yy') }}", "its text grows longer than 10000 characters"),
        (f"{{{{ 10 ** {HUGE} }}}}", "`**` works on small numbers only"),
        (f"{{{{ {10**19} ** 2 }}}}", "`**` works on small numbers only"),
        ("{{ 'a' ** 2 }}", "`**` works on small numbers only"),
        ("{{ 1000 ** 60 }}", "a number grows too large"),
        (f"{{{{ {HUGE} * {HUGE} * {HUGE} }}}}", "a number grows too large"),
        (f"{{{{ '%{HUGE}d' % 1 }}}}", "`%` works on numbers only"),
        (f"{{{{ f | round({HUGE}) }}}}", "`round` takes 0 to 15 digits"),
    ],
)  # fmt: skip
def test_rendering_fails_in_a_sentence(source: str, expected: str) -> None:
    """Whatever fails in an expression, huge or hostile, is one plain sentence, at once."""
    assert reason(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for x in name %}{% endfor %}", "uses `{% for %}`, which is not available in scripts"),
        ("{% set x %}a{% endset %}", "uses `{% set %}`, which is not available in scripts"),
        ("{% import 'a' as b %}", "uses `{% import %}`, which is not available in scripts"),
        ("{% from 'a' import b %}", "uses `{% from %}`, which is not available in scripts"),
        ("{% extends 'a' %}", "uses `{% extends %}`, which is not available in scripts"),
        ("{% block a %}{% endblock %}", "uses `{% block %}`, which is not available in scripts"),
        ("{% macro a() %}{% endmacro %}", "uses `{% macro %}`, which is not available in scripts"),
        ("{% call a() %}{% endcall %}", "uses `{% call %}`, which is not available in scripts"),
        ("{% filter upper %}{% endfilter %}", "uses `{% filter %}`, which is not available in scripts"),
        ("{% with a = 1 %}{% endwith %}", "uses `{% with %}`, which is not available in scripts"),
        ("{{ name | random }}", "names an unknown filter `random`; valid are `abs`, "),
        ("{{ name | center(9) }}", "names an unknown filter `center`"),
        ("{{ name is callable }}", "names an unknown test `callable`"),
        ("{{ lipsum() }}", "calls `lipsum(…)`; functions are not available in scripts"),
        ("{{ name[0]() }}", "calls `…(…)`; functions are not available in scripts"),
        ("{{ name.ljust(9) }}", "names an unknown method `ljust`; valid are `capitalize`, "),
        ("{{ name.upper }}", "uses `.upper`, which is not available in scripts"),
        ("{{ name.strip(*digits) }}", "uses `*` or `**` in a call, which is not available in scripts"),
        ("{{ self }}", "names a variable `self`, which is a word of the template language"),
        ("{{ " + "1" * 5000 + " }}", "has an expression that cannot be evaluated"),
        ("{{ " + "+".join(["1"] * 5000) + " }}", "is nested too deeply to be evaluated"),
        ("{{ 'a }}", "has a mistake in its expression: "),
    ],
)
def test_refused_when_compiled(source: str, expected: str) -> None:
    """What scripts may not do is refused before anything is dialled."""
    with pytest.raises(TemplateProblemError) as caught:
        compile_text(source)
    assert str(caught.value).startswith(expected)


def test_names() -> None:
    """A text knows the variables it reads, those it cannot do without, and those it compares with numbers."""
    text = compile_text(
        "{{ a }}{{ b | default('') }}{% if c is defined %}{{ c }}{% endif %}{% if 1 < a < d %}.{% endif %}"
    )

    assert text.names == {"a", "b", "c", "d"}
    assert needed_names(text) == {"a", "d"}
    assert compared_with_numbers(text) == {"a", "d"}
    assert needed_names(Plain("x")) == compared_with_numbers(Plain("x")) == frozenset()


def test_a_missing_variable_in_a_branch_not_taken_is_no_error() -> None:
    """Only what is read must exist."""
    assert rendered("{% if empty %}{{ unknown }}{% endif %}ok") == "ok"


def test_equality_is_of_the_source() -> None:
    """Two texts are the same when they are written the same."""
    assert compile_text("{{ a }}") == compile_text("{{ a }}") != compile_text("{{ b }}")


def test_secret_source_is_not_quoted() -> None:
    """A failing text that holds literal keys is quoted masked."""
    with pytest.raises(ExpressionError, match=r"^`\*\*{{ pin }}` cannot be evaluated: there is no variable `pin`$"):
        compile_text("12{{ pin }}", shown="**{{ pin }}").render({})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("digits == '12'", True),
        ("digits == 12", False),
        ("empty", False),
        ("'False'", True),
        ("n - 3", False),
        ("yes and not empty", True),
        ("unknown is defined", False),
        ("digits in ['1', '12']", True),
        ("digits.startswith('2')", False),
        ("false", False),
    ],
)
def test_conditions(source: str, expected: bool) -> None:
    """A condition is true unless its value is false, zero or empty; the text `False` is a text."""
    condition = compile_condition(source)

    assert condition.holds(VARIABLES) is expected
    assert condition.source == source


def test_condition_names_the_unknown_variable() -> None:
    """A condition on a variable that does not exist fails in a sentence."""
    with pytest.raises(ExpressionError, match=r"there is no variable `choise`; did you mean `choice`\?$"):
        compile_condition("choise == '1'").holds({"choice": "1"})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ a }}", "is an expression already; write it without `{{ }}`"),
        ("a b", "has a mistake in its expression: the expression ends before the text does"),
        ("a ==", "has a mistake in its expression: the expression is incomplete"),
        ("range(3)", "calls `range(…)`; functions are not available in scripts"),
        ("(" * 3000 + ")" * 3000, "is nested too deeply to be evaluated"),
    ],
)
def test_bad_conditions(source: str, expected: str) -> None:
    """A condition that cannot be compiled says why."""
    with pytest.raises(TemplateProblemError) as caught:
        compile_condition(source)
    assert str(caught.value) == expected


def test_rendering_is_pure() -> None:
    """The same variables give the same text, and are not changed."""
    before = dict(VARIABLES)

    assert rendered("{{ name }} {{ n }}") == rendered("{{ name }} {{ n }}")
    assert before == VARIABLES
