"""What an exploration of a script has found: what each mishap could come to, and where. Pure values.

`exploring` makes them, `verification` asks what would change them, `verificationwords` puts them into words.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.core.mishaps import Mishap


class Kind(StrEnum):
    """What a mishap could come to."""

    TWICE = "twice"  # heard, keyed, sent or rung twice
    ASKED_AGAIN = "asked_again"
    UNDECIDED = "undecided"
    NEVER_KNOWN = "never_known"
    ENDED = "ended"
    STALE = "stale"
    LEFT_OUT = "left_out"
    RESTS = "rests"


@dataclass(frozen=True, slots=True)
class Finding:
    """What could come of an entry of the script, and by which mishap.

    Attributes:
        kind: What.
        entry: Where.
        command: The name of the command that it is about.
        code: Of the fault that ends the call; empty otherwise.
        because: The mishaps, each with the entry whose request it befell.
        details: In the words of the run itself.
    """

    kind: Kind
    entry: int
    command: str
    code: str = ""
    because: tuple[tuple[int, Mishap], ...] = ()
    details: str = ""


@dataclass(slots=True)
class Exploration:
    """What was found.

    Attributes:
        findings: By entry, kind and code; the first mishaps that were found to lead there.
        courses: How many courses of events were followed to where they end, or join another.
        requests: How many requests were pretended.
        bound_reached: It was given up before all was seen.
    """

    findings: dict[tuple[int, Kind, str], Finding] = field(default_factory=dict)
    courses: int = 0
    requests: int = 0
    bound_reached: bool = False

    def kinds_at(self, entries: Collection[int]) -> frozenset[Kind]:
        """Return what could come of some entries."""
        return frozenset(kind for entry, kind, _ in self.findings if entry in entries)
