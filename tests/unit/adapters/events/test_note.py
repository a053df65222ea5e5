"""What a receiver leaves beside its journal: the secret of its addresses, once, and a note while it runs."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from orchestrator.adapters.events.note import ReceiverNote, find_receiver, leave_note, remove_note, secret_of
from orchestrator.core.instant import Instant
from orchestrator.errors import ConfigurationError

NOW = Instant(1_700_000_000.0, 1_000.0, "boot-1")
NOTE = ReceiverNote(url="http://127.0.0.1:8080", public_url="https://events.example.com", pid=4711, at=NOW)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def secret_file(journal: Path) -> Path:
    return journal.with_name("journal.db.events-secret")


def test_the_secret_is_made_once_and_kept(journal: Path) -> None:
    """Only the first is told that it is new; nobody but the owner may read it, and no draft stays behind."""
    secret, is_new = secret_of(journal)
    assert is_new
    assert len(secret) >= 32
    assert secret_of(journal) == (secret, False)
    assert stat.S_IMODE(secret_file(journal).stat().st_mode) == 0o600
    assert [path.name for path in journal.parent.iterdir()] == ["journal.db.events-secret"]


def test_secrets_differ(tmp_path: Path) -> None:
    """No two journals have the same."""
    assert secret_of(tmp_path / "a")[0] != secret_of(tmp_path / "b")[0]


def test_several_that_make_it_at_once_agree(journal: Path) -> None:
    """One of them wins, and exactly one says so."""
    start = threading.Barrier(8)
    found: list[tuple[str, bool]] = []

    def make() -> None:
        start.wait()
        found.append(secret_of(journal))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({secret for secret, _ in found}) == 1
    assert [is_new for _, is_new in found].count(True) == 1


def test_a_secret_that_others_may_read_is_none(journal: Path) -> None:
    """It is refused, with the way out, and not shown."""
    secret, _ = secret_of(journal)
    secret_file(journal).chmod(0o640)
    with pytest.raises(ConfigurationError, match="others than its owner") as refused:
        secret_of(journal)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"short\n", b"with/a/slash/in/the/middle", b"\xff" * 40])
def test_a_file_that_holds_no_secret_is_refused(journal: Path, content: bytes) -> None:
    """An empty or damaged file must not become an address that anybody knows."""
    secret_file(journal).write_bytes(content)
    secret_file(journal).chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"no secret of event addresses|it is not text"):
        secret_of(journal)


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    """The reason is named."""
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        secret_of(tmp_path / "nowhere" / "journal.db")


def test_a_note_is_found_while_it_is_fresh(journal: Path) -> None:
    """Half a minute without a sign of life, and the receiver counts as gone."""
    assert find_receiver(journal, now=NOW) is None
    leave_note(journal, NOTE)
    assert find_receiver(journal, now=NOW.plus(29)) == NOTE
    assert find_receiver(journal, now=NOW.plus(31)) is None
    after_reboot = Instant(NOW.wall + 31, 1.0, "boot-2")
    assert find_receiver(journal, now=after_reboot) is None
    assert stat.S_IMODE(journal.with_name("journal.db.receiver").stat().st_mode) == 0o600


def test_a_note_without_a_public_url(journal: Path) -> None:
    """It says so."""
    note = ReceiverNote(url=NOTE.url, public_url=None, pid=1, at=NOW)
    leave_note(journal, note)
    assert find_receiver(journal, now=NOW) == note


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": 1}', '{"at": {"wall": "x"}}'])
def test_a_damaged_note_is_none(journal: Path, text: str) -> None:
    """The next heartbeat writes another."""
    journal.with_name("journal.db.receiver").write_text(text)
    assert find_receiver(journal, now=NOW) is None
    remove_note(journal, pid=os.getpid())


def test_a_receiver_takes_back_its_own_note_only(journal: Path) -> None:
    """Of two receivers of one journal the other one's note stays."""
    leave_note(journal, NOTE)
    remove_note(journal, pid=1)
    assert find_receiver(journal, now=NOW) == NOTE
    remove_note(journal, pid=4711)
    assert find_receiver(journal, now=NOW) is None
    assert list(journal.parent.iterdir()) == []
