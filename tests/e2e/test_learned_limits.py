"""What cuts teach: two runs are cut, the third keeps below what was learnt of the path, unless it is told otherwise."""

from __future__ import annotations

import pytest

TO = "+12125550123"
CUT_S = 2.2
SENTENCE = " ".join(["word"] * 35)  # 14 s of a call, 3 s of the test
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
    return start_sandbox("--speed", "5", "--cut-after", str(CUT_S))


def cuts(sandbox) -> int:
    return len(sandbox.transcript(event="cut"))


def doctor(cli) -> dict[str, str]:
    found = cli.json("doctor")["checks"]
    (path,) = [check for check in found if check["name"] == "learned"]
    return path


def test_two_cuts_teach_the_limit_and_the_third_run_keeps_below_it(sandbox, cli) -> None:
    """Each sentence is heard once all the same; `plan`, the run and `doctor` tell of it; a setting counts more."""
    script = cli.write("long.yaml", SCRIPT)
    for count in (1, 2):
        assert "nothing" in doctor(cli)["found"] or count == 2
        assert cli.json("run", script, "--to", TO)["status"] == "completed"
        assert cuts(sandbox) == count
    planned = cli.json("plan", script, "--set", "mode=auto")
    assert planned["limit_s"] == pytest.approx(CUT_S, abs=0.3)
    assert "2 requests were cut after 2." in planned["limit_learned"]
    assert "was learned" in doctor(cli)["found"]

    document = cli.json("run", script, "--to", TO, "--mode", "auto")
    assert document["status"] == "completed"
    assert cuts(sandbox) == 2
    assert "the network limit of 2." in cli("show", document["run_id"]).stdout

    overridden = cli("run", script, "--to", TO, "--mode", "auto", "--network", "direct")
    assert overridden.returncode == 0, overridden.stderr
    assert cuts(sandbox) == 3
    calls = [entry["call"] for entry in sandbox.transcript(event="ringing")]
    assert [sandbox.said(call) for call in calls] == [[f"{SENTENCE}."]] * 4
    assert doctor(cli)["level"] == "ok"
    print(cli("show", document["run_id"]).stdout)
    for r in cli.json("runs"): print(cli("show", r["run_id"]).stdout)
    print(cli("doctor").stdout, cli("plan", script).stdout)
    assert 0
