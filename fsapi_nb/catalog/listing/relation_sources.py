"""What a listing reads of tables, views, sequences and indexes, and of what belongs to them."""

from __future__ import annotations

from fsapi_nb.catalog.listing.source import Field, Source, hashed

_USED = "pg_class"
#: A TOAST table's row matters only for its settings. Temporary relations last as long as a session.
_CLASS = Source(
    "class",
    "pg_class",
    "x.oid",
    (
        Field("name", "x.relname"),
        Field("schema", "x.relnamespace"),
        Field("kind", "x.relkind"),
        Field("owner", "pg_get_userbyid(x.relowner)"),
        Field("acl", "x.relacl"),
        Field("persistence", "x.relpersistence"),
        Field("options", "x.reloptions"),
        Field("row security", "x.relrowsecurity"),
        Field("forced", "x.relforcerowsecurity"),
        Field("replica identity", "x.relreplident", "replica identity changed"),
        Field("tablespace", "x.reltablespace", "tablespace changed"),
        Field("method", "x.relam", "access method changed"),
        Field("type", "x.reloftype", "the type that it is of changed"),
        Field("populated", "x.relispopulated"),
        Field("partition", "x.relispartition"),
        Field("bound", f"CASE WHEN x.relispartition THEN {hashed('x.relpartbound')} END"),
        Field("toast", "x.reltoastrelid"),
    ),
    "x.oid >= 16384 AND x.relpersistence <> 't' AND x.relnamespace <> 99 OR x.relkind = 't' AND x.reloptions IS NOT NULL",
    schema="""CASE x.relkind WHEN 't' THEN (SELECT c.relnamespace FROM pg_class c WHERE c.reltoastrelid = x.oid)
        ELSE x.relnamespace END""",
    used=_USED,
    may_be_member=True,
)
#: The columns of an index matter only for what is set of them.
_ATTRIBUTE = Source(
    "attribute",
    "pg_attribute",
    "x.attrelid, '.', x.attnum",
    (
        Field("dropped", "x.attisdropped"),
        Field("name", "x.attname"),
        Field("type", "format_type(x.atttypid, x.atttypmod)"),
        Field("not null", "x.attnotnull"),
        Field("identity", "x.attidentity"),
        Field("generated", "x.attgenerated"),
        Field("collation", "x.attcollation", "collation changed"),
        Field("storage", "x.attstorage", "storage changed"),
        Field("compression", "x.attcompression", "compression changed"),
        Field("target", "nullif(x.attstattarget, -1)", "statistics target changed"),
        Field("options", "x.attoptions", "options changed"),
        Field("foreign options", hashed("x.attfdwoptions"), "options changed"),
        Field("acl", "x.attacl"),
        Field("inherited", "x.attinhcount > 0"),
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
    Source(
        "attrdef",
        "pg_attrdef",
        "x.oid",
        (
            Field("of", "x.adrelid"),
            Field("number", "x.adnum"),
            Field("expression", hashed("x.adbin")),
        ),
        "x.oid >= 16384",
        relation="x.adrelid",
        used="pg_attrdef",
    ),
    # Since version 18 each NOT NULL is a constraint: most have the name that they get by themselves, which says nothing.
    Source(
        "constraint",
        "pg_constraint",
        "x.oid",
        (
            Field("name", "x.conname"),
            Field("of", "x.conrelid"),
            Field("domain", "x.contypid"),
            Field("kind", "x.contype"),
            Field("index", "x.conindid"),
            Field("inherited", "NOT x.conislocal OR x.conparentid <> 0"),
            Field("validated", "x.convalidated"),
            Field("enforced", "true", "enforcement changed"),
            Field("deferral", hashed("x.condeferrable", "x.condeferred"), "deferral changed"),
            Field("no inherit", "x.connoinherit", "inheritance changed"),
            Field(
                "definition",
                hashed("x.conkey", "x.confkey", "x.confrelid", "x.confupdtype", "x.confdeltype", "x.conbin"),
                "definition changed",
            ),
        ),
        """x.oid >= 16384 AND (x.contype <> 'n' OR x.conname !~ '_not_null[0-9]*$' OR NOT x.convalidated
            OR x.connoinherit)""",
        schema="x.connamespace",
        used="pg_constraint",
    ),
    Source(
        "index",
        "pg_index",
        "x.indexrelid",
        (
            Field("of", "x.indrelid"),
            Field("valid", "x.indisvalid AND x.indisready"),
            Field("unique", "x.indisunique"),
            Field("clustered", "x.indisclustered", "CLUSTER mark changed"),
            Field("replica identity", "x.indisreplident", "replica identity changed"),
        ),
        "x.indexrelid >= 16384",
        relation="x.indrelid",
        used=_USED,
    ),
    # The server's own triggers keep foreign keys and, in version 14, are a partition's: they matter if disabled.
    Source(
        "trigger",
        "pg_trigger",
        "x.oid",
        (
            Field("name", "x.tgname"),
            Field("of", "x.tgrelid"),
            Field("internal", "x.tgisinternal"),
            Field("inherited", "x.tgparentid <> 0"),
            Field("enabled", "x.tgenabled"),
            Field("parent", "x.tgparentid"),
            Field("constraint", "x.tgconstraint"),
            Field(
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
    Source(
        "rule",
        "pg_rewrite",
        "x.oid",
        (
            Field("name", "x.rulename"),
            Field("of", "x.ev_class"),
            Field("enabled", "x.ev_enabled"),
            Field("definition", hashed("x.ev_type", "x.is_instead", "x.ev_qual", "x.ev_action"), "replaced"),
        ),
        "x.oid >= 16384",
        relation="x.ev_class",
        used="pg_rewrite",
    ),
    Source(
        "policy",
        "pg_policy",
        "x.oid",
        (
            Field("name", "x.polname"),
            Field("of", "x.polrelid"),
            Field(
                "definition",
                hashed("x.polcmd", "x.polpermissive", "x.polroles", "x.polqual", "x.polwithcheck"),
                "changed",
            ),
        ),
        "x.oid >= 16384",
        relation="x.polrelid",
        used="pg_policy",
    ),
    Source(
        "parent",
        "pg_inherits",
        "x.inhrelid, '.', x.inhparent",
        (
            Field("of", "x.inhrelid"),
            Field("parent", "x.inhparent"),
            Field("detaching", "x.inhdetachpending"),
        ),
        "x.inhrelid >= 16384",
        relation="x.inhrelid",
        used="EXISTS (SELECT FROM pg_inherits)",
    ),
    # Which column owns it is in another catalog, so that its age says nothing: each row is read whole.
    Source(
        "sequence",
        "pg_sequence",
        "x.seqrelid",
        (
            Field("type", "format_type(x.seqtypid, NULL)", "type", shown=True),
            Field("start", "x.seqstart", "start", shown=True),
            Field("increment", "x.seqincrement", "increment", shown=True),
            Field("minimum", "x.seqmin", "minimum", shown=True),
            Field("maximum", "x.seqmax", "maximum", shown=True),
            Field("cache", "x.seqcache", "cache", shown=True),
            Field("cycle", "x.seqcycle", "cycle", shown=True),
            Field(
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
    Source(
        "foreign table",
        "pg_foreign_table",
        "x.ftrelid",
        (
            Field("server", "x.ftserver", "server changed"),
            Field("options", hashed("x.ftoptions"), "options changed"),
        ),
        "true",
        relation="x.ftrelid",
        used="pg_foreign_server",
    ),
    Source(
        "statistics",
        "pg_statistic_ext",
        "x.oid",
        (
            Field("name", "x.stxname"),
            Field("schema", "x.stxnamespace"),
            Field("owner", "pg_get_userbyid(x.stxowner)"),
            Field("target", "nullif(x.stxstattarget, -1)", "statistics target changed"),
            Field("definition", hashed("x.stxrelid", "x.stxkeys", "x.stxkind", "x.stxexprs"), "changed"),
        ),
        "x.oid >= 16384",
        schema="x.stxnamespace",
        used="pg_statistic_ext",
    ),
)
