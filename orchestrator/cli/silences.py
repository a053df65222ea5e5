"""The dead air of a run, in words and for its document. For `show`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.cli.exits import counted

if TYPE_CHECKING:
    from orchestrator.core.deadair import Silence


def told(silences: Sequence[Silence], steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what was measured, a line each: the whole first, then the steps before which it was too long."""
    if not silences:
        return []
    seconds = [silence.seconds for silence in silences]
    before = counted(len(silences), "step")
    whole = f"{statistics.median(seconds):.2f} s in the middle, {max(seconds):.2f} s at most, before {before}"
    return [whole, *(_special(silence, steps) for silence in silences if silence.is_breach or silence.at_most)]


def _special(silence: Silence, steps: Sequence[Mapping[str, Any]]) -> str:
    # A step that the call's end overtook is in no document.
    commands = ", ".join(steps[silence.step]["commands"]) if silence.step < len(steps) else "not told"
    mark, bound = "! " if silence.is_breach else "", "at most " if silence.at_most else ""
    why = ["longer than max_dead_air"] if silence.is_breach else []
    why += ["what was sent before with a lost reply may have been heard in it"] if silence.at_most else []
    return f"{mark}{bound}{silence.seconds:.2f} s before step {silence.step} ({commands}): {'; '.join(why)}"


def with_dead_air(document: Mapping[str, Any], silences: Sequence[Silence]) -> dict[str, Any]:
    """Return a run's document with what was measured: `dead_air` of the whole, and `dead_air_s` of each step."""
    from orchestrator.core.deadair import in_short

    by_step = {silence.step: round(silence.seconds, 3) for silence in silences}
    steps = [{**step, "dead_air_s": by_step.get(step["index"])} for step in document["steps"]]
    return {**document, "steps": steps, "dead_air": in_short(silences)}
