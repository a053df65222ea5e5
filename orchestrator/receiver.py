"""The event receiver put together: journal and settings → postbox → application → server. For `serve` and the library.

`with EventReceiver(orchestrator) as receiver:` serves in a thread; `receiver.app` is the same as an ASGI application.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events.note import BEAT_S, ReceiverNote, find_receiver, leave_note, remove_note, secret_of
from orchestrator.adapters.events.options import ReceiverOptions
from orchestrator.core.records import EventReceived
from orchestrator.errors import ConfigurationError, UnreachableError, UsageError
from orchestrator.runtime.mail import Postbox

if TYPE_CHECKING:
    from orchestrator.adapters.events.app import EventApp
    from orchestrator.adapters.events.server import EventServer
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.compose import Orchestrator

_STARTING_S = 30.0
_MISSING = "the event receiver is not installed: do `pip install 'call-orchestrator[serve]'`"
_logger = logging.getLogger("orchestrator")


class EventReceiver:
    """Receives the events of calls, and leaves each in the inbox of its run before it acknowledges it.

    Attributes:
        options: How it is started.
        is_new: Whether its addresses were made just now, so that the API does not know them yet.
    """

    def __init__(
        self,
        source: Orchestrator | SqliteJournal,
        *,
        on_mail: Callable[[str], None] | None = None,
        on_ringing: Callable[[EventReceived], None] | None = None,
        **words: Any,
    ) -> None:
        """Read the settings, and make the secret of the addresses where there is none yet. Nothing is opened to others.

        Args:
            source: Whose events: an orchestrator, or an open journal. The caller closes it, after this.
            on_mail: Called with the id of each run that got mail, from a thread of the receiver.
            on_ringing: Called likewise with the event of an incoming call; None: such calls are only counted.
            words: Of the configuration's `serve`, which count more than it: `host="127.0.0.1"`, `port=0`,
                `public_url="https://…"`, `allow=["192.0.2.0/24"]`, `signing_secrets_file="…"`, ….

        Raises:
            ConfigurationError: A setting is wrong, the secret cannot be kept, or the extra `[serve]` is missing.
            UsageError: One of the words is none.
            JournalError: The journal cannot be opened.
        """
        from orchestrator.adapters.journal import SqliteJournal

        configured: Mapping[str, Any] = {}
        if isinstance(source, SqliteJournal):
            self._journal = source
        else:
            configured = source.configuration.serve
            self._journal = source.journal
            on_mail = on_mail or source.tell
        self.options = _options({**configured, **_typed(words)})
        self._clock = SystemClock()
        self._secret, self.is_new = secret_of(self._journal.path)
        self._postbox = Postbox(self._journal, on_mail=on_mail, on_ringing=on_ringing)
        self._made_app: EventApp | None = None
        self._server: EventServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def app(self) -> EventApp:
        """The ASGI application, to be mounted into another one at any path."""
        if self._made_app is None:
            try:
                from orchestrator.adapters.events.app import EventApp
            except ImportError:
                raise ConfigurationError(_MISSING) from None
            self._made_app = EventApp(self._secret, self._postbox, clock=self._clock, options=self.options)
        return self._made_app

    @property
    def url(self) -> str:
        """Where it listens, without the secret. Raises UsageError while it does not."""
        if self._server is None:
            raise UsageError("the receiver does not listen yet: use it in a `with` statement")
        return self._server.url

    @property
    def journal_path(self) -> Path:
        """The journal that events are left in."""
        return self._journal.path

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        with contextlib.suppress(ValueError):
            return ip_address(self.options.host).is_loopback
        return self.options.host == "localhost"

    @property
    def main_url(self) -> str:
        """The address for the API's main event URL. It is a secret."""
        return self.address("main")

    @property
    def fallback_url(self) -> str:
        """The address for the API's fallback event URL. It is a secret."""
        return self.address("fallback")

    def running(self) -> ReceiverNote | None:
        """Return the receiver that serves this journal now, in whichever process; None for none."""
        return find_receiver(self._journal.path, now=self._clock.now())

    def address(self, source: str, *, base: str | None = None) -> str:
        """Return an address of events, below the public URL or else where it listens.

        Args:
            source: `main` or `fallback`.
            base: The URL before the secret, instead of those.
        """
        base = base or self.options.public_url or (self.url if self._server else self._configured_url())
        return f"{base.rstrip('/')}/{self._secret}/{source}"

    def _configured_url(self) -> str:
        host, port = self.options.host, self.options.port
        if port == 0:
            raise UsageError("its port is not known before it listens: start it, or name a --port or a --public-url")
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    # --- serving ------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take the address. Raises UnreachableError; ConfigurationError where the extra is missing."""
        app = self.app
        try:
            from orchestrator.adapters.events.server import EventServer
        except ImportError:
            raise ConfigurationError(_MISSING) from None
        options = self.options
        self._server = EventServer(app, host=options.host, port=options.port, limits=options.limits)

    def serve(self, ready: Callable[[], None]) -> None:
        """Serve in this thread until `stop`, after `listen`; `ready` is called once it serves."""
        try:
            asyncio.run(self._serve(ready))
        finally:
            remove_note(self._journal.path, pid=os.getpid())

    def stop(self) -> None:
        """Accept nothing more, finish what is in hand and end. From any thread or signal handler, once it serves."""
        assert self._loop is not None, "it serves"
        assert self._server is not None, "it serves"
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._server.stop)

    def close(self) -> None:
        """Let go of everything, after what is in hand."""
        if self._server is not None:
            self._server.close()
        if self._made_app is not None:
            self._made_app.close()
        self._server = self._made_app = None

    def __enter__(self) -> Self:
        self.listen()
        serves = threading.Event()
        self._thread = threading.Thread(target=self.serve, args=(serves.set,), name="receiver", daemon=True)
        self._thread.start()
        if not serves.wait(_STARTING_S):
            raise UnreachableError("the event receiver did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None, "it was entered"
        self.stop()
        self._thread.join()
        self.close()

    async def _serve(self, ready: Callable[[], None]) -> None:
        assert self._server is not None, "listen() comes first"
        self._loop = asyncio.get_running_loop()
        await self._server.run(beat=self._leave_note, beat_s=BEAT_S, ready=ready)

    def _leave_note(self) -> None:
        note = ReceiverNote(url=self.url, public_url=self.options.public_url, pid=os.getpid(), at=self._clock.now())
        try:
            leave_note(self._journal.path, note)
        except OSError as error:
            _logger.warning("%s cannot note that it runs: %s", self.url, error.strerror)


def _typed(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return words of `serve` as the configuration file would have them. Raises UsageError."""
    from orchestrator.scriptfile.serving import SERVE_WORDS, parse_serve
    from orchestrator.scriptfile.values import BadValueError

    typed = {}
    for word, value in words.items():
        if word not in SERVE_WORDS:
            raise UsageError(f"`{word}` is no word of `serve`; those are {', '.join(SERVE_WORDS)}")
        try:
            typed[word] = parse_serve(word, value)
        except BadValueError as error:
            raise UsageError(f"`{word}` {error}") from None
    return typed


def _options(words: Mapping[str, Any]) -> ReceiverOptions:
    from orchestrator.scriptfile.serving import read_signing_secrets

    given = dict(words)
    secrets = read_signing_secrets(os.environ, given.pop("signing_secrets_file", None))
    return ReceiverOptions(**given, signing_secrets=secrets)
