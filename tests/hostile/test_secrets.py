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
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import click
import pytest

from orchestrator.cli.program import program
from tests.canary import CARDS, GIVEN, KEY, KEYED, PASSWORD, PIN, SIGNING, WORD, forms_of
from tests.conformance.raw_server import Peer, RawServer, reply
from tests.conftest import Cli, SandboxProcess, _sandbox, cli_for

TO = "+12125550123"
UNDECIDED, CANCELLED = "+12125550131", "+12125550132"
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."


def written(card: str, number: int) -> str:
    """Return a card number as people write it: in one piece, or in groups of four with blanks or hyphens between."""
    return ("", " ", "-")[number % 3].join(re.findall(".{1,4}", card))


CARD = CARDS[0]  # keyed by the callee, as is the PIN after it
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
  - get_dtmf: {{timeout: 5, max_digits: 8, commands: [{{say: {{text: Key in your PIN.}}}}]}}
    save: pin
    sensitive: true
  - say: {{text: "Your PIN is {{{{ pin }}}}. Again: {{{{ pin | join(' ') }}}}."}}
  - send_dtmf: {{dtmf: "{{{{ pin }}}}"}}
  - hangup: {{}}
  - end: {{result: done}}
"""

SMALL = f"""
version: 1
variables: {{word: {{sensitive: true, required: true}}, note: {{default: none}}}}
settings: {{settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "Your word is {{{{ word }}}}. {{{{ note }}}}"}}
  - send_dtmf: {{dtmf: "{KEYED}"}}
  - get_dtmf: {{timeout: 5, max_digits: 8, commands: [{{say: {{text: Key in your PIN.}}}}]}}
    save: pin
    sensitive: true
  - say: {{text: "Your PIN is {{{{ pin }}}}. Again: {{{{ pin | join(' ') }}}}."}}
  - send_dtmf: {{dtmf: "{{{{ pin }}}}"}}
  - hangup: {{}}
"""


@dataclass
class Left:
    """What a scenario left behind: name → bytes. `journal` holds what is not an output."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    journal: dict[str, bytes] = field(default_factory=dict)
    heard: str = ""
    unpushed: set[tuple[str, ...]] = field(default_factory=set)

    def holding(self, secret: str, *, journal: bool = True) -> list[str]:
        """Return the artefacts that hold a secret, as it is or as some encoding of it."""
        forms = forms_of(secret)
        everything = {**self.outputs, **(self.journal if journal else {})}
        return [name for name, content in everything.items() if any(form in content for form in forms)]


@dataclass
class Scene:
    """Runs commands and keeps what they write."""

    cli: Cli
    left: Left = field(default_factory=Left)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    pushed: set[tuple[str, ...]] = field(default_factory=set)

    def __call__(self, *arguments: object, codes: tuple[int, ...] = (0,), **more: Any) -> str:
        """Run a command; its exit code must be one of `codes`. Return its stdout."""
        self.pushed.add(command_of(arguments))
        done = self.cli(*arguments, **more)
        self.keep(" ".join(map(str, arguments)), done.stdout, done.stderr)
        assert done.returncode in codes, (arguments, done.returncode, done.stderr, done.stdout)
        return done.stdout

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        self.pushed.add(command_of(arguments))
        return self.cli.start(*arguments)

    def keep(self, name: str, *texts: str) -> None:
        """Keep what a command wrote."""
        self.left.outputs[f"{next(self.numbers)}: {name}"] = "\n".join(texts).encode()

    def keep_files(self) -> None:
        """Keep all files of the user that the scenario did not write itself, and the command lines of processes."""
        for file in self.cli.home.rglob("*"):
            if not file.is_file() or file.name in GIVEN:
                continue
            where = self.left.journal if "journal.db" in file.name else self.left.outputs
            where[f"{next(self.numbers)}: {file.name}"] = file.read_bytes()

    def keep_processes(self) -> None:
        """Keep the command lines of all processes that come from this one: others may test the same beside it."""
        for process in _descendants():
            with contextlib.suppress(OSError):
                content = (process / "cmdline").read_bytes()
                if b"orchestrator" in content:
                    self.left.outputs[f"process {process.name}, {next(self.numbers)}"] = content


def _descendants() -> Iterator[Path]:
    """Yield the folders in /proc of the processes that this one has started, and of those that they have."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[entry] = Path("/proc") / (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    mine = {Path("/proc") / str(os.getpid())}
    while new := {process for process, parent in parents.items() if parent in mine} - mine:
        mine |= new
        yield from new


def commands(group: click.Group = program, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield every command of the program, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield (*above, name)


def command_of(arguments: Sequence[object]) -> tuple[str, ...]:
    """Return the words of the command that arguments call; none where they call none of the table."""
    words = [str(each) for each in arguments]
    known = set(commands())
    for at, word in enumerate(words):
        following = "api" if "--api" in words else next(iter(words[at + 1 :]), "")  # `probe --api` is `probe api`
        for found in ((word, following), (word,)):
            if found in known:
                return found
    return ()


@pytest.fixture
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Everything that was left behind."""
    home = tmp_path_factory.mktemp("user")
    with _sandbox(("--speed", "20")) as sandbox:
        sandbox.set_callee("default", keys=[f"{CARD}#", f"{PIN}#"] * 20)
        cli = cli_for(home, sandbox.url)
        cli.environment.update(ORCHESTRATOR_SIGNING_SECRETS=SIGNING, COLUMNS="400")
        scene = Scene(cli)
        _calls(scene, sandbox)
        _events(scene)
        _batch(scene)
        scene.keep_files()
        with ThreadPoolExecutor() as side_by_side:
            for ended in [side_by_side.submit(part, scene) for part in (_echoes, _mistakes)]:
                ended.result()
        _looks(scene)
        _uncertain(scene, sandbox)
        with ThreadPoolExecutor() as side_by_side:
            for ended in [side_by_side.submit(part, scene) for part in (_ahead, _orders, _around, _bugs)]:
                ended.result()
        scene.keep_files()
        scene.left.unpushed = {*commands()} - scene.pushed
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
    with scene.start("-vv", "run", script, "--to", TO, *given) as process:
        call = sandbox.wait(event="ringing", after=before)["call"]
        sandbox.wait(event="running", text=LONG, call=call)
        scene.keep_processes()
        process.kill()
        scene.keep("killed", *process.communicate())
    scene.keep_files()
    scene("-vv", "resume", "--all", "--var-file", scene.cli.write("again", f"word={WORD}\n"), codes=(0, 1, 20))
    scene("-vv", "run", script, "--to", TO, "--sandbox", "--speed", "20", "--keys", f"{CARD}#,{PIN}#", *given)


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


def _uncertain(scene: Scene, sandbox: SandboxProcess) -> None:
    """Runs that need a person: a verdict, an end."""
    script = scene.cli.home / "secrets.yaml"
    arguments = ("-vv", "run", script, "--var-file", scene.cli.home / "vars", "--to")
    sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    run = json.loads(scene(*arguments, UNDECIDED, "--json", codes=(20,)))["run_id"]
    scene("resolve", run, "--ran", "--note", f"they heard {NOTES[10]}", "-vv", codes=(0, 1, 20))
    with scene.start(*arguments, CANCELLED) as process:
        call = sandbox.wait(event="ringing", to=CANCELLED)["call"]
        sandbox.wait(event="running", text=LONG, call=call)
        scene("runs", "--unfinished", "--json")
        # Among all of them: on a busy machine the sentence may be over by now.
        (run,) = (run for run in json.loads(scene("runs", "--json")) if run["to"] == CANCELLED)
        scene("cancel", run["run_id"], "-vv", codes=(0, 1))
        scene.keep("cancelled", *process.communicate())
    scene("reap", "-vv", codes=(0, 1, 20, 75))


def _ahead(scene: Scene) -> None:
    """What is told of a script before anybody is called."""
    given = ("--var-file", scene.cli.home / "vars", "--to", TO)
    script = scene.cli.write("small.yaml", SMALL)
    scene("advise", script, "-vv", *given, codes=(0, 1, 65))
    for more in ((), ("--json",)):
        scene("verify", script, "-vv", "--mishaps", 1, *given, *more, codes=(0, 1))
    scene("drill", script, "-vv", "--speed", 40, "--within", "5s", "--keys", f"{PIN}#", *given, codes=(0, 1, 75))
    # A rehearsal is the callee's ear: words are shown to whoever gave them, so that no secret word is given.
    scene("rehearse", script, "-vv", "--fast", "--keys", f"{PIN}#", "--to", TO)


def _orders(scene: Scene) -> None:
    """Orders to a campaign, right and wrong."""
    for words in (("pause",), ("status", "--json"), ("continue",), ("rerun", "--disposition", "busy"), ("stop",)):
        scene("batch", words[0], "secrets", *words[1:], "-vv", codes=(0, 1, 2, 65, 75, 78))
    for word in ("pause", "continue", "stop", "status", "results"):
        scene("batch", word, "unknown", codes=(1, 2, 65, 78))


def _around(scene: Scene) -> None:
    """What has no call: the hold server, the sandbox, copies of the journal."""
    serving = ("probe", "serve", "--json", "--token", "a-token-of-the-hold-server")
    with scene.start(*serving) as process:
        url = json.loads(first_document(process))["url"]
        bounds = ("--from", "50ms", "--to", "100ms", "--within", "3s", "--precision", "50ms")
        scene("-vv", "probe", "path", url, *bounds, codes=(0, 1, 69))
        scene("-vv", "probe", "path", f"http://{WORD}:{PASSWORD}@127.0.0.1:1", *bounds, codes=(1, 2, 69, 78))
        process.terminate()
        scene.keep("probe serve", *process.communicate())
    with scene.start("sandbox", "-v") as process:
        first_document(process)
        scene.keep_processes()
        process.terminate()
        scene.keep("sandbox", *process.communicate())
    copy = scene.cli.home / "copied" / "journal.db"
    copy.parent.mkdir(mode=0o700)
    with (
        contextlib.closing(sqlite3.connect(scene.cli.journal)) as whole,
        contextlib.closing(sqlite3.connect(copy)) as to,
    ):
        whole.backup(to)
    copy.chmod(0o600)
    scene("--journal", copy, "journal", "adopt", "-vv", codes=(0, 1, 2, 73, 78))
    scene("--journal", copy, "journal", "prune", "--older-than", "1s", "-vv", "--json", codes=(0, 1))
    damaged = scene.cli.write("damaged.journal.db", "no journal")
    scene("--journal", damaged, "journal", "check", "-vv", codes=(1, 73, 78))
    scene("completion", "bash")
    scene(codes=(0, 2))
    scene("nonsense", codes=(2,))


BUG = """
import sys
import orchestrator.compose
from orchestrator.cli import main
def broken(*_, **__):
    raise LookupError("no such header: " + sys.stdin.read())
orchestrator.compose.Orchestrator.prepare = orchestrator.compose.Orchestrator.run = broken
main(sys.argv[1:])
"""


def _bugs(scene: Scene) -> None:
    """Bugs of ours (exit 70), whose tracebacks say what was at hand: credentials as they are sent, card numbers."""
    script, token = scene.cli.home / "secrets.yaml", base64.b64encode(f"{KEY}:{PASSWORD}".encode()).decode()
    for secret in (f"{KEY} {PASSWORD}", f"Basic {token}", SIGNING, " ".join(NOTES[:20])):
        for more in ((), ("-vv",), ("--json",), ("-vv", "--json")):
            command = [sys.executable, "-c", BUG, "run", str(script), "--to", TO, *more]
            command += ["--var-file", str(scene.cli.home / "vars")]
            done = subprocess.run(
                command,
                input=secret,
                env=scene.cli.environment,
                cwd=scene.cli.home,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 70, done.stderr
            scene.keep(f"bug {more}", done.stdout, done.stderr)


def _events(scene: Scene) -> None:
    """Events with the digits, signed, badly signed and broken."""
    with scene.start("-vv", "serve", "--port", "0", "--json") as process:
        first = first_document(process)
        address = re.search(r"http://[^\"\s]+/main", first)
        assert address, first
        event = {
            "response": {"call": {"resource_id": "x"}, "results": [{"command": "get_dtmf", "dtmf": f"{CARD} {PIN}"}]}
        }
        for body in (json.dumps(event).encode(), f"{{{WORD} {CARD} {PIN}".encode()):
            for secret in (SIGNING, "another"):
                _post(address.group(), body, secret)
        scene.keep_processes()
        process.terminate()
        scene.keep("serve", *process.communicate())


def first_document(process: subprocess.Popen[str]) -> str:
    """Return the JSON document that a process begins with."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        with contextlib.suppress(ValueError):
            json.loads(text)
            return text
    raise AssertionError(text)


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
    rows = [
        f"+121255500{at:02d},{WORD},{'; '.join(map(written, NOTES[at::12], itertools.count(at)))}" for at in range(12)
    ]
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
    words = f"{ours} {WORD} {KEYED} {CARD} {PIN}"  # those of a call only to its run
    variables = scene.cli.home / "vars"
    script = scene.cli.home / "secrets.yaml"
    call = {"response": {"call": {"resource_id": "c-1", "status": "ready", "created_date": words}}}
    for style, status in (("text", 400), ("json", 401), ("text", 404), ("json", 409), ("text", 500), ("json", 200)):
        error: dict[str, Any] = {"error": {"code": words, "message": words}, words: words}
        if status == 200:
            quoted = f"cannot speak {WORD} {KEYED} {CARD} {PIN}"
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


@pytest.mark.timeout(300)
def test_no_secret_is_left_anywhere(left: Left) -> None:
    """Credentials, secret variables and digits are in no output, file or journal; card numbers are shown nowhere.

    One test, so that the scenario runs once however tests are spread over processes.
    """
    assert left.unpushed == set(), "commands through which nothing was pushed"
    secrets = (KEY, PASSWORD, f"{KEY}:{PASSWORD}", SIGNING, WORD, CARD, PIN, KEYED)
    found = {secret: left.holding(secret) for secret in secrets}
    assert {secret: names for secret, names in found.items() if names} == {}
    assert {name for card in CARDS for name in left.holding(card, journal=False)} == set()
    _check_that_there_was_something_to_find(left)


def _check_that_there_was_something_to_find(left: Left) -> None:
    """The server got every secret, and what may be shown is found in every kind of artefact."""
    assert WORD in left.heard
    assert f"You keyed {CARD}" in left.heard
    assert KEYED in left.heard
    assert f"Your PIN is {PIN}" in left.heard
    assert re.search(f'"digits": ?"{PIN}"|"dtmf": ?"{PIN}"', left.heard)
    assert sum(written(card, number) in left.heard for card in CARDS for number in range(3)) > 900
    names = " ".join(left.holding(TO.removeprefix("+")))
    for each in ("show", "export", "runs", "journal.db"):
        assert each in names, each


@pytest.mark.parametrize("make", [lambda secret: secret, lambda secret: f"x{secret}y"])
def test_the_search_is_not_blind(make: Callable[[str], str]) -> None:
    """A secret in the middle of something is found, and one that is written in groups or as base64."""
    planted = Left({"a": make(CARD).encode(), "b": base64.b64encode(CARD.encode()), "c": b"x"})
    assert planted.holding(CARD) == ["a", "b"]
