"""Reads files of secrets: those that nobody but their owner may open. For credentials and signing secrets."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from orchestrator.errors import ConfigurationError

_LARGEST = 65_536


def private_text(name: str, what: str) -> str:
    """Return the text of a file of secrets.

    Args:
        name: The file.
        what: What messages call its content, such as `credentials`.

    Raises:
        ConfigurationError: Others may open it, or it cannot be read. The message holds nothing of its text.
    """
    try:
        with Path(name).open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise ConfigurationError(
                    f"{name}: others than its owner may use this file of {what} (its mode is "
                    f"{stat.S_IMODE(mode):04o}); run: chmod 600 {shlex.quote(name)}"
                )
            return stream.read(_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: the file is not UTF-8 text; save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{name}: the {what} file cannot be read: {reason}") from None
