"""The sandbox's model of the call API as the server of a FakeTransport: the oracle of the property tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orchestrator.adapters.dialects.call_api import Encoded
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation
from tests.fakes.transport import RawAnswer
from tests.fakes.virtual_time import EPOCH, VirtualTime


class ModelServer:
    """A `CallServer` that takes requests as bytes. Its clock is `skew_s` ahead of ours."""

    def __init__(self, model: CallServer, time: VirtualTime, *, skew_s: float = 0.0) -> None:
        self.model = model
        self._time = time
        self._skew_s = skew_s
        self._texts: dict[str, Operation] = {}
        model.advance(self.now())
        time.sources.append(self)

    def now(self) -> float:
        """Return the server's date, seconds since the epoch."""
        return EPOCH + self._time.seconds + self._skew_s

    def next_moment(self) -> float | None:
        """Return when something happens by itself next, on our clock."""
        moment = self.model.next_moment()
        return None if moment is None else moment - self._skew_s

    def let_happen(self) -> None:
        """Let it happen."""
        moment = self.model.next_moment()
        assert moment is not None
        self.model.advance(moment)

    def receive(self, sent: Encoded, answer: Callable[[RawAnswer], None]) -> Operation:
        """Take a request; return the operation it began."""
        operation = self._operate(sent)
        if operation.reply is not None:
            answer(self._raw(operation))
        else:
            operation.when_done.append(lambda done: answer(self._raw(done)))
        return operation

    def client_left(self, operation: Operation) -> None:
        """Stop the list of a client that has gone."""
        self.model.cancel(max(self.now(), self.model.now), operation)

    def _operate(self, sent: Encoded) -> Operation:
        now = max(self.now(), self.model.now)
        address = urlsplit(sent.target)
        resource, _, call_id = address.path.strip("/").partition("/")
        key = sent.headers.get("Idempotency-Key")
        waits_not = parse_qs(address.query).get("async") == ["1"]
        body: Any = None if sent.body is None else json.loads(sent.body)
        match (sent.method, resource, bool(call_id)):
            case ("POST", "calls", False):
                return self.model.post(now, body, asynchronous=waits_not, idempotency_key=key)
            case ("PUT", "calls", True):
                return self.model.put(now, call_id, body, asynchronous=waits_not, idempotency_key=key)
            case ("GET", "calls", True):
                return self.model.get(now, call_id)
            case ("GET", "calls", False):
                references = parse_qs(address.query).get("client_reference", [None])
                return self.model.list_calls(now, client_reference=references[0])
            case ("DELETE", "calls", True):
                return self.model.delete(now, call_id)
            case ("POST", "sms", False):
                return self._text(now, body, key)
        raise AssertionError(f"no operation of the API: {sent.method} {sent.target}")

    def _text(self, now: float, body: Any, key: str | None) -> Operation:
        """Send a text message; under a key that was seen before, as calls do it, only its reply."""
        if key is None or "idempotency_key" not in self.model.capabilities:
            return self.model.sms(now, body)
        if key not in self._texts:
            self._texts[key] = self.model.sms(now, body)
        return self._texts[key]

    def _raw(self, operation: Operation) -> RawAnswer:
        assert operation.reply is not None
        headers = {"Content-Type": "application/json", "Date": formatdate(int(self.now()), usegmt=True)}
        return RawAnswer(operation.reply.status, json.dumps(operation.reply.body).encode(), headers)
