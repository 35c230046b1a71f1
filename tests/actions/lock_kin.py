"""Which tables a `TableSet` means, asked of a catalog: proof that each can be found, and how."""

from __future__ import annotations

from typing import Any

import psycopg

from fsapi_nb.model.action import Kin, TableSet
from tests.actions.lock_tracer import Relations

_SELF = "SELECT to_regclass(%(name)s)::oid"
_PARTITIONS = """
    SELECT relid::oid FROM pg_partition_tree(to_regclass(%(name)s))
    WHERE relid <> to_regclass(%(name)s)
"""
_HEIRS = """
    WITH RECURSIVE heirs(id) AS (
        SELECT i.inhrelid FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhparent
        WHERE c.oid = to_regclass(%(name)s) AND c.relkind IN ('r', 'f')
        UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN heirs ON i.inhparent = heirs.id
    ) SELECT id FROM heirs
"""
_PARENT = """
    SELECT i.inhparent FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relispartition AND c.oid = to_regclass(%(name)s)
"""
_TABLE = f"{_SELF} UNION SELECT stxrelid FROM pg_statistic_ext WHERE stxname = %(name)s"
_TABLE_AND_PARTITIONS = """
    SELECT relid::oid FROM pg_index, pg_partition_tree(indrelid) WHERE indexrelid = to_regclass(%(name)s)
    UNION SELECT to_regclass(%(name)s)::oid
"""
_DEFAULT = "SELECT partdefid FROM pg_partitioned_table WHERE partrelid = to_regclass(%(name)s)"
# The foreign keys of tables, each with that of which it is a part: of the same table, if the referenced one has partitions.
_KEYS = """FROM pg_constraint AS c LEFT JOIN pg_constraint AS p ON p.oid = c.conparentid WHERE c.contype = 'f'"""
_OWN = "AND COALESCE(p.conrelid = c.conrelid, true)"
# Types that are made of that one: domains, arrays, composite types.
_USERS = """
    WITH RECURSIVE made(id) AS (
        SELECT to_regtype(%(name)s)::oid
        UNION SELECT t.oid FROM made, pg_type AS t LEFT JOIN pg_attribute AS a ON a.attrelid = t.typrelid AND t.typtype = 'c'
        WHERE made.id IN (t.typbasetype, t.typelem, a.atttypid)
    )
    SELECT attrelid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE atttypid IN (SELECT id FROM made) AND relkind IN ('r', 'm', 'p') AND NOT attisdropped
"""
# Whatever depends on what has that name, and the tables that each of it belongs to.
_DEPENDENT = """
    WITH RECURSIVE going(classid, objid, objsubid) AS (
        SELECT * FROM (
            SELECT 'pg_class'::regclass::oid, to_regclass(%(name)s)::oid, 0
            UNION SELECT 'pg_type'::regclass, oid, 0 FROM pg_type WHERE typname = %(name)s
                AND (typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c')
            UNION SELECT 'pg_proc'::regclass, oid, 0 FROM pg_proc WHERE proname = %(name)s
            UNION SELECT 'pg_namespace'::regclass, to_regnamespace(%(name)s)::oid, 0
            UNION SELECT 'pg_extension'::regclass, oid, 0 FROM pg_extension WHERE extname = %(name)s
            UNION SELECT 'pg_foreign_server'::regclass, oid, 0 FROM pg_foreign_server WHERE srvname = %(name)s
        ) AS named
        UNION
        SELECT d.* FROM going AS g, LATERAL (
            SELECT classid, objid, objsubid FROM pg_depend
            WHERE refclassid = g.classid AND refobjid = g.objid AND (g.objsubid = 0 OR refobjsubid = g.objsubid)
            UNION ALL SELECT refclassid, refobjid, refobjsubid FROM pg_depend
            WHERE classid = g.classid AND objid = g.objid AND deptype = 'i' AND g.classid = 'pg_rewrite'::regclass
            UNION ALL SELECT refclassid, refobjid, refobjsubid FROM pg_depend
            WHERE classid = g.classid AND objid = g.objid AND refclassid = g.classid
            AND g.classid = 'pg_constraint'::regclass
            AND (SELECT conrelid FROM pg_constraint WHERE oid = g.objid) <> to_regclass(%(name)s)
            UNION ALL SELECT g.classid, i.inhrelid, below.attnum FROM pg_inherits AS i
            JOIN pg_attribute AS a ON a.attrelid = i.inhparent AND a.attnum = g.objsubid
            JOIN pg_attribute AS below ON below.attrelid = i.inhrelid AND below.attname = a.attname
            WHERE g.classid = 'pg_class'::regclass AND i.inhparent = g.objid AND g.objsubid > 0
        ) AS d
    )
    SELECT DISTINCT COALESCE(adrelid, conrelid, tgrelid, ev_class, polrelid, CASE WHEN g.classid = 'pg_class'::regclass
        THEN g.objid END)
    FROM going AS g
    LEFT JOIN pg_attrdef AS a ON g.classid = 'pg_attrdef'::regclass AND a.oid = g.objid
    LEFT JOIN pg_constraint AS c ON g.classid = 'pg_constraint'::regclass AND c.oid = g.objid AND conrelid <> 0
    LEFT JOIN pg_trigger AS t ON g.classid = 'pg_trigger'::regclass AND t.oid = g.objid
    LEFT JOIN pg_rewrite AS r ON g.classid = 'pg_rewrite'::regclass AND r.oid = g.objid
    LEFT JOIN pg_policy AS p ON g.classid = 'pg_policy'::regclass AND p.oid = g.objid
"""
_ALL_REFERRING = """
    WITH RECURSIVE referring(id) AS (
        SELECT to_regclass(%(name)s)::oid
        UNION SELECT found.id FROM referring AS r, LATERAL (
            SELECT conrelid AS id FROM pg_constraint WHERE contype = 'f' AND confrelid = r.id
            UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = r.id
        ) AS found
    ) SELECT id FROM referring
"""
_QUERIES = {
    Kin.SELF: _SELF,
    Kin.TABLE: _TABLE,
    Kin.TABLE_AND_PARTITIONS: _TABLE_AND_PARTITIONS,
    Kin.PARTITIONS: _PARTITIONS,
    Kin.HEIRS: _HEIRS,
    Kin.DESCENDANTS: f"{_PARTITIONS} UNION SELECT * FROM ({_HEIRS}) AS heirs",
    Kin.PARENT: _PARENT,
    Kin.DEFAULT_PARTITION: _DEFAULT,
    Kin.BELOW_DEFAULT: f"SELECT relid::oid FROM ({_DEFAULT}) AS d, pg_partition_tree(d.partdefid) WHERE relid <> d.partdefid",
    Kin.SIBLING_DEFAULT: f"SELECT partdefid FROM pg_partitioned_table WHERE partrelid IN ({_PARENT})",
    Kin.REFERENCED: f"SELECT c.confrelid {_KEYS} AND c.conrelid = to_regclass(%(name)s)",
    Kin.OWN_REFERENCED: f"SELECT c.confrelid {_KEYS} AND c.conrelid = to_regclass(%(name)s) {_OWN}",
    Kin.PARTITIONS_REFERENCED: f"SELECT c.confrelid {_KEYS} AND c.conrelid IN ({_PARTITIONS})",
    Kin.REFERRING: f"SELECT c.conrelid {_KEYS} AND c.confrelid = to_regclass(%(name)s)",
    Kin.OWN_REFERRING: f"SELECT c.conrelid {_KEYS} AND c.confrelid = to_regclass(%(name)s) {_OWN}",
    Kin.ALL_REFERRING: _ALL_REFERRING,
    Kin.DEPENDENT: _DEPENDENT,
    Kin.USERS: _USERS,
    Kin.TYPED: """WITH RECURSIVE typed(id) AS (
        SELECT oid FROM pg_class WHERE reloftype <> 0 AND reloftype = to_regtype(%(name)s)
        UNION SELECT inhrelid FROM pg_inherits JOIN typed ON inhparent = typed.id
    ) SELECT id FROM typed""",
    Kin.READ_BY: """SELECT d.refobjid FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass
        AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass JOIN pg_class AS c ON c.oid = r.ev_class
        WHERE c.relkind = 'v' AND r.ev_class = to_regclass(%(name)s)""",
    Kin.PUBLISHED: """SELECT prrelid FROM pg_publication_rel JOIN pg_publication AS p ON p.oid = prpubid
        WHERE pubname = %(name)s""",
    Kin.CONTENTS: """SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'm') AND relnamespace = to_regnamespace(%(name)s)
        UNION SELECT objid FROM pg_depend JOIN pg_extension AS e ON e.oid = refobjid
        WHERE refclassid = 'pg_extension'::regclass AND classid = 'pg_class'::regclass AND extname = %(name)s""",
    Kin.EVERYTHING: "SELECT oid FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'm')",
}


def tables_of(connection: psycopg.Connection[tuple[Any, ...]], tables: TableSet, before: Relations) -> set[str]:
    """Return the names of the tables that are meant."""
    rows = connection.execute(_QUERIES[tables.kin].encode(), {"name": tables.name})
    return {name for (oid,) in rows if oid is not None and (name := before.table(int(oid))) is not None}
