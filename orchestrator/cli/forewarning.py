"""What is legal but probably not meant, found before a call: a call that max_call would cut off, a misspelt `--var`.

`run`, `batch`, `plan` and `validate` say it; none of it keeps a call from being made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.core.script import Dial, Script, Value

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.core.plan import Plan
    from orchestrator.core.settings import Settings

_SET_BY_FLAGS = ("to", "from")


def undiallable(script: Script, variables: Mapping[str, Value], *, to: str | None, from_: str | None) -> list[str]:
    """Return a warning for each number that is known and that `run` would refuse to dial, or to show."""
    from orchestrator.adapters.numbers import caller_refusal, refusal

    dial = script.entries[0].element
    if not isinstance(dial, Dial):
        return []
    numbers = [(to, dial.to, refusal), (from_, dial.from_, caller_refusal)]
    known = [
        (given if given is not None else text.render(variables), refused)
        for given, text, refused in numbers
        if given is not None or text.names <= variables.keys()
    ]
    return [f"{why}; `run` refuses it" for number, refused in known if (why := refused(number.strip())) is not None]


def strange_variables(script: Script, given: Collection[str]) -> list[str]:
    """Return a warning for each variable that was given but that the script neither declares nor reads."""
    from orchestrator.core.commands import names_read
    from orchestrator.scriptfile.words import nearest

    declared = {variable.name for variable in script.variables}
    used = declared.union(_SET_BY_FLAGS, *map(names_read, script.entries))
    warnings = []
    for name in sorted(set(given) - used):
        match = nearest(name, used)
        hint = f"; did you mean `{match}`?" if match else ""
        warnings.append(f"the variable `{name}` is given, but the script neither declares nor reads it{hint}")
    return warnings


def cut_off(script: Script, plan: Plan, settings: Settings) -> list[str]:
    """Return a warning where the longest way through a script lasts longer than its calls may.

    Jumps backwards are left out: how often they are taken is known only in the call.
    """
    from orchestrator.core.longest import longest_way_s

    longest_s = longest_way_s(script, plan)
    if longest_s <= settings.max_call_s:
        return []
    lasting = f"a call may last up to {longest_s:.0f} s on the longest way through the script"
    return [f"{lasting}, but is ended after {settings.max_call_s:g} s (max_call): shorten it, or raise max_call"]


def unheard(settings: Settings) -> list[str]:
    """Return a warning where events are asked for that nobody receives."""
    if settings.mode.value != "async" or settings.hears_events:
        return []
    what = "in mode async steps are only looked at, and digits asked for with the request held open"
    return [f"no event receiver runs for this journal, so that {what}: start `orchestrator serve`, or say --mode poll"]


def untried_network(orchestrator: Orchestrator, *, limit_s: float | None, network: str | None) -> str | None:
    """Return the network that holds where its limit is not known, and longer requests than some were never tried.

    It is named by flag, else by the settings where no flag says how long the limit is.
    """
    from orchestrator.scriptfile.networks import find_network

    named = network or (orchestrator.configuration.network if limit_s is None else None)
    return None if named is None or find_network(named).at_least_s is None else named


def untried(plan: Plan, network: str | None) -> list[str]:
    """Return a warning where a request may last longer than was ever tried on a network without a known limit."""
    from orchestrator.core.advice import longer_than_tried
    from orchestrator.scriptfile.networks import find_network

    at_least_s = None if network is None else find_network(network).at_least_s
    return list(longer_than_tried(plan, at_least_s, where=f"on network {network}"))


def untried_by(orchestrator: Orchestrator, script: Script, asked: Mapping[str, Any]) -> list[str]:
    """Return the warning of `untried` for what `Orchestrator.plan` is asked; nothing is planned without need."""
    network = untried_network(orchestrator, limit_s=asked["limit_s"], network=asked["network"])
    return [] if network is None else untried(orchestrator.plan(script, **asked), network)


def too_silent(plan: Plan) -> list[str]:
    """Return a warning for each boundary where a longer dead air is expected than `max_dead_air` allows."""
    return [
        f"line {item.place.line}: {item.silence_s:.2g} s of dead air are expected before step {number} "
        f"({', '.join(item.step.names)}), longer than max_dead_air ({plan.max_dead_air_s:g} s)"
        for number, item in enumerate(plan.steps)
        if number in plan.breaches
    ]
