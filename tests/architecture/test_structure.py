"""The shape of the code base, held by tests: layers, single importers, sizes, style, types (rules, sections 3, 9)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "orchestrator"
BIN = Path(sys.executable).parent


def modules() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def imported_by(module: Path) -> set[str]:
    """Return the top-level names of everything a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
    ],
    ids=lambda command: command[0] + "-" + command[1].strip("-") if len(command) > 1 else command[0],
)
def test_the_tools_have_no_complaint(command: list[str]) -> None:
    """Style, format, strict types and import contracts hold."""
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("requests", "adapters/transport/"),
        ("urllib3", "adapters/transport/"),
        ("tenacity", "runtime/retry.py"),
        ("sqlalchemy", "adapters/journal/"),
        ("sqlite3", "adapters/journal/"),
        ("structlog", "adapters/logs.py"),
        ("phonenumbers", ("adapters/numbers.py", "adapters/zones.py", "adapters/e164.py")),
        ("holidays", "adapters/calendars.py"),
        ("click", ("cli/", "sandbox/", "__main__.py")),
        ("starlette", ("sandbox/", "probe/server.py", "adapters/events/")),
        ("uvicorn", ("sandbox/", "probe/server.py", "adapters/events/server.py")),
    ],
)
def test_each_library_has_one_home(library: str, home: str | tuple[str, ...]) -> None:
    """A foreign library is imported in one place only, so that replacing it touches one place only."""
    importers = [str(module.relative_to(PACKAGE)) for module in modules() if library in imported_by(module)]
    assert importers, f"nothing imports {library} any more: take it out of setup.cfg and of this list"
    assert [importer for importer in importers if not importer.startswith(home)] == []


def test_only_the_clock_sleeps() -> None:
    """No module but the clock adapter waits by itself."""
    sleepers = [
        str(module.relative_to(PACKAGE))
        for module in modules()
        if "time.sleep" in module.read_text(encoding="utf-8") and "sandbox" not in module.parts
    ]
    assert sleepers == []


def test_functions_are_short() -> None:
    """95 % of the functions are under 50 lines."""
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules()
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert sum(length < 50 for length in lengths) / len(lengths) >= 0.95
