"""Logs: structlog's set-up, and the observer that writes one line for each record of a run that matters.

The only importer of structlog. It knows no file: lines go to a stream that is already open, so that log rotation and
SIGHUP need nothing. A log that cannot be written is no reason to end a call: such lines are dropped. The CLI calls
`configure`; `compose` passes `log_record` to the runtime.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

from orchestrator.core.exchange import CommandResult, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.masking import mask_cards, mask_numbers
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    EndDecided,
    EventReceived,
    Intended,
    Looked,
    Noticed,
    Record,
    Resolved,
    Resumed,
    RunEnded,
    RunStarted,
    Settled,
    Status,
    Waited,
)
from orchestrator.core.state import Phase, RunState

SHORT_ID = 8
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_SECRET_KEYS = frozenset({"api_key", "api_password", "authorization", "digits", "dtmf", "secrets", "variables"})
_HIDDEN = "***"
_DIGIT = re.compile(r"\d")
_FEWEST_CARD_DIGITS = 13

Line = tuple[int, str, dict[str, object]]
"""What a record becomes: its level, the event in words, and its values."""


def configure(log_format: str, verbosity: int, stream: TextIO | None = None) -> None:
    """Set structlog up for this process.

    Args:
        log_format: `json`: an object a line. `text`: plain lines. `auto`: the same, in colours on a terminal.
        verbosity: 0 shows warnings, 1 also what happens, 2 also looks and waits.
        stream: Where lines go; by default standard error.
    """
    import structlog
    from structlog.dev import ConsoleRenderer, plain_traceback

    chosen = sys.stderr if stream is None else stream
    level = _LEVELS[min(max(verbosity, 0), 2)]
    renderer: Any = structlog.processors.JSONRenderer()
    if log_format != "json":
        renderer = ConsoleRenderer(
            colors=log_format == "auto" and _takes_colours(chosen),
            repr_native_str=True,  # a value in quotes cannot pass for further values
            exception_formatter=plain_traceback,  # the default shows local variables
            sort_keys=False,
        )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            harmless,
            renderer,
        ],
        wrapper_class=type("_Logger", (structlog.make_filtering_bound_logger(level),), {"threshold": level}),
        logger_factory=_Factory(_Lines(chosen)),
        cache_logger_on_first_use=False,
    )


def log_record(record: Record, state: RunState) -> None:
    """Write the line of a record, if it has one; `state` is the run's state after it.

    It says nothing while no one has set structlog up: a program that embeds this package decides about its own output.
    Digits and the values of variables are never in a line; numbers are masked whatever that program's set-up is.
    """
    structlog = sys.modules.get("structlog")  # whoever set it up has imported it
    if structlog is None or not structlog.is_configured():
        return
    level, event, values = _LINES[type(record)](record, state)
    if level < getattr(structlog.get_config()["wrapper_class"], "threshold", 0):
        return
    known: dict[str, object] = {"run_id": state.run_id[:SHORT_ID]}
    if state.call_id is not None:
        known["call_id"] = state.call_id
    known |= {name: value for name, value in values.items() if value is not None}
    structlog.get_logger().log(level, event, **{name: _safe(value) for name, value in known.items()})


def harmless(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask card and phone numbers and secrets in every value, and take the power from characters that steer terminals.

    A processor of structlog. In a traceback line breaks stay, but the lines behind them are indented: none of them can
    pass for a line of the log.
    """
    traceback = event.pop("exception", None)
    safe: dict[str, Any] = {name: _HIDDEN if name in _SECRET_KEYS else _safe(value) for name, value in event.items()}
    if traceback is not None:
        safe["exception"] = "\n".join(f"    {_safe_text(line)}" for line in str(traceback).splitlines())
    return safe


def _safe(value: object) -> object:
    """Return a value of which nothing secret or steering is left, made of JSON's types."""
    match value:
        case None | bool() | float():
            return value
        case int():
            text = mask_cards(str(value)) if abs(value) >= 10 ** (_FEWEST_CARD_DIGITS - 1) else str(value)
            return value if text == str(value) else text
        case Mapping():
            return {
                _safe_text(str(name)): _HIDDEN if name in _SECRET_KEYS else _safe(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_safe(inner) for inner in value]
        case _:
            return _safe_text(str(value))  # of a text that hides itself, `str` is the mask


def _safe_text(text: str) -> str:
    text = mask_numbers(mask_cards(text))
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


# --- lines ------------------------------------------------------------------------------------------------------------


def _started(record: RunStarted, _state: RunState) -> Line:
    return logging.INFO, "run started", {"script": record.script_name, "to": record.to}


def _intended(record: Intended, state: RunState) -> Line:
    values = {"step": len(state.steps), "commands": _what(record), "attempt": record.attempt}
    return logging.INFO, "step sent", {**values, "reason": record.end_reason}


def _concluded(record: Concluded, state: RunState) -> Line:
    seconds = _seconds(record.first_byte, record.at)
    if record.outcome is Outcome.DONE:
        return logging.INFO, "step done", {**_newest_step(record, state), "seconds": seconds}
    values: dict[str, object] = {"reason": record.reason, "status": record.status, "seconds": seconds}
    if state.pending is not None:
        values = {
            "step": len(state.steps),
            "commands": _what(state.pending.intent),
            "attempt": state.pending.attempts,
            **values,
        }
    level = logging.INFO if state.phase is Phase.BUSY else logging.WARNING
    return level, _OUTCOMES[record.outcome], values


_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.UNKNOWN: "outcome unknown",
    Outcome.NOT_SENT: "step not sent",
    Outcome.THROTTLED: "step throttled",
    Outcome.REJECTED: "step rejected",
}


def _newest_step(record: Concluded, state: RunState) -> dict[str, object]:
    """Return what is known of the step that a reply has just closed; nothing for the end of a call."""
    if not state.steps or state.steps[-1].ended != record.at:
        return {}
    step = state.steps[-1]
    failed = [_failed(result) for result in step.results or () if not result.ok]
    return {"step": step.index, "commands": "/".join(step.commands), "failed": ", ".join(failed) or None}


def _failed(result: CommandResult) -> str:
    return f"{result.command}: {_without_digits(result.error or 'failed')}"


def _without_digits(error: str) -> str:
    """Return the server's word for a failure without any key it may have repeated."""
    return _DIGIT.sub("*", error)


def _looked(record: Looked, _state: RunState) -> Line:
    values: dict[str, object] = {"kind": record.kind.value, "ok": record.ok, "reason": record.reason or None}
    seen = record.call
    return logging.DEBUG, "looked", {
        **values,
        "gone": record.gone or None,
        "seen": None if seen is None else seen.status,
        "cause": None if seen is None else seen.hangup_cause,
        "matches": len(record.matches) or None,
    }  # fmt: skip


def _waited(record: Waited, _state: RunState) -> Line:
    return logging.DEBUG, "waiting", {"seconds": _seconds(record.at, record.wake), "why": record.why}


def _settled(record: Settled, _state: RunState) -> Line:
    values = {"verdict": record.verdict.value, "then": record.then.value, "evidence": record.evidence}
    return logging.WARNING, "verdict", {**values, "doubled": record.doubled or None}


def _branched(record: Branched, _state: RunState) -> Line:
    values = {"kind": record.kind.value, "entry": record.entry, "target": record.target.entry}
    is_servers = record.kind in {BranchKind.RETRY, BranchKind.ON_FAILURE}
    reason = _without_digits(record.reason) if is_servers else record.reason
    return logging.INFO, "branch", {**values, "label": record.label, "reason": reason or None}


def _end_decided(record: EndDecided, _state: RunState) -> Line:
    code = None if record.fault is None else record.fault.code
    if record.status is not Status.UNDECIDED:
        return logging.DEBUG, "ending", {"status": record.status.value, "code": code}
    why = None if record.fault is None else record.fault.message
    return logging.WARNING, "a person's verdict is needed", {"code": code, "why": why}


def _ended(record: RunEnded, state: RunState) -> Line:
    return logging.INFO, "run ended", {
        "status": record.status.value,
        "disposition": record.disposition.value,
        "code": None if record.fault is None else record.fault.code,
        "seconds": _seconds(state.begun.at, record.at),
    }  # fmt: skip


def _resumed(record: Resumed, _state: RunState) -> Line:
    return logging.INFO, "run resumed", {"why": record.why}


def _cancel_asked(record: CancelAsked, _state: RunState) -> Line:
    return logging.INFO, "run is to end", {"code": record.code, "why": record.why}


def _resolved(record: Resolved, _state: RunState) -> Line:
    return logging.INFO, "resolved by a person", {"ran": record.ran}


def _event_received(record: EventReceived, _state: RunState) -> Line:
    return logging.DEBUG, "event received", {"status": record.call.status, "source": record.source}


def _noticed(record: Noticed, _state: RunState) -> Line:
    level = logging.INFO if record.code == "limit_learned" else logging.WARNING  # nothing is wrong with that run
    return level, "noticed", {"code": record.code, "message": record.message}


_LINES: Mapping[type, Callable[[Any, RunState], Line]] = {
    RunStarted: _started,
    Intended: _intended,
    Concluded: _concluded,
    Looked: _looked,
    Waited: _waited,
    Settled: _settled,
    Branched: _branched,
    EndDecided: _end_decided,
    RunEnded: _ended,
    Resumed: _resumed,
    CancelAsked: _cancel_asked,
    Resolved: _resolved,
    EventReceived: _event_received,
    Noticed: _noticed,
}


def _what(intent: Intended) -> str:
    return "/".join(intent.commands) or intent.operation.value


def _seconds(start: Instant | None, end: Instant) -> float | None:
    return None if start is None else round(end.since(start), 3)


# --- the stream -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lines:
    """Writes whole lines to a stream, one at a time; a stream that fails or is closed loses them."""

    stream: TextIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def msg(self, line: str) -> None:
        with self.lock, suppress(OSError, ValueError):
            self.stream.write(f"{line}\n")
            self.stream.flush()

    debug = info = warning = error = critical = msg


@dataclass(frozen=True, slots=True)
class _Factory:
    """Gives structlog the one object that writes."""

    lines: _Lines

    def __call__(self, *_names: object) -> _Lines:
        return self.lines


def _takes_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
