"""Which settings a run has: defaults < configuration and environment < script < campaign < given here.

It reads the configuration, and knows no journal but by name. `library` has one `SettingsSource`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

from orchestrator.core.ask import Ask
from orchestrator.core.script import Script, SettingValue
from orchestrator.core.settings import Mode, Settings
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.compose.parts import Parts
    from orchestrator.core.limits import Learned
    from orchestrator.scriptfile.configuration import Configuration


class SettingsSource:
    """Makes the settings of runs.

    Args:
        parts: Their configuration counts, and whether a receiver serves their journal.
        given: What counts more than all, in the words of scripts.
        learned: Tells the network limit that was learned.

    Raises:
        UsageError: A setting is wrong.
    """

    def __init__(self, parts: Parts, given: Mapping[str, object], *, learned: Callable[[], Learned | None]) -> None:
        self._parts = parts
        self._configuration = parts.configuration
        self._given = _typed(given)
        self._learned = learned

    def of(self, script: Script, ask: Ask) -> Settings:
        """Return the settings of a new run."""
        from orchestrator.core.limits import limit_to_use

        configured = self._configuration
        values = {**configured.settings, **script.settings, **ask.overrides, **self._given}
        mode = cast("Mode", values.get("mode", Mode.SYNC))
        settings = Settings(
            **cast("dict[str, Any]", values),
            idempotent_for_s=configured.idempotent_for_s,
            shows_results="command_log" in configured.capabilities,
            hears_events=self._hears_events(mode),
            limit_s=configured.limit_s if configured.network is None else _limit_of(configured.network),
        )
        if self.limit_is_learned(ask):
            return replace(settings, limit_s=limit_to_use(None, self._learned()))
        return _limited(settings, ask)

    def again(self, settings: Settings, ask: Ask) -> Settings:
        """Return the settings that a run with these goes on with: as before, but for the way its steps are sent."""
        mode = cast("Mode", self._given.get("mode", settings.mode))
        return _limited(replace(settings, mode=mode, hears_events=self._hears_events(mode)), ask)

    def limit_is_learned(self, ask: Ask) -> bool:
        """Say whether nobody has set a network limit: then what was learned counts."""
        configured = self._configuration
        return (ask.limit_s, ask.network, configured.limit_s, configured.network) == (None,) * 4

    def _hears_events(self, mode: Mode) -> bool:
        """Say whether an event receiver serves this journal now, where the mode makes use of one."""
        if mode not in (Mode.ASYNC, Mode.AUTO):
            return False
        from orchestrator.adapters.events.note import find_receiver

        return find_receiver(self._parts.place.path, now=self._parts.clock.now()) is not None


def read_configuration(path: str | os.PathLike[str] | None) -> Configuration:
    """Return what a configuration file and the environment say. Raises ConfigurationError."""
    from orchestrator.scriptfile.configuration import environment, load_configuration, merged

    chosen = path or os.environ.get("ORCHESTRATOR_CONFIG")
    from_environment = environment(os.environ)
    return from_environment if chosen is None else merged(load_configuration(chosen), from_environment)


def _typed(given: Mapping[str, object]) -> dict[str, SettingValue]:
    from orchestrator.scriptfile.settings import parse_settings

    typed, problems = parse_settings(given)
    if problems:
        raise UsageError("; ".join(problems.values()))
    known = {field.name for field in fields(Settings)}
    assert typed.keys() <= known, "parse_settings returns fields of Settings"
    return typed


def _limited(settings: Settings, ask: Ask) -> Settings:
    if ask.network is not None:
        return replace(settings, limit_s=_limit_of(ask.network))
    return settings if ask.limit_s is None else replace(settings, limit_s=ask.limit_s)


def _limit_of(network: str) -> float | None:
    from orchestrator.scriptfile.networks import find_network

    return find_network(network).limit_s
