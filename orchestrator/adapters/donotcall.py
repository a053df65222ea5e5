"""Who must not be called: files of numbers, and a command that is asked about each number.

The batch asks right before each dial, from any thread. Whatever cannot be read, understood or run means that a number
is not called: this module never takes "not known" for "not listed". It knows neither contacts nor campaigns.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.e164 import to_e164
from orchestrator.core.contact import BadNumberError
from orchestrator.errors import ConfigurationError

COMMAND_TIMEOUT_S = 10.0

_MAY_BE_CALLED, _MUST_NOT = 0, 1
_SECRETS = frozenset({"ORCHESTRATOR_API_KEY", "ORCHESTRATOR_API_PASSWORD", "ORCHESTRATOR_SIGNING_SECRETS"})
_READINGS = 3
_SEPARATORS = ",;\t|"


class DoNotCall:
    """The do-not-call lists and the command of one campaign.

    Args:
        files: Paths. A file holds one number a line, in any usual writing, or is a CSV file with the number in its
            first column, with or without a header; `#` begins a comment.
        command: A program and its arguments; the number is added, in E.164. It ends with 0 if the number may be called
            and with 1 if it must not; anything else is trouble, and the number is not called either. Nothing of
            what it prints is read, and no shell is involved. Empty for none.
        region: The country whose people would dial the numbers in the files as they are written; None for none.
        timeout_s: How long the command may take.
    """

    def __init__(
        self,
        files: Sequence[str],
        command: Sequence[str],
        region: str | None,
        *,
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        self._lists = tuple(_List(Path(file), region) for file in files)
        self._command = tuple(command)
        self._timeout_s = timeout_s

    def check(self) -> None:
        """Read every file, so that a bad one is found before a batch begins. Raises ConfigurationError with all."""
        problems = [problem for listed in self._lists if (problem := listed.problem()) is not None]
        if problems:
            raise ConfigurationError("\n".join(problems))

    def reason(self, number: str) -> str | None:
        """Return why a number in E.164 must not be called, or None. Files that have changed are read again."""
        for listed in self._lists:
            if (reason := listed.reason(number)) is not None:
                return reason
        return self._refusal_of_command(number) if self._command else None

    def _refusal_of_command(self, number: str) -> str | None:
        name = Path(self._command[0]).name
        environment = {key: value for key, value in os.environ.items() if key not in _SECRETS}
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own program, as a list and without a shell
                [*self._command, number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"the do-not-call command `{name}` cannot be run: {_words_of(error)}"
        try:
            code = process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"the do-not-call command `{name}` gave no answer in {self._timeout_s:g} s"
        if code == _MAY_BE_CALLED:
            return None
        if code == _MUST_NOT:
            return f"the do-not-call command `{name}` forbids it"
        return f"the do-not-call command `{name}` failed (exit {code}; 0 and 1 are answers)"


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a file said: its numbers, sorted and without `+`; or why it cannot be used."""

    signature: tuple[int, ...]
    numbers: array[int]
    problem: str | None = None

    def holds(self, number: int) -> bool:
        at = bisect_left(self.numbers, number)
        return at < len(self.numbers) and self.numbers[at] == number


class _List:
    """One file; read when it is first asked, and again when it has changed."""

    def __init__(self, file: Path, region: str | None) -> None:
        self._file = file
        self._region = region
        self._reading: _Reading | None = None
        self._lock = threading.Lock()

    def problem(self) -> str | None:
        """Return why the file cannot be used, or None."""
        return self._newest().problem

    def reason(self, number: str) -> str | None:
        """Return why a number must not be called, or None."""
        reading = self._newest()
        if reading.problem is not None:
            return f"nobody is called while a do-not-call list cannot be used: {reading.problem}"
        return f"it is on the do-not-call list {self._file.name}" if reading.holds(int(number)) else None

    def _newest(self) -> _Reading:
        """Return what the file says now. One that changes while it is read is read again."""
        with self._lock:
            reading, self._reading = self._reading, None  # an error leaves nothing that could pass for the list
            try:
                for _ in range(_READINGS):
                    signature = _signature(self._file)
                    if reading is not None and reading.signature == signature:
                        self._reading = reading
                        return reading
                    reading = _read(self._file, self._region, signature)
            except OSError as error:
                return _unusable(f"{self._file}: the do-not-call list cannot be read: {_words_of(error)}")
        return _unusable(f"{self._file}: the do-not-call list changes all the time; replace it by renaming a new file")


def _unusable(problem: str, signature: tuple[int, ...] = ()) -> _Reading:
    return _Reading(signature, array("Q"), problem)


def _signature(file: Path) -> tuple[int, ...]:
    """Return what tells one content of a file from the next. Raises OSError, also for what is no file."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a file")
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read(file: Path, region: str | None, signature: tuple[int, ...]) -> _Reading:
    """Return the numbers of a file, or the first line that is none. Raises OSError."""
    numbers: list[int] = []
    is_first = True
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for count, line in enumerate(lines, start=1):
            written = _first_column(line)
            if not written:
                continue
            try:
                numbers.append(int(to_e164(written, region)[0]))
            except BadNumberError as error:
                is_header = is_first and not any(map(str.isdigit, written))
                if not is_header:
                    return _unusable(f"{file}:{count}:1: the number {error}", signature)
            is_first = False
    return _Reading(signature, array("Q", sorted(numbers)))


def _first_column(line: str) -> str:
    text = line.partition("#")[0]
    for separator in _SEPARATORS:
        text = text.partition(separator)[0]
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].replace('""', '"').strip() if is_quoted else text


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _words_of(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
