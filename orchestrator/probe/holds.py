"""One hold: a request that asks for silence, and how it ended. Classifies by what came over the wire.

`client` runs several at a time. Nothing here decides what to try.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from time import monotonic
from typing import Any

from orchestrator.adapters.transport.sockets import Line
from orchestrator.core.limits import CutKind
from orchestrator.core.probing import Finding, Hold
from orchestrator.errors import UsageError
from orchestrator.probe.way import Way, explain

MARK = "hold-server"
"""The key that every document of a hold server has: a reply without it is somebody else's."""
CONNECT_S = 10.0
_POKE_S = 1.0
_BEAT_S = 0.5
_LARGEST_REPLY = 65_536
_BUSY = 503


class StoppedError(Exception):
    """The hold was stopped by `Holds.stop`: it taught nothing."""


class NoConnectionError(Exception):
    """The hold never left: there was no connection. The text says why."""


@dataclass(frozen=True, slots=True)
class About:
    """What a hold server tells of itself and of the request as it arrived.

    Attributes:
        longest_s: It gives no longer hold.
        most: It gives no more at a time.
        peer: Whose address it saw.
        headers: The traces of proxies that it saw.
        round_trip_s: From the request sent to the reply.
    """

    longest_s: float
    most: int
    peer: str
    headers: dict[str, str]
    round_trip_s: float


class Holds:
    """Holds on one way; `stop` ends those that are open, from any thread."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._lock = threading.Lock()
        self._open: dict[Line, Hold | None] = {}
        self._stopped = False

    def about(self) -> About:
        """Ask the hold server what it offers.

        Raises:
            UsageError: There is something else at the URL.
            NoConnectionError, StoppedError: As their names say.
        """
        end = self._exchange("", None, timeout_s=CONNECT_S)
        document = end.document
        if end.status != 200 or document is None:
            what = "no reply" if end.status is None else f"{end.status}"
            raise UsageError(
                f"there is no hold server at this URL: it answered with {what}; give the whole URL that "
                "`orchestrator probe serve` printed, with its token"
            )
        peer = document["peer"]
        return About(document["longest_s"], document["most"], peer["host"], document["headers"], end.lasted_s)

    def hold(self, hold: Hold, *, patience_s: float) -> Finding:
        """Hold a request, and return how it ended.

        Args:
            hold: What to try.
            patience_s: How much later than promised the reply may come.

        Raises:
            UsageError: The hold server refused, or somebody else answered; the text says what.
            NoConnectionError, StoppedError: As their names say.
        """
        target = f"/hold?s={hold.length_s:g}" + (f"&beat={_BEAT_S:g}" if hold.beat else "")
        end = self._exchange(target, hold, timeout_s=hold.length_s + patience_s)
        if end.cut is None and end.document is None:
            assert end.status is not None, "what was not cut was answered"
            if end.status < 500 and end.status != 408:
                raise UsageError(
                    f"somebody in between answered {end.status} ({end.server or 'unnamed'}), not the server"
                )
            return Finding(hold=hold, cut=CutKind.GATEWAY, lasted_s=end.lasted_s, status=end.status, server=end.server)
        if end.document is not None and "problem" in end.document:
            problem = f"the hold server: {end.document['problem']}"
            raise NoConnectionError(problem) if end.status == _BUSY else UsageError(problem)
        return Finding(hold=hold, cut=end.cut, lasted_s=end.lasted_s)

    def drop(self, needless: Callable[[Hold], bool]) -> None:
        """Stop the open holds of which `needless(hold)` is true."""
        with self._lock:
            for line, hold in self._open.items():
                if hold is not None and needless(hold):
                    self._open[line] = None
                    line.shut(self)

    def stop(self) -> None:
        """Stop every hold, now and from now on."""
        with self._lock:
            self._stopped = True
            for line in self._open:
                line.shut(self)

    def _exchange(self, target: str, hold: Hold | None, *, timeout_s: float) -> _End:
        opened: list[Line] = []

        def connected(plain: socket.socket) -> None:
            opened.append(self._begin(plain, hold))

        keepalive_s = None if hold is None else hold.keepalive_s
        try:
            with closing(self._way.open(keepalive_s=keepalive_s, timeout_s=CONNECT_S, connected=connected)) as sock:
                end = _exchanged(sock, self._way.request(target, Connection="close"), timeout_s)
        except OSError as error:
            if self._stopped:
                raise StoppedError from None
            raise NoConnectionError(explain(error)) from error
        finally:
            dropped = [self._end(line, hold) for line in opened]
        if self._stopped or any(dropped):
            raise StoppedError
        return end

    def _begin(self, plain: socket.socket, hold: Hold | None) -> Line:
        line = Line(plain)
        line.take(self)
        with self._lock:
            self._open[line] = hold
            if self._stopped:
                line.shut(self)
        return line

    def _end(self, line: Line, hold: Hold | None) -> bool:
        """Close a line; return whether its hold was dropped."""
        with self._lock:
            dropped = self._open.pop(line) is not hold
        line.abandon()
        line.leave(self, whole=True)
        return dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How an exchange ended: cut, or answered with a status and perhaps a document of the hold server's."""

    lasted_s: float
    cut: CutKind | None = None
    status: int | None = None
    server: str | None = None
    document: dict[str, Any] | None = None


def _exchanged(sock: socket.socket, request: bytes, timeout_s: float) -> _End:
    began = monotonic()
    reply = HTTPResponse(sock, method="GET")
    try:
        sock.sendall(request)
        began = monotonic()
        sock.settimeout(timeout_s)
        reply.begin()
        body = _body(reply, sock, began + timeout_s)
        document = _document(body)
        if reply.status == 200 and document is None:
            return _End(lasted_s=monotonic() - began, cut=CutKind.CLOSED)  # the head of a reply, and not its end
        server = ", ".join(filter(None, (reply.getheader("Server"), reply.getheader("Via")))) or None
        return _End(lasted_s=monotonic() - began, status=reply.status, server=server, document=document)
    except (HTTPException, OSError) as error:
        lasted_s = monotonic() - began
        cut = _cut_by(error)
        if cut is CutKind.SILENT and getattr(error, "errno", None) != errno.ETIMEDOUT and _resets(sock):
            cut = CutKind.RESET_ON_SEND
        return _End(lasted_s=lasted_s, cut=cut)
    finally:
        reply.close()


def _body(reply: HTTPResponse, sock: socket.socket, until: float) -> bytes:
    body = b""
    while len(body) <= _LARGEST_REPLY:
        sock.settimeout(max(until - monotonic(), 0.001))
        more = reply.read1(4096)
        if not more:
            break
        body += more
    return body


def _document(body: bytes) -> dict[str, Any] | None:
    """Return the hold server's document; None where the text is not one, or only a part of it."""
    with suppress(ValueError):
        document = json.loads(body)
        if isinstance(document, dict) and MARK in document:
            return document
    return None


def _cut_by(error: Exception) -> CutKind:
    if isinstance(error, TimeoutError):
        return CutKind.SILENT
    if isinstance(error, RemoteDisconnected | IncompleteRead | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return CutKind.CLOSED
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return CutKind.RESET
    return CutKind.CLOSED  # half a head, or bytes that are no HTTP


def _resets(sock: socket.socket) -> bool:
    """Return whether the path answers a byte with RST. Servers pass over a blank line between requests."""
    try:
        sock.settimeout(_POKE_S)
        sock.sendall(b"\r\n")
        sock.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True
    return False
