"""The statements of the hot paths: written in Core, compiled once, run on the driver.

Running a Core statement costs about 20 microseconds more than the driver takes for it, three times a step; everything
that is not done for every step, or for every contact of a file, uses Core in full.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from orchestrator.adapters.journal.rows import ENDS, NO_LEASE, STANDING
from orchestrator.adapters.journal.schema import contacts, inbox, records, runs

_dialect = SQLiteDialect_pysqlite(paramstyle="qmark")


class Prepared:
    """A statement as the driver takes it. Its parameters are given by name."""

    __slots__ = ("_order", "_sql")

    def __init__(self, statement: sa.sql.ClauseElement, *, columns: Iterable[str] | None = None) -> None:
        compiled = statement.compile(dialect=_dialect, column_keys=None if columns is None else list(columns))
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
        self._sql = compiled.string
        self._order = tuple(compiled.positiontup or ())

    def run(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run it once."""
        return driver.execute(self._sql, [values[name] for name in self._order])

    def run_all(self, driver: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each of the rows."""
        driver.executemany(self._sql, [[row[name] for name in self._order] for row in rows])


_this_run = runs.c.run_id == sa.bindparam("run_id")

_is_ours = sa.and_(_this_run, runs.c.token == sa.bindparam("token"), runs.c.lease_pid.is_not(None))

# Returns no row where all is well: the driver lets other threads in for each row that it returns, and once more.
is_lost = Prepared(sa.select(sa.literal_column("1")).where(~sa.exists().where(_is_ours)))

MARKS = ("status", "disposition", "ended", "call_id", "claims_dial", "claim_until_wall", "wake_wall")

_last = sa.select(sa.func.max(records.c.seq)).where(records.c.run_id == sa.bindparam("run_id")).scalar_subquery()

standing = Prepared(
    sa.select(
        runs.c.token,
        runs.c.lease_pid,
        runs.c.callee,
        runs.c.claimed_number,
        runs.c.lease_boot_id,
        runs.c.lease_expires_boot_s,
        _last,
        *(runs.c[name] for name in MARKS),
    ).where(_this_run)
)

add_records = Prepared(records.insert())


@cache
def add_if_ours(count: int) -> Prepared:
    """Return the statement that adds so many records to a run of ours, if nothing keeps it from being done so.

    The lease must have time left, up to `lasts_until_boot_s` at least, and a run that claims its number its claim.
    That these records follow the last one, and that the marks stay as they are, is for the caller to know.

    It does in one go what `standing` and `add_records` do in three: each hands Python's global lock over, which
    with many runs costs more than the statement. The parameters of record `n` are `seq_n`, `crc_n` and `body_n`.
    """
    rows = ", ".join(f"(:seq_{at}, :crc_{at}, :body_{at})" for at in range(count))
    lasts = sa.and_(
        runs.c.lease_boot_id == sa.bindparam("boot_id"),
        runs.c.lease_expires_boot_s > sa.bindparam("lasts_until_boot_s"),
    )
    is_claimed = sa.or_(runs.c.claims_dial.is_(sa.false()), runs.c.claimed_number.is_not(None))
    fresh = sa.text(f"column1, column2, column3 FROM (VALUES {rows})")
    return Prepared(
        records.insert().from_select(
            ["run_id", "seq", "crc", "body"],
            sa.select(sa.bindparam("run_id"), fresh).where(sa.exists().where(_is_ours, lasts, is_claimed)),
        )
    )


take_messages = Prepared(
    inbox.delete().where(inbox.c.run_id == sa.bindparam("run_id"), inbox.c.id <= sa.bindparam("upto"))
)

messages_of = Prepared(
    sa.select(inbox.c.id, inbox.c.body).where(inbox.c.run_id == sa.bindparam("run_id")).order_by(inbox.c.id)
)

put_message = Prepared(inbox.insert().values(run_id=sa.bindparam("run_id"), body=sa.bindparam("body")))

# Of the runs that are named in a JSON list: whether they have ended, and how many messages wait for them.
_named = sa.func.json_each(sa.bindparam("run_ids")).table_valued("value")
rooms_of = Prepared(
    sa.select(
        runs.c.run_id,
        runs.c.ended,
        sa.select(sa.func.count()).where(inbox.c.run_id == runs.c.run_id).scalar_subquery(),
    ).where(runs.c.run_id.in_(sa.select(_named.c.value)))
)

_called = sa.func.json_each(sa.bindparam("call_ids")).table_valued("value")
owners_of = Prepared(sa.select(runs.c.call_id, runs.c.run_id).where(runs.c.call_id.in_(sa.select(_called.c.value))))

records_of_run = Prepared(
    sa.select(records.c.seq, records.c.crc, records.c.body)
    .where(records.c.run_id == sa.bindparam("run_id"))
    .order_by(records.c.seq)
)

# Records of a run beyond the one that the index calls its last. The `+` keeps SQLite from asking the index again.
hidden_records = Prepared(
    sa.text(
        "SELECT count(*) FROM records WHERE +run_id = :run_id AND rowid > "
        "(SELECT coalesce(max(rowid), 0) FROM records WHERE run_id = :run_id)"
    )
)

# A run's beginning, its marks and its end

exists = Prepared(sa.select(sa.literal_column("1")).where(_this_run))

incoming_is_taken = Prepared(sa.select(sa.literal_column("1")).where(runs.c.incoming_call == sa.bindparam("call_id")))

claim_of_another = Prepared(
    sa.select(sa.literal_column("1")).where(
        runs.c.claimed_number == sa.bindparam("number"), runs.c.run_id.is_distinct_from(sa.bindparam("run_id"))
    )
)


def called_and_unfinished(number: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Return the condition for runs that have called a number and have not ended."""
    has_called = sa.and_(runs.c.call_id.is_not(None), runs.c.incoming_call.is_(None))
    return sa.and_(runs.c.callee == number, runs.c.ended.is_(sa.false()), has_called)


called_by = Prepared(sa.select(runs.c.run_id).where(called_and_unfinished(sa.bindparam("number"))))

START = (
    "run_id", "script_name", "callee", "contact_key", "incoming_call",
    "started_wall", "started_boot_s", "started_boot_id", *MARKS,
    "claimed_number", "token", *NO_LEASE,
)  # fmt: skip
add_run = Prepared(runs.insert().values({name: sa.bindparam(name) for name in START}))

_ended_wall = sa.func.coalesce(runs.c.ended_wall, sa.bindparam("ended_now", type_=sa.Float))
_new_marks = {name: sa.bindparam(f"new_{name}", type_=runs.c[name].type) for name in MARKS}
set_marks = Prepared(
    runs.update()
    .where(runs.c.run_id == sa.bindparam("this"))
    .values(**_new_marks, claimed_number=sa.bindparam("number"), ended_wall=_ended_wall)
)

end_lease = Prepared(
    runs.update()
    .where(runs.c.run_id == sa.bindparam("this"), runs.c.token == sa.bindparam("mine"), runs.c.lease_pid.is_not(None))
    .values(NO_LEASE)
)

keep_lease = Prepared(
    runs.update()
    .where(runs.c.run_id == sa.bindparam("this"), runs.c.token == sa.bindparam("mine"), runs.c.lease_pid.is_not(None))
    .values(ENDS)
)

# The contacts of a batch

has_twin = Prepared(
    sa.select(sa.literal_column("1")).where(
        contacts.c.campaign == sa.bindparam("campaign"),
        contacts.c.occurrence == sa.bindparam("occurrence"),
        contacts.c.row_digest == sa.bindparam("row_digest"),
        contacts.c.key != sa.bindparam("key"),
    )
)

one_standing = Prepared(
    sa.select(*(contacts.c[name] for name in STANDING)).where(contacts.c.key == sa.bindparam("key"))
)

_columns = [column.name for column in contacts.c if column.name != "id"]
_put = sqlite.insert(contacts).values({name: sa.bindparam(name) for name in _columns})
put_standings = Prepared(
    _put.on_conflict_do_update(
        index_elements=[contacts.c.key],
        set_={name: _put.excluded[name] for name in _columns},
        where=sa.or_(
            contacts.c.state != sa.literal_column("'open'"),
            contacts.c.run_id.is_not_distinct_from(_put.excluded.run_id),
        ),
    )
)
