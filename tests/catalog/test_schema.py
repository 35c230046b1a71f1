"""The verb `schema`: the database on one screen, and each object on a page."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import UsageError
from tests.catalog.shown import GOLDEN, SHOP, shown
from tests.conftest import Project


@pytest.fixture
def shop(project: Project) -> Project:
    """A project on a database with a small shop in it."""
    project.rows(SHOP)
    return project


def test_everything_and_each_object_is_shown_as_in_the_golden_file(shop: Project) -> None:
    """As a notebook stores it, which is the same every time; no time, no statistics, and no rounded size of anything small."""
    assert shown(shop.migrator(), shop.label) == GOLDEN.read_text(encoding="utf-8")
    assert shown(shop.migrator(), shop.label) == GOLDEN.read_text(encoding="utf-8")


def test_a_name_that_nothing_has_is_an_error(shop: Project) -> None:
    """It names what may have been meant, as commands, and how to see everything."""
    with pytest.raises(UsageError) as refused:
        shop.migrator().schema("ordrs")
    assert refused.value.message == "there is no object 'ordrs'"
    assert refused.value.hint == "did you mean `sapi schema orders`? `sapi schema` shows everything that is there."
