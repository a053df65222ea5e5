"""How long a silent HTTP request lives on well-known networks, by profile name (`--network NAME`).

Pure data and its look-up. Profiles in files are read by `scriptfile.networks`, which whoever has a name from a user
asks; `core.limits` names culprits by this table.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import UsageError


class LimitKind(StrEnum):
    """What a network measures."""

    IDLE = "idle"  # no bytes for so long; a silent long request counts
    REPLY = "reply"  # the time to the reply, whatever happens
    NONE = "none"  # nothing is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One profile.

    Attributes:
        name: For `--network`.
        limit_s: The longest a silent request may last; None for ever.
        kind: What is measured.
        client_sees: What the client gets when a request is cut.
        keepalive_helps: Whether TCP keepalive prevents the cut: only where the device works on packets.
        description: What the profile stands for.
        looks_like: How a cut of this length is named, where the length gives the culprit away.
        at_least_s: Where no limit is known: the longest request that is known to live; None: nothing is cut, ever.
    """

    name: str
    limit_s: float | None
    kind: LimitKind
    client_sees: str
    keepalive_helps: bool
    description: str
    looks_like: str | None = None
    at_least_s: float | None = None


_IDLE, _REPLY = LimitKind.IDLE, LimitKind.REPLY

NETWORKS: tuple[Network, ...] = tuple(
    Network(
        name=name,
        limit_s=limit_s,
        kind=kind,
        client_sees=client_sees,
        keepalive_helps=keepalive_helps,
        description=description,
        looks_like=looks_like,
    )
    for name, limit_s, kind, client_sees, keepalive_helps, description, looks_like in (
        ("apigw", 29.0, _REPLY, "504", False, "AWS API Gateway, REST (HTTP API 30)", "an AWS API gateway"),
        ("heroku", 30.0, _REPLY, "503, the app goes on", False, "Heroku router (H12)", "the Heroku router"),
        ("proxy60", 60.0, _IDLE, "504 or close", False, "nginx proxy_read_timeout, AWS ALB: the safe default", None),
        ("cloudflare", 100.0, _REPLY, "524", False, "Cloudflare", "Cloudflare"),
        ("azure-app", 230.0, _IDLE, "500/504", False, "Azure App Service front end", "the Azure App Service front end"),
        (
            "azure-lb",
            240.0,
            _IDLE,
            "silent drop",
            True,
            "Azure Load Balancer, NAT gateway",
            "an Azure load balancer or NAT gateway",
        ),
        ("cloud-run", 300.0, _REPLY, "504, the container goes on", False, "Google Cloud Run", "Google Cloud Run"),
        (
            "aws-nat",
            350.0,
            _IDLE,
            "RST on the next packet",
            True,
            "AWS NAT gateway, NLB, VPC endpoints",
            "an AWS NAT gateway",
        ),
        (
            "gcp-vpc",
            600.0,
            _IDLE,
            "silent drop",
            True,
            "Google VPC connection tracking",
            "Google VPC connection tracking",
        ),
        ("squid", 900.0, _IDLE, "504 page", False, "Squid read_timeout", "a Squid proxy"),
        ("direct", None, LimitKind.NONE, "nothing is cut", False, "nothing in between", None),
    )
)
"""Every profile, the shortest limit first."""


def network(name: str) -> Network:
    """Return the profile of that name. Raises UsageError, naming the nearest one."""
    by_name = {profile.name: profile for profile in NETWORKS}
    found = by_name.get(name.strip().lower())
    if found is not None:
        return found
    near = difflib.get_close_matches(name.lower(), by_name, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(by_name)}."
    raise UsageError(f"there is no network profile `{name}`: {hint} Or give the limit itself, as in --limit 30s.")
