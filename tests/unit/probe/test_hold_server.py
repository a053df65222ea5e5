"""The hold server holds requests as long as it is asked to, for those who know its token, within bounds."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from orchestrator.errors import UsageError
from orchestrator.probe.holds import MARK
from orchestrator.probe.server import HoldOptions, HoldServer

TOKEN = "a-token-of-this-test"


@contextmanager
def serving(**options) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a hold server in a thread; yields its URL and how to stop it."""
    loop = asyncio.new_event_loop()
    up = threading.Event()
    server = HoldServer(HoldOptions(token=TOKEN, **options))
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.run(lambda _: up.set())))
    thread.start()
    assert up.wait(10)

    def stop() -> None:
        loop.call_soon_threadsafe(server.stop)
        thread.join(10)

    try:
        yield server.url, stop
    finally:
        if thread.is_alive():
            stop()
        loop.close()


@pytest.fixture
def url() -> Iterator[str]:
    with serving(longest_s=5, most=2) as (address, _):
        yield address


def connect(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return HTTPConnection(parts.hostname or "", parts.port, timeout=10)


def ask(url: str, path: str = "", *, method: str = "GET", headers: dict[str, str] | None = None):
    """Send one request; return the status and the document."""
    connection = connect(url)
    connection.request(method, urlsplit(url).path + path, headers=headers or {})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, json.loads(body) if body else None


def test_it_answers_after_the_silence_that_was_asked_for(url: str) -> None:
    """Nothing comes before the time is over, and then the reply."""
    began = time.monotonic()
    status, told = ask(url, "/hold?s=0.3")
    assert status == 200
    assert 0.3 <= told["held_s"] <= time.monotonic() - began + 0.01


def test_it_tells_what_it_offers_and_what_it_saw(url: str) -> None:
    """Its bounds, the peer's address, and the traces of proxies; no other header."""
    status, told = ask(url, headers={"Via": "1.1 somebody", "Cookie": "secret"})
    assert status == 200
    assert (told["longest_s"], told["most"], told["peer"]["host"]) == (5, 2, "127.0.0.1")
    assert told["headers"]["via"] == "1.1 somebody"
    assert "cookie" not in told["headers"]
    assert MARK in told


@pytest.mark.parametrize("path", ["/", "/another-token-12345", f"/{TOKEN}x/hold?s=3", f"/{TOKEN}/other", "/%C3%A9"])
def test_who_does_not_know_the_token_is_told_nothing(url: str, path: str) -> None:
    """Wrong paths are answered at once, without a word."""
    connection = connect(url)
    connection.request("GET", path)
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (404, b"")
    connection.close()


def test_the_token_must_be_hard_to_guess() -> None:
    """A short token is refused; without one a new one is made."""
    with pytest.raises(UsageError, match="at least 16"):
        HoldOptions(token="short")
    assert HoldOptions().token != HoldOptions().token


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        *((f"/hold{query}", "seconds") for query in ("", "?s=x", "?s=inf", "?s=-1", "?s=1&beat=x")),
        ("/hold?s=1&beat=0.001", "at least 0.05"),
        ("/hold?s=6", "no hold is longer than 5 s"),
    ],
)
def test_holds_that_it_does_not_give(url: str, path: str, problem: str) -> None:
    """What is no length, or too long, is refused at once with the reason."""
    status, told = ask(url, path)
    assert status == 400
    assert problem in told["problem"]


def test_it_only_reads(url: str) -> None:
    """Other methods are refused."""
    assert ask(url, "/hold?s=1", method="POST")[0] == 405


def test_only_so_many_are_held_and_who_leaves_makes_room(url: str) -> None:
    """The third hold of two is refused; after a client has gone there is room again."""
    first, second = connect(url), connect(url)
    for connection in (first, second):
        connection.request("GET", urlsplit(url).path + "/hold?s=5&beat=0.05")
        connection.getresponse().read(1)  # it is held now
    status, told = ask(url, "/hold?s=0")
    assert (status, told["problem"]) == (503, "2 holds are open already")
    first.close()
    deadline = time.monotonic() + 5
    while ask(url, "/hold?s=0")[0] == 503:
        assert time.monotonic() < deadline
    second.close()


def test_it_can_break_the_silence(url: str) -> None:
    """With a beat there are bytes now and then, and at the end the same reply."""
    connection = connect(url)
    connection.request("GET", urlsplit(url).path + "/hold?s=0.4&beat=0.1")
    body = connection.getresponse().read()
    assert body.count(b"\n") >= 3
    assert json.loads(body)["held_s"] >= 0.4
    connection.close()


def test_stopping_answers_those_who_are_held() -> None:
    """A stop ends every hold with a reply that is no sign of the network."""
    with serving() as (url, stop), closing(connect(url)) as connection, closing(connect(url)) as silent:
        connection.request("GET", urlsplit(url).path + "/hold?s=60&beat=0.05")
        reply = connection.getresponse()
        reply.read(1)
        silent.request("GET", urlsplit(url).path + "/hold?s=60")
        ask(url)  # a later request was answered: the silent one is held
        stop()
        assert json.loads(reply.read())["problem"] == "the hold server was stopped"
        told = silent.getresponse()
        assert (told.status, json.loads(told.read())["problem"]) == (503, "the hold server was stopped")


def test_an_address_that_is_taken(url: str) -> None:
    """The port of another is an error, not a second listener."""
    with pytest.raises(OSError, match="in use"):
        HoldServer(HoldOptions(port=urlsplit(url).port or 0))
