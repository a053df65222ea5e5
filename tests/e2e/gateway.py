"""A gateway between the API and the event receiver that mixes everything up: order, copies, and untrue events.

It takes the sandbox's events over HTTP and acknowledges them at once, as a queue in between does. What it posts to the
receiver it signs, and sends again until it is acknowledged; only a forger's events are not signed, and refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import hmac
import json
import random
import threading
import time
import uuid
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

SENDERS = 6
COPIES = 3
LATE_POSTS, LATER_POSTS = 400, 800
"""How many other posts may come before an event, and before its further copies: that is their order."""


@dataclass(frozen=True, slots=True)
class Post:
    """One event on its way."""

    body: bytes
    signed: bool = True


class Gateway:
    """A context manager: takes events, and posts them until `drain`.

    Args:
        secret: What it signs with.
        total: Posts it makes altogether, as far as true events leave room for forged ones.
        seed: Of everything drawn.

    Attributes:
        posted: Posts that were answered.
        answers: Their statuses, counted.
        cut: Tries that were not answered.
    """

    def __init__(self, secret: str, *, total: int, seed: int) -> None:
        self.answers: Counter[int] = Counter()
        self.posted = 0
        self.cut = 0
        self._secret = secret.encode()
        self._total = total
        self._draw = random.Random(seed)
        self._seen: list[dict[str, Any]] = []
        self._pool: list[tuple[int, float, Post]] = []
        self._news = threading.Condition()
        self._draining = False
        self._senders: list[threading.Thread] = []
        self._marks: dict[int, threading.Event] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Where the API sends events to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def deliver(self, main_url: str, fallback_url: str) -> None:
        """Begin to post to a receiver."""
        for number in range(SENDERS):
            urls = (main_url, fallback_url) if number % 2 else (fallback_url, main_url)
            self._senders.append(threading.Thread(target=self._send, args=(urls[0],), daemon=True))
            self._senders[-1].start()

    def after(self, posts: int) -> threading.Event:
        """Return what is set once so many posts were made."""
        with self._news:
            return self._marks.setdefault(posts, threading.Event())

    def drain(self) -> None:
        """Post what is left, and end."""
        with self._news:
            self._draining = True
            self._news.notify_all()
        for sender in self._senders:
            sender.join(60)
            assert not sender.is_alive(), "an event was never acknowledged"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._news:
            self._total, self._pool, self._draining = 0, [], True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()

    # --- in ---------------------------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway._take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _take(self, body: bytes) -> None:
        with self._news:
            self._seen.append(json.loads(body))
            for late in (LATE_POSTS, *[LATER_POSTS] * self._draw.randrange(COPIES)):
                due = self.posted + self._draw.randrange(late)
                heapq.heappush(self._pool, (due, self._draw.random(), Post(body)))
            self._news.notify_all()

    # --- out --------------------------------------------------------------------------------------------------------

    def _send(self, url: str) -> None:
        parts = urlsplit(url)
        with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
            while (post := self._next()) is not None:
                while True:
                    try:
                        status = self._post(connection, parts.path, post)
                    except (OSError, HTTPException):  # the receiver was killed: it may or may not have taken it
                        connection.close()
                        with self._news:
                            self.cut += 1
                            self._news.wait(0.05)
                        continue
                    if status != 503:
                        break
                self._count(status)

    def _post(self, connection: HTTPConnection, path: str, post: Post) -> int:
        timestamp = str(int(time.time()))
        secret = self._secret if post.signed else b"a guess"
        signature = hmac.new(secret, timestamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
        connection.request("POST", path, post.body, {"X-Timestamp": timestamp, "X-Signature": signature})
        reply = connection.getresponse()
        reply.read()
        return reply.status

    def _count(self, status: int) -> None:
        with self._news:
            self.answers[status] += 1
            self.posted += 1
            if self.posted in self._marks:
                self._marks[self.posted].set()

    def _next(self) -> Post | None:
        """Return any of the events that are to be sent, or an untrue one; None once there is nothing left."""
        with self._news:
            while True:
                forges = self._seen and self._total > 0
                if self._pool and (not forges or self._pool[0][0] <= self.posted):
                    self._total -= 1
                    return heapq.heappop(self._pool)[2]
                if forges:
                    self._total -= 1
                    return self._forged()
                if self._draining and not self._pool:
                    return None
                self._news.wait()

    def _forged(self) -> Post:
        """Return an event that is not true, made from a true one."""
        body = deepcopy(self._draw.choice(self._seen))
        response = body["response"]
        results = response.get("results") or [{"command": "get_dtmf", "status": "ok", "dtmf": "1"}]
        match self._draw.randrange(6):
            case 0:  # whole, but of nobody's call
                response["call"]["resource_id"] = str(uuid.UUID(int=self._draw.getrandbits(128)))
            case 1:  # the call is not over
                response["call"]["status"] = "hangup"
            case 2:  # of commands that were not sent
                response["results"] = [{"command": "play", "status": "ok"}, *results]
            case 3:  # of more commands than were sent
                response["results"] = [*results, *results]
            case 4:  # no event at all
                return Post(b'{"response": ["ready"]}')
            case _:  # as a forger would have it who does not know the secret: the right names, and another digit
                response["call"] |= {"status": "ready", "duration": 3600}
                response["results"] = [{"command": "get_dtmf", "status": "ok", "dtmf": "9"}]
                return Post(json.dumps(body).encode(), signed=False)
        return Post(json.dumps(body).encode())
