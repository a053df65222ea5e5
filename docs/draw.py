"""Draws the parts of the docs that come from the code, so that they cannot drift: `make docs`.

A test draws them again and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.core.phases import TRANSITIONS, Event, Phase

STATES = Path(__file__).parent / "explanation" / "states.md"
BEGIN, END = "<!-- drawn: begin -->", "<!-- drawn: end -->"


def state_diagram() -> str:
    """Return the Mermaid diagram of every transition, events that change nothing left out."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.NEW}"]
    for phase, ways in TRANSITIONS.items():
        by_target: dict[Phase, list[Event]] = {}
        for event, target in ways.items():
            if target is not phase:
                by_target.setdefault(target, []).append(event)
        lines += [
            f"    {phase} --> {target}: {', '.join(event.value for event in events)}"
            for target, events in by_target.items()
        ]
    lines += [f"    {Phase.ENDED} --> [*]", "```"]
    return "\n".join(lines)


def transition_table() -> str:
    """Return the whole table, a row a phase and an event."""
    lines = ["| phase | event | next phase |", "| --- | --- | --- |"]
    for phase, ways in TRANSITIONS.items():
        lines += [f"| {phase} | {event.value} | {target} |" for event, target in ways.items()]
    return "\n".join(lines)


def with_drawings(page: str) -> str:
    """Return a page with what stands between its marks drawn anew."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{state_diagram()}\n\n{transition_table()}\n\n{END}{after}"


def main() -> None:
    """Write the page anew."""
    STATES.write_text(with_drawings(STATES.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"drew {STATES.name}\n")


if __name__ == "__main__":
    main()
