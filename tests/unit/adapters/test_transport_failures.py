"""The table from exceptions to words and finality."""

from __future__ import annotations

import email.errors
import errno
import http.client
import inspect
import json
import re
import socket
import ssl
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests.exceptions
import urllib3.exceptions
from urllib3.connection import HTTPSConnection

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport.connections import MarkedHTTPSConnection, ProxyCertificateError, Wire
from orchestrator.adapters.transport.failures import MEANINGS, cut_of, meaning_of
from orchestrator.core.limits import CutKind

_MODULES = (requests.exceptions, urllib3.exceptions, http.client, ssl, socket)
_DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "transport.md"


_NO_SOCKET: Any = None  # of a handshake that is refused before it begins

_ONLY_NAMED_THERE = {json.JSONDecodeError, email.errors.MessageDefect}
"""Imported by those modules for a base class or an annotation, and never raised while a request is sent."""


def _exceptions_of(module: ModuleType) -> set[type[BaseException]]:
    return {
        member
        for name, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Exception) and not name.startswith("_")
    }


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.__name__)
def test_every_exception_of_the_libraries_has_its_line(module: ModuleType) -> None:
    """A class that requests, urllib3, http.client, ssl or socket can raise is in the table by itself."""
    found = _exceptions_of(module) - _ONLY_NAMED_THERE
    assert found
    assert found - set(MEANINGS) == set()


@pytest.mark.parametrize(
    "kind",
    [
        ssl.SSLCertVerificationError,
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidHeader,
        requests.exceptions.InvalidProxyURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        urllib3.exceptions.LocationParseError,
        urllib3.exceptions.ProxySchemeUnknown,
        http.client.InvalidURL,
        UnicodeError,
    ],
)
def test_what_cannot_get_better_is_final(kind: type[BaseException]) -> None:
    """Certificates, URLs and headers do not get better by trying again."""
    assert MEANINGS[kind].final


@pytest.mark.parametrize(
    "kind",
    [
        ConnectionRefusedError,
        socket.gaierror,
        ssl.SSLError,
        ssl.SSLEOFError,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        requests.exceptions.SSLError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.NameResolutionError,
        http.client.RemoteDisconnected,
    ],
)
def test_what_may_get_better_is_not_final(kind: type[BaseException]) -> None:
    """Network, DNS and handshake failures are worth another try."""
    assert not MEANINGS[kind].final


def test_the_innermost_exception_gives_the_words() -> None:
    """What the operating system said is shown, not what wrapped it; a certificate makes the whole chain final."""
    certificate = ssl.SSLCertVerificationError(1, "bad")
    certificate.verify_message = "certificate has expired"
    wrapped = requests.exceptions.SSLError(
        urllib3.exceptions.MaxRetryError(None, "/x", urllib3.exceptions.SSLError(certificate))
    )
    meaning = meaning_of(wrapped)
    assert meaning.words == "the server's certificate is not valid: certificate has expired"
    assert meaning.final


def test_the_certificate_of_a_proxy_is_not_taken_for_the_server_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is final like the server's, and says whose it is: wherever the library wraps it, and without what it is of."""
    certificate = ssl.SSLCertVerificationError(1, "bad")
    certificate.verify_message = "unable to get local issuer certificate"

    def refused(*_: object) -> None:
        raise certificate

    monkeypatch.setattr(HTTPSConnection, "_connect_tls_proxy", refused)
    connection = MarkedHTTPSConnection("api.example", wire=Wire(), clock=SystemClock())
    with pytest.raises(ProxyCertificateError) as raised:
        connection._connect_tls_proxy("proxy.example", _NO_SOCKET)
    assert raised.value.args == certificate.args
    told = f"the proxy's certificate is not valid: {certificate.verify_message}"
    wrapped = urllib3.exceptions.ProxyError("Unable to connect to proxy", urllib3.exceptions.SSLError(raised.value))
    for error in (raised.value, requests.exceptions.ProxyError(urllib3.exceptions.MaxRetryError(None, "/", wrapped))):
        assert meaning_of(error) == (told, True)


def test_other_failures_of_a_proxy_s_tls_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a certificate is final: a proxy that breaks off may be tried again."""

    def broken(*_: object) -> None:
        raise ssl.SSLEOFError(8, "cut")

    monkeypatch.setattr(HTTPSConnection, "_connect_tls_proxy", broken)
    connection = MarkedHTTPSConnection("api.example", wire=Wire(), clock=SystemClock())
    with pytest.raises(ssl.SSLEOFError) as raised:
        connection._connect_tls_proxy("proxy.example", _NO_SOCKET)
    assert meaning_of(raised.value) == ("the TLS connection was cut", False)


def test_the_cause_is_followed_and_the_context_is_not() -> None:
    """`raise … from` belongs to an exception; what the caller was handling when it sent does not."""
    error = urllib3.exceptions.NewConnectionError(None, "no")
    error.__context__ = ssl.SSLCertVerificationError(1, "of another request")
    error.__cause__ = OSError(errno.ENETUNREACH, "unreachable")
    assert meaning_of(error) == ("the network failed (ENETUNREACH)", False)


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Exceptions that name each other are each looked at once."""
    one, two = OSError("a"), ConnectionResetError("b")
    one.__cause__, two.__cause__ = two, one
    assert meaning_of(one).words == "the connection was reset"


def test_an_error_number_without_a_name_is_said_so() -> None:
    """An error number that the platform does not know is no failure of the table."""
    assert "unknown error number" in meaning_of(OSError(987654, "odd")).words


def test_an_exception_of_ours_is_named() -> None:
    """An exception that no library raises is named by its class, without its text."""
    assert meaning_of(KeyError("secret")).words == "an unexpected error in the program (KeyError)"


def test_words_hold_nothing_that_was_written_by_others() -> None:
    """Texts of exceptions, which may hold URLs with credentials, are not shown."""
    for kind, meaning in MEANINGS.items():
        assert meaning.words.isprintable(), kind
        assert not re.search(r"\d", meaning.words), kind
    assert "user:secret" not in meaning_of(requests.exceptions.InvalidProxyURL("http://user:secret@x")).words


def test_the_reference_lists_what_is_final() -> None:
    """docs/reference/transport.md names every final exception."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    final = {kind.__name__ for kind, meaning in MEANINGS.items() if meaning.final}
    assert {name for name in final if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    ("error", "cut"),
    [
        (http.client.RemoteDisconnected("closed"), CutKind.CLOSED),
        (ssl.SSLEOFError("eof"), CutKind.CLOSED),
        (ssl.SSLZeroReturnError("closed"), CutKind.CLOSED),
        (ConnectionResetError("reset"), CutKind.RESET),
        (ConnectionAbortedError("aborted"), CutKind.RESET),
        (TimeoutError("timed out"), CutKind.SILENT),
        (OSError(errno.ETIMEDOUT, "the keepalive probes got no answer"), CutKind.SILENT),
        (OSError(errno.EHOSTUNREACH, "no route"), None),
        (BrokenPipeError("closed while writing"), None),
        (http.client.BadStatusLine("not HTTP"), None),
    ],
)
def test_a_cut_is_told_by_what_the_operating_system_said(error: Exception, cut: CutKind | None) -> None:
    """However the libraries wrap it; what else goes wrong is no cut."""
    assert cut_of(error) is cut
    wrapped = requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", error))
    assert cut_of(wrapped) is cut
