"""Sends the model's events to the application over HTTP: main URL, else fallback URL, else lost; with faults.

Used by `server.py`; `control.py` tells it the receiver, `api.py` waits for it. The model never waits: each event is a
task of its own. Without a fault the events of one call are sent one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.sandbox.callees import BadSettingError
from orchestrator.sandbox.eventfaults import EventFault
from orchestrator.sandbox.events import Event
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation
from orchestrator.sandbox.posting import PostError, is_url, post
from orchestrator.sandbox.pulse import Pulse

_DEVIATING = ("lose", "delay", "reorder")
_AT_ONCE = 200  # connections; thousands of calls that end together must not use up the process's descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where events are sent; without a main URL nowhere.

    Attributes:
        timeout: real seconds within which a 2xx acknowledges (contract section 6).
        secret: the key of the HMAC-SHA256 that a signing gateway would add; None for no signature.

    Raises:
        BadSettingError: a URL is none, or there is a fallback without a main URL.
    """

    main: str | None = None
    fallback: str | None = None
    timeout: float = 10.0
    secret: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, url in (("main", self.main), ("fallback", self.fallback)):
            if url is not None and not is_url(url):
                raise BadSettingError(f"{name}: {url!r} is not an http or https URL")
        if self.fallback is not None and self.main is None:
            raise BadSettingError("fallback: there is no main URL that could fail")

    @property
    def urls(self) -> list[tuple[Literal["main", "fallback"], str]]:
        """The URLs there are, in the order in which they are tried."""
        main: list[tuple[Literal["main", "fallback"], str]] = [] if self.main is None else [("main", self.main)]
        return main if self.fallback is None else [*main, ("fallback", self.fallback)]

    def document(self) -> dict[str, Any]:
        """What may be shown of it."""
        return {
            "main": self.main,
            "fallback": self.fallback,
            "timeout": self.timeout,
            "signed": self.secret is not None,
        }


class Courier:
    """Sends every event of the model to the receiver as it arises."""

    def __init__(self, model: CallServer, faults: Faults, receiver: Receiver, *, pulse: Pulse) -> None:
        self.receiver = receiver
        self._model = model
        self._faults = faults
        self._pulse = pulse
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._last: dict[str, asyncio.Task[None]] = {}
        self._held: list[tuple[int, asyncio.Future[None]]] = []
        self._arisen = asyncio.Event()
        self._lines = asyncio.Semaphore(_AT_ONCE)
        model.events.listeners.append(self._take)

    async def settled(self, operation: Operation) -> None:
        """Wait until the operation's list has ended, if it is asynchronous, and its call's events were all sent."""
        execution, reply = operation.execution, operation.reply
        while execution and execution.outcome == "running" and reply is not None and reply.status == 202:
            await self._arisen.wait()
        call_id = execution.call.resource_id if execution else operation.path.removeprefix("/calls/")
        if tasks := [task for task, of in self._tasks.items() if of == call_id]:
            await asyncio.wait(tasks)

    def forget(self) -> None:
        """Send nothing more of what has arisen so far."""
        for task in self._tasks:
            task.cancel()
        self._held.clear()

    def _take(self, event: Event) -> None:
        self._arisen.set()
        self._arisen = asyncio.Event()
        if self.receiver.main is None:
            return
        fault = self._faults.pick_event(event, self._model.remote_number(event.call_id))
        deviates = fault is not None and fault.kind in _DEVIATING
        previous = None if deviates else self._last.get(event.call_id)
        task = self._loop.create_task(self._carry(event, fault, previous))
        self._tasks[task] = event.call_id
        if not deviates:
            self._last[event.call_id] = task
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        call_id = self._tasks.pop(task)
        if self._last.get(call_id) is task:
            del self._last[call_id]

    async def _carry(self, event: Event, fault: EventFault | None, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.wait({previous})
        if fault is not None:
            self._note("fault", event, fault=fault.number, kind=fault.kind, on="event")
            if fault.kind == "lose":
                return
            await self._hold(event, fault)
        body = json.dumps(event.body if fault is None else fault.tampered(event.body)).encode()
        for _ in range(fault.copies if fault is not None and fault.kind == "double" else 1):
            await self._send(event, body, fault)
        self._release(event)

    async def _hold(self, event: Event, fault: EventFault) -> None:
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay)
        elif fault.kind == "reorder":
            turn: asyncio.Future[None] = self._loop.create_future()
            self._held.append((event.number, turn))
            await turn

    def _release(self, sent: Event) -> None:
        """Let go the events that were held back until a later one was sent."""
        for number, turn in tuple(self._held):
            if number < sent.number:
                self._held.remove((number, turn))
                turn.set_result(None)

    async def _send(self, event: Event, body: bytes, fault: EventFault | None) -> None:
        receiver, kind = self.receiver, None if fault is None else fault.kind
        signed = b"" if kind == "missign" else body
        delivered = False
        for which, url in receiver.urls:
            if delivered and kind != "both":
                break
            try:
                async with self._lines:
                    timestamp = int(self._pulse.now())
                    headers = {} if receiver.secret is None else _signature(receiver.secret, timestamp, signed)
                    status = await post(url, body, headers, timeout_s=receiver.timeout)
            except PostError as problem:
                self._note("delivery", event, url=which, error=str(problem))
            else:
                self._note("delivery", event, url=which, status=status)
                delivered = delivered or 200 <= status < 300
        if not delivered:
            self._note("undelivered", event)

    def _note(self, what: str, event: Event, **fields: object) -> None:
        self._model.advance(self._pulse.now())
        about = {"number": event.number, "call": event.call_id, "reason": event.reason}
        self._model.transcript.record(what, self._model.now, **about, **fields)
        self._pulse.arm()


def _signature(secret: bytes, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver can tell that the body is the sender's, and recent."""
    signed = str(timestamp).encode() + b"." + body
    return {"X-Timestamp": str(timestamp), "X-Signature": hmac.new(secret, signed, hashlib.sha256).hexdigest()}
