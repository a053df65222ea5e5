"""The HTTP library's adapter, pinned: one pool of marked connections to one place, nothing repeated, nothing followed.

`HTTPAdapter.send` is used without a Session: no redirects, cookies or .netrc. The points where it looks up the pool,
the proxy and the certificates for each request are overridden with what was resolved once.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Response
from urllib3 import HTTPConnectionPool, Retry

from orchestrator.adapters.transport.connections import MarkedHTTPConnection, MarkedHTTPSConnection, Wire
from orchestrator.adapters.transport.route import Route
from orchestrator.adapters.transport.sockets import SocketOption
from orchestrator.ports import Clock

NO_RETRIES = Retry(
    total=0,
    connect=0,
    read=False,
    redirect=0,
    status=0,
    other=0,
    raise_on_redirect=False,
    raise_on_status=False,
    respect_retry_after_header=False,
)

_KEPT_CONNECTIONS = 4
"""A run uses one connection at a time, and a second one to look while a dangerous step is open."""


class PreparedCall(PreparedRequest):
    """A request ready to be written. `target` is what stands in its request line."""

    target: str = "/"


class PinnedAdapter(HTTPAdapter):
    """Sends prepared requests along one route."""

    def __init__(
        self,
        route: Route,
        *,
        wire: Wire,
        clock: Clock,
        tls: ssl.SSLContext | None,
        options: list[SocketOption],
    ) -> None:
        self._options = options
        super().__init__(pool_connections=1, pool_maxsize=_KEPT_CONNECTIONS, max_retries=NO_RETRIES)
        self._pool = self._open_pool(route, tls)
        connection_class = MarkedHTTPConnection if tls is None else MarkedHTTPSConnection
        # Any callable that makes a connection will do for the pool; its own annotation asks for a class.
        make: Any = partial(connection_class, wire=wire, clock=clock)
        self._pool.ConnectionCls = make

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pool manager for direct connections with our socket options, and no repeats of its own."""
        pool_kwargs.update(retries=NO_RETRIES, socket_options=self._options)
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the one pool."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the pool as it is: its TLS context verifies."""

    def request_url(self, request: PreparedRequest, _proxies: Any) -> str:
        """Return the target of the request line."""
        assert isinstance(request, PreparedCall)
        return request.target

    def build_response(self, _request: PreparedRequest, raw: Any) -> Response:
        """Wrap the library's reply; only `raw` of it is read, so cookies, history and headers are not made."""
        response = Response.__new__(Response)
        response.raw = raw
        return response

    def close(self) -> None:
        """Close the pool and its idle connections."""
        self._pool.close()
        super().close()

    def _open_pool(self, route: Route, tls: ssl.SSLContext | None) -> HTTPConnectionPool:
        tls_settings = {} if tls is None else {"ssl_context": tls, "cert_reqs": "CERT_REQUIRED"}
        manager = self.poolmanager
        if route.proxy_url is not None:
            manager = self.proxy_manager_for(
                route.proxy_url, proxy_ssl_context=tls, retries=NO_RETRIES, socket_options=self._options
            )
        pool: HTTPConnectionPool = manager.connection_from_host(
            route.host, port=route.port, scheme=route.scheme, pool_kwargs=tls_settings
        )
        return pool
