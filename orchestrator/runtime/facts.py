"""What is known of a contact when it is decided whether to call it: from the journal, the numbering plans, the lists.

The batch asks right before each call, and a preview for each contact. It decides nothing: `core.admission` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from orchestrator.core.admission import Facts, planning_of
from orchestrator.core.admission import Tick as TickRules
from orchestrator.core.contact import Contact, row_digest
from orchestrator.core.ending import SUPERSEDED
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation
from orchestrator.core.records import Intended, Record, RunEnded
from orchestrator.core.redial import PastRun, Planning
from orchestrator.core.state import Phase, RunState
from orchestrator.ports import CampaignStore, ContactState, Journal, Standing

LOOK_BACK_S = 26 * 3600.0
"""How far back dials of a number can matter to a daily cap, by the clock of any zone."""
_UNDIALLED = (Phase.NEW, Phase.READY, Phase.RETRYING)

HolidaysOf = Callable[[str], frozenset[date] | None]
"""The public holidays of the country of a number; None where that country or its holidays are not known."""


class FactFinder:
    """Finds the facts about the contacts of one occurrence."""

    def __init__(
        self,
        *,
        journal: Journal,
        store: CampaignStore,
        rules: TickRules,
        zones_of: Callable[[str], frozenset[str]],
        forbidden: Callable[[str], str | None],
        holidays_of: HolidaysOf | None = None,
        longest_of: Callable[[Contact], float | None] = lambda _: None,
    ) -> None:
        """Take where to look.

        Args:
            journal: Has the earlier runs.
            store: Has the standings.
            rules: Of the tick.
            zones_of: The time zones of a number.
            forbidden: Why a number must not be called; None where it may.
            holidays_of: The public holidays of the country of a number; None where the campaign does not go by them.
            longest_of: The longest that the call of a contact may last; None for that of any.
        """
        self._holidays_of: HolidaysOf = holidays_of or (lambda _: frozenset())
        self._journal = journal
        self._store = store
        self._rules = rules
        self._zones_of = zones_of
        self._forbidden = forbidden
        self._longest_of = longest_of

    def of(
        self, contact: Contact, key: str, standing: Standing | None, *, now_wall: float, undialled: str | None = None
    ) -> Facts:
        """Return what is known of a contact whose occurrence key and standing are these.

        `undialled` is its run that never dialled, where it has one: that is no dial of its number.
        """
        campaign = self._rules.campaign
        counts_dials = campaign.limits.min_gap_s > 0 or campaign.limits.daily_cap is not None
        since_wall = now_wall - max(LOOK_BACK_S, campaign.limits.min_gap_s)
        is_again = standing is not None and standing.state is ContactState.AGAIN
        twin = self._store.twin_of(
            key, campaign=campaign.name, occurrence=self._rules.occurrence.name, row_digest=row_digest(contact)
        )
        return Facts(
            standing=standing,
            twin=twin,
            earlier=self.earlier(key) if is_again else (),
            dials_wall=self._dials_wall(contact.to, since_wall, undialled) if counts_dials else (),
            zones=self._zones(contact),
            forbidden=self._forbidden(contact.to),
            holidays=self._holidays_of(contact.to),
            longest_s=self._longest_of(contact),
        )

    def earlier(self, key: str) -> list[PastRun]:
        """Return the ended runs of a contact, the oldest first. Those that were refused a dial do not count."""
        states = [fold(self._journal.read(run_id)) for run_id in self._store.runs_of(key)]
        return [_past(state) for state in states if state.end is not None and not was_kept_from_dialling(state)]

    def _dials_wall(self, number: str, since_wall: float, undialled: str | None) -> tuple[float, ...]:
        """Return when runs dialled a number for the last time: a run can wait for long before it does."""
        runs = self._store.dialling_runs(number, since_wall=since_wall, but_for=undialled)
        dialled = (_dialled_wall(self._journal.read(run_id)) for run_id in runs)
        return tuple(wall for wall in dialled if wall is not None)

    def planning(self, contact: Contact) -> Planning:
        """Return by what it is decided when a contact is called again."""
        rules = self._rules.lasting(self._longest_of(contact))
        return planning_of(contact, self._zones(contact), rules, holidays=self._holidays_of(contact.to))

    def _zones(self, contact: Contact) -> frozenset[str]:
        needs_zones = (
            planning_of(contact, frozenset(), self._rules, holidays=self._holidays_of(contact.to)).calendar.needs_zone
            or self._rules.campaign.limits.daily_cap is not None
            or any(rule.within for rule in self._rules.campaign.redial)
        )
        return self._zones_of(contact.to) if needs_zones and contact.tz is None else frozenset()


def _dialled_wall(records: Sequence[Record]) -> float | None:
    """Return when a run sent its last dial, or, where it has yet to, when it was made; None where it never will."""
    dials = (each.at for each in reversed(records) if isinstance(each, Intended) and each.operation is Operation.CREATE)
    yet_to = None if any(isinstance(each, RunEnded) for each in records) else records[0].at
    at = next(dials, yet_to)
    return None if at is None else at.wall


def was_kept_from_dialling(state: RunState) -> bool:
    """Return whether a run ended without a call for a reason that is none of the callee's.

    The credentials were wrong, or the API's address, or its contact is called by a new run.
    """
    fault = None if state.end is None else state.end.fault
    return fault is not None and fault.code in ("authentication", "configuration", SUPERSEDED) and state.call_id is None


def was_called_off(state: RunState) -> bool:
    """Return whether a person ended a run (`cancel`): its contact is to be left alone."""
    fault = None if state.end is None else state.end.fault
    return fault is not None and fault.code == "cancelled"


def is_undialled(state: RunState) -> bool:
    """Return whether a run has not ended, and its dial is known not to have left."""
    return state.end is None and state.call_id is None and state.phase in _UNDIALLED


def _past(state: RunState) -> PastRun:
    assert state.end is not None, "only ended runs are past"
    return PastRun(disposition=state.end.disposition, ended_wall=state.end.at.wall, labels=frozenset(state.visits))
