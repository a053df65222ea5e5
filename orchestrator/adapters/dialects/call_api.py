"""The call API's dialect: contract sections 1 to 6 and 8 as bytes. Pure: knows neither sockets nor an HTTP library.

`encode` writes a request; `judge` reads a reply and says what came of the attempt (rules, section 4.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from orchestrator.adapters.dialects.call_objects import ShapeError, read_call, read_calls, read_results
from orchestrator.adapters.dialects.http_dates import retry_after_s, server_date
from orchestrator.adapters.dialects.strict_json import BodyError, read_json
from orchestrator.adapters.dialects.wording import masked
from orchestrator.core.exchange import (
    METHODS,
    CallSeen,
    CommandResult,
    Operation,
    Outcome,
    Request,
    WireCommand,
    outcome_of_status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a server offers beyond the contract's minimum (contract section 8). None is required.

    Attributes:
        command_log: GET /calls/UUID carries `results` of every command that ran on the call, in order.
        idempotency_key: A repeat under the same `Idempotency-Key` returns the stored reply.
        client_reference: A create may carry `client_reference`, which calls show and the list can be searched by.
    """

    command_log: bool = False
    idempotency_key: bool = False
    client_reference: bool = False


class Encoded(NamedTuple):
    """A request as it goes into HTTP. `target` is the path below the base URL, with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a reply says of its attempt; see `core.exchange.Reply` for the fields.

    `by_gateway`: after an error that leaves it unknown whether the commands ran, the page is not the API's own.
    """

    outcome: Outcome
    reason: str
    call: CallSeen | None = None
    calls: tuple[CallSeen, ...] = ()
    results: tuple[CommandResult, ...] | None = None
    retry_after_s: float | None = None
    server_wall: float | None = None
    unauthenticated: bool = False
    misconfigured: bool = False
    by_gateway: bool = False


_WITH_BODY = frozenset({Operation.CREATE, Operation.COMMAND, Operation.SMS})
"""What changes something in the world: these carry a body, and an idempotency key where the server has one."""

_to_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_WITHOUT_CALL = frozenset({Operation.CREATE, Operation.LIST})
_NO_SUCH_PLACE = (404, 405)  # to a dial: every server of this API has it
_STATUS_WORDS = {
    400: "bad request",
    401: "wrong credentials",
    403: "not permitted",
    404: "no such resource",
    405: "method not allowed",
    408: "request timeout",
    409: "cannot be performed now",
    413: "request too large",
    415: "wrong media type",
    422: "cannot be processed",
    429: "too many requests",
    500: "server fault",
    502: "bad gateway",
    503: "service unavailable",
    504: "gave up waiting",
}


class CallApi:
    """The dialect of the call API and of servers of the same shape."""

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        self._capabilities = capabilities or Capabilities()

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers beyond the minimum."""
        return self._capabilities

    def encode(self, request: Request) -> Encoded:
        """Return what to send for a request (contract sections 2, 3 and 8).

        Raises:
            ValueError: The request lacks its call or its command.
        """
        headers: dict[str, str] = {}
        if self._capabilities.idempotency_key and request.reference and request.operation in _WITH_BODY:
            headers["Idempotency-Key"] = request.reference
        body = self._body(request)
        if body is not None:
            headers["Content-Type"] = "application/json"
        target = self._target(request)
        return Encoded(
            METHODS[request.operation], f"{target}?async=1" if request.asynchronous else target, headers, body
        )

    def judge(
        self, request: Request, *, status: int, headers: Mapping[str, str], body: bytes, now_wall: float
    ) -> Judgement:
        """Return what a whole reply says of its attempt.

        Args:
            request: The request it answers.
            status: The HTTP status.
            headers: Looked up by canonical names; duplicates joined with commas.
            body: As it came, not decoded.
            now_wall: Seconds since the epoch, for a `Retry-After` date of a server that sends no `Date`.
        """
        document: Any = None
        problem: str | None = None
        try:
            document = read_json(body, headers)
        except BodyError as error:
            problem = str(error)
        if 200 <= status < 300:
            return self._judge_success(request, status, headers, document, problem)
        is_dial = request.operation is Operation.CREATE
        return _judge_failure(status, headers, document, now_wall, is_dial=is_dial)

    def _target(self, request: Request) -> str:
        if request.operation is Operation.SMS:
            return "/sms"
        if request.operation is Operation.LIST and self._capabilities.client_reference and request.reference:
            return f"/calls?client_reference={quote(request.reference, safe='')}"
        if request.operation in _WITHOUT_CALL:
            return "/calls"
        if not request.call_id:
            raise ValueError(f"A request to {request.operation} must name its call.")
        return f"/calls/{quote(request.call_id, safe='')}"

    def _body(self, request: Request) -> bytes | None:
        if request.operation not in _WITH_BODY:
            return None
        document: dict[str, Any] = {"commands": request.commands}
        if request.operation is Operation.SMS:
            document = dict(_only_sms(request.commands))
        elif request.operation is Operation.CREATE and self._capabilities.client_reference and request.reference:
            document["client_reference"] = request.reference
        return _to_json(document).encode("ascii")

    def _judge_success(
        self, request: Request, status: int, headers: Mapping[str, str], document: Any, problem: str | None
    ) -> Judgement:
        reason = f"the API answered {status}"
        server_wall = server_date(headers)
        if problem is not None:
            if request.operation is Operation.END:
                return Judgement(outcome=Outcome.DONE, reason=reason, server_wall=server_wall)
            return Judgement(outcome=Outcome.UNKNOWN, reason=f"{reason}, but {problem}", server_wall=server_wall)
        try:
            return self._read_success(request, document, reason=reason, server_wall=server_wall)
        except ShapeError as error:
            return Judgement(outcome=Outcome.UNKNOWN, reason=f"{reason}, but {error}", server_wall=server_wall)

    def _read_success(self, request: Request, document: Any, *, reason: str, server_wall: float | None) -> Judgement:
        """Return the parts of a 2xx reply of the expected shape; raise ShapeError for any other."""
        with_reference = self._capabilities.client_reference
        response = document.get("response") if isinstance(document, dict) else None
        if request.operation is Operation.END:
            call = None
            if isinstance(response, dict) and isinstance(response.get("call"), dict):
                try:
                    call = read_call(response["call"], with_reference=with_reference)
                except ShapeError:
                    call = None
            return Judgement(outcome=Outcome.DONE, reason=reason, call=call, server_wall=server_wall)
        if not isinstance(response, dict):
            raise ShapeError("its body has no object 'response'")
        if request.operation is Operation.LIST:
            calls = read_calls(response.get("data"), with_reference=with_reference)
            return Judgement(outcome=Outcome.DONE, reason=reason, calls=calls, server_wall=server_wall)
        if request.operation is Operation.SMS:
            return Judgement(outcome=Outcome.DONE, reason=reason, server_wall=server_wall)
        call = None
        if request.operation is not Operation.COMMAND or response.get("call") is not None:
            call = read_call(response.get("call"), with_reference=with_reference)
        results = None
        if request.operation is not Operation.LOOK or self._capabilities.command_log:
            results = read_results(response.get("results"))
        return Judgement(outcome=Outcome.DONE, reason=reason, call=call, results=results, server_wall=server_wall)


def _only_sms(commands: tuple[WireCommand, ...]) -> Mapping[str, Any]:
    if len(commands) != 1 or set(commands[0]) != {"sms"}:
        raise ValueError("A text message is sent by itself.")
    parameters: Mapping[str, Any] = commands[0]["sms"]
    return parameters


def _judge_failure(
    status: int, headers: Mapping[str, str], document: Any, now_wall: float, *, is_dial: bool
) -> Judgement:
    is_object = isinstance(document, dict)
    outcome = outcome_of_status(status, has_retry_after="Retry-After" in headers, is_json_object=is_object)
    by_api = is_object or (status == 401 and "WWW-Authenticate" in headers)
    words = _STATUS_WORDS.get(status)
    answer = f"{status} ({words})" if words else f"{status}"
    reason = f"the API answered {answer}"
    if not by_api:
        reason = f"the answer was {answer} without the API's JSON, so it may come from a proxy on the way"
    if message := _error_message(document):
        reason = f"{reason}: {message}"
    is_redirect = 300 <= status < 400
    is_elsewhere = is_dial and status in _NO_SUCH_PLACE
    if is_redirect:
        reason = f"{reason}: a redirect, which is not followed; check the API URL"
    elif is_elsewhere:
        reason = f"{reason}: there is no POST /calls at this address; check the path of the API URL"
    return Judgement(
        outcome=outcome,
        reason=reason,
        retry_after_s=retry_after_s(headers, now_wall=now_wall) if outcome is Outcome.THROTTLED else None,
        server_wall=server_date(headers),
        unauthenticated=by_api and status in {401, 403},
        misconfigured=is_redirect or is_elsewhere,
        by_gateway=outcome is Outcome.UNKNOWN and not is_redirect and not (is_object and "response" in document),
    )


def _error_message(document: Any) -> str:
    """Return the message of an error body (contract section 1), shortened and without digits; empty if none."""
    for key in ("response", "error", "message"):
        document = document.get(key) if isinstance(document, dict) else None
    return masked(document) if isinstance(document, str) else ""
