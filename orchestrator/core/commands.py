"""What is known of each command by its kind: its name, its replay class, its default policy, its form on the wire.

Pure. The planner, `decide` and the reports use it; durations are `durations`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.core.exchange import WireCommand
from orchestrator.core.records import ReplayClass
from orchestrator.core.script import (
    Answer,
    Command,
    Control,
    Dial,
    End,
    Entry,
    GetDtmf,
    Goto,
    Hangup,
    Hold,
    Play,
    Policy,
    Say,
    SendDtmf,
    Sms,
    Switch,
    Text,
    Unhold,
    Variables,
)
from orchestrator.errors import ExpressionError

NAMES: Mapping[type[Command | Control], str] = {
    Dial: "dial",
    Answer: "answer",
    Play: "play",
    Say: "say",
    GetDtmf: "get_dtmf",
    SendDtmf: "send_dtmf",
    Hold: "hold",
    Unhold: "unhold",
    Hangup: "hangup",
    Sms: "sms",
    Switch: "switch",
    Goto: "goto",
    End: "end",
}
"""The name of each kind of element, as contract section 3 and rules, section 5 write it."""

REPLAY_CLASSES: Mapping[type[Command | Control], ReplayClass] = {
    Dial: ReplayClass.FORBIDDEN,
    Answer: ReplayClass.HARMLESS,
    Play: ReplayClass.HEARD,
    Say: ReplayClass.HEARD,
    GetDtmf: ReplayClass.ASKS,
    SendDtmf: ReplayClass.DANGEROUS,
    Hold: ReplayClass.HARMLESS,
    Unhold: ReplayClass.HARMLESS,
    Hangup: ReplayClass.HARMLESS,
    Sms: ReplayClass.DANGEROUS,
}
"""The replay class of each kind of command (rules, section 2)."""

POLICIES: Mapping[ReplayClass, Policy] = {
    ReplayClass.HARMLESS: Policy.REPEAT,
    ReplayClass.HEARD: Policy.REPEAT,
    ReplayClass.ASKS: Policy.REPEAT,
    ReplayClass.DANGEROUS: Policy.STOP,
    ReplayClass.FORBIDDEN: Policy.STOP,
}
"""What is done with a step of unknown outcome by default (rules, section 4.4); an sms is skipped instead."""

_TOLD: Mapping[str, tuple[str, ...]] = {
    "dial": ("to",),
    "say": ("text",),
    "play": ("resource_id",),
    "send_dtmf": ("dtmf",),
    "sms": ("to", "message"),
}
"""The parameters by which people know a command, besides the prompts of a `get_dtmf`."""

DANGEROUS_NAMES = frozenset(NAMES[kind] for kind, rank in REPLAY_CLASSES.items() if rank is ReplayClass.DANGEROUS)
"""The commands that must not be repeated unless their author says so."""
_BY_DANGER: Mapping[ReplayClass, int] = {kind: rank for rank, kind in enumerate(ReplayClass)}
_BY_STRICTNESS: Mapping[Policy, int] = {Policy.REPEAT: 0, Policy.SKIP: 1, Policy.STOP: 2}


def name(element: Command | Control) -> str:
    """Return the name of a command or control element."""
    return NAMES[type(element)]


def replay_class(entry: Entry) -> ReplayClass:
    """Return how bad it is to run an entry's command twice. Raises KeyError for a control element."""
    return REPLAY_CLASSES[type(entry.element)]


def policy(entry: Entry) -> Policy:
    """Return what is done with an entry's command when its truth cannot be known: as written, else by its class."""
    if entry.if_unknown is not None:
        return entry.if_unknown
    return Policy.SKIP if isinstance(entry.element, Sms) else POLICIES[replay_class(entry)]


SMS_LENGTH = 480
"""The longest text message (contract section 2)."""


def most_dangerous(classes: Iterable[ReplayClass]) -> ReplayClass:
    """Return the class of a step whose commands have these classes; harmless for none."""
    return max(classes, key=_BY_DANGER.__getitem__, default=ReplayClass.HARMLESS)


def strictest(policies: Iterable[Policy]) -> Policy:
    """Return the policy that holds for several commands sent as one: stop before skip before repeat."""
    return max(policies, key=_BY_STRICTNESS.__getitem__, default=Policy.REPEAT)


def names_read(entry: Entry) -> frozenset[str]:
    """Return the variables that an entry reads, its `when` included."""
    names = frozenset[str]() if entry.when is None else entry.when.names
    return names.union(*(text.names for text in _texts(entry.element) if text is not None))


def wire(command: Command, variables: Variables) -> WireCommand:
    """Return a command in the form of contract section 3, rendered.

    What the author left out is left out, so that the server's own default holds.

    Raises:
        ExpressionError: A text could not be rendered.
    """
    parameters: Mapping[str, Any]
    match command:
        case Say():
            parameters = _written(text=command.text.render(variables), voice=_rendered(command.voice, variables))
        case Play():
            parameters = {"resource_id": command.resource_id.render(variables)}
        case GetDtmf():
            parameters = _written(
                timeout=_number(command.timeout_s),
                max_digits=command.max_digits,
                terminate_on=_rendered(command.terminate_on, variables),
                commands=[wire(prompt, variables) for prompt in command.prompts] or None,
            )
        case SendDtmf():
            parameters = {"dtmf": command.dtmf.render(variables)}
        case Dial():
            parameters = wire_dial(
                command,
                variables,
                to=command.to.render(variables),
                from_=command.from_.render(variables),
                timeout_s=command.timeout_s,
            )["dial"]
        case Sms():
            parameters = {
                "to": command.to.render(variables),
                "from": command.from_.render(variables),
                "message": _short_enough(command.message.render(variables)),
            }
        case _:
            parameters = {}
    return {NAMES[type(command)]: parameters}


def wire_dial(dial: Dial, variables: Variables, *, to: str, from_: str, timeout_s: float | None) -> WireCommand:
    """Return a dial on the wire with the run's own numbers and ring timeout in place of the script's.

    Raises:
        ExpressionError: A text could not be rendered.
    """
    return {
        "dial": {
            "to": to,
            "from": from_,
            **_written(
                timeout=_number(timeout_s),
                schedule_start=_rendered(dial.schedule_start, variables),
                schedule_expire=_rendered(dial.schedule_expire, variables),
            ),
        }
    }


def in_words(command: WireCommand) -> str:
    """Return a command in one line, as people read it: whom it reaches or what is heard, then its other parameters."""
    ((name, parameters),) = command.items()
    told = _told(command)
    others = ", ".join(
        f"{key} {value}" for key, value in parameters.items() if key not in _TOLD.get(name, ()) and key != "commands"
    )
    return name + (f": {told}" if told else "") + (f" ({others})" if others else "")


def _told(command: WireCommand) -> str:
    ((name, parameters),) = command.items()
    if name == "get_dtmf":
        return " ".join(map(_told, parameters.get("commands", ())))
    return ": ".join(str(parameters[key]) for key in _TOLD.get(name, ()) if parameters[key])


def _short_enough(message: str) -> str:
    if len(message) > SMS_LENGTH:
        raise ExpressionError(
            f"the message is {len(message)} characters long; the API silently drops all beyond {SMS_LENGTH}: shorten it"
        )
    return message


def _written(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _rendered(text: Text | None, variables: Variables) -> str | None:
    return None if text is None else text.render(variables)


def _number(value: float | None) -> float | int | None:
    """Return a whole number as an integer: servers may refuse `8.0` where they expect `8`."""
    return int(value) if value is not None and value == int(value) else value


def _texts(element: Command | Control) -> tuple[Text | None, ...]:
    texts: tuple[Text | None, ...]
    match element:
        case Say(text=text, voice=voice):
            texts = (text, voice)
        case Play(resource_id=resource_id):
            texts = (resource_id,)
        case GetDtmf(terminate_on=terminate_on, prompts=prompts):
            texts = (terminate_on, *(text for prompt in prompts for text in _texts(prompt)))
        case SendDtmf(dtmf=dtmf):
            texts = (dtmf,)
        case Dial():
            texts = (element.to, element.from_, element.schedule_start, element.schedule_expire)
        case Sms():
            texts = (element.to, element.from_, element.message)
        case Switch(subject=subject):
            texts = (subject,)
        case End(result=result):
            texts = (result,)
        case _:
            texts = ()
    return texts
