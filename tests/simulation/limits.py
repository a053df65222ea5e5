"""What the request limits of an account really brought about in a simulation, in words. Part of `coverage`."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.budget import MARGIN_S, ApiLimits
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.records import EndDecided
from tests.property.simulation import Simulated

_WAITS = {Kind.CREATE: "a dial", Kind.COMMAND: "a step", Kind.LOOK: "a look", Kind.LIST: "a list"}
_SOON_S = 0.05


def seen_in(simulated: Simulated, limits: ApiLimits) -> Iterator[str]:
    """Yield what occurred."""
    sent = [(one.at_s, one.request.operation) for one in (*simulated.sent, *simulated.looks)]
    for asked_s, moment_s, kind in simulated.asked:
        waits = moment_s > asked_s + _SOON_S and kind in _WAITS
        if waits and any(one is kind and at_s >= moment_s for at_s, one in sent):
            yield f"{_WAITS[kind]} waits"
        late = [at_s for at_s, one in sent if one is kind and at_s > moment_s + MARGIN_S]
        if waits and late and not any(one is kind and moment_s <= at_s <= moment_s + MARGIN_S for at_s, one in sent):
            yield "a place was slept over"
        if kind is Kind.CREATE and asked_s > _SOON_S:
            yield "a dial waits"  # it reserves nothing ahead
    if simulated.others:
        yield "another run's requests count"
    if any(
        isinstance(one, EndDecided) and one.fault is not None and "api_limits" in one.fault.message
        for one in simulated.records
    ):
        yield "no place within max_silence"
    account = limits.account
    for at_s, kind in sent:
        if kind is Kind.END and account is not None:
            before = [one_s for one_s, _ in sent if at_s - account.window_s < one_s < at_s]
            if len(before) >= account.requests:
                yield "a hang-up leaves without a place"
