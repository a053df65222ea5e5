"""What the tests behind real intermediaries share."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.network import proxies


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a network namespace where the machine does not allow one, as containers often do not."""
    needing = [item for item in items if item.get_closest_marker("namespace") is not None]
    if needing and not proxies.namespaces_are_allowed():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def hold_url() -> Iterator[str]:
    """A hold server on loopback."""
    with proxies.hold_server() as url:
        yield url


@pytest.fixture
def hold_port(hold_url: str) -> int:
    """Its port."""
    return urlsplit(hold_url).port or 0
