"""The one retry loop: it turns while a request is held back, and stops when `decide` names anything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.core.actions import Action, Note, Rest, Wait
from orchestrator.core.records import Waited
from orchestrator.runtime.retry import send_until_it_left
from tests.fakes import machine as m


def wait_until(seconds: float) -> Wait:
    return Wait(m.at(seconds), Waited(at=m.at(0), wake=m.at(seconds), why="again"))


class Loop:
    """A driver of which the loop sees only what it is given."""

    def __init__(self, *answers: Action, held_back: bool = True) -> None:
        self.calls: list[Action | None] = []
        self.waits: list[Wait] = []
        self.held_back = held_back
        self._answers: Iterator[Action] = iter(answers)

    def attempt(self, action: Action | None) -> Action:
        """Remember what was asked, and name the next action."""
        self.calls.append(action)
        return next(self._answers)

    def run(self, first: Action) -> Action:
        """Turn the loop."""
        return send_until_it_left(
            self.attempt,
            first,
            is_held_back=lambda: self.held_back,
            seconds_until=lambda wait: wait.until.boot_s,
            wait=self.waits.append,
        )


FIRST = Note(m.started())


def test_a_request_that_left_is_sent_once() -> None:
    """What follows is the caller's."""
    loop = Loop(Rest())
    assert loop.run(FIRST) == Rest()
    assert (loop.calls, loop.waits) == ([FIRST], [])


def test_a_request_that_was_held_back_is_sent_again_after_each_wait() -> None:
    """`decide` names each wait anew; it is journalled and waited for by the caller's clock, then comes the next try."""
    loop = Loop(wait_until(1), wait_until(1), wait_until(3), Rest())
    assert loop.run(FIRST) == Rest()
    assert loop.calls == [FIRST, None, None, None]
    assert loop.waits == [wait_until(1), wait_until(3)]


def test_a_wait_for_something_else_is_not_a_retry() -> None:
    """A wait of a run that settles is returned."""
    loop = Loop(wait_until(1), held_back=False)
    assert loop.run(FIRST) == wait_until(1)
    assert loop.waits == []


def test_a_send_that_decide_names_is_carried_out() -> None:
    """An action that is no wait ends the loop, also in its middle."""
    loop = Loop(wait_until(1), FIRST)
    assert loop.run(FIRST) == FIRST


def test_errors_pass() -> None:
    """What an attempt raises is not tried again."""

    def broken(_action: Action | None) -> Action:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        send_until_it_left(
            broken, FIRST, is_held_back=lambda: True, seconds_until=lambda _wait: 0.0, wait=lambda _wait: None
        )
