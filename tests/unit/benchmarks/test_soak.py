"""What the soak calls a lie, and what a leak."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from tests.unit.benchmarks.test_benchmarks import BENCHMARKS


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module; its neighbours are found as when it is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("soak")


@pytest.mark.parametrize(
    ("outcome", "verdict", "attempts", "heard", "lies"),
    [
        ("done", None, 1, 1, 0),
        ("done", None, 1, 2, 1),
        ("done", None, 1, 0, 1),
        ("unknown", "ran", 2, 0, 1),
        ("unknown", "undecidable", 1, 0, 0),
        ("unknown", "undecidable", 1, 1, 0),
        ("unknown", "did_not_run", 1, 1, 1),
        ("unknown", "did_not_run", 2, 1, 0),
        ("not_sent", None, 1, 1, 1),
        ("throttled", None, 2, 1, 0),
        ("rejected", None, 1, 1, 1),
        ("rejected", "undecidable", 1, 1, 0),
    ],
)
def test_what_is_untrue_of_a_step(
    soak: ModuleType, outcome: str, verdict: str | None, attempts: int, heard: int, lies: int
) -> None:
    """Heard more often than sent, never heard though done, heard though it did not run."""
    step = {"index": 1, "outcome": outcome, "verdict": verdict, "attempts": attempts}
    assert len(list(soak.lies_of(step, heard, "+15555550100"))) == lies


def test_a_leak_is_seen_however_much_there_is(soak: ModuleType) -> None:
    """By the calls that ended, not by the share of what the process holds."""

    def reading(at: int, memory: float) -> Any:
        return soak.Reading(at_s=at, ended=1000 * at, threads=500, descriptors=1000, memory=memory, journal=1.0)

    leaking = [reading(at, 500 + at * 3) for at in range(9)]
    assert soak.growth(leaking, "memory") < soak.LEVEL
    assert soak.leak_kib(leaking) == pytest.approx(3 * 1.024)
    assert not soak.print_levels(leaking)
    assert soak.print_levels([reading(at, 500 + at) for at in range(9)])
