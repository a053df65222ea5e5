"""Every implementation of the port `RequestBudget` keeps the port's rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.budget_suite import BudgetSuite
from tests.conformance.journal_bench import Bench
from tests.conformance.test_journal import MemoryBench, SqliteBench


class TestMemoryBudget(BudgetSuite):
    """The budget of the driver's tests."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Return an empty store."""
        return MemoryBench()


class TestSqliteBudget(BudgetSuite):
    """The budget of the product."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Return a file in a folder of its own."""
        bench = SqliteBench(tmp_path)
        yield bench
        bench.close()
