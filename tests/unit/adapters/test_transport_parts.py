"""The transport's parts that need no server: credentials, route, socket options, lines, pinned settings."""

from __future__ import annotations

import pickle
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport import Credentials, HttpTransport, missing_socket_options
from orchestrator.adapters.transport.connections import REUSE_WITHIN_S
from orchestrator.adapters.transport.credentials import SecretText
from orchestrator.adapters.transport.route import Route, resolve_route, tls_context
from orchestrator.adapters.transport.sending import Sending, Stop, StoppedBeforeSendError
from orchestrator.adapters.transport.sockets import Line, socket_options
from orchestrator.core.exchange import Operation, Request
from orchestrator.errors import ConfigurationError

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
API = "https://v1.api.example"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES + _AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def _transport(url: str = "http://127.0.0.1:1") -> HttpTransport:
    return HttpTransport(url, Credentials("the-key", "the-password"), clock=SystemClock())


# Credentials


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, lambda value: f"{value!r:>40}"])
def test_credentials_show_nothing(show: Callable[[object], str]) -> None:
    """However they are printed, neither the texts nor their encoding appear."""
    credentials = Credentials("the-key", "the-password")
    for value in (credentials, credentials.authorization, {"Authorization": credentials.authorization}):
        shown = show(value)
        assert "the-" not in shown
        assert "dGhlLWtleTp0aGUtcGFzc3dvcmQ" not in shown


def test_credentials_reach_the_wire() -> None:
    """The header's bytes are HTTP Basic authentication, also of texts beyond ASCII."""
    assert Credentials("key", "pässword").authorization.encode("latin-1") == b"Basic a2V5OnDDpHNzd29yZA=="


def test_credentials_are_written_nowhere() -> None:
    """They refuse to be pickled."""
    with pytest.raises(TypeError):
        pickle.dumps(Credentials("key", "password"))


@pytest.mark.parametrize(("key", "password"), [("", "x"), ("x", ""), ("a:b", "x"), ("a", "x\n"), ("a\r", "x")])
def test_impossible_credentials_are_refused(key: str, password: str) -> None:
    """Empty texts, a colon in the key and control characters are wrong settings, said without showing them."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials(key, password)
    assert "a:b" not in str(caught.value)


def test_no_traceback_shows_the_credentials() -> None:
    """An exception out of a send, shown with all the locals of its frames, holds no secret."""
    transport = _transport()

    def hook() -> None:
        raise RuntimeError

    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = _transport(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(RuntimeError) as caught:
            transport.open_channel().send(Request(operation=Operation.LIST), before_first_byte=hook)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    transport.close()
    assert "hook" in shown
    assert "the-password" not in shown
    assert "dGhlLWtleTp0aGUtcGFzc3dvcmQ" not in shown


# Route


@pytest.mark.parametrize(
    ("url", "base", "host", "port", "path"),
    [
        ("https://v1.api.phone.com", "https://v1.api.phone.com", "v1.api.phone.com", None, ""),
        ("https://v1.api.phone.com/", "https://v1.api.phone.com", "v1.api.phone.com", None, ""),
        (" HTTPS://Api.Example:8443/v2/ ", "https://api.example:8443/v2", "api.example", 8443, "/v2"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", None, ""),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", 8080, ""),
        ("http://127.8.9.1", "http://127.8.9.1", "127.8.9.1", None, ""),
        ("http://[::1]:8080", "http://[::1]:8080", "::1", 8080, ""),
        ("http://localhost:8080/api", "http://localhost:8080/api", "localhost", 8080, "/api"),
    ],
)
def test_base_urls(url: str, base: str, host: str, port: int | None, path: str) -> None:
    """A base URL is normalised once; plain http is for this machine."""
    route = resolve_route(url)
    assert (route.base_url, route.host, route.port, route.path) == (base, host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "v1.api.phone.com",
        "https://",
        "ftp://x",
        "mailto:x",
        "http://v1.api.phone.com",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "https://user:secret@x",
        "https://x/?a=secret",
        "https://x/#secret",
        "https://x:99999",
        "https://[::1",
        "https://*.example",
        "https://" + "ü" * 100,
    ],
)
def test_bad_base_urls_are_refused(url: str) -> None:
    """Malformed, with credentials, or in clear text to elsewhere: a wrong setting, said without secrets."""
    with pytest.raises(ConfigurationError) as caught:
        resolve_route(url)
    assert "secret" not in str(caught.value)


def test_a_proxy_of_the_environment_is_used_and_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is resolved once, and shown without its credentials."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    route = resolve_route(API)
    assert (route.proxy, route.proxy_reason) == ("http://***@proxy.example:3128", "HTTPS_PROXY")
    assert route.proxy_url == "http://user:secret@proxy.example:3128"
    assert "secret" not in repr(route)


@pytest.mark.parametrize(
    ("variables", "proxy", "reason"),
    [
        ({}, None, "the environment names no proxy"),
        ({"ALL_PROXY": "proxy.example:3128"}, "http://proxy.example:3128", "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://p.example", "NO_PROXY": "other.example"}, "http://p.example", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://p.example", "NO_PROXY": "api.example"}, None, "excepted by NO_PROXY"),
        ({"HTTP_PROXY": "http://p.example"}, None, "the environment names no proxy"),
    ],
)
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], proxy: str | None, reason: str
) -> None:
    """The environment decides, NO_PROXY excepts, and `doctor` can say why."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    route = resolve_route(API)
    assert (route.proxy, route.proxy_reason) == (proxy, reason)


def test_this_machine_is_never_reached_by_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http through a proxy would show it the credentials."""
    monkeypatch.setenv("HTTP_PROXY", "http://p.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://p.example")
    assert resolve_route("http://127.0.0.1:8080").proxy is None
    assert resolve_route("https://localhost").proxy_reason == "this machine is reached directly"


@pytest.mark.parametrize(
    "proxy", ["socks5://secret.example", "http://", "http://secret.example:bad", "https://[secret"]
)
def test_proxies_that_cannot_be_used_are_refused(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A malformed proxy or one of another kind is a wrong setting, found before anything is sent."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError) as caught:
        resolve_route(API)
    assert "secret" not in str(caught.value)


def test_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The setting goes before the environment, the environment before the bundled ones; plain http needs none."""
    bundle = Path(requests.certs.where())
    assert (resolve_route(API).ca, resolve_route(API).ca_reason) == (str(bundle), "bundled with the program")
    for name in reversed(_AUTHORITIES):
        monkeypatch.setenv(name, str(tmp_path))
        assert (resolve_route(API).ca, resolve_route(API).ca_reason) == (str(tmp_path), name)
    route = resolve_route(API, ca_file=str(bundle))
    assert (route.ca, route.ca_reason) == (str(bundle), "setting")
    assert resolve_route("http://127.0.0.1").ca is None


def test_authorities_are_loaded_from_a_file_or_a_folder(tmp_path: Path) -> None:
    """Both kinds verify host names; plain http has no TLS."""
    for ca in (requests.certs.where(), str(tmp_path)):
        context = tls_context(resolve_route(API, ca_file=ca))
        assert context is not None
        assert context.check_hostname
    assert tls_context(resolve_route("http://127.0.0.1")) is None


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_authorities_that_cannot_be_loaded_are_refused(tmp_path: Path, content: str | None) -> None:
    """A missing or broken file is a wrong setting."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        tls_context(resolve_route(API, ca_file=str(file)))


# Pinned settings


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1"])
def test_nothing_is_ever_repeated(monkeypatch: pytest.MonkeyPatch, proxy: str | None) -> None:
    """Retries are 0 in the adapter, the pool managers and the pools, with and without a proxy."""
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    transport = _transport(API)
    adapter = transport.open_channel()._adapter
    managers = [adapter.poolmanager, *adapter.proxy_manager.values()]
    assert len(managers) == (2 if proxy else 1)
    assert [pool.proxy is not None for manager in managers for pool in manager.pools._container.values()] == [
        bool(proxy)
    ]
    for retries in [adapter.max_retries, adapter._pool.retries] + [
        each.connection_pool_kw["retries"] for each in managers
    ]:
        assert (retries.total, retries.connect, retries.read, retries.redirect, retries.status, retries.other) == (
            0,
            0,
            False,
            0,
            0,
            0,
        )
        for method in ("GET", "PUT", "POST", "DELETE"):
            assert not retries.is_retry(method, 503, has_retry_after=True)
    transport.close()


def test_a_connection_may_be_idle_for_less_than_a_second() -> None:
    """Rules, section 4.3."""
    assert REUSE_WITHIN_S == 1.0


def test_options_a_platform_lacks_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux has all of them; elsewhere the rest is still set, and `doctor` can tell which are missing."""
    assert missing_socket_options() == ()
    whole = len(socket_options())
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    assert missing_socket_options() == ("TCP_USER_TIMEOUT",)
    assert len(socket_options()) == whole - 1


def test_the_route_is_shown() -> None:
    """`doctor` can ask a transport for its route."""
    transport = _transport()
    assert isinstance(transport.route, Route)
    transport.close()


def test_a_secret_text_is_still_that_text() -> None:
    """Comparisons and joins work on the true text; only printing is masked."""
    assert SecretText("abc") == "abc"
    assert "".join([SecretText("abc")]) == "abc"


# Sending and lines


def test_a_stop_before_the_mark_wins() -> None:
    """A request stopped before its mark is not sent, even when the stop comes inside its hook."""
    clock = SystemClock()
    holder: list[Sending] = []
    sending = Sending(clock, deadline=clock.now().plus(60), hook=lambda: holder[0].stop(Stop.ABORTED))
    holder.append(sending)
    with pytest.raises(StoppedBeforeSendError):
        sending.mark()
    assert (sending.first_byte, sending.stopped) == (None, Stop.ABORTED)


def test_the_first_stop_counts() -> None:
    """An abort after the deadline does not change why the request was given up."""
    clock = SystemClock()
    sending = Sending(clock, deadline=clock.now().plus(60))
    sending.stop(Stop.DEADLINE)
    sending.stop(Stop.ABORTED)
    assert sending.stopped is Stop.DEADLINE


def test_a_request_that_is_over_cannot_harm_the_next_on_its_line() -> None:
    """Only the user of a line can shut it down or leave it."""
    near, far = socket.socketpair()
    with near, far:
        line = Line(near)
        line.take("one")
        line.take("two")
        line.shut("one")
        line.leave("one", whole=False)
        near.send(b"x")
        assert far.recv(1) == b"x"
        line.shut("two")
        assert far.recv(1) == b""
        line.leave("two", whole=False)
        line.shut("two")
        line.abandon()
