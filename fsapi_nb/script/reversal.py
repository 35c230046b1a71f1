"""Whether a script takes back in its end what it has made before: then it holds a change and its undoing, as one.

Asked of files without markers only. The files of other tools hold both directions, divided by a line that is only a
comment to us.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.objects import made_and_removed

_TRANSIENT = ("function ", "constraint ", "rule ")


def find_reversal(statements: Sequence[Statement]) -> tuple[Statement, str] | None:
    """Return the first statement that drops for good what an earlier one has made, and what that is; None if none does.

    What is made again afterwards counts as made. Functions, constraints and temporary tables may be tools of the change
    itself, which are rightly removed: real histories have many of those, and one table or column in 8,000 files.
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
    return statement.kind.startswith("DROP ") or (statement.kind == "ALTER TABLE" and bool(statement.loses))


def _changes(statements: Sequence[Statement]) -> Iterator[tuple[Statement, bool, str]]:
    """What each statement makes (True) or removes (False) of what is to last."""
    for statement in statements:
        if statement.kind.startswith(("CREATE ", "DROP ")) or statement.kind == "ALTER TABLE":
            for making, name in made_and_removed(statement):
                if not name.startswith(_TRANSIENT):
                    yield statement, making, name.replace(" public.", " ", 1)
