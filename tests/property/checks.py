"""What must hold of every simulation, judged by the server's own transcript and by what it did with each delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    Intended,
    Looked,
    LookKind,
    Record,
    Resolved,
    Settled,
    Status,
    Then,
    Verdict,
)
from orchestrator.core.script import Policy
from orchestrator.core.state import Phase
from orchestrator.sandbox.operations import Operation
from tests.fakes.transport import Sent
from tests.fakes.virtual_time import EPOCH
from tests.property import bookkeeping, crashing, limiting, outcomes, taking
from tests.property.reference import listen
from tests.property.simulation import MOST_VERDICTS, NO_INTENT, UNWRITABLE, Simulated
from tests.property.story import story


@dataclass(frozen=True, slots=True)
class Attempt:
    """One intent, what the run came to believe of it, and what really became of it.

    Attributes:
        sent: Its request, if it left.
        step: The number of its step: attempts of one step share it.
    """

    index: int
    intent: Intended
    step: int
    concluded: Concluded | None
    settled: tuple[Settled, ...]
    sent: tuple[Sent, ...]

    @property
    def deliveries(self) -> list[Operation]:
        """What reached the server of it."""
        return [one for sent in self.sent for one in sent.deliveries if isinstance(one, Operation)]

    @property
    def executed(self) -> list[Operation]:
        """Those deliveries that did something to the callee."""
        return [one for one in self.taken if not _came_too_late(one)]

    @property
    def taken(self) -> list[Operation]:
        """Those deliveries that the server carried out, as far as it could."""
        return [one for one in self.deliveries if _did_something(one)]

    @property
    def is_doubled(self) -> bool:
        """Whether the network sent it on twice."""
        return any(len(sent.treatment.deliveries) > 1 for sent in self.sent)

    @property
    def was_refused_as_busy(self) -> bool:
        """Whether a 409 answered a list that would be heard, asks or is dangerous, on a call that was idle before."""
        concluded, commands = self.concluded, self.intent.commands
        if concluded is None or concluded.outcome is not Outcome.REJECTED or concluded.status != 409:
            return False
        harmless = outcomes.class_of(commands) == "harmless" or commands[0] == "answer"
        return self.intent.operation is Kind.COMMAND and not harmless


def check(simulated: Simulated) -> None:
    """Raise AssertionError, with the whole story, unless everything holds that must hold of every run."""
    try:
        _check(simulated)
    except AssertionError as error:
        error.add_note(story(simulated))
        raise


def _check(simulated: Simulated) -> None:
    bookkeeping.check_every_request_is_explained(simulated)  # before any other check asks the server
    taking.check_one_run_takes_the_call(simulated)
    taking.check_only_what_rings_is_taken(simulated)
    taking.check_what_rings_is_not_reaped(simulated)
    attempts = attempts_of(simulated)
    _check_it_ended(simulated)
    _check_intents(simulated)
    for attempt in attempts:
        _check_belief(simulated, attempt, attempts)
    _check_repeats(attempts, keyed=simulated.settings.idempotent_for_s is not None)
    _check_ringing(simulated, attempts)
    _check_nobody_is_left(simulated, attempts)
    _check_transcript(simulated, attempts)
    bookkeeping.check_it_is_bounded(simulated)
    bookkeeping.check_nothing_left_a_fenced_process(simulated)
    bookkeeping.check_order(attempts)
    bookkeeping.check_doubling_is_reported(simulated, attempts)
    bookkeeping.check_the_journal_is_what_was_written(simulated)
    bookkeeping.check_outcomes(simulated, attempts)
    bookkeeping.check_tries(simulated, attempts)
    bookkeeping.check_refused_credentials_end_the_run(simulated, attempts)
    bookkeeping.check_classes(simulated, attempts)
    bookkeeping.check_settling(simulated, attempts)
    if simulated.settings.idempotent_for_s is None:  # a kept reply may be asked for at once
        crashing.check_resumes_look_first(simulated.records)
    crashing.check_waits_are_waited_out(simulated.records)
    crashing.check_tries_on_unknown_outcomes(simulated, attempts)
    crashing.check_open_looks_are_kept(simulated)
    crashing.check_a_full_disk_ends_the_call(simulated)
    crashing.check_repeats_are_announced(simulated, attempts)
    crashing.check_a_stop_is_obeyed(simulated)
    crashing.check_verdicts_of_people_are_believed(simulated, attempts)
    limiting.check_limits_are_kept(simulated)
    limiting.check_hang_ups_do_not_wait(simulated)
    if _may_be_compared(simulated, attempts):
        crashing.check_the_end_is_that_of_no_crash(simulated)


def attempts_of(simulated: Simulated) -> list[Attempt]:
    """Return the attempts of a run, in order."""
    found: list[Attempt] = []
    step = 0
    records = simulated.records
    places = [index for index, record in enumerate(records) if isinstance(record, Intended)]
    for place, following in pairwise([*places, len(records)]):
        intent = records[place]
        assert isinstance(intent, Intended)
        after = records[place + 1 : following]
        step += intent.attempt == 1
        found.append(
            Attempt(
                place,
                intent,
                step,
                next((record for record in after if isinstance(record, Concluded)), None),
                tuple(record for record in after if isinstance(record, Settled)),
                tuple(sent for sent in simulated.sent if sent.note == place),
            )
        )
    return found


def _check_it_ended(simulated: Simulated) -> None:
    """Every run ends, or waits for a person."""
    state = simulated.state
    left_alone = simulated.scenario.abandoned and (not state.call_up or state.rings_on)
    if simulated.scenario.incoming is not None and not simulated.records:
        return  # nobody heard of the call in time
    verdicts = sum(isinstance(record, Resolved) for record in simulated.records)
    if simulated.scenario.resolved and not simulated.scenario.abandoned and verdicts < MOST_VERDICTS:
        assert state.phase is not Phase.UNDECIDED, "nobody was asked for a verdict"
    assert left_alone or state.end is not None or state.phase is Phase.UNDECIDED, f"it never ends: {state.phase}"
    if state.end is not None:
        assert state.end.status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def _check_intents(simulated: Simulated) -> None:
    """Every request that changes something left after its intent was on disk, and once for each intent."""
    seen: set[int] = set()
    for sent in simulated.sent:
        assert isinstance(sent.note, int)
        assert sent.note != NO_INTENT, f"no intent for {sent.request}"
        if sent.note == UNWRITABLE:
            continue  # the one request that needs no intent: its process cannot write
        if isinstance(simulated.records[sent.note], Intended):
            asked = sent.request.operation is Kind.END and any(
                isinstance(record, CancelAsked) and written_s <= sent.at_s
                for record, written_s in zip(simulated.records, simulated.written_s, strict=True)
            )  # a call that was to be ended while its request was open is ended by two threads
            assert sent.note not in seen or asked, f"sent twice for one intent: {sent.request}"
            seen.add(sent.note)


def _check_belief(simulated: Simulated, attempt: Attempt, attempts: list[Attempt]) -> None:
    """Nothing is held to have run that did not, nor the reverse."""
    concluded, intent = attempt.concluded, attempt.intent
    bare_end = intent.operation is Kind.END and concluded is not None and concluded.call is None  # it is looked at
    if concluded is not None and concluded.outcome is Outcome.DONE and not bare_end:
        assert attempt.taken, f"done, but it did not run: {intent}"
    refused = concluded is not None and concluded.outcome not in (Outcome.DONE, Outcome.UNKNOWN)
    if concluded is not None and refused and intent.operation is not Kind.END:  # two threads may end one call
        assert not attempt.executed or attempt.is_doubled, f"{concluded.outcome}, but it ran: {intent}"
    for settled in attempt.settled:
        if settled.verdict is Verdict.DID_NOT_RUN:
            assert not attempt.executed, f"it ran, in spite of the verdict: {intent} {settled}"
        elif settled.verdict in (Verdict.RAN, Verdict.PARTLY) and intent.operation is not Kind.END:
            same = [one for one in attempts if one.step == attempt.step and one.index <= attempt.index]
            asked_again = simulated.settings.idempotent_for_s is not None and any(one.taken for one in same)
            ended = "hangup" in intent.commands and _ended_unwritten(simulated)  # the call is over, by whoever
            assert attempt.taken or asked_again or ended or _disturbed(simulated, settled, attempt, attempts), (
                f"it did not run, in spite of the verdict: {intent} {settled}"
            )


def _ended_unwritten(simulated: Simulated) -> bool:
    """Whether a process that could not write ended the call."""
    return any(sent.note == UNWRITABLE for sent in simulated.sent)


def _disturbed(simulated: Simulated, settled: Settled, attempt: Attempt, attempts: list[Attempt]) -> bool:
    """Whether an earlier request that the network held back or doubled ran at that time: nobody can tell them apart."""
    began_s, ended_s = attempt.intent.at.boot_s, settled.at.boot_s
    began = EPOCH + simulated.scenario.skew_s  # on the server's clock
    return any(
        operation.received_at - began <= ended_s + 30.0 and _end_of(operation) - began >= began_s - 30.0
        for other in attempts
        if other.index < attempt.index
        for operation in other.taken
        if other.is_doubled or any(delay > 0 for sent in other.sent for delay in sent.treatment.deliveries)
    )


def _check_repeats(attempts: list[Attempt], *, keyed: bool) -> None:
    """A command ran twice only where the author's policy says so, or where the network doubled it, unseen.

    A 409 shows it, unless the server tells copies by their key and the first one is still waited for.
    """
    for before, after in _pairs(attempts):
        repeats = [settled for settled in before.settled if settled.then is Then.REPEAT]
        for settled in repeats:
            assert before.intent.policy is Policy.REPEAT, f"repeated against the policy: {settled}"
            assert before.intent.operation is not Kind.CREATE
        known = {id(operation) for operation in after.executed}  # a stored reply is that of the first delivery
        earlier = [
            one
            for one in attempts
            if one.step == after.step and one.index < after.index and known.isdisjoint(map(id, one.executed))
            if one.executed
        ]
        allowed = [s for one in attempts if one.step == after.step for s in one.settled if s.then is Then.REPEAT]
        if after.executed and earlier and after.intent.operation is not Kind.END:
            unseen = any(one.is_doubled and (keyed or not one.was_refused_as_busy) for one in earlier)
            assert allowed or unseen, f"ran again without leave: {after.intent}"


def _pairs(attempts: list[Attempt]) -> Iterator[tuple[Attempt, Attempt]]:
    for before, after in pairwise(attempts):
        if before.step == after.step:
            yield before, after


def _check_ringing(simulated: Simulated, attempts: list[Attempt]) -> None:
    """No number is rung twice by one run, unless the network doubled its dial."""
    rung = len(simulated.server.transcript.rung())
    dials = [attempt for attempt in attempts if attempt.intent.operation is Kind.CREATE]
    assert rung <= 1 or any(dial.is_doubled for dial in dials), f"rung {rung} times"


def _check_nobody_is_left(simulated: Simulated, attempts: list[Attempt]) -> None:
    """When a run has ended no call of it is up, as far as anybody can know of it."""
    state = simulated.state
    if simulated.scenario.incoming is not None:
        taking.check_nobody_is_left_on_a_call_that_was_taken(simulated, stays_up=_stays_up(simulated))
        return
    dials = [attempt for attempt in attempts if attempt.intent.operation is Kind.CREATE]
    lists = [record for record in simulated.records if isinstance(record, Looked) and record.kind is LookKind.LIST]
    patience = simulated.settings.retry_attempts
    out_of_reach = len(lists) >= patience and not any(look.ok for look in lists[-patience:])
    verdict_on_two = any(isinstance(record, Resolved) for record in simulated.records) and any(
        dial.is_doubled and any(settled.then is Then.STOP for settled in dial.settled) for dial in dials
    )  # a person names one of two calls
    unknowable = (
        state.call_id is None
        or verdict_on_two
        or out_of_reach
        or any(
            dial.is_doubled and dial.concluded is not None and dial.concluded.outcome is Outcome.DONE for dial in dials
        )
    )
    stays_up = _stays_up(simulated)
    ends = [attempt.intent for attempt in attempts if attempt.intent.operation is Kind.END]
    rests = state.phase is Phase.UNDECIDED and not simulated.scenario.abandoned  # who is reaped has nobody left over
    tried = {intent.call_id for intent in ends if rests and state.call_id != intent.call_id}
    for call in simulated.server.list_calls(simulated.server.now).reply.body["response"]["data"]:  # type: ignore[union-attr]
        ours = call["resource_id"] == state.call_id
        is_tried = call["resource_id"] in tried  # in vain, and a person is asked anyway
        assert call["status"] == "hangup" or is_tried or (stays_up if ours else unknowable), (
            f"call {call['resource_id']} is {call['status']}"
        )


def _stays_up(simulated: Simulated) -> bool:
    """Whether the run leaves its call up as its author wants it; not where a person asked for the end of the call."""
    ending = simulated.state.ending
    asked = any(isinstance(record, CancelAsked) and record.code != "stopped" for record in simulated.records)
    return simulated.settings.leave_up and ending is not None and ending.leave_up and not asked


def _check_transcript(simulated: Simulated, attempts: list[Attempt]) -> None:
    """What the callee heard is the script, whenever the evidence was conclusive throughout."""
    state = simulated.state
    if state.end is None or not _is_conclusive(simulated.records, attempts) or state.call_id is None:
        return
    callee = simulated.scenario.callee
    expected = listen(simulated.scenario.script, callee)
    heard = [_words(entry) for entry in simulated.server.transcript.heard(state.call_id)]
    hangs_up = callee.hangs_up_after is not None or callee.hangs_up_during is not None or _ended_unwritten(simulated)
    hangs_up |= any(isinstance(record, CancelAsked) for record in simulated.records)  # by whoever asked for its end
    hangs_up |= state.hangup_cause == "remote"
    if simulated.scenario.incoming is not None and not taking.was_answered(simulated):
        assert not heard
        return
    if callee.does != "answer" or state.hangup_cause == "expired":
        assert not heard
    elif hangs_up or (state.end.fault is not None and state.end.fault.code != "command_failed"):
        assert heard == expected.spoken[: len(heard)]
    else:
        assert heard == expected.spoken
        assert (state.end.status is Status.COMPLETED) == expected.completed
        assert state.end.result == expected.result
        messages = [entry["message"] for entry in simulated.server.transcript.find(event="sms")]
        assert messages == expected.messages


def _is_conclusive(records: list[Record], attempts: list[Attempt]) -> bool:
    """Whether every uncertain attempt was settled by proof, and nothing ran that nobody knows of."""
    for attempt in attempts:
        outcome = None if attempt.concluded is None else attempt.concluded.outcome
        if outcome is Outcome.REJECTED and _is_refused_on_the_way(attempt):
            return False
        if any(sent.treatment.stops_work for sent in attempt.sent):
            return False
        if len(attempt.executed) > 1 or (attempt.executed and len(attempt.deliveries) > 1):
            return False
        for settled in attempt.settled:
            asks = "get_dtmf" in attempt.intent.commands and settled.results is None
            proven = settled.verdict is Verdict.DID_NOT_RUN or (settled.verdict is Verdict.RAN and not asks)
            if not proven or (settled.verdict is Verdict.RAN and not attempt.executed):
                return False
    return not any(
        isinstance(record, Branched) and record.kind in (BranchKind.STALE, BranchKind.LOST_DIGITS) for record in records
    )


def _is_refused_on_the_way(attempt: Attempt) -> bool:
    """Whether a middlebox refused a request for good; a 409 to a command is waited out."""
    is_command = attempt.intent.operation is Kind.COMMAND
    answers = [sent.treatment.instead for sent in attempt.sent if sent.treatment.instead is not None]
    return any(answer.status not in (404, 409) or not is_command for answer in answers)


def _may_be_compared(simulated: Simulated, attempts: list[Attempt]) -> bool:
    """Whether nothing but crashes happened, and their evidence was conclusive throughout."""
    scenario, callee = simulated.scenario, simulated.scenario.callee
    stays = callee.hangs_up_after is None and callee.hangs_up_during is None
    if scenario.incoming is not None:  # who has waited for long gives up
        stays = stays and taking.was_answered(simulated)
    only_crashes = bool(scenario.crashes) and not (scenario.treatments or scenario.jumps or scenario.abandoned)
    quiet = (
        scenario.cancel_s is None
        and scenario.stop is None
        and scenario.fates is None
        and not _ended_unwritten(simulated)
    )
    return stays and only_crashes and quiet and _is_conclusive(simulated.records, attempts)


def _did_something(operation: Operation) -> bool:
    execution = operation.execution
    if execution is None:
        return operation.method != "GET" and operation.reply is not None and operation.reply.status < 300
    return bool(execution.results) or execution.outcome == "running"


def _came_too_late(operation: Operation) -> bool:
    """Whether it is a dial that had expired when it arrived: it rang nobody."""
    results = operation.execution.results if operation.execution is not None else []
    return any(result.get("error") == "expired" for result in results)


def _end_of(operation: Operation) -> float:
    return float("inf") if operation.completed_at is None else operation.completed_at


def _words(entry: dict[str, object]) -> str:
    return str(entry.get("text", entry.get("keyed")))
