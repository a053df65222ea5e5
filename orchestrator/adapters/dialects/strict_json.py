"""Reads a reply's body as JSON, without the leniency that would let half a reply or a forged one pass. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class BodyError(Exception):
    """The body is not a whole JSON text; says why, in words without any of its content."""


def read_json(body: bytes, headers: Mapping[str, str]) -> Any:
    """Return the JSON value in `body`.

    Args:
        body: As it came.
        headers: Of the reply; looked up by the names `Content-Type` and `Content-Encoding`.

    Raises:
        BodyError: It is empty, encoded, not JSON by its type, not UTF-8, cut, nested too deep, or has duplicate
            keys, NaN or Infinity.
    """
    if not body:
        raise BodyError("the body is empty")
    _check_encoding(headers)
    _check_type(headers.get("Content-Type"))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyError("the body is not UTF-8") from None
    try:
        return _decode(text)
    except RecursionError:
        raise BodyError("the body is nested too deep") from None
    except ValueError:  # JSONDecodeError is one; so is a number of too many digits
        raise BodyError("the body is not JSON, or only a part of one") from None


def _check_encoding(headers: Mapping[str, str]) -> None:
    encoding = headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise BodyError("the body is compressed although that was not asked for")


def _check_type(content_type: str | None) -> None:
    """Accept JSON by any of its names, and a reply that does not name its type."""
    if content_type is None or content_type == "application/json":
        return
    kind, *parameters = content_type.lower().split(";")
    kind = kind.strip()
    if kind not in {"application/json", "text/json"} and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise BodyError("the body is not JSON by its Content-Type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \"'") not in _CHARSETS:
            raise BodyError("the body is not UTF-8 by its Content-Type")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BodyError("the body has an object with the same key twice")
    return members


def _no_constant(_name: str) -> None:
    raise BodyError("the body has a number that is none (NaN or Infinity)")


_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant).decode
