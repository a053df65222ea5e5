"""A server on a raw socket that misbehaves as a test tells it and keeps what it received. Knows not the product."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

PATIENCE_S = 10.0
"""How long a test waits for what must happen; reached only when a test fails."""


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def reply(status: int, document: Any = None, *, body: bytes | None = None, **headers: str) -> bytes:
    """Return a whole HTTP reply; keyword names are header names with `_` for `-`."""
    content = json.dumps(document).encode() if body is None else body
    lines = [f"HTTP/1.1 {status} Whatever"]
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines += [f"{name}: {value}" for name, value in fields.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


class Peer:
    """One connection, seen from the server."""

    def __init__(self, sock: socket.socket, server: RawServer) -> None:
        self.sock = sock
        self.server = server
        self._buffer = b""

    def read_head(self) -> bytes:
        """Return one head up to its empty line; empty when the client went away first."""
        while b"\r\n\r\n" not in self._buffer:
            more = self._receive()
            if not more:
                return b""
            self._buffer += more
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def read_request(self) -> Received | None:
        """Return the next request, recorded by the server; None when the client went away first."""
        head = self.read_head()
        if not head:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length:
            self._buffer += self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, target, _ = first.split(" ")
        received = Received(method, target, headers, body)
        self.server.record(received)
        return received

    def send(self, data: bytes) -> None:
        """Send; a client that went away is no error."""
        with suppress(OSError):
            self.sock.sendall(data)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_end(self) -> str:
        """Read until the client is gone; return `closed` or `reset`, or `open` when the server ends first."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return "reset"
        except OSError:
            return "open"
        return "closed"

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except OSError:
            return b""


Script = Callable[[Peer], object]


@dataclass
class RawServer:
    """Runs a script for every connection, in a thread of its own, on a port of this machine.

    Attributes:
        script: What to do with a connection; it is closed when the script returns.
        tls: Speak TLS from the start.
        received: The whole requests that came, in order.
        connections: How many connections were accepted.
        failures: What scripts and TLS handshakes raised.
    """

    script: Script
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    failures: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._changed = threading.Condition()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.closing = threading.Event()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._changed:
            sockets = list(self._sockets)
        for sock in sockets:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    @property
    def url(self) -> str:
        """The server's base URL."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def record(self, received: Received) -> None:
        """Keep a whole request."""
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()

    def wait_received(self, count: int = 1) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, PATIENCE_S)

    def wait_connections(self, count: int = 1) -> None:
        """Wait until so many connections have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections >= count, PATIENCE_S)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._sockets.append(sock)
                self._changed.notify_all()
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.tls is not None:
                with self._changed:
                    self._sockets.remove(sock)
                sock = self.tls.wrap_socket(sock, server_side=True)
                with self._changed:
                    self._sockets.append(sock)
            self.script(Peer(sock, self))
        except OSError as error:
            self.failures.append(error)
        finally:
            sock.close()


def answering(*replies: bytes) -> Script:
    """Return a script that answers one request after another on a connection, the last reply again and again."""
    left = list(replies)

    def script(peer: Peer) -> None:
        while peer.read_request() is not None:
            peer.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def then(*actions: Callable[[Peer], object]) -> Script:
    """Return a script that reads one request and then does these things."""

    def script(peer: Peer) -> None:
        if peer.read_request() is not None:
            for action in actions:
                action(peer)

    return script


def doing(*actions: Callable[[Peer], object]) -> Script:
    """Return a script that does these things, without reading a request first."""

    def script(peer: Peer) -> None:
        for action in actions:
            action(peer)

    return script


def sending(data: bytes) -> Callable[[Peer], None]:
    """Return an action that sends `data`."""
    return lambda peer: peer.send(data)
