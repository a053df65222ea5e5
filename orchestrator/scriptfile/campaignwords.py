"""The words of a campaign, as a file or flags have them → a `core.campaign.Campaign`.

Values come as plain Python ones: text from YAML and flags, numbers and lists from a library. It knows no places in a
file: a `Fault` says which word it is about, and `campaign`, the only caller, finds it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.campaign import Campaign, FallbackSms, Overlap, Repeat
from orchestrator.core.records import Disposition
from orchestrator.core.redial import REDIALLED, NumberLimits, RedialRule
from orchestrator.core.script import SettingValue, Value
from orchestrator.core.windows import Calendar
from orchestrator.scriptfile import values
from orchestrator.scriptfile.campaignvalues import (
    duration_between,
    parse_calling_windows,
    parse_choice,
    parse_count,
    parse_delimiter,
    parse_holidays,
    parse_minutes,
    parse_prefix,
    parse_rate_per_s,
    parse_region,
    parse_template,
    parse_timezone,
    parse_variable,
)
from orchestrator.scriptfile.rates import parse_request_limit
from orchestrator.scriptfile.settings import SETTINGS, bounded, parse_settings
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, quote, suggestion

_REDIAL_WORDS = ("times", "after", "within", "before")

T = TypeVar("T")
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a word: the names, and the places in lists, that lead to it; whether the name itself is."""

    path: Steps
    message: str
    is_name: bool = False


@dataclass(slots=True)
class WordReader:
    """Types the words of one layer: a file, or what is laid on top of it.

    Attributes:
        folder: Where relative paths start; None to leave them.
        faults: What is wrong so far.
    """

    folder: Path | None
    faults: list[Fault] = field(default_factory=list)

    def read(self, words: Mapping[str, object]) -> dict[str, Any]:
        """Return every word that is right, typed."""
        layer: dict[str, Any] = {}
        for word, value in self._members((), words, WORDS).items():
            typed = self._typed((word,), value, partial(WORDS[word], self))
            if typed is not None:
                layer[word] = typed
        return layer

    # --- groups of words ---

    def redial(self, value: object) -> dict[str, tuple[RedialRule, ...]]:
        """Return the rules by the disposition they are for; `hung_up` may have several."""
        found: dict[str, tuple[RedialRule, ...]] = {}
        for word, rules in self._group("redial", value, sorted(REDIALLED), "busy: {times: 2, after: 5m}").items():
            path: Steps = ("redial", word)
            if isinstance(rules, list) and word == Disposition.HUNG_UP:
                made = [self._rule((*path, index), word, rule) for index, rule in enumerate(rules)]
            else:
                made = [self._rule(path, word, rules)]
            found[word] = tuple(rule for rule in made if rule is not None)
        return found

    def fallback_sms(self, value: object) -> FallbackSms | None:
        """Return the message to those who were not reached."""
        words = self._group("fallback_sms", value, ("text", "from"), 'text: "Please call us back."', needed=("text",))
        text = self._part(("fallback_sms", "text"), words, partial(parse_template, check=values.check_sms))
        from_ = self._part(("fallback_sms", "from"), words, partial(parse_template, check=values.check_phone))
        return None if text is None else FallbackSms(text=text, from_=from_)

    def settings(self, value: object) -> dict[str, SettingValue]:
        """Return settings by the field names of `core.settings.Settings`."""
        words = self._group("settings", value, tuple(SETTINGS), "max_silence: 20s")
        typed, problems = parse_settings(words)
        self.faults += [Fault(("settings", word), message) for word, message in problems.items()]
        return typed

    def variables(self, value: object) -> dict[str, Value]:
        """Return variables by name."""
        if not isinstance(value, Mapping):
            raise BadValueError("must be a mapping, such as `practice: Riverside Dental`")
        found: dict[str, Value] = {}
        for name, given in value.items():
            typed = self._typed(("variables", name), given, partial(parse_variable, name))
            if typed is not None:
                found[name] = typed
        return found

    def api_limits(self, value: object) -> dict[str, RequestLimit]:
        """Return request limits by the field names of `core.budget.ApiLimits`."""
        words = self._group("api_limits", value, ("endpoint", "account"), "endpoint: 30/30s")
        limits = {word: self._part(("api_limits", word), words, parse_request_limit) for word in words}
        return {word: limit for word, limit in limits.items() if limit is not None}

    # --- paths and lists ---

    def path(self, value: object) -> str:
        """Return a path from where this layer's paths start; `~` is the home folder."""
        text = os.path.expanduser(values.parse_text(value))  # noqa: PTH111 - Path() would change how it is written
        return text if self.folder is None else str(self.folder / text)

    def contacts(self, value: object) -> str:
        """Return the path of a contacts file; `-` stays standard input."""
        return "-" if value == "-" else self.path(value)

    def paths(self, value: object) -> tuple[str, ...]:
        """Return the paths of do-not-call lists."""
        return self._all("do_not_call", value, self.path)

    def prefixes(self, value: object) -> tuple[str, ...]:
        """Return the prefixes that are allowed."""
        return self._all("allowed_prefixes", value, parse_prefix)

    def command(self, value: object) -> tuple[str, ...]:
        """Return a program and its arguments; text is taken apart as a shell would, without running one."""
        if isinstance(value, str):
            try:
                words: Sequence[object] = shlex.split(value)
            except ValueError:
                raise BadValueError("has a quote that is not closed; write the arguments as a list") from None
        else:
            words = _items(value)
        command = tuple(values.parse_text(word) for word in words)
        if not command:
            raise BadValueError("must not be empty")
        is_path = "/" in command[0] or command[0].startswith("~")  # a bare name is looked up in PATH
        return (self.path(command[0]), *command[1:]) if is_path else command

    # --- how all of them are read ---

    def _rule(self, path: Steps, word: str, value: object) -> RedialRule | None:
        disposition = Disposition(word)
        ends_early = disposition is Disposition.HUNG_UP
        known = _REDIAL_WORDS if ends_early else _REDIAL_WORDS[:3]
        needed = ("times", "after", "before") if ends_early else ("times", "after")
        faults = len(self.faults)
        if not isinstance(value, Mapping):
            example = "{times: 2, after: 5m, before: LABEL}" if ends_early else "{times: 2, after: 5m}"
            self.faults.append(Fault(path, f"`{word}` must be a mapping, such as `{word}: {example}`"))
            return None
        words = self._members(path, value, known, needed=needed)
        times = self._part((*path, "times"), words, bounded(values.parse_integer, 1, 100))
        after_s = self._part((*path, "after"), words, duration_between(0, 30))
        within = self._part((*path, "within"), words, parse_calling_windows)
        label = self._part((*path, "before"), words, values.parse_label)
        if len(self.faults) > faults or times is None or after_s is None:
            return None
        return RedialRule(
            disposition=disposition, times=times, after_s=after_s, within=within or (), before_label=label
        )

    def _group(
        self, word: str, value: object, known: Collection[str], example: str, *, needed: Sequence[str] = ()
    ) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise BadValueError(f"must be a mapping, such as `{example}`")
        return self._members((word,), value, known, needed=needed)

    def _members(
        self, path: Steps, given: Mapping[str, object], known: Collection[str], *, needed: Sequence[str] = ()
    ) -> dict[str, object]:
        """Return the words that are known and have a value; complain about the others and those that are missing."""
        found: dict[str, object] = {}
        for word, value in given.items():
            if word not in known:
                self.faults.append(
                    Fault((*path, word), f"{quote(word)} has no meaning here{suggestion(word, known)}", True)
                )
            elif value is None:
                self.faults.append(Fault((*path, word), f"`{word}` has no value; write one or delete the line", True))
            else:
                found[word] = value
        missing = [word for word in needed if word not in given]
        if missing:
            self.faults.append(Fault(path, f"`{_name(path)}` needs {listing(missing)}", True))
        return found

    def _part(self, path: Steps, words: Mapping[str, object], parse: Callable[[object], T]) -> T | None:
        """Return the member of a group that a path leads to, typed; None where there is none."""
        word = _name(path)
        return self._typed(path, words[word], parse) if word in words else None

    def _all(self, word: str, value: object, parse: Callable[[object], str]) -> tuple[str, ...]:
        """Return a list, or a single value, typed one by one."""
        if isinstance(value, str):
            return (parse(value),)
        found = [self._typed((word, index), item, parse) for index, item in enumerate(_items(value))]
        return tuple(item for item in found if item is not None)

    def _typed(self, path: Steps, value: object, parse: Callable[[object], T]) -> T | None:
        """Return a value typed; None after a complaint."""
        try:
            return parse(value)
        except ValueError as error:  # BadValueError, or the one of a template; both read on from the name
            self.faults.append(Fault(path, f"`{_name(path)}` {error}"))
            return None


def campaign_of(layer: Mapping[str, Any], *, name: str) -> Campaign:
    """Return the campaign of typed words; `name` counts where they have none."""
    country, subdivision = layer.get("holidays", (None, None))
    limits = {_RENAMED[word]: layer[word] for word in ("daily_cap", "min_gap") if word in layer}
    return Campaign(
        name=layer.get("name", name),
        calendar=Calendar(windows=layer.get("windows", ())),
        holidays=country,
        subdivision=subdivision,
        limits=NumberLimits(**limits),
        redial=tuple(chain.from_iterable(layer.get("redial", {}).values())),
        api_limits=ApiLimits(**layer.get("api_limits", {})),
        **{_RENAMED.get(word, word): value for word, value in layer.items() if word not in _COMPOSED},
    )


def laid_over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one layer over another; `upper` counts. Groups are joined word by word, do-not-call lists add up."""
    both = lower.keys() & upper.keys()
    joined: dict[str, Any] = {word: {**lower[word], **upper[word]} for word in both.intersection(_JOINED)}
    if "do_not_call" in both:
        joined["do_not_call"] = lower["do_not_call"] + upper["do_not_call"]
    return {**lower, **upper, **joined}


def _items(value: object) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value
    raise BadValueError(f"must be a list of texts, not {'a mapping' if isinstance(value, Mapping) else quote(value)}")


def _name(path: Steps) -> str:
    return str(next(part for part in reversed(path) if isinstance(part, str)))


def _simple(parse: Callable[[object], object]) -> Callable[[WordReader, object], object]:
    return lambda _reader, value: parse(value)


WORDS: Mapping[str, Callable[[WordReader, object], object]] = {
    "name": _simple(lambda value: values.parse_text(value).strip()),
    "script": WordReader.path,
    "contacts": WordReader.contacts,
    "results": WordReader.path,
    "delimiter": _simple(parse_delimiter),
    "region": _simple(parse_region),
    "timezone": _simple(parse_timezone),
    "repeat": _simple(partial(parse_choice, Repeat)),
    "overlap": _simple(partial(parse_choice, Overlap)),
    "concurrency": _simple(bounded(values.parse_integer, 1, 10_000)),
    "rate": _simple(parse_rate_per_s),
    "ramp_up": _simple(duration_between(0, 1)),
    "max_runtime": _simple(duration_between(1, 7)),
    "max_calls": _simple(parse_count),
    "max_attempts": _simple(parse_count),
    "max_minutes": _simple(parse_minutes),
    "api_limits": WordReader.api_limits,
    "windows": _simple(parse_calling_windows),
    "holidays": _simple(parse_holidays),
    "blackout": WordReader.path,
    "do_not_call": WordReader.paths,
    "do_not_call_command": WordReader.command,
    "allowed_prefixes": WordReader.prefixes,
    "daily_cap": _simple(bounded(values.parse_integer, 1, 1000)),
    "min_gap": _simple(duration_between(0, 30)),
    "redial": WordReader.redial,
    "fallback_sms": WordReader.fallback_sms,
    "settings": WordReader.settings,
    "variables": WordReader.variables,
}
"""Every word of a campaign, and how it is typed; docs/reference/campaign.md describes them."""

_JOINED = ("api_limits", "redial", "settings", "variables")
_COMPOSED = frozenset({"name", "windows", "holidays", "daily_cap", "min_gap", "redial", "api_limits"})
_RENAMED = {
    "rate": "rate_per_s",
    "ramp_up": "ramp_up_s",
    "max_runtime": "max_runtime_s",
    "max_minutes": "max_call_s",
    "daily_cap": "daily_cap",
    "min_gap": "min_gap_s",
}
