"""What is probably not meant: found from a script and its plan alone."""

from __future__ import annotations

from orchestrator.cli.forewarning import cut_off, strange_variables, undiallable, unheard
from orchestrator.core.plan import plan
from orchestrator.core.settings import Mode, Settings
from orchestrator.scriptfile import parse_script

HEAD = 'version: 1\ncommands:\n  - dial: {to: "+12125550123", from: "+15555550199", timeout: 5}\n'  # 10 s at most
PLAY = "play: {resource_id: 123e4567-e89b-12d3-a456-426614174000}"


def asking(seconds: int) -> str:
    """An entry that lasts little more than so many seconds at most."""
    return f"  - get_dtmf: {{timeout: {seconds}, max_digits: 1}}\n"


def test_a_call_that_max_call_would_cut_off_is_warned_of() -> None:
    """With how long the longest way lasts."""
    script = parse_script(HEAD + asking(30))
    (told,) = cut_off(script, plan(script, {}, Settings()), Settings(max_call_s=20))
    assert told.startswith("a call may last up to 4")
    assert "ended after 20 s (max_call)" in told


def test_a_call_that_can_finish_is_not_warned_of() -> None:
    """Nothing is said where max_call suffices."""
    script = parse_script(HEAD + asking(30))
    assert cut_off(script, plan(script, {}, Settings()), Settings()) == []


def test_variables_that_the_script_declares_or_reads_are_not_strange() -> None:
    """Whether read in a text, a condition or by a flag; others are named with the nearest name, where one is near."""
    script = parse_script(
        "version: 1\nvariables: {patient: {default: x}}\ncommands:\n"
        '  - dial: {to: "{{ to }}", from: "{{ office }}"}\n  - say: {text: Hello}\n    when: urgent\n'
    )
    assert strange_variables(script, ["patient", "office", "urgent", "to", "from"]) == []
    near, far = strange_variables(script, {"patinet": "1", "zzz": "2"})
    assert near.endswith("neither declares nor reads it; did you mean `patient`?")
    assert far == "the variable `zzz` is given, but the script neither declares nor reads it"


def test_events_that_nobody_receives() -> None:
    """Mode async is told of it; other modes and a run with a receiver are not."""
    assert "orchestrator serve" in "".join(unheard(Settings(mode=Mode.ASYNC)))
    assert unheard(Settings(mode=Mode.ASYNC, hears_events=True)) == unheard(Settings()) == []


def test_numbers_that_run_would_refuse_are_warned_of() -> None:
    """Those of a flag, else those of the script as far as they are known; an incoming call dials nobody."""
    free = parse_script('version: 1\ncommands:\n  - dial: {to: "{{ to }}", from: "+15555550199"}\n')
    assert undiallable(free, {}, to=None, from_=None) == []
    (told,) = undiallable(free, {}, to="911", from_=None)
    assert told == "911 could reach an emergency service; this program never calls one; `run` refuses it"
    (told,) = undiallable(free, {}, to="+12125550123", from_="12")
    assert told.startswith("the caller id 12 is no possible number")
    (told,) = undiallable(free, {"to": "112"}, to=None, from_=None)
    assert told.startswith("112 could reach an emergency service")
    assert undiallable(parse_script("version: 1\ncommands:\n  - answer: {}\n"), {}, to="911", from_=None) == []
