"""What every command is given: the global options, and an `Orchestrator` made from them.

It makes no decision about calls; `program` creates it, options fill it, commands use it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from orchestrator.cli.output import Stderr, note
from orchestrator.errors import JournalError, NoSuchRunError

if TYPE_CHECKING:
    from orchestrator.compose import Observer, Orchestrator


@dataclass(slots=True)
class App:
    """One call of the command line.

    Attributes:
        config: The configuration file named by `--config`.
        journal: The journal named by `--journal`.
        log_format: As `--log-format` says; None: as configured.
        verbosity: How often `-v` was given.
        as_json: Results are JSON documents.
        credentials_file: The file of API key and password that the configuration names, once it was read.
    """

    config: str | None = None
    journal: str | None = None
    log_format: str | None = None
    verbosity: int = 0
    as_json: bool = False
    credentials_file: str | None = None

    def orchestrator(
        self,
        *,
        settings: Mapping[str, object] | None = None,
        api_url: str | None = None,
        credentials: tuple[str, str] | None = None,
        journal: str | None = None,
        adopt: bool = False,
        read_only: bool = False,
        on_record: Observer | None = None,
        resume_command: Callable[[str], str | None] | None = None,
        resolve_command: Callable[[str], str | None] | None = None,
    ) -> Orchestrator:
        """Return an `Orchestrator` by the global options and what the command adds. Raises ConfigurationError."""
        from orchestrator.compose import Orchestrator

        key, password = credentials or (None, None)
        made = Orchestrator(
            api_url=api_url,
            api_key=key,
            api_password=password,
            journal=journal or self.journal,
            adopt=adopt,
            read_only=read_only,
            config=self.config,
            settings=settings,
            on_record=on_record,
            resume_command=resume_command or self.resume_command,
            resolve_command=resolve_command or (lambda run_id: self.command("resolve", run_id)),
        )
        from orchestrator.adapters.logs import configure

        self.credentials_file = made.configuration.credentials_file
        configure(self.log_format or made.configuration.log_format or "auto", self.verbosity, cast("TextIO", Stderr()))
        return made

    def resume_command(self, run_id: str) -> str:
        """Return the command that resumes a run, to be pasted into a shell."""
        return self.command("resume", run_id)

    def command(self, *words: str) -> str:
        """Return a command of this program with the global options that were given, quoted for a shell."""
        flags: list[str] = []
        if self.config is not None:
            flags += ["--config", str(Path(self.config).absolute())]
        if self.journal is not None:
            flags += ["--journal", self.journal if "://" in self.journal else str(Path(self.journal).absolute())]
        if self.log_format is not None:
            flags += ["--log-format", self.log_format]
        return shlex.join([*_program(), *flags, *words])


def open_journal(orchestrator: Orchestrator) -> None:
    """Open the journal, and say where it is if it had to be made. Raises JournalError."""
    journal = orchestrator.journal
    if journal.created:
        note(f"Made a new journal: {journal.path}")


def must_exist(orchestrator: Orchestrator, *, run_id: str | None = None) -> None:
    """Refuse to make a journal only to look into it. Raises NoSuchRunError where a run is asked for."""
    path = orchestrator.journal_path
    if _is_there(path):
        return
    text = f"There is no journal at {path}, so it holds no runs. Name another with --journal."
    raise JournalError(text) if run_id is None else NoSuchRunError(text)


def exists(app: App, orchestrator: Orchestrator) -> bool:
    """Return whether there is a journal to look into; where it only was not made yet, there are no runs.

    Raises:
        JournalError: It was named, and cannot be one that is still to be made: the name is wrong.
    """
    path = orchestrator.journal_path
    if _is_there(path):
        return True
    if app.journal is not None:
        raise JournalError(f"There is no journal at {path}. Check the name that --journal gives.")
    if orchestrator.configuration.journal is not None and not path.parent.is_dir():
        raise JournalError(
            f"There is no journal at {path}, and no folder for it. Check ORCHESTRATOR_JOURNAL and the configuration."
        )
    return False


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be looked at: {error.strerror}.") from None
    return True


def _program() -> list[str]:
    """Return how this program is called from any folder."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return [sys.executable, "-m", "orchestrator"]
    found = shutil.which("orchestrator")
    is_found = found is not None and called.exists() and called.samefile(found)
    return ["orchestrator"] if is_found or called.name != "orchestrator" else [str(called.absolute())]
