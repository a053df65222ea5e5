"""`serve`: the event receiver as a process of its own. What it does is `orchestrator.receiver`'s."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, open_journal
from orchestrator.cli.output import line, note, result, result_document

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.incoming import IncomingCalls
    from orchestrator.receiver import EventReceiver

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _word(ctx: click.Context, param: click.Parameter, value: object) -> object:
    """Read a word of `serve` as the configuration file would."""
    from orchestrator.scriptfile.serving import parse_serve
    from orchestrator.scriptfile.values import BadValueError

    if value is None or value == ():
        return None
    try:
        return parse_serve(str(param.name), list(value) if isinstance(value, tuple) else value)
    except BadValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from None


@options.command("serve")
@click.option(
    "--host", metavar="ADDRESS", callback=_word, help="Address to listen on; 0.0.0.0 is every one [default: 127.0.0.1]"
)
@click.option("--port", callback=_word, metavar="PORT", help="Port; 0 takes a free one [default: 8080]")
@click.option(
    "--public-url",
    metavar="URL",
    callback=_word,
    help="What the API reaches it by, such as https://events.example.com; only shown, never listened on.",
)
@click.option(
    "--allow",
    metavar="CIDR",
    multiple=True,
    callback=_word,
    help="Take events from these addresses only. May be repeated. [default: from everywhere]",
)
@click.option(
    "--trust-forwarded",
    metavar="CIDR",
    multiple=True,
    callback=_word,
    help="Believe the X-Forwarded-For of proxies at these addresses. May be repeated.",
)
@click.option(
    "--metrics-from",
    metavar="CIDR",
    multiple=True,
    callback=_word,
    help="Show /metrics to these addresses. May be repeated. [default: this machine]",
)
@click.option(
    "--signing-secrets",
    "signing_secrets_file",
    metavar="FILE",
    callback=_word,
    help="Take only events signed with a secret in this file, one a line, or in $ORCHESTRATOR_SIGNING_SECRETS.",
)
@click.option("--show-url", is_flag=True, help="Print the two addresses, which are secrets, and exit.")
@options.json_option
def command(app: App, *, show_url: bool, **given: Any) -> int:
    """Receive the events of calls, so that steps sent asynchronously are known to be over at once; answer calls.

    Runs are driven by other processes: they meet this one in the journal, and either may be restarted at any time. An
    event is acknowledged only once the journal has it. Without a receiver, or with events lost, runs look for
    themselves. Where the configuration names a script for a number (`incoming:`), calls to it are answered.

    The addresses that the API is to be given, main and fallback, hold a secret and are printed at the first start. It
    speaks plain HTTP: put a proxy with TLS in front, and name that with --public-url. Ctrl-C or SIGTERM finishes what
    is in hand and ends it; a second one ends it at once.
    """
    from orchestrator.receiver import EventReceiver

    words = {word: value for word, value in given.items() if value is not None}
    with app.orchestrator() as orchestrator:
        open_journal(orchestrator)
        incoming = _incoming(orchestrator) if not show_url else None
        receiver = EventReceiver(orchestrator, on_ringing=None if incoming is None else incoming.ring, **words)
        if show_url:
            return _show(app, receiver)
        receiver.listen()
        try:
            with incoming or nullcontext():
                receiver.serve(lambda: _ready(app, receiver, orchestrator.configuration.incoming))
                orchestrator.control.stop(
                    grace_s=orchestrator.default_settings.grace_s, why="the process that answered was stopped"
                )
        finally:
            receiver.close()
    return 0


def _incoming(orchestrator: Orchestrator) -> IncomingCalls | None:
    """Return what answers incoming calls, where the configuration says how. Raises ScriptError, ConfigurationError."""
    words = dict(orchestrator.configuration.incoming)
    paths = words.pop("scripts", {})
    if not paths and words.get("unknown") != "reject":
        return None
    from orchestrator.incoming import IncomingCalls, Unknown
    from orchestrator.scriptfile import load_script

    _ = orchestrator.transport  # credentials, proxy and certificates are checked first
    unknown = Unknown(words.pop("unknown", Unknown.LEAVE))
    return IncomingCalls(
        orchestrator, {number: load_script(path) for number, path in paths.items()}, unknown=unknown, **words
    )


def _show(app: App, receiver: EventReceiver) -> int:
    running = receiver.running()
    base = receiver.options.public_url or (None if running is None else running.public_url or running.url)
    main, fallback = (receiver.address(source, base=base) for source in ("main", "fallback"))
    _tell(app, {"main_url": main, "fallback_url": fallback})
    return 0


def _ready(app: App, receiver: EventReceiver, incoming: Mapping[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _stop, receiver, number)
    shown = {"main_url": receiver.main_url, "fallback_url": receiver.fallback_url} if receiver.is_new else {}
    if app.as_json:
        answers = dict(incoming.get("scripts", {}))
        result_document({"url": receiver.url, "pid": os.getpid(), **shown, "answers": answers}, compact=True)
    elif shown:
        _tell(app, shown)
        note("Give the API these two addresses. They are secrets, and shown again only by `serve --show-url`.")
    else:
        note("Its addresses are the same as before; `serve --show-url` shows them.")
    note(f"Receiving events on {receiver.url}, for the journal {receiver.journal_path}.")
    for text in _answered(incoming):
        note(text)
    if not receiver.is_local:
        note("Warning: this is plain HTTP, and others can reach it: the addresses are no secret on the way.")


def _answered(incoming: Mapping[str, Any]) -> Iterator[str]:
    """Yield which calls are answered and how, a line each; nothing where none are."""
    for number, path in incoming.get("scripts", {}).items():
        yield f"Answering calls to {line(number)} by {line(path)}."
    if incoming.get("unknown") == "reject":
        others = "all other numbers" if incoming.get("scripts") else "every number"
        yield f"Turning down calls to {others}."
    elif incoming.get("scripts"):
        yield "Calls to other numbers are left alone."
    else:
        yield "No incoming call is answered: the configuration names no script for one."


def _tell(app: App, addresses: dict[str, str]) -> None:
    if app.as_json:
        result_document(addresses)
    else:
        result(f"main:     {addresses['main_url']}")
        result(f"fallback: {addresses['fallback_url']}")


def _stop(receiver: EventReceiver, number: int) -> None:
    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.remove_signal_handler(each)
        signal.signal(each, _end)
    note(f"{signal.Signals(number).name}: finishing what is in hand. Again: end at once.")
    receiver.stop()


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)
