"""The text of a migration from statements: what takes data away is marked, what is not covered stands as comments. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fsapi_nb.catalog.change.renames import MaybeRename
from fsapi_nb.catalog.difference import Change
from fsapi_nb.text.safe import visible, visible_line

_NAME = r'((?:"(?:[^"]|"")*"|[\w$.])+)'
_LOSSES = (
    (re.compile(rf"DROP (?:FOREIGN )?TABLE (?:IF EXISTS )?{_NAME}"), "-- takes data away: {0} with its rows"),
    (re.compile(rf"DROP SCHEMA (?:IF EXISTS )?{_NAME}"), "-- takes data away: what is in the schema {0}"),
    (
        re.compile(rf"ALTER TABLE (?:ONLY )?{_NAME} DROP COLUMN (?:IF EXISTS )?{_NAME}"),
        "-- takes data away: the values of {0}.{1}",
    ),
    (
        re.compile(rf"ALTER TABLE (?:ONLY )?{_NAME} ALTER COLUMN {_NAME} TYPE"),
        "-- may take data away: values of {0}.{1} that the other type cannot hold",
    ),
)


def section_of(statements: Sequence[str], left: Sequence[Change], renames: Sequence[MaybeRename], command: str) -> str:
    """Return the text of an UP or a DOWN.

    Args:
        statements: The statements, in their order.
        left: What they do not cover.
        renames: What may be renames, which are not guessed.
        command: What is said before the `OLD=NEW` of a rename.
    """
    parts = ["\n".join([*_marks(each, renames, command), each]) for each in statements]
    parts += ["\n".join(_comment(change)) for change in left]
    return "\n\n".join(parts) if any("\n" in part for part in parts) else "\n".join(parts)


def losses_of(statements: Iterable[str]) -> list[str]:
    """Return what statements take away, in words."""
    return [mark.partition(": ")[2] for each in statements for mark in _losses(each)]


def _marks(statement: str, renames: Sequence[MaybeRename], command: str) -> Iterator[str]:
    yield from _losses(statement)
    yield from (
        f"-- a rename? then write it again with {command} {visible_line(f'{each.old}={each.new}')}"
        for each in renames
        if _drops(statement, each)
    )


def _losses(statement: str) -> Iterator[str]:
    for pattern, words in _LOSSES:
        if found := pattern.match(statement):
            yield visible_line(words.format(*found.groups()))


def _drops(statement: str, rename: MaybeRename) -> bool:
    """Return whether a statement drops what may be renamed: a table, or a column."""
    table, _, column = rename.old.rpartition(".")
    plain = statement.replace('"', "")
    old, table, column = (text.replace('"', "") for text in (rename.old, table, column))
    return plain.startswith((f"DROP TABLE {old};", f"ALTER TABLE {table} DROP COLUMN {column};"))


def _comment(change: Change) -> list[str]:
    """Return what is not covered as lines of comment, which no text in them can end."""
    lines = visible("\n".join(change.lines())).split("\n")
    return [f"-- not covered: {visible_line(change.title())}", *(f"--   {line}" for line in lines)]
