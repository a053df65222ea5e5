"""The parts of the event receiver that need no server: addresses, signatures, bodies, figures, options."""

from __future__ import annotations

import hashlib
import hmac
import json
from ipaddress import ip_address, ip_network

import pytest

from orchestrator.adapters.events.metrics import Metrics
from orchestrator.adapters.events.options import ReceiverOptions
from orchestrator.adapters.events.peers import client_of, within
from orchestrator.adapters.events.reading import NoEventError, read_event
from orchestrator.adapters.events.signature import WINDOW_S, Signatures
from orchestrator.core import codec
from orchestrator.core.exchange import CallSeen, CommandResult
from orchestrator.core.instant import Instant
from orchestrator.core.records import EventReceived
from orchestrator.errors import ConfigurationError

NOW = Instant(1_700_000_000.0, 1_000.0, "boot-1")
PROXIES = (ip_network("10.0.0.0/8"),)
SECRET, OTHER = "a-secret-of-this-test", "another-secret-of-it"
CALL = {"resource_id": "call-1", "status": "ready", "to": "+15555550100", "client_reference": "x"}

# --- who sent it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),  # anybody can write the header
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # what stands before was written by the client
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], None),
        ("10.0.0.1", [""], None),
        (None, ["198.51.100.1"], None),
    ],
)
def test_the_client_is_the_peer_or_whom_a_trusted_proxy_names(peer, forwarded, client) -> None:
    """The header is read from the right, as far as trusted proxies wrote it; nonsense is nobody."""
    expected = None if client is None else ip_address(client)
    assert client_of(peer, forwarded, trusted=PROXIES) == expected


def test_an_address_is_in_a_network_of_its_own_kind() -> None:
    """IPv4 and IPv6 do not mix, and nobody is nowhere."""
    networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert within(ip_address("192.0.2.7"), networks)
    assert within(ip_address("2001:db8::7"), networks)
    assert not within(ip_address("192.0.3.1"), networks)
    assert not within(None, networks)


# --- the signature ----------------------------------------------------------------------------------------------------


def signed(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def accepts(*, timestamp="1700000000", signature=None, body=b"{}", now=NOW.wall, secrets=(SECRET, OTHER)) -> bool:
    signature = signed(b"{}", timestamp) if signature is None else signature
    return Signatures(secrets).accept(body, timestamp=timestamp, signature=signature, now_wall=now)


def test_a_signature_of_any_secret_is_good() -> None:
    """So secrets can be changed while events arrive."""
    for secret in (SECRET, OTHER):
        good = signed(b"{}", "1700000000", secret)
        assert accepts(signature=good)
        assert accepts(signature=f"sha256={good.upper()}")
    assert not accepts(signature=signed(b"{}", "1700000000", "a-secret-of-yesterday"))
    assert not accepts(signature=signed(b"{}", "1700000000", OTHER), secrets=(SECRET,))


def test_a_signature_is_over_the_body_and_the_time() -> None:
    """Neither can be changed, nor can one borrow characters of the other."""
    good = signed(b"{}", "1700000000")
    assert not accepts(body=b"{} ", signature=good)
    assert not accepts(timestamp="1700000001", signature=good)
    assert not accepts(timestamp="170000000", body=b"0.{}", signature=good)


@pytest.mark.parametrize(
    ("away", "good"), [(0.0, True), (-WINDOW_S, True), (WINDOW_S, True), (-WINDOW_S - 1, False), (WINDOW_S + 1, False)]
)
def test_a_signature_is_good_for_five_minutes(away: float, good: bool) -> None:
    """In both directions, since clocks differ; and not a moment longer."""
    assert WINDOW_S == 300
    assert accepts(now=NOW.wall + away) is good


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("", None),
        ("1700000000", ""),
        ("1700000000", "g" * 64),
        ("1700000000", "a" * 63),
        ("1700000000", "\u00e9" * 64),
        ("1700000000 ", None),
        ("\u0663" * 10, None),
        ("-1", None),
        ("1e9", None),
        ("1" * 13, None),
    ],
)
def test_half_a_signature_is_none(timestamp, signature) -> None:
    """What is missing or misshapen is refused without an error."""
    assert not accepts(timestamp=timestamp, signature=signature)


def test_without_secrets_nothing_needs_a_signature() -> None:
    """The API itself signs nothing."""
    assert accepts(timestamp="", signature="", secrets=())


# --- the body ---------------------------------------------------------------------------------------------------------


def read(document: object, **headers: str) -> EventReceived:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return read_event(body, given, source="fallback", at=NOW)


def test_an_event_is_the_call_and_its_results() -> None:
    """As the contract has it, and nothing that it does not know."""
    results = [{"command": "say", "status": "ok"}, {"command": "get_dtmf", "status": "ok", "dtmf": "1"}]
    assert read({"response": {"call": CALL, "results": results, "more": 1}}) == EventReceived(
        at=NOW,
        call=CallSeen(call_id="call-1", status="ready", to="+15555550100"),
        results=(CommandResult(command="say"), CommandResult(command="get_dtmf", digits="1", digit_count=1)),
        source="fallback",
    )


@pytest.mark.parametrize(("digits", "kept"), [("", ""), ("12", "12"), ("123", None), ("4711#", None)])
def test_more_than_two_digits_never_reach_the_disk(digits: str, kept: str | None) -> None:
    """They may be a secret; how many there were may be known."""
    results = [{"command": "get_dtmf", "status": "ok", "dtmf": digits}]
    event = read({"response": {"call": CALL, "results": results}})
    assert event.results == (CommandResult(command="get_dtmf", digits=kept, digit_count=len(digits)),)


@pytest.mark.parametrize("results", [None, "x", [1], [{"command": "say"}] * 101])
def test_results_that_cannot_be_ours_are_left_out(results: object) -> None:
    """The event is a reason to look all the same."""
    assert read({"response": {"call": CALL, "results": results}}).results is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"response": {"call": {"resource_id": "a", "resource_id": "b"}}}',
        b'{"response": {"call": {"resource_id": "a", "duration": NaN}}}',
        b'{"a":' * 30_000,
        b"[" * 60_000,
        b'{"response": 1}',
        b'{"response": {"call": []}}',
        b'{"response": {"call": {"status": "ready"}}}',
        b'{"response": {"call": {"resource_id": "../x"}}}',
        b'{"response": {"call": {"resource_id": 5}}}',
        b'{"call": {"resource_id": "a"}}',
    ],
)
def test_what_is_no_event(body: bytes) -> None:
    """Half JSON, lenient JSON, deep JSON and JSON of another shape are refused, with a reason that quotes nothing."""
    with pytest.raises(NoEventError) as refused:
        read(body)
    assert "resource_id" not in str(refused.value) or "usable" in str(refused.value)


@pytest.mark.parametrize("headers", [{"content_type": "text/plain"}, {"content_encoding": "gzip"}])
def test_a_body_of_another_kind_is_refused(headers: dict[str, str]) -> None:
    """By its own headers it is not JSON."""
    with pytest.raises(NoEventError):
        read({"response": {"call": CALL}}, **headers)


def test_whatever_is_read_can_be_written_down() -> None:
    """Half characters, control characters and endless texts become what a journal can hold."""
    nasty = {"resource_id": "call-1", "status": "\ud800" * 9, "to": "\x00" * 9, "hangup_cause": "x" * 5000}
    event = read({"response": {"call": nasty, "results": [{"command": "\udfff\x1b", "status": "x" * 5000}]}})
    text = codec.encode(event)
    assert len(text.encode("utf-8")) < 2000
    assert codec.decode(text) == event


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_figures_are_prometheus_text() -> None:
    """Counters by result and source, a cumulative histogram, and the queue."""
    metrics = Metrics()
    metrics.count("stored", source="main")
    metrics.count("stored", source="main")
    metrics.count("ended", source="fallback")
    for seconds in (0.001, 0.03, 9.0):
        metrics.kept(seconds)
    metrics.in_hand = 3
    lines = metrics.text().splitlines()
    assert 'orchestrator_events_total{result="stored",source="main"} 2' in lines
    assert 'orchestrator_events_total{result="ended",source="fallback"} 1' in lines
    assert 'orchestrator_event_journal_seconds_bucket{le="0.001"} 1' in lines
    assert 'orchestrator_event_journal_seconds_bucket{le="0.05"} 2' in lines
    assert 'orchestrator_event_journal_seconds_bucket{le="5.0"} 2' in lines
    assert 'orchestrator_event_journal_seconds_bucket{le="+Inf"} 3' in lines
    assert "orchestrator_event_journal_seconds_count 3" in lines
    assert "orchestrator_event_journal_seconds_sum 9.031000" in lines
    assert "orchestrator_events_in_hand 3" in lines
    assert metrics.text().endswith("\n")
    assert all(line.startswith(("# HELP ", "# TYPE ", "orchestrator_")) for line in lines)


def test_a_signing_secret_must_be_hard_to_guess() -> None:
    """A short one is refused, and no message or repr shows one."""
    with pytest.raises(ConfigurationError, match="at least 16") as refused:
        ReceiverOptions(signing_secrets=(SECRET, "short"))
    assert "short" not in str(refused.value)
    assert SECRET not in repr(ReceiverOptions(signing_secrets=(SECRET,)))
