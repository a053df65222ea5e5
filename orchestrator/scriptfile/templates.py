"""Text and conditions with variables: compiled once, rendered often, unable to hang or to reach anything.

Jinja2's sandbox with an allow-list on top: a template is text, expressions, `if` and a few filters and methods; it has
no functions, loops, includes or assignments, and its output is bounded. Called by `models` while a script is read; the
objects it makes are `core.script.Text` and `Condition`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.environment import Template
from jinja2.exceptions import UndefinedError
from jinja2.filters import FILTERS
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from orchestrator.core.script import Condition, Plain, Text, Variables
from orchestrator.errors import ExpressionError
from orchestrator.scriptfile.words import nearest, quote, suggestion

LONGEST_OUTPUT = 10_000
_LARGEST_NUMBER = 10**18

_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "list", "lower", "string",
    "title", "trim", "truncate", "upper", "wordcount",
)  # fmt: skip
_TESTS = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt", "in",
    "integer", "le", "lessthan", "lower", "lt", "ne", "number", "odd", "string", "true", "undefined", "upper",
    "==", "!=", ">", ">=", "<", "<=",
)  # fmt: skip
_METHODS = frozenset({
    "capitalize", "count", "endswith", "isalpha", "isdigit", "lower", "lstrip", "rstrip", "split", "startswith",
    "strip", "title", "upper",
})  # fmt: skip
_STATEMENTS: Mapping[type[nodes.Node], str] = {
    nodes.For: "for",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.With: "with",
    nodes.ScopedEvalContextModifier: "autoescape",
}


class TemplateProblemError(ValueError):
    """A template or condition cannot be compiled.

    Attributes:
        line: The line inside the text, from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Templated:
    """Text with variables (`core.script.Text`).

    Attributes:
        source: As written.
        names: Every variable it reads.
        needs: Those of them it cannot do without: not tested by `is defined`, not given a `default`.
        as_numbers: Those of them it compares with a number.
    """

    source: str
    names: frozenset[str]
    needs: frozenset[str]
    as_numbers: frozenset[str]
    _shown: str = field(compare=False, repr=False)
    _template: Template = field(compare=False, repr=False)

    def render(self, variables: Variables) -> str:
        """Return the text with its variables filled in. Raises ExpressionError."""
        try:
            return _bounded(self._template.generate(variables))
        except Exception as error:  # noqa: BLE001 - an expression may fail in any way; the author gets one sentence
            _fail(self._shown, error, variables)


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition (`core.script.Condition`). Attributes as of `Templated`."""

    source: str
    names: frozenset[str]
    needs: frozenset[str]
    as_numbers: frozenset[str]
    _evaluate: Callable[..., Any] = field(compare=False, repr=False)

    def holds(self, variables: Variables) -> bool:
        """Return whether its value is true: not false, not zero, not empty. Raises ExpressionError."""
        try:
            return bool(self._evaluate(variables))
        except Exception as error:  # noqa: BLE001 - as in `Templated.render`
            _fail(self.source, error, variables)


def compile_text(source: str, *, shown: str | None = None) -> Text:
    """Return text ready to be rendered; errors quote it as `shown`. Raises TemplateProblemError."""
    if "{{" not in source and "{%" not in source:
        return Plain(source)
    try:
        tree = _ENVIRONMENT.parse(source)
        needs = _check(tree)
        names = frozenset(find_undeclared_variables(tree))
        template = _ENVIRONMENT.from_string(tree)
    except Exception as error:
        raise _problem(error) from error
    return Templated(source, names, names & needs, _as_numbers(tree), source if shown is None else shown, template)


def compile_condition(source: str) -> Condition:
    """Return a condition ready to be evaluated. Raises TemplateProblemError."""
    if "{{" in source or "{%" in source:
        raise TemplateProblemError("is an expression already; write it without `{{ }}`")
    try:
        tree = _parse_expression(source)
        needs = _check(tree)
        names = frozenset(find_undeclared_variables(tree))
        evaluate = _ENVIRONMENT.compile_expression(source, undefined_to_none=False)
    except Exception as error:
        raise _problem(error) from error
    return Expression(source, names, names & needs, _as_numbers(tree), evaluate)


def needed_names(text: Text | Condition) -> frozenset[str]:
    """Return the variables that a text or condition cannot do without."""
    return text.needs if isinstance(text, Templated | Expression) else text.names


def compared_with_numbers(text: Text | Condition) -> frozenset[str]:
    """Return the variables that a text or condition compares with a number."""
    return text.as_numbers if isinstance(text, Templated | Expression) else frozenset()


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox without functions, with a short list of methods, and with limits on what can grow."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - the base's signature
        return isinstance(obj, str) and attr in _METHODS

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (TypeError, LookupError):  # the base would look for an attribute of that name
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and not isinstance(left, int | float):
            raise _LimitError("`%` works on numbers only")
        if operator != "%":
            _check_growth(operator, left, right)
        return super().call_binop(context, operator, left, right)


class _LimitError(Exception):
    """An expression went beyond what is allowed; the text is the sentence for the author."""


def _bounded(parts: Iterable[str]) -> str:
    """Join what a template yields, and stop it when it yields too much."""
    taken: list[str] = []
    length = 0
    for part in parts:
        length += len(part)
        _check_length(length)
        taken.append(part)
    return "".join(taken)


def _check_length(length: int) -> None:
    if length > LONGEST_OUTPUT:
        raise _LimitError(f"its text grows longer than {LONGEST_OUTPUT} characters")


def _check_growth(operator: str, left: Any, right: Any) -> None:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if operator == "**":
        if not numbers or abs(left) > _LARGEST_NUMBER or abs(right) > 64:
            raise _LimitError("`**` works on small numbers only")
        if abs(float(left)) ** abs(right) > _LARGEST_NUMBER:
            raise _LimitError("a number grows too large")
    elif numbers:
        if abs(left) * abs(right) > _LARGEST_NUMBER:
            raise _LimitError("a number grows too large")
    else:
        _check_length(_length(left, 1) * _length(right, 1))


def _length(value: Any, otherwise: int) -> int:
    if isinstance(value, int | float):
        return max(int(value), 0)
    return len(value) if hasattr(value, "__len__") else otherwise


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = str(value), str(old), str(new)
    _check_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new, count)


def _join(value: Any, separator: Any = "") -> str:
    parts = [str(part) for part in value]
    _check_length(sum(map(len, parts)) + len(parts) * len(str(separator)))
    return str(separator).join(parts)


def _round(value: Any, digits: int = 0) -> float:
    if not 0 <= digits <= 15:
        raise _LimitError("`round` takes 0 to 15 digits")
    return round(float(value), digits)


def _make_environment() -> _Environment:
    # Control characters cannot occur in a script, so these markers turn comments off: `{#` stays text everywhere.
    environment = _Environment(
        undefined=StrictUndefined,
        optimized=False,
        keep_trailing_newline=True,
        comment_start_string="\x00\x01",
        comment_end_string="\x00\x02",
        cache_size=0,
    )
    environment.globals = {}
    environment.filters = {name: FILTERS[name] for name in _FILTERS}
    environment.filters |= {"replace": _replace, "join": _join, "round": _round}
    environment.tests = {name: TESTS[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _make_environment()


def _parse_expression(source: str) -> nodes.Template:
    """Return an expression as a template that puts it out, so that it can be checked like one."""
    parser = Parser(_ENVIRONMENT, source, state="variable")
    tree = nodes.Template([nodes.Output([parser.parse_expression()])], lineno=1)
    if not parser.stream.eos:
        raise TemplateSyntaxError("chunk after expression", parser.stream.current.lineno)
    tree.set_environment(_ENVIRONMENT)
    return tree


def _check(tree: nodes.Template) -> frozenset[str]:
    """Refuse what is not on the allow-lists; return the variables whose absence is not provided for."""
    optional: set[str] = set()
    read: set[str] = set()
    called: set[int] = set()
    for node in _descendants(tree):
        statement = _STATEMENTS.get(type(node))
        if statement is not None:
            raise TemplateProblemError(f"uses `{{% {statement} %}}`, which is not available in scripts", node.lineno)
        if isinstance(node, nodes.Name):
            read.add(node.name)
            if node.name in {"self", "super", "loop", "caller", "varargs", "kwargs"}:
                raise TemplateProblemError(
                    f"names a variable `{node.name}`, which is a word of the template language", node.lineno
                )
        elif isinstance(node, nodes.Filter):
            _check_word(node, node.name, _ENVIRONMENT.filters, "filter")
        elif isinstance(node, nodes.Test):
            _check_word(node, node.name, _ENVIRONMENT.tests, "test")
        elif isinstance(node, nodes.Call):
            called.add(id(_method(node)))
        elif isinstance(node, nodes.Getattr) and id(node) not in called:
            raise TemplateProblemError(f"uses `.{node.attr}`, which is not available in scripts", node.lineno)
        if isinstance(node, nodes.Filter | nodes.Test) and node.name in {"default", "d", "defined", "undefined"}:
            optional |= {node.node.name} if isinstance(node.node, nodes.Name) else set()
    return frozenset(read - optional)


def _as_numbers(tree: nodes.Template) -> frozenset[str]:
    found: set[str] = set()
    for comparison in _descendants(tree):
        if isinstance(comparison, nodes.Compare):
            sides = [comparison.expr, *(operand.expr for operand in comparison.ops)]
            if any(isinstance(side, nodes.Const) and isinstance(side.value, int | float) for side in sides):
                found |= {side.name for side in sides if isinstance(side, nodes.Name)}
    return frozenset(found)


def _descendants(tree: nodes.Node) -> list[nodes.Node]:
    found: list[nodes.Node] = [tree]
    for node in found:  # grows while it is read, so no depth of nesting can overflow the stack here
        found.extend(node.iter_child_nodes())
    return found


def _check_word(node: nodes.Node, word: str, known: Collection[str], kind: str) -> None:
    if word not in known:
        names = [name for name in known if name.isidentifier()]
        raise TemplateProblemError(f"names an unknown {kind} {quote(word)}{suggestion(word, names)}", node.lineno)


def _method(node: nodes.Call) -> nodes.Getattr:
    """Return the method that is called. A call stands before its method among the descendants."""
    if not isinstance(node.node, nodes.Getattr):
        name = node.node.name if isinstance(node.node, nodes.Name) else "…"
        raise TemplateProblemError(f"calls `{name}(…)`; functions are not available in scripts", node.lineno)
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise TemplateProblemError("uses `*` or `**` in a call, which is not available in scripts", node.lineno)
    if node.node.attr not in _METHODS:
        raise TemplateProblemError(
            f"names an unknown method {quote(node.node.attr)}{suggestion(node.node.attr, _METHODS)}", node.lineno
        )
    return node.node


def _problem(error: Exception) -> TemplateProblemError:
    if isinstance(error, TemplateProblemError):
        return error
    if isinstance(error, RecursionError | MemoryError):
        return TemplateProblemError("is nested too deeply to be evaluated")
    if isinstance(error, TemplateSyntaxError):
        return TemplateProblemError(f"has a mistake in its expression: {_plain_english(error)}", error.lineno)
    return TemplateProblemError("has an expression that cannot be evaluated")


def _plain_english(error: TemplateSyntaxError) -> str:
    message = (error.message or "unreadable").rstrip(".")
    wordings = {
        "unexpected '}'": "a `}` is missing or one too many",
        "Unexpected end of template": "an `{% if %}` has no `{% endif %}`",
        "unexpected 'end of template'": "the expression is incomplete",
        "unexpected end of template": "the closing `}}` or `%}` is missing",
        "Expected an expression, got 'end of print statement'": "the braces are empty; name a variable in them",
        "expected token 'end of print statement'": "something stands between two values; texts are joined with `~`",
        "chunk after expression": "the expression ends before the text does",
    }
    for start, wording in wordings.items():
        if message.startswith(start):
            return wording
    return message[:1].lower() + message[1:]


def _fail(source: str, error: Exception, variables: Variables) -> NoReturn:
    """Raise ExpressionError with a sentence for the author; the error itself may quote a value, which may be secret."""
    raise ExpressionError(f"{quote(source)} cannot be evaluated: {_reason(error, variables)}") from None


def _reason(error: Exception, variables: Variables) -> str:
    if isinstance(error, _LimitError):
        return str(error)
    if isinstance(error, UndefinedError):
        name, _, rest = (error.message or "").removeprefix("'").partition("' is undefined")
        if rest == "" and name.isidentifier() and name not in variables:
            match = nearest(name, variables)
            return f"there is no variable `{name}`" + (f"; did you mean `{match}`?" if match else "")
        return "a part of a value that does not exist is asked for"
    if isinstance(error, ZeroDivisionError):
        return "a number is divided by zero"
    if isinstance(error, TypeError):
        return "the types of its values do not fit together; digits and other text become numbers with `| int`"
    return "a value in it is not what the expression needs"
