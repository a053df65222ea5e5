"""What cuts teach: two runs are cut, the third keeps below what was learnt of the path, unless it is told otherwise."""

from __future__ import annotations

import pytest

from orchestrator import Orchestrator, Script
from tests import canary

TO = "+12125550123"
CUT_S = 2.2
SENTENCE = " ".join(["word"] * 14)  # 5.6 s of a call, 2.8 s of the test
SCRIPT = f"""
version: 1
name: long
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "{SENTENCE}."}}
  - hangup: {{}}
"""


@pytest.fixture
def sandbox(start_sandbox):
    """A path that answers 504 for whatever lasts too long."""
    return start_sandbox("--speed", "2", "--cut-after", str(CUT_S))


def cuts(sandbox) -> int:
    return len(sandbox.transcript(event="cut"))


def learned(cli) -> dict[str, str]:
    (check,) = [check for check in cli.json("doctor")["checks"] if check["name"] == "learned"]
    return check


def test_two_cuts_teach_the_limit_and_the_third_run_keeps_below_it(sandbox, cli) -> None:
    """Each sentence is heard once all the same; `plan`, the run and `doctor` tell of it; a setting counts more."""
    script = Script.parse(SCRIPT)
    access = {"api_url": sandbox.url, **canary.CREDENTIALS, "journal": cli.journal}
    cli.journal.parent.mkdir(parents=True)
    with Orchestrator(**access) as orchestrator:
        for count in (1, 2):
            assert orchestrator.learned() is None
            assert orchestrator.run(script, to=TO).status == "completed"
            assert cuts(sandbox) == count
        assert orchestrator.learned() is not None  # a process reads again what it has written itself

    file = cli.write("long.yaml", SCRIPT)
    planned = cli.json("plan", file, "--set", "mode=auto")
    assert planned["limit_s"] == pytest.approx(CUT_S, abs=0.5)
    assert "s was learned from 2 cuts" in planned["limit_learned"]
    overridden = cli.json("plan", file, "--set", "mode=auto", "--network", "direct")
    assert (overridden["limit_s"], overridden["limit_learned"]) == (None, None)
    check = learned(cli)
    assert check["found"].startswith("the network limit of 2.")
    assert "with a 504 page: a proxy, keepalive does not help" in check["found"]
    assert "network: direct" in check["advice"]

    done = cli.json("run", file, "--to", TO, "--mode", "auto")
    assert done["status"] == "completed"
    assert cuts(sandbox) == 2
    assert "notice: the network limit of 2." in cli("show", done["run_id"]).stdout
    calls = [entry["call"] for entry in sandbox.transcript(event="ringing")]
    assert [sandbox.said(call) for call in calls] == [[f"{SENTENCE}."]] * 3
