"""Mutants of the product: small changes of one rule each, patched in at run time, that the simulator must notice.

A mutant replaces attributes of modules. It is caught when a seed fails whose simulation holds without it. One that
survives ten thousand seeds shows a fault that the simulator is blind to.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import RemoteDisconnected
from importlib import import_module
from typing import Any
from unittest import mock

import requests.exceptions as rq
import urllib3.exceptions as u3

from orchestrator.adapters.dialects.call_api import Judgement
from orchestrator.core.actions import Rest
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome, Request
from orchestrator.core.limits import CutKind
from orchestrator.core.records import Fault, Intended, ReplayClass, Resumed, Settled, Then, Verdict
from orchestrator.core.script import Dial, GetDtmf, Hangup, Policy, Say, SendDtmf, Sms

_FAILURES = "orchestrator.adapters.transport.failures:"
_DIALECT = "orchestrator.adapters.dialects.call_api:"
_HTTP = "orchestrator.adapters.transport.http:"
_CORE = "orchestrator.core."


@dataclass(frozen=True, slots=True)
class Patch:
    """One attribute of a module or a class, and what is made of it."""

    target: str
    make: Callable[[Any], Any]

    def original(self) -> Any:
        """Return the attribute as it stands. Raises AttributeError where there is none (any more)."""
        owner, name = self.place()
        return getattr(owner, name)

    def place(self) -> tuple[Any, str]:
        """Return the module or class, and the attribute's name in it."""
        module, _, path = self.target.partition(":")
        owner: Any = import_module(module)
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each)
        return owner, name


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the product.

    Attributes:
        name: What it is called.
        part: The table that its row is of.
        change: What is different, in words.
        patches: How.
    """

    name: str
    part: str
    change: str
    patches: tuple[Patch, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the product be so. Raises AttributeError for an attribute that is not there (any more)."""
        with ExitStack() as stack:
            for patch in self.patches:
                owner, name = patch.place()
                stack.enter_context(mock.patch.object(owner, name, patch.make(patch.original())))
            yield


# --- the transport table ----------------------------------------------------------------------------------------------


def _final(*kinds: type[BaseException], final: bool = True) -> tuple[Patch, ...]:
    def make(table: Any) -> Any:
        return {**table, **{kind: table[kind]._replace(final=final) for kind in kinds}}

    return (Patch(f"{_FAILURES}MEANINGS", make),)


def _status(test: Callable[[int, bool, bool], bool], outcome: Outcome) -> tuple[Patch, ...]:
    """Return the patch of the statuses' table: where the test holds of status, Retry-After and JSON, this comes out."""

    def make(original: Any) -> Any:
        def mutated(status: int, *, has_retry_after: bool, is_json_object: bool) -> Outcome:
            if test(status, has_retry_after, is_json_object):
                return outcome
            known: Outcome = original(status, has_retry_after=has_retry_after, is_json_object=is_json_object)
            return known

        return mutated

    return (Patch(f"{_DIALECT}outcome_of_status", make),)


def _cut(kind: CutKind | None) -> tuple[Patch, ...]:
    """Return the patch by which a request that was sent and cut so counts as not sent."""

    def make(original: Any) -> Any:
        def mutated(self: Any, sending: Any, error: Exception) -> Any:
            reply = original(self, sending, error)
            if reply.outcome is Outcome.UNKNOWN and reply.cut is kind:
                return replace(reply, outcome=Outcome.NOT_SENT, first_byte=None)
            return reply

        return mutated

    return (Patch(f"{_HTTP}HttpChannel._conclude_failure", make),)


def _as_if_done(request: Request, judged: Judgement) -> Judgement:
    """Return what would be believed if any 2xx meant that all commands have run. A dial or a look needs its call."""
    if request.operation not in (Operation.COMMAND, Operation.SMS) or judged.outcome is Outcome.DONE:
        return judged
    results = tuple(CommandResult(command=name) for command in request.commands for name in command)
    return replace(judged, outcome=Outcome.DONE, results=results)


def _believes_a_lie(original: Any) -> Any:
    def mutated(self: Any, request: Any, status: int, headers: Any, document: Any, problem: str | None) -> Any:
        judged = original(self, request, status, headers, document, problem)
        return judged if problem is None else _as_if_done(request, judged)

    return mutated


def _believes_a_shape(original: Any) -> Any:
    def mutated(self: Any, request: Any, status: int, headers: Any, document: Any, problem: str | None) -> Any:
        judged = original(self, request, status, headers, document, problem)
        return _as_if_done(request, judged) if problem is None else judged

    return mutated


def _status_read_as(status: int, instead: int) -> tuple[Patch, ...]:
    def make(original: Any) -> Any:
        def mutated(state: Any, record: Any, **more: Any) -> Any:
            return original(state, replace(record, status=instead) if record.status == status else record, **more)

        return mutated

    return (Patch(f"{_CORE}conclude:_rejected", make),)


def _judged(**fields: Any) -> tuple[Patch, ...]:
    def make(original: Any) -> Any:
        return lambda *given, **more: replace(original(*given, **more), **fields)

    return (Patch(f"{_DIALECT}_judge_failure", make),)


def _believes_a_bare_end(original: Any) -> Any:
    def mutated(state: Any, record: Any, **more: Any) -> Any:
        if record.outcome is Outcome.DONE and record.call is None:
            record = replace(record, call=CallSeen(call_id=state.call_id or "", status="hangup"))
        return original(state, record, **more)

    return mutated


_TRANSPORT = (
    ("refused", "a refused connection is not tried again", _final(ConnectionRefusedError)),
    ("unresolved", "a name that is not resolved is not tried again", _final(socket.gaierror)),
    ("connect-timeout", "a connection that times out is not tried again", _final(u3.ConnectTimeoutError)),
    ("handshake", "a TLS handshake that is cut is not tried again", _final(ssl.SSLEOFError)),
    (
        "tunnel-5xx",
        "a proxy's 502, 503 or 504 to CONNECT is final",
        (Patch(f"{_FAILURES}_TUNNEL_FINAL", lambda known: known | {502, 503, 504}),),
    ),
    ("proxy-closes", "a proxy that closes at CONNECT is not tried again", _final(RemoteDisconnected)),
    ("certificate", "a bad certificate is tried again", _final(ssl.SSLCertVerificationError, final=False)),
    ("tunnel-4xx", "a proxy's 403 or 407 is tried again", (Patch(f"{_FAILURES}_TUNNEL_FINAL", lambda _: frozenset()),)),
    ("malformed-url", "a URL that is none is tried again", _final(rq.InvalidURL, final=False)),
    ("reset", "a reset after the first byte is `not_sent`", _cut(CutKind.RESET)),
    ("closed", "a close without a reply is `not_sent`", _cut(CutKind.CLOSED)),
    ("silence", "a read timeout is `not_sent`", _cut(CutKind.SILENT)),
    ("half-reply", "half a reply is `not_sent`", _cut(None)),
    ("429", "a 429 is `rejected`", _status(lambda status, _after, _json: status == 429, Outcome.REJECTED)),
    (
        "503-own",
        "a 503 with Retry-After and JSON is `unknown`",
        _status(lambda status, after, is_json: status == 503 and after and is_json, Outcome.UNKNOWN),
    ),
    (
        "503-proxy",
        "a 503 with Retry-After from a proxy is `throttled`",
        _status(lambda status, after, is_json: status == 503 and after and not is_json, Outcome.THROTTLED),
    ),
    ("408", "a 408 is `rejected`", _status(lambda status, _after, _json: status == 408, Outcome.REJECTED)),
    (
        "5xx",
        "other 5xx are `rejected`",
        _status(lambda status, after, _: status >= 500 and not after, Outcome.REJECTED),
    ),
    (
        "4xx",
        "other 4xx are `unknown`",
        _status(lambda status, *_: 400 <= status < 500 and status not in (408, 409, 429), Outcome.UNKNOWN),
    ),
    ("3xx", "a redirect is `rejected`", _status(lambda status, *_: 300 <= status < 400, Outcome.REJECTED)),
    ("redirect", "a redirect is not reported as a wrong setting", _judged(misconfigured=False)),
    ("retry-after", "`Retry-After` is not honoured", _judged(retry_after_s=None)),
    ("credentials", "a 401 or 403 of the API is like any 4xx", _judged(unauthenticated=False)),
    (
        "empty-2xx",
        "commands with a 2xx without JSON are `done`",
        (Patch(f"{_DIALECT}CallApi._judge_success", _believes_a_lie),),
    ),
    (
        "odd-2xx",
        "commands with a 2xx of another shape are `done`",
        (Patch(f"{_DIALECT}CallApi._judge_success", _believes_a_shape),),
    ),
    ("409", "a 409 to a command is a failed command", _status_read_as(409, 400)),
    (
        "409-trusted",
        "a 409 surely means that nothing ran",
        (Patch(f"{_CORE}looks:_may_have_run_though_refused", lambda _: lambda *_given: False),),
    ),
    (
        "409-proof",
        "what is seen running after a 409 is the refused step",
        (Patch(f"{_CORE}evidence:_may_be_another", lambda _: lambda *_given: False),),
    ),
    (
        "409-untold",
        "a step of which a copy ran is not reported",
        (Patch(f"{_CORE}reconcile:_doubled", lambda _: lambda _, found: found),),
    ),
    ("404", "a 404 to a command is a failed command", _status_read_as(404, 400)),
    ("bare-end", "a bare 2xx to DELETE is believed", (Patch(f"{_CORE}conclude:_concluded_end", _believes_a_bare_end),)),
)


# --- settle times -----------------------------------------------------------------------------------------------------


def _settles(seconds: float, *kinds: ReplayClass) -> tuple[Patch, ...]:
    def make(original: Any) -> Any:
        return lambda kind, settings: seconds if kind in kinds else original(kind, settings)

    return (Patch(f"{_CORE}evidence:settle_time_s", make),)


def _with_settle(seconds: float, name: str) -> tuple[Patch, ...]:
    """Return the patch by which one function goes by another `settle_dangerous`."""

    def make(original: Any) -> Any:
        def mutated(state: Any, *given: Any) -> Any:
            settings = replace(state.settings, settle_dangerous_s=seconds)
            return original(state.changed({"settings": settings}), *given)

        return mutated

    return (Patch(f"{_CORE}{name}", make),)


def _without_fence(original: Any) -> Any:
    def mutated(state: Any, pending: Any, now: Any) -> Any:
        settled = pending.left_host_at.plus(state.settings.settle_dangerous_s)
        return min(original(state, pending, now), settled, key=lambda moment: moment.boot_s)

    return mutated


_HEARD = (ReplayClass.HEARD, ReplayClass.ASKS)
_SETTLING = (
    ("settle-harmless", "harmless steps settle after 30 s", _settles(30.0, ReplayClass.HARMLESS)),
    ("settle-heard-0", "what is heard settles at once", _settles(0.0, ReplayClass.HEARD)),
    ("settle-heard-30", "what is heard settles after 30 s", _settles(30.0, ReplayClass.HEARD)),
    ("settle-asks-0", "what asks settles at once", _settles(0.0, ReplayClass.ASKS)),
    ("settle-dangerous-3", "dangerous steps settle after 3 s", _settles(3.0, ReplayClass.DANGEROUS)),
    ("settle-dangerous-200", "dangerous steps settle after 200 s", _settles(200.0, ReplayClass.DANGEROUS)),
    (
        "settle-dial",
        "a lost dial is given up when its fence is reached",
        _with_settle(0.0, "reconcile:_no_more_ringing_at"),
    ),
    (
        "fence",
        "a lost dial is given up before its fence",
        (Patch(f"{_CORE}reconcile:_no_more_ringing_at", _without_fence),),
    ),
    (
        "kept-for-ever",
        "a kept reply is asked for however long ago the request was",
        (Patch(f"{_CORE}kept:reply_is_kept", lambda known: lambda state, _: known(state, state.pending.same_since)),),
    ),
    ("absence", "absence is proved after 3 s of looks", _with_settle(3.0, "evidence:_was_watched_closely")),
    ("log-absence", "a log proves absence after 3 s", _with_settle(3.0, "evidence:_by_command_log")),
)


# --- replay classes and policies --------------------------------------------------------------------------------------


def _policy(kind: ReplayClass, policy: Policy) -> tuple[Patch, ...]:
    return (Patch(f"{_CORE}commands:POLICIES", lambda known: {**known, kind: policy}),)


def _class(command: type, kind: ReplayClass) -> tuple[Patch, ...]:
    return (Patch(f"{_CORE}commands:REPLAY_CLASSES", lambda known: {**known, command: kind}),)


def _sms_stops(original: Any) -> Any:
    return lambda entry: entry.if_unknown or (Policy.STOP if isinstance(entry.element, Sms) else original(entry))


def _sms_is_heard(original: Any) -> Any:
    """Return the change of a step that is a text message: it is sent by itself all the same."""

    def mutated(self: Any, start: Any, item: Any) -> Any:
        step = original(self, start, item)
        return replace(step, replay_class=ReplayClass.HEARD) if step.operation is Operation.SMS else step

    return mutated


_CLASSES = (
    ("policy-harmless", "harmless steps stop", _policy(ReplayClass.HARMLESS, Policy.STOP)),
    ("policy-heard", "what is heard is skipped", _policy(ReplayClass.HEARD, Policy.SKIP)),
    ("policy-asks", "what asks is skipped", _policy(ReplayClass.ASKS, Policy.SKIP)),
    ("policy-dangerous", "dangerous steps are repeated", _policy(ReplayClass.DANGEROUS, Policy.REPEAT)),
    ("policy-forbidden", "a dial is repeated", _policy(ReplayClass.FORBIDDEN, Policy.REPEAT)),
    ("policy-sms", "an sms stops", (Patch(f"{_CORE}commands:policy", _sms_stops),)),
    ("class-say", "a say is harmless", _class(Say, ReplayClass.HARMLESS)),
    ("class-get-dtmf", "a get_dtmf is only heard", _class(GetDtmf, ReplayClass.HEARD)),
    ("class-send-dtmf", "a send_dtmf is only heard", _class(SendDtmf, ReplayClass.HEARD)),
    ("class-sms", "an sms is only heard", (Patch(f"{_CORE}step:_Packer._made", _sms_is_heard),)),
    ("class-dial", "a dial is only dangerous", _class(Dial, ReplayClass.DANGEROUS)),
    ("class-hangup", "a hangup is dangerous", _class(Hangup, ReplayClass.DANGEROUS)),
)


# --- the crash table --------------------------------------------------------------------------------------------------


def _dials_first(original: Any) -> Any:
    def mutated(self: Any, script: Any, prepared: Any, **more: Any) -> Any:
        numbers = {"to": prepared.to, "from": prepared.from_}
        dial = Request(operation=Operation.CREATE, commands=({"dial": numbers},), read_timeout_s=0.1)
        self._shared._transport.open_channel().send(dial)
        return original(self, script, prepared, **more)

    return mutated


def _gives_up_undialled(original: Any) -> Any:
    def mutated(state: Any, *given: Any) -> Any:
        if state.check_stale and state.call_id is None:
            return Rest(Fault(code="stopped", message="not dialled before"))
        return original(state, *given)

    return mutated


def _verdict(kind: Operation, verdict: Verdict, then: Then) -> Callable[[Any], Any]:
    """Return what makes `reconcile` settle an intent without outcome at once."""

    def make(original: Any) -> Any:
        def mutated(state: Any, now: Any) -> Any:
            pending = state.pending
            if pending.concluded is None and pending.intent.operation is kind:
                return Settled(at=now, verdict=verdict, evidence="a mutant said so", then=then)
            return original(state, now)

        return mutated

    return make


def _settled_so(test: Callable[[Any, Settled], bool], **fields: Any) -> Callable[[Any], Any]:
    """Return what changes verdicts on commands for which a test holds."""

    def make(original: Any) -> Any:
        def mutated(state: Any, pending: Any, looks: Any, now: Any) -> Any:
            found = original(state, pending, looks, now)
            return replace(found, **fields) if found is not None and test(pending.intent, found) else found

        return mutated

    return make


def _does_not_wait(original: Any) -> Any:
    def mutated(state: Any, pending: Any, looks: Any, now: Any) -> Any:
        found = original(state, pending, looks, now)
        if found is None and looks[-1].call is not None and looks[-1].call.status == "in-progress":
            evidence = "a mutant does not wait"
            return Settled(at=now, verdict=Verdict.UNDECIDABLE, evidence=evidence, then=Then.REPEAT)
        return found

    return mutated


def _minds_no_digits(original: Any) -> Any:
    def mutated(state: Any, pending: Any, settled: Any) -> Any:
        return settled if settled.verdict is Verdict.RAN else original(state, pending, settled)

    return mutated


def _as_if_heard(original: Any) -> Any:
    def mutated(state: Any, pending: Any, looks: Any) -> Any:
        return original(state, replace(pending, intent=replace(pending.intent, replay_class=ReplayClass.HEARD)), looks)

    return mutated


def _resumes_with(**fields: Any) -> tuple[Patch, ...]:
    """Return the patch by which a resume changes these fields of the state, or of its pending step, too."""

    def make(known: Any) -> Any:
        original = known[Resumed]

        def mutated(state: Any, record: Any) -> Any:
            event, changes = original(state, record)
            step = changes.get("pending", state.pending)
            for name, value in fields.items():
                if name != "wake" and step is not None:
                    step = replace(step, **{name: value})
                elif name == "wake":
                    changes |= {"wake": None, "held_wake": None}
            return event, {**changes, "pending": step}

        return {**known, Resumed: mutated}

    return (Patch(f"{_CORE}evolve:_MEANINGS", make),)


def _commits_late(original: Any) -> Any:
    def mutated(self: Any) -> None:
        if not (self._unwritten and isinstance(self._unwritten[-1], Intended)):
            original(self)

    return mutated


_CRASHES = (
    (
        "before-run",
        "the dial leaves before the run is created",
        (Patch("orchestrator.runtime.runner:Runner.run", _dials_first),),
    ),
    (
        "undialled",
        "a run that was not dialled before a crash is given up",
        (Patch(f"{_CORE}decide:_ready", _gives_up_undialled),),
    ),
    (
        "dial-absent",
        "a dial without an outcome did not run",
        (Patch(f"{_CORE}decide:reconcile", _verdict(Operation.CREATE, Verdict.DID_NOT_RUN, Then.AGAIN)),),
    ),
    (
        "dial-not-adopted",
        "the call of a lost dial is not adopted",
        (
            Patch(
                f"{_CORE}reconcile:_adopted",
                lambda _: (
                    lambda _looks, now: Settled(
                        at=now, verdict=Verdict.UNDECIDABLE, evidence="a mutant said so", then=Then.STOP
                    )
                ),
            ),
        ),
    ),
    (
        "sentence-done",
        "a sentence without an outcome was heard",
        (Patch(f"{_CORE}decide:reconcile", _verdict(Operation.COMMAND, Verdict.RAN, Then.GO_ON)),),
    ),
    ("while-spoken", "a running list is not waited for", (Patch(f"{_CORE}reconcile:verdict_of", _does_not_wait),)),
    (
        "preamble",
        "a repeat is not announced",
        (Patch(f"{_CORE}decide:with_preamble", lambda _: lambda step, _text, _settings: step),),
    ),
    ("digits", "lost digits are not asked for again", (Patch(f"{_CORE}reconcile:_by_policy", _minds_no_digits),)),
    (
        "dangerous-absent",
        "looks prove that a dangerous step did not run",
        (Patch(f"{_CORE}evidence:_was_watched_closely", _as_if_heard),),
    ),
    (
        "open-look",
        "the look at a dangerous step is not written at once",
        (Patch("orchestrator.runtime.driver:Driver._keep", lambda _: lambda self, look: self.take(look)),),
    ),
    (
        "hang-up",
        "a call that ended by the hang-up is not taken for it",
        (
            Patch(
                f"{_CORE}reconcile:verdict_of",
                _settled_so(
                    lambda intent, found: intent.commands[-1] == "hangup" and found.verdict is Verdict.RAN,
                    verdict=Verdict.UNDECIDABLE,
                ),
            ),
        ),
    ),
    (
        "resume-blind",
        "a resume does not look first",
        (Patch(f"{_CORE}evolve:_LOOKED_AT_FIRST", lambda _: frozenset()),),
    ),
    ("resume-counts", "a resume forgets how often a step was sent", _resumes_with(unknowns=0)),
    ("resume-waits", "a resume does not wait for the rest of a wait", _resumes_with(wake=None, held_back=0)),
    (
        "fencing",
        "the lease is not checked before the first byte",
        (
            Patch(
                "orchestrator.runtime.driver:Driver._first_byte",
                lambda _: lambda _self, looker: looker and looker.start(),
            ),
        ),
    ),
    (
        "disk-full",
        "a journal that fails leaves the call up",
        (Patch("orchestrator.runtime.driver:Driver._end_without_intent", lambda _: lambda _self: None),),
    ),
    (
        "intent",
        "an intent is written with its outcome",
        (Patch("orchestrator.runtime.driver:Driver.commit", _commits_late),),
    ),
)

# --- incoming calls, and the request limits of an account -------------------------------------------------------------


def _believes_announcements(original: Any) -> Any:
    def mutated(transport: Any, call_id: str) -> CallSeen:
        return original(transport, call_id) or CallSeen(call_id=call_id, status="ringing")

    return mutated


def _counts_only(original: Any) -> Any:
    def mutated(self: Any, demand: Any) -> None:
        original(self, demand)

    return mutated


def _asks_no_place_for_looks(original: Any) -> Any:
    looks = (Operation.LOOK, Operation.LIST)
    return lambda self, operation, *given: None if operation in looks else original(self, operation, *given)


_PLACES = "orchestrator.runtime.places:"
_DRIVER = "orchestrator.runtime.driver:Driver."
_CALLS_IN = (
    (
        "claim",
        "the journal gives one call to two runs",
        (
            Patch(
                "tests.conformance.memory_journal:MemoryJournal._refuse_taken", lambda _: lambda _self, _call_id: None
            ),
        ),
    ),
    (
        "announced",
        "a call that is announced is not looked at for whether it rings",
        (Patch("orchestrator.compose.ringing:ringing", _believes_announcements),),
    ),
    (
        "answer-idle",
        "a call that rings is busy to an `answer`",
        (Patch(f"{_CORE}evidence:is_idle", lambda _: lambda call, _intent: call.ready),),
    ),
    (
        "answer-again",
        "a list that answered is repeated with its `answer`",
        (Patch(f"{_CORE}intents:_behind_its_answer", lambda _: lambda _state, pending: pending.intent.start),),
    ),
    (
        "reap-rings",
        "a call that still rings is reaped",
        (Patch(f"{_CORE}state:RunState.rings_on", lambda _: property(lambda _state: False)),),
    ),
)
_LIMITS = (
    ("limit-wait", "nobody waits for a place", (Patch(f"{_PLACES}Places.wait_until", _counts_only),)),
    ("limit-looks", "looks take no place", (Patch(f"{_DRIVER}_place", _asks_no_place_for_looks),)),
    (
        "limit-late",
        "a place that was slept over is used",
        (Patch(f"{_PLACES}_Reserved.missed", lambda _: lambda _self, _now: False),),
    ),
    (
        "limit-end",
        "a DELETE waits for its place",
        (Patch(f"{_CORE}budget:Demand.never_waits", lambda _: property(lambda _demand: False)),),
    ),
    (
        "limit-beside",
        "what is asked while a request is open takes no place",
        (Patch(f"{_PLACES}Places.beside", lambda _: lambda _self: None),),
    ),
)

MUTANTS = tuple(
    Mutant(name, part, change, patches)
    for part, rows in (
        ("transport table", _TRANSPORT),
        ("settle time", _SETTLING),
        ("replay class or policy", _CLASSES),
        ("crash table", _CRASHES),
        ("incoming call", _CALLS_IN),
        ("request limit", _LIMITS),
    )
    for name, change, patches in rows
)
