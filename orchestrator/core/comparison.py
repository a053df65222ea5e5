"""One script under several networks and in several modes, side by side. Pure; `plan --compare` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core.advicewords import plan_figures, problems_document
from orchestrator.core.deadair import ASSUMED_GAP, Gap
from orchestrator.core.networks import Network
from orchestrator.core.plan import Plan, PlanProblem, plan
from orchestrator.core.script import Script, Variables
from orchestrator.core.settings import Mode, Settings

MODES = (Mode.SYNC, Mode.AUTO, Mode.POLL, Mode.ASYNC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The script under one network in one mode.

    Attributes:
        network: It.
        plan: The script's plan there.
    """

    network: Network
    plan: Plan

    def to_document(self) -> dict[str, Any]:
        """Return what `plan --compare --json` shows of it; times in seconds."""
        return {
            "network": self.network.name,
            "limit_s": self.network.limit_s,
            "kind": self.network.kind.value,
            "mode": self.plan.mode.value,
            **plan_figures(self.plan),
            "breaches": list(self.plan.breaches),
            "problems": problems_document(self.plan),
        }


def compared(
    script: Script,
    variables: Variables,
    settings: Settings,
    *,
    networks: Sequence[Network],
    modes: Iterable[Mode] = MODES,
    to: str | None = None,
    from_: str | None = None,
    gap: Gap = ASSUMED_GAP,
) -> list[Compared]:
    """Return the plans of a script, mode by mode and network by network.

    `async` is planned as it is while a receiver runs; `auto` so only where one does (`Settings.hears_events`).
    """
    found = []
    for mode in modes:
        hears = mode is Mode.ASYNC or (mode is Mode.AUTO and settings.hears_events)
        for network in networks:
            there = replace(settings, mode=mode, limit_s=network.limit_s, hears_events=hears)
            found.append(Compared(network=network, plan=plan(script, variables, there, to=to, from_=from_, gap=gap)))
    return found


def groups(rows: Sequence[Compared]) -> list[list[Compared]]:
    """Return neighbours of one mode with the same figures together, to be shown in one line."""
    found: list[list[Compared]] = []
    for row in rows:
        if found and _same(found[-1][0].plan) == _same(row.plan):
            found[-1].append(row)
        else:
            found.append([row])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What is wrong with one entry, however often it is in the way.

    Attributes:
        problem: It, as the tightest limit has it, and the mode with the fewest ways out.
        where: The modes and networks it is refused in: modes of the same networks together.
    """

    problem: PlanProblem
    where: tuple[tuple[tuple[Mode, ...], tuple[Network, ...]], ...]


def refusals(rows: Sequence[Compared]) -> list[Refused]:
    """Return each thing that is wrong once, in the order of the script."""
    found: dict[tuple[int, str | None], list[tuple[Compared, PlanProblem]]] = {}
    for row in rows:
        for problem in row.plan.problems:
            message = problem.message if problem.limit_s is None else None  # which tells the limit, and so varies
            found.setdefault((problem.entry, message), []).append((row, problem))
    return [
        Refused(problem=_plainest([problem for _, problem in met]), where=_where([row for row, _ in met]))
        for _, met in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _plainest(problems: Sequence[PlanProblem]) -> PlanProblem:
    return min(problems, key=lambda problem: (problem.limit_s or 0.0, len(problem.message)))


def _where(rows: Sequence[Compared]) -> tuple[tuple[tuple[Mode, ...], tuple[Network, ...]], ...]:
    networks: dict[Mode, tuple[Network, ...]] = {}
    for row in rows:
        networks[row.plan.mode] = (*networks.get(row.plan.mode, ()), row.network)
    modes: dict[tuple[Network, ...], tuple[Mode, ...]] = {}
    for mode, there in networks.items():
        modes[there] = (*modes.get(there, ()), mode)
    return tuple((together, there) for there, together in modes.items())


def _same(planned: Plan) -> object:
    messages = tuple(problem.message for problem in planned.problems)
    return planned.mode, plan_figures(planned), messages
