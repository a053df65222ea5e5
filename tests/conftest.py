"""What tests of several folders share: the real sandbox as a process, and the command line as one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from tests import canary

pytest_plugins = ("tests.watch",)

Entry = dict[str, Any]
_SPEED = "20"
"""Seconds of a call in a second of a test, unless a test asks for another."""


@dataclass(frozen=True)
class SandboxProcess:
    """A running sandbox: where it is, and its control endpoints."""

    url: str
    pid: int

    def transcript(self, **wanted: object) -> list[Entry]:
        """The entries of the transcript with these fields."""
        return self._control("GET", f"transcript?{urlencode(wanted)}")["transcript"]

    def wait(self, **wanted: object) -> Entry:
        """The first such entry, as soon as there is one; `after` and `timeout` may be given."""
        return self._control("GET", f"wait?{urlencode({'timeout': 20, **wanted})}")["entry"]

    def add_fault(self, **fault: object) -> None:
        """Add a fault."""
        self._control("POST", "faults", fault)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._control("DELETE", "faults")

    def set_callee(self, number: str, **behaviour: object) -> None:
        """Say how a number behaves from its next call on; `default` is every other number."""
        self._control("PUT", f"callees/{number}", behaviour)

    def press(self, call_id: str, keys: str) -> None:
        """Let the callee press keys."""
        self._control("POST", f"calls/{call_id}/keys", {"keys": keys})

    def hang_up(self, call_id: str) -> None:
        """Let the callee hang up."""
        self._control("POST", f"calls/{call_id}/hangup")

    def send_events(self, main: str, fallback: str | None = None, *, secret: str | None = None) -> None:
        """Say where events are sent to; with a secret they are signed from now on."""
        signed = {} if secret is None else {"secret": secret}
        self._control("PUT", "receiver", {"main": main, "fallback": fallback, **signed})

    def call_in(self, to: str, *, from_: str = "+15555550123", **caller: object) -> str:
        """Let somebody call one of the application's numbers; return the call's id."""
        return self._control("POST", "calls", {"from": from_, "to": to, "caller": caller})["call"]

    def said(self, call_id: str) -> list[str]:
        """The sentences that the callee of a call heard to their end, in order."""
        heard = self._control("GET", f"calls/{call_id}/heard")["heard"]
        return [one["text"] for one in heard if one["command"] == "say" and one["complete"]]

    def rung(self) -> list[str]:
        """The numbers that rang, once for each time."""
        return [entry["to"] for entry in self.transcript(event="ringing")]

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, method=method)
        try:
            with contextlib.closing(_OPENER.open(request, timeout=60)) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                pytest.fail(f"{method} {path}: {error.code} {error.read().decode()}")


@dataclass(frozen=True)
class Cli:
    """The command line as a process, with an environment of its own: nothing of this machine's settings counts."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """Where its journal is."""
        return self.home / ".local" / "state" / "orchestrator" / "journal.db"

    def start(self, *arguments: object, **more: Any) -> subprocess.Popen[str]:
        """Start it; stdin is closed unless the caller says otherwise."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "orchestrator", *map(str, arguments)]
        process = subprocess.Popen(command, **{**pipes, "env": self.environment, "cwd": self.home, **more})
        canary.watch_pipes(process)
        return process

    def __call__(self, *arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        with self.start(*arguments, **more) as process:
            try:
                output, errors = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def json(self, *arguments: object, code: int = 0) -> Any:
        """Run it with `--json` and return the document; its exit code must be `code`."""
        done = self(*arguments, "--json")
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    def write(self, name: str, text: str) -> Path:
        """Write a file into its working folder, readable by its owner only."""
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path


@contextlib.contextmanager
def receiving(cli: Cli, sandbox: SandboxProcess) -> Iterator[subprocess.Popen[str]]:
    """Run a receiver as a process of its own, and have the API send events there."""
    with cli.start("serve", "--port", 0, "--json") as process:
        try:
            assert process.stdout is not None
            shown = json.loads(process.stdout.readline())
            sandbox.send_events(shown["main_url"], shown["fallback_url"])
            yield process
        finally:
            process.kill()


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxProcess]]:
    """Start sandboxes with options of their own; all end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(_sandbox(options))


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    """The minimal server as a process, at 20 times the speed of real calls. Everybody presses 1 when asked."""
    started = start_sandbox("--speed", _SPEED)
    started.set_callee("default", keys=["1"] * 20)
    return started


@pytest.fixture
def bare_cli(tmp_path: Path) -> Cli:
    """The command line of a user who has set nothing."""
    return Cli(tmp_path, _environment(tmp_path))


@pytest.fixture
def cli(sandbox: SandboxProcess, tmp_path: Path) -> Cli:
    """The command line of a user whose API is the sandbox."""
    return cli_for(tmp_path, sandbox.url)


@pytest.fixture
def make_cli(tmp_path: Path) -> Callable[[str], Cli]:
    """Make the command line of a user whose API is at some URL."""
    return lambda url: cli_for(tmp_path, url)


def cli_for(home: Path, url: str) -> Cli:
    """The command line of a user whose API is at `url`."""
    return Cli(home, _environment(home) | {"ORCHESTRATOR_API_URL": url, **canary.ENVIRONMENT})


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _environment(home: Path) -> dict[str, str]:
    kept = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(home)}


@contextlib.contextmanager
def _sandbox(options: tuple[str, ...]) -> Iterator[SandboxProcess]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    command = [sys.executable, "-m", "orchestrator.sandbox", "--port", "0", "--die-with-parent", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=mine | canary.ENVIRONMENT) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first, "the sandbox did not start"
            yield SandboxProcess(**json.loads(first))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
