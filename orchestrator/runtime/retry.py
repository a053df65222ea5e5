"""The one retry loop, turned by tenacity: for requests that were `not_sent` or `throttled`, and for nothing else.

When to stop and how long to wait is `decide`'s (attempts, total time and silence, all from the journal's records);
tenacity only turns the loop. The only importer of tenacity.
"""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_result, stop_never

from orchestrator.core.actions import Action, Wait


def send_until_it_left(
    attempt: Callable[[Action | None], Action],
    first: Action,
    *,
    is_held_back: Callable[[], bool],
    seconds_until: Callable[[Wait], float],
    wait: Callable[[Wait], None],
) -> Action:
    """Call `attempt` until its request left this host and was not throttled, or `decide` gives it up.

    Args:
        attempt: Sends once, and returns the action that `decide` names after it; without an argument it asks first.
        first: The first send.
        is_held_back: Whether the run's request is still to be sent again.
        seconds_until: How far the (journalled) wake time of a wait lies ahead.
        wait: Journals the wake time and waits for it.

    Returns:
        The next action, which is not a wait for another try of the same request.
    """

    def held_back(action: Action) -> bool:
        return isinstance(action, Wait) and is_held_back()

    action = attempt(first)
    if not held_back(action):
        return action  # as good as always: a loop is built only for what must be sent again
    last = [action]

    def attempt_once() -> Action:
        last[0] = attempt(None)  # it names the wait, unless that is over by now
        return last[0]

    def wait_for(_call: RetryCallState) -> float:
        return seconds_until(last[0]) if isinstance(last[0], Wait) else 0.0

    def sleep(_seconds: float) -> None:
        if isinstance(last[0], Wait):
            wait(last[0])

    loop = Retrying(
        retry=retry_if_result(held_back),
        stop=stop_never,
        wait=wait_for,
        sleep=sleep,
        reraise=True,
    )
    return loop(attempt_once)
