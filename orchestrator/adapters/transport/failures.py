"""The table from exceptions to words and finality (rules, section 4.2).

Whether a request was sent is never read off an exception: the mark says it. An exception only says, in words, what
happened, and for a request that was not sent, whether trying again can help. Every exception class of the HTTP library
has its line here; a test holds that. `cut_of` says how a path ended an exchange, for what is learnt of the path.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import requests.exceptions as rq
import urllib3.exceptions as u3

from orchestrator.adapters.transport.connections import ProxyCertificateError
from orchestrator.adapters.transport.heads import HalfHeadError
from orchestrator.core.limits import CutKind


class Meaning(NamedTuple):
    """What an exception tells.

    Attributes:
        words: What happened, without anything the server or the user wrote.
        final: The request was not sent, and trying again cannot help.
    """

    words: str
    final: bool = False


_URL = Meaning("the URL of the API or of the proxy is malformed", final=True)
_HEADER = Meaning("a request header is malformed", final=True)
_REPEATED = Meaning("the HTTP library gave up repeating, though it must not repeat anything")
_UNUSED = Meaning("the HTTP library failed in a part that is not used here")
_NOT_HTTP = Meaning("what came back is not HTTP")
_HALF_BODY = Meaning("the reply's body broke off")
_WARNING = Meaning("a warning of the HTTP library was turned into an error")
_TLS = Meaning("the TLS connection failed")
_CLOSED_EARLY = Meaning("the connection was closed without a reply")

MEANINGS: Mapping[type[BaseException], Meaning] = {
    # The network, as the operating system names it
    ConnectionRefusedError: Meaning("the connection was refused"),
    ConnectionResetError: Meaning("the connection was reset"),
    ConnectionAbortedError: Meaning("the connection was aborted"),
    BrokenPipeError: Meaning("the connection was closed while the request was being written"),
    ConnectionError: Meaning("the connection failed"),
    TimeoutError: Meaning("the time ran out"),
    InterruptedError: Meaning("a system call was interrupted"),
    socket.gaierror: Meaning("the host name could not be resolved"),
    socket.herror: Meaning("the host name could not be resolved"),
    OSError: Meaning("the network failed"),
    # TLS
    ssl.SSLCertVerificationError: Meaning("the server's certificate is not valid", final=True),
    ProxyCertificateError: Meaning("the proxy's certificate is not valid", final=True),
    ssl.SSLEOFError: Meaning("the TLS connection was cut"),
    ssl.SSLZeroReturnError: Meaning("the TLS connection was closed"),
    ssl.SSLSyscallError: _TLS,
    ssl.SSLWantReadError: _TLS,
    ssl.SSLWantWriteError: _TLS,
    ssl.SSLError: _TLS,
    # http.client, and the stricter reading of it
    HalfHeadError: Meaning("the reply's head broke off"),
    http.client.RemoteDisconnected: _CLOSED_EARLY,
    http.client.BadStatusLine: _NOT_HTTP,
    http.client.LineTooLong: Meaning("a line of the reply's head is too long"),
    http.client.IncompleteRead: _HALF_BODY,
    http.client.UnknownProtocol: _NOT_HTTP,
    http.client.UnknownTransferEncoding: _NOT_HTTP,
    http.client.UnimplementedFileMode: _UNUSED,
    http.client.InvalidURL: _URL,
    http.client.NotConnected: _UNUSED,
    http.client.ImproperConnectionState: _UNUSED,
    http.client.CannotSendRequest: _UNUSED,
    http.client.CannotSendHeader: _UNUSED,
    http.client.ResponseNotReady: _UNUSED,
    http.client.HTTPException: _NOT_HTTP,
    # urllib3
    u3.NameResolutionError: Meaning("the host name could not be resolved"),
    u3.NewConnectionError: Meaning("the connection could not be established"),
    u3.ConnectTimeoutError: Meaning("the connection was not established in time"),
    u3.ReadTimeoutError: Meaning("no reply came in time"),
    u3.TimeoutError: Meaning("the time ran out"),
    u3.TimeoutStateError: _UNUSED,
    u3.SSLError: _TLS,
    u3.ProxyError: Meaning("the proxy failed"),
    u3.ProtocolError: Meaning("the connection broke"),
    u3.IncompleteRead: _HALF_BODY,
    u3.InvalidChunkLength: _HALF_BODY,
    u3.ResponseNotChunked: _NOT_HTTP,
    u3.BodyNotHttplibCompatible: _UNUSED,
    u3.HeaderParsingError: _NOT_HTTP,
    u3.DecodeError: Meaning("the reply's body could not be decoded"),
    u3.MaxRetryError: Meaning("the connection failed"),
    u3.ResponseError: _REPEATED,
    u3.HostChangedError: _REPEATED,
    u3.UnrewindableBodyError: _REPEATED,
    u3.EmptyPoolError: _UNUSED,
    u3.FullPoolError: _UNUSED,
    u3.ClosedPoolError: Meaning("the channel was closed", final=True),
    u3.PoolError: _UNUSED,
    u3.RequestError: _UNUSED,
    u3.LocationParseError: _URL,
    u3.LocationValueError: _URL,
    u3.URLSchemeUnknown: _URL,
    u3.ProxySchemeUnknown: _URL,
    u3.ProxySchemeUnsupported: _URL,
    u3.InvalidHeader: _HEADER,
    u3.HTTPError: Meaning("the HTTP library failed"),
    u3.HTTPWarning: _WARNING,
    u3.SecurityWarning: _WARNING,
    u3.InsecureRequestWarning: _WARNING,
    u3.InsecurePlatformWarning: _WARNING,
    u3.NotOpenSSLWarning: _WARNING,
    u3.SystemTimeWarning: Meaning("the system's date is far in the past"),
    u3.DependencyWarning: _WARNING,
    # requests
    rq.ConnectTimeout: Meaning("the connection was not established in time"),
    rq.ReadTimeout: Meaning("no reply came in time"),
    rq.Timeout: Meaning("the time ran out"),
    rq.SSLError: _TLS,
    rq.ProxyError: Meaning("the proxy failed"),
    rq.ConnectionError: Meaning("the connection failed"),
    rq.ChunkedEncodingError: _HALF_BODY,
    rq.ContentDecodingError: Meaning("the reply's body could not be decoded"),
    rq.StreamConsumedError: _UNUSED,
    rq.RetryError: _REPEATED,
    rq.TooManyRedirects: _REPEATED,
    rq.UnrewindableBodyError: _REPEATED,
    rq.HTTPError: _UNUSED,
    rq.InvalidJSONError: _UNUSED,
    rq.JSONDecodeError: _UNUSED,
    rq.URLRequired: _URL,
    rq.MissingSchema: _URL,
    rq.InvalidSchema: _URL,
    rq.InvalidURL: _URL,
    rq.InvalidProxyURL: _URL,
    rq.InvalidHeader: _HEADER,
    rq.RequestException: Meaning("the HTTP library failed"),
    rq.RequestsWarning: _WARNING,
    rq.RequestsDependencyWarning: _WARNING,
    rq.FileModeWarning: _WARNING,
    # Neither network nor library: what a request that cannot be written raises
    UnicodeError: Meaning("the request cannot be encoded", final=True),
    ValueError: Meaning("the request cannot be written", final=True),
}

_CUTS: tuple[tuple[tuple[type[BaseException], ...], CutKind], ...] = (
    ((http.client.RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError), CutKind.CLOSED),
    ((ConnectionResetError, ConnectionAbortedError), CutKind.RESET),  # the first of those above is one of these, too
    ((TimeoutError, u3.ReadTimeoutError), CutKind.SILENT),
)
_WRAPPERS = (rq.RequestException, u3.HTTPError)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_TUNNEL_FINAL = frozenset({403, 407})
_UNEXPECTED = Meaning("an unexpected error in the program")
_TELLING = frozenset({u3.ReadTimeoutError, u3.ConnectTimeoutError})
"""Say more than the TimeoutError of the operating system inside them."""


def meaning_of(error: BaseException) -> Meaning:
    """Return what an exception and all it was raised from tell: the innermost one's words, and whether any is final."""
    known = [(each, _lookup(type(each))) for each in _chain(error)]
    for each, _ in known:
        if tunnel := _TUNNEL.search(str(each.args[0])) if isinstance(each, OSError) and each.args else None:
            status = int(tunnel.group(1))
            return Meaning(f"the proxy refused the tunnel with status {status}", final=status in _TUNNEL_FINAL)
    best = [pair for pair in known if type(pair[0]) in _TELLING]
    best = best or [pair for pair in known if not isinstance(pair[0], _WRAPPERS)] or known
    return Meaning(_words(*best[-1]), final=any(each.final for _, each in known))


def cut_of(error: BaseException) -> CutKind | None:
    """Return how the path ended an exchange whose request was sent; None where an exception does not tell."""
    for each in _chain(error):
        for kinds, cut in _CUTS:
            if isinstance(each, kinds):
                return cut
    return None


def _lookup(kind: type[BaseException]) -> Meaning:
    for each in kind.__mro__:
        if each in MEANINGS:
            return MEANINGS[each]
    return _UNEXPECTED


def _words(error: BaseException, meaning: Meaning) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{meaning.words}: {error.verify_message}"
    if type(error) is OSError and error.errno is not None:
        return f"{meaning.words} ({errno.errorcode.get(error.errno, 'unknown error number')})"
    if meaning is _UNEXPECTED:
        return f"{meaning.words} ({type(error).__name__})"
    return meaning.words


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from, the outermost first, each once.

    `__context__` is left out: it may lead to what the caller was handling when it sent the request.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [*each.args, getattr(each, "reason", None), each.__cause__]
