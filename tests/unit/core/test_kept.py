"""The reply to a lost request, asked for once more where the server surely keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.actions import Orders, Reconcile, Wait
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.kept import reply_is_kept
from orchestrator.core.records import CancelAsked, Cursor, LookKind
from orchestrator.core.script import Say
from orchestrator.core.state import Phase, RunState
from tests.fakes import machine as m
from tests.unit.core.test_decide import Reads, decided, fault_of, sent


def asking(**fields: Any) -> RunState:
    """Return a run whose step was lost at 12 s, on a server that keeps replies by idempotency key."""
    return m.with_settings(m.state(Phase.SETTLING, pending=m.pending(**fields)), idempotent_for_s=300.0)


def test_a_kept_reply_is_asked_for_only_while_it_is_surely_kept() -> None:
    """Later the same request would do the work again, however the run has come to wait so long."""
    again = sent(asking(), now=200)
    assert (again.intent.attempt, again.request.reference) == (2, "run-1.0")
    assert decided(asking(), now=320) == Reconcile(LookKind.CALL)


def test_a_kept_reply_that_cannot_be_asked_for_is_looked_for() -> None:
    """After the waits of a request that was not sent, or throttled, evidence tells; and from then on nothing else."""
    unsent = m.concluded(Outcome.NOT_SENT)
    waiting = decided(asking(concluded=unsent, held_back=1), now=12)
    assert isinstance(waiting, Wait)
    assert sent(asking(concluded=unsent, held_back=1).changed({"wake": m.at(13)}), now=13).intent.attempt == 2
    often = asking(concluded=unsent, held_back=5)
    assert decided(often, now=40) == Reconcile(LookKind.CALL)
    looked = asking(concluded=unsent, held_back=1, looks=(m.look(13),))
    assert isinstance(decided(looked.changed({"wake": m.at(14)}), now=13.2), Wait)
    assert decided(looked.changed({"wake": m.at(14)}), now=14.1) == Reconcile(LookKind.CALL)


def test_a_kept_reply_is_not_asked_for_in_vain_or_late() -> None:
    """No try mends a certificate; and after a long silence nothing is said as if nothing had happened."""
    refused = asking(concluded=m.concluded(Outcome.NOT_SENT, final=True), held_back=1)
    assert fault_of(decided(refused)) == "configuration"
    waited = asking().changed({"check_stale": True, "quiet_since": m.at(9)})
    assert sent(waited, now=25).intent.attempt == 2
    assert decided(waited, now=40) == Reconcile(LookKind.CALL)


def test_a_kept_reply_is_not_asked_for_with_credentials_that_are_refused() -> None:
    """The run waits for the right ones, and looks once more with them before anything else."""
    refused = replace(m.look(13, None), status=401)
    assert fault_of(decided(asking(looks=(refused,)), now=14)) == "authentication"


def test_a_dial_is_not_asked_for_its_kept_reply_by_who_is_to_stop() -> None:
    """The first one may never have come, and this one would ring."""
    dial = m.pending(m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70))
    state = m.with_settings(
        m.state(Phase.SETTLING, call_id=None, cursor=Cursor(0), pending=dial), idempotent_for_s=300.0
    )
    assert sent(state).intent.operation is Operation.CREATE
    assert decided(state, orders=Orders(no_new_dial=True)) == Reconcile(LookKind.LIST)
    cancelled = state.changed({"cancel": CancelAsked(at=m.at(19), why="a person asked for it")})
    assert decided(cancelled) == Reconcile(LookKind.LIST)


def test_what_cannot_be_sent_as_it_was_is_not_asked_for() -> None:
    """A secret that died with its process, or a text that cannot be made any more: looks tell."""
    script = m.script(Say(Reads("pin")))
    spoken = asking(intended=m.intent(start=Cursor(1)))
    assert decided(spoken.changed({"lost": frozenset({"pin"})}), script) == Reconcile(LookKind.CALL)
    assert decided(spoken, script) == Reconcile(LookKind.CALL)


@pytest.mark.parametrize(
    ("now", "unknowns", "operation", "is_asked"),
    [
        (20, 1, Operation.COMMAND, True),
        (20, 1, Operation.SMS, True),
        (20, 3, Operation.COMMAND, False),
        (20, 1, Operation.END, False),
        (296.9, 1, Operation.COMMAND, True),  # 286.9 s and a reply of up to 13 s are less than 300 s
        (297.1, 1, Operation.COMMAND, False),
    ],
)
def test_a_kept_reply_is_asked_for(now: float, unknowns: int, operation: Operation, is_asked: bool) -> None:
    """Under an idempotency key the same request brings its own reply, within the retention that the server states."""
    state = m.with_settings(
        m.state(Phase.SETTLING, pending=m.pending(m.intent(operation), unknowns=unknowns)), idempotent_for_s=300.0
    )
    assert reply_is_kept(state, m.at(now)) is is_asked


def test_a_dial_is_sent_again_for_its_kept_reply_only_within_its_fence() -> None:
    """The key goes with the same body; a dial whose fence is behind is looked for in the list instead."""
    kept = m.with_settings(
        m.state(Phase.SETTLING, call_id=None, pending=m.pending(m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70))),
        idempotent_for_s=300.0,
    )
    assert reply_is_kept(kept, m.at(20))
    assert not reply_is_kept(kept, m.at(69.5))
    assert not reply_is_kept(kept.changed({"clock_skew_s": 60.0}), m.at(20))


def test_a_whole_reply_is_all_there_is() -> None:
    """What came without results is not asked for again."""
    asks = m.intent(Operation.COMMAND, "get_dtmf", saves="choice")
    whole = m.state(Phase.SETTLING, pending=m.pending(asks, concluded=m.concluded(results=None)))
    assert not reply_is_kept(m.with_settings(whole, idempotent_for_s=300.0), m.at(13))
