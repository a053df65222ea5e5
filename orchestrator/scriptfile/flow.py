"""The order of a script: whether every path through its labels obeys the contract (section 3).

A graph over the entries, judged without knowing the values of variables. Called by `document`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.scriptfile.entries import Jump, Sketch
from orchestrator.scriptfile.source import Complaints
from orchestrator.scriptfile.words import quote, suggestion

_FIRST = ("dial", "answer")


def check_order(sketches: Sequence[Sketch], on_stale: Jump | None, complaints: Complaints) -> None:
    """Complain about labels, order, unreachable entries and endless loops."""
    labels = _labels(sketches, complaints)
    graph = _Graph(sketches, labels)
    for sketch in sketches:
        for jump in (*sketch.jumps, *([sketch.on_failure] if sketch.on_failure else [])):
            _check_label(jump, labels, complaints)
    if on_stale is not None:
        _check_label(on_stale, labels, complaints)
    _check_first(sketches, complaints)
    _check_never_again(sketches, labels, on_stale, complaints)
    _check_after_hangup(graph, complaints)
    _check_loops(graph, complaints)
    _check_reachable(graph, labels, on_stale, complaints)
    _check_hold(graph, complaints)


@dataclass(frozen=True, slots=True)
class _Graph:
    """The entries with their successors. An index equal to the number of entries is the end of the script."""

    sketches: Sequence[Sketch]
    labels: dict[str, int]

    def successors(self, index: int) -> list[int]:
        """Return where a run may go from an entry."""
        sketch = self.sketches[index]
        after = [self.labels[jump.label] for jump in sketch.jumps if jump.label in self.labels]
        if sketch.on_failure is not None and sketch.on_failure.label in self.labels:
            after.append(self.labels[sketch.on_failure.label])
        if sketch.conditional or not sketch.is_control:
            after.append(index + 1)
        return [target for target in after if target < len(self.sketches)]

    def reach(self, starts: Iterable[int], seen: set[int]) -> list[int]:
        """Return every entry not yet `seen` that a run may reach from `starts`, those included, and mark it seen."""
        found: list[int] = []
        ahead = [index for index in starts if index < len(self.sketches)]
        while ahead:
            index = ahead.pop()
            if index not in seen:
                seen.add(index)
                found.append(index)
                ahead.extend(self.successors(index))
        return found

    def leading_to(self, kind: str) -> set[int]:
        """Return every entry from which a run may reach an entry of that kind, those included."""
        before: dict[int, list[int]] = {}
        for index in range(len(self.sketches)):
            for target in self.successors(index):
                before.setdefault(target, []).append(index)
        found: set[int] = set()
        ahead = [index for index, sketch in enumerate(self.sketches) if sketch.kind == kind]
        while ahead:
            index = ahead.pop()
            if index not in found:
                found.add(index)
                ahead.extend(before.get(index, []))
        return found


def _labels(sketches: Sequence[Sketch], complaints: Complaints) -> dict[str, int]:
    labels: dict[str, int] = {}
    for index, sketch in enumerate(sketches):
        if sketch.label is None:
            continue
        first = labels.setdefault(sketch.label.label, index)
        if first != index:
            line = complaints.source.place(sketches[first].at).line
            complaints.add(sketch.label.at, f"the label {quote(sketch.label.label)} is already used in line {line}")
    return labels


def _check_label(jump: Jump, labels: dict[str, int], complaints: Complaints) -> None:
    if jump.label not in labels:
        hint = suggestion(jump.label, labels) if labels else "; give the entry to go to an `id`"
        complaints.add(jump.at, f"there is no label {quote(jump.label)}{hint}")


def _check_first(sketches: Sequence[Sketch], complaints: Complaints) -> None:
    first = sketches[0]
    if first.kind is not None and first.kind not in _FIRST:
        complaints.add(first.at, f"the first entry must be `dial`, not `{first.kind}`: there is no call yet")
    for sketch in sketches[1:]:
        if sketch.kind in _FIRST:
            complaints.add(sketch.at, f"`{sketch.kind}` can only be the first entry: one script is one call")


def _check_never_again(
    sketches: Sequence[Sketch], labels: dict[str, int], on_stale: Jump | None, complaints: Complaints
) -> None:
    """A jump to the first entry would dial again."""
    jumps = [jump for sketch in sketches for jump in (*sketch.jumps, sketch.on_failure)]
    for jump in (*jumps, on_stale):
        if jump is not None and labels.get(jump.label) == 0 and sketches[0].kind in _FIRST:
            complaints.add(jump.at, f"{quote(jump.label)} is the `{sketches[0].kind}`, which cannot be repeated")


def _check_after_hangup(graph: _Graph, complaints: Complaints) -> None:
    """Each entry is judged once, by the first certain `hangup` that leads to it, else by the first possible one."""
    seen: set[int] = set()
    hangups = [index for index, sketch in enumerate(graph.sketches) if sketch.kind == "hangup"]
    for index in sorted(hangups, key=lambda index: graph.sketches[index].conditional):
        hangup = graph.sketches[index]
        line = complaints.source.place(hangup.at).line
        message = f"comes after the `hangup` of line {line}: the call has ended, only `sms` and `end` can follow"
        for later in graph.reach([index + 1], seen):
            sketch = graph.sketches[later]
            if sketch.kind in (None, "sms", *_FIRST) or sketch.is_control:
                continue
            if hangup.conditional:
                complaints.warn(sketch.at, f"`{sketch.kind}` possibly {message}")
            else:
                complaints.add(sketch.at, f"`{sketch.kind}` {message}")


def _check_loops(graph: _Graph, complaints: Complaints) -> None:
    """Control entries that lead back to themselves never end: without a command, nothing changes on the way."""
    state: dict[int, bool] = {}  # True: on the path that is being walked; False: done
    for start, sketch in enumerate(graph.sketches):
        path = [(start, iter(graph.successors(start)))] if sketch.is_control and start not in state else []
        for index, _ in path:
            state[index] = True
        while path:
            index, ahead = path[-1]
            target = next(ahead, None)
            if target is None:
                state[index] = False
                path.pop()
            elif state.get(target):
                line = complaints.source.place(graph.sketches[target].at).line
                complaints.add(
                    graph.sketches[index].at, f"this leads back to line {line} without any command: an endless loop"
                )
            elif graph.sketches[target].is_control and target not in state:
                state[target] = True
                path.append((target, iter(graph.successors(target))))


def _check_reachable(graph: _Graph, labels: dict[str, int], on_stale: Jump | None, complaints: Complaints) -> None:
    stale = labels.get(on_stale.label) if on_stale is not None else None
    reached: set[int] = set()
    graph.reach([0] if stale is None else [0, stale], reached)
    for index, sketch in enumerate(graph.sketches):
        if index not in reached:
            complaints.warn(sketch.at, "this entry is never reached")


def _check_hold(graph: _Graph, complaints: Complaints) -> None:
    released = graph.leading_to("unhold")
    for index, sketch in enumerate(graph.sketches):
        if sketch.kind == "hold" and index not in released:
            complaints.warn(sketch.at, "no `unhold` follows this `hold`: the callee stays on hold")
