"""The sandbox's own files: callees and faults, as YAML, or as JSON where the name ends in `.json`.

YAML scalars are read as text, so that +15550001 stays a number to dial; the reader of each field gives it its type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestrator.sandbox.callees import (
    BadSettingError,
    Callees,
    read_amount,
    read_behaviour,
    read_behaviours,
    read_mapping,
)
from orchestrator.sandbox.commands import BadRequestError, read_number
from orchestrator.sandbox.faults import Faults

_RATES = ("words_per_minute", "play_seconds", "tone_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What a callees file says: who answers how, and (as arguments of `Timing`) how long things last."""

    callees: Callees
    timing: Mapping[str, Any]


def load_people(path: Path) -> People:
    """Read a callees file.

    Raises:
        BadSettingError: the file cannot be read or says something impossible; the message begins with its name.
    """
    try:
        return _people(_load(path))
    except BadSettingError as problem:
        raise BadSettingError(f"{path}: {problem}") from None


def load_faults(path: Path) -> Faults:
    """Read a faults file: one fault, or a list of them.

    Raises:
        BadSettingError: the file cannot be read or says something impossible; the message begins with its name.
    """
    faults = Faults()
    try:
        faults.add(_load(path))
    except BadSettingError as problem:
        raise BadSettingError(f"{path}: {problem}") from None
    return faults


def load_secret(path: Path) -> bytes:
    """Read the secret that events are signed with: the file's text without white space around it.

    Raises:
        BadSettingError: the file cannot be read or is empty; the message begins with its name.
    """
    try:
        secret = _read(path).strip()
    except BadSettingError as problem:
        raise BadSettingError(f"{path}: {problem}") from None
    if not secret:
        raise BadSettingError(f"{path}: there is no secret in it")
    return secret.encode()


def _people(content: object) -> People:
    given = read_mapping(content, "file", known=("default", "numbers", "media", *_RATES))
    default = read_behaviour(given.get("default"), "default")
    numbers = {}
    for number, behaviours in _mapping(given.get("numbers"), "numbers").items():
        try:
            numbers[read_number(number)] = read_behaviours(behaviours, f"numbers.{number}")
        except BadRequestError as problem:
            raise BadSettingError(f"numbers.{number}: {problem}") from None
    media = _mapping(given.get("media"), "media")
    timing: dict[str, Any] = {
        "media": {name.lower(): read_amount(seconds, f"media.{name}") for name, seconds in media.items()}
    }
    for rate in _RATES:
        if rate in given:
            timing[rate] = read_amount(given[rate], rate)
    if timing.get("words_per_minute") == 0:
        raise BadSettingError("words_per_minute: nobody speaks at 0 words a minute")
    return People(callees=Callees(numbers, default=default), timing=timing)


def _mapping(value: object, where: str) -> dict[str, Any]:
    return read_mapping(value, where, known=tuple(value) if isinstance(value, dict) else ())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8 text"
        raise BadSettingError(str(reason)) from None


def _load(path: Path) -> object:
    text = _read(path)
    try:
        if path.suffix == ".json":
            return json.loads(text)
        return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes texts, lists and mappings only
    except (ValueError, yaml.YAMLError) as problem:
        raise BadSettingError(" ".join(str(problem).split())) from None
