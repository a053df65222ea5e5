"""Who holds a lease, and whether that process is still there (rules, section 4.8); which machine this is.

Called by the journals. Knows processes and boots, not tables.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.instant import Instant

_MACHINE_ID = "/etc/machine-id"
_IS_ID = re.compile(r"[0-9a-f]{32}")
_PROCESSES = "/proc"
_CAN_ASK = os.name == "posix"  # elsewhere `os.kill` does not ask: it kills


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that drives runs.

    Attributes:
        host: The host's name, for people.
        machine: Names the host for certain: its machine id; where it has none, its name.
        pid_space: Names the space `pid` counts in (Linux: the PID namespace, so that containers are told apart).
        pid: The process.
        pid_start: When it started, in the platform's unit, to tell it from a later process of the same number; None
            where the platform does not say.
    """

    host: str
    machine: str
    pid_space: str
    pid: int
    pid_start: int | None

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A lease as it is written down: whose it is and when it ends."""

    owner: Owner
    ends: Instant


def owner_of(pid: int) -> Owner:
    """Return the owner that a process of this host, of this PID space, is."""
    host = socket.gethostname()
    seen = _look_up(pid)
    return Owner(
        host=host,
        machine=machine_id() or host,
        pid_space=_link(f"{_PROCESSES}/self/ns/pid"),
        pid=pid,
        pid_start=seen.start if seen else None,
    )


def machine_id() -> str | None:
    """Return this machine's id; None where it has none, as in many containers. Host names change, and are none."""
    found = _first_line(_MACHINE_ID)
    return found if found is not None and _IS_ID.fullmatch(found) else None  # machine-id(5): it may be `uninitialized`


def is_live(tenure: Tenure | None, *, now: Instant, here: Owner) -> bool:
    """Return whether a lease still keeps others away, as seen by the process `here`."""
    if tenure is None or now.since(tenure.ends) >= 0:
        return False
    owner = tenure.owner
    if owner.machine != here.machine:
        return True  # its boot and its processes cannot be judged from here; its time will end
    if tenure.ends.boot_id != now.boot_id:
        return False
    return owner.pid_space != here.pid_space or not _is_gone(owner)


def _is_gone(owner: Owner) -> bool:
    if not _CAN_ASK:
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is there, and another user's
    seen = _look_up(owner.pid)
    if seen is None or owner.pid_start is None:
        return False
    return seen.start != owner.pid_start or seen.is_dead


@dataclass(frozen=True, slots=True)
class _Seen:
    start: int
    is_dead: bool


def _look_up(pid: int) -> _Seen | None:
    """Read the start time and state of a process (proc(5), stat); None where the platform does not show them."""
    line = _first_line(f"{_PROCESSES}/{pid}/stat")
    if line is None:
        return None
    fields = line.rpartition(")")[2].split()  # the name before it may hold anything, brackets too
    return _Seen(start=int(fields[19]), is_dead=fields[0] in "ZX")  # a zombie drives nothing


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
