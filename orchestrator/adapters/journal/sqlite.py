"""The journal on SQLite: the port `ports.Journal`, and what the `journal` commands need besides.

Knows no record but the first of a run; what records mean is the core's business. `compose` opens it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from orchestrator.adapters.journal import claims, statements, upkeep
from orchestrator.adapters.journal.appending import Appending, lost
from orchestrator.adapters.journal.budget import SqliteBudget
from orchestrator.adapters.journal.campaigns import SqliteCampaigns, open_contact
from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.files import locate, make_if_missing
from orchestrator.adapters.journal.home import check_home
from orchestrator.adapters.journal.looking import LookingConnections
from orchestrator.adapters.journal.owner import Owner, is_live, owner_of
from orchestrator.adapters.journal.paths import SqlitePaths
from orchestrator.adapters.journal.rows import (
    NO_LEASE,
    ends_row,
    lease_row,
    marks_row,
    placed,
    record_rows,
    records_of,
    summary_of,
    tenure_of,
)
from orchestrator.adapters.journal.schema import inbox, records, runs
from orchestrator.adapters.journal.upkeep import PruneReport
from orchestrator.adapters.journal.writer import Writer
from orchestrator.core import codec
from orchestrator.core.instant import Instant
from orchestrator.core.records import InboxRecord, Record, RunMarks, RunStarted
from orchestrator.errors import CallTakenError, JournalError, LeaseHeldError, NoSuchRunError
from orchestrator.ports import ContactClaim, Lease, RunSummary, Taken

_SHOWN_CANDIDATES = 5
_LEASES_AT_ONCE = 100
_RUNS_AT_ONCE = 1000  # long reads would keep the write-ahead log from being emptied
_caller = (  # of the record that a run begins with; a damaged one is for `check` to tell, and hides no run
    sa.select(sa.case((sa.func.json_valid(records.c.body), sa.func.json_extract(records.c.body, "$.from_"))))
    .where(records.c.run_id == runs.c.run_id, records.c.seq == 1)
    .scalar_subquery()
    .label("caller")
)


class SqliteJournal:
    """See `ports.Journal` for what every method promises.

    Args:
        target: A path, or `sqlite:////absolute/path`.
        now: Tells this moment by both clocks; leases end by it.
        make_folder: Create the file's folder when it is missing (for the default place).
        busy_timeout_s: How long to wait for another process's transaction before giving up.
        owner: Who holds the leases; by default this process.
        adopt: Take over a journal that comes from another machine, instead of refusing it.
        read_only: Only look into it: nothing is made or written, and another machine's is read as well. Every method
            that writes raises JournalError.

    Attributes:
        path: The file.
        created: Whether this opening created it.
        campaigns: The campaigns in the same file (`ports.CampaignStore`).
        paths: What is known of the ways to APIs (`ports.PathStore`).

    Raises:
        ConfigurationError: `target` is not a file.
        JournalError: The file cannot be made, is not a journal this release can use, or is another machine's.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        now: Callable[[], Instant],
        make_folder: bool = False,
        busy_timeout_s: float = 5.0,
        owner: Owner | None = None,
        adopt: bool = False,
        read_only: bool = False,
    ) -> None:
        self.path = locate(target)
        self.created = not read_only and make_if_missing(self.path, make_folder=make_folder)
        self._now = now
        self._owner = owner or owner_of(os.getpid())
        connections = LookingConnections if read_only else Connections
        self._connections = connections(self.path, busy_timeout_s=busy_timeout_s)
        self._writer = Writer(self.path, self._connections)
        self.campaigns = SqliteCampaigns(self.path, self._connections, self._writer, now=now, owner=self._owner)
        self.paths = SqlitePaths(self.path, self._connections, self._writer)
        self._taken: dict[Lease, int] = {}  # the last message each lease has taken and not yet confirmed
        self._appending = Appending(self.path, self._writer, now=now, owner=self._owner)
        with self._reading():  # whatever is wrong is said now
            pass
        if not read_only:
            check_home(self.path, self._connections, self._writer, adopt=adopt)

    # --- driving a run ------------------------------------------------------------------------------------------------

    def start_run(
        self,
        started: RunStarted,
        *,
        lease_s: float,
        contact: ContactClaim | None = None,
        beside: Collection[str] | None = None,
    ) -> Lease:
        """Create a run with its first record and its lease, and claim its number's dial."""
        body = codec.encode(started)
        incoming = None if started.call is None else started.call.call_id
        row = {
            "run_id": started.run_id,
            "script_name": started.script_name,
            "callee": started.to,
            "contact_key": None if contact is None else contact.key,
            "incoming_call": incoming,
            "started_wall": started.at.wall,
            "started_boot_s": started.at.boot_s,
            "started_boot_id": started.at.boot_id,
            "token": 1,
            **marks_row(RunMarks(call_id=incoming, claims_dial=incoming is None)),
        }

        def work(link: Link) -> None:
            if _exists(link, started.run_id):
                raise JournalError(f"The journal {self.path} has a run {started.run_id} already.")
            if contact is not None:
                open_contact(link, contact, started)  # first: a contact being called has its number blocked, too
            if incoming and statements.incoming_is_taken.run(link.driver, {"call_id": incoming}).fetchone():
                raise CallTakenError(f"Another run of the journal {self.path} has taken call {incoming}.")
            if beside is not None:
                claims.refuse_others(link, started.to, beside=beside)
            now = self._now()
            number = None if incoming else claims.claim(link, started.to, now=now, here=self._owner)
            lease = lease_row(self._owner, now.plus(lease_s))
            statements.add_run.run(link.driver, {**row, "claimed_number": number, **lease})
            statements.add_records.run_all(link.driver, record_rows(started.run_id, 0, [body]))

        self._writer.submit(work)
        return Lease(run_id=started.run_id, token=1)

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append records and set the marks in one durable transaction."""
        bodies = [codec.encode(record) for record in records]
        upto = self._taken.get(lease)
        self._appending.append(lease, bodies, marks_row(marks), upto=upto)
        if upto is not None and self._taken.get(lease) == upto:
            del self._taken[lease]

    def check(self, lease: Lease) -> None:
        """Re-read the fencing token, unless a transaction has just done so and found that the lease has time left.

        Nobody can have taken it since then. With many runs at once the read costs an eighth of a step: it hands
        Python's global lock over, and waits for it again.
        """
        if self._appending.has_just_seen(lease):
            return
        with self._reading() as link:
            row = statements.is_lost.run(link.driver, {"run_id": lease.run_id, "token": lease.token}).fetchone()
        if row is not None:
            raise lost(lease)

    # --- leases -------------------------------------------------------------------------------------------------------

    def acquire(self, run_id: str, *, lease_s: float) -> Lease:
        """Take the lease of a run that is free."""
        with self._reading() as link:  # it may read much: not while nobody else can write
            hidden = statements.hidden_records.run(link.driver, {"run_id": run_id}).fetchone()[0]
        if hidden:
            raise JournalError(
                f"The journal {self.path} is damaged: run {run_id} has gone further than its index tells, and may "
                "not be carried on with from there. Run `orchestrator journal check`, and restore a backup."
            )

        def work(link: Link) -> Lease:
            row = link.core.execute(runs.select().where(runs.c.run_id == run_id)).one_or_none()
            if row is None:
                raise _no_such_run(run_id)
            now, tenure = self._now(), tenure_of(row)
            if tenure is not None and is_live(tenure, now=now, here=self._owner):
                raise LeaseHeldError(f"Run {run_id} is driven by {tenure.owner}. End that process, or wait for it.")
            token = row.token + 1
            link.core.execute(
                runs.update()
                .where(runs.c.run_id == run_id)
                .values(token=token, **lease_row(self._owner, now.plus(lease_s)))
            )
            return Lease(run_id=run_id, token=token)

        return self._writer.submit(work)

    def renew(self, leases: Sequence[Lease], *, lease_s: float) -> frozenset[str]:
        """Extend leases; return the ids of the runs whose lease was lost.

        A transaction takes some of them, so that no run waits long for its own.
        """

        def renewed(some: Sequence[Lease]) -> frozenset[str]:
            def work(link: Link) -> frozenset[str]:
                row = ends_row(self._now().plus(lease_s))
                held = ({"this": lease.run_id, "mine": lease.token, **row} for lease in some)
                return frozenset(
                    lease["this"] for lease in held if statements.keep_lease.run(link.driver, lease).rowcount == 0
                )

            return self._writer.submit(work)

        slices = (leases[start : start + _LEASES_AT_ONCE] for start in range(0, len(leases), _LEASES_AT_ONCE))
        return frozenset[str]().union(*map(renewed, slices))

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        held = {"this": lease.run_id, "mine": lease.token, **NO_LEASE}
        self._writer.submit(lambda link: statements.end_lease.run(link.driver, held).rowcount)
        self._taken.pop(lease, None)
        self._appending.forget(lease)

    # --- the inbox ----------------------------------------------------------------------------------------------------

    def put_inbox(self, run_id: str, record: InboxRecord) -> None:
        """Leave a message for a run's driver."""
        body = codec.encode(record)

        def work(link: Link) -> None:
            if not _exists(link, run_id):
                raise _no_such_run(run_id)
            link.core.execute(inbox.insert(), {"run_id": run_id, "body": body})

        self._writer.submit(work)

    def put_inbox_many(self, mail: Sequence[tuple[str, InboxRecord]], *, most_unread: int) -> list[Taken]:
        """Leave messages for several runs in one durable transaction."""
        rows = [{"run_id": run_id, "body": codec.encode(record)} for run_id, record in mail]
        run_ids = json.dumps(sorted({run_id for run_id, _ in mail}))

        def work(link: Link) -> list[Taken]:
            found = statements.rooms_of.run(link.driver, {"run_ids": run_ids}).fetchall()
            taken = placed([run_id for run_id, _ in mail], found, most_unread=most_unread)
            kept = [row for row, became in zip(rows, taken, strict=True) if became is Taken.STORED]
            statements.put_message.run_all(link.driver, kept)
            return taken

        return self._writer.submit(work)

    def take_inbox(self, lease: Lease) -> list[InboxRecord]:
        """Return the messages for a run, the oldest first."""
        with self._reading() as link:
            rows = statements.messages_of.run(link.driver, {"run_id": lease.run_id}).fetchall()
        if rows:
            self._taken[lease] = rows[-1][0]
        return [self._message(lease.run_id, body) for _, body in rows]

    def _message(self, run_id: str, body: str) -> InboxRecord:
        record = codec.decode(body)
        if not isinstance(record, InboxRecord):
            raise JournalError(
                f"The journal {self.path} is damaged: a {type(record).__name__} lies in the inbox of run {run_id}."
            )
        return record

    def inbox_waiting(self, run_ids: Collection[str]) -> frozenset[str]:
        """Return those of the runs that have messages."""
        with self._reading() as link:
            waiting = link.core.execute(sa.select(inbox.c.run_id).distinct()).scalars().all()
        return frozenset(waiting) & frozenset(run_ids)

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, run_id: str) -> list[Record]:
        """Return a run's records in order."""
        with self._reading() as link:
            rows = statements.records_of_run.run(link.driver, {"run_id": run_id}).fetchall()
        if not rows:
            raise _no_such_run(run_id)
        return records_of(self.path, run_id, rows)

    def runs(self, *, unfinished: bool = False, limit: int | None = None) -> Iterator[RunSummary]:
        """Yield runs, the newest first, without holding all of them."""
        order = runs.c.started_wall, runs.c.run_id
        query = sa.select(runs, _caller).order_by(*(column.desc() for column in order))
        if unfinished:
            query = query.where(runs.c.ended.is_(sa.false()))
        now, page, left = self._now(), query, math.inf if limit is None else limit
        while left > 0:
            wanted = int(min(left, _RUNS_AT_ONCE))
            with self._reading() as link:
                rows = link.core.execute(page.limit(wanted)).all()
            for row in rows:
                yield summary_of(row, now=now, here=self._owner)
            if len(rows) < wanted:
                return
            left -= wanted
            page = query.where(sa.tuple_(*order) < (rows[-1].started_wall, rows[-1].run_id))

    def find_run(self, prefix: str) -> str:
        """Return the id of the one run whose id starts with `prefix`."""
        if not prefix:
            raise NoSuchRunError("No run was named: give its id, or as much of its beginning as no other run shares.")
        starts_so = runs.c.run_id.between(prefix, prefix + "\U0010ffff")
        query = sa.select(runs.c.run_id).where(starts_so).order_by(runs.c.run_id).limit(_SHOWN_CANDIDATES + 1)
        with self._reading() as link:
            found = link.core.execute(query).scalars().all()
        if len(found) == 1 or prefix in found:
            return str(found[0])
        if not found:
            raise _no_such_run(prefix)
        shown = ", ".join(found[:_SHOWN_CANDIDATES]) + (", …" if len(found) > _SHOWN_CANDIDATES else "")
        raise NoSuchRunError(f"Several runs begin with {prefix!r}: {shown}. Give more of the id.")

    def owners_of(self, call_ids: Collection[str]) -> Mapping[str, str]:
        """Return for each of the calls that a run owns that run's id."""
        wanted = {"call_ids": json.dumps(sorted(set(call_ids)))}
        with self._reading() as link:
            return dict(statements.owners_of.run(link.driver, wanted).fetchall())

    def calls_to(self, number: str) -> dict[str, bool]:
        """Return the runs that have called a number and have not ended, with whether somebody drives them."""
        with self._reading() as link:
            if statements.called_by.run(link.driver, {"number": number}).fetchone() is None:
                return {}  # as good as always
            unfinished = link.core.execute(runs.select().where(statements.called_and_unfinished(number))).all()
        now, here = self._now(), self._owner
        return {row.run_id: is_live(tenure_of(row), now=now, here=here) for row in unfinished}

    # --- looking after the file ---------------------------------------------------------------------------------------

    def check_integrity(self) -> list[str]:
        """Return what is wrong with the journal, a sentence each: the file, the tables, every record. May take long."""
        with self._reading() as link:
            return upkeep.problems_of(link)

    def export(self) -> Iterator[dict[str, Any]]:
        """Yield every record as an object for one line of JSON: `run_id`, `seq`, `record`. Raises JournalError."""
        with self._reading() as link:
            yield from upkeep.exported(link)

    def prune(self, before_wall: float, *, dry_run: bool = False) -> PruneReport:
        """Remove the runs that ended before a date, and give their space back to the disk.

        Kept whatever their age: runs that have not ended, that are undecided, that are driven, or that block a number;
        the runs of an occurrence some of whose contacts are being called or are to be called again; the keys of all
        contacts, so that nobody is called twice.

        Args:
            before_wall: Seconds since the epoch.
            dry_run: Only report what would be removed.
        """

        def find(link: Link) -> PruneReport:
            return upkeep.prunable(link, before_wall, now=self._now(), here=self._owner)

        if dry_run:
            with self._reading() as link:
                return find(link)

        def work(link: Link) -> PruneReport:
            report = find(link)
            upkeep.forget(link, report.run_ids, before_wall, now=self._now())
            upkeep.remove(link, report.run_ids)
            return report

        def give_back(link: Link) -> int:
            before = upkeep.size_in_bytes(link)
            upkeep.shrink(link)
            return before - upkeep.size_in_bytes(link)

        report = self._writer.submit(work)
        return replace(report, bytes_freed=self._writer.apart(give_back))

    def close(self) -> None:
        """Close the file."""
        self._connections.close()
        self._writer.close()

    def budget_of(self, account: str) -> SqliteBudget:
        """Return the request limits of an account of the API, as the processes of this journal share them."""
        return SqliteBudget(self.path, self._connections, self._writer, now=self._now, account=account)

    # --- the rest -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Link]:
        with translated(self.path), self._connections.reader() as link:
            yield link


def _exists(link: Link, run_id: str) -> bool:
    return statements.exists.run(link.driver, {"run_id": run_id}).fetchone() is not None


def _no_such_run(run_id: str) -> NoSuchRunError:
    return NoSuchRunError(f"No run of this journal has the id {run_id!r}.")
