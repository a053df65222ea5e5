"""Looking after a journal: checking it, exporting it, pruning it. For the `journal` commands only.

Works on one connection; knows the tables, not the port.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from orchestrator.adapters.journal import statements
from orchestrator.adapters.journal.connections import Link
from orchestrator.adapters.journal.owner import Owner, is_live
from orchestrator.adapters.journal.rows import check_record, marks_row, tenure_of
from orchestrator.adapters.journal.schema import (
    MADE_WHEN_NEEDED,
    contacts,
    inbox,
    is_unfinished,
    metadata,
    occurrences,
    records,
    runs,
)
from orchestrator.core import codec
from orchestrator.core.evolve import fold, marks
from orchestrator.core.instant import Instant
from orchestrator.core.records import Record, RunStarted, Status
from orchestrator.errors import JournalError
from orchestrator.ports import ContactState

_ROWS_AT_ONCE = 500
_LONGEST_OCCURRENCE_S = 8 * 86_400.0
"""A week by the clock of any zone. What has been unfinished for longer is in no occurrence that a tick is in."""
_PERSONAL = ("run_id", "due_wall", "result", "reason", "call_id", "started_wall", "ended_wall")


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
    missing = set(metadata.tables) - MADE_WHEN_NEEDED - set(sa.inspect(link.core).get_table_names())
    if missing:
        return [f"The table {name} is missing." for name in sorted(missing)]
    broken = link.core.exec_driver_sql("PRAGMA foreign_key_check").all()
    found += [f"A row of {row[0]} belongs to no run." for row in broken]
    for run_id in _run_ids(link):
        with _one_moment(link):
            if statements.exists.run(link.driver, {"run_id": run_id}).fetchone() is not None:  # else it was pruned
                found += _problems_of_run(link, run_id)
    return found + _problems_of_inbox(link) + _problems_of_contacts(link)


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
    """Return the runs that ended before `before_wall`, are decided, driven by nobody and block no number.

    Those of an occurrence that is not over stay, too: its redial rules and its results go by them.
    """
    needed = sa.select(contacts.c.key).where(_is_live_occurrence(_stale_before(before_wall, now)))
    query = (
        runs.select()
        .where(runs.c.ended.is_(sa.true()), runs.c.ended_wall < before_wall, runs.c.status != Status.UNDECIDED.value)
        .where(sa.or_(runs.c.contact_key.is_(None), runs.c.contact_key.not_in(needed)))
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


def forget(link: Link, run_ids: tuple[str, ...], before_wall: float, *, now: Instant) -> None:
    """Delete who the contacts of these runs were; in a write transaction. The same for contacts without a run.

    Contacts that no tick will come to any more are closed first: nobody calls them again.

    Their keys stay, so that nobody is called twice in an occurrence, with what says nothing of a person: state,
    attempts and disposition. Contacts without a run are forgotten with an occurrence that is over and was first noted
    before `before_wall`.
    """
    stale_before = _stale_before(before_wall, now)
    came_to = sa.select(runs.c.disposition).where(runs.c.run_id == contacts.c.run_id).scalar_subquery()
    link.core.execute(
        contacts.update()
        .where(is_unfinished(contacts), _is_stale(contacts, stale_before))
        .values(
            state=ContactState.DONE.value, due_wall=None, disposition=sa.func.coalesce(came_to, contacts.c.disposition)
        )
    )
    change = contacts.update().values(number="", row_digest="", **dict.fromkeys(_PERSONAL))
    for some in _slices(run_ids):
        keys = sa.select(runs.c.contact_key).where(runs.c.run_id.in_(some))
        link.core.execute(change.where(contacts.c.key.in_(keys), contacts.c.run_id.in_(some)))
    columns = (occurrences.c.campaign, occurrences.c.occurrence)
    past = sa.select(*columns).group_by(*columns).having(sa.func.min(occurrences.c.first_wall) < before_wall)
    link.core.execute(
        change.where(contacts.c.run_id.is_(None), contacts.c.number != "").where(
            sa.not_(_is_live_occurrence(stale_before)),
            sa.tuple_(contacts.c.campaign, contacts.c.occurrence).in_(past),
        )
    )


def size_in_bytes(link: Link) -> int:
    """Return the size of the database, without its write-ahead log."""
    return int(_pragma(link, "page_count")[0]) * int(_pragma(link, "page_size")[0])


def shrink(link: Link) -> None:
    """Give the free pages and the write-ahead log back to the disk; outside of any transaction."""
    link.driver.executescript("PRAGMA incremental_vacuum")  # `execute` would stop after the first page
    link.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _stale_before(before_wall: float, now: Instant) -> float:
    return min(before_wall, now.wall - _LONGEST_OCCURRENCE_S)


def _is_live_occurrence(stale_before: float) -> sa.ColumnElement[bool]:
    """Whether calls of a contact's occurrence are not over, its own or another's."""
    pair = sa.tuple_(contacts.c.campaign, contacts.c.occurrence)
    other = contacts.alias()
    live = is_unfinished(other), sa.not_(_is_stale(other, stale_before))
    return pair.in_(sa.select(other.c.campaign, other.c.occurrence).where(*live))


def _is_stale(table: sa.FromClause, stale_before: float) -> sa.ColumnElement[bool]:
    """Whether no tick will come to an unfinished contact any more: that was due for longer than occurrences last."""
    decided = runs.c.ended.is_(sa.true()), runs.c.status != Status.UNDECIDED.value
    ended = sa.exists().where(runs.c.run_id == table.c.run_id, runs.c.ended_wall < stale_before, *decided)
    due = sa.func.coalesce(table.c.due_wall, table.c.ended_wall, stale_before)
    return sa.case((table.c.state == ContactState.AGAIN.value, due < stale_before), else_=ended)


def _run_ids(link: Link) -> list[str]:
    return list(link.core.scalars(sa.select(runs.c.run_id).order_by(runs.c.started_wall, runs.c.run_id)))


def _records(link: Link, run_id: str) -> Iterator[tuple[int, int, str]]:
    query = sa.select(records.c.seq, records.c.crc, records.c.body)
    yield from link.core.execute(query.where(records.c.run_id == run_id).order_by(records.c.seq)).all()


@contextmanager
def _one_moment(link: Link) -> Iterator[None]:
    """Read all as it is at one moment: a run that is driven meanwhile writes its records and its row together."""
    link.driver.execute("BEGIN")
    try:
        yield
    finally:
        if link.driver.in_transaction:
            link.driver.execute("ROLLBACK")


def _problems_of_run(link: Link, run_id: str) -> list[str]:
    found = []
    told = []
    expected = 1
    for seq, crc, body in _records(link, run_id):
        try:
            record = check_record(run_id, expected, seq, crc, body)
            told.append(record)
            if (seq == 1) != isinstance(record, RunStarted):
                found.append(f"Run {run_id}, record {seq}: only the first record starts a run.")
        except JournalError as error:
            found.append(str(error))
        expected = seq + 1
    if expected == 1:
        return [f"Run {run_id} has no records."]
    return found or _problems_of_marks(link, run_id, told)


def _problems_of_marks(link: Link, run_id: str, told: list[Record]) -> list[str]:
    """What the index says of a run follows from its records, whose checksums are right; so a turned bit shows there."""
    started = told[0]
    assert isinstance(started, RunStarted)
    incoming = None if started.call is None else started.call.call_id
    expected = {
        "script_name": started.script_name,
        "callee": started.to,
        "incoming_call": incoming,
        "started_wall": started.at.wall,
        "started_boot_s": started.at.boot_s,
        "started_boot_id": started.at.boot_id,
        **marks_row(marks(fold(told))),
    }
    columns = (*expected, "claimed_number", "ended_wall")
    query = sa.select(*(runs.c[each] for each in columns)).where(runs.c.run_id == sa.bindparam("run_id"))
    row = statements.Prepared(query).run(link.driver, {"run_id": run_id}).fetchone()  # as it is, whatever its type
    found = dict(zip(columns, row, strict=True))
    claimed = {None, started.to or None} if expected["claims_dial"] else {None}  # none: another run took it over
    wrong = [name for name, value in expected.items() if found[name] != value]
    wrong += ["claimed_number"] * (found["claimed_number"] not in claimed)
    wrong += ["ended_wall"] * ((found["ended_wall"] is None) == expected["ended"])
    return [f"Run {run_id}: `{name}` of its row in `runs` is not what its records say." for name in wrong]


def _problems_of_inbox(link: Link) -> list[str]:
    found = []
    for run_id, body in link.core.execute(sa.select(inbox.c.run_id, inbox.c.body)):
        try:
            codec.decode(body)
        except JournalError as error:
            found.append(f"Inbox of run {run_id}: {error}")
    return found


def _problems_of_contacts(link: Link) -> list[str]:
    """Contacts that wait for a run that is not there would wait for ever."""
    orphans = (
        sa.select(contacts.c.key, contacts.c.run_id)
        .outerjoin_from(contacts, runs, contacts.c.run_id == runs.c.run_id)
        .where(contacts.c.state == ContactState.OPEN.value, is_unfinished(contacts), runs.c.run_id.is_(None))
    )
    known = [state.value for state in ContactState]
    strange = sa.select(contacts.c.key, contacts.c.state).where(contacts.c.state.not_in(known))
    return [
        f"Contact {key} is being called by run {run_id}, which is missing."
        for key, run_id in link.core.execute(orphans)
    ] + [f"Contact {key} has the unknown state {state!r}." for key, state in link.core.execute(strange)]


def _pragma(link: Link, name: str) -> list[str]:
    return [str(row[0]) for row in link.driver.execute(f"PRAGMA {name}")]


def _slices(run_ids: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(run_ids), _ROWS_AT_ONCE):
        yield run_ids[start : start + _ROWS_AT_ONCE]
