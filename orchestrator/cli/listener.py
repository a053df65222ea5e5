"""Who listens to a rehearsal: a person at the terminal, a pipe, or keys that were given beforehand.

Each takes a beat, lasts as long as it does, and returns the answer: keys, None, or `h` for hanging up.
"""

from __future__ import annotations

import re
import select
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from orchestrator.cli.output import note

if TYPE_CHECKING:
    from orchestrator.core.rehearsal import Answer, Beat
    from orchestrator.ports import Clock

_HANG_UP = "h"
_KEYS = re.compile(r"[0-9*#]+", re.ASCII)


class Listener(Protocol):
    """Answers beats."""

    def hears(self, beat: Beat) -> Answer:
        """Return the answer, after as long as the beat lasts."""


class Scripted:
    """Answers questions with given keys, then with silence."""

    def __init__(self, keys: Sequence[str], *, clock: Clock, is_fast: bool) -> None:
        self._keys = list(keys)
        self._clock = clock
        self._is_fast = is_fast

    def hears(self, beat: Beat) -> Answer:
        """Return the next keys for a question; an empty text is silence."""
        from orchestrator.core.rehearsal import Asked

        if not isinstance(beat, Asked):
            self._last(beat.seconds)
            return None
        keys = self._next()
        if not keys:
            self._last(beat.timeout_s)
            return None
        if not beat.secret:
            note(f"> {keys}")
        return keys

    def _next(self) -> str:
        return self._keys.pop(0) if self._keys else ""

    def _last(self, seconds: float) -> None:
        if seconds and not self._is_fast:
            self._clock.wait(self._clock.now().plus(seconds), threading.Event())


class Piped(Scripted):
    """Answers each question with a line of a pipe."""

    def __init__(self, stream: TextIO, *, clock: Clock, is_fast: bool) -> None:
        super().__init__((), clock=clock, is_fast=is_fast)
        self._stream = stream

    def _next(self) -> str:
        typed = self._stream.readline().strip().lower()
        if typed and not _is_answer(typed):
            note(f"These are no keys, so nothing is pressed: {typed}")
            return ""
        return typed


class Terminal:
    """A person types keys and Enter; while something is said, `h` hangs up."""

    def __init__(self, stream: TextIO, *, clock: Clock, is_fast: bool) -> None:
        self._stream = stream
        self._clock = clock
        self._is_fast = is_fast

    def hears(self, beat: Beat) -> Answer:
        """Wait for as long as the beat lasts, or for keys."""
        from orchestrator.core.rehearsal import Asked

        if isinstance(beat, Asked):
            # with --fast nothing is timed: whoever reads at leisure also types at leisure
            return self._typed(None if self._is_fast else beat.timeout_s * beat.max_digits, is_question=True)
        if self._is_fast or not beat.seconds:
            return None
        return self._typed(beat.seconds, is_question=False)

    def _typed(self, seconds: float | None, *, is_question: bool) -> Answer:
        """Return what is typed within the time; None for nothing. While nobody asks, only `h` counts."""
        until = None if seconds is None else self._clock.now().plus(seconds)
        while True:
            left_s = None if until is None else max(until.since(self._clock.now()), 0.0)
            ready, _, _ = select.select([self._stream], [], [], left_s)
            if not ready:
                return None
            text = self._stream.readline()
            typed = text.strip().lower()
            if typed == _HANG_UP:
                return _HANG_UP
            if not text or (is_question and not typed):  # the end of the input, or Enter alone
                return None
            if is_question and _is_answer(typed):
                return typed
            note("Keys are 0-9, * and #." if is_question else "Nobody has asked yet; h hangs up.")


def _is_answer(typed: str) -> bool:
    return typed == _HANG_UP or bool(_KEYS.fullmatch(typed))
