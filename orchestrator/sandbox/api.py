"""The call API over HTTP: requests in, model operations, replies out, with the faults asked for in between.

An ASGI application of its own rather than a framework's routes: benchmarks send it a thousand requests a second. A
request waits without a thread; `Pulse` wakes it exactly when the model says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from orchestrator.sandbox.courier import Courier
from orchestrator.sandbox.effects import Client
from orchestrator.sandbox.faults import Fault, Faults
from orchestrator.sandbox.gate import Gate, HttpRequest
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation
from orchestrator.sandbox.pulse import Pulse

CutKind = Literal["504", "close", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPath:
    """What stands between client and API.

    Attributes:
        cut_after: real seconds after which a request without a reply is cut; None for never. Its commands run on.
        cut_kind: what the client sees then.
        cancel_on_disconnect: the API stops a list in the middle when its client leaves.
    """

    cut_after: float | None = None
    cut_kind: CutKind = "504"
    cancel_on_disconnect: bool = False


class CallApi:
    """The ASGI application that serves `/calls` and `/sms`."""

    def __init__(
        self,
        model: CallServer,
        gate: Gate,
        faults: Faults,
        *,
        pulse: Pulse,
        path: NetworkPath,
        courier: Courier,
    ) -> None:
        self._model = model
        self._gate = gate
        self._faults = faults
        self._pulse = pulse
        self._path = path
        self._courier = courier
        self._loop = asyncio.get_running_loop()
        self._late: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[Operation]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = self._loop.time()
        request = await _read(scope, receive)
        if request is None:
            return
        client = Client(scope, receive, send, date=self._pulse.date)
        exchange = _Exchange(self, request, client, started)
        fault = self._faults.pick(self._gate.facts(request)) if self._faults.armed else None
        if fault is None:
            await exchange.serve(self.submit(request))
        else:
            await exchange.suffer(fault)

    def forget(self) -> None:
        """Drop the requests that were still to be delivered late."""
        for timer in self._late:
            timer.cancel()
        self._late.clear()

    def submit(self, request: HttpRequest) -> Operation:
        """Let the API receive the request now."""
        operation = self._gate.submit(self._pulse.now(), request)
        self._pulse.arm()
        return operation

    def lose(self, request: HttpRequest) -> None:
        """Let the API receive the request now and do nothing about it."""
        self._gate.lose(self._pulse.now(), request)

    def cancel(self, operation: Operation) -> None:
        """Stop the operation's list in the middle."""
        self._model.cancel(self._pulse.now(), operation)
        self._pulse.arm()

    def deliver_later(self, request: HttpRequest, delay: float) -> None:
        """Let the API receive the request in so many real seconds, with nobody waiting for the reply."""

        def deliver() -> None:
            self._late.discard(timer)
            self.submit(request)

        timer = self._loop.call_later(delay, deliver)
        self._late.add(timer)

    def submit_twice(self, request: HttpRequest) -> asyncio.Task[Operation]:
        """Let the API receive the request, and again when it has answered; the second operation."""

        async def both() -> Operation:
            await self.replied(self.submit(request))
            second = self.submit(request)
            await self.replied(second)
            return second

        return self._task(both())

    def told(self, operation: Operation) -> asyncio.Task[Operation]:
        """Done when the operation has its reply and the events that it causes were sent."""

        async def replied_and_told() -> Operation:
            await self.replied(operation)
            await self._courier.settled(operation)
            return operation

        return self._task(replied_and_told())

    def replied(self, operation: Operation) -> asyncio.Future[Operation]:
        """Done when the operation has its reply."""
        future: asyncio.Future[Operation] = self._loop.create_future()
        if operation.reply is not None:
            future.set_result(operation)
        else:
            operation.when_done.append(lambda done: None if future.cancelled() else future.set_result(done))
        return future

    def note(self, fault: Fault, request: HttpRequest) -> None:
        """Write down that a request was hit."""
        self._model.advance(self._pulse.now())
        self._model.transcript.record(
            "fault",
            self._model.now,
            fault=fault.number,
            kind=fault.kind,
            place=fault.place,
            method=request.method,
            path=request.target,
        )

    def note_cut(self, request: HttpRequest) -> None:
        """Write down that a request was cut by the path's limit."""
        self._model.advance(self._pulse.now())
        self._model.transcript.record("cut", self._model.now, method=request.method, path=request.target)

    def _task(self, work: Coroutine[Any, Any, Operation]) -> asyncio.Task[Operation]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def path(self) -> NetworkPath:
        """What stands between client and API."""
        return self._path

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that serves everything."""
        return self._loop

    @property
    def speed(self) -> float:
        """Seconds of the call in a real second."""
        return self._model.speed


class _Exchange:
    """One request and its client, until the client has its reply or is rid of."""

    def __init__(self, api: CallApi, request: HttpRequest, client: Client, started: float) -> None:
        self._api = api
        self._request = request
        self._client = client
        self._started = started

    async def serve(self, operation: Operation) -> None:
        """Send the operation's reply when it is there, unless the path cuts or the client leaves before."""
        if operation.reply is None and not await self._wait(self._api.replied(operation), operation):
            return
        assert operation.reply is not None, "the wait ended with the reply"
        await self._client.reply(operation.reply)

    async def suffer(self, fault: Fault) -> None:
        """Serve the request with a fault."""
        match fault.kind, fault.place:
            case "late", _:
                self._api.note(fault, self._request)
                await self._client.suffer(fault, None)
                self._api.deliver_later(self._request, fault.delay)
            case "double", _:
                self._api.note(fault, self._request)
                await self._double(fault)
            case "event_first", _:
                operation = self._api.submit(self._request)
                self._api.note(fault, self._request)
                if await self._wait(self._api.told(operation), operation):
                    await self.serve(operation)
            case _, "before":
                self._api.note(fault, self._request)
                await self._client.suffer(fault, None)
            case _, "received":
                self._api.lose(self._request)
                self._api.note(fault, self._request)
                await self._client.suffer(fault, None)
            case _, "running":
                operation = self._api.submit(self._request)
                if fault.at:
                    await asyncio.wait({self._api.replied(operation)}, timeout=fault.at / self._api.speed)
                self._api.note(fault, self._request)
                await self._client.suffer(fault, None)
                self._left(operation)
            case _:
                operation = self._api.submit(self._request)
                if await self._wait(self._api.replied(operation), operation):
                    self._api.note(fault, self._request)
                    await self._client.suffer(fault, operation.reply)

    async def _double(self, fault: Fault) -> None:
        if fault.reply == "first":
            first = self._api.submit(self._request)
            await self.serve(first)
            await self._api.replied(first)  # the client may have been cut before
            self._api.submit(self._request)
            return
        task = self._api.submit_twice(self._request)
        if await self._wait(task, None):
            await self.serve(task.result())

    async def _wait(self, replied: asyncio.Future[Operation], operation: Operation | None) -> bool:
        """Wait for the reply; false when the client has been cut or has left before it."""
        path = self._api.path
        leaving = asyncio.ensure_future(self._client.gone()) if path.cancel_on_disconnect and operation else None
        remaining = None
        if path.cut_after is not None:
            remaining = max(0.0, self._started + path.cut_after - self._api.loop.time())
        awaited: set[asyncio.Future[Operation] | asyncio.Future[None]] = {replied}
        if leaving is not None:
            awaited.add(leaving)
        try:
            await asyncio.wait(awaited, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if leaving is not None:
                leaving.cancel()
        if replied.done():
            return True
        if leaving is None or not leaving.done():
            self._api.note_cut(self._request)
            await self._client.cut(path.cut_kind)
        if operation is not None:
            self._left(operation)
        return False

    def _left(self, operation: Operation) -> None:
        """The API sees its client, or the proxy in between, go away."""
        if self._api.path.cancel_on_disconnect:
            self._api.cancel(operation)


async def _read(scope: Scope, receive: Receive) -> HttpRequest | None:
    """The whole request, or None when its client left in the middle of it."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        more = message["more_body"]
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=dict(scope["headers"]),
        body=body,
    )
