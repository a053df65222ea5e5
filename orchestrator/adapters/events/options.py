"""How an event receiver is started, checked. No I/O; the receiver makes it from the configuration and flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from orchestrator.errors import ConfigurationError

Network = IPv4Network | IPv6Network
SHORTEST_SECRET = 16
"""Characters of a signing secret, and of the secret in the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all together, may take up.

    Attributes:
        body_bytes: The longest body.
        head_s: How long the head of a request may take, from the connection or the end of the request before.
        body_s: How long its body may take.
        connections: Open at a time; a further one is closed at once.
        requests: Events in hand at a time; a further one is told to come again.
        closing_s: How long a stop waits for what is in hand.
    """

    body_bytes: int = 65_536
    head_s: float = 5.0
    body_s: float = 5.0
    connections: int = 512
    requests: int = 256
    closing_s: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverOptions:
    """How an event receiver is started; docs/reference/events.md says what each is for.

    Attributes:
        host: Address to listen on.
        port: 0 takes a free one.
        public_url: What the API reaches it by, where a proxy stands before it.
        allow: Addresses that events may come from; empty: any.
        trust_forwarded: Proxies whose `X-Forwarded-For` is believed.
        metrics_from: Addresses that `/metrics` is shown to.
        signing_secrets: Any of them signs an event; empty: events are not signed.
        timestamp_header: Where the signature's time is.
        signature_header: Where the signature is.

    Raises:
        ConfigurationError: A secret is too short to be one.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    allow: tuple[Network, ...] = ()
    trust_forwarded: tuple[Network, ...] = ()
    metrics_from: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    timestamp_header: str = "X-Timestamp"
    signature_header: str = "X-Signature"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if any(len(secret) < SHORTEST_SECRET for secret in self.signing_secrets):
            raise ConfigurationError(
                f"a signing secret has at least {SHORTEST_SECRET} characters: others must not guess it"
            )
