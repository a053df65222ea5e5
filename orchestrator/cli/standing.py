"""Stands in for what a script needs and nobody gave: for the commands that call nobody. Says what it stood in for.

`verify`, `drill` and `rehearse` use it. Nothing with a stand-in in it reaches a real API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output import line, note

if TYPE_CHECKING:
    from orchestrator.core.ask import Ask
    from orchestrator.core.records import RunStarted
    from orchestrator.core.script import Entry, Script, Value
    from orchestrator.runtime.runner import Prepared

TO = "+12125550123"
"""Who is pretended to be called when nobody is named: a number kept for such uses."""
_ALWAYS_KNOWN = frozenset({"run_id", "call_id"})
_A_KEY = "1"
_A_MEDIUM = "00000000-0000-4000-8000-000000000000"


def stood_in_for(script: Script, given: Mapping[str, Any]) -> Ask:
    """Return what is asked of a script, with a stand-in for each number and variable that is missing.

    Args:
        script: The script.
        given: `to`, `from_`, `variables`, `limit_s`, `network` of the command line.
    """
    from orchestrator.core.ask import Ask
    from orchestrator.core.script import Answer
    from orchestrator.core.standins import stood_in

    variables: dict[str, Value] = dict(given["variables"])
    named = given["to"] or variables.get("to") or _default(script, "to")
    to = named or TO
    from_ = given["from_"] or variables.get("from") or _default(script, "from")
    missing, known = stood_in(script, variables, to=str(to), from_=None if from_ is None else str(from_))
    saved = {entry.save for entry in script.entries}
    invented = sorted(name for name in missing if name not in saved and name not in _ALWAYS_KNOWN)
    for name in invented:
        variables[name] = _fitting(script, name, known[name])
    made_up = {name: variables[name] for name in invented}
    incoming = isinstance(script.entries[0].element, Answer)
    callee, caller = _numeral(script, given["to"], str(to)), given["from_"] or variables.pop("from", None)
    variables.pop("to", None)
    if callee is not None and named is None:
        made_up["to"] = callee
    if incoming and caller is None:
        caller = made_up["from"] = TO
    if made_up:
        note(f"Standing in for {', '.join(f'{line(name)}={line(made_up[name])}' for name in sorted(made_up))}")
    return Ask(
        to=callee,
        from_=None if caller is None else str(caller),
        variables=variables,
        limit_s=given["limit_s"],
        network=given["network"],
        incoming=incoming,
    )


def _numeral(script: Script, given: str | None, to: str) -> str | None:
    """Return the callee to give; None where the script itself says whom it calls."""
    from orchestrator.core.script import Dial

    dial = script.entries[0].element
    says_so = isinstance(dial, Dial) and not dial.to.names
    return given if given is not None or says_so else to


def _default(script: Script, name: str) -> Value | None:
    return next((variable.default for variable in script.variables if variable.name == name), None)


def _fitting(script: Script, name: str, otherwise: Value) -> Value:
    """Return a stand-in that the commands which read it can be sent with."""
    from orchestrator.core.script import Dial, Play, SendDtmf, Sms

    for entry in (each for each in script.entries if _reads(each, name)):
        match entry.element:
            case SendDtmf():
                return _A_KEY
            case Play():
                return _A_MEDIUM
            case Dial():
                return TO
            case Sms(to=to, from_=from_) if name in to.names | from_.names:
                return TO
    return otherwise


def _reads(entry: Entry, name: str) -> bool:
    from orchestrator.core.commands import names_read

    return name in names_read(entry)


def begun_of(script: Script, prepared: Prepared) -> RunStarted:
    """Return the first record of the pretended run of a script."""
    from orchestrator.core.pretend import begun

    return begun(
        script,
        to=prepared.to,
        from_=prepared.from_,
        variables=prepared.variables,
        secrets=prepared.secrets,
        settings=prepared.settings,
    )
