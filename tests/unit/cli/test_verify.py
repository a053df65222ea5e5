"""`verify` and `rehearse`, called inside the test's process: without an account, a journal or a callee."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.cli.listener import Terminal
from orchestrator.core.rehearsal import Asked, Said

KEYING = """\
version: 1
name: keying
variables: {who: {required: true}, pin: {required: true}, medium: {required: true}, times: {type: integer}}
commands:
  - dial: {to: "{{ to }}", from: "{{ from }}", timeout: 20}
  - say: {text: "Hello {{ who }}, {{ times }}."}
  - send_dtmf: {dtmf: "{{ pin }}"}
  - play: {resource_id: "{{ medium }}"}
  - id: ask
    get_dtmf: {timeout: 1, commands: [{say: {text: "Press a key."}}]}
    save: choice
    on_failure: {then: silent}
  - end: {result: "{{ choice }}"}
  - id: silent
    say: {text: "Nobody is there."}
  - sms: {to: "{{ backup }}", from: "+15555550199", message: "{{ who }} was silent."}
"""
SAFE = """\
version: 1
commands:
  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}
  - hangup: {}
"""


@pytest.fixture
def keying(tmp_path: Path) -> Path:
    path = tmp_path / "keying.yaml"
    path.write_text(KEYING, encoding="utf-8")
    return path


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    path = tmp_path / "safe.yaml"
    path.write_text(SAFE, encoding="utf-8")
    return path


def test_verify_tells_what_could_happen_and_what_would_change_it(call, keying, tmp_path) -> None:
    """A table, sentences, the settings, and what was explored; nothing is made."""
    done = call("verify", keying)
    assert done.code == 0, done.err
    assert "Standing in for backup=+12125550123, from=+12125550123, medium=0000" in done.err
    assert "pin=1, times=1, to=+12125550123, who=" in done.err
    assert "needs a person" in done.out
    assert "could be heard twice" in done.out
    assert "    `if_unknown: skip`: it could be left out instead" in done.out
    assert "Settings that shape this:\n" in done.out
    assert done.out.rstrip().endswith("1 step could need a person's verdict.")
    assert [path.name for path in tmp_path.iterdir()] == ["keying.yaml"], "no journal was made"


@pytest.mark.parametrize("command", ["verify", "rehearse"])
def test_a_made_up_number_is_told_and_a_given_one_is_not(call, safe, tmp_path, command) -> None:
    """Nor the one that the script names itself; of an incoming call the caller's is made up as well."""
    asking = tmp_path / "asking.yaml"
    asking.write_text(SAFE.replace('"+12125550123"', '"{{ to }}"'), encoding="utf-8")
    incoming = tmp_path / "incoming.yaml"
    incoming.write_text("version: 1\ncommands:\n  - answer: {}\n  - hangup: {}\n", encoding="utf-8")
    assert "Standing in for to=+12125550123\n" in call(command, asking).err
    assert "Standing in for from=+12125550123, to=+12125550123\n" in call(command, incoming).err
    for words in ((asking, "--to", "+12125550111"), (asking, "--var", "to=+12125550111"), (safe,)):
        assert "Standing in" not in call(command, *words).err


def test_verify_fits_into_sixty_columns(call, keying, monkeypatch) -> None:
    """Prose is wrapped between words, and no word of the table is broken."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((60, 24)))
    out = re.sub("\x1b.*?m", "", call("verify", keying).out)
    assert "step  line  commands " in out
    assert max(map(len, out.splitlines())) <= 60
    assert "+12125550123," in out
    assert "\n    `if_unknown: skip`: it could be left out instead\n" in out


def test_verify_json_is_one_document(call, keying) -> None:
    """With the mode and the limit it was explored with."""
    done = call(
        "verify", keying, "--json", "--mode", "poll", "--limit", "60s", "--var", "who=Ada", "--to", "+12125550111"
    )
    assert done.code == 0, done.err
    assert (done.json["mode"], done.json["limit_s"], done.json["faults"]) == ("poll", 60.0, 1)
    assert done.json["may_stay_open"]
    assert done.json["may_run_twice"]
    assert [step["step"] for step in done.json["steps"]] == list(range(len(done.json["steps"])))


def test_strict_fails_where_something_may_stay_open(call, keying, safe) -> None:
    """Findings are information unless one asks otherwise; a script without any passes."""
    failed = call("verify", keying, "--strict")
    assert failed.code == 1
    assert "--strict: something could run twice or stay unknown." in failed.err
    assert call("verify", keying, "--strict", "--json").err.count("--strict") == 0
    passed = call("verify", safe, "--strict")
    assert passed.code == 0, passed.out
    assert "No step needs a person's verdict." in passed.out


def test_a_bad_script_is_65(call, tmp_path) -> None:
    """As for every command."""
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\ncommands:\n  - dail: {}\n", encoding="utf-8")
    assert call("verify", path).code == 65
    assert call("rehearse", path).code == 65
    assert call("drill", path).code == 65


def test_two_mishaps_find_no_less_than_one(call, safe) -> None:
    """`--mishaps 2` explores more."""
    one, two = call("verify", safe, "--json").json, call("verify", safe, "--json", "--mishaps", 2).json
    assert two["courses"] > one["courses"]


def test_rehearse_plays_the_script_with_given_keys(call, keying) -> None:
    """What is said, asked and done, the branch, and the end."""
    done = call("rehearse", keying, "--fast", "--keys", "7", "--var", "who=Ada", "--var", "times=2")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[1:4] == ["Hello Ada, 2.", "[send_dtmf: 1 key]", "[play: 00000000-0000-4000-8000-000000000000]"]
    assert "[press 1 key; 1 s; h hangs up]" in lines
    assert "> 7" in done.err
    assert "The run is completed, result 7." in lines


def test_rehearse_json_is_one_document(call, keying) -> None:
    """How it ended, and what was played before, for tests of scripts; nothing is waited for."""
    shown = call("rehearse", keying, "--json", "--keys", "7", "--var", "who=Ada", "--var", "times=2").json
    assert (shown["script"], shown["status"], shown["disposition"]) == ("keying", "completed", "completed")
    assert (shown["result"], shown["why"], shown["variables"]["who"]) == ("7", None, "Ada")
    kinds = [each["kind"] for each in shown["played"]]
    assert kinds[:4] == ["rang", "said", "did", "did"]
    assert shown["played"][1] == {"kind": "said", "text": "Hello Ada, 2."}
    silent = call("rehearse", keying, "--json", "--keys", "").json
    branches = [each for each in silent["played"] if each["kind"] == "went"]
    assert {"kind": "went", "branch": "on_failure", "label": "silent", "line": 9, "reason": "timeout"} in branches
    left = call("rehearse", keying, "--json", "--keys", "h").json
    assert {"kind": "hung_up", "by_callee": True} in left["played"]


def test_rehearse_json_hides_secret_digits(call, tmp_path) -> None:
    """Also where a sentence says them back."""
    path = tmp_path / "pin.yaml"
    path.write_text(
        'version: 1\ncommands:\n  - dial: {to: "+12125550123", from: "+15555550199"}\n'
        "  - get_dtmf: {timeout: 2, max_digits: 6}\n    save: pin\n"
        '  - say: {text: "You keyed {{ pin }}."}\n',
        encoding="utf-8",
    )
    shown = call("rehearse", path, "--json", "--keys", "482913#")
    assert "482913" not in shown.out + shown.err
    assert {"kind": "said", "text": "You keyed ***."} in shown.json["played"]


def test_rehearse_without_keys_times_out(call, keying) -> None:
    """Stdin says nothing here; a message goes nowhere."""
    done = call("rehearse", keying, "--fast", "--keys", "")
    assert "Nobody is there." in done.out
    assert "> " not in done.err
    assert "[line 9, on_failure to `silent`: timeout]" in done.out
    assert "[sms: to +12125550123: «who» was silent.]" in done.out


def test_rehearse_reads_answers_from_a_pipe(call, keying, monkeypatch) -> None:
    """A line for each question; what is no key presses nothing; `h` hangs up."""
    monkeypatch.setattr("sys.stdin", io.StringIO("H\n"))
    done = call("rehearse", keying, "--fast")
    assert "[you hang up]" in done.out
    assert "The run is failed (hung_up)." in done.out
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    done = call("rehearse", keying, "--fast")
    assert "These are no keys, so nothing is pressed: yes" in done.err
    assert "Nobody is there." in done.out


def test_rehearse_tells_why_a_call_was_ended(call, tmp_path) -> None:
    """And what had no limit of its own."""
    path = tmp_path / "endless.yaml"
    path.write_text(
        "version: 1\ncommands:\n"
        '  - dial: {to: "+12125550123", from: "+15555550199"}\n'
        "  - id: again\n"
        "    get_dtmf: {timeout: 2, max_digits: 3}\n"
        "    save: pin\n"
        "  - goto: again\n",
        encoding="utf-8",
    )
    done = call("rehearse", path, "--fast", "--keys", "987,4#,5,6")
    assert "[press up to 3 keys, ended by #; 2 s; h hangs up]" in done.out
    assert "Why: label `again` was entered 3 times (max_visits)" in done.out
    assert "987" not in done.out + done.err, "more than two digits are a secret"


def test_rehearse_takes_as_long_as_speech(call, tmp_path) -> None:
    """Without --fast, also for those who cannot see."""
    path = tmp_path / "paced.yaml"
    path.write_text(SAFE.replace("  - hangup: {}", '  - say: {text: "Bye."}'), encoding="utf-8")
    began = time.monotonic()
    assert call("rehearse", path, "--keys", "").code == 0
    assert time.monotonic() - began > 0.4


@pytest.mark.parametrize("keys", ["1,x", "hh", "1 2"])
def test_keys_that_are_none_are_refused(call, keying, keys) -> None:
    """Before anything is played."""
    done = call("rehearse", keying, "--keys", keys)
    assert done.code == 2
    assert "must be keys (0-9, * and #) or h" in done.err


def test_a_script_on_stdin_leaves_no_answers_there(call, monkeypatch) -> None:
    """It is played without keys, in no time with --fast."""
    stdin = io.TextIOWrapper(io.BytesIO(KEYING.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    done = call("rehearse", "-", "--fast")
    assert "Nobody is there." in done.out, done.err


QUESTION = (Asked(0.2, 1, "#", secret=False),)


def answering(typed: bytes, *, is_fast: bool = False, beats=QUESTION):
    """What a person answers who has typed this already."""
    reading, writing = os.pipe()
    os.write(writing, typed)
    with os.fdopen(reading, "r", encoding="utf-8", buffering=1) as stream:
        listener = Terminal(stream, clock=SystemClock(), is_fast=is_fast)
        answers = [listener.hears(beat) for beat in beats]
    os.close(writing)
    return answers


def test_a_person_types_keys_at_a_question() -> None:
    """Enter alone is silence, and so is no Enter in time; what is no key is asked for once more."""
    assert answering(b"12#\n") == ["12#"]
    assert answering(b"\n") == [None]
    assert answering(b"") == [None]
    assert answering(b"x\n", is_fast=False) == [None]
    assert answering(b"h\n", is_fast=True) == ["h"]


def test_a_person_may_hang_up_while_something_is_said(capsys) -> None:
    """Keys do not count there, and with --fast there is no time to type any."""
    beats = (Said("Hello.", 0.2),)
    assert answering(b"H\n", beats=beats) == ["h"]
    assert answering(b"5\n", beats=beats) == [None]
    assert "Nobody has asked yet; h hangs up." in capsys.readouterr().err
    assert answering(b"h\n", beats=beats, is_fast=True) == [None]


def test_rehearse_shows_no_secret_digits_in_what_is_said(call, tmp_path) -> None:
    """Those of a sensitive question, whole and one by one; other digits, and the `h` that hangs up, hide nothing."""
    path = tmp_path / "pin.yaml"
    path.write_text(
        "version: 1\ncommands:\n"
        '  - dial: {to: "+12125550123", from: "+15555550199"}\n'
        "  - get_dtmf: {max_digits: 2}\n    save: choice\n"
        "  - get_dtmf: {max_digits: 3}\n    save: pin\n    sensitive: true\n"
        "  - say: {text: \"You chose {{ choice }}. That is {{ pin }}, {{ pin | join(' ') }}; not 1234.\"}\n"
        "  - get_dtmf: {max_digits: 3}\n    save: other\n    sensitive: true\n",
        encoding="utf-8",
    )
    done = call("rehearse", path, "--fast", "--keys", "12,123,h")
    assert done.code == 0, done.err
    assert "You chose 12.\nThat is ***, ***; not 1234.\n" in done.out
    assert "[you hang up]" in done.out
