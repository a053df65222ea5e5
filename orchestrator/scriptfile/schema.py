"""The JSON Schema of the script format, for editors and other tools. Made from the models that `validate` uses.

The file that the package ships is `text()`; a test fails when it is out of date.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from orchestrator.scriptfile.document import SUPPORTED_VERSIONS
from orchestrator.scriptfile.models import (
    COMMANDS,
    CONTROLS,
    FAILURE_WORDS,
    FailureShape,
    OptionsShape,
    Shape,
    VariableShape,
)
from orchestrator.scriptfile.settings import SETTINGS
from orchestrator.scriptfile.written import ALIASES

_ONLY_FOR_GET_DTMF = {"save", "sensitive"}
_ONLY_FOR_PLAY = {"duration"}


def json_schema() -> dict[str, Any]:
    """Return the schema: both forms of a script. Order and templates are beyond a schema; `validate` checks them."""
    shapes: list[type[Shape]] = [*COMMANDS.values(), *CONTROLS.values(), OptionsShape, FailureShape, VariableShape]
    _, generated = models_json_schema([(shape, "validation") for shape in dict.fromkeys(shapes)])
    definitions: dict[str, Any] = generated["$defs"]
    options = definitions.pop(OptionsShape.__name__)["properties"]
    controls = _controls(definitions, options)
    definitions["ApiEntry"] = {"oneOf": [_api_entry(word) for word in _api_words()]}
    definitions["Entry"] = {"oneOf": [*(_command(word, options) for word in [*COMMANDS, *ALIASES]), *controls]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Call script",
        "description": "A script of call-orchestrator, or a list of commands in the call API's own form.",
        "oneOf": [_own_form(), _api_form()],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """Return the schema as the text of the shipped file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _own_form() -> dict[str, Any]:
    settings = {word: dict(setting.schema) for word, setting in SETTINGS.items()}
    variable = {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, _reference(VariableShape)]}
    return {
        "type": "object",
        "properties": {
            "version": {"enum": [*SUPPORTED_VERSIONS, *map(int, SUPPORTED_VERSIONS)]},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "variables": {"type": "object", "additionalProperties": variable},
            "settings": {"type": "object", "properties": settings, "additionalProperties": False},
            "commands": _list_of("Entry"),
        },
        "required": ["version", "commands"],
        "additionalProperties": False,
    }


def _api_form() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"commands": _list_of("ApiEntry")},
        "required": ["commands"],
        "additionalProperties": False,
    }


def _list_of(definition: str) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{definition}"}}


def _api_words() -> list[str]:
    return [word for word in [*COMMANDS, *ALIASES] if word != "sms"]


def _api_entry(word: str) -> dict[str, Any]:
    return _entry(word, {word: _parameters(word)})


def _command(word: str, options: dict[str, Any]) -> dict[str, Any]:
    kind = ALIASES.get(word, word)
    left_out = set[str]()
    if kind != "get_dtmf":
        left_out |= _ONLY_FOR_GET_DTMF
    if kind != "play":
        left_out |= _ONLY_FOR_PLAY
    if kind == "dial":
        left_out |= {"when"}
    properties = {word: _parameters(word)} | {name: each for name, each in options.items() if name not in left_out}
    if kind == "dial":
        properties["if_unknown"] = {"const": "stop"}
    else:
        properties["on_failure"] = {"anyOf": [{"enum": list(FAILURE_WORDS)}, _reference(FailureShape)]}
    return _entry(word, properties)


def _controls(definitions: dict[str, Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    beside = {name: options[name] for name in ("id", "when")}
    found = []
    for word, shape in CONTROLS.items():
        if word == "end":
            found.append(_entry(word, {word: {"anyOf": [{"type": "null"}, _reference(shape)]}} | beside))
            continue
        inside = definitions.pop(shape.__name__)
        found.append(_entry(word, inside["properties"] | beside, inside["required"]))
    return found


def _entry(word: str, properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required or [word],
        "additionalProperties": False,
    }


def _parameters(word: str) -> dict[str, Any]:
    shape = COMMANDS[ALIASES.get(word, word)]
    if not shape.model_fields:
        return {"anyOf": [{"type": "null"}, _reference(shape)]}
    return _reference(shape)


def _reference(shape: type[Shape]) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{shape.__name__}"}
