"""Which network limit a run gets: the one that was set, else the one that cuts have taught of the API's host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import Script
from orchestrator.compose import Orchestrator
from orchestrator.core.ask import Ask
from orchestrator.core.limits import Cut, CutKind, History
from orchestrator.core.settings import Mode
from orchestrator.errors import ScriptError

HOST = "api.example"
URL = f"https://{HOST}"
FITS = 'version: 1\ncommands: [{dial: {to: "+12125550100", from: "+12125550199", timeout: 10}}, {say: {text: Hello}}]'
TOO_LONG = FITS.replace("Hello", " ".join(["word"] * 300))
NEVER_VALID = FITS.replace("{say: {text: Hello}}", "{hold: {}}")


def teach(orchestrator: Orchestrator, lasted_s: float = 60.0, *, cuts: int = 2, host: str = HOST) -> None:
    """Write cuts into the journal, the last of them now."""
    for number in reversed(range(cuts)):
        when = time.time() - 10 * number
        orchestrator.journal.paths.add_cut(Cut(host=host, lasted_s=lasted_s, kind=CutKind.CLOSED, when=when))


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETWORK", "LIMIT", "CONFIG", "JOURNAL"):
        monkeypatch.delenv(f"ORCHESTRATOR_{name}", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def taught(path: Path) -> Iterator[Orchestrator]:
    """A process after two cuts of the API's requests at 60 s."""
    with Orchestrator(api_url=URL, journal=path) as before:
        teach(before)
    with Orchestrator(api_url=URL, journal=path) as orchestrator:
        yield orchestrator


def test_nothing_is_learned_from_a_journal_that_is_not_there_and_none_is_made(path: Path) -> None:
    """Neither by planning nor by preparing a run."""
    with Orchestrator(api_url=URL, journal=path) as orchestrator:
        assert orchestrator.learned() is None
        assert orchestrator.prepare(Script.parse(FITS)).settings.limit_s is None
    assert not path.exists()


def test_nothing_is_learned_from_a_journal_that_cannot_be_read(path: Path) -> None:
    """A plan needs none; whoever does need it is told what is wrong."""
    path.write_text("this is no journal, and it is long enough to be looked at" * 50)
    with Orchestrator(api_url=URL, journal=path) as orchestrator:
        assert orchestrator.history() == History()
        assert orchestrator.plan(Script.parse(FITS)).limit_s is None


def test_the_learned_limit_is_that_of_the_apis_host(path: Path, taught: Orchestrator) -> None:
    """Another API's cuts, or a single one, teach nothing about this one."""
    learned = taught.learned()
    assert learned is not None
    assert (learned.limit_s, learned.cuts) == (60.0, 2)
    with Orchestrator(api_url=f"{URL}:8443/v1", journal=path) as other:
        assert other.learned() is None
        teach(other, cuts=1, host=f"{HOST}:8443")
    with Orchestrator(api_url=f"{URL}:8443/v1", journal=path) as other:
        assert len(other.history().cuts) == 1
        assert other.learned() is None


@pytest.mark.parametrize("url", ["https://[nonsense", "nonsense"])
def test_an_address_that_is_none_is_not_what_learning_complains_of(path: Path, url: str) -> None:
    """The transport refuses it."""
    with Orchestrator(api_url=url, journal=path) as orchestrator:
        teach(orchestrator)
        assert orchestrator.learned() is None


def test_a_run_that_nobody_set_a_limit_for_keeps_the_learned_one_and_says_so(taught: Orchestrator) -> None:
    """In its settings, and in the sentence that its records begin with."""
    prepared = taught.prepare(Script.parse(FITS))
    assert prepared.settings.limit_s == 60.0
    assert prepared.learned is not None
    assert prepared.learned.startswith("the network limit of 60 s was learned from 2 cuts")
    assert taught.plan(Script.parse(FITS)).limit_s == 60.0


@pytest.mark.parametrize(
    ("given", "limit_s"), [({"limit_s": 45.0}, 45.0), ({"network": "heroku"}, 30.0), ({"network": "direct"}, None)]
)
def test_what_is_given_counts_more(taught: Orchestrator, given: dict[str, object], limit_s: float | None) -> None:
    """Also where it says that there is no limit."""
    prepared = taught.prepare(Script.parse(FITS), Ask(**given))
    assert (prepared.settings.limit_s, prepared.learned) == (limit_s, None)


@pytest.mark.parametrize(("line", "limit_s"), [("limit: 45s", 45.0), ("network: direct", None)])
def test_the_configuration_counts_more(
    path: Path, taught: Orchestrator, tmp_path: Path, line: str, limit_s: float | None
) -> None:
    """Likewise."""
    assert taught.learned() is not None
    config = tmp_path / "orchestrator.yaml"
    config.write_text(f"{line}\n")
    with Orchestrator(api_url=URL, journal=path, config=config) as orchestrator:
        prepared = orchestrator.prepare(Script.parse(FITS))
        assert (prepared.settings.limit_s, prepared.learned) == (limit_s, None)


def test_a_learned_limit_refuses_no_script(taught: Orchestrator) -> None:
    """What does not fit goes as it went before, and the run says so; the same limit, when it is set, is an error."""
    script = Script.parse(TOO_LONG)
    prepared = taught.prepare(script)
    assert prepared.settings.limit_s is None
    assert prepared.learned is not None
    assert "it is not kept, since not every step fits it" in prepared.learned
    with pytest.raises(ScriptError):
        taught.prepare(script, Ask(limit_s=60.0))


def test_with_mode_auto_the_learned_limit_decides(path: Path, taught: Orchestrator) -> None:
    """What does not fit is acknowledged at once, and need not be held open."""
    assert taught.learned() is not None
    with Orchestrator(api_url=URL, journal=path, settings={"mode": "auto"}) as orchestrator:
        prepared = orchestrator.prepare(Script.parse(TOO_LONG))
        assert (prepared.settings.limit_s, prepared.settings.mode) == (60.0, Mode.AUTO)
        planned = orchestrator.plan(Script.parse(TOO_LONG))
    assert [item.step.asynchronous for item in planned.items] == [False, True]


def test_a_campaign_may_set_the_mode(taught: Orchestrator) -> None:
    """Its plan is made with its settings, so that the limit is kept."""
    prepared = taught.prepare(Script.parse(TOO_LONG), Ask(overrides={"mode": Mode.AUTO}))
    assert (prepared.settings.limit_s, prepared.settings.mode) == (60.0, Mode.AUTO)


def test_what_is_wrong_with_a_script_whatever_the_limit_stays_wrong(taught: Orchestrator) -> None:
    """The limit is not blamed for it."""
    planned = taught.plan(Script.parse(NEVER_VALID))
    assert (planned.limit_s, len(planned.problems)) == (60.0, 1)
