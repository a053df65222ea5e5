"""The mutants still are changes of the product, and the simulator notices them. `make mutants` hunts them all."""

from __future__ import annotations

import pytest

from tests.simulation.hunt import ALL, MOST_SEEDS, PAGE, hunt
from tests.simulation.mutants import Mutant

_QUICK = ("reset", "3xx", "settle-heard-0", "settle-dial", "policy-heard", "class-dial", "dial-absent", "intent")
_QUICK_OF_BATCHES = ("redial-soon", "called-anew", "twins", "concurrency", "rate", "number-limits", "api-limits")
_ALL_QUICK = (*_QUICK, *_QUICK_OF_BATCHES)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_made(mutant: Mutant) -> None:
    """What it changes is there, and is as it was afterwards."""
    owners = [patch.original() for patch in mutant.patches]
    with mutant.applied():
        assert all(patch.original() is not known for patch, known in zip(mutant.patches, owners, strict=True))
    assert [patch.original() for patch in mutant.patches] == owners


@pytest.mark.parametrize("mutant", [each for each in ALL if each.name in _ALL_QUICK], ids=lambda mutant: mutant.name)
def test_a_mutant_is_noticed(mutant: Mutant) -> None:
    """A few that need few seeds, by an invariant: a mutant that breaks down shows nothing."""
    assert hunt(mutant, most=200).invariant.startswith("check_")


def test_the_page_of_the_docs_has_them_all() -> None:
    """Each is in the table, and none has survived."""
    text = PAGE.read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert rows == {mutant.name for mutant in ALL}
    assert "survived" not in text
    assert f"{MOST_SEEDS:,}" in text
