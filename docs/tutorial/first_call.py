"""The main job in one minute: `make run`. Shown against a stand-in server behind a proxy that cuts every request short.

It runs the same commands that you would type, and prints them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import requests

from orchestrator import Orchestrator, Script

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "configs" / "scripts" / "long-announcement.yaml"
COMMAND = Path(sys.executable).parent / "orchestrator"
SPEED = 5  # the third paragraph then lasts four seconds: a busy machine needs two to begin again
CUT_S = 7
CALLEE = "+12125550123"
THIRD_PARAGRAPH = "The school buses will not run"


def main() -> None:
    """Show the three ways such a call can go."""
    with tempfile.TemporaryDirectory(prefix="first-call-") as folder:
        sandbox, url = start_sandbox()
        os.environ |= {
            "ORCHESTRATOR_API_URL": url,
            "ORCHESTRATOR_API_KEY": "sandbox",
            "ORCHESTRATOR_API_PASSWORD": "sandbox",
            "ORCHESTRATOR_JOURNAL": str(Path(folder) / "journal.db"),
        }
        try:
            as_one_request(url)
            step_by_step(url)
            killed_and_resumed(url)
        finally:
            sandbox.terminate()
            sandbox.wait()


def start_sandbox() -> tuple[subprocess.Popen[str], str]:
    """Start the stand-in server, in which a call runs several times as fast, so that nobody has to wait."""
    say(f"A stand-in for the call API, behind a proxy that cuts every request after {CUT_S} s")
    command = [COMMAND, "sandbox", "--port", "0", "--speed", str(SPEED), "--cut-after", str(CUT_S), "--die-with-parent"]
    show(command)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


def as_one_request(url: str) -> None:
    """Send the whole script as the API's own list of commands, as most programs do."""
    say("1. The whole script as one long request, as most programs do it")
    with Orchestrator() as orchestrator:
        plan = orchestrator.plan(Script.load(SCRIPT), to=CALLEE)
    straight = plan.steps[: next(place for place, step in enumerate(plan.steps) if step.label == "resumed")]
    commands = [command for planned in straight for command in planned.step.commands]
    print(f"   POST /calls with {len(commands)} commands …")
    began = time.monotonic()
    reply = requests.post(f"{url}/calls", json={"commands": commands}, auth=("sandbox", "sandbox"), timeout=60)
    print(f"   {reply.status_code} {reply.reason} after {time.monotonic() - began:.1f} s.")
    print("   Did the call go through? Is it still going on? Would trying again ring the person twice?")
    print("   The reply does not say, and there is no id to ask for. (The call goes on: nobody steers it.)")
    control(url, "POST", "reset")


def step_by_step(url: str) -> None:
    """Run the same script with the orchestrator."""
    say("2. The same script, step by step")
    run = [COMMAND, "run", SCRIPT.relative_to(ROOT), "--to", CALLEE]
    show(run)
    subprocess.run(run, check=True, cwd=ROOT)
    print_what_was_heard(url)
    control(url, "POST", "reset")


def killed_and_resumed(url: str) -> None:
    """Kill the orchestrator in the middle of a sentence, and carry on."""
    say("3. The same again, but the program is killed with -9 in the middle of the third paragraph")
    run = [COMMAND, "run", SCRIPT.relative_to(ROOT), "--to", CALLEE]
    show(run)
    process = subprocess.Popen(run, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = 0
    while True:
        entry = control(url, "GET", f"wait?event=running&command=say&after={seen}&timeout=30")["entry"]
        seen = entry["seq"]
        if entry["text"].startswith(THIRD_PARAGRAPH):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"   kill -9 {process.pid}: the callee is on the line, and nobody steers the call")
    resume = [COMMAND, "resume", "--all"]
    show(resume)
    subprocess.run(resume, check=True, cwd=ROOT)
    print_what_was_heard(url)
    show_run = [COMMAND, "runs"]
    show(show_run)
    subprocess.run(show_run, check=True, cwd=ROOT)


def print_what_was_heard(url: str) -> None:
    """Print the server's own record of the call, and hold it against the script."""
    transcript = control(url, "GET", "transcript")["transcript"]
    rings = sum(entry["event"] == "ringing" for entry in transcript)
    spoken = [entry["text"] for entry in transcript if entry["event"] == "ran" and entry["command"] == "say"]
    print(f"   What the callee got, by the server's own record: {rings} ring, {len(spoken)} paragraphs")
    for text in spoken:
        print(f"     {spoken.count(text)}x  {text[:88]}{'…' if len(text) > 88 else ''}")
    if rings != 1 or len(spoken) != len(set(spoken)):
        sys.exit("   That is not what was promised: please report it.")
    print("   Rung once, and every sentence heard once.")


def control(url: str, method: str, what: str) -> Any:
    """Ask the stand-in server's control endpoint."""
    request = urllib.request.Request(f"{url}/_sandbox/{what}", method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read() or "{}")


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n=== {text}", flush=True)


def show(command: list[object]) -> None:
    """Print a command as a person would type it."""
    print("$ " + " ".join(["orchestrator", *(str(word) for word in command[1:])]), flush=True)


if __name__ == "__main__":
    main()
