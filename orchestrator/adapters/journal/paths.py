"""What requests have told of the way to each host: the port `ports.PathStore` on the journal's file.

A few rows a host, written when something new was seen. Knows no rule: those are `core.limits`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.schema import paths
from orchestrator.adapters.journal.writer import Writer
from orchestrator.core.limits import FORGET_AFTER_S, Cut, CutKind, History, Lived
from orchestrator.ports import KEPT_OF_A_HOST


class SqlitePaths:
    """See `ports.PathStore` for what every method promises."""

    def __init__(self, path: Path, connections: Connections, writer: Writer) -> None:
        self._path = path
        self._connections = connections
        self._writer = writer

    def add_cut(self, cut: Cut) -> None:
        """Keep a cut."""
        self._add(cut, {"cut": cut.kind.value, "status": cut.status})

    def add_lived(self, lived: Lived) -> None:
        """Keep a clean request."""
        self._add(lived, {"cut": None, "status": None})

    def read(self, host: str) -> History:
        """Return what is kept of a host, the newest first."""
        query = paths.select().where(paths.c.host == host).order_by(paths.c.wall.desc(), paths.c.id.desc())
        with translated(self._path), self._connections.reader() as link:
            rows = link.core.execute(query).all() if _is_made(link) else []
        cuts = tuple(
            Cut(
                host=row.host,
                lasted_s=row.lasted_s,
                kind=CutKind(row.cut),
                when=row.wall,
                status=row.status,
                keepalive=row.keepalive,
            )
            for row in rows
            if row.cut is not None
        )
        lived = tuple(
            Lived(host=row.host, lasted_s=row.lasted_s, when=row.wall, keepalive=row.keepalive)
            for row in rows
            if row.cut is None
        )
        return History(cuts, lived)

    def _add(self, seen: Cut | Lived, how: dict[str, Any]) -> None:
        row = {"host": seen.host, "lasted_s": seen.lasted_s, "wall": seen.when, "keepalive": seen.keepalive, **how}

        def work(link: Link) -> None:
            if not _is_made(link):
                paths.create(link.core)
            link.core.execute(paths.insert(), row)
            link.core.execute(paths.delete().where(paths.c.wall < seen.when - FORGET_AFTER_S))
            alike = paths.c.host == seen.host, paths.c.cut.is_not(None) == isinstance(seen, Cut)
            kept = sa.select(paths.c.id).where(*alike).order_by(paths.c.wall.desc(), paths.c.id.desc())
            surplus = paths.c.id.not_in(kept.limit(KEPT_OF_A_HOST))
            link.core.execute(paths.delete().where(*alike, surplus))

        self._writer.submit(work)


def _is_made(link: Link) -> bool:
    return sa.inspect(link.core).has_table(paths.name)
