"""Input of those who mean harm, or merely err: refused in words at its place, bounded, and never raw on a terminal.

Bad scripts have a table of their own in tests/unit/scriptfile/bad_scripts.txt.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
from orchestrator.adapters.e164 import to_e164
from orchestrator.adapters.transport.route import resolve_route
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.exchange import Operation, Request
from orchestrator.errors import ConfigurationError, ExpressionError
from orchestrator.scriptfile.configuration import load_configuration
from orchestrator.scriptfile.contacts import read_contacts
from orchestrator.scriptfile.templates import TemplateProblemError, compile_condition, compile_text
from tests.conformance.raw_server import Peer, RawServer, reply
from tests.conftest import Cli, SandboxProcess
from tests.unit.adapters.events.test_app import SECRET, Sink, application, asked, problem

TO = "+12125550123"
DURATION = "must be a duration such as 90s, 250ms or 5m (a bare number is seconds), not"
ADDRESS = "1:10: `api_url` must be the address of the API, such as https://v1.api.phone.com"
MALFORMED = "The API URL is malformed; it should look like https://v1.api.phone.com ."
MAPPING = "1:1: a configuration must be a mapping, such as `api_url: https://v1.api.phone.com`"

# --- configurations ---------------------------------------------------------------------------------------------------

CONFIGURATIONS: list[tuple[str, str]] = [
    ("api_url: javascript:alert(1)", ADDRESS),
    ("api_url: https://", ADDRESS),
    ("api_url: 5", ADDRESS),
    ('api_url: "\\u202ehttps://x"', ADDRESS),
    ("&a api_url: *a", ADDRESS.replace("1:10", "1:1")),
    ("api_url: [https://a]", "1:10: `api_url` must be text, not a list"),
    ('journal: "a\\0b"', "1:10: this text holds a character that can be neither spoken nor sent"),
    ("journal: {}", "1:10: `journal` must be text, not a mapping"),
    ('journal: ""', "1:10: `journal` must not be empty"),
    ("credentials_file:", "1:1: `credentials_file` has no value; write one or delete the line"),
    ("credentials_file: [a, b]", "1:19: `credentials_file` must be text, not a list"),
    ("ca_file: {a: b}", "1:10: `ca_file` must be text, not a mapping"),
    ("network: nobody", "1:10: `network` must be the name of a network profile, not `nobody`; valid are "),
    ("limit: -5s", f"1:8: `limit` {DURATION} `-5s`"),
    ("limit: 1e999s", f"1:8: `limit` {DURATION} `1e999s`"),
    ("limit: NaN", f"1:8: `limit` {DURATION} `NaN`"),
    ("limit: 99999999999999999999h", f"1:8: `limit` {DURATION} `99999999999999999999h`"),
    ('limit: "30 s; rm -rf /"', f"1:8: `limit` {DURATION} `30 s; rm -rf /`"),
    ("log_format: xml", "1:13: `log_format` must be one of `auto`, `text` and `json`, not `xml`"),
    ("settings: []", "1:11: `settings` must be a mapping, such as `max_silence: 20s`"),
    ("settings: {max_visits: -1}", "1:24: `max_visits` must lie between 1 and 1000, not `-1`"),
    ("settings: {max_visits: 1e9}", "1:24: `max_visits` must be a whole number, not `1e9`"),
    ("settings: {max_visits: 3.5}", "1:24: `max_visits` must be a whole number, not `3.5`"),
    ("settings: {max_silence: forever}", f"1:25: `max_silence` {DURATION} `forever`"),
    ("settings: {leave_up: maybe}", "1:22: `leave_up` must be true or false, not `maybe`"),
    ("settings: {words_per_minute: 0}", "1:30: `words_per_minute` must lie between 40 and 400, not `0`"),
    ("settings: {mode: telepathy}", "1:18: `mode` must be one of `sync`, `async`, `poll` and `auto`, not `telepathy`"),
    ("settings: {retry_attempts: 999999999999}", "1:28: `retry_attempts` must lie between 1 and 100, not "),
    ("settings: {api_limits: {endpoint: 0 in 1s}}", "1:24: `api_limits` is wrong: `endpoint` must be a rate such as "),
    (
        "settings: {api_limits: {endpoint: 5 in 999h}}",
        "1:24: `api_limits` is wrong: `endpoint` must be whole requests ",
    ),
    ("settings: {api_limits: many}", "1:24: `api_limits` must be limits such as {endpoint: 30/30s, account: 120/60s}"),
    ("settings: {on_several: twice}", "1:24: `on_several` must be one of `end` and `leave`, not `twice`"),
    ("settings: {__class__: x}", "1:12: `__class__` has no meaning here; valid are `api_limits`, "),
    ("capabilities: [command_log]", "1:15: `capabilities` must be a mapping, such as `command_log: true`"),
    ("capabilities: {idempotency_key: -1h}", f"1:33: `idempotency_key` {DURATION} `-1h`"),
    ("serve: {port: 70000}", "1:15: `port` must lie between 0 and 65535, not `70000`"),
    ("serve: {port: -1}", "1:15: `port` must lie between 0 and 65535, not `-1`"),
    ('serve: {host: "a b"}', "1:15: `host` must be an address of this machine, such as 127.0.0.1, not `a b`"),
    ("serve: {allow: everybody}", "1:16: `allow` must be networks such as 192.0.2.0/24, not `everybody`"),
    ("serve: {allow: [999.0.0.0/8]}", "1:16: `allow` must be networks such as 192.0.2.0/24, not `999.0.0.0/8`"),
    ("serve: {public_url: ftp://x}", "1:21: `public_url` must be the address that the API reaches, such as "),
    ('serve: {signature_header: "X: y"}', "1:27: `signature_header` must be the name of a header, not `X: y`"),
    ("serve: {sekret: x}", "1:9: `sekret` has no meaning here; valid are `allow`, `host`, "),
    ("incoming: {x: y}", "1:12: `x` has no meaning here; valid are `at_once`, `scripts` and `unknown`"),
    ("incoming: 5", "1:11: `incoming` must be a mapping, such as `unknown: reject`"),
    ('"a\\u202eb": x', "1:1: `a b` has no meaning here; valid are `api_url`, "),
    ("? [a]\n: b", "1:3: a name must be a single word; put text that starts with `{` or `[` in quotes"),
    ("<<: {api_url: x}", "1:1: `<<` has no meaning here; valid are `api_url`, "),
    ("%TAG ! x\n---\na: b", "3:1: `a` has no meaning here; valid are `api_url`, "),
    ("a: 'b", "2:1: this is not valid YAML: the text ends in the middle of a quoted value; a closing quote is missing"),
    ("\t- a", "1:1: this is not valid YAML: a tab stands here; indent and separate with spaces"),
    ("{" * 50, "1:41: the lists and mappings are nested deeper than 40 levels"),
    ("- - - -", MAPPING),
    ("null", MAPPING),
    ("''", MAPPING),
]


@pytest.mark.parametrize(("text", "words"), CONFIGURATIONS)
def test_a_bad_configuration_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Once, at its place, in a sentence, without a character that steers a terminal."""
    file = tmp_path / "c.yaml"
    file.write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(file)
    (line,) = str(raised.value).replace(f"{file}:", "").splitlines()
    assert line.startswith(words)
    assert line.isprintable()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://host name/", MALFORMED),
        ("https://a\nb", MALFORMED),
        ("https://h\x00/", MALFORMED),
        ("https://h:99999", MALFORMED),
        ("https://h:x", MALFORMED),
        ("https://[::1", MALFORMED),
        ("https://host/?x=1", "The API URL must not contain a query or a fragment ('?' or '#')."),
        ("https://host/#x", "The API URL must not contain a query or a fragment ('?' or '#')."),
        ("http://203.0.113.9/", "The API URL must begin with https:// : the credentials and the digits pressed would "),
        ("http://127.0.0.1.evil.example/", "The API URL must begin with https:// : the credentials and the digits "),
        (
            "http://localhost@evil/",
            "The API URL must not contain a user name or password; give the API key separately.",
        ),
    ],
)
def test_a_bad_address_is_refused(url: str, words: str) -> None:
    """Whatever would send credentials elsewhere, in clear text, or not at all."""
    with pytest.raises(ConfigurationError) as raised:
        resolve_route(url, ca_file=None)
    assert str(raised.value).startswith(words)


@pytest.mark.parametrize("end", ["\r\nX-Evil: 1", " HTTP/1.1\r\n", "\u202e", "\x1b[2J", "é"])
def test_an_address_cannot_add_to_the_request(end: str) -> None:
    """What stands in its path is encoded."""
    route = resolve_route(f"https://host/{end}", ca_file=None)
    assert re.fullmatch(r"/[A-Za-z0-9%:./_~-]*", route.path)


# --- contacts ---------------------------------------------------------------------------------------------------------

LETTERS = "`to` is no phone number: it holds letters"
EXTENSION = "`to` has an extension, which cannot be dialled; give the number alone"
SEVERAL = "`to` holds more than one number; give each its own row"
ROWS: list[tuple[str, str]] = [
    ("=cmd()", LETTERS),
    ("=HYPERLINK(0)", LETTERS),
    ("nan", LETTERS),
    ("NULL", LETTERS),
    ("#REF!", LETTERS),
    ("ＡＢＣ", LETTERS),  # noqa: RUF001 - as meant
    ('"+12125550123\r\nX: y"', LETTERS),
    ("+", "`to` is no phone number: it may hold digits, spaces, `+ - . / ( )` and nothing else"),
    ("(){}", "`to` is no phone number: it may hold digits, spaces, `+ - . / ( )` and nothing else"),
    ("-", "`to` is no phone number: it holds no digits"),
    ("++12125550123", SEVERAL),
    ("+12125550123 +12125550124", SEVERAL),
    ("+1212555012", "`to` is too short for a number of +1"),
    ("+1900555", "`to` is too short for a number of +1"),
    ("+1212555\u06f00123", "`to` is too long for a number of +1"),
    ("+999999999999999999999", "`to` has no country code that exists"),
    ("tel:+1", "`to` is no phone number"),
    ("+12125550123;ext=5", EXTENSION),
    ("+12125550123?x=1", EXTENSION),
    ("+12125550123,,9", "the row has 3 fields, the header 1"),
    ("00", "`to` begins with 00 in place of `+`, which not every country understands"),
    ("112", "`to` is an emergency number, which this program never calls"),
    ("2125550123", "`to` has neither `+` nor a leading zero: a spreadsheet may have dropped it"),
    ("3.31E+10", "`to` was damaged by a spreadsheet: it is in scientific notation and its last digits are lost"),
    ("12125550123.0", "`to` was damaged by a spreadsheet: it ends in `.0`"),
    ("1/2/2024", "`to` is a date, not a phone number"),
    ('"+12125550123\x00"', "`to` holds the character U+0000; delete it"),
    ("+12125550123\x1b[2J", "`to` holds the character U+001B; delete it"),
]


@pytest.mark.parametrize(("row", "words"), ROWS)
def test_a_bad_row_is_rejected(row: str, words: str) -> None:
    """With the reason, and without keeping the good one behind it."""
    bad, good = read_contacts(io.StringIO(f"to\n{row}\n{TO}\n", newline=""), normalise=to_e164)
    assert isinstance(bad, Rejected)
    assert bad.reason.startswith(words)
    assert bad.reason.isprintable()
    assert isinstance(good, Contact)


@pytest.mark.parametrize("text", [f"\u202e{TO}", f"{TO}\u200b", f"{TO}/../..", " + 1 (212) 555-0123 "])
def test_what_surrounds_a_number_is_not_dialled(text: str) -> None:
    """Only plus and digits are left of it."""
    (row,) = read_contacts(io.StringIO(f"to\n{text}\n", newline=""), normalise=to_e164)
    assert isinstance(row, Contact)
    assert row.to == TO


# --- events -----------------------------------------------------------------------------------------------------------

NO_ID = "the call in its body has no usable 'resource_id'"
NOT_JSON = "the body is not JSON, or only a part of one"
NO_RESPONSE = "its body has no 'response'"
NOT_UTF8 = "the body is not UTF-8"


def event_of(call_id: str) -> bytes:
    return b'{"response":{"call":{"resource_id":%s}}}' % call_id.encode()


EVENTS: list[tuple[bytes, str]] = [
    (b"", "the body is empty"),
    *((text, NO_RESPONSE) for text in (b"null", b"[]", b"5", b'"x"', b"{}", b'{"response":null}', b'{"response":[]}')),
    *((b'{"response":%s}' % text, "its body has no call") for text in (b"{}", b'{"call":null}', b'{"call":[]}')),
    (b'{"response":{"call":{}}}', NO_ID),
    *((event_of(each), NO_ID) for each in ("5", '""', '"../x"', '"a/b"', '"a?b"', '"a#b"', '"a b"', '"-a"', '"a%2fb"')),
    *((event_of(each), NO_ID) for each in (r'"a\r\nX: y"', r'"\u202ea"', r'"\u001b[2J"', f'"{"a" * 129}"', "true")),
    (b'{"response":{},"response":{}}', "the body has an object with the same key twice"),
    (event_of("NaN"), "the body has a number that is none (NaN or Infinity)"),
    (event_of('"a","x":Infinity'), "the body has a number that is none (NaN or Infinity)"),
    (event_of('"a"')[:-1], NOT_JSON),
    (event_of('"a"') + b"}", NOT_JSON),
    *((text, NOT_JSON) for text in (b"\xef\xbb\xbf{}", b"{'response': 1}", b"<xml/>", b"a=b&c=d", b"\x00")),
    (b'{"a":' + b"9" * 6000 + b"}", NOT_JSON),
    *((text, NOT_UTF8) for text in (b"\xff\xfe{}", b"\x1f\x8b\x08", b'{"\xff":1}')),
    (b"[" * 60_000, "the body is nested too deep"),
    (b'{"a":' * 10_000, "the body is nested too deep"),
]


def test_a_bad_event_is_refused() -> None:
    """With 400 and the reason; nothing of it is kept, and the next good one is."""
    sink = Sink()
    with application(sink) as app:
        for body, words in EVENTS:
            answer = asked(app, f"/{SECRET}/main", body=body)
            assert (answer.status, problem(answer)) == (400, words), body[:80]
        assert sink.events == []
        assert asked(app).status == 204


# --- templates --------------------------------------------------------------------------------------------------------

ESCAPES = [
    "''.__class__", "''.__class__.__mro__[1].__subclasses__()", "''['__class__']", "''|attr('__class__')",
    "name.__init__.__globals__", "name['__init__']", "self.__init__", "self._TemplateReference__context",
    "cycler.__init__.__globals__.os.popen('id').read()", "lipsum.__globals__['os']", "joiner()", "namespace()",
    "range(10**9)", "range(1)", "dict()", "config", "request.application", "get_flashed_messages.__globals__",
    "[].append(1)", "{}.update(name=1)", "name.format(name)", "'{0.__class__}'.format(name)", "'%(x)s' % {}",
    "name.format_map({})", "name.encode()", "name.translate({})", "name.join([1])", "name|map('upper')|list",
    "name|xmlattr", "name|pprint", "name|tojson", "name|random", "name|batch(2)", "name|groupby('x')", "name|format",
    "[1,2]|sum", "name|sort", "name|reverse|list", "name|urlize", "name|filesizeformat", "name|safe", "name|e",
    "name is callable", "name is mapping", "name is filter('x')", "(name, name) is sameas name", "'a' * 10**9",
    "10**9 * 'a'", "[0] * 10**9", "(('a' * 9999) ~ ('a' * 9999)) * 9999", "9**9**9**9",
    "10**18 * 10**18", "'%1000000000d' % 1", "name.center(10**9)", "name.ljust(10**9)", "name.zfill(10**9)",
    "name.expandtabs(10**9)", "name|center(10**9)", "name|indent(10**9)", "name|wordwrap(0)",
    "name|replace('', 'a' * 9999)", "('a' * 9999)|replace('a', 'a' * 9999)", "('ab' * 4999)|join('a' * 9999)",
    "1.5|round(10**9)", "(" * 200 + "1" + ")" * 200 + "()", "not " * 5000 + "1", "-" * 5000 + "1",
    "[" * 900 + "]" * 900 + "()", "'a' ~ " * 3000 + "nothing()", "caller()", "varargs", "kwargs", "loop.index",
    "super()",
    "name|default(name|attr('x'))", "namespace(a=1).a", "debug()", "_('x')", "gettext('x')", "import os",
    "lambda: 1", "name if name else import_os()", "[x for x in name]", "{% set x = 1 %}", "*name", "name(**{})",
]  # fmt: skip
STATEMENTS = [
    "{% for i in range(10**9) %}x{% endfor %}", "{% for c in name recursive %}{{ loop(name) }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}",
    "{% from 'os' import popen %}", "{% extends 'x' %}", "{% block b %}{{ self.b() }}{% endblock %}",
    "{% set x = [] %}", "{% call name() %}{% endcall %}", "{% filter upper %}x{% endfilter %}", "{% do x %}",
    "{% with x = 1 %}{% endwith %}", "{% autoescape true %}{% endautoescape %}", "{% debug %}",
    "{% trans %}x{% endtrans %}", "{% break %}", "{% if name %}" * 300, "{{ '{{' * 9**9 }}", "{{ name", "{{ }}",
    "{% %}",
    "{% if name %}" * 200 + "{{ nothing() }}" + "{% endif %}" * 200,
]  # fmt: skip


@pytest.mark.parametrize("source", [*(f"{{{{ {each} }}}}" for each in ESCAPES), *STATEMENTS])
def test_a_template_cannot_escape(source: str) -> None:
    """It is refused when it is read, or fails in a sentence when it is used; at once, and reaching nothing."""
    began = time.process_time()
    with pytest.raises((TemplateProblemError, ExpressionError)) as raised:
        compile_text(source).render({"name": "Ada", "nothing": ""})
    assert time.process_time() - began < 5.0
    assert raised.value.args[0]
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("source", ESCAPES)
def test_a_condition_cannot_escape(source: str) -> None:
    """Neither can an expression without braces."""
    with pytest.raises((TemplateProblemError, ExpressionError)):
        compile_condition(source).holds({"name": "Ada"})


@pytest.mark.parametrize("value", ["{{ pin }}", "{% for %}", "{{ ''.__class__ }}", "{{ 9**9**9 }}", "{#", "}}"])
def test_a_value_is_no_template(value: str) -> None:
    """What a contact is called is spoken as it is; it is not evaluated."""
    assert compile_text("Hello {{ name }}.").render({"name": value, "pin": "1234"}) == f"Hello {value}."


# --- requests ---------------------------------------------------------------------------------------------------------

INJECTIONS = [
    "a/b",
    "../../x",
    "a?async=0",
    "a#b",
    "a b",
    "a\r\nX: y",
    "a%2fb",
    "a\x00b",
    "é",
    "\u202ea",
    "a;b",
    "a&b=c",
]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_nothing_is_injected_into_a_request(evil: str) -> None:
    """A call's id and a reference stay one segment of a path, one value of a query; texts stay texts of the JSON."""
    dialect = CallApi(Capabilities(client_reference=True))
    for operation in (Operation.COMMAND, Operation.LOOK, Operation.END):
        target = dialect.encode(Request(operation=operation, call_id=evil, commands=({"hangup": {}},))).target
        assert re.fullmatch(r"/calls/[A-Za-z0-9%._~-]+", target)
    listing = dialect.encode(Request(operation=Operation.LIST, reference=evil)).target
    assert re.fullmatch(r"/calls\?client_reference=[A-Za-z0-9%._~-]+", listing)
    body = dialect.encode(Request(operation=Operation.COMMAND, call_id="a", commands=({"say": {"text": evil}},))).body
    assert body is not None
    assert body.isascii()
    assert b"\n" not in body
    assert json.loads(body) == {"commands": [{"say": {"text": evil}}]}


SCRIPT = """
version: 1
name: {name}
variables: {{who: {{default: you}}, from: {{default: "+15555550199"}}}}
settings: {{settle_heard: 300ms, settle_dangerous: 300ms}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "{{{{ from }}}}", timeout: 20}}
  - say: {{text: "Hello {{{{ who }}}}."}}
  - hangup: {{}}
  - end: {{result: "met {{{{ who }}}}"}}
"""
EVIL = "\x1b]0;pwned\x07\x1b[2J\u202eevil\u2066\u200f\r\nINFO forged line"
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@pytest.mark.parametrize(
    "number", ["+1212555\r\nX: y", "+1212555/../", "+12125550123?x", "\x1b[2J", "{{ from }}", "+0", ""]
)
@pytest.mark.parametrize("word", ["to", "from"])
def test_a_number_that_is_none_is_not_dialled(cli: Cli, sandbox: SandboxProcess, word: str, number: str) -> None:
    """Given as a flag: refused before anything is sent, and shown without what steers a terminal."""
    script = cli.write("s.yaml", SCRIPT.format(name="s"))
    given = {"to": TO} | {word: number}
    done = cli("run", script, *(part for name, value in given.items() for part in (f"--{name}", value)))
    assert done.returncode in {2, 65}, done.stderr
    assert not _STEERS.search(done.stderr + done.stdout)
    assert sandbox.transcript(event="request") == []


def harmless(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command wrote, which steers nothing and forges no line."""
    text = done.stdout + done.stderr
    assert not _STEERS.search(text), ascii(text)
    assert not re.search(r"^INFO forged", text, re.MULTILINE), text
    return text


def test_names_and_values_steer_no_terminal(cli: Cli) -> None:
    """Script names and variables with escapes and turned text: in run, log, show, runs, why, plan and validate."""
    name = json.dumps("a\u202eb\u2066c")
    script = cli.write("s.yaml", SCRIPT.format(name=name))
    variables = ("--var", f"who={EVIL}")
    for log_format in ("text", "json"):
        harmless(cli("-vv", "--log-format", log_format, "run", script, "--to", TO, *variables))
    harmless(cli("run", script, "--to", TO, *variables, "--json"))
    for arguments in (("validate", script), ("plan", script, "--to", TO, *variables), ("runs",), ("runs", "--json")):
        harmless(cli(*arguments))
    listed = json.loads(cli("runs", "--json").stdout)
    first = (listed["runs"] if isinstance(listed, dict) else listed)[0]["run_id"]
    for arguments in (("show", first), ("show", first, "--json"), ("why", first), ("journal", "export")):
        harmless(cli(*arguments))
    for name in (EVIL, "\x1b[2J"):
        done = cli("validate", cli.write("bad.yaml", SCRIPT.format(name=json.dumps(name))))
        assert done.returncode == 65
        harmless(done)
    done = cli("validate", cli.home / "gone\x1b[2J\u202e.yaml")
    assert done.returncode == 65
    harmless(done)


def test_what_a_server_says_steers_no_terminal(make_cli: Callable[[str], Cli]) -> None:
    """Error bodies, statuses and results with escapes: in the log, in show and why, in the journal's export."""
    call = {"resource_id": "c-1", "status": "ready", "hangup_cause": EVIL}
    failed = {"response": {"call": call, "results": [{"command": EVIL, "status": EVIL, "error": EVIL}]}}
    answers = {
        "POST": reply(201, {"response": {"call": call}}),
        "PUT": reply(400, {"response": {"error": {"message": EVIL}}}),
        "GET": reply(200, {"response": {"call": {**call, "status": "hangup"}, "data": []}}),
        "DELETE": reply(200, failed),
    }

    def answer(peer: Peer) -> None:
        while (request := peer.read_request()) is not None:
            peer.send(answers[request.method])

    with RawServer(answer) as server:
        cli = make_cli(server.url)
        script = cli.write("s.yaml", SCRIPT.format(name="s"))
        for log_format in ("text", "json"):
            done = cli("-vv", "--log-format", log_format, "run", script, "--to", TO)
            assert done.returncode == 1, done.stderr
            assert "pwned" in harmless(done)
        for status in (401, 200):
            answers["PUT"] = reply(
                status, {"response": {"error": {"message": EVIL}, "results": failed["response"]["results"]}}
            )
            harmless(cli("-vv", "run", script, "--to", TO))
        harmless(cli("runs"))
        for run in re.findall(r"[0-9a-f-]{36}", cli("runs", "--json").stdout)[:2]:
            for arguments in (("show", run), ("show", run, "--json"), ("why", run)):
                harmless(cli(*arguments))
        harmless(cli("journal", "export"))


def test_contacts_compute_and_steer_nothing(cli: Cli, sandbox: SandboxProcess) -> None:
    """Formulas get an apostrophe in CSV, turned text steers no summary, and control characters reject the row."""
    formulas = ["=cmd()", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", " =1+1", "\uff1d1+1"]
    rows = [f'+121255500{at:02d},"{each}"' for at, each in enumerate(formulas)]
    rows += ["+12125550030,\u202eevil\u2066", "+12125550031,a\x1b[2Jb", "\x1b[2J,=1"]
    contacts = cli.write("contacts.csv", "\n".join(["to,who", *rows]))
    script = cli.write("s.yaml", SCRIPT.format(name="s"))
    reports = ("--results", "results.csv", "--rejects", "rejects.csv", "--junit", "report.xml", "--metrics", "m.prom")
    harmless(cli("-vv", "batch", script, "--contacts", contacts, *reports))
    harmless(cli("batch", "status"))
    for name in ("results.csv", "rejects.csv"):
        with (cli.home / name).open(encoding="utf-8", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert [cell for cell in cells if re.match(r"\s*[=+@\uff1d-]", cell) and not re.fullmatch(r"\+\d+", cell)] == []
    results = (cli.home / "results.csv").read_text(encoding="utf-8")
    assert all(f"'{each}" in results for each in formulas)
    assert len(sandbox.rung()) == 7
    for name in ("results.csv", "report.xml", "m.prom"):
        assert "\x1b" not in (cli.home / name).read_text(encoding="utf-8"), name
