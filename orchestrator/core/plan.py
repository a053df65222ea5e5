"""The plan of a whole script: every step with its durations, its slack, and what a lost reply would leave unknown.

Pure. Checked before anything is sent, and shown by the `plan` command. It walks the script in the order of the file;
which branches a run takes is known only then. Steps themselves are `step`'s business, offered here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core import commands
from orchestrator.core.deadair import ASSUMED_GAP, BY_ITS_REPLY, Gap, Watching, expected_silence_s, watching
from orchestrator.core.durations import Bounds
from orchestrator.core.exchange import Operation, WireCommand
from orchestrator.core.records import Cursor, ReplayClass
from orchestrator.core.script import End, Entry, Goto, Place, Policy, Script, Switch, Variables
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.standins import readable, stood_in
from orchestrator.core.step import PREAMBLE_ENTRY, PlanError, Step, next_step, room_s, with_preamble
from orchestrator.errors import ExpressionError

__all__ = [
    "PREAMBLE_ENTRY",
    "Plan",
    "PlanError",
    "PlanProblem",
    "PlannedControl",
    "PlannedRefusal",
    "PlannedStep",
    "Step",
    "next_step",
    "plan",
    "room_s",
    "with_preamble",
]

ACKNOWLEDGED_S = 1.0
"""A request that is acknowledged at once is taken to last this long at most (contract section 4)."""
_KEYS = re.compile(r"[0-9*#]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblem:
    """An entry that cannot be sent as it stands, and the ways out.

    Attributes:
        entry: Its index.
        place: Where it stands in the file.
        message: What is wrong and what to do.
        limit_s: The network limit that it is too long for; None: that is not what is wrong.
    """

    entry: int
    place: Place
    message: str
    limit_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step as far as it is known beforehand.

    Attributes:
        step: What would be sent, with stand-ins for unknown values. May hold secrets: show `shown` instead.
        place: Where its first entry stands.
        label: The `id` of its first entry.
        shown: One line a command, without secrets.
        unknown: The variables that were stood in for: the durations are estimates as long as there are any.
        slack_s: How much the longest its request may last stays under the network limit; None without a limit.
        if_lost: What would not be known if its reply were lost, and what would be done then.
        way: Why its request is held open, or acknowledged at once; nothing where every one is held open.
        watching: How its end is expected to be learnt.
        silence_s: The dead air expected before it, behind the step that stands before it in the file; None where the
            callee hears nothing of it, or has heard nothing yet.
    """

    step: Step
    place: Place
    label: str | None
    shown: tuple[str, ...]
    unknown: tuple[str, ...]
    slack_s: float | None
    if_lost: str
    way: str = ""
    watching: Watching = BY_ITS_REPLY
    silence_s: float | None = None

    @property
    def request_s(self) -> float:
        """How long its request lasts at most."""
        return ACKNOWLEDGED_S if self.step.asynchronous else self.step.bounds.longest_s

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
            "asynchronous": step.asynchronous,
            "way": self.way,
            "looks": self.watching.looks,
            "dead_air_s": None if self.silence_s is None else round(self.silence_s, 3),
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
class PlannedRefusal:
    """An entry that no step can be made of; `Plan.problems` says why.

    Attributes:
        entry: Its index.
        place: Where it stands.
        label: Its `id`.
        shown: The entry as written.
    """

    entry: int
    place: Place
    label: str | None
    shown: str

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --json` shows of it."""
        return {"kind": "refused", "line": self.place.line, "label": self.label, "shown": [self.shown]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A script's steps and control entries in the order of the file.

    Attributes:
        script_name: The script's name.
        limit_s: The network limit; None without one.
        items: Steps, control entries, and what is refused.
        problems: Why the script cannot be run so; nothing may be sent while there are any.
        unknown: Every variable that was stood in for.
        mode: How the steps' ends are learnt.
        gap: What the dead air is estimated from.
        max_dead_air_s: The longest that is meant to be; None for any.
    """

    script_name: str
    limit_s: float | None
    items: tuple[PlannedStep | PlannedControl | PlannedRefusal, ...]
    problems: tuple[PlanProblem, ...]
    unknown: tuple[str, ...]
    mode: Mode = Mode.SYNC
    gap: Gap = ASSUMED_GAP
    max_dead_air_s: float | None = None

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """Only the steps."""
        return tuple(item for item in self.items if isinstance(item, PlannedStep))

    @property
    def refusals(self) -> tuple[PlannedRefusal, ...]:
        """Only what no step can be made of."""
        return tuple(item for item in self.items if isinstance(item, PlannedRefusal))

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

    @property
    def longest_request_s(self) -> float:
        """The longest that any one request is held open."""
        return max((item.request_s for item in self.steps), default=0.0)

    @property
    def looks(self) -> int:
        """How many GETs of the call are expected if every entry is executed once."""
        return sum(item.watching.looks for item in self.steps)

    @property
    def worst_silence_s(self) -> float:
        """The longest dead air that is expected between two steps."""
        return max((item.silence_s for item in self.steps if item.silence_s is not None), default=0.0)

    @property
    def breaches(self) -> tuple[int, ...]:
        """The numbers of the steps, from 0, before which a longer dead air than `max_dead_air` is expected."""
        longest_s = self.max_dead_air_s
        return tuple(
            number
            for number, item in enumerate(self.steps)
            if longest_s is not None and item.silence_s is not None and item.silence_s > longest_s
        )

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --json` prints; times in seconds."""
        return {
            "script": self.script_name,
            "limit_s": self.limit_s,
            "room_s": None if self.limit_s is None else round(room_s(self.limit_s), 1),
            "requests": self.requests,
            **_times(self.bounds),
            "longest_step_s": round(self.longest_step_s, 1),
            "mode": self.mode.value,
            "longest_request_s": round(self.longest_request_s, 1),
            "looks": self.looks,
            "dead_air": {
                "gap_s": round(self.gap.seconds, 3),
                "measured": self.gap.measured,
                "worst_s": round(self.worst_silence_s, 3),
                "max_s": self.max_dead_air_s,
                "breaches": list(self.breaches),
            },
            "unknown_variables": list(self.unknown),
            "items": [item.to_document() for item in self.items],
            "problems": [
                {"line": problem.place.line, "column": problem.place.column, "message": problem.message}
                for problem in self.problems
            ],
        }


def plan(
    script: Script,
    variables: Variables,
    settings: Settings,
    *,
    to: str | None = None,
    from_: str | None = None,
    gap: Gap = ASSUMED_GAP,
) -> Plan:
    """Plan a whole script, with every problem in it.

    Args:
        script: The script.
        variables: What is given; defaults are filled in. What is missing, and what a run saves, is stood in for.
        settings: `mode`, `limit_s`, `words_per_minute` and `max_dead_air_s` are used, and what `modes` asks for.
        to: The run's callee, where one is given.
        from_: The run's caller id, where one is given.
        gap: What passes between two steps, for the dead air.
    """
    unknown, known = stood_in(script, variables, to=to, from_=from_)
    whole = replace(script, entries=tuple(readable(entry, known, unknown) for entry in script.entries))
    secret = frozenset(variable.name for variable in script.variables if variable.sensitive)
    items: list[PlannedStep | PlannedControl | PlannedRefusal] = []
    problems: list[PlanProblem] = []
    before: PlannedStep | None = None
    cursor = Cursor(0)
    while cursor.entry < len(whole.entries):
        entry = whole.entries[cursor.entry]
        after = Cursor(cursor.entry + 1)
        if isinstance(entry.element, Switch | Goto | End):
            items.append(_control(cursor.entry, entry))
        else:
            try:
                step = next_step(whole, cursor, known, settings, to=to, from_=from_)
            except (PlanError, ExpressionError) as error:
                problems.append(_problem(cursor.entry, entry, error))
                items.append(_refusal(cursor.entry, entry))
                before = None
            else:
                silence_s = _silence_s(before, step, gap)
                before = _planned(step, whole, settings, unknown=unknown, secret=secret, silence_s=silence_s)
                items.append(before)
                problems += _wrong_keys(step, whole, unknown)
                after = step.after
        cursor = after
    return Plan(
        script_name=script.name,
        limit_s=settings.limit_s,
        items=tuple(items),
        problems=tuple(problems),
        unknown=tuple(sorted(unknown)),
        mode=settings.mode,
        gap=gap,
        max_dead_air_s=settings.max_dead_air_s,
    )


def _silence_s(before: PlannedStep | None, step: Step, gap: Gap) -> float | None:
    """Return the dead air that is expected before a step; None where nothing of it, or before it, is heard."""
    if before is None or step.operation is not Operation.COMMAND:
        return None
    return expected_silence_s(before.step, before.watching.lag_s, gap)


def _wrong_keys(step: Step, script: Script, unknown: frozenset[str]) -> list[PlanProblem]:
    """Return a problem for each `send_dtmf` that known variables make something else than keys; it is not quoted."""
    found = []
    for command, index in zip(step.commands, step.entries, strict=True):
        keys, entry = command.get("send_dtmf", {}).get("dtmf"), script.entries[index]
        if keys is not None and not _KEYS.fullmatch(keys) and not commands.names_read(entry) & unknown:
            what = "nothing" if not keys else "something else than the keys 0-9, `*` and `#`"
            message = f"the variables of this send_dtmf make `dtmf` {what}"
            found.append(PlanProblem(entry=index, place=entry.place, message=message))
    return found


def _control(index: int, entry: Entry) -> PlannedControl:
    return PlannedControl(
        entry=index, place=entry.place, label=entry.label, name=commands.name(entry.element), shown=entry.written
    )


def _problem(index: int, entry: Entry, error: PlanError | ExpressionError) -> PlanProblem:
    limit_s = error.limit_s if isinstance(error, PlanError) else None
    return PlanProblem(entry=index, place=entry.place, message=str(error), limit_s=limit_s)


def _refusal(index: int, entry: Entry) -> PlannedRefusal:
    return PlannedRefusal(entry=index, place=entry.place, label=entry.label, shown=entry.written)


def _planned(
    step: Step,
    script: Script,
    settings: Settings,
    *,
    unknown: frozenset[str],
    secret: frozenset[str],
    silence_s: float | None,
) -> PlannedStep:
    entries = [script.entries[index] for index in step.entries]
    names = frozenset[str]().union(*map(commands.names_read, entries))
    request_s = ACKNOWLEDGED_S if step.asynchronous else step.bounds.longest_s
    return PlannedStep(
        step=step,
        place=entries[0].place,
        label=entries[0].label,
        shown=tuple(_shown(command, entry, secret) for command, entry in zip(step.commands, entries, strict=True)),
        unknown=tuple(sorted(names & unknown)),
        slack_s=None if settings.limit_s is None else settings.limit_s - request_s,
        if_lost=f"{_not_known(step)}; {_done_then(step)}",
        way=step.way or (f"{settings.mode.value} mode" if step.asynchronous else ""),
        watching=watching(step, settings),
        silence_s=silence_s,
    )


def _shown(command: WireCommand, entry: Entry, secret: frozenset[str]) -> str:
    """Return a command in one line; as written, and so masked, where it would show a secret."""
    if "send_dtmf" in command or commands.names_read(entry) & secret:
        return entry.written
    return commands.in_words(command)


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
