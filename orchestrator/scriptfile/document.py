"""A whole file → `core.script.Script`: its top-level keys, its parts, and every problem in one pass.

`Script.parse` calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypedDict

from orchestrator.core import script as core
from orchestrator.core.script import Place, SettingValue, Value, Variable
from orchestrator.scriptfile import values
from orchestrator.scriptfile.entries import EntryReader, Jump, Sketch
from orchestrator.scriptfile.flow import check_order
from orchestrator.scriptfile.jsontree import read_json
from orchestrator.scriptfile.models import Reading, VariableShape
from orchestrator.scriptfile.settings import parse_settings
from orchestrator.scriptfile.shapes import Named, validate
from orchestrator.scriptfile.source import Complaints, Source, in_order
from orchestrator.scriptfile.templates import compared_with_numbers
from orchestrator.scriptfile.tree import Kind, ListNode, MapNode, Node, Pair, Scalar, plain
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.variables import DeclaredVariable, texts_of, texts_of_element, typed
from orchestrator.scriptfile.words import quote, suggestion
from orchestrator.scriptfile.written import masked, secret_keys, text_digest
from orchestrator.scriptfile.yamltree import read_yaml

SUPPORTED_VERSIONS = ("1",)
_SUFFIXES = (".yaml", ".yml", ".json")
_JOURNALLED: Mapping[type[core.Command | core.Control], str] = {
    core.End: "the result of an `end` is written to the journal and shown",
    core.Dial: "the numbers and times of a `dial` are written to the journal and shown",
}
"""The elements whose texts end up in the journal once they are filled in, in words."""
TOP_KEYS = ("version", "name", "variables", "settings", "commands")


class Fields(TypedDict):
    """The fields of `core.script.Script`."""

    name: str
    entries: tuple[core.Entry, ...]
    variables: tuple[Variable, ...]
    settings: dict[str, SettingValue]
    digest: str
    source: str
    masked: bool
    path: str | None
    templates: bool
    warnings: tuple[str, ...]


def parse_document(source: Source, path: str | None) -> Fields:
    """Return the fields of the script that a text holds. Raises ScriptError with all of its problems."""
    complaints = Complaints(source)
    is_json = source.name.lower().endswith(".json") or source.text.lstrip()[:1] == "{"
    root = read_json(complaints) if is_json else read_yaml(complaints)
    if not isinstance(root, MapNode):
        raise complaints.stop(root.start, "a script is a mapping with `commands`; this is not one")
    return _DocumentReader(complaints, root, path).read()


@dataclass(slots=True)
class _DocumentReader:
    """Reads one file part by part; a part that is wrong does not keep the others from being read."""

    complaints: Complaints
    root: MapNode
    path: str | None
    secrets: list[Scalar] = field(default_factory=list)
    keys: list[Scalar] = field(default_factory=list)

    def read(self) -> Fields:
        reading = Reading(templates=self._has_version())
        self._check_keys(reading)
        name = self._name()
        variables = self._variables(reading)
        settings, on_stale = self._settings()
        sketches, entries = self._commands(reading)
        if sketches:
            check_order(sketches, on_stale, self.complaints)
        self._check_entries(entries, reading)
        self._check_secrets(entries, variables)
        self.complaints.raise_if_any()
        source = self.complaints.source
        kept = masked(source, keys=self.keys, secrets=self.secrets)
        return Fields(
            name=name,
            entries=tuple(entries),
            variables=tuple(variables),
            settings=settings,
            digest=text_digest(kept),
            source=kept,
            masked=kept != source.text,
            path=self.path,
            templates=reading.templates,
            warnings=tuple(str(warning) for warning in in_order(self.complaints.warnings)),
        )

    def _has_version(self) -> bool:
        """Return whether the file is in our format rather than in the API's own form."""
        pair = self.root.find("version")
        if pair is None:
            return False
        if not isinstance(pair.value, Scalar) or pair.value.text not in SUPPORTED_VERSIONS:
            shown = f"version {quote(pair.value.text)}" if isinstance(pair.value, Scalar) else "this version"
            message = f"{shown} of the format is not supported; this program reads version 1"
            self.complaints.add(pair.value.start, message)
        return True

    def _check_keys(self, reading: Reading) -> None:
        for pair in self.root:
            word = pair.key.text
            if word not in TOP_KEYS:
                self.complaints.add(pair.key.start, f"{quote(word)} has no meaning here{suggestion(word, TOP_KEYS)}")
            elif word != "commands" and not reading.templates:
                self.complaints.add(pair.key.start, f"`{word}` needs `version: 1` at the top of the file")

    def _name(self) -> str:
        pair = self.root.find("name")
        if pair is None:
            file = PurePath(self.complaints.source.name)
            return file.stem if file.suffix.lower() in _SUFFIXES else file.name
        if isinstance(pair.value, Scalar) and pair.value.kind is Kind.TEXT and 0 < len(pair.value.text.strip()) <= 100:
            return pair.value.text.strip()
        self.complaints.add(pair.value.start, "`name` must be text of at most 100 characters")
        return ""

    def _variables(self, reading: Reading) -> list[Variable]:
        declared = self.root.find("variables")
        if declared is None or _is_nothing(declared.value):
            return []
        if not isinstance(declared.value, MapNode):
            message = "`variables` must be a mapping of names, such as `patient: {required: true}`"
            self.complaints.add(declared.value.start, message)
            return []
        found = (self._variable(pair, reading) for pair in declared.value)
        return [variable for variable in found if variable is not None]

    def _variable(self, pair: Pair, reading: Reading) -> Variable | None:
        name, place = pair.key.text, self.complaints.source.place(pair.key.start)
        try:
            values.parse_variable(name)
        except BadValueError as error:
            self.complaints.add(pair.key.start, f"the name of a variable {error}")
        if _is_nothing(pair.value):
            return DeclaredVariable(name=name, place=place)
        if isinstance(pair.value, Scalar):
            return self._bare(pair, pair.value, place)
        shape = validate(VariableShape, Named(name, pair.key.start, pair.value), self.complaints, reading)
        if shape is None or not isinstance(pair.value, MapNode):
            return None
        return self._declared(name, shape, pair.value, place)

    def _bare(self, pair: Pair, value: Scalar, place: Place) -> Variable:
        default = value.value
        kinds = {bool: "boolean", int: "integer", float: "number"}
        if pair.key.text in ("to", "from"):
            self._check_phone(value)
        return DeclaredVariable(name=pair.key.text, default=default, type=kinds.get(type(default), "text"), place=place)

    def _declared(self, name: str, shape: VariableShape, node: MapNode, place: Place) -> Variable:
        default: Value | None = None
        written = node.scalar("default")
        if written is not None:
            try:
                default = typed(shape.type, written.value if written.kind is not Kind.NULL else "")
            except BadValueError as error:
                self.complaints.add(written.start, f"the default of `{name}` {error}")
            if shape.required:
                self.complaints.add(written.start, f"`{name}` is required, so its default would never be used")
            if shape.sensitive:
                self.secrets.append(written)
            if name in ("to", "from"):
                self._check_phone(written)
        return DeclaredVariable(
            name=name,
            required=shape.required,
            default=default,
            type=shape.type,
            sensitive=shape.sensitive,
            description=shape.description,
            place=place,
        )

    def _check_phone(self, written: Scalar) -> None:
        try:
            values.check_phone(written.text)
        except BadValueError as error:
            self.complaints.add(written.start, f"the default {error}")

    def _settings(self) -> tuple[dict[str, SettingValue], Jump | None]:
        pair = self.root.find("settings")
        if pair is None or _is_nothing(pair.value):
            return {}, None
        if not isinstance(pair.value, MapNode):
            self.complaints.add(pair.value.start, "`settings` must be a mapping, such as `{max_silence: 20s}`")
            return {}, None
        typed_settings, problems = parse_settings({item.key.text: plain(item.value) for item in pair.value})
        for item in pair.value:
            if item.key.text in problems:
                unknown = "is not a setting" in problems[item.key.text]
                at = item.key.start if unknown or _is_nothing(item.value) else item.value.start
                self.complaints.add(at, problems[item.key.text])
        stale = pair.value.scalar("on_stale")
        return typed_settings, Jump(stale.text, stale.start) if stale is not None and stale.text else None

    def _commands(self, reading: Reading) -> tuple[list[Sketch], list[core.Entry]]:
        pair = self.root.find("commands")
        if pair is None:
            near = any(suggestion(item.key.text, ["commands"]).startswith("; did") for item in self.root)
            if not near:
                self.complaints.add(self.root.start, "there are no `commands`")
            return [], []
        if not isinstance(pair.value, ListNode) or not pair.value.items:
            at = pair.key.start if _is_nothing(pair.value) else pair.value.start
            self.complaints.add(at, "`commands` must be a list of at least one command; each starts with `- `")
            return [], []
        reader = EntryReader(self.complaints, reading)
        read = [reader.read(node) for node in pair.value.items]
        self.keys += [scalar for node in pair.value.items for scalar in secret_keys(node)]
        return [sketch for sketch, _ in read], [entry for _, entry in read if entry is not None]

    def _check_entries(self, entries: list[core.Entry], reading: Reading) -> None:
        """Check what the texts of an entry read; the shapes are right by now."""
        saved = {entry.save for entry in entries}
        for entry in entries:
            at = self.complaints.source.line_starts[entry.place.line - 1] + entry.place.column - 1
            texts = list(texts_of(entry))
            if isinstance(entry.element, core.Dial) and any("call_id" in text.names for text in texts):
                self.complaints.add(at, "`call_id` is not known in the `dial`: the call gets its id when it is dialled")
            if not reading.templates and any("{{" in text.source for text in texts):
                message = "`{{` stands for itself here; variables need `version: 1` at the top of the file"
                self.complaints.warn(at, message)
            for name in sorted(name for text in texts for name in compared_with_numbers(text) if name in saved):
                message = f"`{name}` holds digits as text and equals no number; write {name} == '1', or {name} | int"
                self.complaints.warn(at, message)

    def _check_secrets(self, entries: list[core.Entry], variables: list[Variable]) -> None:
        """Complain about each secret that would be written to the journal (rules, section 4.10)."""
        secret = {variable.name for variable in variables if variable.sensitive}
        secret |= {entry.save for entry in entries if entry.save is not None and entry.sensitive}
        for entry in entries:
            journalled = _JOURNALLED.get(type(entry.element))
            if journalled is None:
                continue
            at = self.complaints.source.line_starts[entry.place.line - 1] + entry.place.column - 1
            names = {name for text in texts_of_element(entry.element) for name in text.names}
            for name in sorted(names & secret):
                self.complaints.add(at, f"`{name}` is secret, and {journalled}: it cannot be used there")


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind is Kind.NULL
