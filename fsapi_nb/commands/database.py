"""The verbs that look at the database itself: its tables, its sessions, its rows."""

from __future__ import annotations

from fsapi_nb.catalog.schema.overview import KINDS
from fsapi_nb.commands.arguments import YES, CompletionKind, argument, whole_number
from fsapi_nb.commands.verb import Verb


def _names(text: str | None) -> list[str]:
    """Return the names in a list with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


BLOCKERS = Verb("blockers", "who blocks whom in the database, at this moment", lambda m, _: m.blockers())
DIAGRAM = Verb(
    "diagram",
    "the tables and their foreign keys: a picture, or Mermaid's source",
    lambda m, o: m.diagram(o.schemas, _names(o.tables), around=_names(o.around), changes=o.changes),
    (
        argument(
            "--schema",
            action="append",
            dest="schemas",
            metavar="SCHEMA",
            help="only this schema; may be given again",
        ),
        argument("--tables", metavar="TABLES", help="only these tables, with commas between them"),
        argument("--around", metavar="TABLES", help="only these, and the tables that foreign keys connect with them"),
        argument(
            "--changes",
            values=CompletionKind.MIGRATION,
            metavar="NAME",
            help="mark what this migration made, changed and dropped",
        ),
    ),
)
SCHEMA = Verb(
    "schema",
    "what the database holds: all of it, what a pattern means, or one object with everything that belongs to it",
    lambda m, o: m.schema(o.name, kind=o.kind, rows=o.rows),
    (
        argument(
            "name",
            nargs="?",
            metavar="OBJECT",
            help="a name (orders, audit.orders, 'add_tax(numeric)'), or a pattern (ord*, audit.*)",
        ),
        argument("--kind", metavar="KIND", help=f"only this kind: {', '.join(KINDS)}, or a rarer one"),
        argument(
            "--rows",
            type=whole_number,
            metavar="N",
            help="show the first N rows (5 of a table; none of a view, or on a protected database)",
        ),
    ),
)
QUERY = Verb(
    "query",
    "run SQL in one transaction and show what it gives",
    lambda m, o: m.query(o.sql, o.param or (), yes=o.yes),
    (
        argument("sql", metavar="SQL", help="any SQL; `-` reads it from standard input"),
        argument(
            "--param",
            values=CompletionKind.VARIABLE,
            action="append",
            metavar="VALUE",
            help="what $1 is, the next one $2: text; in a notebook the name of a variable",
        ),
        YES,
    ),
)
