"""What the client believes of each request, from its journal, beside what the server saw, from its transcript.

`contradictions` holds the claims that may never be wrong, whatever lies between: what was `not_sent` never arrives,
what is `done` or `ran` did run, what `did_not_run` never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
_TELLING = {"dial": "to", "say": "text", "send_dtmf": "dtmf"}


@dataclass
class Believed:
    """What the client concluded of one entry of a script: for each sending its outcome, and the verdict on it."""

    outcomes: list[str] = field(default_factory=list)
    verdicts: list[str | None] = field(default_factory=list)

    def count(self, *words: str) -> int:
        """Return how many sendings ended with one of these outcomes, or got one of these verdicts."""
        return sum(outcome in words or verdict in words for outcome, verdict in self._pairs())

    def __str__(self) -> str:
        return ", ".join(outcome if verdict is None else f"{outcome}: {verdict}" for outcome, verdict in self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str | None]]:
        return zip(self.outcomes, self.verdicts, strict=True)


@dataclass(frozen=True)
class Happened:
    """What became of one entry of a script at the server: requests with it, beginnings, and whole executions.

    A dial is begun when the phone rings, and ran when it was taken: it may have expired, or nobody has answered.
    """

    seen: int
    begun: int
    ran: int


@dataclass(frozen=True)
class Row:
    """One entry of a script: its index, what was believed of it, and what happened."""

    entry: int
    command: str
    believed: Believed
    happened: Happened

    def contradictions(self, *, doubled: bool, told: bool) -> Iterator[str]:
        """Yield what the client believed and is not true.

        Args:
            doubled: Something on the way doubles: no upper bound holds, but more than was expected must be `told`.
            told: The run has a notice of a doubling.
        """
        sent, fact = len(self.believed.outcomes), self.happened
        never_arrived = self.believed.count("not_sent")
        refused = () if doubled else ("rejected",)  # of two copies one may run and the other one be answered
        never_ran = self.believed.count("not_sent", "throttled", "did_not_run", *refused)
        surely_ran = self.believed.count("done", "ran")
        if fact.seen > sent - never_arrived and not (doubled and never_arrived < sent):
            yield f"{self.command}: not_sent, and {fact.seen} requests arrived"
        if fact.begun > sent - never_ran and not (doubled and never_ran < sent):
            yield f"{self.command}: did not run, and {fact.begun} were begun"
        expected = sent - self.believed.count("not_sent", "throttled", "did_not_run", "rejected")
        if doubled and fact.begun > expected and not told:
            yield f"{self.command}: {expected} expected, {fact.begun} were begun, and nobody was told"
        if fact.ran < surely_ran:
            yield f"{self.command}: ran, and {fact.ran} did"
        if fact.begun < self.believed.count("partly"):
            yield f"{self.command}: ran partly, and {fact.begun} were begun"
        if self.command in ("dial", "send_dtmf") and fact.begun > 1 and not doubled:
            yield f"{self.command}: may never run twice, and {fact.begun} were begun"


def rows(commands: Sequence[Mapping[str, Any]], journal: Sequence[Entry], transcript: Sequence[Entry]) -> list[Row]:
    """Put together what is known of each entry of a script that was ever meant to be sent.

    Args:
        commands: The script's.
        journal: The records of the run, as `journal export` writes them.
        transcript: The sandbox's.
    """
    believed: dict[int, Believed] = {}
    last: Believed | None = None
    for record in journal:
        kind = record["t"]
        if kind == "Intended":
            last = None
            if record["operation"] in ("create", "command"):
                last = believed.setdefault(record["command_entries"][0], Believed())
                last.outcomes.append("unknown")
                last.verdicts.append(None)
        elif last is not None and kind == "Concluded":
            last.outcomes[-1] = record["outcome"]
        elif last is not None and kind == "Settled":
            last.verdicts[-1] = record["verdict"]
    found = [(entry, *_only(commands[entry])) for entry in believed]
    return [Row(entry, name, believed[entry], _happened(name, told, transcript)) for entry, name, told in found]


def _only(command: Mapping[str, Any]) -> tuple[str, str | None]:
    ((name, parameters),) = command.items()
    return name, parameters.get(_TELLING.get(name, ""))


def _happened(name: str, told: str | None, transcript: Sequence[Entry]) -> Happened:
    words = {"dial": "to", "send_dtmf": "keyed"}.get(name, "text")

    def of_it(event: str) -> Iterator[Entry]:
        named = (entry for entry in transcript if entry["event"] == event and entry.get("command") == name)
        return (entry for entry in named if told is None or entry.get(words) == told)

    posted = (entry for entry in transcript if entry["event"] == "request" and entry.get("body"))
    requests = [entry["request"] for entry in posted if _only(entry["body"]["commands"][0]) == (name, told)]
    if name == "dial":
        rung = sum(entry["event"] == "ringing" and entry["to"] == told for entry in transcript)
        replies = [entry["request"] for entry in transcript if entry["event"] == "reply" and entry["status"] == 201]
        return Happened(len(requests), begun=rung, ran=max(rung, len({*requests} & {*replies})))
    ran = sum(entry["status"] == "ok" for entry in of_it("ran"))
    return Happened(len(requests), begun=len(list(of_it("running"))), ran=ran)
