"""Canaries: secrets of every kind are pushed through the commands and their error paths, and no artefact holds one.

A scenario runs everything as processes; then all that was left behind is searched.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import random
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.conformance.raw_server import Peer, RawServer, reply
from tests.conftest import Cli, SandboxProcess, _sandbox, cli_for

TO = "+12125550123"
KEY = "canarykeyzq"
PASSWORD = "canarypasswordzq"
SIGNING = "canarysigningsecretzq"
WORD = "canarywordzq"  # the sensitive variable
KEYED = "9081726354"  # literal digits of send_dtmf
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."
SEED = 20240518


def luhn(digits: str) -> str:
    """Return the digits with the check digit of a payment card behind them."""
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return digits + str(-sum(each - 9 * (each > 9) for each in doubled) % 10)


def cards(count: int) -> list[str]:
    """Return card numbers of 13 to 19 digits, all different."""
    dice = random.Random(SEED)
    return [luhn(f"4{number:04d}" + "".join(dice.choices("0123456789", k=7 + number % 7))) for number in range(count)]


CARDS = cards(1000)
PIN = CARDS[0]  # pressed by the callee
NOTES = CARDS[1:]  # written where nothing says that they are secret
SCRIPT = f"""
version: 1
name: secrets
variables:
  word: {{sensitive: true, required: true}}
  note: {{default: none}}
settings: {{settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s, retry_attempts: 1, max_attempts: 1}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "Your word is {{{{ word }}}}. {{{{ note }}}}"}}
  - send_dtmf: {{dtmf: "{KEYED}"}}
  - say: {{text: "{LONG}"}}
  - get_dtmf: {{timeout: 5, max_digits: 20, commands: [{{say: {{text: Key in your card.}}}}]}}
    save: card
  - say: {{text: "You keyed {{{{ card }}}}."}}
  - hangup: {{}}
  - end: {{result: done}}
"""


@dataclass
class Left:
    """What a scenario left behind: name → bytes. `journal` holds what is not an output."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    journal: dict[str, bytes] = field(default_factory=dict)
    heard: str = ""

    def holding(self, secret: str, *, journal: bool = True) -> list[str]:
        """Return the artefacts that hold a secret, as it is or as some encoding of it."""
        forms = {
            secret.encode(),
            base64.b64encode(secret.encode()).rstrip(b"="),
            " ".join(re.findall(".{1,4}", secret)).encode(),
        }
        everything = {**self.outputs, **(self.journal if journal else {})}
        return [name for name, content in everything.items() if any(form in content for form in forms)]


@dataclass
class Scene:
    """Runs commands and keeps what they write."""

    cli: Cli
    left: Left = field(default_factory=Left)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __call__(self, *arguments: object, codes: tuple[int, ...] = (0,), **more: Any) -> str:
        """Run a command; its exit code must be one of `codes`. Return its stdout."""
        done = self.cli(*arguments, **more)
        self.keep(" ".join(map(str, arguments)), done.stdout, done.stderr)
        assert done.returncode in codes, (arguments, done.returncode, done.stderr, done.stdout)
        return done.stdout

    def keep(self, name: str, *texts: str) -> None:
        """Keep what a command wrote."""
        self.left.outputs[f"{next(self.numbers)}: {name}"] = "\n".join(texts).encode()

    def keep_files(self) -> None:
        """Keep all files of the user that the scenario did not write itself, and the command lines of processes."""
        given = {"secrets.yaml", "vars", "again", "contacts.csv", "bad.yaml", "credentials", "badvars", "wrong.yaml"}
        for file in self.cli.home.rglob("*"):
            if not file.is_file() or file.name in given:
                continue
            where = self.left.journal if "journal.db" in file.name else self.left.outputs
            where[f"{next(self.numbers)}: {file.name}"] = file.read_bytes()

    def keep_processes(self) -> None:
        """Keep the command lines of every process of this machine that can be seen."""
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                content = entry.read_bytes()
                if b"orchestrator" in content and b"pytest" not in content:
                    self.left.outputs[f"process {entry.parent.name}, {next(self.numbers)}"] = content


@pytest.fixture
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Everything that was left behind."""
    home = tmp_path_factory.mktemp("user")
    credentials = {"ORCHESTRATOR_API_KEY": KEY, "ORCHESTRATOR_API_PASSWORD": PASSWORD}
    with _sandbox(("--speed", "20"), credentials) as sandbox:
        sandbox.set_callee("default", keys=[f"{PIN}#"] * 20)
        cli = cli_for(home, sandbox.url)
        cli.environment.update(credentials, ORCHESTRATOR_SIGNING_SECRETS=SIGNING, COLUMNS="400")
        scene = Scene(cli)
        _calls(scene, sandbox)
        _events(scene)
        _batch(scene)
        scene.keep_files()
        with ThreadPoolExecutor() as side_by_side:
            for ended in [side_by_side.submit(part, scene) for part in (_echoes, _mistakes)]:
                ended.result()
        _looks(scene)
        scene.keep_files()
        scene.left.heard = json.dumps(sandbox.transcript())
    return scene.left


def _calls(scene: Scene, sandbox: SandboxProcess) -> None:
    script = scene.cli.write("secrets.yaml", SCRIPT)
    variables = scene.cli.write("vars", f"word={WORD}\nnote={NOTES[0]} or {NOTES[1]}\n")
    given = ("--var-file", variables)
    scene("validate", script, "-vv")
    scene("plan", script, "-v", *given, "--to", TO)
    scene("plan", script, "--json", *given, "--to", TO, "--limit", "200s")
    scene("-vv", "run", script, "--to", TO, *given)
    scene("-vv", "--log-format", "json", "run", script, "--to", TO, *given, "--json")
    before = sandbox.transcript()[-1]["seq"]
    with scene.cli.start("-vv", "run", script, "--to", TO, *given) as process:
        call = sandbox.wait(event="ringing", after=before)["call"]
        sandbox.wait(event="running", text=LONG, call=call)
        scene.keep_processes()
        process.kill()
        scene.keep("killed", *process.communicate())
    scene.keep_files()
    scene("-vv", "resume", "--all", "--var-file", scene.cli.write("again", f"word={WORD}\n"), codes=(0, 1, 20))
    scene("-vv", "run", script, "--to", TO, "--sandbox", "--speed", "20", "--keys", f"{PIN}#", *given)


def _looks(scene: Scene) -> None:
    """Everything that shows what is in the journal."""
    for arguments in (("runs",), ("journal", "export"), ("journal", "check"), ("doctor", "--api")):
        scene(*arguments, "-vv", codes=(0, 1, 69))
    listed = json.loads(scene("runs", "--json"))
    listed = listed["runs"] if isinstance(listed, dict) else listed
    of_batch = [run for run in listed if run["to"].startswith("+1212555000")]
    others = [run for run in listed if run not in of_batch]
    assert len(of_batch) > 5 < len(others)
    with ThreadPoolExecutor(2) as side_by_side:
        told = [side_by_side.submit(scene, command, run["run_id"]) for run in others for command in ("show", "why")]
        told += [side_by_side.submit(scene, "show", run["run_id"], "--json") for run in (of_batch[0], *others[::3])]
        for each in told:
            each.result()
    scene("probe", "--api", "--requests", "2", "--idle", "10ms", "-vv", codes=(0, 1, 69, 77))


def _events(scene: Scene) -> None:
    """Events with the digits, signed, badly signed and broken."""
    with scene.cli.start("-vv", "serve", "--port", "0", "--json") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        while not first.rstrip().endswith("}"):
            first += process.stdout.readline()
        address = re.search(r"http://[^\"\s]+/main", first)
        assert address, first
        event = {"response": {"call": {"resource_id": "x"}, "results": [{"command": "get_dtmf", "dtmf": PIN}]}}
        for body in (json.dumps(event).encode(), f"{{{WORD} {PIN}".encode()):
            for secret in (SIGNING, "another"):
                _post(address.group(), body, secret)
        scene.keep_processes()
        process.terminate()
        scene.keep("serve", *process.communicate())


def _post(url: str, body: bytes, secret: str) -> None:
    now = str(int(time.time()))
    signature = hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Timestamp": now, "X-Signature": signature, "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with (
        contextlib.suppress(HTTPError),
        contextlib.closing(opener.open(urllib.request.Request(url, body, headers), timeout=20)),
    ):
        pass


def _batch(scene: Scene) -> None:
    """Contacts with a secret column and a thousand card numbers, rows that are bad, every report there is."""
    rows = [f"+121255500{at:02d},{WORD},{' '.join(NOTES[at::12])}" for at in range(12)]
    rows += [f"nobody,{WORD},{NOTES[5]}", f"+12125550190,{WORD},x,{WORD} {NOTES[7]}"]
    contacts = scene.cli.write("contacts.csv", "\n".join(["to,word,note", *rows]))
    script = scene.cli.home / "secrets.yaml"
    reports = ("--junit", "report.xml", "--metrics", "batch.prom", "--rejects", "rejects.csv")
    scene("batch", script, "--contacts", contacts, "--dry-run", "-v", codes=(0, 1))
    arguments = ("batch", script, "--contacts", contacts, "--results", "results.csv", *reports, "--concurrency", "12")
    scene("-vv", *arguments, codes=(0, 1, 75))
    scene("batch", "results", "secrets", "--results", "again.jsonl", codes=(0, 1, 2, 65, 78))
    scene("batch", "status", "--json", codes=(0, 1))


def _echoes(scene: Scene) -> None:
    """A server that answers with everything it was told, and with what it should not know."""
    token = base64.b64encode(f"{KEY}:{PASSWORD}".encode()).decode()
    ours = f"{KEY} {PASSWORD} {token} {NOTES[8]}"  # known to every command
    words = f"{ours} {WORD} {KEYED} {PIN}"  # those of a call only to its run
    variables = scene.cli.home / "vars"
    script = scene.cli.home / "secrets.yaml"
    call = {"response": {"call": {"resource_id": "c-1", "status": "ready", "created_date": words}}}
    for style, status in (("text", 400), ("json", 401), ("text", 404), ("json", 409), ("text", 500), ("json", 200)):
        error: dict[str, Any] = {"error": {"code": words, "message": words}, words: words}
        if status == 200:
            quoted = f"cannot speak {WORD} {KEYED} {PIN}"
            error = {"results": [{"command": "say", "status": "failed", "error": quoted, "dtmf": words}]}
        answer = reply(status, {"response": error}, X_Echo=words, WWW_Authenticate=words)
        made = answer if status == 401 else reply(201, call)
        listed = reply(status, {"response": {"error": {"message": ours}, "data": []}}, X_Echo=ours)
        answers = {"PUT": answer, "POST": made, "GET": reply(200, call), "DELETE": reply(200, call)}

        def script_of(peer: Peer, answers: dict[str, bytes] = answers, listed: bytes = listed) -> None:
            while (request := peer.read_request()) is not None:
                peer.send(listed if (request.method, request.target) == ("GET", "/calls") else answers[request.method])

        with RawServer(script_of) as server:
            environment = {**scene.cli.environment, "ORCHESTRATOR_API_URL": server.url}
            arguments = ("-vv", "--log-format", style, "run", script, "--to", f"+1212555{status}9")
            arguments = (*arguments, "--var-file", str(variables), "--set", "max_call=2s", "--set", "retry_total=1s")
            scene(*arguments, codes=(1, 20, 69, 75, 77), env=environment)
            if status in {200, 401}:
                scene("doctor", "--api", env=environment, codes=(0, 1, 69, 77, 78))
                scene("probe", "--api", "--requests", "2", "--idle", "10ms", env=environment, codes=(0, 1, 69, 77, 78))


def _mistakes(scene: Scene) -> None:
    """Secrets in the wrong places: each complaint names the place and not the secret."""
    script, write = scene.cli.home / "secrets.yaml", scene.cli.write
    for text in (
        f"api_key: {KEY}\n",
        f"api_url: https://{KEY}:{PASSWORD}@host\n",
        f"api_url: {{{PASSWORD}: x\n",
        f"api_password: [{PASSWORD}]\n",
        f"serve: {{signing_secrets: {SIGNING}}}\n",
    ):
        scene("--config", write("bad.yaml", text), "doctor", codes=(78,))
    bare = {name: value for name, value in scene.cli.environment.items() if "API_KEY" not in name}
    bare = {name: value for name, value in bare.items() if "PASSWORD" not in name}
    config = write("bad.yaml", "credentials_file: credentials\n")
    for text in (f"{PASSWORD}\n", f"api_key {KEY}\n", f"api_key: {KEY}\napi_key: {PASSWORD}\n", f"api_key: {KEY}\n"):
        write("credentials", text)
        scene("--config", config, "doctor", codes=(78,), env=bare)
    for text in (f"{WORD}\n", f"wo rd={WORD}\n", f"={WORD}\n", f"to={WORD}\n"):
        given = write("badvars", text)
        scene("run", script, "--to", TO, "--var-file", given, codes=(2, 65, 78))
    wrong = SCRIPT.replace(f'"{KEYED}"', f'"{KEYED}x"').replace("name: secrets", f"name: s\nnonsense: {CARDS[9]}")
    scene("validate", write("wrong.yaml", wrong), codes=(65,))
    scene("plan", write("wrong.yaml", wrong), codes=(65,))


# --- nothing is found -------------------------------------------------------------------------------------------------


def test_no_secret_is_left_anywhere(left: Left) -> None:
    """Credentials, secret variables and digits are in no output, file or journal; card numbers are shown nowhere.

    One test, so that the scenario runs once however tests are spread over processes.
    """
    found = {secret: left.holding(secret) for secret in (KEY, PASSWORD, f"{KEY}:{PASSWORD}", SIGNING, WORD, PIN, KEYED)}
    assert {secret: names for secret, names in found.items() if names} == {}
    assert {name for card in CARDS for name in left.holding(card, journal=False)} == set()
    _check_that_there_was_something_to_find(left)


def _check_that_there_was_something_to_find(left: Left) -> None:
    """The server got every secret, and what may be shown is found in every kind of artefact."""
    assert WORD in left.heard
    assert f"You keyed {PIN}" in left.heard
    assert KEYED in left.heard
    assert sum(card in left.heard for card in CARDS) > 900
    names = " ".join(left.holding(TO.removeprefix("+")))
    for each in ("show", "export", "runs", "journal.db"):
        assert each in names, each


@pytest.mark.parametrize("make", [lambda secret: secret, lambda secret: f"x{secret}y"])
def test_the_search_is_not_blind(make: Callable[[str], str]) -> None:
    """A secret in the middle of something is found, and one that is written in groups or as base64."""
    planted = Left({"a": make(PIN).encode(), "b": base64.b64encode(PIN.encode()), "c": b"x"})
    assert planted.holding(PIN) == ["a", "b"]
