"""The look at the API: harmless requests, and what each reply and each end of a connection tells."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
import trustme

from orchestrator.adapters.transport import Credentials
from orchestrator.errors import AuthenticationError, ConfigurationError, UnreachableError
from orchestrator.probe.api import ApiProbe, percentile
from tests.conformance.raw_server import Peer, RawServer, answering, reply, sending, then

LIST = {"response": {"data": []}}
CREDENTIALS = Credentials("key", "pa55word")
Look = Callable[..., ApiProbe]


def keeping(peer: Peer, **headers: str) -> None:
    """Answer every request on the connection, until its client goes."""
    while peer.read_request() is not None:
        peer.send(reply(200, LIST, **headers))


@pytest.fixture
def looking() -> Iterator[Callable[[Callable[[Peer], object]], tuple[ApiProbe, RawServer]]]:
    servers: list[RawServer] = []

    def look(script: Callable[[Peer], object]) -> tuple[ApiProbe, RawServer]:
        servers.append(RawServer(script).__enter__())
        return ApiProbe(servers[-1].url, CREDENTIALS), servers[-1]

    yield look
    for server in servers:
        server.__exit__()


def test_only_lists_are_asked_for_on_one_connection(looking) -> None:
    """Every request is a GET of the list with the credentials; what replies say is told, the credentials are not."""
    ahead = {"Date": formatdate(time() + 3600, usegmt=True), "Server": "s/1", "Via": "1.1 p"}
    probe, server = looking(lambda peer: keeping(peer, **ahead))
    found = probe.run(requests=4, idle_s=0.05)
    assert [(each.method, each.target, each.body) for each in server.received] == [("GET", "/calls", b"")] * 4
    assert {each.headers["authorization"] for each in server.received} == {"Basic a2V5OnBhNTV3b3Jk"}
    document = found.to_document()
    assert (document["connections"], document["kept"], document["statuses"]) == (1, True, [200] * 4)
    assert (document["server"], document["via"], document["addresses"]) == ("s/1", "1.1 p", ["127.0.0.1"])
    assert 3590 < document["skew_s"] < 3610
    assert (document["closed_after_s"], document["watched_s"]) == (None, 0.1)
    assert 0 < document["p50_ms"] <= document["p90_ms"]
    said = dict(found.facts())
    assert said["idle"] == "still open after 0 s"
    assert said["kept"] == "yes, 1 connection for 4 requests"
    assert "ahead of" in said["clock"]
    assert "pa55word" not in f"{document}{said}{probe.__dict__.keys()}"


def test_connections_that_are_not_kept(looking) -> None:
    """A server that closes after each reply gets a new connection for each request, and there is none to watch."""
    probe, server = looking(answering(reply(200, LIST, Connection="close", Date="no date")))
    found = probe.run(requests=3, idle_s=5)
    assert (found.kept, found.connections, server.connections) == (False, 3, 3)
    assert (found.watched_s, found.skew_s) == (None, None)
    assert dict(found.facts())["server"] == "does not say what it is"


@pytest.mark.parametrize(("last", "how"), [(lambda _: None, "close"), (Peer.reset, "reset")])
def test_who_ends_an_idle_connection(looking, last: Callable[[Peer], object], how: str) -> None:
    """The server's end of an idle connection is timed, and its kind told."""

    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.read_request()
            peer.send(reply(200, LIST))
        last(peer)

    probe, _ = looking(script)
    found = probe.run(requests=2, idle_s=10)
    assert found.closed_by == how
    assert found.closed_after_s is not None
    assert found.closed_after_s < 5
    assert f"ended by a {how}" in dict(found.facts())["idle"]


def test_what_comes_unasked_is_no_end(looking) -> None:
    """Bytes on an idle connection are not taken for its end."""

    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.read_request()
            peer.send(reply(200, LIST))
        peer.send(b"unasked")
        peer.wait_for_end()

    probe, _ = looking(script)
    assert probe.run(requests=2, idle_s=10).closed_by is None


def test_a_server_that_is_asked_too_often_is_left_alone(looking) -> None:
    """After a 429 there are no more requests."""
    probe, server = looking(answering(reply(429, LIST)))
    found = probe.run(requests=10, idle_s=0)
    assert found.statuses == [429]
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        (answering(reply(401, {})), AuthenticationError, "answered 401: check the API key"),
        (answering(reply(302, {}, Location="/x")), ConfigurationError, "answered 302, a redirect"),
        (answering(reply(407, {})), UnreachableError, "asks for a password"),
        (then(), UnreachableError, "cannot be reached"),
        (then(sending(b"junk\r\n\r\n")), UnreachableError, "cannot be reached"),
    ],
)
def test_what_ends_the_look(looking, script: Callable[[Peer], object], error: type[Exception], text: str) -> None:
    """Wrong credentials, a wrong address and no reply are told as such."""
    probe, _ = looking(script)
    with pytest.raises(error, match=text) as raised:
        probe.run(requests=2, idle_s=0)
    assert "pa55word" not in str(raised.value)


def test_nobody_there() -> None:
    """A refused connection is told as such."""
    with pytest.raises(UnreachableError, match="refused"):
        ApiProbe("http://127.0.0.1:1", CREDENTIALS).run(requests=2, idle_s=0)
    with pytest.raises(ConfigurationError, match="must begin with https"):
        ApiProbe("http://api.example", CREDENTIALS)


def test_a_stop_ends_it(looking) -> None:
    """A stop while a reply or the end of an idle connection is awaited ends it; what is known is told."""
    arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(reply(200, LIST))
        peer.read_request()
        arrived.set()
        peer.wait_for_end()

    probe, _ = looking(script)
    stopper = threading.Thread(target=lambda: arrived.wait(10) and probe.stop())
    stopper.start()
    found = probe.run(requests=5, idle_s=60)
    stopper.join()
    assert found.statuses == [200]
    assert probe.run(requests=5, idle_s=60).statuses == []


def test_what_tls_tells(tmp_path: Path) -> None:
    """Version, cipher and for how long the certificate is valid."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with RawServer(keeping, tls=context) as server:
        probe = ApiProbe(server.url, CREDENTIALS, ca_file=str(tmp_path / "ca.pem"))
        found = probe.run(requests=2, idle_s=0)
    assert (found.tls_version, found.connections) == ("TLSv1.3", 1)
    said = dict(found.facts())
    assert said["TLS"].startswith("TLSv1.3, ")
    assert "more days" in said["certificate"]
    with RawServer(keeping, tls=context) as server, pytest.raises(UnreachableError, match="certificate is not valid"):
        ApiProbe(server.url, CREDENTIALS).run(requests=2, idle_s=0)


def test_through_a_proxy_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy does that; where it refuses, the API cannot be reached."""
    with RawServer(answering(reply(503, {}))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(UnreachableError, match=r"through the proxy .* CONNECT with 503"):
            ApiProbe("https://api.invalid", CREDENTIALS).run(requests=2, idle_s=0)


def test_percentiles_are_values_that_were_seen() -> None:
    """Half of the replies were no slower than the median; of nothing there is none."""
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([3, 1, 2], 0.9) == 3
    assert percentile([], 0.5) is None
