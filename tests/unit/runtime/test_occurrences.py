"""What an earlier occurrence means for a tick, and the end of one. In virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.core.campaign import Occurrence, Repeat
from orchestrator.ports import ContactState
from orchestrator.runtime.job import SameFileError
from tests.fakes.batch_bench import AGAIN, BUSY, NUMBERS, Bench, contact
from tests.fakes.transport import CLEAN, Treatment
from tests.fakes.virtual_time import EPOCH


@pytest.mark.parametrize(
    ("left", "now", "after_s", "is_closed"),
    [
        ("1970-01-12", "1970-01-13", 0.0, False),  # its day goes on for some minutes
        ("1970-01-12", "1970-01-13", 900.0, True),
        ("1970-01-12", "1970-01-12", 900.0, False),  # a person goes on with it
        ("1970-01-11", "1970-01-13", 900.0, False),  # a person has gone on with it: it became due on a later day
        ("monday", "1970-01-13", 900.0, False),  # it never ends
    ],
)
def test_a_redial_ends_with_its_occurrence(left: str, now: str, after_s: float, is_closed: bool) -> None:
    """What the last call came to stands, so that nobody waits for ever; the journal can be pruned."""
    bench = Bench(redial=(AGAIN,), repeat=Repeat.DAILY, timezone="Etc/GMT-10")  # at the start it is 23:46 there
    bench.occurrence = Occurrence(left)
    bench.contacts = [contact(NUMBERS[0])]
    bench.callees.set(NUMBERS[0], [BUSY])
    bench.tick()
    held = bench.standing(NUMBERS[0])
    assert held.state is ContactState.AGAIN
    bench.occurrence, bench.contacts = Occurrence(now), []
    bench.tick(after_s=after_s)
    found = bench.standing(NUMBERS[0])
    assert found == (replace(held, state=ContactState.DONE, due_wall=None) if is_closed else held)
    assert len(bench.rung()) == 1


def test_a_redial_at_the_very_end_of_the_occurrence_is_not_waited_for() -> None:
    """That moment is in the next one."""
    bench = Bench(redial=(AGAIN,))
    bench.callees.set(NUMBERS[0], [BUSY])
    bench.contacts = [contact(NUMBERS[0])]
    bench.tick()
    due_wall = bench.standing(NUMBERS[0]).due_wall
    other = Bench(redial=(AGAIN,))
    other.occurrence = Occurrence("monday", due_wall)
    other.callees.set(NUMBERS[0], [BUSY])
    other.contacts = [contact(NUMBERS[0])]
    other.tick()
    assert other.standing(NUMBERS[0]).state is ContactState.DONE


def test_a_file_that_nobody_was_called_from_is_no_old_one() -> None:
    """A window may have been closed all day: the next day the same list is called."""
    bench = Bench()
    bench.forbidden = dict.fromkeys(NUMBERS, "not today")
    bench.tick()
    bench.forbidden.clear()
    bench.occurrence = Occurrence("tuesday")
    assert bench.tick().called == 3


def test_the_holidays_of_each_callee_are_kept() -> None:
    """Closed for one country, open for another, and nobody is called whose country is not known."""
    bench = Bench()
    today = datetime.fromtimestamp(EPOCH, UTC).date()
    bench.holidays = {NUMBERS[0]: frozenset({today}), NUMBERS[2]: None}
    bench.tick()
    assert bench.numbers() == [NUMBERS[1]]
    assert bench.standing(NUMBERS[0]).state is ContactState.WAITING
    assert bench.standing(NUMBERS[2]).state is ContactState.REFUSED


def test_the_same_file_is_refused_in_another_occurrence() -> None:
    """Unless the campaign repeats; another file is not the same."""
    bench = Bench()
    bench.tick()
    bench.occurrence = Occurrence("tuesday")
    with pytest.raises(SameFileError, match="monday"):
        bench.tick()
    assert len(bench.rung()) == 3
    bench.campaign = replace(bench.campaign, repeat=Repeat.DAILY)
    bench.tick()
    assert len(bench.rung()) == 6


def test_a_redial_after_the_occurrence_is_not_waited_for() -> None:
    """Its contact is done at once."""
    bench = Bench(redial=(AGAIN,))
    bench.occurrence = Occurrence("monday", EPOCH + 100.0)
    bench.callees.set(NUMBERS[1], [BUSY])
    bench.tick()
    assert bench.standing(NUMBERS[1]).state is ContactState.DONE


def test_a_run_that_never_dialled_ends_with_its_occurrence() -> None:
    """Nobody is called for a day that is over."""
    bench = Bench(concurrency=1, repeat=Repeat.DAILY)
    bench.contacts = [contact(NUMBERS[0])]
    bench.network = Treatment(refused=True)
    bench.tick()
    bench.network = CLEAN
    bench.occurrence = Occurrence("tuesday")
    bench.contacts = []
    bench.tick()
    assert bench.rung() == []
    assert bench.standing(NUMBERS[0]).state is ContactState.DONE
