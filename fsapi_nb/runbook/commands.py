"""The commands `runbook:run` and `runbook:new`: their arguments, and how they are carried out. Prints progress only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fsapi_nb.commands import GLOBAL, Argument, Parser, Verb, own_parser_of
from fsapi_nb.errors import UsageError
from fsapi_nb.runbook.parameters import Value, infer
from fsapi_nb.runbook.result import NewRunbook, RunbookResult
from fsapi_nb.views.results import Result

_DATABASE = next(argument for argument in GLOBAL if argument.flags == ("--database",))
_SCHEMA = next(argument for argument in GLOBAL if argument.flags == ("--schema",))


def _argument(*flags: str, **settings: object) -> Argument:
    return Argument(flags, settings)


RUN = Verb(
    "run",
    "execute a notebook on a database, and keep its record",
    lambda *_: NotImplemented,
    (
        _argument("notebook", metavar="NOTEBOOK", help="an .ipynb file; it is not changed"),
        _DATABASE,
        _SCHEMA,
        _argument(
            "-p",
            "--parameter",
            action="append",
            metavar="NAME=VALUE",
            help="a value for a name in the cell tagged parameters; numbers, True, False and None become Python values",
        ),
        _argument("-r", "--raw-parameter", action="append", metavar="NAME=VALUE", help="the same, but always a text"),
        _argument(
            "--secret",
            action="append",
            metavar="NAME",
            help="hide this parameter's value in all that is kept; without -p it comes from the environment variable of "
            "that name",
        ),
        _argument(
            "--output",
            metavar="FOLDER",
            help="the folder of the executed notebook and the report (default: runs, beside it)",
        ),
        _argument(
            "--rollback",
            action="store_true",
            help="run only the cells tagged parameters, setup, preconditions and rollback",
        ),
        _argument("--yes", "-y", action="store_true", help="run it on a protected database"),
    ),
)
NEW = Verb(
    "new",
    "make a notebook: parameters, preconditions, plan, apply, verify, rollback",
    lambda *_: NotImplemented,
    (
        _argument("name", metavar="NAME", help="such as add_phone_to_users"),
        _argument(
            "--dir", metavar="FOLDER", help="the notebook's folder (default: runbooks, beside the migrations folder)"
        ),
    ),
)
COMMANDS = (RUN, NEW)


def find_command(name: str) -> Verb:
    """Return the command of that name, without `runbook:`. Raises UsageError if there is none."""
    found = next((command for command in COMMANDS if command.name == name), None)
    if found is None:
        raise UsageError(f"there is no command 'runbook:{name}'", hint="the commands are runbook:run and runbook:new.")
    return found


def parser_of(command: Verb, *, prog: str, extra: Sequence[Argument] = ()) -> Parser:
    """Return the parser of a command. Of the global options it takes `--database` and `--schema` only.

    Args:
        command: `RUN` or `NEW`.
        prog: The command as its user types it, for messages.
        extra: Further arguments, such as `--json`.
    """
    return own_parser_of(command, prog=prog, extra=extra)


def carry_out(command: Verb, options: argparse.Namespace) -> Result:
    """Carry out a command with parsed options. Raises what `run_runbook` and `create` raise."""
    return _run(options) if command is RUN else _new(options)


def _run(options: argparse.Namespace) -> RunbookResult:
    from fsapi_nb.runbook.progress import Progress
    from fsapi_nb.runbook.request import RunbookRequest
    from fsapi_nb.runbook.run import run_runbook

    request = RunbookRequest(
        Path(options.notebook),
        options.database,
        _values(options.parameter or (), options.raw_parameter or ()),
        tuple(options.secret or ()),
        Path(options.output).absolute() if options.output else None,
        rollback=options.rollback,
        confirmed=options.yes,
        schema=options.schema,
    )
    return run_runbook(request, Progress(sys.stderr))


def _values(inferred: Sequence[str], raw: Sequence[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for text in inferred:
        name, value = _pair(text)
        values[name] = infer(value)
    return values | dict(map(_pair, raw))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        # The text is not shown: it may be a secret.
        raise UsageError("a parameter is not NAME=VALUE", hint="write -p limit=10, for example; NAME is a Python name.")
    return name, value


def _new(options: argparse.Namespace) -> NewRunbook:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.runbook.skeleton import create
    from fsapi_nb.verbs.trust import RUNBOOKS, require_inside

    folder = Path(options.dir) if options.dir else Migrator("embedded").directory.parent / RUNBOOKS
    if not options.dir:
        require_inside(Path.cwd(), [folder])
    return NewRunbook(create(folder, options.name))
