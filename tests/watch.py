"""The watch that no test leaves a secret where it must not be: a plugin of pytest that `tests/conftest.py` loads.

What commands print, what pytest captures and every file of a test's folders is searched for the secrets of
`tests/canary.py`; a test that leaves one there fails.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import canary


@pytest.fixture(scope="session", autouse=True)
def _watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search what tests take away from pytest's own capture, and in the end the folders that tests share."""
    communicate, readouterr = subprocess.Popen.communicate, pytest.CaptureFixture.readouterr

    def communicated(process: subprocess.Popen[Any], *arguments: Any, **named: Any) -> tuple[Any, Any]:
        written = communicate(process, *arguments, **named)
        for name, text in zip(("stdout", "stderr"), written, strict=True):
            canary.check(text, f"the {name} of {process.args!r}")
        return written

    def read(capture: pytest.CaptureFixture[Any]) -> Any:
        captured = readouterr(capture)
        for name, text in zip(("stdout", "stderr"), captured, strict=True):
            canary.check(text, f"the captured {name}")
        return captured

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", communicated)
        patch.setattr(pytest.CaptureFixture, "readouterr", read)
        yield
    assert canary.files_with_secrets(tmp_path_factory.getbasetemp(), but=_searched) == []


_searched: set[Path] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test at its end that left a secret in what was captured or in its folder."""
    report = yield
    if call.when != "teardown" or report.failed:
        return report
    found = [f"{name}: {secret}" for name, text in report.sections for secret in sorted(canary.secrets_in(text))]
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None:
        found += canary.files_with_secrets(folder)
        _searched.add(folder)
    if found:
        report.outcome = "failed"
        report.longrepr = "\n".join(["secrets were left behind:", *found])
    return report
