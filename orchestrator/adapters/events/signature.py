"""Checks the signature of an event, for gateways that sign: HMAC-SHA256 over its time and its body. Pure.

The API itself signs nothing (contract section 6). A signed event may be repeated within the window; that does no harm,
since an event is only a reason to look.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection

WINDOW_S = 300.0
"""How far the time of a signature may be from ours, in both directions."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})", re.ASCII)


class Signatures:
    """Knows the secrets. Any of them is good, so that they can be changed one side at a time."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._keys = tuple(secret.encode() for secret in secrets)

    def accept(self, body: bytes, *, timestamp: str, signature: str, now_wall: float) -> bool:
        """Return whether one of the secrets made the signature lately; always, where there are no secrets.

        Args:
            body: As it came.
            timestamp: Seconds since the epoch, digits only.
            signature: `hex(HMAC-SHA256(secret, timestamp + "." + body))`, with or without `sha256=` before it.
            now_wall: Seconds since the epoch.
        """
        if not self._keys:
            return True
        given = _SIGNATURE.fullmatch(signature)
        if given is None or not _TIMESTAMP.fullmatch(timestamp) or abs(now_wall - int(timestamp)) > WINDOW_S:
            return False
        text = b"%s.%s" % (timestamp.encode("ascii"), body)
        digest = bytes.fromhex(given[1])
        good = False
        for key in self._keys:  # each of them, so that the time tells nothing of which it was
            good |= hmac.compare_digest(hmac.digest(key, text, hashlib.sha256), digest)
        return good
