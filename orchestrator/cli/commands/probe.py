"""`probe URL`, `probe --api`, `probe serve`: what the network does to long requests. `orchestrator.probe` measures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import measuring, options
from orchestrator.cli.app import App
from orchestrator.cli.output import note, result, result_document
from orchestrator.errors import ConfigurationError, UnreachableError, UsageError

if TYPE_CHECKING:
    from orchestrator.core.networks import Network

_STOPPED, _NOTHING_LIVES = 75, 1
_TO = click.option("--proxy", metavar="URL", help="Go through this http:// proxy, not the environment's.")


class _Probe(click.Group):
    """`probe URL` is `probe path URL`, and `probe --api` is `probe api`: what stands first is no name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the command first where it was left out."""
        if args and args[0] not in (*self.commands, "--help", "-h"):
            name = "api" if "--api" in args else "path"
            args = [name, *(word for word in args if word != "--api")]
        return super().parse_args(ctx, args)


@click.group("probe", cls=_Probe, subcommand_metavar="[path] URL | --api | serve [OPTIONS]")
def command() -> None:
    """Measure how long a silent request lives on this network, and what cuts it.

    `probe serve` is started at the far end, wherever this program can be installed; it prints the URL that `probe URL`
    takes. `probe --api` looks at the real API with harmless requests only. Nobody is called.
    """


def _hold_url(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse what is no URL, without repeating it: it may hold a token or a password."""
    from orchestrator.adapters.transport.route import parse_base

    try:
        parse_base(value)
    except ConfigurationError:
        raise click.BadParameter(
            "this is no URL of a hold server. Start one at the far end (`orchestrator probe serve`) and give the URL "
            "that it prints, such as https://far.example:8443/TOKEN: with http:// or https://, a host, and neither a "
            "user name nor a query.",
            ctx,
            param,
        ) from None
    return value


@options.command("path")
@click.argument("url", callback=_hold_url)
@click.option(
    "--from",
    "from_s",
    metavar="DURATION",
    default="5s",
    show_default=True,
    callback=options.duration,
    help="The shortest silence to try first.",
)
@click.option(
    "--to",
    "to_s",
    metavar="DURATION",
    default="400s",
    show_default=True,
    callback=options.duration,
    help="The longest silence to try.",
)
@click.option(
    "--within",
    "within_s",
    metavar="DURATION",
    default="20m",
    show_default=True,
    callback=options.duration,
    help="Stop after so long, and say what is known by then.",
)
@click.option(
    "--parallel", metavar="N", type=click.IntRange(3, 64), default=8, show_default=True, help="Requests at a time."
)
@click.option(
    "--precision",
    "precision_s",
    metavar="DURATION",
    default="1s",
    show_default=True,
    callback=options.duration,
    help="How closely the limit is to be known; 1 % of it is the finest.",
)
@_TO
@click.option("--write", metavar="FILE", type=click.Path(dir_okay=False), help="Write a profile for --network FILE.")
@click.option("--name", metavar="NAME", help="Keep a profile for --network NAME.")
@options.json_option
def path(app: App, url: str, proxy: str | None, write: str | None, name: str | None, **bounds: Any) -> int:
    """Measure the path to a hold server.

    URL is what `probe serve` printed. Requests of different lengths are held open at once, then the limit is narrowed
    down; with and without TCP keepalive, and with bytes coming now and then, so that it is known what would help.
    """
    from orchestrator.probe.client import Bounds, Probe
    from orchestrator.probe.way import way_to
    from orchestrator.scriptfile.networks import SHORTEST_S, file_for

    wanted = Bounds(**bounds)
    if not 0 < wanted.from_s <= wanted.to_s:
        raise click.UsageError("--from must be more than nothing, and no more than --to.")
    if write is not None and name is not None:
        raise click.UsageError("Give --write or --name, not both.")
    file = file_for(name) if name is not None else (None if write is None else Path(write))
    if file is not None:
        _check_writable(file)
    configuration = app.orchestrator().configuration
    way = way_to(url, proxy=proxy, ca_file=configuration.ca_file)
    probe = Probe(way, wanted)
    with measuring.stoppable(probe) as stopped:
        measuring.announce(probe, probe.begin(), way)
        with measuring.shown(app, probe):
            known = probe.run()
    written = file if known.lived_s >= SHORTEST_S else None
    if written is not None:
        profile = measuring.profile_of(known, name=written.stem, way=way)
        _write(written, profile, comment=measuring.comment(probe))
    elif file is not None:
        note(f"Nothing is written to {file}: no silence of {SHORTEST_S:g} s is known to live.")
    measuring.tell(app, probe, known, written=written, way=way)
    if stopped.is_set() or (known.died_s is None and not known.lived_s):
        return _STOPPED
    return 0 if known.lived_s else _NOTHING_LIVES


@options.command("api")
@click.option(
    "--requests", metavar="N", type=click.IntRange(2, 50), default=10, show_default=True, help="How many to time."
)
@click.option(
    "--idle",
    "idle_s",
    metavar="DURATION",
    default="2m",
    show_default=True,
    callback=options.duration,
    help="How long to watch an idle connection for the server to close it.",
)
@options.json_option
def api(app: App, requests: int, idle_s: float) -> int:
    """Look at the real API, as `probe --api`, with the configured address and credentials.

    Only lists of calls are asked for. Told are name look-up, TLS, the certificate, the times of replies, whether and
    how long connections are kept, the server's clock, and who stands in between.
    """
    from orchestrator.adapters.transport import Credentials
    from orchestrator.probe.api import ApiProbe
    from orchestrator.scriptfile.configuration import read_credentials

    orchestrator = app.orchestrator()
    pair = read_credentials(os.environ, orchestrator.configuration.credentials_file)
    if pair is None:
        raise ConfigurationError("no API credentials: set ORCHESTRATOR_API_KEY and ORCHESTRATOR_API_PASSWORD")
    probe = ApiProbe(orchestrator.api_url, Credentials(*pair), ca_file=orchestrator.configuration.ca_file)
    with measuring.stoppable(probe) as stopped:
        note(
            f"Asking {probe.way.authority} for its calls {requests} times, then watching an idle connection for at "
            f"most {idle_s:g} s. Nobody is called. Ctrl-C: say what is known."
        )
        found = probe.run(requests=requests, idle_s=idle_s)
    measuring.tell_api(app, found)
    return _STOPPED if stopped.is_set() else 0


@options.command("serve")
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 is every one.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port; 0 takes a free one.",
)
@click.option("--token", help="What the URL's path begins with; by default one that nobody can guess.")
@click.option(
    "--longest",
    "longest_s",
    metavar="DURATION",
    default="15m",
    show_default=True,
    callback=options.duration,
    help="Give no longer hold.",
)
@click.option(
    "--holds", "most", metavar="N", type=click.IntRange(3, 1000), default=64, show_default=True, help="Holds at a time."
)
@click.option(
    "--certificate", metavar="FILE", type=click.Path(dir_okay=False), help="Serve https with this certificate."
)
@click.option("--key", metavar="FILE", type=click.Path(dir_okay=False), help="The key of the certificate.")
@options.json_option
def serve(app: App, **given: Any) -> int:
    """Start a hold server, the far end of the path to be measured.

    It answers a request only after the silence that the request asks for. Who does not have the URL with its token gets
    nothing. It runs until it is stopped.
    """
    try:
        from orchestrator.probe.server import HoldOptions, HoldServer
    except ImportError:
        raise ConfigurationError(
            "the hold server is not installed: do `pip install 'call-orchestrator[serve]'`"
        ) from None
    if given["key"] is not None and given["certificate"] is None:
        raise click.UsageError("--key needs --certificate.")
    chosen = {word: value for word, value in given.items() if value is not None}
    try:
        server = HoldServer(HoldOptions(**chosen))
    except OSError as error:
        raise UnreachableError(f"cannot listen on {given['host']}:{given['port']}: {error.strerror}") from None

    def ready(url: str) -> None:
        if app.as_json:
            result_document({"url": url, "pid": os.getpid()}, compact=True)
        else:
            result(url)
            note(f"Holding requests. From the other end: {app.command('probe', url)}")

    measuring.serve(server, ready)
    return 0


def _check_writable(file: Path) -> None:
    """Complain before twenty minutes of measuring, not after. Raises UsageError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{file} cannot be written: you may not")


def _write(file: Path, profile: Network, *, comment: str) -> None:
    from orchestrator.scriptfile.networks import network_text

    text = network_text(profile, comment=comment)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


command.add_command(path)
command.add_command(api)
command.add_command(serve)
