"""What a listing reads of all that are not relations: routines, types, text search, and what is in no schema."""

from __future__ import annotations

from fsapi_nb.catalog.listing.source import RowField, RowSource, begun, hashed, present

_REPLACED = "replaced"
_CHANGED = "changed"
_OPTIONS = "options changed"


def _plain(
    name: str,
    catalog: str,
    *fields: RowField,
    names: str,
    schema: str = "",
    owner: str = "",
    acl: str = "",
    used: str = "",
    where: str = "x.oid >= 16384",
) -> RowSource:
    """Return the source of a catalog whose rows are objects with a name, and perhaps schema, owner and rights."""
    common = [RowField("name", names)]
    common += [RowField("schema", schema)] if schema else []
    common += [RowField("owner", f"pg_get_userbyid({owner})")] if owner else []
    common += [RowField("acl", acl)] if acl else []
    return RowSource(name, catalog, "x.oid", (*common, *fields), where, used or catalog, schema, may_be_member=True)


def _part(name: str, catalog: str, of: str, *columns: str, used: str, key: str = "x.oid", where: str = "") -> RowSource:
    """Return the source of a catalog whose rows are parts of an object, of which only a hash is read."""
    fields = (RowField("of", of), RowField("definition", hashed(*columns)))
    return RowSource(name, catalog, key, fields, where or "x.oid >= 16384", used)


_NAMESPACE = RowSource(
    "schema",
    "pg_namespace",
    "x.oid",
    (
        RowField("name", "x.nspname"),
        RowField("owner", "pg_get_userbyid(x.nspowner)"),
        RowField("acl", "x.nspacl"),
    ),
    "(x.oid >= 16384 OR x.oid = 2200) AND left(x.nspname, 3) <> 'pg_'",
    schema="x.oid",
)
# The constructors of a range type are made with it; 12 is the language `internal`.
_ROUTINE = RowSource(
    "routine",
    "pg_proc",
    "x.oid",
    (
        RowField("name", "x.proname"),
        RowField("schema", "x.pronamespace"),
        RowField("owner", "pg_get_userbyid(x.proowner)"),
        RowField("acl", "x.proacl"),
        RowField("arguments", "oidvectortypes(x.proargtypes)"),
        RowField("kind", "x.prokind"),
        RowField(
            "definition",
            hashed(
                *(
                    "x.prolang",
                    "x.procost",
                    "x.prorows",
                    "x.provariadic",
                    "x.prosupport",
                    "x.prosecdef",
                    "x.proleakproof",
                ),
                *("x.proisstrict", "x.proretset", "x.provolatile", "x.proparallel", "x.prorettype", "x.proallargtypes"),
                *("x.proargmodes", "x.proargnames", "x.proargdefaults", "x.protrftypes", "x.prosrc", "x.probin"),
                *("x.prosqlbody", "x.proconfig"),
            ),
            _REPLACED,
        ),
    ),
    "x.oid >= 16384 AND NOT (x.prolang = 12 AND strpos(x.prosrc, 'range_constructor') > 0)",
    "pg_proc",
    schema="x.pronamespace",
    may_be_member=True,
)
# Arrays, multiranges and the row types of relations go with what they were made for.
_TYPE = RowSource(
    "type",
    "pg_type",
    "x.oid",
    (
        RowField("name", "x.typname"),
        RowField("schema", "x.typnamespace"),
        RowField("owner", "pg_get_userbyid(x.typowner)"),
        RowField("acl", "x.typacl"),
        RowField("kind", "x.typtype"),
        RowField("relation", "x.typrelid"),
        RowField(
            "base", "CASE x.typtype WHEN 'd' THEN format_type(x.typbasetype, x.typtypmod) END", "base type", shown=True
        ),
        RowField("not null", "x.typnotnull"),
        RowField("default", hashed("x.typdefault"), "default changed"),
        RowField(
            "definition",
            hashed(
                "x.typisdefined", "x.typinput", "x.typoutput", "x.typreceive", "x.typsend", "x.typstorage", "x.typmodin"
            ),
            _CHANGED,
        ),
    ),
    """x.oid >= 16384 AND x.typtype <> 'm' AND x.typcategory <> 'A' AND (x.typtype <> 'c'
        OR EXISTS (SELECT FROM pg_class WHERE oid = x.typrelid AND relkind = 'c'))""",
    "pg_type",
    schema="x.typnamespace",
    may_be_member=True,
)
_BY_CLASS = "x.classoid::regclass, '.', x.objoid, '.', x.objsubid"
OBJECT_SOURCES = (
    _NAMESPACE,
    _ROUTINE,
    _TYPE,
    RowSource(
        "label",
        "pg_enum",
        "x.oid",
        (RowField("of", "x.enumtypid"), RowField("name", "x.enumlabel"), RowField("place", "x.enumsortorder")),
        "x.oid >= 16384",
        used=begun("pg_enum"),
    ),
    _part(
        "aggregate",
        "pg_aggregate",
        "x.aggfnoid::oid",
        "x.*",
        used="pg_proc",
        key="x.aggfnoid::oid",
        where="x.aggfnoid >= 16384",
    ),
    _plain(
        "operator",
        "pg_operator",
        RowField("left", "format_type(nullif(x.oprleft, 0), NULL)"),
        RowField("right", "format_type(nullif(x.oprright, 0), NULL)"),
        RowField(
            "definition",
            hashed("x.oprcode", "x.oprcom", "x.oprnegate", "x.oprrest", "x.oprjoin", "x.oprcanhash", "x.oprcanmerge"),
            _CHANGED,
        ),
        names="x.oprname",
        schema="x.oprnamespace",
        owner="x.oprowner",
    ),
    _plain("operator class", "pg_opclass", names="x.opcname", schema="x.opcnamespace", owner="x.opcowner"),
    _plain("operator family", "pg_opfamily", names="x.opfname", schema="x.opfnamespace", owner="x.opfowner"),
    _part("operator of family", "pg_amop", "x.amopfamily", "x.*", used="pg_amop"),
    _part("function of family", "pg_amproc", "x.amprocfamily", "x.*", used="pg_amproc"),
    # The cast of a range type to its multirange is made with it.
    _plain(
        "cast",
        "pg_cast",
        RowField("definition", hashed("x.castfunc", "x.castcontext", "x.castmethod"), _CHANGED),
        names="concat('(', format_type(x.castsource, NULL), ' AS ', format_type(x.casttarget, NULL), ')')",
        used=present("pg_cast"),
        where="""x.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend
            WHERE classid = 'pg_cast'::regclass AND objid = x.oid AND deptype = 'i')""",
    ),
    _plain("collation", "pg_collation", names="x.collname", schema="x.collnamespace", owner="x.collowner"),
    _plain("conversion", "pg_conversion", names="x.conname", schema="x.connamespace", owner="x.conowner"),
    _plain("text search configuration", "pg_ts_config", names="x.cfgname", schema="x.cfgnamespace", owner="x.cfgowner"),
    _part(
        "mapping of configuration",
        "pg_ts_config_map",
        "x.mapcfg",
        "x.*",
        used="pg_ts_config",
        key="x.mapcfg, '.', x.maptokentype, '.', x.mapseqno",
        where="x.mapcfg >= 16384",
    ),
    _plain(
        "text search dictionary",
        "pg_ts_dict",
        RowField("definition", hashed("x.dicttemplate", "x.dictinitoption"), _OPTIONS),
        names="x.dictname",
        schema="x.dictnamespace",
        owner="x.dictowner",
    ),
    _plain("text search parser", "pg_ts_parser", names="x.prsname", schema="x.prsnamespace"),
    _plain("text search template", "pg_ts_template", names="x.tmplname", schema="x.tmplnamespace"),
    _plain(
        "extension",
        "pg_extension",
        RowField("version", "x.extversion", "version", shown=True),
        RowField("home", "x.extnamespace", "schema changed"),
        names="x.extname",
        owner="x.extowner",
    ),
    _plain(
        "event trigger",
        "pg_event_trigger",
        RowField("enabled", "x.evtenabled"),
        RowField("definition", hashed("x.evtevent", "x.evtfoid", "x.evttags"), _CHANGED),
        names="x.evtname",
        owner="x.evtowner",
        used="pg_event_trigger",
    ),
    _plain(
        "transform",
        "pg_transform",
        RowField("definition", hashed("x.trffromsql", "x.trftosql"), _REPLACED),
        names="""concat('FOR ', format_type(x.trftype, NULL), ' LANGUAGE ',
            (SELECT lanname FROM pg_language WHERE oid = x.trflang))""",
        used="pg_transform",
    ),
    _plain(
        "default privileges",
        "pg_default_acl",
        RowField("kind", "x.defaclobjtype"),
        names="pg_get_userbyid(x.defaclrole)",
        schema="x.defaclnamespace",
        acl="x.defaclacl",
        used=begun("pg_default_acl"),
    ),
    _plain(
        "publication",
        "pg_publication",
        RowField("definition", hashed("to_jsonb(x) - '{pubname,pubowner}'::text[]"), _OPTIONS),
        names="x.pubname",
        owner="x.pubowner",
        used=begun("pg_publication"),
    ),
    _part("published table", "pg_publication_rel", "x.prpubid", "x.*", used="pg_publication_rel"),
    _plain(
        "foreign data wrapper",
        "pg_foreign_data_wrapper",
        RowField("definition", hashed("x.fdwhandler", "x.fdwvalidator", "x.fdwoptions"), _OPTIONS),
        names="x.fdwname",
        owner="x.fdwowner",
        acl="x.fdwacl",
        used=begun("pg_foreign_data_wrapper"),
    ),
    _plain(
        "server",
        "pg_foreign_server",
        RowField("definition", hashed("x.srvtype", "x.srvversion", "x.srvoptions"), _OPTIONS),
        names="x.srvname",
        owner="x.srvowner",
        acl="x.srvacl",
        used="pg_foreign_server",
    ),
    # Not everybody may read the table of mappings or of subscriptions.
    RowSource(
        "user mapping",
        "pg_user_mappings",
        "x.umid",
        (
            RowField("name", "concat('FOR ', x.usename, ' SERVER ', x.srvname)"),
            RowField("options", hashed("x.umoptions"), _OPTIONS),
        ),
        "true",
        "pg_foreign_server",
        stamped=False,
    ),
    RowSource(
        "subscription",
        "pg_subscription",
        "x.oid",
        (
            RowField("name", "x.subname"),
            RowField("owner", "pg_get_userbyid(x.subowner)"),
            RowField("enabled", "x.subenabled", "enabled", shown=True),
            RowField(
                "definition", hashed("x.subslotname", "x.subsynccommit", "x.subpublications", "x.subbinary"), _OPTIONS
            ),
        ),
        "x.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        begun("pg_subscription"),
        stamped=False,
    ),
    _plain(
        "language",
        "pg_language",
        RowField("definition", hashed("x.lanpltrusted", "x.lanplcallfoid", "x.laninline", "x.lanvalidator"), _CHANGED),
        names="x.lanname",
        owner="x.lanowner",
        acl="x.lanacl",
        used="pg_language",
    ),
    _plain("access method", "pg_am", names="x.amname", used=present("pg_am")),
    RowSource(
        "comment",
        "pg_description",
        _BY_CLASS,
        (RowField("text", "hashtextextended(x.description, 0)"),),
        "x.objoid >= 16384 OR x.objoid = 2200",
    ),
    RowSource(
        "security label",
        "pg_seclabel",
        f"{_BY_CLASS}, '.', hashtextextended(x.provider, 0)",
        (RowField("text", "hashtextextended(x.label, 0)"),),
        "x.objoid >= 16384 OR x.objoid = 2200",
        begun("pg_seclabel"),
    ),
    RowSource(
        "need",
        "pg_depend",
        "x.classid::regclass, '.', x.objid, '.0.', x.refobjid",
        (RowField("extension", "x.refobjid"),),
        "x.refclassid = 'pg_extension'::regclass AND x.deptype = 'x'",
        "pg_extension",
    ),
)
PUBLISHED_SCHEMAS = _part(
    "published schema", "pg_publication_namespace", "x.pnpubid", "x.*", used=begun("pg_publication_namespace")
)
