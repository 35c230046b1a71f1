"""Define the one table of verbs: names, options and help, for the terminal and the magics.

Parses what was typed and calls the `Migrator`; shows nothing. A verb that is not here does not exist.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from fsapi_nb import verbs
from fsapi_nb.errors import UsageError
from fsapi_nb.verbs.request import PLANNED

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import PlanResult, Result, StatusResult


class CompletionKind(Enum):
    """The kind of name that an argument takes, used to offer completions."""

    MIGRATION = "a migration"
    DATABASE = "a database"
    VARIABLE = "a variable of the notebook"
    PLANNED = "a verb that has a plan"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb, as argparse takes it; `values` is the kind of name that it takes."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any]
    values: CompletionKind | None = None

    @property
    def is_option(self) -> bool:
        """Whether it is given by a flag, not by its position."""
        return self.flags[0].startswith("-")

    @property
    def takes_value(self) -> bool:
        """Whether a value follows its flag."""
        return self.settings.get("action", "store") in {"store", "append", "extend"}

    @property
    def repeats(self) -> bool:
        """Whether it may be given more than once."""
        return self.settings.get("action") in {"append", "extend"}


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its name, one line of help, its arguments, and the call that does it.

    One that needs no database has `alone` instead, and takes none of the options of the others.
    """

    name: str
    help: str
    run: Callable[[Migrator, argparse.Namespace], Result]
    arguments: tuple[Argument, ...] = ()
    alone: Callable[[argparse.Namespace], Result] | None = None


#: The verbs of which a user wants the result, and nothing else. A query may change data, but its answer is what is
#: wanted.
READING = frozenset({"status", "pending", "plan", "show", "lint", "changes", "blockers", "diagram", "history", "query"})
#: The verbs that change the database or its history: their progress is shown while they run.
CHANGING = frozenset({"migrate", "rollback", "redo", "fresh", "baseline", "rename", "retire", "repair", "resolve"})


def _argument(*flags: str, values: CompletionKind | None = None, **settings: Any) -> Argument:
    return Argument(flags, settings, values)


_YES = _argument("--yes", "-y", action="store_true", help="do it on a protected database, or destroy what is there")
_TO = _argument("--to", values=CompletionKind.MIGRATION, metavar="NAME", help="up to and with this migration")
_COUNT = _argument("--count", "-n", type=int, metavar="N", help="the next N migrations")
_LATE = _argument("--out-of-order", action="store_true", help="apply late files on a protected database")
_UNPARSED = _argument(
    "--allow-unparsed",
    action="store_true",
    help="run scripts that PostgreSQL 18's parser refuses, each in one transaction",
)
_NO_CHANGES = _argument("--no-changes", action="store_true", help="do not find out what changes in the schema")
_CHECK = _argument("--check", action="store_true", help="exit with 3 if there is anything to do or not as it should be")
_NAME = _argument(
    "name",
    values=CompletionKind.MIGRATION,
    metavar="NAME",
    help="a migration's file name, or any part that only one has",
)

_MISSING = _argument("--missing", action="store_true", help="every applied migration that has no file")
_UNDO = _argument("--undo", action="store_true", help="put the rows of these back")
_ONLY = _argument(
    "--only",
    values=CompletionKind.MIGRATION,
    nargs="+",
    action="extend",
    default=[],
    metavar="NAME",
    help="just these, not all before them",
)
_REPLACES = _argument(
    "--replaces",
    values=CompletionKind.MIGRATION,
    nargs="+",
    action="extend",
    default=[],
    metavar="NAME",
    help="in the place of these, which it stands for and whose files are gone; A..B is a range",
)


def _of(verb: str, argument: Argument) -> Argument:
    """Return the argument as `plan` has it: its help says which verb it belongs to."""
    return replace(argument, settings={**argument.settings, "help": f"of {verb}: {argument.settings['help']}"})


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


def _trust(options: argparse.Namespace) -> Result:
    return verbs.trust.trust(options.path, shown=options.list, revoked=options.revoke, yes=options.yes)


VERBS: tuple[Verb, ...] = (
    Verb(
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
        (_TO, _COUNT, _LATE, _UNPARSED, _NO_CHANGES, _YES),
    ),
    Verb("status", "the state of each migration", lambda m, o: _checked(m.status(), o), (_CHECK,)),
    Verb("pending", "what would still be applied", lambda m, o: _checked(m.pending(), o), (_CHECK,)),
    Verb(
        "plan",
        "what a verb would do, step by step, without doing it",
        _plan,
        (
            _argument(
                "verb",
                values=CompletionKind.PLANNED,
                nargs="?",
                default="migrate",
                metavar="VERB",
                help=f"{', '.join(PLANNED[:-1])} or {PLANNED[-1]}",
            ),
            _argument(
                "names",
                values=CompletionKind.MIGRATION,
                nargs="*",
                metavar="NAME",
                help="of rename, retire and baseline",
            ),
            _argument("--to", values=CompletionKind.MIGRATION, metavar="NAME", help="up to this migration"),
            _argument("--count", "-n", type=int, metavar="N", help="N migrations"),
            _argument("--all", action="store_true", help="of a rollback: everything"),
            _argument("--full", action="store_true", help="show every statement, with its SQL"),
            _argument("--markdown", action="store_true", help="write it as Markdown, for a pull request"),
            _of("retire", _MISSING),
            _of("retire", _UNDO),
            _of("baseline", _ONLY),
            _of("baseline", _REPLACES),
            _LATE,
            _UNPARSED,
            _CHECK,
            _argument("--sql", action="store_true", help="as one script for psql, with the rows of the history"),
        ),
    ),
    Verb("show", "one migration: scripts, plan, attempts, difference", lambda m, o: m.show(o.name), (_NAME,)),
    Verb(
        "lint",
        "what may go wrong with the pending migrations, statement by statement, and what to do instead",
        _lint,
        (
            _argument(
                "name", values=CompletionKind.MIGRATION, nargs="?", metavar="NAME", help="just this one, applied or not"
            ),
            _argument("--all", action="store_true", help="every migration, and every finding"),
            _argument("--check", action="store_true", help="exit with 3 if there is a finding to stop at"),
        ),
    ),
    Verb(
        "changes",
        "what a migration changed in the schema, or those of the last run",
        lambda m, o: m.changes(o.name, since=o.since),
        (
            _argument(
                "name", values=CompletionKind.MIGRATION, nargs="?", metavar="NAME", help="a migration that has run"
            ),
            _argument(
                "--since",
                values=CompletionKind.MIGRATION,
                metavar="NAME_OR_TIME",
                help="all that ran after this migration, or from this moment on (2026-01-31, 2026-01-31T14:00; UTC)",
            ),
        ),
    ),
    Verb("blockers", "who blocks whom in the database, at this moment", lambda m, _: m.blockers()),
    Verb(
        "diagram",
        "the tables and their foreign keys: a picture, or Mermaid's source",
        lambda m, o: m.diagram(o.schemas, [name.strip() for name in (o.tables or "").split(",") if name.strip()]),
        (
            _argument(
                "--schema",
                action="append",
                dest="schemas",
                metavar="SCHEMA",
                help="only this schema; may be given again",
            ),
            _argument("--tables", metavar="TABLES", help="only these tables, with commas between them"),
        ),
    ),
    Verb("make", "make a new migration file", lambda m, o: m.make(o.name), (_argument("name", metavar="NAME"),)),
    Verb(
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
            _argument("count", nargs="?", type=int, metavar="N", help="how many; without it, one"),
            _argument(
                "--to",
                values=CompletionKind.MIGRATION,
                metavar="NAME",
                help="everything that was applied after this one",
            ),
            _argument("--all", action="store_true", help="everything"),
            _UNPARSED,
            _NO_CHANGES,
            _YES,
        ),
    ),
    Verb(
        "redo",
        "roll the last migration back and apply its file again",
        lambda m, o: m.redo(o.name, allow_unparsed=o.allow_unparsed, changes=not o.no_changes, yes=o.yes),
        (
            _argument(
                "name",
                values=CompletionKind.MIGRATION,
                nargs="?",
                metavar="NAME",
                help="to be sure that it is the last",
            ),
            _UNPARSED,
            _NO_CHANGES,
            _YES,
        ),
    ),
    Verb(
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
            _argument("--no-migrate", action="store_true", help="leave it empty"),
            _argument("--confirm", metavar="DATABASE", help="the database's name, on a protected one"),
            _UNPARSED,
            _NO_CHANGES,
            _YES,
        ),
    ),
    Verb(
        "baseline",
        "record every migration up to and with NAME as applied, or just some, running nothing",
        lambda m, o: m.baseline(o.name, only=o.only, replaces=o.replaces, yes=o.yes),
        (
            _argument(
                "name",
                values=CompletionKind.MIGRATION,
                nargs="?",
                metavar="NAME",
                help="the last one of them; with --replaces, just this one",
            ),
            _ONLY,
            _REPLACES,
            _YES,
        ),
    ),
    Verb(
        "rename",
        "say that an applied migration's file has another name now",
        lambda m, o: m.rename(o.old, o.new, yes=o.yes),
        (
            _argument("old", values=CompletionKind.MIGRATION, metavar="OLD", help="the name that it was applied under"),
            _argument("new", values=CompletionKind.MIGRATION, metavar="NEW", help="the file's name now"),
            _YES,
        ),
    ),
    Verb(
        "retire",
        "take applied migrations whose files are gone for good out of the history",
        lambda m, o: m.retire(o.names, missing=o.missing, undo=o.undo, yes=o.yes),
        (
            _argument(
                "names", values=CompletionKind.MIGRATION, nargs="*", metavar="NAME", help="those whose files are gone"
            ),
            _MISSING,
            _UNDO,
            _YES,
        ),
    ),
    Verb(
        "repair",
        "accept the edited file of an applied migration",
        lambda m, o: m.repair(o.name, yes=o.yes),
        (_NAME, _YES),
    ),
    Verb(
        "resolve",
        "say whether a step that is in doubt happened",
        lambda m, o: m.resolve(o.name, done=o.done, retry=o.retry, undo=o.undo, yes=o.yes),
        (
            _NAME,
            _argument("--done", action="store_true", help="it happened"),
            _argument("--retry", action="store_true", help="it did not; the next run runs it again"),
            _argument("--undo", action="store_true", help="it did not; roll back what was done before it"),
            _YES,
        ),
    ),
    Verb(
        "history",
        "every attempt, from the journal, with times in UTC",
        lambda m, o: m.history(count=o.count, runbook=o.runbook),
        (
            _argument("--count", "-n", type=int, metavar="N", help="the newest N events"),
            _argument("--runbook", metavar="ID", help="those of one run of a runbook"),
        ),
    ),
    Verb(
        "trust",
        "let a project's files name programs, addresses and files elsewhere, and data, as long as these stay the same",
        lambda *_: NotImplemented,
        (
            _argument(
                "path",
                nargs="?",
                metavar="PATH",
                help="the project's folder, or a folder or runbook in it; the one that you are in",
            ),
            _argument("--list", action="store_true", help="show every project that is trusted, and what it may do"),
            _argument("--revoke", action="store_true", help="stop trusting the project"),
            _argument("--yes", "-y", action="store_true", help="do not ask on a terminal"),
        ),
        alone=_trust,
    ),
)

QUERY = Verb(
    "query",
    "run SQL in one transaction and show what it gives",
    lambda m, o: m.query(o.sql, o.param or (), yes=o.yes),
    (
        _argument("sql", metavar="SQL", help="any SQL; `-` reads it from standard input"),
        _argument(
            "--param",
            values=CompletionKind.VARIABLE,
            action="append",
            metavar="VALUE",
            help="what $1 is, the next one $2: text; in a notebook the name of a variable",
        ),
        _YES,
    ),
)

GLOBAL: tuple[Argument, ...] = (
    _argument(
        "--database",
        values=CompletionKind.DATABASE,
        metavar="URL_OR_NAME",
        help="a URL, a name in pyproject.toml, or embedded[:NAME]",
    ),
    _argument("--dir", metavar="FOLDER", help="the migrations folder"),
    _argument(
        "--schema", metavar="SCHEMA", help="work in this schema: its own history, and a search_path of it and public"
    ),
    _argument(
        "--set",
        action="append",
        metavar="NAME[=VALUE]",
        help="seen in SQL as current_setting('fsapi.NAME', true); without a value, that of the environment's NAME",
    ),
    _argument("--lock-timeout", metavar="DURATION", help="how long a statement may wait for a lock (5s)"),
    _argument("--statement-timeout", metavar="DURATION", help="how long a statement may run (what the role has)"),
    _argument(
        "--max-wait",
        type=float,
        metavar="SECONDS",
        help="how long to wait for another runner, and to retry for a lock (60)",
    ),
    _argument("--pooler", metavar="MODE", help="session: a connection pooler in session mode is in between"),
    _argument("--postgres-bin", metavar="FOLDER", help="the bin folder of the embedded server's PostgreSQL"),
)


class Help(Exception):
    """The request for the help of a verb, raised with its text."""


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError or Help, and never ends the process as argparse does."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the arguments."""
        raise UsageError(f"{self.prog}: {message}", hint=self.format_usage().strip())

    def print_help(self, file: object = None) -> NoReturn:
        """Raise the help instead of printing it."""
        raise Help(self.format_help())


_WIDTH = 100


class _Formatter(argparse.HelpFormatter):
    """A formatter of one width: what a notebook stores must not depend on a terminal.

    A narrower terminal gets its own width, so that it breaks no word.
    """

    def __init__(self, prog: str) -> None:
        terminal = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
        super().__init__(prog, width=min(_WIDTH, terminal))


def parser_of(verb: Verb, *, prog: str, extra: Sequence[Argument] = ()) -> Parser:
    """Return the parser of a verb's own arguments, and of the global ones that it does not have itself."""
    parser = own_parser_of(verb, prog=prog, extra=(*global_arguments(verb), *extra))
    if verb.alone is None:
        parser.set_defaults(schema=parser.get_default("schema"))  # a diagram's own --schema is called `schemas`
    return parser


def global_arguments(verb: Verb) -> tuple[Argument, ...]:
    """Return the global options of a verb: without those whose flag means something else to it."""
    if verb.alone is not None:
        return ()
    taken = {flag for argument in verb.arguments for flag in argument.flags}
    return tuple(argument for argument in GLOBAL if not taken.intersection(argument.flags))


def own_parser_of(verb: Verb, *, prog: str, extra: Sequence[Argument] = ()) -> Parser:
    """Return the parser of a verb's own arguments, for a verb that is not about migrations."""
    parser = Parser(prog=prog, description=verb.help, allow_abbrev=False, formatter_class=_Formatter)
    for argument in (*verb.arguments, *extra):
        parser.add_argument(*argument.flags, **argument.settings)
    return parser


def find_verb(name: str) -> Verb:
    """Return the verb of that name. Raises UsageError if there is none."""
    found = next((verb for verb in VERBS if verb.name == name), None)
    if found is None:
        raise UsageError(f"there is no verb {name!r}", hint=f"the verbs are {', '.join(verb.name for verb in VERBS)}.")
    return found


def settings_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the values of the `--set` options.

    A name without a value takes that of the environment, so that no command line contains it. Raises UsageError for one
    that is not a name, and for a variable that is not set.
    """
    settings = {}
    for text in options.set or []:
        name, equals, value = text.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"--set {name}: this is not NAME=VALUE", hint="such as --set env=dev.")
        settings[name] = value if equals else _of_environment(name)
    return settings


def _of_environment(name: str) -> str:
    """Return the value of the environment's variable of that name, as it is written or in capitals."""
    for variable in (name, name.upper()):
        if variable in os.environ:
            return os.environ[variable]
    hint = f"set the variable, or write --set {name}=VALUE if it is not a secret."
    raise UsageError(f"--set {name}: the environment has neither {name} nor {name.upper()}", hint=hint)
