"""Tells a simulation as a person would want to read it. The same simulation has the same story, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING

from orchestrator.core.instant import Instant
from orchestrator.core.script import Entry
from tests.fakes.virtual_time import EPOCH

if TYPE_CHECKING:
    from tests.property.simulation import Simulated


def story(simulated: Simulated) -> str:
    """Return script, weather, mishaps, records, requests and the server's transcript, in order."""
    scenario = simulated.scenario
    lines = [f"callee {_short(scenario.callee)}"]
    lines.append(
        f"network limit {scenario.limit_s}, server's clock {scenario.skew_s:+g} s, offers {scenario.capabilities}"
    )
    for name in (
        "modes",
        "jumps",
        "cancel_s",
        "stop",
        "resolved",
        "abandoned",
        "extra",
        "limits",
        "others",
        "incoming",
    ):
        value = getattr(scenario, name)
        lines += [f"{name} {value}"] if value else []
    lines += [f"mishap {_short(crash)}" for crash in scenario.crashes]
    lines += [f"{at}: {entry.label or ''} {_options(entry)}" for at, entry in enumerate(scenario.script.entries)]
    told = [
        (at, f"  journal  {_short(record)}") for at, record in zip(simulated.written_s, simulated.records, strict=True)
    ]
    told += [(sent.at_s, f"  sent     {sent.request.operation} {_short(sent.treatment)}") for sent in simulated.sent]
    told += [(at_s, f"  process  {text}") for at_s, text in simulated.happened]
    for entry in simulated.server.transcript.entries:
        if entry["event"] != "request" or entry["method"] != "GET":
            shown = {key: value for key, value in entry.items() if key not in ("seq", "at", "body", "call", "start")}
            told.append((entry["at"] - EPOCH - scenario.skew_s, f"  server   {shown}"))
    lines += [f"{at:8.2f}{text}" for at, text in sorted(told, key=lambda one: one[0])]
    return "\n".join(lines)


def _short(thing: object) -> str:
    """Return a dataclass with those of its fields that say something."""
    shown = []
    for one in fields(thing):  # type: ignore[arg-type]
        value = getattr(thing, one.name)
        plain = one.default if one.default is not MISSING else None
        if value not in (plain, (), {}, None) and one.name not in (
            "at",
            "digests",
            "settings",
            "began",
            "script_source",
        ):
            shown.append(f"{one.name}={_text(value)[:160]}")
    return f"{type(thing).__name__}({', '.join(shown)})"


def _text(value: object) -> str:
    """Return a value without anything that differs between processes, such as the order of a set."""
    if isinstance(value, Instant):
        return f"{value.boot_s:.2f}"
    if isinstance(value, frozenset | set):
        return str(sorted(value, key=str))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_text, value)) + ")"
    if is_dataclass(value):
        return _short(value)
    return str(value)


def _options(entry: Entry) -> str:
    when = "" if entry.when is None else f" when {entry.when.source}"
    policy = entry.if_unknown or "default"
    return f"{_short(entry.element)} save={entry.save} {_short(entry.on_failure)} {policy} {entry.sensitive}{when}"
