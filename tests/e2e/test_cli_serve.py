"""What `serve` says at its start of the calls that it answers."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Cli

DESK, SHOP = "+15555550100", "+15555550101"
SCRIPT = "version: 1\ncommands:\n  - answer: {}\n  - say: {text: Hello}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), ["No incoming call is answered: the configuration names no script for one."]),
        (("unknown: reject",), ["Turning down calls to every number."]),
        (
            (f'scripts: {{"{DESK}": desk.yaml, "{SHOP}": desk.yaml}}',),
            [
                "Answering calls to {DESK} by {home}/desk.yaml.",
                "Answering calls to {SHOP} by {home}/desk.yaml.",
                "Calls to other numbers are left alone.",
            ],
        ),
        (
            (f'scripts: {{"{DESK}": desk.yaml}}', "unknown: reject"),
            ["Answering calls to {DESK} by {home}/desk.yaml.", "Turning down calls to all other numbers."],
        ),
    ],
    ids=["none", "turned down", "two numbers", "both"],
)
def test_which_calls_are_answered_is_told_at_the_start(cli: Cli, words: tuple[str, ...], told: list[str]) -> None:
    """Each number with its script, and what becomes of the others; with --json in the document of the start."""
    cli.write("desk.yaml", SCRIPT)
    lines = "".join(f"  {word}\n" for word in words)
    configuration = cli.write("settings.yaml", f"incoming:\n{lines}" if words else "")
    with cli.start("--config", configuration, "serve", "--port", 0, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        document = json.loads(process.stdout.readline())
        while "Receiving events on " not in process.stderr.readline():
            pass
        said = [process.stderr.readline().rstrip("\n") for _ in told]
        process.terminate()
        assert process.wait(20) == 0
    assert said == [each.format(DESK=DESK, SHOP=SHOP, home=cli.home) for each in told]
    answered = {number: str(cli.home / "desk.yaml") for number in (DESK, SHOP) if number in "".join(words)}
    assert document["answers"] == answered
