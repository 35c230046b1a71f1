"""Say what data a derived DOWN does not bring back: what UP drops or converts, and the rows that it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fsapi_nb.actions.statement import actions_of
from fsapi_nb.actions.tree_names import joined, split_name
from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.write import table_of
from fsapi_nb.model.action import LossKind
from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import enum_name, node_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.server_objects import find_server_objects
from fsapi_nb.script.tokens import SqlSyntaxError
from fsapi_nb.text.sql import unquoted


class UnrestoredData(NamedTuple):
    """Data that is not brought back: whose it is, and what it is."""

    name: str
    what: str

    def __str__(self) -> str:
        return self.what.format(self.name)


def find_losses(comparison: Comparison) -> tuple[UnrestoredData, ...]:
    """Return what UP has dropped or converted, by name."""
    before, found = comparison.before, list[UnrestoredData]()
    gone = set(comparison.gone)
    made = {_full_name(comparison.after.parts[each], comparison.after) for each in comparison.new}
    for address in gone:
        part = before.parts[address]
        name = _full_name(part, before)
        if part.kind == "table":
            again = ", which UP has made again: all rows that it has then go" if name in made else ""
            found.append(UnrestoredData(name, "the rows of {}" + again))
        elif part.kind == "column" and part.of not in gone and not part.state["generated"]:
            again = ", which UP has made again: those that it has then go" if name in made else ""
            found.append(UnrestoredData(name, "the values of {}" + again))
        elif part.kind == "sequence" and not part.state["owner_table"]:
            found.append(UnrestoredData(part.qualified, "the position of the sequence {}"))
    for address in comparison.converted:
        old, new = comparison.pair(address)
        if old.state["type"] != new.state["type"] and not _holds_all(old, new, before):
            types = f"{old.state['type']} to {new.state['type']}".replace("{", "{{").replace("}", "}}")
            found.append(
                UnrestoredData(
                    f"{table_of(old, before)}.{old.name}", f"what the change of {{}} from {types} has cut off"
                )
            )
    return tuple(sorted(set(found)))


def _full_name(part: CatalogPart, parts: CatalogParts) -> str:
    return f"{table_of(part, parts)}.{part.name}" if part.kind == "column" else part.qualified


def _holds_all(old: CatalogPart, new: CatalogPart, parts: CatalogParts) -> bool:
    """Return whether the type after holds every value of the type before."""
    one, other = old.state, new.state
    if one["base_oid"] == other["base_oid"] or (one["type_category"], other["type_category"]) == ("S", "S"):
        return bool(
            other["modifier"] == -1 or (one["modifier"] != -1 and one["modifier"] <= other["modifier"] < 1 << 16)
        )
    is_text = other["type_category"] == "S" and other["modifier"] == -1
    return is_text or parts.casts.get((one["base_oid"], other["base_oid"])) == "i"


def rows_changed(statements: Iterable[Statement], before: CatalogParts) -> tuple[UnrestoredData, ...]:
    """Return the tables that were there before and whose rows statements change, and what may change any rows."""
    return tuple(sorted({loss for statement in statements for loss in _rows_of(statement, before)}))


def _rows_of(statement: Statement, before: CatalogParts) -> Iterator[UnrestoredData]:
    try:
        actions = actions_of(statement.text)
        yield from _converted(statement.text, before)
    except SqlSyntaxError:
        yield UnrestoredData(statement.traits.kind, "the rows that {} changes, which could not be read")
        return
    for role in find_server_objects([statement]).made:
        yield UnrestoredData(role, "the roles of the server as they were before UP made {}")
    for action in actions:
        names = {work.tables.name for work in action.changes_rows}
        names |= {loss.name for loss in action.destroys if loss.kind is LossKind.ROWS}
        for name in names:
            for found in _tables(name, before):
                yield UnrestoredData(
                    found.qualified, "the rows of {} as they were before UP's " + statement.traits.kind
                )
        if action.unknown and statement.traits.kind in {"DO", "CALL", "SELECT", "EXECUTE"}:
            yield UnrestoredData(
                statement.traits.kind, "what UP's {} does to rows, and does elsewhere because of other rows"
            )


def _converted(text: str, before: CatalogParts) -> Iterator[UnrestoredData]:
    """Yield the columns whose values an expression replaces (`TYPE … USING …`) that is more than a cast."""
    name, node = node_of(parse_one(text.encode()))
    for each in node.cmds if name == "alter_table_stmt" else ():
        command = each.alter_table_cmd
        column = getattr(command, "def").column_def
        if enum_name(command, "subtype") != "AT_AlterColumnType" or not column.HasField("raw_default"):
            continue
        if _is_cast(column.raw_default):
            continue
        for table in _tables(joined([*filter(None, (node.relation.schemaname, node.relation.relname))]), before):
            columns = before.children(table.address, "column")
            for found in (each for each in columns if unquoted(each.name) == command.name):
                yield UnrestoredData(
                    f"{table.qualified}.{found.name}", "the values of {} as they were before UP's USING"
                )


def _is_cast(node: Any) -> bool:
    while node.WhichOneof("node") == "type_cast":
        node = node.type_cast.arg
    return bool(node.WhichOneof("node") == "column_ref")


def _tables(name: str, before: CatalogParts) -> list[CatalogPart]:
    """Return the table or view that is meant; none if it was not there before.

    Of a name without a schema it is the first one in the search_path. If none is there, UP has set another one, and
    every one of that name may be meant.
    """
    *schema, own = split_name(name)
    named = [each for each in before.parts.values() if each.kind in {"table", "view"} and unquoted(each.name) == own]
    if schema:
        return [each for each in named if unquoted(each.schema or "") == schema[-1]]
    found = {each.schema: each for each in named}
    first = next((found[each] for each in before.path if each in found), None)
    return named if first is None else [first]
