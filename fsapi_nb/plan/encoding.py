"""Find what a database that is not in UTF-8 cannot hold of the scripts, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.model.plan import Step
from fsapi_nb.script.encoding import Encoding
from fsapi_nb.script.redact import redact_line


def unfit_steps(migration: Migration, steps: Iterable[Step], encoding: Encoding | None) -> list[Problem]:
    """Return a problem for the file's name and for each statement of the steps that does not fit."""
    if encoding is None:
        return []
    parts = [part for step in steps for part in step.parts]
    statements = [each for part in parts for each in (*part.statements, *(check.statement for check in part.checks))]
    return [*unfit_names([migration], encoding), *unfit(migration, statements, encoding)]


def unfit_names(migrations: Iterable[Migration], encoding: Encoding | None) -> list[Problem]:
    """Return a problem for each migration whose name does not fit."""
    return [
        Problem(
            f"this name does not fit into the encoding of the database, {encoding.name}",
            SourceLocation(migration.name, 1),
            "the history keeps the name as it is: rename the file in ASCII.",
        )
        for migration in migrations
        if encoding and not encoding.holds_all(migration.name)
    ]


def unfit(migration: Migration, statements: Iterable[Statement], encoding: Encoding | None) -> list[Problem]:
    """Return a problem for each of a migration's statements that holds a character which does not fit.

    Inline data are not looked at: the server names the line of those.
    """
    return list(_in_statements(migration, statements, encoding)) if encoding else []


def _in_statements(migration: Migration, statements: Iterable[Statement], encoding: Encoding) -> Iterable[Problem]:
    lines = migration.up.written.source.split("\n")
    for statement in statements:
        place = encoding.unfit(statement.text)
        if place is None:
            continue
        before = statement.text[:place]
        line = statement.text_line + before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1
        if line == statement.text_line:
            column += statement.text_column - 1
        yield _problem(migration, lines, line, column, statement.text[place], encoding)


def _problem(
    migration: Migration, lines: Sequence[str], line: int, column: int, character: str, encoding: Encoding
) -> Problem:
    source = lines[line - 1].rstrip("\r") if line <= len(lines) else None
    shown = redact_line(source) if source is not None else None
    return Problem(
        f"the encoding of the database, {encoding.name}, has no character {character} (U+{ord(character):04X})",
        SourceLocation(migration.label, line, column if shown == source else None, shown),
        "write it otherwise, in a comment as well: PostgreSQL is sent each statement with its comments.",
    )
