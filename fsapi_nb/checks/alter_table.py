"""What may be wrong with the subcommands of an ALTER TABLE. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fsapi_nb.actions.alter_table import alter_table
from fsapi_nb.actions.made import plain
from fsapi_nb.actions.statement import NEWEST
from fsapi_nb.actions.tree_names import joined, relation, strings
from fsapi_nb.checks.dropped_data import dropped_column
from fsapi_nb.checks.suspicion import Subject, Suspicion
from fsapi_nb.model.action import Action, Condition
from fsapi_nb.model.finding import FindingLevel
from fsapi_nb.model.forecast import WorkKind
from fsapi_nb.script.classify import enum_name

_UNUSABLE = "no program can use the table meanwhile"
_LATER = "add it NOT VALID, and VALIDATE CONSTRAINT in the next migration: that blocks nobody."
_PROVEN = (
    "add CHECK ({0} IS NOT NULL) NOT VALID, VALIDATE it in the next migration, then SET NOT NULL, which trusts it."
)
_BY_INDEX = "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX, which is quick."
_FILL = "add the column without it, fill the rows in batches, then set it for new rows."
_SWITCH = "add a column of the new type, fill it in batches, and let programs change over."
_SERIALS = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
_MOMENTS = {"timestamp", "timestamptz"}
_FILLED = {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}
_REWRITES = {
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetAccessMethod": "SET ACCESS METHOD",
    "AT_SetExpression": "SET EXPRESSION",
}


class _TableCommand(NamedTuple):
    """One subcommand of a statement on a table, and what it does by its text alone."""

    subject: Subject
    table: str
    node: Any
    action: Action

    @property
    def definition(self) -> Any:
        """What it adds or sets."""
        return getattr(self.node, "def")

    @property
    def column(self) -> str:
        """The column that it names."""
        return joined([self.node.name])

    def does(self, kind: WorkKind) -> bool:
        """Return whether it does such work, or may do it: the forecast knows it of the statement, the text of the part."""
        own = {
            WorkKind.REWRITE: self.action.rewrites,
            WorkKind.SCAN: self.action.scans,
            WorkKind.INDEX: self.action.builds_index,
        }
        return bool(own[kind]) and self.subject.has(kind)

    @property
    def is_written_again(self) -> bool:
        """Whether it surely writes the table again, by its text or, if it is alone in its statement, by the forecast."""
        foreseen = self.subject.work(WorkKind.REWRITE) if len(self.subject.node.cmds) == 1 else ()
        conditions = [each.condition for each in self.action.rewrites] + [each.condition for each in foreseen]
        return None in conditions


def of_alter_table(subject: Subject) -> Iterator[Suspicion]:
    """Yield what may be wrong with an ALTER TABLE."""
    if enum_name(subject.node, "objtype") not in {"OBJECT_TABLE", "OBJECT_MATVIEW"}:
        return
    table = relation(subject.node.relation)
    for each, action in zip(subject.node.cmds, alter_table(subject.node, NEWEST), strict=True):
        command = _TableCommand(subject, table, each.alter_table_cmd, action)
        subtype = enum_name(command.node, "subtype")
        match subtype:
            case "AT_AddColumn":
                yield from _add_column(command)
            case "AT_DropColumn":
                yield from _drop_column(command)
            case "AT_AlterColumnType":
                yield from _change_type(command)
            case "AT_SetNotNull":
                yield from _set_not_null(command)
            case "AT_AddConstraint":
                yield from _add_constraint(command, command.definition.constraint)
            case "AT_AttachPartition":
                yield from _attach(command)
            case _ if subtype in _REWRITES and command.does(WorkKind.REWRITE):
                message = f"{_REWRITES[subtype]} writes {table} again, and {_UNUSABLE}"
                yield Suspicion("rewriting-table", message, "do it when nobody needs the table.", table)


def _add_column(command: _TableCommand) -> Iterator[Suspicion]:
    table, column = command.table, command.definition.column_def
    constraints = [each.constraint for each in column.constraints]
    kinds = {enum_name(each, "contype") for each in constraints}
    # A type that nobody knows is an enum far more often than a domain with a constraint, for which the table is rewritten.
    is_domain = all(work.condition is Condition.IF_CONSTRAINED_DOMAIN for work in command.action.rewrites)
    if command.does(WorkKind.REWRITE) and (command.is_written_again or not is_domain):
        gets = "gets" if command.is_written_again else "may get"
        message = (
            f"each row of {table} {gets} a value of its own, for which the table is written again, and {_UNUSABLE}"
        )
        yield Suspicion("adding-field-with-default", message, _FILL, table)
    is_serial = bool(set(strings(column.type_name.names)[-1:]) & _SERIALS)
    if kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"} and not kinds & _FILLED and not is_serial:
        part = f"{table}.{joined([column.colname])}"
        message = f"this fails if {table} has rows: they would have no value in {part}"
        hint = "give it a default, or add it without NOT NULL and fill it first."
        yield Suspicion("adding-required-field", message, hint, table)
    for each in constraints:
        yield from _constraint_of_column(command, each)


def _constraint_of_column(command: _TableCommand, constraint: Any) -> Iterator[Suspicion]:
    match enum_name(constraint, "contype"):
        case "CONSTR_FOREIGN" if command.does(WorkKind.SCAN):
            yield _foreign_key(command, constraint)
        case "CONSTR_CHECK" if command.does(WorkKind.SCAN):
            yield _check(command)
        case "CONSTR_UNIQUE" if command.does(WorkKind.INDEX):
            yield _index(command, "disallowed-unique-constraint", "unique constraint")
        case "CONSTR_PRIMARY" if command.does(WorkKind.INDEX):
            yield _index(command, "adding-serial-primary-key-field", "primary key")


def _add_constraint(command: _TableCommand, constraint: Any) -> Iterator[Suspicion]:
    match enum_name(constraint, "contype"):
        case "CONSTR_NOTNULL" if command.does(WorkKind.SCAN) and not constraint.skip_validation:
            yield _not_null(command, joined(strings(constraint.keys)))
        case "CONSTR_EXCLUSION" if command.does(WorkKind.INDEX):
            message = f"the index of the exclusion constraint is built, and {_UNUSABLE}"
            hint = "there is no other way: do it when nobody needs the table."
            yield Suspicion("constraint-missing-not-valid", message, hint, command.table)
        case _ if not constraint.skip_validation:
            yield from _constraint_of_column(command, constraint)


def _foreign_key(command: _TableCommand, constraint: Any) -> Suspicion:
    referenced = relation(constraint.pktable)
    message = f"all rows of {command.table} are checked; writes of {command.table} and {referenced} wait meanwhile"
    return Suspicion("adding-foreign-key-constraint", message, _LATER, command.table)


def _check(command: _TableCommand) -> Suspicion:
    message = f"all rows of {command.table} are checked, and {_UNUSABLE}"
    return Suspicion("constraint-missing-not-valid", message, _LATER, command.table)


def _index(command: _TableCommand, rule: str, what: str) -> Suspicion:
    message = f"the index of the {what} is built on {command.table}, and {_UNUSABLE}"
    return Suspicion(rule, message, _BY_INDEX, command.table)


def _drop_column(command: _TableCommand) -> Iterator[Suspicion]:
    name = f"{command.table}.{command.column}"
    yield dropped_column(command.subject, command.table, command.node.name, name)


def _change_type(command: _TableCommand) -> Iterator[Suspicion]:
    """Yield a finding unless the forecast knows that the values stay as they are, and no index covers the column."""
    table = command.table
    if command.does(WorkKind.REWRITE) and command.is_written_again:
        yield Suspicion("changing-column-type", f"{table} is written again, and {_UNUSABLE}", _SWITCH, table)
    elif command.does(WorkKind.REWRITE) and strings(command.definition.column_def.type_name.names)[-1] in _MOMENTS:
        message = f"{table} is written again unless the session's time zone is UTC, and {_UNUSABLE}"
        yield Suspicion("changing-column-type", message, _SWITCH, table, level=FindingLevel.WARN)
    elif command.does(WorkKind.REWRITE):
        yield Suspicion("changing-column-type", f"{table} may be written again, and {_UNUSABLE}", _SWITCH, table)
    elif command.does(WorkKind.SCAN):
        message = f"all rows of {table} may be checked again, and {_UNUSABLE}"
        yield Suspicion("changing-column-type", message, _SWITCH, table)
    elif command.does(WorkKind.INDEX):
        message = f"indexes of {table} with the column in an expression are built again, and {_UNUSABLE}"
        yield Suspicion("changing-column-type", message, _SWITCH, table, level=FindingLevel.WARN)


def _set_not_null(command: _TableCommand) -> Iterator[Suspicion]:
    is_proven = (plain(command.table), command.node.name) in command.subject.proven
    if command.does(WorkKind.SCAN) and not is_proven:
        yield _not_null(command, command.column)


def _not_null(command: _TableCommand, column: str) -> Suspicion:
    message = f"all rows of {command.table} are checked for nulls, and {_UNUSABLE}"
    return Suspicion("adding-not-nullable-field", message, _PROVEN.format(column), command.table)


def _attach(command: _TableCommand) -> Iterator[Suspicion]:
    if command.does(WorkKind.SCAN) or command.does(WorkKind.INDEX):
        child = relation(command.definition.partition_cmd.name)
        message = f"all rows of {child} are checked or indexed, and {_UNUSABLE}"
        hint = f"give {child} the parent's indexes and a CHECK that is as strict as the bounds before."
        yield Suspicion("attaching-partition", message, hint, child)
