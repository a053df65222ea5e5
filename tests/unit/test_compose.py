"""The composition root, where the library and the CLI meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Script
from orchestrator.compose import Orchestrator
from orchestrator.core.ask import Ask
from orchestrator.core.evolve import fold, marks
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.errors import ScriptError, UsageError, VariablesError
from orchestrator.ports import ContactClaim
from tests.fakes import machine as m

CONTACT = ContactClaim(key="key", campaign="spring", occurrence="monday", row_digest="row")


@pytest.mark.parametrize(("contact", "resumable"), [(None, ["run-1"]), (CONTACT, [])])
def test_a_run_of_a_batch_that_has_not_dialled_is_left_to_the_batch(
    tmp_path: Path, contact: ContactClaim | None, resumable: list[str]
) -> None:
    """Only the batch knows its calling window and its do-not-call lists; `resume --all` does not dial for it."""
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator:
        lease = orchestrator.journal.start_run(m.started(), lease_s=30, contact=contact)
        orchestrator.journal.release(lease)
        assert [run.run_id for run in orchestrator.resumable()] == resumable


@pytest.mark.parametrize(("contact", "ending"), [(None, "unreachable"), (CONTACT, "stopped")])
def test_a_run_of_a_batch_dials_for_nobody_but_the_batch(
    tmp_path: Path, contact: ContactClaim | None, ending: str
) -> None:
    """`resume RUN` leaves it as it is; another run dials, here an API that is away."""
    with Orchestrator(
        journal=tmp_path / "journal.db",
        api_url="http://127.0.0.1:9",
        api_key="k",
        api_password="p",
        settings={"retry_total": "1s", "retry_attempts": 1},
    ) as orchestrator:
        script = Script.parse(FEW)
        started = m.started(
            at=orchestrator.clock.now(),
            script_digest=script.digest,
            script_source=script.source,
            variables={"patient": "Ann"},
        )
        lease = orchestrator.journal.start_run(started, lease_s=30, contact=contact)
        orchestrator.journal.release(lease)
        result = orchestrator.resume("run-1")
        assert (result.document["error"] or {})["code"] == ending


FROM = "+12125550199"
FEW = """
version: 1
variables: {patient: {required: true}}
commands:
  - dial: {to: "+12125550100", from: "{{ from }}"}
  - say: {text: "Hello {{ patient }}"}
"""


@pytest.mark.parametrize("caller", ["", "5551234", "+1555", "+99912345678", "the office"])
def test_an_impossible_caller_id_is_refused_before_dialling(tmp_path: Path, caller: str) -> None:
    """The API would refuse the call."""
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator:
        script = Script.parse(FEW)
        assert orchestrator.prepare(script, Ask(from_=FROM, variables={"patient": "Ann"})).from_ == FROM
        with pytest.raises(UsageError, match="the caller id"):
            orchestrator.prepare(script, Ask(from_=caller, variables={"patient": "Ann"}))


@pytest.mark.parametrize("given", ["s.yaml", Path("s.yaml"), {"commands": []}])
def test_what_is_no_script_is_refused_with_the_way_to_one(tmp_path: Path, given: object) -> None:
    """A path, a text or a mapping; before anything is opened."""
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator:
        for use in (orchestrator.run, orchestrator.run_many, orchestrator.plan, orchestrator.prepare):
            with pytest.raises(UsageError, match=r"give Script\.load\(PATH\) of a file"):
                use(given)  # type: ignore[operator]
        started = m.started(at=orchestrator.clock.now())
        orchestrator.journal.release(orchestrator.journal.start_run(started, lease_s=30))
        with pytest.raises(UsageError, match=r"give Script\.load\(PATH\)"):
            orchestrator.resume("run-1", script=given)  # type: ignore[arg-type]


def test_missing_values_are_told_in_words_for_programs_too(tmp_path: Path) -> None:
    """Who embeds it has no command line."""
    script = Script.parse(FEW)
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator:
        with pytest.raises(VariablesError, match=r"--var patient=VALUE \(in a program: in `variables`\)"):
            orchestrator.run(script, from_=FROM)
        with pytest.raises(UsageError, match=r"--from NUMBER \(in a program: in `from_`\)"):
            orchestrator.run(script, variables={"patient": "Ann"})


def test_a_required_variable_must_not_be_empty(tmp_path: Path) -> None:
    """A column without a value would make a sentence without sense."""
    empty = "`patient` is required, and its value is empty"
    with Orchestrator(journal=tmp_path / "journal.db") as orchestrator, pytest.raises(ScriptError, match=empty):
        orchestrator.prepare(Script.parse(FEW), Ask(from_=FROM, variables={"patient": ""}))


def test_a_run_that_was_tried_on_another_api_is_not_dialled_here_unasked(tmp_path: Path) -> None:
    """What was begun on a test system must not ring a real phone; once it is too late for its dial, it may be ended."""
    with Orchestrator(journal=tmp_path / "journal.db", api_url="https://here.example") as orchestrator:
        now = orchestrator.clock.now()
        for number, began in enumerate((now, now.plus(-3600.0))):
            run_id, there = f"run-{number}", "https://there.example"
            started = m.started(run_id=run_id, to=f"+1212555010{number}", api_url=there, at=began)
            orchestrator.journal.release(orchestrator.journal.start_run(started, lease_s=30))
        assert [run.run_id for run in orchestrator.resumable()] == ["run-1"]
        (told,) = orchestrator.left_alone()
        assert "https://there.example" in told


def test_runs_of_another_api_are_left_alone_and_counted(tmp_path: Path) -> None:
    """`resume --all` does not touch them; a sentence names their API and how to reach it."""
    with Orchestrator(journal=tmp_path / "journal.db", api_url="https://Here.example/") as orchestrator:
        for run_id, url in (("1", "https://here.example"), ("2", "https://there.example"), ("3", None)):
            number = f"+1212555010{run_id}"
            started = m.started(run_id=run_id, to=number, api_url=url)
            lease = orchestrator.journal.start_run(started, lease_s=30)
            called = [m.intent(Operation.CREATE), m.concluded(Outcome.UNKNOWN)]
            orchestrator.journal.append(lease, called, marks(fold([started, *called])))
            orchestrator.journal.release(lease)
        assert sorted(run.run_id for run in orchestrator.resumable()) == ["1", "3"]
        (told,) = orchestrator.left_alone()
        assert told.startswith("1 unfinished run was left alone: the API is https://there.example there, and ")
        assert told.endswith("set ORCHESTRATOR_API_URL=https://there.example to carry on")
        assert not orchestrator.may_be_up("1")
