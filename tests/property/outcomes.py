"""What the rules say of each reply, policy and settle time, written down a second time: an oracle of its own.

It is written from docs/explanation/rules.md (sections 2, 4.2 and 4.4) and docs/reference/transport.md, and imports none
of the tables that it judges. It reads what a client saw: a raw answer, or that its connection ended.
"""

from __future__ import annotations

import json
from typing import Any

from orchestrator.core.exchange import Operation as Kind
from tests.fakes.library_errors import Unsent
from tests.fakes.transport import RawAnswer, Sent

SETTLE_S = {"harmless": 0.0, "heard": 3.0, "asks": 3.0, "dangerous": 60.0, "forbidden": 60.0}
"""How long evidence is waited for, at least, before an attempt of that class is undecidable (rules, section 4.4)."""
CLASSES = {
    "dial": "forbidden",
    "answer": "harmless",
    "play": "heard",
    "say": "heard",
    "get_dtmf": "asks",
    "send_dtmf": "dangerous",
    "sms": "dangerous",
    "hold": "harmless",
    "unhold": "harmless",
    "hangup": "harmless",
}
"""The replay class of each command (rules, section 2)."""
_BY_DANGER = list(SETTLE_S)
POLICIES = {"harmless": "repeat", "heard": "repeat", "asks": "repeat", "dangerous": "stop", "forbidden": "stop"}
"""The policy of a command whose author wrote none (rules, section 4.4)."""
_FOR_GOOD = frozenset(
    {
        "the certificate is not valid",
        "the proxy answers 403 to CONNECT",
        "the proxy answers 407 to CONNECT",
        "the URL is none",
    }
)


def class_of(commands: tuple[str, ...]) -> str:
    """Return the replay class of a step: that of its most dangerous command."""
    return max((CLASSES[name] for name in commands), key=_BY_DANGER.index, default="harmless")


def policy_of(command: str) -> str:
    """Return what is done with a command of unknown outcome whose author wrote nothing about it."""
    return "skip" if command == "sms" else POLICIES[CLASSES[command]]


def is_final(unsent: Unsent) -> bool:
    """Say whether trying again cannot help a request that was not sent."""
    return unsent.value in _FOR_GOOD


def outcome_of(sent: Sent) -> str:
    """Return the outcome of a request that left, by what its client saw."""
    if sent.broken or sent.answer is None:
        return "unknown"
    answer = sent.answer
    if 200 <= answer.status < 300:
        return (
            "done"
            if sent.request.operation is Kind.END or _has_the_shape(sent.request.operation, answer)
            else "unknown"
        )
    if answer.status == 429:
        return "throttled"
    if answer.status == 503 and "Retry-After" in answer.headers and isinstance(_document(answer), dict):
        return "throttled"
    if 400 <= answer.status < 500 and answer.status != 408:
        return "rejected"
    return "unknown"


def retry_after_s(answer: RawAnswer) -> float | None:
    """Return the wait that a throttled reply asks for."""
    return float(answer.headers["Retry-After"]) if "Retry-After" in answer.headers else None


def refuses_credentials(sent: Sent) -> bool:
    """Say whether the API itself, and no proxy, refused the credentials."""
    answer = sent.answer
    return answer is not None and answer.status in (401, 403) and isinstance(_document(answer), dict)


def _has_the_shape(operation: Kind, answer: RawAnswer) -> bool:
    document = _document(answer)
    response = document.get("response") if isinstance(document, dict) else None
    if not isinstance(response, dict):
        return False
    if operation is Kind.LIST:
        return isinstance(response.get("data"), list)
    if operation in (Kind.CREATE, Kind.LOOK):
        call = response.get("call")
        return isinstance(call, dict) and "resource_id" in call
    return True


def _document(answer: RawAnswer) -> Any:
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        return None
