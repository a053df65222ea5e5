"""What simulations are made of: scripts, callees, networks and mishaps, as plain data. `drawing` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.budget import ApiLimits
from orchestrator.core.script import Dial, Entry, Plain, Policy, Script, Variables
from orchestrator.core.settings import Mode
from orchestrator.errors import ExpressionError
from orchestrator.sandbox.callees import Behaviour
from tests.fakes.transport import Treatment

TO, FROM = "+15555550100", "+15555550199"


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
        disk_full: It does not die: that append and all later ones fail, and it ends the call without an intent.
        reboots: The machine is started again before the next process.
    """

    append: int | None = None
    takes_effect: bool = False
    after_s: float = 0.0
    gap_s: float = 0.0
    disk_full: bool = False
    reboots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Theft:
    """How one process loses its lease while it lives: another one takes the run over.

    Attributes:
        request: It is stopped (SIGSTOP) right before the first byte of this request of its own; None: at a moment.
        after_s: When, if not at a request.
        stopped_s: For how long; None: it is not stopped, but its heartbeat is starved.
        rival_s: How long after that the other process comes; one that finds the lease held comes again.
    """

    request: int | None = None
    after_s: float = 0.0
    stopped_s: float | None = None
    rival_s: float = 31.0


@dataclass(frozen=True, slots=True)
class Stop:
    """The first process is told to stop (SIGTERM) so long after its start; its call may go on for `grace_s`."""

    after_s: float
    grace_s: float = 30.0
    hand_over: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """This machine's wall clock is set forward, or back."""

    at_s: float
    forward_s: float


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
class Incoming:
    """The call that a run begins on: somebody calls us.

    Attributes:
        rings_at_s: When that begins.
        delays: For each time the event that announces it is delivered: how long after it arose; none: it is lost.
        apart_s: How much later than the first process a second one hears of each delivery; None: there is no second.
    """

    rings_at_s: float = 0.2
    delays: tuple[float, ...] = (0.05,)
    apart_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One simulation, whole.

    Attributes:
        script: What is run.
        callee: Who answers how.
        treatments: What the network does to the first requests, in order; the rest goes through.
        crashes: How the first processes die, or lose their lease.
        limit_s: The network limit that steps are packed for.
        words_per_minute: How fast the server speaks.
        skew_s: How far the server's clock is ahead.
        capabilities: What the server offers beyond the minimum.
        drowsy_s: How late the heartbeat may be.
        fates: What becomes of the first events, in order; all others arrive. None: nobody receives events.
        modes: How the first process learns that a step is over, the second, and so on; the last is that of all others.
        jumps: When the wall clock is set.
        cancel_s: When a person asks for the end of the call; None: nobody does.
        stop: When the first process is told to stop; None: nobody tells it so.
        resolved: A person who knows what really happened gives each verdict that is waited for.
        abandoned: Nobody resumes the run after its first process: it is reaped.
        extra: Further settings of the run, by name.
        jitter: The seed of what the runner draws; None: it draws a half.
        limits: The request limits of the account, which every process keeps; None: nobody does.
        others: When other runs of the account ask for a place within them.
        incoming: The call that it begins on, which the callee makes; None: the script dials.
    """

    script: Script
    callee: Behaviour = ATTENTIVE
    treatments: tuple[Treatment, ...] = ()
    crashes: tuple[Crash | Theft, ...] = ()
    limit_s: float | None = None
    words_per_minute: float = 150.0
    skew_s: float = 0.0
    capabilities: tuple[str, ...] = ()
    drowsy_s: float = 20.0
    modes: tuple[Mode, ...] = ()
    fates: tuple[Fate, ...] | None = None
    jumps: tuple[Jump, ...] = ()
    cancel_s: float | None = None
    stop: Stop | None = None
    resolved: bool = False
    abandoned: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    jitter: int | None = None
    limits: ApiLimits | None = None
    others: tuple[float, ...] = ()
    incoming: Incoming | None = None

    def __repr__(self) -> str:
        last = self.script.entries[-1].written if self.script.entries else "turned down"
        return f"Scenario({last}, …)"  # the whole story stands in the error's note


def script_of(*elements: object, policy: Policy | None = None) -> Script:
    """Return a script that dials, and then has these elements."""
    dial = entry_of(Dial(to=Plain(TO), from_=Plain(FROM)), 0)
    rest = [entry_of(element, at, if_unknown=policy) for at, element in enumerate(elements, start=1)]
    return Script(name="written", entries=(dial, *rest))


def entry_of(element: object, at: object, **options: object) -> Entry:
    """Return an entry of a script, with a digest of its own."""
    digest = f"{at}:{element}:{options}"
    return Entry(element=element, digest=digest, written=f"{type(element).__name__.lower()} {at}", **options)  # type: ignore[arg-type]
