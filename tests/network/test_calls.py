"""A call too long for one request behind real proxies comes to its end step by step, each sentence heard once."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import canary
from tests.conftest import Cli, SandboxProcess, receiving
from tests.network import proxies

TO = "+12125550123"
LIMIT_S = 3
SPEED = 2.5
WORDS_PER_MINUTE = 150 * SPEED
"""What the product is told of the sandbox's speech, so that both agree on how long a sentence lasts."""
SHORT = "Listen!"
"""Fits under the limit with its margin; no other sentence surely does."""
SENTENCES = [SHORT, *(f"This is sentence {word} today." for word in ("two", "three", "four", "five", "six", "seven"))]
MODES = {
    "sync": ("+12125550124", []),
    "async": ("+12125550125", ["dial", *["say"] * len(SENTENCES)]),
    "poll": ("+12125550126", ["dial", *["say"] * len(SENTENCES)]),
    "auto": ("+12125550127", ["dial", *["say"] * (len(SENTENCES) - 1)]),
}
"""The ways in which the end of a step is learnt: a callee for each, and which commands are only acknowledged."""
FORWARDS = {"haproxy": proxies.haproxy, "nginx": proxies.nginx, "squid": proxies.squid}
REPEATS = "proxy_next_upstream error timeout;"
REPEATS_ALL = "proxy_next_upstream error timeout non_idempotent;"
SOON = {"settle_dangerous": "1s", "settle_heard": "300ms", "dial_expire": "2s"}


@pytest.fixture
def slow_sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    """A sandbox in which all sentences together take almost twice as long as the proxies allow."""
    return start_sandbox("--speed", str(SPEED), "--capability", "command_log")


def port_of(sandbox: SandboxProcess) -> int:
    return urlsplit(sandbox.url).port or 0


def commands() -> list[dict[str, Any]]:
    dial = {"dial": {"to": TO, "from": "+15555550199", "timeout": 20}}
    return [dial, *({"say": {"text": text}} for text in SENTENCES), {"hangup": {}}]


def as_one_request(place: str) -> int | None:
    """Send the whole script as one request; return the status of the reply, None for a cut without one."""
    connection = http.client.HTTPConnection(place, timeout=30)
    credentials = b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request("POST", "/calls", json.dumps({"commands": commands()}), headers)
        try:
            return connection.getresponse().status
        except ConnectionError:
            return None


def acknowledged(sandbox: SandboxProcess, document: dict[str, Any]) -> list[str]:
    """Return the commands of a run that were sent to be acknowledged at once, in order."""
    dialled = [
        entry
        for entry in sandbox.transcript(event="request", path="/calls?async=1")
        if entry["body"]["commands"][0]["dial"]["to"] == document["to"]
    ]
    later = sandbox.transcript(event="request", path=f"/calls/{document['call_id']}?async=1")
    return [command for entry in (*dialled, *later) for command in entry["commands"]]


@pytest.mark.parametrize("name", FORWARDS)
def test_a_long_script_behind_a_proxy(
    make_cli: Callable[[str], Cli], slow_sandbox: SandboxProcess, tmp_path: Path, name: str
) -> None:
    """As one request it is cut, and nobody knows what was heard; in every mode, each sentence is heard once.

    The runs have one journal, and go on side by side.
    """
    with FORWARDS[name](tmp_path, port_of(slow_sandbox), limit_s=LIMIT_S) as place:
        cli = make_cli(f"http://{place}")
        settings = {"words_per_minute": WORDS_PER_MINUTE}
        script = cli.write("long.json", json.dumps({"version": 1, "settings": settings, "commands": commands()}))

        def run(mode: str) -> dict[str, Any]:
            limit = ("--limit", f"{LIMIT_S}s") if mode == "auto" else ()
            return cli.json("run", script, "--mode", mode, "--to", MODES[mode][0], *limit)

        with receiving(cli, slow_sandbox), ThreadPoolExecutor(len(MODES) + 1) as side_by_side:
            whole = side_by_side.submit(as_one_request, str(place))
            documents = dict(zip(MODES, side_by_side.map(run, MODES), strict=True))
            assert whole.result() in (None, 502, 504)
    assert sorted(slow_sandbox.rung()) == [TO, *sorted(to for to, _ in MODES.values())]
    for mode, document in documents.items():
        assert document["status"] == "completed", mode
        assert {step["outcome"] for step in document["steps"]} == {"done"}, mode
        assert slow_sandbox.said(document["call_id"]) == SENTENCES, mode
        assert acknowledged(slow_sandbox, document) == MODES[mode][1], mode


def test_a_request_that_a_proxy_sends_twice_is_told(
    make_cli: Callable[[str], Cli], slow_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """Where the server's own log shows it: nginx with two upstreams gave the same list to both, and the run says so."""
    slow_sandbox.add_fault(method="PUT", command="say", kind="close", place="after", times=2)
    port = port_of(slow_sandbox)
    with proxies.nginx(tmp_path, port, port, limit_s=10, more=REPEATS) as place:
        cli = make_cli(f"http://{place}")
        configuration = cli.write("log.yaml", "capabilities: {command_log: true}\n")
        script = cli.write("long.json", json.dumps({"commands": [*commands()[:2], {"hangup": {}}]}))
        document = cli.json("--config", configuration, "run", script)
        told = cli("--config", configuration, "show", document["run_id"])
    assert document["status"] == "completed"
    assert slow_sandbox.said(document["call_id"]) == [SENTENCES[0], SENTENCES[0]]
    assert document["steps"][1]["verdict"] == "ran"
    assert "more than were sent" in document["steps"][1]["evidence"]
    assert "more than were sent" in told.stdout


def test_a_dial_that_a_proxy_sends_twice_is_told_and_ended(
    make_cli: Callable[[str], Cli], slow_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """Where nginx repeats even a POST the phone rings twice: one call is carried on, the other is ended and told."""
    slow_sandbox.add_fault(method="POST", command="dial", kind="close", place="after", times=2)
    port = port_of(slow_sandbox)
    with proxies.nginx(tmp_path, port, port, limit_s=10, more=REPEATS_ALL) as place:
        cli = make_cli(f"http://{place}")
        script = cli.write("twice.json", json.dumps({"version": 1, "settings": SOON, "commands": commands()[:3]}))
        document = cli.json("run", script)
        told = cli("show", document["run_id"])
    assert slow_sandbox.rung() == [TO, TO]
    assert document["status"] == "completed"
    assert slow_sandbox.said(document["call_id"]) == SENTENCES[:2]
    (other,) = {entry["call"] for entry in slow_sandbox.transcript(event="ringing")} - {document["call_id"]}
    assert slow_sandbox.said(other) == []
    assert slow_sandbox.transcript(event="hangup", call=other)
    assert f"a further call of the same dial is up: {other}; something on the way doubled it" in told.stdout
