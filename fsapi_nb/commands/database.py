"""The verbs that look at the database itself: its tables, its sessions, its rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fsapi_nb import verbs
from fsapi_nb.catalog.backslash import is_backslash
from fsapi_nb.catalog.schema.shown_kinds import KINDS
from fsapi_nb.commands.arguments import YES, CompletionKind, argument, whole_number
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError
from fsapi_nb.text.command import Advice, command

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import Result


def _names(text: str | None) -> list[str]:
    """Return the names in a list with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _schema(migrator: Migrator, options: argparse.Namespace) -> Result:
    shown = [flag for flag, given in (("--kind", options.kind), ("--rows", options.rows is not None)) if given]
    if options.write or options.check:
        flag = "--write" if options.write else "--check"
        both = ["--check"] if options.write and options.check else []
        flags = [each for each in ("profile", "exact", "unused", "yes") if getattr(options, each)]
        _refuse_beside(flag, [*both, *(["a name"] if options.name else []), *shown, *(f"--{each}" for each in flags)])
        if options.write:
            return migrator.write_schema()
        found = migrator.check_schema()
        verbs.schema_file.require_same_schema(found)
        return found
    if options.unused:
        refused = [flag for flag, given in (("a name", options.name), ("--profile", options.profile)) if given]
        _refuse_beside("--unused", [*refused, *shown, *(["--exact"] if options.exact else [])])
        return migrator.unused()
    if options.profile:
        _refuse_beside("--profile", shown)
        if options.name is None:
            raise UsageError(
                "--profile is of one table", hint=Advice("such as ", command("schema", "orders", profile=True))
            )
        return migrator.profile(options.name, exact=options.exact, yes=options.yes)
    if options.exact:
        raise UsageError("--exact is of --profile", hint="give both, to read the table.")
    return migrator.schema(options.name, kind=options.kind, rows=options.rows)


def answer(
    migrator: Migrator, options: argparse.Namespace, text: str, parameters: Sequence[object], *, yes: bool
) -> Result:
    r"""Run SQL, show its plan, or answer a backslash command (`\d orders`): no statement begins with a backslash."""
    if options.analyze and not options.explain:
        raise UsageError("--analyze belongs to --explain", hint="give both; without them the query is run, and kept.")
    if is_backslash(text):
        if parameters or options.explain:
            raise UsageError(
                "a backslash command has no parameters and no plan", hint="leave --param and --explain out."
            )
        return migrator.describe(text)
    if options.explain:
        return migrator.explain(text, parameters, analyze=options.analyze, yes=yes)
    return migrator.query(text, parameters, yes=yes)


def _refuse_beside(flag: str, others: Sequence[str]) -> None:
    """Raise UsageError if something is given that an option does not take."""
    if others:
        raise UsageError(f"{flag} goes without {' and '.join(others)}", hint="leave one of them out.")


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
    _schema,
    (
        argument(
            "name",
            values=CompletionKind.OBJECT,
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
        argument(
            "--profile",
            action="store_true",
            help="the values in each column: NULL, distinct, least, greatest, most frequent; as the server estimates",
        ),
        argument(
            "--exact",
            action="store_true",
            help="of --profile: read the table, once; of a large one a sample of its rows; altering it waits, a minute at most",
        ),
        argument(
            "--unused",
            action="store_true",
            help="what is spare or lacking: indexes never used, foreign keys without one, sequences near their end",
        ),
        argument("--write", action="store_true", help="write the whole schema to the project's schema_file, as SQL"),
        argument("--check", action="store_true", help="exit with 3 if the schema_file is not what the database has"),
        argument("--yes", "-y", action="store_true", help="of --exact: read the table on a protected database, too"),
    ),
)
QUERY = Verb(
    "query",
    "run SQL in one transaction and show what it gives",
    lambda m, o: answer(m, o, o.sql, o.param or (), yes=o.yes),
    (
        argument(
            "sql", metavar="SQL", help=r"any SQL, or \d and its kin as psql has them; `-` reads it from standard input"
        ),
        argument(
            "--param",
            values=CompletionKind.VARIABLE,
            action="append",
            metavar="VALUE",
            help="what $1 is, the next one $2: text; in a notebook the name of a variable",
        ),
        argument("--explain", action="store_true", help="show the plan of one statement, without running it"),
        argument("--analyze", action="store_true", help="of --explain: run it, for its actual rows, and roll it back"),
        YES,
    ),
)
