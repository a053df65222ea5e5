"""The plan of a whole script: every step with its durations, its slack, and what a lost reply would leave unknown.

Pure. Checked before anything is sent, and shown by the `plan` command. It walks the script in the order of the file;
which branches a run takes is known only then. Steps themselves are `step`'s business, offered here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from orchestrator.core import commands
from orchestrator.core.durations import Bounds
from orchestrator.core.exchange import WireCommand
from orchestrator.core.records import Cursor, ReplayClass
from orchestrator.core.script import (
    Command,
    End,
    Entry,
    Goto,
    Place,
    Plain,
    Policy,
    Script,
    Switch,
    Value,
    Variables,
)
from orchestrator.core.settings import Settings
from orchestrator.core.step import PREAMBLE_ENTRY, PlanError, Step, next_step, room_s, with_preamble
from orchestrator.errors import ExpressionError

__all__ = [
    "PREAMBLE_ENTRY",
    "Plan",
    "PlanError",
    "PlanProblem",
    "PlannedControl",
    "PlannedStep",
    "Step",
    "next_step",
    "plan",
    "room_s",
    "with_preamble",
]

Element = TypeVar("Element", bound=Command)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblem:
    """An entry that cannot be sent as it stands, and the ways out.

    Attributes:
        entry: Its index.
        place: Where it stands in the file.
        message: What is wrong and what to do.
    """

    entry: int
    place: Place
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step as far as it is known beforehand.

    Attributes:
        step: What would be sent, with stand-ins for unknown values. May hold secrets: show `shown` instead.
        place: Where its first entry stands.
        label: The `id` of its first entry.
        shown: One line a command, without secrets.
        unknown: The variables that were stood in for: the durations are estimates as long as there are any.
        slack_s: How much the longest duration stays under the network limit; None without a limit.
        if_lost: What would not be known if its reply were lost, and what would be done then.
    """

    step: Step
    place: Place
    label: str | None
    shown: tuple[str, ...]
    unknown: tuple[str, ...]
    slack_s: float | None
    if_lost: str

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --json` shows of it; times in seconds."""
        step = self.step
        return {
            "kind": "step",
            "line": self.place.line,
            "label": self.label,
            "operation": step.operation.value,
            "commands": list(step.names),
            "entries": list(step.entries),
            "shown": list(self.shown),
            **_times(step.bounds),
            "slack_s": None if self.slack_s is None else round(self.slack_s, 1),
            "replay_class": step.replay_class.value,
            "if_unknown": step.policy.value,
            "if_lost": self.if_lost,
            "saves": step.saves,
            "unknown_variables": list(self.unknown),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedControl:
    """A `switch`, `goto` or `end` between steps.

    Attributes:
        entry: Its index.
        place: Where it stands.
        label: Its `id`.
        name: Which kind it is.
        shown: The entry as written.
    """

    entry: int
    place: Place
    label: str | None
    name: str
    shown: str

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --json` shows of it."""
        return {"kind": self.name, "line": self.place.line, "label": self.label, "shown": [self.shown]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A script's steps and control entries in the order of the file.

    Attributes:
        script_name: The script's name.
        limit_s: The network limit; None without one.
        items: Steps and control entries.
        problems: Why the script cannot be run so; nothing may be sent while there are any.
        unknown: Every variable that was stood in for.
    """

    script_name: str
    limit_s: float | None
    items: tuple[PlannedStep | PlannedControl, ...]
    problems: tuple[PlanProblem, ...]
    unknown: tuple[str, ...]

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """Only the steps."""
        return tuple(item for item in self.items if isinstance(item, PlannedStep))

    @property
    def requests(self) -> int:
        """How many requests carry commands if every entry is executed once."""
        return len(self.steps)

    @property
    def bounds(self) -> Bounds:
        """How long all steps last together if every entry is executed once."""
        return sum((item.step.bounds for item in self.steps), Bounds())

    @property
    def longest_step_s(self) -> float:
        """The longest that any one request may last."""
        return max((item.step.bounds.longest_s for item in self.steps), default=0.0)

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --json` prints; times in seconds."""
        return {
            "script": self.script_name,
            "limit_s": self.limit_s,
            "room_s": None if self.limit_s is None else round(room_s(self.limit_s), 1),
            "requests": self.requests,
            **_times(self.bounds),
            "longest_step_s": round(self.longest_step_s, 1),
            "unknown_variables": list(self.unknown),
            "items": [item.to_document() for item in self.items],
            "problems": [
                {"line": problem.place.line, "column": problem.place.column, "message": problem.message}
                for problem in self.problems
            ],
        }


def plan(
    script: Script, variables: Variables, settings: Settings, *, to: str | None = None, from_: str | None = None
) -> Plan:
    """Plan a whole script, with every problem in it.

    Args:
        script: The script.
        variables: What is given; defaults are filled in. What is missing, and what a run saves, is stood in for.
        settings: `limit_s` and `words_per_minute` are used.
        to: The run's callee, where one is given.
        from_: The run's caller id, where one is given.
    """
    unknown, known = _stood_in(script, variables, to=to, from_=from_)
    readable = replace(script, entries=tuple(_readable(entry, known, unknown) for entry in script.entries))
    secret = frozenset(variable.name for variable in script.variables if variable.sensitive)
    items: list[PlannedStep | PlannedControl] = []
    problems: list[PlanProblem] = []
    cursor = Cursor(0)
    while cursor.entry < len(readable.entries):
        entry = readable.entries[cursor.entry]
        after = Cursor(cursor.entry + 1)
        if isinstance(entry.element, Switch | Goto | End):
            items.append(_control(cursor.entry, entry))
        else:
            try:
                step = next_step(readable, cursor, known, settings, to=to, from_=from_)
            except (PlanError, ExpressionError) as error:
                problems.append(PlanProblem(entry=cursor.entry, place=entry.place, message=str(error)))
            else:
                items.append(_planned(step, readable, settings.limit_s, unknown=unknown, secret=secret))
                after = step.after
        cursor = after
    return Plan(
        script_name=script.name,
        limit_s=settings.limit_s,
        items=tuple(items),
        problems=tuple(problems),
        unknown=tuple(sorted(unknown)),
    )


def _stood_in(
    script: Script, variables: Variables, *, to: str | None, from_: str | None
) -> tuple[frozenset[str], Mapping[str, Value]]:
    """Return the names whose values are not known yet, and a value for every name."""
    declared = {variable.name: variable for variable in script.variables}
    known: dict[str, Value] = {name: found.default for name, found in declared.items() if found.default is not None}
    known |= variables
    known |= {name: number for name, number in (("to", to), ("from", from_)) if number is not None}
    saved = frozenset(entry.save for entry in script.entries if entry.save is not None)
    read = frozenset[str]().union(*map(commands.names_read, script.entries))
    unknown = frozenset(name for name in read if name in saved or name not in known)
    by_type: Mapping[str, Value] = {"integer": 1, "number": 1.0, "boolean": True}
    for name in unknown:
        kind = declared[name].type if name in declared else "text"
        known[name] = by_type.get(kind, f"«{name}»")
    return unknown, known


def _readable(entry: Entry, known: Variables, unknown: frozenset[str]) -> Entry:
    """Return an entry that can be rendered: as it is, or with texts as written where a stand-in makes no sense."""
    if isinstance(entry.element, Switch | Goto | End) or not commands.names_read(entry) & unknown:
        return entry
    try:
        commands.wire(entry.element, known)
    except ExpressionError:
        return replace(entry, element=_as_written(entry.element))
    return entry


def _as_written(element: Element) -> Element:
    changes: dict[str, Any] = {}
    for each in fields(element):
        value = getattr(element, each.name)
        if hasattr(value, "source"):
            changes[each.name] = Plain(value.source)
        elif isinstance(value, tuple):
            changes[each.name] = tuple(map(_as_written, value))
    return replace(element, **changes)


def _control(index: int, entry: Entry) -> PlannedControl:
    return PlannedControl(
        entry=index, place=entry.place, label=entry.label, name=commands.name(entry.element), shown=entry.written
    )


def _planned(
    step: Step, script: Script, limit_s: float | None, *, unknown: frozenset[str], secret: frozenset[str]
) -> PlannedStep:
    entries = [script.entries[index] for index in step.entries]
    names = frozenset[str]().union(*map(commands.names_read, entries))
    return PlannedStep(
        step=step,
        place=entries[0].place,
        label=entries[0].label,
        shown=tuple(_shown(command, entry, secret) for command, entry in zip(step.commands, entries, strict=True)),
        unknown=tuple(sorted(names & unknown)),
        slack_s=None if limit_s is None else limit_s - step.bounds.longest_s,
        if_lost=f"{_not_known(step)}; {_done_then(step)}",
    )


def _shown(command: WireCommand, entry: Entry, secret: frozenset[str]) -> str:
    """Return a command in one line; as written, and so masked, where it would show a secret."""
    ((name, parameters),) = command.items()
    if name == "send_dtmf" or commands.names_read(entry) & secret:
        return entry.written
    if name == "say":
        return f"say: {parameters['text']}"
    return f"{name}: {json.dumps(parameters, ensure_ascii=False)}" if parameters else name


def _not_known(step: Step) -> str:
    if "sms" in step.names:
        return "whether the message was sent"
    return {
        ReplayClass.HARMLESS: "nothing that matters",
        ReplayClass.HEARD: "whether all of it was heard",
        ReplayClass.ASKS: "the digits pressed",
        ReplayClass.DANGEROUS: "whether the digits were keyed",
        ReplayClass.FORBIDDEN: "whether the phone rang",
    }[step.replay_class]


def _done_then(step: Step) -> str:
    if step.replay_class is ReplayClass.FORBIDDEN:
        return "the run looks for the call, and stops and asks unless the call is found or was surely not made"
    if step.policy is Policy.REPEAT:
        return "the question is asked again" if step.replay_class is ReplayClass.ASKS else "it is repeated"
    return "the run goes on without it" if step.policy is Policy.SKIP else "the run stops and asks"


def _times(lasts: Bounds) -> dict[str, float]:
    return {
        "shortest_s": round(lasts.shortest_s, 1),
        "expected_s": round(lasts.expected_s, 1),
        "longest_s": round(lasts.longest_s, 1),
    }
