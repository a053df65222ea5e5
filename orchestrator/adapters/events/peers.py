"""Who sent a request: the peer, or whom a trusted proxy names. Pure; the application asks it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from orchestrator.adapters.events.options import Network

Address = IPv4Address | IPv6Address


def client_of(peer: str | None, forwarded: Sequence[str], *, trusted: Collection[Network]) -> Address | None:
    """Return who sent a request; None where that cannot be told.

    Args:
        peer: The address that is connected.
        forwarded: The values of `X-Forwarded-For`, in their order. Anybody can write them, so they are read from the
            right, and only as far as each was added by a trusted proxy.
        trusted: The proxies.
    """
    client = _address(peer)
    named = [part for value in forwarded for part in value.split(",")]
    while client is not None and named and within(client, trusted):
        client = _address(named.pop())
    return client


def within(address: Address | None, networks: Collection[Network]) -> bool:
    """Return whether an address is in one of the networks; one that is not known is in none."""
    return address is not None and any(address in network for network in networks)


def _address(text: str | None) -> Address | None:
    """Read an address, also as some proxies write it, with a port or in brackets."""
    text = (text or "").strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
