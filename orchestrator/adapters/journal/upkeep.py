"""Looking after a journal: checking it, exporting it, pruning it. For the `journal` commands only.

Works on one connection; knows the tables, not the port.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from orchestrator.adapters.journal.connections import Link
from orchestrator.adapters.journal.owner import Owner, is_live
from orchestrator.adapters.journal.rows import check_record, tenure_of
from orchestrator.adapters.journal.schema import inbox, metadata, records, runs
from orchestrator.core import codec
from orchestrator.core.instant import Instant
from orchestrator.core.records import RunStarted, Status
from orchestrator.errors import JournalError

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What a prune removed, or would remove.

    Attributes:
        run_ids: The runs, the oldest first.
        records: How many records they had.
        bytes_freed: By how much the file shrank; 0 on a dry run.
    """

    run_ids: tuple[str, ...]
    records: int
    bytes_freed: int = 0


def problems_of(link: Link) -> list[str]:
    """Return everything that is wrong with the file, the tables and the records; nothing when all is well."""
    found = [f"SQLite: {line}" for line in _pragma(link, "integrity_check") if line != "ok"]
    if found:
        return found  # what a damaged file holds says nothing about records
    missing = set(metadata.tables) - set(sa.inspect(link.core).get_table_names())
    if missing:
        return [f"The table {name} is missing." for name in sorted(missing)]
    broken = link.core.exec_driver_sql("PRAGMA foreign_key_check").all()
    found += [f"A row of {row[0]} belongs to no run." for row in broken]
    for run_id in _run_ids(link):
        found += _problems_of_run(link, run_id)
    return found + _problems_of_inbox(link)


def exported(link: Link) -> Iterator[dict[str, Any]]:
    """Yield every record, run by run, the oldest run first: `run_id`, `seq` and `record` as `codec` writes it.

    Raises:
        JournalError: A record is damaged; those before it were yielded.
    """
    for run_id in _run_ids(link):
        for expected, (seq, crc, body) in enumerate(_records(link, run_id), start=1):
            check_record(run_id, expected, seq, crc, body)
            yield {"run_id": run_id, "seq": seq, "record": json.loads(body)}


def prunable(link: Link, before_wall: float, *, now: Instant, here: Owner) -> PruneReport:
    """Return the runs that ended before `before_wall`, are decided, driven by nobody and block no number."""
    query = (
        runs.select()
        .where(runs.c.ended.is_(sa.true()), runs.c.ended_wall < before_wall, runs.c.status != Status.UNDECIDED.value)
        .where(sa.or_(runs.c.claimed_number.is_(None), sa.func.coalesce(runs.c.claim_until_wall, 0) <= now.wall))
        .order_by(runs.c.started_wall, runs.c.run_id)
    )
    rows = link.core.execute(query).all()
    run_ids = tuple(row.run_id for row in rows if not is_live(tenure_of(row), now=now, here=here))
    counted = 0
    for some in _slices(run_ids):
        count = sa.select(sa.func.count()).select_from(records).where(records.c.run_id.in_(some))
        counted += link.core.execute(count).scalar_one()
    return PruneReport(run_ids=run_ids, records=counted)


def remove(link: Link, run_ids: tuple[str, ...]) -> None:
    """Delete runs with all that belongs to them; in a write transaction."""
    for some in _slices(run_ids):
        for table in (records, inbox, runs):
            link.core.execute(table.delete().where(table.c.run_id.in_(some)))


def size_in_bytes(link: Link) -> int:
    """Return the size of the database, without its write-ahead log."""
    return int(_pragma(link, "page_count")[0]) * int(_pragma(link, "page_size")[0])


def shrink(link: Link) -> None:
    """Give the free pages and the write-ahead log back to the disk; outside of any transaction."""
    link.driver.executescript("PRAGMA incremental_vacuum")  # `execute` would stop after the first page
    link.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _run_ids(link: Link) -> list[str]:
    return list(link.core.scalars(sa.select(runs.c.run_id).order_by(runs.c.started_wall, runs.c.run_id)))


def _records(link: Link, run_id: str) -> Iterator[tuple[int, int, str]]:
    query = sa.select(records.c.seq, records.c.crc, records.c.body)
    yield from link.core.execute(query.where(records.c.run_id == run_id).order_by(records.c.seq)).all()


def _problems_of_run(link: Link, run_id: str) -> list[str]:
    found = []
    expected = 1
    for seq, crc, body in _records(link, run_id):
        try:
            record = check_record(run_id, expected, seq, crc, body)
            if (seq == 1) != isinstance(record, RunStarted):
                found.append(f"Run {run_id}, record {seq}: only the first record starts a run.")
        except JournalError as error:
            found.append(str(error))
        expected = seq + 1
    return found if expected > 1 else [f"Run {run_id} has no records."]


def _problems_of_inbox(link: Link) -> list[str]:
    found = []
    for run_id, body in link.core.execute(sa.select(inbox.c.run_id, inbox.c.body)):
        try:
            codec.decode(body)
        except JournalError as error:
            found.append(f"Inbox of run {run_id}: {error}")
    return found


def _pragma(link: Link, name: str) -> list[str]:
    return [str(row[0]) for row in link.driver.execute(f"PRAGMA {name}")]


def _slices(run_ids: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(run_ids), _ROWS_AT_ONCE):
        yield run_ids[start : start + _ROWS_AT_ONCE]
