"""The network profiles are the figures that were measured, and a wrong name is helped."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.networks import NETWORKS, LimitKind, network
from orchestrator.errors import UsageError


@pytest.mark.parametrize(
    ("name", "limit_s", "kind", "keepalive_helps"),
    [
        ("apigw", 29, "reply", False),
        ("heroku", 30, "reply", False),
        ("proxy60", 60, "idle", False),
        ("cloudflare", 100, "reply", False),
        ("azure-app", 230, "idle", False),
        ("azure-lb", 240, "idle", True),
        ("cloud-run", 300, "reply", False),
        ("aws-nat", 350, "idle", True),
        ("gcp-vpc", 600, "idle", True),
        ("squid", 900, "idle", False),
        ("direct", None, "none", False),
    ],
)
def test_profile(name: str, limit_s: float | None, kind: str, keepalive_helps: bool) -> None:
    """Each profile has the limit, the kind and the remedy that were measured."""
    found = network(name)
    assert (found.name, found.limit_s, found.kind, found.keepalive_helps) == (
        name,
        limit_s,
        LimitKind(kind),
        keepalive_helps,
    )
    assert found.client_sees
    assert found.description


def test_profiles_are_all_tested() -> None:
    """There are eleven profiles, each with a name of its own, the shortest limit first."""
    assert len({profile.name for profile in NETWORKS}) == len(NETWORKS) == 11
    limits = [profile.limit_s for profile in NETWORKS if profile.limit_s is not None]
    assert limits == sorted(limits)


def test_name_is_read_loosely() -> None:
    """Case and surrounding space do not matter."""
    assert network(" Heroku ").name == "heroku"


@pytest.mark.parametrize(("name", "hint"), [("heruko", "did you mean `heroku`?"), ("xyz", "known are apigw, heroku")])
def test_unknown_name(name: str, hint: str) -> None:
    """An unknown name is a usage error that names the nearest one, else all, and the other way to give a limit."""
    with pytest.raises(UsageError, match="--limit 30s") as raised:
        network(name)
    assert hint in str(raised.value)


def test_the_reference_page_shows_every_profile() -> None:
    """The table of the docs has the figures of the code, in the same order."""
    page = Path(__file__).parents[3] / "docs" / "reference" / "network-profiles.md"
    rows = [line.split("|") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [(row[1].strip(" `"), row[2].strip(), row[5].strip()) for row in rows] == [
        (
            profile.name,
            "none" if profile.limit_s is None else f"{profile.limit_s:g} s",
            "–" if profile.limit_s is None else "yes" if profile.keepalive_helps else "no",  # noqa: RUF001 - as on the page
        )
        for profile in NETWORKS
    ]


def test_only_what_gives_itself_away_has_a_culprit() -> None:
    """The generic proxy and the direct way name nobody."""
    assert [profile.name for profile in NETWORKS if profile.looks_like is None] == ["proxy60", "direct"]
