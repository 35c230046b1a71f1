"""The verbs that look at the database itself: its tables, its sessions, its rows."""

from __future__ import annotations

from fsapi_nb.commands.arguments import YES, CompletionKind, argument
from fsapi_nb.commands.verb import Verb

BLOCKERS = Verb("blockers", "who blocks whom in the database, at this moment", lambda m, _: m.blockers())
DIAGRAM = Verb(
    "diagram",
    "the tables and their foreign keys: a picture, or Mermaid's source",
    lambda m, o: m.diagram(o.schemas, [name.strip() for name in (o.tables or "").split(",") if name.strip()]),
    (
        argument(
            "--schema",
            action="append",
            dest="schemas",
            metavar="SCHEMA",
            help="only this schema; may be given again",
        ),
        argument("--tables", metavar="TABLES", help="only these tables, with commas between them"),
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
