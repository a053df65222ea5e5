"""The process: how it starts, what it prints, how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator.sandbox.command import main

COMMAND = [sys.executable, "-m", "orchestrator.sandbox"]


@contextlib.contextmanager
def process(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A sandbox process and its URL."""
    started = subprocess.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with started:
        assert started.stdout is not None
        ready = json.loads(started.stdout.readline())
        assert ready["pid"] == started.pid
        try:
            yield started, ready["url"]
        finally:
            started.kill()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_and_ends_cleanly(number: signal.Signals) -> None:
    """One JSON line when it serves and nothing else; exit 0 on a signal, even with a client waiting."""
    with process() as (started, url):
        assert status(f"{url}/_sandbox/transcript") == 200
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as waiting:
            waiting.sendall(b"GET /_sandbox/wait?event=never HTTP/1.1\r\nHost: x\r\n\r\n")
            started.send_signal(number)
            assert started.communicate(timeout=10) == ("", "")
    assert started.returncode == 0


def test_credentials_come_from_the_environment(tmp_path: Path) -> None:
    """With a key of one's own the default one is refused; -v logs to stderr."""
    callees, faults = tmp_path / "callees.yaml", tmp_path / "faults.json"
    callees.write_text("numbers: {+15555550101: {does: busy}}")
    faults.write_text(json.dumps([{"kind": "status", "place": "before", "status": 418}]))
    options = ["-v", "--callees", str(callees), "--faults", str(faults), "--capability", "command_log"]
    with process(*options, ORCHESTRATOR_API_KEY="mine", ORCHESTRATOR_API_PASSWORD="mine") as (started, url):
        assert [status(f"{url}/calls") for _ in range(2)] == [418, 401]
        started.terminate()
        assert "Shutting down" in started.communicate(timeout=10)[1]


def test_it_can_die_with_its_parent() -> None:
    """When the process that started it is killed, it ends by itself."""
    script = f"import subprocess, sys; subprocess.Popen({[*COMMAND, '--die-with-parent']!r}); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = json.loads(parent.stdout.readline())["url"]
        assert status(f"{url}/_sandbox/faults") == 200
        parent.kill()
        assert parent.stdout.read() == ""  # the end of the pipe: nobody holds it any more, neither parent nor sandbox


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("--callees", "numbers: {bob: {}}", "numbers.bob: must be an E.164 number"),
        ("--faults", "- {kind: explode}", "fault[0].kind: 'explode'"),
        ("--faults", "{on: event, kind: explode}", "fault.kind: 'explode'"),
        ("--events-secret-file", " \n", "there is no secret in it"),
    ],
)
def test_a_bad_file_is_exit_65(tmp_path: Path, option: str, content: str, complaint: str) -> None:
    """One line on stderr: the file and what is wrong; nothing is served."""
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    result = CliRunner().invoke(main, [option, str(path)])
    assert (result.exit_code, result.stdout) == (65, "")
    assert result.stderr.startswith(f"{path}: {complaint}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("keys", "behaviour"),
    [("1", {"keys": [], "further_keys": "1"}), ("1,, 12#", {"keys": ["1", ""], "further_keys": "12#"})],
)
def test_keys_are_what_everybody_presses(keys: str, behaviour: dict[str, Any]) -> None:
    """Question by question; the last keys at every further one."""
    with process("--keys", keys) as (_, url), urllib.request.urlopen(f"{url}/_sandbox/callees", timeout=5) as reply:
        assert behaviour.items() <= json.load(reply)["default"].items()


def test_bad_keys_are_exit_65_and_a_file_besides_is_exit_2(tmp_path: Path) -> None:
    """Nothing is served."""
    result = CliRunner().invoke(main, ["--keys", "1,x"])
    assert (result.exit_code, result.stderr) == (65, "keys[1]: 'x' has keys other than 0-9, * and #\n")
    result = CliRunner().invoke(main, ["--keys", "1", "--callees", str(tmp_path / "callees.yaml")])
    assert result.exit_code == 2
    assert "Give --callees or --keys, not both." in result.stderr


def test_a_secret_that_cannot_be_read_is_exit_65(tmp_path: Path) -> None:
    """The file is named."""
    path = tmp_path / "nowhere"
    result = CliRunner().invoke(main, ["--events-secret-file", str(path)])
    assert (result.exit_code, result.stderr) == (65, f"{path}: No such file or directory\n")


def test_the_receiver_of_events_is_an_option(tmp_path: Path) -> None:
    """URLs, the time to acknowledge, and the secret, which is not shown."""
    (tmp_path / "secret").write_text("between us\n")
    urls = ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b"]
    options = ["--events", urls[0], "--events-fallback", urls[1], "--events-timeout", "3"]
    with (
        process(*options, "--events-secret-file", str(tmp_path / "secret")) as (_, url),
        urllib.request.urlopen(f"{url}/_sandbox/receiver", timeout=5) as reply,
    ):
        assert json.load(reply) == {"main": urls[0], "fallback": urls[1], "timeout": 3.0, "signed": True}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--events", "example.com"], "must be an http or https URL."),
        (["--events-fallback", "http://127.0.0.1:9"], "--events-fallback is for when --events fails: give both."),
    ],
)
def test_a_receiver_that_cannot_be_is_exit_2(options: list[str], complaint: str) -> None:
    """Nothing is served."""
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_taken_port_is_exit_69() -> None:
    """The address is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["--port", str(port)])
    assert result.exit_code == 69
    assert result.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_without_its_extra_it_says_what_to_install() -> None:
    """Exit 69 with one line when the HTTP libraries are not installed."""
    script = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest)\n"
        "from orchestrator.sandbox.command import main; main([])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=20)
    assert (result.returncode, result.stdout) == (69, "")
    assert result.stderr == "the sandbox needs uvicorn: install call-orchestrator[serve]\n"


def test_it_needs_nothing_of_the_product() -> None:
    """Starting it loads no other module of the package, and no HTTP client."""
    script = (
        "import sys, orchestrator.sandbox.server, orchestrator.sandbox.command\n"
        "print([m for m in sys.modules if m.startswith(('orchestrator.', 'requests', 'urllib3'))"
        " and not m.startswith(('orchestrator.sandbox', 'orchestrator._version'))])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)
    assert result.stdout == "[]\n"
