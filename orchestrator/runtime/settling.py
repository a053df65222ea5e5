"""What calls of a batch came to: noted in the standings of their contacts, and told. In the threads of the calls.

For the batch alone. It also sees when the API, not the callees, is what keeps calls from succeeding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from orchestrator.core.contact import Contact
from orchestrator.core.document import exit_code_of_run
from orchestrator.core.ledger import Tally, tally_of
from orchestrator.core.records import Fault
from orchestrator.core.redial import CallAt, Planning, next_call
from orchestrator.core.state import RunState
from orchestrator.errors import OrchestratorError
from orchestrator.ports import CampaignStore, Clock, ContactState, Standing
from orchestrator.runtime.facts import FactFinder, was_called_off, was_kept_from_dialling
from orchestrator.runtime.job import Finished, Job, TickReport
from orchestrator.runtime.messages import Messages
from orchestrator.runtime.shared import RunResult

BREAKER = 5
"""So many calls in a row that the API could not be reached for end the tick: it is the API's fault, not theirs."""
_BREAKING = {69: BREAKER, 77: 1, 78: 1}
"""After so many calls in a row that came to this exit code no further one is begun."""
_FAILED, _STOPPED = 1, 75  # of one call that made no good end; of a tick that is to be run again


class Settling:
    """Takes what calls came to, from any thread."""

    def __init__(
        self,
        *,
        store: CampaignStore,
        clock: Clock,
        job: Job,
        facts: FactFinder,
        messages: Messages,
        report: TickReport,
        guard: threading.Lock,
        told: Callable[[Finished], None] | None = None,
    ) -> None:
        """Take where to note it.

        Args:
            store: Has the standings.
            clock: Tells when a call may follow.
            job: Of the tick.
            facts: Knows earlier calls.
            messages: Are sent to who was not reached.
            report: Of the tick; `guard` is held where it changes.
            guard: See there.
            told: Hears of every call that has come to rest, once that is noted.
        """
        self._store = store
        self._clock = clock
        self._job = job
        self._facts = facts
        self._messages = messages
        self._report = report
        self._guard = guard
        self._told = told or (lambda _: None)
        self._failed_in_a_row = 0

    def take(self, standing: Standing, result: RunResult, contact: Contact | None = None) -> None:
        """Take what driving a contact's run came to; the contact where its row is at hand."""
        fault = result.rest if result.state.end is None else result.state.end.fault
        code = exit_code_of_run(result.state, result.rest)
        with self._guard:
            is_api = code in _BREAKING or _made_no_call(result.state, fault)
            self._failed_in_a_row = self._failed_in_a_row + 1 if is_api else 0
            if self._failed_in_a_row >= _BREAKING.get(code, BREAKER):
                self._report.stopped = _words(fault)
                self._report.codes.add(_STOPPED if code == _FAILED else code)
        if result.state.end is not None:
            self.settle(standing, result.state, contact)
        else:
            self._told(Finished(standing.key, result, contact))

    def settle(self, standing: Standing, state: RunState, contact: Contact | None = None) -> None:
        """Note what a contact's ended run came to, and whether it is called again."""
        end = state.end
        assert end is not None, "only an ended run is settled"
        held = self._store.standings([standing.key]).get(standing.key, standing)
        due_wall, is_kept, is_off = None, was_kept_from_dialling(state), was_called_off(state)
        is_redialled = held.occurrence == self._job.occurrence.name and not is_kept and not is_off
        if self._job.campaign.redial and is_redialled:
            rules = self._job.campaign.redial
            # Without its row nobody knows its time zone: it is asked about `within` when it is due, with its row.
            anywhen = Planning(rules=tuple(replace(rule, within=()) for rule in rules))
            planning = anywhen if contact is None else self._facts.planning(contact)
            now_wall = self._clock.now().wall
            again = next_call(planning, self._facts.earlier(held.key), dials_wall=(), now_wall=now_wall)
            if isinstance(again, CallAt) and not self._job.occurrence.is_over_by(again.at_wall):
                due_wall = again.at_wall
        state_after = ContactState.DONE if due_wall is None else ContactState.AGAIN
        is_over = state_after is ContactState.DONE and not is_kept and not is_off
        if is_over and tally_of(end.disposition) is Tally.NOT_REACHED:
            # Before the contact is done: whoever dies in between does it again, and a message is sent once by its key.
            self._messages.send(held, state)
        self._store.put(
            [
                replace(
                    held,
                    state=ContactState.WAITING if is_kept else state_after,
                    due_wall=due_wall,
                    disposition=end.disposition.value,
                    result=end.result,
                    reason=None if end.fault is None else end.fault.message,
                    call_id=state.call_id,
                    started_wall=state.begun.at.wall,
                    ended_wall=end.at.wall,
                )
            ]
        )
        self._told(Finished(standing.key, RunResult(state), contact))

    def put_aside(self, standing: Standing, state: ContactState, error: OrchestratorError) -> None:
        """Note why a contact was not called after all; one that was to be called again stays so."""
        kept = ContactState.AGAIN if standing.state is ContactState.AGAIN else state
        self._store.put([replace(standing, state=kept, reason=str(error))])


def _made_no_call(state: RunState, fault: Fault | None) -> bool:
    """Return whether a dial left and made no call that is known: the API turned it away, or its reply was lost."""
    return fault is not None and state.call_id is None and state.requests_sent > 0 and not was_called_off(state)


def _words(fault: Fault | None) -> str:
    return "unknown" if fault is None else fault.message
