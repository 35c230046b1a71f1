"""Find out whether a script drops at its end what it has created: a change and its undoing in one.

Used for files without markers only. The files of other tools hold both directions, divided by a line that is only a
comment for fsapi_nb.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.objects import made_and_removed

_TRANSIENT = ("function ", "constraint ", "rule ")


def find_reversal(statements: Sequence[Statement]) -> tuple[Statement, str] | None:
    """Return the first statement that drops an object created earlier, and the object; else None.

    An object that is created again afterwards does not count. Functions, constraints, rules and temporary tables do not
    count either: a change may need them only while it runs. (Of 8,000 real files, many drop such objects; one drops a
    table or column that it has created.)
    """
    if not any(_may_drop(statement) for statement in statements):
        return None
    made: set[str] = set()
    dropped: dict[str, Statement] = {}
    for statement, making, name in _changes(statements):
        if making:
            made.add(name)
            dropped.pop(name, None)
        elif name in made:
            made.remove(name)
            dropped[name] = statement
    return next(((statement, name) for name, statement in dropped.items()), None)


def _may_drop(statement: Statement) -> bool:
    kind = statement.traits.kind
    return kind.startswith("DROP ") or (kind == "ALTER TABLE" and "drop" in statement.text.lower())


def _changes(statements: Sequence[Statement]) -> Iterator[tuple[Statement, bool, str]]:
    """Yield each object that a statement creates (True) or drops (False), if it is meant to last."""
    for statement in statements:
        if statement.traits.kind.startswith(("CREATE ", "DROP ")) or statement.traits.kind == "ALTER TABLE":
            for making, name in made_and_removed(statement):
                if not name.startswith(_TRANSIENT):
                    yield statement, making, name.replace(" public.", " ", 1)
