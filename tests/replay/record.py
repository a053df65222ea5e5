"""Records histories for `test_histories.py`: real runs against the sandbox, as `histories/FORMAT/NAME.sql` and `.json`.

    python -m tests.replay.record            all of today's format
    python -m tests.replay.record NAME…      only these

A history that is there is never recorded anew once its format was released: it is what users' journals hold.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from orchestrator.adapters.journal.schema import APPLICATION_ID, SCHEMA_VERSION
from tests.conftest import Cli, SandboxProcess, _sandbox, cli_for, receiving

HISTORIES = Path(__file__).parent / "histories"
FORMAT = f"format-{SCHEMA_VERSION}"
TO, BUSY, SILENT = "+12125550101", "+12125550102", "+12125550103"
HEAD = """\
version: 1
name: {name}
variables: {{who: {{default: you}}}}
settings: {{settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
"""
ASKING = """\
  - say: {text: "Hello {{ who }}, you have an appointment."}
  - id: ask
    get_dtmf: {timeout: 3, commands: [{say: {text: "Press 1 to confirm."}}]}
    save: choice
    on_failure: {retry: 1, then: nothing}
  - switch: "{{ choice }}"
    cases: {"1": confirmed}
    otherwise: ask
  - id: confirmed
    say: {text: "Thank you."}
  - end: {result: confirmed}
  - id: nothing
    say: {text: "We will call again."}
  - end: {result: nothing}
"""
KEYING = """\
  - send_dtmf: {dtmf: "12345"}
  - say: {text: "Done."}
"""
LONG = """\
  - say: {text: "This sentence takes a while, so that something can happen in its middle, as things do."}
  - say: {text: "Goodbye {{ who }}."}
  - hangup: {}
"""
TEXTING = """\
  - say: {text: "You will get a message."}
  - hangup: {}
  - sms: {to: "{{ to }}", from: "+15555550199", message: "Your code waits at the desk."}
  - end: {result: told}
"""
ANSWERING = """\
version: 1
name: desk
commands:
  - answer: {}
  - say: {text: "Thank you for calling {{ to }}."}
  - get_dtmf: {timeout: 8, commands: [{say: {text: "Press one for the shop."}}]}
    save: choice
    on_failure: {then: bye}
  - say: {text: "You have pressed {{ choice }}."}
  - id: bye
    hangup: {}
"""


def completed(cli: Cli, _sandbox: SandboxProcess) -> None:
    """A question, answered, and what follows from it."""
    cli("run", _script(cli, ASKING), "--to", TO, "--var", "who=Ada")


def nothing_pressed(cli: Cli, sandbox: SandboxProcess) -> None:
    """A question, asked twice in vain."""
    sandbox.set_callee(TO, keys=[])
    cli("run", _script(cli, ASKING), "--to", TO)


def hung_up(cli: Cli, sandbox: SandboxProcess) -> None:
    """The callee leaves in the middle."""
    sandbox.set_callee(TO, hangs_up_during=1)
    cli("run", _script(cli, ASKING), "--to", TO)


def busy(cli: Cli, sandbox: SandboxProcess) -> None:
    """Nobody is reached."""
    sandbox.set_callee(TO, does="busy")
    cli("run", _script(cli, ASKING), "--to", TO)


def undecided(cli: Cli, sandbox: SandboxProcess) -> None:
    """Keys that were perhaps pressed; a person has not decided yet."""
    sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    cli("run", _script(cli, KEYING), "--to", TO)


def resolved(cli: Cli, sandbox: SandboxProcess) -> None:
    """The same, and a person has decided."""
    undecided(cli, sandbox)
    cli("resolve", cli.json("runs")[0]["run_id"], "--ran", "--note", "heard them")


def lost_replies(cli: Cli, sandbox: SandboxProcess) -> None:
    """Replies of a dial, of a sentence and of a question are lost, and settled by evidence."""
    for command in ("dial", "say", "get_dtmf"):
        sandbox.add_fault(kind="reset", place="received", command=command)
    cli("run", _script(cli, ASKING), "--to", TO)


def throttled(cli: Cli, sandbox: SandboxProcess) -> None:
    """The server asks to wait, and does not know what to say, before it does its work."""
    sandbox.add_fault(kind="status", place="before", command="dial", status=429)
    sandbox.add_fault(kind="status", place="before", command="say", status=429)
    cli("run", _script(cli, ASKING), "--to", TO)


def cancelled(cli: Cli, sandbox: SandboxProcess) -> None:
    """Ended by a person while another process drives it."""
    with cli.start("run", _script(cli, LONG), "--to", TO) as process:
        sandbox.wait(event="running", command="say")
        cli("cancel", cli.json("runs")[0]["run_id"])
        process.communicate()


def interrupted(cli: Cli, sandbox: SandboxProcess) -> None:
    """Its process was killed in the middle of a sentence, and nobody has carried on."""
    with cli.start("run", _script(cli, LONG), "--to", TO) as process:
        sandbox.wait(event="running", command="say")
        process.kill()


def resumed(cli: Cli, sandbox: SandboxProcess) -> None:
    """The same, and another process has carried on."""
    interrupted(cli, sandbox)
    cli("resume", "--all")


def sms(cli: Cli, _sandbox: SandboxProcess) -> None:
    """A message after the call."""
    cli("run", _script(cli, TEXTING), "--to", TO)


def packed(cli: Cli, _sandbox: SandboxProcess) -> None:
    """Several commands a request, for a network limit."""
    cli("run", _script(cli, ASKING), "--to", TO, "--limit", "60s")


def poll(cli: Cli, _sandbox: SandboxProcess) -> None:
    """Acknowledged at once, and looked at until it is over."""
    cli("run", _script(cli, ASKING), "--to", TO, "--mode", "poll")


def asynchronous(cli: Cli, sandbox: SandboxProcess) -> None:
    """Acknowledged at once, and its end learnt by events."""
    with receiving(cli, sandbox):
        cli("run", _script(cli, ASKING), "--to", TO, "--mode", "async")


def incoming(cli: Cli, sandbox: SandboxProcess) -> None:
    """Somebody calls, and is answered."""
    desk = "+15555550100"
    cli.write("desk.yaml", ANSWERING)
    configuration = cli.write("settings.yaml", f'incoming:\n  scripts: {{"{desk}": desk.yaml}}\n')
    with cli.start("--config", configuration, "serve", "--port", 0, "--json") as process:
        assert process.stdout is not None
        shown = json.loads(process.stdout.readline())
        sandbox.send_events(shown["main_url"], shown["fallback_url"])
        call_id = sandbox.call_in(desk, keys=["1"])
        sandbox.wait(event="hangup", call=call_id)
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def batch(cli: Cli, sandbox: SandboxProcess) -> None:
    """A list of contacts, one of them busy and one silent, called by a campaign."""
    sandbox.set_callee(BUSY, does="busy")
    sandbox.set_callee(SILENT, keys=[])
    cli.write("list.csv", f"to,who\n{TO},Anna\n{BUSY},Ben\n{SILENT},Cleo\n")
    cli("batch", _script(cli, ASKING), "--contacts", "list.csv", "--occurrence", "monday")


_SLOW = ("cancelled", "interrupted", "resumed")
_ALL: tuple[Callable[[Cli, SandboxProcess], None], ...] = (
    *(completed, nothing_pressed, hung_up, busy, undecided, resolved, lost_replies, throttled, cancelled, interrupted),
    *(resumed, sms, packed, poll, asynchronous, incoming, batch),
)


def documents(cli: Cli, run_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the documents of runs as any machine would show them."""
    shown = [cli.json("show", run_id) for run_id in run_ids]
    text = re.sub(r'(["`])[^"` ]* -m orchestrator ', r"\1orchestrator ", json.dumps(shown))
    plain: list[dict[str, Any]] = json.loads(text)
    return plain


def dumped(journal: Path) -> str:
    """Return a journal as text, without whose it was."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)") if row[1].startswith("lease_")]
        for table in ("runs", "campaigns"):
            connection.execute(f"UPDATE {table} SET {', '.join(f'{column} = NULL' for column in columns)}")
        connection.execute("UPDATE home SET machine = NULL")
        head = [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {SCHEMA_VERSION};"]
        return "\n".join([*head, *connection.iterdump()]) + "\n"


def main(names: list[str]) -> None:
    """Record."""
    folder = HISTORIES / FORMAT
    folder.mkdir(parents=True, exist_ok=True)
    for history in _ALL:
        name = history.__name__
        if names and name not in names:
            continue
        home = Path(tempfile.gettempdir()) / "history"  # it is written down where the script lies
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        with _sandbox(("--speed", "4" if name in _SLOW else "20")) as sandbox:
            sandbox.set_callee("default", keys=["1"] * 20)
            cli = cli_for(home, sandbox.url)
            history(cli, sandbox)
            oldest_first = [run["run_id"] for run in reversed(cli.json("runs"))]
            (folder / f"{name}.json").write_text(
                json.dumps(documents(cli, oldest_first), indent=2) + "\n", encoding="utf-8"
            )
            (folder / f"{name}.sql").write_text(dumped(cli.journal), encoding="utf-8")
        shutil.rmtree(home)
        sys.stdout.write(f"{FORMAT}/{name}\n")


def _script(cli: Cli, rest: str) -> Path:
    return cli.write("script.yaml", HEAD.format(name="reminder") + rest)


if __name__ == "__main__":
    main(sys.argv[1:])
