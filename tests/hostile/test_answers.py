"""Answers of a hostile server: nothing crashes, nothing is `done` that did not come whole, memory stays bounded."""

from __future__ import annotations

import gzip
import json
import random
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
from orchestrator.adapters.transport import Credentials, HttpTransport
from orchestrator.adapters.transport.http import LONGEST_BODY_BYTES, HttpChannel
from orchestrator.core.exchange import Operation, Outcome
from tests.conformance.raw_server import PATIENCE_S, Peer, RawServer, Script, answering, reply, then
from tests.conformance.transport_suite import CALL, COMMAND, GOOD, REQUESTS

SEED = 20240517
REPLIES = 10_000
ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
MAY_FAIL = [operation for operation in Operation if operation is not Operation.END]
"""The end of a call is done by any 2xx, whatever its body is: nothing of the body counts."""


def whole(operation: Operation, **headers: str) -> bytes:
    return reply(GOOD[operation].status, GOOD[operation].document, **headers)


@contextmanager
def serving(script: Script) -> Iterator[tuple[RawServer, HttpChannel]]:
    with RawServer(script) as server:
        transport = HttpTransport(server.url, Credentials("key", "password"), clock=SystemClock())
        try:
            yield server, transport.open_channel()
        finally:
            transport.close()


# --- cut replies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["length", "chunked", "close"])
@pytest.mark.parametrize("operation", list(Operation))
def test_a_reply_cut_at_any_byte_is_unknown(operation: Operation, ending: str) -> None:
    """Head or body, by whatever its end is told: what came is not `done` before its last byte, and no crash."""
    full = {"length": whole, "chunked": chunked, "close": unmeasured}[ending](operation)
    body_from = full.index(b"\r\n\r\n") + 4
    at = [0]

    def script(peer: Peer) -> None:
        if peer.read_request() is not None:
            peer.send(full[: at[0]])

    wrong: list[tuple[int, str]] = []
    with serving(script) as (_, channel):
        for at[0] in range(len(full)):
            result = channel.send(REQUESTS[operation])
            told = operation is Operation.END and ending == "close" and at[0] >= body_from  # the head was whole
            told = told or (ending == "chunked" and at[0] >= len(full) - 4)  # the last chunk's mark was there
            if result.outcome is not (Outcome.DONE if told else Outcome.UNKNOWN) or result.first_byte is None:
                wrong.append((at[0], f"{result.outcome}: {result.reason}"))
        at[0] = len(full)
        assert channel.send(REQUESTS[operation]).outcome is Outcome.DONE
    assert wrong == []


def chunked(operation: Operation) -> bytes:
    """Return the good reply in chunks of 50 bytes, with a trailer."""
    head, _, body = whole(operation, Content_Length="", Transfer_Encoding="chunked").partition(b"\r\n\r\n")
    parts = [body[start : start + 50] for start in range(0, len(body), 50)]
    return head + b"\r\n\r\n" + b"".join(b"%x;a=b\r\n%s\r\n" % (len(each), each) for each in parts) + b"0\r\n\r\n"


def unmeasured(operation: Operation) -> bytes:
    """Return the good reply as one whose end is the end of the connection."""
    return whole(operation, Content_Length="", Connection="close")


# --- fuzzed replies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Whole:
    """A reply as the transport hands it to the dialect."""

    status: int
    headers: dict[str, str]
    body: bytes


TOKENS = [
    b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"[]", b"{}", b'""', b"1e999", b"-0", b"9" * 5000, b'"', b"\\",
    b"\\u0000", b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"\x00", b",", b":", b"{", b"}", b"[" * 2000, b"]", b" ", b"\n",
    b'"response":', b'"call":null,', b'"resource_id":"",', b'"resource_id":"../x",', b'"data":[],', b"\x1b[2J",
    "\u202e".encode(),
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1e308, 10**400, "", "x", "\u0000", "\ud800", "a/b", "../..", "?x", "\r\n", "é" * 500,
    [], {}, [[]], [{}], {"call": {}},
    CALL, "ready", "in-progress", ["ready"], {"resource_id": CALL}, [None], "9" * 400,
]  # fmt: skip
STATUSES = [
    0, 99, 100, 101, 199, 200, 201, 202, 204, 206, 226, 299, 300, 304, 400, 401, 408, 409, 429, 500, 503, 600, 999,
]  # fmt: skip
HEADERS = [
    ("Content-Type", "text/html"), ("Content-Type", "application/json; charset=utf-16"), ("Content-Type", ""),
    ("Content-Type", "application/problem+json"), ("Content-Type", "application/json;charset"),
    ("Content-Type", "\x00"),
    ("Content-Encoding", "gzip"), ("Content-Encoding", "identity"), ("Content-Encoding", "br, gzip"),
    ("Retry-After", "-1"), ("Retry-After", "9" * 6000), ("Retry-After", "²"),
    ("Retry-After", "Mon, 99 Xyz 2024 99:99:99 GMT"),
    ("Date", "Tue, 14 Nov 99999999999999999999 22:13:20 GMT"), ("Date", "\udcff"), ("Date", "1"),
    ("WWW-Authenticate", "Basic"),
]  # fmt: skip


def mutated(good: Whole, dice: random.Random) -> Whole:
    """Return a reply after one to five accidents, of its JSON or of its bytes, its status or its headers."""
    status, headers, body = good.status, dict(good.headers), good.body
    if dice.random() < 0.5:
        document = json.loads(body)
        for _ in range(dice.randint(1, 3)):
            document = changed(document, dice)
        body = json.dumps(document).encode()
    for _ in range(dice.randint(0, 3)):
        body = damaged(body, dice)
    if dice.random() < 0.15:
        status = dice.choice(STATUSES)
    if dice.random() < 0.15:
        name, value = dice.choice(HEADERS)
        headers[name] = value
    return Whole(status, headers, body)


def changed(document: Any, dice: random.Random) -> Any:
    """Return a document with one place of it replaced, left out or named otherwise."""
    if not isinstance(document, dict | list) or not document or dice.random() < 0.15:
        return dice.choice(VALUES)
    places = list(document) if isinstance(document, dict) else range(len(document))
    at: Any = dice.choice(places)
    copy: Any = document.copy()
    match dice.randrange(8):
        case 0:
            del copy[at]
        case 1 if isinstance(copy, dict):
            copy[dice.choice(["Response", "", "response ", "call", "data", "results"])] = copy.pop(at)
        case 2 if isinstance(copy, list):
            copy.append(copy[at])
        case _:
            copy[at] = changed(copy[at], dice)
    return copy


def damaged(body: bytes, dice: random.Random) -> bytes:
    """Return bytes of which some were flipped, cut, left out, doubled or put in."""
    at = dice.randrange(len(body) + 1)
    to = min(len(body), at + dice.randint(1, 12))
    match dice.randrange(6):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + body[to:]
        case 2:
            return body[:to] + body[at:]
        case 3 if at < len(body):
            return body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]
        case 4:
            return body[at:]
        case _:
            return body[:at] + dice.choice(TOKENS) + body[at:]


def is_expected(operation: Operation, document: Any) -> bool:
    """Return whether a document has the shape the contract names for the reply to an operation."""
    response = document.get("response") if isinstance(document, dict) else None
    if not isinstance(response, dict):
        return False
    if operation is Operation.LIST:
        data = response.get("data")
        return isinstance(data, list) and all(map(is_call, data))
    if operation is Operation.SMS:
        return True
    if operation is Operation.COMMAND and response.get("call") is None:
        return True
    return is_call(response.get("call"))


def is_call(value: Any) -> bool:
    name = value.get("resource_id") if isinstance(value, dict) else None
    return isinstance(name, str) and name != "" and name.isascii() and not set(name) & set("/?#%\\ \r\n\t\x00")


def strictly(body: bytes) -> Any:
    """Return the JSON value of a body. Raises ValueError where it is not exactly one, each of its names once."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    def none(_: str) -> None:
        raise ValueError

    return json.loads(body.decode("utf-8"), object_pairs_hook=unique, parse_constant=none)


def may_be_done(operation: Operation, answer: Whole) -> bool:
    if not 200 <= answer.status < 300:
        return False
    if operation is Operation.END:
        return True
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return False
    if "json" not in answer.headers["Content-Type"] or "utf-16" in answer.headers["Content-Type"]:
        return False
    try:
        return is_expected(operation, strictly(answer.body))
    except (ValueError, RecursionError):
        return False


def test_ten_thousand_fuzzed_replies() -> None:
    """No exception escapes; `done` is exactly a whole body of the expected shape; words are fit to be shown."""
    dice = random.Random(SEED)
    dialects = [
        CallApi(),
        CallApi(Capabilities(command_log=True, idempotency_key=True, client_reference=True)),
    ]
    outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
    for number in range(REPLIES):
        operation = dice.choice(list(Operation))
        good = Whole(
            GOOD[operation].status,
            {"Content-Type": "application/json"},
            json.dumps(GOOD[operation].document).encode(),
        )
        answer = mutated(good, dice)
        judged = dice.choice(dialects).judge(
            REQUESTS[operation], status=answer.status, headers=answer.headers, body=answer.body, now_wall=1.7e9
        )
        assert (judged.outcome is Outcome.DONE) <= may_be_done(operation, answer), (number, operation, answer)
        assert judged.reason.isprintable(), (number, answer)
        assert judged.retry_after_s is None or 0 <= judged.retry_after_s <= 86_400, (number, answer)
        outcomes[judged.outcome] += 1
    assert min(outcomes[Outcome.DONE], outcomes[Outcome.UNKNOWN]) > 1_000, outcomes
    assert outcomes[Outcome.REJECTED] > 50


def test_hundreds_of_fuzzed_replies_on_the_wire() -> None:
    """Heads and bodies alike: no exception escapes, the moment of sending is known, nothing cut or forged is `done`."""
    dice = random.Random(SEED)
    sent = [b""]

    def script(peer: Peer) -> None:
        if peer.read_request() is not None:
            peer.send(sent[0])

    done = 0
    with serving(script) as (server, channel):
        for number in range(400):
            operation = dice.choice(list(Operation))
            sent[0] = dice.choice([whole, chunked, unmeasured])(operation)
            for _ in range(dice.randint(1, 3)):
                sent[0] = damaged(sent[0], dice)
            result = channel.send(replace(REQUESTS[operation], read_timeout_s=PATIENCE_S, deadline_s=PATIENCE_S))
            assert result.outcome in {Outcome.DONE, Outcome.UNKNOWN, Outcome.REJECTED, Outcome.THROTTLED}, number
            assert result.first_byte is not None
            assert result.reason.isprintable()
            if result.outcome is Outcome.DONE:
                done += 1
                assert sent[0].startswith((b"HTTP/", b"\xef\xbb\xbfHTTP/")), (number, sent[0])
                assert operation is Operation.END or holds_expected(operation, sent[0]), (number, sent[0])
        assert len(server.received) <= 400
    assert 20 < done < 380


def holds_expected(operation: Operation, sent: bytes) -> bool:
    """Return whether the bytes of a reply hold, behind a head, a document of the expected shape."""
    text = sent.decode("utf-8", "replace")
    for line_end in ("\r\n", "\n"):  # with chunk marks taken out, as they are written above
        bare = "".join(part for part in text.split(line_end) if not re.fullmatch("[0-9a-f]+;.*", part))
        for found in range(len(bare)):
            with suppress(ValueError, RecursionError):
                if bare[found] == "{" and is_expected(operation, json.JSONDecoder().raw_decode(bare, found)[0]):
                    return True
    return False


# --- what a server should never do ------------------------------------------------------------------------------------

RESPONSE = json.dumps(GOOD[Operation.COMMAND].document)
LIES: dict[str, bytes] = {
    "gzip in spite of identity": reply(200, body=gzip.compress(RESPONSE.encode()), Content_Encoding="gzip"),
    "plain text that is called gzip": reply(200, body=RESPONSE.encode(), Content_Encoding="gzip"),
    "an encoding nobody knows": reply(200, body=RESPONSE.encode(), Content_Encoding="x-rot13"),
    "UTF-16": reply(200, body=RESPONSE.encode("utf-16")),
    "UTF-16 by its type": reply(200, body=RESPONSE.encode(), Content_Type="application/json; charset=utf-16"),
    "UTF-7 by its type": reply(200, body=RESPONSE.encode(), Content_Type='application/json; charset="utf-7"'),
    "Latin-1": reply(200, body='{"response": {"call": null, "x": "\xe9"}}'.encode("latin-1")),
    "a byte-order mark": reply(200, body=b"\xef\xbb\xbf" + RESPONSE.encode()),
    "an overlong NUL": reply(200, body=b'{"response": {"x": "\xc0\x80"}}'),
    "NaN": reply(200, body=b'{"response": {"x": NaN}}'),
    "Infinity": reply(200, body=b'{"response": {"x": [-Infinity]}}'),
    "a name twice": reply(200, body=b'{"response": {}, "response": {}}'),
    "a name twice, deep": reply(200, body=b'{"response": {"results": [{"command": "say", "command": "say"}]}}'),
    "a name twice, escaped": reply(200, body=b'{"response": {"x": 1, "\\u0078": 2}}'),
    "a second document": reply(200, body=RESPONSE.encode() * 2),
    "a document and a comment": reply(200, body=RESPONSE.encode() + b" // done"),
    "JSON with a prefix": reply(200, body=b")]}'\n" + RESPONSE.encode()),
    "JSON in JSON": reply(200, body=json.dumps(RESPONSE).encode()),
    "a number of a million digits": reply(200, body=b'{"response": {"x": ' + b"9" * MIB + b"}}"),
    "100,000 levels of lists": reply(200, body=b'{"response": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "100,000 levels of objects": reply(200, body=b'{"response":' * 100_000 + b"1" + b"}" * 100_000),
    "100,000 levels, not closed": reply(200, body=b'{"response":' * 100_000),
    "a length too long by one": reply(200, GOOD[Operation.COMMAND].document, Content_Length=str(len(RESPONSE) + 1)),
    "a length too short by one": reply(200, GOOD[Operation.COMMAND].document, Content_Length=str(len(RESPONSE) - 1)),
    "two lengths": reply(200, body=RESPONSE.encode()).replace(
        b"\r\n\r\n", b"\r\nContent-Length: %d\r\n\r\n" % (len(RESPONSE) - 5), 1
    ),
    "a chunk longer than it says": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
    + RESPONSE.encode()
    + b"\r\n0\r\n\r\n",
    "a chunk shorter than it says": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"
    + RESPONSE.encode()
    + b"\r\n0\r\n\r\n",
    "a chunk of negative length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + RESPONSE.encode(),
    "a chunk longer than the world": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 60 + b"\r\n{}",
    "a chunk's length without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
    "chunks that are none": reply(200, body=RESPONSE.encode(), Transfer_Encoding="chunked", Content_Length=""),
    "chunks under another encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\n"
    + RESPONSE.encode()[:5]
    + b"\r\n0\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 100_000,
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2 * MIB,
    "a status without end": b"HTTP/1.1 200 " + b"O" * 2 * MIB,
    "a status of four digits": RESPONSE.encode().join([b"HTTP/1.1 2000 OK\r\n\r\n", b""]),
    "HTTP/0.9": RESPONSE.encode(),
    "HTTP/2 in the clear": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/3.0": RESPONSE.encode().join([b"HTTP/3.0 200 OK\r\n\r\n", b""]),
    "a protocol that changes": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + whole(Operation.COMMAND),
    "hints and nothing after them": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 50,
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_unknown(lie: str) -> None:
    """The reply is not believed, its request counts as sent, and the dial behind it gets its own reply."""
    first = [True]

    def script(peer: Peer) -> None:
        while peer.read_request() is not None:
            if not first:
                peer.send(whole(Operation.CREATE))
                continue
            first.clear()
            peer.send(LIES[lie])
            with suppress(OSError):
                peer.sock.shutdown(socket.SHUT_WR)

    with serving(script) as (server, channel):
        result = channel.send(COMMAND)
        assert (result.outcome, result.reason.isprintable()) == (Outcome.UNKNOWN, True), result.reason
        assert result.first_byte is not None
        assert len(result.reason) < 300
        assert channel.send(REQUESTS[Operation.CREATE]).outcome is Outcome.DONE
        assert server.connections == 2


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_interim_replies_are_passed_over(operation: Operation, status: int) -> None:
    """Hints come before the reply, and are not it: the reply behind them is read, and no other request gets it."""
    hint = b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % status
    with serving(answering(hint * 3 + whole(operation))) as (server, channel):
        results = [channel.send(REQUESTS[operation]) for _ in range(3)]
        assert [result.outcome for result in results] == [Outcome.DONE] * 3
        assert len(server.received) == 3


def test_a_reply_is_no_other_requests() -> None:
    """A reply that follows a hint, or a changed protocol, too late is never taken for that of the next request."""
    for status in (101, 103):
        early = b"HTTP/1.1 %d Whatever\r\n\r\n" % status

        def script(peer: Peer, early: bytes = early) -> None:
            if peer.read_request() is not None:
                peer.send(early)
                if peer.read_request() is not None:
                    peer.send(whole(Operation.COMMAND))
                peer.wait_for_end()

        with serving(script) as (server, channel):
            for count in (1, 2):
                result = channel.send(replace(COMMAND, read_timeout_s=0.1))
                assert (result.outcome, server.connections) == (Outcome.UNKNOWN, count), status


def slowly(data: bytes, rest: bytes = b"") -> Callable[[Peer], None]:
    """Return an action that sends `data` at once and then `rest` again and again, a byte at a time."""

    def action(peer: Peer) -> None:
        peer.send(data)
        try:
            while rest:
                for byte in rest:
                    peer.sock.sendall(bytes([byte]))
                    if peer.server.closing.wait(0.02):
                        return
        except OSError:
            return

    return action


@pytest.mark.parametrize(
    ("data", "rest"),
    [
        (b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + RESPONSE.encode()[:-1], b" "),
    ],
    ids=["head", "headers", "interim replies", "body", "chunks", "blanks before the last bracket"],
)
def test_a_byte_now_and_then_does_not_hold_it(data: bytes, rest: bytes) -> None:
    """Each byte comes within the read timeout, but the deadline counts for the whole exchange."""
    with serving(then(slowly(data, rest))) as (_, channel):
        began = SystemClock().now()
        result = channel.send(replace(COMMAND, read_timeout_s=PATIENCE_S, deadline_s=0.25))
    assert result.outcome is Outcome.UNKNOWN
    assert result.first_byte is not None
    assert 0.25 <= result.ended.since(began) < PATIENCE_S / 2


@pytest.mark.parametrize(
    "flood", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"\r\n"]
)
def test_a_flood_of_interim_replies_ends(flood: bytes) -> None:
    """As fast as they may come, they do not outlast the deadline."""

    def pour(peer: Peer) -> None:
        with suppress(OSError):
            while not peer.server.closing.is_set():
                peer.sock.sendall(flood * 1000)

    with serving(then(pour)) as (_, channel):
        result = channel.send(replace(COMMAND, deadline_s=0.3))
    assert result.outcome is Outcome.UNKNOWN
    assert result.first_byte is not None
    assert result.ended.since(result.first_byte) < PATIENCE_S / 2


# --- memory -----------------------------------------------------------------------------------------------------------

_CHILD = """
import json, resource, sys
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport import Credentials, HttpTransport
from tests.conformance.transport_suite import REQUESTS
from orchestrator.core.exchange import Operation
transport = HttpTransport(sys.argv[1], Credentials("key", "password"), clock=SystemClock())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
replies = [transport.open_channel().send(REQUESTS[Operation(each)]) for each in sys.argv[2:]]
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
transport.close()
print(json.dumps({"grown_kib": after - before, "outcomes": [reply.outcome for reply in replies]}))
"""
BOMB = gzip.compress(b" " * 200 * MIB, 9)


def poured(head: bytes, block: bytes, count: int) -> Callable[[Peer], None]:
    """Return an action that sends a head and then a block again and again, as long as somebody takes it."""

    def action(peer: Peer) -> None:
        with suppress(OSError):
            peer.sock.sendall(head)
            for _ in range(count):
                peer.sock.sendall(block)

    return action


def filled(start: bytes, middle: bytes, end: bytes) -> bytes:
    """Return a reply that is as long as a body may be."""
    body = start + middle * ((LONGEST_BODY_BYTES - len(start) - len(end)) // len(middle)) + end
    return reply(200, body=body)


BLOCK = b" " * 65536
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FLOODS: Mapping[str, Callable[[Peer], None]] = {
    "100 MiB": poured(OK + b"Content-Length: 104857600\r\n\r\n", BLOCK, 1600),
    "100 MiB in chunks": poured(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + BLOCK + b"\r\n", 1600),
    "100 MiB in chunks of a byte": poured(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 8192, 12_800),
    "100 MiB until the end": poured(OK + b"\r\n", BLOCK, 1600),
    "one chunk of a GiB": poured(OK + b"Transfer-Encoding: chunked\r\n\r\n40000000\r\n", BLOCK, 1600),
    "a length beyond memory": poured(OK + b"Content-Length: 9999999999999999\r\n\r\n", BLOCK, 1600),
    "a gzip bomb of 200 MiB": poured(reply(200, body=BOMB, Content_Encoding="gzip"), b"", 1),
    "a gzip bomb in transit": poured(reply(200, body=BOMB, Transfer_Encoding="gzip"), b"", 1),
    "a header without end": poured(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536, 1600),
    "headers without end": poured(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000, 1600),
    "4 MiB of brackets": poured(filled(b'{"response": ', b"[", b""), b"", 1),
    "4 MiB of objects": poured(filled(b'{"response": {"data": [', b"{},", b"{}]}}"), b"", 1),
    "4 MiB of one number": poured(filled(b'{"response": ', b"9", b"}"), b"", 1),
    "4 MiB of one text": poured(filled(b'{"response": {"error": {"message": "', b"\\u202e", b'"}}}'), b"", 1),
}
_BOUND_KIB = 160 * 1024


@pytest.mark.parametrize("flood", FLOODS)
def test_memory_stays_bounded(flood: str) -> None:
    """Whatever a server pours out, a process of its own takes a bounded part of it and lives on."""
    with RawServer(then(FLOODS[flood])) as server:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, server.url, Operation.COMMAND, Operation.LIST],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=50,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2048 * MIB, 2048 * MIB)),
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    wanted = [Outcome.DONE if flood == "4 MiB of one text" or "objects" in flood else Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert told["outcomes"] == wanted
    assert told["grown_kib"] < _BOUND_KIB
