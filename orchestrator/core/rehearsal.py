"""Plays a script without a call: what would be said, asked and done, beat by beat, by the machine of real calls.

Pure: `decide` and `evolve` run with a server that is only pretended, and with which nothing goes wrong. Whoever plays
it, a person at a terminal or a test, takes one beat after the other and answers each question. Nothing waits here:
beats say how long they last.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.actions import Finish, Note, Orders, Send
from orchestrator.core.decide import decide
from orchestrator.core.durations import DIGIT_TIMEOUT_S, bounds, speech
from orchestrator.core.evolve import evolve, fold
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome, Reply, Request, WireCommand
from orchestrator.core.instant import Instant
from orchestrator.core.pretend import CALL_ID
from orchestrator.core.records import Branched, BranchKind, Disposition, EndDecided, Intended, RunStarted, Status
from orchestrator.core.script import Script, Value
from orchestrator.core.sentences import sentences
from orchestrator.core.taken import concluded

HANG_UP = "h"
"""The answer to a beat of a callee who hangs up: no key is called that."""
_TERMINATOR = "#"
_KEYED_AFTER_S = 1.0
_ORDERS = Orders()


@dataclass(frozen=True, slots=True)
class Rang:
    """The phone rings, and is answered."""

    to: str
    from_: str
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence is heard."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Did:
    """A command that says nothing: a file is played, keys are sent, a message goes out, the call is held.

    Attributes:
        what: The command.
        detail: What it is about; keys are counted, not shown.
        seconds: How long it lasts.
    """

    what: str
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Keys are awaited. The answer is the keys, None where none came in time, or HANG_UP.

    Attributes:
        timeout_s: How long each key is waited for.
        max_digits: How many there can be.
        terminate_on: The key that ends them.
        secret: They are not to be shown.
    """

    timeout_s: float
    max_digits: int
    terminate_on: str
    secret: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Went:
    """A branch was taken: why, and to which label; an empty one is the next entry, or a repeat of this one."""

    kind: BranchKind
    label: str
    line: int
    reason: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over; `by_callee` says who ended it."""

    by_callee: bool
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run is over.

    Attributes:
        status: Of the run.
        disposition: Of its call.
        result: The text of `end`.
        why: What went wrong; None where nothing did.
        variables: What is known at the end, but for secrets.
    """

    status: Status
    disposition: Disposition
    result: str | None = None
    why: str | None = None
    variables: dict[str, Value] = field(default_factory=dict)
    seconds: float = 0.0


Beat = Rang | Said | Did | Asked | Went | HungUp | Ended
Answer = str | None
Play = Generator[Beat, Answer, None]


def rehearse(script: Script, begun: RunStarted) -> Play:
    """Play a script: yield its beats; send the answer to each question into the generator.

    HANG_UP may be sent at any beat of a call that is up; what else is sent to beats that ask nothing is ignored.

    Args:
        script: The script.
        begun: The pretended run (`pretend.begun`), with its variables; its mode is sync.
    """
    state, now = fold([begun]), begun.at
    while True:
        action = decide(state, script, now, orders=_ORDERS, jitter=0.5)
        match action:
            case Note(record):
                before, state = state, evolve(state, record)
                if isinstance(record, Branched):
                    yield _went(record, script)
                elif isinstance(record, EndDecided) and record.fault is not None and before.call_up:
                    yield Did("note", record.fault.message)
            case Send(intent=intent, request=request):
                state = evolve(state, intent)
                reply = yield from _answered(request, intent, now, begun)
                now = reply.ended
                state = evolve(state, concluded(reply, intent))
            case Finish(record):
                shown = {name: value for name, value in state.variables.items() if name not in state.secret_names}
                yield Ended(
                    status=record.status,
                    disposition=record.disposition,
                    result=record.result,
                    why=None if record.fault is None else record.fault.message,
                    variables=shown,
                )
                return
            case _:
                raise AssertionError("nothing is uncertain in a rehearsal")


def collected(keys: str, asked: Asked) -> str:
    """Return the digits that a question gets from keys: up to the one that ends them, and no more than it takes."""
    return keys.partition(asked.terminate_on)[0][: asked.max_digits]


def _went(record: Branched, script: Script) -> Went:
    place = script.entries[record.entry].place
    return Went(record.kind, record.label or "", place.line, record.reason)


def _answered(request: Request, intent: Intended, now: Instant, begun: RunStarted) -> Generator[Beat, Answer, Reply]:
    """Play a request's commands one by one, and make the reply to it."""
    results: list[CommandResult] = []
    over = ""
    if request.operation is Operation.END:
        yield HungUp(by_callee=False)
        over = "command"
    for command in request.commands:
        (name,) = command
        result, lasted_s = yield from _played(command, secret=intent.sensitive, begun=begun)
        now = now.plus(lasted_s)
        results.append(result)
        if result.error == "hangup":
            yield HungUp(by_callee=True)
            over = "remote"
        elif name == "hangup":
            yield HungUp(by_callee=False)
            over = "command"
        if not result.ok:
            break
    call = CallSeen(call_id=CALL_ID, status="hangup" if over else "ready", hangup_cause=over or None)
    return Reply(
        outcome=Outcome.DONE,
        reason="played",
        ended=now,
        first_byte=now,
        status=200,
        call=None if request.operation is Operation.SMS else call,
        results=tuple(results),
    )


def _played(
    command: WireCommand, *, secret: bool, begun: RunStarted
) -> Generator[Beat, Answer, tuple[CommandResult, float]]:
    """Play one command; return its result, and how long it lasted in seconds."""
    ((name, parameters),) = command.items()
    beats = _beats(name, parameters, begun)
    lasted_s = 0.0
    for beat in beats:
        lasted_s += beat.seconds
        if (yield beat) == HANG_UP and name != "sms":
            return CommandResult(command=name, ok=False, error="hangup"), lasted_s
    if name != "get_dtmf":
        return CommandResult(command=name), lasted_s
    asked = Asked(
        timeout_s=parameters.get("timeout", DIGIT_TIMEOUT_S),
        max_digits=parameters.get("max_digits", 1),
        terminate_on=parameters.get("terminate_on", _TERMINATOR),
        secret=secret,
    )
    keys = yield asked
    if keys == HANG_UP:
        return CommandResult(command=name, ok=False, error="hangup"), lasted_s
    if keys is None:
        return CommandResult(command=name, ok=False, error="timeout"), lasted_s + asked.timeout_s
    digits = collected(keys, asked)
    return CommandResult(command=name, digits=digits), lasted_s + _KEYED_AFTER_S


def _beats(name: str, parameters: Any, begun: RunStarted) -> list[Beat]:
    """Return what is noticed of a command before anybody has to answer."""
    rate = begun.settings.words_per_minute
    match name:
        case "dial":
            return [Rang(parameters["to"], parameters["from"])]
        case "say":
            spoken = [text.strip() for text in sentences(parameters["text"])]
            return [Said(text, speech(text, words_per_minute=rate).expected_s) for text in spoken if text]
        case "get_dtmf":
            prompts = [next(iter(prompt.items())) for prompt in parameters.get("commands", ())]
            return [beat for prompt, its in prompts for beat in _beats(prompt, its, begun)]
        case "play":
            lasts_s = bounds({name: parameters}, words_per_minute=rate).expected_s
            return [Did("play", str(parameters["resource_id"]), lasts_s)]
        case "send_dtmf":
            keys = len(parameters["dtmf"])
            lasts_s = bounds({name: parameters}, words_per_minute=rate).expected_s
            return [Did("send_dtmf", f"{keys} key{'' if keys == 1 else 's'}", lasts_s)]
        case "sms":
            return [Did("sms", f"to {parameters['to']}: {parameters['message']}", 1.0)]
        case "hangup":
            return []
        case _:
            return [Did(name)]
