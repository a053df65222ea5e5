"""What the HTTP library raises when a network misbehaves, wrapped as it wraps it: for the transport in virtual time.

The chains are those that were seen on real networks (docs/reference/transport.md); `tests/network` sees them again.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from enum import StrEnum
from typing import Any

import requests.exceptions as rq
import urllib3.exceptions as u3

from orchestrator.core.limits import CutKind


class Unsent(StrEnum):
    """What keeps a request from being sent."""

    REFUSED = "the connection is refused"
    UNRESOLVED = "the name is not resolved"
    CONNECT_TIMEOUT = "the connection is not established in time"
    HANDSHAKE = "the TLS handshake is cut"
    TUNNEL_502 = "the proxy answers 502 to CONNECT"
    TUNNEL_503 = "the proxy answers 503 to CONNECT"
    TUNNEL_504 = "the proxy answers 504 to CONNECT"
    PROXY_CLOSES = "the proxy closes at CONNECT"
    TUNNEL_403 = "the proxy answers 403 to CONNECT"
    TUNNEL_407 = "the proxy answers 407 to CONNECT"
    CERTIFICATE = "the certificate is not valid"
    MALFORMED_URL = "the URL is none"


_POOL: Any = "pool"
_CONNECTION: Any = "connection"


def unsent_error(kind: Unsent) -> Exception:
    """Return what the library raises for a request that does not leave."""
    match kind:
        case Unsent.REFUSED:
            return rq.ConnectionError(_tried(_not_opened(ConnectionRefusedError(111, "Connection refused"))))
        case Unsent.UNRESOLVED:
            reason = socket.gaierror(-2, "Name or service not known")
            unresolved = u3.NameResolutionError("host", _CONNECTION, reason)
            unresolved.__cause__ = reason
            return rq.ConnectionError(_tried(unresolved))
        case Unsent.CONNECT_TIMEOUT:
            return rq.ConnectTimeout(_tried(u3.ConnectTimeoutError(_CONNECTION, "not established in time")))
        case Unsent.HANDSHAKE:
            return rq.SSLError(_tried(u3.SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))))
        case Unsent.PROXY_CLOSES:
            return rq.ConnectionError(_closed())
        case Unsent.CERTIFICATE:
            unknown = ssl.SSLCertVerificationError(1, "certificate verify failed")
            unknown.verify_message = "self-signed certificate"
            return rq.SSLError(_tried(u3.SSLError(unknown)))
        case Unsent.MALFORMED_URL:
            return rq.InvalidURL("the URL is none")
        case _:
            status = kind.value.split()[3]
            return rq.ProxyError(
                _tried(u3.ProxyError("cannot connect", OSError(f"Tunnel connection failed: {status} no")))
            )


def cut_error(kind: CutKind) -> Exception:
    """Return what the library raises for a request that was sent, and whose exchange ended without a reply."""
    match kind:
        case CutKind.CLOSED:
            return rq.ConnectionError(_closed())
        case CutKind.SILENT:
            return rq.ReadTimeout(u3.ReadTimeoutError(_POOL, "/calls", "Read timed out."))
        case _:
            reset = ConnectionResetError(104, "Connection reset by peer")
            return rq.ConnectionError(u3.ProtocolError("Connection aborted.", reset))


def broken_body() -> Exception:
    """Return what the library raises when a body of known length breaks off."""
    partial = u3.IncompleteRead(1, 99)
    return u3.ProtocolError("Connection broken", partial)


def _closed() -> Exception:
    return u3.ProtocolError("Connection aborted.", http.client.RemoteDisconnected("closed without response"))


def _not_opened(error: OSError) -> Exception:
    failed = u3.NewConnectionError(_CONNECTION, "The connection could not be established.")
    failed.__cause__ = error
    return failed


def _tried(reason: Exception) -> Exception:
    return u3.MaxRetryError(_POOL, "/calls", reason)
