"""The fake transport of the property tests passes the Transport port's suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.adapters.dialects.call_api import Encoded
from orchestrator.core.limits import CutKind
from tests.conformance.transport_suite import Answer, Fault, Harness, TransportSuite, World
from tests.fakes.transport import CLEAN, FakeTransport, RawAnswer, Treatment
from tests.fakes.virtual_time import VirtualTime

TREATMENTS = {
    Fault.REFUSES: Treatment(refused=True),
    Fault.RESETS: Treatment(cut_after_s=0.1, answered_by=None),
    Fault.CLOSES: Treatment(cut_by_reply=True, cut=CutKind.CLOSED),
    Fault.HALF: Treatment(cut_by_reply=True, cut=None),  # its length was promised, so half of it is a cut
    Fault.SILENT: Treatment(answered_by=None),
}


class _Canned:
    """A server that always answers the same."""

    def __init__(self, answer: RawAnswer) -> None:
        self.received = 0
        self._answer = answer

    def receive(self, _sent: Encoded, answer: Callable[[RawAnswer], None]) -> None:
        self.received += 1
        answer(self._answer)


class _FakeWorld(World):
    def __init__(self, behaviour: Answer | Fault, time: VirtualTime) -> None:
        treatment = TREATMENTS[behaviour] if isinstance(behaviour, Fault) else CLEAN
        answer = Answer(200, {"response": {}}) if isinstance(behaviour, Fault) else behaviour
        body = b"" if answer.document is None else json.dumps(answer.document).encode()
        self._server = _Canned(RawAnswer(answer.status, body, answer.headers))
        self._time = time
        self.transport = FakeTransport(self._server, time, network=lambda _request: treatment)

    def received(self) -> int:
        return self._server.received

    def wait_received(self, count: int) -> None:
        self._time.block(lambda: self._server.received >= count)


@contextmanager
def _open_world(behaviour: Answer | Fault) -> Iterator[World]:
    time = VirtualTime()
    with time.running():
        yield _FakeWorld(behaviour, time)


class TestFakeTransport(TransportSuite):
    """The fake one, in virtual time."""

    @pytest.fixture
    def harness(self) -> Harness:
        """Give the suite its worlds."""
        return _open_world
