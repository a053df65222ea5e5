"""What users are shown of a run: its document, and the `Result` around it.

It reads states, and knows neither settings nor adapters. `library` makes one `Documents`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from orchestrator.core.document import document_of, exit_code_of_run
from orchestrator.core.records import Fault
from orchestrator.core.script import Value
from orchestrator.core.state import RunState
from orchestrator.ports import Clock
from orchestrator.runtime.shared import RunResult

if TYPE_CHECKING:
    from orchestrator.batches.many import ContactEnd

WAY_OUT = "; say what happened with "
"""Stands in an undecided run's error between what is not known and the commands that settle it."""
CommandFor = Callable[[str], str | None]
"""Makes a command about a run from its id; None where nothing can be called."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where a run stands after `run` or `resume`; of `run_many` also of contacts that were not called.

    Attributes:
        document: The run's document, as `show RUN --json` prints it.
        exit_code: What the CLI ends with for this run.
        variables: The run's variables by name, with the secret ones this process still holds.
        contact: The row of `run_many` that it is about, as text.
        earlier: The call was over before `run_many` began.
        notices: What a person should know of the run that is no error, a sentence by its code: `vanished` says that
            nobody saw its call end.
    """

    document: Mapping[str, Any]
    exit_code: int
    variables: Mapping[str, Value]
    contact: Mapping[str, str] = field(default_factory=dict)
    earlier: bool = False
    notices: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run's id; empty for a contact of `run_many` who has none."""
        return cast("str", self.document["run_id"])

    @property
    def to(self) -> str:
        """The callee's number."""
        return cast("str", self.document["to"])

    @property
    def status(self) -> str:
        """The run's status (rules, section 7)."""
        return cast("str", self.document["status"])

    @property
    def disposition(self) -> str | None:
        """How the call ended; None while it goes on."""
        return cast("str | None", self.document["disposition"])

    @property
    def result(self) -> str | None:
        """The text of the script's `end`."""
        return cast("str | None", self.document["result"])

    @property
    def call_id(self) -> str | None:
        """The call's id."""
        return cast("str | None", self.document["call_id"])

    @property
    def error(self) -> Mapping[str, Any] | None:
        """What went wrong: `code`, `message`, `resume_command`; None when nothing did."""
        return cast("Mapping[str, Any] | None", self.document["error"])


class Documents:
    """Makes documents and results of runs.

    Args:
        clock: Tells what is waited for.
        resume_command: Makes the command that resumes a run.
        resolve_command: Makes the command that takes the verdict on an undecided run; the verdict is added to it.
    """

    def __init__(self, clock: Clock, *, resume_command: CommandFor | None, resolve_command: CommandFor | None) -> None:
        self._clock = clock
        self._resume_command = resume_command or (lambda run_id: f"orchestrator resume {run_id}")
        self._resolve_command = resolve_command or (lambda run_id: f"orchestrator resolve {run_id}")

    def of(self, state: RunState, *, driven: bool, rest: Fault | None = None) -> dict[str, Any]:
        """Return the document of a run in some state."""
        command = self._resume_command(state.run_id)
        document = document_of(state, self._clock.now(), driven=driven, rest=rest, resume_command=command)
        resolve = self._resolve_command(state.run_id)
        if document["status"] == "undecided" and document["error"] is not None and resolve is not None:
            _tell_way_out(document, resolve)
        return document

    def result(self, result: RunResult) -> Result:
        """Return where a run stands after it was driven."""
        document = self.of(result.state, driven=False, rest=result.rest)
        notices = {notice.code: notice.message for notice in result.state.notices}
        code = exit_code_of_run(result.state, result.rest)
        return Result(document, code, result.state.variables, notices=notices)

    def result_of_contact(self, end: ContactEnd, *, script: str) -> Result:
        """Return what became of a contact of a batch, who may have no run.

        Args:
            end: What became of it.
            script: The script's name.
        """
        from dataclasses import replace

        from orchestrator.runtime.rows import document_of_row, exit_code_of_row

        if isinstance(end.came_to, RunResult):
            result = self.result(end.came_to)
        else:
            result = Result(document_of_row(end.came_to, script=script), exit_code_of_row(end.came_to), {})
        return replace(result, contact=end.columns, earlier=end.is_earlier)


def _tell_way_out(document: dict[str, Any], resolve: str) -> None:
    """Say in the document of an undecided run which commands take a person's verdict; only then can it be resumed."""
    ran = "--ran --call CALL_ID" if document["call_id"] is None else "--ran"
    message = f"{document['error']['message']}{WAY_OUT}`{resolve} {ran}`, or `{resolve} --not-run`"
    document["error"] |= {"message": message, "resume_command": resolve}
