"""What can be learnt from the real API by asking it for its list of calls, and by leaving a connection idle.

Nothing is created, nobody is called. `orchestrator probe --api` runs it.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Any

from orchestrator.adapters.transport.credentials import Credentials
from orchestrator.adapters.transport.sockets import Line
from orchestrator.errors import AuthenticationError, ConfigurationError, UnreachableError
from orchestrator.probe.way import unreachable, way_to

_ANSWER_S = 15.0
_LARGEST_REPLY = 8 * 1024 * 1024
_LIST = "/calls"


@dataclass(slots=True, kw_only=True)
class ApiFindings:
    """What was learnt; None where it was not.

    Attributes:
        api: The base URL.
        proxy: The proxy in between, its credentials masked.
        addresses: What the name stands for; of the proxy's name nothing is told.
        lookup_s: How long that took.
        connect_s: From the first packet to a connection that is ready, with proxy and TLS.
        tls_version: Such as `TLSv1.3`.
        cipher: Its name.
        certificate_days: How long the certificate is still valid, days.
        statuses: Of the replies.
        replies_s: How long each took.
        connections: How many were needed for the requests: one where they are kept.
        kept: Whether the server keeps a connection after a reply.
        closed_after_s: How long it kept an idle one before it ended it.
        closed_by: `close` or `reset`.
        watched_s: How long an idle one was watched.
        skew_s: The server's clock less this machine's; to half a second.
        server: Its `Server` header.
        via: Its `Via` header: somebody in between.
    """

    api: str
    proxy: str | None = None
    addresses: list[str] = field(default_factory=list)
    lookup_s: float | None = None
    connect_s: float | None = None
    tls_version: str | None = None
    cipher: str | None = None
    certificate_days: float | None = None
    statuses: list[int] = field(default_factory=list)
    replies_s: list[float] = field(default_factory=list)
    connections: int = 0
    kept: bool | None = None
    closed_after_s: float | None = None
    closed_by: str | None = None
    watched_s: float | None = None
    skew_s: float | None = None
    server: str | None = None
    via: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return what `probe --api --json` prints."""
        return {
            "api": self.api,
            "proxy": self.proxy,
            "addresses": self.addresses,
            "lookup_ms": _ms(self.lookup_s),
            "connect_ms": _ms(self.connect_s),
            "tls_version": self.tls_version,
            "cipher": self.cipher,
            "certificate_days": None if self.certificate_days is None else round(self.certificate_days, 1),
            "statuses": self.statuses,
            "p50_ms": _ms(percentile(self.replies_s, 0.5)),
            "p90_ms": _ms(percentile(self.replies_s, 0.9)),
            "connections": self.connections,
            "kept": self.kept,
            "closed_after_s": None if self.closed_after_s is None else round(self.closed_after_s, 1),
            "closed_by": self.closed_by,
            "watched_s": None if self.watched_s is None else round(self.watched_s, 1),
            "skew_s": None if self.skew_s is None else round(self.skew_s, 1),
            "server": self.server,
            "via": self.via,
        }

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what people read: a name and a sentence each."""
        document = self.to_document()
        yield "API", self.api
        yield "proxy", self.proxy or "none"
        if self.addresses:
            yield "name", f"{', '.join(self.addresses)}, looked up in {document['lookup_ms']:g} ms"
        if self.connect_s is not None:
            yield "connection", f"ready in {document['connect_ms']:g} ms"
        if self.tls_version is not None:
            yield "TLS", f"{self.tls_version}, {self.cipher}"
        if self.certificate_days is not None:
            yield "certificate", f"valid for {self.certificate_days:.0f} more days"
        if self.replies_s:
            yield (
                "replies",
                (
                    f"{len(self.replies_s)} ({', '.join(map(str, sorted(set(self.statuses))))}): half within "
                    f"{document['p50_ms']:g} ms, nine in ten within {document['p90_ms']:g} ms"
                ),
            )
        if self.kept is not None:
            yield (
                "kept",
                (
                    f"{'yes' if self.kept else 'no'}, {self.connections} connection"
                    f"{'' if self.connections == 1 else 's'} for {len(self.replies_s)} requests"
                ),
            )
        if self.closed_after_s is not None:
            yield "idle", f"ended by a {self.closed_by} after {self.closed_after_s:.1f} s"
        elif self.watched_s is not None:
            yield "idle", f"still open after {self.watched_s:.0f} s"
        if self.skew_s is not None:
            yield (
                "clock",
                f"the server's is {abs(self.skew_s):.1f} s {'ahead of' if self.skew_s > 0 else 'behind'} this one's",
            )
        yield "server", self.server or "does not say what it is"
        yield "in between", self.via or "nobody who says so (no Via header)"


class ApiProbe:
    """One look at the API. `stop` ends it from any thread; what is known then is returned.

    Raises:
        ConfigurationError: The URL, the proxy or the file of authorities cannot be used.
    """

    def __init__(self, api_url: str, credentials: Credentials, *, ca_file: str | None = None) -> None:
        self.way = way_to(api_url, ca_file=ca_file, carries_secrets=True)
        self._request = (
            self.way.request(_LIST, Connection="keep-alive")[:-2]
            + b"Authorization: "
            + credentials.authorization.encode()
            + b"\r\n\r\n"
        )
        self._stop = threading.Event()
        self._line: Line | None = None

    def stop(self) -> None:
        """End it soon, from any thread."""
        self._stop.set()
        line = self._line
        if line is not None:
            line.shut(self)

    def run(self, *, requests: int, idle_s: float) -> ApiFindings:
        """Look at the API.

        Args:
            requests: How many lists of calls to ask for.
            idle_s: How long to watch an idle connection.

        Raises:
            UnreachableError: There is no connection, or no reply.
            AuthenticationError: The API refuses the credentials.
            ConfigurationError: The API redirects.
        """
        found = ApiFindings(api=self.way.route.base_url, proxy=self.way.route.proxy)
        sock: socket.socket | None = None
        try:
            self._look_up(found)
            while len(found.replies_s) < requests and not self._stop.is_set():
                if sock is None:
                    sock = self._connect(found)
                if not self._ask(sock, found):
                    self._leave(sock)
                    sock = None
                if found.statuses[-1] == 429:
                    break
            if sock is not None:
                self._watch(sock, found, idle_s)
        except (OSError, HTTPException) as error:
            if not self._stop.is_set():
                raise unreachable(self.way, error) from None
        finally:
            self._leave(sock)
        return found

    def _look_up(self, found: ApiFindings) -> None:
        if self.way.route.proxy_url is not None:
            return  # the proxy does it
        began = monotonic()
        addresses = socket.getaddrinfo(self.way.route.host, self.way.port, type=socket.SOCK_STREAM)
        found.lookup_s = monotonic() - began
        found.addresses = list(dict.fromkeys(str(address[4][0]) for address in addresses))

    def _connect(self, found: ApiFindings) -> socket.socket:
        began = monotonic()
        sock = self.way.open(keepalive_s=None, timeout_s=_ANSWER_S, connected=self._take)
        found.connections += 1
        if found.connect_s is None:
            found.connect_s = monotonic() - began
        if isinstance(sock, ssl.SSLSocket):
            found.tls_version = sock.version()
            cipher = sock.cipher()
            found.cipher = None if cipher is None else cipher[0]
            ends = (sock.getpeercert() or {}).get("notAfter")
            if isinstance(ends, str):
                found.certificate_days = (ssl.cert_time_to_seconds(ends) - time.time()) / 86_400
        return sock

    def _take(self, plain: socket.socket) -> None:
        line = Line(plain)
        line.take(self)
        self._line = line
        if self._stop.is_set():
            line.shut(self)

    def _leave(self, sock: socket.socket | None) -> None:
        line, self._line = self._line, None
        if sock is not None:
            sock.close()
        if line is not None:
            line.abandon()
            line.leave(self, whole=True)

    def _ask(self, sock: socket.socket, found: ApiFindings) -> bool:
        """Ask for the list once; return whether the connection can be used again."""
        sock.settimeout(_ANSWER_S)
        began, began_wall = monotonic(), time.time()
        reply = HTTPResponse(sock, method="GET")
        try:
            sock.sendall(self._request)
            reply.begin()
            whole = len(reply.read(_LARGEST_REPLY)) < _LARGEST_REPLY
        finally:
            reply.close()
        took_s = monotonic() - began
        self._check(reply)
        found.replies_s.append(took_s)
        found.statuses.append(reply.status)
        found.kept = found.kept is not False and not reply.will_close
        found.server, found.via = reply.getheader("Server"), reply.getheader("Via")
        with suppress(TypeError, ValueError):  # no date, or none that can be read
            date = parsedate_to_datetime(reply.getheader("Date") or "").timestamp()
            found.skew_s = date + 0.5 - (began_wall + took_s / 2)  # it shows whole seconds
        return whole and not reply.will_close

    def _check(self, reply: HTTPResponse) -> None:
        if reply.status in (401, 403):
            raise AuthenticationError(f"the API answered {reply.status}: check the API key and password")
        if 300 <= reply.status < 400:
            raise ConfigurationError(f"the API answered {reply.status}, a redirect: check the API URL")
        if reply.status == 407:
            raise UnreachableError("the proxy asks for a password (407)")

    def _watch(self, sock: socket.socket, found: ApiFindings, idle_s: float) -> None:
        """Leave a connection idle until its other end ends it."""
        if self._stop.is_set() or idle_s <= 0:
            return
        began = monotonic()
        sock.settimeout(idle_s)
        how = None
        try:
            how = "close" if not sock.recv(1) else None
        except TimeoutError:
            pass
        except OSError:
            how = "reset"
        found.watched_s = monotonic() - began
        if how is not None and not self._stop.is_set():
            found.closed_after_s, found.closed_by = found.watched_s, how


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that this share of the values does not exceed; None where there is none."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1] if values else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
