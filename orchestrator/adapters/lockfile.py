"""A lock that goes with its process: `flock` on a file of its own, never on one that holds data.

The batch takes one for each campaign, beside the journal, in addition to the lease in it: the lock is free the moment
its process is gone, whatever became of the clock. Where the platform has no `flock` the lease stands alone.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from orchestrator.errors import JournalError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]


def lock_beside(journal: Path, campaign: str) -> Path:
    """Return the lock file of a campaign; its name tells nothing of the campaign's."""
    digest = hashlib.sha256(campaign.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return journal.with_name(f"{journal.name}.{digest}.lock")


class LockFile:
    """One lock. Not to be shared by threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it; return False while another process has it. Raises JournalError where the file cannot be made."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"The lock file {self._path} cannot be made: {error.strerror}.") from error
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except OSError:
                pass  # a file system that knows no locks: the lease stands alone
        self._descriptor = descriptor
        return True

    def give_back(self) -> None:
        """Give it back. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
