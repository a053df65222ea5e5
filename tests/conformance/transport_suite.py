"""What every Transport must do, real or fake (see `ports.Transport`): subclass it and give it a `harness` fixture."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import pytest

from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.limits import CutKind
from orchestrator.errors import LeaseLostError
from orchestrator.ports import Transport

PATIENCE_S = 10.0
CALL = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Fault(StrEnum):
    """What the server or the network does instead of answering."""

    REFUSES = "refuses the connection"
    RESETS = "receives the request and resets the connection"
    CLOSES = "receives the request and closes the connection"
    HALF = "answers with half a reply"
    SILENT = "receives the request and never answers"


@dataclass(frozen=True)
class Answer:
    """A reply of the server: `document` is its JSON body."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class World(ABC):
    """A transport and the server it talks to."""

    transport: Transport

    @abstractmethod
    def received(self) -> int:
        """Return how many requests the server has received."""

    @abstractmethod
    def wait_received(self, count: int) -> None:
        """Wait until the server has received so many requests."""


Harness = Callable[[Answer | Fault], AbstractContextManager[World]]

REQUESTS = {
    Operation.CREATE: Request(
        operation=Operation.CREATE, commands=({"dial": {"to": "+15550100", "from": "+15550199"}},)
    ),
    Operation.COMMAND: Request(operation=Operation.COMMAND, call_id=CALL, commands=({"say": {"text": "Hello"}},)),
    Operation.LOOK: Request(operation=Operation.LOOK, call_id=CALL),
    Operation.LIST: Request(operation=Operation.LIST),
    Operation.END: Request(operation=Operation.END, call_id=CALL),
    Operation.SMS: Request(
        operation=Operation.SMS, commands=({"sms": {"to": "+15550100", "from": "+15550199", "message": "Hello"}},)
    ),
}
COMMAND = REQUESTS[Operation.COMMAND]

_SEEN = {"resource_id": CALL, "status": "ready", "to": "+15550100", "from": "+15550199", "created_epoch": 1700000000}
_CALL_REPLY = {"response": {"call": _SEEN, "results": [{"command": "get_dtmf", "status": "ok", "dtmf": "12"}]}}
GOOD = {
    Operation.CREATE: Answer(201, _CALL_REPLY),
    Operation.COMMAND: Answer(200, _CALL_REPLY),
    Operation.LOOK: Answer(200, {"response": {"call": _SEEN}}),
    Operation.LIST: Answer(200, {"response": {"data": [_SEEN]}}),
    Operation.END: Answer(200, _CALL_REPLY),
    Operation.SMS: Answer(201, {"response": {}}),
}
AFTER_SENDING = [Fault.RESETS, Fault.CLOSES, Fault.HALF]


def error(status: int, message: str = "no", **headers: str) -> Answer:
    """Return an error reply of the API (contract section 1)."""
    return Answer(status, {"response": {"error": {"code": status, "message": message}}}, headers)


class TransportSuite:
    """Subclass it and give it a fixture named `harness`."""

    @pytest.mark.parametrize("operation", list(Operation))
    def test_a_whole_reply_of_the_right_shape_is_done(self, harness: Harness, operation: Operation) -> None:
        """Every operation's good reply is `done`, sent once, with the moment of its first byte before its end."""
        with harness(GOOD[operation]) as world:
            reply = world.transport.open_channel().send(REQUESTS[operation])
            assert (reply.outcome, reply.status) == (Outcome.DONE, GOOD[operation].status)
            assert reply.first_byte is not None
            assert reply.ended.since(reply.first_byte) >= 0
            assert world.received() == 1

    def test_a_reply_shows_the_call_and_the_results(self, harness: Harness) -> None:
        """Call object and results of a reply reach the caller."""
        with harness(GOOD[Operation.COMMAND]) as world:
            reply = world.transport.open_channel().send(COMMAND)
        assert reply.call is not None
        assert (reply.call.call_id, reply.call.ready, reply.call.to) == (CALL, True, "+15550100")
        assert reply.results is not None
        assert (reply.results[0].command, reply.results[0].digits, reply.results[0].digit_count) == (
            "get_dtmf",
            "12",
            2,
        )

    def test_a_list_shows_its_calls(self, harness: Harness) -> None:
        """The calls of a list reach the caller with their times of creation."""
        with harness(GOOD[Operation.LIST]) as world:
            reply = world.transport.open_channel().send(REQUESTS[Operation.LIST])
        assert [(call.call_id, call.created_epoch) for call in reply.calls] == [(CALL, 1700000000.0)]

    def test_the_hook_runs_once_before_anything_is_received(self, harness: Harness) -> None:
        """`before_first_byte` is called exactly once, while the server has received nothing."""
        with harness(GOOD[Operation.COMMAND]) as world:
            seen: list[int] = []
            world.transport.open_channel().send(COMMAND, before_first_byte=lambda: seen.append(world.received()))
            assert seen == [0]
            assert world.received() == 1

    def test_the_caller_is_told_once_the_request_was_sent(self, harness: Harness) -> None:
        """`once_sent` is called exactly once, after the hook; never for a request that did not leave."""
        with harness(GOOD[Operation.COMMAND]) as world:
            told: list[str] = []
            channel = world.transport.open_channel()
            channel.send(COMMAND, before_first_byte=lambda: told.append("hook"), once_sent=lambda: told.append("sent"))
            assert told == ["hook", "sent"]
            with pytest.raises(LeaseLostError):
                channel.send(COMMAND, before_first_byte=_lose_the_lease, once_sent=lambda: told.append("never"))
            assert told == ["hook", "sent"]

    def test_a_lost_lease_sends_nothing(self, harness: Harness) -> None:
        """LeaseLostError out of the hook is re-raised and the server never sees the request; the channel lives on."""
        with harness(GOOD[Operation.COMMAND]) as world:
            channel = world.transport.open_channel()
            with pytest.raises(LeaseLostError):
                channel.send(COMMAND, before_first_byte=_lose_the_lease)
            assert channel.send(COMMAND).outcome is Outcome.DONE
            assert world.received() == 1

    def test_a_refused_connection_is_not_sent(self, harness: Harness) -> None:
        """Refused: `not_sent`, worth another try, and the hook was never asked."""
        with harness(Fault.REFUSES) as world:
            asked: list[None] = []
            reply = world.transport.open_channel().send(COMMAND, before_first_byte=lambda: asked.append(None))
        assert (reply.outcome, reply.first_byte, reply.final) == (Outcome.NOT_SENT, None, False)
        assert not asked

    @pytest.mark.parametrize("fault", AFTER_SENDING)
    @pytest.mark.parametrize("operation", list(Operation))
    def test_a_cut_after_the_first_byte_is_unknown(self, harness: Harness, fault: Fault, operation: Operation) -> None:
        """Reset, close and half a reply are `unknown`, and nothing is repeated by itself."""
        with harness(fault) as world:
            reply = world.transport.open_channel().send(REQUESTS[operation])
            assert reply.outcome is Outcome.UNKNOWN
            assert reply.first_byte is not None
            assert world.received() == 1

    def test_silence_is_unknown_after_the_read_timeout(self, harness: Harness) -> None:
        """No reply within the read timeout is `unknown`."""
        with harness(Fault.SILENT) as world:
            request = Request(operation=Operation.COMMAND, call_id=CALL, commands=COMMAND.commands, read_timeout_s=0.05)
            reply = world.transport.open_channel().send(request)
            assert reply.outcome is Outcome.UNKNOWN
            assert reply.first_byte is not None

    @pytest.mark.parametrize(
        ("fault", "cut"),
        [
            (Fault.RESETS, CutKind.RESET),
            (Fault.CLOSES, CutKind.CLOSED),
            (Fault.SILENT, CutKind.SILENT),
            (Fault.HALF, None),
            (Fault.REFUSES, None),
        ],
    )
    def test_a_reply_says_how_the_path_cut_it(self, harness: Harness, fault: Fault, cut: CutKind | None) -> None:
        """Reset, close and silence are told apart; half a reply, and what never left, is no cut of a silent request."""
        with harness(fault) as world:
            request = replace(COMMAND, read_timeout_s=0.05) if fault is Fault.SILENT else COMMAND
            assert world.transport.open_channel().send(request).cut is cut

    def test_the_deadline_cuts_a_silent_request(self, harness: Harness) -> None:
        """A request given up by its deadline was met by silence, too."""
        with harness(Fault.SILENT) as world:
            reply = world.transport.open_channel().send(replace(COMMAND, deadline_s=0.1))
            assert (reply.outcome, reply.cut) == (Outcome.UNKNOWN, CutKind.SILENT)

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 524])
    @pytest.mark.parametrize("page", [None, {"message": "Endpoint request timed out"}])
    def test_a_page_that_is_not_the_apis_is_a_gateways(self, harness: Harness, status: int, page: Any) -> None:
        """After an error that leaves it unknown what ran, a page of another shape than the API's is a cut."""
        with harness(Answer(status, page)) as world:
            assert world.transport.open_channel().send(COMMAND).cut is CutKind.GATEWAY

    @pytest.mark.parametrize("answer", [GOOD[Operation.COMMAND], error(504), error(500), error(404), Answer(404)])
    def test_what_the_api_answers_is_no_cut(self, harness: Harness, answer: Answer) -> None:
        """Neither is an error that says the commands did not run, whoever wrote it."""
        with harness(answer) as world:
            assert world.transport.open_channel().send(COMMAND).cut is None

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 410, 451])
    def test_other_client_errors_are_rejected(self, harness: Harness, status: int) -> None:
        """4xx other than 408 and 429 is `rejected`; 401 and 403 of the API are about the credentials."""
        with harness(error(status)) as world:
            reply = world.transport.open_channel().send(COMMAND)
        assert (reply.outcome, reply.status) == (Outcome.REJECTED, status)
        assert reply.unauthenticated is (status in {401, 403})

    @pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 520, 599])
    def test_errors_after_which_it_may_have_run_are_unknown(self, harness: Harness, status: int) -> None:
        """408 and 5xx are `unknown`, with the status kept."""
        with harness(error(status)) as world:
            reply = world.transport.open_channel().send(COMMAND)
        assert (reply.outcome, reply.status) == (Outcome.UNKNOWN, status)

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_throttled_reply_says_how_long_to_wait(self, harness: Harness, status: int) -> None:
        """429, and the API's own 503 with Retry-After, are `throttled` with the wait they ask for."""
        with harness(error(status, **{"Retry-After": "7"})) as world:
            reply = world.transport.open_channel().send(COMMAND)
        assert (reply.outcome, reply.retry_after_s) == (Outcome.THROTTLED, 7.0)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, harness: Harness, status: int) -> None:
        """A redirect is `unknown` and a wrong setting; one request is made."""
        with harness(Answer(status, {}, {"Location": "/elsewhere"})) as world:
            reply = world.transport.open_channel().send(COMMAND)
            assert (reply.outcome, reply.misconfigured, reply.cut) == (Outcome.UNKNOWN, True, None)
            assert world.received() == 1

    def test_abort_returns_at_once(self, harness: Harness) -> None:
        """`abort` from another thread ends an open request as `unknown`; the channel can be used again after it."""
        with harness(Fault.SILENT) as world:
            channel = world.transport.open_channel()
            replies = [*_in_thread(lambda: channel.send(COMMAND), while_open=lambda: _abort(world, channel.abort))]
        assert [(reply.outcome, reply.cut) for reply in replies] == [(Outcome.UNKNOWN, None)]

    def test_threads_share_a_channel(self, harness: Harness) -> None:
        """Several threads may send on one channel at once; each gets its own reply."""
        with harness(GOOD[Operation.COMMAND]) as world:
            channel = world.transport.open_channel()
            replies: list[Reply] = []
            threads = [
                threading.Thread(target=lambda: replies.extend(channel.send(COMMAND) for _ in range(5)))
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE_S)
            assert [reply.outcome for reply in replies] == [Outcome.DONE] * 20
            assert world.received() == 20

    @pytest.mark.parametrize("status", [200, 400, 409, 500])
    def test_reasons_hold_no_digits_of_the_server(self, harness: Harness, status: int) -> None:
        """What a server wrote is shown without its digits, which may be a secret of the callee."""
        with harness(error(status, "the digits 987654321 were\x1b[31m refused")) as world:
            reply = world.transport.open_channel().send(COMMAND)
        assert "987654321" not in reply.reason
        assert reply.reason.isprintable()


def _lose_the_lease() -> None:
    raise LeaseLostError("lost")


def _abort(world: World, abort: Callable[[], None]) -> None:
    world.wait_received(1)
    abort()


def _in_thread(work: Callable[[], Reply], *, while_open: Callable[[], None]) -> Iterator[Reply]:
    results: list[Reply] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    while_open()
    thread.join(PATIENCE_S)
    yield from results
