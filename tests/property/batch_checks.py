"""What must hold of every simulated batch, judged by what the server really did: its transcript, and its deliveries.

Each of its runs is judged as a run by itself is (`checks`), with the server's truth narrowed to what its own requests
did. Besides, the runs of a batch have rules together: who is called, how often, when, and how many at a time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, zip_longest
from types import SimpleNamespace
from typing import Any

from orchestrator.core.contact import Contact, Rejected, row_digest
from orchestrator.core.ledger import Ledger, Tally
from orchestrator.core.records import Disposition, Resolved
from orchestrator.core.redial import RedialRule
from orchestrator.core.state import Phase
from orchestrator.runtime.facts import is_undialled, was_kept_from_dialling
from orchestrator.runtime.messages import message_of
from orchestrator.runtime.settling import BREAKER
from orchestrator.sandbox.operations import Operation
from orchestrator.sandbox.transcript import Transcript
from tests.property import batch_limits, bookkeeping, checks, crashing
from tests.property.batch_seen import (
    Rung,
    SimulatedBatch,
    begun_by,
    calls_of,
    contacts_of,
    is_message,
    is_undecided,
    rung_of,
    started_of,
)
from tests.property.batch_simulation import LONGEST_S
from tests.property.batch_story import batch_story
from tests.property.reference import listen
from tests.property.scenarios import ATTENTIVE, Scenario
from tests.property.simulation import Simulated

_SLACK_S = 0.001
_HEARD_S = 1.0
"""So long after a person has said something a tick has heard it."""
_FAREWELL_S = 200.0
_CAUSES = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "rejected": Disposition.REJECTED,
    "failed": Disposition.FAILED,
}


def check_batch(simulated: SimulatedBatch) -> None:
    """Raise AssertionError, with the whole story, unless everything holds that must hold of every batch."""
    try:
        _check(simulated)
    except AssertionError as error:
        error.add_note(batch_story(simulated))
        raise


def _check(simulated: SimulatedBatch) -> None:
    rung = list(rung_of(simulated))
    check_every_request_is_explained(simulated)
    batch_limits.check_number_limits(simulated, rung)
    batch_limits.check_one_line_of_a_number(simulated, rung)
    batch_limits.check_request_limits(simulated)
    for each in simulated.campaigns():
        for run_id, run in each.runs.items():
            check_run(each, run_id, run, strays={one.call_id for one in rung if one.doubled and one.run_id != run_id})
        _check_campaign(each, [one for one in rung if one.run_id in each.runs])


def _check_campaign(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    check_it_came_to_an_end(simulated)
    check_rings(simulated, rung)
    check_nobody_is_called_in_vain(simulated, rung)
    batch_limits.check_lines(simulated, rung)
    batch_limits.check_calling_windows(simulated, rung)
    batch_limits.check_pace(simulated)
    batch_limits.check_limits_of_a_tick(simulated)
    check_rows(simulated, rung)
    check_verdicts(simulated)
    check_orders(simulated)
    check_stops(simulated)
    check_breaker(simulated)
    check_messages(simulated)


# --- each run ---------------------------------------------------------------------------------------------------------


def view_of(simulated: SimulatedBatch, run: Simulated) -> Simulated:
    """Return a run as if it had been the only one: its own calls and requests, and who answered."""
    operations = _operations(run)
    calls = [one.execution.call for one in operations if one.execution is not None and one.method == "POST"]
    mine = [call for call in calls if call.resource_id == run.state.call_id]
    scenario = simulated.scenario
    message = message_of(scenario.campaign) if is_message(simulated, run) else None
    alone = Scenario(
        script=message or scenario.script,
        callee=next((call.behaviour for call in [*mine, *calls]), ATTENTIVE),
        limit_s=scenario.limit_s,
        words_per_minute=scenario.words_per_minute,
        skew_s=scenario.skew_s,
        capabilities=scenario.capabilities,
        treatments=scenario.treatments,
    )
    return replace(run, scenario=alone, server=_server_of(simulated, run, operations))


def _operations(run: Simulated) -> list[Operation]:
    return [one for sent in (*run.sent, *run.looks) for one in sent.deliveries if isinstance(one, Operation)]


def _server_of(simulated: SimulatedBatch, run: Simulated, operations: list[Operation]) -> Any:
    """Return the server as far as a run's requests went."""
    mine, numbers = set(calls_of(run)), {one.number for one in operations}
    texts = {
        one.reply.body["response"]["sms"]["resource_id"]
        for one in operations
        if one.path == "/sms" and one.reply is not None and one.reply.status == 201
    }
    transcript = Transcript()
    transcript.entries = [
        entry
        for entry in simulated.server.transcript.entries
        if entry.get("call") in mine or entry.get("request") in numbers or entry.get("sms") in texts
    ]
    documents = [one.execution.call.document() for one in operations if one.execution is not None]
    listed = {each["resource_id"]: each for each in documents}
    reply = SimpleNamespace(body={"response": {"data": list(listed.values())}})
    return SimpleNamespace(
        transcript=transcript, now=simulated.server.now, list_calls=lambda _now: SimpleNamespace(reply=reply)
    )


def check_run(simulated: SimulatedBatch, run_id: str, run: Simulated, *, strays: set[str]) -> None:
    """What holds of a run by itself holds of each run of a batch.

    Allowed for is a lost dial that is taken for a call that the network made of another run's (`strays`).
    """
    view = view_of(simulated, run)
    attempts = checks.attempts_of(view)
    try:
        checks._check_intents(view)
        for attempt in attempts:
            if not any(each.call is not None and each.call.call_id in strays for each in attempt.settled):
                checks._check_belief(view, attempt, attempts)
        checks._check_repeats(attempts, keyed=view.settings.idempotent_for_s is not None)
        checks._check_ringing(view, attempts)
        checks._check_nobody_is_left(view, attempts)
        checks._check_transcript(view, attempts)
        bookkeeping.check_nothing_left_a_fenced_process(view)
        bookkeeping.check_order(attempts)
        bookkeeping.check_doubling_is_reported(view, attempts)
        bookkeeping.check_outcomes(view, attempts)
        bookkeeping.check_tries(view, attempts)
        bookkeeping.check_refused_credentials_end_the_run(view, attempts)
        bookkeeping.check_classes(view, attempts)
        bookkeeping.check_settling(view, attempts)
        if view.settings.idempotent_for_s is None:
            crashing.check_resumes_look_first(view.records)
        crashing.check_waits_are_waited_out(view.records)
        crashing.check_tries_on_unknown_outcomes(view, attempts)
        crashing.check_a_full_disk_ends_the_call(view)
        crashing.check_verdicts_of_people_are_believed(view, attempts)
    except AssertionError as error:
        error.add_note(f"in {run_id}")
        raise


def check_every_request_is_explained(simulated: SimulatedBatch) -> None:
    """Every request belongs to a run, and the server saw none that did not leave."""
    assert not simulated.strangers, f"no run's: {simulated.strangers[0].request}"
    if "idempotency_key" in simulated.scenario.capabilities:
        return
    known = {one.number for run in simulated.runs.values() for one in _operations(run)}
    for entry in simulated.server.transcript.find(event="request"):
        assert entry["request"] in known, f"nobody sent this: {entry}"


def check_it_came_to_an_end(simulated: SimulatedBatch) -> None:
    """Tick by tick everything comes to an end, in bounded time; no run is left that a further tick would go on with."""
    assert simulated.ended_s is not None, f"it never ends: {len(simulated.ticks)} ticks"
    assert simulated.ended_s <= LONGEST_S, f"it took {simulated.ended_s:.0f} s"
    current = {row.run_id for _, row in simulated.rows}
    for run_id, run in simulated.runs.items():
        state = run.state
        rests = state.end is not None or state.phase is Phase.UNDECIDED
        left_out = is_undialled(state) and run_id in current  # its campaign was stopped
        assert rests or left_out, f"{run_id} never ends: {state.phase}"


# --- who is called, and how often -------------------------------------------------------------------------------------


def check_rings(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Nobody is rung again but by a redial rule: for how the last call ended, as often and as late as it says."""
    by_run = {each.run_id: each for each in rung}
    for contact in contacts_of(simulated):
        used: Counter[Disposition] = Counter()
        for before, after in pairwise(_runs_that_count(simulated, contact)):
            last, following = by_run.get(before), by_run.get(after)
            ended = _truth(simulated, before, last)
            rule = _rule_for(simulated, before, ended)
            assert rule is not None, f"{contact.id} is called again by {after}, though {before} ended {ended}"
            used[rule.disposition] += 1
            assert used[rule.disposition] <= rule.times, f"{contact.id} is called again too often after {ended}"
            if last is not None and following is not None and last.ended_s is not None and not last.doubled:
                waited_s = following.began_s - last.ended_s
                assert waited_s >= rule.after_s - _SLACK_S, f"{contact.id} is called again after {waited_s:.2f} s"


def _runs_that_count(simulated: SimulatedBatch, contact: Contact) -> list[str]:
    """Return a contact's runs, but for those that were refused a dial for the sake of our own credentials."""
    ids = {id(run): run_id for run_id, run in simulated.runs.items()}
    return [ids[id(run)] for run in simulated.runs_of(contact) if not was_kept_from_dialling(run.state)]


def _truth(simulated: SimulatedBatch, run_id: str, rung: Rung | None) -> Disposition | None:
    """Return how a run really ended; where its call rang nobody, or we ended it, as the run tells."""
    state = simulated.runs[run_id].state
    told = None if state.end is None else state.end.disposition
    if rung is None or rung.doubled or state.end is None or is_undecided(simulated.runs[run_id]):
        return told
    if not rung.answered and rung.cause in _CAUSES:
        return _CAUSES[rung.cause]
    if rung.cause == "remote":
        return told if told in (Disposition.COMPLETED, Disposition.FAILED) else Disposition.HUNG_UP
    view = view_of(simulated, simulated.runs[run_id])
    expected = listen(view.scenario.script, view.scenario.callee)
    heard = [checks._words(entry) for entry in simulated.server.transcript.heard(rung.call_id) if entry["complete"]]
    has_heard_all = rung.answered and expected.completed and heard == expected.spoken and not expected.messages
    return Disposition.COMPLETED if has_heard_all and told is not Disposition.FAILED else told


def _rule_for(simulated: SimulatedBatch, run_id: str, ended: Disposition | None) -> RedialRule | None:
    reached = simulated.runs[run_id].state.visits
    for rule in simulated.scenario.campaign.redial:
        if rule.disposition is ended and rule.before_label not in reached:
            return rule
    return None


def check_nobody_is_called_in_vain(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Forbidden numbers, unprepared rows and duplicates are not called."""
    scenario = simulated.scenario
    assert not [each for each in rung if each.number in scenario.forbidden], "a forbidden number was called"
    called = {each.run_id for each in rung}
    digests: dict[str, str] = {}
    for contact in contacts_of(simulated):
        runs = simulated.runs_of(contact)
        assert contact.id not in scenario.unprepared or not runs, f"{contact.id} lacks what the script needs"
        if any(started_of(run).run_id in called for run in runs):
            twin = digests.setdefault(row_digest(contact), contact.key)
            assert twin == contact.key, f"{contact.key} and {twin} are the same, and both were called"


# --- what is told -----------------------------------------------------------------------------------------------------


def check_rows(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Every row of the file has one row in the results, the totals add up, and what they say is what happened."""
    scenario, rows = simulated.scenario, simulated.rows
    rejected = sum(isinstance(row, Rejected) for row in scenario.rows)
    assert len(rows) + rejected == len(scenario.rows), "a row is missing"
    Ledger.of((row.tally for _, row in rows), contacts=len(scenario.rows) - rejected).check()
    assert simulated.ended_s is None or not [row for _, row in rows if row.tally is Tally.WAITING], "somebody waits"
    by_run: dict[str, Rung] = {each.run_id: each for each in rung}
    for contact, row in rows:
        if row.run_id is None or row.disposition == Tally.REFUSED:
            continue
        runs = simulated.runs_of(contact)
        assert row.run_id == started_of(runs[-1]).run_id, f"{contact.id}: {row.run_id} is not its last run"
        assert row.attempts == len(runs), f"{contact.id}: {row.attempts} attempts, but {len(runs)} runs"
        if row.tally is not Tally.UNKNOWN:
            truth = _truth(simulated, row.run_id, by_run.get(row.run_id))
            ended_well = {row.disposition, truth} == {Disposition.HUNG_UP, Disposition.COMPLETED}  # who hung up first?
            assert row.disposition == truth or ended_well, f"{contact.id}: {row.disposition}, but it was {truth}"
        reached = any(each.run_id == row.run_id and each.answered for each in rung)
        assert row.tally is not Tally.REACHED or reached, f"{contact.id} was not reached"


def check_verdicts(simulated: SimulatedBatch) -> None:
    """Whose call a person knew about was not called beside it, and has the row of how that run ended."""
    for contact, row in simulated.rows:
        runs = simulated.runs_of(contact)
        for run, following in zip_longest(runs, runs[1:]):
            if not any(isinstance(record, Resolved) for record in run.records):
                continue
            run_id, end = started_of(run).run_id, run.state.end
            if following is not None:
                assert end is not None, f"{contact.id} is called again beside {run_id}, which has not ended"
                assert following.written_s[0] >= run.written_s[-1], f"{contact.id} is called again beside {run_id}"
            elif row.run_id == run_id and end is not None:
                told, known = (row.disposition, row.result), (end.disposition, end.result)
                assert told == known, f"{contact.id}: {told}, but after a person's verdict {run_id} ended {known}"
            elif row.run_id == run_id and run.state.phase is Phase.UNDECIDED:
                assert row.tally is Tally.UNKNOWN, f"{contact.id}: {row.tally}, but {run_id} waits for a person again"


def check_orders(simulated: SimulatedBatch) -> None:
    """While a campaign is paused or stopped nobody new is called."""
    said = [*simulated.scenario.orders, (9e9, None)]
    for (since_s, orders), (until_s, _) in pairwise(said):
        if orders is None or not (orders.paused or orders.stopped):
            continue
        for run_id, at_s, _ in begun_by(simulated):
            assert not since_s + _HEARD_S < at_s < until_s, f"{run_id} was begun in spite of {orders}"


def check_stops(simulated: SimulatedBatch) -> None:
    """A process that is told to stop dials nobody any more, and is done soon after its grace."""
    for tick in simulated.ticks:
        stop, told_s = tick.life.stop, tick.told_s
        if stop is None or told_s is None or tick.ended_s is None:
            continue
        late = [run_id for at_s, name, run_id in simulated.dialled if name == tick.process.name and at_s > told_s + 0.1]
        assert not late, f"{late[0]} was dialled after the process was told to stop"
        grace_s = 0.0 if stop.hand_over else stop.grace_s
        lasted_s = tick.ended_s - told_s
        assert lasted_s <= grace_s + _FAREWELL_S, f"it took {lasted_s:.0f} s to stop"


def check_breaker(simulated: SimulatedBatch) -> None:
    """While the API is out of reach a tick begins a few calls, and no more."""
    outage, campaign = simulated.scenario.outage, simulated.scenario.campaign
    if outage is None:
        return
    began = Counter(process for _, at_s, process in begun_by(simulated) if outage[0] <= at_s < outage[1])
    most = BREAKER + campaign.concurrency - 1
    assert not began or max(began.values()) <= most, f"{max(began.values())} calls begun while the API was down"


def check_messages(simulated: SimulatedBatch) -> None:
    """Who was not reached, and will not be called again, gets the campaign's message, once; nobody else does."""
    texts = Counter(started_of(run).to for run in simulated.runs.values() if is_message(simulated, run))
    numbers = Counter(row.to for _, row in simulated.rows if row.tally is Tally.NOT_REACHED)
    for number, count in texts.items():
        assert count <= numbers[number], f"{number} was sent {count} messages, for {numbers[number]} not reached"
    troubles = [trouble for tick in simulated.ticks if tick.report is not None for trouble in tick.report.troubles]
    if simulated.scenario.campaign.fallback_sms is None or any(
        text.endswith(f"says to {simulated.scenario.campaign.name}: stop") for _, text in simulated.happened
    ):
        return  # whoever stops a campaign stops its messages, too
    for number, count in numbers.items():
        told = any(f"no text message was sent to {number}" in trouble for trouble in troubles)
        assert texts[number] == count or told, f"{number} was sent {texts[number]} messages, for {count} not reached"
