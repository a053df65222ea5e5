"""The configuration file, the environment and the credentials."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from orchestrator.core.settings import OnSeveral
from orchestrator.errors import ConfigurationError
from orchestrator.scriptfile.configuration import (
    Configuration,
    environment,
    load_configuration,
    merged,
    parse_limit,
    read_credentials,
)
from orchestrator.scriptfile.settings import SETTINGS
from orchestrator.scriptfile.values import BadValueError

SAMPLE = Path(__file__).parents[3] / "configs" / "orchestrator.yaml"
SECRET = "hunter2-secret"  # not a real one


def written(folder: Path, text: str) -> Path:
    path = folder / "orchestrator.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaints(folder: Path, text: str) -> list[str]:
    """Return the lines of the error without the folder."""
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(written(folder, text))
    return str(raised.value).replace(f"{folder}/", "").splitlines()


def test_a_whole_file(tmp_path: Path) -> None:
    """Every key reaches its field, typed, and relative paths start at the file's folder."""
    text = """
api_url: https://api.example
credentials_file: secret/credentials
journal: ../runs.db
ca_file: /etc/ca.pem
limit: 30s
log_format: json
settings: {max_silence: 5s, max_visits: 2, leave_up: true, on_several: leave}
capabilities: {command_log: true, client_reference: false, idempotency_key: 24h}
"""
    assert load_configuration(written(tmp_path, text)) == Configuration(
        api_url="https://api.example",
        credentials_file=str(tmp_path / "secret/credentials"),
        journal=str(tmp_path / "../runs.db"),
        ca_file="/etc/ca.pem",
        limit_s=30.0,
        log_format="json",
        settings={"max_silence_s": 5.0, "max_visits": 2, "leave_up": True, "on_several": OnSeveral.LEAVE},
        capabilities=frozenset({"command_log", "idempotency_key"}),
        idempotent_for_s=86_400.0,
    )


@pytest.mark.parametrize("text", ["", "# nothing\n\n---\n", "\ufeff# nothing", "settings:\ncapabilities:\n", "{}"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    """A file whose lines are all comments, or whose parts are empty, changes nothing."""
    assert load_configuration(written(tmp_path, text)) == Configuration()


def test_every_problem_in_one_pass(tmp_path: Path) -> None:
    """Every problem comes in the order of the file, with its place and the nearest valid word."""
    text = """api_ur: x
api_url: ftp://host
network: herku
log_format: pretty
settings: {max_silenc: 2, lease: x}
capabilities: {idempotency_key: true, command_log: yes, comand_log: true}
journal:
"""
    assert complaints(tmp_path, text) == [
        "orchestrator.yaml:1:1: `api_ur` has no meaning here; did you mean `api_url`?",
        "orchestrator.yaml:2:10: `api_url` must be the address of the API, such as https://v1.api.phone.com",
        "orchestrator.yaml:3:10: `network` must be the name of a network profile, not `herku`; did you mean `heroku`?",
        "orchestrator.yaml:4:13: `log_format` must be one of `auto`, `text` and `json`, not `pretty`",
        "orchestrator.yaml:5:12: `max_silenc` has no meaning here; did you mean `max_silence`?",
        "orchestrator.yaml:5:34: `lease` must be a duration such as 90s, 250ms or 5m (a bare number is seconds), not `x`",  # noqa: E501 - one line of output
        "orchestrator.yaml:6:33: `idempotency_key` must say how long the server keeps its replies, such as 24h",
        "orchestrator.yaml:6:52: `command_log` must be true or false, not `yes`",
        "orchestrator.yaml:6:57: `comand_log` has no meaning here; did you mean `command_log`?",
        "orchestrator.yaml:7:1: `journal` has no value; write one or delete the line",
    ]


@pytest.mark.parametrize("word", ["api_key", "api_password"])
def test_secrets_are_refused(tmp_path: Path, word: str) -> None:
    """The key and the password may not stand in this file; the message says where, and never shows them."""
    (line,) = complaints(tmp_path, f"{word}: {SECRET}\n")
    assert line.startswith(f"orchestrator.yaml:1:1: `{word}` is a secret")
    assert f"ORCHESTRATOR_{word.upper()}" in line
    assert "chmod 600" in line
    assert SECRET not in line


def test_a_password_in_the_address_is_refused(tmp_path: Path) -> None:
    """An API URL with a password in it is refused without being shown."""
    (line,) = complaints(tmp_path, f"api_url: https://key:{SECRET}@host\n")
    assert "must not hold a user name or password" in line
    assert SECRET not in line


def test_limit_and_network_exclude_each_other(tmp_path: Path) -> None:
    """A limit and a network profile in one layer contradict each other."""
    (line,) = complaints(tmp_path, "network: heroku\nlimit: 20s\n")
    assert line == "orchestrator.yaml:2:1: `limit` and `network` say the same thing; keep one of them"
    with pytest.raises(ConfigurationError, match="set one of them"):
        environment({"ORCHESTRATOR_LIMIT": "20s", "ORCHESTRATOR_NETWORK": "heroku"})


def test_on_stale_belongs_to_a_script(tmp_path: Path) -> None:
    """A label means nothing outside the script that has it."""
    (line,) = complaints(tmp_path, "settings: {on_stale: bye}\n")
    assert "a label of one script" in line
    with pytest.raises(ConfigurationError, match="a label of one script"):
        environment({"ORCHESTRATOR_ON_STALE": "bye"})


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- a\n", "1:1", "a configuration must be a mapping"),
        ("settings: 3\n", "1:11", "`settings` must be a mapping, such as `max_silence: 20s`"),
        ("journal: [a]\n", "1:10", "`journal` must be text, not a list"),
        ("limit: 0s\n", "1:8", "`limit` must lie between 1s and 86400s, not `0s`"),
        ("limit: 30s\nlimit: 20s\n", "2:1", "`limit` is written twice; the first is in line 1"),
        ("a: b: c\n", "1:5", "this is not valid YAML"),
        ("journal: !path x\n", "1:10", "tags (`!…`) are not used in configurations"),
        ("script: x\n", "1:1", "`script` has no meaning here"),
        ("journal: a\x07b\n", "1:11", "the character U+0007 cannot stand in a configuration"),
        (
            "a: 1\n---\nb: 2\n",
            "2:1",
            "this is not valid YAML: a second document starts here; a file holds one configuration",
        ),
    ],
)
def test_shapes(tmp_path: Path, text: str, place: str, words: str) -> None:
    """What is not a mapping of the right values is refused at its place, in words that fit a configuration."""
    (line, *_) = complaints(tmp_path, text)
    assert line.startswith(f"orchestrator.yaml:{place}: {words}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file is a configuration error that names it."""
    with pytest.raises(ConfigurationError, match=r"missing\.yaml: the file cannot be read: No such file"):
        load_configuration(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///runs.db", "sqlite:///{folder}/runs.db"),
        ("sqlite:////var/lib/runs.db", "sqlite:////var/lib/runs.db"),
        ("postgresql://host/runs", "postgresql://host/runs"),
        ("/var/lib/runs.db", "/var/lib/runs.db"),
        ("~/runs.db", "{home}/runs.db"),
    ],
)
def test_places_of_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str) -> None:
    """A journal may be a path or a URL; only relative files move to the configuration's folder."""
    monkeypatch.setenv("HOME", "/home/somebody")
    found = load_configuration(written(tmp_path, f"journal: {text}\n"))
    assert found.journal == expected.format(folder=tmp_path, home="/home/somebody")


def test_a_capability_can_be_denied(tmp_path: Path) -> None:
    """`false` is the same as silence for each capability."""
    text = "capabilities: {command_log: false, client_reference: false, idempotency_key: false}\n"
    assert load_configuration(written(tmp_path, text)) == Configuration()


def test_the_sample_is_valid_as_it_stands_and_with_every_line_active(tmp_path: Path) -> None:
    """The sample shows every key, says nothing by itself, and each of its examples is valid."""
    text = SAMPLE.read_text(encoding="utf-8")
    assert load_configuration(SAMPLE) == Configuration()
    active = load_configuration(written(tmp_path, re.sub(r"(?m)^( *)#(?=[a-z_]+:)", r"\1", text)))
    unset = [item.name for item in fields(Configuration) if not getattr(active, item.name)]
    assert unset == ["limit_s"], "given as a network profile"
    assert set(active.settings) == {setting.field for setting in SETTINGS.values()} - {"on_stale"}
    assert len(active.capabilities) == 3


# --- the environment --------------------------------------------------------------------------------------------------


def test_the_environment_says_the_same() -> None:
    """Each variable reaches its field by the rules of the file; paths stay as they are, empty ones say nothing."""
    found = environment(
        {
            "ORCHESTRATOR_API_URL": "https://api.example",
            "ORCHESTRATOR_JOURNAL": "runs.db",
            "ORCHESTRATOR_CREDENTIALS_FILE": "credentials",
            "ORCHESTRATOR_CA_FILE": "",
            "ORCHESTRATOR_NETWORK": "Heroku",
            "ORCHESTRATOR_LOG_FORMAT": "text",
            "ORCHESTRATOR_MAX_SILENCE": "20s",
            "ORCHESTRATOR_LEAVE_UP": "true",
            "ORCHESTRATOR_API_KEY": "key",
            "ORCHESTRATOR_API_PASSWORD": SECRET,
            "ORCHESTRATOR_CONFIG": "orchestrator.yaml",
            "PATH": "/bin",
        }
    )
    assert found == Configuration(
        api_url="https://api.example",
        journal="runs.db",
        credentials_file="credentials",
        network="heroku",
        log_format="text",
        settings={"max_silence_s": 20.0, "leave_up": True},
    )
    assert environment({"ORCHESTRATOR_LIMIT": "45"}).limit_s == 45.0


def test_every_problem_of_the_environment() -> None:
    """Unknown variables and bad values are all reported at once, with the nearest name."""
    with pytest.raises(ConfigurationError) as raised:
        environment({"ORCHESTRATOR_LMIT": "1", "ORCHESTRATOR_LEASE": "0", "ORCHESTRATOR_QQQQQQ": "", "X": "1"})
    assert str(raised.value).splitlines() == [
        "environment: `ORCHESTRATOR_LEASE` must lie between 1s and 86400s, not `0`",
        "environment: `ORCHESTRATOR_LMIT` is not a variable of this program; did you mean `ORCHESTRATOR_LIMIT`?",
        "environment: `ORCHESTRATOR_QQQQQQ` is not a variable of this program; the configuration reference lists them",
    ]


def test_the_value_of_a_misspelt_secret_is_not_shown() -> None:
    """A misspelt name of a variable with the password does not put the password on the screen."""
    with pytest.raises(ConfigurationError) as raised:
        environment({"ORCHESTRATOR_API_PASWORD": SECRET})
    assert "did you mean `ORCHESTRATOR_API_PASSWORD`?" in str(raised.value)
    assert SECRET not in str(raised.value)


# --- layers -----------------------------------------------------------------------------------------------------------


def test_the_upper_layer_counts() -> None:
    """What the upper layer says counts, what it leaves out comes from the lower one; settings merge one by one."""
    lower = Configuration(
        api_url="https://low",
        journal="low.db",
        settings={"max_silence_s": 1.0, "lease_s": 2.0},
        capabilities=frozenset({"command_log"}),
    )
    upper = Configuration(
        api_url="https://up",
        settings={"lease_s": 3.0},
        capabilities=frozenset({"idempotency_key"}),
        idempotent_for_s=60.0,
    )
    assert merged(lower, upper) == Configuration(
        api_url="https://up",
        journal="low.db",
        settings={"max_silence_s": 1.0, "lease_s": 3.0},
        capabilities=frozenset({"command_log", "idempotency_key"}),
        idempotent_for_s=60.0,
    )


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (Configuration(limit_s=20.0), Configuration(network="direct"), (None, "direct")),
        (Configuration(network="heroku"), Configuration(limit_s=20.0), (20.0, None)),
        (Configuration(network="heroku"), Configuration(), (None, "heroku")),
    ],
)
def test_limit_and_network_replace_each_other(
    lower: Configuration, upper: Configuration, expected: tuple[float | None, str | None]
) -> None:
    """A network profile of an upper layer replaces the lower one's limit, and the other way round."""
    found = merged(lower, upper)
    assert (found.limit_s, found.network) == expected


def test_a_flags_limit_follows_the_same_rules() -> None:
    """The limit of a flag is typed like that of the file."""
    assert parse_limit("1m") == 60.0
    with pytest.raises(BadValueError):
        parse_limit("500ms")


# --- credentials ------------------------------------------------------------------------------------------------------


def credentials(folder: Path, text: str | bytes, mode: int = 0o600) -> str:
    path = folder / "credentials"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return str(path)


def test_credentials_of_the_environment_count_first(tmp_path: Path) -> None:
    """The environment's pair is taken without a look at the file."""
    environ = {"ORCHESTRATOR_API_KEY": "key", "ORCHESTRATOR_API_PASSWORD": SECRET}
    assert read_credentials(environ, str(tmp_path / "missing")) == ("key", SECRET)


@pytest.mark.parametrize("given", ["ORCHESTRATOR_API_KEY", "ORCHESTRATOR_API_PASSWORD"])
def test_half_a_pair_is_an_error(tmp_path: Path, given: str) -> None:
    """One of the two variables alone is never completed from the file."""
    file = credentials(tmp_path, "api_key: a\napi_password: b\n")
    with pytest.raises(ConfigurationError, match=f"^{given} is set but ORCHESTRATOR_API_") as raised:
        read_credentials({given: SECRET}, file)
    assert SECRET not in str(raised.value)


def test_no_credentials_at_all() -> None:
    """Nothing given is no error here: not every command needs them."""
    assert read_credentials({"ORCHESTRATOR_API_KEY": ""}, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "api_key: key\napi_password: pass: word#1 \n",
        "# the account\n\napi_password: 'pass: word#1'\r\napi_key: \"key\"\r\n",
        "\ufeffapi_key:key\napi_password:pass: word#1",
    ],
)
def test_credentials_of_a_file(tmp_path: Path, text: str) -> None:
    """Two lines in any order; values are taken as they stand, without the quotes or spaces around them."""
    assert read_credentials({}, credentials(tmp_path, text)) == ("key", "pass: word#1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The file must be its owner's alone; the message holds the command that makes it so."""
    file = credentials(tmp_path, "api_key: a\napi_password: b\n", mode)
    with pytest.raises(ConfigurationError, match=rf"its mode is {mode:04o}\); run: chmod 600 "):
        read_credentials({}, file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"api_key: a\n{SECRET}\n", ":2:1: this line must be `api_key: …` or `api_password: …`"),
        (f"api_key: a\npasword: {SECRET}\n", ":2:1: this line must be"),
        (f"api_key: a\napi_key: {SECRET}\n", ":2:1: `api_key` is written twice"),
        ("api_key:\napi_password: b\n", ":1:1: `api_key` has no value"),
        ("api_key: ''\napi_password: b\n", ":1:1: `api_key` has no value"),
        (f"api_password: {SECRET}\n", ": there is no `api_key` in the file"),
        ("", ": there is no `api_key` and `api_password` in the file"),
        (b"api_key: \xff" + SECRET.encode(), ": the file is not UTF-8 text"),
    ],
)
def test_a_bad_file_of_credentials(tmp_path: Path, text: str | bytes, words: str) -> None:
    """A file that does not hold the pair is refused with the place, and nothing of it appears anywhere in the error."""
    file = credentials(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        read_credentials({}, file)
    assert str(raised.value).startswith(file + words)
    assert SECRET not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_a_file_of_credentials_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A missing file, a folder and an impossible name are configuration errors."""
    with pytest.raises(ConfigurationError, match="the credentials file cannot be read"):
        read_credentials({}, f"{tmp_path}/{name}")


def test_nothing_heavy_is_imported() -> None:
    """Reading the environment does not cost the import of the YAML, template and validation libraries."""
    code = (
        "import sys; from orchestrator.scriptfile.configuration import environment; environment({});"
        "print([name for name in ('yaml', 'pydantic', 'jinja2', 'requests') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
