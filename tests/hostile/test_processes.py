"""The process list: no secret stands in a command line, and whatever the program starts is not handed the user's."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import canary
from tests.conftest import Cli, SandboxProcess

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed in /proc")

TO = "+12125550123"
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."
SCRIPT = f"""
version: 1
variables: {{word: {{sensitive: true, required: true}}}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - get_dtmf: {{timeout: 5, max_digits: 20, commands: [{{say: {{text: Key in your card.}}}}]}}
    save: card
  - say: {{text: "{LONG}"}}
  - say: {{text: "{LONG} {{{{ word }}}}"}}
  - send_dtmf: {{dtmf: "{canary.KEYED}"}}
"""
CAMPAIGN = """
script: secrets.yaml
contacts: contacts.csv
do_not_call_command: [{python}, hook.py]
"""
HOOK = """
import os, sys
from pathlib import Path
with open("asked", "wb") as answer:
    for name in ("cmdline", "environ"):
        answer.write(Path(f"/proc/self/{name}").read_bytes())
"""


@dataclass(frozen=True)
class Running:
    """A process as the list of processes shows it to whoever may see all of it."""

    pid: int
    parent: int
    words: bytes
    environment: bytes


def running() -> Iterator[Running]:
    """Yield every process that there is."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            words, environment = ((entry / name).read_bytes() for name in ("cmdline", "environ"))
            yield Running(int(entry.name), parent, words, environment)


def check(process: subprocess.Popen[str]) -> list[Running]:
    """Check a process that lives and all that it has started; return these."""
    listed = {each.pid: each for each in running()}
    assert b"orchestrator" in listed[process.pid].words
    assert canary.secrets_in(listed[process.pid].environment), "what is looked for is there to be found"
    below = [process.pid]
    for pid in below:
        below += [each.pid for each in listed.values() if each.parent == pid]
        canary.check(listed[pid].words, f"the command line of {listed[pid].words!r}")
    started = [listed[pid] for pid in below[1:]]
    for each in started:
        canary.check(each.environment, f"the environment of {each.words!r}")
    return started


@pytest.fixture
def slow(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    """A sandbox where everybody keys in the number of a card, slowly enough for a look at who talks to it."""
    sandbox = start_sandbox("--speed", "4")
    sandbox.set_callee("default", keys=[f"{canary.CARDS[0]}#"] * 20, key_delay=0.05)
    return sandbox


@pytest.fixture
def user(slow: SandboxProcess, make_cli: Callable[[str], Cli]) -> Cli:
    """A user who has secrets of every kind."""
    cli = make_cli(slow.url)
    cli.environment["ORCHESTRATOR_SIGNING_SECRETS"] = canary.SIGNING
    cli.write("secrets.yaml", SCRIPT)
    cli.write("vars", f"word={canary.WORD}\n")
    cli.write("contacts.csv", f"to,word\n+12125550124,{canary.WORD}\n")
    cli.write("hook.py", HOOK)
    cli.write("campaign.yaml", CAMPAIGN.format(python=sys.executable))
    return cli


def in_the_middle(sandbox: SandboxProcess, process: subprocess.Popen[str], *, text: str = LONG, after: int) -> int:
    """Check a process in the middle of its call; return where the transcript is."""
    entry = sandbox.wait(event="running", text=text, after=after)
    assert check(process) == []
    return entry["seq"]


def test_the_list_of_processes_shows_no_secret(slow: SandboxProcess, user: Cli) -> None:
    """Neither of a run, its resume, a batch or a receiver; the batch's command sees no secret at all."""
    with contextlib.ExitStack() as stack:
        serving = stack.enter_context(user.start("serve", "--port", 0, "--json"))
        stack.callback(serving.kill)
        assert serving.stdout is not None
        json.loads(serving.stdout.readline())
        with user.start("-vv", "run", "secrets.yaml", "--to", TO, "--var-file", "vars") as run:
            seq = in_the_middle(slow, run, after=0)
            run.kill()
        with user.start("-vv", "resume", "--all", "--var-file", "vars") as resume:
            seq = in_the_middle(slow, resume, text=f"{LONG} {canary.WORD}", after=seq)
            _, errors = resume.communicate(timeout=60)
        assert resume.returncode == 0, errors
        with user.start("-vv", "batch", "campaign.yaml") as batch:
            in_the_middle(slow, batch, after=seq)
            _, errors = batch.communicate(timeout=60)
        assert batch.returncode == 0, errors
        assert check(serving) == []
        serving.terminate()
        serving.communicate(timeout=60)
    asked = (user.home / "asked").read_bytes()
    assert b"+12125550124" in asked
    assert f"HOME={user.home}".encode() in asked
    assert b"ORCHESTRATOR_API_KEY" not in asked
    canary.check(asked, "what the hook is given")


def test_a_sandbox_that_a_run_starts_knows_nothing(user: Cli) -> None:
    """It has credentials of its own, and needs none of the user's."""
    given = ("--to", TO, "--var-file", "vars", "--speed", "2", "--keys", f"{canary.luhn('123456')}#")
    with user.start("-v", "run", "secrets.yaml", "--sandbox", *given) as process:
        assert process.stderr is not None
        while "say" not in process.stderr.readline():
            assert process.poll() is None
        (sandbox,) = check(process)
        process.kill()
    assert b"orchestrator.sandbox" in sandbox.words
