"""The magics: `%migrate`, `%rollback`, `%query`, `%%query`, `%%migration`. Each parses, calls, returns a value.

They never print, and never raise IPython's UsageError: that reaches stderr only, so that nbval calls a failing
notebook green (computationalmodelling/nbval #147).
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from typing import Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
    output_can_be_silenced,
)
from traitlets import Unicode, validate

from fsapi_nb.errors import UsageError
from fsapi_nb.events import Event, NoticeReceived
from fsapi_nb.migrator import Migrator
from fsapi_nb.notebook.jupysql import NAME as JUPYSQL
from fsapi_nb.notebook.jupysql import jupysql_url
from fsapi_nb.verbs import GLOBAL, QUERY, VERBS, Argument, Help, Parser, Verb, find_verb, parser_of, settings_of
from fsapi_nb.views.progress import progress_line
from fsapi_nb.views.results import Result

_APPLY = Argument(("--apply",), {"action": "store_true", "help": "apply it too, after what is pending before it"})
_REDO = Argument(("--redo",), {"action": "store_true", "help": "roll the applied one back and apply this text"})
_YES = Argument(("--yes", "-y"), {"action": "store_true", "help": "do it on a protected database"})
_NAME = Argument(("name",), {"metavar": "NAME", "help": "such as add_phone_to_users"})
_MIGRATION = Verb(
    "migration",
    "write this cell as a migration, and show its plan",
    lambda *_: NotImplemented,
    (_NAME, _APPLY, _REDO, _YES),
)
# The SQL is no argument here: it is the rest of the line, or the cell, as it stands.
_QUERY = Verb(QUERY.name, QUERY.help, QUERY.run, QUERY.arguments[1:])
_QUERY_OPTION = re.compile(r"\s*(--yes|-y|(?:--[a-z-]+)(?:=|\s+)(?:'[^']*'|\"[^\"]*\"|\S+))(?=\s|$)")


class Shown(str):
    """Help text as the value of a cell: shown as it is, not as a Python string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Address(str):
    """A database's address, whose repr shows a name, and nothing of a URL: `%config` prints reprs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if "=" in self or "://" in self else str.__repr__(self)


@magics_class
class MigrateMagics(Magics):
    """Migrations in this notebook. `%config MigrateMagics` shows and changes where they are and where they run."""

    database = Unicode(None, allow_none=True, help="a URL, a name in pyproject.toml, or embedded[:NAME]").tag(
        config=True
    )
    directory = Unicode(None, allow_none=True, help="the migrations folder").tag(config=True)

    @validate("database")
    def _hide(self, proposal: dict[str, Any]) -> Address | None:
        return None if proposal["value"] is None else Address(proposal["value"])

    @no_var_expand
    @output_can_be_silenced
    @line_magic
    def migrate(self, line: str) -> Result | Shown:
        """Apply all pending migrations, or do what the verb says: `%migrate status`, `%migrate plan`, `%migrate --help`."""
        words = _split(line)
        if words[:1] in (["--help"], ["-h"], ["help"]):
            return Shown(_overview())
        named = bool(words) and not words[0].startswith("-")
        verb = find_verb(words.pop(0) if named else "migrate")
        return self._run(verb, words, prog=f"%migrate {verb.name}")

    @no_var_expand
    @output_can_be_silenced
    @line_magic
    def rollback(self, line: str) -> Result | Shown:
        """Undo the last migration, the last N (`%rollback 2`), all after NAME (`--to NAME`), or everything (`--all`)."""
        return self._run(find_verb("rollback"), _split(line), prog="%rollback")

    @no_var_expand
    @line_cell_magic
    def query(self, line: str, cell: str | None = None) -> Any:
        """Run SQL exactly as written, in one transaction; return a DataFrame of the last rows it gave."""
        words, sql = _leading_options(line)
        if sql.split() in (["--help"], ["-h"]):
            words, sql = ["--help"], ""
        options = _parse(parser_of(_QUERY, prog="%query" if cell is None else "%%query"), words)
        if isinstance(options, Shown):
            return options
        if cell is not None and sql.strip():
            raise UsageError("SQL beside %%query", hint="put the SQL below it, or use %query SQL on one line.")
        sql = sql if cell is None else cell
        if not sql.strip():
            raise UsageError("there is no SQL", hint="%query SELECT 1; or %%query with the SQL below it.")
        result = self._migrator(options).query(sql, yes=options.yes)
        return result.to_frame() if result.last else result

    @no_var_expand
    @cell_magic
    def migration(self, line: str, cell: str) -> Result | Shown:
        """Write the cell as the migration NAME and show its plan; `--apply` applies it, `--redo` swaps the applied one."""
        options = _parse(parser_of(_MIGRATION, prog="%%migration"), _split(line))
        if isinstance(options, Shown):
            return options
        return self._migrator(options).write(
            options.name, cell, apply=options.apply, redo=options.redo, yes=options.yes
        )

    def _run(self, verb: Verb, words: list[str], *, prog: str) -> Result | Shown:
        options = _parse(parser_of(verb, prog=prog), words)
        return options if isinstance(options, Shown) else verb.run(self._migrator(options), options)

    def _migrator(self, options: argparse.Namespace) -> Migrator:
        notebook = notebook_name(self.shell.user_ns if self.shell else {})
        database = options.database or self.database
        return Migrator(
            jupysql_url() if database == JUPYSQL else database,
            options.dir or self.directory,
            settings=settings_of(options),
            lock_timeout=options.lock_timeout,
            statement_timeout=options.statement_timeout,
            max_wait=60.0 if options.max_wait is None else options.max_wait,
            postgres_bin=options.postgres_bin,
            application=f"fsapi_nb:{notebook}" if notebook else "fsapi_nb",
            notebook=notebook,
            observers=(_tell,),
        )


def _tell(event: Event) -> None:
    """Who is waited for, and that a step is tried again: a cell that seems to hang should say why."""
    line = None if isinstance(event, NoticeReceived) else progress_line(event)
    if line:
        print(line, file=sys.stderr, flush=True)


def notebook_name(names: dict[str, Any]) -> str | None:
    """The notebook's file name, where the front end tells it: JupyterLab by a variable, VS Code in the namespace."""
    path = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__")
    return os.path.basename(str(path)) if path else None


def _split(line: str) -> list[str]:
    """The words of a magic's line; a final semicolon only silences the output."""
    try:
        return shlex.split(line.strip().removesuffix(";"))
    except ValueError as error:
        raise UsageError(f"a quote has no end: {error}", hint="close it, or write the value without one.") from None


def _leading_options(line: str) -> tuple[list[str], str]:
    """The options before the SQL of `%query`, and the SQL, byte for byte."""
    words: list[str] = []
    while match := _QUERY_OPTION.match(line):
        words += _split(match[1])
        line = line[match.end() :]
    return words, line


def _parse(parser: Parser, words: list[str]) -> argparse.Namespace | Shown:
    try:
        return parser.parse_args(words)
    except Help as text:
        return Shown(str(text))


def _overview() -> str:
    lines = ["%migrate [VERB] [OPTIONS]        (%migrate VERB --help says more)", ""]
    lines += [f"  {verb.name:<10} {verb.help}" for verb in VERBS]
    lines += ["", "  %%migration NAME, %rollback, %query SQL, %%query", ""]
    lines += [
        f"  {argument.flags[0] + ' ' + argument.settings.get('metavar', ''):<25} {argument.settings['help']}"
        for argument in GLOBAL
    ]
    return "\n".join(lines)
