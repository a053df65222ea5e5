"""Appends the records of the runs that this process drives. Used by `sqlite`, for each step of every call.

There are two ways to append. Where this process knows how its last append left the run, and nothing but records is to
be written, one statement does it; otherwise the run is read first. Knows nothing of what records mean.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.adapters.journal import claims, statements
from orchestrator.adapters.journal.connections import Link
from orchestrator.adapters.journal.owner import Owner
from orchestrator.adapters.journal.rows import record_rows
from orchestrator.adapters.journal.writer import Writer
from orchestrator.core.instant import Instant
from orchestrator.errors import JournalError, LeaseLostError
from orchestrator.ports import Lease

_JUST_S = 0.05  # a process that was stopped meanwhile was so for longer
_LEFT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Tail:
    """Where the records of a run end that this process has appended to.

    Attributes:
        seq: The last record's number.
        marks: The run's marks.
        checked: Before the transaction that found the lease held, with time left; None where it did not look.
    """

    seq: int
    marks: Mapping[str, Any]
    checked: Instant | None


class Appending:
    """Appends under leases, and remembers where each of them ends. Used by any number of threads, one for a lease."""

    def __init__(self, path: Path, writer: Writer, *, now: Callable[[], Instant], owner: Owner) -> None:
        self._path = path
        self._writer = writer
        self._now = now
        self._owner = owner
        self._tails: dict[Lease, _Tail] = {}

    def append(
        self, lease: Lease, bodies: Sequence[str], new_marks: Mapping[str, Any], *, upto: int | None = None
    ) -> None:
        """Append records and set the marks in one durable transaction.

        Args:
            lease: Of the run.
            bodies: The records as text.
            new_marks: By their columns, in the order of `statements.MARKS`.
            upto: The messages up to this one are taken from the inbox; None takes none.

        Raises:
            LeaseLostError: The lease was given back or taken over; nothing was written.
            NumberBlockedError: Another run's claim of the number blocks the one in the marks; nothing was written.
            JournalError: SQLite failed, or the run has no records.
        """
        tail, now = self._tails.pop(lease, None), self._now()
        if tail is not None and upto is None and bodies and tail.marks == new_marks:
            work = self._adding(tail, now, lease, bodies)
        else:
            work = partial(self._append, now, lease, bodies, new_marks, upto=upto)
        self._tails[lease] = self._writer.submit(work)

    def has_just_seen(self, lease: Lease) -> bool:
        """Whether an append has found the lease held, with time left, so lately that nobody can have taken it since."""
        tail = self._tails.get(lease)
        return tail is not None and tail.checked is not None and 0 <= self._now().since(tail.checked) < _JUST_S

    def forget(self, lease: Lease) -> None:
        """Forget a lease that was given back."""
        self._tails.pop(lease, None)

    def _adding(self, tail: _Tail, now: Instant, lease: Lease, bodies: Sequence[str]) -> Callable[[Link], _Tail]:
        """Return what appends where nothing but records is to be written.

        Nobody appends or sets marks without the lease, so all is as this process left it, unless two of its threads do.
        """
        rows = record_rows(lease.run_id, tail.seq, bodies)
        values = {f"{name}_{at}": row[name] for at, row in enumerate(rows) for name in ("seq", "crc", "body")}
        lasts = {"boot_id": now.boot_id, "lasts_until_boot_s": now.boot_s + _LEFT_S}
        values.update(run_id=lease.run_id, token=lease.token, **lasts)
        statement = statements.add_if_ours(len(rows))

        def work(link: Link) -> _Tail:
            with suppress(sqlite3.IntegrityError):  # another thread's records are there
                if statement.run(link.driver, values).rowcount == len(rows):
                    return _Tail(rows[-1]["seq"], tail.marks, now)
            return self._append(now, lease, bodies, tail.marks, link)

        return work

    def _append(
        self,
        now: Instant,
        lease: Lease,
        bodies: Sequence[str],
        new_marks: Mapping[str, Any],
        link: Link,
        *,
        upto: int | None = None,
    ) -> _Tail:
        """Append and set the marks, in a transaction."""
        run = {"run_id": lease.run_id}
        row = statements.standing.run(link.driver, run).fetchone()
        if row is None or row[0] != lease.token or row[1] is None:
            raise lost(lease)
        _, _, callee, claimed_number, boot_id, expires_boot_s, last, *old_marks = row
        if last is None:
            raise JournalError(f"The journal {self._path} is damaged: run {lease.run_id} has no records.")
        if old_marks != list(new_marks.values()) or (new_marks["claims_dial"] and claimed_number is None):
            self._set_marks(link, lease.run_id, callee, new_marks)
        if upto is not None:
            statements.take_messages.run(link.driver, {**run, "upto": upto})
        statements.add_records.run_all(link.driver, record_rows(lease.run_id, last, bodies))
        lasts = boot_id == now.boot_id and expires_boot_s > now.boot_s + _LEFT_S
        return _Tail(last + len(bodies), new_marks, now if lasts else None)

    def _set_marks(self, link: Link, run_id: str, callee: str, new_marks: Mapping[str, Any]) -> None:
        now = self._now()
        number = None
        if new_marks["claims_dial"]:
            number = claims.claim(link, callee, now=now, here=self._owner, for_run=run_id)
        new = {f"new_{name}": value for name, value in new_marks.items()}
        ended_now = now.wall if new_marks["ended"] else None
        statements.set_marks.run(link.driver, {"this": run_id, **new, "number": number, "ended_now": ended_now})


def lost(lease: Lease) -> LeaseLostError:
    """Return the error of a lease that is no longer held."""
    return LeaseLostError(
        f"This process may no longer drive run {lease.run_id}: its lease was given back or taken over. Nothing was "
        "written."
    )
