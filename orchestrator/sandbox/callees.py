"""The people at the other end: who answers when, presses which keys, and hangs up in the middle.

Pure: files are read in `files.py`. Calls ask here for the behaviour of a number each time it is dialled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

Does = Literal["answer", "busy", "no_answer", "reject", "fail"]


class BadSettingError(ValueError):
    """A file or control request describes something impossible; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What one person does in one call; all times are seconds of the call.

    Attributes:
        does: what happens when the number is dialled.
        after: seconds of ringing before that happens.
        keys: what is pressed at each successive `get_dtmf`; an empty text is silence.
        further_keys: what is pressed at every `get_dtmf` after those of `keys`; an empty text is silence.
        key_delay: seconds before each key, counted from the end of the prompts or from the key before.
        hangs_up_after: seconds after answering at which the callee hangs up.
        hangs_up_during: the callee hangs up in the middle of the command with this number, counted from 1 after
            `dial` or `answer`.
        gives_up_after: seconds of ringing after which one who calls in gives up.
    """

    does: Does = "answer"
    after: float = 1.0
    keys: tuple[str, ...] = ()
    further_keys: str = ""
    key_delay: float = 1.0
    hangs_up_after: float | None = None
    hangs_up_during: int | None = None
    gives_up_after: float | None = None


class Callees:
    """Behaviour by number. A number with several behaviours shows them call by call; the last one stays."""

    def __init__(
        self, numbers: Mapping[str, Sequence[Behaviour]] | None = None, *, default: Behaviour | None = None
    ) -> None:
        self._loaded = {number: list(behaviours) for number, behaviours in (numbers or {}).items()}
        self._numbers = {number: list(behaviours) for number, behaviours in self._loaded.items()}
        self._loaded_default = self.default = default or Behaviour()

    def take(self, number: str) -> Behaviour:
        """The behaviour for the call that is being dialled now."""
        behaviours = self._numbers.get(number)
        if not behaviours:
            return self.default
        return behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]

    def set(self, number: str, behaviours: Sequence[Behaviour]) -> None:
        """Give a number its behaviours from the next call on."""
        self._numbers[number] = list(behaviours)

    def restore(self) -> None:
        """Go back to the behaviours that were there at the start."""
        self._numbers = {number: list(behaviours) for number, behaviours in self._loaded.items()}
        self.default = self._loaded_default

    def document(self) -> dict[str, Any]:
        """Everything as JSON-ready data, in the shape of the callees file."""
        numbers = {number: [asdict(one) for one in behaviours] for number, behaviours in self._numbers.items()}
        return {"default": asdict(self.default), "numbers": numbers}


def read_behaviours(value: object, where: str) -> list[Behaviour]:
    """One behaviour, or a list of them, from a file or a control request.

    Raises:
        BadSettingError: with `where` in its message.
    """
    if isinstance(value, list):
        if not value:
            raise BadSettingError(f"{where}: the list of behaviours is empty")
        return [read_behaviour(one, f"{where}[{index}]") for index, one in enumerate(value)]
    return [read_behaviour(value, where)]


def read_behaviour(value: object, where: str) -> Behaviour:
    """One behaviour.

    Raises:
        BadSettingError: with `where` in its message.
    """
    mapping = read_mapping(value, where, known=Behaviour.__slots__)
    settings: dict[str, Any] = {}
    for key, given in mapping.items():
        place = f"{where}.{key}"
        if key == "does":
            settings[key] = read_choice(given, get_args(Does), place)
        elif key == "keys":
            settings[key] = _read_keys(given, place)
        elif key == "further_keys":
            (settings[key],) = _read_keys([given], place)
        elif key == "hangs_up_during":
            settings[key] = None if is_none(given) else read_count(given, place)
        elif key in {"hangs_up_after", "gives_up_after"}:
            settings[key] = None if is_none(given) else read_amount(given, place)
        else:
            settings[key] = read_amount(given, place)
    return Behaviour(**settings)


def presses(text: str) -> Behaviour:
    """The behaviour of one who answers, and presses what a text such as `1,2,4711#` says; the last again and again.

    Raises:
        BadSettingError: these are no keys.
    """
    *keys, further = _read_keys([one.strip() for one in text.split(",")], "keys")
    return Behaviour(keys=tuple(keys), further_keys=further)


def read_mapping(value: object, where: str, *, known: Sequence[str]) -> dict[str, Any]:
    """A mapping that has no key but the known ones; an empty value counts as an empty mapping.

    Raises:
        BadSettingError: with `where` in its message.
    """
    if is_none(value):
        return {}
    if not isinstance(value, dict):
        raise BadSettingError(f"{where}: expected a mapping, found {value!r}")
    for key in value:
        if key not in known:
            raise BadSettingError(f"{where}: unknown key {key!r} (known: {', '.join(known)})")
    return value


def read_choice(value: object, choices: Sequence[str], where: str) -> str:
    """One of the given words.

    Raises:
        BadSettingError: with `where` in its message.
    """
    if value not in choices:
        raise BadSettingError(f"{where}: {value!r} is not one of {', '.join(choices)}")
    return cast(str, value)


def read_amount(value: object, where: str) -> float:
    """A number of at least 0, such as seconds; YAML scalars come as text.

    Raises:
        BadSettingError: with `where` in its message.
    """
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadSettingError(f"{where}: {value!r} is not a number of at least 0")
    return number


def read_count(value: object, where: str) -> int:
    """A whole number of at least 1.

    Raises:
        BadSettingError: with `where` in its message.
    """
    number = read_amount(value, where)
    if number < 1 or number != int(number):
        raise BadSettingError(f"{where}: {value!r} is not a whole number of at least 1")
    return int(number)


def is_none(value: object) -> bool:
    """Whether nothing was given: null in JSON; empty, `~` or `null` in YAML."""
    return value is None or (isinstance(value, str) and value in {"", "~", "null"})


def _read_keys(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadSettingError(f"{where}: expected a list with the keys for each get_dtmf, found {value!r}")
    keys = tuple("" if is_none(one) or one == "none" else str(one) for one in value)
    for index, one in enumerate(keys):
        if set(one) - set("0123456789*#"):
            raise BadSettingError(f"{where}[{index}]: {one!r} has keys other than 0-9, * and #")
    return keys
