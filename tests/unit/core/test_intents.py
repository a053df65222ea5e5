"""The step made ahead of its time is the one that would be made in its time, or it is not used."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from orchestrator.core.exchange import Operation
from orchestrator.core.intents import foresee, step_again, step_at
from orchestrator.core.records import Cursor
from orchestrator.core.script import Answer, End, GetDtmf, Goto, Plain, Say, Script, Variables
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import ExpressionError
from tests.fakes import machine as m


@dataclass(frozen=True)
class Reads:
    """A text that reads the variable `choice`."""

    names: frozenset[str] = frozenset({"choice"})
    source: str = "{{ choice }}"

    def render(self, variables: Variables) -> str:
        """Return its value."""
        if "choice" not in variables:
            raise ExpressionError("choice is unknown")
        return str(variables["choice"])


SCRIPT = m.script(Say(Plain("first")), Say(Reads()), Goto("l0"), End(None))


ANSWERED = Script(
    name="in", entries=(m.entry(Answer()), m.entry(GetDtmf(timeout_s=3.0))), digest="d"
)  # packed into one list


def sending(entry: int, **fields: object) -> RunState:
    """Return a run whose request for an entry is open."""
    after = Cursor(entry + 1)
    pending = m.pending(m.intent(start=Cursor(entry), after=after))
    return m.state(Phase.SENDING, pending=pending, variables={"choice": "1"}, **fields)


def test_the_next_step_is_made_from_what_is_known() -> None:
    """And used while nothing that it was made from has changed."""
    state = sending(1)
    foreseen = foresee(state, SCRIPT)
    assert foreseen is not None
    assert step_at(state, SCRIPT, Cursor(2), foreseen) is foreseen.step
    assert foreseen.step == step_at(state, SCRIPT, Cursor(2))


def test_a_step_foreseen_is_not_used_once_a_variable_changed() -> None:
    """Digits that came with the reply are read by the step after it."""
    state = sending(1)
    foreseen = foresee(state, SCRIPT)
    pressed = replace(state, variables={"choice": "2"})
    assert step_at(pressed, SCRIPT, Cursor(2), foreseen).commands == ({"say": {"text": "2"}},)


def test_a_step_foreseen_is_not_used_elsewhere_or_under_other_settings() -> None:
    """A branch goes elsewhere; a resume may bring another limit."""
    state = sending(1)
    foreseen = foresee(state, SCRIPT)
    assert step_at(state, SCRIPT, Cursor(1), foreseen).commands == ({"say": {"text": "first"}},)
    other = m.with_settings(state, limit_s=30.0)
    assert foreseen is not None
    assert step_at(other, SCRIPT, Cursor(2), foreseen) is not foreseen.step


@pytest.mark.parametrize("entry", [2, 3, 4])
def test_a_branch_and_the_end_are_not_foreseen(entry: int) -> None:
    """What follows them is known only when it is their turn."""
    assert foresee(sending(entry), SCRIPT) is None


def test_a_step_that_cannot_be_made_yet_is_left_to_its_turn() -> None:
    """It is told then, if it comes to that."""
    assert foresee(replace(sending(1), variables={}), SCRIPT) is None


def test_nothing_is_foreseen_without_an_open_request() -> None:
    """There is nothing to follow."""
    assert foresee(m.state(Phase.READY), SCRIPT) is None


@pytest.mark.parametrize(
    ("names", "answered", "again"),
    [
        (("answer", "get_dtmf"), True, ("get_dtmf",)),
        (("answer", "get_dtmf"), False, ("answer", "get_dtmf")),
        (("answer",), True, ("answer", "get_dtmf")),
    ],
)
def test_a_list_that_has_answered_is_repeated_without_its_answer(
    names: tuple[str, ...], answered: bool, again: tuple[str, ...]
) -> None:
    """A call that was answered rings no more: the API refuses another `answer` with 409, and the digits stay lost."""
    entries = tuple(range(len(names)))
    lost = m.pending(m.intent(Operation.COMMAND, *names, start=Cursor(0), command_entries=entries))
    state = m.with_settings(m.state(Phase.RETRYING, pending=lost, answered=answered), limit_s=60.0)
    assert step_again(state, ANSWERED, lost).names == again
