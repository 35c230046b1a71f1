"""What each kind of statement locks: PostgreSQL's rules of 14 to 18, as data.

Sources: "Explicit Locking" in PostgreSQL's documentation (chapter 13.3) and the reference page of each command; what
    they
leave open (partitions, heirs, the tables of foreign keys, differences between versions) was seen on servers of all five
versions, and `tests/actions/test_lock_rules.py` runs each rule on one.

Not said: what triggers, rules and event triggers do besides; the locks in ACCESS SHARE to ROW EXCLUSIVE of tables that
a statement does not name (foreign keys, views); an ALTER INDEX of what is a table; a foreign key of a partitioned table
to itself whose new partition is partitioned in turn; the parent of a partition that goes with its schema.

A rule names tables by `Kin`, seen from the relation that the statement names. A template of words knows `{table}`,
`{name}` (of the part, as a column) and `{part}` (`table.name`).
"""

from __future__ import annotations

from typing import NamedTuple

from fsapi_nb.model.action import Condition, Kin, LockMode

SHARE_UPDATE = LockMode.SHARE_UPDATE_EXCLUSIVE
SHARE = LockMode.SHARE
SHARE_ROW = LockMode.SHARE_ROW_EXCLUSIVE
EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE


class LockRule(NamedTuple):
    """A lock on tables of that kin, in the versions from `since` up to `until`; `only` says that ONLY leaves it out."""

    kin: Kin
    mode: LockMode
    condition: Condition | None = None
    since: int = 0
    until: int = 99
    only: bool = True


Rules = tuple[LockRule, ...]


class SubcommandRule(NamedTuple):
    """What a subcommand of ALTER TABLE is called, what kind of part of the table it is about, and what it locks."""

    words: str
    kind: str
    locks: Rules


def _own(mode: LockMode) -> LockRule:
    return LockRule(Kin.SELF, mode, only=False)


_HEIRS = LockRule(Kin.DESCENDANTS, EXCLUSIVE)
_INHERITED = LockRule(Kin.DESCENDANTS, EXCLUSIVE, Condition.IF_INHERITED, only=False)
_ALONE: Rules = (_own(EXCLUSIVE),)
_ALL: Rules = (_own(EXCLUSIVE), _HEIRS)
_GENTLE: Rules = (_own(SHARE_UPDATE),)
_TRIGGERS: Rules = (_own(SHARE_ROW), LockRule(Kin.PARTITIONS, SHARE_ROW, Condition.IF_INHERITED))
_IDENTITY: Rules = (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE, since=17))

#: The subcommands of ALTER TABLE, by the parser's names. ADD CONSTRAINT and the parameters of a relation have tables of
#: their own below.
SUBCOMMANDS: dict[str, SubcommandRule] = {
    "AT_AddColumn": SubcommandRule(
        "add column {part}",
        "column",
        (
            _own(EXCLUSIVE),
            LockRule(Kin.PARTITIONS, EXCLUSIVE),
            LockRule(Kin.HEIRS, EXCLUSIVE, Condition.UNLESS_EXISTS),
        ),
    ),
    "AT_DropColumn": SubcommandRule(
        "drop column {part}",
        "column",
        (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE), _INHERITED._replace(kin=Kin.HEIRS)),
    ),
    "AT_AlterColumnType": SubcommandRule("change type of {part}", "column", _ALL),
    "AT_SetNotNull": SubcommandRule("set {part} not null", "column", _ALL),
    "AT_DropNotNull": SubcommandRule(
        "allow nulls in {part}",
        "column",
        (
            _own(EXCLUSIVE),
            LockRule(Kin.DESCENDANTS, EXCLUSIVE, until=17),
            LockRule(Kin.DESCENDANTS, EXCLUSIVE, Condition.IF_NOT_NULL, since=18, only=False),
        ),
    ),
    "AT_ColumnDefault": SubcommandRule("set default of {part}", "column", _ALL),
    "AT_AddIdentity": SubcommandRule("make {part} an identity column", "column", _IDENTITY),
    "AT_SetIdentity": SubcommandRule("change identity of {part}", "column", _IDENTITY),
    "AT_DropIdentity": SubcommandRule("drop identity of {part}", "column", _IDENTITY),
    "AT_SetExpression": SubcommandRule("change generated column {part}", "column", _ALL),
    "AT_DropExpression": SubcommandRule("stop generating {part}", "column", _ALL),
    "AT_SetStatistics": SubcommandRule(
        "set statistics target of {part}", "column", (_own(SHARE_UPDATE), LockRule(Kin.DESCENDANTS, SHARE_UPDATE))
    ),
    "AT_SetOptions": SubcommandRule("set options of {part}", "column", _GENTLE),
    "AT_ResetOptions": SubcommandRule("reset options of {part}", "column", _GENTLE),
    "AT_SetStorage": SubcommandRule("set storage of {part}", "column", _ALL),
    "AT_SetCompression": SubcommandRule("set compression of {part}", "column", _ALONE),
    "AT_AlterColumnGenericOptions": SubcommandRule("set options of {part}", "column", _ALONE),
    "AT_DropConstraint": SubcommandRule(
        "drop constraint {part}",
        "constraint",
        (_own(EXCLUSIVE), _INHERITED, LockRule(Kin.REFERENCED, EXCLUSIVE, Condition.IF_FOREIGN_KEY, only=False)),
    ),
    "AT_ValidateConstraint": SubcommandRule(
        "validate constraint {part}",
        "constraint",
        (_own(SHARE_UPDATE), LockRule(Kin.DESCENDANTS, SHARE_UPDATE, Condition.UNLESS_VALID)),
    ),
    "AT_AlterConstraint": SubcommandRule(
        "alter constraint {part}",
        "constraint",
        (*_ALL, LockRule(Kin.REFERENCED, EXCLUSIVE, Condition.IF_CHANGED, only=False)),
    ),
    "AT_ChangeOwner": SubcommandRule("change owner of {table}", "", _ALONE),
    "AT_ClusterOn": SubcommandRule("choose {name} to cluster {table} by", "", _GENTLE),
    "AT_DropCluster": SubcommandRule("choose no index to cluster {table} by", "", _GENTLE),
    "AT_SetLogged": SubcommandRule("make {table} logged", "", _ALONE),
    "AT_SetUnLogged": SubcommandRule("make {table} unlogged", "", _ALONE),
    "AT_DropOids": SubcommandRule("drop OIDs of {table}", "", _ALL),
    "AT_SetAccessMethod": SubcommandRule("change access method of {table}", "", _ALONE),
    "AT_SetTableSpace": SubcommandRule("move {table} to tablespace {name}", "", _ALONE),
    "AT_EnableTrig": SubcommandRule("enable trigger {part}", "trigger", _TRIGGERS),
    "AT_EnableAlwaysTrig": SubcommandRule("enable trigger {part} always", "trigger", _TRIGGERS),
    "AT_EnableReplicaTrig": SubcommandRule("enable trigger {part} on replicas", "trigger", _TRIGGERS),
    "AT_DisableTrig": SubcommandRule("disable trigger {part}", "trigger", _TRIGGERS),
    "AT_EnableTrigAll": SubcommandRule("enable all triggers of {table}", "", _TRIGGERS),
    "AT_DisableTrigAll": SubcommandRule("disable all triggers of {table}", "", _TRIGGERS),
    "AT_EnableTrigUser": SubcommandRule("enable triggers of {table}", "", _TRIGGERS),
    "AT_DisableTrigUser": SubcommandRule("disable triggers of {table}", "", _TRIGGERS),
    "AT_EnableRule": SubcommandRule("enable rule {part}", "rule", _ALONE),
    "AT_EnableAlwaysRule": SubcommandRule("enable rule {part} always", "rule", _ALONE),
    "AT_EnableReplicaRule": SubcommandRule("enable rule {part} on replicas", "rule", _ALONE),
    "AT_DisableRule": SubcommandRule("disable rule {part}", "rule", _ALONE),
    "AT_AddInherit": SubcommandRule("make {table} an heir of {other}", "", _ALL),
    "AT_DropInherit": SubcommandRule("make {table} no heir of {other}", "", _ALONE),
    "AT_AddOf": SubcommandRule("make {table} a table of type {other}", "", _ALONE),
    "AT_DropOf": SubcommandRule("make {table} a table of no type", "", _ALONE),
    "AT_ReplicaIdentity": SubcommandRule("set replica identity of {table}", "", _ALONE),
    "AT_EnableRowSecurity": SubcommandRule("enable row level security of {table}", "", _ALONE),
    "AT_DisableRowSecurity": SubcommandRule("disable row level security of {table}", "", _ALONE),
    "AT_ForceRowSecurity": SubcommandRule("force row level security of {table}", "", _ALONE),
    "AT_NoForceRowSecurity": SubcommandRule("no longer force row level security of {table}", "", _ALONE),
    "AT_GenericOptions": SubcommandRule("set options of {table}", "", _ALONE),
    "AT_SetRelOptions": SubcommandRule("set options of {table}", "", ()),
    "AT_ResetRelOptions": SubcommandRule("reset options of {table}", "", ()),
    "AT_AttachPartition": SubcommandRule("attach partition {other} to {table}", "", _GENTLE),
    "AT_DetachPartition": SubcommandRule("detach partition {other} from {table}", "", _ALONE),
    "AT_DetachPartitionFinalize": SubcommandRule("finish detaching partition {other} from {table}", "", _GENTLE),
}

#: What ADD CONSTRAINT locks besides the referenced table of a foreign key, by the parser's names of constraints.
CONSTRAINTS: dict[str, Rules] = {
    "CONSTR_CHECK": _ALL,
    "CONSTR_NOTNULL": _ALL,
    "CONSTR_PRIMARY": (
        _own(EXCLUSIVE),
        LockRule(Kin.DESCENDANTS, EXCLUSIVE, Condition.UNLESS_NOT_NULL, until=17),
        LockRule(Kin.DESCENDANTS, EXCLUSIVE, since=18),
        LockRule(Kin.DESCENDANTS, EXCLUSIVE, Condition.UNLESS_NOT_NULL, since=18, only=False),
        LockRule(Kin.PARTITIONS, SHARE, until=17),
    ),
    "CONSTR_UNIQUE": (
        _own(EXCLUSIVE),
        LockRule(Kin.PARTITIONS, SHARE, until=17),
        LockRule(Kin.DESCENDANTS, EXCLUSIVE, since=18),
    ),
    "CONSTR_EXCLUSION": (
        _own(EXCLUSIVE),
        LockRule(Kin.PARTITIONS, SHARE, until=17),
        LockRule(Kin.DESCENDANTS, EXCLUSIVE, since=18),
    ),
    "CONSTR_FOREIGN": (_own(SHARE_ROW), LockRule(Kin.PARTITIONS, SHARE_ROW)),
}
#: What an added foreign key locks, seen from the table that it refers to.
FOREIGN_KEY: Rules = (_own(SHARE_ROW), LockRule(Kin.PARTITIONS, SHARE_ROW, only=False))

#: Parameters of tables, views and indexes that are changed under ACCESS EXCLUSIVE: the others, under SHARE UPDATE
#: EXCLUSIVE.
STRICT_PARAMETERS = frozenset(
    {
        "user_catalog_table",
        "security_barrier",
        "security_invoker",
        "check_option",
        "fastupdate",
        "gin_pending_list_limit",
        "buffering",
        "autosummarize",
        "pages_per_range",
        "length",
    }
)

#: What DROP locks, by the parser's names of objects; those that are missing lock no table unless CASCADE is said.
DROPS: dict[str, Rules] = {
    "OBJECT_TABLE": (
        _own(EXCLUSIVE),
        LockRule(Kin.PARTITIONS, EXCLUSIVE),
        LockRule(Kin.PARENT, EXCLUSIVE),
        LockRule(Kin.SIBLING_DEFAULT, EXCLUSIVE),
        LockRule(Kin.OWN_REFERENCED, EXCLUSIVE),
    ),
    "OBJECT_FOREIGN_TABLE": (
        _own(EXCLUSIVE),
        LockRule(Kin.PARENT, EXCLUSIVE),
        LockRule(Kin.SIBLING_DEFAULT, EXCLUSIVE),
    ),
    "OBJECT_VIEW": _ALONE,
    "OBJECT_MATVIEW": _ALONE,
    "OBJECT_SEQUENCE": _ALONE,
    "OBJECT_INDEX": (LockRule(Kin.TABLE_AND_PARTITIONS, EXCLUSIVE),),
    "OBJECT_STATISTIC_EXT": (LockRule(Kin.TABLE, SHARE_UPDATE),),
    "OBJECT_EXTENSION": (LockRule(Kin.CONTENTS, EXCLUSIVE),),
    "OBJECT_RULE": _ALONE,
    "OBJECT_POLICY": _ALONE,
    "OBJECT_TRIGGER": (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE, Condition.IF_INHERITED)),
}
#: What CASCADE adds to any of them.
DROP_CASCADE: Rules = (LockRule(Kin.DEPENDENT, EXCLUSIVE),)
#: DROP INDEX CONCURRENTLY; at its end, it takes ACCESS EXCLUSIVE of the index alone, which nobody uses any more then.
DROP_CONCURRENTLY: Rules = (LockRule(Kin.TABLE, SHARE_UPDATE),)

#: RENAME, SET SCHEMA and OWNER TO of relations, by the parser's names of objects.
RENAMES: dict[str, Rules] = {
    "OBJECT_TABLE": _ALONE,
    "OBJECT_FOREIGN_TABLE": _ALONE,
    "OBJECT_VIEW": _ALONE,
    "OBJECT_MATVIEW": _ALONE,
    "OBJECT_SEQUENCE": _ALONE,
    "OBJECT_INDEX": (LockRule(Kin.TABLE, SHARE_UPDATE),),
    "OBJECT_COLUMN": _ALL,
    "OBJECT_TABCONSTRAINT": (_own(EXCLUSIVE), _INHERITED),
    "OBJECT_ATTRIBUTE": (LockRule(Kin.TYPED, EXCLUSIVE, only=False),),
    "OBJECT_POLICY": _ALONE,
    "OBJECT_RULE": _ALONE,
    "OBJECT_TRIGGER": (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE, Condition.IF_INHERITED, since=15)),
}

#: ALTER ... DEPENDS ON EXTENSION; that of a trigger or a function locks no table but in ACCESS SHARE.
DEPENDS: dict[str, Rules] = {"OBJECT_INDEX": (LockRule(Kin.TABLE, EXCLUSIVE),), "OBJECT_MATVIEW": _ALONE}

#: COMMENT ON: relations and columns; on other objects it locks no table but in ACCESS SHARE.
COMMENTS: dict[str, Rules] = {
    "OBJECT_TABLE": _GENTLE,
    "OBJECT_FOREIGN_TABLE": _GENTLE,
    "OBJECT_VIEW": _GENTLE,
    "OBJECT_MATVIEW": _GENTLE,
    "OBJECT_SEQUENCE": _GENTLE,
    "OBJECT_COLUMN": _GENTLE,
    "OBJECT_INDEX": (LockRule(Kin.TABLE, SHARE_UPDATE),),
}

#: What the foreign key of a partitioned table locks if it is joined with those that its partitions have.
MERGED = LockRule(Kin.PARTITIONS_REFERENCED, EXCLUSIVE, Condition.IF_MERGED, only=False)
ATTACH_PARENT: Rules = (
    LockRule(Kin.DEFAULT_PARTITION, EXCLUSIVE),
    LockRule(Kin.BELOW_DEFAULT, EXCLUSIVE),
    LockRule(Kin.REFERENCED, SHARE_ROW),
    LockRule(Kin.OWN_REFERRING, SHARE_ROW, since=15),
)
ATTACH_CHILD: Rules = (
    _own(EXCLUSIVE),
    LockRule(Kin.DESCENDANTS, EXCLUSIVE),
    LockRule(Kin.REFERENCED, EXCLUSIVE, Condition.IF_MERGED),
    LockRule(Kin.REFERENCED, SHARE_ROW),
)
DETACH_PARENT: Rules = (
    LockRule(Kin.DEFAULT_PARTITION, EXCLUSIVE),
    LockRule(Kin.REFERENCED, SHARE_ROW, Condition.UNLESS_ITSELF, until=14),
    LockRule(Kin.REFERENCED, SHARE_ROW, since=15),
    LockRule(Kin.REFERRING, EXCLUSIVE, Condition.UNLESS_ITSELF),
)
DETACH_CHILD: Rules = (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE))
#: The parent of a new partition: CREATE TABLE ... PARTITION OF.
PARTITION_OF: Rules = (_own(EXCLUSIVE), *ATTACH_PARENT)
INHERITED: Rules = _GENTLE

#: Statements on one relation that have one rule each, by the parser's names.
CREATE_INDEX: Rules = (_own(SHARE), LockRule(Kin.PARTITIONS, SHARE))
CREATE_INDEX_CONCURRENTLY: Rules = _GENTLE
CREATE_TRIGGER: Rules = (_own(SHARE_ROW),)
ROW_TRIGGER: Rules = (_own(SHARE_ROW), LockRule(Kin.PARTITIONS, SHARE_ROW))
CREATE_RULE: Rules = _ALONE
POLICY: Rules = _ALONE
STATISTICS: Rules = _GENTLE
REPLACE_VIEW: Rules = (LockRule(Kin.SELF, EXCLUSIVE, Condition.IF_EXISTS),)
ALTER_SEQUENCE: Rules = (_own(SHARE_ROW),)
REFRESH: Rules = _ALONE
REFRESH_CONCURRENTLY: Rules = (_own(LockMode.EXCLUSIVE),)
TRUNCATE: Rules = _ALL
TRUNCATE_CASCADE: Rules = (LockRule(Kin.ALL_REFERRING, EXCLUSIVE, only=False),)
CLUSTER: Rules = (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE))
VACUUM_FULL: Rules = (_own(EXCLUSIVE), LockRule(Kin.PARTITIONS, EXCLUSIVE))
VACUUM: Rules = (_own(SHARE_UPDATE), LockRule(Kin.PARTITIONS, SHARE_UPDATE))
ANALYZE: Rules = (
    _own(SHARE_UPDATE),
    LockRule(Kin.PARTITIONS, SHARE_UPDATE, until=17),
    LockRule(Kin.DESCENDANTS, SHARE_UPDATE, since=18),
)
#: REINDEX; the locks on the indexes themselves keep every new query from being planned.
REINDEX_TABLE: Rules = (
    _own(SHARE),
    LockRule(Kin.SELF, EXCLUSIVE, Condition.IF_INDEXED),
    LockRule(Kin.PARTITIONS, SHARE),
    LockRule(Kin.PARTITIONS, EXCLUSIVE, Condition.IF_INDEXED),
)
REINDEX_INDEX: Rules = (LockRule(Kin.TABLE, EXCLUSIVE),)
REINDEX_TABLE_CONCURRENTLY: Rules = (_own(SHARE_UPDATE), LockRule(Kin.PARTITIONS, SHARE_UPDATE))
REINDEX_INDEX_CONCURRENTLY: Rules = (LockRule(Kin.TABLE, SHARE_UPDATE),)
#: CREATE and ALTER PUBLICATION: heirs, and not partitions, are published with their table.
PUBLISH: Rules = (_own(SHARE_UPDATE), LockRule(Kin.HEIRS, SHARE_UPDATE))
#: ALTER DOMAIN: ADD CONSTRAINT, SET NOT NULL, VALIDATE CONSTRAINT.
DOMAIN: Rules = (LockRule(Kin.USERS, SHARE),)
ALTER_COMPOSITE: Rules = (LockRule(Kin.TYPED, EXCLUSIVE),)
#: LOCK TABLE, by the parser's number of the mode.
LOCK_TABLE = (Kin.SELF, Kin.DESCENDANTS, Kin.READ_BY)

#: Statements that lock no table, by the parser's names, with the field that holds the name of their object.
WITHOUT_TABLES: dict[str, tuple[str, str]] = {
    "create_table_space_stmt": ("tablespace", "tablespacename"),
    "drop_table_space_stmt": ("tablespace", "tablespacename"),
    "alter_table_space_options_stmt": ("tablespace", "tablespacename"),
    "create_fdw_stmt": ("foreign data wrapper", "fdwname"),
    "alter_fdw_stmt": ("foreign data wrapper", "fdwname"),
    "create_foreign_server_stmt": ("server", "servername"),
    "alter_foreign_server_stmt": ("server", "servername"),
    "create_user_mapping_stmt": ("user mapping", "servername"),
    "alter_user_mapping_stmt": ("user mapping", "servername"),
    "drop_user_mapping_stmt": ("user mapping", "servername"),
    "create_am_stmt": ("access method", "amname"),
    "create_event_trig_stmt": ("event trigger", "trigname"),
    "alter_event_trig_stmt": ("event trigger", "trigname"),
    "create_plang_stmt": ("language", "plname"),
    "create_role_stmt": ("role", "role"),
    "alter_role_stmt": ("role", "role"),
    "alter_role_set_stmt": ("role", "role"),
    "drop_role_stmt": ("role", "roles"),
    "create_domain_stmt": ("domain", "domainname"),
    "create_enum_stmt": ("type", "type_name"),
    "create_range_stmt": ("type", "type_name"),
    "composite_type_stmt": ("type", "typevar"),
    "alter_type_stmt": ("type", "type_name"),
    "create_op_class_stmt": ("operator class", "opclassname"),
    "create_op_family_stmt": ("operator family", "opfamilyname"),
    "alter_op_family_stmt": ("operator family", "opfamilyname"),
    "alter_operator_stmt": ("operator", "opername"),
    "alter_collation_stmt": ("collation", "collname"),
    "alter_stats_stmt": ("statistics", "defnames"),
    "create_conversion_stmt": ("conversion", "conversion_name"),
    "create_cast_stmt": ("cast", "sourcetype"),
    "create_transform_stmt": ("transform", "type_name"),
    "alter_tsdictionary_stmt": ("text search dictionary", "dictname"),
    "alter_tsconfiguration_stmt": ("text search configuration", "cfgname"),
    "create_subscription_stmt": ("subscription", "subname"),
    "alter_subscription_stmt": ("subscription", "subname"),
    "drop_subscription_stmt": ("subscription", "subname"),
    "createdb_stmt": ("database", "dbname"),
    "alter_database_stmt": ("database", "dbname"),
    "alter_database_refresh_coll_stmt": ("database", "dbname"),
    "alter_database_set_stmt": ("database", "dbname"),
    "alter_function_stmt": ("function", "func"),
    "alter_default_privileges_stmt": ("", ""),
    "grant_role_stmt": ("role", "granted_roles"),
    "alter_system_stmt": ("", ""),
    "variable_show_stmt": ("setting", "name"),
    "notify_stmt": ("channel", "conditionname"),
    "listen_stmt": ("channel", "conditionname"),
    "unlisten_stmt": ("channel", "conditionname"),
    "check_point_stmt": ("", ""),
    "discard_stmt": ("", ""),
    "constraints_set_stmt": ("", ""),
    "deallocate_stmt": ("prepared statement", "name"),
    "close_portal_stmt": ("cursor", "portalname"),
    "fetch_stmt": ("cursor", "portalname"),
    "sec_label_stmt": ("", ""),
}
#: Statements that run what their text does not tell, by the parser's names: the field with a name, and what is unknown.
RUN_UNKNOWN: dict[str, tuple[str, str, str]] = {
    "do_stmt": ("", "", "what the DO block does"),
    "call_stmt": ("procedure", "funccall", "what the procedure {} does"),
    "execute_stmt": ("prepared statement", "name", "what the prepared statement {} does"),
    "create_extension_stmt": ("extension", "extname", "what the script of the extension {} does"),
    "alter_extension_stmt": ("extension", "extname", "what the script of the extension {} does"),
    "alter_extension_contents_stmt": ("extension", "extname", ""),
    "import_foreign_schema_stmt": ("schema", "remote_schema", "which tables the schema {} has"),
    "drop_owned_stmt": ("role", "roles", "what the roles {} own"),
    "reassign_owned_stmt": ("role", "roles", "what the roles {} own"),
    "alter_table_move_all_stmt": ("tablespace", "orig_tablespacename", "what is in the tablespace {}"),
    "load_stmt": ("library", "filename", "what the library {} does"),
}
