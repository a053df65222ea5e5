"""The way to a hold server or to the API, one connection at a time, so that every byte and every end can be seen.

It goes through the proxy of the environment, and with or without TCP keepalive, as the caller says. It takes the route
and the socket options of the transport, and none of its HTTP library: nothing here may hide an end of a connection
behind an exception of its own.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from urllib.parse import unquote, urlsplit

from orchestrator._version import __version__
from orchestrator.adapters.transport.credentials import MASK
from orchestrator.adapters.transport.route import Route, resolve_route, tls_context
from orchestrator.adapters.transport.sockets import KEEPALIVE_INTERVAL_S, SocketOption, socket_options
from orchestrator.errors import ConfigurationError, UnreachableError

_PORTS = {"http": 80, "https": 443}


class TunnelRefusedError(OSError):
    """The proxy did not open a tunnel."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one address is reached. Made by `way_to`."""

    route: Route
    tls: ssl.SSLContext | None

    @property
    def port(self) -> int:
        """The port of the far end."""
        return self.route.port or _PORTS[self.route.scheme]

    @property
    def authority(self) -> str:
        """Host and port as they stand in a Host header."""
        host = f"[{self.route.host}]" if ":" in self.route.host else self.route.host
        return host if self.port == _PORTS[self.route.scheme] else f"{host}:{self.port}"

    def open(
        self, *, keepalive_s: int | None, timeout_s: float, connected: Callable[[socket.socket], None] | None = None
    ) -> socket.socket:
        """Return a connection to the far end, ready for a request.

        Args:
            keepalive_s: After how much silence the first TCP keepalive is sent; None: none is.
            timeout_s: For each step of connecting; the socket keeps it.
            connected: Is given the TCP socket, before the tunnel and TLS.

        Raises:
            OSError: There is no connection: name, route, refusal, time, proxy (TunnelRefusedError) or TLS.
        """
        proxy = self._proxy()
        sock = _connected(proxy[0] if proxy else (self.route.host, self.port), keepalive_s, timeout_s)
        try:
            if connected is not None:
                connected(sock)
            if proxy and self.tls is not None:
                self._tunnel(sock, proxy[1])
            return sock if self.tls is None else self.tls.wrap_socket(sock, server_hostname=self.route.host)
        except BaseException:
            sock.close()
            raise

    def request(self, target: str, **headers: str) -> bytes:
        """Return a GET of `target`, a path below the route's, as it goes over such a connection."""
        path = f"{self.route.path}{target}" or "/"
        proxy = self._proxy()
        lines = [
            f"GET {f'http://{self.authority}{path}' if proxy and self.tls is None else path} HTTP/1.1",
            f"Host: {self.authority}",
            f"User-Agent: call-orchestrator/{__version__} (probe)",
            "Accept: application/json",
            "Accept-Encoding: identity",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if proxy and self.tls is None and proxy[1]:
            lines.append(f"Proxy-Authorization: {proxy[1]}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _proxy(self) -> tuple[tuple[str, int], str | None] | None:
        """Return the proxy's address and the value that opens it; None: the way is direct."""
        if self.route.proxy_url is None:
            return None
        url = urlsplit(self.route.proxy_url)
        opener = None
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
            opener = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return (url.hostname or "", url.port or _PORTS["http"]), opener

    def _tunnel(self, sock: socket.socket, opener: str | None) -> None:
        place = f"{self.route.host}:{self.port}" if ":" not in self.route.host else f"[{self.route.host}]:{self.port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        lines += [f"Proxy-Authorization: {opener}"] if opener else []
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        reply = HTTPResponse(sock, method="CONNECT")
        try:
            reply.begin()
        except HTTPException as error:
            raise TunnelRefusedError(
                f"the proxy answered CONNECT with no HTTP reply ({type(error).__name__})"
            ) from None
        finally:
            reply.close()
        if reply.status != 200:
            raise TunnelRefusedError(f"the proxy answered CONNECT with {reply.status} {reply.reason}")


def way_to(url: str, *, proxy: str | None = None, ca_file: str | None = None, carries_secrets: bool = False) -> Way:
    """Return the way to a URL by the settings of the environment.

    Args:
        url: Of a hold server, or of the API.
        proxy: A proxy that counts instead of the environment's; also for this machine, which else is reached directly.
        ca_file: As for `resolve_route`.
        carries_secrets: As for `resolve_route`.

    Raises:
        ConfigurationError: The URL, the proxy or the file of authorities cannot be used.
    """
    route = resolve_route(url, ca_file=ca_file, carries_secrets=carries_secrets)
    if proxy is not None:
        route = replace(route, proxy_url=proxy, proxy=_masked(proxy), proxy_reason="--proxy")
    if route.proxy_url is not None and urlsplit(route.proxy_url).scheme != "http":
        raise ConfigurationError(
            "Only through http:// proxies can be probed: TLS to the proxy itself is not spoken here."
        )
    return Way(route, tls_context(route))


def explain(error: Exception) -> str:
    """Return why there was no connection, in words."""
    if isinstance(error, socket.gaierror):
        return f"the name cannot be resolved ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def unreachable(way: Way, error: Exception) -> UnreachableError:
    """Return the error for a way that does not lead there."""
    by = "" if way.route.proxy is None else f" through the proxy {way.route.proxy}"
    return UnreachableError(f"{way.authority} cannot be reached{by}: {explain(error)}.")


def _masked(proxy: str) -> str:
    try:
        url = urlsplit(proxy)
        place = f"{url.hostname}:{url.port or _PORTS['http']}"
    except ValueError:
        raise ConfigurationError("--proxy is malformed; it should look like http://proxy.example:3128 .") from None
    if not url.hostname or not url.scheme:
        raise ConfigurationError("--proxy is malformed; it should look like http://proxy.example:3128 .")
    return f"{url.scheme}://{f'{MASK}@' if url.username is not None else ''}{place}"


def _connected(place: tuple[str, int], keepalive_s: int | None, timeout_s: float) -> socket.socket:
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(*place, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in _options(keepalive_s):
                sock.setsockopt(*option)
            sock.settimeout(timeout_s)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure or OSError("the name has no address")


def _options(keepalive_s: int | None) -> list[SocketOption]:
    """Return the transport's socket options with another keepalive: one of that length, or none."""
    changed = {(socket.SOL_SOCKET, socket.SO_KEEPALIVE): int(keepalive_s is not None)}
    for name, seconds in (
        ("TCP_KEEPIDLE", keepalive_s),
        ("TCP_KEEPALIVE", keepalive_s),  # macOS's name for the same
        ("TCP_KEEPINTVL", keepalive_s and min(keepalive_s, KEEPALIVE_INTERVAL_S)),
    ):
        number = getattr(socket, name, None)
        if number is not None and seconds is not None:
            changed[socket.IPPROTO_TCP, number] = seconds
    return [(level, number, changed.get((level, number), value)) for level, number, value in socket_options()]
