"""Whether a script can leave something behind in the session that it runs in. Pure: judged by the statements' kinds.

Plain definitions cannot: they set nothing, prepare nothing and run no body. Whatever runs queries or code may. A database
with event triggers runs code at every definition: that is for whoever knows the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fsapi_nb.model.migration import Statement

_VERBS = frozenset({"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"})
# Those of them that run a query, somebody's script, or code, or change what new sessions begin with. What changes a table,
# a type or a domain may compute defaults, checks and new values of the rows that are there; the initial value of an aggregate
# may be of a domain with a check.
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


def is_quiet(statements: Iterable[Statement]) -> bool:
    """Return whether all of them are plain definitions, inline data excluded."""
    return all(
        statement.kind.partition(" ")[0] in _VERBS
        and statement.kind not in _LOUD
        and statement.copy is None
        and not _may_compute(statement)
        for statement in statements
    )


def _may_compute(statement: Statement) -> bool:
    """Whether the text of a definition leaves room for an expression that is computed at once; where unsure, it does.

    The bounds of a partition are expressions, behind VALUES. Of the expressions in a partition key, and of those that generate
    a column, PostgreSQL computes what is constant. Those of an index are computed in a restricted operation, from which it
    takes every setting back.
    """
    if statement.kind in {"CREATE TABLE", "CREATE FOREIGN TABLE", "CREATE SCHEMA"}:
        text = statement.text.lower()
        return (
            bool(_GENERATED.search(text)) or "partition" in text and ("values" in text or not _PLAIN_KEY.search(text))
        )
    return False
