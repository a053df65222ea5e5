"""From an HTTP request to an operation of the model: credentials, paths, methods, media type, JSON.

Pure: bytes in, `Operation` out. `api.py` calls it; nothing here knows sockets or faults.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from orchestrator.sandbox.commands import command_names
from orchestrator.sandbox.faults import Facts
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation

_CALL = "/calls/"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A whole HTTP request; header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query, as the transcript shows them."""
        return f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path


class Gate:
    """Lets requests with the right key and password through to the model."""

    def __init__(self, model: CallServer, *, key: str, password: str) -> None:
        self._model = model
        self._expected = b"Basic " + base64.b64encode(f"{key}:{password}".encode())

    def submit(self, now: float, request: HttpRequest) -> Operation:
        """Have the model carry the request out, or refuse it with 400, 401, 404, 405 or 415."""
        if not hmac.compare_digest(request.headers.get(b"authorization", b""), self._expected):
            return self._refuse(now, request, 401, "wrong or missing API key or password")
        method, path = request.method, request.path
        call_id = path.removeprefix(_CALL) if path.startswith(_CALL) else None
        if call_id is not None and call_id and "/" not in call_id:
            return self._one(now, request, call_id)
        if path not in {"/calls", "/sms"}:
            return self._refuse(now, request, 404, "no such resource")
        if method == "POST":
            return self._with_body(now, request, None)
        if method == "GET" and path == "/calls":
            reference = parse_qs(request.query.decode("latin-1")).get("client_reference", [None])[0]
            return self._model.list_calls(now, client_reference=reference)
        return self._refuse(now, request, 405, f"{method} is not possible here")

    def lose(self, now: float, request: HttpRequest) -> None:
        """Have the model receive the request and lose it."""
        self._model.lose(now, request.method, request.target, _json_or_none(request.body))

    def facts(self, request: HttpRequest) -> Facts:
        """What a fault may choose the request by."""
        body = _json_or_none(request.body)
        call_id = request.path.removeprefix(_CALL) if request.path.startswith(_CALL) else None
        number = None if call_id is None else self._model.remote_number(call_id)
        if number is None and request.method == "POST":
            number = _number_dialled(body)
        return Facts(
            method=request.method,
            path=request.path,
            commands=("sms",) if request.path == "/sms" else command_names(body),
            call_id=call_id,
            number=number,
        )

    def _one(self, now: float, request: HttpRequest, call_id: str) -> Operation:
        match request.method:
            case "PUT":
                return self._with_body(now, request, call_id)
            case "GET":
                return self._model.get(now, call_id)
            case "DELETE":
                return self._model.delete(now, call_id)
            case method:
                return self._refuse(now, request, 405, f"{method} is not possible here")

    def _with_body(self, now: float, request: HttpRequest, call_id: str | None) -> Operation:
        key_bytes = request.headers.get(b"idempotency-key")
        key = None if key_bytes is None else key_bytes.decode("latin-1")
        media_type = request.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if media_type != b"application/json":
            return self._refuse(now, request, 415, "the body must be application/json")
        try:
            body = json.loads(request.body)
        except ValueError:
            return self._refuse(now, request, 400, "the body is not JSON")
        if request.path == "/sms":
            return self._model.sms(now, body, idempotency_key=key)
        asynchronous = bool(request.query) and parse_qs(request.query.decode("latin-1")).get("async") == ["1"]
        if call_id is None:
            return self._model.post(now, body, asynchronous=asynchronous, idempotency_key=key)
        return self._model.put(now, call_id, body, asynchronous=asynchronous, idempotency_key=key)

    def _refuse(self, now: float, request: HttpRequest, status: int, message: str) -> Operation:
        return self._model.refuse(now, request.method, request.target, status, message=message)


def _json_or_none(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _number_dialled(body: object) -> str | None:
    """The number that a POST is about, as far as its body can be read."""
    commands = body.get("commands") if isinstance(body, dict) else None
    first = commands[0] if isinstance(commands, list) and commands else body
    dial = first.get("dial", first) if isinstance(first, dict) else None
    number = dial.get("to") if isinstance(dial, dict) else None
    return number if isinstance(number, str) else None
