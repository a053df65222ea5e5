"""Every mishap at every request, by the real machine: what is found, and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.exploring import explore
from orchestrator.core.findings import Exploration, Kind
from orchestrator.core.mishaps import KILLED, Mishap, extremes_s, keys_to_try, lasting_s, mishaps_of, resumed_after_s
from orchestrator.core.pretend import begun
from orchestrator.core.records import ReplayClass, RunStarted
from orchestrator.core.script import Script
from orchestrator.core.settings import Mode, Settings
from orchestrator.scriptfile import parse_script
from tests.fakes.machine import Operation, intent

DIAL = '  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}\n'
SAYING = DIAL + '  - say: {text: "Good morning, this is a message for you."}\n  - hangup: {}\n'
KEYING = DIAL + '  - send_dtmf: {dtmf: "12345"}\n  - say: {text: "Done."}\n'
ASKING = (
    DIAL
    + """
  - id: ask
    get_dtmf: {timeout: 5, commands: [{say: {text: "Press one or two."}}]}
    save: choice
    on_failure: {retry: 1, then: bye}
  - switch: "{{ choice }}"
    cases: {"1": yes, "2": no}
    otherwise: ask
  - id: "yes"
    say: {text: "You said yes."}
  - goto: bye
  - id: "no"
    say: {text: "You said no."}
  - id: bye
    say: {text: "Goodbye."}
"""
)
SECRET = (
    DIAL
    + """
  - get_dtmf: {timeout: 5, max_digits: 4}
    save: pin
  - say: {text: "One moment."}
  - send_dtmf: {dtmf: "{{ pin }}"}
  - say: {text: "Your number was {{ pin }}."}
"""
)


def parsed(commands: str, head: str = "") -> Script:
    return parse_script(f"version: 1\n{head}commands:\n{commands}", name="tried")


def pretended(script: Script, *, secrets: Mapping[str, Any] | None = None, **settings: Any) -> RunStarted:
    return begun(
        script,
        to="+12125550123",
        from_="+15555550199",
        variables={},
        secrets=secrets or {},
        settings=Settings(**{**script.settings, **settings}),
    )


def explored(commands: str, *, faults: int = 1, most: int = 20_000, **settings: Any) -> Exploration:
    script = parsed(commands)
    return explore(script, pretended(script, **settings), faults=faults, most_requests=most)


def found(exploration: Exploration) -> set[tuple[int, Kind, str]]:
    return set(exploration.findings)


def causes(exploration: Exploration, entry: int, kind: Kind, code: str = "") -> set[str]:
    return {mishap.name for _, mishap in exploration.findings[entry, kind, code].because}


def test_without_a_mishap_nothing_is_found() -> None:
    """What the script comes to by itself is its own business."""
    exploration = explored(ASKING, faults=0)
    assert found(exploration) == set()
    assert exploration.courses > 3  # yes, no, something else, nothing
    assert not exploration.bound_reached


def test_what_is_heard_is_heard_twice_after_a_lost_reply_and_never_after_a_lost_request() -> None:
    """A repeat is better than silence, by the default policy; a call seen running is waited for."""
    exploration = explored(SAYING)
    assert causes(exploration, 1, Kind.TWICE) == {"REPLY_LOST", "KILLED_LATER", "KILLED_BEFORE"}
    assert (0, Kind.TWICE, "") not in found(exploration)
    assert (2, Kind.TWICE, "") not in found(exploration)  # nobody notices a hangup twice


def test_a_dial_is_never_repeated() -> None:
    """Whatever befalls it, the phone rings once, and no person is asked where the list can be read."""
    exploration = explored(SAYING, faults=2)
    assert not {kind for entry, kind, _ in found(exploration) if entry == 0} & {Kind.TWICE, Kind.UNDECIDED}


def test_keys_are_not_sent_twice_but_may_need_a_person() -> None:
    """A dangerous step stops where nobody saw it run; where the look during its request saw it, the run goes on."""
    exploration = explored(KEYING)
    assert (1, Kind.TWICE, "") not in found(exploration)
    because = causes(exploration, 1, Kind.UNDECIDED)
    assert {"NOT_RECEIVED", "UNSEEN", "KILLED_LATER"} <= because
    assert not {"CUT", "REPLY_LOST", "KILLED_RUNNING"} & because


def test_policies_are_obeyed() -> None:
    """`if_unknown: repeat` keys twice, `skip` leaves out what did not come."""
    repeated = explored(KEYING.replace('12345"}', '12345"}\n    if_unknown: repeat'))
    assert (1, Kind.TWICE, "") in found(repeated)
    skipped = explored(KEYING.replace('12345"}', '12345"}\n    if_unknown: skip'))
    assert causes(skipped, 1, Kind.LEFT_OUT) == {"NOT_RECEIVED", "KILLED_INTENT"}
    assert (1, Kind.NEVER_KNOWN, "") in found(skipped)


def test_a_question_is_asked_again() -> None:
    """Its digits go with its reply."""
    exploration = explored(ASKING)
    assert {"CUT", "REPLY_LOST", "KILLED_RUNNING"} <= causes(exploration, 1, Kind.ASKED_AGAIN)
    assert (3, Kind.TWICE, "") in found(exploration), "both branches were taken"
    assert (5, Kind.TWICE, "") in found(exploration), "both branches were taken"


def test_secret_digits_are_lost_with_the_process() -> None:
    """Before something dangerous is done the question is asked again; behind it the call is ended."""
    exploration = explored(SECRET)
    assert (1, Kind.ASKED_AGAIN, "lost_digits") in found(exploration)
    assert "KILLED_LATER" in causes(exploration, 4, Kind.ENDED, "lost_secret")


def test_secrets_that_are_given_come_back_with_a_resume() -> None:
    """Whoever resumes gives them again, so nothing is asked and no call is ended for that."""
    script = parsed(
        DIAL + '  - say: {text: "Your code is {{ code }}."}\n', head="variables: {code: {sensitive: true}}\n"
    )
    exploration = explore(script, pretended(script, secrets={"code": "4711"}))
    assert not any(code == "lost_secret" for _, _, code in found(exploration))
    assert "KILLED_LATER" in causes(exploration, 1, Kind.TWICE)


@pytest.mark.parametrize(("on_stale", "expected"), [(None, (1, Kind.ENDED, "stale")), ("late", (1, Kind.STALE, ""))])
def test_a_late_resume_ends_the_call_or_goes_to_on_stale(on_stale, expected) -> None:
    """A callee is not left in silence for longer than max_silence, and is not spoken to as if nothing were."""
    commands = SAYING.replace("  - hangup: {}\n", '  - id: late\n    say: {text: "Sorry."}\n')
    script = parsed(DIAL + '  - say: {text: "First of all."}\n' + commands.removeprefix(DIAL))
    exploration = explore(script, pretended(script, on_stale=on_stale))
    entry = (2, *expected[1:])
    assert entry in found(exploration)
    assert causes(exploration, *entry) == {"RESUMED_LATE", "KILLED_LATE"}


def test_a_killed_step_is_resumed_early_and_late() -> None:
    """Soon after it is repeated, however long it was to take; after more than max_silence the call goes to on_stale."""
    spoken = "Good morning to all of you. " * 8  # longer than max_silence
    commands = DIAL + f"  - say: {{text: '{spoken}'}}\n" + '  - id: late\n    say: {text: "Sorry."}\n'
    exploration = explored(commands, on_stale="late", max_silence_s=15.0)
    assert "KILLED_LATER" in causes(exploration, 1, Kind.TWICE)
    assert causes(exploration, 1, Kind.STALE) == {"KILLED_LATE"}


def test_a_kill_behind_a_long_step_is_explored_at_its_shortest_and_its_longest() -> None:
    """Who resumes does not know that the step is done, and counts the silence from before it, however long it took."""
    spoken = "Good morning to all of you. " * 8
    commands = DIAL + f"  - say: {{text: '{spoken}'}}\n" + '  - id: late\n    say: {text: "Sorry."}\n'
    for max_silence_s in (19.0, 28.0):  # the step lasts 11 to 33 seconds, and 22 in the middle
        exploration = explored(commands, on_stale="late", max_silence_s=max_silence_s)
        assert "KILLED_BEFORE" in causes(exploration, 1, Kind.TWICE), "with the shortest, or the middle"
        assert "KILLED_BEFORE" in causes(exploration, 2, Kind.STALE), "with the longest, or the middle"
        assert not exploration.bound_reached


def test_a_late_resume_never_repeats_what_is_dangerous() -> None:
    """Keys that nobody saw need a person, soon and late."""
    exploration = explored(KEYING, on_stale=None)
    assert {"KILLED_LATER", "KILLED_LATE"} <= causes(exploration, 1, Kind.UNDECIDED)
    assert (1, Kind.TWICE, "") not in found(exploration)


def test_out_of_reach_the_call_is_ended_and_what_must_not_be_repeated_asks() -> None:
    """A callee is not kept waiting for an API that does not answer."""
    assert (1, Kind.ENDED, "unreachable") in found(explored(SAYING))
    assert "OUT_OF_REACH" in causes(explored(KEYING), 1, Kind.UNDECIDED)


def test_an_sms_is_left_out_or_never_known() -> None:
    """There is nothing to look at, so it is skipped by default."""
    exploration = explored(DIAL + '  - sms: {to: "+15555550111", from: "+15555550199", message: "Hello."}\n')
    assert causes(exploration, 1, Kind.LEFT_OUT) == {"NOT_RECEIVED", "KILLED_INTENT"}
    assert "REPLY_LOST" in causes(exploration, 1, Kind.NEVER_KNOWN)


def test_a_server_that_shows_more_leaves_less_open() -> None:
    """With a command log nothing is heard twice; with kept replies nothing is asked again either, nor a person."""
    logged = explored(SAYING, shows_results=True)
    assert (1, Kind.TWICE, "") not in found(logged)
    kept = explored(SECRET.replace('dtmf: "{{ pin }}"', 'dtmf: "1234"'), idempotent_for_s=300.0)
    assert not any(kind is Kind.TWICE for _, kind, _ in found(kept))
    assert [entry for entry, kind, _ in found(kept) if kind is Kind.UNDECIDED] == [3]
    assert causes(kept, 3, Kind.UNDECIDED) == {"OUT_OF_REACH", "KILLED_LATE", "RESUMED_LATE"}


def test_keys_that_nobody_holds_any_more_cannot_be_asked_for() -> None:
    """The same request cannot be made again without them, so that a person must say whether they were sent."""
    kept = explored(SECRET, idempotent_for_s=300.0)
    assert "KILLED_LATER" in causes(kept, 3, Kind.UNDECIDED)


@pytest.mark.parametrize("hears", [False, True])
def test_acknowledged_lists_are_explored_too(hears: bool) -> None:
    """By looks, and by events where they are heard: then questions are asynchronous as well."""
    mode = Mode.ASYNC if hears else Mode.POLL
    exploration = explored(ASKING, mode=mode, hears_events=hears)
    assert not exploration.bound_reached
    assert (1, Kind.ASKED_AGAIN, "") in found(exploration)
    assert not any(kind is Kind.UNDECIDED for _, kind, _ in found(exploration))


def test_an_incoming_call_is_explored_from_its_answer_on() -> None:
    """It rings already, and nothing is dialled."""
    exploration = explored('  - answer: {}\n  - say: {text: "Welcome to the desk."}\n  - hangup: {}\n')
    assert (1, Kind.TWICE, "") in found(exploration)


def test_a_bound_is_told() -> None:
    """Whoever reads the findings must know that there may be more."""
    assert explored(ASKING, most=5).bound_reached


def test_a_finding_keeps_its_mishaps_and_what_the_run_says() -> None:
    """With the command it is about."""
    finding = explored(KEYING).findings[1, Kind.UNDECIDED, ""]
    assert finding.command == "send_dtmf"
    assert len(finding.because) == len(set(finding.because)) > 3
    assert (
        "never seen running" in finding.details or "has ended" in finding.details or "out of reach" in finding.details
    )


def test_mishaps_fit_their_request() -> None:
    """Only what is dangerous is looked at while its request is open; nobody hangs up on a text message."""
    assert Mishap.UNSEEN in mishaps_of(intent(Operation.COMMAND, "send_dtmf", replay_class=ReplayClass.DANGEROUS))
    assert Mishap.UNSEEN not in mishaps_of(intent())
    assert Mishap.HUNG_UP in mishaps_of(intent(Operation.CREATE))
    assert Mishap.RESUMED_LATE not in mishaps_of(intent(Operation.CREATE))
    assert Mishap.KILLED_LATE not in mishaps_of(intent(Operation.CREATE)), "nobody waits who has not answered"
    assert Mishap.HUNG_UP not in mishaps_of(intent(Operation.SMS))
    assert Mishap.KILLED_BEFORE not in mishaps_of(intent(Operation.END))  # the step before it tells that


def test_a_step_is_over_at_once_where_its_resume_is_to_be_early() -> None:
    """Else it takes the middle of its bounds; the end of a call takes no time."""
    step = intent(shortest_s=4.0, longest_s=8.0)
    assert lasting_s(step, None) == lasting_s(step, Mishap.KILLED_LATE) == 6.0
    assert lasting_s(step, Mishap.KILLED_LATER) == 1.0
    assert lasting_s(intent(Operation.CREATE, shortest_s=4.0, longest_s=8.0), Mishap.KILLED_LATER) == 6.0
    assert lasting_s(intent(Operation.END, shortest_s=4.0, longest_s=8.0), None) == 0.0


def test_other_lengths_are_tried_where_a_step_has_bounds() -> None:
    """Of a list whose reply comes at its end."""
    step = intent(shortest_s=4.0, longest_s=8.0)
    assert extremes_s(step) == (4.0, 8.0)
    assert extremes_s(replace(step, asynchronous=True)) == ()
    assert extremes_s(intent(shortest_s=4.0, longest_s=4.0)) == ()
    assert extremes_s(intent(Operation.CREATE, shortest_s=4.0, longest_s=8.0)) == ()


def test_a_resume_comes_in_the_middle_soon_or_late() -> None:
    """Late is later than the callee may be left waiting."""
    after_s = {mishap: resumed_after_s(mishap, 6.0, max_silence_s=15.0) for mishap in KILLED}
    assert after_s == {
        Mishap.KILLED_RUNNING: 0.0,
        Mishap.KILLED_INTENT: 2.0,
        Mishap.KILLED_LATER: 6.0,
        Mishap.KILLED_LATE: 26.0,
        Mishap.KILLED_HUNG_UP: 8.0,
    }


def test_the_keys_tried_are_those_of_the_switch_another_and_none() -> None:
    """As many digits as are asked for; without a switch any; without a question none."""
    asking = intent(Operation.COMMAND, "get_dtmf")
    assert keys_to_try(parsed(ASKING), asking) == ("1", "2", "3", None)
    assert keys_to_try(parsed(SECRET), asking) == ("1111", None)
    assert keys_to_try(parsed(SAYING), intent()) == (None,)
    unsaved = parsed(DIAL + "  - get_dtmf: {timeout: 5}\n")
    assert keys_to_try(unsaved, intent(Operation.COMMAND, "say", "get_dtmf", command_entries=(-1, 1))) == ("1", None)
