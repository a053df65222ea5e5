"""What is due when."""

from __future__ import annotations

from orchestrator.sandbox.agenda import Agenda


def test_appointments_are_kept_in_order_at_their_own_moments() -> None:
    """However late the time is told, each action sees the moment it was due; ties keep their order."""
    agenda, seen = Agenda(), []
    for moment, name in ((2.0, "b"), (1.0, "a"), (2.0, "c"), (9.0, "late")):
        agenda.at(moment, lambda name=name: seen.append((name, agenda.now)))
    agenda.advance(5.0)
    assert seen == [("a", 1.0), ("b", 2.0), ("c", 2.0)]
    assert (agenda.now, agenda.next_moment()) == (5.0, 9.0)


def test_an_action_may_make_appointments() -> None:
    """What becomes due while time passes is kept in the same go."""
    agenda, seen = Agenda(), []
    agenda.at(1.0, lambda: agenda.at(2.0, lambda: seen.append(agenda.now)))
    agenda.advance(3.0)
    assert seen == [2.0]


def test_a_cancelled_appointment_is_not_kept() -> None:
    """Cancelling is possible at any time, also twice and afterwards."""
    agenda, seen = Agenda(), []
    kept, cancelled = agenda.at(1.0, lambda: seen.append(1)), agenda.at(2.0, lambda: seen.append(2))
    cancelled.cancel()
    cancelled.cancel()
    agenda.advance(3.0)
    kept.cancel()
    cancelled.keep()
    assert seen == [1]
    assert agenda.next_moment() is None


def test_time_never_goes_back() -> None:
    """An earlier moment than the last one changes nothing."""
    agenda = Agenda()
    agenda.advance(5.0)
    agenda.advance(4.0)
    assert agenda.now == 5.0


def test_everything_can_be_forgotten() -> None:
    """After clearing nothing is due."""
    agenda = Agenda()
    agenda.at(1.0, lambda: None)
    agenda.clear()
    assert agenda.next_moment() is None
