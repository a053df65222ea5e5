"""A server of the call API's shapes that costs as little as possible, for benchmarks alone.

It keeps no rules: every list "runs" for the time that stands first in the path (`/200/calls` takes 200 ms) and
succeeds. It measures dead air: for each call the time from the end of one list to the first byte of the request with
the next. `?async=1` is acknowledged at once, and the list's end told by an event where somebody receives them. The
benchmarks start it as a process; it ends when its standard input is closed. (The product's own sandbox keeps the whole
contract and is ten times slower, so it would be the bottleneck of what is measured here.)
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_REASONS = {200: "OK", 201: "Created", 202: "Accepted"}
_SENDERS = 32  # connections to a receiver


class Calls:
    """Every call there was, and the silences between its requests."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.replied: dict[str, float] = {}
        self.silences_s: list[float] = []
        self.requests = 0
        self.looks = 0
        self.bytes = 0
        self.events: asyncio.Queue[bytes] = asyncio.Queue()
        self.receiver: SplitResult | None = None
        self._cpu_from = time.process_time()

    def heard(self, call_id: str, at: float) -> None:
        """The first byte of a call's next request came."""
        replied = self.replied.pop(call_id, None)
        if replied is not None:
            self.silences_s.append(at - replied)

    def create(self, dial: dict[str, Any]) -> dict[str, Any]:
        """Make a call that has been answered."""
        call_id = str(uuid.uuid4())
        now = time.time()
        call = {
            "resource_id": call_id,
            "to": dial["to"],
            "from": dial["from"],
            "status": "ready",
            "hangup_cause": None,
            "duration": 0,
            "created_date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)),
            "created_epoch": int(now),
        }
        self.objects[call_id] = call
        return call

    def over(self, call_id: str, document: dict[str, Any], *, hangs_up: bool) -> None:
        """The acknowledged list of a call is over: its event, if anybody wants it."""
        call = self.objects[call_id]
        call |= {"duration": int(time.time()) - call["created_epoch"]}
        call |= {"status": "hangup", "hangup_cause": "command"} if hangs_up else {"status": "ready"}
        self.replied[call_id] = time.perf_counter()
        if self.receiver is not None:
            body = json.dumps(document).encode()
            head = f"POST {self.receiver.path} HTTP/1.1\r\nHost: receiver\r\nContent-Length: {len(body)}\r\n\r\n"
            self.events.put_nowait(head.encode() + body)

    async def send_events(self) -> None:
        """Send events over one connection; several do."""
        reader = writer = None
        to = None
        while True:
            event = await self.events.get()
            if self.receiver is None:
                continue
            if reader is None or writer is None or to != self.receiver:
                to = self.receiver
                reader, writer = await asyncio.open_connection(to.hostname, to.port)
            try:
                writer.write(event)
                reply = await reader.readuntil(b"\r\n\r\n")  # an acknowledgement has no body
            except (OSError, EOFError):  # it was idle for too long
                reader = writer = None
                self.events.put_nowait(event)
                continue
            self.bytes += len(event) + len(reply)

    def end(self, call_id: str) -> None:
        """Hang a call up."""
        self.objects[call_id] |= {"status": "hangup", "hangup_cause": "command"}

    def report(self) -> dict[str, Any]:
        """Return what was measured since the last report, and begin anew."""
        cpu_s = time.process_time()
        report = {
            "silences_s": self.silences_s,
            "requests": self.requests,
            "looks": self.looks,
            "bytes": self.bytes,
            "cpu_s": cpu_s - self._cpu_from,
        }
        self.silences_s, self.requests, self.looks, self.bytes, self._cpu_from = [], 0, 0, 0, cpu_s
        self.objects.clear()
        self.replied.clear()
        return report


_RESULTS = {"get_dtmf": {"command": "get_dtmf", "status": "ok", "dtmf": "1"}}


class Line(asyncio.Protocol):
    """One connection: requests in, replies out, one at a time."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._buffer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Take what came; answer once a request is whole."""
        if not self._buffer:
            self._began = time.perf_counter()
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        self._calls.bytes += len(self._buffer)
        self._buffer = b""
        method, target, _ = head[: head.index(b"\r\n")].decode("ascii").split(" ")
        self._answer(method, target, body, closes=_CLOSES.search(head) is not None)

    def _answer(self, method: str, target: str, body: bytes, *, closes: bool) -> None:
        target, _, query = target.partition("?")
        _, lasts_ms, *path = target.split("/")
        calls = self._calls
        if lasts_ms == "report":
            self._reply(200, calls.report(), None, closes=closes)
            return
        if lasts_ms == "receiver":
            calls.receiver = urlsplit(json.loads(body)["url"]) if body else None
            self._reply(200, {}, None, closes=closes)
            return
        calls.requests += 1
        commands = json.loads(body)["commands"] if body else []
        if method == "POST":
            status, call = 201, calls.create(commands[0]["dial"])
        elif len(path) == 1:
            self._reply(200, {"response": {"data": list(calls.objects.values())}}, None, closes=closes)
            return
        else:
            status, call = 200, calls.objects[path[1]]
            if method == "GET":
                calls.looks += 1
                self._reply(200, {"response": {"call": call}}, None, closes=closes)
                return
            calls.heard(path[1], self._began)
        self._run(status, call, commands, lasts_s=int(lasts_ms) / 1000, is_async=query == "async=1", closes=closes)

    def _run(
        self,
        status: int,
        call: dict[str, Any],
        commands: list[dict[str, Any]],
        *,
        lasts_s: float,
        is_async: bool,
        closes: bool,
    ) -> None:
        """Have a list last as long as it does; without commands it is a DELETE."""
        calls, call_id = self._calls, call["resource_id"]
        results = [_RESULTS.get(name, {"command": name, "status": "ok"}) for command in commands for name in command]
        document = {"response": {"call": call, "results": results}}
        hangs_up = not commands or "hangup" in commands[-1]
        if is_async:
            call["status"] = "in-progress"
            self._reply(202, {"response": {"call": call}}, None, closes=closes)
            asyncio.get_running_loop().call_later(lasts_s, lambda: calls.over(call_id, document, hangs_up=hangs_up))
            return
        if hangs_up:
            calls.end(call_id)
        if not commands or not lasts_s:
            self._reply(status, document, call_id, closes=closes)
        else:
            reply = lambda: self._reply(status, document, call_id, closes=closes)  # noqa: E731 - once
            asyncio.get_running_loop().call_later(lasts_s, reply)

    def _reply(self, status: int, document: dict[str, Any], call_id: str | None, *, closes: bool) -> None:
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json"
            f"\r\nContent-Length: {len(body)}\r\n{'Connection: close' if closes else 'Connection: keep-alive'}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._calls.bytes += len(head) + len(body)
        if call_id is not None:
            self._calls.replied[call_id] = time.perf_counter()
        if closes:
            self._transport.close()


class StandIn:
    """The server as a process of its own; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)  # closes its standard input, which ends it

    def url(self, command_ms: int) -> str:
        """Return the base URL under which each list of commands takes so long."""
        return f"http://127.0.0.1:{self.port}/{command_ms}"

    def report(self) -> dict[str, Any]:
        """Return what the server measured since the last report.

        `silences_s`, `requests`, and of those `looks`; `bytes` in both directions, with events; its own `cpu_s`.
        """
        return self._ask("GET", "/report")

    def send_events(self, url: str | None) -> None:
        """Say where events are sent to; None for nowhere."""
        self._ask("PUT", "/receiver", "" if url is None else json.dumps({"url": url}))

    def _ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return answer


async def serve() -> None:
    """Serve until the standard input is closed; print the port."""
    calls = Calls()
    senders = [asyncio.create_task(calls.send_events()) for _ in range(_SENDERS)]
    server = await asyncio.get_running_loop().create_server(lambda: Line(calls), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(server.serve_forever(), *senders)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(serve())
