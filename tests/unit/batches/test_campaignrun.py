"""The composition of a batch: what is checked first, and what a tick would do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.batches import CampaignRun
from orchestrator.compose import Orchestrator
from orchestrator.core.admission import Call, Refused
from orchestrator.core.campaign import Campaign, Overlap
from orchestrator.errors import LeaseHeldError, StoppedEarlyError, UsageError

NUMBER = "+12125550101"


@pytest.fixture
def orchestrator(tmp_path: Path):
    with Orchestrator(api_url="http://127.0.0.1:9", api_key="k", api_password="p", journal=tmp_path / "j.db") as made:
        yield made


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    script, contacts = tmp_path / "s.yaml", tmp_path / "c.csv"
    script.write_text('version: 1\ncommands: [{dial: {to: "{{ to }}", from: "+15555550199"}}]\n', encoding="utf-8")
    contacts.write_text(f"to,name\n{NUMBER},A\n{NUMBER},A\nx,B\n911,C\n", encoding="utf-8")
    return Campaign(name="c", script=str(script), contacts=str(contacts))


@pytest.mark.parametrize("word", ["script", "contacts"])
def test_a_campaign_needs_a_script_and_contacts(orchestrator, campaign, word: str) -> None:
    """It says which is missing."""
    with pytest.raises(UsageError, match=word):
        CampaignRun(orchestrator, replace(campaign, **{word: None}))


def test_a_preview_makes_no_journal(orchestrator, campaign) -> None:
    """And tells the first of two equal rows from the second."""
    with CampaignRun(orchestrator, campaign) as run:
        kinds = [type(preview.admission) for preview in run.preview()]
        rejected: list[int] = []
        assert run.source.count(lambda row: rejected.append(row.line)) + len(rejected) == 4
    assert kinds[:2] == [Call, Refused]
    assert not orchestrator.journal_path.exists()


def test_a_locked_campaign_is_left_alone_or_waited_for(orchestrator, campaign) -> None:
    """By default at once; with `wait` until it is free, or a signal comes."""
    with CampaignRun(orchestrator, campaign) as first, first._alone():
        with CampaignRun(orchestrator, campaign) as second, pytest.raises(LeaseHeldError, match="another tick"):
            second.tick()
        orchestrator.control.told.set()
        patient = replace(campaign, overlap=Overlap.WAIT)
        with CampaignRun(orchestrator, patient) as third, pytest.raises(StoppedEarlyError):
            third.tick()


def test_an_id_with_two_numbers_is_no_duplicate(orchestrator, campaign) -> None:
    """The second person is a bad row, not a harmless twin of the first."""
    Path(campaign.contacts).write_text(f"id,to\nA1,{NUMBER}\nA1,+12125550102\n", encoding="utf-8")
    with CampaignRun(orchestrator, campaign) as run:
        assert [type(preview.admission) for preview in run.preview()] == [Call]
        assert [row.reason for row in run.source.rejected()] == ["the id `A1` stands in line 2 for another number"]


def test_an_empty_cell_is_told_by_its_place_in_the_list(orchestrator, campaign) -> None:
    """Not by that of the declaration: with a value for everybody nobody is helped."""
    Path(campaign.script).write_text(
        "version: 1\nvariables: {time: {required: true}}\n"
        'commands: [{dial: {to: "{{ to }}", from: "+15555550199"}}, {say: {text: "{{ time }}"}}]\n',
        encoding="utf-8",
    )
    Path(campaign.contacts).write_text(f"to,time\n{NUMBER},\n", encoding="utf-8")
    told = f"{campaign.contacts}:2: the column `time` is empty, but the script needs it"
    with CampaignRun(orchestrator, campaign) as run:
        assert [preview.admission for preview in run.preview()] == [Refused(told)]
    with CampaignRun(orchestrator, replace(campaign, variables={"time": "noon"})) as run:
        assert [type(preview.admission) for preview in run.preview()] == [Call]
