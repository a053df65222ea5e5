"""Tells a monitoring service that a job began, ended well or failed: one GET each, as healthchecks.io takes them.

Never fails the job: whatever goes wrong is returned as words. Each ping takes 5 s at most, name look-up included; the
one at the start keeps nobody waiting. `batch` calls it.
"""

from __future__ import annotations

import threading
import urllib.request
from urllib.parse import urlsplit, urlunsplit

from orchestrator.errors import UsageError

LIMIT_S = 5.0
"""The longest that a ping may take."""


class Healthcheck:
    """The pings of one job."""

    def __init__(self, url: str) -> None:
        """Check the address. Raises UsageError when it is not one of http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError("the healthcheck must be a URL such as https://hc-ping.com/UUID")
        self._parts = parts
        self._starting: _Ping | None = None

    def start(self) -> None:
        """Say that the job begins; returns at once."""
        self._starting = _Ping(self._address("/start"))

    def end(self, *, ok: bool) -> str | None:
        """Say how the job ended, after the ping of its start; return what went wrong with either, or None."""
        before = None if self._starting is None else self._starting.outcome()
        after = _Ping(self._address("" if ok else "/fail")).outcome()
        return after or before

    def _address(self, suffix: str) -> str:
        return urlunsplit(self._parts._replace(path=self._parts.path.rstrip("/") + suffix))


class _Ping:
    """One GET in a thread of its own, which may be left behind: nothing limits how long a name is looked up."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._said: str | None = f"it gave no answer in {LIMIT_S:g} s"
        self._thread = threading.Thread(target=self._send, name="healthcheck", daemon=True)
        self._thread.start()

    def outcome(self) -> str | None:
        """Wait for the answer; return what went wrong, or None."""
        self._thread.join(LIMIT_S)
        return self._said

    def _send(self) -> None:
        try:
            with urllib.request.urlopen(self._url, timeout=LIMIT_S):  # noqa: S310 - `Healthcheck` checks the scheme
                self._said = None
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the job goes on
            self._said = f"{type(error).__name__}: {error}"
