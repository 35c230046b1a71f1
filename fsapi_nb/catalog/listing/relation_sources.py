"""What a listing reads of tables, views, sequences and indexes, and of what belongs to them."""

from __future__ import annotations

from fsapi_nb.catalog.listing.source import RowField, RowSource, begun, hashed

_USED = "pg_class"
#: A TOAST table's row matters only for its settings. Temporary relations last as long as a session.
_CLASS = RowSource(
    "class",
    "pg_class",
    "x.oid",
    (
        RowField("name", "x.relname"),
        RowField("schema", "x.relnamespace"),
        RowField("kind", "x.relkind"),
        RowField("owner", "pg_get_userbyid(x.relowner)"),
        RowField("acl", "x.relacl"),
        RowField("persistence", "x.relpersistence"),
        RowField("options", "x.reloptions"),
        RowField("row security", "x.relrowsecurity"),
        RowField("forced", "x.relforcerowsecurity"),
        RowField("replica identity", "x.relreplident", "replica identity changed"),
        RowField("tablespace", "x.reltablespace", "tablespace changed"),
        RowField("method", "x.relam", "access method changed"),
        RowField("type", "x.reloftype", "the type that it is of changed"),
        RowField("populated", "x.relispopulated"),
        RowField("partition", "x.relispartition"),
        RowField("bound", f"CASE WHEN x.relispartition THEN {hashed('x.relpartbound')} END"),
        RowField("toast", "x.reltoastrelid"),
    ),
    "x.oid >= 16384 AND x.relpersistence <> 't' AND x.relnamespace <> 99 OR x.relkind = 't' AND x.reloptions IS NOT NULL",
    schema="""CASE x.relkind WHEN 't' THEN (SELECT c.relnamespace FROM pg_class c WHERE c.reltoastrelid = x.oid)
        ELSE x.relnamespace END""",
    used=_USED,
    may_be_member=True,
)
#: The columns of an index matter only for what is set of them.
_ATTRIBUTE = RowSource(
    "attribute",
    "pg_attribute",
    "x.attrelid, '.', x.attnum",
    (
        RowField("dropped", "x.attisdropped"),
        RowField("name", "x.attname"),
        RowField("type", "format_type(x.atttypid, x.atttypmod)"),
        RowField("not null", "x.attnotnull"),
        RowField("identity", "x.attidentity"),
        RowField("generated", "x.attgenerated"),
        RowField("collation", "x.attcollation", "collation changed"),
        RowField("storage", "x.attstorage", "storage changed"),
        RowField("compression", "x.attcompression", "compression changed"),
        RowField("target", "nullif(x.attstattarget, -1)", "statistics target changed"),
        RowField("options", "x.attoptions", "options changed"),
        RowField("foreign options", hashed("x.attfdwoptions"), "options changed"),
        RowField("acl", "x.attacl"),
        RowField("inherited", "x.attinhcount > 0"),
    ),
    """x.attrelid >= 16384 AND x.attnum > 0 AND (x.attrelid IN
        (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'c')) OR x.attstattarget >= 0)""",
    relation="x.attrelid",
    used=_USED,
    additive=True,
)
RELATION_SOURCES = (
    _CLASS,
    _ATTRIBUTE,
    RowSource(
        "attrdef",
        "pg_attrdef",
        "x.oid",
        (
            RowField("of", "x.adrelid"),
            RowField("number", "x.adnum"),
            RowField("expression", hashed("x.adbin")),
        ),
        "x.oid >= 16384",
        relation="x.adrelid",
        used="pg_attrdef",
    ),
    # Since version 18 each NOT NULL is a constraint: most have the name that they get by themselves, which says nothing.
    RowSource(
        "constraint",
        "pg_constraint",
        "x.oid",
        (
            RowField("name", "x.conname"),
            RowField("of", "x.conrelid"),
            RowField("domain", "x.contypid"),
            RowField("kind", "x.contype"),
            RowField("index", "x.conindid"),
            RowField("inherited", "NOT x.conislocal OR x.conparentid <> 0"),
            RowField("validated", "x.convalidated"),
            RowField("enforced", "true", "enforcement changed"),
            RowField("deferral", hashed("x.condeferrable", "x.condeferred"), "deferral changed"),
            RowField("no inherit", "x.connoinherit", "inheritance changed"),
            RowField(
                "definition",
                hashed("x.conkey", "x.confkey", "x.confrelid", "x.confupdtype", "x.confdeltype", "x.conbin"),
                "definition changed",
            ),
        ),
        """x.oid >= 16384 AND (x.contype <> 'n' OR right(x.conname, 9) <> '_not_null' OR NOT x.convalidated
            OR x.connoinherit)""",
        schema="x.connamespace",
        used="pg_constraint",
    ),
    RowSource(
        "index",
        "pg_index",
        "x.indexrelid",
        (
            RowField("of", "x.indrelid"),
            RowField("valid", "x.indisvalid AND x.indisready"),
            RowField("unique", "x.indisunique"),
            RowField("clustered", "x.indisclustered", "CLUSTER mark changed"),
            RowField("replica identity", "x.indisreplident", "replica identity changed"),
        ),
        "x.indexrelid >= 16384",
        relation="x.indrelid",
        used=_USED,
    ),
    # The server's own triggers keep foreign keys and, in version 14, are a partition's: they matter if disabled.
    RowSource(
        "trigger",
        "pg_trigger",
        "x.oid",
        (
            RowField("name", "x.tgname"),
            RowField("of", "x.tgrelid"),
            RowField("internal", "x.tgisinternal"),
            RowField("inherited", "x.tgparentid <> 0"),
            RowField("enabled", "x.tgenabled"),
            RowField("parent", "x.tgparentid"),
            RowField("constraint", "x.tgconstraint"),
            RowField(
                "definition",
                hashed(
                    "x.tgfoid", "x.tgtype", "x.tgargs", "x.tgattr", "x.tgqual", "x.tgdeferrable", "x.tginitdeferred"
                ),
                "replaced",
            ),
        ),
        "x.oid >= 16384 AND (NOT x.tgisinternal OR x.tgenabled <> 'O')",
        relation="x.tgrelid",
        used="pg_trigger",
    ),
    RowSource(
        "rule",
        "pg_rewrite",
        "x.oid",
        (
            RowField("name", "x.rulename"),
            RowField("of", "x.ev_class"),
            RowField("enabled", "x.ev_enabled"),
            RowField("definition", hashed("x.ev_type", "x.is_instead", "x.ev_qual", "x.ev_action"), "replaced"),
        ),
        "x.oid >= 16384",
        relation="x.ev_class",
        used="pg_rewrite",
    ),
    RowSource(
        "policy",
        "pg_policy",
        "x.oid",
        (
            RowField("name", "x.polname"),
            RowField("of", "x.polrelid"),
            RowField(
                "definition",
                hashed("x.polcmd", "x.polpermissive", "x.polroles", "x.polqual", "x.polwithcheck"),
                "changed",
            ),
        ),
        "x.oid >= 16384",
        relation="x.polrelid",
        used="pg_policy",
    ),
    RowSource(
        "parent",
        "pg_inherits",
        "x.inhrelid, '.', x.inhparent",
        (
            RowField("of", "x.inhrelid"),
            RowField("parent", "x.inhparent"),
            RowField("detaching", "x.inhdetachpending"),
        ),
        "x.inhrelid >= 16384",
        relation="x.inhrelid",
        used=begun("pg_inherits"),
    ),
    # Which column owns it is in another catalog, so that its age says nothing: each row is read whole.
    RowSource(
        "sequence",
        "pg_sequence",
        "x.seqrelid",
        (
            RowField("type", "format_type(x.seqtypid, NULL)", "type", shown=True),
            RowField("start", "x.seqstart", "start", shown=True),
            RowField("increment", "x.seqincrement", "increment", shown=True),
            RowField("minimum", "x.seqmin", "minimum", shown=True),
            RowField("maximum", "x.seqmax", "maximum", shown=True),
            RowField("cache", "x.seqcache", "cache", shown=True),
            RowField("cycle", "x.seqcycle", "cycle", shown=True),
            RowField(
                "column",
                """(SELECT concat(d.refobjid, '.', d.refobjsubid, '.', d.deptype) FROM pg_depend d
                WHERE d.classid = 1259 AND d.objid = x.seqrelid AND d.refclassid = 1259 AND d.refobjsubid > 0
                    AND d.deptype IN ('a', 'i'))""",
            ),
        ),
        "x.seqrelid >= 16384",
        relation="x.seqrelid",
        used=_USED,
        stamped=False,
    ),
    RowSource(
        "foreign table",
        "pg_foreign_table",
        "x.ftrelid",
        (
            RowField("server", "x.ftserver", "server changed"),
            RowField("options", hashed("x.ftoptions"), "options changed"),
        ),
        "true",
        relation="x.ftrelid",
        used="pg_foreign_server",
    ),
    RowSource(
        "statistics",
        "pg_statistic_ext",
        "x.oid",
        (
            RowField("name", "x.stxname"),
            RowField("schema", "x.stxnamespace"),
            RowField("owner", "pg_get_userbyid(x.stxowner)"),
            RowField("target", "nullif(x.stxstattarget, -1)", "statistics target changed"),
            RowField("definition", hashed("x.stxrelid", "x.stxkeys", "x.stxkind", "x.stxexprs"), "changed"),
        ),
        "x.oid >= 16384",
        schema="x.stxnamespace",
        used="pg_statistic_ext",
    ),
)
