"""A disk that fails when a test says so, and that remembers all that was written: SQLite's file layer, wrapped.

The layer (sqlite3_vfs) is registered in the very library that Python's `sqlite3` uses, so that the product's own
connections go through it. What SQLite leaves to Python when a journal is made (`os.open`, `os.link`, …) counts, too.
Errors are reported as SQLite's layer for Unix reports them.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch


class Kind(StrEnum):
    """What can be asked of a disk."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"
    MAP = "map"  # of the memory that processes share
    LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to fail: for each kind of operation what SQLite's layer reports, and what Python does."""

    name: str
    codes: dict[Kind, int]
    errno: int | None

    def __str__(self) -> str:
        return self.name


_OPENS_READ_ONLY = -1
FAULTS = (
    Fault(
        "EIO",
        {
            Kind.OPEN: 14,  # SQLITE_CANTOPEN
            Kind.READ: 266,  # SQLITE_IOERR_READ, and so on
            Kind.WRITE: 778,
            Kind.SYNC: 1034,
            Kind.TRUNCATE: 1546,
            Kind.DELETE: 2570,
            Kind.MAP: 4618,
            Kind.LOCK: 3850,
        },
        errno.EIO,
    ),
    Fault("ENOSPC", {Kind.WRITE: 13, Kind.SYNC: 1034, Kind.MAP: 4874}, errno.ENOSPC),
    Fault(
        "EROFS",
        {Kind.OPEN: _OPENS_READ_ONLY, Kind.WRITE: 778, Kind.TRUNCATE: 1546, Kind.DELETE: 2570, Kind.MAP: 1288},
        errno.EROFS,
    ),
    Fault("locked", {Kind.LOCK: 5}, None),  # SQLITE_BUSY
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done to a file, for whoever wants to know what a power cut would leave.

    Attributes:
        kind: OPEN, WRITE, SYNC, TRUNCATE, DELETE; MAP stands for giving a file a further name.
        name: The file.
        offset: Of a write; the new size of a truncation.
        data: What was written.
        other: The further name.
        makes: The opening may make the file.
        by_sqlite: It was SQLite's; it syncs the folder of a file that it made together with the file's first sync.
    """

    kind: Kind
    name: str
    offset: int = 0
    data: bytes = b""
    other: str = ""
    makes: bool = False
    by_sqlite: bool = True


class Disk:
    """The disk of one folder. A context manager; every connection that is opened inside must be closed inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.met: list[Kind] = []
        """Operations that the fault could have met since it was set."""
        self.failed = False
        self.events: list[Event] | None = None
        self._fault: Fault | None = None
        self._at: int | None = None
        self._for_ever = False
        self._files: dict[int, tuple[str, bool]] = {}
        self._layer = _Layer(self)
        self._os = ExitStack()

    def __enter__(self) -> Self:
        self._layer.register()
        for name in ("open", "link", "unlink", "fsync", "mkdir"):
            self._os.enter_context(patch.object(os, name, self._failing(getattr(os, name), name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._os.close()
        self._layer.unregister()
        assert kind is not None or not self._files, f"left open: {self._files}"

    def fail(self, fault: Fault, *, at: int | None = None, for_ever: bool = False) -> None:
        """Let the operation number `at`, from 1, fail, or it and all after it; None: only count what could."""
        self._fault, self._at, self._for_ever = fault, at, for_ever
        self.met, self.failed = [], False

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._fault = None

    @contextmanager
    def recording(self) -> Iterator[list[Event]]:
        """Remember what is done to the files."""
        self.events = events = []
        try:
            yield events
        finally:
            self.events = None

    def fails(self, kind: Kind) -> int | None:
        """Count an operation; return the code that it fails with, None when it goes well."""
        fault = self._fault
        if fault is None or kind not in fault.codes:
            return None
        self.met.append(kind)
        number = len(self.met)
        if self._at is None or not (number >= self._at if self._for_ever else number == self._at):
            return None
        self.failed = True
        return fault.codes[kind]

    def note(self, kind: Kind, name: str, **more: Any) -> None:
        """Remember an event."""
        if self.events is not None:
            self.events.append(Event(kind, name, **more))

    # --- what SQLite asks ---------------------------------------------------------------------------------------------

    def opened(self, file: int, name: str, *, makes: bool) -> None:
        """A file is open."""
        self._files[file] = name, makes
        self.note(Kind.OPEN, name, makes=makes)

    def closed(self, file: int) -> None:
        """It is closed."""
        self._files.pop(file, None)

    def name_of(self, file: int) -> str:
        """Return the name of an open file."""
        return self._files[file][0]

    # --- what Python asks ---------------------------------------------------------------------------------------------

    def _failing(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        kinds = {"open": Kind.OPEN, "link": Kind.WRITE, "mkdir": Kind.WRITE, "fsync": Kind.SYNC, "unlink": Kind.DELETE}

        def call(*arguments: Any, **more: Any) -> Any:
            first = arguments[0]
            ours = isinstance(first, int) or Path(first).is_relative_to(self.folder)
            if ours and self.fails(kinds[name]) is not None:
                assert self._fault is not None
                if self._fault.errno is not None:
                    raise OSError(self._fault.errno, os.strerror(self._fault.errno), first)
            result = real(*arguments, **more)
            if ours:
                self._note_os(name, [str(each) for each in arguments])
            return result

        return call

    def _note_os(self, name: str, arguments: list[str]) -> None:
        match name:
            case "open":
                self.note(Kind.OPEN, arguments[0], makes=bool(int(arguments[1]) & os.O_CREAT), by_sqlite=False)
            case "link":
                self.note(Kind.MAP, arguments[0], other=arguments[1])
            case "unlink":
                self.note(Kind.DELETE, arguments[0])
            case "fsync":
                self.note(Kind.SYNC, str(self.folder))


# --- SQLite's structures (sqlite3.h) ----------------------------------------------------------------------------------

_INT, _I64, _PTR, _TEXT = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p, ctypes.c_char_p
_MAY_CREATE, _READ_WRITE, _READ_ONLY, _OK, _UNLOCKED = 0x4, 0x2, 0x1, 0, 0
_SHM_LOCK = 2

_OPEN = ctypes.CFUNCTYPE(_INT, _PTR, _PTR, _PTR, _INT, ctypes.POINTER(_INT))
_DELETE = ctypes.CFUNCTYPE(_INT, _PTR, _TEXT, _INT)
_CLOSE = ctypes.CFUNCTYPE(_INT, _PTR)
_MOVE = ctypes.CFUNCTYPE(_INT, _PTR, _PTR, _INT, _I64)  # xRead, xWrite
_SLEEP = ctypes.CFUNCTYPE(_INT, _PTR, _INT)
_TRUNCATE = ctypes.CFUNCTYPE(_INT, _PTR, _I64)
_BY_INT = ctypes.CFUNCTYPE(_INT, _PTR, _INT)  # xSync, xLock
_MAP = ctypes.CFUNCTYPE(_INT, _PTR, _INT, _INT, _INT, _PTR)
_SHARE = ctypes.CFUNCTYPE(_INT, _PTR, _INT, _INT, _INT)

_WRAPPED: dict[str, Any] = {
    "xClose": _CLOSE,
    "xRead": _MOVE,
    "xWrite": _MOVE,
    "xTruncate": _TRUNCATE,
    "xSync": _BY_INT,
    "xLock": _BY_INT,
    "xShmMap": _MAP,
    "xShmLock": _SHARE,
}
_METHODS = (
    *("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock"),
    *("xFileControl", "xSectorSize", "xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap"),
    *("xFetch", "xUnfetch"),
)


class _Methods(ctypes.Structure):
    _fields_ = (("iVersion", _INT), *((name, _PTR) for name in _METHODS))


class _File(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    _fields_ = (
        *(("iVersion", _INT), ("szOsFile", _INT), ("mxPathname", _INT), ("pNext", _PTR), ("zName", _TEXT)),
        *((name, _PTR) for name in ("pAppData", "xOpen", "xDelete", "xAccess", "xFullPathname")),
        *((name, _PTR) for name in ("xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness", "xSleep")),
        *((name, _PTR) for name in ("xCurrentTime", "xGetLastError", "xCurrentTimeInt64")),
        *((name, _PTR) for name in ("xSetSystemCall", "xGetSystemCall", "xNextSystemCall")),
    )


class _Layer:
    """The default layer with some of its functions replaced. Each replaced one asks the disk, then does the real."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        # Finds what that module is linked with; where it is a part of the interpreter, what that is linked with.
        self._library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        self._library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._library.sqlite3_vfs_find.argtypes = [_TEXT]
        self._real = self._library.sqlite3_vfs_find(None)
        real = self._real.contents
        self._vfs = _Vfs.from_buffer_copy(real)
        self._vfs.zName = b"faulty"
        self._open, self._delete = _OPEN(self._on_open), _DELETE(self._on_delete)
        self._vfs.xOpen = ctypes.cast(self._open, _PTR)
        self._vfs.xDelete = ctypes.cast(self._delete, _PTR)
        self._sleep = _SLEEP(lambda _vfs, microseconds: microseconds)  # who waits for a lock waits no time
        self._vfs.xSleep = ctypes.cast(self._sleep, _PTR)
        self._real_open, self._real_delete = _OPEN(real.xOpen), _DELETE(real.xDelete)
        self._tables: dict[int, _Methods] = {}  # by the address of the table that they replace
        self._kept: list[object] = []

    def register(self) -> None:
        """Become the default."""
        assert self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) == _OK

    def unregister(self) -> None:
        """Be gone."""
        assert self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs)) == _OK
        assert self._library.sqlite3_vfs_register(self._real, 1) == _OK

    def _on_open(self, vfs: int, path: int | None, file: int, flags: int, taken: Any) -> int:
        name = "" if path is None else os.fsdecode(ctypes.string_at(path))
        code = self._disk.fails(Kind.OPEN)
        if code == _OPENS_READ_ONLY:
            flags = flags & ~(_MAY_CREATE | _READ_WRITE) | _READ_ONLY
        elif code is not None:
            _File.from_address(file).methods = None
            return code
        code = self._real_open(vfs, path, file, flags, taken)
        opened = _File.from_address(file)
        if code == _OK and opened.methods:
            opened.methods = ctypes.pointer(self._table_for(opened.methods))
            self._disk.opened(file, name, makes=bool(flags & _MAY_CREATE))
        return code

    def _on_delete(self, vfs: int, path: bytes, syncs: int) -> int:
        code = self._disk.fails(Kind.DELETE)
        if code is None:
            code = self._real_delete(vfs, path, syncs)
            self._disk.note(Kind.DELETE, os.fsdecode(path))
        return code

    def _table_for(self, real: Any) -> _Methods:
        address = ctypes.addressof(real.contents)
        if address not in self._tables:
            table = _Methods.from_buffer_copy(real.contents)
            for name, prototype in _WRAPPED.items():
                address_of_real = getattr(real.contents, name)
                if address_of_real is None:
                    continue  # a log shares no memory
                function = prototype(address_of_real)
                replacement = prototype(getattr(self, f"_make_{name}")(function))
                self._kept += [function, replacement]
                setattr(table, name, ctypes.cast(replacement, _PTR))
            self._tables[address] = table
        return self._tables[address]

    def _make_xClose(self, real: Any) -> Callable[..., int]:  # noqa: N802 - SQLite's name, as in the rest
        def close(file: int) -> int:
            self._disk.closed(file)
            return int(real(file))

        return close

    def _make_xRead(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def read(file: int, buffer: int, count: int, offset: int) -> int:
            code = self._disk.fails(Kind.READ)
            return int(real(file, buffer, count, offset)) if code is None else code

        return read

    def _make_xWrite(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def write(file: int, buffer: int, count: int, offset: int) -> int:
            code = self._disk.fails(Kind.WRITE)
            if code is not None:
                real(file, buffer, count // 2, offset)  # a write that fails may have been done in part
                return code
            if self._disk.events is not None:
                data = ctypes.string_at(buffer, count)
                self._disk.note(Kind.WRITE, self._disk.name_of(file), offset=offset, data=data)
            return int(real(file, buffer, count, offset))

        return write

    def _make_xTruncate(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def truncate(file: int, size: int) -> int:
            code = self._disk.fails(Kind.TRUNCATE)
            if code is not None:
                return code
            self._disk.note(Kind.TRUNCATE, self._disk.name_of(file), offset=size)
            return int(real(file, size))

        return truncate

    def _make_xSync(self, _real: Any) -> Callable[..., int]:  # noqa: N802
        def sync(file: int, _flags: int) -> int:
            code = self._disk.fails(Kind.SYNC)
            if code is not None:
                return code
            self._disk.note(Kind.SYNC, self._disk.name_of(file))
            return _OK  # this machine's power is not cut: waiting for its disk would prove nothing

        return sync

    def _make_xLock(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def lock(file: int, level: int) -> int:
            code = self._disk.fails(Kind.LOCK)
            return int(real(file, level)) if code is None else code

        return lock

    def _make_xShmMap(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def share(file: int, region: int, size: int, extends: int, found: int) -> int:
            code = self._disk.fails(Kind.MAP)
            return int(real(file, region, size, extends, found)) if code is None else code

        return share

    def _make_xShmLock(self, real: Any) -> Callable[..., int]:  # noqa: N802
        def lock(file: int, first: int, count: int, flags: int) -> int:
            code = self._disk.fails(Kind.LOCK) if flags & _SHM_LOCK else None
            return int(real(file, first, count, flags)) if code is None else code

        return lock
