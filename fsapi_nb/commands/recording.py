"""The verbs that change what the history says, and run no migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsapi_nb.commands.arguments import MISSING, NAME, ONLY, REPLACES, UNDO, YES, CompletionKind, argument
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError
from fsapi_nb.text.command import Advice, command

if TYPE_CHECKING:
    import argparse

    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import Result


def _baseline(migrator: Migrator, options: argparse.Namespace) -> Result:
    """Record migrations, or write the first one and record that."""
    if not options.from_database:
        return migrator.baseline(options.name, only=options.only, replaces=options.replaces, yes=options.yes)
    if options.name is None or options.only or options.replaces:
        raise UsageError(
            "--from-database takes the name of the file to write, and nothing else",
            hint=Advice("such as ", command("baseline", "init", from_database=True)),
        )
    return migrator.baseline_from_database(options.name, yes=options.yes)


BASELINE = Verb(
    "baseline",
    "record every migration up to and with NAME as applied, or just some, running nothing",
    _baseline,
    (
        argument(
            "name",
            values=CompletionKind.MIGRATION,
            nargs="?",
            metavar="NAME",
            help="the last one of them; with --replaces, just this one",
        ),
        ONLY,
        REPLACES,
        argument(
            "--from-database",
            action="store_true",
            help="write the schema of the database as the first migration, of this NAME, and record that",
        ),
        YES,
    ),
)
RENAME = Verb(
    "rename",
    "say that an applied migration's file has another name now",
    lambda m, o: m.rename(o.old, o.new, yes=o.yes),
    (
        argument("old", values=CompletionKind.MIGRATION, metavar="OLD", help="the name that it was applied under"),
        argument("new", values=CompletionKind.MIGRATION, metavar="NEW", help="the file's name now"),
        YES,
    ),
)
RETIRE = Verb(
    "retire",
    "take applied migrations whose files are gone for good out of the history",
    lambda m, o: m.retire(o.names, missing=o.missing, undo=o.undo, yes=o.yes),
    (
        argument(
            "names", values=CompletionKind.MIGRATION, nargs="*", metavar="NAME", help="those whose files are gone"
        ),
        MISSING,
        UNDO,
        YES,
    ),
)
REPAIR = Verb(
    "repair",
    "accept the edited file of an applied migration",
    lambda m, o: m.repair(o.name, yes=o.yes),
    (NAME, YES),
)
RESOLVE = Verb(
    "resolve",
    "say whether a step that is in doubt happened",
    lambda m, o: m.resolve(o.name, done=o.done, retry=o.retry, undo=o.undo, yes=o.yes),
    (
        NAME,
        argument("--done", action="store_true", help="it happened"),
        argument("--retry", action="store_true", help="it did not; the next run runs it again"),
        argument("--undo", action="store_true", help="it did not; roll back what was done before it"),
        YES,
    ),
)
