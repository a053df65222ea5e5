"""What must hold of a run whose processes died, were stopped, or could not write: to resume is to go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import (
    Branched,
    Concluded,
    EndDecided,
    Intended,
    Looked,
    LookKind,
    Record,
    ReplayClass,
    Resolved,
    Resumed,
    Then,
    Waited,
)
from orchestrator.core.state import Phase
from tests.fakes.transport import LATENCY_S
from tests.fakes.virtual_time import EPOCH
from tests.property import outcomes
from tests.property.simulation import UNWRITABLE, simulate

if TYPE_CHECKING:
    from tests.property.checks import Attempt
    from tests.property.simulation import Simulated

_SLACK_S = 0.001
_FAREWELL_S = 200.0
"""So long a process that is to stop takes at most beside its grace: the hang-up is tried for a minute."""


def check_resumes_look_first(records: list[Record]) -> None:
    """A process that takes a run over sends no command to its call before it has looked at it (rules, section 4.6)."""
    looked = True
    for record in records:
        if isinstance(record, Resumed):
            looked = False
        elif isinstance(record, Looked) and record.ok:
            looked = True
        elif isinstance(record, Concluded) or (isinstance(record, Intended) and record.operation is Kind.CREATE):
            looked = True  # the call is the process's own
        elif isinstance(record, Intended) and record.operation is Kind.COMMAND:
            assert looked, f"sent without a look: {record}"


def check_waits_are_waited_out(records: list[Record]) -> None:
    """A try waits until the moment that was written down, whichever process makes it (rules, section 4.7)."""
    reason, wake = None, None
    for record in records:
        match record:
            case Concluded(outcome=Outcome.NOT_SENT | Outcome.THROTTLED) if not record.final:
                reason, wake = record.reason, None
            case Waited() if record.why == reason:
                wake = record.wake
            case Resumed() | Looked() | Waited():
                pass
            case Intended() if wake is not None and record.attempt > 1:
                assert record.at.since(wake) >= -_SLACK_S, (
                    f"sent {wake.since(record.at):.2f} s before its time: {record}"
                )
                wake = None
            case _:
                reason, wake = None, None


def check_tries_on_unknown_outcomes(simulated: Simulated, attempts: list[Attempt]) -> None:
    """No step is sent more than `max_attempts` times on unknown outcomes, however many processes do it."""
    unknown: dict[int, int] = {}
    before = 0
    for attempt in attempts:
        if any(isinstance(record, Resolved) for record in simulated.records[before : attempt.index]):
            unknown.pop(attempt.step, None)  # a person knows what became of those
        before = attempt.index
        if attempt.intent.operation in (Kind.END, Kind.SMS) or not attempt.sent:
            continue
        assert unknown.get(attempt.step, 0) < simulated.settings.max_attempts, f"sent too often: {attempt.intent}"
        if attempt.concluded is None or attempt.concluded.outcome is Outcome.UNKNOWN:
            unknown[attempt.step] = unknown.get(attempt.step, 0) + 1


def check_open_looks_are_kept(simulated: Simulated) -> None:
    """What a look at a dangerous step has shown while its request was open survives its process."""
    began_s = [0.0, *(died_s for died_s, _ in simulated.deaths)]
    for since_s, (died_s, on_disk) in zip(
        began_s, simulated.deaths, strict=False
    ):  # a look is its own process's to keep
        records = simulated.records[:on_disk]
        place = max((at for at, record in enumerate(records) if isinstance(record, Intended)), default=None)
        if place is None:
            continue
        intent, after = records[place], records[place:]
        assert isinstance(intent, Intended)
        dangerous = intent.replay_class is ReplayClass.DANGEROUS and intent.operation is Kind.COMMAND
        if not dangerous or any(isinstance(record, Concluded | Resumed) for record in after):
            continue
        kept = [record for record in after if isinstance(record, Looked) and record.kind is LookKind.OPEN]
        for look in simulated.looks:
            held_s = max(look.treatment.deliveries, default=0.0) + look.treatment.slow_s
            answered_s = look.at_s + 2 * LATENCY_S + held_s + (look.treatment.cut_after_s or 0.0)
            if (
                max(intent.at.boot_s, since_s) <= look.at_s
                and answered_s + 0.1 < died_s
                and outcomes.outcome_of(look) == "done"
            ):
                assert any(one.began.boot_s <= look.at_s <= one.at.boot_s for one in kept), "a proof was lost"


def check_a_full_disk_ends_the_call(simulated: Simulated) -> None:
    """A process that cannot write ends the call that it knows to be up (rules, section 4.11)."""
    find, server_epoch = simulated.server.transcript.find, EPOCH + simulated.scenario.skew_s
    for failed_s, on_disk in simulated.disk_full:
        changing = [entry for entry in find(event="request") if entry["method"] != "GET"]
        asked = [entry["request"] for entry in changing if entry["at"] - server_epoch <= failed_s]
        replies = [entry["at"] - server_epoch for entry in find(event="reply") if entry["request"] in asked[-1:]]
        known_s = max([failed_s, *replies])  # a look that could not be written leaves the open request alone
        was_over = any(entry["at"] - server_epoch <= known_s for entry in find(event="hangup"))
        if on_disk and not was_over and fold(simulated.records[:on_disk]).call_up:
            ends = [sent for sent in simulated.sent if sent.note == UNWRITABLE and sent.at_s >= failed_s]
            assert ends or simulated.unsent, "nobody ended the call when the disk was full"


def check_repeats_are_announced(simulated: Simulated, attempts: list[Attempt]) -> None:
    """What is heard again is preceded by the line that its author wrote for that."""
    if simulated.settings.replay_preamble is None or simulated.scenario.limit_s is not None:
        return
    repeated: set[int] = set()
    for attempt in attempts:
        intent = attempt.intent
        heard = intent.replay_class in (ReplayClass.HEARD, ReplayClass.ASKS)
        if attempt.step in repeated and heard and intent.operation is Kind.COMMAND:
            assert -1 in intent.command_entries, f"repeated without a word: {intent}"
        if any(settled.then is Then.REPEAT for settled in attempt.settled):
            repeated.add(attempt.step)


def check_a_stop_is_obeyed(simulated: Simulated) -> None:
    """A process that is told to stop dials nobody any more, and is done soon after its grace (rules, section 4.11)."""
    stop, told_s, stopped_s = simulated.scenario.stop, simulated.told_to_stop_s, simulated.stopped_s
    if stop is None or told_s is None or stopped_s is None:
        return
    for record, written_s in zip(simulated.records, simulated.written_s, strict=True):
        dials = isinstance(record, Intended) and record.operation is Kind.CREATE
        assert not (dials and told_s < written_s < stopped_s), "dialled after it was told to stop"
    grace_s = 0.0 if stop.hand_over else stop.grace_s
    assert stopped_s - told_s <= grace_s + _FAREWELL_S, f"it took {stopped_s - told_s:.0f} s to stop"


def check_verdicts_of_people_are_believed(simulated: Simulated, attempts: list[Attempt]) -> None:
    """What a person says ran is not sent again; what did not run is, on a call that is still up."""
    for at, record in enumerate(simulated.records):
        if not isinstance(record, Resolved):
            continue
        asked = [one for one in attempts if one.index < at and any(each.then is Then.STOP for each in one.settled)][-1]
        again = [one for one in attempts if one.index > at and one.step == asked.step]
        assert not (record.ran and again), f"sent again in spite of a person's verdict: {asked.intent}"
        after = simulated.records[at + 1 :]
        looked = next((one for one in after if isinstance(one, Looked) and one.ok), None)
        is_up = looked is not None and looked.call is not None and looked.call.status in ("ready", "in-progress")
        late = any(isinstance(one, Branched | EndDecided) for one in after[:8])
        assert record.ran or again or not is_up or late, f"not sent in spite of a person's verdict: {asked.intent}"


def check_the_end_is_that_of_no_crash(simulated: Simulated) -> None:
    """Where the evidence is conclusive, a run that was resumed ends as one that never died."""
    twin = simulate(replace(simulated.scenario, crashes=(), modes=simulated.scenario.modes[:1]))
    ours, theirs = simulated.state, twin.state
    assert (ours.phase is Phase.UNDECIDED) == (theirs.phase is Phase.UNDECIDED)
    if ours.end is None or theirs.end is None:
        return
    code = None if ours.end.fault is None else ours.end.fault.code
    if code in ("stale", "lost_secret"):
        return  # nobody came in time, or what a process had in its memory was asked for
    if simulated.scenario.limits is not None and "throttled" in (code, getattr(theirs.end.fault, "code", None)):
        return  # a resume looks, and looks count
    names = ("status", "disposition", "result")
    assert [getattr(ours.end, name) for name in names] == [getattr(theirs.end, name) for name in names]
    assert code == (None if theirs.end.fault is None else theirs.end.fault.code)
    assert _heard(simulated) == _heard(twin)


def _heard(simulated: Simulated) -> list[str]:
    heard = simulated.server.transcript.heard(simulated.state.call_id or "")
    return [str(entry.get("text", entry.get("keyed"))) for entry in heard]
