"""The script as library users know it: `core.script.Script` that can be loaded from a file.

Standard library only, so that `from orchestrator import Script` costs nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestrator.core import script as core

if TYPE_CHECKING:
    from typing import Self


class Script(core.Script):
    """A whole script, valid by every rule that can be checked offline. Made by `load` and `parse`."""

    __slots__ = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the script in a YAML or JSON file. Raises ScriptError with every problem of the file."""
        from pathlib import Path

        from orchestrator.scriptfile.source import read_text

        name = os.fspath(path)
        text = read_text(Path(name), name)
        return cls.parse(text, name=name, path=os.path.abspath(name))  # noqa: PTH100 - resolve() would follow links

    @classmethod
    def parse(cls, text: str, *, name: str = "<text>", path: str | None = None) -> Self:
        """Return the script in a text.

        Args:
            text: YAML, or JSON if `name` ends in `.json` or the text starts with `{`.
            name: What problems call the text.
            path: The file it came from, absolute.

        Raises:
            ScriptError: With every problem of the text.
        """
        from orchestrator.scriptfile.document import parse_document
        from orchestrator.scriptfile.source import checked_source

        return cls(**parse_document(checked_source(name, text), path))
