"""How a hold ended is told from what came over the wire, and open holds can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.core.limits import CutKind
from orchestrator.core.probing import Hold
from orchestrator.errors import ConfigurationError, UnreachableError, UsageError
from orchestrator.probe import way as ways
from orchestrator.probe.client import Bounds, Probe, Progress
from orchestrator.probe.holds import MARK, Holds, NoConnectionError, StoppedError
from orchestrator.probe.way import way_to
from tests.conformance.raw_server import Peer, RawServer, answering, reply, sending, then
from tests.unit.probe.test_hold_server import serving

ABOUT = {MARK: "1", "longest_s": 9, "most": 4, "peer": {"host": "h", "port": 1}, "headers": {}}
Serve = Callable[[Callable[[Peer], object]], Holds]


@pytest.fixture
def holds() -> Iterator[Serve]:
    """Make `Holds` to a server that does with each connection what it is told."""
    servers: list[RawServer] = []

    def serve(script: Callable[[Peer], object]) -> Holds:
        servers.append(RawServer(script).__enter__())
        return Holds(way_to(servers[-1].url))

    yield serve
    for server in servers:
        server.__exit__()


def quiet(peer: Peer) -> None:
    peer.wait_for_end()


def resetting(peer: Peer) -> None:
    peer.reset()


def reset_at_the_next_byte(peer: Peer) -> None:
    peer.sock.recv(1)
    peer.reset()


def late(peer: Peer) -> None:
    peer.sock.recv(1)
    peer.send(reply(200, ABOUT))


@pytest.mark.parametrize(
    ("script", "cut", "status"),
    [
        (answering(reply(200, {**ABOUT, "held_s": 0})), None, None),
        (then(), CutKind.CLOSED, None),
        (then(resetting), CutKind.RESET, None),
        (then(sending(b"HTTP/1.1 200 OK\r\nContent-Le")), CutKind.CLOSED, None),
        (then(sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n \n\r\n")), CutKind.CLOSED, None),
        (then(sending(b"HTTP/1.0 200 OK\r\n\r\n \n")), CutKind.CLOSED, None),
        (then(sending(b"what is this\r\n\r\n")), CutKind.CLOSED, None),
        (answering(reply(504, body=b"<html>", Via="1.1 p", Server="s")), CutKind.GATEWAY, 504),
        (answering(reply(408, body=b"")), CutKind.GATEWAY, 408),
        (answering(reply(503, {"error": "not a hold server's"})), CutKind.GATEWAY, 503),
        (then(quiet), CutKind.SILENT, None),
        (then(reset_at_the_next_byte), CutKind.RESET_ON_SEND, None),
        (then(late), CutKind.SILENT, None),
    ],
)
def test_how_a_hold_ended(
    holds: Serve,
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[[Peer], object],
    cut: CutKind | None,
    status: int | None,
) -> None:
    """A reply, a close, a reset, somebody else's page, silence, and a reset at the next packet are told apart."""
    monkeypatch.setattr("orchestrator.probe.holds._POKE_S", 0.2)
    finding = holds(script).hold(Hold(length_s=0.1, beat=True), patience_s=0.1)
    assert (finding.cut, finding.status) == (cut, status)
    assert finding.lasted_s >= 0.2 or cut not in (CutKind.SILENT, CutKind.RESET_ON_SEND)
    assert finding.server == ("s, 1.1 p" if status == 504 else None)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (reply(403, body=b"<html>", Server="wall"), UsageError, r"answered 403 \(wall\)"),
        (reply(404, body=b""), UsageError, r"answered 404 \(unnamed\)"),
        (reply(400, {MARK: "1", "problem": "no hold is longer than 5 s"}), UsageError, "no hold is longer"),
        (reply(503, {MARK: "1", "problem": "64 holds are open already"}), NoConnectionError, "64 holds"),
    ],
)
def test_what_is_no_finding(holds: Serve, answer: bytes, error: type[Exception], text: str) -> None:
    """A refusal, of the hold server or of somebody in between, says nothing about lengths."""
    with pytest.raises(error, match=text):
        holds(answering(answer)).hold(Hold(length_s=0.1), patience_s=1)


@pytest.mark.parametrize("script", [answering(reply(200, {"calls": []})), answering(reply(404, body=b"")), then()])
def test_something_else_at_the_url(holds: Serve, script: Callable[[Peer], object]) -> None:
    """What is no hold server is told before anything is measured."""
    with pytest.raises(UsageError, match="there is no hold server at this URL"):
        holds(script).about()


def test_nobody_at_the_url() -> None:
    """A refused connection is no finding either."""
    with pytest.raises(NoConnectionError, match="refused"):
        Holds(way_to("http://127.0.0.1:1/token")).about()
    with pytest.raises(UnreachableError, match=r"127.0.0.1:1 cannot be reached: .*refused"):
        Probe(way_to("http://127.0.0.1:1/token"), Bounds()).begin()


def test_open_holds_can_be_stopped_and_dropped(holds: Serve) -> None:
    """`drop` ends those that are named, `stop` all; neither is taken for an end that the network made."""
    arrived = threading.Semaphore(0)

    def hold(peer: Peer) -> None:
        peer.read_request()
        arrived.release()
        peer.wait_for_end()

    several = holds(hold)
    with ThreadPoolExecutor() as pool:
        short = pool.submit(several.hold, Hold(length_s=30), patience_s=1)
        long = pool.submit(several.hold, Hold(length_s=60), patience_s=1)
        for _ in range(2):
            assert arrived.acquire(timeout=10)
        several.drop(lambda each: each.length_s > 40)
        with pytest.raises(StoppedError):
            long.result(10)
        assert not short.done()
        several.stop()
        with pytest.raises(StoppedError):
            short.result(10)
    with pytest.raises(StoppedError):
        several.hold(Hold(length_s=1), patience_s=1)


def test_a_proxy_is_used_as_it_wants_to_be() -> None:
    """Plain http is asked for by its whole URL, with the proxy's password; the password is never shown."""
    with RawServer(answering(reply(200, ABOUT))) as proxy:
        place = proxy.url.removeprefix("http://")
        way = way_to("http://hold.example:81/token", proxy=f"http://user:s%2Fcret@{place}")
        assert Holds(way).about().longest_s == 9
    (request,) = proxy.received
    assert request.target == "http://hold.example:81/token"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzL2NyZXQ="
    assert way.route.proxy == f"http://***@{place}"


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"HTTP/1.1 407 Who\r\n\r\n", "CONNECT with 407 Who"), (b"", "no HTTP reply"), (b"junk\r\n\r\n", "no HTTP reply")],
)
def test_a_tunnel_that_is_refused(answer: bytes, text: str) -> None:
    """What the proxy says to CONNECT is no end of a hold."""
    with RawServer(then(sending(answer)) if answer else then()) as proxy:
        way = way_to("https://hold.example/token", proxy=f"http://u:p@{proxy.url.removeprefix('http://')}")
        with pytest.raises(NoConnectionError, match=text):
            Holds(way).about()
    assert [(each.method, each.target) for each in proxy.received] == [("CONNECT", "hold.example:443")]


@pytest.mark.parametrize("proxy", ["https://p.example:1", "socks5://p.example", "http://", "http://p:x", "p.example"])
def test_proxies_that_cannot_be_used(proxy: str) -> None:
    """Only http:// proxies are spoken to here."""
    with pytest.raises(ConfigurationError):
        way_to("http://127.0.0.1:1", proxy=proxy)


def test_keepalive_is_on_or_off() -> None:
    """With it, the length that was asked for; without it, none at all."""
    with RawServer(then(quiet)) as server:
        way = way_to(server.url)
        for keepalive_s, on in ((None, 0), (2, 1), (15, 1)):
            with way.open(keepalive_s=keepalive_s, timeout_s=5) as sock:
                assert bool(sock.getsockopt(ways.socket.SOL_SOCKET, ways.socket.SO_KEEPALIVE)) is bool(on)
                if keepalive_s is not None:
                    assert sock.getsockopt(ways.socket.IPPROTO_TCP, ways.socket.TCP_KEEPIDLE) == keepalive_s
                    assert sock.getsockopt(ways.socket.IPPROTO_TCP, ways.socket.TCP_KEEPINTVL) == min(keepalive_s, 5)


def test_names_without_an_address() -> None:
    """The reason is said in words."""
    with pytest.raises(NoConnectionError, match="cannot be resolved"):
        Holds(way_to("http://no-such-host.invalid/token")).about()


def bounds(**changed: float) -> Bounds:
    return Bounds(**{"from_s": 0.1, "to_s": 0.4, "within_s": 20, "parallel": 4, "precision_s": 0.1, **changed})


def test_a_path_that_cuts_nothing() -> None:
    """Every hold lives; what the server offers bounds what is tried."""
    with serving(longest_s=0.2, most=3) as (url, _):
        told: list[int] = []
        probe = Probe(way_to(url), bounds(), Progress(lambda progress: told.append(len(progress.open))))
        probe.begin()
        assert (probe.bounds.to_s, probe.bounds.parallel) == (0.2, 3)
        known = probe.run()
    assert (known.lived_s, known.died_s, probe.complete) == (0.2, None, True)
    assert told[0] == 3


def test_a_probe_that_is_stopped_tells_what_is_known() -> None:
    """A stop ends it at once; what lived until then is kept."""
    with serving() as (url, _):
        probe = Probe(way_to(url), bounds(to_s=60, parallel=2))
        probe.begin()
        probe.progress.told = lambda progress: probe.stop() if progress.findings else None
        known = probe.run()
    assert (known.lived_s, known.died_s, probe.complete) == (0.1, None, False)


def test_a_probe_ends_within_its_time() -> None:
    """The bound of time holds, whatever is still open."""
    with serving() as (url, _):
        probe = Probe(way_to(url), bounds(to_s=60, within_s=0.6, parallel=2))
        probe.begin()
        known = probe.run()
    assert known.lived_s == 0.1
    assert not probe.complete
    assert probe.progress.measured_s < 10
    assert bounds(to_s=60, within_s=0.6).at_most_s == 0.6


def test_a_server_that_goes_away() -> None:
    """Where no hold gets through there is nothing to conclude: it is said why."""
    with serving() as (url, stop):
        probe = Probe(way_to(url), bounds())
        probe.begin()
        stop()
        with pytest.raises(UnreachableError, match="refused"):
            probe.run()


def test_an_interrupt_ends_every_hold() -> None:
    """Whatever is raised while holds are open, none is left behind."""
    with serving() as (url, _):
        probe = Probe(way_to(url), bounds(to_s=60))
        probe.begin()

        def told(_: Progress) -> None:
            raise KeyboardInterrupt

        probe.progress.told = told
        with pytest.raises(KeyboardInterrupt):
            probe.run()
    assert threading.active_count() < 10
