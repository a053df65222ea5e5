"""A process that drives runs, says when each waits for the end of a given step, and waits there to be killed.

    python waiting_child.py URL JOURNAL SCRIPT '{"+12125550123": 2, …}'

It is the real program: only the observer of its records does not return. What it was told of is on disk by then.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from orchestrator import Orchestrator, Script
from orchestrator.core.records import Concluded, Record
from orchestrator.core.state import Phase, RunState


def main() -> None:
    """Drive the runs to where they are to be killed."""
    url, journal, path, places = sys.argv[1:]
    steps = json.loads(places)

    def watch(record: Record, state: RunState) -> None:
        if (
            isinstance(record, Concluded)
            and state.phase is Phase.AWAITING
            and len(state.steps) == steps[state.begun.to]
        ):
            sys.stdout.write(f"{state.begun.to}\n")
            sys.stdout.flush()
            threading.Event().wait()

    script = Script.load(path)
    orchestrator = Orchestrator(api_url=url, journal=journal, on_record=watch)
    with ThreadPoolExecutor(len(steps)) as at_once:
        list(at_once.map(lambda to: orchestrator.run(script, to=to), steps))


if __name__ == "__main__":
    main()
