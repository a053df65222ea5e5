"""Between the rows of the tables and the types of the ports: marks, leases, summaries, records, standings. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestrator.adapters.journal.owner import Owner, Tenure, is_live
from orchestrator.core import codec
from orchestrator.core.instant import Instant
from orchestrator.core.records import Disposition, Record, RunMarks, Status
from orchestrator.errors import JournalError
from orchestrator.ports import ContactState, RunSummary, Standing, Taken


def crc_of(run_id: str, seq: int, body: str) -> int:
    """Return the checksum of a record: of its text and its place, for a damaged index leads to another's text."""
    return _crc32(f"{run_id} {seq} {body}")


def record_rows(run_id: str, last: int, bodies: Sequence[str]) -> list[dict[str, Any]]:
    """Return the columns of records that follow the record of number `last`."""
    return [
        {"run_id": run_id, "seq": seq, "crc": crc_of(run_id, seq, body), "body": body}
        for seq, body in enumerate(bodies, start=last + 1)
    ]


def _crc32(text: str) -> int:
    return zlib.crc32(text.encode("ascii", "replace"))


def marks_row(marks: RunMarks) -> dict[str, Any]:
    """Return marks by their columns, as the driver takes and returns them, in the order of `statements.MARKS`."""
    return {
        "status": marks.status.value,
        "disposition": None if marks.disposition is None else marks.disposition.value,
        "ended": int(marks.ended),
        "call_id": marks.call_id,
        "claims_dial": int(marks.claims_dial),
        "claim_until_wall": marks.claim_until_wall,
        "wake_wall": marks.wake_wall,
    }


def placed(run_ids: Sequence[str], found: Iterable[tuple[str, bool, int]], *, most_unread: int) -> list[Taken]:
    """Return for each of some messages whether its run's inbox takes it.

    Args:
        run_ids: Of each message the run.
        found: Of each run that exists whether it has ended, and how many messages wait for it.
        most_unread: So many may wait.
    """
    unread = {run_id: None if ended else waiting for run_id, ended, waiting in found}
    taken = []
    for run_id in run_ids:
        waiting = unread.get(run_id, 0)
        if run_id not in unread:
            taken.append(Taken.UNKNOWN)
        elif waiting is None:
            taken.append(Taken.ENDED)
        elif waiting >= most_unread:
            taken.append(Taken.FULL)
        else:
            unread[run_id] = waiting + 1
            taken.append(Taken.STORED)
    return taken


def lease_row(owner: Owner, ends: Instant) -> dict[str, Any]:
    """Return the columns of a held lease but for its token."""
    return {
        "lease_pid": owner.pid,
        "lease_pid_start": owner.pid_start,
        "lease_host": owner.host,
        "lease_machine": owner.machine,
        "lease_pid_space": owner.pid_space,
        **ends_row(ends),
    }


def ends_row(ends: Instant) -> dict[str, Any]:
    """Return the columns of a lease's end."""
    return {"lease_boot_id": ends.boot_id, "lease_expires_boot_s": ends.boot_s, "lease_expires_wall": ends.wall}


NO_LEASE: dict[str, Any] = dict.fromkeys(
    lease_row(Owner(host="", machine="", pid_space="", pid=0, pid_start=0), Instant(0, 0))
)
ENDS: dict[str, Any] = ends_row(Instant(0, 0))


def tenure_of(row: sa.Row[Any]) -> Tenure | None:
    """Return the lease that a row of `runs` or `campaigns` holds."""
    if row.lease_pid is None:
        return None
    owner = Owner(
        host=row.lease_host,
        machine=row.lease_machine,
        pid_space=row.lease_pid_space,
        pid=row.lease_pid,
        pid_start=row.lease_pid_start,
    )
    return Tenure(owner=owner, ends=Instant(row.lease_expires_wall, row.lease_expires_boot_s, row.lease_boot_id))


def summary_of(row: sa.Row[Any], *, now: Instant, here: Owner) -> RunSummary:
    """Return a row of `runs` and its caller as one line of the list of runs. Raises JournalError if it is damaged."""
    try:
        tenure = tenure_of(row)
        driven = is_live(tenure, now=now, here=here)
        status, disposition = Status(row.status), row.disposition and Disposition(row.disposition)
    except (ValueError, TypeError) as error:
        raise JournalError(f"Run {row.run_id} of the journal is damaged: {error}.") from error
    return RunSummary(
        run_id=row.run_id,
        script_name=row.script_name,
        to=row.callee,
        started=Instant(row.started_wall, row.started_boot_s, row.started_boot_id),
        contact_key=row.contact_key,
        from_=row.caller or "",
        incoming=row.incoming_call is not None,
        marks=RunMarks(
            status=status,
            disposition=disposition,
            ended=row.ended,
            call_id=row.call_id,
            claims_dial=row.claims_dial,
            claim_until_wall=row.claim_until_wall,
            wake_wall=row.wake_wall,
        ),
        driven=driven,
        owner=str(tenure.owner) if driven and tenure is not None else None,
    )


def standing_row(standing: Standing) -> dict[str, Any]:
    """Return a standing by the columns of `contacts`, as the driver takes them."""
    return {
        "key": standing.key,
        "campaign": standing.campaign,
        "occurrence": standing.occurrence,
        "number": standing.number,
        "row_digest": standing.row_digest,
        "state": standing.state.value,
        "run_id": standing.run_id,
        "attempts": standing.attempts,
        "due_wall": standing.due_wall,
        "disposition": standing.disposition,
        "result": _storable(standing.result),
        "reason": _storable(standing.reason),
        "call_id": standing.call_id,
        "started_wall": standing.started_wall,
        "ended_wall": standing.ended_wall,
    }


def standing_of(row: sa.Row[Any]) -> Standing:
    """Return the standing that a row of `contacts` is. Raises JournalError when its state is none."""
    return standing_from([getattr(row, name) for name in STANDING])


def standing_from(values: Sequence[Any]) -> Standing:
    """Return the standing of these columns (STANDING). Raises JournalError when its state is none."""
    named = dict(zip(STANDING, values, strict=True))
    try:
        return Standing(**{**named, "state": ContactState(named["state"])})
    except ValueError as error:
        raise JournalError(f"Contact {named['key']} of the journal is damaged: {error}.") from error


STANDING = tuple(field.name for field in fields(Standing))
"""The columns of a standing."""


def _storable(text: str | None) -> str | None:
    """Return a text without what no database takes: a script or a contact may hold half of a surrogate pair."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


def records_of(path: Path, run_id: str, rows: Iterable[Sequence[Any]]) -> list[Record]:
    """Return the records of one run from its rows (seq, crc, body), in order.

    Raises:
        JournalError: One is missing, changed or unreadable.
    """
    try:
        return [check_record(run_id, expected, *row) for expected, row in enumerate(rows, start=1)]
    except JournalError as error:
        raise JournalError(f"The journal {path} cannot be read. {error}") from error


def check_record(run_id: str, expected: int, seq: int, crc: int, body: str) -> Record:
    """Return the record of one row. Raises JournalError when it is not the `expected` one, or not as it was written."""
    if seq != expected:
        raise JournalError(f"Run {run_id}, record {expected} is missing.")
    # A flipped bit can change the type, too. Early builds summed up the text alone.
    if type(body) is not str or crc not in (crc_of(run_id, seq, body), _crc32(body)):
        raise JournalError(f"Run {run_id}, record {seq} was changed on disk after it was written.")
    try:
        return codec.decode(body)
    except JournalError as error:
        raise JournalError(f"Run {run_id}, record {seq}: {error}") from error
