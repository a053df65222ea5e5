"""What the exploration of a script comes to, step by step, and which setting would change it. Pure; for `verify`.

The ways out are not guesses: each is tried, by exploring the script once more with that one thing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core import commands
from orchestrator.core.exploring import MOST_REQUESTS, explore
from orchestrator.core.findings import Exploration, Finding, Kind
from orchestrator.core.mishaps import Mishap
from orchestrator.core.plan import Plan, PlannedStep
from orchestrator.core.records import RunStarted
from orchestrator.core.script import Answer, Control, Dial, Entry, Policy, Script

_KEPT_S = 300.0
"""How long a server that keeps replies is taken to keep them."""


@dataclass(frozen=True, slots=True)
class Way:
    """A change that was tried, under which a finding does not come up any more, or by fewer mishaps.

    Attributes:
        change: In words: what to write, or what the server would have to offer.
        instead: What comes up at the same place then, and did not before.
        left: The mishaps that still lead there.
    """

    change: str
    instead: tuple[Kind, ...] = ()
    left: tuple[tuple[int, Mishap], ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """A finding, with the changes that help."""

    finding: Finding
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedStep:
    """A step of the plan, by its number, with what could come of it."""

    number: int
    planned: PlannedStep
    found: tuple[Verified, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What there is to know of a script before it is run.

    Attributes:
        plan: Its plan.
        faults: How many mishaps befell a pretended call at most.
        courses: How many courses of events were followed.
        requests: How many requests were pretended.
        most_requests: The bound.
        bound_reached: There may be more than was found.
        steps: Every step of the plan.
        begun: The pretended run, whose settings the words quote.
    """

    plan: Plan
    faults: int
    courses: int
    requests: int
    most_requests: int
    bound_reached: bool
    steps: tuple[VerifiedStep, ...]
    begun: RunStarted

    @property
    def findings(self) -> Iterator[tuple[VerifiedStep, Verified]]:
        """Every finding with its step, in the order of the plan."""
        return ((step, verified) for step in self.steps for verified in step.found)

    @property
    def may_run_twice(self) -> bool:
        """Whether the callee could hear, be asked, or be sent anything twice."""
        return any(found.finding.kind in (Kind.TWICE, Kind.ASKED_AGAIN) for _, found in self.findings)

    @property
    def may_stay_open(self) -> bool:
        """Whether it could stay unknown what has happened."""
        return any(found.finding.kind in (Kind.UNDECIDED, Kind.NEVER_KNOWN) for _, found in self.findings)

    def number_of(self, entry: int) -> int | None:
        """Return the number of the step that an entry is in."""
        return next((step.number for step in self.steps if entry in step.planned.step.entries), None)

    def to_document(self) -> dict[str, Any]:
        """Return what `verify --json` prints."""
        return {
            "script": self.plan.script_name,
            "mode": self.plan.mode.value,
            "limit_s": self.plan.limit_s,
            "faults": self.faults,
            "courses": self.courses,
            "requests": self.requests,
            "bound_reached": self.bound_reached,
            "may_run_twice": self.may_run_twice,
            "may_stay_open": self.may_stay_open,
            "steps": [self._step_document(step) for step in self.steps],
        }

    def _step_document(self, step: VerifiedStep) -> dict[str, Any]:
        planned = step.planned
        return {
            "step": step.number,
            "line": planned.place.line,
            "label": planned.label,
            "commands": list(planned.step.names),
            "replay_class": planned.step.replay_class.value,
            "if_unknown": planned.step.policy.value,
            "findings": [
                {
                    "kind": one.finding.kind.value,
                    "command": one.finding.command,
                    "code": one.finding.code or None,
                    "details": one.finding.details or None,
                    "because": [
                        {"step": self.number_of(entry), "mishap": mishap.name.lower(), "text": mishap.value}
                        for entry, mishap in one.finding.because
                    ],
                    "ways": [
                        {
                            "change": way.change,
                            "instead": [kind.value for kind in way.instead],
                            "left": [mishap.name.lower() for _, mishap in way.left],
                        }
                        for way in one.ways
                    ],
                }
                for one in step.found
            ],
        }


def verify(
    script: Script, begun: RunStarted, plan: Plan, *, faults: int = 1, most_requests: int = MOST_REQUESTS
) -> Verification:
    """Explore a script, and the changes that would make a difference.

    Args:
        script: The script.
        begun: The pretended run (`pretend.begun`).
        plan: The plan of the same run; it has no problems.
        faults: How many mishaps befall one call at most.
        most_requests: The bound of each exploration.
    """
    found = explore(script, begun, faults=faults, most_requests=most_requests)
    changed = [
        (change, applies, explore(*altered, faults=faults, most_requests=most_requests))
        for change, applies, altered in _alternatives(script, begun, found)
    ]
    steps = []
    for number, planned in enumerate(plan.steps):
        of_step = [each for each in found.findings.values() if each.entry in planned.step.entries]
        of_step.sort(key=lambda each: (each.entry, list(Kind).index(each.kind), each.code))
        verified = tuple(Verified(each, tuple(_ways(each, planned, script, found, changed))) for each in of_step)
        steps.append(VerifiedStep(number, planned, verified))
    return Verification(
        plan=plan,
        faults=faults,
        courses=found.courses,
        requests=found.requests,
        most_requests=most_requests,
        bound_reached=found.bound_reached,
        steps=tuple(steps),
        begun=begun,
    )


_Applies = Callable[[Entry], bool]
_Altered = tuple[Script, RunStarted]


def _alternatives(script: Script, begun: RunStarted, found: Exploration) -> Iterator[tuple[str, _Applies, _Altered]]:
    """Yield the changes worth trying: in words, to which entries they apply, and what to explore then."""
    kinds = {kind for _, kind, _ in found.findings}
    if kinds.isdisjoint(_CHANGEABLE):
        return
    for policy in Policy:
        entries = tuple(_with_policy(entry, policy) for entry in script.entries)
        yield f"`if_unknown: {policy.value}`", _not_yet(policy), (replace(script, entries=entries), begun)
    if any(code == "lost_digits" for _, _, code in found.findings):
        entries = tuple(replace(entry, sensitive=False) for entry in script.entries)
        yield "`sensitive: false`", lambda entry: entry.sensitive, (replace(script, entries=entries), begun)
    settings = begun.settings
    if not settings.shows_results:
        logs = replace(begun, settings=replace(settings, shows_results=True))
        yield "a server with the capability `command_log`", _any_entry, (script, logs)
    if settings.idempotent_for_s is None:
        keeps = replace(begun, settings=replace(settings, idempotent_for_s=_KEPT_S))
        yield "a server with the capability `idempotency_key`", _any_entry, (script, keeps)


_CHANGEABLE = frozenset({Kind.TWICE, Kind.ASKED_AGAIN, Kind.UNDECIDED, Kind.NEVER_KNOWN, Kind.LEFT_OUT})
"""What a policy or a server can change; that a callee is not left waiting is a rule."""


def _ways(
    finding: Finding,
    planned: PlannedStep,
    script: Script,
    found: Exploration,
    changed: list[tuple[str, _Applies, Exploration]],
) -> Iterator[Way]:
    if finding.kind not in _CHANGEABLE:
        return
    entries = planned.step.entries
    key = (finding.entry, finding.kind, finding.code)
    for change, applies, explored in changed:
        if not applies(script.entries[finding.entry]) or explored.bound_reached:
            continue
        still = explored.findings.get(key)
        left = () if still is None else still.because
        if set(left) < set(finding.because):
            after = explored.kinds_at(entries) - found.kinds_at(entries)
            yield Way(change, tuple(kind for kind in Kind if kind in after), left)


def _with_policy(entry: Entry, policy: Policy) -> Entry:
    return replace(entry, if_unknown=policy) if _takes_policy(entry) else entry


def _takes_policy(entry: Entry) -> bool:
    return not isinstance(entry.element, Control | Dial | Answer)


def _not_yet(policy: Policy) -> _Applies:
    return lambda entry: _takes_policy(entry) and commands.policy(entry) is not policy


def _any_entry(_entry: Entry) -> bool:
    return True
