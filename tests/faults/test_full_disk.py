"""A file system of 64 KiB, really full: a clear error, nothing sent, nothing lost; with more space it goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli, SandboxProcess, cli_for
from tests.faults.conftest import mounted

TO = "+12125550123"
KIB = 1024
SENTENCES = [f"This is sentence number {number}, which takes a moment to be said." for number in range(1, 31)]
SCRIPT = """
version: 1
name: thirty
settings: {settle_heard: 300ms, dial_expire: 2s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
""" + "".join(f'  - say: {{text: "{sentence}"}}\n' for sentence in SENTENCES)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, with nothing on it."""
    folder = tmp_path / "small"
    folder.mkdir()
    assert mounted(folder, "size=64k")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def cli(sandbox: SandboxProcess, tmp_path: Path, small_disk: Path) -> Cli:
    """The command line, with its journal on the small disk."""
    cli = cli_for(tmp_path, sandbox.url)
    cli.environment["ORCHESTRATOR_JOURNAL"] = str(small_disk / "journal.db")
    cli.write("thirty.yaml", SCRIPT)
    return cli


def grow(small_disk: Path, size: str) -> None:
    """Give the disk more space."""
    assert mounted(small_disk, f"remount,size={size}")


def fill(small_disk: Path, *, but_bytes: int) -> Path:
    """Leave so much space."""
    filler = small_disk / "filler"
    found = os.statvfs(small_disk)
    filler.write_bytes(bytes(found.f_bavail * found.f_bsize - but_bytes))
    return filler


def heard(sandbox: SandboxProcess) -> list[str]:
    """The sentences that were said, in order."""
    return [entry["text"] for entry in sandbox.transcript(event="ran", command="say")]


def test_no_journal_is_made_where_none_fits(cli: Cli, sandbox: SandboxProcess, small_disk: Path) -> None:
    """Exit code 73 before anything is sent, and nothing is left behind; with more space the same command calls."""
    run = ("run", "thirty.yaml", "--to", TO)
    done = cli(*run)
    assert done.returncode == 73, done.stderr
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.transcript() == []
    assert list(small_disk.iterdir()) == []
    grow(small_disk, "8m")
    assert cli(*run).returncode == 0
    assert heard(sandbox) == SENTENCES


@pytest.mark.parametrize(("left_kib", "calls"), [(64, False), (256, True)])
def test_a_journal_that_cannot_grow(
    cli: Cli, sandbox: SandboxProcess, small_disk: Path, left_kib: int, *, calls: bool
) -> None:
    """Whatever was acknowledged is there, whatever was sent is in the journal, and nobody is left on the line."""
    grow(small_disk, "8m")
    assert cli("reap").returncode == 0
    filler = fill(small_disk, but_bytes=left_kib * KIB)
    done = cli("run", "thirty.yaml", "--to", TO)
    assert done.returncode == 73, done.stderr
    assert "Traceback" not in done.stderr
    assert "the disk is full" in done.stderr or "disk, its quota or a file-size limit failed" in done.stderr
    said = heard(sandbox)
    rung = sandbox.rung()
    assert rung == [TO] * calls
    assert len(sandbox.transcript(event="hangup")) == len(rung)
    filler.unlink()
    assert cli("journal", "check").returncode == 0
    assert cli("resume", "--all").returncode == (1 if calls else 0)
    if not calls:
        assert cli.json("runs") == []
        return
    (run,) = cli.json("runs")
    document = cli.json("show", run["run_id"])
    assert document["status"] == "failed"
    assert len([step for step in document["steps"] if step["commands"] == ["say"]]) >= len(said) > 0
    assert heard(sandbox) == said == SENTENCES[: len(said)]
    assert sandbox.rung() == rung
