"""Decide whether a script can leave something in its session, by the kinds of its statements.

Plain definitions cannot: they set nothing, prepare nothing and run no body. Statements that run queries or code may. A
database with event triggers runs code at every definition: the caller must know that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fsapi_nb.model.migration import Statement
from fsapi_nb.model.plan import StepPart

_VERBS = frozenset({"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"})
# Those of them that run a query, a script or code, or change the settings of new sessions. A change of a table, a type
# or a domain may compute defaults, checks and new values of existing rows; the initial value of an aggregate may be of
# a domain with a check.
_LOUD = frozenset(
    {
        "ALTER DATABASE",
        "ALTER ROLE",
        "CREATE EVENT TRIGGER",
        "ALTER EVENT TRIGGER",
        "DROP EVENT TRIGGER",
        "CREATE TABLE AS",
        "CREATE AGGREGATE",
        "CREATE MATERIALIZED VIEW",
        "ALTER MATERIALIZED VIEW",
        "CREATE EXTENSION",
        "ALTER EXTENSION",
        "CREATE LANGUAGE",
        "CREATE CONVERSION",
        "DROP OWNED",
        "ALTER TABLE",
        "ALTER FOREIGN TABLE",
        "ALTER TYPE",
        "ALTER DOMAIN",
    }
)
_GENERATED = re.compile(r"\bas\s*\(")
_PLAIN_KEY = re.compile(r"\bpartition\s+by\s+\w+\s*\([^()]*\)(?!.*\bpartition\b)", re.DOTALL)


def is_plain(part: StepPart) -> bool:
    """Return whether what a step runs of a migration is known to be plain definitions."""
    return part.is_parsed and is_quiet(part.statements)


def is_quiet(statements: Iterable[Statement]) -> bool:
    """Return whether all statements are plain definitions; inline data is not one."""
    return all(
        statement.traits.kind.partition(" ")[0] in _VERBS
        and statement.traits.kind not in _LOUD
        and statement.copy is None
        and not _may_compute(statement)
        for statement in statements
    )


def _may_compute(statement: Statement) -> bool:
    """Return whether a definition may hold an expression that is computed at once; True if not certain.

    The bounds of a partition are expressions, after VALUES. PostgreSQL computes the constant parts of the expressions
    in a partition key and of those that generate a column. It computes the expressions of an index in a restricted
    operation, after which it restores every setting.
    """
    if statement.traits.kind in {"CREATE TABLE", "CREATE FOREIGN TABLE", "CREATE SCHEMA"}:
        text = statement.text.lower()
        return bool(_GENERATED.search(text)) or (
            "partition" in text and ("values" in text or not _PLAIN_KEY.search(text))
        )
    return False
