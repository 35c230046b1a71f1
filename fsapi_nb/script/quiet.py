"""Whether a script can leave something behind in the session that it runs in. Pure: judged by the statements' kinds.

Plain definitions cannot: they set nothing, prepare nothing and run no body. Whatever runs queries or code may.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsapi_nb.model import Statement

_VERBS = frozenset({"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"})
# Those of them that run a query, somebody's script, or code, or change what new sessions begin with.
_LOUD = frozenset(
    {
        "ALTER DATABASE",
        "ALTER ROLE",
        "CREATE EVENT TRIGGER",
        "ALTER EVENT TRIGGER",
        "DROP EVENT TRIGGER",
        "CREATE TABLE AS",
        "CREATE MATERIALIZED VIEW",
        "CREATE EXTENSION",
        "ALTER EXTENSION",
        "CREATE LANGUAGE",
        "DROP OWNED",
    }
)


def is_quiet(statements: Iterable[Statement]) -> bool:
    """Whether all of them are plain definitions, inline data excluded."""
    return all(
        statement.kind.partition(" ")[0] in _VERBS and statement.kind not in _LOUD and statement.copy is None
        for statement in statements
    )
