"""`advise`, `plan --compare`, `plan --mode` and what `show` tells of dead air: the command line around the core."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events.note import ReceiverNote, leave_note
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.cli.commands.advise import limit_known
from orchestrator.cli.lately import lately
from orchestrator.compose import Orchestrator
from orchestrator.core.limits import Learned

TO = "+12125550123"


@pytest.fixture
def long_script(tmp_path: Path) -> Path:
    """A script whose one sentence lasts longer than usual proxies let live."""
    path = tmp_path / "long.yaml"
    path.write_text(
        "version: 1\n"
        "name: long\n"
        "commands:\n"
        '  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}\n'
        f'  - say: {{text: "{"word " * 150}"}}\n'
        "  - hangup: {}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def hearing(tmp_path: Path) -> str:
    """A receiver runs for the journal that is named."""
    journal = tmp_path / "heard.db"
    note = ReceiverNote(url="http://127.0.0.1:8080", public_url=None, pid=1, at=SystemClock().now())
    leave_note(journal, note)
    return str(journal)


def test_advise_makes_nothing_and_needs_no_credentials(call, script, tmp_path) -> None:
    """Neither a journal nor anything else; exit 0 and a recommendation."""
    before = sorted(tmp_path.rglob("*"))
    done = call("advise", script)
    assert (done.code, done.err) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
    for text in (
        "How the application is built",
        "How long the network lets a request live",
        "Whether a web server can be made available",
        "60 s (assumed): nobody has said or measured it",
        "no event receiver runs for this journal",
        "Recommended: sync, one command a step",
        "      mode: sync",
        "run short.yaml --mode sync".replace("short.yaml", str(script)),
        "What would change it",
        "not known yet, so durations are estimates: «choice», «to»",
    ):
        assert text in done.out


@pytest.mark.parametrize(
    ("words", "variables", "configured", "limit_s", "source", "why"),
    [
        (("--limit", "45s"), {}, "network: heroku", 45.0, "given", "given by --limit"),
        (("--network", "heroku"), {}, "limit: 45s", 30.0, "given", "Heroku router (H12), given by --network"),
        ((), {"ORCHESTRATOR_LIMIT": "50s"}, "network: heroku", 50.0, "setting", "set by ORCHESTRATOR_LIMIT"),
        ((), {"ORCHESTRATOR_NETWORK": "direct"}, "", None, "setting", "nothing in between, set by ORCHESTRATOR_N"),
        ((), {}, "network: apigw", 29.0, "setting", "set in the configuration file"),
        ((), {}, "limit: 40s", 40.0, "setting", "set in the configuration file"),
        ((), {}, "", 60.0, "unknown", "nobody"),
    ],
)
def test_the_limit_says_where_it_is_from(
    call, long_script, monkeypatch, words, variables, configured, limit_s, source, why
) -> None:
    """Flags before the environment, the configuration, what was learned, and a guess."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    Path("config.yaml").write_text(configured, encoding="utf-8")
    network = call("--config", "config.yaml", "advise", long_script, *words, "--json").json["network"]
    assert (network["limit_s"], network["source"], network["known"]) == (limit_s, source, source != "unknown")
    assert why in network["why"]


def test_a_limit_that_was_only_tried_is_no_promise(call, long_script) -> None:
    """What a probe found to live for so long may live no longer: nothing lives for ever by that."""
    profile = Path("office.yaml")
    words = "name: office\nlimit: none\nat_least: 90s\nkind: none\nclient_sees: nothing\nkeepalive_helps: false\n"
    profile.write_text(f"{words}description: the office\n", encoding="utf-8")
    told = call("advise", long_script, "--network", profile).out
    assert "  at least 90 s (tried; no limit is known): the office, tried for up to 90 s" in told
    assert "  for ever (known)" in call("advise", long_script, "--network", "direct").out


def test_a_learned_limit_counts_where_nobody_set_one() -> None:
    """And says what it was learned from."""
    learned = Learned(limit_s=59.0, cut_at_s=59.0, cuts=2, newest=0.0, why="60 s with a 504 page", raised=False)
    with Orchestrator() as orchestrator:
        found = limit_known(orchestrator, limit_s=None, network=None, learned=learned)
        assert (found.seconds, found.source.value) == (59.0, "learned")
        assert found.why == "learned from cuts: 60 s with a 504 page"
        assert limit_known(orchestrator, limit_s=30.0, network=None, learned=learned).seconds == 30.0


def test_nothing_is_to_be_heeded_where_all_is_set(call, long_script) -> None:
    """Then there is no such heading."""
    done = call("advise", long_script, "--limit", "300s", "--set", "api_limits={account: 120 in 60s}")
    assert "To be heeded" not in done.out
    assert "To be heeded" in call("advise", long_script, "--limit", "300s").out


def test_what_no_circumstance_helps_names_none(call, tmp_path) -> None:
    """Digits that may be secret, and take longer to press than any network lets live."""
    path = tmp_path / "endless.yaml"
    path.write_text(
        "commands:\n"
        '  - dial: {to: "+12125550123", from: "+15555550199"}\n'
        "  - get_dtmf: {timeout: 300, max_digits: 20}\n",
        encoding="utf-8",
    )
    done = call("advise", path, "--limit", "30s")
    assert done.code == 65
    assert "What would change it" not in done.out


def test_advise_json_has_the_whole_document(call, long_script) -> None:
    """One document, with the command line that follows it."""
    document = call("advise", long_script, "--network", "heroku", "--json").json
    assert document["recommendation"]["mode"] == "auto"
    assert document["recommendation"]["yaml"] == ["network: heroku", "settings:", "  mode: auto"]
    words = ["run", str(long_script), "--mode", "auto", "--network", "heroku"]
    assert document["recommendation"]["command"][-len(words) :] == words
    assert document["warnings"] == []
    assert call("plan", *document["recommendation"]["command"][-5:]).code == 0


def test_a_receiver_is_found_and_counted_on(call, long_script, hearing) -> None:
    """By the note that it leaves beside its journal."""
    done = call("--journal", hearing, "advise", long_script, "--limit", "30s")
    assert "an event receiver runs at http://127.0.0.1:8080" in done.out
    assert "with a receiver" not in done.out
    assert "a receiver runs, so that their end is known as soon as its event is in" in done.out


def test_what_fits_nowhere_ends_with_65_and_says_why(call, script, tmp_path) -> None:
    """With the place of each problem; a warning of a strange variable goes to stderr."""
    text = script.read_text("utf-8").replace("timeout: 3,", "timeout: 60,")
    bad = tmp_path / "bad.yaml"
    bad.write_text(text, encoding="utf-8")
    done = call("advise", bad, "--limit", "30s", "--var", "hwo=x")
    assert done.code == 65
    assert "Nothing can be recommended" in done.out
    assert f"{bad}:8:5: the get_dtmf may last" in done.out
    assert "the variable `hwo` is given" in done.err
    assert call("advise", bad, "--limit", "30s", "--json").code == 65


def test_a_limit_that_is_too_short_for_now_names_what_does_not_fit(call, long_script) -> None:
    """In the table of the ways."""
    done = call("advise", long_script, "--limit", "30s", "--set", "api_limits={account: 120 in 60s}")
    assert "does not fit" in done.out
    assert "refused: 1 problem" in done.out
    assert "api_limits is set" in done.out


def test_a_journal_that_cannot_be_read_is_no_reason_not_to_advise(call, script) -> None:
    """It is said, and nothing measured is counted."""
    Path("odd.db").write_text("this is no journal", encoding="utf-8")
    for command in ("advise", "plan"):
        done = call("--journal", "odd.db", command, script)
        assert done.code == 0
        assert "Warning: the journal cannot be read, so nothing measured is counted" in done.err
        assert "nothing was measured yet: 50 ms between steps assumed" in done.out
    assert "the journal cannot be read" in call("--journal", "odd.db", "plan", script, "--compare").err


@pytest.mark.usefixtures("at_sandbox")
def test_the_journal_tells_of_gaps_and_calls(call, at_sandbox, script) -> None:
    """Dead air as it was measured, calls at once, replies that were lost."""
    at_sandbox.set_callee("default", keys=["1"])
    at_sandbox.add_fault(kind="close", place="after", command="dial")
    ran = call("run", script, "--to", TO, "--json", "--set", "dial_expire=1s").json
    call("run", script, "--to", "+12125550124", "--json")
    assert ran["status"] == "completed"
    advised = call("advise", script, "--json").json
    application = advised["application"]
    assert (application["runs"], application["calls_in_flight"], application["most_calls_in_flight"]) == (2, 0, 1)
    assert application["lost_replies"] == 1
    assert application["requests"] > 4
    planned = call("plan", script, "--json").json
    assert planned["dead_air"]["measured"] > 0
    assert 0 < planned["dead_air"]["gap_s"] < 1
    assert "of the newest runs" in call("plan", script).out


@pytest.mark.usefixtures("at_sandbox")
def test_runs_that_go_on_are_calls_in_flight(call, script) -> None:
    """Unfinished ones; those that wait for a verdict are over as far as the line is concerned."""
    done = call("run", script, "--to", TO, "--json").json
    with Orchestrator() as orchestrator:
        source: SqliteJournal = orchestrator.journal
        records = source.read(done["run_id"])
        path = Path("copy.db").absolute()
    copy = SqliteJournal(path, now=SystemClock().now)
    copy.start_run(records[0], lease_s=30.0)
    copy.close()
    with Orchestrator(journal=path) as orchestrator:
        traffic = lately(orchestrator).traffic
    assert (traffic.in_flight, traffic.most_in_flight, traffic.requests) == (1, 1, 0)


def test_plan_says_which_way_each_step_goes(call, script) -> None:
    """Held open or acknowledged at once, with the reason, where the mode leaves a choice."""
    done = call("plan", script, "--mode", "poll")
    assert "Acknowledged at once, since poll mode: steps 0, 1" in done.out
    assert "Held open, since looks at the call do not show its digits: step 2" in done.out
    assert "looks at the call expected (GET)" in done.out
    steps = [item for item in call("plan", script, "--mode", "poll", "--json").json["items"] if item["kind"] == "step"]
    assert [step["asynchronous"] for step in steps] == [True, True, False]
    assert "Warning: no event receiver runs" in call("plan", script, "--mode", "async").err
    plain = call("plan", script).out
    assert "Held open" not in plain
    assert "at once" not in plain


def test_plan_warns_of_dead_air_over_the_budget(call, script) -> None:
    """Each boundary is a warning, marked in the table; on a narrow terminal, too."""
    done = call("plan", script, "--mode", "poll", "--set", "max_dead_air=400ms")
    warning = "line 7: 0.6 s of dead air are expected before step 1 (say), longer than max_dead_air (0.4 s)"
    assert f"Warning: {warning}" in done.err
    assert "0.60 !" in done.out
    document = call("plan", script, "--mode", "poll", "--set", "max_dead_air=400ms", "--json").json
    assert document["warnings"] == [warning]
    assert document["dead_air"]["breaches"] == [1]
    assert call("plan", script, "--set", "max_dead_air=400ms").err == ""


def test_compare_shows_networks_and_modes_side_by_side(call, long_script) -> None:
    """Neighbours with the same figures in one row; what is refused is told once, below."""
    done = call("plan", long_script, "--compare", "heroku,aws-nat,none,45s")
    assert done.code == 0
    rows = done.out.splitlines()
    assert " ".join(rows[0].split()) == (
        "mode networks (s) requests looks longest dead air in doubt if its reply is lost"
    )
    assert [row.split()[0] for row in rows[1:] if row.startswith(("sync ", "auto ", "poll ", "async  "))] == [
        *("sync", "auto", "poll", "async"),
    ]
    assert "heroku (30), aws-nat (350), none … 45s (45)" not in done.out
    assert "heroku (30) … 45s (45)" in done.out
    assert done.out.count("line 5: the say may last") == 1
    assert "Refused in sync under heroku (30), 45s (45): line 5: the say may last" in done.out
    assert "async is shown as it is with an event receiver; none runs for this journal." in done.out
    assert "none runs" not in call("plan", long_script, "--compare", "--mode", "sync").out


def test_what_is_refused_is_told_once(call, tmp_path) -> None:
    """However many modes and networks refuse it; only neighbours are told by the first and the last of them."""
    script = tmp_path / "ask.yaml"
    script.write_text(
        "version: 1\n"
        "commands:\n"
        '  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}\n'
        "  - get_dtmf: {timeout: 400}\n"
        "  - hangup: {}\n",
        encoding="utf-8",
    )
    done = call("plan", script, "--compare")
    (refused,) = [row for row in done.out.splitlines() if row.startswith("Refused")]
    assert refused.startswith("Refused in sync, auto and poll under apigw (29) … aws-nat (350): line 4: the get_dtmf")
    strewn = call("plan", script, "--compare=29s,none,30s,40s,50s", "--mode", "sync").out
    assert "Refused in sync under 29s (29), 30s (30), 40s (40), 50s (50): line 4: the get_dtmf" in strewn


def test_compare_alone_takes_every_network(call, long_script) -> None:
    """In the order of their limits, in every mode."""
    document = call("plan", long_script, "--compare", "--json").json
    assert len(document["comparison"]) == 4 * 11
    assert document["comparison"][0]["network"] == "apigw"
    only = call("plan", long_script, "--compare=heroku", "--mode", "poll", "--json").json
    assert [(row["network"], row["mode"]) for row in only["comparison"]] == [("heroku", "poll")]


def test_compare_ends_with_65_where_no_network_lets_the_script_through(call, long_script) -> None:
    """One that does is enough."""
    assert call("plan", long_script, "--compare", "heroku", "--mode", "sync").code == 65
    assert call("plan", long_script, "--compare", "heroku,none", "--mode", "sync").code == 0


def test_compare_takes_no_other_limit_and_only_what_are_networks(call, long_script) -> None:
    """A script that was taken for its value is told so."""
    assert "give neither --limit nor --network" in call("plan", long_script, "--compare", "--limit", "30s").err
    wrong = call("plan", long_script, "--compare", "herku")
    assert (wrong.code, "did you mean `heroku`?" in wrong.err) == (2, True)
    for swallowed in (call("plan", "--compare", "short.txt"), call("plan", "--compare", long_script)):
        assert swallowed.code == 2
        assert "Write --compare behind SCRIPT" in swallowed.err
    assert call("plan", long_script, "--compare", ",").code == 2


def test_tables_fit_into_eighty_columns(call, long_script, monkeypatch) -> None:
    """No line of one is wider than the terminal; a boundary over the budget is marked beside its step's number."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    planned = call("plan", long_script, "--mode", "poll", "--set", "max_dead_air=400ms").out
    assert " ! 1 " in planned
    assert " ! 2 " not in planned
    for out in (planned, call("plan", long_script, "--compare").out):
        table = re.sub("\x1b.*?m", "", out).split("\n\n")[0]
        assert max(map(len, table.splitlines())) <= 80


@pytest.mark.usefixtures("at_sandbox")
def test_show_tells_the_dead_air_that_was_measured(call, script) -> None:
    """For people always; in the document only when asked, since its names are fixed."""
    ran = call("run", script, "--to", TO, "--json", "--set", "max_dead_air=1ms").json
    shown = call("show", ran["run_id"]).out
    assert "\nDead air\n" in shown
    assert " s in the middle, " in shown
    assert "before step 1 (say): longer than max_dead_air" in shown
    assert call("show", ran["run_id"], "--json").json == ran
    document = call("show", ran["run_id"], "--json", "--dead-air").json
    assert document["dead_air"]["breaches"] == [1, 2]
    assert [step["dead_air_s"] is None for step in document["steps"]] == [True, False, False]
    assert document["dead_air"]["max_s"] >= document["dead_air"]["p50_s"] > 0
    assert call("show", ran["run_id"], "--dead-air").code == 2
    quiet = call("run", script, "--to", "+12125550124", "--json", "--set", "max_dead_air=9s").json
    assert "longer than max_dead_air" not in call("show", quiet["run_id"]).out


def test_a_silence_in_which_a_lost_sentence_may_have_been_heard_is_told_as_a_bound(call, at_sandbox, script) -> None:
    """Its reply was lost, and it was repeated: the callee may have heard it before."""
    at_sandbox.add_fault(kind="close", place="after", command="say")
    ran = call("run", script, "--to", TO, "--json", "--set", "settle_heard=0s").json
    assert ran["steps"][1]["evidence"].startswith("attempt 1 undecidable")
    shown = call("show", ran["run_id"]).out
    assert re.search(r"  at most \d+\.\d\d s before step 1 \(say\): what was sent before with a lost reply may", shown)
    document = call("show", ran["run_id"], "--json", "--dead-air").json
    assert document["dead_air"]["at_most"] == [1]
    assert document["dead_air"]["breaches"] == []


def test_a_run_without_a_boundary_has_no_dead_air_to_show(call, at_sandbox, script) -> None:
    """Nobody answered, so nobody waited."""
    at_sandbox.set_callee("default", does="busy")
    ran = call("run", script, "--to", TO, "--json").json
    assert "Dead air" not in call("show", ran["run_id"]).out
    document = call("show", ran["run_id"], "--json", "--dead-air").json
    assert document["dead_air"] == {"p50_s": None, "max_s": None, "breaches": [], "at_most": []}


def test_the_examples_of_the_reference_are_what_the_program_prints(call, long_script) -> None:
    """The page lists the words of the documents."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "advice.md").read_text("utf-8")
    document = call("advise", long_script, "--json").json
    compared = call("plan", long_script, "--compare", "heroku", "--json").json
    words = {*document, *document["ways"][0], *document["recommendation"], *document["application"]}
    words |= {*document["network"], *document["web_server"], *compared, *compared["comparison"][0]}
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []
    assert json.dumps(document)
