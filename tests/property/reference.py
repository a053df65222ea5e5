"""What a callee hears of a script when nothing ever goes wrong: an interpreter of its own, simple and slow.

It knows entries and callees, and neither records, states nor requests.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from orchestrator.core.script import (
    Answer,
    Dial,
    End,
    Entry,
    FailureAction,
    GetDtmf,
    Goto,
    Hangup,
    Play,
    Say,
    Script,
    SendDtmf,
    Sms,
    Switch,
    Value,
)
from orchestrator.errors import ExpressionError
from orchestrator.sandbox.callees import Behaviour

MOST_VISITS = 3


@dataclass(slots=True)
class Heard:
    """What came of a script.

    Attributes:
        spoken: Texts and tones, in order.
        messages: Text messages sent.
        completed: Whether the script came to a good end.
        result: The text of its `end`.
    """

    spoken: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    completed: bool = False
    result: str | None = None


def listen(script: Script, callee: Behaviour) -> Heard:
    """Return what an attentive callee hears of a script."""
    return _Listener(script, callee).listen()


class _Listener:
    def __init__(self, script: Script, callee: Behaviour) -> None:
        self._entries = script.entries
        self._keys = list(callee.keys)
        self._variables: dict[str, Value] = {}
        self._visits: Counter[str] = Counter()
        self._retries: Counter[int] = Counter()
        self._heard = Heard()
        self._up = False

    def listen(self) -> Heard:
        """Go through the script."""
        at, jumped = 0, False
        while at is not None and at < len(self._entries):
            entry = self._entries[at]
            if not jumped and entry.label is not None and not self._enter(entry.label):
                return self._heard
            try:
                skipped = entry.when is not None and not entry.when.holds(self._variables)
                following = (at + 1, False) if skipped else self._perform(at, entry)
            except ExpressionError:
                return self._heard
            if following is None:
                return self._heard
            at, jumped = following
        self._heard.completed = True
        return self._heard

    def _enter(self, label: str) -> bool:
        self._visits[label] += 1
        return self._visits[label] <= MOST_VISITS

    def _jump(self, label: str) -> tuple[int, bool] | None:
        if not self._enter(label):
            return None
        return next(at for at, entry in enumerate(self._entries) if entry.label == label), True

    def _perform(self, at: int, entry: Entry) -> tuple[int, bool] | None:
        """Perform an entry; return where to go on, and whether by a jump. None ends the script."""
        element = entry.element
        match element:
            case Switch():
                value = element.subject.render(self._variables)
                return self._jump(element.cases.get(value, element.otherwise))
            case Goto():
                return self._jump(element.label)
            case End():
                self._heard.completed = True
                self._heard.result = None if element.result is None else element.result.render(self._variables)
                return None
            case Sms():
                self._heard.messages.append(element.message.render(self._variables))
                return at + 1, False
            case Dial() | Answer():
                self._up = True
                return at + 1, False
        if not self._up:
            return None
        return self._on_the_line(at, entry)

    def _on_the_line(self, at: int, entry: Entry) -> tuple[int, bool] | None:
        element = entry.element
        match element:
            case Say():
                self._heard.spoken.append(element.text.render(self._variables))
            case SendDtmf():
                self._heard.spoken.append(element.dtmf.render(self._variables))
            case Hangup():
                self._up = False
            case GetDtmf():
                return self._ask(at, entry, element)
        return at + 1, False

    def _ask(self, at: int, entry: Entry, asked: GetDtmf) -> tuple[int, bool] | None:
        for prompt in asked.prompts:
            assert not isinstance(prompt, Play)
            self._heard.spoken.append(prompt.text.render(self._variables))
        keys = self._keys.pop(0) if self._keys else ""
        digits = keys[: asked.max_digits or 1]
        if entry.save is not None:
            self._variables[entry.save] = digits
        if digits:
            self._retries[at] = 0
            return at + 1, False
        rule = entry.on_failure
        if self._retries[at] < rule.retry:
            self._retries[at] += 1
            return at, True
        self._retries[at] = 0
        match rule.action:
            case FailureAction.CONTINUE:
                return at + 1, False
            case FailureAction.GOTO:
                assert rule.label is not None
                return self._jump(rule.label)
            case _:
                return None
