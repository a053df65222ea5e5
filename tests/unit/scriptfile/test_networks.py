"""Network profiles in files: written by `probe`, read back wherever a profile is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.networks import NETWORKS, LimitKind, Network
from orchestrator.errors import ConfigurationError, UsageError
from orchestrator.scriptfile.configuration import environment, load_configuration
from orchestrator.scriptfile.networks import file_for, find_network, network_text, networks_folder, read_network

OFFICE = Network(
    name="office",
    limit_s=59.8,
    kind=LimitKind.IDLE,
    client_sees="504",
    keepalive_helps=False,
    description='measured to "hold.example": 60 s',
)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def keep(name: str, text: str) -> Path:
    path = networks_folder() / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


FREE = replace(OFFICE, name="free", limit_s=None, kind=LimitKind.NONE, at_least_s=400.0)


@pytest.mark.parametrize("profile", [OFFICE, FREE, *NETWORKS], ids=lambda profile: profile.name)
def test_what_is_written_is_read_back(tmp_path: Path, profile: Network) -> None:
    """Every profile can be written and read."""
    path = tmp_path / "any.yaml"
    path.write_text(network_text(profile, comment="made\nby a test"), encoding="utf-8")
    found = read_network(path)
    assert {name: getattr(found, name) for name in Network.__slots__ if name != "looks_like"} == {
        name: getattr(profile, name) for name in Network.__slots__ if name != "looks_like"
    }


def test_the_least_that_a_profile_says(tmp_path: Path) -> None:
    """A limit is enough; its name is its file's."""
    path = tmp_path / "home.yaml"
    path.write_text("limit: 30", encoding="utf-8")
    found = read_network(path)
    assert (found.name, found.limit_s, found.kind, found.keepalive_helps) == ("home", 30, LimitKind.IDLE, False)


def test_a_profile_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    """Built-in names first; then the folder of profiles; what looks like a path is one."""
    keep("office", "limit: 31s")
    keep("heroku", "limit: 5s")
    (tmp_path / "here.yaml").write_text("limit: 32s", encoding="utf-8")
    assert find_network("heroku").limit_s == 30
    assert find_network(" Office ").limit_s == 31
    assert find_network("here.yaml").limit_s == 32
    assert find_network("./here.yaml", folder=tmp_path).limit_s == 32
    with pytest.raises(UsageError, match="there is no network profile `ofice`"):
        find_network("ofice")
    with pytest.raises(ConfigurationError, match=r"nowhere.yaml: the file cannot be read"):
        find_network("./nowhere.yaml")


def test_where_a_profile_is_kept() -> None:
    """In the user's configuration folder, under a name that is free."""
    assert file_for("office") == networks_folder() / "office.yaml"
    with pytest.raises(UsageError, match="built in"):
        file_for("heroku")
    with pytest.raises(UsageError, match="small letters"):
        file_for("../office")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- 60s", "1:1: a network profile must be a mapping"),
        ("limit: 0", r"1:8: `limit` must lie between 1s and 86400s, not `0`"),
        ("kind: idle", "1:1: `limit` is missing"),
        ("limit: 60s\nkind: fast", "2:7: `kind` must be one of"),
        ("limit: 60s\nlimits: 3", "2:1: `limits` has no meaning here; did you mean `limit`?"),
        ("limit: 60s\nkeepalive_helps: perhaps", "2:18: `keepalive_helps` must be"),
        ("limit: none\nat_least: none", "2:11: `at_least` must be"),
        ("limit: 60s\nat_least: 90s", "2:11: `at_least` goes with `limit: none`"),
        ("limit: [", "network profile|YAML"),
        ("", "the file is empty; write the limit"),
        ("limit: 1s\nlimit: 2s", "2:1"),
    ],
)
def test_every_problem_is_told_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    """As in every file of this program."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        read_network(path)
    assert str(path) in str(raised.value)


def test_the_configuration_names_profiles_in_the_same_way(tmp_path: Path) -> None:
    """A name that is kept, or a path that starts at the configuration's folder."""
    keep("office", "limit: 31s")
    folder = tmp_path / "etc"
    folder.mkdir()
    file = folder / "orchestrator.yaml"
    file.write_text("network: ./here.yaml", encoding="utf-8")
    assert load_configuration(file).network == str(folder / "./here.yaml")
    file.write_text("network: Office", encoding="utf-8")
    assert load_configuration(file).network == "office"
    assert environment({"ORCHESTRATOR_NETWORK": "office"}).network == "office"
    file.write_text("network: ofice", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="must be the name of a network profile, not `ofice`"):
        load_configuration(file)
