"""The event receiver on a real socket: embedded in a program, in the words of the configuration."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sqlite3
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import orchestrator
from orchestrator import EventReceiver, Orchestrator
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events import note
from orchestrator.adapters.events.note import find_receiver, leave_note
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import EventReceived, RunMarks
from orchestrator.errors import ConfigurationError, UnreachableError, UsageError
from orchestrator.ports import Lease
from tests.conformance.journal_bench import a_start
from tests.conformance.test_journal import SqliteBench

CLOCK = SystemClock()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with contextlib.closing(SqliteJournal(tmp_path / "journal.db", now=CLOCK.now)) as opened:
        yield opened


@pytest.fixture
def lease(journal: SqliteJournal, tmp_path: Path) -> Lease:
    """A run that owns `call-1`."""
    begun = replace(a_start(SqliteBench(tmp_path)), at=CLOCK.now())
    lease = journal.start_run(begun, lease_s=60)
    journal.append(lease, [begun], RunMarks(call_id="call-1", claims_dial=False))
    return lease


@contextlib.contextmanager
def connected(url: str) -> Iterator[HTTPConnection]:
    parts = urlsplit(url)
    with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
        yield connection


def body(call_id: str = "call-1", status: str = "ready") -> bytes:
    return json.dumps({"response": {"call": {"resource_id": call_id, "status": status}}}).encode()


def post(url: str, sent: bytes, **headers: str) -> HTTPResponse:
    with connected(url) as connection:
        connection.request("POST", urlsplit(url).path, sent, headers)
        reply = connection.getresponse()
        reply.read()
        return reply


def get(url: str) -> tuple[int, str]:
    with connected(url) as connection:
        connection.request("GET", urlsplit(url).path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def test_it_is_part_of_the_library() -> None:
    """By its name, at the first use."""
    assert orchestrator.EventReceiver is EventReceiver
    assert "EventReceiver" in orchestrator.__all__


def test_an_event_is_in_the_inbox_when_it_is_acknowledged(journal, lease) -> None:
    """By either address; a run of this process is woken at once."""
    woken: list[str] = []
    with EventReceiver(journal, port=0, on_mail=woken.append) as receiver:
        assert receiver.is_new
        for url in (receiver.main_url, receiver.fallback_url):
            assert post(url, body()).status == 204
            assert "server" not in {name.lower() for name in post(url, body("call-9")).headers}
        assert [event.source for event in journal.take_inbox(lease)] == ["main", "fallback"]
        assert woken == ["run-1", "run-1"]
        status, figures = get(f"{receiver.url}/metrics")
        assert status == 200
        assert 'orchestrator_events_total{result="unknown",source="main"} 1' in figures
        assert get(f"{receiver.url}/health") == (200, "ok\n")
        assert get(f"{receiver.url}/elsewhere") == (404, "")


def test_its_addresses_stay_the_same(journal) -> None:
    """The next one of the same journal has the same secret, and says that it is not new."""
    with EventReceiver(journal, port=0) as receiver:
        path = urlsplit(receiver.main_url).path
    with EventReceiver(journal, port=0) as receiver:
        assert urlsplit(receiver.main_url).path == path
        assert not receiver.is_new


def test_it_is_known_to_run_while_it_runs(journal) -> None:
    """Other processes find it, without its secret; afterwards it is gone."""
    with EventReceiver(journal, port=0, public_url="https://events.example.com/calls/") as receiver:
        found = receiver.running()
        assert found is not None
        assert (found.url, found.public_url, found.pid) == (
            receiver.url,
            "https://events.example.com/calls",
            os.getpid(),
        )
        assert receiver.main_url.startswith("https://events.example.com/calls/")
        secret = urlsplit(receiver.main_url).path.split("/")[2]
        assert secret not in (journal.path.with_name("journal.db.receiver")).read_text()
    assert find_receiver(journal.path, now=CLOCK.now()) is None


def test_it_renews_its_note(journal, monkeypatch) -> None:
    """A sign of life comes again and again."""
    lives = threading.Semaphore(0)
    monkeypatch.setattr("orchestrator.receiver.BEAT_S", 0.01)
    monkeypatch.setattr("orchestrator.receiver.leave_note", lambda *given: (leave_note(*given), lives.release()))
    with EventReceiver(journal, port=0):
        for _ in range(3):
            assert lives.acquire(timeout=10)
    assert note.BEAT_S * 2 < 30


def test_a_note_that_cannot_be_left_ends_nothing(journal, monkeypatch, caplog) -> None:
    """Events are more important than being seen."""

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("orchestrator.receiver.leave_note", full)
    with EventReceiver(journal, port=0) as receiver:
        assert post(receiver.main_url, body("call-9")).status == 204
    assert "cannot note that it runs: No space left" in caplog.text


def test_an_incoming_call_is_handed_on(journal) -> None:
    """The embedding program says what is done with it."""
    rang: list[EventReceived] = []
    with EventReceiver(journal, port=0, on_ringing=rang.append) as receiver:
        assert post(receiver.main_url, body("call-7", "ringing")).status == 204
    assert [event.call.call_id for event in rang] == ["call-7"]


def test_a_journal_that_fails_makes_the_api_use_the_fallback(journal, lease, caplog) -> None:
    """What is not on disk is not acknowledged; once the journal can be written again, events are."""
    with (
        contextlib.closing(SqliteJournal(journal.path, now=CLOCK.now, busy_timeout_s=0.05)) as impatient,
        contextlib.closing(sqlite3.connect(journal.path, isolation_level=None)) as other,
        EventReceiver(impatient, port=0) as receiver,
    ):
        other.execute("BEGIN IMMEDIATE")
        reply = post(receiver.main_url, body())
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert "1 event(s) could not be kept" in caplog.text
        assert journal.take_inbox(lease) == []
        other.execute("ROLLBACK")
        assert post(receiver.main_url, body()).status == 204
        assert len(journal.take_inbox(lease)) == 1


def test_its_application_can_be_mounted(journal) -> None:
    """Without a server of its own it has an application, and paths that are known once it is mounted."""
    receiver = EventReceiver(journal)
    assert receiver.app is receiver.app
    assert receiver.address("main", base="https://me.example/events").startswith("https://me.example/events/")
    with pytest.raises(UsageError, match="does not listen"):
        _ = receiver.url
    receiver.close()


def test_the_words_are_those_of_the_configuration(tmp_path: Path) -> None:
    """Of the file under `serve`; what is given here counts more, and relative paths start at the file's folder."""
    secrets = tmp_path / "signing"
    secrets.write_text("# of the gateway\na-secret-of-this-gateway\n\nanother-one-of-the-same\n")
    secrets.chmod(0o600)
    config = tmp_path / "orchestrator.yaml"
    config.write_text(
        f"journal: {tmp_path / 'journal.db'}\n"
        "serve: {port: 9000, host: '::1', allow: [192.0.2.0/24, '2001:db8::/32'], signing_secrets_file: signing}\n"
    )
    with Orchestrator(config=config) as made:
        options = EventReceiver(made, port=0, metrics_from="192.0.2.1").options
        assert (options.host, options.port) == ("::1", 0)
        assert [str(network) for network in options.allow] == ["192.0.2.0/24", "2001:db8::/32"]
        assert [str(network) for network in options.metrics_from] == ["192.0.2.1/32"]
        assert options.signing_secrets == ("a-secret-of-this-gateway", "another-one-of-the-same")
        for word, value, problem in [("prot", 1, "is no word"), ("port", 70_000, "between 0 and 65535")]:
            with pytest.raises(UsageError, match=problem):
                EventReceiver(made, **{word: value})


def test_where_it_would_listen(journal) -> None:
    """Known from the settings where nothing listens yet, except for a port that is taken when it does."""
    assert EventReceiver(journal, port=9000).address("main").startswith("http://127.0.0.1:9000/")
    assert EventReceiver(journal, host="::1").address("main").startswith("http://[::1]:8080/")
    with pytest.raises(UsageError, match="port is not known"):
        EventReceiver(journal, port=0).address("main")


@pytest.mark.parametrize(("host", "is_local"), [("127.0.0.1", True), ("localhost", True), ("::1", True)])
def test_it_listens_on_this_machine_only(journal, host: str, is_local: bool) -> None:
    """Unless it is told otherwise."""
    assert EventReceiver(journal).options.host == "127.0.0.1"
    assert EventReceiver(journal, host=host).is_local is is_local
    assert not EventReceiver(journal, host="0.0.0.0").is_local
    assert not EventReceiver(journal, host="events.example.com").is_local


def test_one_that_does_not_start_is_told(journal, monkeypatch) -> None:
    """Whoever embeds it does not wait for ever."""
    monkeypatch.setattr("orchestrator.receiver._STARTING_S", 0.01)
    monkeypatch.setattr(EventReceiver, "serve", lambda _self, _ready: None)
    receiver = EventReceiver(journal, port=0)
    with pytest.raises(UnreachableError, match="did not start"):
        receiver.__enter__()
    receiver.close()


def test_stopping_what_has_ended_does_nothing(journal) -> None:
    """A signal may come late."""
    receiver = EventReceiver(journal, port=0)
    receiver.listen()
    receiver.serve(receiver.stop)
    receiver.stop()
    receiver.close()


def test_an_address_that_is_taken_is_told(journal) -> None:
    """Before anything is served."""
    with EventReceiver(journal, port=0) as receiver:
        port = urlsplit(receiver.url).port
        with pytest.raises(UnreachableError, match=f"cannot listen on 127.0.0.1:{port}"):
            EventReceiver(journal, port=port).listen()


def test_it_listens_on_ipv6_too(journal) -> None:
    """Where the machine has it."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with EventReceiver(journal, host="::1", port=0) as receiver:
        assert receiver.url.startswith("http://[::1]:")
        assert get(f"{receiver.url}/health")[0] == 200


@pytest.mark.parametrize("module", ["app", "server"])
def test_without_the_extra_it_says_what_to_install(journal, monkeypatch, module: str) -> None:
    """No traceback."""
    monkeypatch.setitem(sys.modules, f"orchestrator.adapters.events.{module}", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'call-orchestrator\[serve\]'"):
        EventReceiver(journal, port=0).listen()


# --- senders that take their time -------------------------------------------------------------------------------------


def opened(receiver: EventReceiver) -> socket.socket:
    parts = urlsplit(receiver.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def ended(connection: socket.socket) -> bool:
    """Wait until the other side ends a connection."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(1000) == b""
    return True


def everything(connection: socket.socket) -> bytes:
    """Read until the other side ends a connection."""
    return b"".join(iter(lambda: connection.recv(1000), b""))


@pytest.fixture
def impatient(journal) -> Iterator[EventReceiver]:
    receiver = EventReceiver(journal, port=0)
    receiver.options = replace(
        receiver.options, limits=replace(receiver.options.limits, head_s=0.1, body_s=0.1, connections=3)
    )
    with receiver:
        yield receiver


@pytest.mark.parametrize("sent", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(impatient: EventReceiver, sent: bytes) -> None:
    """Nothing at all, half a line, half a head."""
    with opened(impatient) as connection:
        connection.sendall(sent)
        assert ended(connection)
    assert get(f"{impatient.url}/health")[0] == 200


def test_nonsense_is_refused_and_fills_no_log(impatient: EventReceiver, caplog) -> None:
    """What is not HTTP is answered 400, without a line for each."""
    with opened(impatient) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 what is this\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 400")
    assert caplog.text == ""


def test_dripping_does_not_buy_time(impatient: EventReceiver) -> None:
    """The time of a head counts from its beginning, however often a further byte comes; the second head's too."""
    with opened(impatient) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        with contextlib.suppress(ConnectionError):  # the loop ends when the connection does
            while True:
                connection.sendall(b"X")
    assert get(f"{impatient.url}/health")[0] == 200


def test_a_body_that_does_not_come_is_given_up(impatient: EventReceiver) -> None:
    """With an answer that says so, and the end of the connection."""
    path = urlsplit(impatient.main_url).path
    with opened(impatient) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + b"{")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


def test_only_so_many_connections_are_open(impatient: EventReceiver) -> None:
    """A further one is closed at once; when one has gone there is room."""
    path = urlsplit(impatient.main_url).path
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body('call-9'))}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(opened(impatient)) for _ in range(3)]
        for connection in held:
            connection.sendall(request + body("call-9"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        with opened(impatient) as further:
            assert ended(further)
        held[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    while True:
        with contextlib.suppress(OSError):
            assert get(f"{impatient.url}/health")[0] == 200
            break


def test_a_stop_answers_what_is_in_hand(journal, lease, monkeypatch) -> None:
    """An event that was handed over is acknowledged, although the receiver is ending."""
    entered, goes_on = threading.Event(), threading.Event()
    keep = journal.put_inbox_many

    def slowly(*given, **more):
        entered.set()
        assert goes_on.wait(10)
        return keep(*given, **more)

    monkeypatch.setattr(journal, "put_inbox_many", slowly)
    receiver = EventReceiver(journal, port=0)
    answers: list[int] = []
    with receiver:
        sender = threading.Thread(target=lambda url=receiver.main_url: answers.append(post(url, body()).status))
        sender.start()
        assert entered.wait(10)
        receiver.stop()
        goes_on.set()
    sender.join()
    assert answers == [204]
    assert len(journal.take_inbox(lease)) == 1
