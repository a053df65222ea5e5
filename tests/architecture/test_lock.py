"""The lock files that CI installs from: whole, by hash, what setup.cfg asks for; and what `make audit` says of them."""

from __future__ import annotations

import configparser
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def locked(lock: Path) -> dict[str, str]:
    """Return name → version of what a lock file pins."""
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_is_pinned_by_its_hashes(lock: Path) -> None:
    """Each entry is `name==version`, perhaps for some machines only, and hashes; where to get it from is not said."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    entry = re.compile(r"[a-z0-9][a-z0-9._-]*==[\w.+!]+( ; [\w .'<>=!()-]+)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert [line for line in text.splitlines() if not entry.fullmatch(line.strip())] == []
    assert len(locked(lock)) > 10


def test_what_is_asked_for_is_locked() -> None:
    """Each dependency of setup.cfg, extras included, is locked in a release that it allows: the lock is not stale."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    asked = [setup["options"]["install_requires"], *setup["options.extras_require"].values(), "setuptools>=68"]
    wanted = [Requirement(line) for text in asked for line in text.split("\n") if line.strip()]
    wanted = [each for each in wanted if each.name != setup["metadata"]["name"]]
    pins = locked(ROOT / "requirements" / "test.lock")
    unmet = [str(each) for each in wanted if not each.specifier.contains(pins.get(canonicalize_name(each.name), "0"))]
    assert unmet == []
    assert len(wanted) > 20


CLEAN = {"name": "one", "version": "1", "vulns": []}
SKIPPED = {"name": "two", "skip_reason": "unknown"}
BAD = {"name": "three", "version": "3", "vulns": [{"id": "ID-1", "fix_versions": ["3.1"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([CLEAN, SKIPPED], 0, "two was not audited: unknown\naudit: 1 packages have no known vulnerability\n"),
        ([CLEAN, BAD], 1, "three 3: ID-1, fixed in 3.1\n"),
        ([SKIPPED], 0, "cannot be reached, or knows none of the packages\naudit: nothing was audited\n"),
        (None, 0, "cannot be reached, or knows none of the packages\naudit: nothing was audited\n"),
    ],
    ids=["clean", "vulnerable", "unknown", "unreachable"],
)
def test_the_audit_fails_for_a_vulnerability_only(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    packages: list[object] | None,
    code: int,
    told: str,
) -> None:
    """A service that does not answer is told, never taken for a clean bill, and does not fail the build."""

    def answered(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        is_dry = "--dry-run" in command
        output = "" if is_dry or packages is None else json.dumps({"dependencies": packages})
        return subprocess.CompletedProcess(command, 0 if is_dry else 1, output, "")

    main: Callable[[list[str]], int] = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["main"]
    monkeypatch.setattr(subprocess, "run", answered)
    assert main(["a.lock"]) == code
    output, errors = capfd.readouterr()
    assert (errors + output).endswith(told)


def test_a_lock_that_cannot_be_read_fails_the_audit(tmp_path: Path) -> None:
    """What goes wrong before a service is asked is not taken for a service that does not answer."""
    command = [sys.executable, ROOT / ".ci" / "audit.py", tmp_path / "missing.lock"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "missing.lock: " in done.stderr
