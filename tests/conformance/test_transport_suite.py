"""The transport over requests passes the Transport port's suite."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.transport import Credentials, HttpTransport
from tests import canary
from tests.conformance.raw_server import Peer, RawServer, Script, answering, reply, sending, then
from tests.conformance.transport_suite import Answer, Fault, Harness, TransportSuite, World

FAULTS: dict[Fault, Script] = {
    Fault.RESETS: then(Peer.reset),
    Fault.CLOSES: then(),
    Fault.HALF: then(sending(reply(200, {"response": {}})[:-3])),
    Fault.SILENT: then(Peer.wait_for_end),
}


class _RealWorld(World):
    def __init__(self, url: str, server: RawServer | None) -> None:
        self.transport = HttpTransport(url, Credentials(canary.KEY, canary.PASSWORD), clock=SystemClock())
        self._server = server

    def received(self) -> int:
        return len(self._server.received) if self._server else 0

    def wait_received(self, count: int) -> None:
        assert self._server is not None
        self._server.wait_received(count)


@contextmanager
def _open_world(behaviour: Answer | Fault) -> Iterator[World]:
    if behaviour is Fault.REFUSES:
        with socket.socket() as bound:  # bound and not listening: refuses, and nobody else can take the port
            bound.bind(("127.0.0.1", 0))
            world = _RealWorld(f"http://127.0.0.1:{bound.getsockname()[1]}", None)
            yield world
            world.transport.close()
        return
    script = (
        FAULTS[behaviour]
        if isinstance(behaviour, Fault)
        else answering(reply(behaviour.status, behaviour.document, **behaviour.headers))
    )
    with RawServer(script) as server:
        world = _RealWorld(server.url, server)
        yield world
        world.transport.close()


class TestHttpTransport(TransportSuite):
    """The real one, against a server on a raw socket."""

    @pytest.fixture
    def harness(self) -> Harness:
        """Give the suite its worlds."""
        return _open_world
