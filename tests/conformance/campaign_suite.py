"""The rules of the port `CampaignStore`, and of contacts in `Journal.start_run`, for every implementation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.records import RunMarks, Status
from orchestrator.errors import AlreadyCalledError, JournalError, LeaseHeldError, NumberBlockedError
from orchestrator.ports import (
    CampaignLease,
    CampaignOrders,
    CampaignStore,
    ContactClaim,
    ContactState,
    Lease,
    Standing,
)
from tests.conformance.journal_bench import A_BIT, LEASE_S, NUMBER, SETTLED, Bench, a_start, at_once

CLAIM = ContactClaim(key="key-1", campaign="spring", occurrence="monday", row_digest="row-1")
ALL_SET = Standing(
    key="key-1",
    campaign="spring",
    occurrence="monday",
    number=NUMBER,
    row_digest="row-1",
    state=ContactState.AGAIN,
    run_id="run-1",
    attempts=2,
    due_wall=1.5,
    disposition="busy",
    result="agreed",
    reason="the line was busy",
    call_id="call-1",
    started_wall=0.5,
    ended_wall=1.0,
)
MAY_BE_CALLED = (ContactState.AGAIN, ContactState.REFUSED, ContactState.WAITING)


def a_contact(number: int, *, occurrence: str = "monday", state: ContactState = ContactState.WAITING) -> Standing:
    """Return some contact that was not called."""
    return Standing(
        key=f"{occurrence}-{number}",
        campaign="spring",
        occurrence=occurrence,
        number=f"+1555556{number:04}",
        row_digest=f"row-{number}",
        state=state,
    )


class CampaignSuite:
    """Subclasses give the fixture `bench`."""

    @pytest.fixture
    def store(self, bench: Bench) -> CampaignStore:
        """Return the campaigns as this process sees them."""
        return bench.open().campaigns

    # --- a run and its contact ----------------------------------------------------------------------------------------

    def test_a_contact_is_open_from_the_moment_its_run_exists(self, bench: Bench, store: CampaignStore) -> None:
        """`start_run` with a claim makes the contact OPEN with that run and one attempt; everybody sees it."""
        bench.open().start_run(a_start(bench), lease_s=LEASE_S, contact=CLAIM)
        expected = Standing(
            key="key-1",
            campaign="spring",
            occurrence="monday",
            number=NUMBER,
            row_digest="row-1",
            state=ContactState.OPEN,
            run_id="run-1",
            attempts=1,
            started_wall=bench.now().wall,
        )
        assert store.standings(["key-1"]) == {"key-1": expected}
        assert bench.open("other").campaigns.standings(["key-1"]) == {"key-1": expected}
        assert [summary.contact_key for summary in bench.open().runs()] == ["key-1"]

    @pytest.mark.parametrize("state", MAY_BE_CALLED)
    def test_a_contact_that_is_not_over_may_be_called(
        self, bench: Bench, store: CampaignStore, state: ContactState
    ) -> None:
        """A further run counts one attempt more, and nothing is left of what the last one came to."""
        store.put([replace(ALL_SET, state=state)])
        claim = replace(CLAIM, row_digest="row-2")
        bench.open().start_run(a_start(bench, "run-2", to="+15555550101"), lease_s=LEASE_S, contact=claim)
        assert store.standings(["key-1"])["key-1"] == Standing(
            key="key-1",
            campaign="spring",
            occurrence="monday",
            number="+15555550101",
            row_digest="row-2",
            state=ContactState.OPEN,
            run_id="run-2",
            attempts=3,
            started_wall=bench.now().wall,
        )

    @pytest.mark.parametrize("state", [ContactState.OPEN, ContactState.DONE])
    def test_a_contact_that_was_called_is_not_called_again(
        self, bench: Bench, store: CampaignStore, state: ContactState
    ) -> None:
        """While its run is open, and once it is done, no run of it is created, and nothing changes."""
        known = replace(ALL_SET, state=state)
        store.put([known])
        journal = bench.open()
        with pytest.raises(AlreadyCalledError):
            journal.start_run(a_start(bench, "run-2", to="+15555550101"), lease_s=LEASE_S, contact=CLAIM)
        assert list(journal.runs()) == []
        assert store.standings(["key-1"]) == {"key-1": known}
        assert store.runs_of("key-1") == ()
        journal.start_run(a_start(bench, "run-3", to="+15555550101"), lease_s=LEASE_S)

    def test_a_contact_being_called_is_told_from_a_blocked_number(self, bench: Bench) -> None:
        """Who comes second to the same contact learns that it is taken, though its number is blocked, too."""
        bench.open().start_run(a_start(bench), lease_s=LEASE_S, contact=CLAIM)
        with pytest.raises(AlreadyCalledError):
            bench.open("other").start_run(a_start(bench, "run-2"), lease_s=LEASE_S, contact=CLAIM)

    def test_a_blocked_number_leaves_its_contact_as_it_was(self, bench: Bench, store: CampaignStore) -> None:
        """Where the number is blocked no run is created, and the contact is not called."""
        store.put([replace(ALL_SET, state=ContactState.WAITING)])
        journal = bench.open()
        journal.start_run(a_start(bench), lease_s=LEASE_S)
        for claim in (CLAIM, replace(CLAIM, key="key-2")):
            with pytest.raises(NumberBlockedError):
                journal.start_run(a_start(bench, "run-2"), lease_s=LEASE_S, contact=claim)
        assert store.standings(["key-1", "key-2"]) == {"key-1": replace(ALL_SET, state=ContactState.WAITING)}

    def test_of_many_that_claim_a_contact_one_gets_it(self, bench: Bench, store: CampaignStore) -> None:
        """When runs of one contact start at once, to whatever number, one is created."""
        journals = [bench.open(), bench.open("other")]

        def start(number: int) -> Lease:
            started = a_start(bench, f"run-{number}", to=f"+1555555010{number}")
            return journals[number % 2].start_run(started, lease_s=LEASE_S, contact=CLAIM)

        errors = at_once(8, start)
        assert sorted(type(error).__name__ for error in errors) == ["AlreadyCalledError"] * 7 + ["NoneType"]
        assert (len(list(journals[0].runs())), len(store.runs_of("key-1"))) == (1, 1)

    def test_the_runs_of_a_contact_are_known(self, bench: Bench, store: CampaignStore) -> None:
        """`runs_of` names them, the oldest first, and no others."""
        journal = bench.open()
        for run_id, claim in (("z", CLAIM), ("y", replace(CLAIM, key="key-2")), ("b", CLAIM), ("a", None)):
            lease = journal.start_run(a_start(bench, run_id), lease_s=LEASE_S, contact=claim)
            journal.append(lease, [], SETTLED)
            for standing in store.standings(["key-1"]).values():
                store.put([replace(standing, state=ContactState.AGAIN)])
            bench.now.move(1)
        assert store.runs_of("key-1") == ("z", "b")
        assert store.runs_of("key-9") == ()
        journal.start_run(a_start(bench, "of no batch", to="+15555550109"), lease_s=LEASE_S)
        assert [store.contact_of(run_id) for run_id in ("z", "of no batch", "gone")] == ["key-1", None, None]

    # --- standings ----------------------------------------------------------------------------------------------------

    def test_standings_come_back_as_they_were_put(self, bench: Bench, store: CampaignStore) -> None:
        """Every field is kept, for every process; contacts never seen are left out."""
        bare = a_contact(1)
        store.put([ALL_SET, bare])
        found = bench.open("other").campaigns.standings(["key-1", bare.key, "key-9", "key-1"])
        assert found == {"key-1": ALL_SET, bare.key: bare}
        assert store.standings([]) == {}

    def test_a_standing_is_written_whole(self, store: CampaignStore) -> None:
        """What a later one does not say is not kept from an earlier one."""
        store.put([ALL_SET])
        bare = replace(a_contact(1), key="key-1")
        store.put([bare])
        store.put([])
        assert store.standings(["key-1"]) == {"key-1": bare}

    def test_many_are_put_and_looked_up_at_once(self, store: CampaignStore) -> None:
        """There is no limit that a file of any size could hit; of two for one contact the last one counts."""
        many = [a_contact(number) for number in range(2500)]
        store.put([*many, replace(many[0], reason="twice")])
        expected = {standing.key: standing for standing in many} | {many[0].key: replace(many[0], reason="twice")}
        assert store.standings(list(expected)) == expected

    def test_a_contact_being_called_is_changed_by_its_own_run_only(self, bench: Bench, store: CampaignStore) -> None:
        """What somebody else thought of it meanwhile is dropped; the others of the same call are written."""
        bench.open().start_run(a_start(bench), lease_s=LEASE_S, contact=CLAIM)
        opened = store.standings(["key-1"])["key-1"]
        store.put([replace(ALL_SET, run_id=None), replace(ALL_SET, run_id="run-2"), a_contact(1)])
        assert store.standings(["key-1", "monday-1"]) == {"key-1": opened, "monday-1": a_contact(1)}
        done = replace(ALL_SET, state=ContactState.DONE)
        store.put([done])
        assert store.standings(["key-1"]) == {"key-1": done}

    @pytest.mark.parametrize("state", [state for state in ContactState if state is not ContactState.OPEN])
    def test_a_contact_that_is_not_being_called_can_be_changed(self, store: CampaignStore, state: ContactState) -> None:
        """A contact that is done can be called once more when a person wants it."""
        store.put([replace(ALL_SET, state=state)])
        store.put([replace(ALL_SET, state=ContactState.AGAIN, run_id="run-2")])
        assert store.standings(["key-1"])["key-1"].run_id == "run-2"

    def test_half_a_character_is_no_reason_to_fail(self, store: CampaignStore) -> None:
        """A result that no file can hold is kept as well as may be."""
        store.put([replace(ALL_SET, result="yes \ud83d", reason="\udc00")])
        found = store.standings(["key-1"])["key-1"]
        assert found.result is not None
        assert found.result.startswith("yes ")

    def test_all_contacts_of_a_campaign_are_listed(self, store: CampaignStore) -> None:
        """`all_of` yields each once, in the order they were noted, by occurrence and state where that is asked for."""
        monday = [a_contact(number, state=state) for number, state in enumerate(ContactState)]
        tuesday = [a_contact(number, occurrence="tuesday") for number in range(2300)]
        store.put([tuesday[0], *monday, *tuesday[1:], replace(ALL_SET, key="elsewhere", campaign="autumn")])
        store.put([replace(monday[0], reason="changed")])
        monday[0] = replace(monday[0], reason="changed")
        assert list(store.all_of("spring")) == [*monday, *tuesday]
        assert list(store.all_of("spring", occurrence="tuesday")) == tuesday
        for standing in monday:
            assert list(store.all_of("spring", occurrence="monday", state=standing.state)) == [standing]
        assert list(store.all_of("spring", state=ContactState.OPEN)) == [monday[0]]
        assert list(store.all_of("spring", state=ContactState.WAITING)) == [monday[-1], *tuesday]
        assert list(store.all_of("spring", occurrence="friday")) == list(store.all_of("winter")) == []

    def test_contacts_can_change_while_they_are_listed(self, store: CampaignStore) -> None:
        """What is done to contacts on the way leaves none out and yields none twice."""
        store.put([a_contact(number, state=ContactState.OPEN) for number in range(2300)])
        seen = []
        for standing in store.all_of("spring", state=ContactState.OPEN):
            seen.append(standing.key)
            store.put([replace(standing, state=ContactState.DONE)])
        assert seen == [f"monday-{number}" for number in range(2300)]
        assert list(store.all_of("spring", state=ContactState.OPEN)) == []

    @pytest.mark.parametrize("state", [ContactState.OPEN, ContactState.AGAIN, ContactState.DONE])
    def test_a_twin_that_was_called_goes_before(self, store: CampaignStore, state: ContactState) -> None:
        """Of rows equal in number and variables, one that was called is found, whatever else there is."""
        first, second, third = (replace(a_contact(number), row_digest="same") for number in range(3))
        store.put([first, second, replace(third, state=state), replace(first, key="x", occurrence="tuesday")])
        expected = replace(third, state=state)
        for key in (first.key, second.key, "new"):
            twin = store.twin_of(key, campaign="spring", occurrence="monday", row_digest="same")
            assert twin == expected
        assert store.twin_of(third.key, campaign="spring", occurrence="monday", row_digest="same") == first

    def test_of_twins_that_wait_the_first_is_called(self, store: CampaignStore) -> None:
        """One has none before it, so that somebody is called; refused ones, other rows and occurrences are no twins."""
        first, second = (replace(a_contact(number), row_digest="same") for number in range(2))
        refused = replace(a_contact(0, state=ContactState.REFUSED), key="refused", row_digest="same")
        store.put([refused, first, second])
        where = {"campaign": "spring", "occurrence": "monday"}
        assert store.twin_of(first.key, **where, row_digest="same") is None
        assert store.twin_of(second.key, **where, row_digest="same") == first
        assert store.twin_of("new", **where, row_digest="same") == first
        assert store.twin_of("new", **where, row_digest="other") is None
        assert store.twin_of("new", campaign="spring", occurrence="tuesday", row_digest="same") is None
        assert store.twin_of("new", campaign="autumn", occurrence="monday", row_digest="same") is None

    # --- the dials of a number ----------------------------------------------------------------------------------------

    def test_the_dials_of_a_number_are_counted_across_campaigns(self, bench: Bench, store: CampaignStore) -> None:
        """`dialling_runs` tells the runs to a number that have not ended, or not before a moment."""
        journal = bench.open()
        begin = bench.now().wall
        claims = (CLAIM, replace(CLAIM, key="key-2", campaign="autumn"), None)
        for number, claim in enumerate(claims):
            lease = journal.start_run(a_start(bench, f"run-{number}"), lease_s=LEASE_S, contact=claim)
            journal.append(lease, [], replace(SETTLED, ended=number < 2, status=Status.FAILED))
            bench.now.move(10)
        journal.start_run(a_start(bench, "run-9", to="+15555550109"), lease_s=LEASE_S)
        assert store.dialling_runs(NUMBER, since_wall=begin) == ("run-0", "run-1", "run-2")
        assert store.dialling_runs(NUMBER, since_wall=begin + A_BIT) == ("run-1", "run-2")
        assert store.dialling_runs(NUMBER, since_wall=begin + 1000) == ("run-2",)
        assert store.dialling_runs("+15555550108", since_wall=0) == ()

    def test_what_never_dialled_is_no_dial(self, bench: Bench, store: CampaignStore) -> None:
        """Nor is a run that has yet to dial one for whoever decides about itself; a dial that failed is one."""
        journal = bench.open()
        begin = bench.now().wall
        message = RunMarks(ended=True, claims_dial=False, status=Status.COMPLETED)
        given_up, failed = (replace(message, status=status) for status in (Status.CANCELLED, Status.FAILED))
        called = replace(given_up, call_id="call-1")
        for name, marks in {"message": message, "up": given_up, "failed": failed, "called": called}.items():
            journal.append(journal.start_run(a_start(bench, name), lease_s=LEASE_S), [], marks)
            bench.now.move(10)
        journal.start_run(a_start(bench, "to dial"), lease_s=LEASE_S)
        assert store.dialling_runs(NUMBER, since_wall=begin) == ("failed", "called", "to dial")
        assert store.dialling_runs(NUMBER, since_wall=begin, but_for="to dial") == ("failed", "called")

    # --- files and occurrences ----------------------------------------------------------------------------------------

    def test_a_file_of_an_earlier_occurrence_is_known(self, store: CampaignStore) -> None:
        """The same content in a later occurrence of the same campaign names the earlier one; in its own it does not.

        One in which nobody was called does not count: a window may have been closed all day.
        """

        def noted(campaign: str, occurrence: str, content: str, now_wall: float = 1.0) -> str | None:
            before = store.called_before(campaign, occurrence=occurrence, content_digest=content)
            store.note_file(campaign, occurrence=occurrence, content_digest=content, now_wall=now_wall)
            assert store.called_before(campaign, occurrence=occurrence, content_digest=content) == before
            return before

        assert noted("spring", "sunday", "b") is None  # nobody was called
        store.put([a_contact(1, occurrence="sunday"), replace(a_contact(2), attempts=1)])
        assert noted("spring", "monday", "a") is None
        assert noted("spring", "monday", "a") is None
        assert noted("spring", "monday", "b") is None  # the file was edited
        assert noted("spring", "tuesday", "c") is None
        assert noted("spring", "tuesday", "b", now_wall=0.0) == "monday"  # dates may jump back
        assert noted("spring", "tuesday", "b") == "monday"
        assert noted("spring", "friday", "b") == "monday"
        assert noted("spring", "monday", "b") is None
        assert noted("autumn", "friday", "a") is None

    def test_occurrences_are_listed_the_newest_first(self, bench: Bench, store: CampaignStore) -> None:
        """Each once, however many files it had; of one campaign, or of all."""
        told = [("spring", "b"), ("autumn", "b"), ("spring", "a"), ("spring", "b")]
        for number, (campaign, occurrence) in enumerate(told):
            store.note_file(campaign, occurrence=occurrence, content_digest=f"{number}", now_wall=1.0)
        other = bench.open("other").campaigns
        assert other.occurrences_of(None) == [("spring", "a"), ("autumn", "b"), ("spring", "b")]
        assert other.occurrences_of("spring") == [("spring", "a"), ("spring", "b")]
        assert other.occurrences_of("winter") == []

    # --- orders -------------------------------------------------------------------------------------------------------

    def test_orders_hold_until_told_otherwise(self, bench: Bench, store: CampaignStore) -> None:
        """Anybody may tell a campaign, whoever runs it, and before it ever ran; other campaigns are not told."""
        assert store.orders_of("spring") == CampaignOrders()
        bench.open("other").campaigns.order("spring", CampaignOrders(paused=True))
        lease = store.take_campaign("spring", lease_s=LEASE_S)
        assert store.orders_of("spring") == CampaignOrders(paused=True)
        bench.open("other").campaigns.order("spring", CampaignOrders(stopped=True))
        assert store.orders_of("spring") == CampaignOrders(stopped=True)
        assert store.keep_campaign(lease, lease_s=LEASE_S)
        store.give_campaign_back(lease)
        assert store.orders_of("spring") == CampaignOrders(stopped=True)
        assert store.orders_of("autumn") == CampaignOrders()

    # --- the right to run a campaign ----------------------------------------------------------------------------------

    def test_one_process_runs_a_campaign(self, bench: Bench, store: CampaignStore) -> None:
        """A live lease keeps others and this process away up to its last moment; other campaigns are free."""
        assert store.take_campaign("spring", lease_s=LEASE_S) == CampaignLease(campaign="spring", token=1)
        bench.now.move(LEASE_S - A_BIT)
        for process in ("this", "other"):
            with pytest.raises(LeaseHeldError, match="spring"):
                bench.open(process).campaigns.take_campaign("spring", lease_s=LEASE_S)
        assert bench.open("other").campaigns.take_campaign("autumn", lease_s=LEASE_S).token == 1
        bench.now.move(A_BIT)
        assert bench.open("other").campaigns.take_campaign("spring", lease_s=LEASE_S).token == 2

    def test_everybody_can_ask_who_runs_a_campaign(self, bench: Bench, store: CampaignStore) -> None:
        """Nobody before its lease, its owner while that lives, nobody after; other campaigns have nobody."""
        assert store.owner_of("spring") is None
        lease = store.take_campaign("spring", lease_s=LEASE_S)
        other = bench.open("other").campaigns
        assert other.owner_of("spring")
        assert other.owner_of("autumn") is None
        bench.now.move(LEASE_S)
        assert other.owner_of("spring") is None
        store.give_campaign_back(lease)
        assert other.owner_of("spring") is None

    def test_a_campaign_that_was_given_back_is_free(self, bench: Bench, store: CampaignStore) -> None:
        """After it was given back anybody may run it, with a greater token; it cannot be kept any more."""
        lease = store.take_campaign("spring", lease_s=LEASE_S)
        store.give_campaign_back(lease)
        assert not store.keep_campaign(lease, lease_s=LEASE_S)
        assert bench.open("other").campaigns.take_campaign("spring", lease_s=LEASE_S).token == 2

    def test_a_kept_campaign_lasts_from_then_on(self, bench: Bench, store: CampaignStore) -> None:
        """`keep_campaign` moves the end of the lease, as long as nobody took it, even after its end."""
        lease = store.take_campaign("spring", lease_s=LEASE_S)
        for wait_s in (LEASE_S - A_BIT, LEASE_S):
            bench.now.move(wait_s)
            assert store.keep_campaign(lease, lease_s=LEASE_S)
        bench.now.move(LEASE_S - A_BIT)
        with pytest.raises(LeaseHeldError):
            bench.open("other").campaigns.take_campaign("spring", lease_s=LEASE_S)

    def test_a_campaign_that_was_taken_over_is_lost(self, bench: Bench, store: CampaignStore) -> None:
        """The former owner learns it when it keeps it, and giving it back frees nothing."""
        lease = store.take_campaign("spring", lease_s=LEASE_S)
        bench.now.move(LEASE_S)
        other = bench.open("other").campaigns
        new = other.take_campaign("spring", lease_s=LEASE_S)
        assert not store.keep_campaign(lease, lease_s=LEASE_S)
        store.give_campaign_back(lease)
        assert other.keep_campaign(new, lease_s=LEASE_S)
        with pytest.raises(LeaseHeldError):
            store.take_campaign("spring", lease_s=LEASE_S)

    def test_a_campaign_that_nobody_took_is_nobodys(self, store: CampaignStore) -> None:
        """A lease of a campaign that the journal does not know is lost."""
        lease = CampaignLease(campaign="spring", token=1)
        assert not store.keep_campaign(lease, lease_s=LEASE_S)
        store.give_campaign_back(lease)

    def test_a_campaign_whose_owner_was_killed_is_free(self, bench: Bench, store: CampaignStore) -> None:
        """At once, not at the end of its lease."""
        bench.open("other").campaigns.take_campaign("spring", lease_s=LEASE_S)
        bench.kill("other")
        assert store.take_campaign("spring", lease_s=LEASE_S).token == 2

    def test_a_campaign_is_free_after_a_reboot(self, bench: Bench, store: CampaignStore) -> None:
        """A lease of an earlier boot of this host is free; dates end none."""
        store.take_campaign("spring", lease_s=LEASE_S)
        bench.now.set_date(10 * LEASE_S)
        with pytest.raises(LeaseHeldError):
            store.take_campaign("spring", lease_s=LEASE_S)
        bench.now.reboot()
        assert store.take_campaign("spring", lease_s=LEASE_S).token == 2

    def test_of_many_ticks_one_runs(self, bench: Bench, store: CampaignStore) -> None:
        """When ticks of a campaign start at once, one gets it."""
        stores = (store, bench.open("other").campaigns)
        errors = at_once(8, lambda number: stores[number % 2].take_campaign("spring", lease_s=LEASE_S))
        assert sorted(type(error).__name__ for error in errors) == ["LeaseHeldError"] * 7 + ["NoneType"]

    # --- the end ------------------------------------------------------------------------------------------------------

    def test_the_campaigns_of_a_closed_journal_say_so(self, bench: Bench) -> None:
        """They close with their journal: reading and writing raise JournalError."""
        journal = bench.open()
        journal.close()
        with pytest.raises(JournalError, match="closed"):
            journal.campaigns.standings(["key-1"])
        with pytest.raises(JournalError, match="closed"):
            journal.campaigns.put([ALL_SET])

    def test_a_run_that_goes_on_leaves_its_contact_alone(self, bench: Bench, store: CampaignStore) -> None:
        """What becomes of a contact is said by `put`, not by the marks of its run."""
        journal = bench.open()
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S, contact=CLAIM)
        before = store.standings(["key-1"])
        journal.append(lease, [], RunMarks(ended=True, claims_dial=False, call_id="call-1"))
        assert store.standings(["key-1"]) == before
