"""Which API a run belongs to, and until when it may dial."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.exchange import Operation
from orchestrator.core.origin import dial_by, normalised, other_api
from orchestrator.core.state import Phase
from tests.fakes import machine as m


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("https://v1.api.phone.com", "https://v1.api.phone.com"),
        (" HTTPS://V1.Api.Phone.Com:443/ ", "https://v1.api.phone.com"),
        ("https://key:secret@api.example/base/", "https://api.example/base"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://api.example:80", "https://api.example:80"),
        ("https://api.example:port", "https://api.example:port"),
        ("nonsense", "://nonsense"),
    ],
)
def test_the_same_api_is_the_same_text(written: str, compared: str) -> None:
    """However it is written, and without credentials."""
    assert normalised(written) == compared


@pytest.mark.parametrize(
    ("theirs", "ours", "other"),
    [("a", "a", None), ("a", "b", "a"), (None, "b", None), ("a", None, None), (None, None, None)],
)
def test_another_api(theirs: str | None, ours: str | None, other: str | None) -> None:
    """Where both are known (runs of an older release do not say), and the run has a call, or may have one."""
    assert other_api(m.state(Phase.READY, api_url=theirs), ours) == other
    assert other_api(m.state(Phase.READY, api_url=theirs, call_id=None), ours) is None
    dial = m.pending(m.intent(Operation.CREATE))
    assert other_api(m.state(Phase.SETTLING, api_url=theirs, call_id=None, pending=dial), ours) == other
    unsent = m.state(Phase.RETRYING, api_url=theirs, call_id=None, pending=replace(dial, unknowns=0))
    assert other_api(unsent, ours) is None


def test_the_latest_moment_to_dial() -> None:
    """What the tries of a dial take, and five minutes."""
    state = m.state(Phase.READY)
    assert dial_by(state) == m.at(60 + 300)
    assert dial_by(m.with_settings(state, retry_total_s=90.0)) == m.at(90 + 300)
    assert dial_by(m.with_settings(state, dial_expire_s=120.0)) == m.at(120 + 300)
