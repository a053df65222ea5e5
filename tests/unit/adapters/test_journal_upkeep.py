"""Checking, exporting and pruning a journal, and what its writer does when something unexpected happens."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.adapters.journal import PruneReport, SqliteJournal
from orchestrator.adapters.journal.combine import Submission
from orchestrator.adapters.journal.connections import Link
from orchestrator.adapters.journal.rows import crc_of
from orchestrator.adapters.journal.statements import MARKS
from orchestrator.core import codec
from orchestrator.core.evolve import evolve, fold, marks
from orchestrator.core.records import CancelAsked, Disposition, RunEnded, RunMarks, Status, Waited
from orchestrator.errors import AlreadyCalledError, JournalError, LeaseLostError
from orchestrator.ports import ContactClaim, ContactState, Lease, Standing
from tests.conformance.journal_bench import LEASE_S, NUMBER, SETTLED, a_note, a_start, at_once, problems_of
from tests.conformance.test_journal import SqliteBench

COMPLETED = RunMarks(status=Status.COMPLETED, ended=True, claims_dial=False)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SqliteBench]:
    bench = SqliteBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def journal(bench: SqliteBench) -> SqliteJournal:
    journal = bench.open()
    assert isinstance(journal, SqliteJournal)
    return journal


def ended(bench: SqliteBench, journal: SqliteJournal, run_id: str, marks: RunMarks = COMPLETED) -> Lease:
    """Make a run that ends now."""
    lease = journal.start_run(a_start(bench, run_id, to=f"+1{run_id}"), lease_s=LEASE_S)
    journal.append(lease, [a_note(bench, 1)], marks)
    return lease


def tamper(journal: SqliteJournal, *statements: str) -> None:
    """Change the file behind the journal's back."""
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_good_journal_has_no_problems(bench: SqliteBench, journal: SqliteJournal) -> None:
    """A journal in use passes its check."""
    ended(bench, journal, "run-1")
    journal.put_inbox("run-1", CancelAsked(at=bench.now()))
    assert problems_of(journal) == []


NEWER = '{"t":"Noticed","v":99}'


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM records WHERE seq = 2", "Run run-1, record 2 is missing."),
        ("DELETE FROM records", "Run run-1 has no records."),
        ("UPDATE records SET body = replace(body, '1', '2') WHERE seq = 2", "Run run-1, record 2 was changed on disk"),
        ("UPDATE records SET body = CAST(body AS BLOB) WHERE seq = 2", "Run run-1, record 2 was changed on disk"),
        (
            "UPDATE records SET (crc, body) = (SELECT crc, body FROM records WHERE seq = 1) WHERE seq = 2",
            "Run run-1, record 2 was changed on disk",
        ),
        ("UPDATE records SET run_id = 'run-9' WHERE seq = 3", "A row of records belongs to no run."),
        ("INSERT INTO inbox (run_id, body) VALUES ('run-1', 'x')", "Inbox of run run-1: A record of the journal is"),
        ("DROP TABLE inbox", "The table inbox is missing."),
        ("DROP TABLE contacts", "The table contacts is missing."),
        ("DELETE FROM runs", "Contact key-1 is being called by run run-7, which is missing."),
        ("UPDATE contacts SET state = 'asleep'", "Contact key-1 has the unknown state 'asleep'."),
    ],
)
def test_the_check_finds(bench: SqliteBench, journal: SqliteJournal, statement: str, said: str) -> None:
    """Whatever contradicts the journal's rules is found and named."""
    lease = ended(bench, journal, "run-1")
    journal.append(lease, [a_note(bench, 2)], COMPLETED)
    claim = ContactClaim(key="key-1", campaign="spring", occurrence="monday", row_digest="row-1")
    journal.start_run(a_start(bench, "run-7"), lease_s=LEASE_S, contact=claim)
    tamper(journal, "PRAGMA foreign_keys = OFF", statement)
    assert any(said in problem for problem in journal.check_integrity())


MARKED = [
    ("status", "'running'"),
    ("status", "'comp\x05eted'"),
    ("disposition", "'busy'"),
    ("ended", "0"),
    ("ended", "'x'"),
    ("call_id", "'call-8'"),
    ("claims_dial", "1"),
    ("claim_until_wall", "1.0"),
    ("wake_wall", "5"),
    ("ended_wall", "NULL"),
    ("claimed_number", f"'{NUMBER}'"),
    ("callee", f"'{NUMBER}9'"),
    ("script_name", "'reminded'"),
    ("incoming_call", "'call-7'"),
    ("started_wall", "started_wall + 0.001"),
    ("started_boot_s", "started_boot_s + 0.001"),
    ("started_boot_id", "'boot-2'"),
]


@pytest.mark.parametrize(("column", "value"), MARKED)
def test_the_check_holds_the_index_of_runs_against_their_records(
    bench: SqliteBench, journal: SqliteJournal, column: str, value: str
) -> None:
    """A bit that is turned in what lists and claims go by shows, although no checksum covers it."""
    started, end = a_start(bench), RunEnded(at=bench.now(), status=Status.COMPLETED, disposition=Disposition.COMPLETED)
    lease = journal.start_run(started, lease_s=LEASE_S)
    journal.append(lease, [end], marks(fold([started, end])))
    assert journal.check_integrity() == []
    tamper(journal, f"UPDATE runs SET {column} = {value}")
    (problem, *_) = journal.check_integrity()
    assert problem == f"Run run-1: `{column}` of its row in `runs` is not what its records say."
    if column in MARKS:  # whoever drives the run on puts it right
        journal.append(lease, [], marks(fold([started, end])))
        assert journal.check_integrity() == []


def test_a_run_that_is_driven_while_it_is_checked_is_whole(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Its records and its row in the index are read as they were at one moment."""
    started, last = a_start(bench), 200
    lease = journal.start_run(started, lease_s=LEASE_S)
    state = fold([started])

    def drive() -> None:
        told = state
        for number in range(last):
            waited = Waited(at=bench.now(), wake=bench.now().plus(number), why="for its turn")
            told = evolve(told, waited)
            journal.append(lease, [waited], marks(told))

    driver = threading.Thread(target=drive)
    driver.start()
    checks = [journal.check_integrity()]
    while driver.is_alive():
        checks.append(journal.check_integrity())
    driver.join()
    assert not any(checks)
    assert len(journal.read("run-1")) == 1 + last


def test_a_claim_that_another_run_took_over_is_no_damage(bench: SqliteBench, journal: SqliteJournal) -> None:
    """The number of a dial that was never settled is free after a while; a live claim is this run's callee."""
    started = a_start(bench)
    lease = journal.start_run(started, lease_s=LEASE_S)
    assert journal.check_integrity() == []
    journal.release(lease)
    bench.now.move(LEASE_S)
    journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
    assert journal.check_integrity() == []
    tamper(journal, "UPDATE runs SET claimed_number = '+15555550111' WHERE run_id = 'run-2'")
    assert journal.check_integrity() == [
        "Run run-2: `claimed_number` of its row in `runs` is not what its records say."
    ]


def test_the_check_finds_a_second_beginning(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Only the first record of a run starts it."""
    ended(bench, journal, "run-1")
    with journal._reading() as link:
        (body,) = link.driver.execute("SELECT body FROM records WHERE seq = 1").fetchone()
        link.driver.execute("UPDATE records SET body = ?, crc = ? WHERE seq = 2", (body, crc_of("run-1", 2, body)))
    assert journal.check_integrity() == ["Run run-1, record 2: only the first record starts a run."]


def test_records_of_early_builds_are_read(bench: SqliteBench, journal: SqliteJournal) -> None:
    """They have a checksum of their text alone."""
    ended(bench, journal, "run-1")
    written = journal.read("run-1")
    with journal._reading() as link:
        for seq, body in link.driver.execute("SELECT seq, body FROM records").fetchall():
            link.driver.execute("UPDATE records SET crc = ? WHERE seq = ?", (zlib.crc32(body.encode()), seq))
    assert problems_of(journal) == []
    assert journal.read("run-1") == written


def test_the_check_finds_a_record_of_a_newer_format(bench: SqliteBench, journal: SqliteJournal) -> None:
    """A record that this release cannot read is reported with its place; `read` and `export` refuse it, too."""
    ended(bench, journal, "run-1")
    with journal._reading() as link:
        link.driver.execute("UPDATE records SET body = ?, crc = ? WHERE seq = 2", (NEWER, crc_of("run-1", 2, NEWER)))
    (problem,) = journal.check_integrity()
    assert "Run run-1, record 2: " in problem
    assert "newer release" in problem
    with pytest.raises(JournalError, match=r"journal.db cannot be read. Run run-1, record 2"):
        journal.read("run-1")
    with pytest.raises(JournalError, match="newer release"):
        list(journal.export())


def test_the_check_finds_what_sqlite_finds(bench: SqliteBench, journal: SqliteJournal) -> None:
    """A damaged page is reported in SQLite's words."""
    for number in range(30):
        ended(bench, journal, f"run-{number}")
    root = one_value(journal, "SELECT rootpage FROM sqlite_schema WHERE name = 'runs_by_call'")
    size = one_value(journal, "PRAGMA page_size")
    tamper(journal, "UPDATE runs SET call_id = run_id")
    journal.close()
    content = bytearray(journal.path.read_bytes())
    content[(root - 1) * size + 3 : (root - 1) * size + 5] = b"\x00\x01"  # the page's count of entries
    journal.path.write_bytes(content)
    with closing(SqliteJournal(journal.path, now=bench.now)) as again:
        assert any(problem.startswith("SQLite: ") for problem in again.check_integrity())


def test_a_run_without_records_takes_no_append(bench: SqliteBench, journal: SqliteJournal) -> None:
    """A run whose records are gone is damage, not a fresh start."""
    lease = ended(bench, journal, "run-1")
    tamper(journal, "PRAGMA foreign_keys = OFF", "DELETE FROM records")
    with pytest.raises(JournalError, match="run run-1 has no records"):
        journal.append(lease, [a_note(bench, 1)], SETTLED)


def test_a_message_that_is_none_is_damage(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Only what may lie in an inbox is taken from it."""
    lease = ended(bench, journal, "run-1")
    body = codec.encode(a_note(bench, 1))
    tamper(journal, f"INSERT INTO inbox (run_id, body) VALUES ('run-1', '{body}')")
    with pytest.raises(JournalError, match="a Noticed lies in the inbox of run run-1"):
        journal.take_inbox(lease)


@pytest.mark.parametrize("change", ["status = 'sleeping'", "disposition = 'gone'", "lease_expires_boot_s = 'x'"])
def test_a_list_of_runs_shows_no_nonsense(bench: SqliteBench, journal: SqliteJournal, change: str) -> None:
    """A mark that cannot be is damage."""
    ended(bench, journal, "run-1")
    tamper(journal, f"UPDATE runs SET {change}")
    with pytest.raises(JournalError, match="run-1 of the journal is damaged"):
        list(journal.runs())


def test_a_contact_in_no_known_state_is_damage(bench: SqliteBench, journal: SqliteJournal) -> None:
    """It is not taken for one that may be called."""
    standing = called(bench, journal, 1, "monday", ContactState.DONE)
    tamper(journal, "UPDATE contacts SET state = 'asleep'")
    with pytest.raises(JournalError, match="Contact monday-1 of the journal is damaged"):
        journal.campaigns.standings([standing.key])
    claim = ContactClaim(key=standing.key, campaign="spring", occurrence="monday", row_digest="fingerprint")
    with pytest.raises(JournalError, match="damaged"):
        journal.start_run(a_start(bench), lease_s=LEASE_S, contact=claim)


def test_names_that_are_no_text_are_refused_in_a_sentence(bench: SqliteBench, journal: SqliteJournal) -> None:
    """An argument of the command line may hold what is not UTF-8: reading and writing say so."""
    standing = called(bench, journal, 1, "monday", ContactState.DONE)
    with pytest.raises(JournalError, match="not Unicode"):
        journal.campaigns.orders_of("spring \udcff")
    with pytest.raises(JournalError, match="not Unicode"):
        journal.campaigns.put([replace(standing, occurrence="monday \udcff")])


# --- export -----------------------------------------------------------------------------------------------------------


def test_an_export_has_every_record(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Each line names its run and its place and holds the record as it was written; the oldest run comes first."""
    ended(bench, journal, "run-2")
    bench.now.move(1)
    ended(bench, journal, "run-1")
    lines = [json.loads(json.dumps(line)) for line in journal.export()]
    assert [(line["run_id"], line["seq"], line["record"]["t"]) for line in lines] == [
        ("run-2", 1, "RunStarted"),
        ("run-2", 2, "Noticed"),
        ("run-1", 1, "RunStarted"),
        ("run-1", 2, "Noticed"),
    ]
    assert codec.decode(json.dumps(lines[3]["record"])) == a_note(bench, 1)


# --- prune ------------------------------------------------------------------------------------------------------------


def test_only_runs_that_are_over_are_pruned(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Live, unfinished, undecided and blocking runs stay, and so does what ended later."""
    now = bench.now().wall
    for run_id in ("done", "done-too"):
        journal.release(ended(bench, journal, run_id))
    journal.put_inbox("done", CancelAsked(at=bench.now()))
    journal.release(ended(bench, journal, "unfinished", SETTLED))
    journal.release(
        ended(bench, journal, "undecided", RunMarks(status=Status.UNDECIDED, ended=True, claims_dial=False))
    )
    journal.release(ended(bench, journal, "blocking", RunMarks(ended=True, claim_until_wall=now + 100)))
    driven = ended(bench, journal, "driven")
    bench.now.move(1)
    journal.renew([driven], lease_s=LEASE_S)
    late = ended(bench, journal, "late", SETTLED)
    journal.append(late, [], COMPLETED)
    journal.release(late)

    assert journal.prune(now + 1, dry_run=True) == PruneReport(run_ids=("done", "done-too"), records=4)
    assert len(list(journal.runs())) == 7
    report = journal.prune(now + 1)
    assert (report.run_ids, report.records) == (("done", "done-too"), 4)
    assert {run.run_id for run in journal.runs()} == {"unfinished", "undecided", "blocking", "driven", "late"}
    assert problems_of(journal) == []

    bench.now.move(100)
    assert journal.prune(now + 1).run_ids == ("blocking", "driven")
    assert journal.prune(now + 1) == PruneReport(run_ids=(), records=0)


def test_a_run_that_ended_keeps_the_date_of_its_end(bench: SqliteBench, journal: SqliteJournal) -> None:
    """What is appended after the end does not make a run younger."""
    lease = ended(bench, journal, "run-1")
    end = bench.now().wall
    bench.now.move(10)
    journal.append(lease, [a_note(bench, 2)], RunMarks(status=Status.FAILED, ended=True, claims_dial=False))
    journal.release(lease)
    assert journal.prune(end + 1).run_ids == ("run-1",)


def test_pruning_gives_space_back_and_leaves_nothing_to_find(bench: SqliteBench, journal: SqliteJournal) -> None:
    """The file shrinks, and what was pruned is in none of its bytes."""
    lease = ended(bench, journal, "run-1", SETTLED)
    journal.append(lease, [a_note(bench, number) for number in range(3000)], SETTLED)
    journal.append(lease, [], COMPLETED)
    journal.release(lease)
    report = journal.prune(bench.now().wall + 1)
    assert report.bytes_freed > 100_000
    content = b"".join(path.read_bytes() for path in journal.path.parent.iterdir() if not path.name.endswith("-shm"))
    assert b"number 17" not in content


def called(bench: SqliteBench, journal: SqliteJournal, number: int, occurrence: str, state: ContactState) -> Standing:
    """Make a contact whose one run ended now, and say where it stands."""
    key, run_id = f"{occurrence}-{number}", f"run-{occurrence}-{number}"
    claim = ContactClaim(key=key, campaign="spring", occurrence=occurrence, row_digest="fingerprint")
    started = a_start(bench, run_id, to=f"+1555557{number:04}")
    lease = journal.start_run(started, lease_s=LEASE_S, contact=claim)
    journal.append(lease, [], COMPLETED)
    journal.release(lease)
    opened = journal.campaigns.standings([key])[key]
    standing = replace(
        opened, state=state, disposition="completed", result="agreed", reason="because", call_id="call", ended_wall=1.0
    )
    journal.campaigns.put([standing])
    return standing


def test_pruning_forgets_who_was_called_but_not_that(bench: SqliteBench, journal: SqliteJournal) -> None:
    """A contact's key stays and keeps it from being called again; nothing is left of who it was or what was said."""
    done = called(bench, journal, 1, "monday", ContactState.DONE)
    bench.now.move(10)
    late = called(bench, journal, 2, "monday", ContactState.DONE)
    end = bench.now().wall
    assert journal.prune(end).run_ids == (done.run_id,)
    found = journal.campaigns.standings([done.key, late.key])
    assert found[late.key] == late
    assert found[done.key] == Standing(
        key=done.key,
        campaign="spring",
        occurrence="monday",
        number="",
        row_digest="",
        state=ContactState.DONE,
        attempts=1,
        disposition="completed",
    )
    with pytest.raises(AlreadyCalledError):
        called(bench, journal, 1, "monday", ContactState.DONE)
    content = b"".join(path.read_bytes() for path in journal.path.parent.iterdir() if not path.name.endswith("-shm"))
    assert b"+15555570001" not in content
    assert problems_of(journal) == []


@pytest.mark.parametrize("state", [ContactState.OPEN, ContactState.AGAIN])
def test_an_occurrence_that_is_not_over_is_not_pruned(
    bench: SqliteBench, journal: SqliteJournal, state: ContactState
) -> None:
    """While one contact is being called or is to be called again, the runs and contacts of all stay."""
    live = [called(bench, journal, 1, "monday", ContactState.DONE), called(bench, journal, 2, "monday", state)]
    live[1] = replace(live[1], due_wall=bench.now().wall)
    journal.campaigns.put(live[1:])
    over = called(bench, journal, 3, "tuesday", ContactState.DONE)
    waiting = replace(live[0], key="waits", run_id=None, state=ContactState.WAITING)
    journal.campaigns.put([waiting])
    journal.campaigns.note_file("spring", occurrence="monday", content_digest="a", now_wall=bench.now().wall)
    bench.now.move(10)
    later = bench.now().wall
    assert journal.prune(later, dry_run=True).run_ids == (over.run_id,)
    assert journal.prune(later).run_ids == (over.run_id,)
    assert list(journal.campaigns.all_of("spring", occurrence="monday")) == [*live, waiting]
    journal.campaigns.put([replace(live[1], state=ContactState.DONE)])
    assert journal.prune(later).run_ids == (live[0].run_id, live[1].run_id)
    assert {standing.number for standing in journal.campaigns.all_of("spring")} == {""}


@pytest.mark.parametrize("state", [ContactState.OPEN, ContactState.AGAIN])
def test_what_no_tick_will_come_to_any_more_keeps_nothing_from_being_pruned(
    bench: SqliteBench, journal: SqliteJournal, state: ContactState
) -> None:
    """A redial that was due, or a call that ended, longer ago than an occurrence lasts is closed by a prune."""
    left = called(bench, journal, 1, "monday", state)
    journal.campaigns.put([replace(left, due_wall=bench.now().wall)])
    bench.now.move(9 * 86_400)
    now = bench.now().wall
    assert journal.prune(now - 10 * 86_400).run_ids == ()
    assert journal.prune(now, dry_run=True).run_ids == (left.run_id,)
    assert journal.campaigns.standings([left.key])[left.key].state is state
    assert journal.prune(now).run_ids == (left.run_id,)
    found = journal.campaigns.standings([left.key])[left.key]
    assert (found.state, found.number, found.disposition) == (ContactState.DONE, "", "completed")
    with pytest.raises(AlreadyCalledError):
        called(bench, journal, 1, "monday", ContactState.DONE)
    assert problems_of(journal) == []


def test_contacts_that_were_never_called_are_forgotten_with_their_occurrence(
    bench: SqliteBench, journal: SqliteJournal
) -> None:
    """Refused and waiting contacts of an old occurrence lose their numbers; those of a later one keep them."""
    now = bench.now().wall
    claim = called(bench, journal, 1, "monday", ContactState.DONE)
    for occurrence, content, wall in (("monday", "a", now), ("monday", "b", now + 9), ("tuesday", "a", now + 9)):
        journal.campaigns.note_file("spring", occurrence=occurrence, content_digest=content, now_wall=wall)
        refused = replace(claim, key=f"refused-{occurrence}", occurrence=occurrence, run_id=None)
        journal.campaigns.put([replace(refused, state=ContactState.REFUSED)])
    bench.now.move(10)
    journal.prune(now + 5)
    found = journal.campaigns.standings(["refused-monday", "refused-tuesday"])
    assert (found["refused-monday"].number, found["refused-monday"].reason) == ("", None)
    assert (found["refused-tuesday"].number, found["refused-tuesday"].reason) == (claim.number, "because")
    assert journal.campaigns.occurrences_of("spring") == [("spring", "tuesday"), ("spring", "monday")]
    assert journal.campaigns.called_before("spring", occurrence="friday", content_digest="b") == "monday"


# --- the writer -------------------------------------------------------------------------------------------------------


def test_a_mistake_in_one_submission_hurts_no_other(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Work that raises something unexpected is undone alone and gets its own error; the journal goes on."""
    lease = journal.start_run(a_start(bench), lease_s=LEASE_S)

    def broken(link: Link) -> None:
        link.driver.execute("DELETE FROM records")
        raise ZeroDivisionError

    def work(number: int) -> None:
        if number == 3:
            with pytest.raises(ZeroDivisionError):
                journal._writer.submit(broken)
        else:
            journal.append(lease, [a_note(bench, number)], RunMarks())

    assert at_once(8, work) == [None] * 8
    assert len(journal.read("run-1")) == 8


def test_an_interrupted_transaction_leaves_nothing_behind(bench: SqliteBench, journal: SqliteJournal) -> None:
    """Ctrl-C in the middle of a transaction undoes it, and the next one works."""
    lease = journal.start_run(a_start(bench), lease_s=LEASE_S)

    def interrupted(link: Link) -> None:
        link.driver.execute("DELETE FROM records")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal._writer.submit(interrupted)
    journal.append(lease, [a_note(bench, 1)], RunMarks())
    assert journal.read("run-1") == [a_start(bench), a_note(bench, 1)]
    assert "was interrupted while writing" in str(journal._writer._abandoned())


def test_a_failure_of_the_file_fails_all_that_share_the_transaction(journal: SqliteJournal) -> None:
    """A submission that was refused before keeps its own error; the others get the journal's, each its own object."""

    def refused(link: Link) -> None:
        assert link.driver.in_transaction
        raise LeaseLostError

    def well(link: Link) -> None:
        link.driver.execute("SELECT 1")

    def broken(link: Link) -> None:
        link.driver.execute("SELECT * FROM elsewhere")

    batch: list[Submission[Link, object]] = [Submission(work) for work in (well, refused, broken, broken)]
    journal._writer._run_batch(batch)
    errors = [submission._error for submission in batch]
    assert [type(error) for error in errors] == [JournalError, LeaseLostError, JournalError, JournalError]
    assert errors[2] is not errors[3]
    assert all(str(journal.path) in str(error) for error in (errors[0], errors[2]))
    assert journal._writer.submit(lambda link: link.driver.execute("SELECT 1").fetchone()[0]) == 1


def test_connections_for_reading_are_kept_but_not_without_bound(journal: SqliteJournal) -> None:
    """As many connections stay open as runs may drive at once, and no more; a closed journal keeps none."""
    with ExitStack() as stack:
        for _ in range(66):
            stack.enter_context(journal._reading())
    assert len(journal._connections._readers) == 64
    with journal._reading():
        journal.close()
    assert not journal._connections._readers


def one_value(journal: SqliteJournal, query: str) -> int:
    """Ask the file one thing."""
    with closing(sqlite3.connect(journal.path)) as connection:
        return int(connection.execute(query).fetchone()[0])
