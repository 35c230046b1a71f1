"""A diagram as Mermaid's `erDiagram` source, for documents and other tools.

Mermaid allows few characters in a name and has no escapes for the others. An entity whose name has others gets a name
of allowed characters, and the real one, as far as it can be written, as its label.
"""

from __future__ import annotations

import re
from dataclasses import replace

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Mark, Table, TableColumn, TableName
from fsapi_nb.text.safe import visible

#: PostgreSQL's long names of types, as everybody writes them.
_SHORT = (
    ("character varying", "varchar"),
    ("character", "char"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
    ("time without time zone", "time"),
    ("time with time zone", "timetz"),
    ("bit varying", "varbit"),
)


def short_type(name: str) -> str:
    """Return a type as most people write it: `varchar(50)`, `timestamptz`."""
    moment = re.fullmatch(r"(timestamp|time)(\(\d+\))? (with|without) time zone(.*)", name)
    if moment:
        zone = "tz" if moment[3] == "with" else ""
        return f"{moment[1]}{zone}{moment[2] or ''}{moment[4]}"
    for long, short in _SHORT:
        if name == long or name.startswith((f"{long}(", f"{long}[")):
            return short + name[len(long) :]
    return name


def mermaid(diagram: Diagram) -> list[str]:
    """Return the lines of the source: of what there is, without what a migration has dropped."""
    diagram = replace(diagram, tables=tuple(table for table in diagram.tables if table.mark is not Mark.DROPPED))
    names = _names(diagram)
    lines = ["erDiagram"]
    for table in diagram.tables:
        lines += _entity(table, names[table.name], diagram.label(table.name))
    lines += [_relation(key, names) for key in diagram.foreign_keys]
    return lines


def comment(text: str) -> str:
    """Return a line that Mermaid ignores. Braces are replaced: Mermaid would read them as a directive."""
    return f"%% {re.sub('[{}]', '_', visible(text))}"


def _names(diagram: Diagram) -> dict[TableName, str]:
    """Return a different name for each table, of characters that Mermaid allows."""
    names: dict[TableName, str] = {}
    taken: set[str] = set()
    for table in diagram.tables:
        plain = name = _plain(diagram.label(table.name).replace(".", "__"))
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.casefold())
        names[table.name] = name
    return names


def _entity(table: Table, name: str, label: str) -> list[str]:
    head = name if name == label else f'{name}["{_quoted(label)}"]'
    columns = [column for column in table.columns if column.mark is not Mark.DROPPED]
    if not columns:
        return [f"    {head}"]
    return [f"    {head} {{", *(f"        {_attribute(column)}" for column in columns), "    }"]


def _attribute(column: TableColumn) -> str:
    keys = [key for key, is_one in _marks(column) if is_one]
    name = _plain(column.name)
    words = ([] if name == column.name else [_quoted(column.name)]) + (["not null"] if column.not_null else [])
    comment = f' "{", ".join(words)}"' if words else ""
    return f"{_plain_type(short_type(column.type))} {name}{' ' + ', '.join(keys) if keys else ''}{comment}"


def _marks(column: TableColumn) -> tuple[tuple[str, bool], ...]:
    return ("PK", column.primary), ("FK", bool(column.references)), ("UK", column.unique)


def _relation(key: ForeignKey, names: dict[TableName, str]) -> str:
    ends = ("||" if key.mandatory else "|o") + "--" + ("o|" if key.single else "o{")
    return f'    {names[key.target]} {ends} {names[key.table]} : "{_quoted(", ".join(key.columns))}"'


def _plain(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"


def _plain_type(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_()\[\]]+", "_", re.sub(r", ?", "_", name)).strip("_")
    return plain if re.match(r"[A-Za-z]", plain) else f"t_{plain}"


def _quoted(text: str) -> str:
    """Return a text that may stand between quotes: without characters that end it or have a meaning there."""
    return re.sub(r'[\n\t"%\\`#;{}<>]', "_", visible(text))
