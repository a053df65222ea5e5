"""`advise`: which mode, limit and grouping suit a script here, by the script, the settings and the journal."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.commands.plan_compare import dead_air_basis
from orchestrator.cli.exits import counted
from orchestrator.cli.forewarning import strange_variables
from orchestrator.cli.lately import Lately, lately
from orchestrator.cli.output import empty_table, line, prose, result, result_document, show_words
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.compose import Orchestrator
    from orchestrator.core.advice import Advice, Choice, Facts, Limit, Receiver
    from orchestrator.core.limits import Learned
    from orchestrator.core.script import Script

_BAD_SCRIPT = 65
_COPIED = " " * 4
"""Settings and commands, which are for copying, are indented so; they are not wrapped."""


@options.command("advise")
@click.argument("script", type=options.SCRIPT)
@options.script_options
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Say which mode, network limit and grouping of commands suit a script here, and why.

    It weighs what the API's own advice names: how the application is built, how long the network lets a request live,
    and whether a web server can be made available. The figures come from the script, the settings and the newest runs
    of the journal. Nothing is sent, and nothing is changed. SCRIPT is a file; - is stdin.
    """
    from orchestrator.core.advice import advise
    from orchestrator.core.advicewords import advice_document, best_refused

    options.one_from_stdin(script, given["var_file"])
    loaded = options.load(script)
    given["variables"] = options.all_variables(given["variables"], given["var_file"])
    with app.orchestrator(settings=given["settings"], read_only=True) as orchestrator:
        recently = lately(orchestrator)
        advice = advise(_facts(orchestrator, loaded, given, recently))
    warnings = strange_variables(loaded, given["variables"])
    warnings += [] if recently.trouble is None else [recently.trouble]
    options.warn(warnings)
    words = _command(app, script, advice.choice)
    if app.as_json:
        document = advice_document(advice, command=words)
        result_document({**document, "warnings": [*loaded.warnings, *warnings]})
    else:
        _show(advice, words)
        if advice.choice is None:
            file = options.STDIN if script == "-" else script
            for problem in best_refused(advice).plan.problems:
                prose(str(Problem(file, problem.place.line, problem.place.column, line(problem.message))))
    return _BAD_SCRIPT if advice.choice is None else 0


def limit_known(
    orchestrator: Orchestrator, *, limit_s: float | None, network: str | None, learned: Learned | None
) -> Limit:
    """Return the network limit and who says so: flags before the environment, the configuration, what was learned."""
    from orchestrator.core.advice import Limit, Source
    from orchestrator.scriptfile.networks import find_network

    source, by_flag = Source.GIVEN, limit_s is not None or network is not None
    said = "given by --limit" if network is None else "given by --network"
    if not by_flag:
        configured = orchestrator.configuration
        limit_s, network, source = configured.limit_s, configured.network, Source.SETTING
        word = "ORCHESTRATOR_LIMIT" if network is None else "ORCHESTRATOR_NETWORK"
        said = f"set by {word}" if os.environ.get(word) else "set in the configuration file"
    if network is not None:
        found = find_network(network)
        tried = "" if found.at_least_s is None else f", tried for up to {found.at_least_s:g} s"
        why = f"{found.description}{tried}, {said}"
        return Limit(seconds=found.limit_s, source=source, network=network, at_least_s=found.at_least_s, why=why)
    if limit_s is not None:
        return Limit(seconds=limit_s, source=source, why=said)
    if learned is not None:
        return Limit(seconds=learned.limit_s, source=Source.LEARNED, why=f"learned from cuts: {learned.why}")
    return Limit(seconds=None, source=Source.UNKNOWN, why="nobody has said or measured it")


def _facts(orchestrator: Orchestrator, script: Script, given: Mapping[str, Any], recently: Lately) -> Facts:
    from orchestrator.core.advice import Facts

    limit = limit_known(
        orchestrator, limit_s=given["limit_s"], network=given["network"], learned=orchestrator.learned()
    )
    return Facts(
        script=script,
        variables=given["variables"],
        settings=orchestrator.settings_for(script),
        limit=limit,
        traffic=recently.traffic,
        receiver=_receiver(orchestrator),
        gap=recently.gap,
        to=given["to"],
        from_=given["from_"],
    )


def _receiver(orchestrator: Orchestrator) -> Receiver:
    from orchestrator.adapters.events.note import find_receiver
    from orchestrator.core.advice import Receiver

    note = find_receiver(orchestrator.journal_path, now=orchestrator.clock.now())
    can_serve = all(find_spec(name) is not None for name in ("starlette", "uvicorn"))
    return Receiver(
        running=note is not None, can_serve=can_serve, url=None if note is None else note.public_url or note.url
    )


def _command(app: App, script: str, choice: Choice | None) -> list[str]:
    from orchestrator.core.advicewords import flags

    return [] if choice is None else shlex.split(app.command("run", script, *flags(choice)))


def _show(advice: Advice, words: list[str]) -> None:
    for text in (*_application(advice), "", *_network(advice.facts), "", *_web_server(advice.facts)):
        prose(text)
    result()
    show_words(_ways(advice))
    result()
    for text in (*_recommendation(advice, words), *_listed("What would change it", advice)):
        (result if text.startswith(_COPIED) else prose)(text)
    if advice.concerns:
        result("\nTo be heeded")
    for concern in advice.concerns:
        prose(f"  {line(concern)}")


def _application(advice: Advice) -> Iterator[str]:
    traffic, single = advice.facts.traffic, advice.ways[0].plan
    yield "How the application is built"
    yield f"  a call: {counted(single.requests, 'command')} to send, {single.bounds.expected_s:.0f} s expected"
    if single.unknown:
        names = ", ".join(f"«{line(name)}»" for name in single.unknown)
        yield f"  not known yet, so durations are estimates: {names}"
    yield (
        f"  calls: {traffic.in_flight} in flight now, {traffic.most_in_flight} at once at most "
        f"in the newest {counted(traffic.runs, 'run')}"
    )
    limits = "api_limits is set" if advice.facts.settings.api_limits else "api_limits is not set: counted by the API's"
    yield f"  request limits: {limits}{'' if advice.facts.settings.api_limits else ' documented ones'}"
    yield f"  {dead_air_basis(advice.facts.gap, worst_s=single.worst_silence_s)}"


def _network(facts: Facts) -> Iterator[str]:
    limit, traffic = facts.limit, facts.traffic
    yield "How long the network lets a request live"
    if limit.counted_s is None and limit.at_least_s is not None:
        yield f"  at least {limit.at_least_s:g} s (tried; no limit is known): {line(limit.why)}"
    else:
        length = "for ever" if limit.counted_s is None else f"{limit.counted_s:g} s"
        yield f"  {length} ({'known' if limit.is_known else 'assumed'}): {line(limit.why)}"
    yield f"  replies lost: {traffic.lost_replies} of {counted(traffic.requests, 'request')}"


def _web_server(facts: Facts) -> Iterator[str]:
    receiver = facts.receiver
    yield "Whether a web server can be made available"
    if receiver.running:
        yield f"  an event receiver runs at {line(receiver.url)}"
    else:
        needed = "" if receiver.can_serve else ", once call-orchestrator[serve] is installed"
        yield f"  no event receiver runs for this journal; `orchestrator serve` starts one{needed}"
    shown = "shows" if facts.settings.shows_results else "does not show"
    yield f"  a look at a call {shown} which digits were pressed"


def _ways(advice: Advice) -> Table:

    table = empty_table()
    table.add_column("way", overflow="fold")
    for name in ("requests", "looks", "longest s", "dead air", "calls at once"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    for way in advice.ways:
        planned = way.plan
        figures = (f"{planned.longest_request_s:.1f}", f"{planned.worst_silence_s:.2f}")
        shown = (str(planned.requests), str(planned.looks), *figures, str(way.calls_carried or "any"))
        remark = "" if way.fits else "does not fit"
        if planned.problems:
            shown, remark = ("-",) * 5, f"refused: {counted(len(planned.problems), 'problem')}"
        elif way.needs_receiver and not advice.facts.receiver.running:
            remark = f"{remark}{', ' if remark else ''}with a receiver"
        table.add_row(way.name, *shown, remark)
    return table


def _recommendation(advice: Advice, words: list[str]) -> Iterator[str]:
    from orchestrator.core.advicewords import yaml_lines

    choice = advice.choice
    if choice is None:
        yield "Nothing can be recommended: part of the script cannot be sent in any way."
        return
    limit = "" if choice.limit_s is None else f", under {choice.limit_s:g} s"
    yield f"Recommended: {choice.way.name}{limit}"
    for reason in choice.reasons:
        yield f"  {line(reason)}"
    yield ""
    yield "In the configuration file"
    for text in yaml_lines(choice):
        yield f"{_COPIED}{text}"
    yield "or on the command line"
    yield f"{_COPIED}{shlex.join(words)}"


def _listed(title: str, advice: Advice) -> Iterator[str]:
    if advice.flips:
        yield ""
        yield title
    for when, then in advice.flips:
        yield f"  {when}: {then}"
