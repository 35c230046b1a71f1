"""The verb `schema` on any database: objects of every kind with every name, more columns than fit, no right to read."""

from __future__ import annotations

import json

import psycopg

from fsapi_nb.text.fold import OUTPUT, stored_size
from fsapi_nb.views.results import ObjectResult, Result, SchemaResult
from tests.catalog.nasty_schema import NASTY
from tests.catalog.shown import GOLDEN, SHOP, shown
from tests.catalog.test_catalog import ROLES
from tests.conftest import Project


def test_everything_and_each_object_is_shown_as_in_the_golden_file(project: Project) -> None:
    """As a notebook stores it: no moment, no statistics of use."""
    project.rows(SHOP)
    assert shown(project.migrator(), project.label) == GOLDEN.read_text(encoding="utf-8")


def test_every_object_of_every_kind_has_a_page(project: Project, server: str) -> None:
    """Whatever its name is; in every form; and the command that leads to it leads to it alone."""
    with psycopg.connect(server, autocommit=True) as connection:
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role}".encode())
    try:
        project.rows(NASTY)
        found = project.migrator().schema()
        assert isinstance(found, SchemaResult)
        assert len({each.kind for each in found.objects}) > 20
        _every_form(found)
        for each in found.overview.objects:
            one = project.migrator().schema(each.called, kind=each.kind)
            _every_form(one)
            if isinstance(one, ObjectResult):
                assert one.page.item.oid == each.oid, each
        project.rows("DROP SCHEMA shop CASCADE; DROP OWNED BY reader, writer")
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            for role in ROLES:
                connection.execute(f"DROP ROLE {role}".encode())


def test_an_output_has_its_bound_however_much_there_is(project: Project) -> None:
    """1,600 columns, and names as long as they may be; the terminal has all of it."""
    long = "n" * 60
    columns = ", ".join(f'"{long}{number % 1000:03}{"<&"[number // 1000]}" int' for number in range(1600))
    project.rows(
        f"CREATE TABLE wide ({columns}); COMMENT ON TABLE wide IS '{'many words ' * 9999}'".replace(long, "n" * 50)
    )
    wide = project.migrator().schema("wide")
    for each in (wide, project.migrator().schema()):
        bundle, _ = each.bundle()
        assert sum(map(stored_size, bundle.values())) < OUTPUT
    assert len(wide.lines()) > 2 * 1600
    assert len(wide.to_frame()) == 1600


def _every_form(result: Result) -> None:
    for times in (False, True):
        text = "\n".join(result.lines(times=times))
        assert "\x1b" not in text
        bundle, _ = result.bundle(times=times)
        assert "<script>" not in bundle["text/html"]
        assert sum(map(stored_size, bundle.values())) < OUTPUT
    json.dumps(result.to_json(), allow_nan=False, default=str)
    result.to_frame()
