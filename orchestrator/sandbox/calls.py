"""One call: its state, its object as the API shows it (contract section 5), and how it is answered and ended.

Pure. `model.CallServer` makes calls; `execution.Execution` runs command lists on them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from orchestrator.sandbox.agenda import Agenda, Appointment
from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.events import Events, Reason
from orchestrator.sandbox.timing import Timing
from orchestrator.sandbox.transcript import Transcript

Status = Literal["scheduled", "dialing", "ringing", "ready", "in-progress", "hangup"]
Cause = Literal["command", "no_answer", "busy", "rejected", "remote", "expired", "cancelled", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all calls of one server share."""

    agenda: Agenda
    timing: Timing
    callees: Callees
    transcript: Transcript
    events: Events

    def after(self, seconds: float) -> float:
        """The moment at which so many seconds of the call will have passed."""
        return self.agenda.now + seconds / self.timing.speed


class Running(Protocol):
    """The command list that a call is busy with."""

    def interrupt(self, error: str) -> None:
        """Stop in the middle of the command that runs."""
        ...

    def wake(self) -> None:
        """Look again now: a key was pressed."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call and everything known about it.

    Attributes:
        remote: the number of the person at the other end, whoever dialled.
        results: the entries of every command that has run on this call, in order.
        presses: keys pressed during a `get_dtmf` and not yet collected.
        commands_begun: how many commands have begun since the call was answered.
    """

    world: World
    resource_id: str
    application_id: str
    batch_id: str | None
    to: str
    from_: str
    remote: str
    status: Status
    created_at: float
    schedule_start: float | None = None
    schedule_expire: float | None = None
    client_reference: str | None = None
    hangup_cause: Cause | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    running: Running | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    presses: deque[str] = field(default_factory=deque)
    asking: bool = False
    asked: int = 0
    commands_begun: int = 0
    _departures: list[Appointment] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.status == "hangup"

    def document(self) -> dict[str, Any]:
        """The call object (contract section 5): times without offset, UTC, whole seconds."""
        document: dict[str, Any] = {
            "resource_id": self.resource_id,
            "application_id": self.application_id,
            "batch_id": self.batch_id,
            "to": self.to,
            "from": self.from_,
            "status": self.status,
            "hangup_cause": self.hangup_cause,
            "duration": self._duration(),
            "schedule_start": _date(self.schedule_start),
            "schedule_expire": _date(self.schedule_expire),
            "created_date": _date(self.created_at),
            "created_epoch": int(self.created_at),
        }
        if self.client_reference is not None:
            document["client_reference"] = self.client_reference
        return document

    def envelope(self, results: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The call as replies and events carry it, with results where there are any to show."""
        response: dict[str, Any] = {"call": self.document()}
        if results is not None:
            response["results"] = [dict(entry) for entry in results]
        return {"response": response}

    def tell(
        self, reason: Reason, *, results: list[dict[str, Any]] | None = None, list_number: int | None = None
    ) -> None:
        """Let an event arise: the call as it is now (contract section 6)."""
        self.world.events.add(
            reason,
            self.world.agenda.now,
            call_id=self.resource_id,
            body=self.envelope(results),
            list_number=list_number,
        )

    def take_up(self) -> None:
        """The call is answered, by the callee or by the application."""
        self.answered_at = self.world.agenda.now
        self.status = "in-progress"
        self._stay()  # a caller who would have given up does not any more
        self.world.transcript.record("answered", self.answered_at, call=self.resource_id)
        if self.behaviour.hangs_up_after is not None:
            self.leave_after(self.behaviour.hangs_up_after)

    def leave_after(self, seconds: float) -> Appointment:
        """The person at the other end hangs up in so many seconds of the call, unless it ends before."""
        departure = self.world.agenda.at(self.world.after(seconds), self.leave)
        self._departures.append(departure)
        return departure

    def leave(self) -> None:
        """The person at the other end hangs up."""
        self.end("remote")

    def end(self, cause: Cause) -> None:
        """End the call; a running list stops in the middle of its command. Harmless on an ended call."""
        if self.ended:
            return
        now = self.world.agenda.now
        self.status, self.hangup_cause, self.ended_at = "hangup", cause, now
        self._stay()
        self.world.transcript.record("hangup", now, call=self.resource_id, cause=cause)
        if self.running is None:
            self.tell("ended")
        else:  # the list ends now: its own event goes first, and the server tells of the end after it
            self.running.interrupt("hangup")

    def press(self, keys: str) -> None:
        """The person at the other end presses keys: collected while a `get_dtmf` runs, otherwise lost."""
        for key in keys:
            self.note_press(key, lost=not self.asking)
            if self.asking:
                self.presses.append(key)
        if self.asking and self.running is not None:
            self.running.wake()

    def note_press(self, key: str, *, lost: bool = False) -> None:
        """Write a pressed key down."""
        self.world.transcript.record("pressed", self.world.agenda.now, call=self.resource_id, key=key, lost=lost)

    def _stay(self) -> None:
        for departure in self._departures:
            departure.cancel()
        self._departures.clear()

    def _duration(self) -> int:
        if self.answered_at is None:
            return 0
        until = self.world.agenda.now if self.ended_at is None else self.ended_at
        return int((until - self.answered_at) * self.world.timing.speed)


def _date(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%S")
