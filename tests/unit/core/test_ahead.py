"""Which lost secrets a run may still need."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orchestrator.core.ahead import lost_ahead
from orchestrator.core.records import CancelAsked, Cursor
from orchestrator.core.script import End, FailureAction, GetDtmf, Goto, Hangup, OnFailure, Plain, Say, Script, Switch
from orchestrator.core.state import Failure, Phase, RunState
from tests.fakes import machine as m


@dataclass(frozen=True)
class Reading:
    """Text that reads a variable."""

    source: str = "{{ pin }}"
    names: frozenset[str] = frozenset({"pin"})

    def render(self, variables: object) -> str:
        """Never asked for here."""
        return str(variables)

    def holds(self, variables: object) -> bool:
        """Never asked for here."""
        return bool(variables)


READS = m.entry(Say(Reading()), label="reads")
PLAIN = m.entry(Say(Plain("hello")), label="plain")
END = m.entry(End())


def resting(cursor: int = 0, **fields: object) -> RunState:
    """A run that has lost its secret `pin`."""
    begun = m.started(secret_names=("pin",))
    return m.state(Phase.READY, started=begun, cursor=Cursor(cursor), lost=frozenset({"pin"}), **fields)


@pytest.mark.parametrize(
    ("script", "cursor", "is_needed"),
    [
        (m.script(PLAIN, READS), 0, True),
        (m.script(READS, PLAIN), 1, False),
        (m.script(READS, PLAIN), 2, False),
        (m.script(PLAIN, END, READS), 0, False),
        (m.script(PLAIN, m.entry(End(), when=Reading()), PLAIN), 0, True),
        (m.script(PLAIN, m.entry(Goto("plain")), READS), 0, False),
        (m.script(READS, PLAIN, m.entry(Goto("reads"))), 1, True),
        (m.script(READS, PLAIN, m.entry(Switch(Plain("x"), {"1": "reads"}, "plain"))), 1, True),
        (m.script(READS, PLAIN, m.entry(Switch(Plain("x"), {"1": "plain"}, "reads"))), 1, True),
        (m.script(READS, PLAIN, m.entry(Switch(Plain("x"), {}, "gone"))), 1, False),
        (
            m.script(READS, PLAIN, m.entry(Hangup(), on_failure=OnFailure(0, FailureAction.GOTO, "reads"))),
            1,
            True,
        ),
    ],
)
def test_what_is_reachable_needs_its_secrets(script: Script, cursor: int, is_needed: bool) -> None:
    """Entries behind, and those no path leads to, need nothing; a jump back may need what was before."""
    assert lost_ahead(resting(cursor + 1), script) == (frozenset({"pin"}) if is_needed else frozenset())


def test_other_ways_back_count() -> None:
    """A retry, digits that are asked for again, and the label for a stale call may lead back to a reader."""
    script = m.script(READS, m.entry(GetDtmf(), save="code"), PLAIN)
    needed = frozenset({"pin"})
    assert lost_ahead(resting(3), script) == frozenset()
    assert lost_ahead(resting(3, failure=Failure(1, "no")), script) == needed
    assert lost_ahead(resting(3, saved_by={"code": (1, 1)}), script) == needed
    assert lost_ahead(m.with_settings(resting(3), on_stale="reads"), script) == needed


def test_what_is_held_asked_for_again_or_of_no_more_use_is_not_needed() -> None:
    """Saved digits are collected again; a run that waits for a person or only ends reads nothing."""
    script = m.script(PLAIN, READS)
    assert lost_ahead(resting(saved_by={"pin": (0, 1)}), script) == frozenset()
    assert lost_ahead(resting(0).changed({"lost": frozenset()}), script) == frozenset()
    assert lost_ahead(resting(0).changed({"phase": Phase.UNDECIDED}), script) == frozenset()
    assert lost_ahead(resting(cancel=CancelAsked(at=m.at(5), why="enough")), script) == frozenset()
