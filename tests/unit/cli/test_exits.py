"""What the user is told of our own bugs: nothing that an unforeseen error quotes of the secrets at hand."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from orchestrator.cli.app import App
from orchestrator.cli.exits import tell
from tests import canary

CARD = canary.CARDS[2]
PAIR = base64.b64encode(f"{canary.KEY}:{canary.PASSWORD}".encode()).decode()
OTHER = "canaryothersigningzq"
SECRETS = (canary.KEY, canary.PASSWORD, PAIR, canary.SIGNING, OTHER)


@pytest.fixture(autouse=True)
def _exported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in canary.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ORCHESTRATOR_SIGNING_SECRETS", f"{canary.SIGNING} {OTHER}")


def bug(words: str) -> LookupError:
    """Return an error that was raised from another, both of which quote some words."""
    try:
        int(f"Authorization: {words}")
    except ValueError as cause:
        error = LookupError(f"no such header: {words}")
        error.__cause__ = cause
    return error


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("verbosity", [0, 1, 2])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_bug_shows_no_credential(
    capsys: pytest.CaptureFixture[str], secret: str, verbosity: int, *, as_json: bool
) -> None:
    """Exit 70; neither in its line, nor in its document, nor in its traceback with all that it was raised from."""
    code = tell(bug(f"x{secret}y"), App(verbosity=verbosity, as_json=as_json))
    told = capsys.readouterr()
    assert code == 70
    assert secret not in told.out + told.err
    assert ("Traceback" in told.err) == (verbosity >= 2)
    said = json.loads(told.out)["error"]["message"] if as_json else told.err
    assert "This is a bug of ours (LookupError: no such header: x" in said
    assert said.rstrip().endswith("Please report it." if verbosity >= 2 else "Run it again with -vv to see where.")


def test_a_bug_shows_no_card_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Their last digits stay, as in all that is shown."""
    assert tell(bug(CARD), App(verbosity=2)) == 70
    told = capsys.readouterr().err
    assert CARD not in told
    assert told.count(f"*{CARD[-4:]}") >= 3


def test_without_credentials_nothing_is_hidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable is no secret."""
    for name in ("API_KEY", "API_PASSWORD", "SIGNING_SECRETS"):
        monkeypatch.setenv(f"ORCHESTRATOR_{name}", "")
    tell(bug("something: else"), App())
    assert "(LookupError: no such header: something: else)" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["canaryfilekeyzq", "canaryfilepasswordzq"])
def test_a_bug_shows_no_credential_of_the_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    """The configuration may name a file in place of the environment; the pair in its encoded form is hidden, too."""
    for name in ("API_KEY", "API_PASSWORD"):
        monkeypatch.delenv(f"ORCHESTRATOR_{name}")
    file = tmp_path / "credentials.yaml"
    file.write_text("api_key: canaryfilekeyzq\napi_password: canaryfilepasswordzq\n")
    file.chmod(0o600)
    config = tmp_path / "orchestrator.yaml"
    config.write_text(f"credentials_file: {file}\n")
    app = App(config=str(config), journal=str(tmp_path / "journal.db"), verbosity=2)
    app.orchestrator().close()
    pair = base64.b64encode(b"canaryfilekeyzq:canaryfilepasswordzq").decode()
    tell(bug(f"{secret} {pair}"), app)
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert secret not in told
    assert pair not in told


def test_half_of_a_pair_is_hidden_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a mistake of the environment, and a password."""
    monkeypatch.delenv("ORCHESTRATOR_API_KEY")
    tell(bug(canary.PASSWORD), App())
    assert canary.PASSWORD not in capsys.readouterr().err


def test_a_bug_is_told_where_a_library_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That may be the bug: what hides credentials must not fail by it, and those of the environment are hidden."""
    monkeypatch.setitem(sys.modules, "orchestrator.scriptfile.configuration", None)
    assert tell(bug(canary.PASSWORD), App()) == 70
    told = capsys.readouterr().err
    assert "This is a bug of ours (LookupError" in told
    assert canary.PASSWORD not in told
