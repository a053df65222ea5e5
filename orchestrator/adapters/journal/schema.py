"""The tables of the journal, and what marks a file as one of ours. Every "at most one" is a UNIQUE constraint here.

`docs/reference/journal.md` explains the columns. A change of this file needs a new SCHEMA_VERSION.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

APPLICATION_ID = 0x4F726368  # "Orch", in the header of the SQLite file
SCHEMA_VERSION = 1  # `user_version` in the header of the SQLite file

metadata = sa.MetaData()


def _lease_columns() -> tuple[sa.Column[Any], ...]:
    """The token counts acquisitions; the other columns are empty while nobody holds the lease."""
    return (
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("lease_pid", sa.Integer),
        sa.Column("lease_pid_start", sa.Integer),
        sa.Column("lease_host", sa.Text),
        sa.Column("lease_machine", sa.Text),
        sa.Column("lease_pid_space", sa.Text),
        sa.Column("lease_boot_id", sa.Text),
        sa.Column("lease_expires_boot_s", sa.Float),
        sa.Column("lease_expires_wall", sa.Float),
    )


home = sa.Table(
    "home",
    metadata,
    sa.Column("machine", sa.Text),  # its one row: the machine the journal is used on, where machines have an id
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    # fixed at the start
    sa.Column("script_name", sa.Text, nullable=False),
    sa.Column("callee", sa.Text, nullable=False),
    sa.Column("contact_key", sa.Text),
    sa.Column("incoming_call", sa.Text),  # the call that it takes, where it does not dial
    sa.Column("started_wall", sa.Float, nullable=False),
    sa.Column("started_boot_s", sa.Float, nullable=False),
    sa.Column("started_boot_id", sa.Text, nullable=False),
    # the marks of the last append
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("disposition", sa.Text),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("call_id", sa.Text),
    sa.Column("claims_dial", sa.Boolean, nullable=False),
    sa.Column("claim_until_wall", sa.Float),
    sa.Column("wake_wall", sa.Float),
    # derived from them
    sa.Column("ended_wall", sa.Float),
    sa.Column("claimed_number", sa.Text),
    *_lease_columns(),
)

# Indexes leave rows out where they can: an append that changes nothing of them then writes no page of them.
sa.Index(
    "one_open_dial_per_number",
    runs.c.claimed_number,
    unique=True,
    sqlite_where=runs.c.claimed_number.is_not(None),
)
sa.Index(
    "one_run_per_incoming_call",
    runs.c.incoming_call,
    unique=True,
    sqlite_where=runs.c.incoming_call.is_not(None),
)
sa.Index("runs_by_call", runs.c.call_id, sqlite_where=runs.c.call_id.is_not(None))
sa.Index("unfinished_runs", runs.c.started_wall, sqlite_where=runs.c.ended.is_(sa.false()))
sa.Index("runs_by_contact", runs.c.contact_key, sqlite_where=runs.c.contact_key.is_not(None))
sa.Index("runs_by_start", runs.c.started_wall, runs.c.run_id)
sa.Index("runs_by_callee", runs.c.callee, runs.c.started_wall)

records = sa.Table(
    "records",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("crc", sa.Integer, nullable=False),  # of place and body: a flipped bit is never read as a fact
    sa.Column("body", sa.Text, nullable=False),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # ids are never used again, so that "up to this one" never takes a later message
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("paused", sa.Boolean, nullable=False, default=False),
    sa.Column("stopped", sa.Boolean, nullable=False, default=False),
    *_lease_columns(),
)

occurrences = sa.Table(
    "occurrences",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # nothing is ever deleted here: the order in which they were noted
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("content_digest", sa.Text, nullable=False),
    sa.Column("first_wall", sa.Float, nullable=False),
    sa.UniqueConstraint("campaign", "content_digest", "occurrence"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    # Keys are random. In the order of `id` rows and index entries are added at the end, and read in one sweep.
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("row_digest", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text),  # no foreign key: it outlives its run
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_wall", sa.Float),
    sa.Column("disposition", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("call_id", sa.Text),
    sa.Column("started_wall", sa.Float),
    sa.Column("ended_wall", sa.Float),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("wall", sa.Float, nullable=False),  # when it left or will: only the last minute is kept
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Index("requests_by_account", "account", "wall"),
)


paths = sa.Table(
    "paths",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("cut", sa.Text),  # how the request was cut; nothing for a clean one
    sa.Column("status", sa.Integer),
    sa.Column("lasted_s", sa.Float, nullable=False),
    sa.Column("wall", sa.Float, nullable=False),
    sa.Column("keepalive", sa.Boolean, nullable=False),
    sa.Index("paths_by_host", "host", "wall"),
)

MADE_WHEN_NEEDED = frozenset({paths.name})
"""Tables that a journal of an earlier build lacks until something is written into them."""


def is_unfinished(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a contact's calls are not over; word for word what SQLite must read to use the small index of those."""
    return table.c.state.in_([sa.literal_column("'open'"), sa.literal_column("'again'")])


# Each index ends in the row's id by itself, so that a page of contacts is found where the last one ended.
sa.Index("contacts_by_occurrence", contacts.c.campaign, contacts.c.occurrence)
sa.Index("contacts_by_row", contacts.c.campaign, contacts.c.occurrence, contacts.c.row_digest)
sa.Index(
    "unfinished_contacts",
    contacts.c.campaign,
    contacts.c.occurrence,
    contacts.c.state,
    sqlite_where=is_unfinished(contacts),
)
