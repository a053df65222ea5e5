"""`probe` finds the limits of real proxies and of a firewall that forgets connections, and what would help."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tests.conftest import Cli
from tests.network import proxies

FORWARDS = {"haproxy": proxies.haproxy, "nginx": proxies.nginx, "squid": proxies.squid}
BOUNDS = ("--from", "1s", "--to", "12s", "--precision", "0.3s", "--within", "60s")

SQUIDS_TICK_S = 1.2
"""Squid looks at its timers once a second, and counts whole seconds."""


def probe(cli: Cli, url: str, *more: object, code: int = 0) -> dict[str, Any]:
    """Measure the path to a hold server."""
    return cli.json("probe", url, *BOUNDS, *more, code=code)


def is_about(found: dict[str, Any], limit_s: float, *, within_s: float) -> bool:
    return limit_s - within_s <= found["lived_s"] <= found["died_s"] <= limit_s + within_s


def through(url: str, place: proxies.Proxy) -> str:
    """Return the hold server's URL with another host and port."""
    return urlsplit(url)._replace(netloc=str(place)).geturl()


@pytest.mark.parametrize(("name", "limit_s"), [("haproxy", 3), ("nginx", 5), ("haproxy", 8), ("squid", 4)])
def test_the_limit_of_a_proxy(
    bare_cli: Cli, hold_url: str, hold_port: int, tmp_path: Path, name: str, limit_s: int
) -> None:
    """The limit is found as closely as the proxy keeps it; it sends a page, and keepalive does not help."""
    with FORWARDS[name](tmp_path, hold_port, limit_s=limit_s) as place:
        found = probe(bare_cli, through(hold_url, place), "--write", tmp_path / "found.yaml")
    assert is_about(found, limit_s, within_s=SQUIDS_TICK_S if name == "squid" else 0.5)
    assert (found["cut"], found["status"], found["keepalive_cures"]) == ("gateway", 504, False)
    assert (found["kind"], found["complete"]) == ("idle", True)
    assert found["looks_like"].endswith("with a 504 page: a proxy, keepalive does not help")
    doctor = bare_cli("doctor", "--network", tmp_path / "found.yaml")
    assert f"requests are cut after {int(found['lived_s'] * 10) / 10:g} s" in doctor.stdout


@pytest.mark.namespace
@pytest.mark.parametrize(("verdict", "cut"), [("drop", "silent"), ("reject with tcp reset", "reset_on_send")])
def test_a_firewall_that_forgets_silent_connections(bare_cli: Cli, verdict: str, cut: str) -> None:
    """A silent drop is found as closely as a loud end, told from a reset at the next packet, and cured by keepalive."""
    with (
        proxies.forgetful_firewall(limit_s=3, verdict=verdict) as (inside, host),
        proxies.hold_server("--host", host, inside=inside) as url,
    ):
        found = probe(bare_cli, url, "--to", "6s")
    assert is_about(found, 3, within_s=0.5)
    assert (found["cut"], found["keepalive_cures"], found["kind"]) == (cut, True, "idle")
    assert found["looks_like"].endswith("a firewall, router or NAT gateway, keepalive cures it")
    assert "this program's first comes after 15 s, which is too late" in found["advice"]


def test_the_limit_of_a_tunnel(bare_cli: Cli, tmp_path: Path) -> None:
    """Through a forward proxy's CONNECT to a hold server with TLS: a close without a page; keepalive does not help."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    configuration = bare_cli.write("ca.yaml", "ca_file: ca.pem\n")
    with (
        proxies.squid(tmp_path, None, limit_s=4) as place,
        proxies.hold_server("--certificate", str(tmp_path / "server.pem")) as url,
    ):
        found = probe(bare_cli, url, "--proxy", f"http://{place}", "--config", configuration, "--to", "8s")
    assert is_about(found, 4, within_s=SQUIDS_TICK_S)
    assert (found["cut"], found["keepalive_cures"], found["kind"]) == ("closed", False, "idle")
    assert found["proxy"] == f"http://{place}"
