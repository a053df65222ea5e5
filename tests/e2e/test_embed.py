"""The examples of docs/how-to/embed.md, run as they are printed, against the real sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "embed.md"
SCRIPT = """
version: 1
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "Hello."}
"""


def example(start: str) -> str:
    """Return the program of the page that begins so."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(start))
    return found


def run(cli, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the user's folder, in which only its own connections lead anywhere."""
    path = cli.write("application.py", program)
    return subprocess.run(
        [sys.executable, path, *arguments],
        cwd=cli.home,
        env=cli.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_application_calls_its_customers(cli, sandbox) -> None:
    """Each is called once, and the keys they pressed are known; it opens no port."""
    program = example('"""Tells customers')
    assert "listen" not in program
    done = run(cli, program, "+12125550101=20", "+12125550102=30")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == [
        "",
        "+12125550101 completed nobody at home",
        "+12125550102 completed nobody at home",
    ]
    assert sorted(sandbox.rung()) == ["+12125550101", "+12125550102"]


def test_an_application_can_run_ticks_too(cli, sandbox) -> None:
    """What cron does, without cron: run twice, nobody is called twice."""
    cli.write("hello.yaml", SCRIPT)
    cli.write("list.csv", "to\n+12125550101\n+12125550102\n")
    cli.write("reminders.yaml", "script: hello.yaml\ncontacts: list.csv\n")
    for _ in range(2):
        done = run(cli, example("from orchestrator import Orchestrator\nfrom orchestrator.batches"))
        assert done.returncode == 0, done.stderr
        assert [line.split()[:2] for line in done.stdout.splitlines()] == [
            ["+12125550101", "completed"],
            ["+12125550102", "completed"],
        ]
    assert len(sandbox.rung()) == 2
