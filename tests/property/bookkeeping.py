"""What must hold of the journal of every simulation, whatever went wrong: it is complete, in order, and by the rules.

`checks` judges what a run believes and what its callee heard; here its records are held against what really left, what
came back, and the rules as `outcomes` writes them down.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.core import codec
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.records import (
    CancelAsked,
    Concluded,
    Looked,
    LookKind,
    Record,
    Resolved,
    Resumed,
    Settled,
    Then,
    Verdict,
)
from orchestrator.core.script import Policy
from orchestrator.sandbox.operations import Operation
from tests.fakes.transport import Sent
from tests.fakes.virtual_time import EPOCH
from tests.property import outcomes

if TYPE_CHECKING:
    from tests.property.checks import Attempt
    from tests.property.simulation import Simulated

LONGEST_S = 1500.0
"""No run takes longer, with all its processes: most of it are the waits of those who do not come at once."""
SPARSEST_LOOK_S = 5.0  # rules, section 4.4
_STRICTNESS = [Policy.REPEAT, Policy.SKIP, Policy.STOP]
_SLACK_S = 0.001


def check_it_is_bounded(simulated: Simulated) -> None:
    """Every run comes to rest in bounded time, and in a bounded number of requests."""
    ahead_s = sum(abs(jump.forward_s) for jump in simulated.scenario.jumps)  # a first dial's fence is by our clock
    ahead_s += 400.0 * sum(isinstance(record, Resolved) for record in simulated.records)  # people take their time
    assert simulated.time.seconds <= LONGEST_S + ahead_s, f"it took {simulated.time.seconds:.0f} s"
    requests = len(list(_all(simulated)))
    most = 400 + ahead_s / SPARSEST_LOOK_S  # the list is looked at until the fence has passed
    assert requests <= most, f"it took {requests} requests"


def check_nothing_left_a_fenced_process(simulated: Simulated) -> None:
    """A process that has lost its lease sends nothing any more."""
    assert not simulated.fenced, f"sent without the lease: {simulated.fenced[0].request}"


def check_the_journal_is_what_was_written(simulated: Simulated) -> None:
    """What is read back from the disk leads to the same state, but for what is secret."""
    run = simulated.store.runs.get(simulated.run_id)
    if run is None:
        return
    state, read = simulated.state, fold(codec.decode(text) for text in run.texts)
    for name in ("phase", "cursor", "call_id", "call_over", "end", "ending", "visits", "retries", "requests_sent"):
        assert getattr(read, name) == getattr(state, name), f"{name} was not written down"


def check_every_request_is_explained(simulated: Simulated) -> None:
    """The server saw no request that did not leave as the journal tells, and none twice that left once."""
    known = {one.number for sent in _all(simulated) for one in _operations(sent)}
    if "idempotency_key" in simulated.scenario.capabilities:
        return  # a repeat is answered as the first was, by the same operation
    for entry in simulated.server.transcript.entries:
        if entry["event"] == "request":
            assert entry["request"] in known, f"nobody sent this: {entry}"
    for sent in simulated.sent:
        assert len(sent.deliveries) <= len(sent.treatment.deliveries), f"delivered too often: {sent.request}"


def check_outcomes(simulated: Simulated, attempts: list[Attempt]) -> None:
    """Each outcome is what the rules say of what its client saw (rules, section 4.2)."""
    kept = dict(simulated.unsent)
    cancelled = any(isinstance(record, CancelAsked) for record in simulated.records)
    for attempt in attempts:
        concluded = attempt.concluded
        if concluded is None or len(attempt.sent) > 1 or (cancelled and attempt.intent.operation is Kind.END):
            continue  # a call that was to be ended while its request was open is ended by two threads
        if not attempt.sent:
            assert concluded.outcome == "not_sent", f"{concluded.outcome} without a byte sent: {attempt.intent}"
            final = attempt.index in kept and outcomes.is_final(kept[attempt.index])
            assert concluded.final is final, f"final: {concluded}"
            continue
        sent = attempt.sent[0]
        assert concluded.outcome == outcomes.outcome_of(sent), f"{concluded.outcome} after {sent.answer}"
        if concluded.outcome == "throttled":
            assert sent.answer is not None
            assert concluded.retry_after_s == outcomes.retry_after_s(sent.answer)
        if sent.answer is not None and not sent.broken:
            status, is_dial = sent.answer.status, attempt.intent.operation is Kind.CREATE
            wrong = 300 <= status < 400 or (is_dial and status in (404, 405))
            assert concluded.misconfigured is wrong, f"a wrong setting: {concluded}"
    _check_looks(simulated)


def _check_looks(simulated: Simulated) -> None:
    if simulated.scenario.cancel_s is not None:
        return  # who ends a call while its request is open looks for it in a thread of its own, and writes no record
    records = [record for record in simulated.records if isinstance(record, Looked)]
    for look in records:
        kind = Kind.LIST if look.kind is LookKind.LIST else Kind.LOOK
        began_s, at_s = look.began.boot_s, look.at.boot_s
        of_it = [one for one in simulated.looks if began_s <= one.at_s <= at_s and one.request.operation is kind]
        if len(of_it) == 1:
            outcome = outcomes.outcome_of(of_it[0])
            is_gone = kind is Kind.LOOK and outcome == "rejected" and look.status in (404, 410)
            assert look.ok is (outcome == "done" or is_gone), f"{outcome}, but the look says ok={look.ok}"


def check_tries(simulated: Simulated, attempts: list[Attempt]) -> None:
    """What cannot help is not tried again by the same process, what is throttled not before its time."""
    for before, after in pairwise(attempts):
        concluded = before.concluded
        if before.step != after.step or concluded is None:
            continue
        between = simulated.records[before.index : after.index]
        if any(isinstance(record, Resumed) for record in between):
            continue
        assert not concluded.final, f"tried again: {concluded.reason}"
        waited_s = after.intent.at.since(concluded.at)
        assert waited_s >= (concluded.retry_after_s or 0.0) - _SLACK_S, f"tried after {waited_s} s: {concluded}"


def check_refused_credentials_end_the_run(simulated: Simulated, attempts: list[Attempt]) -> None:
    """After the API itself refused the credentials a process does no more than end the call."""
    for before, after in pairwise(attempts):
        if len(before.sent) != 1 or before.intent.operation is Kind.END or before.concluded is None:
            continue
        between = simulated.records[before.index : after.index]
        if outcomes.refuses_credentials(before.sent[0]) and not any(isinstance(each, Resumed) for each in between):
            assert after.intent.operation is Kind.END, f"went on after {before.concluded.reason}"


def check_classes(simulated: Simulated, attempts: list[Attempt]) -> None:
    """Each step has the replay class and the policy that the rules and its author give it."""
    entries = simulated.scenario.script.entries
    for attempt in attempts:
        intent = attempt.intent
        if intent.operation is Kind.END:
            continue
        assert intent.replay_class == outcomes.class_of(intent.commands), f"class: {intent}"
        written = [
            entries[at].if_unknown or Policy(outcomes.policy_of(name))
            for at, name in zip(intent.command_entries, intent.commands, strict=True)
            if at >= 0
        ]
        assert intent.policy is max(written, key=_STRICTNESS.index), f"policy: {intent}"


def check_settling(simulated: Simulated, attempts: list[Attempt]) -> None:
    """A verdict comes neither sooner than the rules let it, nor later than its evidence (rules, 4.4 and 4.5)."""
    for attempt, settled, before in _verdicts(simulated, attempts):
        left_s = _left_host_s(before)
        looks = [record for record in before if isinstance(record, Looked) and record.ok]
        if left_s is None or not looks:
            continue
        _check_seen(attempt, settled, looks)
        if attempt.intent.operation is Kind.CREATE and settled.verdict is Verdict.DID_NOT_RUN:
            _check_absent_dial(simulated, attempt, looks, left_s)
        if attempt.intent.operation is Kind.COMMAND and settled.call is not None and settled.call.ready:
            _check_absent_list(simulated, attempt, settled, looks, left_s)


def _check_seen(attempt: Attempt, settled: Settled, looks: list[Looked]) -> None:
    """What evidence shows is believed."""
    intent, last = attempt.intent, looks[-1].call
    if intent.operation is Kind.CREATE and any(look.matches for look in looks):
        assert settled.verdict is Verdict.RAN, f"the list showed the call, but {settled}"
    if intent.operation is not Kind.COMMAND or last is None:
        return
    if intent.commands[-1] == "hangup" and last.ended and last.hangup_cause == "command":
        assert settled.verdict is Verdict.RAN, f"the call ended by the hangup, but {settled}"
    idle = last.ready or (intent.commands[:1] == ("answer",) and last.status == "ringing")  # a list that answers
    if not idle and not last.ended:
        assert settled.then not in (Then.AGAIN, Then.REPEAT), f"sent again while it ran: {settled}"
    if attempt.was_refused_as_busy:
        assert settled.doubled, f"that it was refused by a busy call is not told: {settled}"
        proven = settled.results is not None or not last.ready
        assert proven or settled.verdict is not Verdict.RAN, f"what ran may have been another request: {settled}"
    if settled.verdict is Verdict.RAN and "get_dtmf" in intent.commands and settled.results is None:
        assert last.ended or settled.then is not Then.GO_ON, f"the digits were lost, and nobody minded: {settled}"


def _check_absent_dial(simulated: Simulated, attempt: Attempt, looks: list[Looked], left_s: float) -> None:
    fence_wall = attempt.intent.expires_wall
    assert fence_wall is not None, "every dial has a fence"
    fence_s = fence_wall - EPOCH - simulated.scenario.skew_s
    quiet_s = max(fence_s, left_s) + outcomes.SETTLE_S["forbidden"]
    lasts = [look.began.boot_s for look in looks if look.kind is LookKind.LIST]
    assert lasts[-1] >= quiet_s - 1.0, f"given up {quiet_s - lasts[-1]:.1f} s before it could ring no more"
    assert all(began_s < quiet_s + 5.0 for began_s in lasts[:-1]), "it could ring no more, and was still looked for"


def _check_absent_list(
    simulated: Simulated, attempt: Attempt, settled: Settled, looks: list[Looked], left_s: float
) -> None:
    logged = "command_log" in simulated.scenario.capabilities
    kind = attempt.intent.replay_class
    seen_running = any(look.call is not None and not look.call.ready for look in looks)
    since_s = [look.began.boot_s - left_s for look in looks]
    if settled.verdict is Verdict.DID_NOT_RUN:
        assert since_s[-1] >= outcomes.SETTLE_S["dangerous"] - _SLACK_S, f"called absent after {since_s[-1]:.1f} s"
        assert logged or outcomes.SETTLE_S[kind] < outcomes.SETTLE_S["dangerous"], "a dangerous step was called absent"
    elif settled.verdict is Verdict.UNDECIDABLE and not seen_running and not _is_limited(settled):
        settle_s = outcomes.SETTLE_S[kind]
        assert since_s[-1] >= settle_s - _SLACK_S, f"{kind} was given up after {since_s[-1]:.1f} s"
        sooner = [at_s for at_s, look in zip(since_s, looks, strict=True) if look.kind is LookKind.CALL][:-1]
        assert all(at_s < settle_s for at_s in sooner), f"{kind} could be settled {since_s[-1] - settle_s:.1f} s ago"


def _is_limited(settled: Settled) -> bool:
    return "times with unknown outcome" in settled.evidence


def check_doubling_is_reported(simulated: Simulated, attempts: list[Attempt]) -> None:
    """Work that was seen more often than it was sent is reported."""
    notices = {notice.code for notice in simulated.state.notices}
    own = simulated.state.call_id
    for record in simulated.records:
        if isinstance(record, Looked) and record.kind is LookKind.LIST and own is not None:
            further = [call for call in record.matches if call.call_id != own and not call.ended]
            assert not further or "doubled_dial" in notices or not _was_acted_on(simulated, record), "a second call"
    for attempt, settled, before in _verdicts(simulated, attempts):
        looks = [record for record in before if isinstance(record, Looked) and record.results is not None]
        if settled.verdict is Verdict.RAN and looks and settled.results is not None and not attempt.intent.asynchronous:
            began_s = looks[-1].began.boot_s
            over = [
                one
                for one in attempt.executed
                if (one.completed_at or 9e9) - EPOCH - simulated.scenario.skew_s < began_s
            ]
            assert len(over) < 2 or settled.doubled, "the log shows it twice, and nobody says so"


def _was_acted_on(simulated: Simulated, look: Looked) -> bool:
    """Whether the process lived on after it saw that."""
    records = simulated.records
    later = records[records.index(look) + 1 :]
    return bool(later) and not isinstance(later[0], Resumed)


def check_order(attempts: list[Attempt]) -> None:
    """Steps reach the server in the order of the script, but for what the network held back."""
    latest_s = 0.0
    for attempt in attempts:
        if attempt.intent.operation is Kind.END or not attempt.executed:
            continue
        first_s = min(one.received_at for one in attempt.executed)
        assert first_s >= latest_s, f"before its turn: {attempt.intent}"
        held_back = any(delay_s > 0 for sent in attempt.sent for delay_s in sent.treatment.deliveries)
        latest_s = latest_s if held_back or attempt.is_doubled else max(latest_s, first_s)


def _all(simulated: Simulated) -> Iterator[Sent]:
    yield from (*simulated.sent, *simulated.looks, *simulated.rings)


def _operations(sent: Sent) -> Iterator[Operation]:
    return (one for one in sent.deliveries if isinstance(one, Operation))


def _verdicts(simulated: Simulated, attempts: list[Attempt]) -> Iterator[tuple[Attempt, Settled, list[Record]]]:
    """Yield each verdict with its attempt, and what was written of that before."""
    records = simulated.records
    for attempt in attempts:
        for settled in attempt.settled:
            place = next(at for at in range(attempt.index, len(records)) if records[at] is settled)
            yield attempt, settled, records[attempt.index : place]


def _left_host_s(before: list[Record]) -> float | None:
    """Return since when the attempt could no longer leave its host."""
    first = next((record for record in before if isinstance(record, Concluded | Resumed)), None)
    return None if first is None else first.at.boot_s
