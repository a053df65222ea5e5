"""What a drill does to the requests of a script, and what came of it, beside what a clean run comes to.

Pure. The transcript of the stand-in server is the truth; it is given as the entries that it shows. `drill` starts the
processes, cuts and kills; this says where, and compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Entry = Mapping[str, Any]
_SENDS = frozenset({"POST", "PUT", "DELETE"})
_DANGEROUS = frozenset({"dial", "send_dtmf", "sms"})
_NOTICED = frozenset({"say", "play", "get_dtmf", "send_dtmf"})


class Blow(StrEnum):
    """What is done to one request. The value is for people."""

    NONE = "no fault"
    LOST = "lost before the API accepts it"
    REPLY_LOST = "its reply is lost after it has run"
    KILLED = "the process is killed with -9 in its middle, and the run resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill.

    Attributes:
        blow: What is done.
        request: To which request of the clean run, from 0.
        method: Its method.
        path: A pattern of its path.
        nth: It is so many-th with this method and pattern, from 1.
        of_method: It is so many-th with this method, from 1.
        what: Its commands, in words.
    """

    blow: Blow = Blow.NONE
    request: int = 0
    method: str = ""
    path: str = ""
    nth: int = 1
    of_method: int = 1
    what: str = ""

    def fault(self) -> dict[str, Any] | None:
        """Return the fault for the stand-in server; None where the server is not to do anything."""
        chosen = {"method": self.method, "path": self.path, "nth": self.nth}
        match self.blow:
            case Blow.LOST:
                return {**chosen, "place": "before", "kind": "reset"}
            case Blow.REPLY_LOST:
                return {**chosen, "place": "after", "kind": "close"}
            case _:
                return None


@dataclass(frozen=True, slots=True, order=True)
class Noticed:
    """Something a person noticed: what it was, and its text; keys are counted, not shown."""

    command: str
    text: str = ""

    @property
    def is_dangerous(self) -> bool:
        """Whether it must never happen twice."""
        return self.command in _DANGEROUS


_SILENT = Noticed("get_dtmf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill came to.

    Attributes:
        drill: Which.
        noticed: What the callee noticed, in order.
        twice: What was noticed more often than without a fault; the line that announces a repeat is not one.
        left_out: What was not noticed, or less often.
        status: Of the run; empty where it did not come to rest.
        disposition: Of its call.
        why: What went wrong, in words.
    """

    drill: Drill
    noticed: tuple[Noticed, ...]
    twice: tuple[Noticed, ...] = ()
    left_out: tuple[Noticed, ...] = ()
    status: str = ""
    disposition: str | None = None
    why: str | None = None

    @property
    def came_to_rest(self) -> bool:
        """Whether the run ended, or asks a person."""
        return self.status in ("completed", "failed", "cancelled", "undecided")

    @property
    def is_safe(self) -> bool:
        """Whether nothing dangerous was done twice, and the run came to rest."""
        return self.came_to_rest and not any(each.is_dangerous for each in self.twice)

    def to_document(self) -> dict[str, Any]:
        """Return what `drill --json` shows of it."""
        return {
            "request": None if self.drill.blow is Blow.NONE else self.drill.request,
            "commands": self.drill.what,
            "blow": self.drill.blow.name.lower(),
            "safe": self.is_safe,
            "status": self.status or None,
            "disposition": self.disposition,
            "why": self.why,
            "heard": [_document(each) for each in self.noticed],
            "twice": [_document(each) for each in self.twice],
            "left_out": [_document(each) for each in self.left_out],
        }


def drills_of(transcript: Iterable[Entry]) -> Iterator[Drill]:
    """Yield a drill for each blow to each request that a clean run has sent; looks at the call are left alone."""
    by_path: Counter[tuple[str, str]] = Counter()
    by_method: Counter[str] = Counter()
    sent = [entry for entry in transcript if entry["event"] == "request" and entry["method"] in _SENDS]
    for number, entry in enumerate(sent):
        method, path = entry["method"], _pattern(entry["path"])
        by_path[method, path] += 1
        by_method[method] += 1
        for blow in (Blow.LOST, Blow.REPLY_LOST, Blow.KILLED):
            yield Drill(
                blow=blow,
                request=number,
                method=method,
                path=path,
                nth=by_path[method, path],
                of_method=by_method[method],
                what=_what(entry, path),
            )


def noticed(transcript: Iterable[Entry]) -> tuple[Noticed, ...]:
    """Return what people noticed, in order, as a transcript tells it."""
    found: list[Noticed] = []
    for entry in transcript:
        command = entry.get("command", "")
        match entry["event"]:
            case "ringing":
                found.append(Noticed("dial", str(entry["to"])))
            case "sms":
                found.append(Noticed("sms", str(entry["to"])))
            case "running" if entry.get("prompt") and command in _NOTICED:
                if found and found[-1] == _SILENT:  # what is noticed of a question is what it says
                    found.pop()
                found.append(Noticed("asked", _text(entry)))
            case "running" if command in _NOTICED:
                found.append(Noticed(command, _text(entry)))
            case _:
                pass
    return tuple(found)


def compared(
    drill: Drill,
    transcript: Iterable[Entry],
    *,
    clean: Sequence[Noticed],
    document: Mapping[str, Any] | None,
    preamble: str | None = None,
) -> Drilled:
    """Return what a drill came to.

    Args:
        drill: Which.
        transcript: Of the stand-in server.
        clean: What was noticed without a fault.
        document: Of the run; None where there is none.
        preamble: What is spoken before a repeat (`replay_preamble`).
    """
    found = noticed(transcript)
    announced = None if preamble is None else Noticed("say", preamble)
    twice = (each for each in (Counter(found) - Counter(clean)).elements() if each != announced)
    error = None if document is None else document["error"]
    return Drilled(
        drill=drill,
        noticed=found,
        twice=tuple(sorted(twice)),
        left_out=tuple(sorted((Counter(clean) - Counter(found)).elements())),
        status="" if document is None else document["status"],
        disposition=None if document is None else document["disposition"],
        why=None if error is None else error["message"],
    )


def _pattern(path: str) -> str:
    plain = path.partition("?")[0]
    return "/calls/*" if plain.startswith("/calls/") else plain


def _what(entry: Entry, path: str) -> str:
    if path == "/sms":
        return "sms"
    return "hang up" if entry["method"] == "DELETE" else ", ".join(entry["commands"])


def _text(entry: Entry) -> str:
    keyed = entry.get("keyed")
    if keyed is not None:
        return f"{len(keyed)} key{'' if len(keyed) == 1 else 's'}"
    return str(entry.get("text") or entry.get("resource_id") or "")


def _document(found: Noticed) -> dict[str, str]:
    return {"command": found.command, "text": found.text}
