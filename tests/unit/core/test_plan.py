"""The planner: which commands go into one request, how long it lasts, and what cannot be sent at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import commands
from orchestrator.core.durations import Bounds
from orchestrator.core.exchange import Operation
from orchestrator.core.plan import (
    PREAMBLE_ENTRY,
    Plan,
    PlanError,
    PlannedControl,
    PlannedRefusal,
    Step,
    next_step,
    plan,
    room_s,
    with_preamble,
)
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
    Place,
    Plain,
    Play,
    Policy,
    Say,
    Script,
    SendDtmf,
    Sms,
    Switch,
    Unhold,
    Variable,
    Variables,
)
from orchestrator.core.settings import Settings
from orchestrator.errors import ExpressionError

TO, FROM = "+15555550100", "+15555550199"
FREE = Settings()
LIMITED = Settings(limit_s=30.0)  # 27 s of room: a say of 39 words


@dataclass(frozen=True)
class Template:
    """A text with `{name}` for its variables; `number` names one that it computes with."""

    source: str
    names: frozenset[str]
    number: str | None = None

    def render(self, variables: Variables) -> str:
        """Fill in, strictly."""
        try:
            if self.number is not None:
                return self.source.format(**{self.number: int(variables[self.number])})
            return self.source.format(**variables)
        except (KeyError, ValueError) as error:
            raise ExpressionError(f"{error} in {self.source}") from error

    def holds(self, variables: Variables) -> bool:
        """Whether anything is left once filled in."""
        return bool(self.render(variables))


def of(source: str, *names: str, number: str | None = None) -> Template:
    return Template(source, frozenset(names) | ({number} if number else frozenset()), number)


DIAL = Dial(to=Plain("+1000"), from_=Plain("+2000"), timeout_s=20)
HANGUP = Hangup()


def say(words: int) -> Say:
    return Say(Plain(" ".join(["word"] * words)))


def entry(element: Command | Control, **options: Any) -> Entry:
    return Entry(element=element, digest=f"digest of {type(element).__name__}", written="as written", **options)


def script(*elements: Command | Control | Entry, variables: tuple[Variable, ...] = ()) -> Script:
    entries = (each if isinstance(each, Entry) else entry(each) for each in elements)
    placed = tuple(replace(each, place=Place(index + 1, 3)) for index, each in enumerate(entries))
    return Script(name="test", entries=placed, variables=variables)


def step_at(
    of_script: Script, index: int = 0, settings: Settings = FREE, *, sentence: int = 0, **variables: str
) -> Step:
    return next_step(of_script, Cursor(index, sentence), variables, settings, to=TO, from_=FROM)


def walk(of_script: Script, settings: Settings) -> Iterator[Step]:
    """Every step of a script without control entries, each found from where the one before ends."""
    cursor = Cursor(0)
    while cursor.entry < len(of_script.entries):
        step = next_step(of_script, cursor, {}, settings, to=TO, from_=FROM)
        yield step
        assert step.after > cursor
        cursor = step.after


def grouped(*elements: Command | Entry, settings: Settings = LIMITED) -> list[str]:
    """The commands of each step behind a dial, as words."""
    steps = list(walk(script(DIAL, *elements), settings))
    assert steps[0].names == ("dial",)
    return [" ".join(step.names) for step in steps[1:]]


class TestWithoutLimit:
    """One command per step, whole."""

    def test_one_command_a_step(self) -> None:
        """Without a limit each command is a step of its own, however short."""
        assert grouped(say(1), say(1), HANGUP, settings=FREE) == ["say", "say", "hangup"]

    def test_long_say_stays_whole(self) -> None:
        """Without a limit nothing is split."""
        assert grouped(say(5000), settings=FREE) == ["say"]

    def test_dial(self) -> None:
        """A dial is a CREATE with the run's own numbers; its unwritten timeout stays the server's."""
        step = step_at(script(Dial(to=Plain("+1"), from_=Plain("+2"))))
        assert step.operation is Operation.CREATE
        assert step.commands == ({"dial": {"to": TO, "from": FROM}},)
        assert (step.replay_class, step.policy) == (ReplayClass.FORBIDDEN, Policy.STOP)

    def test_dial_keeps_its_numbers(self) -> None:
        """Without numbers of the run the dial's own are used."""
        step = next_step(script(DIAL), Cursor(0), {}, FREE, to=None, from_=None)
        assert step.commands == ({"dial": {"to": "+1000", "from": "+2000", "timeout": 20}},)

    def test_sms(self) -> None:
        """An sms is a request of its own kind, skipped by default when its truth is unknown."""
        step = step_at(script(Sms(to=Plain("+1"), from_=Plain("+2"), message=Plain("hi"))))
        assert (step.operation, step.policy) == (Operation.SMS, Policy.SKIP)
        assert step.commands == ({"sms": {"to": "+1", "from": "+2", "message": "hi"}},)

    def test_what_a_step_carries(self) -> None:
        """A step says where it begins and ends, what it holds, what it saves, and how long it lasts."""
        asks = entry(GetDtmf(timeout_s=8.0), save="choice", sensitive=True, if_unknown=Policy.SKIP)
        step = step_at(script(DIAL, asks, HANGUP), 1)
        assert step == Step(
            operation=Operation.COMMAND,
            start=Cursor(1),
            after=Cursor(2),
            commands=({"get_dtmf": {"timeout": 8}},),
            names=("get_dtmf",),
            entries=(1,),
            digests={"1": "digest of GetDtmf"},
            saves="choice",
            sensitive=True,
            replay_class=ReplayClass.ASKS,
            policy=Policy.SKIP,
            bounds=Bounds(0, 3, 9),
        )

    def test_variables_are_rendered(self) -> None:
        """Texts are filled in with the run's variables; an unknown one is an error."""
        hello = script(Say(of("Hello {name}", "name")))
        assert step_at(hello, name="Ann").commands == ({"say": {"text": "Hello Ann"}},)
        with pytest.raises(ExpressionError):
            step_at(hello)

    def test_rest_of_a_say(self) -> None:
        """A say that was cut under a limit goes on where it was, should the limit have gone."""
        step = step_at(script(Say(Plain("One. Two, three. Four."), voice=Plain("v"))), sentence=1)
        assert step.commands == ({"say": {"text": "Two, three. Four.", "voice": "v"}},)
        assert (step.start, step.after) == (Cursor(0, 1), Cursor(1))

    def test_secrets_are_not_in_a_repr(self) -> None:
        """Rendered commands may hold secrets, so that no repr shows them."""
        assert "4711" not in repr(step_at(script(SendDtmf(Plain("4711")))))


class TestPacking:
    """With a limit as few steps as possible, on straight lines."""

    @pytest.mark.parametrize(
        ("limit_s", "room"), [(4.0, 2.0), (6.0, 3.0), (10.0, 7.0), (30.0, 27.0), (60.0, 54.0), (300.0, 270.0)]
    )
    def test_room(self, limit_s: float, room: float) -> None:
        """The margin is 3 s or a tenth, and never more than half of the limit."""
        assert room_s(limit_s) == pytest.approx(room)

    def test_fills_steps(self) -> None:
        """Commands share a request as long as their longest durations fit."""
        assert grouped(say(10), say(10), say(10), say(10), say(10)) == ["say say say", "say say"]

    def test_dial_is_never_packed(self) -> None:
        """Nothing goes with a dial, even where it would fit."""
        assert grouped(say(1)) == ["say"]

    @pytest.mark.parametrize(
        "command", [SendDtmf(Plain("1")), Sms(to=Plain("1"), from_=Plain("2"), message=Plain("3"))]
    )
    def test_dangerous_is_alone(self, command: Command) -> None:
        """What must not be done twice is a step of its own."""
        name = commands.name(command)
        assert grouped(say(1), command, say(1), say(1)) == ["say", name, "say say"]

    def test_save_ends_a_step(self) -> None:
        """What is saved may be needed by the next command."""
        asks = entry(GetDtmf(timeout_s=3), save="choice")
        assert grouped(say(1), asks, say(1)) == ["say get_dtmf", "say"]

    def test_on_failure_ends_a_step(self) -> None:
        """A command whose failure is handled ends its step; one without need not."""
        handled = entry(GetDtmf(timeout_s=3), has_on_failure=True)
        assert grouped(handled, say(1)) == ["get_dtmf", "say"]
        assert grouped(GetDtmf(timeout_s=3), say(1)) == ["get_dtmf say"]

    @pytest.mark.parametrize("options", [{"when": of("x")}, {"label": "here"}])
    def test_condition_and_label_begin_a_step(self, options: dict[str, Any]) -> None:
        """A step begins where a condition is to be evaluated or a jump may lead."""
        assert grouped(say(1), entry(say(1), **options), say(1)) == ["say", "say say"]

    def test_answer_begins_a_step(self) -> None:
        """An answer is the first command of its list."""
        assert [step.names for step in walk(script(Answer(), say(1)), LIMITED)] == [("answer", "say")]
        assert grouped(say(1), Answer()) == ["say", "answer"]

    @pytest.mark.parametrize("control", [Goto("x"), End(), Switch(subject=Plain("x"), cases={}, otherwise="x")])
    def test_control_ends_a_step(self, control: Control) -> None:
        """A step ends before a control entry."""
        step = step_at(script(say(1), control, say(1)), settings=LIMITED)
        assert (step.names, step.after) == (("say",), Cursor(1))

    def test_group_alone(self) -> None:
        """`group: alone` keeps a command apart from both sides."""
        assert grouped(say(1), entry(say(1), alone=True), say(1)) == ["say", "say", "say"]

    def test_hangup_closes(self) -> None:
        """A hangup may end a packed step; only other requests can follow."""
        message = Sms(to=Plain("1"), from_=Plain("2"), message=Plain("3"))
        assert grouped(say(1), HANGUP, message) == ["say hangup", "sms"]
        assert grouped(HANGUP, say(1)) == ["hangup", "say"]

    def test_packed_step(self) -> None:
        """A packed step has every command's entry and digest, the worst class, the strictest policy, all durations."""
        mixed = script(
            entry(say(13), if_unknown=Policy.SKIP), entry(Play(Plain("m")), duration_s=5.0), GetDtmf(timeout_s=2)
        )
        step = step_at(mixed, settings=LIMITED)
        assert step.entries == (0, 1, 2)
        assert step.digests == {"0": "digest of Say", "1": "digest of Play", "2": "digest of GetDtmf"}
        assert (step.replay_class, step.policy) == (ReplayClass.ASKS, Policy.SKIP)
        assert step.bounds.shortest_s == pytest.approx(3 + 4)
        assert step.bounds.longest_s == pytest.approx(13 * 0.4 / 0.6 + 1 + 6 + 3)

    def test_shortest_stops_at_a_question(self) -> None:
        """A get_dtmf without digits ends its list, so what stands behind it adds nothing to the shortest bound."""
        step = step_at(script(say(13), GetDtmf(timeout_s=2), say(5)), settings=LIMITED)
        assert step.names == ("say", "get_dtmf", "say")
        assert step.bounds.shortest_s == pytest.approx(3)

    def test_unrenderable_follower_waits(self) -> None:
        """A command that cannot be rendered yet does not stop the ones before it."""
        later = script(say(1), Say(of("{late}", "late")))
        assert step_at(later, settings=LIMITED).names == ("say",)
        with pytest.raises(ExpressionError):
            step_at(later, 1, LIMITED)

    def test_impossible_follower_waits(self) -> None:
        """A command that can never be sent does not stop the ones before it."""
        assert step_at(script(say(1), Hold()), settings=LIMITED).names == ("say",)
        assert step_at(script(say(1), GetDtmf(timeout_s=60)), settings=LIMITED).names == ("say",)


class TestDialTimeout:
    """An unwritten ring timeout is what fits the limit."""

    @pytest.mark.parametrize(("limit_s", "timeout"), [(30.0, 22), (29.0, 21), (60.0, 30), (13.0, 5), (14.5, 6)])
    def test_unwritten(self, limit_s: float, timeout: int) -> None:
        """It is written into the command: whole seconds, 30 at most."""
        step = step_at(script(Dial(to=Plain("1"), from_=Plain("2"))), settings=Settings(limit_s=limit_s))
        assert step.commands[0]["dial"]["timeout"] == timeout
        assert type(step.commands[0]["dial"]["timeout"]) is int
        assert step.bounds.longest_s <= room_s(limit_s)

    def test_written_one_stays(self) -> None:
        """The author's own timeout is never changed."""
        assert step_at(script(DIAL), settings=Settings(limit_s=300.0)).commands[0]["dial"]["timeout"] == 20

    def test_too_long(self) -> None:
        """One that does not fit is refused with the longest that does."""
        with pytest.raises(PlanError, match="timeout of at most 22 s"):
            step_at(script(replace(DIAL, timeout_s=23)), settings=LIMITED)

    def test_no_useful_ring(self) -> None:
        """A limit that leaves no time to answer is refused, rather than never reaching anybody."""
        with pytest.raises(PlanError, match="the dial may last 10 s, but only 5 s fit") as raised:
            step_at(script(Dial(to=Plain("1"), from_=Plain("2"))), settings=Settings(limit_s=8.0))
        assert "at most" not in str(raised.value)


class TestSplitting:
    """A say that is too long is cut at sentence ends."""

    @staticmethod
    def sentence(words: int, end: str = ".") -> str:
        """A sentence of so many words."""
        return " ".join(["Word", *["word"] * (words - 1)]) + end

    def said(self, text: str, *before: Command) -> list[list[str]]:
        """The texts that each step speaks."""
        return [
            [command["say"]["text"] for command in step.commands]
            for step in walk(script(*before, Say(Plain(text))), LIMITED)
        ]

    def test_at_sentence_ends(self) -> None:
        """As many sentences as fit go into each step; voice and entry stay the same."""
        one = self.sentence(15)
        long = script(Say(Plain(f"{one} {one} {one}"), voice=Plain("v")), HANGUP)
        first, second = walk(long, LIMITED)
        assert first.commands == ({"say": {"text": f"{one} {one}", "voice": "v"}},)
        assert second.commands == ({"say": {"text": one, "voice": "v"}}, {"hangup": {}})
        assert (first.after, second.start, second.after) == (Cursor(0, 2), Cursor(0, 2), Cursor(2))

    def test_uses_what_is_left(self) -> None:
        """Sentences of a long say fill the step that other commands began."""
        one = self.sentence(10)
        assert self.said(" ".join([one] * 4), say(10)) == [[say(10).text.source, f"{one} {one}"], [f"{one} {one}"]]

    def test_not_when_it_fits_whole(self) -> None:
        """A say that fits a step of its own is not cut for the sake of what is left in another."""
        one = self.sentence(15)
        assert self.said(f"{one} {one}", say(15)) == [[say(15).text.source], [f"{one} {one}"]]

    def test_at_clauses_where_a_sentence_is_too_long(self) -> None:
        """A sentence longer than a whole step is cut between its clauses, but only such a one."""
        clause, short = self.sentence(15, ","), self.sentence(5)
        text = f"{short} {clause} {clause} {clause} {clause} {short}"
        assert self.said(text) == [[short], [f"{clause} {clause}"], [f"{clause} {clause} {short}"]]

    def test_no_clause_is_cut_behind_other_commands(self) -> None:
        """Half a sentence is not used to fill a step."""
        clause = self.sentence(15, ",")
        assert self.said(f"{clause} {clause} {clause}", say(5))[0] == [say(5).text.source]

    def test_too_long_even_so(self) -> None:
        """A clause that does not fit is refused with the ways out."""
        with pytest.raises(
            PlanError, match=r"the say may last 27\.7 s, but only 27 s fit .* raise the limit, or use a mode"
        ):
            self.said(self.sentence(40))

    def test_alone_pieces(self) -> None:
        """The last piece of a say with `group: alone` is packed with nothing either."""
        one = self.sentence(30)
        long = script(entry(Say(Plain(f"{one} {one}")), alone=True), say(1))
        assert [step.names for step in walk(long, LIMITED)] == [("say",)] * 3

    def test_place_does_not_depend_on_the_limit(self) -> None:
        """A cursor counts parts of the text, so a resume with another limit goes on at the same word."""
        clause = self.sentence(15, ",")
        text = f"{clause} {clause} {clause} End."
        first = next(walk(script(Say(Plain(text))), LIMITED))
        rest = next_step(script(Say(Plain(text))), first.after, {}, Settings(limit_s=100.0), to=TO, from_=FROM)
        assert " ".join([first.commands[0]["say"]["text"], rest.commands[0]["say"]["text"]]) == text


class TestHold:
    """A hold goes with everything up to its unhold."""

    @pytest.mark.parametrize("settings", [FREE, LIMITED])
    def test_in_one_step(self, settings: Settings) -> None:
        """With and without a limit hold and unhold share a request, since a list may not end on hold."""
        step = step_at(script(Hold(), say(5), entry(Unhold(), has_on_failure=True), say(1)), settings=settings)
        assert (step.names, step.entries, step.after) == (("hold", "say", "unhold"), (0, 1, 2), Cursor(3))
        assert step.bounds.longest_s == pytest.approx(1 + 5 * 0.4 / 0.6 + 1 + 1)

    def test_hangup_ends_it_too(self) -> None:
        """A list that hangs up may end on hold."""
        assert step_at(script(Hold(), HANGUP)).names == ("hold", "hangup")

    def test_is_packed_as_one(self) -> None:
        """What is on hold is packed with its neighbours as a whole."""
        assert grouped(say(1), Hold(), Unhold(), say(1)) == ["say hold unhold say"]
        assert grouped(say(20), Hold(), say(20), Unhold()) == ["say", "hold say unhold"]

    def test_dangerous_inside(self) -> None:
        """Digits sent on hold make the whole of it dangerous, alone and stopped for."""
        assert grouped(say(1), Hold(), SendDtmf(Plain("1")), Unhold(), say(1)) == [
            "say",
            "hold send_dtmf unhold",
            "say",
        ]
        step = step_at(script(entry(Hold(), if_unknown=Policy.REPEAT), SendDtmf(Plain("1")), Unhold()))
        assert (step.replay_class, step.policy) == (ReplayClass.DANGEROUS, Policy.STOP)

    @pytest.mark.parametrize("settings", [FREE, LIMITED])
    def test_without_unhold(self, settings: Settings) -> None:
        """A hold that nothing ends is refused with the ways out."""
        with pytest.raises(PlanError, match="add an unhold or a hangup behind it, or use a mode") as raised:
            step_at(script(DIAL, Hold(), say(1)), 1, settings)
        assert (raised.value.entry, raised.value.exit_code) == (1, 65)

    @pytest.mark.parametrize(
        ("between", "named"),
        [
            (End(), "the end between"),
            (Sms(to=Plain("1"), from_=Plain("2"), message=Plain("3")), "the sms between"),
            (entry(say(1), when=of("x")), "the `when` of the say"),
            (entry(say(1), label="x"), "the `id` of the say"),
            (entry(GetDtmf(), save="x"), "the `save` of the get_dtmf"),
            (entry(say(1), has_on_failure=True), "the `on_failure` of the say"),
            (entry(say(1), alone=True), "the `group: alone` of the say"),
            (entry(Unhold(), label="x"), "the `id` of the unhold"),
        ],
    )
    def test_what_cannot_stand_between(self, between: Command | Control | Entry, named: str) -> None:
        """What would end the step between hold and unhold is refused by name."""
        with pytest.raises(PlanError, match=named):
            step_at(script(Hold(), between, Unhold()))

    def test_options_of_the_hold_itself(self) -> None:
        """A label or condition at the hold is fine, an `on_failure` would end the step too early."""
        assert step_at(script(entry(Hold(), label="x", when=of("x")), Unhold())).names == ("hold", "unhold")
        with pytest.raises(PlanError, match="`on_failure` of the hold"):
            step_at(script(entry(Hold(), has_on_failure=True), Unhold()))

    def test_too_long(self) -> None:
        """What is on hold cannot be split."""
        with pytest.raises(PlanError, match="shorten what stands between the hold and its unhold"):
            step_at(script(Hold(), say(60), Unhold()), settings=LIMITED)


@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        (GetDtmf(timeout_s=9, max_digits=4), "lower its timeout or its max_digits"),
        (Play(Plain("m")), "state its true length with `duration` or split the media"),
        (SendDtmf(Plain("1" * 100)), "shorten it"),
    ],
)
def test_what_cannot_fit(command: Command, way_out: str) -> None:
    """A command too long for the limit is refused, and the message says what can be done."""
    with pytest.raises(PlanError, match=f"{way_out}, raise the limit, or use a mode that does not hold") as raised:
        step_at(script(DIAL, command), 1, LIMITED)
    assert raised.value.entry == 1


class TestPreamble:
    """A spoken line before something heard is repeated."""

    def test_stands_first(self) -> None:
        """The line is spoken first and belongs to no entry."""
        step = with_preamble(step_at(script(say(1))), "Sorry.", FREE)
        assert step.commands == ({"say": {"text": "Sorry."}}, {"say": {"text": "word"}})
        assert (step.names, step.entries) == (("say", "say"), (PREAMBLE_ENTRY, 0))
        assert step.bounds.expected_s == pytest.approx(0.8)

    def test_behind_an_answer(self) -> None:
        """An answer stays the first command."""
        step = with_preamble(step_at(script(Answer(), say(1)), settings=LIMITED), "Sorry.", LIMITED)
        assert (step.names, step.entries) == (("answer", "say", "say"), (0, PREAMBLE_ENTRY, 1))

    @pytest.mark.parametrize("element", [HANGUP, SendDtmf(Plain("1")), DIAL])
    def test_only_before_what_is_heard(self, element: Command) -> None:
        """A repeat that nobody hears needs no word before it."""
        step = step_at(script(element))
        assert with_preamble(step, "Sorry.", FREE) is step

    def test_left_out_where_it_does_not_fit(self) -> None:
        """A line that would break the limit is left out."""
        step = step_at(script(say(38)), settings=LIMITED)
        assert with_preamble(step, "We were cut off, sorry.", LIMITED) is step


class TestPlan:
    """A whole script, as `plan` shows it."""

    @staticmethod
    def planned(of_script: Script, settings: Settings = FREE, **variables: str) -> Plan:
        """The plan of a script for one callee."""
        return plan(of_script, variables, settings, to=TO)

    def test_whole_script(self) -> None:
        """Steps and control entries come in the order of the file, with totals."""
        made = self.planned(
            script(DIAL, say(5), say(5), Goto("x"), entry(say(1), label="x"), End(Plain("done"))), LIMITED
        )
        kinds = [item.name if isinstance(item, PlannedControl) else " ".join(item.step.names) for item in made.items]
        assert kinds == ["dial", "say say", "goto", "say", "end"]
        assert (made.requests, made.problems, made.unknown) == (3, (), ())
        assert made.bounds.expected_s == pytest.approx(10 + 11 * 0.4)
        assert made.longest_step_s == 25
        assert made.steps[0].slack_s == 5
        assert [item.place.line for item in made.items] == [1, 2, 4, 5, 6]
        assert [item.label for item in made.items] == [None, None, None, "x", None]

    def test_nothing_to_send(self) -> None:
        """A script of control entries alone has no longest step."""
        assert self.planned(script(End())).longest_step_s == 0

    @pytest.mark.parametrize(
        ("keys", "wrong"), [("12*#", None), ("12w3", "something else"), ("", "nothing"), (None, None)]
    )
    def test_keys_from_variables(self, keys: str | None, wrong: str | None) -> None:
        """What can be known before dialling is checked then; what is wrong is not quoted: it may be secret."""
        given = {} if keys is None else {"pin": keys}
        problems = self.planned(script(DIAL, SendDtmf(of("{pin}", "pin"))), **given).problems
        assert [problem.entry for problem in problems] == ([] if wrong is None else [1])
        assert all(wrong is not None and wrong in problem.message for problem in problems)
        assert all(not keys or keys not in problem.message for problem in problems)

    def test_every_problem(self) -> None:
        """Every entry that cannot be sent is reported with its place, in one pass."""
        made = self.planned(
            script(DIAL, GetDtmf(timeout_s=60), say(1), Play(Plain("m")), Say(of("{x}", number="x")), Hold()),
            LIMITED,
            x="no number",
        )
        assert [(problem.entry, problem.place.line) for problem in made.problems] == [(1, 2), (3, 4), (4, 5), (5, 6)]
        assert made.requests == 2
        assert [item.entry for item in made.refusals] == [1, 3, 4, 5]
        refused = [isinstance(item, PlannedRefusal) for item in made.items]
        assert refused == [False, True, False, True, True, True]
        assert [item["kind"] for item in made.to_document()["items"]][:3] == ["step", "refused", "step"]
        assert made.steps[1].silence_s is None  # behind nobody knows what

    def test_unknown_variables_are_stood_in_for(self) -> None:
        """What is not given and what a run saves is stood in for, and counted as unknown where it is read."""
        made = self.planned(
            script(
                DIAL,
                Say(of("Hello {name}, {who}", "name", "who")),
                entry(GetDtmf(), save="choice"),
                Say(of("You chose {choice}", "choice")),
            ),
            name="Ann",
            choice="never this",
        )
        assert made.unknown == ("choice", "who")
        assert [step.unknown for step in made.steps] == [(), ("who",), (), ("choice",)]
        assert made.steps[1].shown == ("say: Hello Ann, «who»",)
        assert made.steps[3].shown == ("say: You chose «choice»",)

    def test_defaults_and_numbers_are_known(self) -> None:
        """Defaults of the script and the run's numbers need no stand-in."""
        made = self.planned(
            script(
                Say(of("{name} {to} {from}", "name", "to", "from")), variables=(Variable(name="name", default="Ann"),)
            )
        )
        assert made.steps[0].shown == (f"say: Ann {TO} «from»",)

    def test_stand_in_of_the_declared_type(self) -> None:
        """A declared number is stood in for by a number, so that texts that compute with it can be rendered."""
        made = self.planned(
            script(Say(of("{n:.2f} {m}", "n", "m")), variables=(Variable(name="n", type="number", required=True),))
        )
        assert made.steps[0].shown == ("say: 1.00 «m»",)

    def test_text_that_no_stand_in_suits(self) -> None:
        """A text that cannot be rendered with a stand-in is planned as written: it is no problem of the script."""
        asks = GetDtmf(prompts=(Say(of("{n:d}", number="n")), Play(Plain("m"))), terminate_on=Plain("#"), timeout_s=2)
        made = self.planned(script(asks, Say(of("{n:d} left", number="n"))))
        assert made.problems == ()
        assert made.steps[1].shown == ("say: {n:d} left",)
        assert made.steps[0].shown == ("get_dtmf: {n:d} m (timeout 2, terminate_on #)",)

    def test_secrets_are_shown_as_written(self) -> None:
        """Digits to be sent and sensitive variables are never shown."""
        made = self.planned(
            script(
                SendDtmf(Plain("4711")),
                Say(of("Your code is {pin}", "pin")),
                variables=(Variable(name="pin", sensitive=True),),
            ),
            pin="4711",
        )
        assert [step.shown for step in made.steps] == [("as written",), ("as written",)]
        assert "4711" not in json.dumps(made.to_document())

    @pytest.mark.parametrize(
        ("element", "if_unknown", "sentence"),
        [
            (DIAL, None, "whether the phone rang; the run looks for the call, and stops"),
            (SendDtmf(Plain("1")), None, "whether the digits were keyed; the run stops and asks"),
            (SendDtmf(Plain("1")), Policy.REPEAT, "whether the digits were keyed; it is repeated"),
            (
                Sms(to=Plain("1"), from_=Plain("2"), message=Plain("3")),
                None,
                "whether the message was sent; the run goes on",
            ),
            (GetDtmf(), None, "the digits pressed; the question is asked again"),
            (GetDtmf(), Policy.SKIP, "the digits pressed; the run goes on without it"),
            (say(1), None, "whether all of it was heard; it is repeated"),
            (HANGUP, None, "nothing that matters; it is repeated"),
        ],
    )
    def test_if_lost(self, element: Command, if_unknown: Policy | None, sentence: str) -> None:
        """Each step says what a lost reply would hide and what would be done then."""
        made = self.planned(script(entry(element, if_unknown=if_unknown)))
        assert made.steps[0].if_lost.startswith(sentence)

    def test_document(self) -> None:
        """The document holds everything the table shows, as plain JSON."""
        made = self.planned(script(entry(say(3), label="x"), End(), Hold()), LIMITED)
        document = json.loads(json.dumps(made.to_document()))
        assert document["script"] == "test"
        assert (document["limit_s"], document["room_s"], document["requests"]) == (30.0, 27.0, 1)
        assert document["items"][0] == {
            "kind": "step",
            "line": 1,
            "label": "x",
            "operation": "command",
            "commands": ["say"],
            "entries": [0],
            "shown": ["say: word word word"],
            "shortest_s": 0.7,
            "expected_s": 1.2,
            "longest_s": 3.0,
            "slack_s": 27.0,
            "replay_class": "heard",
            "if_unknown": "repeat",
            "if_lost": "whether all of it was heard; it is repeated",
            "saves": None,
            "unknown_variables": [],
            "asynchronous": False,
            "way": "",
            "looks": 0,
            "dead_air_s": None,
        }
        assert document["items"][1] == {"kind": "end", "line": 2, "label": None, "shown": ["as written"]}
        assert [(problem["line"], problem["column"]) for problem in document["problems"]] == [(3, 3)]

    def test_document_without_limit(self) -> None:
        """Without a limit there is neither room nor slack."""
        document = self.planned(script(HANGUP)).to_document()
        assert document["room_s"] is None
        assert document["items"][0]["slack_s"] is None
        assert document["items"][0]["shown"] == ["hangup"]


# --- properties -------------------------------------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["word", "Dr.", "12,", "stop.", "Yes!", "no?", "我们", "x;"]), min_size=1, max_size=60)
SHORT = st.one_of(
    WORDS.map(lambda words: Say(Plain(" ".join(words)))),
    st.builds(GetDtmf, timeout_s=st.sampled_from([1.0, 5.0])),
    st.just(SendDtmf(Plain("12"))),
    st.just(Play(Plain("m"))),
)
SIMPLE = st.builds(
    entry,
    SHORT,
    duration_s=st.just(4.0),
    alone=st.booleans(),
    has_on_failure=st.booleans(),
    label=st.sampled_from([None, None, "x"]),
)
HELD = st.lists(st.builds(entry, st.integers(1, 10).map(say)), max_size=2).map(
    lambda inside: [entry(Hold()), *inside, entry(Unhold())]
)
LINES = st.lists(st.one_of(SIMPLE.map(lambda each: [each]), HELD), min_size=1, max_size=8).map(
    lambda groups: script(DIAL, *(each for group in groups for each in group))
)


def content(steps: list[Step]) -> list[tuple[int, object]]:
    """Entries and commands in the order sent; the pieces of a say joined."""
    found: list[tuple[int, Any]] = []
    for step in steps:
        for index, command in zip(step.entries, step.commands, strict=True):
            said = command.get("say", {}).get("text")
            if said is not None and found and found[-1][0] == index:
                found[-1] = (index, found[-1][1] + said)
            else:
                found.append((index, said if said is not None else command))
    return [(index, "".join(each.split()) if isinstance(each, str) else each) for index, each in found]


@given(LINES, st.sampled_from([30.0, 45.0, 60.0, 230.0]))
def test_a_plan_fits_and_loses_nothing(of_script: Script, limit_s: float) -> None:
    """Under any limit every step fits, every entry is sent once and in order, and every text is spoken whole."""
    limited = list(walk(of_script, Settings(limit_s=limit_s)))
    assert all(step.bounds.longest_s <= room_s(limit_s) for step in limited)
    assert content(limited) == content(list(walk(of_script, FREE)))
    entries = [index for step in limited for index in step.entries]
    assert entries == sorted(entries)
    assert set(entries) == set(range(len(of_script.entries)))
    assert [step.start for step in limited[1:]] == [step.after for step in limited[:-1]]


@given(LINES, st.sampled_from([30.0, 60.0]))
def test_a_plan_keeps_its_rules(of_script: Script, limit_s: float) -> None:
    """In any step what must be alone is alone, what ends a step is last, and what begins one is first."""
    for step in walk(of_script, Settings(limit_s=limit_s)):
        entries = [of_script.entries[index] for index in step.entries]
        held = isinstance(entries[0].element, Hold)
        assert len(entries) == 1 or held or not any(isinstance(each.element, SendDtmf | Dial) for each in entries)
        assert len(entries) == 1 or not any(each.alone for each in entries)
        assert not any(each.has_on_failure for each in entries[:-1])
        assert not any(each.label for each in entries[1:])


@given(LINES, st.sampled_from([30.0, 60.0, None]))
def test_the_plan_is_what_a_run_does(of_script: Script, limit_s: float | None) -> None:
    """The steps `plan` shows are those that `next_step` gives one after the other."""
    settings = Settings(limit_s=limit_s)
    made = plan(of_script, {}, settings, to=TO, from_=FROM)
    assert [item.step for item in made.steps] == list(walk(of_script, settings))
    assert made.problems == ()


@given(LINES)
def test_a_longer_limit_needs_no_more_requests(of_script: Script) -> None:
    """Packing is greedy, which is the fewest on a straight line: a longer limit never makes more of them."""
    counts = [len(list(walk(of_script, Settings(limit_s=limit_s)))) for limit_s in (30.0, 60.0, 120.0)]
    assert counts == sorted(counts, reverse=True)
