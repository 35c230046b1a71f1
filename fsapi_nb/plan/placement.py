"""Find the statements of a script that cannot run at their place, inside a transaction or outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fsapi_nb.model.migration import Migration, Statement, TransactionRule
from fsapi_nb.model.place import Problem

_IN_A_BLOCK_ONLY = frozenset({"LOCK", "SAVEPOINT", "RELEASE", "ROLLBACK TO"})


@dataclass(frozen=True, slots=True)
class StatementFault:
    """The reason why a statement cannot run at its place."""

    statement: Statement
    message: str
    hint: str


def out_of_place(statement: Statement, *, inside: bool) -> StatementFault | None:
    """Return what is wrong with a statement inside a BEGIN/COMMIT pair, or outside of any.

    None if nothing is.
    """
    match statement.traits.rule:
        case TransactionRule.BEGIN if inside:
            hint = "remove it, or COMMIT before it."
            return StatementFault(statement, f"{statement.traits.kind} inside a transaction that is already open", hint)
        case TransactionRule.REFUSED if inside:
            hint = "move it out of the BEGIN and COMMIT around it."
            return StatementFault(statement, f"{refusal_of(statement)} in a transaction block", hint)
        case TransactionRule.COMMIT if not inside:
            return StatementFault(
                statement, "COMMIT without a BEGIN", "remove it: each migration is a transaction anyway."
            )
    return None


def lonely(statements: Iterable[Statement]) -> Iterable[StatementFault]:
    """Yield a fault for each statement that means nothing if it commits alone (transaction=off)."""
    hint = "put BEGIN; and COMMIT; around it and what belongs to it."
    return (
        StatementFault(
            statement, f"{statement.traits.kind} needs a transaction, and the file says transaction=off", hint
        )
        for statement in statements
        if statement.traits.kind in _IN_A_BLOCK_ONLY
    )


def problems_of(migration: Migration, faults: Iterable[StatementFault]) -> list[Problem]:
    """Return the faults as problems, each at the first line of its statement."""
    from fsapi_nb.script.excerpt import shown_lines, statement_place

    lines = shown_lines(migration)
    ordered = sorted(faults, key=lambda fault: fault.statement.line)
    return [
        Problem(fault.message, statement_place(migration.name, fault.statement, lines), fault.hint) for fault in ordered
    ]


def refusal_of(statement: Statement) -> str:
    """Say that PostgreSQL refuses a statement, to be followed by where."""
    if statement.traits.procedure:
        return f"{statement.traits.kind} commits or rolls back by itself, which PostgreSQL refuses"
    return f"PostgreSQL refuses {statement.traits.kind}"
