"""The verbs that run migrations."""

from __future__ import annotations

from fsapi_nb.commands.arguments import (
    COUNT,
    LATE,
    NO_CHANGES,
    TO,
    UNPARSED,
    YES,
    CompletionKind,
    argument,
    whole_number,
)
from fsapi_nb.commands.verb import Verb

MIGRATE = Verb(
    "migrate",
    "apply all pending migrations",
    lambda m, o: m.migrate(
        to=o.to,
        count=o.count,
        out_of_order=o.out_of_order,
        allow_unparsed=o.allow_unparsed,
        changes=not o.no_changes,
        yes=o.yes,
    ),
    (TO, COUNT, LATE, UNPARSED, NO_CHANGES, YES),
)
ROLLBACK = Verb(
    "rollback",
    "undo the last migration, the last N, or all after NAME",
    lambda m, o: m.rollback(
        o.count,
        to=o.to,
        everything=o.all,
        allow_unparsed=o.allow_unparsed,
        changes=not o.no_changes,
        yes=o.yes,
    ),
    (
        argument("count", nargs="?", type=whole_number, metavar="N", help="how many; without it, one"),
        argument(
            "--to",
            values=CompletionKind.MIGRATION,
            metavar="NAME",
            help="everything that was applied after this one",
        ),
        argument("--all", action="store_true", help="everything"),
        UNPARSED,
        NO_CHANGES,
        YES,
    ),
)
REDO = Verb(
    "redo",
    "roll the last migration back and apply its file again",
    lambda m, o: m.redo(o.name, allow_unparsed=o.allow_unparsed, changes=not o.no_changes, yes=o.yes),
    (
        argument(
            "name",
            values=CompletionKind.MIGRATION,
            nargs="?",
            metavar="NAME",
            help="to be sure that it is the last",
        ),
        UNPARSED,
        NO_CHANGES,
        YES,
    ),
)
FRESH = Verb(
    "fresh",
    "drop everything in the managed schemas and apply every migration",
    lambda m, o: m.fresh(
        migrate=not o.no_migrate,
        confirm=o.confirm,
        allow_unparsed=o.allow_unparsed,
        changes=not o.no_changes,
        yes=o.yes,
    ),
    (
        argument("--no-migrate", action="store_true", help="leave it empty"),
        argument("--confirm", metavar="DATABASE", help="the database's name, on a protected one"),
        UNPARSED,
        NO_CHANGES,
        YES,
    ),
)
