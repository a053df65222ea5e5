"""A pretend server for one call: what it would have done with each request, and what it would show. Pure and frozen.

`exploring` drives a script against it through every mishap, `rehearsal` without any. It is no model of a network: who
uses it says what reaches it and which of its replies come back. The sandbox is another thing, and shares nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome, Reply, Request
from orchestrator.core.instant import Instant
from orchestrator.core.records import RunStarted
from orchestrator.core.script import Answer, Script, Value
from orchestrator.core.settings import Settings

CALL_ID = "pretend-call"
PRETEND_WALL = 1_700_000_000.0
"""When pretended runs begin, seconds since the epoch: what comes of them depends on nothing of today."""
_RING_S = 0.2
"""So long after a dial has come the call is in the list; it is answered when its list is half over."""
_ACKNOWLEDGED_S = 0.1
_DATE_S = 0.5
"""A `Date` header shows whole seconds and is taken for the middle of its second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What becomes of one request once the server has it.

    Attributes:
        lasts_s: How long its commands run.
        keys: What the callee presses when asked; None: nothing, until it times out.
        hangs_up: The callee hangs up when half of that time is over; a phone that rings is not answered.
    """

    lasts_s: float = 0.0
    keys: str | None = None
    hangs_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendServer:
    """What the server knows of the one call, and what it did.

    Attributes:
        to: The callee.
        from_: The caller id.
        keeps_replies: It keeps replies by idempotency key (contract section 8).
        incoming: The call rings here, and is there from the beginning.
        created: Since when there is a call.
        answered: From when on the callee is there.
        busy_until: Until when it runs a list.
        over: From when on the call is over.
        cause: Why it is then.
        log: The results of all commands that ran on the call.
        kept: The replies of what ran, by the request's reference.
        ran: How often each request's work was done, by its reference.
    """

    to: str = ""
    from_: str = ""
    keeps_replies: bool = False
    incoming: bool = False
    created: Instant | None = None
    answered: Instant | None = None
    busy_until: Instant | None = None
    over: Instant | None = None
    cause: str = "remote"
    log: tuple[CommandResult, ...] = ()
    kept: Mapping[str, Reply] = field(default_factory=dict)
    ran: Mapping[str, int] = field(default_factory=dict)

    def seen(self, now: Instant) -> CallSeen | None:
        """Return the call as a look would show it; None while there is none."""
        if self.created is None or now.since(self.created) < 0:
            return None
        cause = self.cause if self.is_over(now) else None
        return CallSeen(
            call_id=CALL_ID,
            status=self._status(now),
            hangup_cause=cause,
            to=self.to,
            from_=self.from_,
            created_epoch=self.created.wall,
        )

    def is_over(self, now: Instant) -> bool:
        """Say whether the call has ended by then."""
        return self.over is not None and now.since(self.over) >= 0

    def is_busy(self, now: Instant) -> bool:
        """Say whether a list runs then."""
        return self.busy_until is not None and now.since(self.busy_until) < 0

    def hung_up(self, at: Instant) -> PretendServer:
        """Return it with a callee who hangs up then, unless the call is over before."""
        return self if self.is_over(at) else replace(self, over=at, cause="remote")

    def receive(self, request: Request, now: Instant, course: Course) -> tuple[PretendServer, Reply]:
        """Take a request, and do what it asks for; return what the server is then, and its reply with its time."""
        reference = request.reference or ""
        if self.keeps_replies and reference in self.kept:
            reply, soon = self.kept[reference], self._later(now)
            runs_still = reply.ended.since(soon) > 0  # the repeat waits for the reply of the first one
            return self, replace(reply, ended=reply.ended if runs_still else soon, first_byte=now)
        match request.operation:
            case Operation.END:
                return self._ended(now)
            case Operation.SMS:
                results: tuple[CommandResult, ...] | None = (CommandResult(command="sms"),)
                done = _done(now, now.plus(course.lasts_s), call=None, results=results)
                return _keeping(self, reference, done), done
            case Operation.COMMAND if self.is_busy(now) or self.is_over(now):
                reason = "409: the call cannot take commands now"
                return self, Reply(
                    outcome=Outcome.REJECTED, reason=reason, ended=self._later(now), first_byte=now, status=409
                )
            case _:
                return self._run(request, now, course, reference=reference)

    def _run(self, request: Request, now: Instant, course: Course, *, reference: str) -> tuple[PretendServer, Reply]:
        """Run a list of commands to its end, or to where the callee ends it."""
        dials = request.operation is Operation.CREATE
        lasts_s = course.lasts_s / 2 if course.hangs_up else course.lasts_s
        until = now.plus(lasts_s)
        results = _results(request, course)
        server = replace(self, busy_until=until, log=(*self.log, *results))
        if dials:
            answered = None if course.hangs_up else now.plus(course.lasts_s / 2)
            server = replace(server, created=now.plus(_RING_S), answered=answered)
        elif "answer" in request.commands[0]:
            server = replace(server, answered=now)
        if course.hangs_up:
            server = replace(server, over=until, cause="no_answer" if dials else "remote")
        elif "hangup" in request.commands[-1] and results[-1].ok:
            server = replace(server, over=until, cause="command")
        done = _done(now, until, call=server.seen(until), results=results)
        if request.asynchronous:
            soon = now.plus(max(_RING_S, _ACKNOWLEDGED_S))
            done = _done(now, soon, call=server.seen(soon), results=None)
        return _keeping(server, reference, done), done

    def _ended(self, now: Instant) -> tuple[PretendServer, Reply]:
        later = self._later(now)
        if self.is_over(now):
            reason = "409: the call is over"
            return self, Reply(outcome=Outcome.REJECTED, reason=reason, ended=later, first_byte=now, status=409)
        server = replace(self, over=later, busy_until=later, cause="command")
        return server, _done(now, later, call=server.seen(later), results=None)

    def _status(self, now: Instant) -> str:
        if self.is_over(now):
            return "hangup"
        if self.answered is None or now.since(self.answered) < 0:
            return "ringing" if self.incoming else "dialing"
        return "in-progress" if self.is_busy(now) else "ready"

    @staticmethod
    def _later(now: Instant) -> Instant:
        return now.plus(_ACKNOWLEDGED_S)


def begun(
    script: Script,
    *,
    to: str,
    from_: str,
    variables: Mapping[str, Value],
    secrets: Mapping[str, Value],
    settings: Settings,
) -> RunStarted:
    """Return the first record of a run that is only pretended: it dials, or has an incoming call from the beginning."""
    incoming = isinstance(script.entries[0].element, Answer)
    return RunStarted(
        at=Instant(PRETEND_WALL, 0.0, "pretend"),
        run_id="pretend-run",
        script_name=script.name,
        script_digest=script.digest,
        script_source=script.source,
        script_masked=script.masked,
        script_path=script.path,
        to=to,
        from_=from_,
        variables=variables,
        secret_names=tuple(secrets),
        settings=settings,
        secrets=secrets,
        call=CallSeen(call_id=CALL_ID, status="ringing", to=to, from_=from_) if incoming else None,
    )


def server_of(started: RunStarted) -> PretendServer:
    """Return the server as a pretended run finds it."""
    return PretendServer(
        to=started.to,
        from_=started.from_,
        keeps_replies=started.settings.idempotent_for_s is not None,
        incoming=started.call is not None,
        created=None if started.call is None else started.at,
    )


def server_wall(at: Instant) -> float:
    """Return the `Date` of a server whose clock agrees with ours."""
    return at.wall - _DATE_S


def _keeping(server: PretendServer, reference: str, reply: Reply) -> PretendServer:
    """Return the server with a request's work done once more, and its reply kept."""
    ran = {**server.ran, reference: server.ran.get(reference, 0) + 1}
    return replace(server, ran=ran, kept={**server.kept, reference: reply})


def _done(now: Instant, at: Instant, *, call: CallSeen | None, results: tuple[CommandResult, ...] | None) -> Reply:
    return Reply(
        outcome=Outcome.DONE,
        reason="200",
        ended=at,
        first_byte=now,
        status=200,
        call=call,
        results=results,
        server_wall=server_wall(at),
    )


def _results(request: Request, course: Course) -> tuple[CommandResult, ...]:
    """Return the result of each command that ran; a failing one stops the list (contract section 4)."""
    results: list[CommandResult] = []
    for command in request.commands:
        (name,) = command
        if course.hangs_up:
            error = "no_answer" if name == "dial" else "hangup"
            return (*results, CommandResult(command=name, ok=False, error=error))
        if name == "get_dtmf" and course.keys is None:
            return (*results, CommandResult(command=name, ok=False, error="timeout"))
        digits = course.keys if name == "get_dtmf" else None
        results.append(CommandResult(command=name, digits=digits))
    return tuple(results)
