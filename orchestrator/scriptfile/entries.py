"""One element of `commands` → `core.script.Entry`, with all complaints about it. Called by `document`.

An element that cannot be built still yields a `Sketch`, so that the order of the whole list can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from orchestrator.core import script as core
from orchestrator.core.script import FailureAction, OnFailure, Policy
from orchestrator.scriptfile import models
from orchestrator.scriptfile.models import COMMANDS, CONTROLS, OptionsShape, Reading
from orchestrator.scriptfile.shapes import Named, validate
from orchestrator.scriptfile.source import Complaints
from orchestrator.scriptfile.tree import Kind, MapNode, Node, Pair, Scalar
from orchestrator.scriptfile.words import listing, nearest, quote, suggestion
from orchestrator.scriptfile.written import ALIASES, digest_of, one_line

_OPTIONS = ("id", "when", "save", "on_failure", "if_unknown", "sensitive", "duration", "group")
_ONLY_FOR = {"save": "get_dtmf", "sensitive": "get_dtmf", "duration": "play"}
_CONTROL_OPTIONS = ("id", "when")
_OWN_COMMANDS = ("sms", *CONTROLS)
_LONGEST_OPEN_INPUT = 2


@dataclass(frozen=True, slots=True)
class Jump:
    """A label that an entry names, and where."""

    label: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What the order of a script depends on, read as far as possible from a faulty entry too.

    Attributes:
        kind: The command or control word; None if there is no telling.
        at: Where the entry starts.
        label: Its `id`.
        conditional: Whether it has `when`.
        jumps: Where a control entry goes.
        on_failure: Where a failed command goes.
    """

    kind: str | None
    at: int
    label: Jump | None = None
    conditional: bool = False
    jumps: tuple[Jump, ...] = ()
    on_failure: Jump | None = None

    @property
    def is_control(self) -> bool:
        """Whether it sends nothing."""
        return self.kind in CONTROLS


@dataclass(frozen=True, slots=True)
class EntryReader:
    """Reads the elements of one file."""

    complaints: Complaints
    reading: Reading

    def read(self, node: Node) -> tuple[Sketch, core.Entry | None]:
        """Return an element's sketch, and the element unless something is wrong with it."""
        if not isinstance(node, MapNode):
            self.complaints.add(node.start, _not_a_mapping(node))
            return Sketch(kind=None, at=node.start), None
        known = len(self.complaints.problems)
        found = self._the_one(node)
        if found is None:
            return Sketch(kind=None, at=node.start, label=_jump(node.scalar("id"))), None
        kind = ALIASES.get(found.key.text, found.key.text)
        entry = self._entry(node, found, kind) if self._keys_fit(node, found, kind) else None
        sketch = _sketch(node, kind)
        return sketch, entry if len(self.complaints.problems) == known else None

    def _the_one(self, node: MapNode) -> Pair | None:
        """Return the command or control pair of an element."""
        found = [pair for pair in node if _is_kind(pair.key.text)]
        if len(found) == 1:
            return found[0]
        if found:
            both = listing(pair.key.text for pair in found)
            self.complaints.add(
                found[1].key.start, f"an entry holds one command; this one has {both}; start a new `- `"
            )
            return None
        strange = next((pair.key for pair in node if pair.key.text not in (*_OPTIONS, "cases", "otherwise")), None)
        if strange is None:
            self.complaints.add(node.start, f"this entry has no command; a command is one of {listing(COMMANDS)}")
        else:
            near = nearest(strange.text, [*COMMANDS, *ALIASES, *CONTROLS])
            hint = f"; did you mean `{near}`?" if near else f"; commands are {listing(COMMANDS)}"
            self.complaints.add(strange.start, f"{quote(strange.text)} is not a command{hint}")
        return None

    def _keys_fit(self, node: MapNode, found: Pair, kind: str) -> bool:
        """Complain about each further key of an element that does not belong there."""
        if not self.reading.templates and (len(node.pairs) > 1 or kind in _OWN_COMMANDS):
            extra = next((pair.key for pair in node if pair is not found), found.key)
            what = "here each entry has one key" if extra is not found.key else "the API does not know it"
            self.complaints.add(extra.start, f"{quote(extra.text)} needs `version: 1` at the top of the file; {what}")
            return False
        for pair in node:
            if pair is not found:
                self._key_fits(pair.key, kind)
        return True

    def _key_fits(self, key: Scalar, kind: str) -> None:
        word = key.text
        if word in ("cases", "otherwise"):
            if kind != "switch":
                self.complaints.add(key.start, f"`{word}` belongs to `switch`, not to `{kind}`")
        elif word not in _OPTIONS:
            valid = _CONTROL_OPTIONS if kind in CONTROLS else _OPTIONS
            if kind == "switch":
                valid = (*valid, "cases", "otherwise")
            self.complaints.add(key.start, f"{quote(word)} cannot stand beside `{kind}`{suggestion(word, valid)}")
        elif _ONLY_FOR.get(word, kind) != kind:
            self.complaints.add(key.start, f"`{word}` belongs to `{_ONLY_FOR[word]}`, not to `{kind}`")
        elif kind in CONTROLS and word not in _CONTROL_OPTIONS:
            self.complaints.add(key.start, f"`{word}` belongs to commands; `{kind}` sends nothing")

    def _entry(self, node: MapNode, found: Pair, kind: str) -> core.Entry | None:
        element = self._element(node, found, kind)
        options = self._options(node, kind)
        failure = self._failure(node.find("on_failure"), kind)
        if element is None or options is None or failure is None:
            return None
        sensitive = options.sensitive
        if sensitive is None:
            sensitive = isinstance(element, core.GetDtmf) and (element.max_digits or 1) > _LONGEST_OPEN_INPUT
        return core.Entry(
            element=element,
            digest=digest_of(node),
            written=one_line(node),
            place=self.complaints.source.place(node.start),
            label=options.id,
            when=options.when,
            save=options.save,
            on_failure=failure,
            has_on_failure=node.find("on_failure") is not None,
            if_unknown=options.if_unknown,
            sensitive=sensitive,
            duration_s=options.duration,
            alone=options.group is not None,
        )

    def _element(self, node: MapNode, found: Pair, kind: str) -> core.Command | core.Control | None:
        model = COMMANDS.get(kind) or CONTROLS[kind]
        value: Node = found.value
        if kind in ("switch", "goto"):
            value = MapNode(tuple(pair for pair in node if pair.key.text in (kind, "cases", "otherwise")), node.start)
            if kind == "goto":
                value = MapNode((found,), node.start)
        elif value == Scalar("", value.start, value.start, Kind.NULL) and model in (models.EmptyShape, models.EndShape):
            value = MapNode((), value.start)
        shape = validate(model, Named(found.key.text, found.key.start, value), self.complaints, self.reading)
        return None if shape is None else build(shape, kind)

    def _options(self, node: MapNode, kind: str) -> OptionsShape | None:
        names = [name for name in OptionsShape.model_fields if _ONLY_FOR.get(name, kind) == kind]
        options = MapNode(tuple(pair for pair in node if pair.key.text in names), node.start)
        shape = validate(OptionsShape, Named(kind, node.start, options), self.complaints, self.reading)
        if shape is not None and kind in ("dial", "answer"):
            self._check_first(node, shape, kind)
        return shape

    def _check_first(self, node: MapNode, options: OptionsShape, kind: str) -> None:
        when, policy = node.find("when"), node.find("if_unknown")
        if when is not None:
            self.complaints.add(when.key.start, f"`when` cannot stand beside `{kind}`: without it there is no call")
        if policy is not None and kind == "dial" and options.if_unknown is not Policy.STOP:
            message = "`if_unknown` of a `dial` can only be `stop`: a second dial would ring the person twice"
            self.complaints.add(policy.value.start, message)

    def _failure(self, pair: Pair | None, kind: str) -> OnFailure | None:
        if pair is None:
            return OnFailure()
        if kind == "dial":
            message = (
                "`on_failure` cannot stand beside `dial`: a call that was not answered has ended, and is not redialled"
            )
            self.complaints.add(pair.key.start, message)
            return None
        if isinstance(pair.value, Scalar):
            if pair.value.text in models.FAILURE_WORDS:
                return OnFailure(action=FailureAction(pair.value.text))
            message = "`on_failure` must be `continue`, `stop` or a mapping such as {retry: 2, then: LABEL}"
            self.complaints.add(pair.value.start or pair.key.start, message)
            return None
        named = Named("on_failure", pair.key.start, pair.value)
        shape = validate(models.FailureShape, named, self.complaints, self.reading)
        if shape is None:
            return None
        if shape.then in models.FAILURE_WORDS:
            return OnFailure(retry=shape.retry, action=FailureAction(shape.then))
        return OnFailure(retry=shape.retry, action=FailureAction.GOTO, label=shape.then)


def build(shape: models.Shape, kind: str) -> core.Command | core.Control:
    """Return the core's element for a validated shape."""
    match shape:
        case models.DialShape():
            return core.Dial(
                to=shape.to,
                from_=shape.from_,
                timeout_s=shape.timeout,
                schedule_start=shape.schedule_start,
                schedule_expire=shape.schedule_expire,
            )
        case models.SayShape():
            return core.Say(shape.text, shape.voice)
        case models.PlayShape():
            return core.Play(shape.resource_id)
        case models.GetDtmfShape():
            prompts = (prompt.say or prompt.play for prompt in shape.commands)
            return core.GetDtmf(
                timeout_s=shape.timeout,
                max_digits=shape.max_digits,
                terminate_on=shape.terminate_on,
                prompts=tuple(
                    cast("core.Say | core.Play", build(prompt, "")) for prompt in prompts if prompt is not None
                ),
            )
        case models.SendDtmfShape():
            return core.SendDtmf(shape.dtmf)
        case models.SmsShape():
            return core.Sms(to=shape.to, from_=shape.from_, message=shape.message)
        case models.SwitchShape():
            return core.Switch(shape.switch, dict(shape.cases), shape.otherwise)
        case models.GotoShape():
            return core.Goto(shape.goto)
        case models.EndShape():
            return core.End(shape.result)
        case _:
            return _EMPTY[kind]()


_EMPTY: Mapping[str, type[core.Answer | core.Hold | core.Unhold | core.Hangup]] = {
    "answer": core.Answer,
    "hold": core.Hold,
    "unhold": core.Unhold,
    "hangup": core.Hangup,
}


def _is_kind(word: str) -> bool:
    return word in COMMANDS or word in CONTROLS or word in ALIASES


def _not_a_mapping(node: Node) -> str:
    if isinstance(node, Scalar) and _is_kind(node.text):
        return f"an entry is a mapping; write `{node.text}: {{}}`"
    if isinstance(node, Scalar) and not node.text:
        return f"this entry is empty; a command is one of {listing(COMMANDS)}"
    return "an entry must be a mapping with one command, such as `say: {text: …}`"


def _sketch(node: MapNode, kind: str) -> Sketch:
    jumps: list[Scalar | None] = []
    if kind == "goto":
        jumps = [node.scalar("goto")]
    elif kind == "switch":
        cases = node.find("cases")
        if cases is not None and isinstance(cases.value, MapNode):
            jumps = [pair.value for pair in cases.value if isinstance(pair.value, Scalar)]
        jumps.append(node.scalar("otherwise"))
    failure = node.find("on_failure")
    then = failure.value.scalar("then") if failure is not None and isinstance(failure.value, MapNode) else None
    return Sketch(
        kind=kind,
        at=node.start,
        label=_jump(node.scalar("id")),
        conditional=node.find("when") is not None,
        jumps=tuple(jump for scalar in jumps if (jump := _jump(scalar)) is not None),
        on_failure=None if then is None or then.text in models.FAILURE_WORDS else _jump(then),
    )


def _jump(scalar: Scalar | None) -> Jump | None:
    return Jump(scalar.text, scalar.start) if scalar is not None and scalar.text else None
