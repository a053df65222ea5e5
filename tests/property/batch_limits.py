"""How many calls a simulated batch makes, how fast, and when: by its own rules, and by those of numbers and accounts.

`batch_checks` asks all of this of every batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import time
from itertools import pairwise

from orchestrator.core.budget import RequestLimit
from orchestrator.core.exchange import Operation as Kind
from orchestrator.core.redial import NumberLimits
from tests.fakes.virtual_time import EPOCH
from tests.property.batch_seen import Rung, SimulatedBatch, begun_by, contacts_of, is_undecided, started_of

_SLACK_S = 0.001
_LEAVING_S = 1.0
"""So long after its intent a dial has left at the latest."""


def check_lines(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """There are never more calls up than the campaign's concurrency."""
    campaign = simulated.scenario.campaign
    for one, up in _up_at_each(simulated, rung):
        assert len(up) <= campaign.concurrency, (
            f"{len(up)} calls at {one.began_s:.2f} s: {', '.join(each.run_id for each in up)}"
        )


def check_one_line_of_a_number(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """No two calls to one number are up at once, whichever campaigns they are of."""
    known = {run_id for run_id, run in simulated.runs.items() if not is_undecided(run)}
    for one, up in _up_at_each(simulated, rung):
        same = [each.run_id for each in up if each.number == one.number and {each.run_id, one.run_id} <= known]
        assert len(same) <= 1, f"{', '.join(same)} ring {one.number} at once"


def _up_at_each(simulated: SimulatedBatch, rung: list[Rung]) -> Iterator[tuple[Rung, list[Rung]]]:
    """Yield each call that rang once, with those that were up when it began: it is one of them.

    A call whose end nobody could ask for is taken to be over `max_call` after its dial. What rang twice is reported.
    """
    single = [each for each in rung if not each.doubled]
    most_s = simulated.settings.max_call_s
    ends_s = {each.run_id: min(each.ended_s or 9e9, each.sent_s + most_s) - _SLACK_S for each in single}
    for one in single:
        yield one, [each for each in single if each.began_s <= one.began_s < ends_s[each.run_id]]


def check_pace(simulated: SimulatedBatch) -> None:
    """A tick begins calls no faster than the campaign's rate."""
    rate_per_s = simulated.scenario.campaign.rate_per_s
    if rate_per_s is None:
        return
    for tick in simulated.ticks:
        moments = [at_s for _, at_s, process in begun_by(simulated) if process == tick.process.name]
        for before_s, after_s in pairwise(moments):
            assert after_s - before_s >= 1 / rate_per_s - _SLACK_S, f"two calls in {after_s - before_s:.2f} s"


def check_calling_windows(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """Nothing rings outside the campaign's windows, nor so late in one that a whole call has no room any more.

    Whichever attempt it is that rings. Nobody knows that the server's clock is behind before its first reply.
    """
    behind_s = max(-simulated.scenario.skew_s, 0.0)
    windows = simulated.scenario.campaign.calendar.windows
    for each in rung:
        second = (EPOCH + each.began_s) % 86_400
        left_s = max((_seconds(one.end) - second for one in windows if _seconds(one.start) <= second), default=0.0)
        least_s = max(simulated.longest_s - behind_s, 0.0) - _SLACK_S
        assert left_s >= least_s or not windows, (
            f"{each.run_id} rings {each.number} at {each.began_s:.2f} s, {left_s:.2f} s before its window closes"
        )


def _seconds(moment: time) -> float:
    return moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond / 1e6


def check_number_limits(simulated: SimulatedBatch, rung: list[Rung]) -> None:
    """A number is spared the gap before a dial, and has no more dials in a day than its cap, whoever dialled before.

    What counts is when the dial of a run left that rang.
    """
    of_number: dict[str, list[tuple[float, NumberLimits]]] = {}
    for one in simulated.campaigns():
        last = {each.run_id: each for each in rung if each.run_id in one.runs}
        for each in last.values():
            of_number.setdefault(each.number, []).append((each.sent_s, one.scenario.campaign.limits))
    for number, dials in of_number.items():
        dials.sort(key=lambda dial: dial[0])
        for (before_s, _), (after_s, limits) in pairwise(dials):
            assert after_s - before_s >= limits.min_gap_s - _LEAVING_S, f"{number} again after {after_s - before_s} s"
        days: Counter[int] = Counter()
        for at_s, limits in dials:
            day = int((EPOCH + at_s) // 86_400)
            days[day] += 1
            assert limits.daily_cap is None or days[day] <= limits.daily_cap, f"{number} too often in a day"


def check_limits_of_a_tick(simulated: SimulatedBatch) -> None:
    """A tick makes no more dials, and calls no more contacts for the first time, than its campaign lets it."""
    campaign = simulated.scenario.campaign
    first = {
        started_of(simulated.runs_of(each)[0]).run_id for each in contacts_of(simulated) if simulated.runs_of(each)
    }
    for tick in simulated.ticks:
        mine = [run_id for run_id, _, process in begun_by(simulated) if process == tick.process.name]
        assert campaign.max_attempts is None or len(mine) <= campaign.max_attempts, f"{len(mine)} dials in a tick"
        new = [run_id for run_id in mine if run_id in first]
        assert campaign.max_calls is None or len(new) <= campaign.max_calls, f"{len(new)} new calls in a tick"


def check_request_limits(simulated: SimulatedBatch) -> None:
    """Within no window do more requests leave than the account's limits allow; a DELETE never waits, nor counts."""
    limits = simulated.scenario.campaign.api_limits
    runs = simulated.runs.values()
    sent = [each for run in runs for each in (*run.sent, *run.looks) if each.request.operation is not Kind.END]
    for kind in Kind:
        _check_windows([each.at_s for each in sent if each.request.operation is kind], limits.endpoint, kind)
    _check_windows([each.at_s for each in sent], limits.account, "any request")


def _check_windows(moments_s: list[float], limit: RequestLimit | None, what: str) -> None:
    if limit is None:
        return
    ordered = sorted(moments_s)
    for first_s, last_s in zip(ordered, ordered[limit.requests :], strict=False):
        assert last_s - first_s >= limit.window_s, (
            f"{limit.requests + 1} of {what} in {last_s - first_s:.2f} s from {first_s:.2f} on"
        )
