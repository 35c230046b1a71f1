"""Find what is in the managed schemas, and drop it in one transaction: what `fresh` takes away.

The history's tables stay, and so does what an extension brought. What would be lost outside of the managed schemas
(CASCADE reaches everywhere) is found before the commit, and refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, DatabaseError, RefusedPlan
from fsapi_nb.history.record import Recorder
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.plan import DatabaseObject
from fsapi_nb.postgres.ask import OWN_NAMES, ask
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.objects import creates

# Members of extensions, and what belongs to something else (row types, arrays, owned sequences), go with it.
_FIND = sql.SQL("""
    WITH schemas AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY({schemas}::name[])),
    found(class, object, place) AS (
        SELECT 'pg_class'::regclass, oid, 1 FROM pg_catalog.pg_class
        WHERE relnamespace IN (SELECT oid FROM schemas) AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
          AND NOT (relname = ANY({ours}::name[]) AND relnamespace = (
                SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {home}))
        UNION ALL SELECT 'pg_proc'::regclass, oid, 2 FROM pg_catalog.pg_proc
        WHERE pronamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_type'::regclass, oid, 3 FROM pg_catalog.pg_type
        WHERE typnamespace IN (SELECT oid FROM schemas) AND typtype IN ('b', 'c', 'd', 'e', 'r')
        UNION ALL SELECT 'pg_operator'::regclass, oid, 4 FROM pg_catalog.pg_operator
        WHERE oprnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_opclass'::regclass, oid, 5 FROM pg_catalog.pg_opclass
        WHERE opcnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_opfamily'::regclass, oid, 6 FROM pg_catalog.pg_opfamily
        WHERE opfnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_collation'::regclass, oid, 7 FROM pg_catalog.pg_collation
        WHERE collnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_conversion'::regclass, oid, 8 FROM pg_catalog.pg_conversion
        WHERE connamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_ts_config'::regclass, oid, 9 FROM pg_catalog.pg_ts_config
        WHERE cfgnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_ts_dict'::regclass, oid, 10 FROM pg_catalog.pg_ts_dict
        WHERE dictnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_ts_parser'::regclass, oid, 11 FROM pg_catalog.pg_ts_parser
        WHERE prsnamespace IN (SELECT oid FROM schemas)
        UNION ALL SELECT 'pg_ts_template'::regclass, oid, 12 FROM pg_catalog.pg_ts_template
        WHERE tmplnamespace IN (SELECT oid FROM schemas)
    )
    SELECT known.type, known.identity
    FROM found, pg_catalog.pg_identify_object(found.class, found.object, 0) AS known
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = found.class AND d.objid = found.object AND d.objsubid = 0
          AND (d.deptype IN ('i', 'e') OR (d.deptype = 'a' AND d.refclassid = 'pg_class'::regclass))
    )
    ORDER BY found.place, known.identity
""")
_ELSEWHERE = """
    WITH others AS (
        SELECT oid FROM pg_catalog.pg_namespace
        WHERE nspname <> ALL(%(schemas)s) AND nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema'
    ), relations AS (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM others)),
    found(class, object, part) AS (
        SELECT 'pg_class'::regclass, oid, 0 FROM relations
        UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum FROM pg_catalog.pg_attribute
        WHERE attrelid IN (SELECT oid FROM relations) AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT 'pg_proc'::regclass, oid, 0 FROM pg_catalog.pg_proc WHERE pronamespace IN (SELECT oid FROM others)
        UNION ALL SELECT 'pg_type'::regclass, oid, 0 FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM others)
        UNION ALL SELECT 'pg_constraint'::regclass, oid, 0 FROM pg_catalog.pg_constraint
        WHERE connamespace IN (SELECT oid FROM others)
        UNION ALL SELECT 'pg_trigger'::regclass, oid, 0 FROM pg_catalog.pg_trigger
        WHERE tgrelid IN (SELECT oid FROM relations) AND NOT tgisinternal
        UNION ALL SELECT 'pg_attrdef'::regclass, oid, 0 FROM pg_catalog.pg_attrdef
        WHERE adrelid IN (SELECT oid FROM relations)
    )
    SELECT known.type, known.identity
    FROM found, pg_catalog.pg_identify_object(found.class, found.object, found.part) AS known
"""
_WORDS = {"statistics object": "STATISTICS"}


def find_drops(
    session: Session, tables: Tables, *, schemas: Sequence[str], applied: Iterable[Migration]
) -> tuple[DatabaseObject, ...]:
    """Everything that `fresh` would drop, in order.

    That is what stands in `schemas`, and what the applied migrations are sure to have created beside them:
    schemas, extensions, publications, servers, event triggers, languages.
    """
    created = list(_created(applied))
    values = {"schemas": list(schemas), "ours": list(tables.names), "home": tables.schema}
    found = ask(session.connection(), _FIND.format(**{name: sql.Literal(value) for name, value in values.items()}))
    kept = {*schemas, tables.schema}
    return (
        *_there(session, "event trigger", "pg_event_trigger", "evtname", created),
        *_there(session, "publication", "pg_publication", "pubname", created),
        *(drop for drop in _there(session, "schema", "pg_namespace", "nspname", created) if drop.name not in kept),
        *(DatabaseObject(kind, identity) for kind, identity in found),
        *_there(session, "server", "pg_foreign_server", "srvname", created),
        *_there(session, "foreign data wrapper", "pg_foreign_data_wrapper", "fdwname", created),
        *_there(session, "language", "pg_language", "lanname", created),
        *_there(session, "extension", "pg_extension", "extname", created),
    )


def _there(session: Session, kind: str, catalog: str, column: str, created: Sequence[str]) -> Iterable[DatabaseObject]:
    """Those of the created objects of a kind that are still there."""
    names = [name.removeprefix(f"{kind} ") for name in created if name.startswith(f"{kind} ")]
    query = sql.SQL("SELECT {0}::text, quote_ident({0}) FROM pg_catalog.{1} WHERE {0} = ANY({2}::text[]) ORDER BY 1")
    rows = ask(session.connection(), query.format(sql.Identifier(column), sql.Identifier(catalog), sql.Literal(names)))
    return [DatabaseObject(kind, quoted, name) for name, quoted in rows]


def drop_all(session: Session, recorder: Recorder, drops: Sequence[DatabaseObject], *, schemas: Sequence[str]) -> None:
    """Drop them and empty the history, in one transaction.

    Raises RefusedPlan where something elsewhere would go too, DatabaseError where PostgreSQL refuses a drop.
    """
    gone = {drop.name for drop in drops if drop.kind == "schema"}
    outside = {"schemas": [*schemas, *gone]}
    connection = session.connection()
    with connection.transaction():
        connection.execute(OWN_NAMES)
        before = set(connection.execute(_ELSEWHERE, outside))
        for drop in drops:
            try:
                connection.execute(_statement(drop))
            except psycopg.Error as error:
                message = server_message(error)
                raise DatabaseError(
                    f"{drop.kind} {drop.identity} cannot be dropped: {message.message} [{message.sqlstate}]",
                    details=tuple(message.lines()),
                    state=UNCHANGED,
                    hint="run as the owner of what is in these schemas.",
                ) from None
        lost = before - set(connection.execute(_ELSEWHERE, outside))
        if lost:
            raise RefusedPlan(
                "dropping this would also drop what is in schemas that are not managed",
                details=tuple(f"  {kind} {identity}" for kind, identity in sorted(lost)[:20]),
                state=UNCHANGED,
                hint='name those schemas too: [tool.fsapi_nb] schemas = ["public", "…"]; or drop these first.',
            )
        recorder.write(recorder.forget_all())


def _statement(drop: DatabaseObject) -> bytes:
    """Return the statement that drops it.

    PostgreSQL identifies an aggregate of rows, such as `count(*)`, as one without arguments.
    """
    identity = drop.identity.replace("()", "(*)") if drop.kind == "aggregate" else drop.identity
    return f"DROP {_WORDS.get(drop.kind, drop.kind).upper()} IF EXISTS {identity} CASCADE".encode()


def _created(applied: Iterable[Migration]) -> Iterable[str]:
    """Yield what the scripts that ran are sure to have created, by kind and name."""
    for migration in applied:
        for statement in migration.up.parsed.statements:
            yield from creates(statement)
            if statement.traits.creates_schema:
                yield f"schema {statement.traits.creates_schema}"
