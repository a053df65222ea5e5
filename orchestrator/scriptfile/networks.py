"""Network profiles in files, as `probe` writes them: `--network ./office.yaml`, or `--network office`.

`compose`, the configuration and the command line look every name up here: a profile that is built in, the name of a
file in the folder of profiles, or a path.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core.networks import NETWORKS, LimitKind, Network, network
from orchestrator.errors import ConfigurationError, Problem, ScriptError, UsageError
from orchestrator.scriptfile import values
from orchestrator.scriptfile.source import Complaints, checked_source, in_order, read_text
from orchestrator.scriptfile.tree import MapNode, plain
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, quote, suggestion

SHORTEST_S = 1.0
"""A profile's limit is no shorter: nothing could be planned with it."""
_ENDINGS = (".yaml", ".yml", ".json")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_OUR_WORD = re.compile(r"(?<!`)\bscript(s?)\b(?!`)")


def find_network(text: str, *, folder: Path | None = None) -> Network:
    """Return the profile that a user names.

    Args:
        text: A built-in name, the name of a file in `networks_folder`, or a path: what has a `/` or ends in `.yaml`.
        folder: Where relative paths start; None: in the working folder.

    Raises:
        UsageError: There is no such profile.
        ConfigurationError: Its file is wrong; every problem, one a line.
    """
    if is_path(text):
        return read_network((folder or Path()) / Path(text).expanduser())
    name = text.strip().lower()
    own = networks_folder() / f"{name}.yaml" if _NAME.fullmatch(name) else None
    if own is not None and own.exists() and not is_built_in(name):
        return read_network(own)
    return network(text)


def is_path(text: str) -> bool:
    """Return whether a user means a file, not a name."""
    return "/" in text or os.sep in text or text.strip().lower().endswith(_ENDINGS)


def is_built_in(name: str) -> bool:
    """Return whether a profile of that name is part of the program."""
    return any(profile.name == name for profile in NETWORKS)


def networks_folder() -> Path:
    """Return the folder of profiles that go by their names: `networks` in the user's configuration folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir("orchestrator")) / "networks"


def file_for(name: str) -> Path:
    """Return where a profile of that name is kept. Raises UsageError where it cannot be a name."""
    if not _NAME.fullmatch(name):
        raise UsageError("the name of a profile is made of small letters, digits, `-` and `_`, such as office")
    if is_built_in(name):
        raise UsageError(f"`{name}` is a profile that is built in; choose another name")
    return networks_folder() / f"{name}.yaml"


def read_network(path: Path) -> Network:
    """Return the profile in a file. Raises ConfigurationError with every problem of it, one a line."""
    name = str(path)
    try:
        from orchestrator.scriptfile.yamltree import read_yaml

        complaints = Complaints(checked_source(name, read_text(path, name)))
        root = read_yaml(complaints)
    except ScriptError as error:
        raise _error(map(_reworded, error.problems)) from None
    complaints.problems = set(map(_reworded, complaints.problems))
    found: dict[str, Any] = {}
    if not isinstance(root, MapNode):
        complaints.add(root.start, "a network profile must be a mapping, such as `limit: 60s`")
        raise _error(in_order(complaints.problems))
    for pair in root:
        word, value = pair.key.text, plain(pair.value)
        if word not in _WORDS:
            complaints.add(pair.key.start, f"{quote(word)} has no meaning here{suggestion(word, _WORDS)}")
            continue
        try:
            found[word] = _WORDS[word](value)
        except BadValueError as error:
            complaints.add(pair.value.start, f"`{word}` {error}")
    if root.find("limit") is None:
        complaints.add(root.start, "`limit` is missing: write how long a silent request lives, such as 60s, or `none`")
    at_least = root.find("at_least")
    if at_least is not None and found.get("limit") is not None:
        complaints.add(at_least.value.start, "`at_least` goes with `limit: none`: a known limit says more")
    if complaints.problems:
        raise _error(in_order(complaints.problems))
    return _made(found, name=path.stem)


def network_text(profile: Network, *, comment: str) -> str:
    """Return the file of a profile. `comment` is one line."""
    limit = "none" if profile.limit_s is None else f"{profile.limit_s:g}s"
    return "\n".join(
        [
            f"# {' '.join(comment.split())}",
            f"name: {json.dumps(profile.name)}",
            f"limit: {limit}",
            *([] if profile.at_least_s is None else [f"at_least: {profile.at_least_s:g}s"]),
            f"kind: {profile.kind.value}",
            f"client_sees: {json.dumps(profile.client_sees)}",
            f"keepalive_helps: {json.dumps(profile.keepalive_helps)}",
            f"description: {json.dumps(profile.description)}",
            "",
        ]
    )


def _made(found: Mapping[str, Any], *, name: str) -> Network:
    limit_s = found["limit"]
    return Network(
        name=found.get("name", name),
        limit_s=limit_s,
        kind=LimitKind.NONE if limit_s is None else found.get("kind", LimitKind.IDLE),
        client_sees=found.get("client_sees", "not known"),
        keepalive_helps=found.get("keepalive_helps", False),
        description=found.get("description", "a profile of your own"),
        at_least_s=found.get("at_least"),
    )


def _limit(value: object) -> float | None:
    from orchestrator.scriptfile.configuration import parse_limit

    return None if value == "none" else parse_limit(value)


def _at_least(value: object) -> float:
    from orchestrator.scriptfile.configuration import parse_limit

    return parse_limit(value)


def _kind(value: object) -> LimitKind:
    kinds = [kind.value for kind in LimitKind]
    if value not in kinds:
        raise BadValueError(f"must be one of {listing(kinds)}, not {quote(value)}")
    return LimitKind(value)


_WORDS: Mapping[str, Callable[[object], object]] = {
    "name": values.parse_text,
    "limit": _limit,
    "at_least": _at_least,
    "kind": _kind,
    "client_sees": values.parse_text,
    "keepalive_helps": values.parse_boolean,
    "description": values.parse_text,
}


def _reworded(problem: Problem) -> Problem:
    """Return a problem of the readers that scripts share, in words that fit here too."""
    if problem.message.startswith("the file is empty"):
        return replace(problem, message="the file is empty; write the limit, such as `limit: 60s`")
    return replace(problem, message=_OUR_WORD.sub(r"network profile\1", problem.message))


def _error(problems: Iterable[Problem]) -> ConfigurationError:
    return ConfigurationError("\n".join(map(str, problems)))
