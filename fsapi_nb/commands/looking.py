"""The verbs that look at the history and the folder, and change nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fsapi_nb import verbs
from fsapi_nb.commands.arguments import (
    CHECK,
    LATE,
    MISSING,
    NAME,
    ONLY,
    REPLACES,
    UNDO,
    UNPARSED,
    YES,
    CompletionKind,
    argument,
    of_verb,
    whole_number,
)
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError
from fsapi_nb.verbs.request import PLANNED

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import DifferenceResult, PlanResult, Result, StatusResult


def _checked(result: StatusResult | PlanResult, options: argparse.Namespace) -> Result:
    if options.check:
        verbs.look.require_up_to_date(result)
    return result


def _plan(migrator: Migrator, options: argparse.Namespace) -> Result:
    forms = [f"--{name}" for name in ("full", "markdown", "sql") if getattr(options, name)]
    if len(forms) > 1:
        hint = "give one of them." if options.sql else "Markdown has the SQL, too."
        raise UsageError(f"{' and '.join(forms)} exclude each other", hint=hint)
    plan = migrator.plan(
        options.verb,
        options.names,
        to=options.to,
        count=options.count,
        everything=options.all,
        out_of_order=options.out_of_order,
        allow_unparsed=options.allow_unparsed,
        missing=options.missing,
        undo=options.undo,
        only=options.only,
        replaces=options.replaces,
        sql=options.sql,
    )
    checked = _checked(plan.full() if options.full else plan.markdown() if options.markdown else plan, options)
    if plan.script is None:
        return checked
    from fsapi_nb.views.results import PlanScriptResult

    return PlanScriptResult(plan.headline(), plan.script, plan.identity)


def _lint(migrator: Migrator, options: argparse.Namespace) -> Result:
    found = migrator.lint(options.name, everything=options.all)
    if options.check:
        verbs.lint.require_no_stops(found)
    return found


def _drift(migrator: Migrator, options: argparse.Namespace) -> Result:
    if options.adopt is not None:
        if options.check:
            raise UsageError("--adopt and --check exclude each other", hint="--adopt writes, --check only looks.")
        return migrator.adopt(options.adopt, yes=options.yes, renames=options.rename, no_renames=options.no_renames)
    if options.rename or options.no_renames:
        raise UsageError("--rename and --no-renames belong to --adopt", hint="add --adopt NAME.")
    return _compared(migrator.drift(), options)


def _compared(found: DifferenceResult, options: argparse.Namespace) -> Result:
    if options.check:
        verbs.drift.require_no_drift(found)
    return found


STATUS = Verb("status", "the state of each migration", lambda m, o: _checked(m.status(), o), (CHECK,))
PENDING = Verb("pending", "what would still be applied", lambda m, o: _checked(m.pending(), o), (CHECK,))
PLAN = Verb(
    "plan",
    "what a verb would do, step by step, without doing it",
    _plan,
    (
        argument(
            "verb",
            values=CompletionKind.PLANNED,
            nargs="?",
            default="migrate",
            metavar="VERB",
            help=f"{', '.join(PLANNED[:-1])} or {PLANNED[-1]}",
        ),
        argument(
            "names",
            values=CompletionKind.MIGRATION,
            nargs="*",
            metavar="NAME",
            help="of rename, retire and baseline",
        ),
        argument("--to", values=CompletionKind.MIGRATION, metavar="NAME", help="up to this migration"),
        argument("--count", "-n", type=whole_number, metavar="N", help="N migrations"),
        argument("--all", action="store_true", help="of a rollback: everything"),
        argument("--full", action="store_true", help="show every statement, with its SQL"),
        argument("--markdown", action="store_true", help="write it as Markdown, for a pull request"),
        of_verb("retire", MISSING),
        of_verb("retire", UNDO),
        of_verb("baseline", ONLY),
        of_verb("baseline", REPLACES),
        LATE,
        UNPARSED,
        CHECK,
        argument("--sql", action="store_true", help="as one script for psql, with the rows of the history"),
    ),
)
SHOW = Verb("show", "one migration: scripts, plan, attempts, difference", lambda m, o: m.show(o.name), (NAME,))
LINT = Verb(
    "lint",
    "what may go wrong with the pending migrations, statement by statement, and what to do instead",
    _lint,
    (
        argument(
            "name", values=CompletionKind.MIGRATION, nargs="?", metavar="NAME", help="just this one, applied or not"
        ),
        argument("--all", action="store_true", help="every migration, and every finding"),
        argument("--check", action="store_true", help="exit with 3 if there is a finding to stop at"),
    ),
)
CHANGES = Verb(
    "changes",
    "what a migration changed in the schema, or those of the last run",
    lambda m, o: m.changes(o.name, since=o.since),
    (
        argument("name", values=CompletionKind.MIGRATION, nargs="?", metavar="NAME", help="a migration that has run"),
        argument(
            "--since",
            values=CompletionKind.MIGRATION,
            metavar="NAME_OR_TIME",
            help="all that ran after this migration, or from this moment on (2026-01-31, 2026-01-31T14:00; UTC)",
        ),
    ),
)
_SIDE = "`database`, `folder`, another database, schema.sql or HEAD:schema.sql"
DRIFT = Verb(
    "drift",
    "what the database has that its applied migrations do not give, and the reverse",
    _drift,
    (
        argument("--check", action="store_true", help="exit with 3 if anything differs"),
        argument(
            "--adopt", metavar="NAME", help="write the migration that makes the difference, and record it as applied"
        ),
        argument(
            "--rename",
            action="append",
            default=[],
            metavar="OLD=NEW",
            help="of --adopt: a table or column that was renamed (orders.note=remark)",
        ),
        argument("--no-renames", action="store_true", help="of --adopt: nothing else was renamed, do not ask"),
        YES,
    ),
)
DIFF = Verb(
    "diff",
    "what differs between two databases, the folder's end or files with a schema",
    lambda m, o: _compared(m.diff(o.a, o.b), o),
    (
        argument("a", values=CompletionKind.DATABASE, metavar="A", help=_SIDE),
        argument("b", values=CompletionKind.DATABASE, metavar="B", help="what it is compared with, in the same way"),
        argument("--check", action="store_true", help="exit with 3 if anything differs"),
    ),
)
HISTORY = Verb(
    "history",
    "every attempt, from the journal, with times in UTC",
    lambda m, o: m.history(count=o.count, runbook=o.runbook),
    (
        argument("--count", "-n", type=whole_number, metavar="N", help="the newest N events"),
        argument("--runbook", metavar="ID", help="those of one run of a runbook"),
    ),
)
