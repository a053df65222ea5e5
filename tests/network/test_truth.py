"""What the client concludes behind real intermediaries and real faults is never untrue: a table of (way, fault, step).

Each case drives one real call: a fault hits one step of it, and once everything is over, the journal's claims are held
against the sandbox's transcript. `make truth` writes the table down.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from orchestrator import Orchestrator, Script
from orchestrator.core.records import Concluded, Intended, Record
from orchestrator.errors import OrchestratorError
from tests import canary
from tests.conformance.raw_server import RawServer
from tests.conftest import Cli, SandboxProcess, _sandbox, cli_for
from tests.network import proxies, truth
from tests.network.courier import Courier

TO = "+12125550123"
OTHER = "+12125550177"
SAY = {"say": {"text": "This sentence lasts for a while, for some seconds."}}
KEY = {"send_dtmf": {"dtmf": "1234567890123456"}}
AHEAD = {"say": {"text": "Wait."}}
BYE = {"say": {"text": "Goodbye."}}
PATIENCE_S = 30.0
SETTINGS = {
    "settle_dangerous": "3s",
    "settle_heard": "1s",
    "dial_expire": "3s",
    "read_margin": "500ms",
    "retry_total": "20s",
}


def commands_of(step: str) -> list[dict[str, Any]]:
    """Return a script in which this step lasts for three seconds."""
    dial = {"dial": {"to": TO, "from": "+15555550199", "timeout": 5}}
    return [dial, *({"dial": [], "say": [AHEAD, SAY], "send_dtmf": [AHEAD, KEY]}[step]), BYE, {"hangup": {}}]


@dataclass
class Scene:
    """One case while it goes on.

    Attributes:
        step: The command that is hit.
        folder: For files.
        sandbox: The server.
        url: Where the client finds it.
        proxies: What is on the way, the nearest to the client first.
        control: A plain socket with bytes that have not arrived yet.
        environment: Of the client; it is this process's own, so that no two such cases go on at a time.
        settings: Of the run.
    """

    step: str
    folder: Path
    sandbox: SandboxProcess
    url: str = ""
    proxies: list[proxies.Proxy] = field(default_factory=list)
    courier: Courier | None = None
    control: socket.socket | None = None
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))

    @property
    def port(self) -> int:
        """Where the server itself listens."""
        return urlsplit(self.sandbox.url).port or 0

    @property
    def near_port(self) -> int:
        """Where the client's connections end."""
        return self.proxies[0].port if self.proxies else urlsplit(self.url).port or 0

    @property
    def journal(self) -> Path:
        """Where the run is written down."""
        return self.folder / "journal.db"

    def wait_until_running(self) -> None:
        """Wait until the server runs the step."""
        text = {"text": SAY["say"]["text"]} if self.step == "say" else {}
        self.sandbox.wait(event="running", command=self.step, timeout=PATIENCE_S, **text)

    def wait_until_given_up(self) -> None:
        """Wait until the client has closed the connection on which it has sent the step."""
        first: set[int] = set()
        deadline = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while time.monotonic() < deadline:
            there = proxies.connections_to(self.near_port)
            first = first or there
            if first and not first & there:
                return
            pause.wait(0.01)
        pytest.fail("the client does not give up")

    def transcript(self) -> list[dict[str, Any]]:
        """Return all that the server wrote down, even if it is dead."""
        lines = (self.folder / "transcript").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def cli(self) -> Cli:
        """Return the command line of this client."""
        made = cli_for(self.folder, self.url)
        made.environment.update(self.environment, ORCHESTRATOR_JOURNAL=str(self.journal))
        return made


Action = Callable[[Scene], object]


def nothing(_: Scene) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Fault:
    """What is done to a step, and when.

    Attributes:
        first: Before the run.
        meanwhile: While the run goes on.
        concluded: As soon as the client has its outcome.
        killed_when: The client is a process that is killed with -9 once this returns; a second one carries on.
    """

    first: Action = nothing
    meanwhile: Action = nothing
    concluded: Action = nothing
    killed_when: Action | None = None


# --- ways -------------------------------------------------------------------------------------------------------------

Way = Callable[[Scene], contextlib.AbstractContextManager[None]]
LIMIT_S = 1
SQUIDS_LIMIT_S = 2  # it looks at its timers once a second, and may be early


@contextlib.contextmanager
def straight(scene: Scene) -> Iterator[None]:
    scene.url = scene.sandbox.url
    yield


def behind(make: Callable[..., contextlib.AbstractContextManager[proxies.Proxy]], **options: Any) -> Way:
    """Return the way through one proxy."""

    @contextlib.contextmanager
    def way(scene: Scene) -> Iterator[None]:
        with make(scene.folder, *[scene.port] * options.get("upstreams", 1), **_without(options, "upstreams")) as proxy:
            scene.proxies.append(proxy)
            scene.url = f"http://{proxy}"
            yield

    return way


def _without(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


@contextlib.contextmanager
def tunnel(scene: Scene) -> Iterator[None]:
    """Squid as a forward proxy, its CONNECT to HAProxy with TLS, and behind it the server."""
    authority = trustme.CA()
    authority.issue_cert("0.0.0.0").private_key_and_cert_chain_pem.write_to_path(scene.folder / "server.pem")
    authority.cert_pem.write_to_path(scene.folder / "ca.pem")
    bind = f"ssl crt {scene.folder / 'server.pem'}"
    for name in ("near", "far"):
        (scene.folder / name).mkdir()
    with (
        proxies.haproxy(scene.folder / "far", scene.port, limit_s=60, bind=bind) as far,
        proxies.squid(scene.folder / "near", None, limit_s=60) as near,
    ):
        scene.proxies += [near, far]
        scene.url = f"https://0.0.0.0:{far.port}"  # this machine, and not known as such: it is reached through proxies
        scene.environment["HTTPS_PROXY"] = f"http://{near}"
        scene.environment["REQUESTS_CA_BUNDLE"] = str(scene.folder / "ca.pem")
        yield


@contextlib.contextmanager
def held_back(scene: Scene) -> Iterator[None]:
    """A proxy that delivers the step once the client has gone."""
    held = {"dial": b'"dial"', "say": b"lasts for a while", "send_dtmf": b'"send_dtmf"'}[scene.step]
    scene.courier = Courier(scene.port, held)
    with RawServer(scene.courier) as server:
        scene.url = server.url
        yield


@contextlib.contextmanager
def queue(scene: Scene) -> Iterator[None]:
    """HAProxy that lets looks pass, and everything else one at a time."""
    more = f"timeout queue 20s\n use-server other if METH_GET\n server other 127.0.0.1:{scene.port} weight 0"
    with proxies.haproxy(scene.folder, scene.port, limit_s=60, more=more, server="maxconn 1") as proxy:
        scene.proxies.append(proxy)
        scene.url = f"http://{proxy}"
        yield


# --- faults -----------------------------------------------------------------------------------------------------------


def server(number: signal.Signals) -> Action:
    """Return a signal to the server."""
    return lambda scene: os.kill(scene.sandbox.pid, number)


def proxy(what: str, at: int = 0) -> Action:
    """Return what is done to a proxy."""
    return lambda scene: getattr(scene.proxies[at], what)()


def running(action: Action) -> Action:
    """Return an action for the moment at which the server runs the step."""

    def meanwhile(scene: Scene) -> None:
        scene.wait_until_running()
        action(scene)

    return meanwhile


def ahead(action: Action) -> Action:
    """Return an action for the moment at which the server runs what stands before the step."""

    def meanwhile(scene: Scene) -> None:
        scene.sandbox.wait(event="running", text=AHEAD["say"]["text"], timeout=PATIENCE_S)
        action(scene)

    return meanwhile


def until_given_up(one: Action, other: Action) -> Action:
    """Return an action, and another one for when the client has given up on the step."""

    def meanwhile(scene: Scene) -> None:
        one(scene)
        scene.wait_until_given_up()
        other(scene)

    return meanwhile


def both(one: Action, other: Action) -> Action:
    """Return two actions, one after the other."""
    return lambda scene: (one(scene), other(scene))


def impatient(scene: Scene) -> None:
    """Let the run give up soon where the server is gone for good."""
    scene.settings.update(retry_total="1s", max_silence="2s")


def killed_server(scene: Scene) -> None:
    """End the server before anything is sent."""
    impatient(scene)
    os.kill(scene.sandbox.pid, signal.SIGKILL)


def firewall(rules: str) -> Action:
    """Return rules of a firewall; `PORT` is the server's."""
    return lambda scene: proxies.firewall(rules.replace("PORT", str(scene.port)))


def forgetful(verdict: str) -> Action:
    """Return a firewall that forgets a connection after a second of silence."""

    def first(scene: Scene) -> None:
        firewall(f"ct state invalid {verdict};")(scene)
        proxies.forget_after(1)

    return first


def held(scene: Scene) -> None:
    """Wait until the courier has the request."""
    assert scene.courier is not None
    assert scene.courier.holding.wait(PATIENCE_S)


def delivered(scene: Scene) -> None:
    """Wait until the courier has brought the request to the server, and the server has answered it."""
    assert scene.courier is not None
    assert scene.courier.delivered.wait(PATIENCE_S)


def others_call(scene: Scene) -> None:
    """Take the only place in the queue with somebody else's call."""
    dial = {"dial": {"to": OTHER, "from": "+15555550199"}}
    credentials = b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    body = json.dumps({"commands": [dial, {"say": {"text": "word " * 200}}]}).encode()
    request = urllib.request.Request(f"{scene.url}/calls", body, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    threading.Thread(target=lambda: opener.open(request, timeout=60).close(), daemon=True).start()
    scene.sandbox.wait(event="ringing", to=OTHER, timeout=PATIENCE_S)


def others_end(scene: Scene) -> None:
    """Let that call end once the client has given up and looked."""
    before = scene.sandbox.wait(event="ringing", to=OTHER, timeout=PATIENCE_S)
    scene.sandbox.wait(event="request", method="GET", after=before["seq"], timeout=PATIENCE_S)
    scene.sandbox.hang_up(before["call"])


DROP_DATA = "tcp dport PORT tcp flags & psh == psh drop;"
"""Connections come about, and no request arrives."""


def with_control(scene: Scene) -> None:
    """Drop requests, and let a plain socket send one: the kernel sends that again and again, whoever lives."""
    firewall(DROP_DATA)(scene)
    scene.control = socket.create_connection(("127.0.0.1", scene.port), PATIENCE_S)
    scene.control.sendall(b"GET /_sandbox/faults HTTP/1.1\r\nHost: localhost\r\n\r\n")


def unacknowledged(scene: Scene) -> None:
    """Wait until bytes of the client lie in its socket, too."""
    command = [proxies.program("ss"), "-Htn", "state", "established", f"dport = :{scene.port}"]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        if sum(int(line.split()[1]) > 0 for line in lines) >= 2:
            return
    pytest.fail("nothing lies in the client's socket")


def healed(scene: Scene) -> None:
    """Let everything pass again, and wait until the kernel has delivered what the plain socket still had."""
    proxies.firewall("")
    assert scene.control is not None
    with scene.control as control:
        assert control.recv(12) == b"HTTP/1.1 200"


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        way: What lies between, in words.
        fault: What happens, in words.
        step: The command that is hit.
        make_way: Builds the way.
        make_fault: Does it.
        first: What the first sending of the step may be concluded to be: the fault did hit.
        doubled: Something on the way may send a request more than once.
        inside: In a network namespace of its own.
    """

    way: str
    fault: str
    step: str
    make_way: Way
    make_fault: Fault
    first: tuple[str, ...] = ("unknown",)
    doubled: bool = False
    inside: bool = False

    def __str__(self) -> str:
        return f"{self.way}-{self.fault}".replace(" ", "_")


FORWARDS = {"haproxy": proxies.haproxy, "nginx": proxies.nginx, "squid": proxies.squid}
LATER = "delivered when the client has gone"


def _direct() -> Iterator[Case]:
    stopped = Fault(meanwhile=until_given_up(running(server(signal.SIGSTOP)), server(signal.SIGCONT)))
    gone = Fault(first=impatient, meanwhile=running(server(signal.SIGKILL)))
    for name, fault in {"server stopped, woken later": stopped, "server killed": gone}.items():
        for step in ("say", "send_dtmf"):
            yield Case("direct", name, step, straight, fault)
    yield Case("direct", "server killed before", "dial", straight, Fault(first=killed_server), ("not_sent",))


def _proxies() -> Iterator[Case]:
    for name, make in FORWARDS.items():
        for step in ("dial", "say", "send_dtmf"):
            limit_s = SQUIDS_LIMIT_S if name == "squid" else LIMIT_S
            yield Case(name, "cut by its limit", step, behind(make, limit_s=limit_s), Fault())
        way = behind(make, limit_s=60)
        killed = Fault(meanwhile=running(both(proxy("kill"), proxy("start"))))
        for step in ("dial", "say", "send_dtmf"):
            yield Case(name, "killed and started again", step, way, killed)
        before = Fault(first=proxy("kill"), concluded=proxy("start"))
        yield Case(name, "killed before, started again", "dial", way, before, ("not_sent",))
        stopped = Fault(first=proxy("stop"), meanwhile=until_given_up(nothing, proxy("wake")))
        yield Case(name, "stopped before, woken when the client has gone", "dial", way, stopped)
        yield Case(name, "server killed before", "dial", way, Fault(first=killed_server))


def _others() -> Iterator[Case]:
    for at, name in enumerate(("the forward proxy", "the end of TLS")):
        cut = Fault(meanwhile=running(both(proxy("kill", at), proxy("start", at))))
        yield Case("CONNECT and TLS", f"{name} killed and started again", "say", tunnel, cut)
    queued = Fault(meanwhile=both(ahead(others_call), others_end))
    yield Case("haproxy, a queue", LATER, "say", queue, queued)
    late = {LATER: Fault(meanwhile=delivered), f"{LATER}, killed": Fault(killed_when=held, concluded=delivered)}
    for name, fault in late.items():
        for step in ("dial", "say", "send_dtmf"):
            yield Case("a proxy that holds back", name, step, held_back, fault)


def _doubling() -> Iterator[Case]:
    lost = ("unknown", "rejected")  # one copy may be answered while the other one runs
    again = "proxy_next_upstream error timeout non_idempotent;"
    way = behind(proxies.nginx, upstreams=2, limit_s=LIMIT_S, more=again)
    for step in ("dial", "say", "send_dtmf"):
        yield Case("nginx, two upstreams", "cut by its limit, sent again", step, way, Fault(), lost, doubled=True)
    more = "retries 2\n retry-on all-retryable-errors"
    way = behind(proxies.haproxy, limit_s=LIMIT_S, more=more)
    for step in ("dial", "say", "send_dtmf"):
        yield Case("haproxy, retry-on", "cut by its limit, sent again", step, way, Fault(), lost, doubled=True)


def _firewalls() -> Iterator[Case]:
    for verdict in ("drop", "reject with tcp reset"):
        for step in ("say", "send_dtmf"):
            name = f"forgets the connection: {verdict}"
            yield Case("firewall", name, step, straight, Fault(first=forgetful(verdict)), inside=True)
    drop = firewall(DROP_DATA)
    for step in ("dial", "say", "send_dtmf"):
        first, then = (drop, nothing) if step == "dial" else (nothing, ahead(drop))
        dropped = Fault(first=first, meanwhile=until_given_up(then, firewall("")))
        yield Case("firewall", "drops what is sent, until given up", step, straight, dropped, inside=True)
    for name, verdict in {"ignored": "drop", "refused": "reject with tcp reset"}.items():
        syn = firewall(f"tcp dport PORT tcp flags & (syn | ack) == syn {verdict};")
        refused = Fault(first=syn, concluded=firewall(""))
        yield Case("firewall", f"connecting is {name}", "dial", straight, refused, ("not_sent",), inside=True)
    for step in ("say", "send_dtmf"):
        lost = Fault(meanwhile=until_given_up(running(firewall("tcp sport PORT drop;")), firewall("")))
        yield Case("firewall", "drops the reply, until given up", step, straight, lost, inside=True)
    killed = Fault(first=with_control, killed_when=unacknowledged, concluded=healed)
    yield Case("firewall", "drops what is sent, the client is killed", "dial", straight, killed, inside=True)


CASES = [*_direct(), *_proxies(), *_others(), *_doubling(), *_firewalls()]
GROUPS = [[*cases] for _, cases in groupby(CASES, key=lambda case: (case.way, case.fault))]


@pytest.mark.parametrize(
    "cases",
    [pytest.param(cases, id=str(cases[0]), marks=[pytest.mark.namespace] * cases[0].inside) for cases in GROUPS],
)
def test_nothing_untrue_is_concluded(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """What is not_sent never arrives, what is done or ran did run, what did not run never does.

    One fault of one way is played for several steps side by side: most of the time nothing happens.
    """
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("ORCHESTRATOR_")]:
        monkeypatch.delenv(name)

    def play(case: Case) -> tuple[list[truth.Row], bool]:
        folder = tmp_path / case.step
        folder.mkdir()
        if case.inside:
            return proxies.inside_a_namespace(lambda: _play(case, folder, monkeypatch))
        return _play(case, folder, monkeypatch)

    with ThreadPoolExecutor(len(cases)) as side_by_side:
        played = [*zip(cases, side_by_side.map(play, cases), strict=True)]
    for case, (found, told) in played:
        hit = next(row for row in found if row.entry == (0 if case.step == "dial" else 2))
        believed, happened = str(hit.believed), hit.happened
        record_property("truth", [case.way, case.fault, case.step, believed, happened.seen, happened.begun])
        assert hit.believed.outcomes[0] in case.first, "the fault did not hit"
        assert [each for row in found for each in row.contradictions(doubled=case.doubled, told=told)] == []


def _play(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[truth.Row], bool]:
    with ExitStack() as stack:
        sandbox = stack.enter_context(_sandbox(("--transcript", str(folder / "transcript"))))
        sandbox.set_callee("default", after=3.5 if case.step == "dial" else 0.1)
        scene = Scene(case.step, folder, sandbox)
        with case.make_way(scene):
            for name, value in scene.environment.items():
                monkeypatch.setenv(name, value)
            case.make_fault.first(scene)
            (_run if case.make_fault.killed_when is None else _run_twice)(scene, case.make_fault)
        with contextlib.suppress(OSError):  # the server may be dead
            sandbox.transcript()  # what has arrived by now is written down
        exported = scene.cli()("journal", "export")
        assert exported.returncode == 0, exported.stderr
    records = [json.loads(line)["record"] for line in exported.stdout.splitlines()]
    told = any(record.get("doubled") or record.get("code") == "doubled_dial" for record in records)
    return truth.rows(commands_of(case.step), records, scene.transcript()), told


def _script(scene: Scene) -> str:
    return json.dumps({"version": 1, "settings": scene.settings, "commands": commands_of(scene.step)})


def _run(scene: Scene, fault: Fault) -> None:
    """Drive the run in a thread, and do what the fault says meanwhile."""
    watch = _Watch(scene, fault)

    def run() -> None:
        given = {"api_url": scene.url, **canary.CREDENTIALS, "journal": scene.journal}
        with Orchestrator(**given, on_record=watch) as orchestrator, contextlib.suppress(OrchestratorError):
            orchestrator.run(Script.parse(_script(scene)))

    with ThreadPoolExecutor(1) as thread:
        driven = thread.submit(run)
        fault.meanwhile(scene)
        driven.result()
    assert watch.failures == []


class _Watch:
    """Does what the fault says once the step's first outcome is known, in the thread that drives the run."""

    def __init__(self, scene: Scene, fault: Fault) -> None:
        self.failures: list[BaseException] = []
        self._scene = scene
        self._action = fault.concluded
        self._is_next = self._is_over = False

    def __call__(self, record: Record, _: object) -> None:
        if isinstance(record, Intended):
            self._is_next = record.commands[:1] == (self._scene.step,) and 1 not in record.command_entries
        elif isinstance(record, Concluded) and self._is_next and not self._is_over:
            self._is_over = True
            try:
                self._action(self._scene)
            except BaseException as error:
                self.failures.append(error)
                raise


def _run_twice(scene: Scene, fault: Fault) -> None:
    """Kill a run as a process, and carry on with another."""
    cli = scene.cli()
    script = cli.write("script.json", _script(scene))
    assert fault.killed_when is not None
    with cli.start("run", script) as process:
        fault.killed_when(scene)
        process.kill()
        process.communicate()
    fault.concluded(scene)
    done = cli("resume", "--all")
    assert done.returncode in (0, 1, 20), done.stderr
