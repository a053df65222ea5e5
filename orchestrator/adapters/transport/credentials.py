"""The API key and password, kept out of every repr, log and traceback.

Reading them from the environment or a file is the composition root's work. Knows no library.
"""

from __future__ import annotations

import base64

from orchestrator.core.masking import without_secrets
from orchestrator.errors import ConfigurationError

MASK = "***"


class SecretText(str):
    """A text that shows itself as `***` however it is printed; `encode` gives the bytes for the wire."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return format(MASK, format_spec)


class Credentials:
    """The API key and the API password of the application (contract section 1)."""

    __slots__ = ("_authorization", "_secrets")

    def __init__(self, key: str, password: str) -> None:
        """Take both texts.

        Raises:
            ConfigurationError: One is empty, or cannot be carried by HTTP Basic authentication.
        """
        if not key or not password:
            raise ConfigurationError("The API key and the API password must both be given; one of them is empty.")
        if ":" in key or not (key + password).isprintable():
            raise ConfigurationError(
                "The API key must not contain a colon, and neither the key nor the password a control character. "
                "Is there a line break at the end of one?"
            )
        token = base64.b64encode(f"{key}:{password}".encode()).decode("ascii")
        self._authorization = SecretText(f"Basic {token}")
        self._secrets = (key, password, token)

    @property
    def authorization(self) -> SecretText:
        """The value of the Authorization header."""
        return self._authorization

    def hidden_in(self, text: str) -> str:
        """Return what a server wrote without the credentials, which it may repeat."""
        return without_secrets(text, self._secrets)

    def __repr__(self) -> str:
        return f"Credentials({MASK})"

    def __reduce__(self) -> str:
        raise TypeError("Credentials are not written anywhere.")
