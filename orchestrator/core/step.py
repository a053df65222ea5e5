"""The next step of a script: one request, exact, from rendered text (rules, section 6).

Pure. `decide` asks for it before each send; `plan` walks a whole script with it. Without a network limit a step is one
command; with one it is as many as fit on a straight line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.core import commands
from orchestrator.core.durations import RING_MARGIN_S, RING_S, Bounds, bounds, speech
from orchestrator.core.exchange import Operation, WireCommand
from orchestrator.core.modes import asks_events, kept_open_because
from orchestrator.core.records import Cursor, ReplayClass
from orchestrator.core.script import (
    Answer,
    Command,
    Control,
    Dial,
    End,
    Entry,
    GetDtmf,
    Goto,
    Hangup,
    Hold,
    Play,
    Policy,
    Say,
    Script,
    Sms,
    Switch,
    Unhold,
    Variables,
)
from orchestrator.core.sentences import parts
from orchestrator.core.settings import Mode, Settings
from orchestrator.errors import ExpressionError, OrchestratorError

SHORTEST_RING_S = 5.0
"""A ring timeout that the planner chooses is never shorter: nobody answers faster than that."""
OTHER_MODE = "use a mode that does not hold the request open (--mode poll)"
PREAMBLE_ENTRY = -1
"""The entry of a command that no entry of the script asked for."""


class PlanError(OrchestratorError):
    """A command cannot be sent under the network limit, or not at all in this mode. The message names the ways out.

    Attributes:
        entry: The index of the script's entry, where there is one.
        limit_s: The network limit that it is too long for; None: that is not what is wrong with it.
    """

    exit_code = 65
    code = "cannot_fit"

    def __init__(self, message: str, *, entry: int | None = None, limit_s: float | None = None) -> None:
        super().__init__(message)
        self.entry = entry
        self.limit_s = limit_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One HTTP request to be: what it carries, where it begins and ends, how long it lasts.

    Attributes:
        operation: CREATE for a dial, SMS for an sms, COMMAND for the rest.
        start: Where it begins.
        after: Where the script goes on once it is done.
        commands: Rendered; not shown in a repr since they may hold secrets.
        names: Of the commands.
        entries: For each command the entry it comes from; -1 for a replay preamble.
        digests: For each entry, by its index as text, its digest.
        saves: The variable that gets the digits of the last command.
        sensitive: Whether digits among its results are secret.
        replay_class: Of its most dangerous command.
        policy: What to do when its truth cannot be known: the strictest of its entries.
        bounds: How long it lasts.
        asynchronous: Its request is acknowledged at once, and its end learnt by an event or a look.
        way: Why it is or is not, where the mode leaves a choice.
    """

    operation: Operation
    start: Cursor
    after: Cursor
    commands: tuple[WireCommand, ...] = field(repr=False)
    names: tuple[str, ...]
    entries: tuple[int, ...]
    digests: Mapping[str, str]
    saves: str | None = None
    sensitive: bool = False
    replay_class: ReplayClass
    policy: Policy
    bounds: Bounds
    asynchronous: bool = False
    way: str = ""


def next_step(
    script: Script, cursor: Cursor, variables: Variables, settings: Settings, *, to: str | None, from_: str | None
) -> Step:
    """Return the step that begins at `cursor`.

    Args:
        script: The script; `cursor` points at a command of it. `when` and labels are the caller's business.
        cursor: `sentence` counts the parts of a `say` that are already spoken (`sentences.parts`).
        variables: Everything the texts read.
        settings: `mode`, `limit_s` and `words_per_minute` are used, and what `modes` asks for.
        to: The run's callee instead of the dial's; None keeps the dial's.
        from_: The run's caller id instead of the dial's; None keeps the dial's.

    Raises:
        PlanError: The command cannot fit the limit, or a `hold` has no `unhold` to go with.
        ExpressionError: A text could not be rendered.
    """
    held_open = _packer(script, variables, settings, asynchronous=False, to=to, from_=from_)
    if settings.mode is Mode.SYNC:
        return held_open.step(cursor)
    acknowledged = _packer(script, variables, settings, asynchronous=True, to=to, from_=from_)
    if settings.mode is Mode.AUTO:
        return _best_of(held_open, acknowledged, cursor, settings)
    step = acknowledged.step(cursor)
    obstacle = _obstacle(step, settings)
    return replace(step, asynchronous=True) if obstacle is None else replace(held_open.step(cursor), way=obstacle)


def same_step(
    script: Script,
    cursor: Cursor,
    variables: Variables,
    settings: Settings,
    *,
    asynchronous: bool,
    to: str | None,
    from_: str | None,
) -> Step:
    """Return a step as it was made before, whatever chose it then. Arguments and errors as of `next_step`.

    Args:
        script: See there.
        cursor: See there.
        variables: See there.
        settings: Those it was made with.
        asynchronous: Whether its request was to be acknowledged, and not held open.
        to: See there.
        from_: See there.
    """
    packer = _packer(script, variables, settings, asynchronous=asynchronous, to=to, from_=from_)
    return replace(packer.step(cursor), asynchronous=asynchronous)


def _packer(
    script: Script,
    variables: Variables,
    settings: Settings,
    *,
    asynchronous: bool,
    to: str | None,
    from_: str | None,
) -> _Packer:
    """Return what makes steps whose requests are held open, or acknowledged at once, so that no limit cuts them."""
    limited = replace(settings, limit_s=None) if asynchronous else settings
    return _Packer(script, variables, limited, to=to, from_=from_, may_hold=asynchronous)


def _best_of(held_open: _Packer, acknowledged: _Packer, cursor: Cursor, settings: Settings) -> Step:
    """Return the step with its request held open where the network lets it live for long enough, else acknowledged."""
    try:
        step = held_open.step(cursor)
    except PlanError as too_long:
        step = acknowledged.step(cursor)
        if _obstacle(step, settings) is not None:
            raise
        return replace(step, asynchronous=True, way=str(too_long).split(":", maxsplit=1)[0])
    if settings.limit_s is None:
        return replace(step, way="no network limit is known")
    room = room_s(settings.limit_s)
    return replace(step, way=f"at most {_up(step.bounds.longest_s):g} s, and {_down(room):g} s fit")


def _obstacle(step: Step, settings: Settings) -> str | None:
    return kept_open_because(
        step.commands, sensitive=step.sensitive, settings=settings, asks_events=asks_events(settings)
    )


def room_s(limit_s: float) -> float:
    """Return how long a step may last under a network limit: the limit less its margin (rules, section 6)."""
    return limit_s - min(max(3.0, limit_s / 10), limit_s / 2)


def with_preamble(step: Step, text: str, settings: Settings) -> Step:
    """Return the step with a spoken line before what is heard again (`replay_preamble`).

    It is unchanged where nothing is heard in it, and where the line would make it longer than the limit allows.
    """
    if step.replay_class not in {ReplayClass.HEARD, ReplayClass.ASKS}:
        return step
    longer = step.bounds + speech(text, words_per_minute=settings.words_per_minute)
    if settings.limit_s is not None and longer.longest_s > room_s(settings.limit_s):
        return step
    at = 1 if step.names[0] == "answer" else 0  # an answer must come first
    return replace(
        step,
        commands=(*step.commands[:at], {"say": {"text": text}}, *step.commands[at:]),
        names=(*step.names[:at], "say", *step.names[at:]),
        entries=(*step.entries[:at], PREAMBLE_ENTRY, *step.entries[at:]),
        bounds=longer,
    )


@dataclass(frozen=True, slots=True)
class _Item:
    """What goes into a step whole: a command, some sentences of a `say`, or everything from a hold to its unhold."""

    commands: tuple[WireCommand, ...]
    entries: tuple[int, ...]
    bounds: Bounds
    after: Cursor


class _Packer:
    """Builds one step. Holds what does not change meanwhile."""

    __slots__ = ("_entries", "_from", "_has_choice", "_limit_s", "_may_hold", "_to", "_variables", "_words_per_minute")

    def __init__(
        self,
        script: Script,
        variables: Variables,
        settings: Settings,
        *,
        to: str | None,
        from_: str | None,
        may_hold: bool = False,
    ) -> None:
        self._may_hold = may_hold  # a list that is acknowledged at once may leave the call on hold
        self._entries = script.entries
        self._variables = variables
        self._words_per_minute = settings.words_per_minute
        self._limit_s = settings.limit_s
        self._has_choice = settings.mode is Mode.SYNC  # in the others it is tried, where it can be
        self._to = to
        self._from = from_

    def step(self, cursor: Cursor) -> Step:
        """Return the step that begins at `cursor`."""
        item = self._item(cursor)
        if self._limit_s is None:
            return self._made(cursor, item)
        free_s = room_s(self._limit_s)
        if item.bounds.longest_s > free_s:
            head = self._head(cursor, free_s, at_clauses=True)
            if head is None:
                raise self._cannot_fit(cursor.entry, item.bounds.longest_s)
            item = head
        while (more := self._follower(item, free_s)) is not None:
            lasts = _in_turn(item.commands, item.bounds, more.bounds)
            item = _Item(item.commands + more.commands, item.entries + more.entries, lasts, more.after)
        return self._made(cursor, item)

    def _follower(self, packed: _Item, room: float) -> _Item | None:
        """Return what else fits behind what is packed so far; None ends the step."""
        after = packed.after
        if after.sentence or after.entry == len(self._entries) or _begins_step(self._entries[after.entry]):
            return None
        if _ends_step(self._entries[packed.entries[-1]]) or self._is_alone(packed):
            return None
        try:
            item = self._item(after)
        except (PlanError, ExpressionError):
            return None  # it is raised again for the step that begins there, if there ever is one
        if self._is_alone(item):
            return None
        free_s = room - packed.bounds.longest_s
        if item.bounds.longest_s > room:
            return self._head(after, free_s, at_clauses=False)
        return item if item.bounds.longest_s <= free_s else None

    def _is_alone(self, item: _Item) -> bool:
        return any(
            entry.alone or commands.replay_class(entry) in {ReplayClass.DANGEROUS, ReplayClass.FORBIDDEN}
            for entry in map(self._entries.__getitem__, item.entries)
        )

    def _item(self, cursor: Cursor) -> _Item:
        entry = self._entries[cursor.entry]
        if isinstance(entry.element, Hold) and not self._may_hold:
            return self._held(cursor.entry)
        command, lasts = self._rendered(entry)
        if cursor.sentence:
            rest = parts(command["say"]["text"])[cursor.sentence :]
            command, lasts = self._said(command, "".join(part.text for part in rest))
        return _Item((command,), (cursor.entry,), lasts, Cursor(cursor.entry + 1))

    def _head(self, cursor: Cursor, free_s: float, *, at_clauses: bool) -> _Item | None:
        """Return the most sentences, else clauses, of the `say` at `cursor` that fit; None for anything else."""
        entry = self._entries[cursor.entry]
        if not isinstance(entry.element, Say):
            return None
        command, _ = self._rendered(entry)
        pieces = parts(command["say"]["text"])
        text = ""
        best: _Item | None = None
        for at in range(cursor.sentence, len(pieces) - 1):  # all of them are known not to fit
            text += pieces[at].text
            said, lasts = self._said(command, text)
            if lasts.longest_s > free_s:
                break
            if pieces[at].ends_sentence:
                at_clauses = False
            if pieces[at].ends_sentence or at_clauses:
                best = _Item((said,), (cursor.entry,), lasts, Cursor(cursor.entry, at + 1))
        return best

    def _held(self, index: int) -> _Item:
        """Return everything from the hold at `index` to its unhold, or to a hangup, as one item."""
        held: tuple[WireCommand, ...] = ()
        total = Bounds()
        for at, entry in enumerate(self._entries[index:], start=index):
            is_end = isinstance(entry.element, Unhold | Hangup)
            obstacle = _held_apart(entry, is_first=at == index, is_last=is_end)
            if obstacle is not None:
                raise PlanError(
                    "a hold goes with everything up to its unhold in one request, but not with "
                    f"{obstacle}: move that before the hold or behind the unhold",
                    entry=index,
                )
            command, lasts = self._rendered(entry)
            total = _in_turn(held, total, lasts)
            held = (*held, command)
            if is_end:
                return _Item(held, tuple(range(index, at + 1)), total, Cursor(at + 1))
        raise PlanError(
            "a hold without an unhold leaves the call on hold at the end of its request, which the API refuses: add an"
            f" unhold or a hangup behind it, or {OTHER_MODE}",
            entry=index,
        )

    def _rendered(self, entry: Entry) -> tuple[WireCommand, Bounds]:
        element = entry.element
        assert not isinstance(element, Switch | Goto | End), "a step holds commands"
        command = self._dialled(element) if isinstance(element, Dial) else commands.wire(element, self._variables)
        return command, bounds(command, words_per_minute=self._words_per_minute, play_s=entry.duration_s)

    def _dialled(self, dial: Dial) -> WireCommand:
        timeout_s = dial.timeout_s
        if timeout_s is None and self._limit_s is not None:
            # Whole seconds, as servers take them. One too short to be of use does not fit, which is then said.
            timeout_s = min(RING_S, max(SHORTEST_RING_S, (room_s(self._limit_s) - RING_MARGIN_S) // 1))
        return commands.wire_dial(
            dial,
            self._variables,
            to=dial.to.render(self._variables) if self._to is None else self._to,
            from_=dial.from_.render(self._variables) if self._from is None else self._from,
            timeout_s=timeout_s,
        )

    def _said(self, command: WireCommand, text: str) -> tuple[WireCommand, Bounds]:
        said = {"say": {**command["say"], "text": text.strip()}}
        return said, bounds(said, words_per_minute=self._words_per_minute)

    def _made(self, start: Cursor, item: _Item) -> Step:
        entries = [self._entries[index] for index in item.entries]
        first = entries[0].element
        operations = {Dial: Operation.CREATE, Sms: Operation.SMS}
        return Step(
            operation=operations.get(type(first), Operation.COMMAND),
            start=start,
            after=item.after,
            commands=item.commands,
            names=tuple(next(iter(command)) for command in item.commands),
            entries=item.entries,
            digests={str(index): entry.digest for index, entry in zip(item.entries, entries, strict=True)},
            saves=entries[-1].save,
            sensitive=any(entry.sensitive for entry in entries),
            replay_class=commands.most_dangerous(commands.replay_class(entry) for entry in entries),
            policy=commands.strictest(commands.policy(entry) for entry in entries),
            bounds=item.bounds,
        )

    def _cannot_fit(self, index: int, longest_s: float) -> PlanError:
        assert self._limit_s is not None
        element = self._entries[index].element
        room = room_s(self._limit_s)
        name = commands.name(element)
        more = f"raise the limit, or {OTHER_MODE}" if self._has_choice else "or raise the limit"
        return PlanError(
            f"the {name} may last {_up(longest_s):g} s, but only {_down(room):g} s fit under the limit of "
            f"{self._limit_s:g} s: "
            f"{_way_out(element, room)}, {more}",
            entry=index,
            limit_s=self._limit_s,
        )


def _up(seconds: float) -> float:
    """Return a duration as it is told, to the tenth; rounded up here and down there, two that differ look different."""
    return math.ceil(round(seconds * 10, 6)) / 10


def _down(seconds: float) -> float:
    return math.floor(round(seconds * 10, 6)) / 10


def _way_out(element: Command | Control, room: float) -> str:
    """Return what an author can do about a command that is too long."""
    match element:
        case Say():
            return "no clause of it is short enough: shorten its sentences or split it"
        case Play():
            return "state its true length with `duration` or split the media"
        case GetDtmf():
            return "shorten its prompts or move them into a say before it, lower its timeout or its max_digits"
        case Dial() if room >= RING_MARGIN_S + 1:
            return f"write a timeout of at most {(room - RING_MARGIN_S) // 1:g} s"
        case Hold():
            return "shorten what stands between the hold and its unhold"
        case _:
            return "shorten it"


def _in_turn(before: tuple[WireCommand, ...], total: Bounds, lasts: Bounds) -> Bounds:
    """Return how long a list lasts with one more command at its end.

    A get_dtmf that gets no digits ends the list, so that what stands behind one adds nothing to the shortest.
    """
    may_stop = any("get_dtmf" in command for command in before)
    return total + (replace(lasts, shortest_s=0.0) if may_stop else lasts)


def _begins_step(entry: Entry) -> bool:
    """Whether a step must begin here, or none may hold it."""
    return entry.when is not None or entry.label is not None or isinstance(entry.element, Switch | Goto | End | Answer)


def _ends_step(entry: Entry) -> bool:
    """Whether a step must end behind this."""
    return entry.save is not None or entry.has_on_failure or isinstance(entry.element, Hangup)


def _held_apart(entry: Entry, *, is_first: bool, is_last: bool) -> str | None:
    """Return what keeps an entry from being sent together with the hold before it; None if nothing does."""
    if isinstance(entry.element, Switch | Goto | End | Dial | Answer | Sms):
        return f"the {commands.name(entry.element)} between them"
    if not is_first and (entry.when is not None or entry.label is not None):
        return f"the `{'id' if entry.when is None else 'when'}` of the {commands.name(entry.element)} between them"
    if not is_last and (entry.save is not None or entry.has_on_failure):
        return f"the `{'on_failure' if entry.save is None else 'save'}` of the {commands.name(entry.element)}"
    if entry.alone:
        return f"the `group: alone` of the {commands.name(entry.element)}"
    return None
