"""A resume refuses a script whose past has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.past import refuse_changed_past
from orchestrator.core.script import Hangup, Place, Plain, Say
from orchestrator.core.state import Phase
from orchestrator.errors import ChangedPastError
from tests.fakes import machine as m

BEFORE = m.script(m.entry(Say(Plain("one")), written="say: one"), m.entry(Say(Plain("two"))), m.entry(Hangup()))
RAN = {index: entry.digest for index, entry in enumerate(BEFORE.entries[:2])}


def test_what_has_not_run_may_change() -> None:
    """Entries that have run are as they were: the script is accepted."""
    refuse_changed_past(m.state(Phase.READY, executed=RAN), BEFORE)
    refuse_changed_past(m.state(Phase.READY, executed=RAN), replace(BEFORE, entries=BEFORE.entries[:2]))


def test_every_difference_is_named_with_its_place() -> None:
    """A changed entry is shown with what it was and is; one that is gone is named."""
    changed = m.entry(Say(Plain("uno")), written="say: uno", place=Place(7, 3))
    after = replace(BEFORE, entries=(BEFORE.entries[0], changed), path="reminder.yaml")
    state = m.state(Phase.READY, executed={**RAN, 2: BEFORE.entries[2].digest})
    with pytest.raises(ChangedPastError) as raised:
        refuse_changed_past(state, after, original=BEFORE)
    first, second = raised.value.problems
    assert str(first).startswith("reminder.yaml:7:3: entry 2 has already run")
    assert "was: say: one" in first.message
    assert "now: say: uno" in first.message
    assert "entry 3 has already run, and the script no longer has it" in second.message


def test_without_the_original_only_the_new_entry_is_shown() -> None:
    """A masked script cannot be shown as it was."""
    after = replace(BEFORE, entries=(BEFORE.entries[0], m.entry(Say(Plain("uno")), written="say: uno")))
    with pytest.raises(ChangedPastError) as raised:
        refuse_changed_past(m.state(Phase.READY, executed=RAN), after)
    assert "was:" not in str(raised.value)


def test_the_label_for_a_stale_call_must_be_there() -> None:
    """`on_stale` of the run names a label of the script."""
    state = m.with_settings(m.state(Phase.READY), on_stale="bye")
    with pytest.raises(ChangedPastError, match="`bye`"):
        refuse_changed_past(state, BEFORE)
    labelled = replace(BEFORE, entries=(*BEFORE.entries[:-1], replace(BEFORE.entries[-1], label="bye")))
    refuse_changed_past(state, labelled)
