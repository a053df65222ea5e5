"""A batch that is killed with -9 again and again, and started each time from the same crontab line."""

from __future__ import annotations

import csv
import random
import subprocess
from collections import Counter

import pytest

CONTACTS, KILLS, SEED = 50, 20, 2
SPEED = "1.5"
"""Speech must not be faster than people can speak: how short a sentence can be is evidence that it was not spoken."""
AGAIN = "I repeat."
SENTENCES = ["Our school is closed tomorrow.", "Stay at home.", "Goodbye."]
SCRIPT = f"""
version: 1
name: announcement
settings:
  {{settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s, max_attempts: 20, replay_preamble: "{AGAIN}"}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "{SENTENCES[0]}"}}
  - say: {{text: "{SENTENCES[1]}"}}
  - say: {{text: "{SENTENCES[2]}"}}
  - end: {{result: told}}
"""
CAMPAIGN = """
script: announcement.yaml
contacts: contacts.csv
results: results.csv
concurrency: 17
redial:
  busy: {times: 1, after: 0s}
"""


def once_or_announced(heard: list[str]) -> list[str]:
    """Return what a callee heard without what was announced as a repeat of the sentence before."""
    kept: list[str] = []
    is_repeat = False
    for sentence in heard:
        if sentence == AGAIN:
            is_repeat = True
        elif not (is_repeat and kept[-1:] == [sentence]):
            kept.append(sentence)
            is_repeat = False
        else:
            is_repeat = False
    return kept


def test_a_batch_killed_twenty_times_calls_everybody_exactly_once(start_sandbox, make_cli) -> None:
    """Each callee rings once for each allowed attempt, hears each sentence once or announced; the ledger adds up."""
    sandbox = start_sandbox("--speed", SPEED)
    cli = make_cli(sandbox.url)
    numbers = [f"+1212555{number:04}" for number in range(100, 100 + CONTACTS)]
    busy = numbers[::10]
    for number in busy:
        sandbox.set_callee(number, does="busy", after=0.1)
    cli.write("announcement.yaml", SCRIPT)
    cli.write("campaign.yaml", CAMPAIGN)
    cli.write("contacts.csv", "to\n" + "\n".join(numbers) + "\n")
    moments = random.Random(SEED)
    kills = 0
    while kills < KILLS:
        with cli.start("batch", "campaign.yaml") as process:
            try:
                process.wait(moments.uniform(0.3, 1.0))
                pytest.fail("the batch was over before it was killed often enough: let its calls last longer")
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
    codes = [cli("batch", "campaign.yaml").returncode for _ in range(3)]
    assert codes[-1] == 1, codes  # the busy ones were not reached
    expected = Counter(numbers) + Counter(busy)  # those are called once more
    assert Counter(sandbox.rung()) == expected
    for entry in sandbox.transcript(event="answered"):
        assert once_or_announced(sandbox.said(entry["call"])) == SENTENCES
    with (cli.home / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["to"] for row in rows] == numbers
    assert Counter(row["disposition"] for row in rows) == {"completed": CONTACTS - len(busy), "busy": len(busy)}
    assert all(row["attempts"] == ("2" if row["to"] in busy else "1") for row in rows)
