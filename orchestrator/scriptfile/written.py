"""How a script is kept and compared: digests, one-line forms, and masked secrets.

Two ways of writing the same (YAML or JSON, quoted or not, in any order) give the same digest. Called by `entries` and
`document`.
"""

from __future__ import annotations

import hashlib
import json
import re

from orchestrator.scriptfile.source import Source
from orchestrator.scriptfile.tree import Kind, MapNode, Node, Plain, Scalar, texts

ALIASES = {"get_digits": "get_dtmf", "send_digits": "send_dtmf"}
_WORD_OR_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9*#]", re.ASCII)


def digest_of(entry: MapNode) -> str:
    """Return the hex SHA-256 of an entry as written, `send_dtmf` digits masked."""
    return text_digest(json.dumps(_shown(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def text_digest(text: str) -> str:
    """Return the hex SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def one_line(entry: MapNode) -> str:
    """Return an entry as written on one line, `send_dtmf` digits masked."""
    shown = _shown(entry)
    assert isinstance(shown, dict)
    return ", ".join(f"{name}: {_flow(value)}" for name, value in shown.items())


def mask_keys(text: str) -> str:
    """Return text with every telephone key masked, variable names left alone."""
    return _WORD_OR_KEY.sub(lambda match: match[0] if match[0][0] not in "0123456789*#" else "*", text)


def masked(source: Source, *, keys: list[Scalar], secrets: list[Scalar]) -> str:
    """Return the source with the telephone keys in `keys` and all of `secrets` masked, same length and same lines."""
    hidden = {scalar.start: (scalar, True) for scalar in keys} | {scalar.start: (scalar, False) for scalar in secrets}
    parts: list[str] = []
    done = 0
    for start, (scalar, keys_only) in sorted(hidden.items(), key=lambda item: item[0]):
        parts += [source.text[done:start], _mask_raw(source.text[start : scalar.end], scalar.text, keys_only=keys_only)]
        done = scalar.end
    return "".join([*parts, source.text[done:]])


def _mask_raw(raw: str, value: str, *, keys_only: bool) -> str:
    quotes = 1 if raw[:1] in {'"', "'"} else 0
    inner = raw[quotes : len(raw) - quotes]
    # Where escapes hide what is written, nothing of it can be left readable.
    hidden = mask_keys(inner) if keys_only and inner == value else re.sub(r"\S", "*", inner)
    return raw[:quotes] + hidden + raw[len(raw) - quotes :]


def _shown(entry: MapNode) -> Plain:
    shown: dict[str, Plain] = {}
    for pair in entry:
        name = ALIASES.get(pair.key.text, pair.key.text)
        nothing = isinstance(pair.value, Scalar) and pair.value.kind is Kind.NULL
        value: Plain = {} if nothing else texts(pair.value)
        if name == "send_dtmf" and isinstance(value, dict) and isinstance(value.get("dtmf"), str):
            value = {**value, "dtmf": mask_keys(str(value["dtmf"]))}
        shown[name] = value
    return shown


def _flow(value: Plain) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def secret_keys(entry: Node) -> list[Scalar]:
    """Return the scalars of an entry that hold digits to be sent."""
    if not isinstance(entry, MapNode):
        return []
    found = []
    for pair in entry:
        if ALIASES.get(pair.key.text, pair.key.text) == "send_dtmf" and isinstance(pair.value, MapNode):
            found += [scalar for scalar in [pair.value.scalar("dtmf")] if scalar is not None]
    return [scalar for scalar in found if mask_keys(scalar.text) != scalar.text]
