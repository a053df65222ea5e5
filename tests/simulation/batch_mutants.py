"""Mutants of what batches add to runs: who is called, how often, and how fast. Simulated batches notice them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orchestrator.core.records import Disposition, Resolved
from orchestrator.core.redial import NoMore, Why
from orchestrator.core.windows import Calendar
from orchestrator.ports import ContactState
from orchestrator.runtime.facts import _dialled_wall
from tests.simulation.mutants import Mutant, Patch

PART = "batch"
_BATCH = "orchestrator.runtime.batch:Batch."
_CALLING = "orchestrator.runtime.calling:Calling."
_PACE = "orchestrator.runtime.pace:Pace."
_REDIAL = "orchestrator.core.redial:"


def _always(value: Any) -> Callable[[Any], Any]:
    """Return the maker of a function that returns this, whatever it is given."""
    return lambda _original: lambda *_arguments, **_options: value


def _counts_no_redials(_original: Any) -> Any:
    def mutated(rules: Any, earlier: Any) -> Any:
        fitting = (rule for rule in rules if rule.applies_to(earlier[-1]))
        return next(fitting, NoMore(Why.NO_RULE, "no redial rule applies"))

    return mutated


def _waits_for_no_redial(original: Any) -> Any:
    def mutated(planning: Any, earlier: Any, **options: Any) -> Any:
        rules = tuple(replace(rule, after_s=0.0) for rule in planning.rules)
        return original(replace(planning, rules=rules), earlier, **options)

    return mutated


def _claims_no_contact(original: Any) -> Any:
    def mutated(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **options | {"contact": None})

    return mutated


def _calls_anew(_original: Any) -> Any:
    def mutated(self: Any, standing: Any, _secrets: Any) -> None:
        self._store.put([replace(standing, state=ContactState.WAITING)])

    return mutated


def _forgets_verdicts(original: Any) -> Any:
    def mutated(self: Any, standing: Any, secrets: Any) -> None:
        records = self._journal.read(standing.run_id)
        if any(isinstance(record, Resolved) for record in records):
            self._store.put([replace(standing, state=ContactState.WAITING)])
        else:
            original(self, standing, secrets)

    return mutated


def _turns_round(original: Any) -> Any:
    def mutated(self: Any, standing: Any, state: Any, contact: Any = None) -> None:
        records = self._facts._journal.read(state.begun.run_id)
        if not any(isinstance(record, Resolved) for record in records):
            original(self, standing, state, contact)
            return
        disposition = Disposition.FAILED if state.end.disposition is Disposition.COMPLETED else Disposition.COMPLETED
        end = replace(state.end, disposition=disposition)
        original(self, standing, state.changed({"end": end}), contact)

    return mutated


def _sees_no_twins(original: Any) -> Any:
    def mutated(self: Any, *arguments: Any, **options: Any) -> Any:
        return replace(original(self, *arguments, **options), twin=None)

    return mutated


def _ignores_gaps(_original: Any) -> Any:
    return lambda _dials, _limits, *, zones, now_wall: now_wall  # noqa: ARG005 - the names are the original's


def _dials_at_any_time(original: Any) -> Any:
    def mutated(self: Any, *arguments: Any, ring_by_wall: float | None = None, **options: Any) -> Any:
        del ring_by_wall
        return original(self, *arguments, ring_by_wall=None, **options)

    return mutated


def _rings_on(original: Any) -> Any:
    return lambda commands, state, now, _ring_by_wall: original(commands, state, now, None)


def _rings_beside(original: Any) -> Any:
    def mutated(*arguments: Any, beside_live: bool = True, **options: Any) -> None:
        del beside_live
        original(*arguments, beside_live=True, **options)  # returns nothing: the journal does not look, either

    return mutated


def _counts_its_own_dials(_original: Any) -> Any:
    def mutated(self: Any, number: str, since_wall: float, undialled: str | None) -> Any:
        own = {each.key for each in self._store.all_of(self._rules.campaign.name)}
        runs = self._store.dialling_runs(number, since_wall=since_wall, but_for=undialled)
        return [_dialled_wall(self._journal.read(each)) for each in runs if self._store.contact_of(each) in own]

    return mutated


def _starts(_original: Any) -> Any:
    def mutated(self: Any, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=self._run, args=(work, arguments))
        self._live.add(thread)
        thread.start()

    return mutated


_ROWS: tuple[tuple[str, str, tuple[Patch, ...]], ...] = (
    ("redial-counts", "redials are not counted", (Patch(f"{_REDIAL}_rule_for", _counts_no_redials),)),
    (
        "redial-soon",
        "a redial does not wait for its time",
        (
            Patch("orchestrator.runtime.settling:next_call", _waits_for_no_redial),
            Patch("orchestrator.core.admission:next_call", _waits_for_no_redial),
        ),
    ),
    (
        "contact-claim",
        "a run is made without its contact",
        (Patch("orchestrator.runtime.runner:Runner._begin", _claims_no_contact),),
    ),
    ("called-anew", "an unfinished contact is called anew", (Patch(f"{_CALLING}carry_on", _calls_anew),)),
    (
        "verdict-anew",
        "a contact is called anew once a person has said what became of its call",
        (Patch(f"{_CALLING}carry_on", _forgets_verdicts),),
    ),
    (
        "verdict-row",
        "what a run came to after a person's verdict is turned round in its row",
        (Patch("orchestrator.runtime.settling:Settling.settle", _turns_round),),
    ),
    (
        "one-line",
        "a number in use is called beside that",
        (
            Patch(f"{_BATCH}_number_in_use", _always(value=False)),
            Patch("orchestrator.runtime.runner:refuse_second_call", _rings_beside),
        ),
    ),
    (
        "twins",
        "rows that are the same are both called",
        (Patch("orchestrator.runtime.facts:FactFinder.of", _sees_no_twins),),
    ),
    (
        "concurrency",
        "calls begin however many are live",
        (Patch(f"{_PACE}_places", _always(1000)), Patch(f"{_PACE}start", _starts)),
    ),
    (
        "adrift",
        "a call that nobody steers takes no place",
        (Patch("orchestrator.runtime.adrift:Adrift.count", _always(0)),),
    ),
    ("rate", "calls begin as fast as they can", (Patch(f"{_PACE}note_start", _always(None)),)),
    (
        "number-own",
        "only a campaign's own dials of a number count",
        (Patch("orchestrator.runtime.facts:FactFinder._dials_wall", _counts_its_own_dials),),
    ),
    (
        "number-made",
        "a dial counts from when its run was made",
        (Patch("orchestrator.runtime.facts:_dialled_wall", lambda _: lambda records: records[0].at.wall),),
    ),
    (
        "beside-live",
        "a number is called that is on the line with another campaign",
        (Patch("orchestrator.runtime.runner:refuse_second_call", _rings_beside),),
    ),
    ("number-limits", "a number is spared nothing", (Patch(f"{_REDIAL}earliest_allowed", _ignores_gaps),)),
    (
        "windows",
        "contacts are called at any time",
        (Patch("orchestrator.core.admission:_calendar", _always(Calendar())),),
    ),
    (
        "window-end",
        "a dial may ring when its window has closed",
        (Patch("orchestrator.core.admission:closes_at", _always(None)),),
    ),
    (
        "dial-again",
        "a lost dial that made no call is sent again whatever the time",
        (Patch("orchestrator.runtime.runner:Runner.resume", _dials_at_any_time),),
    ),
    (
        "dial-expires",
        "a dial expires as late as any, however soon its window closes",
        (Patch("orchestrator.core.intents:_fenced", _rings_on),),
    ),
    (
        "api-limits",
        "nobody waits for a place within the request limits",
        (Patch("orchestrator.runtime.places:Places.wait_until", _always(None)),),
    ),
    (
        "breaker",
        "an API that is out of reach stops no tick",
        (
            Patch("orchestrator.runtime.settling:BREAKER", lambda _: 1000),
            Patch("orchestrator.runtime.settling:_BREAKING", lambda _: {}),
        ),
    ),
)

BATCH_MUTANTS = tuple(Mutant(name, PART, change, patches) for name, change, patches in _ROWS)
