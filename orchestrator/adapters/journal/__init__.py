"""The journal's adapter: one SQLite file."""

from orchestrator.adapters.journal.sqlite import SqliteJournal
from orchestrator.adapters.journal.upkeep import PruneReport

__all__ = ["PruneReport", "SqliteJournal"]
