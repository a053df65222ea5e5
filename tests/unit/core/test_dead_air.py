"""The budget of silence between steps: a breach is noticed, and changes nothing else."""

from __future__ import annotations

import pytest

from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import Operation
from orchestrator.core.state import Phase
from tests.fakes import machine as m


@pytest.mark.parametrize(("longest_s", "noticed"), [(None, False), (2.0, False), (1.9, True)])
def test_a_longer_silence_than_the_budget_is_noticed(longest_s: float | None, noticed: bool) -> None:
    """Two seconds between the end of a step and the next first byte are noticed when less is allowed."""
    before = m.with_settings(
        m.state(Phase.SENDING, pending=m.pending(), quiet_since=m.at(10)), max_dead_air_s=longest_s
    )
    after = evolve(before, m.concluded(first_byte=m.at(12), seconds=13))
    assert [notice.code for notice in after.notices] == (["dead_air"] if noticed else [])


def test_only_what_a_callee_hears_breaks_a_silence() -> None:
    """A hang-up or a message after a long silence is no breach of the budget."""
    pending = m.pending(m.intent(Operation.SMS, "sms"))
    before = m.with_settings(m.state(Phase.SENDING, pending=pending, quiet_since=m.at(1)), max_dead_air_s=1.0)
    assert evolve(before, m.concluded(first_byte=m.at(12), seconds=13)).notices == ()
