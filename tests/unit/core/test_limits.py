"""What cuts teach: the culprit's name, and a limit that falls at once and rises slowly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.limits import (
    FORGET_AFTER_S,
    TRUSTED_AFTER,
    Cut,
    CutKind,
    History,
    Learned,
    Lived,
    culprit,
    is_news,
    learned_limit,
    limit_to_use,
    same_length,
    told,
)

HOST = "api.example"
NOW = 1_000_000_000.0
CLOSED, RESET, ON_SEND, GATEWAY, SILENT = (
    CutKind.CLOSED,
    CutKind.RESET,
    CutKind.RESET_ON_SEND,
    CutKind.GATEWAY,
    CutKind.SILENT,
)


def cut(
    lasted_s: float, *, ago_s: float = 100, kind: CutKind = GATEWAY, host: str = HOST, keepalive: bool = True
) -> Cut:
    status = 504 if kind is GATEWAY else None
    return Cut(host=host, lasted_s=lasted_s, kind=kind, when=NOW - ago_s, status=status, keepalive=keepalive)


def lived(lasted_s: float, *, ago_s: float = 10, host: str = HOST) -> Lived:
    return Lived(host=host, lasted_s=lasted_s, when=NOW - ago_s)


def learn(*seen: Cut | Lived) -> Learned | None:
    cuts = [each for each in seen if isinstance(each, Cut)]
    clean = [each for each in seen if isinstance(each, Lived)]
    return learned_limit(cuts, clean, host=HOST, now=NOW)


@pytest.mark.parametrize(
    ("lasted_s", "kind", "status", "cures", "name"),
    [
        (350.2, ON_SEND, None, True, "looks like an AWS NAT gateway: 350 s, keepalive cures it"),
        (350.2, RESET, None, None, "looks like an AWS NAT gateway: 350 s"),
        (240.5, SILENT, None, True, "looks like an Azure load balancer or NAT gateway: 240 s, keepalive cures it"),
        (60.0, GATEWAY, 504, False, "60 s with a 504 page: a proxy, keepalive does not help"),
        (30.1, GATEWAY, 503, False, "looks like the Heroku router: 30 s, keepalive does not help"),
        (29.2, GATEWAY, 504, None, "looks like an AWS API gateway: 29 s"),
        (100.4, GATEWAY, 524, None, "looks like Cloudflare: 100 s"),
        (100.4, GATEWAY, 504, None, "100 s with a 504 page: a proxy"),
        (230.0, GATEWAY, 500, None, "looks like the Azure App Service front end: 230 s"),
        (900.0, GATEWAY, None, False, "looks like a Squid proxy: 900 s, keepalive does not help"),
        (60.0, GATEWAY, None, None, "60 s with a 5xx page: a proxy"),
        (3.04, GATEWAY, 504, False, "3.0 s with a 504 page: a proxy, keepalive does not help"),
        (60.2, CLOSED, None, False, "60 s with a close and no reply: a proxy, keepalive does not help"),
        (350.0, RESET, None, False, "350 s with a reset: a proxy, keepalive does not help"),
        (47.0, ON_SEND, None, None, "47 s, a reset at the next packet: a firewall, router or NAT gateway"),
        (47.0, SILENT, None, True, "47 s, a silent drop: a firewall, router or NAT gateway, keepalive cures it"),
        (47.0, SILENT, None, None, "47 s, a silent drop: a firewall, or a server that does not answer"),
        (350.0, GATEWAY, 504, True, "350 s, a 504 page: a firewall, router or NAT gateway, keepalive cures it"),
    ],
)
def test_the_culprit(lasted_s: float, kind: CutKind, status: int | None, cures: bool | None, name: str) -> None:
    """A length that is known names a product, if page and remedy fit; else the kind of device is said."""
    assert culprit(lasted_s=lasted_s, kind=kind, status=status, keepalive_cures=cures) == name


def test_the_same_length_is_a_matter_of_timers() -> None:
    """One second for short limits, 2 % for long ones."""
    assert same_length(30, 31)
    assert not same_length(30, 31.1)
    assert same_length(350, 357)
    assert not same_length(350, 358)


def test_one_cut_is_an_accident() -> None:
    """One cut teaches nothing, nor do two of different lengths or kinds."""
    assert learn(cut(60)) is None
    assert learn(cut(60), cut(40)) is None
    assert learn(cut(60), cut(60, kind=CLOSED)) is None


def test_two_cuts_at_the_same_length_make_a_limit() -> None:
    """The shorter one's length, with the culprit's name."""
    assert learn(cut(60.4, ago_s=9), cut(60.1), cut(20)) == Learned(
        limit_s=60.1,
        cut_at_s=60.1,
        cuts=2,
        newest=NOW - 9,
        why="60 s with a 504 page: a proxy, keepalive does not help",
        raised=False,
    )


def test_cuts_elsewhere_and_long_ago_do_not_count() -> None:
    """Other hosts have other limits, and networks change."""
    assert learn(cut(60), cut(60, host="other.example")) is None
    assert learn(cut(60), cut(60, ago_s=FORGET_AFTER_S + 1)) is None
    assert learn(cut(60), cut(60, ago_s=FORGET_AFTER_S)) is not None


def test_a_silence_is_no_measure() -> None:
    """A request that was given up says how patient its client was."""
    assert learn(cut(35, kind=SILENT), cut(35, kind=SILENT)) is None


def test_the_lowest_of_several_limits_counts() -> None:
    """Two devices in a row: the stricter one is the limit."""
    found = learn(cut(100, kind=CLOSED), cut(100, kind=CLOSED), cut(60), cut(60))
    assert found is not None
    assert found.limit_s == 60


def test_clean_longer_requests_raise_it_slowly() -> None:
    """Three are needed, and the shortest of the three is the new limit."""
    cuts = (cut(60), cut(60))
    twice = learn(*cuts, lived(90), lived(80))
    assert twice is not None
    assert (twice.limit_s, twice.raised) == (60, False)
    thrice = learn(*cuts, lived(90), lived(80), lived(70), lived(300, host="other.example"))
    assert thrice is not None
    assert (thrice.limit_s, thrice.raised, thrice.cut_at_s) == (70, True, 60)


def test_a_new_cut_takes_it_back() -> None:
    """What lived before a shorter cut no longer counts."""
    found = learn(cut(60), cut(60, ago_s=5), *[lived(80, ago_s=50)] * 3)
    assert found is not None
    assert (found.limit_s, found.raised) == (60, False)


@pytest.mark.parametrize(
    ("longer", "text"),
    [((), "router or NAT gateway"), ((351.0,), "gateway: 350 s"), ((400.0,), "350 s, keepalive cures it")],
)
def test_keepalive_is_known_to_cure_what_only_requests_without_it_suffered(
    longer: tuple[float, ...], text: str
) -> None:
    """A request with keepalive that lived clearly longer shows that it helps."""
    length_s = 350.0 if longer else 47.0
    cuts = [cut(length_s, kind=RESET, keepalive=False)] * 2
    found = learn(*cuts, *(lived(each) for each in longer))
    assert found is not None
    assert text in found.why
    assert "does not help" not in found.why


def test_a_setting_overrides() -> None:
    """What a person set counts, then what was learned."""
    learned = learn(cut(60), cut(60))
    assert limit_to_use(30, learned) == 30
    assert limit_to_use(None, learned) == 60
    assert limit_to_use(None, None) is None


def test_a_learned_limit_is_told_in_a_sentence() -> None:
    """How long, from what, who, and what to do; and whether it is kept."""
    learned = learn(cut(60), cut(60.4))
    assert learned is not None
    begun = "the network limit of 60 s was learned from 2 cuts (60 s with a 504 page: a proxy, keepalive does not help)"
    assert told(learned) == f"{begun}; --limit or --network overrides it"
    assert "it is not kept, since not every step fits" in told(learned, kept=False)
    raised = learn(cut(60), cut(60), *[lived(90.04)] * TRUSTED_AFTER)
    assert raised is not None
    assert told(raised).startswith("the network limit of 90 s was learned from 2 cuts")
    assert "raised since longer requests lived" in told(raised)


@pytest.mark.parametrize(("ago_s", "news"), [(100, False), (101, False), (98.5, False), (103, True), (97, True)])
def test_cuts_at_the_same_moment_are_one(ago_s: float, news: bool) -> None:
    """A server that ends cuts requests of every age: that teaches no limit."""
    known = History(cuts=(cut(60, ago_s=100), cut(4, ago_s=1000)))
    assert is_news(cut(20, ago_s=ago_s), known) is news


def test_the_first_of_all_is_news() -> None:
    """Be it a cut or a clean request."""
    assert is_news(cut(60), History())
    assert is_news(lived(60), History())


def test_clean_requests_are_news_until_enough_are_known_that_lasted_as_long() -> None:
    """Shorter ones do not count, nor those that a sooner cut has overruled."""
    enough = [lived(50)] * TRUSTED_AFTER
    assert is_news(lived(50), History(lived=enough[1:]))
    assert not is_news(lived(50), History(lived=enough))
    assert is_news(lived(50.1), History(lived=enough))
    assert is_news(lived(50), History(cuts=[cut(40, ago_s=5)], lived=enough))
    assert not is_news(lived(50), History(cuts=[cut(40, ago_s=5, kind=SILENT)], lived=enough))


lengths = st.floats(1, 700).map(lambda length: round(length, 1)) | st.sampled_from([29.9, 30.0, 30.4, 60.0, 60.5])
moments = st.floats(0, 200)
some_cuts = st.builds(lambda s, ago, kind: cut(s, ago_s=ago, kind=kind), lengths, moments, st.sampled_from(CutKind))
some_lived = st.builds(lambda s, ago: lived(s, ago_s=ago), lengths, moments)


def limit(cuts: list[Cut], clean: list[Lived]) -> float:
    found = learned_limit(cuts, clean, host=HOST, now=NOW)
    return float("inf") if found is None else found.limit_s


@given(st.lists(some_cuts), st.lists(some_lived), some_cuts, some_lived)
def test_a_cut_never_raises_the_limit_and_a_clean_request_never_lowers_it(
    cuts: list[Cut], clean: list[Lived], one_cut: Cut, one_lived: Lived
) -> None:
    """More bad news is never taken for good news, nor the other way round."""
    before = limit(cuts, clean)
    assert limit([*cuts, one_cut], clean) <= before
    assert limit(cuts, [*clean, one_lived]) >= before


@given(st.lists(some_cuts), st.lists(some_lived), lengths)
def test_it_is_never_below_what_lived_cleanly_of_late(cuts: list[Cut], clean: list[Lived], length_s: float) -> None:
    """What enough requests reached after every cut is allowed."""
    recent = [Lived(host=HOST, lasted_s=length_s, when=NOW + 1)] * TRUSTED_AFTER
    assert limit(cuts, [*clean, *recent]) >= length_s


@given(st.lists(some_cuts), st.lists(some_lived), st.randoms())
def test_it_does_not_depend_on_the_order(cuts: list[Cut], clean: list[Lived], random) -> None:
    """Two journals with the same requests teach the same; and a limit is never below every cut."""
    mixed_cuts, mixed_clean = random.sample(cuts, len(cuts)), random.sample(clean, len(clean))
    assert limit(mixed_cuts, mixed_clean) == limit(cuts, clean) >= min((each.lasted_s for each in cuts), default=0)
