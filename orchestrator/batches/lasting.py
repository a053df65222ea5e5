"""How long calls of a campaign last at most: windows and the limits of a tick leave room for that."""

from __future__ import annotations

import math
from collections.abc import Callable

from orchestrator.core.campaign import Campaign
from orchestrator.core.contact import Contact
from orchestrator.core.longest import longest_way_s
from orchestrator.core.plan import Plan
from orchestrator.core.script import Script
from orchestrator.core.settings import Settings
from orchestrator.core.windows import Calendar
from orchestrator.errors import ConfigurationError


class Lasting:
    """Tells it of any call, and of the call of a contact whose own variables make it longer or shorter.

    Attributes:
        longest_s: The longest way through the script with the campaign's variables, or `max_call`.
    """

    def __init__(
        self,
        campaign: Campaign,
        script: Script,
        settings: Settings,
        *,
        planned: Plan,
        plan_of: Callable[[Contact], Plan],
        own: frozenset[str] | None,
    ) -> None:
        """Take what it depends on.

        Args:
            campaign: Its windows and limits say whether it matters.
            script: What is executed.
            settings: Of its calls.
            planned: The plan without any contact's variables.
            plan_of: Returns the plan with those of a contact.
            own: The variables that contacts may have of their own; None for any.

        Raises:
            ConfigurationError: A limit of the tick is so small that nobody would ever be called.
        """
        self._script = script
        self._settings = settings
        self._plan_of = plan_of
        self._differs = bool(planned.unknown if own is None else own.intersection(planned.unknown) - {"to", "from"})
        limits_s = {"max_runtime": campaign.max_runtime_s, "max_minutes": campaign.max_call_s}
        within = any(rule.within for rule in campaign.redial)
        self._always = within or campaign.calendar != Calendar() or any(s is not None for s in limits_s.values())
        self.longest_s = self._longest_s(planned)
        for word, limit_s in limits_s.items():
            if limit_s is not None and limit_s < self.longest_s:
                raise ConfigurationError(
                    f"a call may last {math.ceil(self.longest_s)} s, which is more than `{word}`, so nobody is ever "
                    "called: make that larger, or the `max_call` of the script or the campaign smaller"
                )

    def of(self, contact: Contact) -> float | None:
        """Return the longest that the call of a contact may last, seconds; None for as long as any, or any time."""
        matters = self._always or contact.not_before is not None or contact.not_after is not None
        return self._longest_s(self._plan_of(contact)) if self._differs and matters else None

    def _longest_s(self, plan: Plan) -> float:
        settings = self._settings
        return min(longest_way_s(self._script, plan, visits=settings.max_visits), settings.max_call_s)
