"""The words of `serve`, in the configuration file and of the library, and the secrets that sign events.

Each word is read by the rules of scripts (`values`). What is found has the field names of the receiver's options.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.scriptfile import values
from orchestrator.scriptfile.private import private_text
from orchestrator.scriptfile.settings import bounded
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import quote

SIGNING_SECRETS = "ORCHESTRATOR_SIGNING_SECRETS"
Network = IPv4Network | IPv6Network
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)


def parse_serve(word: str, value: object, *, folder: Path | None = None) -> Any:
    """Return the value of one of `SERVE_WORDS`.

    Args:
        word: The word.
        value: As written; a list where there are several.
        folder: Where relative paths start; None leaves them as they are.

    Raises:
        BadValueError: It cannot be used.
    """
    return _WORDS[word](folder, value)


def parse_incoming(word: str, value: object) -> Any:
    """Return the value of one of `INCOMING_WORDS`. Raises BadValueError."""
    return _INCOMING[word](value)


def is_e164(text: str) -> bool:
    """Return whether a number is in international form, with its `+`."""
    return _E164.fullmatch(text) is not None


def read_signing_secrets(environ: Mapping[str, str], file: str | None) -> tuple[str, ...]:
    """Return the secrets that sign events: of the variable, separated by blanks, then of the file, one a line.

    Raises:
        ConfigurationError: The file cannot be used. The message holds no secret.
    """
    found = environ.get(SIGNING_SECRETS, "").split()
    if file is not None:
        lines = (line.strip() for line in private_text(file, "signing secrets").splitlines())
        found += [line for line in lines if line and not line.startswith("#")]
    return tuple(dict.fromkeys(found))


def _host(value: object) -> str:
    text = values.parse_text(value).strip().strip("[]")
    if not _HOST.fullmatch(text):
        raise BadValueError(f"must be an address of this machine, such as 127.0.0.1, not {quote(value)}")
    return text


def _public_url(value: object) -> str:
    text = values.parse_text(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise BadValueError("must be the address that the API reaches, such as https://events.example.com")
    return text


def _networks(value: object) -> tuple[Network, ...]:
    found = []
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, IPv4Network | IPv6Network):
            found.append(each)
            continue
        text = values.parse_text(each).strip()
        try:
            found.append(ip_network(text))
        except ValueError as error:
            wide = "; the address has bits beyond the mask" if "host bits" in str(error) else ""
            raise BadValueError(f"must be networks such as 192.0.2.0/24, not {quote(text)}{wide}") from None
    return tuple(found)


def _header(value: object) -> str:
    text = values.parse_text(value).strip()
    if not _HEADER.fullmatch(text):
        raise BadValueError(f"must be the name of a header, not {quote(value)}")
    return text


def _file(folder: Path | None, value: object) -> str:
    text = os.path.expanduser(values.parse_text(value))  # noqa: PTH111 - Path() would change how it is written
    return text if folder is None else str(folder / text)


def _plain(parse: Callable[[object], object]) -> Callable[[Path | None, object], object]:
    return lambda _folder, value: parse(value)


_WORDS: Mapping[str, Callable[[Path | None, object], object]] = {
    "host": _plain(_host),
    "port": _plain(bounded(values.parse_integer, 0, 65_535)),
    "public_url": _plain(_public_url),
    "allow": _plain(_networks),
    "trust_forwarded": _plain(_networks),
    "metrics_from": _plain(_networks),
    "signing_secrets_file": _file,
    "timestamp_header": _plain(_header),
    "signature_header": _plain(_header),
}
SERVE_WORDS = tuple(_WORDS)
"""What may stand under `serve`."""


def _unknown(value: object) -> str:
    text = values.parse_text(value)
    if text not in ("leave", "reject"):
        raise BadValueError(f"must be `leave` or `reject`, not {quote(text)}")
    return text


_INCOMING: Mapping[str, Callable[[object], object]] = {
    "unknown": _unknown,
    "at_once": bounded(values.parse_integer, 1, 10_000),
}
INCOMING_WORDS = tuple(_INCOMING)
"""What may stand under `incoming`, besides `scripts`."""
