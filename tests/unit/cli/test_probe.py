"""`probe` on the command line: what it says before, while and after it measures, and what it writes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.cli import measuring
from orchestrator.core.limits import CutKind
from orchestrator.core.probing import Finding, Hold
from orchestrator.probe.client import Bounds, Probe
from orchestrator.probe.way import way_to
from tests.conformance.raw_server import Peer, RawServer, reply
from tests.unit.probe.test_hold_server import serving
from tests.unit.probe.test_holds import ABOUT

FAST = ("--from", "0.1s", "--to", "0.3s", "--parallel", "3", "--precision", "0.1s")


@pytest.fixture
def hold_url() -> Iterator[str]:
    with serving() as (url, _):
        yield url


def wait(peer: Peer, seconds: float) -> None:
    """Wait so long, or until the client is gone."""
    peer.sock.settimeout(max(seconds, 0.001))
    with suppress(OSError):
        peer.sock.recv(1)


def cutting(after_s: float, answer: bytes) -> Callable[[Peer], object]:
    """A hold server behind something that answers by itself after so long a silence; bytes keep it quiet."""

    def script(peer: Peer) -> None:
        request = peer.read_request()
        if request is None:
            return
        query = request.target.partition("?")[2]
        words = dict(part.split("=") for part in query.split("&")) if query else {}
        length_s = float(words.get("s", 0))
        if not query or "beat" in words or length_s < after_s:
            wait(peer, length_s)
            peer.send(reply(200, {**ABOUT, "headers": {"via": "1.1 wall"}}))
        else:
            wait(peer, after_s)
            peer.send(answer)

    return script


@pytest.fixture
def wall() -> Iterator[str]:
    """The URL of a hold server behind a proxy that answers 504 after 0.2 s."""
    with RawServer(cutting(0.2, reply(504, body=b"<html>", Server="wall"))) as server:
        yield f"{server.url}/token"


def test_a_path_without_a_limit(call, hold_url: str) -> None:
    """It says beforehand what it does and how long that takes, and then that nothing was cut."""
    done = call("probe", hold_url, *FAST)
    assert done.code == 0
    assert "Holding 3 requests at a time, silent for 0.1 to 0.3 s. This takes at most" in done.err
    assert "which sees us as 127.0.0.1" in done.err
    assert "Limit:      none up to 0.3 s" in done.out
    assert "Recommended: nothing was cut up to 0.3 s" in done.out


def test_a_path_with_a_limit(call, wall: str) -> None:
    """Every hold is listed; then the limit, its kind, what helps, who it probably is, and what to set."""
    done = call("probe", wall, "--from", "0.1s", "--to", "2s", "--parallel", "4", "--precision", "0.1s")
    assert done.code == 0
    assert "Somebody in between adds `via: 1.1 wall`." in done.err
    assert "with bytes now and then: answered" in done.out
    assert "with keepalive after 1 s: answered 504 by somebody in between after 0.2 s" in done.out
    assert "Keepalive:  does not help" in done.out
    assert "Counts:     silence: a reply that comes bit by bit lives longer" in done.out
    assert "Probably:   0.2 s with a 504 page: a proxy, keepalive does not help" in done.out
    assert "Answered:   wall" in done.out
    assert "Recommended: --limit 0.1s" in done.out


def test_json_is_one_document(call, wall: str) -> None:
    """With every finding, and without the token."""
    document = call("probe", "--json", wall, "--from", "0.1s", "--to", "2s", "--parallel", "4").json
    assert (document["cut"], document["status"], document["keepalive_cures"]) == ("gateway", 504, False)
    assert document["died_s"] == pytest.approx(0.2, abs=0.15)
    assert {finding["cut"] for finding in document["findings"]} == {None, "gateway"}
    assert "token" not in json.dumps(document)


def test_a_profile_is_kept_by_name_and_used(call, hold_url: str, tmp_path: Path, script: Path) -> None:
    """`--name` makes a profile for `--network NAME`, `--write` one for `--network FILE`; here without a limit."""
    done = call("probe", hold_url, *FAST[:2], "--to", "1.2s", "--parallel", "3", "--name", "office")
    assert done.out.rstrip().endswith("To use it: --network office")
    lives = "nothing is cut for 1.2 s at least; longer was not tried"
    assert lives in " ".join(call("doctor", "--network", "office").out.split())
    done = call("probe", hold_url, *FAST[:2], "--to", "1.2s", "--parallel", "3", "--write", "here.yaml")
    assert done.out.rstrip().endswith("To use it: --network here.yaml")
    assert (tmp_path / "here.yaml").read_text().startswith("# Made by `orchestrator probe` on ")
    planned = call("plan", script, "--to", "+12125550123", "--network", "here.yaml")
    assert planned.code == 0
    assert "; no network limit, " in planned.out
    assert "longer than 1.2 s was not tried on network here.yaml" in planned.err
    advice = call("advise", script, "--to", "+12125550123", "--network", "here.yaml", "--json").json
    assert any("longer than 1.2 s was not tried here" in concern for concern in advice["concerns"])


@pytest.mark.usefixtures("at_sandbox")
def test_run_warns_of_a_request_longer_than_was_tried(call, tmp_path: Path, script: Path) -> None:
    """As `plan` does, by the flag or by the configuration; a limit that a flag gives is another network's."""
    profile = "limit: none\nat_least: 1.2s\n"
    (tmp_path / "here.yaml").write_text(profile, encoding="utf-8")
    (tmp_path / "set.yaml").write_text("network: here.yaml\n", encoding="utf-8")
    warning, to = "and longer than 1.2 s was not tried on network ", "+12125550123"
    assert f"{warning}here.yaml: measure again" in call("run", script, "--to", to, "--network", "here.yaml").err
    assert warning in call("--config", "set.yaml", "run", script, "--to", to).err
    assert warning not in call("--config", "set.yaml", "run", script, "--to", to, "--limit", "60s").err


def test_a_profile_of_a_limit_is_kept_too(call) -> None:
    """What was cut has a limit: the longest silence that lived."""
    with RawServer(cutting(1.4, reply(504))) as server:
        bounds = ("--from", "1.1s", "--to", "2s", "--parallel", "4", "--precision", "0.3s")
        assert call("probe", f"{server.url}/token", *bounds, "--write", "cut.yaml").code == 0
    assert "requests are cut after 1." in " ".join(call("doctor", "--network", "./cut.yaml").out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--from", "9s", "--to", "3s"), 2, "--from must be more than nothing, and no more than --to"),
        (("--write", "a.yaml", "--name", "a"), 2, "Give --write or --name, not both"),
        (("--name", "heroku"), 2, "built in"),
        (("--proxy", "socks5://p.example"), 78, "http:// proxies"),
        (("--write", "a-file/x.yaml"), 2, "cannot be written"),
        (("--write", "a-folder"), 2, "is a directory"),
    ],
)
def test_what_cannot_be_measured(call, hold_url: str, arguments: tuple[str, ...], code: int, text: str) -> None:
    """Wrong flags are told before anything is sent."""
    Path("a-file").touch()
    Path("a-folder").mkdir()
    done = call("probe", hold_url, *arguments)
    assert done.code == code
    assert text in done.err


@pytest.mark.parametrize("url", ["foo", "far.example:8443/TOKEN", "https://me:PASSWORD@far.example/TOKEN", "http://"])
def test_what_is_no_url_of_a_hold_server(call, url: str) -> None:
    """It is wrong use, and told with what is expected: neither the API's address nor a secret in it is spoken of."""
    done = call("probe", url)
    assert done.code == 2
    assert "'URL': this is no URL of a hold server" in done.err
    assert "probe serve" in done.err
    assert "API" not in done.err
    assert "PASSWORD" not in done.err


def test_a_url_that_leads_nowhere(call, hold_url: str) -> None:
    """No server, and no hold server, are different errors."""
    assert call("probe", "http://127.0.0.1:1/token").code == 69
    done = call("probe", hold_url + "x")
    assert done.code == 2
    assert "there is no hold server at this URL" in done.err


def test_a_path_where_nothing_lives(call) -> None:
    """Then there is nothing to write, and the exit code says so."""
    with RawServer(cutting(0.01, b"")) as server:
        done = call("probe", f"{server.url}/token", *FAST[:-1], "0.3s", "--write", "none.yaml")
    assert done.code == 1
    assert not Path("none.yaml").exists()
    assert "Nothing is written to none.yaml" in done.err
    assert "even the shortest silence was cut" in done.out


def test_ctrl_c_says_what_is_known(call, hold_url: str) -> None:
    """The first signal ends the measuring, not the program."""
    alarm = threading.Timer(0.6, lambda: os.kill(os.getpid(), signal.SIGINT))
    alarm.start()
    done = call("probe", hold_url, "--from", "0.1s", "--to", "60s", "--parallel", "3")
    alarm.join()
    assert done.code == 75
    assert "none up to 0.1 s" in done.out
    assert "before everything was known" in done.out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_a_terminal_shows(hold_url: str) -> None:
    """How long it has gone on and may go on, what is open, and what is known."""
    probe = Probe(way_to(hold_url), Bounds())
    probe.progress.open = [Hold(length_s=5), Hold(length_s=400)]
    assert "2 requests open, the longest for 400 s; lived 0 s" in measuring._progress(probe, probe.progress)
    probe.progress.findings = [
        Finding(hold=Hold(length_s=5), cut=None, lasted_s=5),
        Finding(hold=Hold(length_s=400), cut=CutKind.RESET, lasted_s=350),
        Finding(hold=Hold(length_s=3), cut=CutKind.CLOSED, lasted_s=1),
    ]
    shown = measuring._progress(probe, probe.progress)
    assert shown.startswith("0 s of at most 20 min")
    assert "lived 5 s, cut at 350.0 s" in shown


def test_the_live_line_is_for_terminals(call, hold_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is a line that changes."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = call("probe", hold_url, *FAST)
    assert "requests open" in done.err


def test_the_api_is_looked_at(call, at_sandbox) -> None:
    """`probe --api` asks for the list of calls, and calls nobody."""
    document = call("probe", "--api", "--requests", "2", "--idle", "0s", "--json").json
    assert document["statuses"] == [200, 200]
    done = call("probe", "--api", "--requests", "2", "--idle", "10ms")
    assert done.code == 0
    assert "Nobody is called" in done.err
    assert "still open after 0 s" in done.out
    assert {entry["method"] for entry in at_sandbox.transcript(event="request")} == {"GET"}


def test_without_its_extra_there_is_no_hold_server(call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said which one to install."""
    monkeypatch.setitem(sys.modules, "orchestrator.probe.server", None)
    done = call("probe", "serve")
    assert done.code == 78
    assert "pip install 'call-orchestrator[serve]'" in done.err


def test_the_api_needs_credentials(call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them nothing is sent."""
    monkeypatch.setenv("ORCHESTRATOR_API_URL", "http://127.0.0.1:1")
    assert call("probe", "--api").code == 78


def test_a_hold_server_as_a_process(bare_cli) -> None:
    """`probe serve` prints the URL that `probe` takes, and ends with a signal."""
    token = "a-token-for-this-test"
    with bare_cli.start("probe", "serve", "--token", token, "--longest", "2s") as server:
        url = server.stdout.readline().strip()
        assert url.endswith(f"/{token}")
        assert bare_cli.json("probe", url, *FAST)["lived_s"] == 0.3
        server.terminate()
        _, errors = server.communicate(timeout=10)
    assert server.returncode == 0
    assert errors == f"Holding requests. From the other end: {bare_cli_command(errors)} probe {url}\n"


def bare_cli_command(errors: str) -> str:
    return errors.partition("other end: ")[2].partition(" probe ")[0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--token", "short"), 2), (("--key", "k.pem"), 2), (("--host", "192.0.2.1"), 69)],
)
def test_a_hold_server_that_cannot_be_started(call, arguments: tuple[str, ...], code: int) -> None:
    """Wrong options and an address of somebody else's are errors."""
    assert call("probe", "serve", *arguments).code == code
