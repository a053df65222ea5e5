"""Reads the head of a reply more strictly than the standard library does. Used by `connections` only.

The library takes a connection that closes in the middle of a head for the head's end, and an interim reply (103) for
the reply. By the first a cut reply would count as whole; by the second the reply itself would stay on the connection,
where the next request would take it for its own.
"""

from __future__ import annotations

from http.client import HTTPException, HTTPResponse
from typing import Any


class HalfHeadError(HTTPException):
    """The connection closed in the middle of a reply's head."""


class WholeHead(HTTPResponse):
    """A reply whose head came whole, and that is no interim one."""

    def begin(self) -> None:
        """Read the head. Raises HalfHeadError, and what the library raises."""
        # The library's declarations leave these open: `fp` is a buffered reader, `headers` is None before the head.
        this: Any = self
        while True:
            stream = this.fp
            this.fp = _Lines(stream)
            try:
                super().begin()
            finally:
                if this.fp is not None:
                    this.fp = stream
            if self.status == 101:  # the protocol changes: what follows is nobody's reply
                self.will_close = True
            if not 102 <= self.status <= 199:
                break
            this.headers = this.msg = None
        # What could not be parsed, the library above would log in full: the callee's keys may be in it.
        this.headers.defects = []
        this.headers.set_payload("")


class _Lines:
    """The lines of a head; nothing else of a stream is used before the body."""

    __slots__ = ("_stream", "_within")

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._within = False

    def readline(self, limit: int) -> bytes:
        """Return the next line. Before the first one, an end is the library's to tell."""
        line: bytes = self._stream.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit and (self._within or line):
            raise HalfHeadError
        self._within = True
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
