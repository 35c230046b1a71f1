"""The verbs of the project and its files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fsapi_nb import verbs
from fsapi_nb.commands.arguments import NAME, CompletionKind, argument
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import Result


def _trust(options: argparse.Namespace) -> Result:
    path = options.path or (None if options.list else options.start)
    return verbs.trust.trust(path, shown=options.list, revoked=options.revoke, yes=options.yes)


def _down(migrator: Migrator, options: argparse.Namespace) -> Result:
    found = migrator.down(options.name, replace=options.replace, yes=options.yes)
    verbs.down.require_restored(found)
    return found


def _make(migrator: Migrator, options: argparse.Namespace) -> Result:
    name = " ".join(options.words)
    if not options.from_diff:
        if options.origin or options.target or options.rename or options.no_renames:
            raise UsageError("--from, --to, --rename and --no-renames belong to --from-diff", hint="add --from-diff.")
        return migrator.make(name)
    made = migrator.make_from_diff(
        name, origin=options.origin, target=options.target, renames=options.rename, no_renames=options.no_renames
    )
    verbs.make_diff.require_covered(made)
    return made


MAKE = Verb(
    "make",
    "make a new migration file, empty or from the difference to a schema",
    _make,
    (
        argument("words", nargs="+", metavar="NAME", help="such as add_phone_to_users; several words are joined"),
        argument("--from-diff", action="store_true", help="write the SQL from the folder's end to the schema file"),
        argument("--from", dest="origin", metavar="A", help="of --from-diff: from there instead, as diff takes it"),
        argument("--to", dest="target", metavar="B", help="of --from-diff: to there, such as schema.sql"),
        argument(
            "--rename",
            action="append",
            default=[],
            metavar="OLD=NEW",
            help="of --from-diff: a table or column that is renamed (orders.note=remark)",
        ),
        argument("--no-renames", action="store_true", help="of --from-diff: nothing else is renamed, do not ask"),
    ),
)
DOWN = Verb(
    "down",
    "derive the DOWN of a migration from the catalog, prove it on a copy, and write it into the file",
    _down,
    (
        argument("name", values=CompletionKind.MIGRATION, metavar="NAME", help=NAME.settings["help"]),
        argument("--replace", action="store_true", help="put it in the place of the DOWN that the file has"),
        argument("--yes", "-y", action="store_true", help="do it for one that is applied to a protected database"),
    ),
)
INIT = Verb(
    "init",
    "make a project: the migrations folder, its settings, and a first notebook",
    lambda *_: NotImplemented,
    (argument("folder", nargs="?", metavar="FOLDER", help="the project's folder; the one that you are in"),),
    alone=lambda options: verbs.init.init(options.folder),
)
TRUST = Verb(
    "trust",
    "let a project's files name programs, addresses and files elsewhere, and data, as long as these stay the same",
    lambda *_: NotImplemented,
    (
        argument(
            "path",
            nargs="?",
            metavar="PATH",
            help="the project's folder, or a folder or runbook in it; the one that you are in",
        ),
        argument("--list", action="store_true", help="show every project that is trusted, and what it may do"),
        argument("--revoke", action="store_true", help="stop trusting the project"),
        argument("--yes", "-y", action="store_true", help="do not ask on a terminal"),
    ),
    alone=_trust,
)
