"""What `verify` says: the steps, the changes that were tried, and the words."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from orchestrator.core.findings import Kind
from orchestrator.core.plan import plan
from orchestrator.core.pretend import begun
from orchestrator.core.settings import Settings
from orchestrator.core.verification import Verification, Verified, VerifiedStep, Way, verify
from orchestrator.core.verificationwords import conclusion, in_short, sentences, shaping
from orchestrator.scriptfile import parse_script

DIAL = '  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}\n'
SAYING = DIAL + '  - say: {text: "Good morning, this is a message for you."}\n'
KEYING = DIAL + '  - send_dtmf: {dtmf: "12345"}\n'
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


@lru_cache  # the same script says the same each time
def verified(commands: str, *, faults: int = 1, most: int = 20_000, **settings: Any) -> Verification:
    script = parse_script(f"version: 1\ncommands:\n{commands}", name="tried")
    run = begun(
        script,
        to="+12125550123",
        from_="+15555550199",
        variables={},
        secrets={},
        settings=Settings(**{**script.settings, **settings}),
    )
    planned = plan(script, {}, run.settings, to=run.to, from_=run.from_)
    return verify(script, run, planned, faults=faults, most_requests=most)


def found(verification: Verification, kind: Kind) -> tuple[VerifiedStep, Verified]:
    return next(each for each in verification.findings if each[1].finding.kind is kind)


def ways(verification: Verification, kind: Kind) -> dict[str, set[Kind]]:
    return {way.change: set(way.instead) for way in found(verification, kind)[1].ways}


def paragraphs(verification: Verification) -> str:
    return "\n".join(sentences(verification))


def test_the_changes_that_help_were_tried() -> None:
    """Skipping leaves out, stopping asks a person, a server that shows more makes it not happen."""
    tried = ways(verified(SAYING), Kind.TWICE)
    assert Kind.LEFT_OUT in tried["`if_unknown: skip`"]
    assert Kind.UNDECIDED in tried["`if_unknown: stop`"]
    assert "`if_unknown: repeat`" not in tried, "that is what it does already"
    assert tried["a server with the capability `command_log`"] == set()
    assert tried["a server with the capability `idempotency_key`"] == set()


def test_what_a_server_offers_already_is_not_proposed() -> None:
    """Nor is anything proposed where nothing was found."""
    logged = verified(SECRET, shows_results=True, idempotent_for_s=300.0)
    changes = {way.change for _, each in logged.findings for way in each.ways}
    assert not any("capability" in change for change in changes)
    assert "stay" not in paragraphs(verified(DIAL))
    assert list(shaping(verified(DIAL))) == []


def test_a_change_that_helps_against_some_mishaps_says_which_are_left() -> None:
    """With a command log a person is asked only while the API stays out of reach."""
    step, one = found(verified(KEYING), Kind.UNDECIDED)
    (log,) = [way for way in one.ways if "command_log" in way.change]
    assert {mishap.name for _, mishap in log.left} < {mishap.name for _, mishap in one.finding.because}
    assert log.left
    assert step.number == 1
    assert ", unless it runs, its reply is lost" in paragraphs(verified(KEYING))


def test_lost_secret_digits_can_be_declared_no_secret() -> None:
    """`sensitive: false` keeps them in the journal."""
    verification = verified(SECRET)
    lost = next(each for _, each in verification.findings if each.finding.code == "lost_digits")
    assert "`sensitive: false`" in {way.change for way in lost.ways}
    text = paragraphs(verification)
    assert "since its digits are secret and are lost with the process" in text
    assert "since secret digits are lost that a dangerous step stands behind" in text


def test_the_document_has_every_step_and_its_findings() -> None:
    """In plain values."""
    document = verified(KEYING).to_document()
    assert json.loads(json.dumps(document)) == document
    assert [step["commands"] for step in document["steps"]] == [["dial"], ["send_dtmf"]]
    kinds = {one["kind"] for one in document["steps"][1]["findings"]}
    assert "undecided" in kinds
    assert document["may_stay_open"]
    assert not document["may_run_twice"]
    assert not document["bound_reached"]


def test_a_bound_is_told_and_proposes_nothing() -> None:
    """What was not explored to its end proves nothing."""
    verification = verified(SECRET, most=30)
    assert verification.bound_reached
    assert not any(each.ways for _, each in verification.findings)
    assert any("bound of 30 requests was reached" in text for text in conclusion(verification))


def test_steps_with_the_same_finding_share_a_paragraph() -> None:
    """What, by which mishaps, and what changes it."""
    text = paragraphs(verified(SAYING + '  - say: {text: "That was all of it."}\n'))
    assert "Steps 1, 2: could be heard twice\n    if it runs and its reply is lost\n    or " in text
    assert "`if_unknown: skip`: it could be left out instead" in text


def test_another_step_is_named_where_its_mishap_leads_here() -> None:
    """The question is asked again when the process dies at a later step."""
    assert "if at step 3, the process is killed" in paragraphs(verified(SECRET))


def test_what_could_come_instead_is_a_list_that_reads_well() -> None:
    """What the step could do with one verb before it, what becomes of the call and the run behind."""
    step, one = found(verified(SAYING), Kind.TWICE)
    kinds = (Kind.TWICE, Kind.ASKED_AGAIN, Kind.NEVER_KNOWN, Kind.ENDED)
    for instead, expected in (
        (kinds[:1], "it could run twice instead"),
        (kinds[:3], "it could run twice, be asked again or stay unknown instead"),
        (kinds, "it could run twice, be asked again or stay unknown, or the call could be ended instead"),
        (kinds[3:], "the call could be ended instead"),
        ((), "that does not happen"),
    ):
        changed = Verified(one.finding, (Way("`if_unknown: skip`", instead),))
        verification = replace(verified(SAYING), steps=(replace(step, found=(changed,)),))
        assert paragraphs(verification).splitlines()[-1] == f"    `if_unknown: skip`: {expected}"


def test_commands_that_share_a_request_are_repeated_together() -> None:
    """Which the author can change."""
    text = paragraphs(verified(SAYING + '  - say: {text: "That was all of it."}\n', limit_s=60.0))
    assert "`group: alone`: its 2 commands are not repeated together" in text


def test_dangerous_work_that_could_be_done_twice_is_named() -> None:
    """Only an author who says so gets it."""
    verification = verified(KEYING + "    if_unknown: repeat\n")
    assert verification.may_run_twice
    _, one = found(verification, Kind.TWICE)
    assert in_short(one.finding) == "keyed twice"
    assert "could be keyed twice" in paragraphs(verification)
    assert "Dangerous work could be done twice: send_dtmf." in list(conclusion(verification))


def test_the_conclusion_says_what_was_explored() -> None:
    """How many mishaps, and whether a person may be needed."""
    told = list(conclusion(verified(KEYING, faults=2)))
    assert "with up to 2 mishaps each" in told[0]
    assert told[-1] == "1 step could need a person's verdict."
    told = list(conclusion(verified(SAYING)))
    assert "with one mishap each" in told[0]
    assert told[1:] == [
        "Nothing dangerous runs twice: no dial, no keys, no text message.",
        "No step needs a person's verdict.",
    ]


@pytest.mark.parametrize(
    ("commands", "settings", "expected"),
    [
        (SAYING, {}, "replay_preamble: a line of yours, spoken before what is repeated; none is set"),
        (SAYING, {"replay_preamble": "Again:"}, "replay_preamble: “Again:”"),
        (SAYING, {}, "max_silence: 20 s that a callee is left waiting"),
        (KEYING, {"settle_dangerous_s": 30.0}, "settle_dangerous: 30 s of looking before a person is asked"),
        (SECRET, {}, "on_failure: what follows a question without an answer; "),
    ],
)
def test_the_settings_that_shape_it_are_told_with_their_values(commands, settings, expected) -> None:
    """Once, below the findings."""
    assert expected in "\n".join(shaping(verified(commands, **settings)))


def test_a_label_for_late_resumes_is_told() -> None:
    """Where the call goes then, instead of being ended."""
    commands = SAYING + '  - id: late\n    say: {text: "Sorry."}\n  - end: {}\n'
    verification = verified(commands, on_stale="late")
    text = paragraphs(verification)
    assert "the call goes to `late` (on_stale), since the callee has waited for longer than max_silence\n" in text
    assert "and the run is resumed as soon as it is over" in text.partition("Step")[2].partition("\nStep")[0]
    assert any("`late`" in text for text in shaping(verification))


def test_a_text_message_stays_unknown_or_is_left_out() -> None:
    """And a run that gives up waits for a resume."""
    verification = verified(DIAL + '  - sms: {to: "+15555550111", from: "+15555550199", message: "Hello."}\n')
    text = paragraphs(verification)
    assert "whether it ran could stay unknown, and nobody is asked" in text
    assert "could be left out" in text
    assert "the process gives up, and the run waits for `resume`" in paragraphs(verified(KEYING))
    with_other_end = verified(SAYING, max_call_s=25.0)
    assert "the call is ended (" in paragraphs(with_other_end)
