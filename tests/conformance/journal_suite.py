"""The rules of the port `Journal`, for every implementation of it; `test_journal.py` gives each its bench."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.exchange import CallSeen
from orchestrator.core.records import (
    CancelAsked,
    Disposition,
    Resolved,
    RunMarks,
    Settled,
    Status,
    Then,
    Verdict,
)
from orchestrator.errors import (
    CallTakenError,
    JournalError,
    LeaseHeldError,
    LeaseLostError,
    NoSuchRunError,
    NumberBlockedError,
)
from orchestrator.ports import Journal, Lease, Taken
from tests.conformance.journal_bench import A_BIT, LEASE_S, NUMBER, SETTLED, Bench, a_note, a_start, at_once


class JournalSuite:
    """Subclasses give the fixture `bench`."""

    @pytest.fixture
    def journal(self, bench: Bench) -> Journal:
        """Return the journal as this process opens it."""
        return bench.open()

    # --- records ------------------------------------------------------------------------------------------------------

    def test_a_run_begins_with_its_first_record_and_a_lease(self, bench: Bench, journal: Journal) -> None:
        """`start_run` creates the run, its first record and a lease whose token counts from 1."""
        started = a_start(bench)
        lease = journal.start_run(started, lease_s=LEASE_S)
        assert lease == Lease(run_id="run-1", token=1)
        assert journal.read("run-1") == [started]

    def test_an_incoming_call_is_taken_by_one_run(self, bench: Bench, journal: Journal) -> None:
        """A run that takes a call owns it at once, claims no number, and no second run takes it."""
        call = CallSeen(call_id="call-1", status="ringing")
        taking = [replace(a_start(bench, run_id), call=call) for run_id in ("run-1", "run-2")]
        journal.start_run(taking[0], lease_s=LEASE_S)
        assert journal.owners_of(["call-1"]) == {"call-1": "run-1"}
        with pytest.raises(CallTakenError):
            bench.open().start_run(taking[1], lease_s=LEASE_S)
        journal.start_run(a_start(bench, "run-3"), lease_s=LEASE_S)
        assert {summary.run_id: summary.incoming for summary in journal.runs()} == {"run-1": True, "run-3": False}

    def test_a_run_id_is_used_once(self, bench: Bench, journal: Journal) -> None:
        """A second run of the same id is refused and leaves the first as it was."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [], SETTLED)
        with pytest.raises(JournalError):
            journal.start_run(a_start(bench, to="+15555550199"), lease_s=LEASE_S)
        assert journal.read("run-1") == [a_start(bench)]

    def test_records_come_back_in_the_order_of_their_appends(self, bench: Bench, journal: Journal) -> None:
        """A run's records are read as they were appended, by another process too."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [a_note(bench, 1), a_note(bench, 2)], RunMarks())
        journal.append(lease, [a_note(bench, 3)], RunMarks())
        expected = [a_start(bench), a_note(bench, 1), a_note(bench, 2), a_note(bench, 3)]
        assert journal.read("run-1") == expected
        assert bench.open("other").read("run-1") == expected

    def test_secrets_are_not_written(self, bench: Bench, journal: Journal) -> None:
        """What a record holds in memory only is gone when the record is read."""
        started = replace(a_start(bench), secrets={"pin": "4711"})
        lease = journal.start_run(started, lease_s=LEASE_S)
        settled = Settled(at=bench.now(), verdict=Verdict.RAN, evidence="log", then=Then.GO_ON, secrets={"pin": "4711"})
        journal.append(lease, [settled], RunMarks())
        assert journal.read("run-1") == [replace(started, secrets={}), replace(settled, secrets={})]

    def test_an_append_of_nothing_sets_the_marks(self, bench: Bench, journal: Journal) -> None:
        """Marks can change without a record."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [], RunMarks(call_id="call-1"))
        assert journal.read("run-1") == [a_start(bench)]
        assert journal.owners_of(["call-1"]) == {"call-1": "run-1"}

    def test_an_unknown_run_cannot_be_read(self, journal: Journal) -> None:
        """`read` of a run that is not there is the user's error, not an empty run."""
        with pytest.raises(NoSuchRunError, match="run-9"):
            journal.read("run-9")

    # --- finding runs -------------------------------------------------------------------------------------------------

    def test_runs_are_listed_the_newest_first_with_their_marks(self, bench: Bench, journal: Journal) -> None:
        """A summary shows what was fixed at the start, the last marks and who drives."""
        old_start = a_start(bench, "run-1", to="+15555550101")
        old = journal.start_run(old_start, lease_s=LEASE_S)
        bench.now.move(1)
        journal.start_run(a_start(bench, "run-2", to="+15555550102"), lease_s=LEASE_S)
        marks = RunMarks(
            status=Status.UNDECIDED,
            disposition=Disposition.UNKNOWN,
            call_id="call-1",
            claims_dial=True,
            claim_until_wall=1.5,
            wake_wall=2.5,
        )
        journal.append(old, [], marks)
        journal.release(old)
        newest, oldest = journal.runs()
        assert (newest.run_id, newest.marks, newest.driven) == ("run-2", RunMarks(), True)
        assert newest.owner is not None
        assert (oldest.run_id, oldest.marks, oldest.driven, oldest.owner) == ("run-1", marks, False, None)
        assert (oldest.script_name, oldest.to, oldest.from_) == ("reminder", "+15555550101", old_start.from_)
        assert oldest.started == bench.now().plus(-1)

    def test_runs_that_ended_can_be_left_out(self, bench: Bench, journal: Journal) -> None:
        """`unfinished` lists only runs that have not ended."""
        first = journal.start_run(a_start(bench, "run-1", to="+15555550101"), lease_s=LEASE_S)
        journal.start_run(a_start(bench, "run-2", to="+15555550102"), lease_s=LEASE_S)
        ended = RunMarks(status=Status.COMPLETED, disposition=Disposition.COMPLETED, ended=True, claims_dial=False)
        journal.append(first, [], ended)
        assert [run.run_id for run in journal.runs(unfinished=True)] == ["run-2"]
        assert {run.run_id: run.marks for run in journal.runs()}["run-1"] == ended

    def test_the_newest_runs_alone_can_be_listed(self, bench: Bench, journal: Journal) -> None:
        """`limit` counts from the newest, of runs that began at the same moment from the last id; 0 lists none."""
        for run_id in ("run-1", "run-3", "run-2"):
            marks = RunMarks(claims_dial=False, ended=run_id == "run-3")
            journal.append(journal.start_run(a_start(bench, run_id), lease_s=LEASE_S), [], marks)
        bench.now.move(1)
        journal.append(journal.start_run(a_start(bench, "run-0"), lease_s=LEASE_S), [], SETTLED)
        listed = {limit: [run.run_id for run in journal.runs(limit=limit)] for limit in (0, 1, 3, 9, None)}
        everyone = ["run-0", "run-3", "run-2", "run-1"]
        assert listed == {0: [], 1: everyone[:1], 3: everyone[:3], 9: everyone, None: everyone}
        assert [run.run_id for run in journal.runs(unfinished=True, limit=2)] == ["run-0", "run-2"]

    def test_runs_may_be_driven_while_they_are_listed(self, bench: Bench, journal: Journal) -> None:
        """Whoever lists runs to do something about each holds nobody up, and sees each once."""
        for number in range(3):
            journal.append(journal.start_run(a_start(bench, f"run-{number}"), lease_s=LEASE_S), [], SETTLED)
        listed = journal.runs()
        seen = [next(listed).run_id]
        bench.now.move(1)
        journal.append(journal.start_run(a_start(bench, "run-9"), lease_s=LEASE_S), [a_note(bench, 1)], SETTLED)
        assert [*seen, *(run.run_id for run in listed)] == ["run-2", "run-1", "run-0"]

    def test_a_run_whose_lease_is_over_is_not_driven(self, bench: Bench, journal: Journal) -> None:
        """`driven` is about this moment."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        (run,) = journal.runs()
        assert (run.driven, run.owner) == (False, None)

    def test_a_run_is_found_by_the_beginning_of_its_id(self, bench: Bench, journal: Journal) -> None:
        """A beginning that one run has names it; a whole id does even when longer ids begin with it."""
        for run_id in ("ab", "abc", "b_1"):
            lease = journal.start_run(a_start(bench, run_id), lease_s=LEASE_S)
            journal.append(lease, [], SETTLED)
        assert journal.find_run("b") == "b_1"
        assert journal.find_run("abc") == "abc"
        assert journal.find_run("ab") == "ab"

    @pytest.mark.parametrize(("prefix", "said"), [("a", "ab.*abc"), ("b%", "b%"), ("B", "B")])
    def test_a_beginning_that_names_no_single_run_is_refused(
        self, bench: Bench, journal: Journal, prefix: str, said: str
    ) -> None:
        """Ambiguous beginnings name the candidates; wildcards and capitals mean themselves."""
        for run_id in ("ab", "abc", "b1"):
            lease = journal.start_run(a_start(bench, run_id), lease_s=LEASE_S)
            journal.append(lease, [], SETTLED)
        with pytest.raises(NoSuchRunError, match=said):
            journal.find_run(prefix)

    def test_an_empty_text_names_no_run(self, bench: Bench, journal: Journal) -> None:
        """Not even the only one there is: it comes of a shell's variable that is not set."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        with pytest.raises(NoSuchRunError):
            journal.find_run("")

    def test_calls_are_known_to_be_owned(self, bench: Bench, journal: Journal) -> None:
        """`owners_of` answers for the calls that runs own and leaves the others out."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [], RunMarks(call_id="call-1"))
        assert journal.owners_of(["call-1", "call-2"]) == {"call-1": "run-1"}
        assert journal.owners_of([]) == {}

    def test_calls_that_may_be_up_are_found_by_their_number(self, bench: Bench, journal: Journal) -> None:
        """`calls_to`: with whether they have a live driver; neither those that have ended, nor those yet to dial."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        number = a_start(bench).to
        journal.append(lease, [], RunMarks())
        journal.release(lease)
        assert journal.calls_to(number) == {}
        lease = journal.acquire("run-1", lease_s=LEASE_S)
        journal.append(lease, [], RunMarks(call_id="call-1", claims_dial=False))
        assert journal.calls_to(number) == {"run-1": True}
        journal.release(lease)
        assert journal.calls_to(number) == {"run-1": False}
        assert journal.calls_to("+12125550177") == {}
        with pytest.raises(NumberBlockedError) as refused:
            journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S, beside=())
        assert (refused.value.blocking_run_id, refused.value.being_settled) == ("run-1", True)
        journal.release(journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S, beside={"run-1"}))
        lease = journal.acquire("run-1", lease_s=LEASE_S)
        journal.append(lease, [], replace(SETTLED, call_id="call-1", ended=True))
        journal.release(lease)
        assert journal.calls_to(number) == {}

    # --- leases -------------------------------------------------------------------------------------------------------

    def test_a_lease_keeps_others_away_until_its_last_moment(self, bench: Bench, journal: Journal) -> None:
        """A live lease is refused to others, and to this process, right up to its end."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(LEASE_S - A_BIT)
        for process in ("this", "other"):
            with pytest.raises(LeaseHeldError, match="run-1"):
                bench.open(process).acquire("run-1", lease_s=LEASE_S)

    def test_a_lease_is_free_at_its_end(self, bench: Bench, journal: Journal) -> None:
        """At the end of its time a lease can be taken, with a greater token."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        assert bench.open("other").acquire("run-1", lease_s=LEASE_S) == Lease(run_id="run-1", token=2)

    def test_leases_do_not_go_by_dates(self, bench: Bench, journal: Journal) -> None:
        """A wall clock set ahead ends no lease."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.set_date(10 * LEASE_S)
        with pytest.raises(LeaseHeldError):
            bench.open("other").acquire("run-1", lease_s=LEASE_S)

    def test_a_lease_that_was_given_back_is_free(self, bench: Bench, journal: Journal) -> None:
        """After `release` anybody may drive."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.release(lease)
        assert bench.open("other").acquire("run-1", lease_s=LEASE_S).token == 2

    def test_a_killed_owner_holds_nothing(self, bench: Bench) -> None:
        """The lease of a process of this host that is gone is free at once."""
        bench.open("other").start_run(a_start(bench), lease_s=LEASE_S)
        bench.kill("other")
        assert bench.open().acquire("run-1", lease_s=LEASE_S).token == 2

    def test_a_lease_ends_with_its_boot(self, bench: Bench, journal: Journal) -> None:
        """A lease of an earlier boot of this host is free, whatever its clock says."""
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.reboot()
        assert journal.acquire("run-1", lease_s=LEASE_S).token == 2

    def test_an_unknown_run_has_no_lease(self, journal: Journal) -> None:
        """`acquire` of a run that is not there says so."""
        with pytest.raises(NoSuchRunError, match="run-9"):
            journal.acquire("run-9", lease_s=LEASE_S)

    def test_tokens_grow_with_every_acquisition(self, bench: Bench, journal: Journal) -> None:
        """No token is given twice, however the lease came free."""
        tokens = [journal.start_run(a_start(bench), lease_s=LEASE_S).token]
        for _ in range(3):
            bench.now.move(LEASE_S)
            lease = journal.acquire("run-1", lease_s=LEASE_S)
            journal.release(lease)
            tokens.append(lease.token)
        assert tokens == [1, 2, 3, 4]

    def test_a_renewed_lease_lasts_from_its_renewal(self, bench: Bench, journal: Journal) -> None:
        """`renew` moves the end, and both sides of the new end hold."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(LEASE_S - 1)
        assert journal.renew([lease], lease_s=LEASE_S) == frozenset()
        bench.now.move(LEASE_S - A_BIT)
        with pytest.raises(LeaseHeldError):
            bench.open("other").acquire("run-1", lease_s=LEASE_S)
        bench.now.move(A_BIT)
        assert bench.open("other").acquire("run-1", lease_s=LEASE_S).token == 2

    def test_renewing_tells_which_leases_were_lost(self, bench: Bench, journal: Journal) -> None:
        """Lost and released leases and those of unknown runs are named; the rest are extended."""
        kept = journal.start_run(a_start(bench, "run-1", to="+15555550101"), lease_s=LEASE_S)
        lost = journal.start_run(a_start(bench, "run-2", to="+15555550102"), lease_s=1)
        released = journal.start_run(a_start(bench, "run-3", to="+15555550103"), lease_s=LEASE_S)
        unknown = Lease(run_id="run-9", token=1)
        bench.now.move(1)
        bench.open("other").acquire("run-2", lease_s=LEASE_S)
        journal.release(released)
        assert journal.renew([kept, lost, released, unknown], lease_s=LEASE_S) == {"run-2", "run-3", "run-9"}
        bench.now.move(LEASE_S - 1)
        with pytest.raises(LeaseHeldError):
            bench.open("other").acquire("run-1", lease_s=LEASE_S)

    def test_renewing_nothing_is_allowed(self, journal: Journal) -> None:
        """A heartbeat with no run does nothing."""
        assert journal.renew([], lease_s=LEASE_S) == frozenset()

    def test_a_lease_that_nobody_took_can_still_be_used(self, bench: Bench, journal: Journal) -> None:
        """Only a greater token ends the right to append, not time alone."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(2 * LEASE_S)
        journal.check(lease)
        journal.append(lease, [a_note(bench, 1)], RunMarks())
        assert journal.renew([lease], lease_s=LEASE_S) == frozenset()

    def test_a_fenced_driver_changes_nothing(self, bench: Bench, journal: Journal) -> None:
        """With an older token, `check` and `append` raise, nothing is written, and `release` frees nothing."""
        old = journal.start_run(a_start(bench), lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        other = bench.open("other")
        new = other.acquire("run-1", lease_s=LEASE_S)
        with pytest.raises(LeaseLostError):
            journal.check(old)
        with pytest.raises(LeaseLostError):
            journal.append(old, [a_note(bench, 1)], RunMarks(call_id="call-1"))
        journal.release(old)
        other.check(new)
        assert other.read("run-1") == [replace(a_start(bench), at=bench.now().plus(-LEASE_S))]
        assert other.owners_of(["call-1"]) == {}

    @pytest.mark.parametrize(("before_end_s", "after_s"), [(0.02, 0.03), (LEASE_S / 2, LEASE_S)])
    def test_a_driver_is_fenced_however_soon_after_its_append(
        self, bench: Bench, journal: Journal, before_end_s: float, after_s: float
    ) -> None:
        """Whether its lease was about to end when it appended, or it was stopped for longer than that."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [a_note(bench, 1)], RunMarks())
        bench.now.move(LEASE_S - before_end_s)
        journal.append(lease, [a_note(bench, 2)], RunMarks())
        journal.check(lease)
        bench.now.move(after_s)
        bench.open("other").acquire("run-1", lease_s=LEASE_S)
        with pytest.raises(LeaseLostError):
            journal.check(lease)
        with pytest.raises(LeaseLostError):
            journal.append(lease, [a_note(bench, 3)], RunMarks())

    def test_a_lease_that_was_given_back_drives_no_more(self, bench: Bench, journal: Journal) -> None:
        """After `release` its own token is as good as lost."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.release(lease)
        with pytest.raises(LeaseLostError):
            journal.check(lease)
        with pytest.raises(LeaseLostError):
            journal.append(lease, [a_note(bench, 1)], RunMarks())
        journal.release(lease)

    def test_the_lease_of_an_unknown_run_is_lost(self, bench: Bench, journal: Journal) -> None:
        """A run that was pruned away has no driver; releasing its lease does nothing."""
        lease = Lease(run_id="run-9", token=1)
        with pytest.raises(LeaseLostError, match="run-9"):
            journal.append(lease, [a_note(bench, 1)], RunMarks())
        with pytest.raises(LeaseLostError, match="run-9"):
            journal.check(lease)
        journal.release(lease)

    # --- the dial of a number -----------------------------------------------------------------------------------------

    def test_a_number_that_is_being_dialled_is_blocked(self, bench: Bench, journal: Journal) -> None:
        """While a live driver settles its dial, no other run of that number is created."""
        journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        with pytest.raises(NumberBlockedError) as caught:
            bench.open("other").start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        assert (caught.value.blocking_run_id, caught.value.being_settled) == ("run-1", True)
        assert [run.run_id for run in journal.runs()] == ["run-1"]

    def test_other_numbers_are_not_blocked(self, bench: Bench, journal: Journal) -> None:
        """A claim is about one number; a script that answers calls claims none."""
        for number, to in enumerate((NUMBER, "+15555550101", "", "")):
            journal.start_run(a_start(bench, f"run-{number}", to=to), lease_s=LEASE_S)
        assert len(list(journal.runs())) == 4

    def test_a_settled_dial_blocks_nobody(self, bench: Bench, journal: Journal) -> None:
        """Once marks claim no dial, the number is free, though the run goes on."""
        lease = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        journal.append(lease, [], SETTLED)
        assert bench.open("other").start_run(a_start(bench, "run-2"), lease_s=LEASE_S).token == 1

    def test_a_claim_from_before_the_first_byte_ends_with_its_lease(self, bench: Bench, journal: Journal) -> None:
        """Without `claim_until_wall` nothing was sent: the claim blocks exactly as long as the lease is live."""
        journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        bench.now.move(LEASE_S - A_BIT)
        with pytest.raises(NumberBlockedError):
            journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        bench.now.move(A_BIT)
        journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)

    def test_a_claim_outlives_its_driver_until_its_date(self, bench: Bench, journal: Journal) -> None:
        """An unsettled dial that nobody drives blocks until `claim_until_wall`, and then no more."""
        lease = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        until = bench.now().wall + 660
        journal.append(lease, [], RunMarks(status=Status.UNDECIDED, claim_until_wall=until))
        journal.release(lease)
        bench.now.move(660 - A_BIT)
        with pytest.raises(NumberBlockedError) as caught:
            journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        assert (caught.value.blocking_run_id, caught.value.being_settled) == ("run-1", False)
        bench.now.move(2 * A_BIT)
        journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)

    def test_a_live_driver_keeps_its_claim_beyond_its_date(self, bench: Bench, journal: Journal) -> None:
        """While the run is driven the number stays blocked, whatever `claim_until_wall` says."""
        lease = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        journal.append(lease, [], RunMarks(claim_until_wall=bench.now().wall))
        bench.now.move(1)
        with pytest.raises(NumberBlockedError) as caught:
            journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        assert caught.value.being_settled

    def test_a_run_whose_claim_was_taken_over_must_claim_again(self, bench: Bench, journal: Journal) -> None:
        """Its next append that claims is refused, whole, while the other's claim blocks, and not later."""
        first = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        second = journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        journal.put_inbox("run-1", CancelAsked(at=bench.now()))
        journal.take_inbox(first)
        with pytest.raises(NumberBlockedError) as caught:
            journal.append(first, [a_note(bench, 1)], RunMarks())
        assert (caught.value.blocking_run_id, caught.value.being_settled) == ("run-2", True)
        assert len(journal.read("run-1")) == 1
        assert journal.inbox_waiting(["run-1"]) == {"run-1"}
        journal.append(second, [], SETTLED)
        journal.append(first, [a_note(bench, 1)], RunMarks())
        assert len(journal.read("run-1")) == 2
        journal.renew([first], lease_s=LEASE_S)
        with pytest.raises(NumberBlockedError):
            journal.append(second, [], RunMarks())

    def test_a_run_that_claims_no_dial_may_go_on_beside_the_one_that_does(self, bench: Bench, journal: Journal) -> None:
        """Only a claim is refused: other appends of the run that lost it go through."""
        first = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S)
        journal.append(first, [a_note(bench, 1)], SETTLED)
        with pytest.raises(NumberBlockedError):
            journal.start_run(a_start(bench, "run-3"), lease_s=LEASE_S)

    # --- the inbox ----------------------------------------------------------------------------------------------------

    def test_messages_wait_for_the_driver_in_their_order(self, bench: Bench, journal: Journal) -> None:
        """Anybody may leave messages; the driver gets them, the oldest first."""
        lease = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        journal.start_run(a_start(bench, "run-2", to="+15555550102"), lease_s=LEASE_S)
        sent = [Resolved(at=bench.now(), ran=True, call_id="call-1"), CancelAsked(at=bench.now())]
        for message in sent:
            bench.open("other").put_inbox("run-1", message)
        assert journal.inbox_waiting(["run-1", "run-2", "run-9"]) == {"run-1"}
        assert journal.inbox_waiting(["run-2"]) == frozenset()
        assert journal.take_inbox(lease) == sent

    def test_messages_leave_with_the_next_append(self, bench: Bench, journal: Journal) -> None:
        """Until then they can be taken again; afterwards they are gone."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.put_inbox("run-1", CancelAsked(at=bench.now()))
        assert journal.take_inbox(lease) == journal.take_inbox(lease) == [CancelAsked(at=bench.now())]
        journal.append(lease, [CancelAsked(at=bench.now())], RunMarks())
        assert journal.take_inbox(lease) == []
        assert journal.inbox_waiting(["run-1"]) == frozenset()

    def test_a_message_that_was_not_taken_stays(self, bench: Bench, journal: Journal) -> None:
        """What arrives between the taking and the append is for the next taking."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.put_inbox("run-1", CancelAsked(at=bench.now(), why="first"))
        journal.take_inbox(lease)
        journal.put_inbox("run-1", CancelAsked(at=bench.now(), why="second"))
        journal.append(lease, [a_note(bench, 1)], RunMarks())
        journal.append(lease, [a_note(bench, 2)], RunMarks())
        assert journal.take_inbox(lease) == [CancelAsked(at=bench.now(), why="second")]

    def test_a_crash_after_the_taking_loses_no_message(self, bench: Bench) -> None:
        """The next driver gets what the dead one had taken but not journalled."""
        other = bench.open("other")
        lease = other.start_run(a_start(bench), lease_s=LEASE_S)
        other.put_inbox("run-1", CancelAsked(at=bench.now()))
        other.take_inbox(lease)
        bench.kill("other")
        journal = bench.open()
        new = journal.acquire("run-1", lease_s=LEASE_S)
        journal.append(new, [a_note(bench, 1)], RunMarks())
        assert journal.take_inbox(new) == [CancelAsked(at=bench.now())]

    def test_a_released_lease_forgets_what_it_took(self, bench: Bench, journal: Journal) -> None:
        """Messages taken but not journalled before `release` wait for the next driver."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.put_inbox("run-1", CancelAsked(at=bench.now()))
        journal.take_inbox(lease)
        journal.release(lease)
        assert journal.take_inbox(journal.acquire("run-1", lease_s=LEASE_S)) == [CancelAsked(at=bench.now())]

    def test_an_unknown_run_has_no_messages(self, journal: Journal) -> None:
        """Taking the messages of a run that was pruned away finds none; the next append says that the lease is lost."""
        assert journal.take_inbox(Lease(run_id="run-9", token=1)) == []

    def test_an_unknown_run_has_no_inbox(self, bench: Bench, journal: Journal) -> None:
        """A message for a run that is not there is refused."""
        with pytest.raises(NoSuchRunError, match="run-9"):
            journal.put_inbox("run-9", CancelAsked(at=bench.now()))

    def test_many_messages_are_left_at_once_where_there_is_room_for_them(self, bench: Bench, journal: Journal) -> None:
        """Those of ended and unknown runs are left out, and no run gets more unread ones than it may have."""
        lease = journal.start_run(a_start(bench, "run-1"), lease_s=LEASE_S)
        over = journal.start_run(a_start(bench, "run-2", to="+15555550102"), lease_s=LEASE_S)
        journal.append(over, [a_note(bench, 1)], RunMarks(claims_dial=False, ended=True))
        journal.put_inbox("run-1", CancelAsked(at=bench.now(), why="0"))
        mail = [
            (run_id, CancelAsked(at=bench.now(), why=why))
            for run_id, why in [("run-1", "1"), ("run-2", "2"), ("run-9", "3"), ("run-1", "4"), ("run-1", "5")]
        ]
        became = bench.open("other").put_inbox_many(mail, most_unread=3)
        assert became == [Taken.STORED, Taken.ENDED, Taken.UNKNOWN, Taken.STORED, Taken.FULL]
        assert [getattr(message, "why", "") for message in journal.take_inbox(lease)] == ["0", "1", "4"]
        journal.append(lease, [a_note(bench, 1)], SETTLED)
        assert journal.put_inbox_many([mail[4]], most_unread=3) == [Taken.STORED]
        assert journal.put_inbox_many([], most_unread=3) == []

    # --- several at once ----------------------------------------------------------------------------------------------

    def test_of_many_threads_only_the_fenced_one_fails(self, bench: Bench, journal: Journal) -> None:
        """32 threads append at once: one was fenced and falls alone, the others' records are all there without gaps."""
        leases = [
            journal.start_run(a_start(bench, f"run-{n}", to=f"+1555555{n:04}"), lease_s=LEASE_S) for n in range(32)
        ]
        bench.now.move(LEASE_S)
        bench.open("other").acquire("run-7", lease_s=LEASE_S)

        def drive(n: int) -> None:
            for k in range(10):
                journal.append(leases[n], [a_note(bench, k), a_note(bench, -k)], RunMarks(call_id=f"call-{n}-{k}"))

        errors = at_once(32, drive)
        assert [type(error) for error in errors if error] == [LeaseLostError]
        assert isinstance(errors[7], LeaseLostError)
        expected = [a_note(bench, sign * k) for k in range(10) for sign in (1, -1)]
        for n in range(32):
            assert journal.read(f"run-{n}")[1:] == ([] if n == 7 else expected)

    def test_appends_to_one_run_from_many_threads_leave_no_gap(self, bench: Bench, journal: Journal) -> None:
        """Sequence numbers are unique and without gaps even when one run's appends race."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        errors = at_once(8, lambda n: [journal.append(lease, [a_note(bench, n)], RunMarks()) for _ in range(5)])
        assert errors == [None] * 8
        assert len(journal.read("run-1")) == 41

    def test_of_many_dials_to_one_number_one_is_made(self, bench: Bench, journal: Journal) -> None:
        """When runs of one number start at once, one is created and the others are refused."""
        errors = at_once(8, lambda n: journal.start_run(a_start(bench, f"run-{n}"), lease_s=LEASE_S))
        assert sorted(type(error).__name__ for error in errors) == ["NoneType"] + ["NumberBlockedError"] * 7
        assert len(list(journal.runs())) == 1

    def test_of_many_drivers_one_gets_the_lease(self, bench: Bench, journal: Journal) -> None:
        """When drivers ask for one free lease at once, one gets it."""
        journal.release(journal.start_run(a_start(bench), lease_s=LEASE_S))
        other = bench.open("other")
        errors = at_once(8, lambda n: (journal, other)[n % 2].acquire("run-1", lease_s=LEASE_S))
        assert sorted(type(error).__name__ for error in errors) == ["LeaseHeldError"] * 7 + ["NoneType"]

    # --- the end ------------------------------------------------------------------------------------------------------

    def test_a_closed_journal_says_so(self, bench: Bench, journal: Journal) -> None:
        """After `close` every method raises JournalError; closing again does nothing; leases stay."""
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.close()
        journal.close()
        with pytest.raises(JournalError, match="closed"):
            journal.read("run-1")
        with pytest.raises(JournalError, match="closed"):
            journal.append(lease, [a_note(bench, 1)], RunMarks())
        bench.open().check(lease)
