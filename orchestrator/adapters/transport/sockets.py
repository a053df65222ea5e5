"""TCP sockets that deliver nothing late (rules, section 4.3), and a second handle to shut one down from any thread.

Keepalive notices a path that died while a reply is awaited, TCP_USER_TIMEOUT one that died with request bytes
unacknowledged. SO_LINGER 0 makes the kernel forget unsent bytes when the socket is closed or the process is killed, so
that a request that was given up can never arrive afterwards.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import suppress

KEEPALIVE_IDLE_S = 15
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_PROBES = 3
USER_TIMEOUT_MS = 30_000

SocketOption = tuple[int, int, int | bytes]

_LINGER_FORMAT = "hh" if os.name == "nt" else "ii"
LINGER_RESET = struct.pack(_LINGER_FORMAT, 1, 0)
LINGER_OFF = struct.pack(_LINGER_FORMAT, 0, 0)

_TCP_OPTIONS = (
    (("TCP_NODELAY",), 1),
    (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), KEEPALIVE_IDLE_S),  # the second is macOS's name
    (("TCP_KEEPINTVL",), KEEPALIVE_INTERVAL_S),
    (("TCP_KEEPCNT",), KEEPALIVE_PROBES),
    (("TCP_USER_TIMEOUT",), USER_TIMEOUT_MS),
)


def socket_options() -> list[SocketOption]:
    """Return the options to set on a socket before it connects: those that this platform has."""
    options: list[SocketOption] = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET),
    ]
    for names, value in _TCP_OPTIONS:
        number = _option_number(names)
        if number is not None:
            options.append((socket.IPPROTO_TCP, number, value))
    return options


def missing_socket_options() -> tuple[str, ...]:
    """Return the names of the options that this platform lacks; for `doctor`."""
    return tuple(names[0] for names, _ in _TCP_OPTIONS if _option_number(names) is None)


def _option_number(names: tuple[str, ...]) -> int | None:
    for name in names:
        number: int | None = getattr(socket, name, None)
        if number is not None:
            return number
    return None


class Line:
    """A second handle on one connection's socket.

    The connection's own socket object changes hands during the TLS handshake and is closed by the HTTP library while
    a reply is still being read; this handle stays. A line has one user at a time (any object), and only that user can
    shut it down: a request that is over cannot harm the next one on the same connection.
    """

    __slots__ = ("_abandoned", "_handle", "_lock", "_user")

    def __init__(self, sock: socket.socket) -> None:
        self._handle: socket.socket | None = sock.dup()
        self._lock = threading.Lock()
        self._user: object | None = None
        self._abandoned = False

    def take(self, user: object) -> None:
        """Make `user` the one whose request is on the line."""
        with self._lock:
            self._user = user

    def shut(self, user: object) -> None:
        """Shut the socket down if `user` has the line; whoever reads from it returns at once.

        `shutdown`, not `close`: closing under another thread would free the descriptor's number for reuse. The plain
        socket's own: an SSLSocket's would drop its encryption first, and a write at that moment would go out in clear.
        """
        with self._lock:
            if self._user is user and self._handle is not None:
                with suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def leave(self, user: object, *, whole: bool) -> None:
        """End the use of the line by `user`; close it if its connection is gone. `whole`: the reply was complete."""
        with self._lock:
            if self._user is not user:
                return
            self._user = None
            if self._abandoned or not whole:
                self._close(gently=whole)

    def abandon(self) -> None:
        """Note that the connection is gone: close the line, now if nobody uses it, else when its user leaves."""
        with self._lock:
            self._abandoned = True
            if self._user is None:
                self._close(gently=True)

    def _close(self, *, gently: bool) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if gently:
            with suppress(OSError):
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
        handle.close()
