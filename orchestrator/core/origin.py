"""Which API a run belongs to, and until when it may dial. Pure; the runner asks before it drives an earlier run.

A call exists at one API and for one account: asked elsewhere, nobody knows it, and that proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.core.instant import Instant
from orchestrator.core.state import RunState

LATE_S = 300.0
"""How long after the last try of a dial that nothing held up a resume may still dial."""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The API that a process uses, as its runs note it.

    Attributes:
        api_url: Its base URL, `normalised`; None: not known.
        account: Names the API key, without telling it.
    """

    api_url: str | None = None
    account: str | None = None


def normalised(api_url: str) -> str:
    """Return a base URL as runs are compared by it: without credentials, case, default port and slash at its end.

    One that is no URL, which the transport refuses, is returned as it is.
    """
    try:
        parts = urlsplit(api_url.strip())
        number = parts.port
    except ValueError:
        return api_url
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if number in (None, _PORTS.get(parts.scheme)) else f":{number}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def other_api(state: RunState, api_url: str | None, *, unasked: Instant | None = None) -> str | None:
    """Return the base URL of the API that a run belongs to, where that is not the one in use and both are known.

    A run that has called nobody yet belongs to none: it may go on anywhere, where a person says so. Carried on with
    `unasked`, at that moment, one that was tried on a test system must not ring a real phone: as long as it may dial,
    it belongs to the API that it was begun with. Later it rings nobody, and may be ended.
    """
    if None in (state.api_url, api_url) or state.api_url == api_url:
        return None
    belongs = state.has_called or (unasked is not None and unasked.since(dial_by(state)) < 0)
    return state.api_url if belongs else None


def dial_by(state: RunState) -> Instant:
    """Return until when a run may dial at the latest: a callee expects the call when it was asked for, not hours later.

    The tries of a dial that fails take `dial_expire` or `retry_total`; `LATE_S` is for whoever resumes.
    """
    settings = state.settings
    return state.begun.at.plus(max(settings.dial_expire_s, settings.retry_total_s) + LATE_S)
