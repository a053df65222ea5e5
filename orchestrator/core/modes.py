"""Whether a step's request is held open until the step is over, or acknowledged at once (contract section 4).

Pure. `step` asks for it when it makes a step; the reason goes into the intent, and `plan` shows it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from orchestrator.core.exchange import WireCommand
from orchestrator.core.settings import Mode, Settings

DIGITS_IN_EVENTS = 2
"""Digits of an event pass through the journal's inbox, on disk; more of them may be a secret (rules, section 4.10)."""


def kept_open_because(
    commands: Collection[WireCommand], *, sensitive: bool, settings: Settings, asks_events: bool
) -> str | None:
    """Return why a step's request must be held open until it is over; None where it need not be.

    Args:
        commands: The step's, rendered.
        sensitive: Whether its digits are secret.
        settings: `shows_results` is used.
        asks_events: Events are to bring the results; else only looks at the call can.
    """
    names = {next(iter(command)) for command in commands}
    if "sms" in names:
        return "a text message is always sent synchronously"
    if names <= {"unhold", "hangup"}:
        return "it is over at once"
    if "get_dtmf" not in names or settings.shows_results:
        return None
    if not asks_events:
        return "looks at the call do not show its digits"
    if sensitive or any(_most_digits(command) > DIGITS_IN_EVENTS for command in commands):
        return "its digits may be secret, and those of an event would pass through the journal"
    return None


def asks_events(settings: Settings) -> bool:
    """Say whether a step that is acknowledged at once waits for an event, besides looking at the call."""
    return settings.hears_events and settings.mode in (Mode.ASYNC, Mode.AUTO)


def _most_digits(command: WireCommand) -> int:
    parameters: Any = command.get("get_dtmf")
    return 0 if parameters is None else int(parameters.get("max_digits", 1))
