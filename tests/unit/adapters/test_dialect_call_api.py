"""The call API's dialect: requests as bytes, replies as judgements."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.adapters.dialects.call_api import CallApi, Capabilities, Judgement
from orchestrator.core.exchange import Operation, Outcome, Request

CALL = "0f8fad5b-d9cb-469f-a165-70867728950e"
DIAL = ({"dial": {"to": "+15550100", "from": "+15550199"}},)
SMS = ({"sms": {"to": "+15550100", "from": "+15550199", "message": "Hé"}},)
ALL = Capabilities(command_log=True, idempotency_key=True, client_reference=True)
REQUESTS = {
    Operation.CREATE: Request(operation=Operation.CREATE, commands=DIAL, reference="run/0"),
    Operation.COMMAND: Request(
        operation=Operation.COMMAND, call_id=CALL, commands=({"say": {"text": "Hi"}},), reference="run/1"
    ),
    Operation.LOOK: Request(operation=Operation.LOOK, call_id=CALL),
    Operation.LIST: Request(operation=Operation.LIST, reference="run/0"),
    Operation.END: Request(operation=Operation.END, call_id=CALL, reference="run/2"),
    Operation.SMS: Request(operation=Operation.SMS, commands=SMS, reference="run/3"),
}
HEADERS = {"Content-Type": "application/json"}


def _judge(
    operation: Operation,
    status: int,
    document: Any = None,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    capabilities: Capabilities | None = None,
) -> Judgement:
    return CallApi(capabilities).judge(
        REQUESTS[operation],
        status=status,
        headers=HEADERS if headers is None else headers,
        body=json.dumps(document).encode() if body is None else body,
        now_wall=1_700_000_000.0,
    )


def _call(**fields: Any) -> dict[str, Any]:
    return {"response": {"call": {"resource_id": CALL, **fields}}}


@pytest.mark.parametrize(
    ("operation", "method", "target"),
    [
        (Operation.CREATE, "POST", "/calls"),
        (Operation.COMMAND, "PUT", f"/calls/{CALL}"),
        (Operation.LOOK, "GET", f"/calls/{CALL}"),
        (Operation.LIST, "GET", "/calls"),
        (Operation.END, "DELETE", f"/calls/{CALL}"),
        (Operation.SMS, "POST", "/sms"),
    ],
)
def test_methods_and_targets_are_the_contracts(operation: Operation, method: str, target: str) -> None:
    """Contract section 2; and without capabilities no header or field beyond the minimum is sent."""
    encoded = CallApi().encode(REQUESTS[operation])
    assert (encoded.method, encoded.target) == (method, target)
    assert "Idempotency-Key" not in encoded.headers
    assert b"client_reference" not in (encoded.body or b"")


def test_bodies_are_the_contracts() -> None:
    """Commands as a list of one-key objects; a text message by its three fields; reading and ending without a body."""
    bodies = {operation: CallApi().encode(request).body for operation, request in REQUESTS.items()}
    assert json.loads(bodies[Operation.CREATE] or b"") == {"commands": list(DIAL)}
    assert json.loads(bodies[Operation.COMMAND] or b"") == {"commands": [{"say": {"text": "Hi"}}]}
    assert json.loads(bodies[Operation.SMS] or b"") == SMS[0]["sms"]
    assert [bodies[each] for each in (Operation.LOOK, Operation.LIST, Operation.END)] == [None, None, None]


def test_a_call_id_cannot_leave_its_place_in_the_path() -> None:
    """An id is quoted, whatever it holds."""
    request = Request(operation=Operation.LOOK, call_id="a/../b?c#d é")
    assert CallApi().encode(request).target == "/calls/a%2F..%2Fb%3Fc%23d%20%C3%A9"


@pytest.mark.parametrize(
    "request_",
    [
        Request(operation=Operation.LOOK),
        Request(operation=Operation.COMMAND, call_id=""),
        Request(operation=Operation.SMS),
        Request(operation=Operation.SMS, commands=DIAL),
        Request(operation=Operation.SMS, commands=SMS + SMS),
        Request(operation=Operation.CREATE, commands=({"say": {"text": float("nan")}},)),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(request_: Request) -> None:
    """No call where one is needed, not exactly one text message, a number that is none: ValueError, nothing encoded."""
    with pytest.raises(ValueError, match=r".+"):
        CallApi().encode(request_)


def test_an_idempotency_key_goes_with_what_may_not_run_twice() -> None:
    """With the capability CREATE, COMMAND and SMS carry their step's reference, the others nothing."""
    api = CallApi(Capabilities(idempotency_key=True))
    keys = {operation: api.encode(request).headers.get("Idempotency-Key") for operation, request in REQUESTS.items()}
    assert keys == {
        Operation.CREATE: "run/0",
        Operation.COMMAND: "run/1",
        Operation.SMS: "run/3",
        Operation.LOOK: None,
        Operation.LIST: None,
        Operation.END: None,
    }


def test_a_client_reference_is_sent_searched_and_read() -> None:
    """With the capability it is in the create's body, in the list's query, and in the calls that are seen."""
    api = CallApi(Capabilities(client_reference=True))
    assert json.loads(api.encode(REQUESTS[Operation.CREATE]).body or b"")["client_reference"] == "run/0"
    assert api.encode(REQUESTS[Operation.LIST]).target == "/calls?client_reference=run%2F0"
    assert api.encode(Request(operation=Operation.LIST)).target == "/calls"
    document = _call(client_reference="run/0")
    seen = _judge(Operation.LOOK, 200, document, capabilities=api.capabilities).call
    unseen = _judge(Operation.LOOK, 200, document).call
    assert seen is not None
    assert unseen is not None
    assert (seen.reference, unseen.reference) == ("run/0", None)


def test_a_command_log_is_read_where_the_dialect_has_one() -> None:
    """GET's `results` count only with the capability; a server's unasked ones are no evidence."""
    document = {"response": {"call": {"resource_id": CALL}, "results": [{"command": "say", "status": "ok"}]}}
    with_log = _judge(Operation.LOOK, 200, document, capabilities=Capabilities(command_log=True))
    assert [each.command for each in with_log.results or ()] == ["say"]
    assert _judge(Operation.LOOK, 200, document).results is None


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(operation: Operation, status: int) -> None:
    """The exact success code is open (contract section 2)."""
    document = {"response": {"call": {"resource_id": CALL}, "data": []}}
    assert _judge(operation, status, document).outcome is Outcome.DONE


WRONG_SHAPES = [
    None,
    1,
    "text",
    [],
    {},
    {"response": None},
    {"response": []},
    {"response": {"call": 1, "data": {}}},
    {"response": {"call": {}, "data": [{}]}},
    {"response": {"call": {"resource_id": 5}, "data": [5]}},
    {"response": {"call": {"resource_id": ""}, "data": None}},
    {"response": {"call": {"resource_id": "../x"}, "data": [{"resource_id": "a b"}]}},
    {"response": {"call": {"resource_id": "a" * 129}, "data": [{"resource_id": "a\n"}]}},
]


@pytest.mark.parametrize("document", WRONG_SHAPES)
@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.LOOK, Operation.LIST])
def test_a_wrong_shape_is_unknown(operation: Operation, document: Any) -> None:
    """A 2xx without the call or the list it should have proves nothing."""
    judged = _judge(operation, 200, document)
    assert judged.outcome is Outcome.UNKNOWN
    assert judged.reason.startswith("the API answered 200, but ")


@pytest.mark.parametrize("operation", [Operation.COMMAND, Operation.SMS])
def test_a_command_needs_only_the_envelope(operation: Operation) -> None:
    """PUT and SMS are done with an empty `response`, and unknown without one."""
    assert _judge(operation, 200, {"response": {}}).outcome is Outcome.DONE
    assert _judge(operation, 200, {"responses": {}}).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"response": {"call": 1}}', b'{"response": {"call": {}}}'])
def test_any_2xx_ends_a_call(body: bytes) -> None:
    """DELETE needs no body at all."""
    judged = _judge(Operation.END, 200, body=body)
    assert (judged.outcome, judged.call) == (Outcome.DONE, None)


def test_the_end_of_a_call_shows_it() -> None:
    """The call in a DELETE's reply is read where there is one."""
    call = _judge(Operation.END, 200, _call(status="hangup", hangup_cause="command")).call
    assert call is not None
    assert (call.ended, call.hangup_cause) == (True, "command")


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"", {}, "empty"),
        (b'{"response":', {}, "not JSON"),
        (b"\xff\xfe", {}, "UTF-8"),
        (b'{"response":{"a":1,"a":2}}', {}, "twice"),
        (b'{"response":{"a":NaN}}', {}, "number"),
        (b'{"response":{"a":-Infinity}}', {}, "number"),
        (b'{"response":' + b"[" * 100_000, {}, "deep"),
        (b'{"response":' + b"9" * 5000 + b"}", {}, "not JSON"),
        (b'{"response":{}} x', {}, "not JSON"),
        (b'\xef\xbb\xbf{"response":{}}', {}, "not JSON"),
        (b'{"response":{}}', {"Content-Encoding": "gzip"}, "compressed"),
        (b'{"response":{}}', {"Content-Type": "text/html"}, "Content-Type"),
        (b'{"response":{}}', {"Content-Type": "text/plain; charset=utf-8"}, "Content-Type"),
        (b'{"response":{}}', {"Content-Type": "application/json; charset=utf-16"}, "UTF-8"),
    ],
)
def test_a_body_that_is_not_whole_json_is_unknown(body: bytes, headers: dict[str, str], why: str) -> None:
    """Each way to be no JSON of ours has its reason."""
    judged = _judge(Operation.COMMAND, 200, body=body, headers=headers)
    assert judged.outcome is Outcome.UNKNOWN
    assert why in judged.reason


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json; charset="utf-8"; v=1',
        "text/json",
        "application/problem+json",
    ],
)
def test_json_has_many_names(content_type: str | None) -> None:
    """Every usual name of JSON is accepted, and none at all."""
    headers = {"Content-Encoding": "identity"} | ({} if content_type is None else {"Content-Type": content_type})
    assert _judge(Operation.COMMAND, 200, {"response": {}}, headers=headers).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (401, b'{"response":{}}', {}, True),
        (403, b"{}", {}, True),
        (401, b"", {"WWW-Authenticate": "Basic"}, True),
        (401, b"<html>", {}, False),
        (403, b"<html>", {"WWW-Authenticate": "Basic"}, False),
        (404, b"{}", {}, False),
    ],
)
def test_only_the_api_itself_can_refuse_our_credentials(
    status: int, body: bytes, headers: dict[str, str], expected: bool
) -> None:
    """A proxy's 403 page says nothing about the API key; its reason names the proxy."""
    judged = _judge(Operation.COMMAND, status, body=body, headers=headers)
    assert judged.outcome is Outcome.REJECTED
    assert judged.unauthenticated is expected
    assert ("proxy" in judged.reason) is (not body.startswith(b"{") and not expected)


@pytest.mark.parametrize("status", [408, 500, 502, 504, 520, 102])
def test_what_may_have_run_is_unknown(status: int) -> None:
    """408, 5xx and interim statuses are unknown and never call the setting wrong."""
    judged = _judge(Operation.COMMAND, status, {})
    assert (judged.outcome, judged.misconfigured) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize(
    ("status", "body", "retry_after", "expected"),
    [
        (429, b"<html>", None, (Outcome.THROTTLED, None)),
        (429, b"{}", "3", (Outcome.THROTTLED, 3.0)),
        (503, b"{}", "3", (Outcome.THROTTLED, 3.0)),
        (503, b"<html>", "3", (Outcome.UNKNOWN, None)),
        (503, b"{}", None, (Outcome.UNKNOWN, None)),
    ],
)
def test_throttling(status: int, body: bytes, retry_after: str | None, expected: tuple[Outcome, float | None]) -> None:
    """429 always, 503 only as the API's own with Retry-After."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    judged = _judge(Operation.COMMAND, status, body=body, headers=headers)
    assert (judged.outcome, judged.retry_after_s) == expected


def test_a_redirect_is_a_wrong_setting() -> None:
    """3xx: unknown, and the reason says what to look at."""
    judged = _judge(Operation.COMMAND, 302, body=b"")
    assert (judged.outcome, judged.misconfigured) == (Outcome.UNKNOWN, True)
    assert "check the API URL" in judged.reason


@pytest.mark.parametrize("body", [b"<html>", b'{"response": {"error": {"message": "no such resource"}}}'])
@pytest.mark.parametrize("status", [404, 405])
def test_an_address_without_calls_is_a_wrong_setting(status: int, body: bytes) -> None:
    """Every server of this API takes POST /calls; to a known call 404 means that it has ended."""
    dial = _judge(Operation.CREATE, status, body=body)
    assert (dial.outcome, dial.misconfigured) == (Outcome.REJECTED, True)
    assert "check the path of the API URL" in dial.reason
    for operation in (Operation.COMMAND, Operation.LIST, Operation.LOOK, Operation.END):
        assert not _judge(operation, status, body=body).misconfigured


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"response": {"error": {"message": "call 4711 is busy"}}}, "call # is busy"),
        ({"response": {"error": {"message": "a\x1b[2J\nb"}}}, "a[#Jb"),
        ({"response": {"error": {"message": "x" * 500}}}, "x" * 199 + "…"),
        ({"response": {"error": {"message": 5}}}, None),
        ({"response": {"error": "no"}}, None),
        ([], None),
    ],
)
def test_an_error_message_is_shown_without_its_digits(document: Any, expected: str | None) -> None:
    """Shortened, printable, digits masked; what is no message is left out."""
    reason = _judge(Operation.COMMAND, 409, document).reason
    assert reason.partition(": ")[2] == (expected or "")


@given(st.text(), st.text())
@example("0-9", "")
def test_no_server_text_brings_digits_or_control_characters(message: str, error: str) -> None:
    """Whatever a server writes, a reason holds no digits but its status and the range 0-9, and nothing unprintable."""
    document = {"response": {"error": {"message": message, "code": error}}}
    reason = _judge(Operation.COMMAND, 409, document).reason
    assert reason.isprintable()
    assert not any(each.isdigit() and each.isdecimal() for each in reason.replace("409", "", 1).replace("0-9", ""))


@given(st.binary(max_size=200), st.sampled_from(list(Operation)), st.integers(100, 999))
def test_no_body_is_too_strange(body: bytes, operation: Operation, status: int) -> None:
    """Judging never raises, and never finds `done` outside 2xx."""
    judged = _judge(operation, status, body=body)
    assert judged.outcome is not Outcome.DONE or 200 <= status < 300


def test_the_servers_date_is_kept() -> None:
    """`Date` reaches the caller with success and with failure, for the clock skew."""
    headers = {**HEADERS, "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}
    for status in (200, 409):
        assert _judge(Operation.COMMAND, status, {"response": {}}, headers=headers).server_wall == 1_700_000_000.0
