"""Lost dials share one list of calls."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from orchestrator.core.exchange import Outcome, Reply
from orchestrator.errors import JournalError, LeaseLostError
from orchestrator.runtime.listing import SPACING_S, Listed, Listing
from tests.fakes.virtual_time import VirtualTime

REQUEST_S = 0.5


class Bench:
    """Many runs that look for lost dials, in virtual time."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.listing = Listing(self.time)
        self.begun_s: list[float] = []
        self.found: dict[str, Listed] = {}

    def send(self) -> Reply:
        """Ask for the list; it takes a moment."""
        self.begun_s.append(self.time.seconds)
        self.time.sleep(REQUEST_S)
        return Reply(outcome=Outcome.DONE, reason=f"list {len(self.begun_s)}", ended=self.time.now())

    def look(self, who: str, *, at_s: float = 0.0, ready: Callable[[], None] = lambda: None) -> Listed:
        """Wish for a list at some moment."""
        self.time.sleep(at_s - self.time.seconds)
        listed = self.listing.ask(who, self.send, ready=ready)
        self.found[who] = listed
        return listed

    def together(self, *looks: Callable[[], object]) -> None:
        """Do these in threads of their own."""
        with self.time.running():
            threads = [threading.Thread(target=look) for look in looks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def test_a_hundred_lost_dials_make_one_request() -> None:
    """Everybody who wishes before it begins takes its reply."""
    bench = Bench()

    def ready() -> None:
        bench.time.sleep(0.1)

    bench.together(*(lambda who=number: bench.look(str(who), ready=ready) for number in range(100)))
    assert bench.begun_s == [pytest.approx(0.1)]
    assert len({id(listed) for listed in bench.found.values()}) == 1
    assert len(bench.found) == 100


def test_a_reply_counts_only_if_it_began_after_the_wish() -> None:
    """A list that was under way already may lack a call that was made since."""
    bench = Bench()
    bench.together(lambda: bench.look("first"), lambda: bench.look("second", at_s=0.2))
    assert bench.found["first"].began.boot_s == 0.0
    assert bench.found["second"].began.boot_s == pytest.approx(SPACING_S)
    assert bench.found["second"].reply.reason == "list 2"


def test_lists_of_many_have_a_distance() -> None:
    """However the looks of a hundred dials are spread, they make one request an interval."""
    bench = Bench()
    bench.together(*(lambda who=number: bench.look(str(who), at_s=who * 0.1) for number in range(100)))
    assert bench.time.seconds <= 10.0 + SPACING_S + REQUEST_S
    assert len(bench.begun_s) <= 10.0 / SPACING_S + 2
    assert all(bench.found[str(number)].began.boot_s >= number * 0.1 - 1e-9 for number in range(100))


def test_a_single_lost_dial_is_not_held_up() -> None:
    """Its own looks back off; nobody else wants a list."""
    bench = Bench()
    with bench.time.running():
        bench.look("only")
        bench.look("only", at_s=0.6)
    assert bench.begun_s == [0.0, pytest.approx(0.6)]


def test_whoever_cannot_even_ask_leaves_it_to_the_others() -> None:
    """A leader that fails before its request does not keep the others waiting for ever."""
    bench = Bench()

    def fails() -> None:
        bench.time.sleep(0.1)
        raise JournalError("the disk is full")

    def leads() -> None:
        with pytest.raises(JournalError):
            bench.look("first", ready=fails)

    bench.together(leads, lambda: bench.look("second", at_s=0.05))
    assert bench.begun_s == [pytest.approx(0.1)]
    assert list(bench.found) == ["second"]


def test_what_goes_wrong_for_one_is_not_the_others() -> None:
    """Whoever led and lost its lease stops; the others ask for themselves."""
    bench = Bench()

    def loses_its_lease() -> None:
        def send() -> Reply:
            raise LeaseLostError("taken over")

        with pytest.raises(LeaseLostError):
            bench.listing.ask("first", send, ready=lambda: bench.time.sleep(0.1))

    bench.together(loses_its_lease, lambda: bench.look("second", at_s=0.05))
    assert bench.found["second"].reply.outcome is Outcome.DONE
