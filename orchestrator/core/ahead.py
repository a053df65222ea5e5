"""What a run may still come to, and which secrets it needs for that. Pure; compose asks before a run is resumed."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.commands import names_read
from orchestrator.core.script import End, Goto, Script, Switch
from orchestrator.core.state import Phase, RunState


def lost_ahead(state: RunState, script: Script) -> frozenset[str]:
    """Return the secret variables, given when the run began, that it may still read and nobody holds any more.

    Digits that were saved are not among them: the run goes back to the `get_dtmf` that saves them.
    """
    lost = state.lost.intersection(state.begun.secret_names) - state.saved_by.keys()
    if not lost or state.phase is Phase.UNDECIDED or state.ending is not None or state.cancel is not None:
        return frozenset()
    read = {name for index in _ahead(state, script) for name in names_read(script.entries[index])}
    return lost & read


def _ahead(state: RunState, script: Script) -> set[int]:
    """Return every entry that the run may still execute."""
    starts = [state.cursor.entry, *(entry for entry, _ in state.saved_by.values())]
    if state.failure is not None:
        starts.append(state.failure.entry)
    if state.settings.on_stale is not None:
        starts += _places(script, state.settings.on_stale)
    found: set[int] = set()
    while starts:
        index = starts.pop()
        if index < len(script.entries) and index not in found:
            found.add(index)
            starts.extend(_successors(script, index))
    return found


def _successors(script: Script, index: int) -> Iterator[int]:
    entry = script.entries[index]
    labels: list[str | None] = [entry.on_failure.label]
    match entry.element:
        case Switch(cases=cases, otherwise=otherwise):
            labels += [*cases.values(), otherwise]
        case Goto(label=target):
            labels.append(target)
    for label in labels:
        if label is not None:
            yield from _places(script, label)
    if entry.when is not None or not isinstance(entry.element, Switch | Goto | End):
        yield index + 1


def _places(script: Script, label: str) -> list[int]:
    """Return where a label is: nowhere, if the script has changed so that a resume will be refused."""
    return [index for index, entry in enumerate(script.entries) if entry.label == label]
