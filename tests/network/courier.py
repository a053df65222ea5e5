"""A proxy that takes a whole request and brings it to the server only once the client has gone. Knows no product."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.conformance.raw_server import Peer


class Courier:
    """The script of a `RawServer`: passes requests on, but holds the first one that has `held` in it.

    Args:
        port: Where the server listens.
        held: Bytes by which the request is known.
    """

    def __init__(self, port: int, held: bytes) -> None:
        self._port = port
        self._held = held
        self._lock = threading.Lock()
        self.holding = threading.Event()
        self.delivered = threading.Event()

    def __call__(self, peer: Peer) -> None:
        """Serve one connection, which is for one request."""
        whole = _whole_request(peer.sock)
        with self._lock:
            is_held = self._held in whole and not self.holding.is_set()
            if is_held:
                self.holding.set()
        if is_held:
            peer.wait_for_end()
        if whole:
            self._deliver(whole, None if is_held else peer.sock)
        if is_held:
            self.delivered.set()

    def _deliver(self, whole: bytes, client: socket.socket | None) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as server, suppress(OSError):
            server.sendall(whole)
            while reply := server.recv(65536):
                if client is not None:
                    client.sendall(reply)


def _whole_request(client: socket.socket) -> bytes:
    """Read one request; it asks the server to close the connection after its reply."""
    whole = b""
    with suppress(OSError):
        while b"\r\n\r\n" not in whole:
            more = client.recv(65536)
            if not more:
                return b""
            whole += more
        head, _, body = whole.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        lengths = [int(line.partition(b":")[2]) for line in lines if line.lower().startswith(b"content-length:")]
        while len(body) < sum(lengths):
            body += client.recv(65536)
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + body
    return b""
