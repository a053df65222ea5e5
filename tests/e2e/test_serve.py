"""The event receiver as a process of its own: what it shows, what it keeps, and how it ends."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events.note import find_receiver
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import RunMarks
from tests import canary
from tests.conformance.journal_bench import Hands, a_start

CLOCK = SystemClock()


class Bench:
    """What `a_start` needs of a bench."""

    now = Hands()


@contextlib.contextmanager
def serving(cli, *arguments: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """Run a receiver; yields its process and its JSON document."""
    with cli.start("serve", "--port", 0, "--json", *arguments) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def own(journal: SqliteJournal, call_id: str) -> str:
    """Start a run that owns a call; return its id."""
    begun = replace(a_start(Bench(), str(uuid.uuid4()), to=""), at=CLOCK.now())  # type: ignore[arg-type]
    lease = journal.start_run(begun, lease_s=60)
    journal.append(lease, [begun], RunMarks(call_id=call_id, claims_dial=False))
    journal.release(lease)
    return begun.run_id


def post(url: object, call_id: str) -> int:
    parts = urlsplit(str(url))
    body = json.dumps({"response": {"call": {"resource_id": call_id, "status": "ready"}}})
    with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
        connection.request("POST", parts.path, body)
        reply = connection.getresponse()
        reply.read()
        return reply.status


def inbox(path: Path) -> list[str]:
    """The runs that have mail, once for each message; read as a process of its own would."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [run_id for (run_id,) in connection.execute("select run_id from inbox order by id")]


def test_the_addresses_are_shown_once(bare_cli) -> None:
    """At the first start on stdout, and later only on request; never in a log or a list of processes."""
    journal = bare_cli.home / "journal.db"
    with bare_cli.start("--journal", journal, "-vv", "serve", "--port", 0) as process:
        main, fallback = process.stdout.readline(), process.stdout.readline()
        address = re.fullmatch(r"main:     (http://127\.0\.0\.1:\d+/([\w-]{43})/main)\n", main)
        assert address is not None
        assert fallback == main.replace("main:    ", "fallback:").replace("/main", "/fallback")
        assert post(address[1], "call-9") == 204
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert "They are secrets" in errors
    assert address[2] not in errors
    with serving(bare_cli, "--journal", journal) as (process, document):
        assert document.keys() == {"url", "pid", "answers"}
        shown = bare_cli.json("--journal", journal, "serve", "--show-url")
        assert shown["main_url"] == f"{document['url']}/{address[2]}/main"  # the running one's address
        assert post(shown["fallback_url"], "call-9") == 204
        public = ("--public-url", "https://events.example.com")
        shown = bare_cli.json("--journal", journal, "serve", "--show-url", *public)
        assert shown["main_url"] == f"https://events.example.com/{address[2]}/main"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    named = bare_cli("--journal", journal, "serve", "--show-url", "--public-url", "https://events.example.com/")
    assert named.stdout.splitlines()[0] == f"main:     https://events.example.com/{address[2]}/main"


def test_what_is_acknowledged_survives_a_kill(bare_cli) -> None:
    """A kill -9 in the middle of many events: each that was acknowledged is in the journal, and the address stays."""
    path = bare_cli.home / "journal.db"
    with contextlib.closing(SqliteJournal(path, now=CLOCK.now)) as journal:
        runs = {call_id: own(journal, call_id) for call_id in (f"call-{number}" for number in range(8))}
    acknowledged: list[str] = []
    enough = threading.Event()

    def send(url: object, call_id: str) -> None:
        with contextlib.suppress(OSError):
            for _ in range(60):
                if post(url, call_id) == 204:
                    acknowledged.append(runs[call_id])
                if len(acknowledged) > 20:
                    enough.set()

    with serving(bare_cli, "--journal", path) as (process, first):
        senders = [threading.Thread(target=send, args=(first["main_url"], call_id)) for call_id in runs]
        for sender in senders:
            sender.start()
        assert enough.wait(30)
        process.kill()
        for sender in senders:
            sender.join()
    kept = inbox(path)
    for run_id in runs.values():
        assert kept.count(run_id) >= acknowledged.count(run_id)
    with serving(bare_cli, "--journal", path) as (_, second):
        address = urlsplit(str(first["main_url"])).path
        assert post(f"{second['url']}{address}", "call-0") == 204


def test_a_stop_finishes_what_is_in_hand(bare_cli) -> None:
    """A request that is half there when SIGTERM comes is still taken, and the process ends with 0."""
    path = bare_cli.home / "journal.db"
    with contextlib.closing(SqliteJournal(path, now=CLOCK.now)) as journal:
        run_id = own(journal, "call-1")
    with serving(bare_cli, "--journal", path) as (process, document):
        parts = urlsplit(str(document["main_url"]))
        body = b'{"response": {"call": {"resource_id": "call-1", "status": "ready"}}}'
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            head = (
                f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it is in hand
            process.send_signal(signal.SIGTERM)
            assert any("finishing what is in hand" in line for line in process.stderr)
            connection.sendall(body)
            assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        assert process.wait(20) == 0
    assert inbox(path) == [run_id]
    assert find_receiver(path, now=CLOCK.now()) is None


def test_a_second_signal_ends_it_at_once(bare_cli) -> None:
    """Whatever is in hand: the API sends it again, to the other address."""
    with serving(bare_cli, "--journal", bare_cli.home / "journal.db") as (process, document):
        parts = urlsplit(str(document["main_url"]))
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            head = f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            process.send_signal(signal.SIGTERM)
            assert any("finishing what is in hand" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 128 + signal.SIGTERM


def test_others_see_that_it_runs(bare_cli) -> None:
    """Its note is there as soon as it serves."""
    path = bare_cli.home / "journal.db"
    with serving(bare_cli, "--journal", path) as (process, document):
        assert "url" in document
        found = find_receiver(path, now=CLOCK.now())
        assert found is not None
        assert (found.url, found.pid) == (document["url"], process.pid)


def test_it_takes_what_the_api_sends(bare_cli, start_sandbox) -> None:
    """Signed events of a real call arrive in its run's inbox; one whose signature is wrong arrives nowhere."""
    path = bare_cli.home / "journal.db"
    secret = bare_cli.write("signing", "a-secret-of-this-test\n")
    with serving(bare_cli, "--journal", path, "--signing-secrets", secret) as (_, document):
        addresses = ("--events", document["main_url"], "--events-fallback", document["fallback_url"])
        sandbox = start_sandbox("--speed", "20", *map(str, addresses), "--events-secret-file", str(secret))
        call_id = commanded(sandbox, "POST", "calls", {"dial": {"to": "+12125550101", "from": "+15555550199"}})
        with contextlib.closing(SqliteJournal(path, now=CLOCK.now)) as journal:
            run_id = own(journal, call_id)
            commanded(sandbox, "PUT", f"calls/{call_id}?async=1", {"say": {"text": "Hello."}})
            assert sandbox.wait(event="delivery", call=call_id)["status"] == 204
            token = journal.acquire(run_id, lease_s=60)
            (event,) = journal.take_inbox(token)
        assert (event.call.status, [result.command for result in event.results]) == ("ready", ["say"])
        sandbox.add_fault(on="event", kind="missign", times="always")
        commanded(sandbox, "PUT", f"calls/{call_id}?async=1", {"hangup": {}})
        sandbox.wait(event="undelivered", call=call_id)
        assert inbox(path) == [run_id]


def commanded(sandbox, method: str, path: str, command: dict[str, object]) -> str:
    """Have a command run; return the id of the call."""
    parts = urlsplit(sandbox.url)
    login = base64.b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()).decode()
    with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        connection.request(method, f"/{path}", json.dumps({"commands": [command]}), headers)
        return json.load(connection.getresponse())["response"]["call"]["resource_id"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--port", "x"], 2, "must be a whole number"),
        (["--allow", "192.0.2.7/24"], 2, "beyond the mask"),
        (["--host", "192.0.2.1", "--port", "0"], 69, "cannot listen on 192.0.2.1:0"),
        (["--signing-secrets", "nowhere"], 78, "cannot be read"),
        (["--show-url", "--port", "0"], 2, "port is not known"),
    ],
)
def test_what_keeps_it_from_starting(bare_cli, arguments: list[str], code: int, message: str) -> None:
    """Wrong words are usage; an address of another machine cannot be listened on."""
    done = bare_cli("--journal", bare_cli.home / "journal.db", "serve", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_who_can_be_reached_by_others_is_warned(bare_cli) -> None:
    """Plain HTTP on every address is no place for a secret."""
    with bare_cli.start("--journal", bare_cli.home / "j.db", "serve", "--host", "0.0.0.0", "--port", 0) as process:
        assert any("Warning: this is plain HTTP" in line for line in process.stderr)
        process.terminate()
        assert process.wait(20) == 0
