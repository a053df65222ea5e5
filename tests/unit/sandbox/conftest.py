"""A sandbox served in a thread, and a client that sees exactly what arrives on its socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from orchestrator.sandbox.server import Options, Sandbox

CALLEE = "+15555550101"
CALLER = "+15555550199"


@dataclass(frozen=True)
class Answer:
    """A whole reply."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)

    @property
    def call(self) -> dict[str, Any]:
        """The call object in the usual envelope."""
        return self.json["response"]["call"]


class Served:
    """A running sandbox and its client."""

    def __init__(self, options: Options) -> None:
        self.sandbox = Sandbox(options)
        self.url = self.sandbox.url
        self.port = urlsplit(self.url).port or 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        ready: Future[str] = Future()
        self._ready = ready
        self._thread.start()
        ready.result(timeout=10)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self.sandbox.run(self._ready.set_result))

    def stop(self) -> None:
        """End the server; it must end by itself."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.sandbox.stop)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        key: str = "sandbox",
        timeout: float = 10,
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        token = base64.b64encode(f"{key}:sandbox".encode()).decode()
        fields = {"Authorization": f"Basic {token}", "Content-Type": "application/json", **(headers or {})}
        with contextlib.closing(connection):
            connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), fields)
            response = connection.getresponse()
            text = response.read().decode()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def run(self, *commands: dict[str, Any], call: str | None = None, **options: Any) -> Answer:
        """Run commands on a call, or on a new one."""
        body = {"commands": list(commands)}
        if call is None:
            return self.request("POST", "/calls", body, **options)
        return self.request("PUT", f"/calls/{call}", body, **options)

    def dial(self, to: str = CALLEE) -> str:
        """Make a call that is answered, and give its id."""
        return self.run({"dial": {"to": to, "from": CALLER}}).call["resource_id"]

    def control(self, method: str, path: str, body: object = None) -> Answer:
        """Use a control endpoint."""
        return self.request(method, f"/_sandbox/{path}", body)

    def fault(self, **fault: Any) -> None:
        """Add a fault."""
        answer = self.control("POST", "faults", fault)
        assert answer.status == 200, answer.text

    def entries(self, **wanted: object) -> list[dict[str, Any]]:
        """The entries of the transcript with these fields."""
        return self.control("GET", f"transcript?{urlencode(wanted)}").json["transcript"]

    def wait(self, **wanted: object) -> dict[str, Any]:
        """The first such entry, as soon as there is one."""
        answer = self.control("GET", f"wait?{urlencode(wanted)}")
        assert answer.status == 200, answer.text
        return answer.json["entry"]

    def said(self, call: str) -> list[str]:
        """The sentences that the callee heard to their end, in order."""
        heard = self.control("GET", f"calls/{call}/heard").json["heard"]
        return [one["text"] for one in heard if one["command"] == "say" and one["complete"]]


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Served:
            served = Served(Options(**options))
            stack.callback(served.stop)
            return served

        yield start


@pytest.fixture(scope="module")
def _shared() -> Iterator[Served]:
    served = Served(Options(speed=100))
    yield served
    served.stop()


@pytest.fixture
def served(_shared: Served) -> Served:
    """The minimal server, a hundred times as fast as real calls, with nothing left of the test before."""
    assert _shared.control("POST", "reset").status == 200
    return _shared
