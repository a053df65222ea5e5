"""The composition of a batch: what is checked first, and what a tick would do."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.batches import CampaignRun
from orchestrator.batches.sources import Source
from orchestrator.cli.commands.batch_telling import LiveCalls
from orchestrator.compose import Orchestrator
from orchestrator.core.admission import Call, Known, Later, Refused
from orchestrator.core.campaign import Campaign, Overlap
from orchestrator.core.contact import row_digest
from orchestrator.errors import LeaseHeldError, StoppedEarlyError, UsageError
from orchestrator.ports import CampaignOrders, ContactState, Standing
from orchestrator.runtime.job import SameFileError
from orchestrator.scriptfile.contacts import ContactsError

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


def _standing(run: CampaignRun) -> Standing:
    contact, *_ = run.source.contacts()
    return Standing(
        key=run.key_of(contact),
        campaign=run.campaign.name,
        occurrence=run.occurrence.name,
        number=contact.to,
        row_digest=row_digest(contact),
        state=ContactState.WAITING,
    )


@pytest.mark.parametrize(
    ("orders", "admission"),
    [
        (CampaignOrders(paused=True), Later(None, "the campaign is paused")),
        (CampaignOrders(stopped=True), Refused("the campaign is stopped")),
    ],
)
def test_a_preview_knows_what_a_person_told_the_campaign(orchestrator, campaign, orders, admission) -> None:
    """A tick would call nobody, either."""
    orchestrator.journal.campaigns.order("c", orders)
    with CampaignRun(orchestrator, campaign) as run:
        assert next(run.preview()).admission == admission


def test_a_preview_of_a_stopped_campaign_closes_who_was_to_be_called_again(orchestrator, campaign) -> None:
    """As its results do."""
    with CampaignRun(orchestrator, campaign) as run:
        store = orchestrator.journal.campaigns
        store.put([replace(_standing(run), state=ContactState.AGAIN, attempts=1)])
        store.order("c", CampaignOrders(stopped=True))
        assert next(run.preview()).admission == Known("it is not called again: the campaign is stopped")


def test_a_preview_refuses_a_list_that_was_called_before(orchestrator, campaign) -> None:
    """Like the tick that it foretells, and it notes nothing: the occurrence of the list is still the earlier one."""
    with CampaignRun(orchestrator, campaign, occurrence="monday") as run:
        store, digest = orchestrator.journal.campaigns, run.source.digest()
        store.note_file("c", occurrence="monday", content_digest=digest, now_wall=0.0)
        called = replace(_standing(run), attempts=1)
        store.put([called])
        assert run.preview() is not None
    with CampaignRun(orchestrator, campaign, occurrence="tuesday") as run:
        with pytest.raises(SameFileError, match="occurrence monday of c already"):
            run.preview()
        assert store.occurrences_of("c") == [("c", "monday")]


def test_a_locked_campaign_is_left_alone_or_waited_for(orchestrator, campaign) -> None:
    """By default at once; with `wait` until it is free, or a signal comes."""
    with CampaignRun(orchestrator, campaign) as first, first._alone():
        with CampaignRun(orchestrator, campaign) as second, pytest.raises(LeaseHeldError, match="another tick"):
            second.tick()
        orchestrator.control.told.set()
        patient = replace(campaign, overlap=Overlap.WAIT)
        with CampaignRun(orchestrator, patient) as third, pytest.raises(StoppedEarlyError):
            third.tick()


def test_a_tick_comes_to_an_end_also_where_everybody_is_refused(orchestrator, campaign, tmp_path: Path) -> None:
    """Its bar counts contacts, whatever became of them; calls that are up are not behind it yet."""
    lists = tmp_path / "never.txt"
    lists.write_text(f"{NUMBER}\n", encoding="utf-8")
    watch = LiveCalls()
    with CampaignRun(orchestrator, replace(campaign, do_not_call=(str(lists),))) as run:
        contacts = run.source.count(lambda _: None)
        assert watch.behind(contacts) == 0
        assert run.tick(come_to=watch.come_to).called == 0
        assert watch.behind(contacts) == contacts == 2


def test_what_is_wrong_for_a_contact_is_told_in_one_line(orchestrator, campaign) -> None:
    """All of it."""
    Path(campaign.script).write_text(
        'version: 1\ncommands: [{dial: {to: "{{ to }}", from: "+15555550199"}},'
        ' {say: {text: "{{ one }}"}}, {say: {text: "{{ two }}"}}]\n',
        encoding="utf-8",
    )
    Path(campaign.contacts).write_text(f"to,one,two\n{NUMBER},,\n", encoding="utf-8")
    with CampaignRun(orchestrator, campaign) as run:
        (reason,) = [preview.admission.reason for preview in run.preview() if isinstance(preview.admission, Refused)]
    assert "`one`" in reason
    assert "`two`" in reason
    assert "\n" not in reason


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


def test_a_column_that_is_missing_is_told_once(orchestrator, campaign) -> None:
    """Before anybody is called, and with the column that was probably meant; one value for all will do as well."""
    Path(campaign.script).write_text(
        "version: 1\nvariables: {time: {required: true}, place: {required: true}}\n"
        'commands: [{dial: {to: "{{ to }}", from: "+15555550199"}}, {say: {text: "{{ time }} {{ place }}"}}]\n',
        encoding="utf-8",
    )
    Path(campaign.contacts).write_text(f"to,Time\n{NUMBER},ten\n", encoding="utf-8")
    with pytest.raises(ContactsError) as raised:
        CampaignRun(orchestrator, campaign)
    time, place = str(raised.value).splitlines()
    assert time.startswith(f"{campaign.contacts}: there is no column `time`, but the script needs it (there is `Time`;")
    assert place == f"{campaign.contacts}: there is no column `place`, but the script needs it"
    for_all = replace(campaign, variables={"time": "noon", "place": "here"})
    with CampaignRun(orchestrator, for_all) as run:
        assert [type(preview.admission) for preview in run.preview()] == [Call]


def test_standard_input_that_cannot_be_used_leaves_no_copy_of_it(monkeypatch, tmp_path: Path) -> None:
    """It holds phone numbers; and it is told of by its own name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"%PDF-1.4")))
    with pytest.raises(ContactsError, match="<stdin>: the file is a PDF"):
        Source("-", Campaign(name="c"))
    assert list(tmp_path.iterdir()) == []
