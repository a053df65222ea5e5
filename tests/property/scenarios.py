"""What the property tests are made of: scripts, callees, networks and crashes, as plain data that shrinks well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from orchestrator.core.script import (
    Dial,
    End,
    Entry,
    FailureAction,
    GetDtmf,
    Goto,
    Hangup,
    Hold,
    OnFailure,
    Plain,
    Policy,
    Say,
    Script,
    SendDtmf,
    Sms,
    Switch,
    Unhold,
    Variables,
)
from orchestrator.core.settings import Mode
from orchestrator.errors import ExpressionError
from orchestrator.sandbox.callees import Behaviour
from tests.fakes.transport import CLEAN, RawAnswer, Treatment

TO, FROM = "+15555550100", "+15555550199"
_WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima")


ATTENTIVE = Behaviour()
"""Answers after a second, presses nothing, and listens to the end."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A text, or a condition, that reads one variable; `holds` when it is `1`."""

    name: str

    @property
    def source(self) -> str:
        """As an author would write it."""
        return "{{ " + self.name + " }}"

    @property
    def names(self) -> frozenset[str]:
        """The variable."""
        return frozenset({self.name})

    def render(self, variables: Variables) -> str:
        """Return its value."""
        if self.name not in variables:
            raise ExpressionError(f"`{self.name}` is not known")
        return str(variables[self.name])

    def holds(self, variables: Variables) -> bool:
        """Whether it is `1`."""
        return self.render(variables) == "1"


@dataclass(frozen=True, slots=True)
class Crash:
    """How one process dies.

    Attributes:
        append: At which of its appends; None: at a moment.
        takes_effect: Whether that append is on disk.
        after_s: When, if not at an append.
        gap_s: How long it takes until the next process begins.
    """

    append: int | None = None
    takes_effect: bool = False
    after_s: float = 0.0
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one event.

    Attributes:
        delays: For each time it is delivered, how long after it arose; none: it is lost.
        lie_after_s: So long after it an untrue one is delivered: the call is over, and nothing was pressed.
    """

    delays: tuple[float, ...] = (0.05,)
    lie_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One simulation, whole.

    Attributes:
        script: What is run.
        callee: Who answers how.
        treatments: What the network does to the first requests, in order; the rest goes through.
        crashes: How the first processes die.
        limit_s: The network limit that steps are packed for.
        words_per_minute: How fast the server speaks.
        skew_s: How far the server's clock is ahead.
        capabilities: What the server offers beyond the minimum.
        drowsy_s: How late the heartbeat may be.
        fates: What becomes of the first events, in order; all others arrive. None: nobody receives events.
        modes: How the first process learns that a step is over, the second, and so on; the last is that of all others.
    """

    script: Script
    callee: Behaviour = ATTENTIVE
    treatments: tuple[Treatment, ...] = ()
    crashes: tuple[Crash, ...] = ()
    limit_s: float | None = None
    words_per_minute: float = 150.0
    skew_s: float = 0.0
    capabilities: tuple[str, ...] = ()
    drowsy_s: float = 20.0
    modes: tuple[Mode, ...] = ()
    fates: tuple[Fate, ...] | None = None

    def __repr__(self) -> str:
        return f"Scenario({self.script.entries[-1].written}, …)"  # the whole story stands in the error's note


# --- scripts ----------------------------------------------------------------------------------------------------------

_policies = st.sampled_from([None, None, Policy.REPEAT, Policy.SKIP, Policy.STOP])


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Draw a script that any author could have written; each sentence and each tone in it is its own."""
    entries: list[Entry] = [_entry(Dial(to=Plain(TO), from_=Plain(FROM)), "dial")]
    saved: list[str] = []
    for block in range(draw(st.integers(1, 6))):
        at = len(entries)
        match draw(
            st.sampled_from(["say", "say", "ask", "ask", "keys", "switch", "goto", "held", "when", "sms", "end"])
        ):
            case "say":
                entries.append(_said(draw, at))
            case "when" if saved:
                entries.append(_said(draw, at, when=Saved(saved[-1])))
            case "ask":
                entries.append(_asked(draw, at, saved))
            case "keys":
                tones = Plain(f"{at}{draw(st.integers(0, 10**6))}")
                entries.append(_entry(SendDtmf(tones), at, if_unknown=draw(_policies), on_failure=draw(_rules(block))))
            case "switch" if saved:
                cases = {"1": _label(draw(_places)), "2": _label(draw(_places))}
                entries.append(_entry(Switch(Saved(saved[-1]), cases, _label(draw(_places))), at))
            case "goto":
                entries.append(_entry(Goto(_label(draw(_places))), at))
            case "held":
                held = [_said(draw, at + 1)] if draw(st.booleans()) else []
                entries += [_entry(Hold(), at), *held, _entry(Unhold(), at + len(held) + 1)]
            case "sms":
                entries.append(_entry(Sms(to=Plain(TO), from_=Plain(FROM), message=Plain(f"message {at}")), at))
            case "end":
                entries.append(_entry(End(Plain(f"result {at}")), at))
            case _:
                entries.append(_said(draw, at))
    if draw(st.booleans()):
        entries.append(_entry(Hangup(), len(entries)))
    return _labelled(entries)


def script_of(*elements: object, policy: Policy | None = None) -> Script:
    """Return a script that dials, and then has these elements."""
    dial = _entry(Dial(to=Plain(TO), from_=Plain(FROM)), 0)
    rest = [_entry(element, at, if_unknown=policy) for at, element in enumerate(elements, start=1)]
    return Script(name="written", entries=(dial, *rest))


_places = st.integers(1, 12)


def _label(place: int) -> str:
    return f"L{place}"


def _entry(element: object, at: object, **options: object) -> Entry:
    digest = f"{at}:{element}:{options}"
    return Entry(element=element, digest=digest, written=f"{type(element).__name__.lower()} {at}", **options)  # type: ignore[arg-type]


def _said(draw: st.DrawFn, at: int, **options: object) -> Entry:
    count = draw(st.integers(1, 12))
    text = " ".join([f"s{at}", *_WORDS[: count - 1]])
    return _entry(Say(Plain(text)), at, if_unknown=draw(_policies), **options)


def _asked(draw: st.DrawFn, at: int, saved: list[str]) -> Entry:
    prompts = (Say(Plain(f"p{at} " + " ".join(_WORDS[: draw(st.integers(0, 5))]))),) if draw(st.booleans()) else ()
    digits = draw(st.sampled_from([None, 1, 2, 3]))
    element = GetDtmf(timeout_s=draw(st.sampled_from([3.0, 5.0])), max_digits=digits, prompts=prompts)
    name = draw(st.sampled_from([None, "choice", "pin"]))
    if name is not None:
        saved.append(name)
    rule = draw(_rules(at))
    return _entry(
        element,
        at,
        save=name,
        on_failure=rule,
        has_on_failure=rule != OnFailure(),
        if_unknown=draw(_policies),
        sensitive=(digits or 1) > 2 or draw(st.integers(0, 3)) == 0,
    )


def _rules(_at: int) -> st.SearchStrategy[OnFailure]:
    return st.one_of(
        st.just(OnFailure()),
        st.builds(OnFailure, retry=st.integers(0, 2), action=st.just(FailureAction.CONTINUE)),
        st.builds(OnFailure, retry=st.integers(0, 2), action=st.just(FailureAction.STOP)),
        st.builds(
            OnFailure,
            retry=st.integers(0, 1),
            action=st.just(FailureAction.GOTO),
            label=_places.map(_label),
        ),
    )


def _labelled(entries: list[Entry]) -> Script:
    """Give labels to the entries that are jumped to, and jumps the labels that there are."""
    from dataclasses import replace

    after_hangup = next((at for at, entry in enumerate(entries) if isinstance(entry.element, Hangup)), len(entries))
    held = [at for at in range(1, len(entries)) if _is_held(entries, at)]
    free = [at for at in range(1, after_hangup + 1) if at < len(entries) and at not in held] or [1]

    def real(label: str) -> str:
        return _label(free[int(label[1:]) % len(free)])

    used: set[str] = set()
    done: list[Entry] = []
    for entry in entries:
        element, rule = entry.element, entry.on_failure
        if isinstance(element, Switch):
            cases = {key: real(label) for key, label in element.cases.items()}
            element = Switch(element.subject, cases, real(element.otherwise))
            used |= {*cases.values(), element.otherwise}
        elif isinstance(element, Goto):
            element = Goto(real(element.label))
            used.add(element.label)
        if rule.label is not None:
            rule = replace(rule, label=real(rule.label))
            used.add(rule.label or "")
        done.append(replace(entry, element=element, on_failure=rule))
    labelled = [replace(entry, label=_label(at)) if _label(at) in used else entry for at, entry in enumerate(done)]
    return Script(name="drawn", entries=tuple(labelled), digest="d")


def _is_held(entries: list[Entry], at: int) -> bool:
    kinds = [type(entry.element) for entry in entries[:at]]
    return kinds.count(Hold) > kinds.count(Unhold)


# --- callees ----------------------------------------------------------------------------------------------------------

_keys = st.lists(st.sampled_from(["1", "2", "", "12", "123", "1"]), max_size=4).map(tuple)

answering = st.builds(
    Behaviour,
    does=st.just("answer"),
    after=st.sampled_from([1.0, 6.0]),
    keys=_keys,
    key_delay=st.sampled_from([0.5, 2.0]),
)
callees = st.one_of(
    answering,
    answering,
    st.builds(Behaviour, does=st.sampled_from(["busy", "no_answer", "reject", "fail"])),
    st.builds(Behaviour, keys=_keys, hangs_up_during=st.integers(1, 4)),
    st.builds(Behaviour, keys=_keys, hangs_up_after=st.sampled_from([0.3, 4.0, 11.0])),
)

# --- networks ---------------------------------------------------------------------------------------------------------

_soon = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0])
_late = st.sampled_from([0.5, 2.0, 4.0, 10.0, 30.0, 50.0])
_HTML = {"Content-Type": "text/html"}
_JSON = b'{"response": {"error": {"code": 0, "message": "no"}}}'


def _answer(status: int, **headers: str) -> RawAnswer:
    return RawAnswer(status, _JSON, {"Content-Type": "application/json", **headers})


throttled = st.sampled_from([_answer(429), _answer(429, **{"Retry-After": "3"}), _answer(503, **{"Retry-After": "2"})])
doubtful = st.sampled_from([_answer(500), RawAnswer(502, b"<html>", _HTML), _answer(503), _answer(504), _answer(408)])
redirect = st.just(RawAnswer(302, b"", {"Location": "/elsewhere"}))

mild = st.one_of(
    st.just(CLEAN),
    st.just(CLEAN),
    st.just(Treatment(refused=True)),
    st.builds(Treatment, deliveries=st.just(()), cut_after_s=_soon),  # cut before
    st.builds(Treatment, cut_after_s=_soon),  # cut while it runs
    st.just(Treatment(cut_by_reply=True)),  # cut after it ran
    st.just(Treatment(answered_by=None)),  # no reply, ever
    st.just(Treatment(deliveries=())),  # never arrives, no reply
    st.builds(Treatment, share=st.sampled_from([0.1, 0.9])),
    st.just(Treatment(emptied=True)),
    st.builds(Treatment, deliveries=st.just(()), cut_after_s=_soon, instead=throttled),
    st.builds(Treatment, deliveries=st.just(()), cut_after_s=_soon, instead=doubtful),  # and it did not run
    st.builds(Treatment, cut_after_s=_soon, instead=doubtful),  # and it runs on
    st.builds(Treatment, instead=doubtful),  # and it ran
    st.builds(Treatment, deliveries=st.just(()), cut_after_s=_soon, instead=redirect),
    st.builds(Treatment, deliveries=st.just(()), cut_after_s=_soon, instead=st.just(_answer(409))),
)


@st.composite
def late(draw: st.DrawFn) -> Treatment:
    """Draw a delivery after everybody gave up."""
    gives_up_s = draw(_soon)
    return Treatment(deliveries=(gives_up_s + draw(_late),), cut_after_s=gives_up_s)


@st.composite
def doubled(draw: st.DrawFn) -> Treatment:
    """Draw a request that something on the way sends twice."""
    first_s = draw(_soon)
    return Treatment(deliveries=(first_s, first_s + draw(_late)), answered_by=draw(st.sampled_from([0, 1, None])))


treatments = st.one_of(mild, mild, late(), doubled())

crashes = st.builds(
    Crash,
    append=st.one_of(st.none(), st.integers(0, 14)),
    takes_effect=st.booleans(),
    after_s=st.sampled_from([0.01, 0.5, 1.5, 3.0, 6.0, 12.0, 25.0, 70.0]),
    gap_s=st.sampled_from([0.0, 0.0, 2.0, 8.0, 15.0, 40.0, 200.0]),
)


_moments = st.sampled_from([0.0, 0.05, 0.05, 0.4, 3.0, 12.0])
fates = st.lists(
    st.builds(
        Fate,
        delays=st.lists(_moments, max_size=3).map(tuple),
        lie_after_s=st.sampled_from([None, None, None, 0.0, 0.5, 4.0]),
    ),
    max_size=12,
).map(tuple)


def scenarios(
    *,
    people: st.SearchStrategy[Behaviour] = callees,
    network: st.SearchStrategy[Treatment] | None = None,
    dying: st.SearchStrategy[Crash] | None = None,
    capabilities: st.SearchStrategy[tuple[str, ...]] | None = None,
    modes: st.SearchStrategy[tuple[Mode, ...]] | None = None,
    events: st.SearchStrategy[tuple[Fate, ...]] | None = None,
) -> st.SearchStrategy[Scenario]:
    """Return scenarios with these callees, networks and crashes; without a network it is clean, likewise the rest."""
    parts: Mapping[str, st.SearchStrategy[object]] = {
        "script": scripts(),
        "callee": people,
        "treatments": st.just(()) if network is None else st.lists(network, min_size=1, max_size=14).map(tuple),
        "crashes": st.just(()) if dying is None else st.lists(dying, min_size=1, max_size=3).map(tuple),
        "limit_s": st.sampled_from([None, None, 30.0, 60.0]),
        "words_per_minute": st.sampled_from([150.0, 110.0, 240.0]),
        "skew_s": st.sampled_from([0.0, 0.0, 25.0, -25.0]),
        "capabilities": st.just(()) if capabilities is None else capabilities,
        "drowsy_s": st.sampled_from([20.0, 20.0, 20.0, 0.0]),
        "modes": st.just(()) if modes is None else modes,
        "fates": st.none() if events is None else events,
    }
    return st.builds(Scenario, **parts)
