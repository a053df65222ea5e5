"""Refuses a script that differs from what a run has already executed (design section 4.9). Pure."""

from __future__ import annotations

from orchestrator.core.script import Script
from orchestrator.core.state import RunState
from orchestrator.errors import ChangedPastError, Problem


def refuse_changed_past(state: RunState, script: Script) -> None:
    """Raise ChangedPastError, with every difference, unless each executed entry is as it was."""
    problems = []
    file = script.path or script.name
    for index, digest in sorted(state.executed.items()):
        if index >= len(script.entries):
            message = (
                f"entry {index + 1} has already run, and the script no longer has it; put it back, or cancel the run"
            )
            problems.append(Problem(file, 0, 0, message))
        elif script.entries[index].digest != digest:
            entry = script.entries[index]
            message = (
                f"entry {index + 1} has already run and was different; now it is `{entry.written}`. "
                "Only what has not run may change: put it back, or cancel the run"
            )
            problems.append(Problem(file, entry.place.line, entry.place.column, message))
    labels = {entry.label for entry in script.entries}
    if state.settings.on_stale is not None and state.settings.on_stale not in labels:
        problems.append(Problem(file, 0, 0, f"the label `{state.settings.on_stale}` that on_stale names is gone"))
    if problems:
        raise ChangedPastError(problems)
