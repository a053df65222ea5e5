"""The command line, called inside the test's own process: fast, and measured for coverage."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import program
from tests import canary


@dataclass(frozen=True)
class Done:
    """What came of a call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ORCHESTRATOR_", "XDG_")) or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Call the command line with arguments."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = program.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def at_sandbox(sandbox, monkeypatch: pytest.MonkeyPatch):
    """The API is the sandbox."""
    monkeypatch.setenv("ORCHESTRATOR_API_URL", sandbox.url)
    for name, value in canary.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script of three short steps."""
    path = tmp_path / "short.yaml"
    path.write_text(
        "version: 1\n"
        "name: short\n"
        "variables: {who: {default: you}}\n"
        "settings: {settle_dangerous: 200ms, settle_heard: 200ms}\n"
        "commands:\n"
        '  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}\n'
        '  - say: {text: "Hello {{ who }}."}\n'
        "  - id: ask\n"
        '    get_dtmf: {timeout: 3, commands: [{say: {text: "Press a key."}}]}\n'
        "    save: choice\n"
        "  - end: {result: '{{ choice }}'}\n",
        encoding="utf-8",
    )
    return path
