"""The shape of everything a script can hold, as pydantic models: which names, which are needed, which type.

The validators of single values are those of `values` and `templates`; the JSON Schema is made from these models too.
Called by `entries`, `document`, `variables` and `schema`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from orchestrator.core.script import Condition, FailureAction, Plain, Policy, Text
from orchestrator.scriptfile import values
from orchestrator.scriptfile.settings import DURATION_SCHEMA, bounded
from orchestrator.scriptfile.templates import compile_condition, compile_text
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, quote
from orchestrator.scriptfile.written import mask_keys

FAILURE_WORDS = (FailureAction.STOP.value, FailureAction.CONTINUE.value)


@dataclass(frozen=True, slots=True)
class Reading:
    """What validators must know of the file: whether `{{ }}` is active."""

    templates: bool


def _text(
    check: Callable[[str], None] | None = None, *, secret: bool = False, may_be_empty: bool = False
) -> Callable[[Any, ValidationInfo], Text]:
    """Return the validator of a text whose literal form must pass `check`."""

    def validate(value: Any, info: ValidationInfo) -> Text:
        reading = info.context
        assert isinstance(reading, Reading)
        source = "" if may_be_empty and value in ("", None) else values.parse_text(value)
        made = compile_text(source, shown=mask_keys(source) if secret else None) if reading.templates else Plain(source)
        if check is not None and isinstance(made, Plain):
            check(made.source)
        return made

    return validate


def _phone(value: Any, info: ValidationInfo) -> Text:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise BadValueError('is a JSON number; write phone numbers as text, such as "+15555550123"')
    return _text(values.check_phone)(value, info)


def _tones(value: Any, info: ValidationInfo) -> Text:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise BadValueError('is a JSON number; write keys as text in double quotes, such as "0123#"')
    return _text(values.check_keys, secret=True)(value, info)


def _condition(value: Any) -> Condition:
    return compile_condition(values.parse_text(str(value).lower() if isinstance(value, bool) else value))


def _policy(value: Any) -> Policy:
    return Policy(_choice(value, [policy.value for policy in Policy]))


def _group(value: Any) -> str:
    return _choice(value, ["alone"])


def _type(value: Any) -> str:
    return _choice(value, ["text", "integer", "number", "boolean"])


def _choice(value: Any, words: list[str]) -> str:
    if isinstance(value, str) and value in words:
        return value
    allowed = quote(words[0]) if len(words) == 1 else f"one of {listing(words)}"
    raise BadValueError(f"must be {allowed}, not {quote(value)}")


def _variable_name(value: Any) -> str:
    name = values.parse_name(value)
    if name in values.ALWAYS_KNOWN:
        raise BadValueError(f"must not be {quote(name)}, which the program itself sets")
    return name


def _entry_label(value: Any) -> str:
    label = values.parse_label(value)
    if label in values.RESERVED_LABELS:
        raise BadValueError(f"must not be {quote(label)}, which has a meaning of its own in `on_failure`")
    return label


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise BadValueError("must be a single value, not a list or mapping")
    return value


def _described(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise BadValueError("must be text")


_TEXT = WithJsonSchema({"type": "string", "minLength": 1})
_LABEL = WithJsonSchema(
    {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$", "description": "The id of an entry."}
)
_FLAG = WithJsonSchema({"type": "boolean"})
_DURATION = WithJsonSchema(dict(DURATION_SCHEMA))


def _words(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"enum": list(words)})


def _integer(least: int, most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Spoken = Annotated[Text, PlainValidator(_text()), _TEXT]
Phone = Annotated[
    Text,
    PlainValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "description": "A number in international form, +15555550123, or a template.",
            "minLength": 1,
        }
    ),
]
OptionalText = Annotated[Text | None, PlainValidator(_text()), _TEXT]
Moment = Annotated[Text | None, PlainValidator(_text(values.check_moment)), _TEXT]
MediaId = Annotated[Text, PlainValidator(_text(values.check_uuid)), _TEXT]
Keys = Annotated[
    Text | None, PlainValidator(_text(values.check_keys, may_be_empty=True)), WithJsonSchema({"type": "string"})
]
Tones = Annotated[
    Text, PlainValidator(_tones), WithJsonSchema({"type": "string", "minLength": 1, "description": "0-9, * and #."})
]
Message = Annotated[Text, PlainValidator(_text(values.check_sms)), _TEXT]
Label = Annotated[str, PlainValidator(values.parse_label), _LABEL]
RingTime = Annotated[float | None, PlainValidator(bounded(values.parse_duration, 1, 600, unit="s")), _DURATION]
KeyTime = Annotated[float | None, PlainValidator(bounded(values.parse_duration, 1, 600, unit="s")), _DURATION]
MediaTime = Annotated[float | None, PlainValidator(bounded(values.parse_duration, 0.1, 86_400, unit="s")), _DURATION]
Flag = Annotated[bool, PlainValidator(values.parse_boolean), _FLAG]


class Shape(BaseModel):
    """What all shapes share: unknown names are errors, and nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, regex_engine="python-re")


class DialShape(Shape):
    """Ring the callee."""

    to: Phone
    from_: Phone = Field(alias="from")
    timeout: RingTime = Field(default=None, description="Longest ringing, 1 s to 600 s.")
    schedule_start: Moment = Field(default=None, description="Earliest moment to dial, with offset.")
    schedule_expire: Moment = Field(default=None, description="Latest moment to dial, with offset.")


class EmptyShape(Shape):
    """A command without parameters: `{}`."""


class PlayShape(Shape):
    """Play a media file."""

    resource_id: MediaId


class SayShape(Shape):
    """Speak a text."""

    text: Spoken
    voice: OptionalText = None


class PromptShape(Shape):
    """What is heard before digits are collected: one `say` or one `play`."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})
    say: SayShape | None = None
    play: PlayShape | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.say is None) == (self.play is None):
            raise BadValueError("must hold prompts of one `say` or one `play` each")
        return self


class GetDtmfShape(Shape):
    """Collect digits."""

    timeout: KeyTime = Field(default=None, description="Starts again with each digit; 15 s if absent.")
    max_digits: Annotated[int | None, PlainValidator(bounded(values.parse_integer, 1, 100)), _integer(1, 100)] = Field(
        default=None, description="1 if absent."
    )
    terminate_on: Keys = Field(default=None, description="The key that ends the input; `#` if absent.")
    commands: list[PromptShape] = []


class SendDtmfShape(Shape):
    """Key digits into the call."""

    dtmf: Tones


class SmsShape(Shape):
    """Send a text message."""

    to: Phone
    from_: Phone = Field(alias="from")
    message: Message


class EndShape(Shape):
    """End the run."""

    result: OptionalText = None


class FailureShape(Shape):
    """What follows a failed command."""

    retry: Annotated[int, PlainValidator(bounded(values.parse_integer, 0, 20)), _integer(0, 20)] = 0
    then: Label = Field(default=FailureAction.STOP.value, description="A label, `continue` or `stop`.")


class SwitchShape(Shape):
    """Go to the label whose case equals the text."""

    switch: Spoken
    cases: Annotated[dict[str, Label], Field(min_length=1)]
    otherwise: Label


class GotoShape(Shape):
    """Go to a label."""

    goto: Label


class OptionsShape(Shape):
    """What an entry may hold beside its command."""

    id: Annotated[str | None, PlainValidator(_entry_label), _LABEL] = None
    when: Annotated[Condition | None, PlainValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})] = (
        Field(default=None, description="An expression; the entry is skipped when it is false.")
    )
    save: Annotated[str | None, PlainValidator(_variable_name), _TEXT] = Field(
        default=None, description="The variable that receives the digits."
    )
    if_unknown: Annotated[Policy | None, PlainValidator(_policy), _words("repeat", "skip", "stop")] = Field(
        default=None, description="What to do when it cannot be known whether the command ran."
    )
    sensitive: Annotated[bool | None, PlainValidator(values.parse_boolean), _FLAG] = Field(
        default=None, description="Whether the digits are secret."
    )
    duration: MediaTime = Field(default=None, description="How long the media lasts.")
    group: Annotated[str | None, PlainValidator(_group), _words("alone")] = Field(
        default=None, description="`alone`: never sent together with other commands."
    )


class VariableShape(Shape):
    """The declaration of a variable."""

    required: Flag = False
    default: Annotated[Any, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})] = None
    type: Annotated[str, PlainValidator(_type), _words("text", "integer", "number", "boolean")] = "text"
    sensitive: Flag = False
    description: Annotated[str, PlainValidator(_described), WithJsonSchema({"type": "string"})] = ""


COMMANDS: dict[str, type[Shape]] = {
    "dial": DialShape,
    "answer": EmptyShape,
    "say": SayShape,
    "play": PlayShape,
    "get_dtmf": GetDtmfShape,
    "send_dtmf": SendDtmfShape,
    "hold": EmptyShape,
    "unhold": EmptyShape,
    "hangup": EmptyShape,
    "sms": SmsShape,
}
CONTROLS: dict[str, type[Shape]] = {"switch": SwitchShape, "goto": GotoShape, "end": EndShape}
