"""Events in any order, again and again, untrue, and their receiver or runner killed: every call ends as it would have.

The oracle is the sandbox: what it was sent and what its callees heard and pressed, compared with the same calls made
with each event in its order.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Orchestrator, Result, Script
from tests import canary
from tests.conftest import Cli, SandboxProcess
from tests.e2e.gateway import Gateway
from tests.network.proxies import free_port

SEED = 20261122
SECRET = "a-secret-of-this-test"
SCRIPT = """\
version: 1
settings: {settle_heard: 15s, words_per_minute: 400, mode: async}
variables: {to: {required: true}}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199"}
  - say: {text: "Good day."}
  - get_dtmf: {timeout: 8, commands: [{say: {text: "First?"}}]}
    save: first
  - get_dtmf: {timeout: 8, commands: [{say: {text: "Second?"}}]}
    save: second
  - say: {text: "{{ first }} and {{ second }}."}
  - get_dtmf: {timeout: 8, commands: [{say: {text: "Third?"}}]}
    save: third
  - say: {text: "And {{ third }}."}
  - hangup: {}
"""
STEPS = 8
CHILD = Path(__file__).parent / "waiting_child.py"


class Bench:
    """A sandbox whose callees press keys of their own, a receiver that takes only what is signed, and their journal."""

    def __init__(
        self, start_sandbox: Callable[..., SandboxProcess], make_cli: Callable[[str], Cli], *, calls: int, speed: int
    ) -> None:
        draw = random.Random(SEED)
        numbers = [f"+1212555{1000 + at}" for at in range(calls)]
        self.keys = {number: [str(draw.randrange(1, 9)) for _ in range(3)] for number in numbers}
        self.home = make_cli("").home
        callees = {"numbers": {number: {"keys": keys} for number, keys in self.keys.items()}}
        (self.home / "callees.json").write_text(json.dumps(callees))
        self.sandbox = start_sandbox("--speed", str(speed), "--callees", str(self.home / "callees.json"))
        self.cli = make_cli(self.sandbox.url)
        self.script = Script.load(self.cli.write("storm.yaml", SCRIPT))
        self.signing = self.cli.write("signing", f"{SECRET}\n")
        self.port = free_port()
        self.known = 0

    @contextmanager
    def receiver(self) -> Iterator[dict[str, Any]]:
        """Run a receiver on the port of this bench, whose addresses stay; it is killed in the end."""
        arguments = ("serve", "--port", self.port, "--signing-secrets", self.signing, "--json")
        with self.cli.start(*arguments, stderr=subprocess.DEVNULL) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
            finally:
                process.kill()

    @contextmanager
    def orchestrator(self) -> Iterator[Orchestrator]:
        """Make an orchestrator whose journal is the receiver's."""
        given = {"api_url": self.sandbox.url, **canary.CREDENTIALS}
        with Orchestrator(**given, journal=self.cli.journal) as orchestrator:
            yield orchestrator

    def send_in_order(self, shown: dict[str, Any]) -> None:
        """Have the API send its events to the receiver, signed."""
        self.sandbox.send_events(shown["main_url"], shown["fallback_url"], secret=SECRET)

    def call_all(self, orchestrator: Orchestrator) -> dict[str, Result]:
        """Call everybody at once."""
        with ThreadPoolExecutor(len(self.keys)) as at_once:
            results = at_once.map(lambda number: orchestrator.run(self.script, to=number), self.keys)
            return dict(zip(self.keys, results, strict=True))

    def check(self, results: dict[str, Result]) -> None:
        """Every call is as it is where nothing goes wrong: the digits are right, and no list was sent twice."""
        sent: dict[str, list[Any]] = {}
        for entry in self.sandbox.transcript(event="request", method="PUT"):
            call = entry["path"].removeprefix("/calls/").partition("?")[0]
            sent.setdefault(call, []).append(entry["commands"])
        for number, result in results.items():
            first, second, third = keys = self.keys[number]
            assert (result.status, result.disposition) == ("completed", "completed"), result.document
            assert [result.variables[name] for name in ("first", "second", "third")] == keys
            said = ["Good day.", "First?", "Second?", f"{first} and {second}.", "Third?", f"And {third}."]
            assert self.sandbox.said(str(result.call_id)) == said
            asks = ["get_dtmf", "say"]
            assert sent[str(result.call_id)] == [["say"], asks, asks, ["say"], asks, ["say"], ["hangup"]]
            assert [step["outcome"] for step in result.document["steps"]] == ["done"] * STEPS
        rung = self.sandbox.rung()[self.known :]
        self.known += len(rung)
        assert sorted(rung) == sorted(results)


@pytest.fixture
def make_bench(start_sandbox: Callable[..., SandboxProcess], make_cli: Callable[[str], Cli]) -> Callable[..., Bench]:
    """Make a bench with so many callees, at some speed."""
    return lambda calls, speed=5: Bench(start_sandbox, make_cli, calls=calls, speed=speed)


def test_ten_thousand_events_in_no_order(make_bench: Callable[..., Bench]) -> None:
    """Each up to three times, and most of them untrue: the same ends as with each event once and in its order."""
    bench = make_bench(60)
    with bench.receiver() as shown, Gateway(SECRET, total=10_000, seed=SEED) as gateway, bench.orchestrator() as of:
        bench.send_in_order(shown)
        bench.check(bench.call_all(of))
        bench.sandbox.send_events(gateway.url)
        gateway.deliver(shown["main_url"], shown["fallback_url"])
        in_no_order = bench.call_all(of)
        gateway.drain()
    bench.check(in_no_order)
    assert gateway.posted >= 10_000
    assert gateway.answers.keys() == {204, 400, 401}, gateway.answers


def test_a_receiver_that_is_killed_again_and_again(make_bench: Callable[..., Bench]) -> None:
    """With -9, at any moment, in the middle of a storm: what it had acknowledged is kept, the rest is sent again."""
    bench = make_bench(20)
    kills = sorted(random.Random(SEED).sample(range(100, 3000), 4))
    with ExitStack() as stack:
        gateway = stack.enter_context(Gateway(SECRET, total=4000, seed=SEED))
        bench.sandbox.send_events(gateway.url)
        of = stack.enter_context(bench.orchestrator())
        aside = stack.enter_context(ThreadPoolExecutor(1))
        with bench.receiver() as shown:
            gateway.deliver(shown["main_url"], shown["fallback_url"])
            results = aside.submit(bench.call_all, of)
            assert gateway.after(kills[0]).wait(30)
        for kill in kills[1:]:
            with bench.receiver():
                assert gateway.after(kill).wait(30)
        with bench.receiver():
            in_no_order = results.result()
            gateway.drain()
    bench.check(in_no_order)
    assert gateway.posted >= 4000
    assert gateway.cut > 0


def test_a_runner_that_is_killed_while_it_waits(make_bench: Callable[..., Bench]) -> None:
    """With -9, each call in another place: its events are in the journal when somebody carries on with it."""
    bench = make_bench(16, speed=2)
    draw = random.Random(SEED)
    places = {number: draw.randrange(STEPS - 1) for number in bench.keys}
    arguments = (bench.sandbox.url, bench.cli.journal, bench.cli.home / "storm.yaml", json.dumps(places))
    with bench.receiver() as shown:
        bench.send_in_order(shown)
        command = [sys.executable, str(CHILD), *map(str, arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | canary.ENVIRONMENT) as child:
            assert child.stdout is not None
            waiting = {child.stdout.readline().strip() for _ in places}
            child.kill()
        assert waiting == set(places)
        with bench.orchestrator() as of, ThreadPoolExecutor(len(places)) as at_once:
            resumed = list(at_once.map(lambda run: of.resume(run.run_id), list(of.resumable())))
    bench.check({result.to: result for result in resumed})
    assert len(resumed) == len(places)
