"""The figures of the page on reliability are those of the tests: whoever changes one finds here what to write."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests import canary
from tests.faults import test_damage
from tests.hostile import test_answers, test_input
from tests.property import bookkeeping, checks, crashing, limiting, taking
from tests.simulation import hunt, test_batches, test_seeds

DOCS = Path(__file__).parents[2] / "docs" / "explanation"
PAGE = (DOCS / "reliability.md").read_text(encoding="utf-8")
SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"
SCRIPTS = Path(__file__).parents[1] / "unit" / "scriptfile" / "bad_scripts.txt"


def _rows(page: str) -> int:
    """Return how many rows a page's table has, but for its head."""
    lines = [line for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return len(lines) - 2


def _level() -> str:
    found = re.search(r"^LEVEL = (\S+)$", SOAK.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def _bad_inputs() -> int:
    scripts = SCRIPTS.read_text(encoding="utf-8").count("\n=== ")
    return scripts + len(test_input.CONFIGURATIONS) + len(test_input.ROWS) + len(test_input.EVENTS)


@pytest.mark.parametrize(
    "words",
    [
        f"| simulated runs in every test run | {test_seeds.SEEDS:,} seeds",
        f"| simulated batches in every test run | {test_batches.SEEDS:,} seeds",
        f"| mutants of the product, all noticed | {len(hunt.ALL):,}, within {hunt.MOST_SEEDS:,} seeds each",
        f"{test_damage.MOST_FLIPS:,} turned bits",
        f"| real proxies, firewalls, killed servers | {_rows('network-truth.md')} calls",
        f"none of {len(canary.CARDS):,} card numbers",
        f"sends {test_answers.REPLIES:,} mutilated ones",
        f"feeds more than {_bad_inputs() // 50 * 50} bad scripts, configurations, lists and events",
        f"the limit is {_level()}",
    ],
)
def test_a_figure_is_that_of_the_tests(words: str) -> None:
    """Of seeds, mutants, faults, secrets, hostile inputs and limits."""
    assert words in " ".join(PAGE.split()), f"docs/explanation/reliability.md must say: {words}"


def test_the_table_of_mutants_tells_how_many_there_are() -> None:
    """And that each is noticed by an invariant: the crash of a mutant shows nothing of the checks."""
    page = hunt.PAGE.read_text(encoding="utf-8")
    assert f"{len(hunt.ALL)} of {len(hunt.ALL)} mutants are caught." in page, "run `make mutants`"
    noticed_by = re.findall(r"^\| `[\w-]+` \|[^|]+\|[^|]+\| `?([\w*]+)`? \|", page, re.MULTILINE)
    assert len(noticed_by) == len(hunt.ALL)
    assert [each for each in noticed_by if not each.startswith("check_")] == []


def _invariants(module: ModuleType) -> Iterator[str]:
    """Yield the checks of a module that are asked of a whole run; parts of others, which others of it call, are not."""
    source, name = inspect.getsource(module), module.__name__.rpartition(".")[2]
    for check in re.findall(r"^def (_?check_\w+)", source, re.MULTILINE):
        if module is checks or not check.startswith("_"):
            yield f"{name}.{check}"


def test_the_table_of_invariants_is_whole() -> None:
    """Each that is checked after a run stands in it, and each that it names is there."""
    modules = (checks, bookkeeping, crashing, taking, limiting)
    named = set(re.findall(rf"`((?:{'|'.join(each.__name__.rpartition('.')[2] for each in modules)})\.\w+)`", PAGE))
    known = {name for module in modules for name in _invariants(module)}
    assert named == known
