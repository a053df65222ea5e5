"""A server of the call API's shapes that costs as little as possible, for benchmarks alone.

It keeps no rules: every list "runs" for the time that stands first in the path (`/200/calls` takes 200 ms) and
succeeds. It measures dead air: for each call the time from the end of one reply to the first byte of the next request.
`benchmarks/steps.py` starts it as a process; it ends when its standard input is closed. (The product's own sandbox
keeps the whole contract and is ten times slower, so it would be the bottleneck of what is measured here.)
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

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_REASONS = {200: "OK", 201: "Created"}


class Calls:
    """Every call there was, and the silences between its requests."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.replied: dict[str, float] = {}
        self.silences_s: list[float] = []
        self.requests = 0
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

    def end(self, call_id: str) -> None:
        """Hang a call up."""
        self.objects[call_id] |= {"status": "hangup", "hangup_cause": "command"}

    def report(self) -> dict[str, Any]:
        """Return what was measured since the last report, and begin anew."""
        cpu_s = time.process_time()
        report = {"silences_s": self.silences_s, "requests": self.requests, "cpu_s": cpu_s - self._cpu_from}
        self.silences_s, self.requests, self._cpu_from = [], 0, cpu_s
        self.objects.clear()
        self.replied.clear()
        return report


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
        self._buffer = b""
        method, target, _ = head[: head.index(b"\r\n")].decode("ascii").split(" ")
        self._answer(method, target, body, closes=_CLOSES.search(head) is not None)

    def _answer(self, method: str, target: str, body: bytes, *, closes: bool) -> None:
        _, lasts_ms, *path = target.split("/")
        calls = self._calls
        if lasts_ms == "report":
            self._reply(200, calls.report(), None, closes=closes)
            return
        calls.requests += 1
        commands = json.loads(body)["commands"] if body else []
        results = [{"command": name, "status": "ok"} for command in commands for name in command]
        if method == "POST":
            status, call = 201, calls.create(commands[0]["dial"])
        elif len(path) == 1:
            self._reply(200, {"response": {"data": list(calls.objects.values())}}, None, closes=closes)
            return
        else:
            status, call = 200, calls.objects[path[1]]
            calls.heard(path[1], self._began)
        if method == "DELETE" or (commands and "hangup" in commands[-1]):
            calls.end(call["resource_id"])
        document = {"response": {"call": call, "results": results}}
        if commands and lasts_ms != "0":
            asyncio.get_running_loop().call_later(
                int(lasts_ms) / 1000, lambda: self._reply(status, document, call["resource_id"], closes=closes)
            )
        else:
            self._reply(status, document, call["resource_id"], closes=closes)

    def _reply(self, status: int, document: dict[str, Any], call_id: str | None, *, closes: bool) -> None:
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json"
            f"\r\nContent-Length: {len(body)}\r\n{'Connection: close' if closes else 'Connection: keep-alive'}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
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
        """Return what the server measured since the last report: `silences_s`, `requests`, its own `cpu_s`."""
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/report")
        report: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return report


async def serve() -> None:
    """Serve until the standard input is closed; print the port."""
    calls = Calls()
    server = await asyncio.get_running_loop().create_server(lambda: Line(calls), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(serve())
