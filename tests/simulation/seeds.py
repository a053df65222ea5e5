"""One seed, one simulation: everything about it is drawn from `random.Random(seed)`, and judged when it is over.

    python -m tests.simulation 4711

The world and its checks are those of `tests/property`, which other suites use too; here is only what seeds need.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.settings import Mode
from tests.property import drawing
from tests.property.checks import check
from tests.property.drawing import One, Wanted
from tests.property.scenarios import Scenario
from tests.property.simulation import Simulated, simulate

_MODES = (Mode.POLL, Mode.SYNC, Mode.AUTO, Mode.ASYNC)
_EVENT_MODES = (Mode.ASYNC, Mode.ASYNC, Mode.AUTO, Mode.SYNC)
_KINDS = (
    Wanted(people=False, oddities=True),
    Wanted(network="all", spares=True, oddities=True),
    Wanted(people=False, dying=True, oddities=True),
    Wanted(people=False, network="mild", dying=True, spares=True, oddities=True),
    Wanted(people=False, network="all", spares=True, oddities=True),
    Wanted(network="all", dying=True, spares=True, oddities=True),
    Wanted(network="all", dying=True, spares=True, oddities=True, evidence="always"),
    Wanted(network="all", dying=True, spares=True, oddities=True, evidence="sometimes", modes=_MODES),
    Wanted(network="all", dying=True, oddities=True, evidence="sometimes", modes=_EVENT_MODES, events=True),
    Wanted(people=False, network="mild", thefts=True, spares=True, oddities=True),
    Wanted(network="all", thefts=True, dying=True, spares=True, oddities=True, evidence="sometimes"),
)
"""How much goes wrong: often a little, so that runs get far; sometimes everything."""


_SELDOM = (True, False, False, False, False, False)


class SeededDice:
    """A `drawing.Dice` of a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, options: Sequence[One]) -> One:
        """Draw one of these."""
        return options[int(self._random.random() * len(options))]

    def number(self, lowest: int, highest: int) -> int:
        """Draw a whole number."""
        return lowest + int(self._random.random() * (highest - lowest + 1))


def scenario_of(seed: int) -> Scenario:
    """Return the scenario that a seed stands for."""
    dice = SeededDice(seed)
    wanted = replace(dice.pick(_KINDS), limits=dice.pick(_SELDOM), incoming=dice.pick(_SELDOM))
    return drawing.scenario(dice, wanted)


def run_seed(seed: int) -> Simulated:
    """Run a seed's simulation and judge it.

    Raises:
        AssertionError: Something does not hold that must hold of every run; a note has the seed and the story.
        Exception: What the product raised, likewise.
    """
    try:
        simulated = simulate(scenario_of(seed))
        check(simulated)
    except Exception as error:
        error.add_note(f"seed {seed}; to see it again: .venv/bin/python -m tests.simulation {seed}")
        raise
    return simulated
