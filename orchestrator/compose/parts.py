"""The parts of one orchestrator: its journal and its transport, each made once and at its first use, and the runner.

It decides nothing about calls. `library` has one, and closes it.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.origin import Origin, normalised
from orchestrator.errors import ConfigurationError
from orchestrator.ports import Clock
from orchestrator.runtime.control import Control
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.runner import Runner

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.adapters.transport import HttpTransport
    from orchestrator.scriptfile.configuration import Configuration

API_URL = "https://v1.api.phone.com"
"""The documented host of the call API (contract section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPlace:
    """Where the journal is, and how it is opened.

    Attributes:
        at: A path or URL; None for the default place.
        adopt: Another machine's is taken over.
        read_only: It is only looked into.
    """

    at: str | os.PathLike[str] | None
    adopt: bool = False
    read_only: bool = False

    @property
    def path(self) -> Path:
        """The file; nothing is opened or made. Raises ConfigurationError."""
        from orchestrator.adapters.journal.files import locate

        return locate(self.at or default_journal())


class Parts:
    """Makes journal and transport. May be used by several threads at once.

    Args:
        configuration: What file and environment say.
        clock: For both.
        journal: Where the journal is.
        api_url: The API's base URL, where it was given.
        credentials: Key and password, as far as they were given.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        clock: Clock,
        journal: JournalPlace,
        api_url: str | None,
        credentials: tuple[str | None, str | None],
    ) -> None:
        self.place = journal
        self.clock = clock
        self.configuration = configuration
        self.api_url = api_url or configuration.api_url or API_URL
        self.making = threading.RLock()  # parts are made once, whichever of many threads comes first
        self._credentials = credentials
        self._journal: SqliteJournal | None = None
        self._transport: HttpTransport | None = None

    def close(self) -> None:
        """Close what was made."""
        if self._transport is not None:
            self._transport.close()
        if self._journal is not None:
            self._journal.close()
        self._transport = self._journal = None

    @property
    def journal(self) -> SqliteJournal:
        """The journal; opened, and made if it is missing, at the first use. Raises JournalError."""
        with self.making:
            if self._journal is None:
                from orchestrator.adapters.journal import SqliteJournal

                self._journal = SqliteJournal(
                    self.place.path,
                    now=self.clock.now,
                    make_folder=self.place.at is None,
                    adopt=self.place.adopt,
                    read_only=self.place.read_only,
                )
            return self._journal

    @property
    def open_journal(self) -> SqliteJournal | None:
        """The journal, if it is open."""
        return self._journal

    @property
    def transport(self) -> HttpTransport:
        """The transport; made at the first use. Raises ConfigurationError."""
        with self.making:
            if self._transport is None:
                self._transport = self._new_transport()
            return self._transport

    def new_runner(self, control: Control, *, lease_s: float, on_cut: Callable[[], None]) -> Runner:
        """Return a runner over journal and transport.

        Args:
            control: Tells it what the process was told.
            lease_s: How long the right to drive a run outlives its last heartbeat.
            on_cut: Told once the journal holds one more cut request.
        """
        return Runner(
            journal=self.journal,
            transport=self.transport,
            clock=self.clock,
            control=control,
            new_id=lambda: str(uuid.uuid4()),
            draw=random.random,
            lease_s=lease_s,
            budget=self.journal.budget_of(self._account),
            # with a reference of its own each dial is searched for by itself
            shares_lists="client_reference" not in self.configuration.capabilities,
            origin=Origin(api_url=normalised(self.api_url), account=self._account),
            memory=PathMemory(self.journal.paths, host=self.host, on_cut=on_cut),
        )

    @property
    def host(self) -> str:
        """The API's host and port."""
        return normalised(self.api_url).partition("://")[2].partition("/")[0]

    @property
    def _account(self) -> str:
        """Name the account for the journal, without its key: the requests of one account count together."""
        key, _ = self._key_and_password()
        return hashlib.sha256(f"{normalised(self.api_url)}\n{key}".encode()).hexdigest()[:16]

    def _new_transport(self) -> HttpTransport:
        from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
        from orchestrator.adapters.transport import Credentials, HttpTransport

        key, password = self._key_and_password()
        offered = dict.fromkeys(self.configuration.capabilities, True)
        return HttpTransport(
            self.api_url,
            Credentials(key, password),
            clock=self.clock,
            dialect=CallApi(Capabilities(**offered)),
            ca_file=self.configuration.ca_file,
        )

    def _key_and_password(self) -> tuple[str, str]:
        from orchestrator.scriptfile.configuration import read_credentials

        key, password = self._credentials
        if key is None or password is None:
            found = read_credentials(os.environ, self.configuration.credentials_file)
            if found is None:
                raise ConfigurationError(
                    "no API credentials: set ORCHESTRATOR_API_KEY and ORCHESTRATOR_API_PASSWORD, "
                    "or name a `credentials_file` in the configuration"
                )
            return found
        return key, password


def default_journal() -> Path:
    """Return where the journal is when nobody says so: in the platform's state folder.

    Raises:
        ConfigurationError: This user has no home folder.
    """
    import platformdirs

    try:
        folder = Path(platformdirs.user_state_dir("orchestrator"))
    except RuntimeError:  # newer releases of platformdirs; older ones return a relative path
        folder = Path()
    if not folder.is_absolute():
        raise ConfigurationError(
            "there is no place for the journal: HOME is not set and this user has no home folder; "
            "name a file with --journal or ORCHESTRATOR_JOURNAL"
        )
    return folder / "journal.db"
