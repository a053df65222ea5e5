"""The network profiles are the figures that were measured, and a wrong name is helped."""

from __future__ import annotations

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
