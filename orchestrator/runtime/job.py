"""What a tick of a campaign works on, and what it reports. `batches` makes the one, and tells of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orchestrator.core.budget import Demand
from orchestrator.core.campaign import Campaign, Occurrence
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.script import Script
from orchestrator.errors import OrchestratorError
from orchestrator.runtime.facts import HolidaysOf
from orchestrator.runtime.runner import Prepared
from orchestrator.runtime.shared import RunResult


class SameFileError(OrchestratorError):
    """The contacts file has the content of an earlier occurrence, and the campaign does not repeat (exit 65)."""

    exit_code = 65
    code = "same_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a tick works on.

    Attributes:
        campaign: With the closed dates in its calendar.
        occurrence: The one this tick is in.
        script: What is executed for each contact.
        longest_s: The longest that one call may last.
        longest_of: The longest that the call of a contact may last; None for that of any, or where it does not matter.
        contacts: Opens the contacts anew each time it is called.
        content_digest: Of the contacts file.
        prepare: Checks all that a contact's run needs. Raises UsageError or ScriptError.
        zones_of: The time zones of a number.
        forbidden: Why a number must not be called, read anew each time; None where it may.
        holidays_of: The public holidays of the country of a number, where the campaign goes by them.
        dial: What a new call asks of the account's request limits; None where none are set.
        fallback: The script of the text message to a contact who was not reached; None for none.
        has_secrets: Whether contacts carry variables that the journal does not keep.
        has_priorities: Whether contacts may differ in priority.
        come_to: Hears of every contact that the tick comes to, whatever becomes of it; of some more than once.
    """

    campaign: Campaign
    occurrence: Occurrence
    script: Script
    longest_s: float
    contacts: Callable[[], Iterable[Contact | Rejected]]
    content_digest: str
    prepare: Callable[[Contact], Prepared]
    zones_of: Callable[[str], frozenset[str]]
    forbidden: Callable[[str], str | None]
    holidays_of: HolidaysOf | None = None
    longest_of: Callable[[Contact], float | None] = lambda _: None
    dial: Demand | None = None
    fallback: Script | None = None
    has_secrets: bool = False
    has_priorities: bool = False
    come_to: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Finished:
    """A call of a tick that has come to rest.

    Attributes:
        key: The occurrence key of its contact.
        result: Of driving its run.
        contact: Its row, where it was at hand.
    """

    key: str
    result: RunResult
    contact: Contact | None = None


@dataclass(slots=True)
class TickReport:
    """What a tick did.

    Attributes:
        called: Contacts for whom a call was begun.
        resumed: Calls that were carried on with.
        stopped: Why the tick ended before its list did; None where it did not.
        is_over: A person stopped the campaign: what is left of it waits for nothing.
        codes: Exit codes of what went wrong with the whole tick, not with a contact.
        troubles: What a person should know of, a sentence each.
        left_over: The occurrence keys of the contacts whose runs an earlier tick had left, and this one settled.
    """

    called: int = 0
    resumed: int = 0
    stopped: str | None = None
    is_over: bool = False
    codes: set[int] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)
    left_over: set[str] = field(default_factory=set)
