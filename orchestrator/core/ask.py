"""What one call is asked for, besides its script. Plain data: given by a user, a contact or a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.script import SettingValue, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one call is asked for. What is left out the script says, or the settings.

    Attributes:
        to: The callee, E.164.
        from_: The caller id, E.164.
        variables: Values for the script's variables.
        limit_s: The network limit, seconds.
        network: A network profile's name, instead of `limit_s`.
        overrides: A campaign's settings, by the field names of `Settings`.
        incoming: It is a call that rings here: `to` and `from_` are its ends.
    """

    to: str | None = None
    from_: str | None = None
    variables: Mapping[str, Value] = field(default_factory=dict)
    limit_s: float | None = None
    network: str | None = None
    overrides: Mapping[str, SettingValue] = field(default_factory=dict)
    incoming: bool = False
