"""The call API without HTTP: every rule of the contract, in virtual time.

`CallServer` reads no clock and opens no socket: each operation is told `now` (seconds since the epoch), and time moves
only by what it is told. The HTTP server (`server.py`) drives it with a real clock. Tests drive it directly:

    server = CallServer(ids=counted_ids(), callees=Callees({"+15550001": [Behaviour(keys=("1",))]}))
    dialled = server.post(0.0, {"commands": [{"dial": {"to": "+15550001", "from": "+15550002"}}]})
    reply = server.finish(dialled)               # moves time to the end of the list: 1.0, when the callee answers
    call_id = reply.body["response"]["call"]["resource_id"]
    asked = server.put(2.0, call_id, {"commands": [{"get_dtmf": {"timeout": 8}}]})
    server.finish(asked, deadline=2.5)           # None: at 2.5 the list is still running (a client gave up here)
    server.get(2.5, call_id).reply               # at once: status in-progress
    server.advance(10.0)                         # the key came at 3.0; asked.reply and asked.completed_at are there
    server.transcript.heard(call_id)             # the truth
    server.events.of(call_id)                    # what the API tells of by itself; also events.listeners

An operation that takes no time has its reply when the method returns. What stands in `Operation.when_done` is called
when a later one gets its reply; it must not call the server back. `next_moment()` says when something is due next.
A client that gives up simply stops asking; `cancel` is for a server that stops the list when its client has gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, get_args

from orchestrator.sandbox.agenda import Agenda
from orchestrator.sandbox.callees import BadSettingError, Behaviour, Callees
from orchestrator.sandbox.calls import Call, Status, World
from orchestrator.sandbox.commands import (
    Answer,
    BadRequestError,
    Command,
    Dial,
    Hangup,
    command_names,
    read_commands,
    read_number,
    read_text,
    read_tones,
)
from orchestrator.sandbox.events import Events
from orchestrator.sandbox.execution import Execution
from orchestrator.sandbox.operations import Operation, Reply
from orchestrator.sandbox.timing import Timing
from orchestrator.sandbox.transcript import Transcript

Capability = Literal["command_log", "idempotency_key", "client_reference"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
_SMS_LENGTH = 480


class CallServer:
    """The API of one application.

    Args:
        ids: makes the UUIDs.
        callees: who answers how; by default everybody answers after a second and presses nothing.
        timing: how long speech, media and tones last, and how fast the call's clock runs.
        capabilities: what the server offers beyond the documented API (contract section 8).
        list_size: how many calls `GET /calls` shows at most.
        list_age: for how many seconds after its creation a call is shown there.
        replies_kept: for how many seconds a reply is kept by its idempotency key; None: for ever.
        transcript: where the truth is written; a new one by default.
    """

    def __init__(
        self,
        *,
        ids: Callable[[], str],
        callees: Callees | None = None,
        timing: Timing | None = None,
        capabilities: Collection[Capability] = (),
        list_size: int = 100,
        list_age: float = 3600.0,
        replies_kept: float | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.transcript = transcript or Transcript()
        self.callees = callees or Callees()
        self.events = Events()
        self.capabilities = frozenset(capabilities)
        self._ids = ids
        self._agenda = Agenda()
        self._world = World(
            agenda=self._agenda,
            timing=timing or Timing(),
            callees=self.callees,
            transcript=self.transcript,
            events=self.events,
        )
        self._list_size = list_size
        self._list_age = list_age
        self._replies_kept = replies_kept
        self._application_id = ids()
        self._calls: dict[str, Call] = {}
        self._stored: dict[tuple[str, str, str], Operation] = {}
        self._requests = 0
        self._lists = 0

    # Time

    @property
    def now(self) -> float:
        """The latest moment the server has been told of."""
        return self._agenda.now

    @property
    def speed(self) -> float:
        """Seconds of a call in one second of the server's clock."""
        return self._world.timing.speed

    def advance(self, now: float) -> None:
        """Let time pass up to `now`, with everything that happens until then."""
        self._agenda.advance(now)

    def next_moment(self) -> float | None:
        """When something will happen by itself next, or None."""
        return self._agenda.next_moment()

    def finish(self, operation: Operation, *, deadline: float | None = None) -> Reply | None:
        """Let time pass until the operation has its reply, at most until `deadline`; None when it has none then.

        Without a deadline None means that nothing more will happen by itself.
        """
        while operation.reply is None:
            moment = self.next_moment()
            if deadline is not None and (moment is None or moment > deadline):
                self.advance(deadline)
                return operation.reply
            if moment is None:
                return None
            self.advance(moment)
        return operation.reply

    # The API (contract section 2)

    def post(
        self, now: float, body: object, *, asynchronous: bool = False, idempotency_key: str | None = None
    ) -> Operation:
        """`POST /calls`: create a call and run its list."""
        self.advance(now)
        path = _path("/calls", asynchronous=asynchronous)
        operation = self._receive("POST", path, body)
        if (stored := self._seen(operation, idempotency_key)) is not None:
            return stored
        try:
            commands = read_commands(_mapping(body), creating=True, asynchronous=asynchronous)
            reference = self._reference(_mapping(body))
        except BadRequestError as problem:
            return self._fail(operation, 400, str(problem))
        self._store(operation, idempotency_key)
        call = self._create(_first_dial(commands), reference)
        self._begin(operation, call, commands, asynchronous=asynchronous)
        if operation.reply is None and call.status == "scheduled":
            self._complete(operation, 201, call.envelope())
        return operation

    def put(
        self,
        now: float,
        call_id: str,
        body: object,
        *,
        asynchronous: bool = False,
        idempotency_key: str | None = None,
    ) -> Operation:
        """`PUT /calls/UUID`: run a further list on a live call; sent twice it runs twice."""
        self.advance(now)
        operation = self._receive("PUT", _path(f"/calls/{call_id}", asynchronous=asynchronous), body)
        if (stored := self._seen(operation, idempotency_key)) is not None:
            return stored
        call = self._calls.get(call_id)
        if call is None:
            return self._fail(operation, 404, "no such call")
        try:
            commands = read_commands(_mapping(body), creating=False, asynchronous=asynchronous)
        except BadRequestError as problem:
            return self._fail(operation, 400, str(problem))
        if (obstacle := _obstacle(call, commands)) is not None:
            return self._fail(operation, 409, obstacle)
        self._store(operation, idempotency_key)
        if call.status == "ready":
            call.status = "in-progress"
        self._begin(operation, call, commands, asynchronous=asynchronous)
        return operation

    def get(self, now: float, call_id: str) -> Operation:
        """`GET /calls/UUID`: the call as it is now; with its results only where the capability says so."""
        self.advance(now)
        operation = self._receive("GET", f"/calls/{call_id}")
        call = self._calls.get(call_id)
        if call is None:
            return self._fail(operation, 404, "no such call")
        results = call.results if "command_log" in self.capabilities else None
        return self._complete(operation, 200, call.envelope(results))

    def list_calls(self, now: float, *, client_reference: str | None = None) -> Operation:
        """`GET /calls`: recent calls, newest first, ended ones included; the filter works where the capability does."""
        self.advance(now)
        filtered = client_reference is not None and "client_reference" in self.capabilities
        query = f"?client_reference={client_reference}" if filtered else ""
        operation = self._receive("GET", f"/calls{query}")
        data: list[dict[str, Any]] = []
        for call in reversed(self._calls.values()):
            if len(data) == self._list_size or call.created_at < self.now - self._list_age:
                break
            if not filtered or call.client_reference == client_reference:
                data.append(call.document())
        return self._complete(operation, 200, {"response": {"data": data}})

    def delete(self, now: float, call_id: str) -> Operation:
        """`DELETE /calls/UUID`: end a live call, also while a list runs, or cancel one not yet answered."""
        self.advance(now)
        operation = self._receive("DELETE", f"/calls/{call_id}")
        call = self._calls.get(call_id)
        if call is None:
            return self._fail(operation, 404, "no such call")
        if call.ended:
            return self._fail(operation, 409, "the call has ended")
        if call.status == "ringing":
            call.end("rejected")
        else:
            call.end("cancelled" if call.answered_at is None else "command")
        return self._complete(operation, 200, call.envelope())

    def sms(self, now: float, body: object, *, idempotency_key: str | None = None) -> Operation:
        """`POST /sms`: a text message; what exceeds 480 characters is dropped."""
        self.advance(now)
        operation = self._receive("POST", "/sms", body)
        if (stored := self._seen(operation, idempotency_key)) is not None:
            return stored
        fields: dict[str, str] = {}
        for name, read in (("from", read_number), ("to", read_number), ("message", read_text)):
            try:
                fields[name] = read(_mapping(body).get(name))
            except BadRequestError as problem:
                return self._fail(operation, 400, f"{name}: {problem}")
        self._store(operation, idempotency_key)
        fields["message"] = fields["message"][:_SMS_LENGTH]
        resource_id = self._ids()
        self.transcript.record("sms", self.now, sms=resource_id, **fields)
        return self._complete(operation, 201, {"response": {"sms": {"resource_id": resource_id, **fields}}})

    def refuse(self, now: float, method: str, path: str, status: int, *, message: str) -> Operation:
        """Answer a request that is no operation at all (no such path, no JSON, wrong password) with an error."""
        self.advance(now)
        return self._fail(self._receive(method, path), status, message)

    def lose(self, now: float, method: str, path: str, body: object = None) -> None:
        """The request arrived, and the server lost it before it did anything."""
        self.advance(now)
        self._receive(method, path, body)

    # What clients and people do besides

    def cancel(self, now: float, operation: Operation) -> None:
        """The client went away and the server stops the operation's list in the middle; an unanswered call ends."""
        self.advance(now)
        execution = operation.execution
        if execution is None or execution.outcome != "running":
            return
        if execution.call.answered_at is None:
            execution.call.end("cancelled")
        else:
            execution.interrupt("cancelled")

    def incoming(self, now: float, *, from_: str, to: str, caller: Behaviour | None = None) -> str:
        """Somebody calls the application: the id of a call that rings until it is answered, rejected or given up.

        The caller behaves as told, else as the callees say of that number; `does` and `after` mean nothing here.
        """
        self.advance(now)
        call = self._add(to=to, from_=from_, remote=from_, status="ringing", batch_id=None)
        call.behaviour = self.callees.take(from_) if caller is None else caller
        self.transcript.record("incoming", self.now, call=call.resource_id, **{"from": from_, "to": to})
        if call.behaviour.gives_up_after is not None:
            call.leave_after(call.behaviour.gives_up_after)
        call.tell("incoming")
        return call.resource_id

    def hang_up(self, now: float, call_id: str) -> None:
        """The person at the other end hangs up.

        Raises:
            BadSettingError: there is no such call, or it is not up.
        """
        self.advance(now)
        self._live(call_id).leave()

    def press(self, now: float, call_id: str, keys: str) -> None:
        """The person at the other end presses keys.

        Raises:
            BadSettingError: there is no such call, it is not up, or these are no keys.
        """
        self.advance(now)
        try:
            self._live(call_id).press(read_tones(keys))
        except BadRequestError as problem:
            raise BadSettingError(f"keys: {problem}") from None

    def remote_number(self, call_id: str) -> str | None:
        """The number at the other end of a call, or None when there is no such call."""
        call = self._calls.get(call_id)
        return None if call is None else call.remote

    def reset(self, now: float) -> None:
        """End and forget all calls, events and the transcript; callees get their first behaviours back."""
        self.advance(now)
        for call in self._calls.values():
            call.end("cancelled")
        self._agenda.clear()
        self._calls.clear()
        self._stored.clear()
        self._requests = self._lists = 0
        self.callees.restore()
        self.transcript.clear()
        self.events.clear()

    # Inside

    def _live(self, call_id: str) -> Call:
        call = self._calls.get(call_id)
        if call is None:
            raise BadSettingError(f"there is no call {call_id}")
        if call.ended or (call.answered_at is None and call.status != "ringing"):
            raise BadSettingError(f"nobody is on the call: its status is {call.status}")
        return call

    def _create(self, dial: Dial, reference: str | None) -> Call:
        waits = dial.start is not None and dial.start > self.now
        call = self._add(
            to=dial.to,
            from_=dial.from_,
            remote=dial.to,
            status="scheduled" if waits else "dialing",
            batch_id=self._ids(),
        )
        call.schedule_start, call.schedule_expire, call.client_reference = dial.start, dial.expire, reference
        return call

    def _add(
        self,
        *,
        to: str,
        from_: str,
        remote: str,
        status: Status,
        batch_id: str | None,
    ) -> Call:
        call = Call(
            world=self._world,
            resource_id=self._ids(),
            application_id=self._application_id,
            batch_id=batch_id,
            to=to,
            from_=from_,
            remote=remote,
            status=status,
            created_at=self.now,
        )
        self._calls[call.resource_id] = call
        return call

    def _begin(self, operation: Operation, call: Call, commands: tuple[Command, ...], *, asynchronous: bool) -> None:
        self._lists += 1
        success = 201 if operation.method == "POST" else 200

        def end(execution: Execution) -> None:
            if operation.reply is None:
                self._complete(operation, success, call.envelope(execution.results))
            if asynchronous:
                call.tell("finished", results=execution.results, list_number=execution.number)
            if call.ended:
                call.tell("ended")

        operation.execution = Execution(call, commands, number=self._lists, on_end=end)
        if asynchronous:
            self._complete(operation, 202, call.envelope())
        operation.execution.start()

    def _receive(self, method: str, path: str, body: object = None) -> Operation:
        self._requests += 1
        fields: dict[str, object] = {"request": self._requests, "method": method, "path": path}
        if body is not None:
            fields["body"] = body
            fields["commands"] = command_names(body)
        self.transcript.record("request", self.now, **fields)
        return Operation(number=self._requests, method=method, path=path, received_at=self.now)

    def _complete(self, operation: Operation, status: int, body: dict[str, Any]) -> Operation:
        operation.reply = Reply(status, body)
        operation.completed_at = self.now
        self.transcript.record("reply", self.now, request=operation.number, status=status)
        for done in operation.when_done:
            done(operation)
        return operation

    def _fail(self, operation: Operation, status: int, message: str) -> Operation:
        return self._complete(operation, status, {"response": {"error": {"code": status, "message": message}}})

    def _seen(self, operation: Operation, key: str | None) -> Operation | None:
        """The operation accepted earlier under the same key, whose reply answers this one too."""
        stored = self._stored.get((operation.method, operation.path, key)) if key is not None else None
        if stored is not None and self._replies_kept is not None:
            stored = stored if self.now - stored.received_at < self._replies_kept else None
        if stored is not None:
            self.transcript.record("repeat", self.now, request=operation.number, of=stored.number)
        return stored

    def _store(self, operation: Operation, key: str | None) -> None:
        if key is not None and "idempotency_key" in self.capabilities:
            self._stored[operation.method, operation.path, key] = operation

    def _reference(self, body: Mapping[str, Any]) -> str | None:
        if "client_reference" not in self.capabilities or "client_reference" not in body:
            return None
        try:
            return read_text(body["client_reference"])
        except BadRequestError as problem:
            raise BadRequestError(f"client_reference: {problem}") from None


def _obstacle(call: Call, commands: tuple[Command, ...]) -> str | None:
    """Why the list cannot be run on the call now (409), or None."""
    if call.running is not None:
        return f"a list of commands is running on the call: its status is {call.status}"
    if call.status == "ringing":
        rejects = len(commands) == 1 and isinstance(commands[0], Hangup)
        return None if rejects or isinstance(commands[0], Answer) else "the call is ringing: answer or reject it first"
    if call.status != "ready":
        return f"the call is not ready: its status is {call.status}"
    return "the call is not ringing: there is nothing to answer" if isinstance(commands[0], Answer) else None


def _first_dial(commands: tuple[Command, ...]) -> Dial:
    dial = commands[0]
    assert isinstance(dial, Dial), "the lists of a POST were checked to begin with dial"
    return dial


def _mapping(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise BadRequestError("the body must be one JSON object")
    return body


def _path(path: str, *, asynchronous: bool) -> str:
    return f"{path}?async=1" if asynchronous else path
