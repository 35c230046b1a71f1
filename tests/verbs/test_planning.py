"""Which plans there are, what their verbs take, and that what a verb works with cannot be changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fsapi_nb.commands import VERBS
from fsapi_nb.errors import UsageError
from fsapi_nb.verbs.options import find_options, hide_secrets
from fsapi_nb.verbs.planning import planner_of
from fsapi_nb.verbs.request import PLANNED, PlanRequest

NAMES = {"rename": ("a", "b"), "retire": ("a",), "baseline": ("a",)}
GIVEN: dict[str, object] = {
    "database": "postgresql://app:s3cret-and-longer@db/shop",
    "settings": {"api_key": "s3cret-and-longer"},
    "lock_timeout": None,
    "statement_timeout": None,
    "max_wait": 60.0,
    "postgres_bin": None,
    "scratch": None,
    "schema": None,
    "pooler": None,
    "application": "fsapi_nb",
    "notebook": None,
    "cell": None,
    "runbook": None,
    "observers": [],
}


@pytest.mark.parametrize("verb", PLANNED)
def test_every_verb_with_a_plan_is_a_command_and_has_a_planner(verb: str) -> None:
    """That of `fresh` is made from the catalog, and so not by a planner alone."""
    assert verb in {each.name for each in VERBS}
    assert (planner_of(PlanRequest(verb, NAMES.get(verb, ()))) is None) == (verb == "fresh")


@pytest.mark.parametrize(
    "request_",
    [
        PlanRequest("status"),
        PlanRequest("migrate", names=("a",)),
        PlanRequest("redo", everything=True),
        PlanRequest("rename", ("a",)),
        PlanRequest("retire", missing=True, undo=True),
    ],
    ids=lambda request: request.verb,
)
def test_what_a_verb_does_not_take_is_refused(request_: PlanRequest) -> None:
    """Before anything is read or connected to."""
    with pytest.raises(UsageError):
        planner_of(request_)


def test_what_a_verb_works_with_is_frozen_and_shows_no_secret(tmp_path: Path) -> None:
    """It is looked up and checked once; a verb that changed it would change the next one."""
    given = hide_secrets({**GIVEN, "directory": tmp_path})
    options = find_options(given)
    assert options.directory == tmp_path
    assert options.start is None
    assert "s3cret" not in f"{given!r} {options!r}"
    for value, name in ((given, "schema"), (options, "directory"), (options.access, "schema")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "other")
