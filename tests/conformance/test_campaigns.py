"""Every implementation of the port `CampaignStore` keeps the port's rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.campaign_suite import CampaignSuite
from tests.conformance.journal_bench import Bench
from tests.conformance.test_journal import MemoryBench, SqliteBench


class TestMemoryCampaigns(CampaignSuite):
    """The campaigns of the property tests."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Return an empty store."""
        return MemoryBench()


class TestSqliteCampaigns(CampaignSuite):
    """The campaigns of the product."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Return a file in a folder of its own."""
        bench = SqliteBench(tmp_path)
        yield bench
        bench.close()
