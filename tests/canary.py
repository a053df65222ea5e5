"""The secrets of all tests, and the search for them.

Whatever drives the real program gives it these credentials; `tests/watch.py` searches what each test leaves behind.
Files that hold a secret on purpose are known by their names.
"""

from __future__ import annotations

import base64
import contextlib
import random
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

KEY = "canarykeyzq"
PASSWORD = "canarypasswordzq"
SIGNING = "canarysigningsecretzq"
WORD = "canarywordzq"  # a sensitive variable
KEYED = "9081726354"  # literal digits of send_dtmf
PIN = "73104652"  # keyed by a callee; no card number, so that no mask of these hides it
"""Eight digits turn up by chance in what a whole suite writes, so that only its own test searches for these."""
CREDENTIALS = {"api_key": KEY, "api_password": PASSWORD}
ENVIRONMENT = {"ORCHESTRATOR_API_KEY": KEY, "ORCHESTRATOR_API_PASSWORD": PASSWORD}
"""What a user exports, besides the address."""

GIVEN = frozenset(
    {
        "credentials", "bad.yaml",  # files of credentials, good and bad
        "secrets.yaml", "small.yaml", "wrong.yaml",  # scripts with digits in them
        "vars", "again", "badvars", "contacts.csv",  # sensitive variables
    }
)  # fmt: skip
"""The names of the files in which tests write secrets down for the program to read. It writes none of these itself."""

_SEED = 20240518
_MOST_BYTES = 8 << 20
"""So much of a file is searched: its beginning and its end."""


def luhn(digits: str) -> str:
    """Return the digits with the check digit of a payment card behind them."""
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return digits + str(-sum(each - 9 * (each > 9) for each in doubled) % 10)


def cards(count: int) -> list[str]:
    """Return card numbers of 13 to 19 digits, all different."""
    dice = random.Random(_SEED)
    return [luhn(f"4{number:04d}" + "".join(dice.choices("0123456789", k=7 + number % 7))) for number in range(count)]


CARDS = cards(1000)


def forms_of(secret: str) -> set[bytes]:
    """Return how a secret may be written: as it is, in groups of four, as base64; a number digit by digit, too."""
    groups = re.findall(".{1,4}", secret)
    plain = {secret, " ".join(groups), "-".join(groups)}
    if secret.isdigit():
        plain |= {between.join(secret) for between in (" ", "-", ", ")}
    return {form.encode() for form in plain} | {base64.b64encode(secret.encode()).rstrip(b"=")}


_FORMS = {
    form: secret
    for secret in (KEY, PASSWORD, f"{KEY}:{PASSWORD}", SIGNING, WORD, KEYED, CARDS[0])
    for form in forms_of(secret)
}
_ANY = re.compile(b"|".join(re.escape(form) for form in _FORMS))


def secrets_in(content: str | bytes) -> set[str]:
    """Return the secrets that stand in a text."""
    raw = content.encode(errors="replace") if isinstance(content, str) else content
    return {_FORMS[found] for found in _ANY.findall(raw)}


def check(content: object, where: str) -> None:
    """Fail when a secret stands in a text."""
    found = secrets_in(content) if isinstance(content, str | bytes) else set()
    assert not found, f"secrets in {where}: {sorted(found)}"


def files_with_secrets(folder: Path, *, but: Iterable[Path] = ()) -> list[str]:
    """Return the files of a folder that hold secrets and were not given them by name."""
    found = []
    for file in folder.rglob("*"):
        if file.name in GIVEN or not file.is_file() or any(file.is_relative_to(other) for other in but):
            continue
        with contextlib.suppress(OSError):
            found += [f"{file.relative_to(folder)}: {secret}" for secret in sorted(secrets_in(_content(file)))]
    return found


class WatchedPipe:
    """What a process writes, read as before; a secret in it fails the test that reads it."""

    def __init__(self, pipe: TextIO, name: str) -> None:
        self._pipe = pipe
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")

    def readline(self) -> str:
        """Read one line."""
        line = self._pipe.readline()
        check(line, self._name)
        return line

    def read(self) -> str:
        """Read all that is left."""
        text = self._pipe.read()
        check(text, self._name)
        return text


def watch_pipes(process: subprocess.Popen[Any]) -> None:
    """Have what is read from a process line by line searched; `communicate` is always searched."""
    for name in ("stdout", "stderr"):
        if (pipe := getattr(process, name)) is not None:
            setattr(process, name, WatchedPipe(pipe, f"the {name} of {process.args}"))


def _content(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _MOST_BYTES:
            return stream.read()
        beginning = stream.read(_MOST_BYTES // 2)
        stream.seek(-_MOST_BYTES // 2, 2)
        return beginning + b"\n" + stream.read()
