"""`rehearse`: plays a script in the terminal. Nothing is sent."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.listener import Listener, Piped, Scripted, Terminal
from orchestrator.cli.output import line, result, result_document
from orchestrator.cli.standing import begun_of, stood_in_for
from orchestrator.cli.story import ended_as

if TYPE_CHECKING:
    from orchestrator.core.rehearsal import Asked, Beat, Ended, Went

_WORDS = {"from_": "from", "kind": "branch"}
"""What the facts of beats are called in documents where they have other names."""
_KEYS = re.compile(r"(h|[0-9*#]*)(,(h|[0-9*#]*))*")


def _keys(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    if value is not None and not _KEYS.fullmatch(value):
        raise click.BadParameter("must be keys (0-9, * and #) or h, with commas between questions.", ctx, param)
    return None if value is None else value.split(",")


@options.command("rehearse")
@click.argument("script", type=options.SCRIPT)
@options.script_options
@click.option(
    "--keys",
    metavar="DIGITS",
    callback=_keys,
    help="What you press at successive questions, such as 1,,2 (the second is not answered); h hangs up. Nothing is "
    "asked then, and questions without an entry time out.",
)
@click.option("--fast", is_flag=True, help="Do not wait while something would be spoken, nor for keys.")
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Play a script in the terminal: you are the callee. Nothing is sent.

    What would be said appears sentence by sentence as fast as it would be spoken, or at once with --fast. Where the
    script asks for keys, type them and press Enter; Enter alone presses none. The question's timeout counts. `h` hangs
    up, also while something is said. Branches and the end of the run are shown.

    The program's own machine plays it, so that `when`, `switch`, `on_failure`, `max_visits` and the rest do what they
    do in a call. Numbers and variables that are not given are stood in for. Without a terminal each line of stdin
    answers a question, unless SCRIPT is read from there.

    Exit 0 however the run ends. With --json nothing is waited for, and one document says what was played and how it
    ended: in a test of a script, with --keys.
    """
    from orchestrator.core.masking import without_keys
    from orchestrator.core.rehearsal import HANG_UP, Asked, collected, rehearse

    options.one_from_stdin(script, given["var_file"])
    loaded = options.load(script)
    given["variables"] = options.all_variables(given["variables"], given["var_file"])
    with app.orchestrator(settings={**given["settings"], "mode": "sync"}, read_only=True) as orchestrator:
        prepared = orchestrator.prepare(loaded, stood_in_for(loaded, given))
        listener = _listener(
            given, clock=orchestrator.clock, taken="-" in (script, given["var_file"]), as_json=app.as_json
        )
        play = rehearse(loaded, begun_of(loaded, prepared))
        beat = next(play)
        secret: set[str] = set()
        played: list[dict[str, Any]] = []
        while True:
            played.append(_document(beat, secret))
            for text in () if app.as_json else _told(beat):
                result(without_keys(text, secret))
            answer = listener.hears(beat)
            if isinstance(beat, Asked) and beat.secret and answer is not None and answer != HANG_UP:
                secret.add(collected(answer, beat))
            try:
                beat = play.send(answer)
            except StopIteration:
                break
    if app.as_json:
        *beats, ended = played
        result_document({"script": loaded.name, **ended, "played": beats})
    return 0


def _document(beat: Beat, secret: set[str]) -> dict[str, Any]:
    """Return what `--json` shows of a beat: what it is, and its facts; of the last one only those."""
    from orchestrator.core.masking import without_keys
    from orchestrator.core.rehearsal import Ended, HungUp

    facts = {_WORDS.get(name, name): value for name, value in asdict(beat).items() if name != "seconds"}
    shown = {name: without_keys(value, secret) if isinstance(value, str) else value for name, value in facts.items()}
    kind = "hung_up" if isinstance(beat, HungUp) else type(beat).__name__.lower()
    return shown if isinstance(beat, Ended) else {"kind": kind, **shown}


def _listener(given: dict[str, Any], *, clock: Any, taken: bool, as_json: bool) -> Listener:
    """Return who answers: the keys that were given, the person at the terminal, or what comes through the pipe."""
    is_fast = given["fast"] or as_json
    if given["keys"] is not None:
        return Scripted(given["keys"], clock=clock, is_fast=is_fast)
    if taken or sys.stdin is None or (as_json and sys.stdin.isatty()):
        return Scripted([], clock=clock, is_fast=is_fast)
    return (Terminal if sys.stdin.isatty() else Piped)(sys.stdin, clock=clock, is_fast=is_fast)


def _told(beat: Beat) -> Iterator[str]:
    """Yield the lines that show a beat."""
    from orchestrator.core.rehearsal import Asked, Did, Ended, HungUp, Rang, Said, Went

    match beat:
        case Rang(to, from_):
            yield f"[{line(to)} rings, called by {line(from_)}, and is answered]"
        case Said(text):
            yield line(text)
        case Did("note", detail):
            yield f"[{line(detail)}]"
        case Did(what, detail):
            yield f"[{what}{': ' if detail else ''}{line(detail)}]"
        case Asked():
            yield _asked(beat)
        case Went():
            yield from _went(beat)
        case HungUp(by_callee):
            yield "[you hang up]" if by_callee else "[the call is ended]"
        case Ended():
            yield from _ended(beat)


def _asked(asked: Asked) -> str:
    keys = "1 key" if asked.max_digits == 1 else f"up to {asked.max_digits} keys, ended by {line(asked.terminate_on)}"
    return f"[press {keys}; {asked.timeout_s:g} s; h hangs up]"


def _went(went: Went) -> Iterator[str]:
    where = f" to `{line(went.label)}`" if went.label else ""
    reason = f": {line(went.reason)}" if went.reason else ""
    yield f"[line {went.line}, {went.kind.value}{where}{reason}]"


def _ended(ended: Ended) -> Iterator[str]:
    yield ""
    result_text = "" if ended.result is None else f", result {line(ended.result)}"
    yield f"The run is {ended_as(ended.status.value, ended.disposition.value)}{result_text}."
    if ended.why is not None:
        yield f"Why: {line(ended.why)}"
    saved = {name: value for name, value in ended.variables.items() if name not in ("to", "from", "run_id", "call_id")}
    if saved:
        yield f"Variables: {', '.join(f'{name}={line(value)}' for name, value in sorted(saved.items()))}"
