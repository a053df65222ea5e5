"""What a receiver leaves beside its journal: the secret of its address, for ever, and while it runs a note of itself.

Both are files that only their owner may read, since the journal may be in a folder that others may look into. The
secret is never in the note. The receiver writes them; `doctor` reads the note.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.events.options import SHORTEST_SECRET
from orchestrator.core.instant import Instant
from orchestrator.errors import ConfigurationError

BEAT_S = 5.0
"""How often a receiver renews its note."""
_STALE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverNote:
    """A receiver that runs, as far as is known.

    Attributes:
        url: Where it listens, without the secret: `http://127.0.0.1:8080`.
        public_url: What the API reaches it by, likewise; None where no proxy was named.
        pid: Its process.
        at: Its last sign of life.
    """

    url: str
    public_url: str | None
    pid: int
    at: Instant


def find_receiver(journal: Path, *, now: Instant) -> ReceiverNote | None:
    """Return the receiver of a journal; None where none gave a sign of life within half a minute."""
    note = _read(_note_file(journal))
    if note is None or not -_STALE_S <= now.since(note.at) <= _STALE_S:
        return None
    return note


def leave_note(journal: Path, note: ReceiverNote) -> None:
    """Say that a receiver runs. Raises OSError."""
    at = {"wall": note.at.wall, "boot_s": note.at.boot_s, "boot_id": note.at.boot_id}
    document = {"url": note.url, "public_url": note.public_url, "pid": note.pid, "at": at}
    file = _note_file(journal)
    draft = _draft(file, json.dumps(document) + "\n")
    draft.replace(file)


def remove_note(journal: Path, *, pid: int) -> None:
    """Take the note of a process back; another process's stays."""
    file = _note_file(journal)
    note = _read(file)
    if note is not None and note.pid == pid:
        file.unlink(missing_ok=True)


def secret_of(journal: Path) -> tuple[str, bool]:
    """Return the secret of the receivers of a journal, and whether it was made just now.

    Of several processes that make it at the same time one wins, and all use that one's.

    Raises:
        ConfigurationError: It cannot be made or read, or others may read it.
    """
    file = journal.with_name(f"{journal.name}.events-secret")
    try:
        if not file.exists():
            draft = _draft(file, secrets.token_urlsafe(32) + "\n", lasting=True)
            try:
                os.link(draft, file)
                return _secret_in(file), True
            except FileExistsError:
                pass  # another process was faster
            finally:
                draft.unlink()
        return _secret_in(file), False
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"{file}: the secret of the event addresses cannot be kept: {reason}") from None


def _secret_in(file: Path) -> str:
    with file.open(encoding="ascii") as stream:
        if os.name == "posix" and os.fstat(stream.fileno()).st_mode & 0o077:
            raise ConfigurationError(f"{file}: others than its owner may read this secret; remove the file to make one")
        secret = stream.read(1000).strip()
    if len(secret) < SHORTEST_SECRET or not secret.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(f"{file}: this is no secret of event addresses; remove the file to make a new one")
    return secret


def _note_file(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.receiver")


def _draft(file: Path, text: str, *, lasting: bool = False) -> Path:
    """Write a file of a name of its own, readable by its owner only; the caller gives it its real one."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as stream:
        stream.write(text)
        if lasting:
            stream.flush()
            os.fsync(stream.fileno())
    return draft


def _read(file: Path) -> ReceiverNote | None:
    """Return a note; None where there is none that can be read: a heartbeat is coming."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        document = json.loads(file.read_text(encoding="utf-8"))
        at = Instant(float(document["at"]["wall"]), float(document["at"]["boot_s"]), str(document["at"]["boot_id"]))
        public_url = document["public_url"]
        return ReceiverNote(
            url=str(document["url"]),
            public_url=None if public_url is None else str(public_url),
            pid=int(document["pid"]),
            at=at,
        )
    return None
