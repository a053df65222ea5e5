"""Which mode, limit and grouping are recommended, by which facts, and what would change it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.advice import (
    ASSUMED_LIMIT_S,
    LOST_REPLIES,
    MANY_CALLS,
    Advice,
    Choice,
    Facts,
    Limit,
    Receiver,
    Source,
    Traffic,
    advise,
    calls_carried,
)
from orchestrator.core.advicewords import advice_document, best_refused, flags, yaml_lines
from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.comparison import MODES, compared, groups, refusals
from orchestrator.core.networks import network
from orchestrator.core.plan import plan
from orchestrator.core.script import Dial, GetDtmf, Hangup, Hold, Plain, Say, Script
from orchestrator.core.settings import Mode, Settings
from tests.fakes import machine as m

SHORT = Say(Plain("one two three"))
LONG = Say(Plain(" ".join(["word"] * 150)))  # one sentence of up to 101 s
ASK = GetDtmf(timeout_s=40.0)  # up to 41 s, and no look shows its digits
UNKNOWN = Limit(seconds=None, source=Source.UNKNOWN)
DIRECT = Limit(seconds=None, source=Source.GIVEN, network="direct", why="nothing in between")
HEARS = Receiver(running=True, can_serve=True, url="http://127.0.0.1:8080")
BUSY = Traffic(most_in_flight=MANY_CALLS)
CUT = Traffic(runs=9, requests=40, lost_replies=LOST_REPLIES)
DIAL = Dial(to=Plain(m.TO), from_=Plain(m.FROM), timeout_s=20.0)


def facts(*elements: Any, limit: Limit = UNKNOWN, **fields: Any) -> Facts:
    """Return the facts about a script of these commands behind a dial of up to 25 s."""
    entries = tuple(m.entry(element) for element in (DIAL, *elements))
    settings = fields.pop("settings", Settings())
    return Facts(script=Script(name="it", entries=entries), variables={}, settings=settings, limit=limit, **fields)


def known(seconds: float, source: Source = Source.SETTING, **fields: Any) -> Limit:
    """Return a limit that somebody has said."""
    return Limit(seconds=seconds, source=source, **fields)


def chosen(given: Facts) -> Choice:
    """Return the recommendation, which there is."""
    choice = advise(given).choice
    assert choice is not None
    return choice


def flips(given: Facts) -> dict[str, str]:
    """Return what would change the recommendation."""
    return dict(advise(given).flips)


@pytest.mark.parametrize(
    ("given", "way", "limit_s", "network_name"),
    [
        (facts(SHORT), "sync, one command a step", None, None),
        (facts(LONG, limit=DIRECT), "sync, one command a step", None, None),
        (facts(SHORT, limit=known(30.0)), "sync, packed", 30.0, None),
        (facts(SHORT, limit=known(30.0, network="heroku")), "sync, packed", 30.0, "heroku"),
        (facts(Say(Plain("word. " * 150))), "sync, packed", 60.0, "proxy60"),
        (facts(LONG), "auto", ASSUMED_LIMIT_S, "proxy60"),
        (facts(LONG, limit=known(59.0, Source.LEARNED)), "auto", 59.0, None),
        (facts(LONG, limit=known(30.0), receiver=HEARS), "auto", 30.0, None),
        (facts(SHORT, receiver=HEARS, traffic=BUSY), "async", ASSUMED_LIMIT_S, "proxy60"),
        (facts(SHORT, traffic=BUSY), "sync, one command a step", None, None),
        (facts(SHORT, traffic=CUT), "poll", ASSUMED_LIMIT_S, "proxy60"),
        (facts(SHORT, traffic=CUT, receiver=HEARS), "async", ASSUMED_LIMIT_S, "proxy60"),
        (facts(SHORT, traffic=CUT, limit=known(60.0)), "sync, packed", 60.0, None),
        (facts(GetDtmf(timeout_s=10.0), limit=known(30.0)), "sync, packed", 30.0, None),
        (facts(ASK, limit=known(30.0), receiver=HEARS), "auto", 30.0, None),
        (facts(Hold(), SHORT, limit=DIRECT), "auto", None, None),
    ],
)
def test_the_recommended_way(given: Facts, way: str, limit_s: float | None, network_name: str | None) -> None:
    """The simplest that the network lets live; by events where many calls make open requests dear."""
    choice = chosen(given)
    assert (choice.way.name, choice.limit_s, choice.network) == (way, limit_s, network_name)
    assert choice.way.fits
    assert choice.reasons


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            facts(SHORT),
            "the longest request lasts 25 s, which lives behind most proxies (60 s is usual; a few have 29 or 30)",
        ),
        (facts(SHORT, limit=DIRECT), "nothing cuts a request (nothing in between), and the longest request lasts 25 s"),
        (facts(SHORT, limit=known(30.0)), "every request fits under 30 s: the longest lasts 25 s, and 27 s fit"),
        (facts(LONG), "1 of 2 steps cannot be held open under the assumed 60 s: they are acknowledged at once"),
        (facts(LONG, receiver=HEARS), "a receiver runs, so that their end is known as soon as its event is in"),
        (facts(Hold(), SHORT, limit=DIRECT), "1 of 3 steps cannot be held open: they are acknowledged at once"),
        (facts(SHORT, receiver=HEARS, traffic=BUSY), "100 calls were live at once"),
        (facts(SHORT, traffic=CUT), "2 replies of the newest 40 requests were lost"),
        (facts(SHORT, traffic=CUT), "no receiver runs, so that the call is looked at until a step is over"),
        (facts(SHORT, traffic=CUT, receiver=HEARS), "a receiver runs, so that the end of a step is known"),
    ],
)
def test_the_reasons_have_figures(given: Facts, reason: str) -> None:
    """Nothing is recommended without saying why."""
    assert any(each.startswith(reason) for each in chosen(given).reasons), chosen(given).reasons


def test_auto_says_how_often_calls_are_looked_at() -> None:
    """Where no receiver runs."""
    choice = chosen(facts(LONG))
    assert f"{choice.way.plan.looks} times a call" in choice.reasons[1]


def test_what_fits_in_no_way_is_not_recommended() -> None:
    """The plan with the fewest refusals says what to change; a receiver would be a way out."""
    advice = advise(facts(ASK, ASK, limit=known(30.0)))
    assert advice.choice is None
    assert advice.concerns == ()
    assert dict(advice.flips)["if a receiver were running"] == "auto"
    assert best_refused(advice).name == "sync, packed"
    document = advice_document(advice, command=[])
    assert document["recommendation"] is None
    assert [problem["message"][:12] for problem in document["problems"]] == ["the get_dtmf"] * 2


def test_a_shorter_or_longer_limit_changes_it_at_the_very_second() -> None:
    """At the second that is named something else is recommended, and not one second before it."""
    given = facts(LONG, limit=known(30.0))
    told = flips(given)
    longer = next(when for when, then in told.items() if when.endswith("or longer"))
    at_s = int(longer.split()[4])
    assert told[longer] == "sync, packed"
    assert chosen(replace(given, limit=known(at_s))).mode is Mode.SYNC
    assert chosen(replace(given, limit=known(at_s - 1))).mode is Mode.AUTO
    shorter = next(when for when in flips(facts(SHORT)) if when.startswith("if the limit were below"))
    below_s = int(shorter.split()[5])
    assert chosen(facts(SHORT, limit=known(below_s))).mode is Mode.SYNC
    assert chosen(facts(SHORT, limit=known(below_s - 1))).mode is Mode.AUTO


def test_without_any_limit_only_a_shorter_one_changes_it() -> None:
    """And none is longer than none."""
    told = flips(facts(LONG, limit=DIRECT))
    assert not [when for when in told if when.endswith("or longer")]
    assert [when for when in told if when.startswith("if the limit were below")]


def test_a_limit_of_a_second_has_no_shorter_one() -> None:
    """Limits are a second at least."""
    assert not [when for when in flips(facts(SHORT, limit=known(1.0))) if "below" in when]
    told = flips(facts(Hangup(), limit=known(1.5)))
    assert all(int(when.split()[5]) >= 1 for when in told if "below" in when)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        (facts(SHORT), "if a receiver were running, and 100 calls or more were live at once", "async"),
        (facts(SHORT), "if replies were lost", "poll"),
        (facts(SHORT, receiver=HEARS), "if 100 calls or more were live at once", "async"),
        (facts(SHORT, receiver=HEARS, traffic=BUSY), "if no receiver were running", "sync, one command a step"),
        (
            facts(SHORT, receiver=HEARS, traffic=BUSY),
            "if fewer than 100 calls were live at once",
            "sync, one command a step",
        ),
        (facts(SHORT, traffic=BUSY), "if a receiver were running", "async"),
        (facts(SHORT, traffic=CUT), "if a receiver were running", "async"),
    ],
)
def test_what_would_change_it(given: Facts, when: str, then: str) -> None:
    """Circumstances that change nothing are not named."""
    assert flips(given)[when] == then
    assert "if replies were lost" not in flips(replace(given, limit=known(60.0)))


@pytest.mark.parametrize(
    ("given", "concern"),
    [
        (facts(SHORT), "api_limits is not set"),
        (facts(SHORT), "`orchestrator probe` measures it"),
        (facts(LONG, settings=Settings(max_dead_air_s=0.01)), "longer than max_dead_air (0.01 s)"),
        (facts(SHORT, traffic=BUSY), "the API's documented limits carry about"),
        (
            facts(SHORT, traffic=BUSY, settings=Settings(api_limits=ApiLimits(account=RequestLimit(1, 60.0)))),
            "and api_limits carry about 1: the others wait",
        ),
    ],
)
def test_what_is_to_be_heeded(given: Facts, concern: str) -> None:
    """Besides the recommendation."""
    assert any(concern in each for each in advise(given).concerns), advise(given).concerns


@pytest.mark.parametrize(("at_least_s", "told"), [(1.0, True), (3600.0, False), (None, False)])
def test_a_request_longer_than_was_ever_tried_is_to_be_heeded(at_least_s: float | None, told: bool) -> None:
    """A path on which nothing was cut is known only as far as it was tried."""
    limit = Limit(seconds=None, source=Source.GIVEN, at_least_s=at_least_s)
    assert any("was not tried here" in each for each in advise(facts(SHORT, limit=limit)).concerns) is told


def test_nothing_is_to_be_heeded_where_all_is_set() -> None:
    """A limit that is known, request limits that are set, and no budget of silence."""
    settings = Settings(api_limits=ApiLimits())
    assert advise(facts(SHORT, limit=known(60.0), settings=settings, traffic=BUSY)).concerns == ()


@pytest.mark.parametrize(("mode", "told"), [("poll", True), ("sync", False)])
def test_a_script_that_names_its_mode_counts_more_than_the_configuration(mode: str, told: bool) -> None:
    """That is said where it is another one than the recommended."""
    given = facts(SHORT)
    given = replace(given, script=replace(given.script, settings={"mode": Mode(mode)}))
    assert any("name another mode" in each for each in advise(given).concerns) is told


def test_looks_count_against_the_request_limits() -> None:
    """The endpoint that is asked most, or the account; a call alone is always carried, and none where none is set."""
    made = plan(facts(LONG).script, {}, Settings(mode=Mode.POLL))
    limits = ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0))
    lasts_s = made.bounds.expected_s
    assert calls_carried(made, limits) == int(lasts_s / made.looks)
    account = ApiLimits(account=RequestLimit(120, 60.0))
    assert calls_carried(made, account) == int(2 * lasts_s / (made.looks + made.requests))
    assert calls_carried(made, ApiLimits(account=RequestLimit(1, 60.0))) == 1
    assert calls_carried(made, ApiLimits()) is None


@pytest.mark.parametrize(
    ("given", "lines", "words"),
    [
        (facts(SHORT), ["settings:", "  mode: sync"], ["--mode", "sync"]),
        (
            facts(SHORT, limit=known(30.0)),
            ["limit: 30s", "settings:", "  mode: sync"],
            ["--mode", "sync", "--limit", "30s"],
        ),
        (facts(LONG), ["network: proxy60", "settings:", "  mode: auto"], ["--mode", "auto", "--network", "proxy60"]),
    ],
)
def test_the_exact_settings(given: Facts, lines: list[str], words: list[str]) -> None:
    """For the file and for the command line."""
    choice = chosen(given)
    assert yaml_lines(choice) == lines
    assert flags(choice) == words


def document(advice: Advice) -> dict[str, Any]:
    """Return the document as JSON makes it."""
    return dict(json.loads(json.dumps(advice_document(advice, command=["orchestrator", "run", "it.yaml"]))))


def test_the_document() -> None:
    """The three factors, each way with its figures, the recommendation, and what would change it."""
    told = document(advise(facts(LONG, traffic=CUT, receiver=HEARS, limit=known(60.0, network="proxy60"))))
    assert told["application"] == {
        "calls_in_flight": 0,
        "most_calls_in_flight": 0,
        "runs": 9,
        "requests": 40,
        "lost_replies": 2,
        "api_limits_set": False,
    }
    assert told["network"]["limit_s"] == 60.0
    assert (told["network"]["known"], told["network"]["source"]) == (True, "setting")
    assert told["web_server"]["receiver_running"] is True
    assert [way["way"] for way in told["ways"]] == ["sync, one command a step", "sync, packed", "auto", "poll", "async"]
    assert [way["recommended"] for way in told["ways"]] == [False, False, True, False, False]
    assert [way["refused"] for way in told["ways"]] == [0, 1, 0, 0, 0]
    assert [way["fits"] for way in told["ways"]] == [False, False, True, True, True]
    assert told["ways"][0]["if_lost"] == {"heard": 1, "forbidden": 1}
    assert told["recommendation"]["mode"] == "auto"
    assert told["recommendation"]["grouping"] == "packed"
    assert told["recommendation"]["command"] == ["orchestrator", "run", "it.yaml"]
    assert told["flips"]
    assert told["problems"] == []
    single = document(advise(facts(SHORT)))
    assert single["recommendation"]["grouping"] == "one command a step"
    assert single["network"]["source"] == "unknown"


def test_without_a_limit_nothing_is_packed() -> None:
    """So that way is not shown."""
    assert [way.name for way in advise(facts(SHORT, limit=DIRECT)).ways] == [
        "sync, one command a step",
        "auto",
        "poll",
        "async",
    ]


def test_one_script_under_several_networks() -> None:
    """Mode by mode; neighbours with the same figures stand together, and what is refused says why."""
    networks = [network("heroku"), network("aws-nat"), network("gcp-vpc"), network("direct")]
    rows = compared(facts(LONG).script, {}, Settings(), networks=networks)
    assert [row.plan.mode for row in rows] == [mode for mode in MODES for _ in networks]
    names = [[row.network.name for row in group] for group in groups(rows)]
    assert names == [["heroku"], ["aws-nat", "gcp-vpc", "direct"]] * 2 + [[each.name for each in networks]] * 2
    refused = rows[0].to_document()
    assert (refused["network"], refused["mode"], refused["refused"]) == ("heroku", "sync", 1)
    assert refused["problems"][0]["message"].startswith("the say may last")
    fits = rows[1].to_document()
    assert (fits["requests"], fits["if_lost"], fits["breaches"]) == (2, {"heard": 1, "forbidden": 1}, [])


def test_what_is_wrong_is_told_once_with_all_its_places() -> None:
    """As the tightest limit and the mode with the fewest ways out have it; what no limit is to blame for, apart."""
    networks = [network("direct"), network("proxy60"), network("heroku")]
    found = refusals(compared(facts(GetDtmf(timeout_s=90), Hold()).script, {}, Settings(), networks=networks))
    told = [
        (
            each.problem.entry,
            each.problem.limit_s,
            [([*modes], [known.name for known in there]) for modes, there in each.where],
        )
        for each in found
    ]
    limited = ["proxy60", "heroku"]
    assert told == [
        (1, 30.0, [([Mode.SYNC, Mode.AUTO, Mode.POLL], limited)]),
        (2, None, [([Mode.SYNC], ["direct", *limited])]),
    ]
    assert "--mode poll" not in found[0].problem.message


@pytest.mark.parametrize(("hears", "at_once"), [(True, True), (False, False)])
def test_async_is_compared_as_with_a_receiver_and_auto_as_it_is(hears: bool, at_once: bool) -> None:
    """Digits come by an event only where one is heard."""
    rows = compared(
        facts(ASK).script, {}, Settings(hears_events=hears), networks=[network("direct")], modes=(Mode.ASYNC, Mode.AUTO)
    )
    assert rows[0].plan.steps[1].step.asynchronous
    limited = compared(
        facts(ASK).script, {}, Settings(hears_events=hears), networks=[network("heroku")], modes=(Mode.AUTO,)
    )
    assert bool(limited[0].plan.problems) is not at_once
