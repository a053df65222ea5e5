"""Carries drills out: a sandbox, and for each drill a process that runs the script there and may be killed.

`drill` shows what came of it. Each drill has a journal of its own in a folder that is removed.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from orchestrator.cli.sandboxed import CREDENTIALS, environment
from orchestrator.core.drills import Blow, Drill, Drilled, Noticed, compared
from orchestrator.core.masking import SHORTEST_SECRET, without_keys, without_secrets
from orchestrator.errors import ConfigurationError, OrchestratorError

if TYPE_CHECKING:
    from orchestrator.cli.app import App

SETTLING = {"settle_dangerous": "1s", "settle_heard": "300ms", "dial_expire": "2s"}
"""The sandbox is near and delivers nothing late, so that nobody has to wait for as long as on a real network."""
_CONTROL_TIMEOUT_S = 30.0
_SOON_S = 2.0


class Sandbox:
    """The control endpoints of a sandbox.

    Args:
        url: Where it is.
        secrets: The script's secret variables. What was spoken is told without them, and without the keys pressed.
    """

    def __init__(self, url: str, *, secrets: Iterable[str] = ()) -> None:
        self.url = url
        self._secrets = tuple(secrets)
        self._host = urlsplit(url).netloc

    def reset(self) -> None:
        """Forget all calls and faults."""
        self._ask("POST", "reset")

    def add_fault(self, fault: dict[str, Any]) -> None:
        """Add a fault."""
        self._ask("POST", "faults", fault)

    def transcript(self) -> list[dict[str, Any]]:
        """Return the whole transcript."""
        entries: list[dict[str, Any]] = self._ask("GET", "transcript")["transcript"]
        keyed = {entry["dtmf"] for entry in entries if len(entry.get("dtmf") or "") >= SHORTEST_SECRET}
        for entry in entries:
            if "text" in entry:
                entry["text"] = without_keys(without_secrets(entry["text"], {*self._secrets, *keyed}), keyed)
        return entries

    def wait(self, timeout_s: float, **wanted: object) -> dict[str, Any] | None:
        """Return the first such entry as soon as there is one; None after the timeout."""
        query = urlencode({"timeout": timeout_s, **wanted})
        entry: dict[str, Any] | None = self._ask("GET", f"wait?{query}").get("entry")
        return entry

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, timeout=_CONTROL_TIMEOUT_S)
        try:
            connection.request(method, f"/_sandbox/{path}", None if body is None else json.dumps(body))
            with connection.getresponse() as reply:
                text = reply.read()
                if reply.status >= 400 and reply.status != 408:
                    raise ConfigurationError(f"the sandbox refused {method} {path}: {text[:200].decode()}")
                answer: dict[str, Any] = json.loads(text or b"{}")
                return answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ConfigurationError(f"the sandbox does not answer: {error}") from None
        finally:
            connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where drills take place.

    Attributes:
        app: The global options.
        sandbox: Stands in for the API.
        folder: For journals; private.
        words: What `run` is given: the script and its options.
        again: What `resume` is given: the values that no journal holds.
        preamble: What the run speaks before it repeats something (`replay_preamble`).
        patience_s: How long one drill may take.
    """

    app: App
    sandbox: Sandbox
    folder: Path
    words: Sequence[str]
    again: Sequence[str]
    preamble: str | None
    patience_s: float


def carry_out(ground: Ground, drill: Drill, *, clean: Sequence[Noticed]) -> Drilled:
    """Run the script once with the blow of a drill; return what it came to. Raises ConfigurationError."""
    ground.sandbox.reset()
    fault = drill.fault()
    if fault is not None:
        ground.sandbox.add_fault(fault)
    journal = ground.folder / f"{drill.request}-{drill.blow.name.lower()}.db"
    ends = time.monotonic() + ground.patience_s
    with _started(ground, journal, "run", *ground.words) as process:
        if drill.blow is Blow.KILLED:
            _await_middle(ground, drill, ends=ends)
            process.kill()
        _finish(process, ends=ends)
    if drill.blow is Blow.KILLED:
        with _started(ground, journal, "resume", "--all", *ground.again) as process:
            _finish(process, ends=ends)
    document = _document(ground, journal)
    return compared(drill, ground.sandbox.transcript(), clean=clean, document=document, preamble=ground.preamble)


@contextmanager
def _started(ground: Ground, journal: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program; it does not outlive this."""
    config = () if ground.app.config is None else ("--config", ground.app.config)
    key, password = CREDENTIALS
    given = {"ORCHESTRATOR_API_URL": ground.sandbox.url, "ORCHESTRATOR_API_KEY": key}
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "orchestrator", *config, "--journal", str(journal), *words],
        env={**environment(), **given, "ORCHESTRATOR_API_PASSWORD": password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the drill, which ends this
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _await_middle(ground: Ground, drill: Drill, *, ends: float) -> None:
    """Wait until the server works on the drill's request."""
    after = 0
    for _ in range(drill.of_method):
        left_s = max(min(ends - time.monotonic(), _CONTROL_TIMEOUT_S - 1.0), 0.1)
        entry = ground.sandbox.wait(left_s, after=after, event="request", method=drill.method)
        if entry is None:
            return
        after = entry["seq"]
    if drill.method != "DELETE" and drill.path != "/sms":
        ground.sandbox.wait(_SOON_S, after=after, event="running")


def _finish(process: subprocess.Popen[bytes], *, ends: float) -> None:
    """Wait for the end of a process, as long as the drill may take; what takes longer is ended by its owner."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(ends - time.monotonic(), 0.0))


def _document(ground: Ground, journal: Path) -> dict[str, Any] | None:
    """Return the document of the one run of a journal; None where there is none."""
    if not journal.exists():
        return None
    with ground.app.orchestrator(journal=str(journal), api_url=ground.sandbox.url) as orchestrator:
        try:
            runs = [summary.run_id for summary in orchestrator.journal.runs()]
            return orchestrator.show(runs[0]) if runs else None
        except OrchestratorError:
            return None
