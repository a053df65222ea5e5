"""The machine a journal is used on. A copy that is used elsewhere would call everybody again whom the original calls.

Goes by machine ids, never by host names: containers change theirs. Where a machine has no id nothing is refused.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from orchestrator.adapters.journal.connections import Connections
from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.owner import machine_id
from orchestrator.adapters.journal.schema import home
from orchestrator.adapters.journal.writer import Writer
from orchestrator.errors import JournalError


def note_home(connection: sa.Connection) -> None:
    """Write into a new journal that it is used here."""
    connection.execute(home.insert(), {"machine": machine_id()})


def check_home(path: Path, connections: Connections, writer: Writer, *, adopt: bool) -> None:
    """Make sure that a journal is used here, or is from now on.

    Raises:
        JournalError: It is another machine's, and is not to be adopted.
    """
    with translated(path), connections.reader() as link:
        noted, here = link.core.execute(sa.select(home.c.machine)).scalar(), machine_id()
    if noted == here:
        return
    if adopt:
        writer.submit(lambda link: link.core.execute(home.update().values(machine=here)).rowcount)
    elif noted is not None and here is not None:
        raise JournalError(
            f"The journal {path}: this journal comes from another machine; `orchestrator journal adopt` takes it over. "
            "Do that only if it is used there no more: two copies would call the same people twice."
        )
