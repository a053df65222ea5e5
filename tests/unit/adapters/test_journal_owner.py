"""Whose lease it is, and whether it still counts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from orchestrator.adapters.journal import owner as module
from orchestrator.adapters.journal.owner import Owner, Tenure, is_live, owner_of
from orchestrator.core.instant import Instant

NOW = Instant(1_000.0, 100.0, "boot")
HERE = owner_of(os.getpid())


def tenure(owner: Owner = HERE, *, ends: Instant | None = None) -> Tenure:
    return Tenure(owner=owner, ends=ends or NOW.plus(10))


def test_no_lease_is_not_live() -> None:
    """Nobody holds what nobody took."""
    assert not is_live(None, now=NOW, here=HERE)


@pytest.mark.parametrize(("left_s", "live"), [(0.001, True), (0.0, False), (-1.0, False)])
def test_a_lease_lasts_to_its_end_by_the_boot_clock(left_s: float, live: bool) -> None:
    """Both sides of the edge; the date does not matter within a boot."""
    ends = replace(NOW.plus(left_s), wall=0.0)
    assert is_live(tenure(ends=ends), now=NOW, here=HERE) is live


def test_a_lease_of_an_earlier_boot_of_this_host_is_free() -> None:
    """No process outlives its boot."""
    ends = replace(NOW.plus(10), boot_id="earlier")
    assert not is_live(tenure(ends=ends), now=NOW, here=HERE)


@pytest.mark.parametrize(("left_s", "live"), [(1.0, True), (0.0, False)])
def test_a_lease_of_another_host_ends_by_its_date(left_s: float, live: bool) -> None:
    """Neither its boot nor its processes can be judged from here."""
    ends = replace(NOW.plus(left_s), boot_id="elsewhere")
    assert is_live(tenure(replace(HERE, machine="elsewhere", pid=2**22 + 1), ends=ends), now=NOW, here=HERE) is live


def test_a_process_of_another_pid_space_is_not_judged() -> None:
    """The same number may be another process in another container."""
    assert is_live(tenure(replace(HERE, pid_space="pid:[1]", pid=2**22 + 1)), now=NOW, here=HERE)


def test_a_process_that_is_gone_holds_nothing() -> None:
    """A number that no process has is free at once."""
    assert not is_live(tenure(replace(HERE, pid=2**22 + 1)), now=NOW, here=HERE)


def test_a_later_process_of_the_same_number_is_another() -> None:
    """A number that was used again is told apart by its start."""
    assert HERE.pid_start is not None
    assert not is_live(tenure(replace(HERE, pid_start=HERE.pid_start - 1)), now=NOW, here=HERE)


def test_a_start_that_is_not_known_proves_nothing() -> None:
    """Where the platform tells no start time, a number that is in use counts."""
    assert is_live(tenure(replace(HERE, pid_start=None)), now=NOW, here=HERE)


def test_a_dead_process_that_nobody_reaped_holds_nothing() -> None:
    """A zombie still has its number and its start, but drives nothing."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        owner = owner_of(child.pid)
        assert is_live(tenure(owner), now=NOW, here=HERE)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_live(tenure(owner), now=NOW, here=HERE)


def test_another_users_process_is_there() -> None:
    """A process that may not be signalled is alive."""
    first = owner_of(1)
    uids = os.getresuid()
    if uids[0] == 0:
        os.setresuid(65534, 65534, 0)
    try:
        assert is_live(tenure(first), now=NOW, here=HERE)
    finally:
        os.setresuid(*uids)


def test_a_platform_that_cannot_ask_keeps_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asking for a process would end it, only time frees its lease."""
    monkeypatch.setattr(module, "_CAN_ASK", False)
    assert is_live(tenure(replace(HERE, pid=2**22 + 1)), now=NOW, here=HERE)


def test_an_owner_is_shown_as_host_and_process() -> None:
    """People see where to look."""
    assert str(replace(HERE, host="crane", pid=12)) == "crane:12"


def test_a_platform_without_proc_shows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without machine id, process table and namespaces, the host's name and the number must do."""
    monkeypatch.setattr(module, "_MACHINE_ID", "/nowhere/machine-id")
    monkeypatch.setattr(module, "_PROCESSES", "/nowhere")
    owner = owner_of(os.getpid())
    assert owner == replace(HERE, machine=owner.host, pid_space="", pid_start=None)
    assert is_live(tenure(owner), now=NOW, here=owner)
