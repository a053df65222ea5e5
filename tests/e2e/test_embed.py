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


def test_the_application_calls_its_customers_once(cli, sandbox) -> None:
    """Whatever becomes of the process: run twice, each is called once, and the keys they pressed come both times."""
    program = example('"""Tells customers')
    assert "listen" not in program  # it can only make outbound connections
    for _ in range(2):
        done = run(cli, program, "+12125550101=20", "+12125550102=30")
        assert done.returncode == 0, done.stderr
        assert sorted(done.stdout.splitlines()) == [
            "order-1 +12125550101 completed nobody at home",
            "order-2 +12125550102 completed nobody at home",
        ]
    assert sorted(sandbox.rung()) == ["+12125550101", "+12125550102"]


def test_an_application_can_run_a_campaign_file(cli, sandbox) -> None:
    """What cron does, without cron: the second time everybody was called earlier."""
    cli.write("hello.yaml", SCRIPT)
    cli.write("list.csv", "to\n+12125550101\n+12125550102\n")
    cli.write("reminders.yaml", "script: hello.yaml\ncontacts: list.csv\n")
    program = example("from orchestrator import Orchestrator\n\nwith Orchestrator() as orchestrator:\n    for")
    for when in ("now", "earlier"):
        done = run(cli, program)
        assert done.returncode == 0, done.stderr
        assert sorted(done.stdout.splitlines()) == [
            f"+12125550101 completed {when}",
            f"+12125550102 completed {when}",
        ]
    assert len(sandbox.rung()) == 2
