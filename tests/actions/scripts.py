"""What the statements of one script do, without what concerns only what it has made itself."""

from __future__ import annotations

from collections.abc import Iterable

from fsapi_nb.actions.made import Made
from fsapi_nb.actions.statement import NEWEST, actions_of_tree
from fsapi_nb.model.action import Action
from fsapi_nb.model.migration import Statement
from fsapi_nb.script.classify import node_of
from fsapi_nb.script.parser import parse_one


def actions_of_script(statements: Iterable[Statement], version: int = NEWEST) -> tuple[tuple[Action, ...], ...]:
    """Return what each statement of a script does, in their order, without what concerns only what the script has made.

    `version` is PostgreSQL's major version. Raises SqlSyntaxError if the parser does not take a statement.
    """
    made = Made()
    found = []
    for statement in statements:
        named = node_of(parse_one(statement.text.encode()))
        made.add_data(named)
        found.append(tuple(made.fold(action) for action in actions_of_tree(named, version)))
        made.add(named)
    return tuple(found)
