"""What `fresh` would leave although applied migrations made it: relations in a schema that is not managed.

Run again beside it, they would fail half-way, or change it a second time. Only what a text says with its schema, or
behind a SET search_path of the same file, is known; what a script makes otherwise is not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, RefusedPlan
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.plan import DatabaseObject
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.classify import node_of
from fsapi_nb.script.objects import created_by, dropped_by, first_schema, found_or_created_by
from fsapi_nb.script.parser import parse_one
from fsapi_nb.text.toml import written_setting

_KINDS = {"table", "view", "materialized view", "sequence"}
_MATTERS = re.compile(r"\.|schema|search_path", re.IGNORECASE)
# What can be run again beside what it has done: by its kind, and by its own words.
_REPEATED = {"GRANT", "REVOKE", "COMMENT", "SELECT", "SET", "ANALYZE", "VACUUM"}
_AGAIN = re.compile(r"\b(?:if\s+(?:not\s+)?exists|on\s+conflict|or\s+replace)\b", re.IGNORECASE)
_THERE = sql.SQL("""
    SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest({schemas}::name[], {names}::name[]))
""")


def refuse_left_behind(
    session: Session,
    dropped: Sequence[DatabaseObject],
    *,
    schemas: Sequence[str],
    applied: Iterable[Migration],
) -> None:
    """Raise RefusedPlan if a relation stays that an applied migration made, and would make again.

    Args:
        session: Asked for the relations that are there.
        dropped: What `fresh` drops.
        schemas: The managed schemas, in which nothing stays.
        applied: The applied migrations in their order, as they ran.
    """
    gone = {*schemas, *(each.name for each in dropped if each.kind == "schema")}
    made = {(schema, name): text for schema, name, text in _made(applied) if schema not in gone}
    if not made:
        return
    places = {"schemas": [schema for schema, _ in made], "names": [name for _, name in made]}
    there = set(ask(session.connection(), _THERE.format(**{key: sql.Literal(value) for key, value in places.items()})))
    left = [text for place, text in made.items() if place in there]
    if left:
        managed = written_setting("schemas", [*schemas, *sorted({schema for schema, _ in there})])
        more = (f"  and {len(left) - 20} more",) if len(left) > 20 else ()
        raise RefusedPlan(
            "fresh would run migrations again beside what they have made: that is in schemas that are not managed, and stays",
            details=(*(f"  {text}" for text in left[:20]), *more),
            state=UNCHANGED,
            hint=f"if all in them may be dropped, name them in pyproject.toml: [tool.fsapi_nb] {managed}; "
            "else roll back, or drop these first.",
        )


def _made(applied: Iterable[Migration]) -> Iterator[tuple[str, str, str]]:
    """Yield the schema, the name and the words of each relation that a script makes and none has dropped before.

    One that IF NOT EXISTS makes counts only if a script does something else with it that cannot be repeated.
    """
    dropped: set[str] = set()
    scripts = list(applied)
    for migration in scripts:
        path: str | None = None
        for statement in migration.up.parsed.statements:
            if path is None and not _MATTERS.search(statement.text):
                continue  # parsing is what takes time
            named = node_of(parse_one(statement.text.encode()))
            path = first_schema(named, path)
            dropped.update(_qualified(each, path) for each in dropped_by(named))
            found = [each for each in found_or_created_by(named) if _is_changed(each, scripts)]
            for each in (*created_by(named), *found):
                object_ = _qualified(each, path)
                schema, dot, relation = _name(object_).partition(".")
                if dot and object_ not in dropped and f"schema {schema}" not in dropped:
                    yield schema, relation, f"{object_} of {migration.name}"


def _is_changed(object_: str, scripts: Iterable[Migration]) -> bool:
    """Return whether a statement names the relation that is not as good when it is run again."""
    name = _name(object_).rpartition(".")[2]
    statements = (statement for script in scripts for statement in script.up.parsed.statements)
    return any(
        name in each.text and each.traits.kind.partition(" ")[0] not in _REPEATED and not _AGAIN.search(each.text)
        for each in statements
    )


def _qualified(object_: str, path: str | None) -> str:
    """Return an object's kind and name, with the schema that it is in if the script names one."""
    name = _name(object_)
    return f"{object_.removesuffix(name)}{path}.{name}" if path and name and "." not in name else object_


def _name(object_: str) -> str:
    """Return the name of a relation, with its schema if it is given; an empty text for any other object."""
    return next((object_.removeprefix(f"{kind} ") for kind in _KINDS if object_.startswith(f"{kind} ")), "")
