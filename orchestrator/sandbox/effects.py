"""What a client gets to see on its socket: a reply, half of one, garbage, silence, FIN or RST.

Knows connections and bytes, not the API and not why. `api.py` chooses, `Client` does.
"""

from __future__ import annotations

import asyncio
import http
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from orchestrator.sandbox.faults import Fault
from orchestrator.sandbox.operations import Reply

CONNECTION = "sandbox_connection"
_JSON = b"application/json"
_HTML = b"text/html; charset=utf-8"
_NOTHING_RAN = Reply(200, {"response": {"results": []}})
_TIMED_OUT = "<html><head><title>504 Gateway Time-out</title></head><body>504 Gateway Time-out</body></html>"
_GARBAGE = {
    "not_json": b"<html><body>It works!</body></html>",
    "empty": b"",
    "wrong": b'{"ok": true}',
}


class Connection(H11Protocol):
    """uvicorn's protocol, which hands itself to the application in the ASGI state: effects need its transport."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, _loop)


class Client:
    """The client of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, date: Callable[[], bytes]) -> None:
        self._receive = receive
        self._send = send
        self._date = date
        self._transport: asyncio.Transport = scope["state"][CONNECTION].transport

    async def reply(self, reply: Reply) -> None:
        """Send a reply of the API, whole."""
        await self._answer(reply.status, json.dumps(reply.body).encode(), media_type=_JSON)

    async def gone(self) -> None:
        """Wait until the client has closed its connection, or lost it."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def cut(self, kind: str) -> None:
        """What a proxy does when its limit is reached: `504` with a page of its own, `close` or `reset`."""
        match kind:
            case "close":
                await self._close()
            case "reset":
                await self._reset()
            case _:
                await self._answer(504, _TIMED_OUT.encode(), media_type=_HTML)

    async def suffer(self, fault: Fault, reply: Reply | None) -> None:
        """Let the client see the fault, made of the reply where there is one."""
        kind = fault.then if fault.kind == "late" else fault.kind
        match kind:
            case "close":
                await self._close()
            case "reset":
                await self._reset()
            case "hang":
                await self.gone()
            case "status":
                await self._status(fault)
            case "half":
                await self._half(fault.part, reply or _NOTHING_RAN)
            case "garbage" if fault.shape == "not_http":
                await self._raw(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
            case "garbage":
                await self._answer(200, _GARBAGE[fault.shape], media_type=_JSON)
            case _:
                await self._slow(fault.interval, reply or _NOTHING_RAN)

    async def _answer(
        self, status: int, body: bytes, *, media_type: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        fields = [
            (b"date", self._date()),
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
        ]
        if status == 401:
            fields.append((b"www-authenticate", b'Basic realm="call API"'))
        fields += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})
        await self._send({"type": "http.response.body", "body": body})

    async def _status(self, fault: Fault) -> None:
        if isinstance(fault.body, str):
            await self._answer(fault.status, fault.body.encode(), media_type=_HTML, headers=fault.headers)
            return
        error = {"code": fault.status, "message": _phrase(fault.status)}
        body = {"response": {"error": error}} if fault.body is None else fault.body
        await self._answer(fault.status, json.dumps(body).encode(), media_type=_JSON, headers=fault.headers)

    async def _half(self, part: str, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        half = body[: len(body) // 2]
        match part:
            case "headers":
                head = self._head(reply.status, len(body))
                await self._raw(head[: head.index(_JSON) + 4])
            case "length":
                await self._raw(self._head(reply.status, len(body)) + half)
            case _:
                await self._raw(self._head(reply.status, None) + half)

    async def _slow(self, interval: float, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        leaving = asyncio.ensure_future(self.gone())
        try:
            for byte in self._head(reply.status, len(body)) + body:
                if self._transport.is_closing():
                    return
                self._transport.write(bytes((byte,)))
                await asyncio.wait({leaving}, timeout=interval)
            self._transport.close()
            await leaving
        finally:
            leaving.cancel()

    def _head(self, status: int, length: int | None) -> bytes:
        counted = b"" if length is None else b"content-length: %d\r\n" % length
        return b"HTTP/1.1 %d %s\r\ndate: %s\r\ncontent-type: %s\r\n%sconnection: close\r\n\r\n" % (
            status,
            _phrase(status).encode(),
            self._date(),
            _JSON,
            counted,
        )

    async def _raw(self, data: bytes) -> None:
        self._transport.write(data)
        await self._close()

    async def _close(self) -> None:
        self._transport.close()
        await self.gone()

    async def _reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
        await self.gone()


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:  # a status of a middlebox's own, such as 520
        return "Unknown"
