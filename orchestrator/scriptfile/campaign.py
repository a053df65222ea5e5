"""A campaign file, with flags on top → `core.campaign.Campaign`, with file:line:column in every complaint.

`compose` calls it for `batch` and `run_many`. The words and their types are in `campaignwords`; here they get their
places. The holidays, the lists and the contacts that a campaign names are opened by others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestrator.errors import ConfigurationError, Problem, ScriptError, UsageError
from orchestrator.scriptfile.campaignwords import Fault, WordReader, campaign_of, laid_over
from orchestrator.scriptfile.source import Complaints, checked_source, in_order, read_text
from orchestrator.scriptfile.tree import ListNode, MapNode, Node, plain
from orchestrator.scriptfile.words import quote, suggestion

if TYPE_CHECKING:
    from orchestrator.core.campaign import Campaign
    from orchestrator.core.script import Script

_OUR_WORD = re.compile(r"(?<!`)\bscript(s?)\b(?!`)")
_NAMES_SCRIPT = re.compile(r"^script[ \t]*:", re.MULTILINE)
_EMPTY = "the file is empty; write what the campaign calls, such as `script: reminder.yaml`"


def is_campaign(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a campaign: it names a script, and no script does. One that cannot be read is none."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return _NAMES_SCRIPT.search(text) is not None


def load_campaign(path: str | os.PathLike[str], given: Mapping[str, object] | None = None) -> Campaign:
    """Return the campaign in a YAML file.

    Args:
        path: The file. Relative paths in it start at its folder, and its stem is the campaign's name unless it has one.
        given: What counts more than the file, as for `make_campaign`.

    Raises:
        ConfigurationError: With every problem of the file, one a line, as `file:line:column: message`.
        UsageError: With every problem of `given`, if the file has none.
    """
    name = os.fspath(path)
    file = Path(name).absolute()
    lower = _of_file(name, file.parent)
    return campaign_of(laid_over(lower, _of_words(given or {})), name=file.stem)


def make_campaign(given: Mapping[str, object], *, name: str) -> Campaign:
    """Return a campaign without a file.

    Args:
        given: Values by the words of a campaign file, as text or typed; None and an empty list say nothing. Relative
            paths are left as they are.
        name: Of the campaign, unless `given` has one.

    Raises:
        UsageError: With every problem, one a line.
    """
    return campaign_of(_of_words(given), name=name)


def check_labels(campaign: Campaign, script: Script) -> None:
    """Check that the script has the labels that redial rules name; a misspelt one would call again who was reached.

    Raises:
        ConfigurationError: With every one that it lacks.
    """
    known = [entry.label for entry in script.entries if entry.label is not None]
    named = {rule.before_label for rule in campaign.redial if rule.before_label is not None}
    missing = sorted(named.difference(known))
    if missing:
        raise ConfigurationError("\n".join(f"{campaign.name}: {_no_label(label, script, known)}" for label in missing))


def _no_label(label: str, script: Script, known: Collection[str]) -> str:
    return f"`redial` names {quote(label)}, but {script.name} has no such label{suggestion(label, known)}"


def _of_words(given: Mapping[str, object]) -> dict[str, Any]:
    reader = WordReader(None)
    layer = reader.read({word: value for word, value in given.items() if value not in (None, (), [])})
    if reader.faults:
        raise UsageError("\n".join(fault.message for fault in reader.faults))
    return layer


def _of_file(name: str, folder: Path) -> dict[str, Any]:
    reader = WordReader(folder)
    try:
        complaints, root = _tree(name)
    except ScriptError as error:
        raise _error(map(_reworded, error.problems)) from None
    complaints.problems = set(map(_reworded, complaints.problems))
    if not isinstance(root, MapNode):
        complaints.add(root.start, "a campaign must be a mapping, such as `script: reminder.yaml`")
        raise _error(in_order(complaints.problems))
    layer = reader.read(cast("dict[str, object]", plain(root)))
    for fault in reader.faults:
        complaints.add(_offset(root, fault), fault.message)
    if complaints.problems:
        raise _error(in_order(complaints.problems))
    return layer


def _tree(name: str) -> tuple[Complaints, Node]:
    """Return the tree of a file, and where to complain about it. Raises ScriptError, in words for scripts."""
    from orchestrator.scriptfile.yamltree import read_yaml

    complaints = Complaints(checked_source(name, read_text(Path(name), name)))
    return complaints, read_yaml(complaints)


def _offset(root: Node, fault: Fault) -> int:
    """Return where a fault stands: at the name, or the value, that its path leads to."""
    node, at_name, at_value = root, root.start, root.start
    for step in fault.path:
        if isinstance(node, ListNode):
            node = node.items[int(step)]
            at_name = at_value = node.start
            continue
        assert isinstance(node, MapNode)
        pair = node.find(str(step))
        assert pair is not None
        node, at_name, at_value = pair.value, pair.key.start, pair.value.start
    return at_name if fault.is_name else at_value


def _reworded(problem: Problem) -> Problem:
    """Return a problem of the readers that scripts share, in words that fit here too."""
    if problem.message.startswith("the file is empty"):
        return replace(problem, message=_EMPTY)
    return replace(problem, message=_OUR_WORD.sub(r"campaign\1", problem.message))


def _error(problems: Iterable[Problem]) -> ConfigurationError:
    return ConfigurationError("\n".join(map(str, problems)))
