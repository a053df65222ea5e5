"""Text → `core.script.Script`, with file:line:column in every complaint (rules, section 5).

The public face of the package. It imports nothing heavy: pydantic, PyYAML and Jinja2 load with the first script.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.scriptfile.script import Script

if TYPE_CHECKING:
    from orchestrator.core import script as core
    from orchestrator.core.script import Value
    from orchestrator.errors import Problem

__all__ = ["Script", "bind_variables", "json_schema", "load_script", "never_given", "parse_script", "unknown_variables"]


def load_script(path: str | os.PathLike[str]) -> Script:
    """Return the script in a YAML or JSON file. Raises ScriptError with every problem of the file."""
    return Script.load(path)


def parse_script(text: str, *, name: str = "<text>", path: str | None = None) -> Script:
    """Return the script in a text that goes by `name`. Raises ScriptError with every problem of the text."""
    return Script.parse(text, name=name, path=path)


def bind_variables(script: core.Script, given: Mapping[str, Value]) -> dict[str, Value]:
    """Type given values by the script's declarations and fill in defaults. Raises ScriptError with every problem."""
    from orchestrator.scriptfile import variables

    return variables.bind_variables(script, given)


def never_given(script: core.Script) -> tuple[Problem, ...]:
    """Return a problem for each variable that nobody can give a script which answers calls."""
    from orchestrator.scriptfile import variables

    return variables.never_given(script)


def unknown_variables(script: core.Script, known: Collection[str], *, can_be_given: bool = True) -> tuple[Problem, ...]:
    """Return a problem for each variable the script reads that is neither in `known` nor saved by the script."""
    from orchestrator.scriptfile import variables

    return variables.unknown_variables(script, known, can_be_given=can_be_given)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the format; the package ships it as `scriptfile/script.schema.json`."""
    from orchestrator.scriptfile import schema

    return schema.json_schema()
