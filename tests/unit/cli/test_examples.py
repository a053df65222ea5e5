"""The examples that are shipped: what they teach must be good practice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.script import Goto, Switch
from orchestrator.scriptfile import load_script, parse_script

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    *(pytest.param(load_script(path), id=path.name) for path in sorted((ROOT / "configs" / "scripts").iterdir())),
    *(
        pytest.param(parse_script(text, name=page.name), id=f"{page.name}-{number}")
        for page in PAGES
        for number, text in enumerate(re.findall(r"```yaml\n(version: 1\n.*?)```", page.read_text("utf-8"), re.DOTALL))
        if "\n  - dial:" in text
    ),
]


@pytest.mark.parametrize("script", EXAMPLES)
def test_no_example_leads_a_wrong_answer_round_in_a_circle(script) -> None:
    """A circle ends at max_visits without a word to the callee: every jump leads forward."""
    for index, entry in enumerate(script.entries):
        element = entry.element
        labels = [element.label] if isinstance(element, Goto) else []
        labels += [*element.cases.values(), element.otherwise] if isinstance(element, Switch) else []
        assert all(script.index_of(label) > index for label in labels), entry.written


def test_the_citations_lead_somewhere() -> None:
    """Every section that a comment cites is a heading of the rules, or of the contract."""
    rules = (ROOT / "docs" / "explanation" / "rules.md").read_text("utf-8")
    contract = (ROOT / "docs" / "reference" / "call-api.md").read_text("utf-8")
    cited = {"rules,": set(), "contract": set()}
    for path in sorted((ROOT / "orchestrator").rglob("*.py")):
        for which, numbers in re.findall(
            r"(rules,|contract) sections? ((?:[\d.]*\d)(?:(?:, | and | to )[\d.]*\d)*)", path.read_text("utf-8")
        ):
            cited[which].update(re.findall(r"[\d.]*\d", numbers))
    assert cited["contract"] <= set(re.findall(r"^## (\d+)\. ", contract, re.MULTILINE))
    assert cited["rules,"] <= set(re.findall(r"^##+ (\d+(?:\.\d+)?)\.? ", rules, re.MULTILINE))
