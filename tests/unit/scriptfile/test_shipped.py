"""What is shipped beside the code: sample scripts, the JSON Schema, the reference page; and what importing costs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orchestrator.core import script as core
from orchestrator.core.settings import Settings
from orchestrator.scriptfile import Script, bind_variables, json_schema, load_script, parse_script, unknown_variables
from orchestrator.scriptfile import schema as schema_module
from orchestrator.scriptfile.models import COMMANDS, CONTROLS, OptionsShape
from orchestrator.scriptfile.settings import SETTINGS

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((ROOT / "configs/scripts").iterdir())
PAGE = (ROOT / "docs/reference/script-format.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(yaml|json)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
GIVEN: dict[str, dict[str, core.Value]] = {
    "appointment-reminder": {"patient": "Ms. Rivera", "time": "3 pm on Monday"},
    "on-call-alert": {"service": "The gateway", "problem": "is down"},
}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_sample_script(path: Path) -> None:
    """Each sample loads without a warning, and every variable it reads has a value once its required ones are given."""
    script = load_script(path)
    bound = bind_variables(script, {"to": "+15555550123", **GIVEN.get(script.name, {})})

    assert script.name == path.stem
    assert script.warnings == ()
    assert unknown_variables(script, bound) == ()


def test_there_are_the_promised_samples() -> None:
    """A reminder with a menu, an alert with acknowledgement, a long announcement, a survey, and the API's own form."""
    assert [path.name for path in SCRIPTS] == [
        "api-form.json", "appointment-reminder.yaml", "long-announcement.yaml", "on-call-alert.yaml",
        "satisfaction-survey.yaml",
    ]  # fmt: skip


def test_the_long_announcement_is_long() -> None:
    """Its main path speaks for at least 90 seconds, in several texts."""
    script = load_script(ROOT / "configs/scripts/long-announcement.yaml")
    variables = bind_variables(script, {})
    said = [entry.element.text.render(variables) for entry in script.entries if isinstance(entry.element, core.Say)][
        :-1
    ]

    assert len(said) >= 5
    assert sum(len(text.split()) for text in said) / Settings().words_per_minute * 60 >= 90


def as_editors_read(text: str) -> Any:
    """Read a script as an editor with a JSON Schema does: with YAML's own types."""
    return yaml.safe_load(text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_samples_fit_the_schema(path: Path) -> None:
    """The schema accepts what the program accepts."""
    jsonschema.validate(as_editors_read(path.read_text(encoding="utf-8")), json_schema())


@pytest.mark.parametrize(
    "entry",
    [
        {"sayy": {"text": "a"}},
        {"say": {"text": "a"}, "hangup": {}},
        {"say": {"txt": "a"}},
        {"say": {"text": "a"}, "save": "b"},
        {"dial": {"to": "a", "from": "b"}, "if_unknown": "repeat"},
        {"switch": "a", "cases": {"b": "c"}},
        {"get_dtmf": {"commands": [{"hangup": {}}]}},
        {"get_dtmf": {"commands": [{}]}},
        {"goto": 5},
    ],
)
def test_the_schema_refuses(entry: dict[str, Any]) -> None:
    """The schema refuses what has the wrong shape."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "commands": [entry]}, json_schema())


def test_shipped_schema_is_current() -> None:
    """The shipped file is what the models give: write `schema.text()` to it when they change."""
    shipped = Path(schema_module.__file__).with_name("script.schema.json").read_text(encoding="utf-8")

    assert json.loads(shipped) == json_schema()
    assert shipped == schema_module.text()
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("block", BLOCKS, ids=[str(number) for number in range(len(BLOCKS))])
def test_the_reference_page_is_right(block: tuple[str, str]) -> None:
    """Every example of the page is a script without warnings."""
    assert parse_script(block[1], name=f"example.{block[0]}").warnings == ()


def test_the_reference_page_is_complete() -> None:
    """Every word of the format stands in the page."""
    words = {*COMMANDS, *CONTROLS, *OptionsShape.model_fields, *SETTINGS, "on_failure", "version", "variables"}
    words |= {field.alias or name for shape in COMMANDS.values() for name, field in shape.model_fields.items()}

    assert [word for word in sorted(words) if f"`{word}" not in PAGE] == []
    assert len(BLOCKS) >= 5


def test_import_is_cheap() -> None:
    """Importing the package, and the settings and values, loads neither pydantic nor PyYAML nor Jinja2."""
    code = (
        "import sys, orchestrator.scriptfile, orchestrator.scriptfile.settings; "
        "print([name for name in ('pydantic', 'yaml', 'jinja2', 'difflib', 'json') if name in sys.modules])"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it loads json
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=plain
    )

    assert result.stdout == "[]\n"


def test_the_library_class() -> None:
    """`Script.load` gives the library's class, with all fields of the core's."""
    script = Script.load(str(SCRIPTS[1]))

    assert type(script) is Script
    assert isinstance(script, core.Script)
    assert {field.name for field in fields(script)} == {field.name for field in fields(core.Script)}
    assert script == load_script(SCRIPTS[1])
