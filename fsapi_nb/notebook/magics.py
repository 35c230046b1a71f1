"""The magics: `%migrate`, `%rollback`, `%schema`, `%query`, `%%query`, `%%migration`, `%%check`.

Each parses, calls, and returns a value. The lines of those without SQL are expanded by IPython (`%migrate show {name}`);
SQL is sent exactly as written. The magics never raise IPython's UsageError: IPython only prints it on stderr, so that
nbval lets a failing notebook pass (computationalmodelling/nbval #147).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
    output_can_be_silenced,
)
from traitlets import Bool, Enum, Unicode, validate

from fsapi_nb.commands import CHANGING, Verb, answer, find_verb, parser_of, settings_of
from fsapi_nb.errors import (
    UNCHANGED,
    AssertionViolated,
    ConfigurationError,
    QueryFailed,
    StatementFailed,
    UsageError,
    revise,
)
from fsapi_nb.notebook import bridge, jupysql
from fsapi_nb.notebook.display import publish, publish_below
from fsapi_nb.notebook.engine import database_of_variable
from fsapi_nb.notebook.known_tables import KnownTables
from fsapi_nb.notebook.line import (
    CHECK,
    MIGRATION,
    PANEL,
    QUERY_OF_MAGIC,
    HelpText,
    leading_options,
    one_name,
    overview,
    parse,
    split,
)
from fsapi_nb.project.origin import origin
from fsapi_nb.script.placeholders import Meant, explain, find_placeholder, placeholder_of
from fsapi_nb.text.secrets import is_secret_name
from fsapi_nb.text.tracebacks import hides_values

if TYPE_CHECKING:
    from fsapi_nb.events import Observer
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.notebook.panel import Panel
    from fsapi_nb.views.results import QueryResult, Result


class ShownAddress(str):
    """A database's address whose repr shows a name but never a URL: `%config` prints reprs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if "=" in self or "://" in self or "@" in self[1:] else str.__repr__(self)


@magics_class
class MigrateMagics(Magics):
    """The magics of one shell. `%config MigrateMagics` shows and changes the folder and the database."""

    database = Unicode(
        None,
        allow_none=True,
        help="a URL, a name in pyproject.toml, embedded[:NAME], or @VARIABLE (a function that connects, an engine)",
    ).tag(config=True)
    directory = Unicode(None, allow_none=True, help="the migrations folder").tag(config=True)
    schema = Unicode(None, allow_none=True, help="the schema to work in: its own history and search_path").tag(
        config=True
    )
    widgets = Enum(
        ["auto", "on", "off"], "auto", help="live progress and panel: in front ends that show widgets, always, never"
    ).tag(config=True)
    times = Bool(
        False, help="show moments, durations and uses of indexes in results, which then differ from run to run"
    ).tag(config=True)

    # The last migrations folder that was found by the working directory alone.
    _folder: Path | None = None

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.tables = KnownTables()

    @validate("database")
    def _hide(self, proposal: dict[str, Any]) -> ShownAddress | None:
        return None if proposal["value"] is None else ShownAddress(proposal["value"])

    @output_can_be_silenced
    @line_magic
    @hides_values
    def migrate(self, line: str) -> Result | HelpText | Panel:
        """Apply all pending migrations, or carry out a verb: `%migrate status`, `%migrate plan`, `%migrate --help`."""
        words = split(line)
        if words[:1] in (["--help"], ["-h"], ["help"]):
            return HelpText(overview())
        named = bool(words) and not words[0].startswith("-")
        if words[:1] == [PANEL.name]:
            return self._panel(words[1:])
        verb = find_verb(words.pop(0) if named else "migrate")
        return self._run(verb, words, prog=f"%migrate {verb.name}")

    @output_can_be_silenced
    @line_magic
    @hides_values
    def rollback(self, line: str) -> Result | HelpText:
        """Undo the last migration, the last N (`%rollback 2`), all after NAME (`--to NAME`), or everything (`--all`)."""
        return self._run(find_verb("rollback"), split(line), prog="%rollback")

    @output_can_be_silenced
    @line_magic("schema")  # type: ignore[arg-type]  # its name is given, as `schema` is a setting
    @hides_values
    def look(self, line: str) -> Result | HelpText:
        """Show what the database holds: everything, what a pattern means (`%schema ord*`), or one object (`%schema orders`)."""
        return self._run(find_verb("schema"), split(line), prog="%schema")

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @hides_values
    def query(self, line: str, cell: str | None = None, local_ns: Mapping[str, object] | None = None) -> Any:
        """Run SQL exactly as written, in one transaction; return a DataFrame of the last rows it returned.

        `--as arrow` returns an Arrow table, `--as polars` a DataFrame of polars.

        Values of Python are passed as parameters only: `%query --param city SELECT $1` binds the variable `city`.
        """
        from fsapi_nb.views.frames import prepare
        from fsapi_nb.views.results import NoticesResult, QueryResult

        words, sql = leading_options(line)
        if sql.split() in (["--help"], ["-h"]):
            words, sql = ["--help"], ""
        options = parse(parser_of(QUERY_OF_MAGIC, prog="%query" if cell is None else "%%query"), words)
        if isinstance(options, HelpText):
            return options
        if cell is not None and sql.strip():
            hint = "put the SQL below it, or use %query SQL on one line."
            if (found := find_placeholder(sql.strip(), 1)) and found.meant is Meant.RESULT:
                hint = explain(found, notebook=True)
            raise UsageError("there is SQL on the line of %%query", hint=hint)
        sql = sql if cell is None else cell
        if not sql.strip():
            raise UsageError("there is no SQL", hint="%query SELECT 1; or %%query with the SQL below it.")
        from fsapi_nb.text.masking import hiding

        names = {**(self.shell.user_ns if self.shell else {}), **(local_ns or {})}
        parameters = [_value(name, names) for name in options.param or ()]
        prepare()
        try:
            with hiding(_secrets(options.param or (), parameters)), self._reaching(options) as migrator:
                result = answer(migrator, options, sql, parameters, yes=_is_confirmed(options))
        except QueryFailed as error:
            if found := placeholder_of(error):
                raise revise(error, hint=explain(found, notebook=True)) from error.__cause__
            raise
        if not isinstance(result, QueryResult) or result.last is None:
            return result
        if result.notices:
            publish_below(self.shell, *NoticesResult(result.notices)._repr_mimebundle_())
        return _as(options.form, result)

    @cell_magic
    @hides_values
    def migration(self, line: str, cell: str) -> Result | HelpText:
        """Write the cell as the migration NAME and show its plan; `--apply` applies it, `--redo` swaps the applied one.

        `--down` derives its DOWN from the catalog, and proves it on a copy.
        """
        options = parse(parser_of(MIGRATION, prog="%%migration"), split(line))
        if isinstance(options, HelpText):
            return options
        with self._acting(options, changing=options.apply or options.redo) as migrator:
            name, yes = one_name(options.words), _is_confirmed(options)
            if not options.down:
                return migrator.write(name, cell, apply=options.apply, redo=options.redo, yes=yes)
            from fsapi_nb.verbs.down import require_restored  # what derives takes long to import

            found = migrator.write_with_down(name, cell, apply=options.apply, redo=options.redo, yes=yes)
            require_restored(found)
            return found

    @no_var_expand
    @cell_magic
    @hides_values
    def check(self, line: str, cell: str) -> Result | HelpText:
        """Fail the cell unless a query returns no rows, or only true. Otherwise show that the check holds."""
        options = parse(parser_of(CHECK, prog="%%check"), split(line))
        if isinstance(options, HelpText):
            return options
        with self._reaching(options) as migrator:
            result = migrator.check(" ".join(options.title), cell)
        if result.passed:
            return result
        with _rows_shown():
            raise AssertionViolated(result.title, result.found, identity=result.identity, notices=result.notices)

    def _run(self, verb: Verb, words: list[str], *, prog: str) -> Result | HelpText:
        options = parse(parser_of(verb, prog=prog), words)
        if isinstance(options, HelpText):
            return options
        if verb.alone is not None:  # a cell cannot ask; typing the verb is the confirmation
            options.yes, options.start = True, self.directory
            return verb.alone(options)
        if "yes" in options and verb.name != "fresh":  # `fresh` must be confirmed by itself, on any database
            options.yes = _is_confirmed(options)
        if verb.name == "diagram" and self._shows_widgets():
            from fsapi_nb.notebook.widgets.zoom import let_diagrams_zoom

            let_diagrams_zoom()
        with self._acting(options, changing=verb.name in CHANGING) as migrator:
            return verb.run(migrator, options)

    def _panel(self, words: list[str]) -> Panel | HelpText:
        from fsapi_nb.notebook.panel import Panel

        options = parse(parser_of(PANEL, prog="%migrate panel"), words)
        if isinstance(options, HelpText):
            return options
        return Panel(lambda observers: self._migrator(options, observers), live=self._shows_widgets())

    @contextmanager
    def _acting(self, options: argparse.Namespace, *, changing: bool) -> Iterator[Migrator]:
        """Yield the migrator of one call. If the call changes something, show its progress on a page with widgets."""
        if not changing:
            with self._reaching(options) as migrator:
                yield self._in_place(options, migrator)
            return
        with _rows_shown(), ExitStack() as stack:
            observers = (_shown_live(stack),) if self._shows_widgets() else ()
            migrator = self._in_place(options, stack.enter_context(self._reaching(options, observers)))
            self._warn_of_open_transactions(migrator, options)
            yield migrator

    @contextmanager
    def _reaching(self, options: argparse.Namespace, observers: tuple[Observer, ...] = ()) -> Iterator[Migrator]:
        """Yield the migrator of one call; if it has reached its database, Tab may ask there for names from now on."""
        migrator = self._migrator(options, observers)
        try:
            yield migrator
        except (QueryFailed, StatementFailed):  # a server has said no
            self.tables.reached(migrator)
            raise
        self.tables.reached(migrator)

    def _in_place(self, options: argparse.Namespace, migrator: Migrator) -> Migrator:
        """Return the migrator. Raises ConfigurationError if `os.chdir` has led to another folder without migrations."""
        if options.dir is not None or self.directory is not None:
            return migrator
        if migrator.directory.is_dir():
            self._folder = migrator.directory
        elif self._folder is not None and self._folder.is_dir():
            raise ConfigurationError(
                f"the working directory has changed, and there are no migrations in it: {migrator.directory}",
                state="unchanged; no file was written.",
                hint=f"`%config MigrateMagics.directory = {str(self._folder)!r}` continues with the previous migrations; "
                "--dir migrations starts new ones.",
            )
        return migrator

    def _shows_widgets(self) -> bool:
        """Return whether a page shows widgets: nbval, nbclient and papermill do not give a notebook's name."""
        return self.widgets == "on" or (self.widgets == "auto" and self._notebook() is not None)

    def _notebook(self) -> str | None:
        return notebook_name(self.shell.user_ns if self.shell else {})

    def migrator(self, options: argparse.Namespace | None = None) -> Migrator:
        """Return the migrator that the magics use with these options, or without any. Raises ConfigurationError."""
        return self._migrator(options or parser_of(QUERY_OF_MAGIC, prog="%query").parse_args([]))

    def _warn_of_open_transactions(self, migrator: Migrator, options: argparse.Namespace) -> None:
        """Say before a run that a cell above holds a transaction open: a step would wait for its locks."""
        same = [migrator.may_lead_to]
        if self._database(options) == jupysql.NAME:
            same.append(jupysql.is_current)
        if any(jupysql.has_open_transaction(each) for each in same):
            print(jupysql.OPEN, file=sys.stderr, flush=True)

    def _database(self, options: argparse.Namespace) -> str | None:
        """Return the database of the line, or else of `%config`; the `Migrator` refuses an empty one."""
        named: str | None = self.database if options.database is None else options.database
        return named

    def _migrator(self, options: argparse.Namespace, observers: tuple[Observer, ...] = ()) -> Migrator:
        from fsapi_nb.migrator import Migrator  # not when the extension is loaded: it takes a while

        notebook = self._notebook() or origin().notebook
        database: str | Callable[[], Any] | None = self._database(options)
        _refuse_another(self._database(options))
        if database == jupysql.NAME:
            database = bridge.database()
        if isinstance(database, str) and database.startswith("@"):
            database = database_of_variable(database, self.shell.user_ns if self.shell else {})
        return Migrator(
            database,
            self.directory if options.dir is None else options.dir,
            settings=settings_of(options),
            lock_timeout=options.lock_timeout,
            statement_timeout=options.statement_timeout,
            max_wait=60.0 if options.max_wait is None else options.max_wait,
            pooler=options.pooler,
            postgres_bin=options.postgres_bin,
            scratch=options.scratch,
            schema=self.schema if options.schema is None else options.schema,
            application=f"fsapi_nb:{notebook}" if notebook else "fsapi_nb",
            notebook=notebook,
            cell=cell_id(self.shell),
            observers=observers,
        )


def _shown_live(stack: ExitStack) -> Observer:
    """Show the progress of a run below the cell until the stack is closed; return the observer of the run."""
    from fsapi_nb.notebook.live import live_progress

    return stack.enter_context(live_progress())


@contextmanager
def _rows_shown() -> Iterator[None]:
    """Show what a check has found above its error: a cell has no name for the error."""
    try:
        yield
    except AssertionViolated as error:
        publish(*error.result._repr_mimebundle_())
        raise revise(error, hint="the rows are above.") from error.__cause__  # not from the error that is replaced


def cell_id(shell: Any) -> str | None:
    """Return the id of the cell that runs, if the front end sends it with the request: JupyterLab and `runbook:run` do."""
    kernel: Any = getattr(shell, "kernel", None)
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else None
    found = ((request or {}).get("metadata") or {}).get("cellId")
    return found if isinstance(found, str) else None


def _is_confirmed(options: argparse.Namespace) -> bool:
    """Return whether a protected database may be changed: by the cell, or by the command that started the runbook."""
    return bool(options.yes) or origin().confirmed


def _refuse_another(database: str | None) -> None:
    """Raise UsageError if a cell names another database than the runbook was started on."""
    meant = origin().database
    if meant and database is not None and database != meant:
        raise UsageError(
            "this cell names another database than the runbook was started on",
            state=UNCHANGED,
            hint="remove --database or MigrateMagics.database from the cell, or start the runbook without --database.",
        )


def notebook_name(names: dict[str, Any]) -> str | None:
    """Return the notebook's file name, if the front end gives it: JupyterLab by a variable, VS Code in the namespace."""
    path = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__")
    return os.path.basename(str(path)) if path else None


def _as(form: str | None, result: QueryResult) -> Any:
    """Return a result as the library of that name has it."""
    return {"arrow": result.to_arrow, "polars": result.to_polars}.get(form or "", result.to_frame)()


def _value(name: str, names: Mapping[str, object]) -> object:
    """Return the value of the variable that `--param NAME` binds. Raises UsageError if there is none of that name."""
    if name not in names:
        hint = "--param takes a name, not an expression: assign the value to a variable first."
        raise UsageError(f"no variable is named {name!r}", hint=hint)
    return names[name]


def _secrets(names: Sequence[str], values: Sequence[object]) -> list[object]:
    """Return the values of variables that are secrets by their names: the server may quote them."""
    return [value for name, value in zip(names, values, strict=True) if is_secret_name(name)]
