"""What an author wrote, checked and typed: a `Script` of entries, each a command or a control element.

`scriptfile` builds it from text; the planner, `decide` and the reports read it. It knows no file format and no
template engine: text with variables comes as an object with `render`, conditions as one with `holds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from orchestrator.core.budget import ApiLimits

Value = str | int | float | bool
SettingValue = Value | ApiLimits
Variables = Mapping[str, Value]


class Text(Protocol):
    """Text that may name variables. Pure: the same variables give the same text."""

    @property
    def source(self) -> str:
        """The text as written."""

    @property
    def names(self) -> frozenset[str]:
        """The variables it reads."""

    def render(self, variables: Variables) -> str:
        """Return the text with its variables filled in. Raises ExpressionError for an unknown name."""


class Condition(Protocol):
    """An expression that is true or false. Pure."""

    @property
    def source(self) -> str:
        """The expression as written."""

    @property
    def names(self) -> frozenset[str]:
        """The variables it reads."""

    def holds(self, variables: Variables) -> bool:
        """Evaluate it. Raises ExpressionError."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Text without variables."""

    source: str

    @property
    def names(self) -> frozenset[str]:
        """No variable is read."""
        return frozenset()

    def render(self, variables: Variables) -> str:  # noqa: ARG002 - the protocol's signature
        """Return the text as written."""
        return self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Ring the callee (contract section 3). `timeout_s` None: what fits the network limit, at most 30 s."""

    to: Text
    from_: Text
    timeout_s: float | None = None
    schedule_start: Text | None = None
    schedule_expire: Text | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Accept an incoming call."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play a media file by its UUID."""

    resource_id: Text


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text."""

    text: Text
    voice: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDtmf:
    """Collect digits. `timeout_s` starts again with each digit. None: the contract's defaults (15 s, 1, `#`)."""

    timeout_s: float | None = None
    max_digits: int | None = None
    terminate_on: Text | None = None
    prompts: tuple[Say | Play, ...] = ()


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Key digits into the call."""

    dtmf: Text


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the call on hold."""


@dataclass(frozen=True, slots=True)
class Unhold:
    """Take the call off hold."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """Send a text message (contract section 2, `POST /sms`); 480 characters at most."""

    to: Text
    from_: Text
    message: Text


Command = Dial | Answer | Play | Say | GetDtmf | SendDtmf | Hold | Unhold | Hangup | Sms


@dataclass(frozen=True, slots=True)
class Switch:
    """Go to the label of the case that equals the rendered text, else to `otherwise`."""

    subject: Text
    cases: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Go to a label."""

    label: str


@dataclass(frozen=True, slots=True)
class End:
    """End the run with a result text; the call is hung up unless `leave_up`."""

    result: Text | None = None


Control = Switch | Goto | End


class Policy(StrEnum):
    """What to do with a step whose truth cannot be known (rules, section 4.4, `if_unknown`)."""

    REPEAT = "repeat"
    SKIP = "skip"
    STOP = "stop"


class FailureAction(StrEnum):
    """What follows when a command failed and its retries are used up."""

    STOP = "stop"
    CONTINUE = "continue"
    GOTO = "goto"


@dataclass(frozen=True, slots=True)
class OnFailure:
    """`on_failure` of an entry. `label` is set for GOTO only."""

    retry: int = 0
    action: FailureAction = FailureAction.STOP
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in its file, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One element of a script's list.

    Attributes:
        element: The command or control element.
        digest: Hex SHA-256 of the element and its options as written; literal `send_dtmf` digits are masked in it.
        written: One line that shows the element as written (digits masked), for diffs and reports.
        place: Where it stands.
        label: Its `id`.
        when: Skip the entry when this is false.
        save: The variable that receives the digits of a `get_dtmf`.
        on_failure: What to do when the command fails.
        has_on_failure: Whether the author wrote `on_failure` (it ends a packed step, rules, section 6).
        if_unknown: The author's policy; None for the default of the command's replay class.
        sensitive: Whether the digits of a `get_dtmf` are secret; rules, section 4.10 is already applied.
        duration_s: The author's hint of how long a `play` lasts.
        alone: `group: alone`: never packed with other commands.
    """

    element: Command | Control
    digest: str
    written: str
    place: Place = Place(1, 1)
    label: str | None = None
    when: Condition | None = None
    save: str | None = None
    on_failure: OnFailure = OnFailure()
    has_on_failure: bool = False
    if_unknown: Policy | None = None
    sensitive: bool = False
    duration_s: float | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A declared variable of a script. `type` is one of text, integer, number, boolean."""

    name: str
    required: bool = False
    default: Value | None = None
    type: str = "text"
    sensitive: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole script, valid by every rule that can be checked offline.

    Attributes:
        name: The script's `name`, else its file's stem.
        entries: In the order of the file. The first is a `Dial` or an `Answer`.
        variables: Declared variables.
        settings: The script's own `settings`, by the field names of `core.settings.Settings`.
        digest: Hex SHA-256 of the masked source.
        source: The text as written, with literal `send_dtmf` digits masked; what the journal keeps.
        masked: Whether something was masked, so that `source` alone cannot be run.
        path: The file, as an absolute path; None for text given by a library.
        templates: Whether `{{ }}` is active (`version: 1`).
        warnings: What is legal but probably not meant, as `file:line:column: message`.
    """

    name: str
    entries: tuple[Entry, ...]
    variables: tuple[Variable, ...] = ()
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    digest: str = ""
    source: str = ""
    masked: bool = False
    path: str | None = None
    templates: bool = True
    warnings: tuple[str, ...] = ()

    def index_of(self, label: str) -> int:
        """Return the index of the entry with that `id`. Raises KeyError; a checked script never makes it."""
        for index, entry in enumerate(self.entries):
            if entry.label == label:
                return index
        raise KeyError(label)
