"""The log: what it shows at which level, what it never shows, and that it cannot harm a call."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import structlog

from orchestrator.adapters import logs
from orchestrator.adapters.logs import configure, log_record
from orchestrator.adapters.transport.credentials import SecretText
from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    Cursor,
    Disposition,
    EndDecided,
    Fault,
    Intended,
    Looked,
    LookKind,
    Noticed,
    Record,
    Resolved,
    Resumed,
    RunEnded,
    RunStarted,
    Settled,
    Status,
    Then,
    Verdict,
    Waited,
)
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState

RUN_ID = "0b54ee5c-6ac1-44f6-a7a4-3d0a6f0f9a11"
CALL_ID = "7c0c2f0e-0e57-4f0a-8a7e-6a3a26a6f001"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Leave structlog as a fresh process has it."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        """Raise, as a pipe does."""
        raise BrokenPipeError(text)


def at(seconds: float) -> Instant:
    return Instant(1_800_000_000.0 + seconds, 100.0 + seconds, "boot")


def started() -> RunStarted:
    return RunStarted(
        at=at(0),
        run_id=RUN_ID,
        script_name="reminder",
        script_digest="d",
        script_source="s",
        script_masked=False,
        script_path=None,
        to="+15555550123",
        from_="+15555550199",
        variables={"patient": "Grace Hopper"},
        secret_names=("pin",),
        settings=Settings(),
        secrets={"pin": "8642"},
    )


def intended(**changes: Any) -> Intended:
    values: dict[str, Any] = {
        "at": at(1),
        "operation": Operation.CREATE,
        "attempt": 1,
        "start": Cursor(0),
        "after": Cursor(1),
        "commands": ("dial",),
        "command_entries": (0,),
    }
    return Intended(**{**values, **changes})


def concluded(**changes: Any) -> Concluded:
    values: dict[str, Any] = {
        "at": at(3.5),
        "outcome": Outcome.DONE,
        "reason": "201",
        "first_byte": at(1),
        "call": CallSeen(call_id=CALL_ID, status="ready"),
        "results": (CommandResult(command="dial"),),
    }
    return Concluded(**{**values, **changes})


DIALLED: tuple[Record, ...] = (started(), intended(), concluded())
ASKING = intended(
    at=at(4),
    operation=Operation.COMMAND,
    start=Cursor(1),
    after=Cursor(2),
    commands=("get_dtmf",),
    command_entries=(1,),
    saves="choice",
)


def lines(records: tuple[Record, ...], *, verbosity: int = 2) -> list[dict[str, Any]]:
    """Return the JSON lines of a run's records without their time stamps."""
    stream = io.StringIO()
    configure("json", verbosity, stream)
    state = RunState()
    for record in records:
        state = evolve(state, record)
        log_record(record, state)
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all(line.pop("timestamp").endswith("Z") for line in found)
    return found


def newest(record: Record, *before: Record, state: RunState | None = None) -> dict[str, Any]:
    """Return the line of one record, without what every line has."""
    stream = io.StringIO()
    configure("json", 2, stream)
    if state is None:
        state = RunState()
        for one in (*before, record):
            state = evolve(state, one)
    log_record(record, state)
    line: dict[str, Any] = json.loads(stream.getvalue())
    return {name: value for name, value in line.items() if name not in {"timestamp", "run_id", "call_id"}}


# --- records ----------------------------------------------------------------------------------------------------------


def test_a_run_reads_from_its_log() -> None:
    """A start, each sent and each finished step are lines at level info, bound to the run and, once known, its call."""
    call = {"run_id": "0b54ee5c", "call_id": CALL_ID}
    assert lines(DIALLED, verbosity=1) == [
        {"event": "run started", "level": "info", "run_id": "0b54ee5c", "script": "reminder", "to": "+…23"},
        {
            "event": "step sent", "level": "info", "run_id": "0b54ee5c", "step": 0, "commands": "dial", "attempt": 1,
        },
        {"event": "step done", "level": "info", **call, "step": 0, "commands": "dial", "seconds": 2.5},
    ]  # fmt: skip


def test_every_record_has_its_line() -> None:
    """No type of record is forgotten."""
    assert set(logs._LINES) == set(get_args(Record))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Waited(at=at(4), wake=at(6), why="throttled"), ("debug", "waiting", {"seconds": 2.0, "why": "throttled"})),
        (
            Looked(at=at(4), began=at(4), kind=LookKind.CALL, ok=True, call=CallSeen(call_id=CALL_ID, status="ready")),
            ("debug", "looked", {"kind": "call", "ok": True, "seen": "ready"}),
        ),
        (
            Looked(at=at(4), began=at(4), kind=LookKind.CALL, ok=False, reason="refused"),
            ("debug", "looked", {"kind": "call", "ok": False, "reason": "refused"}),
        ),
        (
            Branched(at=at(4), kind=BranchKind.SWITCH, entry=1, target=Cursor(5), label="bye", reason="case 2"),
            ("info", "branch", {"kind": "switch", "entry": 1, "target": 5, "label": "bye", "reason": "case 2"}),
        ),
        (
            Noticed(at=at(4), code="doubled", message="sent once, seen twice for +15555550123"),
            ("warning", "noticed", {"code": "doubled", "message": "sent once, seen twice for +…23"}),
        ),
        (Resumed(at=at(4), settings=Settings()), ("info", "run resumed", {"why": "resume"})),
        (
            CancelAsked(at=at(4), why="by ops"),
            ("info", "run is to end", {"code": "cancelled", "why": "by ops"}),
        ),
        (
            EndDecided(at=at(4), status=Status.FAILED, fault=Fault(code="max_call", message="m")),
            ("debug", "ending", {"status": "failed", "code": "max_call"}),
        ),
        (EndDecided(at=at(4), status=Status.COMPLETED), ("debug", "ending", {"status": "completed"})),
    ],
)
def test_records_between_steps(record: Record, expected: tuple[str, str, dict[str, Any]]) -> None:
    """Each record has its level, its words and its values; looks and waits are details."""
    level, event, values = expected
    assert newest(record, *DIALLED) == {"level": level, "event": event, **values}


def test_records_of_people_and_ends() -> None:
    """What a person says and how a run ends are at level info, the need for a person's verdict is a warning."""
    state = evolve(RunState(), started())
    undecided = EndDecided(at=at(4), status=Status.UNDECIDED, fault=Fault(code="undecided", message="no evidence"))
    assert newest(undecided, state=state) == {
        "level": "warning", "event": "a person's verdict is needed", "code": "undecided", "why": "no evidence",
    }  # fmt: skip
    bare = EndDecided(at=at(4), status=Status.UNDECIDED)
    assert newest(bare, state=state) == {"level": "warning", "event": "a person's verdict is needed"}
    resolved = Resolved(at=at(4), ran=True, note="I asked her")
    assert newest(resolved, state=state) == {"level": "info", "event": "resolved by a person", "ran": True}
    ended = RunEnded(at=at(9), status=Status.FAILED, disposition=Disposition.BUSY, fault=Fault(code="x", message="m"))
    assert newest(ended, state=state) == {
        "level": "info", "event": "run ended", "status": "failed", "disposition": "busy", "code": "x", "seconds": 9.0,
    }  # fmt: skip
    ended = RunEnded(at=at(9), status=Status.COMPLETED, disposition=Disposition.COMPLETED)
    assert "code" not in newest(ended, state=state)


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (Outcome.UNKNOWN, "outcome unknown"),
        (Outcome.NOT_SENT, "step not sent"),
        (Outcome.THROTTLED, "step throttled"),
    ],
)
def test_what_did_not_go_well_is_a_warning(outcome: Outcome, event: str) -> None:
    """An attempt that is unknown, or will be tried again, is a warning with its reason and what it was."""
    first_byte = None if outcome is Outcome.NOT_SENT else at(4)
    record = concluded(at=at(8), outcome=outcome, reason="reset", first_byte=first_byte, call=None, results=None)
    expected = {"level": "warning", "event": event, "step": 1, "commands": "get_dtmf", "attempt": 1, "reason": "reset"}
    assert newest(record, *DIALLED, ASKING) == expected | ({} if first_byte is None else {"seconds": 4.0})


def test_a_rejected_step_is_a_warning_but_a_busy_call_is_not() -> None:
    """A refusal is a warning; a 409 only means that the call is busy and will be waited for."""
    rejected = concluded(outcome=Outcome.REJECTED, reason="400 no", status=400, call=None, results=None)
    assert newest(rejected, started(), intended())["level"] == "warning"
    busy = concluded(at=at(5), outcome=Outcome.REJECTED, reason="409", status=409, call=None, results=None)
    line = newest(busy, *DIALLED, ASKING)
    assert (line["level"], line["event"], line["status"]) == ("info", "step rejected", 409)


def test_a_verdict_shows_its_evidence() -> None:
    """A verdict is a warning with the evidence and what follows."""
    lost = concluded(at=at(8), outcome=Outcome.UNKNOWN, reason="reset", call=None, results=None)
    settled = Settled(at=at(9), verdict=Verdict.DID_NOT_RUN, evidence="seen ready throughout", then=Then.AGAIN)
    assert newest(settled, *DIALLED, ASKING, lost) == {
        "level": "warning", "event": "verdict", "verdict": "did_not_run", "then": "again",
        "evidence": "seen ready throughout",
    }  # fmt: skip


def test_the_end_of_a_call_is_no_step() -> None:
    """The DELETE that ends a call is named by its reason, and its reply names no step."""
    end = intended(
        at=at(5), operation=Operation.END, commands=(), command_entries=(), call_id=CALL_ID, end_reason="end"
    )
    assert newest(end, *DIALLED) == {
        "level": "info", "event": "step sent", "step": 1, "commands": "end", "attempt": 1, "reason": "end",
    }  # fmt: skip
    done = concluded(at=at(6), first_byte=at(5), call=None, results=None)
    assert newest(done, *DIALLED, end) == {"level": "info", "event": "step done", "seconds": 1.0}


def test_an_outcome_without_a_pending_step() -> None:
    """An outcome whose step is no longer pending still has its line."""
    record = concluded(outcome=Outcome.REJECTED, reason="404", status=404, call=None)
    state = RunState(phase=Phase.READY, started=started())
    assert newest(record, state=state)["reason"] == "404"


def test_neither_digits_nor_values_of_variables_are_logged() -> None:
    """Digits pressed, secrets and variables are in no line at any level; neither are digits a server repeats."""
    done = concluded(
        at=at(6),
        first_byte=at(4),
        results=(CommandResult(command="get_dtmf", ok=False, error="got 97531", digits="97531"),),
        secrets={"choice": "97531"},
    )
    retry = Branched(at=at(7), kind=BranchKind.RETRY, entry=1, target=Cursor(1), reason="got 97531")
    found = lines((*DIALLED, ASKING, done, retry))
    assert found[-2]["failed"] == "get_dtmf: got *****"
    assert found[-1]["reason"] == "got *****"
    text = json.dumps(found)
    for secret in ("97531", "8642", "Grace", "5555550123"):
        assert secret not in text


@pytest.mark.parametrize(("verbosity", "expected"), [(-1, {"warning"}), (0, {"warning"}), (1, {"info", "warning"})])
def test_verbosity(verbosity: int, expected: set[str]) -> None:
    """Without -v only warnings are shown; -v adds what happens, -vv (in the other tests) looks and waits."""
    waited = Waited(at=at(4), wake=at(6), why="w")
    noticed = Noticed(at=at(4), code="c", message="m")
    assert {line["level"] for line in lines((*DIALLED, noticed, waited), verbosity=verbosity)} == expected


def test_a_limit_that_was_learned_is_no_warning() -> None:
    """The run keeps it, and nothing is wrong; one that it cannot keep is worth a warning."""
    codes = ("limit_learned", "limit_not_kept")
    noticed = [Noticed(at=at(4), code=code, message="m") for code in codes]
    told = {line["code"]: line["level"] for line in lines((*DIALLED, *noticed), verbosity=1) if "code" in line}
    assert told == {"limit_learned": "info", "limit_not_kept": "warning"}


def test_silence_while_nobody_configured_logs(capfd: pytest.CaptureFixture[str]) -> None:
    """A program that embeds this package and sets no logs up hears nothing."""
    log_record(started(), evolve(RunState(), started()))
    assert capfd.readouterr() == ("", "")


def test_a_host_programs_own_set_up_is_used() -> None:
    """A program that has set structlog up gets our lines through it, already masked."""
    taken: list[dict[str, Any]] = []

    def take(_logger: object, _method: str, event: dict[str, Any]) -> str:
        taken.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[take], logger_factory=structlog.ReturnLoggerFactory())
    log_record(started(), evolve(RunState(), started()))
    assert taken == [{"event": "run started", "run_id": "0b54ee5c", "script": "reminder", "to": "+…23"}]


# --- values -----------------------------------------------------------------------------------------------------------


def logged(log_format: str = "json", **values: Any) -> str:
    stream = io.StringIO()
    configure(log_format, 2, stream)
    structlog.get_logger().info("event", **values)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("card 4111 1111 1111 1111", "card **** **** **** 1111"),
        (4111111111111111, "************1111"),
        (1234567890123456, 1234567890123456),
        (12, 12),
        (1.5, 1.5),
        (True, True),
        ("call +15555550123 now", "call +…23 now"),
        (["+15555550123", ("+15555550124",)], ["+…23", ["+…24"]]),
        ({"to": "+15555550123", "dtmf": "123", "+15555550124": 1}, {"to": "+…23", "dtmf": "***", "+…24": 1}),
        ({"x"}, ["x"]),
        (SecretText("hunter2"), "***"),
        (ValueError("+15555550123"), "+…23"),
        ("a\nb\x1b[31m\x9b\u202e\u2066\u2028\u200b\udc80", r"a\nb\x1b[31m\x9b\u202e\u2066\u2028\u200b\udc80"),
        ("Grüße, 你好 👋", "Grüße, 你好 👋"),
    ],
)
def test_values_are_made_harmless(value: object, expected: object) -> None:
    """Cards and numbers are masked at any depth, and characters that steer a terminal or a reader are spelt out."""
    assert json.loads(logged(value=value))["value"] == expected


@pytest.mark.parametrize("name", ["digits", "dtmf", "api_key", "api_password", "authorization", "secrets", "variables"])
def test_secret_names(name: str) -> None:
    """A value by the name of a secret is never shown, whatever it is."""
    assert json.loads(logged(**{name: ["1"]}))[name] == "***"


def fail() -> None:
    """Raise an error whose text looks like a line of the log, with a secret among the local variables."""
    secret = "hunter-2"
    raise ValueError(f"+15555550123 {len(secret)}\n2030-01-01 [info] forged\x1b[2J")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_tracebacks_are_masked_and_cannot_pass_for_lines(log_format: str) -> None:
    """A traceback shows no local variable and no number, and each of its lines is indented."""
    stream = io.StringIO()
    configure(log_format, 0, stream)
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed")
    text = stream.getvalue()
    shown = json.loads(text)["exception"] if log_format == "json" else text
    assert "    ValueError: +…23 8\n    2030-01-01" in shown
    assert "\x1b" not in shown
    assert "hunter-2" not in shown


def test_a_text_value_cannot_pass_for_two() -> None:
    """In plain text a value with a space stands in quotes."""
    assert "reason='x status=done'" in logged("text", reason="x status=done")


# --- the stream -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log_format", "stream", "environ", "coloured"),
    [
        ("auto", Terminal(), {"TERM": "xterm"}, True),
        ("auto", Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {"TERM": "xterm"}, False),
        ("text", Terminal(), {"TERM": "xterm"}, False),
    ],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch, log_format: str, stream: io.StringIO, environ: dict[str, str], coloured: bool
) -> None:
    """Colours are for terminals that want them."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    configure(log_format, 0, stream)
    structlog.get_logger().warning("event")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_logs_go_to_standard_error_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Results are on stdout, so logs are not."""
    configure("text", 0)
    structlog.get_logger().warning("event")
    out, err = capsys.readouterr()
    assert (out, "event" in err) == ("", True)


def test_a_stream_that_fails_harms_nothing() -> None:
    """A closed or broken stream loses lines; it never raises into a run that has a callee on the line."""
    closed = io.StringIO()
    closed.close()
    for stream in (closed, Broken()):
        configure("text", 2, stream)
        log_record(started(), evolve(RunState(), started()))


def test_lines_of_several_threads_stay_whole() -> None:
    """Runs of several threads write line by line."""
    stream = io.StringIO()
    configure("json", 1, stream)
    state = evolve(RunState(), started())

    def write() -> None:
        for _ in range(50):
            log_record(started(), state)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 200


def test_the_library_is_imported_only_when_logs_are_set_up() -> None:
    """Neither importing this module nor a record without logs costs the import of structlog."""
    code = (
        "import sys; from orchestrator.adapters.logs import log_record; log_record(None, None);"
        "print('structlog' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
