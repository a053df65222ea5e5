"""The command that starts the sandbox: options in, one JSON line on stdout when it serves, then logs on stderr.

The product's CLI starts it as a process of its own (`python -m orchestrator.sandbox`).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.sandbox.callees import BadSettingError, Callees, presses
from orchestrator.sandbox.files import load_faults, load_people, load_secret
from orchestrator.sandbox.model import CAPABILITIES
from orchestrator.sandbox.posting import is_url

if TYPE_CHECKING:
    from orchestrator.sandbox.server import Sandbox

_EXIT_BAD_FILE = 65
_EXIT_UNAVAILABLE = 69
_FILE = click.Path(path_type=Path)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


def _url(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_url(value):
        raise click.BadParameter("must be an http or https URL.", ctx, param)
    return value


@click.command("sandbox", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0 takes a free one.")
@click.option("--callees", type=_FILE, help="Who answers how: a YAML or JSON file.")
@click.option("--keys", metavar="DIGITS", help="What everybody presses: 1, or 1,2,12# for successive questions.")
@click.option("--faults", type=_FILE, help="Faults to begin with: a YAML or JSON file.")
@click.option(
    "--capability", multiple=True, type=click.Choice(CAPABILITIES), help="Offer more than the minimal server."
)
@click.option("--speed", type=_ABOVE_ZERO, default=1.0, show_default=True, help="Seconds of a call in a real one.")
@click.option(
    "--cut-after",
    type=_ABOVE_ZERO,
    metavar="SECONDS",
    help="Cut requests without a reply after so long, as a proxy does.",
)
@click.option(
    "--cut-kind",
    type=click.Choice(["504", "close", "reset"]),
    default="504",
    show_default=True,
    help="What the client of a request that is cut sees.",
)
@click.option("--cancel-on-disconnect", is_flag=True, help="Stop a list in the middle when its client has gone.")
@click.option("--clock-skew", type=float, default=0.0, metavar="SECONDS", help="How far the server's clock is ahead.")
@click.option(
    "--keep-alive",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Idle seconds after which a connection is closed.",
)
@click.option(
    "--list-size", type=click.IntRange(min=1), default=100, show_default=True, help="How many calls GET /calls shows."
)
@click.option(
    "--list-age", type=_ABOVE_ZERO, default=3600.0, show_default=True, help="For how many seconds it shows them."
)
@click.option("--events", metavar="URL", callback=_url, help="Where events are sent; without it nowhere.")
@click.option("--events-fallback", metavar="URL", callback=_url, help="Where an event is sent when that fails.")
@click.option(
    "--events-timeout", type=_ABOVE_ZERO, default=10.0, show_default=True, help="Seconds to acknowledge an event in."
)
@click.option("--events-secret-file", type=_FILE, help="Sign events with the secret in this file (HMAC-SHA256).")
@click.option("--transcript", type=_FILE, help="Append the transcript to this file, one JSON object a line.")
@click.option("--die-with-parent", is_flag=True, help="End when the process that started this one is gone.")
@click.option("-v", "--verbose", is_flag=True, help="Log what the server does.")
def main(**options: Any) -> None:
    """Stand in for the call API: callees and faults on demand, and a transcript of what really happened.

    Its address is printed as soon as it serves; point ORCHESTRATOR_API_URL to it. Ctrl-C ends it.

    Key and password are taken from ORCHESTRATOR_API_KEY and ORCHESTRATOR_API_PASSWORD, else both are "sandbox".
    """
    parent = os.getppid() if options.pop("die_with_parent") else None
    if options["callees"] is not None and options["keys"] is not None:
        raise click.UsageError("Give --callees or --keys, not both.")
    if options["events_fallback"] is not None and options["events"] is None:
        raise click.UsageError("--events-fallback is for when --events fails: give both.")
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        _stop(f"the sandbox needs {' and '.join(missing)}: install call-orchestrator[serve]", _EXIT_UNAVAILABLE)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if options.pop("verbose") else logging.WARNING)
    try:
        sandbox = _build(options, parent)
    except BadSettingError as problem:
        _stop(str(problem), _EXIT_BAD_FILE)
    except OSError as problem:
        _stop(f"cannot listen on {options['host']}:{options['port']}: {problem.strerror}", _EXIT_UNAVAILABLE)
    asyncio.run(_serve(sandbox))


def _build(options: dict[str, Any], parent: int | None) -> Sandbox:
    from orchestrator.sandbox.api import NetworkPath
    from orchestrator.sandbox.courier import Receiver
    from orchestrator.sandbox.server import Options, Sandbox

    cut = {name: options.pop(name) for name in ("cut_after", "cut_kind", "cancel_on_disconnect")}
    callees, keys, faults = options.pop("callees"), options.pop("keys"), options.pop("faults")
    if callees is not None:
        people = load_people(callees)
        options["callees"], options["timing"] = people.callees, people.timing
    if keys is not None:
        options["callees"] = Callees(default=presses(keys))
    if faults is not None:
        options["faults"] = load_faults(faults)
    secret = options.pop("events_secret_file")
    options["receiver"] = Receiver(
        main=options.pop("events"),
        fallback=options.pop("events_fallback"),
        timeout=options.pop("events_timeout"),
        secret=None if secret is None else load_secret(secret),
    )
    options["capabilities"] = options.pop("capability")
    options["key"] = os.environ.get("ORCHESTRATOR_API_KEY", "sandbox")
    options["password"] = os.environ.get("ORCHESTRATOR_API_PASSWORD", "sandbox")
    return Sandbox(Options(**options, path=NetworkPath(**cut), parent=parent))


async def _serve(sandbox: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, sandbox.stop)
    await sandbox.run(_announce)


def _announce(url: str) -> None:
    click.echo(json.dumps({"url": url, "pid": os.getpid()}))


def _stop(message: str, status: int) -> None:
    click.echo(message, err=True)
    raise SystemExit(status)
