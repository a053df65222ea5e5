"""The configuration file and the `ORCHESTRATOR_*` variables → `Configuration`; the credentials from either.

Defaults < file < environment < flags (rules, section 7): `compose` reads each layer, `merged` lays one over the other.
Layers hold only what was written, so that a default never hides a lower layer's value. Values follow the rules of
scripts (`settings`, `values`). Standard library only until a file is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.core.networks import NETWORKS
from orchestrator.core.script import SettingValue, Value
from orchestrator.errors import ConfigurationError, Problem, ScriptError, UsageError
from orchestrator.scriptfile import values
from orchestrator.scriptfile.private import private_text
from orchestrator.scriptfile.serving import (
    INCOMING_WORDS,
    SERVE_WORDS,
    SIGNING_SECRETS,
    is_e164,
    parse_incoming,
    parse_serve,
)
from orchestrator.scriptfile.settings import SETTINGS, bounded, parse_settings
from orchestrator.scriptfile.source import Complaints, checked_source, in_order, read_text
from orchestrator.scriptfile.tree import Kind, MapNode, Node, Pair, Scalar, plain
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, nearest, quote, suggestion

PREFIX = "ORCHESTRATOR_"
CAPABILITIES = ("command_log", "client_reference", "idempotency_key")
LOG_FORMATS = ("auto", "text", "json")
_KEY, _PASSWORD = "ORCHESTRATOR_API_KEY", "ORCHESTRATOR_API_PASSWORD"
_READ_ELSEWHERE = frozenset({_KEY, _PASSWORD, "ORCHESTRATOR_CONFIG", SIGNING_SECRETS})
_CREDENTIALS = ("api_key", "api_password")
_FILE_OF_URL = re.compile(r"(sqlite:///)(.+)", re.DOTALL)
_TAKES_NO_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_OUR_WORD = re.compile(r"(?<!`)\bscript(s?)\b(?!`)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one layer says; None and nothing mean that it does not say.

    Attributes:
        api_url: The base URL of the API.
        credentials_file: The file of the API key and password (`read_credentials`).
        journal: A path, or a URL `sqlite:///PATH`.
        ca_file: A file or folder of certificate authorities.
        network: The name of a network profile; a layer has this or `limit_s`, never both.
        limit_s: The network limit, seconds.
        log_format: `auto`, `text` or `json`.
        settings: By the field names of `core.settings.Settings`, durations in seconds.
        capabilities: What the server offers beyond the contract (contract section 8), of `CAPABILITIES`.
        idempotent_for_s: How long the server keeps the replies to idempotency keys, seconds.
        serve: How the event receiver is started, by its words (`serving.SERVE_WORDS`).
        incoming: What becomes of incoming calls, by its words (`serving.INCOMING_WORDS`).
    """

    api_url: str | None = None
    credentials_file: str | None = None
    journal: str | None = None
    ca_file: str | None = None
    network: str | None = None
    limit_s: float | None = None
    log_format: str | None = None
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    idempotent_for_s: float | None = None
    serve: Mapping[str, Any] = field(default_factory=dict)
    incoming: Mapping[str, Any] = field(default_factory=dict)


def load_configuration(path: str | os.PathLike[str]) -> Configuration:
    """Return what a configuration file says. Relative paths in it start at the file's folder.

    Raises:
        ConfigurationError: With every problem of the file, one a line, as `file:line:column: message`.
    """
    name = os.fspath(path)
    try:
        text = read_text(Path(name), name)
        if _says_nothing(text):
            return Configuration()
        from orchestrator.scriptfile.yamltree import read_yaml

        complaints = Complaints(checked_source(name, text))
        root = read_yaml(complaints)
    except ScriptError as error:
        raise _error(map(_reworded, error.problems)) from None
    complaints.problems = set(map(_reworded, complaints.problems))
    found = _FileReader(complaints, Path(name).absolute().parent).read(root)
    if complaints.problems:
        raise _error(in_order(complaints.problems))
    return found


def environment(environ: Mapping[str, str]) -> Configuration:
    """Return what the `ORCHESTRATOR_*` variables say. An empty variable says nothing; paths are taken as they are.

    Raises:
        ConfigurationError: With every problem, one a line; a variable that means nothing is one.
    """
    found: dict[str, Any] = {}
    settings: dict[str, SettingValue] = {}
    problems: list[str] = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX) and name not in _READ_ELSEWHERE):
        word = variable.removeprefix(PREFIX).lower()
        if variable not in _VARIABLES:
            problems.append(f"{quote(variable)} is not a variable of this program{_near(variable)}")
        elif environ[variable].strip():
            try:
                if word in SETTINGS:
                    settings |= _setting(word, environ[variable])
                else:
                    found[_KEYS[word].field] = _KEYS[word].parse(None, environ[variable])
            except BadValueError as error:
                problems.append(f"`{variable}` {error}")
    if "network" in found and "limit_s" in found:
        problems.append("`ORCHESTRATOR_LIMIT` and `ORCHESTRATOR_NETWORK` say the same thing; set one of them")
    if problems:
        raise ConfigurationError("\n".join(f"environment: {problem}" for problem in problems))
    return Configuration(**found, settings=settings)


def merged(lower: Configuration, upper: Configuration) -> Configuration:
    """Lay one layer over another: what `upper` says counts, else what `lower` says.

    A limit and a network profile replace each other; capabilities add up.
    """
    limited = lower if upper.limit_s is None and upper.network is None else upper
    return Configuration(
        api_url=_first(upper.api_url, lower.api_url),
        credentials_file=_first(upper.credentials_file, lower.credentials_file),
        journal=_first(upper.journal, lower.journal),
        ca_file=_first(upper.ca_file, lower.ca_file),
        network=limited.network,
        limit_s=limited.limit_s,
        log_format=_first(upper.log_format, lower.log_format),
        settings={**lower.settings, **upper.settings},
        capabilities=lower.capabilities | upper.capabilities,
        idempotent_for_s=_first(upper.idempotent_for_s, lower.idempotent_for_s),
        serve={**lower.serve, **upper.serve},
        incoming={**lower.incoming, **upper.incoming},
    )


def parse_limit(value: object) -> float:
    """Return a network limit in seconds, from what a file, a variable or `--limit` says. Raises BadValueError."""
    return bounded(values.parse_duration, 1.0, 86_400.0, unit="s")(value)


def read_credentials(environ: Mapping[str, str], credentials_file: str | None) -> tuple[str, str] | None:
    """Return the API key and password, or None when they are given nowhere.

    Args:
        environ: `ORCHESTRATOR_API_KEY` and `ORCHESTRATOR_API_PASSWORD` count before the file.
        credentials_file: A text of two lines, `api_key: …` and `api_password: …`, readable by its owner only.

    Raises:
        ConfigurationError: Half of the pair, or a file that cannot be used. The message holds no secret.
    """
    key, password = environ.get(_KEY, ""), environ.get(_PASSWORD, "")
    if key and password:
        return key, password
    if key or password:
        given, missing = (_KEY, _PASSWORD) if key else (_PASSWORD, _KEY)
        raise ConfigurationError(f"{given} is set but {missing} is not; set both, or neither and a credentials_file")
    return None if credentials_file is None else _credentials_in(credentials_file)


# --- one value --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    """How one top-level value is typed; `parse` first gets the folder relative paths start at, None to leave them."""

    field: str
    parse: Callable[[Path | None, object], Value]


def _api_url(_folder: Path | None, value: object) -> str:
    text = values.parse_text(value).strip()
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in {"https", "http"} or not rest.strip("/"):
        raise BadValueError("must be the address of the API, such as https://v1.api.phone.com")
    if "@" in rest:  # nothing of it is shown: it may be a password
        raise BadValueError(f"must not hold a user name or password; set {_KEY} and {_PASSWORD} instead")
    return text


def _path(folder: Path | None, value: object) -> str:
    text = os.path.expanduser(values.parse_text(value))  # noqa: PTH111 - Path() would change how it is written
    return text if folder is None else str(folder / text)


def _journal(folder: Path | None, value: object) -> str:
    text = values.parse_text(value)
    url = _FILE_OF_URL.fullmatch(text)
    if url is not None:
        return url[1] + _path(folder, url[2])
    return text if _TAKES_NO_PATH.match(text) else _path(folder, text)


def _network(folder: Path | None, value: object) -> str:
    from orchestrator.scriptfile.networks import find_network, is_path

    text = values.parse_text(value).strip()
    if is_path(text):
        return _path(folder, text)
    try:
        find_network(text)
    except UsageError:
        names = [profile.name for profile in NETWORKS]
        raise BadValueError(
            f"must be the name of a network profile, not {quote(value)}{suggestion(text.lower(), names)}"
        ) from None
    return text.lower()


def _log_format(_folder: Path | None, value: object) -> str:
    if value not in LOG_FORMATS:
        raise BadValueError(f"must be one of {listing(LOG_FORMATS)}, not {quote(value)}")
    return str(value)


def _setting(word: str, value: object) -> dict[str, SettingValue]:
    """Return one setting by its field name. Raises BadValueError."""
    if word == "on_stale":
        raise BadValueError("names a label of one script; write it in that script's `settings`")
    typed, problems = parse_settings({word: value})
    if problems:
        raise BadValueError(problems[word].removeprefix(f"`{word}` "))
    return typed


_KEYS: Mapping[str, _Key] = {
    "api_url": _Key("api_url", _api_url),
    "credentials_file": _Key("credentials_file", _path),
    "journal": _Key("journal", _journal),
    "ca_file": _Key("ca_file", _path),
    "network": _Key("network", _network),
    "limit": _Key("limit_s", lambda _folder, value: parse_limit(value)),
    "log_format": _Key("log_format", _log_format),
}
_FILE_KEYS = (*_KEYS, "settings", "capabilities", "serve", "incoming")
_VARIABLES = frozenset(PREFIX + word.upper() for word in (*_KEYS, *SETTINGS))


def _retention(value: object) -> float | None:
    """Return how long the server keeps replies, seconds; None for `false`."""
    if value == "false":
        return None
    if value == "true":
        raise BadValueError("must say how long the server keeps its replies, such as 24h")
    return bounded(values.parse_duration, 1.0, 90 * 86_400.0, unit="s")(value)


def _first(upper: T | None, lower: T | None) -> T | None:
    return lower if upper is None else upper


def _near(variable: str) -> str:
    words = {known.removeprefix(PREFIX): known for known in _VARIABLES | _READ_ELSEWHERE}
    match = nearest(variable.removeprefix(PREFIX), words)
    return f"; did you mean `{words[match]}`?" if match else "; the configuration reference lists them"


# --- the file ---------------------------------------------------------------------------------------------------------


def _not_here(word: str) -> str:
    return (
        f"`{word}` is a secret and must not stand in this file; set {PREFIX}{word.upper()} in the environment, or put "
        "it into a file of its own that only its owner can read (chmod 600), and name that file as `credentials_file`"
    )


def _says_nothing(text: str) -> bool:
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return all(line in {"", "---"} or line.startswith("#") for line in lines)


def _reworded(problem: Problem) -> Problem:
    """Return a problem of the readers that scripts share, in words that fit here too."""
    return replace(problem, message=_OUR_WORD.sub(r"configuration\1", problem.message))


def _error(problems: Iterable[Problem]) -> ConfigurationError:
    return ConfigurationError("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class _FileReader:
    """Reads the parts of one file; a part that is wrong does not keep the others from being read."""

    complaints: Complaints
    folder: Path

    def read(self, root: Node) -> Configuration:
        found: dict[str, Any] = {}
        pairs = self._pairs(root, "a configuration", "api_url: https://v1.api.phone.com")
        for word, pair in pairs.items():
            if word in _KEYS:
                found[_KEYS[word].field] = self._typed(pair, partial(_KEYS[word].parse, self.folder))
            elif word == "settings":
                found["settings"] = self._settings(pair.value)
            elif word == "capabilities":
                found |= self._capabilities(pair.value)
            elif word == "serve":
                found["serve"] = self._serve(pair.value)
            elif word == "incoming":
                found["incoming"] = self._incoming(pair.value)
            elif word in _CREDENTIALS:
                self.complaints.add(pair.key.start, _not_here(word))
            else:
                self._unknown(pair, _FILE_KEYS)
        if "network" in pairs and "limit" in pairs:
            second = max(pairs["network"].key.start, pairs["limit"].key.start)
            self.complaints.add(second, "`limit` and `network` say the same thing; keep one of them")
        return Configuration(**found)

    def _settings(self, node: Node) -> dict[str, SettingValue]:
        found: dict[str, SettingValue] = {}
        for word, pair in self._pairs(node, "`settings`", "max_silence: 20s").items():
            if word in SETTINGS:
                found |= self._typed(pair, partial(_setting, word)) or {}
            else:
                self._unknown(pair, tuple(SETTINGS))
        return found

    def _capabilities(self, node: Node) -> dict[str, Any]:
        offered: set[str] = set()
        kept_s: float | None = None
        for word, pair in self._pairs(node, "`capabilities`", "command_log: true").items():
            if word not in CAPABILITIES:
                self._unknown(pair, CAPABILITIES)
            elif word == "idempotency_key":
                kept_s = self._typed(pair, _retention)
                offered |= {word} if kept_s else set()
            elif self._typed(pair, values.parse_boolean):
                offered.add(word)
        return {"capabilities": frozenset(offered), "idempotent_for_s": kept_s}

    def _serve(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for word, pair in self._pairs(node, "`serve`", "port: 8080").items():
            if word not in SERVE_WORDS:
                self._unknown(pair, SERVE_WORDS)
            elif (typed := self._typed(pair, partial(parse_serve, word, folder=self.folder))) is not None:
                found[word] = typed
        return found

    def _incoming(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for word, pair in self._pairs(node, "`incoming`", "unknown: reject").items():
            if word == "scripts":
                found[word] = self._incoming_scripts(pair.value)
            elif word not in INCOMING_WORDS:
                self._unknown(pair, ("scripts", *INCOMING_WORDS))
            elif (typed := self._typed(pair, partial(parse_incoming, word))) is not None:
                found[word] = typed
        return found

    def _incoming_scripts(self, node: Node) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, pair in self._pairs(node, "`scripts`", '"+15555550100": front-desk.yaml').items():
            if not is_e164(number):
                self.complaints.add(pair.key.start, f"{quote(number)} is no number in international form, +15555550100")
            elif (path := self._typed(pair, values.parse_text)) is not None:
                found[number] = str(self.folder / Path(path).expanduser())
        return found

    def _pairs(self, node: Node, what: str, example: str) -> dict[str, Pair]:
        """Return the pairs of a mapping by their names; none where nothing is written."""
        if isinstance(node, MapNode):
            return {pair.key.text: pair for pair in node}
        if not (isinstance(node, Scalar) and node.kind is Kind.NULL):
            self.complaints.add(node.start, f"{what} must be a mapping, such as `{example}`")
        return {}

    def _typed(self, pair: Pair, parse: Callable[[object], T]) -> T | None:
        """Return a value typed; None after a complaint."""
        value = plain(pair.value)
        if value is None:
            self.complaints.add(pair.key.start, f"`{pair.key.text}` has no value; write one or delete the line")
            return None
        try:
            return parse(value)
        except BadValueError as error:
            self.complaints.add(pair.value.start, f"`{pair.key.text}` {error}")
            return None

    def _unknown(self, pair: Pair, known: Collection[str]) -> None:
        word = pair.key.text
        self.complaints.add(pair.key.start, f"{quote(word)} has no meaning here{suggestion(word, known)}")


# --- the credentials --------------------------------------------------------------------------------------------------


def _credentials_in(name: str) -> tuple[str, str]:
    """Return the key and password of a file. Messages hold places, never text of the file."""
    found: dict[str, str] = {}
    for number, line in enumerate(private_text(name, "credentials").splitlines(), start=1):
        word, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not colon or word not in _CREDENTIALS:
            raise ConfigurationError(f"{name}:{number}:1: this line must be `api_key: …` or `api_password: …`")
        if word in found:
            raise ConfigurationError(f"{name}:{number}:1: `{word}` is written twice")
        if not _unquoted(value):
            raise ConfigurationError(f"{name}:{number}:1: `{word}` has no value")
        found[word] = _unquoted(value)
    missing = [word for word in _CREDENTIALS if word not in found]
    if missing:
        raise ConfigurationError(f"{name}: there is no {listing(missing)} in the file; write `{missing[0]}: …`")
    return found["api_key"], found["api_password"]


def _unquoted(value: str) -> str:
    """Return a value without the quotes around it, if there are any."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
