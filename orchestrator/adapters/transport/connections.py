"""Connections that say when the first request byte is about to leave, and that are reused only while young.

The HTTP library writes a request as headers and then a body, opens the connection somewhere in between, and sends a
CONNECT to a proxy through the same method. Here the whole request is gathered first, the connection opened (with TLS
and tunnel), the moment marked, and then everything written at once: the mark can neither be early nor be missed, and a
request leaves as one piece.
"""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from orchestrator.adapters.transport.heads import WholeHead
from orchestrator.adapters.transport.sending import Sending
from orchestrator.adapters.transport.sockets import Line
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock

REUSE_WITHIN_S = 1.0
"""A connection idle for longer is not used again: the server or a firewall may have dropped it without a word."""

_SHORTEST_TIMEOUT_S = 0.001
"""Zero would mean a socket that never waits. What a deadline already over means is decided at the mark."""


class Wire(threading.local):
    """Tells a connection which request the thread that uses it is sending."""

    sending: Sending


class _MarkedConnection(HTTPConnection):
    """What is common to plain and TLS connections.

    Args:
        wire: Names the request being sent by this thread.
        clock: For the age of an idle connection.
    """

    response_class = WholeHead

    def __init__(self, *args: Any, wire: Wire, clock: Clock, **options: Any) -> None:
        super().__init__(*args, **options)
        self._wire = wire
        self._clock = clock
        self._gathered: list[Any] | None = None
        self._line: Line | None = None
        self._replied: Instant | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use this idle connection for the request that asks for one."""
        if self._wire.sending.fresh or self._replied is None:
            return False
        return self._clock.now().since(self._replied) < REUSE_WITHIN_S and super().is_connected

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        """Write one request in one piece, after the mark."""
        self._gathered = []
        try:
            super().request(method, url, body=body, headers=headers, **options)
            whole = b"".join(self._gathered)
        finally:
            self._gathered = None
        sending = self._wire.sending
        if self.sock is None:
            self.connect()
        else:
            assert self._line is not None
            sending.take(self._line)
        sending.mark()
        self.sock.sendall(whole)
        sending.sent()

    def send(self, data: Any) -> None:
        """Gather what belongs to a request; pass on what does not (the CONNECT to a proxy, while connecting)."""
        if self._gathered is not None:
            self._gathered.append(data)
        else:
            super().send(data)

    def getresponse(self) -> Any:
        """Read the head of the reply; from here on the connection ages."""
        response = super().getresponse()
        self._replied = self._clock.now()
        return response

    def close(self) -> None:
        """Close the connection; the line stays until the request on it is over."""
        try:
            super().close()
        finally:
            line, self._line = self._line, None
            if line is not None:
                line.abandon()

    def _new_conn(self) -> socket.socket:
        """Open the TCP connection: to each address in turn, never beyond the request's deadline.

        Overridden because a socket must be in reach of the deadline and of `abort` while it still connects.
        """
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError | None = None
        for family, kind, protocol, _, address in addresses:
            try:
                return self._open(socket.socket(family, kind, protocol), address)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "The connection was not established in time.") from failure
        raise NewConnectionError(self, "The connection could not be established.") from failure

    def _open(self, sock: socket.socket, address: Any) -> socket.socket:
        sending = self._wire.sending
        line = Line(sock)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sending.take(line)
            sock.settimeout(max(min(float(self.timeout or 0.0), sending.left_s()), _SHORTEST_TIMEOUT_S))
            sock.connect(address)
        except BaseException:
            sock.close()
            line.abandon()
            line.leave(sending, whole=False)
            raise
        self._line = line
        return sock


class MarkedHTTPConnection(_MarkedConnection):
    """A plain connection."""


class MarkedHTTPSConnection(_MarkedConnection, HTTPSConnection):
    """A TLS connection, straight or through a proxy's tunnel."""

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        """Speak TLS with the proxy itself; overridden so that its certificate is not taken for the server's."""
        try:
            return super()._connect_tls_proxy(hostname, sock)
        except ssl.SSLCertVerificationError as error:
            raise ProxyCertificateError(error) from None  # the innermost cause counts


class ProxyCertificateError(ssl.SSLCertVerificationError):
    """The certificate of an https proxy does not verify."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        super().__init__(*error.args)
        self.verify_message = error.verify_message
