"""Pings of a monitoring service."""

from __future__ import annotations

import socket

import pytest

from orchestrator.adapters import healthcheck
from orchestrator.adapters.healthcheck import Healthcheck
from orchestrator.errors import UsageError


@pytest.mark.parametrize("url", ["", "hc-ping.com/uuid", "file:///etc/passwd", "https://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before the job begins."""
    with pytest.raises(UsageError, match="URL"):
        Healthcheck(url)


def test_a_monitor_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a job waits for its limit and no longer; what went wrong is returned."""
    monkeypatch.setattr(healthcheck, "LIMIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        check = Healthcheck(f"http://127.0.0.1:{server.getsockname()[1]}/uuid")
        check.start()
        assert check.end(ok=True) is not None


def test_a_monitor_that_is_away_is_told_of() -> None:
    """Without raising."""
    check = Healthcheck("http://127.0.0.1:9/uuid")
    assert "refused" in (check.end(ok=False) or "")
