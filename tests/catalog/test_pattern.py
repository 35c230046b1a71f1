"""Patterns of names as psql takes them: what they fit, in Python and on a server alike."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from fsapi_nb.catalog.pattern import read_pattern
from fsapi_nb.errors import UsageError

#: Names that a schema may hold, hostile ones included.
NAMES = (
    "orders", "Orders", "order_lines", "a.b", 'a"b', "a*b", "axb", "a$b", "a(b", "a[b", "a|b", "a\\b", "a\nb", "ärger",
    "with blank",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("orders", {"orders"}),
        ("ORDERS", {"orders"}),
        ('"Orders"', {"Orders"}),
        ("ord*", {"orders", "order_lines"}),
        ("order?", {"orders"}),
        ("ÄR*", {"ärger"}),
        ('"a.b"', {"a.b"}),
        ('"a""b"', {'a"b'}),
        ('"a*b"', {"a*b"}),
        ("a?b", {"a.b", 'a"b', "a*b", "axb", "a$b", "a(b", "a[b", "a|b", "a\\b", "a\nb"}),
        ("a(b", {"a(b"}),
        ("a|b", {"a|b"}),
        ("a\\b", {"a\\b"}),
        ("a$b", {"a$b"}),
        ('wi"th bl"*', {"with blank"}),
        ("*", set(NAMES)),
        ("public.orders", {"orders"}),
        ("pub*.ord*", {"orders", "order_lines"}),
        ("public.", set(NAMES)),
        ("other.*", set()),
    ],
)
def test_a_pattern_fits_these_names(database: str, text: str, fitting: set[str]) -> None:
    """Python and PostgreSQL agree."""
    pattern = read_pattern(text)
    assert {name for name in NAMES if pattern.matches("public", name)} == fitting
    with psycopg.connect(database) as connection:
        query = "SELECT name FROM unnest(%s::text[]) AS name WHERE name ~ %s AND 'public' ~ %s"
        rows: list[Any] = connection.execute(query, [list(NAMES), pattern.name, pattern.schema or ".*"]).fetchall()
    assert {name for (name,) in rows} == fitting


@pytest.mark.parametrize(("text", "exact"), [("a", True), ("s.a", True), ('"*"', True), ("a*", False), ("s.", False)])
def test_a_pattern_without_wildcards_names_one_thing(text: str, exact: bool) -> None:
    """So that a page is shown, and no list."""
    assert read_pattern(text).exact is exact


@pytest.mark.parametrize(("text", "why"), [('"a', "not closed"), ("a.b.c", "more parts")])
def test_a_pattern_that_is_none_is_refused(text: str, why: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError, match=why):
        read_pattern(text)
