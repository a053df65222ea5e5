"""Every complaint about a script, word for word, with its line and column. Most cases stand in bad_scripts.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import ScriptError
from orchestrator.scriptfile import load_script, parse_script

V = "version: 1\ncommands:\n"
D = '  - dial: {to: "+15555550123", from: "+15555550199"}\n'
SMS = '  - sms: {to: "+15555550123", from: "+15555550199", message: "%s"}\n'
TOO_LONG = "4:62: `message` must not be longer than 480 characters; it has 481, and the rest would be lost"
TOO_NESTED = "4:17: `text` is nested too deeply to be evaluated"


def complaints(text: str) -> list[str]:
    with pytest.raises(ScriptError) as caught:
        parse_script(text, name="script")
    return [str(problem).removeprefix("script:") for problem in caught.value.problems]


def cases() -> list[object]:
    found: list[object] = []
    for case in Path(__file__).with_name("bad_scripts.txt").read_text(encoding="utf-8").split("\n=== ")[1:]:
        name, _, rest = case.partition("\n")
        text, *expected = rest.split("\n>>> ")
        found.append(pytest.param(text + "\n", [line.rstrip("\n") for line in expected], id=name))
    return found


@pytest.mark.parametrize(("text", "expected"), cases())
def test_complaint(text: str, expected: list[str]) -> None:
    """Each problem is reported once, at its place, in words its author understands."""
    assert complaints(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty; a script needs `commands`"),
        (" \n\n", "1:1: the file is empty; a script needs `commands`"),
        ("# nothing but a comment\n", "1:1: the file is empty; a script needs `commands`"),
        ("version: 1\n\x00", "2:1: the character U+0000 cannot stand in a script; delete it"),
        ("version: 1\nname: a\x07b\n", "2:8: the character U+0007 cannot stand in a script; delete it"),
        ("name: \ud800\n", "1:7: the character U+D800 cannot stand in a script; delete it"),
        (f"{V}  - {'[' * 60}{']' * 60}\n", "3:43: the lists and mappings are nested deeper than 40 levels"),
        ('{"commands": ' + "[" * 60 + "]" * 60 + "}", "1:53: the lists and mappings are nested deeper than 40 levels"),
        ('{"commands": ' + "[" * 50_000, "1:53: the lists and mappings are nested deeper than 40 levels"),
        ("]" * 50_000, "1:1: this is not valid YAML: expected the node content, but found ']'"),
        (f"version: 1\nname: {'a' * 101}\ncommands:\n{D}", "2:7: `name` must be text of at most 100 characters"),
        (V + D + SMS % ("a" * 481), TOO_LONG),
        (V + D + "  - say: {text: '{{ " + "(" * 3000 + "a" + ")" * 3000 + " }}'}\n", TOO_NESTED),
    ],
    ids=lambda value: None if "\n" not in value and "{" not in value else "text",
)  # fmt: skip
def test_extreme_text(text: str, expected: str) -> None:
    """Empty, binary, deep and long texts are refused with one plain sentence."""
    assert complaints(text) == [expected]


def test_too_large() -> None:
    """A text over 1 MiB is refused, counted in bytes."""
    with pytest.raises(ScriptError, match=r"^<text>: the file is larger than 1 MiB; a script is never that long$"):
        parse_script("é" * (600 * 1024))


def test_alias_bomb() -> None:
    """Aliases that multiply are refused before they cost time or memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    assert complaints("\n".join(lines)) == ["5:5: the aliases (`*…`) in this file multiply beyond all measure"]


def test_aliases_nest_too_deeply() -> None:
    """Aliases cannot be used to nest deeper than text may."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))]

    assert complaints("\n".join(lines)) == ["40:6: the aliases (`*…`) in this file multiply beyond all measure"]


def test_json_by_name(tmp_path: Path) -> None:
    """A file that is JSON by its name is read as JSON whatever it starts with."""
    file = tmp_path / "script.json"
    file.write_text("version: 1\n", encoding="utf-8")

    with pytest.raises(ScriptError, match=r"script\.json:1:1: this is not valid JSON"):
        load_script(file)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"version: 1\nname: caf\xe9\n", ":2:10: the file is not UTF-8 text from here on; save it as UTF-8"),
        ("version: 1".encode("utf-16"), ":1:1: the file is not UTF-8 text from here on; save it as UTF-8"),
        (b"x" * (1024 * 1024 + 1), ": the file is larger than 1 MiB; a script is never that long"),
    ],
    ids=["latin-1", "utf-16", "large"],
)
def test_unreadable_bytes(tmp_path: Path, data: bytes, expected: str) -> None:
    """A file that is no UTF-8 text or too large is refused at the byte in question."""
    file = tmp_path / "script.yaml"
    file.write_bytes(data)

    with pytest.raises(ScriptError) as caught:
        load_script(file)
    assert str(caught.value) == f"{file}{expected}"


def test_missing_file(tmp_path: Path) -> None:
    """A file that does not exist is a script problem of that file, with the reason."""
    with pytest.raises(ScriptError, match=r"gone\.yaml: the file cannot be read: No such file or directory$"):
        load_script(tmp_path / "gone.yaml")


def test_send_dtmf_digits_in_no_message() -> None:
    """A complaint about keys to be sent shows none of the good ones: they may be a secret."""
    assert "4711" not in complaints(f"{V}{D}  - send_dtmf: {{dtmf: 4711x}}\n")[0]
