"""What `doctor` and `plan` tell of learned limits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from orchestrator.compose import Orchestrator
from orchestrator.core.limits import Cut, CutKind

HOST = "api.example"


@pytest.fixture(autouse=True)
def _an_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORCHESTRATOR_API_URL", f"https://{HOST}")
    monkeypatch.setenv("ORCHESTRATOR_API_KEY", "key")
    monkeypatch.setenv("ORCHESTRATOR_API_PASSWORD", "password")
    monkeypatch.setenv("ORCHESTRATOR_JOURNAL", str(tmp_path / "journal.db"))


@pytest.fixture
def cut():
    """Write cuts into the journal, the newest first."""

    def cut(*lengths_s: float) -> None:
        with Orchestrator() as orchestrator:
            for number, lasted_s in enumerate(lengths_s):
                when = time.time() - 10 * number
                orchestrator.journal.paths.add_cut(Cut(host=HOST, lasted_s=lasted_s, kind=CutKind.RESET, when=when))

    return cut


def learned(call, *more: str) -> dict[str, str | None]:
    (check,) = [each for each in call("doctor", *more, "--json").json["checks"] if each["name"] == "learned"]
    return check


def test_doctor_says_that_nothing_is_known(call) -> None:
    """Nothing is looked for where there is no journal, and none is made."""
    assert learned(call)["found"] == "nothing: no request to this API is known to have been cut"
    assert not Path("journal.db").exists()


def test_doctor_shows_a_single_cut(call, cut) -> None:
    """With who may have been the culprit; it limits nothing."""
    cut(47.0)
    found = learned(call)["found"]
    assert found.startswith(
        "no limit yet, which takes two cuts after the same time; the newest of 1 known cut was at 2"
    )
    assert "47 s, a reset: a firewall, router or NAT gateway" in found
    assert "no limit, one command a step" in call("doctor").out


def test_doctor_shows_the_limit_the_culprit_and_how_to_override_it(call, cut) -> None:
    """And the network check counts with it."""
    cut(350.2, 350.4, 20.0)
    check = learned(call)
    assert check["level"] == "ok"
    assert check["found"].startswith(
        "the network limit of 350.2 s was learned from 2 cuts (350 s with a reset: a proxy"
    )
    assert "--limit or --network overrides it" in check["found"]
    assert "the newest of 3 known cuts was at" in check["found"]
    assert check["advice"] is not None
    assert "`limit` or `network` in the configuration" in check["advice"]
    assert "requests are cut after 350.2 s; steps stay under 315.2 s" in " ".join(call("doctor").out.split())


@pytest.mark.parametrize("more", [("--limit", "45s"), ("--network", "direct")])
def test_doctor_shows_that_a_setting_counts_more(call, cut, more: tuple[str, str]) -> None:
    """There is nothing to advise then."""
    cut(60.0, 60.0)
    check = learned(call, *more)
    assert check["found"] is not None
    assert check["found"].startswith("not used, since a limit is set: the network limit of 60 s was learned")
    assert check["advice"] is None


def test_a_limit_of_the_configuration_counts_more(call, cut, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise."""
    cut(60.0, 60.0)
    monkeypatch.setenv("ORCHESTRATOR_LIMIT", "45s")
    assert learned(call)["found"].startswith("not used")


def test_plan_says_that_its_limit_was_learned(call, cut, script) -> None:
    """Below its totals, and in its document; not where a limit is set."""
    cut(60.0, 60.0)
    plan = ("plan", script, "--to", "+12125550123")
    told = call(*plan).out
    assert "network limit 60 s" in told
    assert "The network limit of 60 s was learned from 2 cuts" in told
    assert call(*plan, "--json").json["limit_learned"].startswith("the network limit of 60 s was learned")
    assert call(*plan, "--limit", "45s", "--json").json["limit_learned"] is None
    assert "learned" not in call(*plan, "--network", "direct").out
