"""Tells a simulated batch as a person would want to read it. The same batch has the same story, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.virtual_time import EPOCH
from tests.property.story import _options, _short

if TYPE_CHECKING:
    from tests.property.batch_seen import SimulatedBatch


def batch_story(simulated: SimulatedBatch) -> str:
    """Return campaign, contacts, weather, mishaps, records, requests, the server's transcript and the results."""
    scenario = simulated.scenario
    lines = [_short(scenario.campaign), *map(_short, scenario.rows)]
    for name in ("forbidden", "unprepared"):
        lines += [f"{name} {sorted(getattr(scenario, name))}"] if getattr(scenario, name) else []
    for number, behaviours in scenario.callees.items():
        lines += [f"callee {number}: {', '.join(map(_short, behaviours))}"]
    for name in ("outage", "period_s", "limit_s", "skew_s", "capabilities", "mode", "drowsy_s"):
        value = getattr(scenario, name)
        lines += [f"{name} {value}"] if value else []
    lines += [f"life {_short(life)}" for life in scenario.lives]
    if scenario.neighbour is not None:
        other = scenario.neighbour
        begun = "after each of these" if scenario.beside_s is None else f"{scenario.beside_s:g} s before each of these"
        lines += [f"its neighbour, whose ticks begin {begun}: {_short(other.campaign)}", *map(_short, other.rows)]
        lines += [f"life of the neighbour {_short(life)}" for life in other.lives]
    lines += [f"{at}: {entry.label or ''} {_options(entry)}" for at, entry in enumerate(scenario.script.entries)]
    lines += [f"{at:8.2f}{text}" for at, text in sorted(_told(simulated), key=lambda one: one[0])]
    lines += [f"row {_short(row)}" for _, row in simulated.rows]
    return "\n".join(lines)


def _told(simulated: SimulatedBatch) -> list[tuple[float, str]]:
    told = [(at_s, f"  process  {text}") for at_s, text in simulated.happened]
    for tick in simulated.ticks:
        told.append((tick.began_s, f"  process  {tick.process.name} of {tick.scenario.campaign.name} begins"))
        if tick.ended_s is not None:
            came_to = tick.error if tick.report is None else _short(tick.report)
            told.append((tick.ended_s, f"  process  {tick.process.name} has ended: {came_to}"))
    for run_id, run in simulated.runs.items():
        written = zip(run.written_s, run.records, strict=True)
        told += [(at_s, f"  journal  {run_id} {_short(record)}") for at_s, record in written]
        told += [
            (sent.at_s, f"  sent     {run_id} {sent.request.operation} {_short(sent.treatment)}") for sent in run.sent
        ]
        told += [
            (sent.at_s, f"  sent     {run_id} {sent.request.operation} {_short(sent.treatment)}") for sent in run.looks
        ]
    for entry in simulated.server.transcript.entries:
        if entry["event"] != "request" or entry["method"] != "GET":
            shown = {key: value for key, value in entry.items() if key not in ("seq", "at", "body", "start")}
            if "call" in shown:
                shown["call"] = str(shown["call"])[-4:]
            told.append((entry["at"] - EPOCH - simulated.scenario.skew_s, f"  server   {shown}"))
    return told
