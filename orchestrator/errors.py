"""The whole error tree. Each class has the exit code the CLI ends with (rules, section 7).

    OrchestratorError                70  our own bug, when raised bare
    ├── UsageError                    2  the command line or a library argument is wrong
    ├── ScriptError                  65  a script cannot be used; carries every problem with its place
    │   ├── VariablesError           65  a value for a variable of the script is missing, or cannot be used
    │   └── ChangedPastError         65  what has already run differs from the script given to `resume`
    ├── ConfigurationError           78  settings, credentials file, a missing extra, a 3xx from the API
    ├── AuthenticationError          77  the API answered 401 or 403
    ├── UnreachableError             69  the API cannot be reached
    ├── JournalError                 73  the journal cannot be read or written
    ├── LeaseHeldError               75  another live process drives this run
    ├── LeaseLostError               75  this process drove the run and no longer may
    ├── AlreadyCalledError           75  this contact of this occurrence was called, or is being called
    ├── CallTakenError               75  another run has taken this incoming call
    ├── StoppedEarlyError            75  stopped before the end; run again to resume
    ├── NumberBlockedError        20/75  a dial to this number is unsettled
    │   └── CallLeftUpError          75  an interrupted run may have left a call to this number up
    ├── UndecidedError               20  an unknown outcome needs a person's verdict
    ├── NoSuchRunError                2  no run has that id
    └── ExpressionError               1  a template or condition failed while a call was up

Errors that end a run after it began are not raised: they are records of the run (`core.records.Fault`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class OrchestratorError(Exception):
    """The root of every error this package raises on purpose."""

    exit_code: ClassVar[int] = 70
    code: ClassVar[str] = "internal"


class UsageError(OrchestratorError):
    """A flag, an argument or their combination is wrong. Nothing was sent."""

    exit_code = 2
    code = "usage"


class NoSuchRunError(UsageError):
    """No run of this journal has the given id."""

    code = "no_such_run"


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about a file: where it is and what is wrong.

    Attributes:
        file: The file's name as the user gave it, or `<text>`.
        line: From 1; 0 where the file as a whole is meant.
        column: From 1; 0 where the line as a whole is meant.
        message: What is wrong, what was expected, what to do next.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = self.file if not self.line else f"{self.file}:{self.line}:{max(self.column, 1)}"
        return f"{place}: {self.message}"


class ScriptError(OrchestratorError):
    """A script cannot be used. Nothing was sent.

    Attributes:
        problems: Every problem found, in the order of the file.
    """

    exit_code = 65
    code = "bad_script"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class VariablesError(ScriptError):
    """Values for a script's variables are missing, or cannot be used; the script itself may be fine. Nothing was sent.

    Attributes:
        problems: One for each such variable, placed at its declaration where it has one.
    """

    code = "bad_variables"


class ChangedPastError(ScriptError):
    """The script given to `resume` differs in a command that has already run (rules, section 4.9)."""

    code = "changed_past"


class ConfigurationError(OrchestratorError):
    """A setting, the credentials or the installation is wrong."""

    exit_code = 78
    code = "configuration"


class AuthenticationError(OrchestratorError):
    """The API answered 401 or 403: the credentials are wrong or lack a permission."""

    exit_code = 77
    code = "authentication"


class UnreachableError(OrchestratorError):
    """The API cannot be reached from here."""

    exit_code = 69
    code = "unreachable"


class JournalError(OrchestratorError):
    """The journal cannot be opened, read or written; nothing is sent without it."""

    exit_code = 73
    code = "journal"


class LeaseHeldError(OrchestratorError):
    """Another live process drives this run."""

    exit_code = 75
    code = "lease_held"


class LeaseLostError(OrchestratorError):
    """This process drove the run, but its fencing token is no longer the newest: it must not send."""

    exit_code = 75
    code = "lease_lost"


class AlreadyCalledError(OrchestratorError):
    """This contact of this occurrence was called before, or is being called; nothing was created."""

    exit_code = 75
    code = "already_called"


class CallTakenError(OrchestratorError):
    """Another run has taken this incoming call; nothing was created."""

    exit_code = 75
    code = "call_taken"


class StoppedEarlyError(OrchestratorError):
    """Stopped before the end, by a signal or on request; running again resumes."""

    exit_code = 75
    code = "stopped"


class NumberBlockedError(OrchestratorError):
    """A dial to this number is unsettled, so no other run may dial it (rules, section 4.5).

    Attributes:
        blocking_run_id: The run whose dial is unsettled.
        being_settled: True while a live process is settling it (exit 75), else a person must (exit 20).
    """

    code = "number_blocked"

    def __init__(self, message: str, *, blocking_run_id: str, being_settled: bool) -> None:
        super().__init__(message)
        self.blocking_run_id = blocking_run_id
        self.being_settled = being_settled


class CallLeftUpError(NumberBlockedError):
    """An interrupted run may have left a call to this number up: it is carried on with, or cancelled, first."""

    code = "call_left_up"


class UndecidedError(OrchestratorError):
    """What happened to a step cannot be known; a person must resolve the run first."""

    exit_code = 20
    code = "undecided"


class ExpressionError(OrchestratorError):
    """A template or condition could not be evaluated."""

    exit_code = 1
    code = "expression"


def exit_code_of(error: OrchestratorError) -> int:
    """Return the exit code of an error (rules, section 7)."""
    if isinstance(error, NumberBlockedError):
        return 75 if error.being_settled else 20
    return error.exit_code
