"""What the tests of `script` share: how a text is read, and how golden files are renewed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew (pytest tests/script)")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether the golden files are to be written; the option is only there when tests/script is named."""
    return bool(request.config.getoption("--update-golden", default=False))
