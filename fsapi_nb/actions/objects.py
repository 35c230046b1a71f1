"""What statements do that create, change and drop objects, ALTER TABLE's subcommands excepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fsapi_nb.actions import lock_rules
from fsapi_nb.actions.locks import locks, merging, on_table, strongest
from fsapi_nb.actions.rows import rows_of
from fsapi_nb.actions.tree_names import joined, object_name, qualified, relation, role, strings, type_name
from fsapi_nb.model.action import (
    Action,
    ActionObject,
    Condition,
    Kin,
    LockMode,
    Loss,
    LossKind,
    TableLock,
    TableSet,
    Work,
)
from fsapi_nb.script.classify import enum_name, kind_of, option_on
from fsapi_nb.text.sql import quote_literal

_PARTS = {"OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"}
_LOSSES = {
    "OBJECT_TABLE": (LossKind.TABLE, "the table {} with its rows"),
    "OBJECT_SCHEMA": (LossKind.LARGER, "the schema {} with what is in it"),
    "OBJECT_SEQUENCE": (LossKind.SEQUENCE, "the sequence {} with its position"),
    "OBJECT_MATVIEW": (LossKind.MATERIALIZED_VIEW, "the materialized view {} with its rows"),
    "OBJECT_EXTENSION": (LossKind.LARGER, "the extension {} with what depends on it"),
}
#: What CASCADE may take away with objects that hold no data themselves: columns of the type, generated columns.
_CASCADES = {"OBJECT_TYPE": "type", "OBJECT_DOMAIN": "domain", "OBJECT_FUNCTION": "function"}
_CASCADE = "DROP_CASCADE"


# -- tables, views, indexes ------------------------------------------------------------------------------------


def create_table(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE TABLE does: it locks the tables that it refers to, inherits from, or is a part of."""
    if node.DESCRIPTOR.name == "CreateForeignTableStmt":
        node, kind = node.base_stmt, "foreign table"
    else:
        kind = "table"
    name = relation(node.relation)
    found: list[TableLock] = []
    scans: tuple[Work, ...] = ()
    for referenced in _referenced(node):
        if referenced != name:
            found += locks(lock_rules.FOREIGN_KEY, referenced, version)
    for each in node.inh_relations:
        parent = relation(each.range_var)
        is_partition = node.HasField("partbound")
        found += locks(lock_rules.PARTITION_OF if is_partition else lock_rules.INHERITED, parent, version)
        if is_partition:
            default = (Kin.DEFAULT_PARTITION, Kin.BELOW_DEFAULT)
            scans += tuple(Work(TableSet(parent, kin), Condition.UNLESS_PROVEN) for kin in default)
    for each in node.table_elts:
        if each.HasField("table_like_clause"):
            found += on_table(relation(each.table_like_clause.relation), LockMode.ACCESS_SHARE)
    temporary = "temporary " if node.relation.relpersistence == "t" else ""
    yield Action(f"create {temporary}{kind} {name}", ActionObject(kind, name), strongest(found), scans=scans)


def _referenced(node: Any) -> Iterator[str]:
    """Yield the tables that the foreign keys of a CREATE TABLE refer to."""
    constraints = [*node.constraints]
    for each in node.table_elts:
        if each.HasField("column_def"):
            constraints += each.column_def.constraints
        elif each.HasField("constraint"):
            constraints.append(each)
    for each in constraints:
        if enum_name(each.constraint, "contype") == "CONSTR_FOREIGN":
            yield relation(each.constraint.pktable)


def create_index(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE INDEX does."""
    table, only = relation(node.relation), not node.relation.inh
    name = joined([node.relation.schemaname, node.idxname]) if node.idxname else ""
    keys = ", ".join(joined([each.index_elem.name]) or "an expression" for each in node.index_params)
    words = f"create {'unique ' * node.unique}index {name + ' ' if name else ''}on {table} ({keys})"
    rules = lock_rules.CREATE_INDEX
    if node.concurrent:
        rules, words = lock_rules.CREATE_INDEX_CONCURRENTLY, f"{words} concurrently"
    # ON ONLY is for partitioned tables, where it builds nothing.
    built = [Work(TableSet(table), Condition.UNLESS_PARTITIONED if only else None)]
    if not only and not node.concurrent:
        built.append(Work(TableSet(table, Kin.PARTITIONS)))
    if node.if_not_exists:
        built = [Work(each.tables, Condition.UNLESS_EXISTS) for each in built]
    yield Action(
        words,
        ActionObject("index", name) if name else ActionObject("table", table),
        locks(rules, table, version, only=only),
        builds_index=merging(built),
    )


def create_view(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE VIEW does."""
    name = relation(node.view)
    found = (*rows_of(node.query).locks(), *(locks(lock_rules.REPLACE_VIEW, name, version) if node.replace else ()))
    yield Action(f"create {'or replace ' * node.replace}view {name}", ActionObject("view", name), found)


def refresh(node: Any, version: int) -> Iterator[Action]:
    """Yield what a REFRESH MATERIALIZED VIEW does: it runs the view's query, whose tables its text does not name."""
    name = relation(node.relation)
    own = (Work(TableSet(name)),)
    indexes = (Work(TableSet(name), Condition.IF_INDEXED),)
    if node.concurrent:
        yield Action(
            f"refresh materialized view {name} concurrently",
            ActionObject("materialized view", name),
            locks(lock_rules.REFRESH_CONCURRENTLY, name, version),
            scans=own,
            changes_rows=own,
        )
        return
    yield Action(
        f"{'empty' if node.skip_data else 'refresh'} materialized view {name}",
        ActionObject("materialized view", name),
        locks(lock_rules.REFRESH, name, version),
        rewrites=own,
        builds_index=indexes,
        changes_rows=() if node.skip_data else own,
    )


def create_sequence(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE SEQUENCE or ALTER SEQUENCE does."""
    alters = node.DESCRIPTOR.name == "AlterSeqStmt"
    name = relation(node.sequence)
    found = locks(lock_rules.ALTER_SEQUENCE, name, version) if alters else ()
    for each in node.options:
        if each.def_elem.defname == "owned_by":
            owner = strings(each.def_elem.arg.list.items)[:-1]
            if owner:
                found += on_table(joined(owner), LockMode.ACCESS_SHARE)
    yield Action(f"{'alter' if alters else 'create'} sequence {name}", ActionObject("sequence", name), found)


# -- parts of tables -------------------------------------------------------------------------------------------


def create_trigger(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE TRIGGER does."""
    table = relation(node.relation)
    part = f"{table}.{joined([node.trigname])}"
    rules = lock_rules.ROW_TRIGGER if node.row else lock_rules.CREATE_TRIGGER
    found = locks(rules, table, version)
    if node.HasField("constrrel"):
        found += on_table(relation(node.constrrel), LockMode.ACCESS_SHARE)
    yield Action(f"create {'or replace ' * node.replace}trigger {part}", ActionObject("trigger", part), found)


def create_rule(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE RULE does."""
    table = relation(node.relation)
    part = f"{table}.{joined([node.rulename])}"
    found = locks(lock_rules.CREATE_RULE, table, version)
    yield Action(f"create {'or replace ' * node.replace}rule {part}", ActionObject("rule", part), found)


def policy(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE POLICY or ALTER POLICY does."""
    table = relation(node.table)
    part = f"{table}.{joined([node.policy_name])}"
    verb = "create" if node.DESCRIPTOR.name == "CreatePolicyStmt" else "alter"
    yield Action(f"{verb} policy {part}", ActionObject("policy", part), locks(lock_rules.POLICY, table, version))


def create_statistics(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE STATISTICS does."""
    name = qualified(node.defnames)
    tables = [relation(each.range_var) for each in node.relations]
    found = tuple(lock for table in tables for lock in locks(lock_rules.STATISTICS, table, version))
    yield Action(
        f"create statistics {name + ' ' if name else ''}on {', '.join(tables)}", ActionObject("statistics", name), found
    )


# -- DROP, RENAME, SET SCHEMA, OWNER TO, COMMENT, GRANT ---------------------------------------------------------


def drop(node: Any, version: int) -> Iterator[Action]:
    """Yield what a DROP does, object by object."""
    remove = enum_name(node, "remove_type")
    kind = kind_of(("drop_stmt", node)).removeprefix("DROP ").removesuffix(" CONCURRENTLY").lower()
    for each in node.objects:
        name = object_name(each)
        relation_name = joined(strings(each.list.items)[:-1]) if remove in _PARTS else name
        rules = lock_rules.DROP_CONCURRENTLY if node.concurrent else lock_rules.DROPS.get(remove, ())
        found = locks(rules, relation_name, version)
        if remove in _PARTS and node.missing_ok:
            found = tuple(lock._replace(condition=Condition.IF_EXISTS) for lock in found)
        # Nothing can depend on a trigger, a rule or a policy.
        cascades = enum_name(node, "behavior") == _CASCADE and remove not in _PARTS
        found = tuple(_of_kind(lock, kind) for lock in found)
        if cascades:
            found += tuple(_of_kind(lock, kind) for lock in locks(lock_rules.DROP_CASCADE, name, version))
            if remove == "OBJECT_TABLE":
                found += (TableLock(TableSet(name, Kin.DESCENDANTS), LockMode.ACCESS_EXCLUSIVE),)
        yield Action(
            f"drop {kind} {name}{' concurrently' * node.concurrent}{' and what depends on it' * cascades}",
            ActionObject(kind, name),
            found,
            destroys=_lost(remove, name, cascades=cascades),
        )


def _of_kind(lock: TableLock, kind: str) -> TableLock:
    """Return the lock on what has to do with an object of that kind, unless it is a relation."""
    is_relation = kind in {"table", "view", "materialized view", "sequence", "index", "foreign table"}
    by_kind = lock.tables.kin in {Kin.DEPENDENT, Kin.CONTENTS} and not is_relation
    return lock._replace(tables=lock.tables._replace(kind=kind)) if by_kind else lock


def _lost(remove: str, name: str, *, cascades: bool) -> tuple[Loss, ...]:
    if remove in _LOSSES:
        kind, words = _LOSSES[remove]
        return (Loss(kind, name, words.format(name)),)
    if cascades and remove in _CASCADES:
        return (Loss(LossKind.LARGER, name, f"columns that depend on the {_CASCADES[remove]} {name}"),)
    return ()


def drop_database(node: Any, version: int) -> Iterator[Action]:
    """Yield what a DROP DATABASE does."""
    name = joined([node.dbname])
    loss = Loss(LossKind.LARGER, name, f"the database {name} with what is in it")
    yield Action(f"drop database {name}", ActionObject("database", name), destroys=(loss,))


def drop_owned(node: Any, version: int) -> Iterator[Action]:
    """Yield what a DROP OWNED does; only the catalog knows what that is."""
    action = run_unknown(node, "drop_owned_stmt")
    loss = Loss(LossKind.LARGER, action.object.name, f"what {action.object.name} owns")
    yield replace(action, destroys=(loss,))


def rename(node: Any, version: int) -> Iterator[Action]:
    """Yield what a RENAME does."""
    renamed = enum_name(node, "rename_type")
    kind = renamed.removeprefix("OBJECT_").replace("TABCONSTRAINT", "CONSTRAINT").replace("DOMCONSTRAINT", "CONSTRAINT")
    words = kind_of(("rename_stmt", node)).removeprefix("ALTER ").lower()
    table = relation(node.relation) if node.HasField("relation") else ""
    name = ".".join(part for part in (table or object_name(node.object), joined([node.subname])) if part)
    if renamed in {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE", "OBJECT_DOMCONSTRAINT"}:
        words = kind.lower()
    rules = lock_rules.RENAMES.get(renamed, ())
    if renamed == "OBJECT_ATTRIBUTE" and enum_name(node, "behavior") != _CASCADE:
        rules = ()
    found = locks(rules, table, version, only=not node.relation.inh) if table else ()
    yield Action(f"rename {words} {name} to {joined([node.newname])}", ActionObject(words, name), found)


def set_schema(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER ... SET SCHEMA does."""
    kind = kind_of(("alter_object_schema_stmt", node)).removeprefix("ALTER ").lower()
    table = relation(node.relation) if node.HasField("relation") else ""
    rules = lock_rules.RENAMES.get(enum_name(node, "object_type"), ())
    name = table or object_name(node.object)
    found = locks(rules, table, version) if table else ()
    yield Action(f"move {kind} {name} to schema {joined([node.newschema])}", ActionObject(kind, name), found)


def set_owner(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER ... OWNER TO does; that of a table is a subcommand of ALTER TABLE."""
    kind = kind_of(("alter_owner_stmt", node)).removeprefix("ALTER ").lower()
    name = object_name(node.object)
    yield Action(f"change owner of {kind} {name}".strip(), ActionObject(kind, name))


def depend(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER ... DEPENDS ON EXTENSION does."""
    kind = kind_of(("alter_object_depends_stmt", node)).removeprefix("ALTER ").lower()
    table = relation(node.relation) if node.HasField("relation") else ""
    name = ".".join(part for part in (table, object_name(node.object)) if part)
    rules = lock_rules.DEPENDS.get(enum_name(node, "object_type"), ())
    depends = "no longer depend" if node.remove else "depend"
    words = f"make {kind} {name} {depends} on extension {joined([node.extname.sval])}"
    yield Action(words, ActionObject(kind, name), locks(rules, table, version))


def comment(node: Any, version: int) -> Iterator[Action]:
    """Yield what a COMMENT does."""
    kind = enum_name(node, "objtype")
    name = object_name(node.object)
    table = joined(strings(node.object.list.items)[:-1]) if kind == "OBJECT_COLUMN" else name
    words = _COMMENTED.get(kind, kind.removeprefix("OBJECT_").replace("_", " ").lower())
    found = locks(lock_rules.COMMENTS.get(kind, ()), table, version)
    yield Action(f"comment on {words} {name}", ActionObject(words, name), found)


_COMMENTED = {
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_TABCONSTRAINT": "constraint",
    "OBJECT_DOMCONSTRAINT": "constraint",
    "OBJECT_STATISTIC_EXT": "statistics",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_FDW": "foreign data wrapper",
}


def grant(node: Any, version: int) -> Iterator[Action]:
    """Yield what a GRANT or REVOKE of rights does."""
    rights = ", ".join(each.access_priv.priv_name for each in node.privileges) or "all rights"
    names = ", ".join(object_name(each) for each in node.objects)
    whole = {
        "ACL_TARGET_ALL_IN_SCHEMA": f"everything in schema {names}",
        "ACL_TARGET_DEFAULTS": "what is made later",
    }
    what = whole.get(enum_name(node, "targtype"), names)
    verb = "grant" if node.is_grant else "revoke"
    yield Action(f"{verb} {rights} on {what}", ActionObject("rights", names))


# -- types, domains, functions, publications -------------------------------------------------------------------


def alter_enum(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER TYPE ... ADD VALUE or RENAME VALUE does."""
    name = qualified(node.type_name)
    old, new = quote_literal(node.old_val), quote_literal(node.new_val)
    if node.old_val:
        yield Action(f"rename value {old} of {name} to {new}", ActionObject("type", name))
    else:
        yield Action(f"add value {new} to {name}", ActionObject("type", name))


def alter_domain(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER DOMAIN does; a constraint of it is checked in all tables that have a column of it."""
    name = qualified(node.type_name)
    action = Action(_DOMAINS.get(node.subtype, "alter domain {}").format(name), ActionObject("domain", name))
    constraint = getattr(node, "def").constraint
    checks = node.subtype in {"O", "V"} or (node.subtype == "C" and not constraint.skip_validation)
    if checks:
        action = replace(
            action,
            locks=locks(lock_rules.DOMAIN, name, version),
            scans=(Work(TableSet(name, Kin.USERS)),),
        )
    yield action


#: By the parser's letters.
_DOMAINS = {
    "T": "set default of domain {}",
    "N": "allow nulls in domain {}",
    "O": "set domain {} not null",
    "C": "add constraint to domain {}",
    "X": "drop constraint of domain {}",
    "V": "validate constraint of domain {}",
}


def create_function(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE FUNCTION or CREATE PROCEDURE does."""
    kind, name = "procedure" if node.is_procedure else "function", qualified(node.funcname)
    rows = rows_of(node.sql_body) if node.HasField("sql_body") else None
    found = rows.locks() if rows else ()
    if rows:
        found += tuple(
            lock for each in rows.writes for lock in on_table(relation(each.relation), LockMode.ROW_EXCLUSIVE)
        )
    yield Action(f"create {'or replace ' * node.replace}{kind} {name}", ActionObject(kind, name), found)


def define(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE AGGREGATE, OPERATOR, COLLATION, TYPE or TEXT SEARCH object does."""
    kind = kind_of(("define_stmt", node)).removeprefix("CREATE ").lower()
    name = ".".join(strings(node.defnames)) if kind == "operator" else qualified(node.defnames)
    yield Action(f"create {kind} {name}", ActionObject(kind, name))


def publication(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CREATE PUBLICATION or ALTER PUBLICATION does."""
    name = joined([node.pubname])
    alters = node.DESCRIPTOR.name == "AlterPublicationStmt"
    found: tuple[TableLock, ...] = ()
    for each in node.pubobjects:
        table = each.publication_obj_spec.pubtable.relation
        if table.relname:
            found += locks(lock_rules.PUBLISH, relation(table), version, only=not table.inh)
    if alters and enum_name(node, "action") == "AP_SetObjects" and node.pubobjects:
        found += (TableLock(TableSet(name, Kin.PUBLISHED), LockMode.SHARE_UPDATE_EXCLUSIVE),)
    yield Action(f"{'alter' if alters else 'create'} publication {name}", ActionObject("publication", name), found)


# -- maintenance -----------------------------------------------------------------------------------------------


def vacuum(node: Any, version: int) -> Iterator[Action]:
    """Yield what a VACUUM or ANALYZE does, table by table."""
    verb, rules = "analyze", lock_rules.ANALYZE
    if node.is_vacuumcmd:
        full = option_on(node.options, "full")
        verb, rules = ("vacuum fully", lock_rules.VACUUM_FULL) if full else ("vacuum", lock_rules.VACUUM)
    for each in node.rels:
        name = relation(each.vacuum_relation.relation)
        found = locks(rules, name, version)
        action = Action(f"{verb} {name}", ActionObject("table", name), found)
        yield _vacuumed(action, verb, [TableSet(name), TableSet(name, Kin.PARTITIONS)])
    if not node.rels:
        every = TableSet("", Kin.EVERYTHING)
        action = Action(f"{verb} every table", ActionObject("database", ""), (TableLock(every, rules[0].mode),))
        yield _vacuumed(action, verb, [every])


def _vacuumed(action: Action, verb: str, tables: list[TableSet]) -> Action:
    if verb == "vacuum fully":
        every = tuple(Work(each) for each in tables)
        indexes = tuple(Work(each, Condition.IF_INDEXED) for each in tables)
        return replace(action, rewrites=every, builds_index=indexes)
    if verb == "vacuum":
        return replace(action, scans=tuple(Work(each, Condition.IF_CHANGED_SINCE) for each in tables))
    return action


def cluster(node: Any, version: int) -> Iterator[Action]:
    """Yield what a CLUSTER does."""
    if not node.HasField("relation"):
        every = TableSet("", Kin.EVERYTHING)
        all_done = (Work(every, Condition.IF_CLUSTERED),)
        lock = TableLock(every, LockMode.ACCESS_EXCLUSIVE, Condition.IF_CLUSTERED)
        what = ActionObject("database", "")
        yield Action("cluster every table", what, (lock,), rewrites=all_done, builds_index=all_done)
        return
    name = relation(node.relation)
    tables = (TableSet(name), TableSet(name, Kin.PARTITIONS))
    done, built = (tuple(Work(each, condition) for each in tables) for condition in (None, Condition.IF_INDEXED))
    by = f" by {joined([node.indexname])}" if node.indexname else ""
    found = locks(lock_rules.CLUSTER, name, version)
    yield Action(f"cluster {name}{by}", ActionObject("table", name), found, rewrites=done, builds_index=built)


def reindex(node: Any, version: int) -> Iterator[Action]:
    """Yield what a REINDEX does."""
    kind = enum_name(node, "kind").removeprefix("REINDEX_OBJECT_").lower()
    gently = option_on(node.params, "concurrently")
    suffix = " concurrently" if gently else ""
    if node.HasField("relation"):
        name = relation(node.relation)
        if kind == "index":
            rules = lock_rules.REINDEX_INDEX_CONCURRENTLY if gently else lock_rules.REINDEX_INDEX
            kinds = [Kin.TABLE]
        else:
            rules = lock_rules.REINDEX_TABLE_CONCURRENTLY if gently else lock_rules.REINDEX_TABLE
            kinds = [Kin.SELF, Kin.PARTITIONS]
        condition = None if kind == "index" else Condition.IF_INDEXED
        built = tuple(Work(TableSet(name, kin), condition) for kin in kinds)
        words = f"rebuild index {name}" if kind == "index" else f"rebuild indexes of {name}"
        yield Action(words + suffix, ActionObject(kind, name), locks(rules, name, version), builds_index=built)
        return
    name = joined([node.name])
    every = TableSet(name, Kin.CONTENTS, "schema") if kind == "schema" else TableSet("", Kin.EVERYTHING)
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE if gently else LockMode.ACCESS_EXCLUSIVE
    yield Action(
        f"rebuild all indexes of the {kind}{' ' + name if name else ''}{suffix}",
        ActionObject(kind, name),
        (TableLock(every, mode),),
        builds_index=(Work(every),),
    )


# -- the rest --------------------------------------------------------------------------------------------------


def without_tables(node: Any, name: str) -> Action:
    """Return what a statement does that locks no table, by the words of its command."""
    kind, field = lock_rules.WITHOUT_TABLES[name]
    words = kind_of((name, node)).lower()
    named = _named(node, field)
    if name == "create_cast_stmt":
        named = f"{type_name(node.sourcetype)} as {type_name(node.targettype)}"
    return Action(f"{words} {named}".strip(), ActionObject(kind, named))


def run_unknown(node: Any, name: str) -> Action:
    """Return what a statement does whose text does not say what it runs."""
    kind, field, unknown = lock_rules.RUN_UNKNOWN[name]
    named = _named(node, field)
    words = "run a DO block" if name == "do_stmt" else f"{kind_of((name, node)).lower()} {named}".strip()
    return Action(words, ActionObject(kind, named), unknown=unknown.format(named) or None)


def _named(node: Any, field: str) -> str:
    """Return the name that a field of a node holds, whatever its type is."""
    if not field:
        return ""
    value = getattr(node, field)
    if isinstance(value, str):
        return joined([value])
    if hasattr(value, "__len__"):
        if any(each.HasField("role_spec") or each.HasField("access_priv") for each in value):
            return ", ".join(
                role(each.role_spec) if each.HasField("role_spec") else joined([each.access_priv.priv_name])
                for each in value
            )
        return qualified(value)
    match value.DESCRIPTOR.name:
        case "RangeVar":
            return relation(value)
        case "RoleSpec":
            return role(value)
        case "TypeName":
            return qualified(value.names)
        case "ObjectWithArgs":
            return qualified(value.objname)
        case "FuncCall":
            return qualified(value.funcname)
        case _:
            return ""


def set_variable(node: Any, version: int) -> Iterator[Action]:
    """Yield what a SET or RESET does."""
    kind = enum_name(node, "kind")
    resets = kind.startswith("VAR_RESET")
    name = "all settings" if kind == "VAR_RESET_ALL" else node.name.lower()
    suffix = " for the transaction" if node.is_local else ""
    yield Action(f"{'reset' if resets else 'set'} {name}{suffix}", ActionObject("setting", name))


def transaction(node: Any, version: int) -> Iterator[Action]:
    """Yield what a BEGIN, COMMIT or SAVEPOINT does."""
    words = kind_of(("transaction_stmt", node)).lower()
    yield Action(f"{words} {node.savepoint_name}".strip(), ActionObject("transaction", ""))
