"""What each subcommand of an ALTER TABLE does, an Action each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from fsapi_nb.actions import lock_rules
from fsapi_nb.actions.builtin_names import OTHER_FUNCTIONS, VOLATILE_FUNCTIONS
from fsapi_nb.actions.locks import conditional, locks, merging, on_table, work
from fsapi_nb.actions.tree_names import calls, is_builtin, joined, listed, relation, strings, type_name, walk
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
from fsapi_nb.script.classify import enum_name

_SERIALS = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
_STORED = "s"
_MOMENTS = {"now", "transaction_timestamp", "statement_timestamp", "SVFOP_CURRENT_TIMESTAMP"}
_PARTITIONS = {"AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize"}
_PARENTS = {"AT_AddInherit", "AT_DropInherit"}
_KINDS = {
    "OBJECT_TABLE": "table",
    "OBJECT_FOREIGN_TABLE": "foreign table",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_INDEX": "index",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_TYPE": "type",
}


class Subcommand(NamedTuple):
    """One subcommand, the table as written, and what is known of the statement around it."""

    table: str
    node: Any
    version: int
    only: bool

    @property
    def definition(self) -> Any:
        """What the subcommand adds or sets."""
        return getattr(self.node, "def")

    @property
    def cascades(self) -> bool:
        """Whether it ends with CASCADE."""
        return enum_name(self.node, "behavior") == "DROP_CASCADE"

    def work(self, condition: Condition | None = None) -> tuple[Work, ...]:
        """Work on the table and those below it."""
        return merging(work(self.table, condition, only=self.only))

    def locks(self, rules: lock_rules.Rules) -> tuple[TableLock, ...]:
        """Return what rules give for the table."""
        return locks(rules, self.table, self.version, only=self.only)


def alter_table(node: Any, version: int) -> Iterator[Action]:
    """Yield what an ALTER TABLE, ALTER INDEX, ALTER VIEW, ... does, subcommand by subcommand."""
    kind = enum_name(node, "objtype")
    for each in node.cmds:
        command = each.alter_table_cmd
        sub = Subcommand(relation(node.relation), command, version, not node.relation.inh)
        if kind == "OBJECT_TYPE":
            yield _of_type(sub)
        elif kind == "OBJECT_INDEX":
            yield _of_index(sub)
        else:
            yield _of_relation(sub, _KINDS.get(kind, "table"))


def _of_relation(sub: Subcommand, kind: str) -> Action:
    subtype = enum_name(sub.node, "subtype")
    if subtype == "AT_AddConstraint":
        return add_constraint(sub, sub.definition.constraint)
    rule = lock_rules.SUBCOMMANDS.get(subtype)
    if rule is None:
        return Action(f"alter {kind} {sub.table}", ActionObject(kind, sub.table), unknown="what the subcommand does")
    action = Action(_words(sub, rule, subtype), _object(sub, rule, kind), sub.locks(rule.locks))
    special = _SPECIAL.get(subtype)
    return special(sub, action) if special else action


def _words(sub: Subcommand, rule: lock_rules.SubcommandRule, subtype: str) -> str:
    name = sub.node.name or (sub.definition.column_def.colname if subtype == "AT_AddColumn" else "")
    other = ""
    if subtype in _PARTITIONS:
        other = relation(sub.definition.partition_cmd.name)
    elif subtype in _PARENTS:
        other = relation(sub.definition.range_var)
    elif subtype == "AT_AddOf":
        other = type_name(sub.definition.type_name)
    return rule.words.format(table=sub.table, name=joined([name]), part=_part(sub, name), other=other)


def _part(sub: Subcommand, name: str) -> str:
    return f"{sub.table}.{joined([name])}"


def _object(sub: Subcommand, rule: lock_rules.SubcommandRule, kind: str) -> ActionObject:
    if not rule.kind:
        return ActionObject(kind, sub.table)
    name = sub.node.name or sub.definition.column_def.colname
    return ActionObject(rule.kind, _part(sub, name))


def _of_type(sub: Subcommand) -> Action:
    """ALTER TYPE of a composite type: tables of that type follow with CASCADE, or are refused."""
    subtype = enum_name(sub.node, "subtype")
    name = sub.node.name or sub.definition.column_def.colname
    verbs = {"AT_AddColumn": "add attribute", "AT_DropColumn": "drop attribute"}
    found = locks(lock_rules.ALTER_COMPOSITE, sub.table, sub.version) if sub.cascades else ()
    if sub.cascades and subtype == "AT_DropColumn":
        dependent = TableSet(sub.table, Kin.DEPENDENT)
        found += (TableLock(dependent, LockMode.ACCESS_EXCLUSIVE, Condition.IF_DEPENDED_ON),)
    part = _part(sub, name)
    action = Action(f"{verbs.get(subtype, 'change type of')} {part}", ActionObject("attribute", part), found)
    if subtype == "AT_AlterColumnType" and sub.cascades:
        return replace(action, rewrites=(Work(TableSet(sub.table, Kin.TYPED), Condition.UNLESS_COERCIBLE),))
    if subtype == "AT_DropColumn":
        return replace(
            action, destroys=(Loss(LossKind.COLUMN, part, f"the attribute {part} with its values in tables"),)
        )
    return action


def _of_index(sub: Subcommand) -> Action:
    """ALTER INDEX: what it locks of the index counts as a lock on the index's table."""
    subtype = enum_name(sub.node, "subtype")
    rule = lock_rules.SUBCOMMANDS.get(subtype)
    if rule is None:
        return Action(f"alter index {sub.table}", ActionObject("index", sub.table), unknown="what the subcommand does")
    mode = _parameters_mode(sub) if subtype.endswith("RelOptions") else rule.locks[0].mode
    found = [TableLock(TableSet(sub.table, Kin.TABLE), mode)]
    if subtype == "AT_AttachPartition":
        child = relation(sub.definition.partition_cmd.name)
        found.append(TableLock(TableSet(child, Kin.TABLE), LockMode.ACCESS_EXCLUSIVE))
    return Action(_words(sub, rule, subtype), ActionObject("index", sub.table), tuple(found))


# -- columns ---------------------------------------------------------------------------------------------------


def _add_column(sub: Subcommand, action: Action) -> Action:
    """ADD COLUMN rewrites the table where each row gets a value of its own, or a domain's constraint must be checked."""
    column = sub.definition.column_def
    constraints = [each.constraint for each in column.constraints]
    certain, condition = _fills(column, constraints)
    rewrites = sub.work(condition) if certain or condition else ()
    has_default = any(enum_name(each, "contype") == "CONSTR_DEFAULT" for each in constraints)
    scans: list[Work] = []
    builds: list[Work] = []
    found = list(action.locks)
    for each in constraints:
        match enum_name(each, "contype"):
            case "CONSTR_CHECK" if _is_enforced(each):
                scans += sub.work()
            case "CONSTR_PRIMARY" | "CONSTR_UNIQUE" | "CONSTR_EXCLUSION":
                builds += sub.work()
            case "CONSTR_FOREIGN":
                referenced = relation(each.pktable) or sub.table
                found += locks(lock_rules.FOREIGN_KEY, referenced, sub.version)
                if _is_enforced(each) and not each.skip_validation and (has_default or certain or condition):
                    scans += (*sub.work(), *work(referenced, Condition.IF_ROWS))
            case "CONSTR_NOTNULL" if not (has_default or certain):
                scans += sub.work(Condition.IF_ROWS)
    action = replace(
        action,
        locks=tuple(found),
        rewrites=rewrites,
        scans=tuple(scans),
        builds_index=tuple(builds),
        column_type=type_name(column.type_name),
        functions=_own_functions(constraints),
    )
    return _unless_there(action) if sub.node.missing_ok else action


def _unless_there(action: Action) -> Action:
    """Return the action of an IF NOT EXISTS: all that it works on depends on that, but the lock on the table itself."""
    own = action.object.name.rpartition(".")[0]
    return replace(
        action,
        locks=tuple(
            lock if lock.tables.name == own else lock._replace(condition=Condition.UNLESS_EXISTS)
            for lock in action.locks
        ),
        rewrites=conditional(action.rewrites, Condition.UNLESS_EXISTS),
        scans=conditional(action.scans, Condition.UNLESS_EXISTS),
        builds_index=conditional(action.builds_index, Condition.UNLESS_EXISTS),
    )


def _fills(column: Any, constraints: list[Any]) -> tuple[bool, Condition | None]:
    """Whether each row gets a value of its own; if the text does not tell, what it depends on."""
    types = strings(column.type_name.names)
    if types[-1:] and types[-1] in _SERIALS:
        return True, None
    condition = None if is_builtin(column.type_name) else Condition.IF_CONSTRAINED_DOMAIN
    for each in constraints:
        match enum_name(each, "contype"):
            case "CONSTR_IDENTITY":
                return True, None
            case "CONSTR_GENERATED":
                if each.generated_kind == _STORED:
                    return True, None
            case "CONSTR_DEFAULT":
                volatile = _is_volatile(each.raw_expr)
                if volatile:
                    return True, None
                if volatile is None:
                    condition = Condition.IF_VOLATILE
    return False, condition


def _own_functions(constraints: list[Any]) -> tuple[str, ...]:
    """Return the functions in a column's default that are not PostgreSQL's own; none if an operator is not, either."""
    found: list[str] = []
    for each in constraints:
        if enum_name(each, "contype") == "CONSTR_DEFAULT":
            if any(node.DESCRIPTOR.name == "A_Expr" and len(node.name) > 1 for node in walk(each.raw_expr)):
                return ()
            found += (name for name in calls(each.raw_expr) if name not in OTHER_FUNCTIONS)
    return tuple(dict.fromkeys(found))


def _is_volatile(expression: Any) -> bool | None:
    """Whether an expression calls a volatile function; None where it calls one that is not PostgreSQL's own."""
    unknown = False
    for node in walk(expression):
        if node.DESCRIPTOR.name == "FuncCall":
            names = strings(node.funcname)
            if names[-1] == "timezone" and _is_moment(node.args[-1]):
                continue
            if names[-1] in VOLATILE_FUNCTIONS and (len(names) == 1 or names[0] == "pg_catalog"):
                return True
            own = names[-1] in OTHER_FUNCTIONS and (len(names) == 1 or names[0] == "pg_catalog")
            unknown = unknown or not own
        elif node.DESCRIPTOR.name == "A_Expr" and len(node.name) > 1:
            unknown = True
    return None if unknown else False


def _is_moment(argument: Any) -> bool:
    """Whether `AT TIME ZONE` has a timestamp with time zone; of a time with time zone, it is volatile up to 17."""
    if argument.HasField("func_call"):
        return strings(argument.func_call.funcname)[-1] in _MOMENTS
    return argument.HasField("sqlvalue_function") and enum_name(argument.sqlvalue_function, "op") in _MOMENTS


def _drop_column(sub: Subcommand, action: Action) -> Action:
    found = [
        *action.locks,
        TableLock(TableSet(sub.table, Kin.REFERENCED), LockMode.ACCESS_EXCLUSIVE, Condition.IF_COLUMN_REFERS),
    ]
    if sub.cascades:
        dependent = TableSet(action.object.name, Kin.DEPENDENT, "column")
        found.append(TableLock(dependent, LockMode.ACCESS_EXCLUSIVE))
    name = action.object.name
    loss = Loss(LossKind.COLUMN, name, f"the column {name} with its values")
    return replace(action, locks=tuple(found), destroys=(loss,))


def _change_type(sub: Subcommand, action: Action) -> Action:
    """ALTER COLUMN TYPE rewrites the table unless the values stay as they are, by a binary coercion or a longer limit."""
    column = sub.definition.column_def
    written = type_name(column.type_name)
    name = action.object.name
    computed = column.HasField("raw_default") and not _is_cast(column.raw_default)
    holds_all = written in {"text", "varchar"} and not computed
    losses = () if holds_all else (Loss(LossKind.PRECISION, name, f"what the new type of {name} cannot hold"),)
    related = tuple(
        TableLock(TableSet(sub.table, kin), LockMode.ACCESS_EXCLUSIVE, Condition.IF_COLUMN_IS_IN_KEY)
        for kin in (Kin.REFERENCED, Kin.REFERRING)
    )
    return replace(
        action,
        words=f"change type of {name} to {written}",
        locks=(*action.locks, *related),
        rewrites=sub.work(None if computed else Condition.UNLESS_COERCIBLE),
        scans=(
            *sub.work(Condition.IF_COLUMN_IS_CHECKED),
            Work(TableSet(sub.table, Kin.REFERENCED), Condition.IF_COLUMN_IS_IN_KEY),
            Work(TableSet(sub.table, Kin.REFERRING), Condition.IF_COLUMN_IS_IN_KEY),
        ),
        builds_index=sub.work(Condition.IF_REWRITTEN_OR_INDEXED),
        destroys=losses,
        column_type=written if _is_settled_by_types(column, written) else None,
    )


def _is_settled_by_types(column: Any, written: str) -> bool:
    """Whether the old and the new type alone tell what becomes of the values: USING is missing, or casts to no other."""
    expression = column.raw_default
    while column.HasField("raw_default") and expression.HasField("type_cast"):
        if type_name(expression.type_cast.type_name) != written:
            return False
        expression = expression.type_cast.arg
    return not column.HasField("raw_default") or bool(expression.HasField("column_ref"))


def _is_cast(expression: Any) -> bool:
    """Whether an expression is a column, or casts of one, which may leave the values as they are."""
    while expression.HasField("type_cast"):
        expression = expression.type_cast.arg
    return bool(expression.HasField("column_ref"))


def _set_default(sub: Subcommand, action: Action) -> Action:
    if sub.node.HasField("def"):
        return action
    return replace(action, words=f"drop default of {action.object.name}")


def _set_not_null(sub: Subcommand, action: Action) -> Action:
    return replace(action, scans=sub.work(Condition.UNLESS_PROVEN))


def _set_expression(sub: Subcommand, action: Action) -> Action:
    return replace(
        action,
        rewrites=sub.work(Condition.IF_STORED if sub.version >= 18 else None),
        scans=sub.work(Condition.IF_COLUMN_IS_CHECKED),
        builds_index=sub.work(Condition.IF_REWRITTEN_OR_INDEXED),
    )


# -- constraints -----------------------------------------------------------------------------------------------


def add_constraint(sub: Subcommand, constraint: Any) -> Action:
    """Return what ADD CONSTRAINT does."""
    kind = enum_name(constraint, "contype")
    rules = lock_rules.CONSTRAINTS.get(kind)
    name = f" {joined([constraint.conname])}" if constraint.conname else ""
    what = ActionObject("table", sub.table)
    if constraint.conname:
        what = ActionObject("constraint", _part(sub, constraint.conname))
    if rules is None:
        return Action(
            f"add constraint{name} on {sub.table}",
            what,
            unknown="what the constraint needs",
        )
    only = sub.only or (constraint.is_no_inherit and kind == "CONSTR_CHECK" and sub.version < 18)
    action = Action(
        f"add {_CONSTRAINTS[kind]}{name} on {sub.table}",
        what,
        locks(rules, sub.table, sub.version, only=only),
    )
    return _checked(sub, constraint, kind, action)


_CONSTRAINTS = {
    "CONSTR_CHECK": "check",
    "CONSTR_NOTNULL": "not null",
    "CONSTR_PRIMARY": "primary key",
    "CONSTR_UNIQUE": "unique constraint",
    "CONSTR_EXCLUSION": "exclusion constraint",
    "CONSTR_FOREIGN": "foreign key",
}


def _checked(sub: Subcommand, constraint: Any, kind: str, action: Action) -> Action:
    """Return the action with what is scanned and built."""
    enforced = _is_enforced(constraint)
    unproven = enforced and not constraint.skip_validation
    suffix = "" if unproven else (", not validated" if enforced else ", not enforced")
    match kind:
        case "CONSTR_CHECK":
            scans = merging(work(sub.table, only=sub.only or constraint.is_no_inherit)) if unproven else ()
            return replace(action, words=action.words + suffix, scans=scans)
        case "CONSTR_NOTNULL":
            part = _part(sub, constraint.keys[0].string.sval)
            scans = sub.work(Condition.UNLESS_PROVEN) if unproven else ()
            return replace(action, words=f"set {part} not null{suffix}", scans=scans)
        case "CONSTR_FOREIGN":
            return _foreign_key(sub, constraint, action, suffix, unproven=unproven)
        case _ if constraint.indexname:
            words = f"{action.words} by index {joined([constraint.indexname])}"
            scans = sub.work(Condition.UNLESS_NOT_NULL) if kind == "CONSTR_PRIMARY" else ()
            return replace(action, words=words, scans=scans)
        case _:
            keys = listed(constraint.keys)
            built = merging((Work(TableSet(sub.table)), Work(TableSet(sub.table, Kin.PARTITIONS))))
            is_primary = kind == "CONSTR_PRIMARY"
            scans = sub.work(Condition.UNLESS_NOT_NULL) if is_primary else ()
            return replace(
                action,
                words=action.words + (f" ({keys})" if keys else ""),
                keys=tuple(strings(constraint.keys)),
                scans=scans,
                builds_index=built[: 1 if sub.only else 2],
            )


def _foreign_key(sub: Subcommand, constraint: Any, action: Action, suffix: str, *, unproven: bool) -> Action:
    referenced = relation(constraint.pktable)
    scans = (*sub.work(), *work(referenced, Condition.IF_ROWS)) if unproven else ()
    return replace(
        action,
        words=f"{action.words} ({listed(constraint.fk_attrs)}) to {referenced}{suffix}",
        locks=(
            *action.locks,
            *locks(lock_rules.FOREIGN_KEY, referenced, sub.version),
            *sub.locks((lock_rules.MERGED,)),
        ),
        scans=scans,
        keys=tuple(strings(constraint.fk_attrs)),
    )


def _is_enforced(constraint: Any) -> bool:
    """Whether a CHECK or a foreign key is enforced, which it is unless NOT ENFORCED is said (18)."""
    return bool(constraint.is_enforced) or enum_name(constraint, "contype") not in {"CONSTR_CHECK", "CONSTR_FOREIGN"}


def _validate(sub: Subcommand, action: Action) -> Action:
    return replace(
        action,
        scans=(
            *sub.work(Condition.UNLESS_VALID),
            Work(TableSet(sub.table, Kin.REFERENCED), Condition.IF_FOREIGN_KEY),
        ),
    )


def _alter_constraint(sub: Subcommand, action: Action) -> Action:
    """ALTER CONSTRAINT ... ENFORCED (18) checks all rows."""
    altered = sub.definition.atalter_constraint
    part = _part(sub, altered.conname)
    action = replace(action, words=f"alter constraint {part}", object=ActionObject("constraint", part))
    if altered.alter_enforceability and altered.is_enforced:
        referenced = Work(TableSet(sub.table, Kin.REFERENCED), Condition.IF_CHANGED)
        return replace(action, scans=(*sub.work(Condition.IF_CHANGED), referenced))
    return action


def _drop_constraint(sub: Subcommand, action: Action) -> Action:
    if not sub.cascades:
        return action
    referring = TableLock(TableSet(sub.table, Kin.REFERRING), LockMode.ACCESS_EXCLUSIVE, Condition.IF_DEPENDED_ON)
    return replace(action, locks=(*action.locks, referring))


# -- the table as a whole --------------------------------------------------------------------------------------


def _rewrite_if_changed(sub: Subcommand, action: Action) -> Action:
    own = (Work(TableSet(sub.table), Condition.IF_CHANGED),)
    return replace(action, rewrites=own, builds_index=own)


def _set_parameters(sub: Subcommand, action: Action) -> Action:
    return replace(action, locks=on_table(sub.table, _parameters_mode(sub)))


def _parameters_mode(sub: Subcommand) -> LockMode:
    names = {item.def_elem.defname for item in sub.definition.list.items}
    strict = names & lock_rules.STRICT_PARAMETERS
    return LockMode.ACCESS_EXCLUSIVE if strict else LockMode.SHARE_UPDATE_EXCLUSIVE


def _inherit(sub: Subcommand, action: Action) -> Action:
    parent = relation(sub.definition.range_var)
    return replace(action, locks=(*action.locks, *locks(lock_rules.INHERITED, parent, sub.version)))


def _attach(sub: Subcommand, action: Action) -> Action:
    """ATTACH PARTITION: the new partition is scanned, and the default partition for rows that now belong elsewhere."""
    child = relation(sub.definition.partition_cmd.name)
    parent = locks(lock_rules.ATTACH_PARENT, sub.table, sub.version)
    return replace(
        action,
        locks=(*action.locks, *parent, *locks(lock_rules.ATTACH_CHILD, child, sub.version)),
        scans=(
            *work(child, Condition.UNLESS_PROVEN),
            Work(TableSet(sub.table, Kin.DEFAULT_PARTITION), Condition.UNLESS_PROVEN),
            Work(TableSet(sub.table, Kin.BELOW_DEFAULT), Condition.UNLESS_PROVEN),
        ),
        builds_index=work(child, Condition.IF_PARENT_HAS_INDEXES),
    )


def _detach(sub: Subcommand, action: Action) -> Action:
    """DETACH PARTITION; CONCURRENTLY, it waits twice, and locks the partition itself only at its end."""
    partition = sub.definition.partition_cmd
    child = relation(partition.name)
    referring = (Work(TableSet(sub.table, Kin.REFERRING)),)
    if partition.concurrent:
        return replace(
            action,
            words=f"{action.words} concurrently",
            locks=(
                *on_table(sub.table, LockMode.SHARE_UPDATE_EXCLUSIVE),
                *on_table(child, LockMode.ACCESS_EXCLUSIVE),
            ),
            scans=referring,
        )
    parent = locks(lock_rules.DETACH_PARENT, sub.table, sub.version)
    own = locks(lock_rules.DETACH_CHILD, child, sub.version)
    return replace(action, locks=(*action.locks, *own, *parent), scans=referring)


def _finish_detaching(sub: Subcommand, action: Action) -> Action:
    child = relation(sub.definition.partition_cmd.name)
    return replace(action, locks=(*action.locks, *on_table(child, LockMode.ACCESS_EXCLUSIVE)))


_SPECIAL: dict[str, Callable[[Subcommand, Action], Action]] = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_AlterColumnType": _change_type,
    "AT_ColumnDefault": _set_default,
    "AT_SetNotNull": _set_not_null,
    "AT_SetExpression": _set_expression,
    "AT_ValidateConstraint": _validate,
    "AT_AlterConstraint": _alter_constraint,
    "AT_DropConstraint": _drop_constraint,
    "AT_SetLogged": _rewrite_if_changed,
    "AT_SetUnLogged": _rewrite_if_changed,
    "AT_SetTableSpace": _rewrite_if_changed,
    "AT_SetAccessMethod": _rewrite_if_changed,
    "AT_SetRelOptions": _set_parameters,
    "AT_ResetRelOptions": _set_parameters,
    "AT_AddInherit": _inherit,
    "AT_AttachPartition": _attach,
    "AT_DetachPartition": _detach,
    "AT_DetachPartitionFinalize": _finish_detaching,
}
