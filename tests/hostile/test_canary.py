"""The watch over all tests is not blind: each way in which a test can leave a secret behind fails that test."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import canary

LEAKS = """
import base64, logging, subprocess, sys
import pytest
from tests import canary

WRITE = [sys.executable, "-c", "print('canary' + 'keyzq')"]

def test_nothing(tmp_path):
    (tmp_path / "credentials").write_text(canary.KEY)
    print("canary")
def test_print(): print("key:", canary.KEY)
def test_log(): logging.getLogger("x").warning("password %s", canary.PASSWORD)
def test_taken(capsys):
    print(canary.SIGNING, file=sys.stderr)
    capsys.readouterr()
def test_run(): subprocess.run(WRITE, capture_output=True)
def test_lines():
    with subprocess.Popen(WRITE, stdout=subprocess.PIPE, text=True) as process:
        canary.watch_pipes(process)
        list(process.stdout)
def test_rest():
    with subprocess.Popen(WRITE, stdout=subprocess.PIPE, text=True) as process:
        canary.watch_pipes(process)
        process.stdout.read()
def test_file(tmp_path):
    (tmp_path / "deep").mkdir()
    pair = f"{canary.KEY}:{canary.PASSWORD}".encode()
    (tmp_path / "deep" / "journal.db-wal").write_bytes(bytes(20 << 20) + base64.b64encode(pair) + b"=")
@pytest.fixture(scope="module")
def shared(tmp_path_factory): (tmp_path_factory.mktemp("all") / "log").write_text(canary.CARDS[0])
def test_shared(shared): pass
"""


def test_each_leak_fails_its_test() -> None:
    """Printed, logged, taken from the capture, written by a process or to a file: of the test or of several."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_leaks.py").write_text(LEAKS, encoding="utf-8")
        report = Path(folder) / "report"
        options = ["-c", "/dev/null", f"--rootdir={folder}", f"--basetemp={folder}/base", "--tb=no", "-rfE", "-q"]
        with report.open("w", encoding="utf-8") as stream:
            command = [sys.executable, "-m", "pytest", "-p", "tests.watch", "-p", "no:cacheprovider", *options, folder]
            done = subprocess.run(command, stdout=stream, stderr=stream, cwd=Path(__file__).parents[2], check=False)
        said = report.read_text(encoding="utf-8")
    found = re.findall(r"^(?:FAILED|ERROR) \S+::test_(\w+)", said, re.MULTILINE)
    assert done.returncode == 1, said
    assert sorted(found) == sorted(["print", "log", "taken", "run", "lines", "rest", "file", "shared"])


def test_every_form_is_known() -> None:
    """As it is, in groups, as base64; in text and in bytes, in the middle of something."""
    for secret in (canary.KEY, canary.PASSWORD, canary.KEYED, canary.CARDS[0]):
        for form in canary.forms_of(secret):
            assert secret in canary.secrets_in(f"x{form.decode()}y")
            assert secret in canary.secrets_in(form)
