"""Variables: reading their declarations, and binding given values to them before anything is dialled.

`document` reads declarations with it, compose calls `bind_variables` and `unknown_variables`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.core import script as core
from orchestrator.core.script import Place, Script, Value, Variable
from orchestrator.errors import Problem, VariablesError
from orchestrator.scriptfile import values
from orchestrator.scriptfile.templates import needed_names
from orchestrator.scriptfile.values import ALWAYS_KNOWN, BadValueError
from orchestrator.scriptfile.words import nearest, quote

_NOWHERE = Place(0, 0)
_IN_A_PROGRAM = " (in a program: in `variables`)"
"""How a library user gives what the command line takes by a flag: both read the same messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredVariable(Variable):
    """A declared variable that knows where it is declared."""

    place: Place = _NOWHERE


def typed(variable_type: str, value: object) -> Value:
    """Return a value in a declared type. Raises BadValueError."""
    if variable_type != "text":
        return _TYPES[variable_type](value)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadValueError(f"must be text, not {quote(value)}")


_TYPES: Mapping[str, Callable[[object], Value]] = {
    "integer": values.parse_integer,
    "number": values.parse_number,
    "boolean": values.parse_boolean,
}


def bind_variables(script: Script, given: Mapping[str, Value]) -> dict[str, Value]:
    """Type the given values by their declarations, and fill in defaults.

    Args:
        script: The script that declares them.
        given: Values by name: text from flags and contacts, or typed by a library. Undeclared ones stay as they are.

    Returns:
        Every variable that has a value.

    Raises:
        VariablesError: With each missing, ill-typed or ill-named one; placed at the declaration where there is one.
    """
    problems: list[Problem] = []
    declared = {variable.name: variable for variable in script.variables}
    bound: dict[str, Value] = {}
    for name, value in given.items():
        try:
            variable = declared.get(values.parse_variable(name))
            bound[name] = value if variable is None else typed(variable.type, _secretive(variable, value))
        except BadValueError as error:
            problems.append(_problem(script, declared.get(name), f"the variable {quote(name)} {error}"))
    for variable in script.variables:
        if variable.name in given:
            continue
        if variable.default is not None:
            bound[variable.name] = variable.default
        elif variable.required:
            problems.append(_problem(script, variable, _missing(variable.name, given, declared)))
    if problems:
        raise VariablesError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return bound


def never_given(script: Script) -> tuple[Problem, ...]:
    """Return a problem for each variable that nobody can give a script which answers calls: a call brings no values."""
    return tuple(
        _problem(
            script,
            variable,
            f"the variable `{variable.name}` is required, but nobody gives values to a call that comes in: write a "
            f"`default` for it into the script",
        )
        for variable in script.variables
        if variable.required and variable.default is None and variable.name not in ("to", "from")
    )


def unknown_variables(script: Script, known: Collection[str], *, can_be_given: bool = True) -> tuple[Problem, ...]:
    """Return a problem for each variable that the script reads and that can never have a value.

    Known are `known`, what a `get_dtmf` of the script saves, and `to`, `from`, `run_id`, `call_id`. A variable that an
    expression tests with `is defined` or gives a `default` may be absent. Where nothing `can_be_given`, it must be
    declared.
    """
    available = {*known, *ALWAYS_KNOWN, *(entry.save for entry in script.entries if entry.save is not None)}
    found: dict[str, Problem] = {}
    for entry in script.entries:
        for name in sorted(name for text in texts_of(entry) for name in needed_names(text)):
            if name not in available and name not in found:
                match = nearest(name, available)
                forgot = "forget to give it?" if can_be_given else "forget to declare it, with a `default`?"
                given = f"give it with --var {name}=VALUE{_IN_A_PROGRAM}"
                way = given if can_be_given else "declare it under `variables`, with a `default`"
                hint = f"did you mean `{match}`, or {forgot}" if match else way
                message = f"there is no variable `{name}`; {hint}"
                found[name] = Problem(_file(script), entry.place.line, entry.place.column, message)
    return tuple(found.values())


def texts_of(entry: core.Entry) -> Iterator[core.Text | core.Condition]:
    """Return every text and condition of an entry."""
    if entry.when is not None:
        yield entry.when
    yield from texts_of_element(entry.element)


def texts_of_element(element: core.Command | core.Control) -> Iterator[core.Text]:
    """Return every text of a command or control element."""
    some: list[core.Text | None] = []
    match element:
        case core.Dial():
            some = [element.to, element.from_, element.schedule_start, element.schedule_expire]
        case core.Say():
            some = [element.text, element.voice]
        case core.Play():
            some = [element.resource_id]
        case core.GetDtmf():
            some = [element.terminate_on, *(text for prompt in element.prompts for text in texts_of_element(prompt))]
        case core.SendDtmf():
            some = [element.dtmf]
        case core.Sms():
            some = [element.to, element.from_, element.message]
        case core.Switch():
            some = [element.subject]
        case core.End():
            some = [element.result]
    yield from (text for text in some if text is not None)


def _secretive(variable: Variable, value: Value) -> Value:
    """Check a sensitive value here, so that no message quotes it."""
    if variable.sensitive:
        try:
            typed(variable.type, value)
        except BadValueError:
            raise BadValueError(f"is not of the type {variable.type}") from None
    return value


def _missing(name: str, given: Collection[str], declared: Mapping[str, Variable]) -> str:
    strange = [other for other in given if other not in declared]
    match = nearest(name, strange)
    hint = f" (`{match}` was given; is that meant?)" if match else f"; give it with {_way_in(name, declared)}"
    if name in ("to", "from"):
        hint = f"; give it with --{name} NUMBER (in a program: in `{name}{'_' if name == 'from' else ''}`)"
    return f"the variable `{name}` is required and has no value{hint}"


def _way_in(name: str, declared: Mapping[str, Variable]) -> str:
    """Return how a variable is given; what is secret does not belong on a command line."""
    if declared[name].sensitive:
        return f"--var-file FILE, a file that only you may read, with the line {name}=VALUE{_IN_A_PROGRAM}"
    return f"--var {name}=VALUE{_IN_A_PROGRAM}"


def _problem(script: Script, variable: Variable | None, message: str) -> Problem:
    place = variable.place if isinstance(variable, DeclaredVariable) else _NOWHERE
    return Problem(_file(script), place.line, place.column, message)


def _file(script: Script) -> str:
    return script.path or script.name
