"""Short words for states and records of a run, for tests of the core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import Concluded, Cursor, Intended, Looked, LookKind, ReplayClass, RunStarted
from orchestrator.core.script import Dial, Entry, Hangup, Plain, Say, Script
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, Phase, RunState

TO, FROM, CALL = "+15555550100", "+15555550199", "call-1"
EPOCH = 1_000_000.0


def at(seconds: float) -> Instant:
    """Return the moment so many seconds into the run."""
    return Instant(EPOCH + seconds, seconds, "boot")


def started(**fields: Any) -> RunStarted:
    """Return the first record of a run."""
    given: dict[str, Any] = {
        "at": at(0),
        "run_id": "run-1",
        "script_name": "reminder",
        "script_digest": "d",
        "script_source": "commands: …",
        "script_masked": False,
        "script_path": None,
        "to": TO,
        "from_": FROM,
        "variables": {},
        "secret_names": (),
        "settings": Settings(),
    }
    return RunStarted(**{**given, **fields})


def intent(operation: Operation = Operation.COMMAND, *names: str, **fields: Any) -> Intended:
    """Return the intent of a step that begins at entry 1, or at 0 for a dial."""
    begins = 0 if operation is Operation.CREATE else 1
    commands = names or {Operation.CREATE: ("dial",), Operation.SMS: ("sms",), Operation.END: ("hangup",)}.get(
        operation, ("say",)
    )
    entries = () if operation is Operation.END else tuple(range(begins, begins + len(commands)))
    given: dict[str, Any] = {
        "at": at(10),
        "operation": operation,
        "attempt": 1,
        "start": Cursor(begins),
        "after": Cursor(begins + len(entries)),
        "commands": commands,
        "command_entries": entries,
        "digests": {str(entry): f"digest-{entry}" for entry in entries},
        "replay_class": {
            Operation.CREATE: ReplayClass.FORBIDDEN,
            Operation.SMS: ReplayClass.DANGEROUS,
            Operation.END: ReplayClass.HARMLESS,
        }.get(operation, ReplayClass.HEARD),
        "shortest_s": 2.0,
        "longest_s": 8.0,
        "read_timeout_s": 13.0,
        "call_id": None if operation is Operation.CREATE else CALL,
    }
    return Intended(**{**given, **fields})


def seen(status: str = "ready", **fields: Any) -> CallSeen:
    """Return the run's call as a reply shows it."""
    given: dict[str, Any] = {"call_id": CALL, "status": status, "to": TO, "from_": FROM, "created_epoch": EPOCH + 1}
    return CallSeen(**{**given, **fields})


def concluded(outcome: Outcome = Outcome.DONE, seconds: float = 12, **fields: Any) -> Concluded:
    """Return an outcome; a `done` one shows the call ready and the results of one command."""
    given: dict[str, Any] = {"at": at(seconds), "outcome": outcome, "reason": str(outcome)}
    if outcome is not Outcome.NOT_SENT:
        given["first_byte"] = at(10)
    if outcome is Outcome.DONE:
        given |= {"call": seen(), "results": (CommandResult(command="say"),)}
    return Concluded(**{**given, **fields})


def look(seconds: float, status: str | None = "ready", kind: LookKind = LookKind.CALL, **fields: Any) -> Looked:
    """Return a look that began then and was answered a tenth of a second later; `status` None: it failed."""
    call = None if status is None or kind is LookKind.LIST else seen(status)
    given: dict[str, Any] = {
        "at": at(seconds + 0.1),
        "began": at(seconds),
        "kind": kind,
        "ok": status is not None,
        "call": call,
    }
    return Looked(**{**given, **fields})


def pending(intended: Intended | None = None, **fields: Any) -> Pending:
    """Return a step whose newest attempt was lost at 12 s, unless the fields say otherwise."""
    intended = intended or intent()
    given: dict[str, Any] = {
        "first_at": intended.at,
        "same_since": intended.at,
        "unknowns": 1,
        "concluded": concluded(Outcome.UNKNOWN),
    }
    return Pending(intent=intended, **{**given, **fields})


def state(phase: Phase, **fields: Any) -> RunState:
    """Return a run with a call that is up, in some phase; phases with a request have a lost one."""
    given: dict[str, Any] = {"started": started(), "call_id": CALL, "cursor": Cursor(1), "answered": True}
    if phase in (Phase.SENDING, Phase.RETRYING, Phase.SETTLING):
        given["pending"] = pending()
    if phase is Phase.AWAITING:
        given["pending"] = pending(unknowns=0, concluded=concluded(results=None, call=seen("in-progress")))
    if phase is Phase.SENDING:
        given["pending"] = pending(unknowns=0, concluded=None)
    if phase is Phase.NEW:
        given = {}
    if phase is Phase.OVER:
        given |= {"call_over": True, "hangup_cause": "remote"}
    return RunState(phase=phase, **{**given, **fields})


def entry(element: Any, **fields: Any) -> Entry:
    """Return an entry of a script."""
    given: dict[str, Any] = {"digest": f"digest of {element}", "written": str(type(element).__name__).lower()}
    return Entry(element=element, **{**given, **fields})


def script(*elements: Any) -> Script:
    """Return a script: a dial, then these elements or entries, by default a sentence and a hangup."""
    dial = Dial(to=Plain(TO), from_=Plain(FROM))
    rest = elements or (Say(Plain("one two three")), Hangup())
    entries = [each if isinstance(each, Entry) else entry(each) for each in (dial, *rest)]
    return Script(name="reminder", entries=tuple(entries))


def with_settings(run: RunState, **fields: Any) -> RunState:
    """Return the run with some settings changed."""
    return replace(run, settings=replace(run.settings, **fields))
