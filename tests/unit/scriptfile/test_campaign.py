"""Campaign files, and flags on top of them."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import time
from pathlib import Path

import pytest

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.campaign import Campaign, Overlap, Repeat
from orchestrator.core.records import Disposition
from orchestrator.core.redial import NumberLimits, RedialRule
from orchestrator.core.windows import EVERY_DAY, Window
from orchestrator.core.windowtext import parse_windows
from orchestrator.errors import ConfigurationError, UsageError
from orchestrator.scriptfile import load_script, parse_script
from orchestrator.scriptfile.campaign import check_labels, load_campaign, make_campaign
from orchestrator.scriptfile.campaignvalues import parse_rate
from orchestrator.scriptfile.campaignwords import WORDS

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "configs" / "campaigns").iterdir())
REFERENCE = ROOT / "docs" / "reference" / "campaign.md"

EVERYTHING = """
name: reminders
script: ../scripts/reminder.yaml
contacts: contacts.csv
results: /srv/results.csv
delimiter: tab
region: US
timezone: America/New_York
repeat: daily
overlap: wait
concurrency: 10
rate: 2/s
ramp_up: 1m
max_runtime: 50m
max_calls: 500
max_attempts: 800
max_minutes: 1.5
api_limits: {endpoint: 30/30s, account: 120/60s}
windows: mon-fri 09:00-12:00, 13:00-20:00; sat 10:00-14:00
holidays: us-CA
blackout: closed.txt
do_not_call: [dnc.txt, ~/dnc.csv]
do_not_call_command: hooks/ask --crm 'our own'
allowed_prefixes: ["+1", "+44 20"]
daily_cap: 3
min_gap: 30m
redial:
  busy: {times: 3, after: 5m, within: 10-18}
  hung_up:
    - {times: 1, after: 1h, before: ask}
    - {times: 2, after: 2h, before: bye}
fallback_sms: {text: "Call us, {{ patient }}.", from: "+15555550199"}
settings: {max_silence: 15s, on_stale: bye}
variables: {practice: Riverside, note: ""}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "spring.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaints(folder: Path, text: str) -> list[str]:
    """Return the lines of the error without the folder."""
    with pytest.raises(ConfigurationError) as raised:
        load_campaign(written(folder, text))
    assert raised.value.exit_code == 78
    return str(raised.value).replace(f"{folder}/", "").splitlines()


def test_every_word_of_a_file_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations become seconds; relative paths start at the file's folder and `~` is the home folder."""
    monkeypatch.setenv("HOME", "/home/us")
    campaign = load_campaign(written(tmp_path, EVERYTHING))
    sms = campaign.fallback_sms
    assert sms is not None
    assert (sms.text.render({"patient": "Ann"}), sms.from_ and sms.from_.source) == ("Call us, Ann.", "+15555550199")
    assert campaign == Campaign(
        name="reminders",
        script=f"{tmp_path}/../scripts/reminder.yaml",
        contacts=f"{tmp_path}/contacts.csv",
        results="/srv/results.csv",
        delimiter="tab",
        region="US",
        timezone="America/New_York",
        repeat=Repeat.DAILY,
        overlap=Overlap.WAIT,
        concurrency=10,
        rate_per_s=2.0,
        ramp_up_s=60.0,
        max_runtime_s=3000.0,
        max_calls=500,
        max_attempts=800,
        max_call_s=90.0,
        calendar=campaign.calendar,
        holidays="US",
        subdivision="CA",
        blackout=f"{tmp_path}/closed.txt",
        do_not_call=(f"{tmp_path}/dnc.txt", "/home/us/dnc.csv"),
        do_not_call_command=(f"{tmp_path}/hooks/ask", "--crm", "our own"),
        allowed_prefixes=("+1", "+4420"),
        limits=NumberLimits(min_gap_s=1800.0, daily_cap=3),
        redial=(
            RedialRule(
                disposition=Disposition.BUSY,
                times=3,
                after_s=300.0,
                within=(Window(EVERY_DAY, time(10), time(18)),),
            ),
            RedialRule(disposition=Disposition.HUNG_UP, times=1, after_s=3600.0, before_label="ask"),
            RedialRule(disposition=Disposition.HUNG_UP, times=2, after_s=7200.0, before_label="bye"),
        ),
        fallback_sms=sms,
        settings={"max_silence_s": 15.0, "on_stale": "bye"},
        variables={"practice": "Riverside", "note": ""},
        api_limits=ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0)),
    )
    assert campaign.calendar.windows == parse_windows("mon-fri 09:00-12:00, 13:00-20:00; sat 10:00-14:00")


def test_what_a_file_does_not_say_has_its_default(tmp_path: Path) -> None:
    """The name is the file's, all else the defaults of `Campaign`; `-` is standard input, a bare command is in PATH."""
    campaign = load_campaign(written(tmp_path, 'contacts: "-"\ndo_not_call_command: [ask, "-q"]\ndo_not_call: dnc.txt'))
    assert campaign == Campaign(
        name="spring", contacts="-", do_not_call_command=("ask", "-q"), do_not_call=(f"{tmp_path}/dnc.txt",)
    )


def test_flags_count_more_than_the_file(tmp_path: Path) -> None:
    """Groups are joined word by word, and a do-not-call list is never taken away by one more; the rest is replaced."""
    campaign = load_campaign(
        written(tmp_path, EVERYTHING),
        {
            "concurrency": "2",
            "rate": None,
            "contacts": "late.csv",
            "do_not_call": ("more.txt",),
            "allowed_prefixes": [],
            "settings": {"max_silence": 5},
            "variables": {"practice": "Hillside"},
            "redial": {"busy": {"times": 1, "after": 0}},
            "daily_cap": 1,
        },
    )
    assert (campaign.concurrency, campaign.rate_per_s, campaign.contacts) == (2, 2.0, "late.csv")
    assert campaign.do_not_call[0] == f"{tmp_path}/dnc.txt"
    assert campaign.do_not_call[-1] == "more.txt"
    assert campaign.allowed_prefixes == ("+1", "+4420")
    assert campaign.settings == {"max_silence_s": 5.0, "on_stale": "bye"}
    assert campaign.variables == {"practice": "Hillside", "note": ""}
    assert [(rule.disposition, rule.times) for rule in campaign.redial] == [("busy", 1), ("hung_up", 1), ("hung_up", 2)]
    assert campaign.limits == NumberLimits(min_gap_s=1800.0, daily_cap=1)


def test_a_campaign_needs_no_file() -> None:
    """Flags alone make one; paths stay as they are given."""
    given = {"contacts": "c.csv", "windows": "9-20", "do_not_call_command": "./ask"}
    campaign = make_campaign(given, name="reminder")
    assert (campaign.name, campaign.contacts, campaign.do_not_call_command) == ("reminder", "c.csv", ("./ask",))
    assert make_campaign({"name": "other"}, name="reminder").name == "other"


def test_a_bad_flag_is_a_mistake_of_usage(tmp_path: Path) -> None:
    """Every one is named in one pass; a problem of the file comes before."""
    with pytest.raises(UsageError) as raised:
        make_campaign({"rate": "fast", "concurency": 3}, name="c")
    assert str(raised.value).splitlines() == [
        "`concurency` has no meaning here; did you mean `concurrency`?",
        "`rate` must be a rate such as 2/s, 30/m or 30/30s, not `fast`",
    ]
    with pytest.raises(ConfigurationError):
        load_campaign(written(tmp_path, "rate: fast"), {"rate": "slow"})


def test_all_problems_of_a_file_are_told_in_one_pass(tmp_path: Path) -> None:
    """Each with its place, in the order of the file."""
    text = """
concurency: 3
rate: fast
windows: mon-fri 09:00-20:00; sat 10
redial:
  busy: {times: 0, after: 5m}
  no_anwser: {times: 1, after: 5m}
  hung_up:
    - {times: 1, after: 1h}
settings: {max_silense: 3s}
do_not_call:
  - dnc.txt
  - {}
"""
    windows = "`10` is not a range of times; write one such as `09:00-20:00` (at character 26)"
    assert complaints(tmp_path, text) == [
        "spring.yaml:2:1: `concurency` has no meaning here; did you mean `concurrency`?",
        "spring.yaml:3:7: `rate` must be a rate such as 2/s, 30/m or 30/30s, not `fast`",
        f"spring.yaml:4:10: `windows` cannot be understood: {windows}",
        "spring.yaml:6:17: `times` must lie between 1 and 100, not `0`",
        "spring.yaml:7:3: `no_anwser` has no meaning here; did you mean `no_answer`?",
        "spring.yaml:9:7: `hung_up` needs `before`",
        "spring.yaml:10:12: `max_silense` has no meaning here; did you mean `max_silence`?",
        "spring.yaml:13:5: `do_not_call` must be text, not a mapping",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "spring.yaml:1:1: the file is empty; write what the campaign calls, such as `script: reminder.yaml`"),
        ("- a", "spring.yaml:1:1: a campaign must be a mapping, such as `script: reminder.yaml`"),
        ("a: [", "spring.yaml:1:5: this is not valid YAML: "),
        ("rate:", "spring.yaml:1:1: `rate` has no value; write one or delete the line"),
        ("rate: 0/s", "must be a rate such as 2/s"),
        ("rate: 2/0s", "must be a rate such as 2/s"),
        ("rate: 5000/s", "spring.yaml:1:7: `rate` must lie between 1/h and 1000/s, not `5000/s`"),
        ("concurrency: 0", "must lie between 1 and 10000"),
        ("max_calls: 0", "`max_calls` must be at least 1, not `0`"),
        ("max_minutes: 0", "`max_minutes` must be more than 0, not `0`"),
        ("max_runtime: 0s", "`max_runtime` must lie between 1s and 168h, not `0s`"),
        ("min_gap: 999h", "`min_gap` must lie between 0s and 720h, not `999h`"),
        ("repeat: monthly", "`repeat` must be one of `none`, `daily` and `weekly`, not `monthly`"),
        ("repeat: {}", "`repeat` must be one of"),
        ("timezone: Europe/Pariss", "not `Europe/Pariss`; did you mean `Europe/Paris`?"),
        ("timezone: xxxxxxxxxxx", "`timezone` must be a time zone such as Europe/Paris, not `xxxxxxxxxxx`"),
        ("region: usa", "`region` must be a country of two capital letters, such as US, not `usa`"),
        ("delimiter: ;;", "`delimiter` must be a single character or `tab`, not `;;`"),
        (
            "holidays: Bavaria",
            "`holidays` must be a country such as US, a part of one such as US-CA, or `callee`, not `Bavaria`",
        ),
        ("allowed_prefixes: 1-555", "`allowed_prefixes` must begin numbers in international form"),
        ("allowed_prefixes: ['+1', '']", "spring.yaml:1:26: `allowed_prefixes` must not be empty"),
        ("allowed_prefixes: {}", "`allowed_prefixes` must be a list of texts, not a mapping"),
        ("do_not_call_command: ask 'it", "`do_not_call_command` has a quote that is not closed"),
        ("do_not_call_command: []", "spring.yaml:1:22: `do_not_call_command` must not be empty"),
        ("api_limits: 30/30s", "`api_limits` must be a mapping, such as `endpoint: 30/30s`"),
        ("api_limits: {endpoint: 30/5m}", "`endpoint` must be whole requests in at most 60s, such as 30/30s"),
        ("api_limits: {endpoint: 0.5/s}", "`endpoint` must be whole requests"),
        ("redial: {busy: 3}", "spring.yaml:1:16: `busy` must be a mapping, such as `busy: {times: 2, after: 5m}`"),
        ("redial: {busy: [{times: 2, after: 5m}]}", "`busy` must be a mapping"),
        ("redial: {hung_up: 3}", "such as `hung_up: {times: 2, after: 5m, before: LABEL}`"),
        ("redial: {busy: {times: 1, after: 5m, before: ask}}", "`before` has no meaning here"),
        ("redial: {busy: {times: 1, after: 5m, within: x}}", "`within` cannot be understood"),
        ("redial: {busy: {times: 1}}", "spring.yaml:1:10: `busy` needs `after`"),
        ("redial: {completed: {times: 1, after: 5m}}", "`completed` has no meaning here"),
        ("fallback_sms: hello", "`fallback_sms` must be a mapping, such as `text: "),
        ("fallback_sms: {from: '+15555550199'}", "spring.yaml:1:1: `fallback_sms` needs `text`"),
        ("fallback_sms: {text: a, from: '5550199'}", "`from` must be a number in international form"),
        ("fallback_sms: {text: '{{ a'}", "spring.yaml:1:22: `text` "),
        (f"fallback_sms: {{text: {'x' * 481}}}", "`text` must not be longer than 480 characters; it has 481"),
        ("variables: [a]", "`variables` must be a mapping"),
        ("variables: {a b: x}", "spring.yaml:1:18: `a b` must be a name of letters"),
        ("variables: {to: '+15555550123'}", "`to` must not be set: each contact has its own"),
        ("variables: {place: }", 'must be a single value; write `""` for an empty one'),
        ("variables: {place: [a]}", "`place` must be a single value"),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """What was expected stands in the message."""
    found = complaints(tmp_path, text)
    assert len(found) == 1
    assert expected in found[0]
    assert re.match(r"spring\.yaml:1:\d+: ", found[0])


def test_a_file_that_cannot_be_read_is_a_problem_of_configuration(tmp_path: Path) -> None:
    """A campaign is configuration, so is its absence."""
    with pytest.raises(ConfigurationError, match=r"spring\.yaml: the file cannot be read"):
        load_campaign(tmp_path / "spring.yaml")


@pytest.mark.parametrize(
    ("text", "expected"), [("2/s", (2, 1)), ("30/m", (30, 60)), ("30/30s", (30, 30)), ("1.5 / 2h", (1.5, 7200))]
)
def test_a_rate_is_a_number_in_a_time(text: str, expected: tuple[float, float]) -> None:
    """Without a number before its unit the time is one of them."""
    assert parse_rate(text) == expected


def test_a_redial_rule_must_name_a_label_of_the_script(tmp_path: Path) -> None:
    """With a misspelt one, people who were reached would be called again."""
    script = parse_script(
        "version: 1\ncommands: [{dial: {to: '{{ to }}', from: '+15555550199'}}, {id: ask, hangup: {}}]"
    )
    good = make_campaign({"redial": {"hung_up": {"times": 1, "after": 5, "before": "ask"}}}, name="c")
    check_labels(good, script)
    bad = load_campaign(written(tmp_path, "redial: {hung_up: {times: 1, after: 5m, before: asks}}"))
    with pytest.raises(ConfigurationError, match=r"names `asks`, but .* has no such label; did you mean `ask`\?"):
        check_labels(bad, script)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_samples_can_be_used(sample: Path) -> None:
    """What they name exists, and their rules fit their scripts."""
    campaign = load_campaign(sample)
    assert campaign.script is not None
    check_labels(campaign, load_script(campaign.script))
    assert campaign.contacts is None or Path(campaign.contacts).is_file()


def test_the_reference_describes_every_word() -> None:
    """And no other one; a default that it shows is that of `Campaign`."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(word for word, _ in rows) == sorted(WORDS)
    shown = {word: default.strip(" `") for word, default in rows}
    assert shown["concurrency"] == str(Campaign(name="").concurrency)
    assert shown["timezone"] == Campaign(name="").timezone
    assert shown["repeat"] == Campaign(name="").repeat
    assert shown["overlap"] == Campaign(name="").overlap


def test_every_field_of_a_campaign_can_be_written(tmp_path: Path) -> None:
    """A file with every word leaves no field at its default."""
    assert all(f"\n{word}:" in EVERYTHING for word in WORDS)
    campaign, default = load_campaign(written(tmp_path, EVERYTHING)), Campaign(name="")
    assert [one.name for one in fields(Campaign) if getattr(campaign, one.name) == getattr(default, one.name)] == []


@pytest.mark.parametrize(("written", "found"), [("callee", "callee"), ("Callee", "callee"), ("de-BY", "DE")])
def test_holidays_are_those_of_a_country_or_of_each_callee(written: str, found: str) -> None:
    """`callee` is no country."""
    assert make_campaign({"holidays": written}, name="c").holidays == found


def test_a_part_of_the_callee_is_a_mistake() -> None:
    """Only countries have parts."""
    with pytest.raises(UsageError, match="`holidays` must be"):
        make_campaign({"holidays": "callee-BY"}, name="c")
