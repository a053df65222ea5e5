"""What really happened in a simulation to a call that somebody else made to us, in words. Part of `coverage`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from orchestrator.core.records import CancelAsked, EventReceived, Intended, Record, Resumed
from tests.property.scenarios import Incoming
from tests.property.simulation import Simulated
from tests.property.taking import was_answered


def seen_in(simulated: Simulated, incoming: Incoming) -> Iterator[str]:
    """Yield what occurred."""
    yield from _announced(simulated, incoming)
    yield from _looked_at(simulated)
    if not simulated.records:
        if simulated.deaths:
            yield "killed before it was taken"
        return
    yield "taken"
    causes = {entry["cause"] for entry in simulated.server.transcript.find(event="hangup")}
    answered = was_answered(simulated)
    if answered:
        yield "answered"
    if "remote" in causes:
        yield "hung up on by its caller" if answered else "given up by its caller while it rang"
    if "rejected" in causes and not simulated.scenario.script.entries:
        yield "turned down"
    yield from _died(simulated)
    yield from _resumed(simulated)


def _announced(simulated: Simulated, incoming: Incoming) -> Iterator[str]:
    if not incoming.delays:
        yield "announced to nobody"
    if any(delay_s > 1 for delay_s in incoming.delays):
        yield "announced late"
    if len(incoming.delays) > 1:
        yield "announced twice"
    if any(isinstance(one, EventReceived) and one.call.rings for one in simulated.records):
        yield "told of again to its run"
    if incoming.apart_s is not None and len(simulated.rings) > 1:
        yield "offered to two at once"
    if simulated.refused:
        yield "refused to the second"


def _looked_at(simulated: Simulated) -> Iterator[str]:
    for look in simulated.rings:
        if look.note is None:
            yield "could not be looked at"
        elif look.note is False:
            yield "over when it was looked at"


def _died(simulated: Simulated) -> Iterator[str]:
    for _, on_disk in simulated.deaths:
        records = simulated.records[:on_disk]
        tried = [record for record in records if isinstance(record, Intended)]
        if not records:
            yield "killed before it was taken"
        elif not tried:
            yield "killed after it was taken, before it was answered"
        elif tried[-1].answers and records[-1] is tried[-1]:
            yield "killed while it was answered"
    if simulated.robbed:
        yield "stolen while it was up"


def _resumed(simulated: Simulated) -> Iterator[str]:
    records: list[Record] = simulated.records
    answers = [at for at, record in enumerate(records) if isinstance(record, Intended) and record.answers]
    if answers and any(isinstance(record, Resumed) for record in records[: answers[0]]):
        yield "answered by a resume"
    tried = [record for record in records if isinstance(record, Intended)]
    if any(before.answers and after.attempt > 1 and after.start.entry == 1 for before, after in pairwise(tried)):
        yield "asked for its digits again, without an answer"
    if any(isinstance(record, CancelAsked) and record.code == "reaped" for record in records):
        yield "reaped"
    if simulated.scenario.abandoned and simulated.state.rings_on:
        yield "left ringing by a reap"
