"""Do-not-call lists and the command: whatever is not known for sure means that nobody is called."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters.donotcall import DoNotCall
from orchestrator.errors import ConfigurationError

NUMBER = "+15555550123"
OTHER = "+15555550199"


def listed(folder: Path, text: str | bytes, *, region: str | None = "US") -> DoNotCall:
    path = folder / "dnc.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return DoNotCall([str(path)], (), region)


def asked(*command: str, timeout_s: float = 30.0) -> str | None:
    return DoNotCall((), command, None, timeout_s=timeout_s).reason(NUMBER)


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


# --- files ---


@pytest.mark.parametrize(
    "text",
    [
        "+15555550123",
        "+1 (555) 555-0123  # asked on 3 May\n",
        "555-555-0123\n",
        "# a comment\n\n  555.555.0123\r\n",
        "\ufeff+15555550123\n",
        "phone,name\n+15555550123,Ann\n",
        '"name";"x"\n"+15555550123";"Doe, Ann"\n',
        "tel:+15555550123\tAnn\n",
        '"=""+15555550123"""\n',
        "+15555550199\n+15555550123\n+15555550100\n",
        b"+15555550123,M\xfcller\n",
    ],
)
def test_a_number_is_found_in_any_usual_writing(tmp_path: Path, text: str | bytes) -> None:
    """One a line, or in the first column, with comments, a header, a byte-order mark, or names in another encoding."""
    lists = listed(tmp_path, text)
    lists.check()
    assert lists.reason(NUMBER) == "it is on the do-not-call list dnc.txt"
    assert lists.reason("+442079460123") is None


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "phone\n", "+15555550199\n"])
def test_who_is_not_listed_may_be_called(tmp_path: Path, text: str) -> None:
    """An empty list lists nobody."""
    assert listed(tmp_path, text).reason(NUMBER) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("+15555550199\nAnn Smith\n", "dnc.txt:2:1: the number is no phone number: it holds letters"),
        ("+1555555E\n", "dnc.txt:1:1: "),
        ("phone\nname\n", "dnc.txt:2:1: "),
        ("1.5555550123E+10\n", "dnc.txt:1:1: the number was damaged by a spreadsheet"),
        ("+15555550199\n".encode("utf-16"), "dnc.txt:1:1: "),
    ],
)
def test_a_line_that_is_no_number_stops_all_calls(tmp_path: Path, text: str | bytes, place: str) -> None:
    """It may be anybody's number, so nobody is called until the line is mended; a check finds it beforehand."""
    lists = listed(tmp_path, text)
    reason = lists.reason(OTHER)
    assert reason is not None
    assert place in reason
    with pytest.raises(ConfigurationError, match=r"dnc\.txt:\d:1: "):
        lists.check()


def test_a_national_number_without_a_region_stops_all_calls(tmp_path: Path) -> None:
    """Whose number it is cannot be told."""
    assert "no country code" in (listed(tmp_path, "0555 555 0123\n", region=None).reason(OTHER) or "")


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """Who is added while a batch goes on is not called any more, and who is taken out is."""
    path = tmp_path / "dnc.txt"
    lists = listed(tmp_path, "+15555550199\n")
    assert lists.reason(NUMBER) is None
    path.write_text("+15555550123\n", encoding="utf-8")  # of the same size
    assert lists.reason(NUMBER) is not None
    replacement = tmp_path / "new"
    replacement.write_text("+15555550199\n", encoding="utf-8")
    replacement.rename(path)
    assert lists.reason(NUMBER) is None


def test_a_change_that_keeps_size_and_date_is_seen(tmp_path: Path) -> None:
    """Programs that copy files keep their dates."""
    path = tmp_path / "dnc.txt"
    lists = listed(tmp_path, "+15555550199\n")
    assert lists.reason(NUMBER) is None
    before = path.stat()
    path.write_text("+15555550123\n", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lists.reason(NUMBER) is not None


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking before each dial of a long list costs next to nothing."""
    lists = listed(tmp_path, "+15555550199\n")
    lists.check()
    monkeypatch.setattr(Path, "open", lambda *_arguments, **_more: pytest.fail("read again"))
    assert lists.reason(NUMBER) is None


@pytest.mark.parametrize("what", ["gone", "a folder", "a link to itself"])
def test_a_file_that_cannot_be_read_stops_all_calls(tmp_path: Path, what: str) -> None:
    """That a number is not found in a list that is not there means nothing."""
    path = tmp_path / "dnc.txt"
    lists = listed(tmp_path, "+15555550199\n")
    assert lists.reason(NUMBER) is None
    path.unlink()
    if what == "a folder":
        path.mkdir()
    elif what == "a link to itself":
        path.symlink_to(path)
    reason = lists.reason(NUMBER)
    assert reason is not None
    assert reason.startswith("nobody is called while a do-not-call list cannot be used: ")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        lists.check()
    if what == "gone":
        path.write_text("", encoding="utf-8")
        assert lists.reason(NUMBER) is None


def test_a_file_that_changes_all_the_time_stops_all_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a list is none."""
    lists = listed(tmp_path, "+15555550199\n")
    genuine: Callable[..., os.stat_result] = Path.stat

    def grown(path: Path, **more: bool) -> os.stat_result:
        with path.open("a", encoding="utf-8") as stream:
            stream.write("\n")
        return genuine(path, **more)

    monkeypatch.setattr(Path, "stat", grown)
    assert "changes all the time" in (lists.reason(NUMBER) or "")


def test_all_files_count(tmp_path: Path) -> None:
    """A number is not called if any list has it, and a check names every list that is wrong."""
    paths = [tmp_path / name for name in ("a.txt", "b.txt")]
    paths[0].write_text("+15555550199\n", encoding="utf-8")
    paths[1].write_text("+15555550123\n", encoding="utf-8")
    lists = DoNotCall(list(map(str, paths)), (), None)
    assert lists.reason(NUMBER) == "it is on the do-not-call list b.txt"
    for path in paths:
        path.write_text("+1", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        lists.check()
    assert len(str(raised.value).splitlines()) == 2


def test_threads_may_ask_while_a_file_changes(tmp_path: Path) -> None:
    """Nobody who is listed before and after a change is called in between."""
    path = tmp_path / "dnc.txt"
    lists = listed(tmp_path, "+15555550123\n")
    allowed: list[int] = []
    begin = threading.Barrier(4)

    def ask() -> None:
        begin.wait(30)
        allowed.extend(turn for turn in range(200) if lists.reason(NUMBER) is None)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    begin.wait(30)
    for turn in range(20):
        replacement = tmp_path / "new"
        replacement.write_text("+15555550123\n" + "#\n" * turn, encoding="utf-8")
        replacement.rename(path)
    for thread in threads:
        thread.join(60)
    assert allowed == []


# --- the command ---


def test_the_command_gets_the_number_and_says_yes(tmp_path: Path) -> None:
    """Exit 0 is a yes; the number is its last argument, whatever a shell would make of the others."""
    seen = tmp_path / "seen"
    code = f"import sys, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(sys.argv[1:]))"
    assert asked(*python(code), "$HOME; *") is None
    assert seen.read_text(encoding="utf-8") == repr(["$HOME; *", NUMBER])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(1)", "forbids it"),
        ("raise SystemExit(2)", "failed (exit 2; 0 and 1 are answers)"),
        ("import os; os.kill(os.getpid(), 9)", "failed (exit -9; 0 and 1 are answers)"),
    ],
)
def test_anything_but_a_yes_means_no(code: str, expected: str) -> None:
    """Exit 1 is a no; everything else is trouble, and a no as well."""
    assert (asked(*python(code)) or "").endswith(expected)


@pytest.mark.parametrize("command", ["/nowhere/hook", "a\0b", "."])
def test_a_command_that_cannot_be_run_means_no(command: str) -> None:
    """The reason says that it cannot be run."""
    assert "cannot be run" in (asked(command) or "")


def test_a_command_that_takes_too_long_means_no_and_is_ended_with_its_children(tmp_path: Path) -> None:
    """Nothing of a hook that hangs is left behind: nobody holds the pipe any more that it gave to its child."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        hook = f"exec 3>{pipe}; tail -f /dev/null & echo started >&3; wait"
        reason = asked("/bin/sh", "-c", hook, timeout_s=1.0)
        assert reason == "the do-not-call command `sh` gave no answer in 1 s"
        os.set_blocking(reads, True)
        with os.fdopen(reads, "rb", closefd=False) as stream:
            assert stream.read() == b"started\n"
    finally:
        os.close(reads)


def test_a_command_that_takes_too_long_is_ended_where_there_are_no_process_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows has none; there the command alone is ended."""
    monkeypatch.delattr(os, "killpg")
    assert (asked("tail", "-f", "/dev/null", timeout_s=0.1) or "").endswith("gave no answer in 0.1 s")


def test_the_command_sees_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, passwords and signing secrets are nobody else's business; the rest of the environment is passed on."""
    for name in ("API_KEY", "API_PASSWORD", "SIGNING_SECRETS"):
        monkeypatch.setenv(f"ORCHESTRATOR_{name}", "secret")
    monkeypatch.setenv("CRM_TOKEN", "theirs")
    code = (
        "import os; assert 'CRM_TOKEN' in os.environ; "
        "raise SystemExit(any(name.startswith('ORCHESTRATOR_') for name in os.environ))"
    )
    assert asked(*python(code)) is None


def test_the_command_is_not_asked_about_who_is_listed(tmp_path: Path) -> None:
    """A list is the quicker answer, and nobody is named to others without need."""
    path = tmp_path / "dnc.txt"
    path.write_text(NUMBER, encoding="utf-8")
    lists = DoNotCall([str(path)], ("/nowhere/hook",), None)
    assert lists.reason(NUMBER) == "it is on the do-not-call list dnc.txt"
