"""Every implementation of the port `PathStore` keeps the port's rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.core.limits import History
from tests.conformance.journal_bench import Bench
from tests.conformance.path_suite import HOST, PathSuite, cut
from tests.conformance.test_journal import MemoryBench, SqliteBench


class TestMemoryPaths(PathSuite):
    """The store of the tests."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Return an empty store."""
        return MemoryBench()


class TestSqlitePaths(PathSuite):
    """The store of the product."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Return a file in a folder of its own."""
        bench = SqliteBench(tmp_path)
        yield bench
        bench.close()

    def test_an_earlier_journal_gets_its_table_when_it_is_needed(self, tmp_path: Path, bench: Bench) -> None:
        """Without it the journal is whole, and reading adds nothing to it."""
        bench.open().close()
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as connection:
            connection.execute("DROP TABLE paths")
        journal = bench.open()
        assert journal.paths.read(HOST) == History((), ())
        assert journal.check_integrity() == []
        for _ in range(2):
            journal.paths.add_cut(cut())
        assert journal.paths.read(HOST).cuts == (cut(), cut())
