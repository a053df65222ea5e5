"""`Orchestrator.run_many` against the real sandbox: a batch as an iterator of results."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator import Orchestrator, OrchestratorError, Script
from orchestrator.core.campaign import Campaign
from orchestrator.errors import AuthenticationError, LeaseHeldError, StoppedEarlyError, UsageError
from orchestrator.runtime.job import SameFileError
from tests import canary
from tests.e2e.operators import ANNA, BEN, CLEO, DORA

ROWS = [{"to": number, "id": name} for number, name in ((ANNA, "anna"), (BEN, "ben"), (CLEO, "cleo"), (DORA, "dora"))]
SCRIPT = Script.parse("""
version: 1
name: delivery
settings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "Hello."}
  - get_dtmf: {timeout: 3, commands: [{say: {text: "Press a key."}}]}
    save: key
    on_failure: continue
  - end: {result: told}
""")


@pytest.fixture
def made(sandbox, tmp_path: Path) -> Iterator[Orchestrator]:
    with Orchestrator(api_url=sandbox.url, **canary.CREDENTIALS, journal=tmp_path / "j.db") as orchestrator:
        yield orchestrator


def test_each_contact_is_called_once_and_told_each_time(made, sandbox) -> None:
    """The same function, called again, calls nobody; results of earlier calls come from the journal."""
    first = list(made.run_many(SCRIPT, iter(ROWS), concurrency=2))
    assert sorted((each.contact["id"], each.to, each.disposition, each.result) for each in first) == [
        (row["id"], row["to"], "completed", "told") for row in ROWS
    ]
    assert not any(each.earlier for each in first)
    again = list(made.run_many(SCRIPT, ROWS))
    assert [(each.contact["id"], each.variables["key"], each.earlier, each.exit_code) for each in again] == [
        (row["id"], "1", True, 0) for row in ROWS
    ]
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_results_come_while_other_calls_go_on(made, sandbox) -> None:
    """A call that has ended is told of at once; one that rings is not waited for."""
    sandbox.set_callee(ANNA, does="answer", after=15.0)
    order = [result.to for result in made.run_many(SCRIPT, ROWS[:2])]
    assert order == [BEN, ANNA]


def test_who_was_not_called_is_told_with_the_reason(made, sandbox, tmp_path: Path) -> None:
    """Refused by a list, bad rows, duplicates: each has a result, and none rings."""
    (tmp_path / "dnc.txt").write_text(f"{BEN}\n", encoding="utf-8")
    rows = [*ROWS[:2], {"to": "nobody", "id": "x"}, {"to": ANNA, "id": "anna"}, {"to": CLEO, "id": None, "when": True}]
    results = list(made.run_many(SCRIPT, rows, do_not_call=str(tmp_path / "dnc.txt")))
    told = {(each.to, each.status): (each.error or {}).get("message") for each in results}
    assert "dnc.txt" in told[BEN, "refused"]
    assert told["nobody", "refused"].startswith("row 3: ")
    assert told[ANNA, "refused"].startswith("a duplicate")
    assert {each.to for each in results if each.status == "completed"} == {ANNA, CLEO}
    assert {each.exit_code for each in results if each.status == "refused"} == {1}
    assert sorted(sandbox.rung()) == [ANNA, CLEO]


def test_who_waits_for_a_window_is_told(made, sandbox) -> None:
    """With its reason; nobody rings. It is the same as on the command line."""
    day = datetime.now(UTC) + timedelta(days=3)
    window = f"{('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')[day.weekday()]} 09:00-17:00"
    results = list(made.run_many(SCRIPT, ROWS, windows=window, occurrence="these days"))
    assert {(each.status, each.exit_code) for each in results} == {("waiting", 75)}
    assert {each.error["message"] for each in results} == {"it is outside the calling window"}
    assert sandbox.rung() == []


def test_a_redial_is_made_by_a_later_call_of_the_function(made, sandbox) -> None:
    """Busy first, told so; then called once more, and no further."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    redial = {"busy": {"times": 1, "after": "0s"}}
    told = [[each.disposition for each in made.run_many(SCRIPT, ROWS[1:2], redial=redial)] for _ in range(3)]
    assert told == [["busy"], ["busy"], ["busy"]]
    assert sandbox.rung() == [BEN, BEN]


def test_leaving_the_loop_begins_no_call_any_more(made, sandbox) -> None:
    """The live one comes to its end; the rest is called the next time."""
    for result in made.run_many(SCRIPT, ROWS, concurrency=1):
        assert result.to == ANNA
        break
    assert len(sandbox.rung()) <= 2  # one may have begun before we left
    assert len(list(made.run_many(SCRIPT, ROWS))) == 4
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_no_contact_is_no_error(made) -> None:
    """An empty list has no results."""
    assert list(made.run_many(SCRIPT, [])) == []


def test_what_keeps_a_tick_from_its_end_is_raised_after_the_results(made, sandbox) -> None:
    """Nobody is lost: everybody has a result first."""
    sandbox.add_fault(kind="status", place="before", status=401, times="always")
    told: list[str] = []
    with pytest.raises(AuthenticationError):
        told.extend(result.to for result in made.run_many(SCRIPT, ROWS, concurrency=1))
    assert set(told) == {ANNA, BEN, CLEO, DORA}
    sandbox.clear_faults()
    assert {each.disposition for each in made.run_many(SCRIPT, ROWS)} == {"completed"}


def test_a_paused_campaign_says_so(made, sandbox) -> None:
    """As an exit code 75."""
    from orchestrator.ports import CampaignOrders

    made.journal.campaigns.order("delivery", CampaignOrders(paused=True))
    with pytest.raises(StoppedEarlyError, match="paused"):
        list(made.run_many(SCRIPT, ROWS))
    made.journal.campaigns.order("delivery", CampaignOrders(stopped=True))
    assert {each.status for each in made.run_many(SCRIPT, ROWS)} == {"refused"}
    assert sandbox.rung() == []


def test_two_at_the_same_moment_call_everybody_once(made, sandbox) -> None:
    """The second one is refused, waits, or has no results, as the campaign says."""
    sandbox.set_callee("default", does="answer", after=20.0)
    running = made.run_many(SCRIPT, ROWS, concurrency=4)
    first = threading.Thread(target=list, args=(running,))
    first.start()
    sandbox.wait(event="ringing")
    with pytest.raises(LeaseHeldError):
        list(made.run_many(SCRIPT, ROWS))
    assert list(made.run_many(SCRIPT, ROWS, overlap="ok")) == []
    assert {each.earlier for each in made.run_many(SCRIPT, ROWS, overlap="wait")} == {True}
    first.join()
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_the_same_list_in_a_later_occurrence_is_refused(made, sandbox) -> None:
    """Unless it repeats."""
    list(made.run_many(SCRIPT, ROWS[:1], occurrence="monday"))
    with pytest.raises(SameFileError):
        list(made.run_many(SCRIPT, ROWS[:1], occurrence="tuesday"))
    list(made.run_many(SCRIPT, ROWS[:1], occurrence="tuesday", repeat="daily"))
    assert sandbox.rung() == [ANNA, ANNA]


def test_a_pruned_call_is_still_known(made, sandbox) -> None:
    """What is left of it is how it ended; nobody is called again."""
    list(made.run_many(SCRIPT, ROWS[:1]))
    made.journal.prune(made.clock.now().wall + 1)
    (told,) = made.run_many(SCRIPT, ROWS[:1])
    assert (told.status, told.disposition, told.earlier, told.run_id) == ("completed", "completed", True, "")
    assert sandbox.rung() == [ANNA]


@pytest.mark.parametrize(
    ("arguments", "words", "said"),
    [
        ((), {}, "names no script"),
        ((SCRIPT,), {}, "names no contacts"),
        ((SCRIPT, ROWS), {"concurency": 3}, "did you mean `concurrency`"),
        ((SCRIPT, ROWS), {"campaign": Campaign(name="c"), "rate": "2/s"}, "`rate` cannot be given"),
        ((SCRIPT, [{"to": object()}]), {}, "contact 1 cannot be used"),
        ((SCRIPT, ["+12125550101"]), {}, "contact 1 cannot be used"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_sent(made, arguments, words, said) -> None:
    """At the call, not where the iterator is used; no journal is made."""
    with pytest.raises(UsageError, match=said):
        made.run_many(*arguments, **words)
    assert not made.journal_path.exists()


def test_a_campaign_without_a_name_is_told_apart_by_its_script(made, sandbox) -> None:
    """Two texts without a name are two campaigns; one text is one."""
    texts = [
        f'{{"commands": [{{"dial": {{"to": "{ANNA}", "from": "+15555550199"}}}}{more}]}}'
        for more in ("", ', {"hangup": {}}')
    ]
    for text in (*texts, texts[0]):
        list(made.run_many(Script.parse(text), ROWS[:1]))
    assert sandbox.rung() == [ANNA, ANNA]
    assert issubclass(UsageError, OrchestratorError)


def test_a_finished_campaign_may_be_given(made, sandbox) -> None:
    """Its rules count, and its name."""
    list(made.run_many(SCRIPT, ROWS, campaign=Campaign(name="spring", max_calls=1)))
    assert sandbox.rung() == [ANNA]
    assert made.journal.campaigns.occurrences_of("spring")


def test_what_a_person_should_know_is_logged(made, sandbox, caplog) -> None:
    """A message that could not be sent changes no result."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    sandbox.add_fault(kind="status", place="before", path="/sms", status=400, times="always")
    (told,) = made.run_many(SCRIPT, ROWS[1:2], fallback_sms={"text": "Please call us."})
    assert told.disposition == "busy"
    assert f"the text message to {BEN} failed" in caplog.text


def test_what_another_process_left_is_carried_on_with_first(start_sandbox, make_cli) -> None:
    """A tick that is killed with a call up: the same call goes on, and its result comes with its row."""
    sandbox = start_sandbox("--speed", "2")
    cli = make_cli(sandbox.url)
    path = cli.write("delivery.yaml", SCRIPT.source.replace("Hello.", "Hello, this is a long sentence for you."))
    cli.write("list.csv", f"to,id\n{ANNA},anna\n")
    with cli.start("batch", "delivery.yaml", "--contacts", "list.csv") as process:
        sandbox.wait(event="running")
        process.kill()
    with Orchestrator(api_url=sandbox.url, **canary.CREDENTIALS, journal=cli.journal) as other:
        (told,) = other.run_many(Script.load(path), ROWS[:1])
    assert (told.contact, told.disposition, told.earlier) == ({"to": ANNA, "id": "anna"}, "completed", False)
    assert sandbox.rung() == [ANNA]
