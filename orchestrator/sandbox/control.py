"""The control endpoints under `/_sandbox/`: the transcript, faults, callees, and people's actions in a call.

For tests and demonstrations only: no password, loopback only. docs/reference/sandbox.md describes each endpoint.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.sandbox.aiming import read_text
from orchestrator.sandbox.api import CallApi
from orchestrator.sandbox.callees import BadSettingError, read_amount, read_behaviour, read_behaviours, read_mapping
from orchestrator.sandbox.commands import BadRequestError, read_number
from orchestrator.sandbox.courier import Courier
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.pulse import Pulse
from orchestrator.sandbox.transcript import Entry, matches

PREFIX = "/_sandbox/"
_WAIT_SECONDS = 10.0
_Handler = Callable[[Request], Awaitable[Any]]


class Control:
    """The control endpoints of one server."""

    def __init__(self, model: CallServer, faults: Faults, api: CallApi, *, pulse: Pulse, courier: Courier) -> None:
        self._model = model
        self._faults = faults
        self._api = api
        self._pulse = pulse
        self._courier = courier

    def application(self) -> Starlette:
        """The ASGI application that serves them."""
        endpoints: list[tuple[str, str, _Handler]] = [
            ("GET", "transcript", self._transcript),
            ("GET", "wait", self._wait),
            ("GET", "faults", self._show_faults),
            ("POST", "faults", self._add_faults),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "callees", self._show_callees),
            ("PUT", "callees/{number}", self._set_callee),
            ("POST", "calls", self._incoming),
            ("GET", "calls/{call_id}/heard", self._heard),
            ("POST", "calls/{call_id}/hangup", self._hang_up),
            ("POST", "calls/{call_id}/keys", self._press),
            ("GET", "events", self._events),
            ("GET", "receiver", self._show_receiver),
            ("PUT", "receiver", self._set_receiver),
            ("POST", "reset", self._reset),
        ]
        return Starlette(
            routes=[Route(PREFIX + path, self._endpoint(handler), methods=[way]) for way, path, handler in endpoints]
        )

    def _endpoint(self, handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            status = 200
            if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
                status, answer = 403, {"error": "the control endpoints serve this host only"}
            else:
                self._model.advance(self._pulse.now())
                try:
                    answer = await handler(request)
                except (BadSettingError, BadRequestError) as problem:
                    status, answer = 400, {"error": str(problem)}
                except TimeoutError as problem:
                    status, answer = 408, {"error": str(problem)}
                self._pulse.arm()
            return JSONResponse(answer, status, headers={"Date": self._pulse.date().decode()})

        return endpoint

    async def _transcript(self, request: Request) -> object:
        wanted: dict[str, str] = dict(request.query_params)
        after = _seconds(wanted.pop("after", "0"), "after")
        return {"transcript": self._model.transcript.find(int(after), **wanted)}

    async def _wait(self, request: Request) -> object:
        wanted: dict[str, str] = dict(request.query_params)
        timeout = _seconds(wanted.pop("timeout", str(_WAIT_SECONDS)), "timeout")
        after = int(_seconds(wanted.pop("after", "0"), "after"))
        transcript = self._model.transcript
        if found := transcript.find(after, **wanted):
            return {"entry": found[0]}
        awaited: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

        def listen(entry: Entry) -> None:
            if matches(entry, wanted) and entry["seq"] > after and not awaited.done():
                awaited.set_result(entry)

        transcript.listeners.append(listen)
        try:
            return {"entry": await asyncio.wait_for(awaited, timeout)}
        except TimeoutError:
            raise TimeoutError(f"no such entry within {timeout:g} s: {wanted}") from None
        finally:
            transcript.listeners.remove(listen)

    async def _show_faults(self, _: Request) -> object:
        return {"faults": self._faults.document()}

    async def _add_faults(self, request: Request) -> object:
        added = self._faults.add(await _body(request))
        return {"faults": [fault.document() for fault in added]}

    async def _clear_faults(self, _: Request) -> object:
        self._faults.clear()
        return {"faults": []}

    async def _show_callees(self, _: Request) -> object:
        return self._model.callees.document()

    async def _set_callee(self, request: Request) -> object:
        callees, number = self._model.callees, request.path_params["number"]
        behaviours = read_behaviours(await _body(request), number)
        if number == "default":
            callees.default = behaviours[0]
        else:
            callees.set(read_number(number), behaviours)
        return callees.document()

    async def _incoming(self, request: Request) -> object:
        given = read_mapping(await _body(request), "call", known=("from", "to", "caller"))
        from_, to = read_number(given.get("from")), read_number(given.get("to"))
        caller = read_behaviour(given["caller"], "call.caller") if "caller" in given else None
        return {"call": self._model.incoming(self._pulse.now(), from_=from_, to=to, caller=caller)}

    async def _heard(self, request: Request) -> object:
        call_id = request.path_params["call_id"]
        number = self._model.remote_number(call_id)
        if number is None:
            raise BadSettingError(f"there is no call {call_id}")
        return {"call": call_id, "number": number, "heard": self._model.transcript.heard(call_id)}

    async def _hang_up(self, request: Request) -> object:
        self._model.hang_up(self._pulse.now(), request.path_params["call_id"])
        return {}

    async def _press(self, request: Request) -> object:
        given = read_mapping(await _body(request), "body", known=("keys",))
        self._model.press(self._pulse.now(), request.path_params["call_id"], given.get("keys", ""))
        return {}

    async def _events(self, request: Request) -> object:
        wanted: dict[str, str] = dict(request.query_params)
        after = _seconds(wanted.pop("after", "0"), "after")
        events = [event.document() for event in self._model.events.entries if event.number > after]
        return {"events": [event for event in events if matches(event, wanted)]}

    async def _show_receiver(self, _: Request) -> object:
        return self._courier.receiver.document()

    async def _set_receiver(self, request: Request) -> object:
        given = read_mapping(await _body(request), "receiver", known=tuple(_RECEIVER))
        changed = {name: _RECEIVER[name](value, f"receiver.{name}") for name, value in given.items()}
        self._courier.receiver = replace(self._courier.receiver, **changed)
        return self._courier.receiver.document()

    async def _reset(self, _: Request) -> object:
        self._api.forget()
        self._faults.clear()
        self._model.reset(self._pulse.now())
        self._courier.forget()
        return {}


async def _body(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except ValueError:
        raise BadSettingError("the body is not JSON") from None


def _seconds(value: str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadSettingError(f"{name}: {value!r} is not a number") from None


def _read_url(value: object, where: str) -> str | None:
    return None if value is None else read_text(value, where)


def _read_secret(value: object, where: str) -> bytes | None:
    return None if value is None else read_text(value, where).encode()


_RECEIVER: dict[str, Callable[[object, str], Any]] = {
    "main": _read_url,
    "fallback": _read_url,
    "timeout": read_amount,
    "secret": _read_secret,
}
