"""The text of a migration from statements: what takes data away is marked, what is not covered stands as comments. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fsapi_nb.catalog.change.renames import MaybeRename
from fsapi_nb.catalog.difference import Change
from fsapi_nb.text.safe import visible, visible_line


def section_of(
    statements: Sequence[str],
    losses: Sequence[Sequence[str]],
    left: Sequence[Change],
    renames: Sequence[MaybeRename],
    command: str,
) -> str:
    """Return the text of an UP or a DOWN.

    Args:
        statements: The statements, in their order.
        losses: What is said of the data that each of them takes away.
        left: What they do not cover.
        renames: What may be renames, which are not guessed.
        command: What is said before the `OLD=NEW` of a rename.
    """
    parts = [
        "\n".join([*_marks(each, lost, renames, command), each]) for each, lost in zip(statements, losses, strict=True)
    ]
    parts += ["\n".join(_comment(change)) for change in left]
    return "\n\n".join(parts) if any("\n" in part for part in parts) else "\n".join(parts)


def _marks(statement: str, losses: Iterable[str], renames: Sequence[MaybeRename], command: str) -> Iterator[str]:
    yield from (f"-- {visible_line(each)}" for each in losses)
    yield from (
        f"-- a rename? then write it again with {command} {visible_line(f'{each.old}={each.new}')}"
        for each in renames
        if _drops(statement, each)
    )


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
