"""The lock of a campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.lockfile import LockFile, lock_beside
from orchestrator.errors import JournalError


def test_one_at_a_time(tmp_path: Path) -> None:
    """Whoever comes second does not get it, until it was given back; the file stays, for its owner only."""
    path = tmp_path / "one.lock"
    first, second = LockFile(path), LockFile(path)
    assert first.take()
    assert not second.take()
    first.give_back()
    first.give_back()
    assert second.take()
    second.give_back()
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_campaign_has_its_own_beside_the_journal() -> None:
    """Whatever its name; never the journal's own file."""
    journal = Path("/var/lib/journal.db")
    names = ["spring", "autumn", "a/b", "\ud800"]
    locks = {lock_beside(journal, name) for name in names}
    assert len(locks) == len(names)
    assert {lock.parent for lock in locks} == {journal.parent}
    assert journal not in locks


def test_a_folder_that_is_missing_is_an_error_of_the_journal(tmp_path: Path) -> None:
    """Nothing is called without the lock."""
    with pytest.raises(JournalError, match="lock"):
        LockFile(tmp_path / "none" / "one.lock").take()
