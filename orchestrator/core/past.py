"""Refuses a script that differs from what a run has already executed (rules, section 4.9). Pure."""

from __future__ import annotations

from orchestrator.core.script import Script
from orchestrator.core.state import RunState
from orchestrator.errors import ChangedPastError, Problem


def refuse_changed_past(state: RunState, script: Script, *, original: Script | None = None) -> None:
    """Raise ChangedPastError, with every difference, unless each executed entry is as it was.

    Args:
        state: The run.
        script: What is to be executed from here on.
        original: The script as the journal keeps it, to show what an entry was.
    """
    problems = []
    file = script.path or script.name
    were = original.entries if original is not None else ()
    for index, digest in sorted(state.executed.items()):
        if index >= len(script.entries):
            message = (
                f"entry {index + 1} has already run, and the script no longer has it; put it back, or cancel the run"
            )
            problems.append(Problem(file, 0, 0, message))
        elif script.entries[index].digest != digest:
            entry = script.entries[index]
            was = f"\n    was: {were[index].written}" if index < len(were) else ""
            message = (
                f"entry {index + 1} has already run and must stay as it was; put it back, or cancel the run{was}"
                f"\n    now: {entry.written}"
            )
            problems.append(Problem(file, entry.place.line, entry.place.column, message))
    labels = {entry.label for entry in script.entries}
    if state.settings.on_stale is not None and state.settings.on_stale not in labels:
        problems.append(Problem(file, 0, 0, f"the label `{state.settings.on_stale}` that on_stale names is gone"))
    if problems:
        raise ChangedPastError(problems)
