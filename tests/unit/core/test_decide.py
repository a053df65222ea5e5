"""What is done next, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from orchestrator.core.actions import Action, Finish, Note, Orders, Reconcile, Rest, Send, Wait
from orchestrator.core.decide import decide
from orchestrator.core.ending import disposition_of
from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.reconcile import LONGEST_LOOK_S
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Cursor,
    Disposition,
    EndDecided,
    Fault,
    LookKind,
    Noticed,
    RunEnded,
    Settled,
    Status,
    Verdict,
    Waited,
)
from orchestrator.core.script import (
    Dial,
    End,
    FailureAction,
    Goto,
    Hangup,
    Hold,
    OnFailure,
    Plain,
    Say,
    Script,
    SendDtmf,
    Sms,
    Switch,
    Value,
)
from orchestrator.core.settings import OnSeveral, Settings
from orchestrator.core.state import Failure, Phase, RunState
from orchestrator.errors import ExpressionError
from tests.fakes import machine as m

NOTHING = Orders()
WATCH = "for further calls of the lost dial"
COMPLETED = EndDecided(at=m.at(19), status=Status.COMPLETED)


@dataclass(frozen=True)
class Reads:
    """A text and a condition that reads one variable."""

    name: str

    source = "{{ … }}"

    @property
    def names(self) -> frozenset[str]:
        """Name it."""
        return frozenset({self.name})

    def render(self, variables: Mapping[str, Value]) -> str:
        """Return its value."""
        if self.name not in variables:
            raise ExpressionError(f"`{self.name}` is not known")
        return str(variables[self.name])

    def holds(self, variables: Mapping[str, Value]) -> bool:
        """Whether it is `1`."""
        return self.render(variables) == "1"


def decided(
    state: RunState, script: Script | None = None, now: float = 20, *, orders: Orders = NOTHING, jitter: float = 0.0
) -> Action:
    return decide(state, script or m.script(), m.at(now), orders=orders, jitter=jitter)


def noted(*args: Any, **kwargs: Any) -> Any:
    action = decided(*args, **kwargs)
    assert isinstance(action, Note), action
    return action.record


def sent(*args: Any, **kwargs: Any) -> Send:
    action = decided(*args, **kwargs)
    assert isinstance(action, Send), action
    return action


def fault_of(action: Action) -> str:
    """Return the code of the fault with which an action ends or rests the run."""
    record = action.record if isinstance(action, Note) else action
    fault = record.fault if isinstance(record, EndDecided | Rest) else None
    assert fault is not None, action
    return fault.code


def fresh(**fields: Any) -> RunState:
    return m.state(Phase.READY, call_id=None, cursor=Cursor(0), answered=False, **fields)


# --- orders from outside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("cancelled", Status.CANCELLED),
        ("stopped", Status.CANCELLED),
        ("reaped", Status.FAILED),
        ("max_call", Status.FAILED),
    ],
)
@pytest.mark.parametrize("phase", [Phase.READY, Phase.RETRYING, Phase.SETTLING, Phase.BUSY, Phase.FAILED])
def test_a_cancelled_run_ends(phase: Phase, code: str, status: Status) -> None:
    """Whatever is left of the script; by a person or a signal it is cancelled, otherwise it failed."""
    record = noted(m.state(phase, cancel=CancelAsked(at=m.at(19), why="told", code=code)))
    assert (record.status, record.fault) == (status, Fault(code=code, message="told"))


def test_a_cancelled_lost_dial_is_looked_for_first() -> None:
    """Nobody can end a call that nobody knows of; a process told to stop leaves that to a later one."""
    dial = m.pending(m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70))
    lost = m.state(Phase.SETTLING, call_id=None, pending=dial)
    assert decided(lost.changed({"cancel": CancelAsked(at=m.at(19))})) == Reconcile(LookKind.LIST)
    assert fault_of(decided(lost.changed({"cancel": CancelAsked(at=m.at(19), code="stopped")}))) == "stopped"


def test_hand_over_rests_at_the_next_boundary() -> None:
    """The call is left up for a later resume."""
    assert fault_of(decided(m.state(Phase.READY), orders=Orders(hand_over=True))) == "stopped"


@pytest.mark.parametrize(("now", "is_too_long"), [(599.9, False), (600, True)])
def test_no_call_lasts_longer_than_max_call(now: float, is_too_long: bool) -> None:
    """Ten minutes from the dial."""
    action = decided(m.state(Phase.READY, call_since=m.at(0)), now=now)
    assert isinstance(action, Note) is is_too_long
    if is_too_long:
        assert fault_of(action) == "max_call"


def test_what_is_ending_is_not_told_again() -> None:
    """An end that is decided goes on, whatever is told."""
    state = m.state(Phase.READY, ending=COMPLETED, cancel=CancelAsked(at=m.at(19)), call_since=m.at(0))
    assert sent(state, now=900, orders=Orders(hand_over=True)).intent.operation is Operation.END


@pytest.mark.parametrize("phase", [Phase.READY, Phase.RETRYING])
def test_no_new_dial_when_stopped(phase: Phase) -> None:
    """Before a call exists a stop ends this process's part."""
    state = (
        fresh() if phase is Phase.READY else m.state(phase, call_id=None, pending=m.pending(m.intent(Operation.CREATE)))
    )
    assert fault_of(decided(state, orders=Orders(no_new_dial=True))) == "stopped"


@pytest.mark.parametrize("phase", [Phase.READY, Phase.RETRYING])
def test_a_call_is_not_begun_after_the_moment_by_which_it_must_ring(phase: Phase) -> None:
    """It rests, and another process may dial it in its time; a call that is there goes on."""
    begun = m.state(phase, call_id=None, cursor=Cursor(0), pending=m.pending(m.intent(Operation.CREATE)), wake=m.at(19))
    state = fresh() if phase is Phase.READY else begun
    assert sent(state, orders=Orders(ring_by_wall=m.EPOCH + 21)).intent.operation is Operation.CREATE
    rest = decided(state, orders=Orders(ring_by_wall=m.EPOCH + 20.9))
    assert rest == Rest(Fault(code="stopped", message="not dialled: a later tick of its batch does, when it may ring"))
    assert sent(m.state(Phase.READY), orders=Orders(ring_by_wall=0.0)).intent.operation is Operation.COMMAND


@pytest.mark.parametrize(
    ("own", "ring_by_s", "fence_s"),
    [(None, 40.9, 45), (None, 300.0, 85), ("1970-01-12T14:46:40+00:00", 40.0, 45)],
    ids=["sooner", "later", "sooner than the author's"],
)
def test_a_dial_is_fenced_at_the_moment_by_which_it_must_ring(own: str | None, ring_by_s: float, fence_s: int) -> None:
    """By the server's clock, whose `Date` is 5 s ahead."""
    dial = Dial(to=Plain(m.TO), from_=Plain(m.FROM), schedule_expire=None if own is None else Plain(own))
    script = replace(m.script(), entries=(m.entry(dial), *m.script().entries[1:]))
    action = sent(fresh(clock_skew_s=5.0), script, orders=Orders(ring_by_wall=m.EPOCH + ring_by_s))
    assert action.intent.expires_wall == m.EPOCH + fence_s
    sent_as = datetime.fromisoformat(action.request.commands[0]["dial"]["schedule_expire"])
    assert sent_as.timestamp() == m.EPOCH + fence_s


# --- ready ------------------------------------------------------------------------------------------------------------


def test_a_dial_carries_its_fence() -> None:
    """`schedule_expire` is now plus 60 s, corrected by the skew of the server's clock."""
    action = sent(fresh(clock_skew_s=5.0))
    assert action.intent.expires_wall == m.EPOCH + 85
    assert action.request.commands[0]["dial"]["schedule_expire"] == "1970-01-12T13:48:05+00:00"
    assert (action.intent.attempt, action.intent.call_id, action.look_after_s) == (1, None, None)
    assert action.request.read_timeout_s == action.intent.longest_s + 5.0
    assert action.request.deadline_s > action.request.read_timeout_s


@pytest.mark.parametrize(
    ("fields", "expires"),
    [
        ({"schedule_start": "1970-01-12T14:46:40+00:00"}, m.EPOCH + 3660),
        ({"schedule_expire": "1970-01-12T14:46:40+00:00"}, m.EPOCH + 3600),
        ({"schedule_expire": "1970-01-12T14:46:40"}, m.EPOCH + 3600),
    ],
)
def test_a_dial_keeps_its_own_schedule(fields: dict[str, str], expires: float) -> None:
    """A start moves the fence; an expiry of the author is the fence."""
    typed: dict[str, Any] = {key: Plain(text) for key, text in fields.items()}
    dial = Dial(to=Plain(m.TO), from_=Plain(m.FROM), **typed)
    script = replace(m.script(), entries=(m.entry(dial), *m.script().entries[1:]))
    action = sent(fresh(), script)
    assert action.intent.expires_wall == expires
    for key, text in fields.items():
        assert action.request.commands[0]["dial"][key] == text


def test_a_schedule_that_is_no_date_ends_the_run() -> None:
    """Nothing is sent."""
    dial = Dial(to=Plain(m.TO), from_=Plain(m.FROM), schedule_start=Plain("tomorrow"))
    script = replace(m.script(), entries=(m.entry(dial),))
    assert fault_of(decided(fresh(), script)) == "expression"


def test_the_next_entry_is_sent() -> None:
    """With its digest, its label if the script fell into it, and the run's reference."""
    script = m.script(m.entry(Say(Plain("one")), label="top"))
    action = sent(m.state(Phase.READY), script)
    assert action.intent.fell_into == ("top",)
    assert dict(action.intent.digests) == {"1": script.entries[1].digest}
    assert (action.request.call_id, action.request.reference) == (m.CALL, "run-1.0")
    assert sent(m.state(Phase.READY, jumped=True), script).intent.fell_into == ()


def test_a_dangerous_step_is_looked_at_while_it_is_open() -> None:
    """Soon enough to see it running: a third of its shortest duration, at most half a second."""
    for digits, after_s in (("123", 0.1), ("1" * 40, 0.5)):
        action = sent(m.state(Phase.READY), m.script(SendDtmf(Plain(digits))))
        assert action.look_after_s == pytest.approx(after_s)
    assert (
        sent(m.state(Phase.READY), m.script(Sms(to=Plain(m.TO), from_=Plain(m.FROM), message=Plain("x")))).look_after_s
        is None
    )


def test_the_end_of_the_list_ends_the_run() -> None:
    """Completed; then the call is hung up, unless it is to be left up."""
    assert noted(m.state(Phase.READY, cursor=Cursor(3))) == EndDecided(at=m.at(20), status=Status.COMPLETED)
    kept = m.with_settings(m.state(Phase.READY, cursor=Cursor(3)), leave_up=True)
    assert noted(kept).leave_up
    assert sent(m.state(Phase.READY, ending=COMPLETED)).intent.end_reason == "the script has ended"
    failed = EndDecided(at=m.at(19), status=Status.FAILED, fault=Fault(code="x", message="it broke"))
    assert sent(m.state(Phase.READY, ending=failed)).intent.end_reason == "it broke"
    up = m.state(Phase.READY, ending=replace(COMPLETED, leave_up=True))
    assert isinstance(decided(up), Finish)


@pytest.mark.parametrize(("code", "ended"), [("cancelled", True), ("reaped", True), ("stopped", False)])
def test_a_call_that_is_to_be_left_up_is_ended_when_a_person_asks(code: str, *, ended: bool) -> None:
    """Also between the script's end and the run's, while further calls are looked for; a process may stop, though."""
    up = m.state(Phase.READY, ending=replace(COMPLETED, leave_up=True))
    asked = up.changed({"cancel": CancelAsked(at=m.at(20), why="told", code=code)})
    if ended:
        assert sent(asked).intent.operation is Operation.END
    else:
        assert isinstance(decided(asked), Finish)


def test_control_entries_branch() -> None:
    """switch, goto, end and when are decided once and journalled."""
    script = m.script(
        m.entry(Switch(Reads("choice"), {"1": "bye"}, "again"), label="again"),
        m.entry(Goto("bye")),
        m.entry(End(Reads("choice"))),
        m.entry(Say(Plain("x")), when=Reads("choice"), label="maybe"),
        m.entry(Hangup(), label="bye"),
    )
    known = m.state(Phase.READY, variables={"choice": "1"})
    case = noted(known, script)
    assert (case.kind, case.label, case.target, case.fell_into) == (BranchKind.SWITCH, "bye", Cursor(5), "again")
    other = noted(known.changed({"variables": {"choice": "7"}}), script)
    assert (other.label, other.reason) == ("again", "otherwise")
    assert noted(known.changed({"cursor": Cursor(2)}), script).kind is BranchKind.GOTO
    assert noted(known.changed({"cursor": Cursor(3)}), script) == replace(COMPLETED, at=m.at(20), result="1")
    skipped = noted(known.changed({"cursor": Cursor(4), "variables": {"choice": "2"}}), script)
    assert (skipped.kind, skipped.target, skipped.fell_into) == (BranchKind.WHEN, Cursor(5), "maybe")
    assert sent(known.changed({"cursor": Cursor(4)}), script).intent.commands == ("say",)
    assert noted(known, m.script(End())).result is None


def test_an_expression_that_fails_ends_the_call() -> None:
    """In mid-call an unknown name is a failure of the run."""
    assert fault_of(decided(m.state(Phase.READY), m.script(End(Reads("nothing"))))) == "expression"
    assert fault_of(decided(m.state(Phase.READY), m.script(Hold()))) == "cannot_fit"
    retrying = m.state(Phase.RETRYING, pending=m.pending(concluded=None))
    assert fault_of(decided(retrying, m.script(Say(Reads("nothing"))))) == "expression"


@pytest.mark.parametrize("is_jump", [True, False])
def test_labels_are_entered_three_times_at_most(is_jump: bool) -> None:
    """By a jump or by falling into them."""
    script = m.script(Goto("top"), m.entry(Say(Plain("x")), label="top"))
    cursor = Cursor(1) if is_jump else Cursor(2)
    assert not isinstance(decided(m.state(Phase.READY, cursor=cursor, visits={"top": 2}), script), Rest)
    assert fault_of(decided(m.state(Phase.READY, cursor=cursor, visits={"top": 3}), script)) == "max_visits"


def test_a_sentence_in_the_middle_does_not_enter_its_label_again() -> None:
    """A `say` that was split goes on where it was."""
    script = m.script(m.entry(Say(Plain("One. Two.")), label="top"))
    state = m.state(Phase.READY, cursor=Cursor(1, 1), visits={"top": 3})
    assert sent(state, script).intent.fell_into == ()


def test_lost_secrets_are_asked_for_again() -> None:
    """Back to the get_dtmf that saves them, unless something dangerous lies between, or nothing ever saved them."""
    script = m.script(Say(Plain("pin?")), Say(Reads("pin")))
    lost = m.state(Phase.READY, cursor=Cursor(2), lost=frozenset({"pin"}), saved_by={"pin": (1, 1)})
    said, keyed = (m.pending(m.intent(Operation.COMMAND, name)).report(index=0) for name in ("say", "send_dtmf"))
    again = noted(lost.changed({"steps": (keyed, said, said)}), script)
    assert (again.kind, again.target) == (BranchKind.LOST_DIGITS, Cursor(1))
    assert fault_of(decided(lost.changed({"steps": (said, said, keyed)}), script)) == "lost_secret"
    assert fault_of(decided(lost.changed({"saved_by": {}}), script)) == "lost_secret"
    assert sent(lost.changed({"cursor": Cursor(1)}), script)


def test_lost_secrets_are_asked_for_again_before_a_step_is_sent_again() -> None:
    """The step that is to be tried again did not run, so that it does not lie between, however dangerous it is."""
    script = m.script(Say(Plain("pin?")), m.entry(SendDtmf(Reads("pin")), when=Reads("code")))
    asked = m.pending(m.intent()).report(index=0)
    keys = m.pending(m.intent(Operation.COMMAND, "send_dtmf", start=Cursor(2)), verdict=Verdict.DID_NOT_RUN)
    fields: dict[str, Any] = {"cursor": Cursor(2), "saved_by": {"pin": (1, 0)}, "steps": (asked,), "pending": keys}
    lost = m.state(Phase.RETRYING, lost=frozenset({"pin"}), **fields)
    again = noted(lost, script)
    assert (again.kind, again.target) == (BranchKind.LOST_DIGITS, Cursor(1))
    other = m.state(Phase.RETRYING, lost=frozenset({"code"}), variables={"pin": "12"}, **fields)
    assert sent(other, script).intent.attempt == 2  # its condition was asked long ago


def test_resuming_looks_first() -> None:
    """GET before anything is sent; failed looks back off, and are given up after five."""
    state = m.state(Phase.READY, must_look=True)
    assert decided(state) == Reconcile(LookKind.CALL)
    waiting = decided(state.changed({"look_failures": 2}))
    assert isinstance(waiting, Wait)
    assert waiting.until.boot_s == pytest.approx(21.2)
    assert decided(state.changed({"look_failures": 2, "wake": m.at(21)})) == Wait(m.at(21), None)
    assert decided(state.changed({"look_failures": 2, "wake": m.at(20)})) == Reconcile(LookKind.CALL)
    assert fault_of(decided(state.changed({"look_failures": 5}))) == "unreachable"


@pytest.mark.parametrize(("quiet", "is_stale"), [(0, False), (-0.1, True)])
def test_a_callee_who_has_waited_too_long(quiet: float, is_stale: bool) -> None:
    """Longer than `max_silence` (20 s) since the end of the last step known: to `on_stale`, or the end."""
    state = m.state(Phase.READY, check_stale=True, quiet_since=m.at(quiet))
    action = decided(state)
    assert isinstance(action, Note) is is_stale
    if is_stale:
        assert fault_of(action) == "stale"
        script = m.script(m.entry(Hangup(), label="bye"))
        branch = noted(m.with_settings(state, on_stale="bye"), script)
        assert (branch.kind, branch.target) == (BranchKind.STALE, Cursor(1))


# --- further calls of a lost dial -------------------------------------------------------------------------------------


def watching(**fields: Any) -> RunState:
    return m.state(Phase.READY, **{"watch_until": m.at(80), "watch_looked": m.at(16), **fields})


def test_further_calls_are_reported_and_ended() -> None:
    """Told once, ended by DELETE, unless `on_several` says to leave them; tried less while somebody waits."""
    state = watching(extras=("call-2",))
    told = noted(state)
    assert isinstance(told, Noticed)
    assert "call-2" in told.message
    aware = state.changed({"notices": (told,)})
    delete = sent(aware)
    assert (delete.intent.operation, delete.intent.call_id, delete.request.call_id) == (
        Operation.END,
        "call-2",
        "call-2",
    )
    assert sent(m.with_settings(aware, on_several=OnSeveral.LEAVE)).intent.operation is Operation.COMMAND
    assert sent(aware.changed({"extra_tries": 3})).intent.operation is Operation.COMMAND
    over = aware.changed({"phase": Phase.OVER, "call_over": True, "ending": COMPLETED})
    assert sent(over.changed({"extra_tries": 5})).intent.operation is Operation.END
    assert not isinstance(decided(over.changed({"extra_tries": 6})), Send)


@pytest.mark.parametrize(
    ("fields", "now", "looks"),
    [
        ({}, 20.9, False),
        ({}, 21, True),
        ({"watch_looked": None}, 17, True),
        ({"watch_looked": m.at(79)}, 80, True),  # the last look, however recent the one before
        ({"watch_looked": m.at(79), "list_failures": 1}, 80, False),
        ({"watch_looked": m.at(79), "list_failures": 1}, 84, True),
        ({"list_failures": 5}, 90, False),
        ({"watch_until": None}, 90, False),
    ],
)
def test_the_list_is_watched_between_steps(fields: dict[str, Any], now: float, looks: bool) -> None:
    """Every 5 s, and once more when no further call can appear."""
    assert (decided(watching(**fields), now=now) == Reconcile(LookKind.LIST)) is looks


def test_a_run_does_not_end_while_further_calls_may_appear() -> None:
    """The end waits for the watch, in looks 5 s apart, and gives up only on an API out of reach."""
    over = replace(COMPLETED)
    state = watching().changed({"phase": Phase.OVER, "call_over": True, "ending": over})
    waiting = decided(state, now=20)
    assert waiting == Wait(m.at(21), Waited(at=m.at(20), wake=m.at(21), why=WATCH))
    last = decided(state.changed({"watch_looked": m.at(78)}), now=79)
    assert isinstance(last, Wait)
    assert last.until == m.at(80)
    failing = state.changed({"watch_looked": m.at(81), "list_failures": 1})
    assert decided(failing, now=82) == Wait(m.at(86), Waited(at=m.at(82), wake=m.at(86), why=WATCH))
    assert decided(failing.changed({"wake": m.at(86)}), now=82) == Wait(m.at(86), None)
    assert isinstance(decided(failing.changed({"list_failures": 5}), now=90), Finish)
    assert isinstance(decided(state.changed({"watch_until": None}), now=90), Finish)


def test_an_undecided_run_watches_too_and_then_rests() -> None:
    """A person's verdict may take days; a second call on the line may not."""
    fault = Fault(code="undecided", message="?")
    ending = EndDecided(at=m.at(19), status=Status.UNDECIDED, fault=fault)
    state = m.state(Phase.UNDECIDED, ending=ending, call_over=True)
    assert decided(state) == Rest(fault)
    assert decided(m.state(Phase.UNDECIDED)).fault.code == "undecided"  # type: ignore[union-attr]
    busy = state.changed({"watch_until": m.at(80), "watch_looked": m.at(10)})
    assert decided(busy) == Reconcile(LookKind.LIST)


def test_cancelling_an_undecided_run_ends_a_call_that_was_left_up() -> None:
    """The step stays undecided; the call does not stay up."""
    state = m.state(Phase.UNDECIDED, cancel=CancelAsked(at=m.at(19)))
    assert sent(state).intent.operation is Operation.END
    assert isinstance(decided(state.changed({"call_over": True})), Rest)


# --- retrying ---------------------------------------------------------------------------------------------------------


def held(outcome: Outcome = Outcome.NOT_SENT, tries: int = 1, **fields: Any) -> RunState:
    """Return a run whose step was held back at 20 s, after so many tries since 10 s."""
    last = m.concluded(
        outcome, 20, **{key: fields.pop(key) for key in list(fields) if key in ("final", "retry_after_s")}
    )
    intended = fields.pop("intent", None)
    step = m.pending(intended, concluded=last, held_back=tries, held_since=m.at(10), unknowns=0)
    return m.state(Phase.RETRYING, pending=step, **{"quiet_since": m.at(18), **fields})


NOBODY: dict[str, Any] = {"call_id": None, "quiet_since": None}
"""A run without a call: nobody waits in silence."""


def test_a_wait_that_is_over_is_not_waited_again() -> None:
    """A wait of another boot is over by its date, though by the boot clock the next look is still to come."""
    wake = replace(m.at(25), boot_id="an earlier one")
    watch = {"watch_until": wake, "watch_looked": m.at(16), "list_failures": 1}
    watched = m.state(Phase.OVER, wake=wake, ending=COMPLETED, **watch)
    set_forward = replace(m.at(20), wall=m.at(30).wall)
    action = decide(watched, m.script(), set_forward, orders=NOTHING, jitter=0.0)
    assert isinstance(action, Wait)
    assert action.until == m.at(16).plus(LONGEST_LOOK_S)


@pytest.mark.parametrize(("tries", "wait_s"), [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0)])
def test_the_wait_before_another_try_doubles(tries: int, wait_s: float) -> None:
    """From half a second, with jitter that takes at most half of it away; the wake time is journalled first."""
    action = decided(held(tries=tries))
    assert isinstance(action, Wait)
    assert action.until.boot_s == pytest.approx(20 + wait_s)
    assert action.record is not None
    jittered = decided(held(tries=tries), jitter=1.0)
    assert isinstance(jittered, Wait)
    assert jittered.until.boot_s == pytest.approx(20 + 2 * wait_s)


def test_the_server_may_ask_for_a_longer_wait() -> None:
    """`Retry-After` is honoured."""
    action = decided(held(Outcome.THROTTLED, retry_after_s=7.0))
    assert isinstance(action, Wait)
    assert action.until == m.at(27)


def test_after_the_wait_the_step_is_sent_again() -> None:
    """The same step, as a further attempt."""
    action = sent(held(wake=m.at(20)))
    assert (action.intent.attempt, action.intent.start) == (2, Cursor(1))


@pytest.mark.parametrize(
    ("state", "now", "code"),
    [
        (held(tries=5, **NOBODY), 20, "unreachable"),
        (held(Outcome.THROTTLED, tries=5, **NOBODY), 20, "throttled"),
        (held(**NOBODY), 69.8, "unreachable"),
        (held(), 37.8, "unreachable"),  # in mid-call the callee's silence counts: 18 + 20
        (held(Outcome.THROTTLED), 37.8, "throttled"),
        (held(Outcome.THROTTLED, retry_after_s=25.0), 20, "throttled"),
        (held(final=True), 20, "configuration"),
        (held(Outcome.THROTTLED, tries=5, intent=m.intent(Operation.END), ending=COMPLETED), 20, "unreachable"),
    ],
)
def test_tries_end(state: RunState, now: float, code: str) -> None:
    """After five, after 60 s, when the callee has waited too long, or at once where no try can help."""
    assert fault_of(decided(state, now=now)) == code


@pytest.mark.parametrize(
    ("state", "now"),
    [
        (held(tries=4, **NOBODY), 20),
        (held(**NOBODY), 69.7),
        (held(), 37.7),
        (held(tries=30), 20),  # somebody waits: as long as he may, however many tries that is
        (held(Outcome.THROTTLED, tries=30), 20),
        (held(Outcome.THROTTLED, retry_after_s=18.0), 20),
    ],
)
def test_tries_go_on(state: RunState, now: float) -> None:
    """A try and a moment earlier the next one is waited for."""
    assert isinstance(decided(state, now=now), Wait)


@pytest.mark.parametrize(
    ("state", "now", "is_ended"), [(held(), 37.8, True), (held(**NOBODY), 69.8, False), (held(final=True), 20, False)]
)
def test_tries_in_mid_call_end_with_the_run(state: RunState, now: float, is_ended: bool) -> None:
    """A callee is not left on a silent line for a later process: the call is ended; without one the run rests."""
    action = decided(state, now=now)
    assert isinstance(action, Note if is_ended else Rest)
    if is_ended:
        ending = noted(state, now=now)
        assert ending.status is Status.FAILED
        assert sent(evolve(state, ending), now=now).intent.operation is Operation.END


def test_tries_are_counted_from_the_first_that_was_held_back() -> None:
    """A step that took a minute to settle has all its tries still before it."""
    state = held(quiet_since=m.at(95))
    late = state.changed({"pending": replace(state.pending, held_since=m.at(100), first_at=m.at(0))})  # type: ignore[type-var]
    assert isinstance(decided(late, now=101), Wait)


@pytest.mark.parametrize(("unknowns", "pause_s"), [(1, 0.6), (2, 1.2), (3, 2.4)])
def test_a_lost_end_is_sent_again(unknowns: int, pause_s: float) -> None:
    """With the call and the reason it was for, after a pause that doubles."""
    delete = m.intent(Operation.END, call_id="call-2", end_reason="doubled")
    step = m.pending(delete, concluded=None, unknowns=unknowns)
    state = m.state(Phase.RETRYING, pending=step, ending=COMPLETED)
    pause = decided(state)
    assert isinstance(pause, Wait)
    assert pause.until.boot_s == pytest.approx(20 + pause_s)
    state = state.changed({"wake": pause.until})
    assert decided(state, now=19.9 + pause_s) == Wait(pause.until, None)
    action = sent(state, now=20.1 + pause_s)
    assert (action.intent.call_id, action.intent.attempt, action.intent.end_reason) == ("call-2", 2, "doubled")
    held_back = m.pending(m.intent(Operation.END), concluded=None, unknowns=0)
    nameless = m.state(Phase.RETRYING, pending=held_back, ending=COMPLETED)
    assert sent(nameless).intent.end_reason == ""


@pytest.mark.parametrize(
    ("element", "is_repeat", "names"),
    [
        (Say(Plain("x")), True, ("say", "say")),
        (Say(Plain("x")), False, ("say",)),
        (SendDtmf(Plain("1")), True, ("send_dtmf",)),
    ],
)
def test_a_repeat_of_something_heard_may_be_announced(element: Any, is_repeat: bool, names: tuple[str, ...]) -> None:
    """`replay_preamble` goes before what may be heard twice, and before nothing else."""
    state = m.state(Phase.RETRYING, pending=m.pending(concluded=None, repeated=is_repeat))
    spoken = m.with_settings(state, replay_preamble="Once more.")
    assert sent(spoken, m.script(element)).intent.commands == names
    assert sent(state, m.script(element)).intent.commands == names[-1:]


def test_a_repeat_that_the_server_may_still_know_is_not_announced() -> None:
    """It must be the same under its key, and is heard once; later it is like any other repeat."""
    state = m.state(Phase.RETRYING, pending=m.pending(concluded=None, repeated=True))
    spoken = m.with_settings(state, replay_preamble="Once more.", idempotent_for_s=300.0)
    assert sent(spoken).intent.commands == ("say",)
    assert sent(spoken, now=400).intent.commands == ("say", "say")


def test_a_retry_after_a_resume_looks_first() -> None:
    """Also in the middle of a step, unless the run is ending."""
    state = m.state(Phase.RETRYING, must_look=True)
    assert decided(state) == Reconcile(LookKind.CALL)


# --- settling ---------------------------------------------------------------------------------------------------------


def test_settling_looks_waits_and_concludes() -> None:
    """What `reconcile` says is done."""
    state = m.state(Phase.SETTLING)
    assert decided(state, now=12) == Reconcile(LookKind.CALL)
    once = state.changed({"pending": m.pending(looks=(m.look(12),))})
    waiting = decided(once, now=12.1)
    assert isinstance(waiting, Wait)
    assert waiting.record is not None
    assert decided(once.changed({"wake": m.at(13)}), now=12.1) == Wait(m.at(13), None)
    assert fault_of(decided(once, now=12.1, orders=Orders(hurry=True))) == "unsettled"
    assert isinstance(noted(state.changed({"pending": m.pending(looks=(m.look(15),))})), Settled)
    unreachable = state.changed({"pending": m.pending(looks=(m.look(13, None),))})
    assert fault_of(decided(unreachable, now=80)) == "unreachable"


@pytest.mark.parametrize(
    ("fields", "is_ended"), [({}, True), ({"ending": COMPLETED}, False), ({"call_over": True}, False)]
)
def test_settling_out_of_reach(fields: dict[str, Any], is_ended: bool) -> None:
    """A callee who may be waiting is at least tried to be rid of; a run that is ending keeps its ending and rests."""
    state = m.state(Phase.SETTLING, pending=m.pending(looks=(m.look(13, None),)), **fields)
    action = decided(state, now=80)
    assert fault_of(action) == "unreachable"
    assert isinstance(action, Note) is is_ended


@pytest.mark.parametrize(
    ("phase", "now", "failures", "is_over"),
    [
        (Phase.READY, 38.1, 5, True),
        (Phase.READY, 37.9, 5, False),
        (Phase.READY, 38.1, 4, False),
        (Phase.BUSY, 46.1, 5, True),  # what keeps it busy lasts 8 s at most
        (Phase.BUSY, 45.9, 5, False),
    ],
)
def test_looks_that_fail_in_mid_call(phase: Phase, now: float, failures: int, is_over: bool) -> None:
    """As long as the callee may wait in silence, and at least five; then the call is ended."""
    fields: dict[str, Any] = {"must_look": True, "look_failures": failures, "quiet_since": m.at(18)}
    state = m.state(phase, busy_since=m.at(18), busy_longest_s=8.0, **fields)
    if not is_over:
        assert isinstance(decided(state, now=now), Wait)
        return
    assert noted(state, now=now).fault.code == "unreachable"
    nobody = decided(state.changed({"call_over": True}), now=now)
    assert fault_of(nobody) == "unreachable"
    assert isinstance(nobody, Rest)


# --- busy -------------------------------------------------------------------------------------------------------------


def test_a_busy_call_is_waited_for() -> None:
    """At most what keeps it busy, or a dial, can last, plus the margin; looks back off."""
    state = m.state(Phase.BUSY, busy_since=m.at(10), busy_longest_s=8.0)
    assert decided(state) == Reconcile(LookKind.CALL)
    waits = [decided(state.changed({"busy_looks": n})).until.boot_s - 20 for n in (1, 2, 5)]  # type: ignore[union-attr]
    assert waits == pytest.approx([0.6, 1.2, 5.0])
    assert decided(state.changed({"busy_looks": 1, "wake": m.at(20)})) == Reconcile(LookKind.CALL)
    assert not isinstance(decided(state, now=75), Note)
    assert fault_of(decided(state, now=75.1)) == "stuck"
    longer = state.changed({"busy_longest_s": 100.0})
    assert not isinstance(decided(longer, now=115), Note)
    assert isinstance(decided(state.changed({"look_failures": 1})), Wait)
    assert decided(m.state(Phase.BUSY)) == Reconcile(LookKind.CALL)


# --- failed -----------------------------------------------------------------------------------------------------------


def failed(rule: OnFailure, **fields: Any) -> tuple[RunState, Script]:
    state = m.state(Phase.FAILED, **{"failure": Failure(1, "timeout"), **fields})
    script = m.script(m.entry(Say(Plain("x")), on_failure=rule), m.entry(Hangup(), label="bye"))
    return state, script


def test_on_failure() -> None:
    """Retries first, then what the author said: go on, go to a label, or end the call."""
    retry = OnFailure(retry=1, action=FailureAction.CONTINUE)
    first = noted(*failed(retry))
    assert (first.kind, first.target, first.reason) == (BranchKind.RETRY, Cursor(1), "timeout")
    then = noted(*failed(retry, retries={1: 1}))
    assert (then.kind, then.target) == (BranchKind.ON_FAILURE, Cursor(2))
    jump = noted(*failed(OnFailure(action=FailureAction.GOTO, label="bye")))
    assert (jump.kind, jump.target, jump.label, jump.entry) == (BranchKind.ON_FAILURE, Cursor(2), "bye", 1)
    stop = noted(*failed(OnFailure()))
    assert (stop.status, stop.fault.code) == (Status.FAILED, "command_failed")
    assert "timeout" in stop.fault.message


def test_wrong_credentials_are_nobody_s_failure() -> None:
    """401 and 403 end the run, whatever the script says of failures."""
    state, script = failed(OnFailure(retry=9), failure=Failure(1, "401", unauthenticated=True))
    assert fault_of(decided(state, script)) == "authentication"


def test_a_wrong_address_is_nobody_s_failure() -> None:
    """A dial to where there is no such API ends the run as a wrong setting, whatever the script says of failures."""
    state, script = failed(OnFailure(retry=9), failure=Failure(1, "404", misconfigured=True))
    assert fault_of(decided(state, script)) == "configuration"


def test_a_failure_after_a_resume_is_looked_at_first() -> None:
    """The call may be gone."""
    assert decided(*failed(OnFailure(), must_look=True)) == Reconcile(LookKind.CALL)


# --- over -------------------------------------------------------------------------------------------------------------


def test_an_ended_call_is_looked_at_once_for_its_cause() -> None:
    """Where it is not known, and only if there was a call."""
    state = m.state(Phase.OVER, hangup_cause=None)
    assert decided(state) == Reconcile(LookKind.CALL)
    assert isinstance(decided(state.changed({"looked_over": True})), Note)
    assert isinstance(decided(state.changed({"call_id": None})), Note)


def test_a_cancelled_run_whose_call_is_over_is_cancelled() -> None:
    """The call ended before it could be ended."""
    assert noted(m.state(Phase.OVER, cancel=CancelAsked(at=m.at(19)))).status is Status.CANCELLED


@pytest.mark.parametrize(
    ("cursor", "answered", "target"),
    [(2, True, Cursor(3)), (3, True, Cursor(3)), (2, False, None), (1, True, None)],
)
def test_a_callee_who_hangs_up_at_the_end_has_heard_it_all(cursor: int, answered: bool, target: Cursor | None) -> None:
    """When only `hangup` was left the run completes; otherwise it failed, with nothing to explain."""
    record = noted(m.state(Phase.OVER, cursor=Cursor(cursor), answered=answered))
    if target is None:
        assert record == EndDecided(at=m.at(20), status=Status.FAILED)
    else:
        assert isinstance(record, Branched)
        assert (record.kind, record.target) == (BranchKind.CALL_GONE, target)
    end = m.script(Say(Plain("x")), End(Plain("r")))
    assert noted(m.state(Phase.OVER, cursor=Cursor(2)), end).target == Cursor(2)


def test_after_the_hangup_only_messages_can_be_sent() -> None:
    """An sms may stand after `hangup`; a command cannot."""
    text = Sms(to=Plain(m.TO), from_=Plain(m.FROM), message=Plain("x"))
    script = m.script(text, Say(Plain("y")))
    state = m.state(Phase.OVER, hung_up_by_script=True)
    assert sent(state, script).intent.operation is Operation.SMS
    assert fault_of(decided(state.changed({"cursor": Cursor(2)}), script)) == "call_over"


def test_a_run_that_has_ended_is_left_alone() -> None:
    """There is nothing to do, and two phases are never asked about."""
    assert decided(m.state(Phase.ENDED)) == Rest()
    for phase in (Phase.NEW, Phase.SENDING):
        with pytest.raises(AssertionError):
            decided(m.state(phase))


def test_a_run_ends_with_what_was_decided() -> None:
    """Status, result and fault of the decision, and the disposition."""
    ending = replace(COMPLETED, result="confirmed")
    action = decided(m.state(Phase.OVER, ending=ending))
    assert action == Finish(
        RunEnded(at=m.at(20), status=Status.COMPLETED, disposition=Disposition.COMPLETED, result="confirmed")
    )


FAULT = Fault(code="stale", message="")


@pytest.mark.parametrize(
    ("cause", "answered", "fault", "disposition"),
    [
        ("no_answer", False, None, Disposition.NO_ANSWER),
        ("busy", False, None, Disposition.BUSY),
        ("rejected", False, None, Disposition.REJECTED),
        ("expired", False, None, Disposition.EXPIRED),
        ("failed", False, None, Disposition.FAILED),
        (None, False, None, Disposition.FAILED),
        ("remote", True, None, Disposition.HUNG_UP),
        ("busy", True, None, Disposition.HUNG_UP),
        ("failed", True, None, Disposition.FAILED),
        ("command", True, FAULT, Disposition.FAILED),
        ("remote", True, Fault(code="undecided", message=""), Disposition.UNKNOWN),
    ],
)
def test_dispositions(cause: str | None, answered: bool, fault: Fault | None, disposition: Disposition) -> None:
    """How the call ended, for the business."""
    ending = EndDecided(at=m.at(19), status=Status.FAILED, fault=fault)
    state = m.state(Phase.OVER, hangup_cause=cause, answered=answered, ending=ending)
    assert disposition_of(state) is disposition
    assert disposition_of(m.state(Phase.OVER, ending=COMPLETED)) is Disposition.COMPLETED
    assert disposition_of(m.state(Phase.OVER)) is Disposition.HUNG_UP


@pytest.mark.parametrize(
    ("status", "cause", "fault", "disposition"),
    [
        (Status.COMPLETED, "rejected", None, Disposition.REJECTED),
        (Status.COMPLETED, "command", None, Disposition.REJECTED),
        (Status.COMPLETED, "remote", None, Disposition.NO_ANSWER),
        (Status.FAILED, "remote", None, Disposition.NO_ANSWER),
        (Status.FAILED, None, None, Disposition.NO_ANSWER),
        (Status.FAILED, "failed", None, Disposition.FAILED),
        (Status.FAILED, "command", FAULT, Disposition.FAILED),
        (Status.CANCELLED, "rejected", FAULT, Disposition.REJECTED),
    ],
)
def test_dispositions_of_calls_that_nobody_answered(
    status: Status, cause: str | None, fault: Fault | None, disposition: Disposition
) -> None:
    """An incoming call was turned down, or its caller gave up; it is never `completed`."""
    ending = EndDecided(at=m.at(19), status=status, fault=fault)
    started = m.started(call=m.seen("ringing"))
    state = m.state(Phase.OVER, hangup_cause=cause, answered=False, ending=ending, started=started)
    assert disposition_of(state) is disposition
    if status is Status.COMPLETED:
        assert disposition_of(state.changed({"answered": True})) is Disposition.COMPLETED


def test_a_call_that_rings_is_tried_for_as_long_as_a_request_may_be() -> None:
    """Nobody waits in silence, so neither `max_silence` nor the number of tries ends it; `retry_total` (60 s) does."""
    rings: dict[str, Any] = {"started": m.started(call=m.seen("ringing")), "answered": False, "quiet_since": None}
    answer = m.intent(Operation.COMMAND, "answer")
    step = m.pending(answer, held_back=9, held_since=m.at(10), unknowns=0, concluded=m.concluded(Outcome.NOT_SENT))
    assert isinstance(decided(m.state(Phase.RETRYING, pending=step, **rings), now=40), Wait)
    assert noted(m.state(Phase.RETRYING, pending=step, **rings), now=69).fault.code == "unreachable"


def test_words_about_an_incoming_call_speak_of_its_caller() -> None:
    """Nobody was called."""
    came: dict[str, Any] = {"started": m.started(call=m.seen("ringing"))}
    stale = noted(m.state(Phase.READY, check_stale=True, quiet_since=m.at(0), **came), now=50)
    assert stale.fault.message.startswith("the caller has waited 50 s in silence")
    hung_up = noted(m.state(Phase.OVER, cursor=Cursor(2), **came))
    assert hung_up.reason == "the caller hung up when only the hangup was left"


# --- what another process must put right ------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.READY, Phase.SETTLING, Phase.BUSY, Phase.OVER, Phase.ENDED])
def test_a_call_that_another_key_cannot_see_is_left_alone(phase: Phase) -> None:
    """Nobody can say whether it goes on; whoever has the right key can."""
    assert fault_of(decided(m.state(phase, hidden=True, cancel=CancelAsked(at=m.at(19))))) == "configuration"


def test_refused_credentials_rest_the_run() -> None:
    """Nor could the call be ended with them; a middlebox's 403 is given the patience of any other failure."""
    state = m.state(Phase.READY, must_look=True, look_failures=1, quiet_since=m.at(12))
    own = replace(m.look(19, None), status=401, unauthenticated=True)
    assert fault_of(decided(state.changed({"refused_look": own}))) == "authentication"
    strange = state.changed({"refused_look": replace(m.look(19, None), status=403)})
    assert isinstance(decided(strange), Wait)
    assert fault_of(decided(strange.changed({"look_failures": 5}), now=40)) == "authentication"
    looks = (replace(m.look(13, None), status=401),)
    lost = decided(m.state(Phase.SETTLING, pending=m.pending(looks=looks)))
    assert isinstance(lost, Rest)
    assert fault_of(lost) == "authentication"


def test_a_run_is_not_dialled_long_after_its_time() -> None:
    """Where whoever resumes says until when; a dial that is known not to have rung is no other."""
    late = fresh(dial_by=m.at(19))
    ended = noted(late)
    assert (ended.status, ended.fault.code) == (Status.FAILED, "too_late")
    assert "it was to be dialled at 1970-01-12T13:46:40.000Z" in ended.fault.message
    assert sent(late, now=18).intent.operation is Operation.CREATE
    dial = m.pending(m.intent(Operation.CREATE), concluded=m.concluded(Outcome.NOT_SENT), held_back=1)
    again = m.state(Phase.RETRYING, call_id=None, pending=dial, dial_by=m.at(19))
    assert fault_of(decided(again)) == "too_late"
    assert isinstance(decided(again, now=18), Wait)
    assert sent(m.state(Phase.READY, dial_by=m.at(19))).intent.operation is Operation.COMMAND


@pytest.mark.parametrize(
    ("skew_s", "fence_s", "cause", "code"),
    [
        (90.0, 70, "expired", "clock_skew"),
        (50.0, 70, "expired", None),
        (90.0, 9, "expired", None),  # the script's own, which was over by any clock
        (90.0, None, "expired", None),
        (90.0, 70, "no_answer", None),
    ],
)
def test_a_dial_that_another_clock_fenced_out(skew_s: float, fence_s: int | None, cause: str, code: str | None) -> None:
    """It had expired when it reached the server: the run says that the clocks differ, and by how much."""
    fence_wall = None if fence_s is None else m.EPOCH + fence_s
    fields: dict[str, Any] = {"call_since": m.at(10), "fence_wall": fence_wall, "clock_skew_s": skew_s}
    over = m.state(Phase.OVER, hangup_cause=cause, answered=False, **fields)
    record = noted(over)
    assert (None if record.fault is None else record.fault.code) == code
    if record.fault is not None:
        assert "the clocks differ by 90 s" in record.fault.message
        assert disposition_of(over.changed({"ending": record})) is Disposition.EXPIRED


def test_an_ended_run_ends_the_call_it_left_up_when_asked_to() -> None:
    """By a DELETE with an intent like any other; a notice closes the run again."""
    end = RunEnded(at=m.at(19), status=Status.COMPLETED, disposition=Disposition.COMPLETED)
    left = m.state(Phase.ENDED, ending=replace(COMPLETED, leave_up=True), end=end)
    assert decided(left) == Rest()
    asked = left.changed({"cancel": CancelAsked(at=m.at(20), why="told")})
    assert sent(asked).intent.operation is Operation.END
    over = asked.changed({"phase": Phase.OVER, "call_over": True})
    notice = noted(over)
    assert (notice.code, notice.message) == ("ended_later", "the call, which had been left up, was ended: told")
    gone = noted(over.changed({"vanished": True, "cancel": None}))
    assert gone.message == "the call, which had been left up, is not known any more"
    assert decided(asked.changed({"call_over": True})) == Rest()


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (COMPLETED, None),
        (EndDecided(at=m.at(19), status=Status.FAILED), "the API does not know the call any more; that it has ended"),
        (
            EndDecided(at=m.at(19), status=Status.FAILED, fault=Fault(code="reaped", message="its driver was gone")),
            "its driver was gone; the API does not know the call any more; that it has ended was not seen",
        ),
    ],
)
def test_a_run_says_so_where_nobody_saw_its_call_end(ending: EndDecided, said: str | None) -> None:
    """In the error of a run that failed; one that completed has the notice alone."""
    finish = decided(m.state(Phase.OVER, vanished=True, ending=ending))
    assert isinstance(finish, Finish)
    message = None if finish.record.fault is None else finish.record.fault.message
    assert message == said or (said is not None and message is not None and message.startswith(said))


@pytest.mark.parametrize(
    ("kept_s", "fields", "fence_s"),
    [
        (300.0, {"unknowns": 1}, 70),  # the key goes with the same body only
        (None, {"unknowns": 1}, 80),
        (300.0, {"unknowns": 0, "held_back": 1, "concluded": m.concluded(Outcome.NOT_SENT)}, 80),
        (300.0, {"unknowns": 1, "verdict": Verdict.DID_NOT_RUN}, 80),
    ],
)
def test_a_dial_sent_again_for_its_kept_reply_carries_the_same_fence(
    kept_s: float | None, fields: dict[str, Any], fence_s: int
) -> None:
    """Where the server may have seen it, and keeps replies by idempotency key; otherwise it gets a new one."""
    dial = m.pending(m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70), **fields)
    state = m.state(Phase.RETRYING, call_id=None, cursor=Cursor(0), pending=dial, wake=m.at(19))
    action = sent(m.with_settings(state, idempotent_for_s=kept_s))
    assert action.intent.expires_wall == m.EPOCH + fence_s


def test_a_step_sent_again_for_its_kept_reply_is_sent_in_the_same_mode() -> None:
    """Under its key another address is another request: the server would do the work again."""
    lost = m.pending(m.intent(Operation.COMMAND, "say", asynchronous=True))
    state = m.state(Phase.RETRYING, pending=lost)
    assert sent(m.with_settings(state, idempotent_for_s=300.0)).request.asynchronous
    assert not sent(state).request.asynchronous


def test_a_step_sent_again_for_its_kept_reply_has_the_same_commands() -> None:
    """Found by simulation: packed anew for another limit, its kept reply passed for that of commands never sent."""
    script = m.script(Say(Plain("one")), Say(Plain("two")))
    lost = m.pending(m.intent(Operation.COMMAND, "say"), made_with=Settings(idempotent_for_s=300.0))
    state = m.with_settings(m.state(Phase.RETRYING, pending=lost), limit_s=60.0)
    assert sent(state, script).intent.commands == ("say", "say")
    assert sent(m.with_settings(state, idempotent_for_s=300.0), script).intent.commands == ("say",)


def test_a_further_call_that_no_list_shows_again_is_ended_by_its_id() -> None:
    """Its DELETE came to nothing, and the list cannot be read any more: a few tries are made all the same."""
    fields: dict[str, Any] = {"ending": COMPLETED, "watch_until": m.at(15), "watch_looked": m.at(16)}
    left = m.state(Phase.OVER, list_failures=5, extras_left=frozenset({"call-2"}), extra_tries=1, **fields)
    assert sent(left).request.call_id == "call-2"
    for done in ({"extra_tries": 6}, {"extras_left": frozenset()}):
        assert isinstance(decided(left.changed(done)), Finish)
    assert isinstance(decided(m.with_settings(left, on_several=OnSeveral.LEAVE)), Finish)


def test_a_resume_looks_at_a_busy_call_before_it_calls_it_stuck() -> None:
    """Found by simulation: it was judged by the looks of a process that had died long before."""
    state = m.state(Phase.BUSY, call_status="dialing", busy_since=m.at(0), busy_looks=3, must_look=True)
    assert decided(state, now=500) == Reconcile(LookKind.CALL)
