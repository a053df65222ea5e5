"""How long the longest way through a script lasts."""

from __future__ import annotations

import pytest

from orchestrator.core.longest import longest_way_s
from orchestrator.core.plan import plan
from orchestrator.core.settings import Settings
from orchestrator.scriptfile import parse_script

HEAD = 'version: 1\ncommands:\n  - dial: {to: "+12125550123", from: "+15555550199", timeout: 5}\n'  # 10 s at most


def longest(entries: str, visits: int = 1) -> float:
    """How long the longest way lasts, seconds."""
    script = parse_script(HEAD + entries)
    return longest_way_s(script, plan(script, {}, Settings()), visits=visits)


def asking(seconds: int, more: str = "") -> str:
    """An entry that lasts little more than so many seconds at most."""
    return f"  - get_dtmf: {{timeout: {seconds}, max_digits: 1}}\n{more}"


def labelled(label: str, seconds: int) -> str:
    """The same with an `id`."""
    return asking(seconds, f"    id: {label}\n")


END = "  - end: {}\n"
WITHOUT = 12
"""How long the script of `HEAD` and one question lasts at most, without the question's seconds."""


@pytest.mark.parametrize(
    ("entries", "expected_s"),
    [
        pytest.param(asking(30), 30, id="one question"),
        pytest.param(
            "  - switch: x\n    cases: {a: first, b: second}\n    otherwise: second\n"
            f"{labelled('first', 30)}{END}{labelled('second', 50)}  - goto: last\n"
            f"{labelled('never', 600)}{labelled('last', 1)}",
            51,
            id="the longer of two branches",
        ),
        pytest.param(
            f"  - goto: last\n    when: to == '1'\n{asking(40)}{labelled('last', 2)}",
            42,
            id="a jump that may not be taken",
        ),
        pytest.param(
            asking(10, "    on_failure: {retry: 2, then: other}\n") + END + labelled("other", 20),
            50,
            id="asked again, then elsewhere",
        ),
        pytest.param(f"{labelled('start', 10)}  - goto: start\n", 10, id="jumps backwards are left out"),
    ],
)
def test_the_longest_way_counts_not_the_sum_of_all_branches(entries: str, expected_s: int) -> None:
    """In whatever order they stand; with every retry, and with what may be skipped."""
    assert longest(entries) - WITHOUT == pytest.approx(expected_s, abs=4)


@pytest.mark.parametrize(
    ("entries", "expected_s"),
    [
        pytest.param(f"{labelled('start', 9)}  - goto: start\n", 10 + 3 * 10, id="a loop"),
        pytest.param(
            f"{labelled('ask', 9)}  - switch: to\n    cases: {{a: good}}\n    otherwise: ask\n{labelled('good', 19)}",
            10 + 3 * 10 + 20,
            id="a menu, and what follows it once",
        ),
        pytest.param(
            f"{labelled('outer', 9)}{labelled('inner', 1)}  - goto: inner\n    when: to == '1'\n  - goto: outer\n",
            10 + 3 * 10 + 6 * 2,
            id="a loop in a loop: each label has its visits",
        ),
        pytest.param(
            asking(5) + labelled("ask", 9) + "    on_failure: {retry: 1, then: ask}\n",
            10 + 6 + 3 * 2 * 10,
            id="asked anew, with its retries each time",
        ),
    ],
)
def test_what_is_jumped_back_to_counts_as_often_as_it_may_be_visited(entries: str, expected_s: int) -> None:
    """Three times each label here; what lies outside a loop once. A question lasts 1 s more than it waits."""
    assert longest(entries, visits=3) == expected_s
