"""The live view: the steps of a call while it runs, on a terminal's stderr.

`driving` shows it where there is a terminal and nobody asked for JSON or for the log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.cli.output import line, stderr_console
from orchestrator.cli.story import WIDE, caller, is_incoming, is_sending, other_end, steps_table
from orchestrator.cli.watch import Watch

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestrator.core.state import RunState

_REFRESHES_PER_SECOND = 8
_LINES_AROUND = 6
"""Lines of the terminal that the rows of steps leave free."""


class LiveView:
    """Shows the newest state of the runs of a `Watch`, from `__enter__` to `__exit__`."""

    def __init__(
        self, watch: Watch, *, document: Callable[[RunState], Mapping[str, Any]], now: Callable[[], float]
    ) -> None:
        """Take where to look.

        Args:
            watch: Has the states.
            document: Makes a run's document.
            now: Tells the time, seconds since the epoch.
        """
        from rich.live import Live
        from rich.spinner import Spinner

        self._watch = watch
        self._document = document
        self._now = now
        self._console = stderr_console()
        self._spinner = Spinner("dots", style="cyan")
        self._over = False
        self._live = Live(
            get_renderable=self._show,
            console=self._console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._live.stop()

    def _show(self) -> RenderableType:
        from rich.text import Text

        states = self._watch.states
        if not states:
            return Text("")
        return self._one(states[0]) if len(states) == 1 else self._several(states)

    def _one(self, state: RunState) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        document = self._document(state)
        steps = document["steps"]
        room = max(self._console.size.height - _LINES_AROUND, 3)
        hidden = 0 if self._over else max(len(steps) - room, 0)
        name = (line(document["script"]), "bold")
        whom = f"← {caller(document)}" if is_incoming(document) else f"→ {line(document['to'])}"
        head = Text.assemble(name, f" {whom}  ", (document["run_id"][:8], "dim"))
        parts: list[RenderableType] = [head]
        if hidden:
            parts.append(Text(f"… {hidden} steps before", style="dim"))
        now = None if self._over else self._now()
        is_wide = self._console.size.width >= WIDE
        parts.append(
            steps_table(
                steps[hidden:], now=now, sending=is_sending(state), spinner=self._spinner, with_evidence=is_wide
            )
        )
        waits = self._waits(state)
        if waits:
            parts.append(Text(waits, style="yellow"))
        return Group(*parts)

    def _several(self, states: list[RunState]) -> RenderableType:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
        for name in ("run", "call", "steps", "status", "now"):
            table.add_column(name, no_wrap=name != "now")
        for state in states:
            document = self._document(state)
            steps = document["steps"]
            doing = ", ".join(steps[-1]["commands"]) if steps and state.end is None else ""
            table.add_row(
                document["run_id"][:8],
                Text(other_end(document)),
                str(len(steps)),
                document["status"],
                Text(self._waits(state) or doing),
            )
        return table

    def _waits(self, state: RunState) -> str:
        if state.wake is None or state.end is not None or self._over:
            return ""
        left_s = state.wake.wall - self._now()
        return f"waiting {left_s:.0f} s {line(state.wake_why)}" if left_s > 0.5 else ""


def wanted(*, as_json: bool, verbosity: int) -> bool:
    """Return whether there is a terminal to show it on, and nobody asked for something else there."""
    return not as_json and verbosity == 0 and sys.stderr.isatty()
