"""What must hold of every simulated batch, judged by what the server really did: its transcript, and its deliveries.

Each of its runs is judged as a run by itself is (`checks`), with the server's truth narrowed to what its own requests
did. Besides, the runs of a batch have rules together: who is called, how often, when, and how many at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time
from itertools import pairwise, zip_longest
from types import SimpleNamespace
from typing import Any

from orchestrator.core.budget import RequestLimit
from orchestrator.core.contact import Contact, Rejected, row_digest
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.ledger import Ledger, Tally
from orchestrator.core.records import Disposition, Resolved
from orchestrator.core.redial import NumberLimits, RedialRule
from orchestrator.core.state import Phase
from orchestrator.runtime.facts import is_undialled, was_kept_from_dialling
from orchestrator.runtime.messages import message_of
from orchestrator.runtime.settling import BREAKER
from orchestrator.sandbox.operations import Operation
from orchestrator.sandbox.transcript import Transcript
from tests.fakes.transport import Sent
from tests.fakes.virtual_time import EPOCH
from tests.property import bookkeeping, checks, crashing
from tests.property.batch_seen import SimulatedBatch, calls_of, started_of
from tests.property.batch_simulation import LONGEST_S
from tests.property.batch_story import batch_story
from tests.property.reference import listen
from tests.property.scenarios import ATTENTIVE, Scenario
from tests.property.simulation import Simulated

_SLACK_S = 0.001
_HEARD_S = 1.0
"""So long after a person has said something a tick has heard it."""
_LEAVING_S = 1.0
"""So long after its intent a dial has left at the latest."""
_FAREWELL_S = 200.0
_CAUSES = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "rejected": Disposition.REJECTED,
    "failed": Disposition.FAILED,
}


@dataclass(frozen=True, slots=True)
class Rung:
    """One call that really rang.

    Attributes:
        began_s: When it began to ring.
        ended_s: When it was over; None: it is up.
        cause: Why it ended, as the server knows.
        answered: Whether somebody answered.
        doubled: Whether the network sent its dial on twice.
    """

    call_id: str
    run_id: str
    number: str
    began_s: float
    ended_s: float | None
    cause: str | None
    answered: bool
    doubled: bool


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
    check_number_limits(simulated)
    check_one_line_of_a_number(simulated, rung)
    check_request_limits(simulated)
    for each in simulated.campaigns():
        for run_id, run in each.runs.items():
            check_run(each, run_id, run, strays={one.call_id for one in rung if one.doubled and one.run_id != run_id})
        _check_campaign(each, [one for one in rung if one.run_id in each.runs])


def _check_campaign(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    check_it_came_to_an_end(simulated)
    check_rings(simulated, rung)
    check_nobody_is_called_in_vain(simulated, rung)
    check_lines(simulated, rung)
    check_calling_windows(simulated, rung)
    check_pace(simulated)
    check_limits_of_a_tick(simulated)
    check_rows(simulated, rung)
    check_verdicts(simulated)
    check_orders(simulated)
    check_stops(simulated)
    check_breaker(simulated)
    check_messages(simulated)


# --- each run ---------------------------------------------------------------------------------------------------------


def is_message(simulated: SimulatedBatch, run: Simulated) -> bool:
    """Whether a run sends the campaign's text message, and calls nobody."""
    return started_of(run).script_name != simulated.scenario.script.name


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


def rung_of(simulated: SimulatedBatch) -> Iterator[Rung]:
    """Yield every call that rang for a campaign, or for both, in order."""
    epoch = EPOCH + simulated.scenario.skew_s
    find = simulated.server.transcript.find
    owners = {call_id: run_id for run_id, run in simulated.runs.items() for call_id in calls_of(run)}
    over = {entry["call"]: entry for entry in find(event="hangup")}
    answered = {entry["call"] for entry in find(event="answered")}
    for entry in find(event="ringing"):
        call, run_id = entry["call"], owners.get(entry["call"])
        if run_id is None:  # its neighbour's
            continue
        end = over.get(call)
        dials = [sent for sent in simulated.runs[run_id].sent if sent.request.operation is Kind.CREATE]
        yield Rung(
            call,
            run_id,
            entry["to"],
            entry["at"] - epoch,
            None if end is None else end["at"] - epoch,
            None if end is None else end["cause"],
            call in answered,
            any(len(sent.treatment.deliveries) > 1 for sent in dials),
        )


def check_rings(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Nobody is rung again but by a redial rule: for how the last call ended, as often and as late as it says."""
    by_run = {each.run_id: each for each in rung}
    for contact in _contacts(simulated):
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


def _contacts(simulated: SimulatedBatch) -> list[Contact]:
    return list({contact.key: contact for contact in reversed(simulated.scenario.contacts)}.values())


def _runs_that_count(simulated: SimulatedBatch, contact: Contact) -> list[str]:
    """Return a contact's runs, but for those that were refused a dial for the sake of our own credentials."""
    ids = {id(run): run_id for run_id, run in simulated.runs.items()}
    return [ids[id(run)] for run in simulated.runs_of(contact) if not was_kept_from_dialling(run.state)]


def _truth(simulated: SimulatedBatch, run_id: str, rung: Rung | None) -> Disposition | None:
    """Return how a run really ended; where its call rang nobody, or we ended it, as the run tells."""
    state = simulated.runs[run_id].state
    told = None if state.end is None else state.end.disposition
    if rung is None or rung.doubled or state.end is None or _is_undecided(simulated.runs[run_id]):
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
    for contact in _contacts(simulated):
        runs = simulated.runs_of(contact)
        assert contact.id not in scenario.unprepared or not runs, f"{contact.id} lacks what the script needs"
        if any(started_of(run).run_id in called for run in runs):
            twin = digests.setdefault(row_digest(contact), contact.key)
            assert twin == contact.key, f"{contact.key} and {twin} are the same, and both were called"


def check_lines(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """There are never more calls up than the campaign's concurrency."""
    campaign = simulated.scenario.campaign
    for one, up in _up_at_each(simulated, rung):
        assert len(up) <= campaign.concurrency, (
            f"{len(up)} calls at {one.began_s:.2f} s: {', '.join(each.run_id for each in up)}"
        )


def check_one_line_of_a_number(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """No two calls to one number are up at once, whichever campaigns they are of."""
    known = {run_id for run_id, run in simulated.runs.items() if not _is_undecided(run)}
    for one, up in _up_at_each(simulated, rung):
        same = [each.run_id for each in up if each.number == one.number and {each.run_id, one.run_id} <= known]
        assert len(same) <= 1, f"{', '.join(same)} ring {one.number} at once"


def _up_at_each(simulated: SimulatedBatch, rung: list[Rung]) -> Iterator[tuple[Rung, list[Rung]]]:
    """Yield each call that rang once, with those that were up when it began: it is one of them.

    A call whose end nobody could ask for is taken to be over after `max_call`. What rang twice is reported.
    """
    single = [each for each in rung if not each.doubled]
    most_s = simulated.settings.max_call_s
    ends_s = {each.run_id: min(each.ended_s or 9e9, each.began_s + most_s) - _SLACK_S for each in single}
    for one in single:
        yield one, [each for each in single if each.began_s <= one.began_s < ends_s[each.run_id]]


def _is_undecided(run: Simulated) -> bool:
    """Whether nobody knows of a run's call, and a person is asked."""
    return run.state.phase is Phase.UNDECIDED


# --- how fast ---------------------------------------------------------------------------------------------------------


def _begun(simulated: SimulatedBatch) -> Iterator[tuple[str, float, str]]:
    """Yield the runs that were made to call somebody, with when and by which process."""
    for run_id, (at_s, process) in simulated.begun.items():
        if not is_message(simulated, simulated.runs[run_id]):
            yield run_id, at_s, process


def check_pace(simulated: SimulatedBatch) -> None:
    """A tick begins calls no faster than the campaign's rate."""
    rate_per_s = simulated.scenario.campaign.rate_per_s
    if rate_per_s is None:
        return
    for tick in simulated.ticks:
        moments = [at_s for _, at_s, process in _begun(simulated) if process == tick.process.name]
        for before_s, after_s in pairwise(moments):
            assert after_s - before_s >= 1 / rate_per_s - _SLACK_S, f"two calls in {after_s - before_s:.2f} s"


def check_calling_windows(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Nothing rings outside the campaign's windows, nor so late in one that a whole call has no room any more.

    Whichever attempt it is that rings. Nobody knows that the server's clock is behind before its first reply.
    """
    behind_s = max(-simulated.scenario.skew_s, 0.0)
    windows = simulated.scenario.campaign.calendar.windows
    for each in rung:
        second = (EPOCH + each.began_s) % 86_400
        left_s = max((_seconds(one.end) - second for one in windows if _seconds(one.start) <= second), default=0.0)
        least_s = max(simulated.longest_s - behind_s, 0.0) - _SLACK_S
        assert left_s >= least_s or not windows, (
            f"{each.run_id} rings {each.number} at {each.began_s:.2f} s, {left_s:.2f} s before its window closes"
        )


def _seconds(moment: time) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6


def check_number_limits(simulated: SimulatedBatch) -> None:
    """A number is spared the gap before a dial, and has no more dials in a day than its cap, whoever dialled before.

    What counts is when the dial of a run was sent that the server has executed.
    """
    of_number: dict[str, list[tuple[float, NumberLimits]]] = {}
    for one in simulated.campaigns():
        for run in one.runs.values():
            if (sent := [each.at_s for each in run.sent if _made_a_call(each)]) != []:
                dial = sent[-1], one.scenario.campaign.limits
                of_number.setdefault(started_of(run).to, []).append(dial)
    for number, dials in of_number.items():
        dials.sort(key=lambda dial: dial[0])
        for (before_s, _), (after_s, limits) in pairwise(dials):
            assert after_s - before_s >= limits.min_gap_s - _LEAVING_S, f"{number} again after {after_s - before_s} s"
        days: Counter[int] = Counter()
        for at_s, limits in dials:
            day = int((EPOCH + at_s) // 86_400)
            days[day] += 1
            assert limits.daily_cap is None or days[day] <= limits.daily_cap, f"{number} too often in a day"


def _made_a_call(sent: Sent) -> bool:
    is_dial = sent.request.operation is Kind.CREATE
    return is_dial and any(isinstance(one, Operation) and one.execution is not None for one in sent.deliveries)


def check_limits_of_a_tick(simulated: SimulatedBatch) -> None:
    """A tick makes no more dials, and calls no more contacts for the first time, than its campaign lets it."""
    campaign = simulated.scenario.campaign
    first = {started_of(simulated.runs_of(each)[0]).run_id for each in _contacts(simulated) if simulated.runs_of(each)}
    for tick in simulated.ticks:
        mine = [run_id for run_id, _, process in _begun(simulated) if process == tick.process.name]
        assert campaign.max_attempts is None or len(mine) <= campaign.max_attempts, f"{len(mine)} dials in a tick"
        new = [run_id for run_id in mine if run_id in first]
        assert campaign.max_calls is None or len(new) <= campaign.max_calls, f"{len(new)} new calls in a tick"


def check_request_limits(simulated: SimulatedBatch) -> None:
    """Within no window do more requests leave than the account's limits allow; a DELETE never waits, nor counts."""
    limits = simulated.scenario.campaign.api_limits
    runs = simulated.runs.values()
    sent = [each for run in runs for each in (*run.sent, *run.looks) if each.request.operation is not Kind.END]
    for kind in Kind:
        _check_windows([each.at_s for each in sent if each.request.operation is kind], limits.endpoint, kind)
    _check_windows([each.at_s for each in sent], limits.account, "any request")


def _check_windows(moments_s: list[float], limit: RequestLimit | None, what: str) -> None:
    if limit is None:
        return
    ordered = sorted(moments_s)
    for first_s, last_s in zip(ordered, ordered[limit.requests :], strict=False):
        assert last_s - first_s >= limit.window_s, (
            f"{limit.requests + 1} of {what} in {last_s - first_s:.2f} s from {first_s:.2f} on"
        )


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
        for run_id, at_s, _ in _begun(simulated):
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
    began = Counter(process for _, at_s, process in _begun(simulated) if outage[0] <= at_s < outage[1])
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
