"""Write the definitions of a database as the text of its first migration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fsapi_nb.catalog.ddl.definition import Definition, Unwritten
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.down import drops_of
from fsapi_nb.catalog.ddl.script import SETTINGS, block_of
from fsapi_nb.text.safe import visible_line

_HEAD = """\
-- UP
-- The schema of the database at the time when its migrations began, written by fsapi_nb from its catalog.
-- It holds no data: an empty database that is migrated with it has no rows, and its sequences begin at their start.
"""
_DOWN = """\
-- DOWN
-- Drops all of it, with the data that is in it by then.
"""


def first_migration(definitions: Definitions, *, history_schema: str, with_down: bool = True) -> str:
    """Return the text of a migration that creates everything in an empty database.

    Args:
        definitions: What is to be created.
        history_schema: The schema of the history as SQL writes it, which is there before the first migration.
        with_down: Whether the text has a DOWN that drops everything.
    """
    ordered = tuple(_if_absent(each, history_schema) for each in definitions.ordered)
    parts = [_HEAD + "".join(f"-- {line}\n" for line in unwritten_lines(definitions.unwritten)), _settings()]
    parts.append(block_of(ordered))
    if with_down:
        kept = ("schema", history_schema)
        drops = drops_of(tuple(each for each in ordered if (each.kind, each.identity) != kept))
        parts += [_DOWN, _settings(), "\n".join(drops)]
    return "\n".join(f"{part.rstrip()}\n" for part in parts if part)


def unwritten_lines(unwritten: Iterable[Unwritten]) -> Iterator[str]:
    """Yield a line for each object that no statement could be written for."""
    for each in unwritten:
        yield f"not written: {visible_line(f'{each.kind} {each.identity}: {each.why}')}"


def _settings() -> str:
    """Return the settings that the statements need, for the transaction only."""
    return "\n".join(setting.replace("SET ", "SET LOCAL ", 1) for setting in SETTINGS)


def _if_absent(each: Definition, schema: str) -> Definition:
    """Return the definition of the history's schema as one that may be there already; another one as it is."""
    if (each.kind, each.identity) != ("schema", schema) or not each.create:
        return each
    first, rest = each.create[0], each.create[1:]
    return replace(each, create=(first.replace("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS ", 1), *rest))
