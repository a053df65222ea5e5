"""What `probe` shows: what it is about to do, how it goes, and what was found."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.cli.output import line, note, result, result_document, stderr_console

if TYPE_CHECKING:
    from orchestrator.cli.app import App
    from orchestrator.core.networks import Network
    from orchestrator.core.probing import Finding, Measured
    from orchestrator.probe.api import ApiFindings
    from orchestrator.probe.client import Probe, Progress
    from orchestrator.probe.holds import About
    from orchestrator.probe.server import HoldServer
    from orchestrator.probe.way import Way

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stoppable(Protocol):
    def stop(self) -> None: ...


@contextmanager
def stoppable(probe: _Stoppable) -> Iterator[threading.Event]:
    """Let Ctrl-C and SIGTERM end a probe instead of the process; yields what tells whether one did."""
    stopped = threading.Event()

    def hear(_number: int, _frame: object) -> None:
        stopped.set()
        # not here: a handler interrupts anything, even a lock that `stop` needs
        threading.Thread(target=probe.stop, name="stop", daemon=True).start()

    before = {number: signal.signal(number, hear) for number in _SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(server: HoldServer, ready: Callable[[str], None]) -> None:
    """Run a hold server until a signal ends it."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, server.stop)
        await server.run(ready)

    asyncio.run(run())


def announce(probe: Probe, about: About, way: Way) -> None:
    """Say on stderr what is about to be done, and how long it takes at most."""
    bounds = probe.bounds
    by = "" if way.route.proxy is None else f" through the proxy {way.route.proxy} ({way.route.proxy_reason})"
    note(f"Measuring the path to {way.authority}{by}, which sees us as {about.peer}.")
    for name in ("via", "forwarded", "x-forwarded-for"):
        if name in about.headers:
            note(f"Somebody in between adds `{name}: {line(about.headers[name])}`.")
    note(
        f"Holding {bounds.parallel} requests at a time, silent for {bounds.from_s:g} to {bounds.to_s:g} s. "
        f"This takes at most {_minutes(bounds.at_most_s)}. Ctrl-C: say what is known."
    )


@contextmanager
def shown(app: App, probe: Probe) -> Iterator[None]:
    """Show on a terminal how it goes."""
    console = stderr_console()
    if app.as_json or not console.is_terminal:
        yield
        return
    from rich.status import Status

    with Status("…", console=console) as status:
        probe.progress.told = lambda progress: status.update(_progress(probe, progress))
        yield


def profile_of(known: Measured, *, name: str, way: Way) -> Network:
    """Return the profile of what was measured."""
    from orchestrator.core.probing import network_of

    described = f"measured to {way.authority}" + (f", {known.looks_like}" if known.looks_like else "")
    return network_of(known, name=name, description=described)


def comment(probe: Probe) -> str:
    """Return the first line of a profile's file."""
    precise = "" if probe.complete else ", stopped before it was complete"
    return f"Made by `orchestrator probe` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC{precise}."


def tell(app: App, probe: Probe, known: Measured, *, written: Path | None, way: Way) -> None:
    """Print what was found. `written` is the file of its profile."""
    from orchestrator.adapters.transport.sockets import KEEPALIVE_IDLE_S
    from orchestrator.core.probing import advice

    advised = advice(known, keepalive_idle_s=KEEPALIVE_IDLE_S)
    if app.as_json:
        result_document(
            _document(probe, known, way=way) | {"advice": advised, "written": None if written is None else str(written)}
        )
        return
    for finding in sorted(probe.progress.findings, key=lambda each: (each.hold.length_s, not each.hold.is_plain)):
        result(_told(finding))
    result()
    for fact in _facts(known):
        result(fact)
    if not probe.complete:
        result(f"Stopped after {_minutes(probe.progress.measured_s)}, before everything was known.")
    result(f"Recommended: {advised}.")
    if written is not None:
        result(f"Written: {written}. To use it: --network {written.stem if _is_kept(written) else written}")


def tell_api(app: App, found: ApiFindings) -> None:
    """Print what was learnt from the API."""
    if app.as_json:
        result_document(found.to_document())
        return
    for name, fact in found.facts():
        result(f"{name:13} {line(fact)}")


def _document(probe: Probe, known: Measured, *, way: Way) -> dict[str, Any]:
    about = probe.about
    return {
        "host": way.authority,
        "proxy": way.route.proxy,
        "peer": None if about is None else about.peer,
        "round_trip_s": None if about is None else round(about.round_trip_s, 4),
        "lived_s": known.lived_s,
        "died_s": None if known.died_s is None else round(known.died_s, 3),
        "cut": known.cut,
        "status": known.status,
        "server": known.server,
        "keepalive_cures": known.keepalive_cures,
        "kind": known.kind,
        "looks_like": known.looks_like,
        "strays": known.strays,
        "precise": known.precise,
        "complete": probe.complete,
        "took_s": round(probe.progress.measured_s, 1),
        "findings": [_finding(each) for each in probe.progress.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "length_s": finding.hold.length_s,
        "keepalive_s": finding.hold.keepalive_s,
        "beat": finding.hold.beat,
        "cut": finding.cut,
        "lasted_s": round(finding.lasted_s, 3),
        "status": finding.status,
        "server": finding.server,
    }


def _facts(known: Measured) -> Iterator[str]:
    if known.died_s is None:
        yield f"Limit:      none up to {known.lived_s:g} s"
    else:
        assert known.cut is not None, "what died was cut"
        yield f"Limit:      lived {known.lived_s:g} s, cut at {known.died_s:.1f} s ({_cut(known.cut, known.status)})"
        yield f"Keepalive:  {_KEEPALIVE[known.keepalive_cures]}"
        if known.kind is not None:
            yield f"Counts:     {_KINDS[known.kind.value]}"
        yield f"Probably:   {known.looks_like}"
    if known.server is not None:
        yield f"Answered:   {line(known.server)}"
    if known.strays:
        yield f"Strays:     {known.strays} cut far sooner than others that lived: this path also loses requests"


_KEEPALIVE = {True: "cures it", False: "does not help", None: "not known"}
_KINDS = {
    "idle": "silence: a reply that comes bit by bit lives longer",
    "reply": "the whole reply: one that comes bit by bit is cut as well",
}
_CUTS = {
    "closed": "closed without a reply",
    "reset": "reset",
    "reset_on_send": "silence, and a reset at the next packet",
    "gateway": "answered {status} by somebody in between",
    "silent": "nothing ever came",
}


def _cut(kind: str, status: int | None) -> str:
    return _CUTS[kind].format(status=status or "")


def _told(finding: Finding) -> str:
    hold = finding.hold
    how = " with bytes now and then" if hold.beat else ""
    how = how if hold.keepalive_s is None else f" with keepalive after {hold.keepalive_s} s"
    if finding.cut is None:
        return f"{hold.length_s:8.1f} s{how}: answered"
    return f"{hold.length_s:8.1f} s{how}: {_cut(finding.cut, finding.status)} after {finding.lasted_s:.1f} s"


def _progress(probe: Probe, progress: Progress) -> str:
    from orchestrator.core.probing import measured

    known = measured(progress.findings, precision_s=probe.bounds.precision_s)
    longest_s = max((hold.length_s for hold in progress.open), default=0.0)
    died = "" if known.died_s is None else f", cut at {known.died_s:.1f} s"
    return (
        f"{_minutes(progress.measured_s)} of at most {_minutes(probe.bounds.at_most_s)}: "
        f"{len(progress.open)} requests open, the longest for {longest_s:g} s; lived {known.lived_s:g} s{died}"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _is_kept(file: Path) -> bool:
    from orchestrator.scriptfile.networks import networks_folder

    return file.parent == networks_folder()
