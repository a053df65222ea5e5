"""The budget of silence between steps: a breach is noticed, and changes nothing else."""

from __future__ import annotations

import pytest

from orchestrator.core.evolve import evolve
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
