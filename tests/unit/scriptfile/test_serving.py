"""The words under `serve`, and the secrets that sign events."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from orchestrator.errors import ConfigurationError
from orchestrator.scriptfile.configuration import Configuration, environment, load_configuration, merged
from orchestrator.scriptfile.serving import SERVE_WORDS, SIGNING_SECRETS, parse_serve, read_signing_secrets
from orchestrator.scriptfile.values import BadValueError

SECRET = "a-secret-of-this-test"


@pytest.mark.parametrize(
    ("word", "written", "value"),
    [
        ("host", "[::1]", "::1"),
        ("host", "0.0.0.0", "0.0.0.0"),
        ("port", "0", 0),
        ("port", 8443, 8443),
        ("public_url", "https://events.example.com/calls/", "https://events.example.com/calls"),
        ("public_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("allow", "192.0.2.7", (ip_network("192.0.2.7/32"),)),
        ("allow", ["192.0.2.0/24", " 2001:db8::/32 "], (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))),
        ("trust_forwarded", (ip_network("10.0.0.0/8"),), (ip_network("10.0.0.0/8"),)),
        ("metrics_from", [], ()),
        ("timestamp_header", "X-Gate-Time", "X-Gate-Time"),
        ("signing_secrets_file", "signing", "signing"),
    ],
)
def test_what_a_word_means(word: str, written: object, value: object) -> None:
    """By the rules of its kind."""
    assert parse_serve(word, written) == value


@pytest.mark.parametrize(
    ("word", "written", "problem"),
    [
        ("host", "https://example.com", "an address of this machine"),
        ("port", "65536", "between 0 and 65535"),
        ("port", "http", "whole number"),
        ("public_url", "events.example.com", "https://events.example.com"),
        ("public_url", "ftp://events.example.com", "the address that the API reaches"),
        ("public_url", "https://", "the address that the API reaches"),
        ("public_url", "https://user:word@events.example.com", "the address that the API reaches"),
        ("public_url", "https://events.example.com/?a=1", "the address that the API reaches"),
        ("public_url", "https://events.example.com:99999", "the address that the API reaches"),
        ("public_url", "https://[::1", "the address that the API reaches"),
        ("allow", "example.com", "networks such as 192.0.2.0/24, not"),
        ("allow", "192.0.2.7/24", "beyond the mask"),
        ("allow", ["192.0.2.0/24", ""], "must not be empty"),
        ("signature_header", "X Signature", "the name of a header"),
    ],
)
def test_what_cannot_be_meant(word: str, written: object, problem: str) -> None:
    """Is refused before anything listens."""
    with pytest.raises(BadValueError, match=problem):
        parse_serve(word, written)


def test_a_file_says_how_to_serve(tmp_path: Path) -> None:
    """Under `serve`; relative paths start at its folder, and an upper layer counts more, word by word."""
    file = tmp_path / "orchestrator.yaml"
    file.write_text("serve:\n  port: 9000\n  allow: [192.0.2.0/24]\n  signing_secrets_file: signing\n")
    found = load_configuration(file)
    assert found.serve == {
        "port": 9000,
        "allow": (ip_network("192.0.2.0/24"),),
        "signing_secrets_file": str(tmp_path / "signing"),
    }
    assert merged(found, Configuration(serve={"port": 9001})).serve == {**found.serve, "port": 9001}


def test_every_problem_of_serve_has_its_place(tmp_path: Path) -> None:
    """Unknown words, wrong values, and something that is no mapping."""
    file = tmp_path / "orchestrator.yaml"
    file.write_text("serve:\n  prot: 9000\n  port: x\n  host:\n")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file)
    first, second, third = str(refused.value).splitlines()
    assert ":2:3: " in first
    assert "did you mean `port`?" in first
    assert ":3:9: `port` must be a whole number" in second
    assert ":4:3: `host` has no value" in third
    file.write_text("serve: 9000\n")
    with pytest.raises(ConfigurationError, match="`serve` must be a mapping"):
        load_configuration(file)


def test_the_secrets_come_from_the_environment_and_a_file(tmp_path: Path) -> None:
    """All of them count, so that they can be changed one side at a time; the variable is no unknown one."""
    file = tmp_path / "signing"
    file.write_text(f"# of the gateway\n\n{SECRET}\n  with blanks around  \n")
    file.chmod(0o600)
    environ = {SIGNING_SECRETS: f"one-of-the-environment {SECRET}"}
    assert read_signing_secrets(environ, str(file)) == ("one-of-the-environment", SECRET, "with blanks around")
    assert read_signing_secrets({}, None) == ()
    assert environment(environ) == Configuration()


def test_a_file_of_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Without a word of what is in it."""
    file = tmp_path / "signing"
    file.write_text(SECRET)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"file of signing secrets.*chmod 600") as refused:
        read_signing_secrets({}, str(file))
    assert SECRET not in str(refused.value)
    with pytest.raises(ConfigurationError, match="the signing secrets file cannot be read"):
        read_signing_secrets({}, str(tmp_path / "nowhere"))


def test_every_word_is_documented() -> None:
    """In the reference of the configuration, and in the sample."""
    root = Path(__file__).parents[3]
    reference = (root / "docs/reference/configuration.md").read_text(encoding="utf-8")
    sample = (root / "configs/orchestrator.yaml").read_text(encoding="utf-8")
    for word in SERVE_WORDS:
        assert f"`{word}`" in reference, word
        assert f"#{word}: " in sample, word
    assert SIGNING_SECRETS in reference
