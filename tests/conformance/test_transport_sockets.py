"""What the transport does on the wire: when bytes leave, what stays open, and that nothing leaves late."""

from __future__ import annotations

import socket
import struct
import threading
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport import Credentials, HttpTransport
from orchestrator.adapters.transport.http import LONGEST_BODY_BYTES, HttpChannel
from orchestrator.adapters.transport.sending import Sending
from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.instant import Instant
from tests import canary
from tests.conformance.raw_server import PATIENCE_S, Peer, RawServer, Script, answering, reply, sending, then
from tests.conformance.transport_suite import CALL, COMMAND, GOOD, REQUESTS

GOOD_REPLY = reply(200, GOOD[Operation.COMMAND].document)


class _TurningClock(SystemClock):
    """A clock that a test can turn forward."""

    ahead_s = 0.0

    def now(self) -> Instant:
        """Return the real moment, moved."""
        return super().now().plus(self.ahead_s)


@contextmanager
def _serving(script: Script, **options: object) -> Iterator[tuple[RawServer, HttpChannel]]:
    with RawServer(script) as server:
        transport = HttpTransport(
            server.url, Credentials(canary.KEY, canary.PASSWORD), **{"clock": SystemClock(), **options}
        )
        try:
            yield server, transport.open_channel()
        finally:
            transport.close()


def _command(*, read_timeout_s: float = PATIENCE_S, deadline_s: float = PATIENCE_S) -> Request:
    return Request(
        operation=Operation.COMMAND,
        call_id=CALL,
        commands=COMMAND.commands,
        read_timeout_s=read_timeout_s,
        deadline_s=deadline_s,
    )


def _send_in_thread(channel: HttpChannel, request: Request = COMMAND) -> Callable[[], Reply]:
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(channel.send(request)))
    thread.start()

    def result() -> Reply:
        thread.join(PATIENCE_S)
        return replies[0]

    return result


@contextmanager
def _deaf_port() -> Iterator[int]:
    """Give a port that answers no connection attempt, because its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


def _is_connecting(sending: Sending) -> bool:
    """Tell whether the kernel has sent the SYN of a request's connection."""
    handle = sending._line and sending._line._handle
    syn_sent = 2
    return bool(handle) and handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == syn_sent


def test_the_request_is_written_as_the_contract_says() -> None:
    """Method, path, JSON body and headers: Basic authentication, no compression, no cookies, one Host."""
    with _serving(answering(GOOD_REPLY)) as (server, channel):
        channel.send(COMMAND)
        received = server.received[0]
    assert (received.method, received.target) == ("PUT", f"/calls/{CALL}")
    assert received.body == b'{"commands":[{"say":{"text":"Hello"}}]}'
    assert (
        received.headers["authorization"] == "Basic " + b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()).decode()
    )
    assert received.headers["content-type"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert "cookie" not in received.headers
    assert "transfer-encoding" not in received.headers


def test_no_byte_is_on_the_wire_when_the_hook_runs() -> None:
    """The server has the connection and not one byte of the request while `before_first_byte` runs."""
    arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.sock.recv(1, socket.MSG_PEEK)
        arrived.set()
        answering(GOOD_REPLY)(peer)

    with _serving(script) as (server, channel):

        def hook() -> None:
            server.wait_connections(1)
            assert not arrived.wait(0.05)

        assert channel.send(COMMAND, before_first_byte=hook).outcome is Outcome.DONE
        assert arrived.is_set()


@pytest.mark.parametrize("raised", [BrokenPipeError, ConnectionResetError, KeyboardInterrupt, RuntimeError])
def test_whatever_the_hook_raises_sends_nothing(raised: type[BaseException]) -> None:
    """Also what the HTTP library would swallow leaves the request unsent, reaches the caller and closes the socket."""
    ends: list[str] = []
    seen = threading.Event()

    def script(peer: Peer) -> None:
        ends.append(peer.wait_for_end())
        seen.set()

    def hook() -> None:
        raise raised

    with _serving(script) as (server, channel):
        with pytest.raises(raised):
            channel.send(COMMAND, before_first_byte=hook)
        assert seen.wait(PATIENCE_S)
        assert server.received == []
    assert ends == ["reset"]


def test_a_young_connection_is_reused() -> None:
    """The next step of a run, sent at once, goes over the same connection; another channel opens its own."""
    with RawServer(answering(GOOD_REPLY)) as server:
        transport = HttpTransport(server.url, Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock())
        channel = transport.open_channel()
        for _ in range(3):
            channel.send(COMMAND)
        assert server.connections == 1
        transport.open_channel().send(COMMAND)
        assert server.connections == 2
        transport.close()


def test_an_older_connection_is_not_reused() -> None:
    """A connection idle for a second is closed, and a fresh one is opened."""
    clock = _TurningClock()
    with _serving(answering(GOOD_REPLY), clock=clock) as (server, channel):
        channel.send(COMMAND)
        clock.ahead_s += 1.0
        assert channel.send(COMMAND).outcome is Outcome.DONE
        assert server.connections == 2


def test_a_create_never_reuses_a_connection() -> None:
    """POST /calls always has a fresh connection, and leaves it to the step after it."""
    with _serving(answering(reply(201, GOOD[Operation.CREATE].document))) as (server, channel):
        channel.send(COMMAND)
        channel.send(REQUESTS[Operation.CREATE])
        assert server.connections == 2
        channel.send(COMMAND)
        assert server.connections == 2


def test_a_connection_closed_while_idle_is_replaced() -> None:
    """A stale connection costs a new one, never an `unknown`."""
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(GOOD_REPLY)
        peer.sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    with _serving(script) as (server, channel):
        for count in (1, 2):
            assert channel.send(COMMAND).outcome is Outcome.DONE
            assert closed.wait(PATIENCE_S)
            closed.clear()
            assert server.connections == count


def test_the_end_of_a_call_asks_to_close() -> None:
    """DELETE is the last request of a run: `Connection: close` goes with it, and with no other."""
    with _serving(answering(GOOD_REPLY)) as (server, channel):
        channel.send(COMMAND)
        channel.send(REQUESTS[Operation.END])
        assert [each.headers.get("connection") for each in server.received] == [None, "close"]


def test_the_socket_has_its_options_before_the_first_byte() -> None:
    """Keepalive 15/5/3, TCP_USER_TIMEOUT 30 s, SO_LINGER 0 and TCP_NODELAY are read back from the kernel."""
    options: dict[str, object] = {}
    with _serving(answering(GOOD_REPLY)) as (_, channel):

        def hook() -> None:
            sock = channel._shared.wire.sending._line._handle
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NODELAY"):
                options[name] = sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            options["SO_KEEPALIVE"] = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            options["SO_LINGER"] = struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))

        channel.send(COMMAND, before_first_byte=hook)
    assert options == {
        "TCP_KEEPIDLE": 15,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 30_000,
        "TCP_NODELAY": 1,
        "SO_KEEPALIVE": 1,
        "SO_LINGER": (1, 0),
    }


def _ending(seen: list[str], done: threading.Event, first: Callable[[Peer], object]) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        first(peer)
        seen.append(peer.wait_for_end())
        done.set()

    return script


@pytest.mark.parametrize(
    ("operation", "headers"),
    [(Operation.COMMAND, {}), (Operation.END, {}), (Operation.COMMAND, {"Connection": "close"})],
)
def test_after_a_whole_reply_the_connection_is_closed_in_peace(operation: Operation, headers: dict[str, str]) -> None:
    """SO_LINGER is cleared once the reply is whole: the server sees an orderly close."""
    seen: list[str] = []
    done = threading.Event()
    good = reply(200, GOOD[Operation.COMMAND].document, **headers)
    with _serving(_ending(seen, done, sending(good))) as (_, channel):
        assert channel.send(REQUESTS[operation]).outcome is Outcome.DONE
        channel.close()
        assert done.wait(PATIENCE_S)
    assert seen == ["closed"]


def test_a_request_given_up_is_reset() -> None:
    """After a read timeout the kernel forgets the request: the server sees a reset, before `send` returns."""
    seen: list[str] = []
    done = threading.Event()
    with _serving(_ending(seen, done, lambda _: None)) as (_, channel):
        result = channel.send(_command(read_timeout_s=0.05))
        assert done.wait(PATIENCE_S)
    assert result.outcome is Outcome.UNKNOWN
    assert result.reason == "no reply came in time, after the request was sent"
    assert seen == ["reset"]


def test_slow_bytes_do_not_outlast_the_deadline() -> None:
    """A server that sends a byte now and then never trips the read timeout; the deadline ends it."""
    drip = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        for byte in GOOD_REPLY:
            peer.send(bytes([byte]))
            if drip.wait(0.02):
                return

    with _serving(script) as (_, channel):
        began = SystemClock().now()
        result = channel.send(_command(deadline_s=0.3))
        drip.set()
    assert result.outcome is Outcome.UNKNOWN
    assert "deadline" in result.reason
    assert 0.25 < result.ended.since(began) < 2.0


def test_one_thread_watches_all_deadlines() -> None:
    """A later request with an earlier deadline ends at its own; one thread watches both."""
    with _serving(then(Peer.wait_for_end)) as (server, channel):
        patient = _send_in_thread(channel, _command(deadline_s=PATIENCE_S))
        server.wait_received(1)
        hasty = channel.send(_command(deadline_s=0.1))
        watchers = [thread for thread in threading.enumerate() if thread.name == "transport-deadlines"]
        channel.abort()
        aborted = patient()
    assert "deadline" in hasty.reason
    assert "aborted" in aborted.reason
    assert {hasty.outcome, aborted.outcome} == {Outcome.UNKNOWN}
    assert len(watchers) == 1


def test_a_deadline_before_the_mark_is_not_sent() -> None:
    """A connection that takes too long is given up at the deadline, and nothing was sent."""
    with _deaf_port() as port:
        transport = HttpTransport(
            f"http://127.0.0.1:{port}", Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock()
        )
        began = SystemClock().now()
        result = transport.open_channel().send(_command(deadline_s=0.2))
        transport.close()
    assert (result.outcome, result.first_byte, result.final) == (Outcome.NOT_SENT, None, False)
    assert result.ended.since(began) < 2.0


def test_a_deadline_passed_in_the_hook_is_not_sent() -> None:
    """The deadline counts up to the first byte: a hook that takes too long leaves the request unsent."""
    clock = _TurningClock()
    with _serving(answering(GOOD_REPLY), clock=clock) as (server, channel):

        def hook() -> None:
            clock.ahead_s = 100.0

        result = channel.send(COMMAND, before_first_byte=hook)
        assert (result.outcome, server.received) == (Outcome.NOT_SENT, [])


def test_a_connect_timeout_is_not_sent() -> None:
    """No answer to the connection attempt: `not_sent`, worth another try."""
    with _deaf_port() as port:
        transport = HttpTransport(
            f"http://127.0.0.1:{port}",
            Credentials(canary.KEY, canary.PASSWORD),
            clock=SystemClock(),
            connect_timeout_s=0.1,
        )
        result = transport.open_channel().send(COMMAND)
        transport.close()
    assert (result.outcome, result.final) == (Outcome.NOT_SENT, False)
    assert result.reason == "not sent: the connection was not established in time"


def test_an_abort_reaches_a_connection_being_made() -> None:
    """`abort` ends a request that still connects: `not_sent`, at once."""
    with _deaf_port() as port:
        transport = HttpTransport(
            f"http://127.0.0.1:{port}", Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock()
        )
        channel = transport.open_channel()
        result = _send_in_thread(channel, _command())
        while not any(_is_connecting(sending) for sending in list(channel._open)):
            SystemClock().wait(SystemClock().now().plus(0.001), threading.Event())
        began = SystemClock().now()
        channel.abort()
        given_up = result()
        transport.close()
    assert (given_up.outcome, given_up.first_byte) == (Outcome.NOT_SENT, None)
    assert given_up.ended.since(began) < 2.0


def test_an_unknown_host_is_not_sent() -> None:
    """DNS failure: `not_sent`, worth another try."""
    transport = HttpTransport(
        "https://no-such-host.invalid", Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock()
    )
    result = transport.open_channel().send(COMMAND)
    transport.close()
    assert (result.outcome, result.final) == (Outcome.NOT_SENT, False)
    assert result.reason == "not sent: the host name could not be resolved"


BROKEN = {
    "head cut": b"HTTP/1.1 200 OK\r\nContent-Type: appl",
    "only a head": b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n",
    "empty": reply(200, body=b""),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "half a body, length known": GOOD_REPLY[:-5],
    "half a body, no length": reply(200, {"response": {}}, Content_Length="")[:-3],
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
    "no last chunk": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{"response":{}}\r\n',
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "nothing": b"",
    "endless line": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    "early hint only": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    "HTML": reply(200, body=b"<html>Please log in</html>", Content_Type="text/html"),
    "compressed": reply(200, body=b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
    "wrong shape": reply(200, {"call": {}}),
    "a list": reply(200, [1]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_reply_is_unknown(broken: bytes) -> None:
    """Whatever comes back that is not whole JSON of the expected shape is `unknown`, with a reason."""
    with _serving(then(sending(broken))) as (server, channel):
        result = channel.send(COMMAND)
        assert (result.outcome, len(server.received)) == (Outcome.UNKNOWN, 1)
        assert result.first_byte is not None
        assert result.reason


def test_a_chunked_reply_is_read_and_its_connection_reused() -> None:
    """A chunked body that is whole is as good as one with a length."""
    body = b'{"response": {}}'
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with _serving(answering(chunked)) as (server, channel):
        assert [channel.send(COMMAND).outcome for _ in range(2)] == [Outcome.DONE] * 2
        assert server.connections == 1


def test_a_continue_is_passed_over() -> None:
    """An interim 100 before the reply changes nothing."""
    with _serving(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD_REPLY)) as (_, channel):
        assert channel.send(COMMAND).outcome is Outcome.DONE


@pytest.mark.parametrize("length", ["104857600", ""])
def test_a_huge_body_is_not_read(length: str) -> None:
    """100 MiB of body: `unknown`, with no more memory taken than the cap."""
    head = reply(200, body=b"", Content_Length=length)
    block = b" " * 65536

    def flood(peer: Peer) -> None:
        with suppress(OSError):
            for _ in range(1600):
                peer.sock.sendall(block)

    with _serving(then(sending(head), flood)) as (_, channel):
        tracemalloc.start()
        result = channel.send(COMMAND)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (result.outcome, result.status) == (Outcome.UNKNOWN, 200)
    assert "longer than" in result.reason
    assert peak < 3 * LONGEST_BODY_BYTES


def test_an_early_refusal_of_the_request_is_read() -> None:
    """A server that answers 413 and closes before it has read the request is understood."""

    def script(peer: Peer) -> None:
        peer.sock.recv(10, socket.MSG_PEEK)
        peer.send(reply(413, {"response": {"error": {"message": "too large"}}}, Connection="close"))
        peer.read_request()

    with _serving(script) as (_, channel):
        result = channel.send(COMMAND)
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "the API answered 413 (request too large): too large")


def test_cookies_of_the_server_are_not_sent_back() -> None:
    """A Set-Cookie is forgotten."""
    with _serving(answering(reply(200, {"response": {}}, Set_Cookie="a=b"))) as (server, channel):
        for _ in range(2):
            channel.send(COMMAND)
        assert "cookie" not in server.received[1].headers


def test_closing_the_transport_ends_open_requests() -> None:
    """`close` aborts what is open, ends the watcher's thread, and nothing is sent after it."""
    with RawServer(then(Peer.wait_for_end)) as server:
        transport = HttpTransport(server.url, Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock())
        channel = transport.open_channel()
        result = _send_in_thread(channel)
        server.wait_received()
        transport.close()
        assert result().outcome is Outcome.UNKNOWN
        assert not [thread for thread in threading.enumerate() if thread.name == "transport-deadlines"]
        late = channel.send(COMMAND)
        assert (late.outcome, late.final, late.reason) == (Outcome.NOT_SENT, True, "not sent: the channel was closed")
