"""How long the longest way through a script lasts. Pure; for warnings of `max_call`, and for batches with windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.core.plan import Plan, PlannedStep
from orchestrator.core.script import End, Entry, FailureAction, Goto, Script, Switch


def longest_way_s(script: Script, plan: Plan, *, visits: int = 1) -> float:
    """Return how long the longest way through a script lasts, seconds; questions that are asked again count each time.

    Lost replies, and what is settled or said again because of them, are not foreseen: `max_call` bounds them.

    Args:
        script: The script.
        plan: Of that script; what its durations are worth depends on the variables that it was made with.
        visits: How often a label is entered that is jumped back to (`max_visits`); 1 leaves jumps backwards out.
    """
    position_of = {item.label: index for index, item in reversed(list(enumerate(plan.items))) if item.label is not None}
    entries_of = [
        [script.entries[number] for number in numbers if number >= 0]
        for numbers in (item.step.entries if isinstance(item, PlannedStep) else (item.entry,) for item in plan.items)
    ]
    targets_of = [
        [position_of.get(label, 0) for entry in entries for label in _labels(entry)] for entries in entries_of
    ]
    loops: dict[int, int] = {}  # from where a label is jumped back to at the latest, by the label's place
    for index, targets in enumerate(targets_of):
        loops |= {target: index for target in targets if target <= index}
    rest_s = [0.0] * (len(plan.items) + 1)  # how long it lasts from here on
    for index in range(len(plan.items) - 1, -1, -1):
        item, entries = plan.items[index], entries_of[index]
        ways = [rest_s[target] for target in targets_of[index] if target > index]
        if any(map(_may_go_on, entries)):
            ways.append(rest_s[index + 1])
        own_s = 0.0
        if isinstance(item, PlannedStep):
            asked = 1 + max((each.on_failure.retry for each in entries), default=0)
            own_s = item.step.bounds.longest_s * asked * _times(index, loops, visits)
        rest_s[index] = own_s + max(ways, default=0.0)
    return rest_s[0]


def _times(index: int, loops: Mapping[int, int], visits: int) -> int:
    """Return how often an item is come to at most: by each label before it that is jumped back to from behind it."""
    return max(1, visits * sum(start <= index <= end for start, end in loops.items()))


def _labels(entry: Entry) -> Iterator[str]:
    match entry.element:
        case Switch(cases=cases, otherwise=otherwise):
            yield from cases.values()
            yield otherwise
        case Goto(label=label):
            yield label
    if entry.on_failure.action is FailureAction.GOTO and entry.on_failure.label is not None:
        yield entry.on_failure.label


def _may_go_on(entry: Entry) -> bool:
    return entry.when is not None or not isinstance(entry.element, Switch | Goto | End)
