"""The API's command lists: JSON bodies checked and turned into typed commands (contract section 3).

Pure. `model.CallServer` calls it before anything runs, so a bad list runs nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
_TONES = re.compile(r"[0-9*#]+")


class BadRequestError(ValueError):
    """The request breaks a rule of the contract: answered with 400, and nothing runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Ring `to` for at most `timeout` seconds, beginning between `start` and `expire` (seconds since the epoch)."""

    name: ClassVar[str] = "dial"
    to: str
    from_: str
    timeout: float
    start: float | None
    expire: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Take an incoming call."""

    name: ClassVar[str] = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play a stored media file."""

    name: ClassVar[str] = "play"
    resource_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Speak a text."""

    name: ClassVar[str] = "say"
    text: str
    voice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDtmf:
    """Play prompts, then collect keys; `timeout` seconds start again with each digit."""

    name: ClassVar[str] = "get_dtmf"
    timeout: float
    max_digits: int
    terminate_on: str
    prompts: tuple[Play | Say, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDtmf:
    """Send tones to the callee."""

    name: ClassVar[str] = "send_dtmf"
    dtmf: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the callee on hold."""

    name: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class Unhold:
    """Take the callee off hold."""

    name: ClassVar[str] = "unhold"


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""

    name: ClassVar[str] = "hangup"


Command = Dial | Answer | Play | Say | GetDtmf | SendDtmf | Hold | Unhold | Hangup


def read_commands(body: Mapping[str, Any], *, creating: bool, asynchronous: bool) -> tuple[Command, ...]:
    """The commands of a POST (`creating`) or PUT body.

    Raises:
        BadRequestError: the list breaks a rule of contract section 3; the message says which command and why.
    """
    elements = body.get("commands")
    if not isinstance(elements, list) or not elements:
        raise BadRequestError("commands must be a list with at least one command")
    commands = tuple(_read_command(element, f"commands[{index}]") for index, element in enumerate(elements))
    _check_order(commands, creating=creating, asynchronous=asynchronous)
    return commands


def command_names(body: object) -> list[str]:
    """The names of the commands in a request body, prompts included, as far as it has any."""
    names: list[str] = []
    elements = body.get("commands") if isinstance(body, dict) else None
    for element in elements if isinstance(elements, list) else ():
        for name, parameters in element.items() if isinstance(element, dict) else ():
            names += [name, *command_names(parameters)]
    return names


def read_number(value: object) -> str:
    """An E.164 number with its plus sign.

    Raises:
        BadRequestError: it is something else.
    """
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise BadRequestError("must be an E.164 number such as +15555550123")
    return value


def read_tones(value: object) -> str:
    """At least one of the keys 0-9, * and #.

    Raises:
        BadRequestError: it is something else.
    """
    if not isinstance(value, str) or not _TONES.fullmatch(value):
        raise BadRequestError("must be a text of the keys 0-9, * and #")
    return value


def read_text(value: object) -> str:
    """A text that is not empty.

    Raises:
        BadRequestError: it is something else.
    """
    if not isinstance(value, str) or not value.strip():
        raise BadRequestError("must be a text that is not empty")
    return value


def _check_order(commands: tuple[Command, ...], *, creating: bool, asynchronous: bool) -> None:
    last = len(commands) - 1
    for index, command in enumerate(commands):
        place = f"commands[{index}].{command.name}"
        if isinstance(command, Dial) and not (creating and index == 0):
            raise BadRequestError(f"{place}: dial is the first command of a POST and stands nowhere else")
        if isinstance(command, Answer) and (creating or index > 0):
            raise BadRequestError(f"{place}: answer is the first command of a PUT and stands nowhere else")
        if isinstance(command, Hangup) and index < last:
            raise BadRequestError(f"{place}: nothing may follow hangup")
    if creating and not isinstance(commands[0], Dial):
        raise BadRequestError("commands[0]: the first command of a POST is dial")
    if isinstance(commands[-1], Hold) and not asynchronous:
        raise BadRequestError(f"commands[{last}].hold: a synchronous list must not end in hold")


def _read_command(element: object, place: str) -> Command:
    if not isinstance(element, dict) or len(element) != 1:
        raise BadRequestError(f"{place}: a command is an object with exactly one key")
    ((name, parameters),) = element.items()
    if name not in _COMMANDS:
        raise BadRequestError(f"{place}: unknown command {name!r}")
    if not isinstance(parameters, dict):
        raise BadRequestError(f"{place}.{name}: parameters must be an object")
    build, shape = _COMMANDS[name]
    for key in parameters:
        if key not in shape:
            raise BadRequestError(f"{place}.{name}: unknown parameter {key!r}")
    values: dict[str, Any] = {}
    for key, parameter in shape.items():
        if key in parameters:
            try:
                values[key] = parameter.read(parameters[key])
            except BadRequestError as problem:
                raise BadRequestError(f"{place}.{name}.{key}: {problem}") from None
        elif parameter.required:
            raise BadRequestError(f"{place}.{name}: {key} is missing")
    try:
        return build(values)
    except BadRequestError as problem:
        raise BadRequestError(f"{place}.{name}: {problem}") from None


def _read_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise BadRequestError("must be a number of seconds above 0")
    return float(value)


def _read_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRequestError("must be a whole number of at least 1")
    return value


def _read_terminator(value: object) -> str:
    if value == "":
        return ""
    if len(tone := read_tones(value)) != 1:
        raise BadRequestError("must be one key, or an empty text for none")
    return tone


def _read_media(value: object) -> str:
    try:
        uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise BadRequestError("must be the UUID of a media file") from None
    return str(value)


def _read_moment(value: object) -> float:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise BadRequestError("must be a time such as 2030-01-31T09:00:00+01:00") from None
    if moment.tzinfo is None:
        raise BadRequestError("must carry its offset from UTC")
    return moment.timestamp()


def _read_prompts(value: object) -> tuple[Play | Say, ...]:
    if not isinstance(value, list):
        raise BadRequestError("must be a list of play and say commands")
    prompts: list[Play | Say] = []
    for index, element in enumerate(value):
        command = _read_command(element, f"[{index}]")
        if not isinstance(command, Play | Say):
            raise BadRequestError(f"[{index}]: only play and say may prompt")
        prompts.append(command)
    return tuple(prompts)


def _dial(values: dict[str, Any]) -> Dial:
    if "schedule_expire" in values and "schedule_end" in values:
        raise BadRequestError("schedule_expire and schedule_end are two names for one thing: give one")
    start = values.get("schedule_start")
    expire = values.get("schedule_expire", values.get("schedule_end"))
    if start is not None and expire is not None and start > expire:
        raise BadRequestError("schedule_start lies after schedule_expire")
    return Dial(to=values["to"], from_=values["from"], timeout=values.get("timeout", 30.0), start=start, expire=expire)


def _get_dtmf(values: dict[str, Any]) -> GetDtmf:
    return GetDtmf(
        timeout=values.get("timeout", 15.0),
        max_digits=values.get("max_digits", 1),
        terminate_on=values.get("terminate_on", "#"),
        prompts=values.get("commands", ()),
    )


@dataclass(frozen=True, slots=True)
class _Parameter:
    read: Callable[[object], object]
    required: bool = False


_COMMANDS: dict[str, tuple[Callable[[dict[str, Any]], Command], dict[str, _Parameter]]] = {
    "dial": (
        _dial,
        {
            "to": _Parameter(read_number, required=True),
            "from": _Parameter(read_number, required=True),
            "timeout": _Parameter(_read_seconds),
            "schedule_start": _Parameter(_read_moment),
            "schedule_expire": _Parameter(_read_moment),
            "schedule_end": _Parameter(_read_moment),  # the other name in the API's own documentation (section 9)
        },
    ),
    "answer": (lambda _: Answer(), {}),
    "play": (lambda values: Play(**values), {"resource_id": _Parameter(_read_media, required=True)}),
    "say": (
        lambda values: Say(text=values["text"], voice=values.get("voice")),
        {"text": _Parameter(read_text, required=True), "voice": _Parameter(read_text)},
    ),
    "get_dtmf": (
        _get_dtmf,
        {
            "timeout": _Parameter(_read_seconds),
            "max_digits": _Parameter(_read_count),
            "terminate_on": _Parameter(_read_terminator),
            "commands": _Parameter(_read_prompts),
        },
    ),
    "send_dtmf": (lambda values: SendDtmf(**values), {"dtmf": _Parameter(read_tones, required=True)}),
    "hold": (lambda _: Hold(), {}),
    "unhold": (lambda _: Unhold(), {}),
    "hangup": (lambda _: Hangup(), {}),
}
