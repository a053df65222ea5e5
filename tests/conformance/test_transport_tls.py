"""TLS and proxies: what fails before the request has left is `not_sent`, and what cannot get better is final."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport import Credentials, HttpTransport
from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.limits import CutKind
from tests import canary
from tests.conformance.raw_server import PATIENCE_S, Peer, RawServer, Script, answering, doing, reply, sending, then
from tests.conformance.transport_suite import CALL, COMMAND, GOOD
from tests.conftest import Cli

GOOD_REPLY = reply(200, GOOD[Operation.COMMAND].document)
API_HOST = "api.example.test"
_VARIABLES = (
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write its certificate down."""
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


def _server_tls(
    authority: trustme.CA,
    *names: str,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_before=not_before, not_after=not_after).configure_cert(context)
    return context


@contextmanager
def _transport(url: str, ca_file: Path, *, connect_timeout_s: float = PATIENCE_S) -> Iterator[HttpTransport]:
    transport = HttpTransport(
        url,
        Credentials(canary.KEY, canary.PASSWORD),
        clock=SystemClock(),
        ca_file=str(ca_file),
        connect_timeout_s=connect_timeout_s,
    )
    try:
        yield transport
    finally:
        transport.close()


def _send(url: str, ca_file: Path, request: Request = COMMAND, *, connect_timeout_s: float = PATIENCE_S) -> Reply:
    asked: list[None] = []
    with _transport(url, ca_file, connect_timeout_s=connect_timeout_s) as transport:
        result = transport.open_channel().send(request, before_first_byte=lambda: asked.append(None))
    assert (result.outcome is Outcome.NOT_SENT) is not bool(asked)
    return result


def test_tls_works_and_its_connection_is_reused(authority: trustme.CA, ca_file: Path) -> None:
    """Requests go over a verified TLS connection, several over one."""
    with RawServer(answering(GOOD_REPLY), tls=_server_tls(authority, "127.0.0.1")) as server:
        with _transport(server.url, ca_file) as transport:
            channel = transport.open_channel()
            assert [channel.send(COMMAND).outcome for _ in range(3)] == [Outcome.DONE] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "cuts"), [(then(), {CutKind.CLOSED}), (then(Peer.reset), {CutKind.CLOSED, CutKind.RESET})]
)
def test_a_cut_is_told_through_tls_too(
    authority: trustme.CA, ca_file: Path, script: Script, cuts: set[CutKind]
) -> None:
    """A connection may end without TLS's own farewell; some releases of OpenSSL tell a reset as that, too."""
    with RawServer(script, tls=_server_tls(authority, "127.0.0.1")) as server:
        reply = _send(server.url, ca_file)
    assert reply.outcome is Outcome.UNKNOWN
    assert reply.cut in cuts


def test_certificate_authorities_of_the_environment_are_honoured(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE names the authorities where no setting does."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    with RawServer(answering(GOOD_REPLY), tls=_server_tls(authority, "127.0.0.1")) as server:
        transport = HttpTransport(server.url, Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock())
        assert transport.open_channel().send(COMMAND).outcome is Outcome.DONE
        transport.close()


HANDSHAKES: dict[str, Script] = {
    "closed at once": lambda _: None,
    "reset": Peer.reset,
    "silent": Peer.wait_for_end,
    "not TLS": doing(sending(GOOD_REPLY), Peer.wait_for_end),
    "closed in the middle": doing(lambda peer: peer.sock.recv(10)),
}


@pytest.mark.parametrize("script", HANDSHAKES.values(), ids=HANDSHAKES.keys())
def test_a_broken_handshake_is_not_sent(script: Script, ca_file: Path) -> None:
    """Whatever the exception is called, a handshake that fails has sent nothing and may be tried again."""
    with RawServer(script) as server:
        result = _send(server.url.replace("http", "https"), ca_file, connect_timeout_s=0.2)
    assert (result.outcome, result.first_byte, result.final) == (Outcome.NOT_SENT, None, False)


def test_a_slow_handshake_does_not_outlast_the_deadline(ca_file: Path) -> None:
    """A silent handshake ends at the deadline of the whole exchange, unsent."""
    request = Request(operation=Operation.LOOK, call_id=CALL, deadline_s=0.2)
    with RawServer(Peer.wait_for_end) as server:
        result = _send(server.url.replace("http", "https"), ca_file, request)
    assert result.outcome is Outcome.NOT_SENT
    # The socket's own time-out is set to the same moment; which of the two is noticed first is the machine's business.
    assert result.reason in ("not sent: the deadline of the whole exchange passed", "not sent: no reply came in time")


def test_an_abort_reaches_a_handshake(ca_file: Path) -> None:
    """`abort` ends a request whose TLS handshake hangs."""
    hello = threading.Event()

    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        hello.set()
        peer.wait_for_end()

    with RawServer(script) as server, _transport(server.url.replace("http", "https"), ca_file) as transport:
        channel = transport.open_channel()
        results: list[Reply] = []
        thread = threading.Thread(target=lambda: results.append(channel.send(COMMAND)))
        thread.start()
        assert hello.wait(PATIENCE_S)
        channel.abort()
        thread.join(PATIENCE_S)
    assert [(each.outcome, each.final) for each in results] == [(Outcome.NOT_SENT, False)]


@pytest.mark.parametrize("end", [Peer.reset, lambda _: None, Peer.wait_for_end], ids=["reset", "closed", "silent"])
def test_a_cut_tls_connection_is_unknown(authority: trustme.CA, ca_file: Path, end: Script) -> None:
    """After the first byte a TLS connection that breaks is `unknown`, whatever the exception is called."""
    request = Request(operation=Operation.COMMAND, call_id=CALL, commands=COMMAND.commands, read_timeout_s=0.2)
    with RawServer(then(end), tls=_server_tls(authority, "127.0.0.1")) as server:
        result = _send(server.url, ca_file, request)
    assert result.outcome is Outcome.UNKNOWN
    assert result.first_byte is not None


def test_a_deadline_ends_a_tls_request(authority: trustme.CA, ca_file: Path) -> None:
    """A TLS request without a reply ends at the deadline of the whole exchange."""
    request = Request(operation=Operation.LOOK, call_id=CALL, deadline_s=0.2)
    with RawServer(then(Peer.wait_for_end), tls=_server_tls(authority, "127.0.0.1")) as server:
        result = _send(server.url, ca_file, request)
    assert (result.outcome, result.reason) == (
        Outcome.UNKNOWN,
        "the deadline of the whole exchange passed, after the request was sent",
    )


def _relay(port: int) -> Script:
    """Return a proxy's script: opens every tunnel to one port of this machine."""

    def script(peer: Peer) -> None:
        if not peer.read_head():
            return
        with socket.create_connection(("127.0.0.1", port)) as far:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(far, peer.sock), daemon=True)
            back.start()
            _copy(peer.sock, far)
            back.join(PATIENCE_S)

    return script


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            socket.socket.shutdown(each, socket.SHUT_RDWR)


@pytest.mark.parametrize("proxy_scheme", ["http", "https"])
def test_a_tunnel_carries_requests(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, proxy_scheme: str
) -> None:
    """Through an http or https proxy: the hook runs after the CONNECT and before the request; the tunnel is reused."""
    proxy_tls = _server_tls(authority, "localhost") if proxy_scheme == "https" else None
    with (
        RawServer(answering(GOOD_REPLY), tls=_server_tls(authority, API_HOST)) as server,
        RawServer(_relay(server.port), tls=proxy_tls) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{proxy_scheme}://localhost:{proxy.port}")
        seen: list[tuple[int, int]] = []
        with _transport(f"https://{API_HOST}", ca_file) as transport:
            channel = transport.open_channel()
            for _ in range(2):
                result = channel.send(
                    COMMAND, before_first_byte=lambda: seen.append((server.connections, len(server.received)))
                )
                assert result.outcome is Outcome.DONE
        assert seen == [(1, 0), (1, 1)]
        assert proxy.connections == 1


def test_the_proxy_gets_its_own_credentials_only(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CONNECT carries the proxy's credentials and never the API's; the API never gets the proxy's."""
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        heads.append(peer.read_head())
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        with _server_tls(authority, API_HOST).wrap_socket(peer.sock, server_side=True) as inner:
            answering(GOOD_REPLY)(Peer(inner, peer.server))

    with RawServer(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")
        assert _send(f"https://{API_HOST}", ca_file).outcome is Outcome.DONE
        assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in heads[0]
        assert b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()) not in heads[0]
        assert "proxy-authorization" not in proxy.received[0].headers


@pytest.mark.parametrize(("status", "final"), [(407, True), (403, True), (502, False), (503, False), (504, False)])
def test_a_refused_tunnel_is_not_sent(ca_file: Path, monkeypatch: pytest.MonkeyPatch, status: int, final: bool) -> None:
    """A proxy that refuses the tunnel: `not_sent`; 407 and 403 are final, 502, 503 and 504 are not."""
    with RawServer(doing(Peer.read_head, sending(reply(status, {})))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")
        result = _send(f"https://{API_HOST}", ca_file)
    assert (result.outcome, result.final) == (Outcome.NOT_SENT, final)
    assert result.reason == f"not sent: the proxy refused the tunnel with status {status}"


PROXY_FAULTS: dict[str, Script] = {
    "closes at CONNECT": doing(Peer.read_head),
    "resets at CONNECT": doing(Peer.read_head, Peer.reset),
    "silent at CONNECT": Peer.wait_for_end,
    "garbage at CONNECT": doing(Peer.read_head, sending(b"what?\r\n\r\n")),
    "closes in the handshake": doing(Peer.read_head, sending(b"HTTP/1.1 200 OK\r\n\r\n")),
}


@pytest.mark.parametrize("script", PROXY_FAULTS.values(), ids=PROXY_FAULTS.keys())
def test_a_failing_proxy_is_not_sent(script: Script, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that breaks before the request left has sent nothing on, whatever the exception is called."""
    with RawServer(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        result = _send(f"https://{API_HOST}", ca_file, connect_timeout_s=0.2)
    assert (result.outcome, result.first_byte, result.final) == (Outcome.NOT_SENT, None, False)


def test_a_refusing_proxy_is_not_sent(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the proxy's address: `not_sent`."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{bound.getsockname()[1]}")
        result = _send(f"https://{API_HOST}", ca_file)
    assert (result.outcome, result.reason) == (Outcome.NOT_SENT, "not sent: the connection was refused")


def test_a_cut_tunnel_after_the_request_is_unknown(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that cuts while the command runs leaves it `unknown`, though the library calls it a proxy error."""
    with (
        RawServer(then(), tls=_server_tls(authority, API_HOST)) as server,
        RawServer(_relay(server.port)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        result = _send(f"https://{API_HOST}", ca_file)
        assert len(server.received) == 1
    assert result.outcome is Outcome.UNKNOWN


DAY = dt.timedelta(days=1)
BAD_CERTIFICATES = {
    "unknown authority": "unable to get local issuer certificate",
    "wrong host": "certificate is not valid for",
    "expired": "certificate has expired",
    "not valid yet": "certificate is not yet valid",
    "made by itself": "self-signed certificate",
}
"""What is wrong with a certificate, and the words that name it."""
WAYS = ("direct", "through an http proxy", "through an https proxy", "of the proxy itself")


def _bad_tls(authority: trustme.CA, case: str, host: str) -> ssl.SSLContext:
    now = dt.datetime.now(dt.UTC)
    if case == "made by itself":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = trustme.CA()
        with own.cert_pem.tempfile() as certificate, own.private_key_pem.tempfile() as key:
            context.load_cert_chain(certificate, key)
        return context
    return {
        "unknown authority": _server_tls(trustme.CA(), host),
        "wrong host": _server_tls(authority, "elsewhere.example"),
        "expired": _server_tls(authority, host, not_after=now - DAY),
        "not valid yet": _server_tls(authority, host, not_before=now + DAY, not_after=now + 2 * DAY),
    }[case]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", BAD_CERTIFICATES)
def test_a_bad_certificate_is_final(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch, case: str, way: str
) -> None:
    """`not_sent`, final, never tried again with verification off; the reason says whose certificate, and what it is.

    No request reaches anybody: neither the server, nor the proxy beside its CONNECT.
    """
    is_proxys = way == "of the proxy itself"
    host = "127.0.0.1" if way == "direct" else API_HOST
    server_tls = _server_tls(authority, host) if is_proxys else _bad_tls(authority, case, host)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RawServer(answering(GOOD_REPLY), tls=server_tls))
        url = server.url
        if way != "direct":
            proxy_tls = _bad_tls(authority, case, "localhost") if is_proxys else None
            proxy_tls = _server_tls(authority, "localhost") if way == "through an https proxy" else proxy_tls
            proxy = stack.enter_context(RawServer(_relay(server.port), tls=proxy_tls))
            monkeypatch.setenv("HTTPS_PROXY", f"{'http' if proxy_tls is None else 'https'}://localhost:{proxy.port}")
            url = f"https://{API_HOST}"
        result = _send(url, ca_file)
        assert server.received == []
        assert (server.connections == 0) is is_proxys
    assert (result.outcome, result.final, result.first_byte) == (Outcome.NOT_SENT, True, None)
    whose = "proxy" if is_proxys else "server"
    assert result.reason.startswith(f"not sent: the {whose}'s certificate is not valid: ")
    assert BAD_CERTIFICATES[case] in result.reason


def test_a_bad_certificate_ends_a_run_with_its_cause(
    authority: trustme.CA, ca_file: Path, make_cli: Callable[[str], Cli]
) -> None:
    """`run` says what is wrong with the certificate after one attempt, and nobody is rung: nothing was sent."""
    past = dt.datetime.now(dt.UTC) - DAY
    with RawServer(answering(GOOD_REPLY), tls=_server_tls(authority, "127.0.0.1", not_after=past)) as server:
        cli = make_cli(server.url)
        configuration = cli.write("ca.yaml", f"ca_file: {ca_file}\n")
        dial = {"to": "+12125550123", "from": "+15555550199"}
        script = cli.write("dial.json", json.dumps({"commands": [{"dial": dial}]}))
        document = cli.json("--config", configuration, "run", script, code=78)
        assert (server.received, server.connections) == ([], 1)
    assert "the server's certificate is not valid: certificate has expired" in document["error"]["message"]
    assert document["steps"][0]["outcome"] == "not_sent"
