"""What the tests behind real intermediaries share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.network import proxies

TRUTH_HEAD = """# What is concluded, and what is true

Each row is one real call: a fault of the network, of a proxy or of a process hit one step of it. Beside what the client
concluded of each sending of that step (its outcome, and the verdict on an unknown one) stands what the server wrote
down. This page is made by `make truth`.
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a network namespace where the machine does not allow one, as containers often do not."""
    needing = [item for item in items if item.get_closest_marker("namespace") is not None]
    if needing and not proxies.namespaces_are_allowed():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def hold_url() -> Iterator[str]:
    """A hold server on loopback."""
    with proxies.hold_server() as url:
        yield url


@pytest.fixture
def hold_port(hold_url: str) -> int:
    """Its port."""
    return urlsplit(hold_url).port or 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what was concluded beside what happened into the file that TRUTH_TABLE names (`make truth`)."""
    file = os.environ.get("TRUTH_TABLE")
    if not file:
        return
    told = [each.user_properties for each in terminalreporter.stats.get("passed", []) if each.when == "call"]
    rows = [value for properties in told for name, value in properties if name == "truth"]
    heads = ["way", "fault", "step that is hit", "what the client concluded", "seen by the server", "begun"]
    lines = [heads, ["---"] * len(heads), *sorted(rows)]
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    Path(file).write_text(f"{TRUTH_HEAD}\n{text}\n", encoding="utf-8")
