"""How long the calls of a campaign last at most, and that windows leave room for it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from orchestrator.batches import CampaignRun
from orchestrator.batches.lasting import Lasting
from orchestrator.compose import Orchestrator
from orchestrator.core.admission import Call, Later
from orchestrator.core.campaign import Campaign
from orchestrator.core.contact import Contact
from orchestrator.core.plan import plan
from orchestrator.core.records import Disposition
from orchestrator.core.redial import RedialRule
from orchestrator.core.settings import Settings
from orchestrator.core.windows import EVERY_DAY, Calendar, Window
from orchestrator.errors import ConfigurationError
from orchestrator.scriptfile import parse_script

NUMBER = "+12125550101"
ALL_DAY = Calendar(windows=(Window(EVERY_DAY, time(0), time(0)),))
SCRIPT = parse_script(
    'version: 1\ncommands:\n  - dial: {to: "{{ to }}", from: "+15555550199"}\n  - say: {text: "{{ text }}"}\n'
)
LONG = "word " * 400


def lasting(campaign: Campaign, *, own: frozenset[str] | None = None, settings: Settings | None = None) -> Lasting:
    """What is known of a campaign with `SCRIPT`."""
    used = settings or Settings()
    return Lasting(
        campaign,
        SCRIPT,
        used,
        planned=plan(SCRIPT, {}, used),
        plan_of=lambda contact: plan(SCRIPT, contact.variables, used),
        own=own,
    )


def contact(**fields: object) -> Contact:
    """One with a text of its own."""
    return Contact(line=1, to=NUMBER, variables={"text": LONG}, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "campaign",
    [
        Campaign(name="c", calendar=ALL_DAY),
        Campaign(name="c", max_runtime_s=3600.0),
        Campaign(name="c", max_call_s=3600.0),
        Campaign(
            name="c", redial=(RedialRule(disposition=Disposition.BUSY, times=1, after_s=60.0, within=ALL_DAY.windows),)
        ),
    ],
    ids=["windows", "max_runtime", "max_minutes", "a redial within"],
)
def test_a_contact_s_own_words_count_where_they_matter(campaign: Campaign) -> None:
    """A long text takes its time; no call lasts longer than `max_call`."""
    known = lasting(campaign)
    assert known.longest_s < 60
    assert (known.of(contact()) or 0) > known.longest_s + 100
    assert lasting(campaign, settings=Settings(max_call_s=90.0)).of(contact()) == 90.0


def test_where_nothing_depends_on_it_no_contact_is_planned() -> None:
    """Without windows and limits, or where contacts have no variables that are heard."""
    assert lasting(Campaign(name="c")).of(contact()) is None
    assert lasting(Campaign(name="c")).of(contact(not_after=time(18))) is not None
    assert lasting(Campaign(name="c", calendar=ALL_DAY), own=frozenset({"name", "to"})).of(contact()) is None
    assert lasting(Campaign(name="c", calendar=ALL_DAY), own=frozenset({"text", "to"})).of(contact()) is not None


@pytest.mark.parametrize("word", ["max_runtime", "max_minutes"])
def test_a_limit_that_is_shorter_than_any_call_is_refused(word: str) -> None:
    """Nobody would ever be called."""
    limit = {"max_runtime": {"max_runtime_s": 1.0}, "max_minutes": {"max_call_s": 1.0}}[word]
    with pytest.raises(ConfigurationError, match=word):
        lasting(Campaign(name="c", **limit))  # type: ignore[arg-type]


def test_a_long_call_is_not_begun_shortly_before_its_window_closes(tmp_path: Path) -> None:
    """A short one is, of the same list."""
    contacts = tmp_path / "c.csv"
    contacts.write_text(f"to,text\n{NUMBER},hi\n+12125550102,{LONG}\n", encoding="utf-8")
    with Orchestrator(
        api_url="http://127.0.0.1:9", api_key="k", api_password="p", journal=tmp_path / "j.db"
    ) as orchestrator:
        closes = datetime.fromtimestamp(orchestrator.clock.now().wall + 80, UTC)
        campaign = Campaign(name="c", contacts=str(contacts), calendar=Calendar(not_after=closes))
        with CampaignRun(orchestrator, campaign, script=SCRIPT, occurrence="x") as run:
            short, long = run.preview()
    assert isinstance(short.admission, Call)
    assert not isinstance(long.admission, Call | Later)
