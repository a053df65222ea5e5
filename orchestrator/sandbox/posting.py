"""One HTTP POST to a receiver of events: the smallest client that can tell an acknowledgement from everything else.

Knows neither events nor faults. `courier.py` calls it. It is a client of its own because the sandbox brings none.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,6})\r\n", re.IGNORECASE)


class PostError(Exception):
    """No reply came: its text says why."""


def is_url(text: str) -> bool:
    """Whether the text is an absolute http or https URL with a host."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


async def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
    """POST a JSON body on a connection of its own; the status of the reply, wherever it would redirect to.

    Raises:
        PostError: refused, cut, no HTTP, or nothing within the timeout.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(url, body, headers)
    except TimeoutError:
        raise PostError("timeout") from None
    except ConnectionRefusedError:
        raise PostError("refused") from None
    except (asyncio.IncompleteReadError, ConnectionError):
        raise PostError("cut") from None
    except (OSError, ValueError, asyncio.LimitOverrunError) as problem:  # no such host, a bad certificate, no HTTP
        raise PostError(str(problem)) from None


async def _exchange(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None
    )
    try:
        writer.write(_request(url, body, headers))
        head = await reader.readuntil(b"\r\n\r\n")
        status = _STATUS_LINE.match(head)
        if status is None:
            raise ValueError("not HTTP")
        if (length := _LENGTH.search(head)) is not None:
            await reader.readexactly(int(length[1]))  # so that closing does not look like a reset to the receiver
        return int(status[1])
    finally:
        writer.close()


def _request(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    fields = {
        "Host": parts.netloc.rpartition("@")[2],
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body
