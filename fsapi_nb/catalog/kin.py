"""SQL of which tables a `Kin` means, seen from relations, types and other objects by their numbers.

A query has `base(key, id)`, the objects that it starts from, and gives `key` and the number of a relation. It names
what is in `pg_catalog` without a schema, and calls no function that locks a relation.
"""

from __future__ import annotations

from fsapi_nb.model.action import Kin

_BELOW = """
    below(key, id) AS (
        SELECT base.key, i.inhrelid FROM base JOIN pg_inherits AS i ON i.inhparent = base.id
        UNION SELECT below.key, i.inhrelid FROM below JOIN pg_inherits AS i ON i.inhparent = below.id
    )"""
_OF_KIND = "JOIN pg_class AS c ON c.oid = base.id AND c.relkind"
# Foreign keys, each with that of which it is a part: of the same table, if the referenced one has partitions.
_KEYS = "LEFT JOIN pg_constraint AS p ON p.oid = c.conparentid WHERE c.contype = 'f'"
_OWN = "AND COALESCE(p.conrelid = c.conrelid, true)"
_TO = f"SELECT key, c.confrelid FROM base JOIN pg_constraint AS c ON c.conrelid = base.id {_KEYS}"
_FROM = f"SELECT key, c.conrelid FROM base JOIN pg_constraint AS c ON c.confrelid = base.id {_KEYS}"
_PARENT = """
    SELECT key, i.inhparent AS id FROM base JOIN pg_class AS c ON c.oid = base.id AND c.relispartition
    JOIN pg_inherits AS i ON i.inhrelid = base.id"""
_DEFAULT = "SELECT key, partdefid AS id FROM base JOIN pg_partitioned_table ON partrelid = base.id WHERE partdefid <> 0"
# Whatever depends on an object, and the relations that each of it belongs to. `base` has the class of the object, too.
_DEPENDENT = """
    going(key, root, classid, objid, objsubid) AS (
        SELECT key, id, class::oid, id, part FROM base
        UNION
        SELECT g.key, g.root, d.* FROM going AS g, LATERAL (
            SELECT classid, objid, objsubid FROM pg_depend
            WHERE refclassid = g.classid AND refobjid = g.objid AND (g.objsubid = 0 OR refobjsubid = g.objsubid)
            UNION ALL SELECT refclassid, refobjid, refobjsubid FROM pg_depend
            WHERE classid = g.classid AND objid = g.objid AND deptype = 'i' AND g.classid = 'pg_rewrite'::regclass
            UNION ALL SELECT refclassid, refobjid, refobjsubid FROM pg_depend
            WHERE classid = g.classid AND objid = g.objid AND refclassid = g.classid
            AND g.classid = 'pg_constraint'::regclass
            AND (SELECT conrelid FROM pg_constraint WHERE oid = g.objid) <> g.root
            UNION ALL SELECT g.classid, i.inhrelid, below.attnum FROM pg_inherits AS i
            JOIN pg_attribute AS a ON a.attrelid = i.inhparent AND a.attnum = g.objsubid
            JOIN pg_attribute AS below ON below.attrelid = i.inhrelid AND below.attname = a.attname
            WHERE g.classid = 'pg_class'::regclass AND i.inhparent = g.objid AND g.objsubid > 0
        ) AS d
    )
    , gone(key, id) AS (
    SELECT DISTINCT key, COALESCE(adrelid, conrelid, tgrelid, ev_class, polrelid,
        CASE WHEN g.classid = 'pg_class'::regclass THEN g.objid END)
    FROM going AS g
    LEFT JOIN pg_attrdef AS a ON g.classid = 'pg_attrdef'::regclass AND a.oid = g.objid
    LEFT JOIN pg_constraint AS c ON g.classid = 'pg_constraint'::regclass AND c.oid = g.objid AND conrelid <> 0
    LEFT JOIN pg_trigger AS t ON g.classid = 'pg_trigger'::regclass AND t.oid = g.objid
    LEFT JOIN pg_rewrite AS r ON g.classid = 'pg_rewrite'::regclass AND r.oid = g.objid
    LEFT JOIN pg_policy AS p ON g.classid = 'pg_policy'::regclass AND p.oid = g.objid
    )
    -- What belongs to a table counts as the table: indexes, TOAST tables, the sequences of columns.
    SELECT DISTINCT key, COALESCE(x.indrelid, t.oid, s.refobjid, c.oid)
    FROM gone JOIN pg_class AS c ON c.oid = gone.id AND c.relkind <> 'c'
    LEFT JOIN pg_index AS x ON x.indexrelid = c.oid
    LEFT JOIN pg_class AS t ON c.relkind = 't' AND t.reltoastrelid = c.oid
    LEFT JOIN pg_depend AS s ON c.relkind = 'S' AND s.classid = 'pg_class'::regclass AND s.objid = c.oid
        AND s.refclassid = 'pg_class'::regclass AND s.deptype IN ('a', 'i')
    WHERE NOT EXISTS (SELECT FROM pg_class AS o WHERE o.oid = x.indrelid AND o.relkind = 't')"""
_ALL_REFERRING = """
    edges(one, other) AS MATERIALIZED (
        SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f'
        UNION ALL SELECT inhparent, inhrelid FROM pg_inherits
    ), referring(key, id) AS (
        SELECT key, id FROM base
        UNION SELECT r.key, e.other FROM referring AS r JOIN edges AS e ON e.one = r.id
    ) SELECT key, id FROM referring"""
# Types that are made of that one: domains, arrays, composite types.
_USERS = """
    made(key, id) AS (
        SELECT key, id FROM base
        UNION SELECT made.key, t.oid FROM made, pg_type AS t
        LEFT JOIN pg_attribute AS a ON a.attrelid = t.typrelid AND t.typtype = 'c'
        WHERE made.id IN (t.typbasetype, t.typelem, a.atttypid)
    )
    SELECT DISTINCT key, attrelid FROM made JOIN pg_attribute ON atttypid = made.id
    JOIN pg_class ON pg_class.oid = attrelid WHERE relkind IN ('r', 'm', 'p') AND NOT attisdropped"""
_TYPED = """
    typed(key, id) AS (
        SELECT key, c.oid FROM base JOIN pg_class AS c ON c.reloftype = base.id AND c.reloftype <> 0
        UNION SELECT key, inhrelid FROM pg_inherits JOIN typed ON inhparent = typed.id
    ) SELECT key, id FROM typed"""
_READ_BY = """
    SELECT key, d.refobjid FROM base JOIN pg_class AS c ON c.oid = base.id AND c.relkind = 'v'
    JOIN pg_rewrite AS r ON r.ev_class = c.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass"""
_CONTENTS = """
    SELECT key, c.oid FROM base JOIN pg_class AS c ON c.relnamespace = base.id
    WHERE base.class = 'pg_namespace'::regclass AND c.relkind IN ('r', 'p', 'm')
    UNION SELECT key, d.objid FROM base JOIN pg_depend AS d ON d.refclassid = base.class AND d.refobjid = base.id
    WHERE base.class = 'pg_extension'::regclass AND d.classid = 'pg_class'::regclass"""

#: What comes after `WITH RECURSIVE base(key, class, id, part) AS (...)`.
KIN: dict[Kin, str] = {
    Kin.SELF: "SELECT key, id FROM base",
    Kin.TABLE: "SELECT key, COALESCE(indrelid, stxrelid, id) FROM base"
    " LEFT JOIN pg_index ON indexrelid = base.id AND base.class = 'pg_class'::regclass"
    " LEFT JOIN pg_statistic_ext AS x ON x.oid = base.id AND base.class = 'pg_statistic_ext'::regclass",
    Kin.TABLE_AND_PARTITIONS: """, below(key, id) AS (
        SELECT key, COALESCE(indrelid, id) FROM base LEFT JOIN pg_index ON indexrelid = base.id
        UNION SELECT below.key, i.inhrelid FROM below JOIN pg_inherits AS i ON i.inhparent = below.id
    ) SELECT key, id FROM below""",
    Kin.PARTITIONS: f", {_BELOW} SELECT below.key, below.id FROM below JOIN base USING (key) {_OF_KIND} = 'p'",
    Kin.HEIRS: f", {_BELOW} SELECT below.key, below.id FROM below JOIN base USING (key) {_OF_KIND} IN ('r', 'f')",
    Kin.DESCENDANTS: f", {_BELOW} SELECT below.key, below.id FROM below JOIN base USING (key)"
    f" {_OF_KIND} IN ('r', 'f', 'p')",
    Kin.PARENT: _PARENT,
    Kin.DEFAULT_PARTITION: _DEFAULT,
    Kin.BELOW_DEFAULT: f""", below(key, id) AS (
        SELECT d.key, i.inhrelid FROM ({_DEFAULT}) AS d JOIN pg_inherits AS i ON i.inhparent = d.id
        UNION SELECT below.key, i.inhrelid FROM below JOIN pg_inherits AS i ON i.inhparent = below.id
    ) SELECT key, id FROM below""",
    Kin.SIBLING_DEFAULT: f"SELECT key, partdefid FROM ({_PARENT}) AS parent"
    " JOIN pg_partitioned_table ON partrelid = parent.id WHERE partdefid <> 0",
    Kin.REFERENCED: _TO,
    Kin.OWN_REFERENCED: f"{_TO} {_OWN}",
    Kin.PARTITIONS_REFERENCED: f", {_BELOW} SELECT below.key, c.confrelid FROM below JOIN base USING (key)"
    f" JOIN pg_class AS root ON root.oid = base.id AND root.relkind = 'p'"
    f" JOIN pg_constraint AS c ON c.conrelid = below.id {_KEYS}",
    Kin.REFERRING: _FROM,
    Kin.OWN_REFERRING: f"{_FROM} {_OWN}",
    Kin.ALL_REFERRING: f", {_ALL_REFERRING}",
    Kin.DEPENDENT: f", {_DEPENDENT}",
    Kin.USERS: f", {_USERS}",
    Kin.TYPED: f", {_TYPED}",
    Kin.READ_BY: _READ_BY,
    Kin.PUBLISHED: "SELECT key, prrelid FROM base JOIN pg_publication_rel ON prpubid = base.id",
    Kin.CONTENTS: _CONTENTS,
    Kin.EVERYTHING: "SELECT key, c.oid FROM base, pg_class AS c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm')",
}

#: The catalog that holds the object which tables are seen from, where it is not a relation.
CLASS_OF_KIN = {Kin.USERS: "pg_type", Kin.TYPED: "pg_type", Kin.PUBLISHED: "pg_publication"}
#: The same by the kind of the object.
CLASS_OF_KIND = {
    "column": "pg_class",
    "type": "pg_type",
    "domain": "pg_type",
    "function": "pg_proc",
    "procedure": "pg_proc",
    "routine": "pg_proc",
    "aggregate": "pg_proc",
    "schema": "pg_namespace",
    "extension": "pg_extension",
    "server": "pg_foreign_server",
}
