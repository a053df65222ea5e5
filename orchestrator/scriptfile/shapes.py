"""Validating a mapping against a model, with complaints in our words at the right place.

It knows the models' types of errors, not what the models mean. `entries` and `document` call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.scriptfile.models import Reading
from orchestrator.scriptfile.source import Complaints
from orchestrator.scriptfile.templates import TemplateProblemError
from orchestrator.scriptfile.tree import ListNode, MapNode, Node, Scalar, plain
from orchestrator.scriptfile.words import listing, quote, suggestion

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Named:
    """A value with the name it goes by in messages, and where that name stands."""

    name: str
    at: int
    value: Node


def validate(model: type[Model], named: Named, complaints: Complaints, reading: Reading) -> Model | None:
    """Return the value in the model's types; or complain about all that is wrong with it and return None."""
    try:
        return model.model_validate(plain(named.value), context=reading)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            _complain(model, named, detail, complaints)
        return None


def _complain(model: type[BaseModel], named: Named, detail: ErrorDetails, complaints: Complaints) -> None:
    path = [part for part in detail["loc"] if part != "[key]"]
    found = _walk(named, path)
    match detail["type"]:
        case "extra_forbidden":
            valid = _names(model, path[:-1])
            what = f"{quote(found.name)} does not belong in `{_walk(named, path[:-1]).name}`"
            complaints.add(found.at, what + (suggestion(found.name, valid) if valid else ""))
        case "missing":
            complaints.add(found.at, f"`{found.name}` needs {listing([str(path[-1])])}")
        case "value_error":
            complaints.add(*_bad_value(found, detail["ctx"]["error"], complaints))
        case "too_short":
            complaints.add(found.value.start, f"`{found.name}` must not be empty")
        case "list_type":
            complaints.add(found.value.start, f"`{found.name}` must be a list")
        case _:
            empty = isinstance(found.value, Scalar) and not found.value.text
            form = f"write `{found.name}: {{…}}`" if _names(model, path) else f"write `{found.name}: {{}}`"
            shown = "nothing" if empty else "a list" if isinstance(found.value, ListNode) else "a single value"
            at = found.at if empty else found.value.start
            complaints.add(at, f"`{found.name}` must be a mapping, not {shown}; {form}")


def _bad_value(found: Named, error: Any, complaints: Complaints) -> tuple[int, str]:
    """Return where and what: a mistake in a block of lines is placed on its own line."""
    at = found.value.start
    source = complaints.source
    empty = isinstance(found.value, Scalar) and found.value.start == found.value.end
    if isinstance(error, TemplateProblemError) and error.line >= 1 and source.text[at : at + 1] == "|":
        line = source.place(at).line + error.line
        start = source.line_starts[min(line, len(source.line_starts)) - 1]
        rest = source.text[start:]
        at = start + len(rest) - len(rest.lstrip(" "))
    return (found.at if empty else at), f"`{found.name}` {error}"


def _walk(named: Named, path: list[Any]) -> Named:
    """Follow a path as far as the file goes along with it."""
    for part in path:
        value = named.value
        if isinstance(part, int) and isinstance(value, ListNode):
            named = Named(named.name, value.items[part].start, value.items[part])
        elif isinstance(value, MapNode) and (pair := value.find(str(part))) is not None:
            named = Named(pair.key.text, pair.key.start, pair.value)
        else:
            break
    return named


def _names(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Return the names that are valid where a path ends (or in the mapping that holds it)."""
    from orchestrator.scriptfile.models import PlayShape, PromptShape, SayShape

    inner: dict[str, type[BaseModel]] = {"commands": PromptShape, "say": SayShape, "play": PlayShape}
    for part in path:
        model = inner.get(str(part), model)
    return [field.alias or name for name, field in model.model_fields.items()]
