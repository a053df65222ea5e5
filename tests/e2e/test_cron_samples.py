"""The samples for cron and systemd can be read by those they are for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[2] / "configs"
CRONTAB = CONFIGS / "cron" / "crontab"
UNITS = CONFIGS / "systemd"
PROGRAM = "/usr/local/bin/orchestrator"
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
EACH_MINUTE = ("*", "*", "*", "*", "*")


def lines() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the five fields and the command of each line that is neither a comment nor a variable."""
    for line in CRONTAB.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#") and not re.match(r"[A-Z_]+=", line):
            *fields, command = line.split(maxsplit=5)
            yield tuple(fields), command


def numbers_of(field: str) -> list[int]:
    """Return every number that a field such as `*/15` or `1-6,9` holds."""
    return [int(number) for number in re.findall(r"\d+", field)]


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Return a unit file: section, key, values."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def test_each_line_of_the_crontab_has_five_fields_and_a_command_of_ours() -> None:
    """The daemon would run every line, at times that exist, as it is written (a bare `%` would end it)."""
    for fields, command in lines():
        for field, (least, most) in zip(fields, FIELDS, strict=True):
            assert re.fullmatch(r"(\*|\d+(-\d+)?)(/\d+)?(,(\*|\d+(-\d+)?)(/\d+)?)*", field)
            assert all(least <= number <= most for number in numbers_of(field))
        assert shlex.split(command)[0] == "orchestrator"
        assert "%" not in command


def test_interrupted_calls_are_looked_after_each_minute() -> None:
    """A call whose process died is carried on with, or ended, within a minute."""
    assert {shlex.split(command)[1] for fields, command in lines() if fields == EACH_MINUTE} == {"resume", "reap"}


def test_the_samples_name_campaigns_that_are_shipped() -> None:
    """A path of a campaign in the crontab ends in the name of a sample."""
    named = re.findall(r"campaigns/([\w-]+\.yaml)", CRONTAB.read_text(encoding="utf-8"))
    assert named
    assert all((CONFIGS / "campaigns" / name).is_file() for name in named)


@pytest.mark.parametrize("line", [command for fields, command in lines() if fields == EACH_MINUTE])
def test_what_each_minute_runs_is_silent_where_there_is_nothing_to_do(line: str, tmp_path: Path) -> None:
    """In the bare environment of cron, with a journal of no runs, nothing is printed, so that no mail is sent."""
    program = tmp_path / "orchestrator"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m orchestrator "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    found = subprocess.run(
        ["/bin/sh", "-c", line],
        env={"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_killed_tick_starts_again_at_once_and_ordinary_ends_are_no_failures() -> None:
    """What was killed is started within a second; an ordinary end, and what a start cannot mend, is not."""
    service = unit("orchestrator-batch@.service")["Service"]
    assert service["Restart"] == ["on-failure"]
    assert service["RestartSec"] == ["500ms"]
    assert service["SuccessExitStatus"] == ["1 75"]
    assert {"2", "65", "78"} <= set(service["RestartPreventExitStatus"][0].split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.iterdir()))
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about them, once the program is where they look for it."""
    program = tmp_path / "orchestrator"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace(PROGRAM, str(program))
        (folder / path.name).write_text(text, encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / name.replace("@.", "@example."))],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in found.stderr.splitlines() if "orchestrator" in line]
    assert (found.returncode, said) == (0, [])
