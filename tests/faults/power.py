"""What may be on a disk after its power was cut: all that was synced, and of the rest any part, in any order.

Made from the events that `disk.Disk` recorded. Of each file's writes since its last sync any may be there, missing, or
torn at a sector; names were made and removed in the order they were, up to some moment after the folder was synced.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disk import Event, Kind

_SECTOR = 512


@dataclass(slots=True, eq=False)
class _File:
    """A file without its names: what is surely on disk, and what was asked for since."""

    safe: bytearray = field(default_factory=bytearray)
    asked: list[Event] = field(default_factory=list)
    syncs_folder: bool = False

    def sync(self) -> None:
        for event in self.asked:
            _do(self.safe, event)
        self.asked.clear()

    def after_a_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self.safe)
        share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for event in self.asked:
            if chance.random() < share:
                _do(content, event)
            elif event.kind is Kind.WRITE and chance.random() < 0.3:
                _tear(content, event, chance)
        return bytes(content)


class Platter:
    """The disk of one folder; `take` the events one by one, and ask for images in between."""

    def __init__(self) -> None:
        self._named: dict[str, _File] = {}
        self._safely_named: dict[str, _File] = {}
        self._renamed: list[dict[str, _File]] = []  # the names after each change since the folder was synced

    def take(self, event: Event) -> None:
        """Take the next thing that was done."""
        file = self._named.get(event.name)
        match event.kind:
            case Kind.OPEN if event.makes and file is None:
                self._rename({**self._named, event.name: _File(syncs_folder=event.by_sqlite)})
            case Kind.DELETE if file is not None:
                self._rename({name: each for name, each in self._named.items() if name != event.name})
            case Kind.MAP if file is not None:
                self._rename({**self._named, event.other: file})
            case Kind.WRITE | Kind.TRUNCATE if file is not None:
                file.asked.append(event)
            case Kind.SYNC if file is not None:
                file.sync()
                if file.syncs_folder:
                    file.syncs_folder = False
                    self._sync_names()
            case Kind.SYNC:
                self._sync_names()
            case _:
                pass

    def after_a_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Return what may be on disk, by name."""
        names = chance.choice([self._safely_named, *self._renamed[-3:], *self._renamed[-1:]])
        contents = {id(file): file.after_a_cut(chance) for file in names.values()}
        return {name: contents[id(file)] for name, file in names.items()}

    def _rename(self, names: dict[str, _File]) -> None:
        self._named = names
        self._renamed.append(names)

    def _sync_names(self) -> None:
        self._safely_named = self._named
        self._renamed.clear()


def lay_out(image: dict[str, bytes], *, of: Path, into: Path) -> None:
    """Write an image of one folder's files into another."""
    into.mkdir()
    for name, content in image.items():
        (into / Path(name).relative_to(of)).write_bytes(content)


def cuts(events: Sequence[Event], *, every: int, chance: random.Random) -> list[int]:
    """Return after how many events to cut: before each sync, after some of them, and now and then between."""
    syncs = [at for at, event in enumerate(events) if event.kind is Kind.SYNC]
    after = [at + 1 for at in chance.sample(syncs, len(syncs) // 4)]
    between = chance.sample(range(len(events)), len(events) // every)
    return sorted({*syncs, *after, *between, len(events)})


def _do(content: bytearray, event: Event) -> None:
    if event.kind is Kind.TRUNCATE:
        content[:] = content[: event.offset].ljust(event.offset, b"\0")
        return
    _put(content, event.offset, event.data)


def _tear(content: bytearray, event: Event, chance: random.Random) -> None:
    for start in range(0, len(event.data), _SECTOR):
        if chance.random() < 0.5:
            _put(content, event.offset + start, event.data[start : start + _SECTOR])


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
