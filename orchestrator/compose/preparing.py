"""Everything that is checked before a call: variables, numbers, the plan, and what a resume brings. Nothing is sent.

`Planner` is what `plan` and `validate` need of an `Orchestrator`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.compose.settings import SettingsSource
from orchestrator.compose.way import Way
from orchestrator.core.ahead import lost_ahead
from orchestrator.core.ask import Ask
from orchestrator.core.script import Answer, Dial, Script, SettingValue, Value
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import Problem, ScriptError, UsageError, VariablesError
from orchestrator.runtime.runner import Prepared

if TYPE_CHECKING:
    from orchestrator.compose.parts import Parts
    from orchestrator.core.deadair import Gap
    from orchestrator.core.limits import History, Learned
    from orchestrator.core.plan import Plan


_NOTHING_MORE = Ask()


class Planner:
    """Tells what calls would be, without making any; an `Orchestrator` is one.

    Args:
        parts: The journal that earlier requests are known from.
        given: Settings that count more than all others, in the words of scripts.

    Raises:
        UsageError: A setting is wrong.
    """

    def __init__(self, parts: Parts, given: Mapping[str, object]) -> None:
        self._way = Way(parts)
        self._settings = SettingsSource(parts, given, learned=self._way.learned)

    def plan(
        self,
        script: Script,
        *,
        to: str | None = None,
        from_: str | None = None,
        variables: Mapping[str, Value] | None = None,
        limit_s: float | None = None,
        network: str | None = None,
        overrides: Mapping[str, SettingValue] | None = None,
        gap: Gap | None = None,
    ) -> Plan:
        """Return the plan of a script, with its problems. Nothing is sent; variables may be missing.

        `gap` is what the dead air between steps is estimated from, where it was measured (`core.deadair`); `overrides`
        are a campaign's settings.
        """
        check_script(script)
        ask = Ask(
            to=to,
            from_=from_,
            variables=variables or {},
            limit_s=limit_s,
            network=network,
            overrides=overrides or {},
        )
        return self._planned(script, ask, self._settings.of(script, ask), gap=gap)

    def learned(self) -> Learned | None:
        """Return the network limit that cuts have taught of the way to this API; None where nothing was learned.

        A limit in the settings counts more. The journal is read once, and again after a cut; none is made.
        """
        return self._way.learned()

    def history(self) -> History:
        """Return what the journal holds of the way to this API: the newest first, nothing where it cannot be read."""
        return self._way.history()

    def learned_note(self, planned: Plan, *, limit_s: float | None = None, network: str | None = None) -> str | None:
        """Return what to say of the limit that a plan has, where it was learned; None where it was set, or is none.

        Args:
            planned: The plan.
            limit_s: As it was given to `plan`.
            network: As it was given to `plan`.
        """
        return self._note(planned, Ask(limit_s=limit_s, network=network))

    def settings_for(self, script: Script, ask: Ask = _NOTHING_MORE) -> Settings:
        """Return the settings of a run: defaults < configuration and environment < script < campaign < given here."""
        return self._settings.of(script, ask)

    @property
    def default_settings(self) -> Settings:
        """The settings of a script that sets none."""
        return self.settings_for(Script(name="", entries=()))

    def prepare(self, script: Script, ask: Ask = _NOTHING_MORE) -> Prepared:
        """Check everything that can be known before dialling, or before answering. Raises as `Orchestrator.run`."""
        from orchestrator.scriptfile import bind_variables, never_given, unknown_variables

        check_script(script)
        settings = self._settings.of(script, ask)
        if settings.on_stale is not None and all(entry.label != settings.on_stale for entry in script.entries):
            raise UsageError(f"`on_stale` names the label `{settings.on_stale}`, which this script does not have")
        given = dict(ask.variables)
        given |= {name: number for name, number in (("to", ask.to), ("from", ask.from_)) if number is not None}
        if ask.incoming and (missing := never_given(script)):
            raise ScriptError((*missing, *unknown_variables(script, _names(script), can_be_given=False)))
        bound = bind_variables(script, given)
        is_read = unknown_variables(script, bound, can_be_given=not ask.incoming)
        if problems := (*_empty_ones(script, bound, incoming=ask.incoming), *is_read):
            raise (ScriptError if ask.incoming else VariablesError)(problems)
        callee, caller = (_ends_of_incoming if ask.incoming else _numbers)(script, ask, bound)
        planned = self._planned(script, replace(ask, to=callee, from_=caller, variables=bound), settings)
        if planned.problems:
            file = script.path or script.name
            raise ScriptError(
                [Problem(file, found.place.line, found.place.column, found.message) for found in planned.problems]
            )
        secret = {variable.name for variable in script.variables if variable.sensitive}
        return Prepared(
            to=callee,
            from_=caller,
            variables={name: value for name, value in bound.items() if name not in secret},
            secrets={name: value for name, value in bound.items() if name in secret},
            settings=replace(settings, limit_s=planned.limit_s),
            defaulted=tuple(name for name in bound if name in secret and name not in given),
            learned=self._note(planned, ask),
        )

    def _planned(self, script: Script, ask: Ask, settings: Settings, *, gap: Gap | None = None) -> Plan:
        from orchestrator.core.deadair import ASSUMED_GAP
        from orchestrator.core.plan import plan

        gap = gap or ASSUMED_GAP
        planned = plan(script, ask.variables, settings, to=ask.to, from_=ask.from_, gap=gap)
        if planned.problems and self._settings.limit_is_learned(ask):  # a guess refuses no script
            unlimited = replace(settings, limit_s=None)
            without = plan(script, ask.variables, unlimited, to=ask.to, from_=ask.from_, gap=gap)
            planned = without if len(without.problems) < len(planned.problems) else planned
        return planned

    def _note(self, planned: Plan, ask: Ask) -> str | None:
        from orchestrator.core.limits import told

        learned = self._way.learned() if self._settings.limit_is_learned(ask) else None
        return None if learned is None else told(learned, kept=planned.limit_s is not None)


def check_script(script: object) -> None:
    """Raise UsageError for what is no script: a path or a text is easily given in place of one."""
    if not isinstance(script, Script):
        raise UsageError(
            f"a script is needed, not {type(script).__name__}: give Script.load(PATH) of a file, or Script.parse(TEXT)"
        )


def script_of(state: RunState) -> Script:
    """Return the script of a run: its file as it is now, else what the journal keeps of it.

    Raises:
        UsageError: The journal keeps it without its secrets, and its file is gone.
        ScriptError: It cannot be read.
    """
    from orchestrator.scriptfile import load_script, parse_script

    begun = state.begun
    if begun.script_path is not None and Path(begun.script_path).exists():
        return load_script(begun.script_path)
    if not begun.script_source:
        return Script(name=begun.script_name, entries=())  # an incoming call that was to be turned down
    if begun.script_masked and state.phase is not Phase.UNDECIDED:
        where = begun.script_path or "given as text"
        raise UsageError(
            f"the script ({where}) is needed to resume: the journal keeps it without its secrets (send_dtmf "
            "digits, defaults of sensitive variables); give it with --script FILE (in a program: in `script`)"
        )
    return parse_script(begun.script_source, name=begun.script_name)


def as_journalled(state: RunState) -> Script | None:
    """Return the script as the journal keeps it; None where masked digits left no script to read."""
    from orchestrator.scriptfile import parse_script

    try:
        return parse_script(state.begun.script_source, name=state.begun.script_name)
    except ScriptError:
        return None


def secrets_again(state: RunState, script: Script, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the secrets that a resume brings: those given, and the defaults of those that had them before."""
    from orchestrator.scriptfile import bind_variables

    declared = {variable.name: variable for variable in script.variables if variable.sensitive}
    for name in sorted(given):
        if name not in declared and name not in state.lost:
            raise UsageError(f"`{name}` is not secret: a resume takes it from the journal, and cannot change it")
    wanted = tuple(declared[name] for name in declared if name in given or name in state.begun.defaulted)
    secrets = bind_variables(replace(script, variables=wanted), given)
    missing = sorted(lost_ahead(state, script) - secrets.keys())
    if missing:
        file = script.path or script.name
        why = "is secret, so the journal does not hold it, and what is left of the script reads it"
        way = "=VALUE into a file and give it with --var-file FILE (in a program: in `variables`)"
        raise VariablesError([Problem(file, 0, 0, f"the variable `{name}` {why}: put {name}{way}") for name in missing])
    return secrets


def _names(script: Script) -> frozenset[str]:
    return frozenset(variable.name for variable in script.variables)


def _empty_ones(script: Script, bound: Mapping[str, Value], *, incoming: bool) -> list[Problem]:
    """Return a problem for each required variable whose value is an empty text; callers may withhold their number."""
    withheld = {"from"} if incoming else set()
    required = [variable.name for variable in script.variables if variable.required]
    empty = [name for name in required if bound.get(name) == "" and name not in withheld]
    file = script.path or script.name
    return [Problem(file, 0, 0, f"the variable `{name}` is required, and its value is empty") for name in empty]


def _ends_of_incoming(script: Script, ask: Ask, _bound: Mapping[str, Value]) -> tuple[str, str]:
    if script.entries and not isinstance(script.entries[0].element, Answer):
        raise UsageError("the script begins with `dial`: it makes calls, and cannot answer one; begin it with `answer`")
    return ask.to or "", ask.from_ or ""


def _numbers(script: Script, ask: Ask, bound: Mapping[str, Value]) -> tuple[str, str]:
    """Return the callee and the caller id that are dialled. Raises UsageError for one that must not be."""
    from orchestrator.adapters.numbers import caller_refusal, refusal

    dial = script.entries[0].element
    if not isinstance(dial, Dial):
        raise UsageError("the script begins with `answer`: it is for incoming calls, and cannot make one")
    known = {**bound, "run_id": ""}
    numbers = []
    for flag, word, text, given in (("to", "to", dial.to, ask.to), ("from", "from_", dial.from_, ask.from_)):
        if given is None and flag in text.names and flag not in bound:
            raise UsageError(
                f"the script does not say `{flag}`: give it with --{flag} NUMBER (in a program: in `{word}`)"
            )
        numbers.append((given if given is not None else text.render(known)).strip())
    callee, caller = numbers
    refused = refusal(callee) or caller_refusal(caller)
    if refused is not None:
        raise UsageError(refused)
    return callee, caller
