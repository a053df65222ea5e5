"""What `verify` says of a script, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.core.findings import Finding, Kind
from orchestrator.core.records import ReplayClass
from orchestrator.core.verification import Verification, Verified, VerifiedStep, Way

_SHORT = {
    Kind.TWICE: "heard twice",
    Kind.ASKED_AGAIN: "asked again",
    Kind.UNDECIDED: "needs a person",
    Kind.NEVER_KNOWN: "never known",
    Kind.ENDED: "call ended",
    Kind.STALE: "too late",
    Kind.LEFT_OUT: "left out",
    Kind.RESTS: "to be resumed",
}
_TWICE = {"send_dtmf": "keyed twice", "sms": "sent twice", "dial": "rung twice"}
_IT_COULD = {
    Kind.TWICE: "run twice",
    Kind.ASKED_AGAIN: "be asked again",
    Kind.NEVER_KNOWN: "stay unknown",
    Kind.LEFT_OUT: "be left out",
}
_OR_ELSE = {
    Kind.UNDECIDED: "the run would stop and ask a person",
    Kind.ENDED: "the call could be ended",
    Kind.STALE: "the callee could have waited too long",
    Kind.RESTS: "it would wait for `resume`",
}
_ENDED = {
    "unreachable": "the call is ended as soon as the API is in reach again",
    "stale": "the call is ended, since the callee has waited for longer than max_silence",
    "lost_secret": "the call is ended, since secret digits are lost that a dangerous step stands behind",
}


def in_short(finding: Finding) -> str:
    """Return what could come of it in two words, for a table."""
    return _TWICE.get(finding.command, _SHORT[finding.kind]) if finding.kind is Kind.TWICE else _SHORT[finding.kind]


def sentences(verification: Verification) -> Iterator[str]:
    """Yield what was found, a paragraph for all steps with the same: what, by which mishaps, what changes it."""
    grouped: dict[tuple[str, ...], list[VerifiedStep]] = {}
    for step, verified in verification.findings:
        because = _because(verified.finding, step, verification)
        told = (_what(verified.finding, verification), *because, *_helps(verified, step))
        steps = grouped.setdefault(told, [])
        if step not in steps:
            steps.append(step)
    for (what, *lines), steps in grouped.items():
        yield "\n".join([f"{_named(steps)}: {what}", *(f"    {each}" for each in lines)])


def shaping(verification: Verification) -> Iterator[str]:
    """Yield the settings that shape what was found, with the values they have."""
    settings = verification.begun.settings
    kinds = {(found.finding.kind, found.finding.code) for _, found in verification.findings}
    has = {kind for kind, _ in kinds}
    repeated = [step for step, found in verification.findings if found.finding.kind in (Kind.TWICE, Kind.ASKED_AGAIN)]
    if any(step.planned.step.replay_class in (ReplayClass.HEARD, ReplayClass.ASKS) for step in repeated):
        spoken = settings.replay_preamble
        yield "replay_preamble: " + (
            "a line of yours, spoken before what is repeated; none is set" if spoken is None else f"“{spoken}”"
        )
        yield f"settle_heard: {settings.settle_heard_s:g} s of looking at the call before something is repeated"
    if Kind.UNDECIDED in has:
        yield f"settle_dangerous: {settings.settle_dangerous_s:g} s of looking before a person is asked"
    if Kind.STALE in has or {(Kind.ENDED, "stale"), (Kind.ENDED, "unreachable")} & kinds:
        label = "none is set: the call is ended" if settings.on_stale is None else f"`{settings.on_stale}`"
        yield f"max_silence: {settings.max_silence_s:g} s that a callee is left waiting"
        yield f"on_stale: the label to go to when a resume comes later than that; {label}"
    if any(each.finding.command == "get_dtmf" for _, each in verification.findings):
        yield "on_failure: what follows a question without an answer; a repeat after a lost reply is none of its tries"


def conclusion(verification: Verification) -> Iterator[str]:
    """Yield what was explored, and what it comes to."""
    mishaps = "one mishap" if verification.faults == 1 else f"up to {verification.faults} mishaps"
    yield (
        f"Followed {verification.courses:,} courses of events, with {mishaps} each and {verification.requests:,} "
        "requests in all."
    )
    if verification.bound_reached:
        yield f"The bound of {verification.most_requests:,} requests was reached: there may be more than was found."
    found = [verified.finding for _, verified in verification.findings]
    worse = [each.command for each in found if each.kind is Kind.TWICE and each.command in _TWICE]
    if worse:
        yield f"Dangerous work could be done twice: {', '.join(dict.fromkeys(worse))}."
    else:
        yield "Nothing dangerous runs twice: no dial, no keys, no text message."
    open_ones = [each for each in found if each.kind is Kind.UNDECIDED]
    yield (
        f"{_counted(len({each.entry for each in open_ones}), 'step')} could need a person's verdict."
        if open_ones
        else "No step needs a person's verdict."
    )


def _what(finding: Finding, verification: Verification) -> str:
    match finding.kind:
        case Kind.TWICE:
            return f"could be {_TWICE.get(finding.command, 'heard twice')}"
        case Kind.ASKED_AGAIN if finding.code:
            return "the question is asked again, since its digits are secret and are lost with the process"
        case Kind.ASKED_AGAIN:
            return "the question could be asked again"
        case Kind.UNDECIDED:
            return "what has happened could stay unknown, and the run stops until a person says it (`resolve`)"
        case Kind.NEVER_KNOWN:
            return "whether it ran could stay unknown, and nobody is asked"
        case Kind.ENDED:
            return _ENDED.get(finding.code, f"the call is ended ({finding.code})")
        case Kind.STALE:
            label = verification.begun.settings.on_stale
            return f"the call goes to `{label}` (on_stale), since the callee has waited for longer than max_silence"
        case Kind.LEFT_OUT:
            return "could be left out"
        case Kind.RESTS:
            return "the process gives up, and the run waits for `resume`"


def _because(finding: Finding, step: VerifiedStep, verification: Verification) -> list[str]:
    """Return the mishaps, a line each; one of another step only where none of its own leads there."""
    own = sorted(mishap.value for entry, mishap in finding.because if entry in step.planned.step.entries)
    entry, mishap = finding.because[0]
    told = own or [f"at step {verification.number_of(entry)}, {mishap.value}"]
    return [f"{'or' if number else 'if'} {text}" for number, text in enumerate(told)]


def _helps(verified: Verified, step: VerifiedStep) -> Iterator[str]:
    for way in verified.ways:
        yield f"{way.change}: {_instead(way)}"
    if verified.finding.kind in (Kind.TWICE, Kind.ASKED_AGAIN) and len(step.planned.step.names) > 1:
        yield f"`group: alone`: its {len(step.planned.step.names)} commands are not repeated together"


def _instead(way: Way) -> str:
    could = _either([_IT_COULD[kind] for kind in way.instead if kind in _IT_COULD])
    told = [*([f"it could {could}"] if could else []), *(_OR_ELSE[kind] for kind in way.instead if kind in _OR_ELSE)]
    instead = f"{', or '.join(told)} instead" if told else "that does not happen"
    left = sorted({mishap.value for _, mishap in way.left})
    return f"{instead}, unless {', or '.join(left)}" if left else instead


def _either(told: Sequence[str]) -> str:
    """Return a list of which one comes true, in words."""
    *others, last = told or [""]
    return f"{', '.join(others)} or {last}" if others else last


def _named(steps: Iterable[VerifiedStep]) -> str:
    numbers = [str(step.number) for step in steps]
    return f"Step {numbers[0]}" if len(numbers) == 1 else f"Steps {', '.join(numbers)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
