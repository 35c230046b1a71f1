"""The public class: one method for each verb, each with one call into `verbs/`, where the verbs are carried out.

The modules there are imported when they are first used, so that `status` does not wait for what only a run needs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsapi_nb import verbs
from fsapi_nb.stop import Calls, stoppable
from fsapi_nb.text.tracebacks import hides_values
from fsapi_nb.verbs.request import PlanRequest

if TYPE_CHECKING:
    from fsapi_nb.catalog.database_names import DatabaseNames
    from fsapi_nb.errors import FsapiError
    from fsapi_nb.events import Observer
    from fsapi_nb.model.plan import Plan
    from fsapi_nb.model.server import DatabaseFacts
    from fsapi_nb.postgres.connect import Connector
    from fsapi_nb.postgres.session import Connection
    from fsapi_nb.project.shipping import ShippedDatabase
    from fsapi_nb.views import results


class Migrator:
    """The migrations of one folder on one database.

    Nothing is connected to before a method is called, and each method uses a connection of its own. Any thread may call
    any method. A pickled Migrator holds its arguments and no password: when it is unpickled, the database is looked up
    again and must be the same one. It cannot be pickled if `database` is a URL with a password; give a name instead.

    Besides the errors that it names, every method that connects raises DatabaseError (CannotConnect, PooledConnection,
    HistoryError and the others derived from it), Untrusted if the project asks for what its user has not allowed, and
    Interrupted after `stop` or Ctrl-C. Every method that runs a plan also raises:

    - ConfirmationRequired, with the plan, if the database is protected and `yes` is false;
    - FaultyMigrations, with every fault of the scripts, before anything is run;
    - RefusedPlan, by its subclass for each reason, if it would be wrong to run the scripts here;
    - Locked if another runner holds the lock for longer than `max_wait`;
    - StatementFailed, TransactionEnded, AssertionViolated if PostgreSQL refuses a statement, a script ends the
      transaction, or a check of a migration does not hold. The error says what was applied before.

    Args:
        database: A URL, a name in `pyproject.toml`, or `embedded[:NAME]`; or a function that returns a new psycopg
            connection at each call, which fsapi_nb closes. None: the environment, `.env` and `pyproject.toml` say.
        directory: The migrations folder. None: the project's.
        settings: Seen by SQL as `current_setting('fsapi.NAME', true)`.
        lock_timeout: How long a statement may wait for a lock, as PostgreSQL writes durations. None: 5s.
        statement_timeout: How long a statement may run, in the same form. None: what the role has.
        max_wait: Seconds to wait for another runner, and to retry a step in a transaction that a lock stops.
        postgres_bin: The bin folder of the embedded server's PostgreSQL. None: the project's, or the installed one.
        scratch: The server for scratch databases: a URL, or a name in `pyproject.toml`. None: the project's, or an
            embedded one of a PostgreSQL that has what is needed.
        schema: The schema to work in. It has its own history, and each file's search_path is it and `public`, so that
            one folder serves many schemas of a database.
        pooler: `session` if a connection pooler in session mode is in between.
        application: The application_name of the sessions, which the journal records.
        notebook: The notebook's file name, for the journal. None: what `runbook:run` has set.
        cell: The id of the notebook's cell, for the journal.
        runbook: The run of a runbook that this belongs to, for the journal. None: what `runbook:run` has set.
        observers: Called with each event of each run, in order.

    Raises:
        ConfigurationError: Settings contradict each other, are empty, or name nothing.
        UsageError: A setting's name, a duration or `max_wait` is not valid.
    """

    @hides_values
    def __init__(
        self,
        database: str | Connector | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        lock_timeout: str | None = None,
        statement_timeout: str | None = None,
        max_wait: float = 60.0,
        postgres_bin: str | os.PathLike[str] | None = None,
        scratch: str | None = None,
        schema: str | None = None,
        pooler: str | None = None,
        application: str = "fsapi_nb",
        notebook: str | None = None,
        cell: str | None = None,
        runbook: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        given = {name: value for name, value in locals().items() if name != "self"}
        self._given = verbs.options.hide_secrets(given)
        self._options = verbs.options.find_options(self._given)
        self._calls = Calls()

    def __reduce__(self) -> tuple[object, ...]:
        return _unship, (type(self), *verbs.options.ship_options(self._given, self._options))

    @property
    def directory(self) -> Path:
        """The migrations folder, as an absolute path."""
        return self._options.directory

    def stop(self) -> None:
        """Stop what is under way in this Migrator, in all threads. Any thread may call this; it returns at once.

        A call that is stopped cancels on the server, rolls back, writes the journal, and raises Interrupted in its own
        thread, as after Ctrl-C, which reaches only the main thread. A call that begins later is not stopped; nor is
        `follow`, which has an event of its own.
        """
        self._calls.stop()

    # -- verbs that read: they write nothing, not even the tables of the history ---------------------------------

    @stoppable
    def status(self) -> results.StatusResult:
        """Return every migration and its state.

        Raises:
            ConfigurationError: The folder is missing or cannot be read.
        """
        return verbs.look.status(self._options)

    @stoppable
    def pending(self) -> results.StatusResult:
        """Return what `migrate` would still apply, in order.

        Raises:
            ConfigurationError: The folder is missing or cannot be read.
        """
        return verbs.look.pending(self._options)

    @stoppable
    def plan(
        self,
        verb: str = "migrate",
        names: Sequence[str] = (),
        *,
        to: str | None = None,
        count: int | None = None,
        everything: bool = False,
        out_of_order: bool = False,
        allow_unparsed: bool = False,
        missing: bool = False,
        undo: bool = False,
        only: Sequence[str] = (),
        replaces: Sequence[str] = (),
        sql: bool = False,
    ) -> results.PlanResult:
        """Return what a verb would do, step by step: the same plan that would run.

        Args:
            verb: migrate, rollback, redo, rename, retire, baseline or fresh.
            names: The names that `rename`, `retire` and `baseline` take.
            to: The name to go to, as the verb takes it; the migration's for `redo`.
            count: The number of migrations, as the verb takes it.
            everything: As `rollback` takes it.
            out_of_order: As `migrate` takes it.
            allow_unparsed: As the verb takes it.
            missing: As `retire` takes it.
            undo: As `retire` takes it.
            only: As `baseline` takes it.
            replaces: As `baseline` takes it.
            sql: Write the plan as a script for psql, too: `to_sql()` returns it.

        Raises:
            UsageError: There is no plan of that verb, or it does not take these names or options.
            FaultyMigrations: Scripts that are to run have faults; all are listed.
            RefusedPlan: It would be wrong to run the scripts here; the subclass says why.
        """
        request = PlanRequest(
            verb, names, to, count, everything, out_of_order, allow_unparsed, missing, undo, only, replaces
        )
        return verbs.look.plan(self._options, request, sql=sql)

    @stoppable
    def lint(self, name: str | None = None, *, everything: bool = False) -> results.LintResult:
        """Return what may go wrong with migrations, statement by statement, and what to do instead.

        A database that cannot be reached is not an error: the sizes of tables are not known then, and which migrations are
        pending, so that every one is looked at.

        Args:
            name: The migration to look at, applied or not. None: all that are pending.
            everything: Look at every migration, and leave no finding out.

        Raises:
            ConfigurationError: The folder is missing or cannot be read, or a setting of lint is not valid.
            UnknownMigration: No file has that name, or several have.
        """
        return verbs.lint.lint_files(self._options, name, everything=everything)

    @stoppable
    def history(self, *, count: int | None = None, runbook: str | None = None) -> results.HistoryResult:
        """Return the journal: every attempt, oldest first, with times in UTC.

        Args:
            count: Only the newest so many events.
            runbook: Only the events of this run of a runbook.
        """
        return verbs.look.history(self._options, count=count, runbook=runbook)

    @stoppable
    def show(self, name: str) -> results.MigrationResult:
        """Return one migration: its state, its scripts, what would run of it, how its file differs, its attempts.

        The attempts are those since the last `fresh`; `history` has them all.

        Args:
            name: The file's name, or any part of it that only one has.

        Raises:
            UnknownMigration: No migration has that name, or several have.
        """
        return verbs.look.show(self._options, name)

    @stoppable
    def changes(self, name: str | None = None, *, since: str | None = None) -> results.ChangesResult:
        """Return what a migration changed in the schema, as its run has kept it; without a name, the last run.

        Args:
            name: The file's name, or any part of it that only one has.
            since: All that ran after this migration, or from this moment on (ISO 8601, UTC unless it says otherwise).

        Raises:
            UnknownMigration: No migration has that name, or several have.
            UsageError: `name` and `since` are both given.
        """
        return verbs.changes.changes(self._options, name, since=since)

    @stoppable
    def blockers(self) -> results.BlockersResult:
        """Return who blocks whom in the database now, seen from the runner that is at work, if there is one."""
        return verbs.database.blockers(self._options)

    @stoppable
    def drift(self) -> results.DriftResult:
        """Return what the database has that its applied migrations do not give, and the reverse.

        The applied migrations run in a scratch database. The database itself is only read.

        Raises:
            HistoryError: Of an applied migration there is neither a file nor a stored text that could be run.
            ReplayFailed: An applied migration does not run in an empty scratch database.
        """
        return verbs.drift.drift(self._options)

    @stoppable
    def diff(self, a: str, b: str) -> results.DifferenceResult:
        """Return what differs from one catalog to another one. Databases are only read.

        Args:
            a: `database` is the one of this Migrator, `folder` what its migrations give; or the name or URL of another
                database; or a file such as `schema.sql`, or one of a commit such as `HEAD:schema.sql`.
            b: The other one, in the same way.

        Raises:
            UsageError: One of the two names nothing that can be compared.
            ConfigurationError: A file cannot be read.
            ReplayFailed: A file or a migration does not run in an empty scratch database.
        """
        return verbs.diff.diff(self._options, a, b)

    @stoppable
    def diagram(
        self,
        schemas: Sequence[str] | None = None,
        tables: Sequence[str] = (),
        *,
        around: Sequence[str] = (),
        changes: str | None = None,
    ) -> results.DiagramResult:
        """Return the tables and their foreign keys, as a picture.

        Args:
            schemas: Only these. None: the schema of this Migrator, or all.
            tables: Only these. Empty: all.
            around: Only these, and the tables that foreign keys connect with them.
            changes: A migration that has run: mark the tables and columns that it made, changed and dropped. Of many
                tables only these are shown, and those around them.

        Raises:
            UsageError: A schema or table is not there, or `tables` and `around` are both given.
            UnknownMigration: No migration has such a name.
        """
        return verbs.database.diagram(self._options, schemas, tables, centre=around, changes=changes)

    @stoppable
    def schema(
        self, name: str | None = None, *, kind: str | None = None, rows: int | None = None
    ) -> results.SchemaResult | results.ObjectResult:
        """Return what the database holds: everything, what a pattern means, or one object with all that belongs to it.

        Args:
            name: A name as it is or as SQL writes it, with or without its schema, or a routine's with its arguments:
                the result is an `ObjectResult`. With `*` or `?`, or a schema's name: a `SchemaResult` of what it means.
            kind: Only objects of this kind: `table`, `view`, `enum`, `function` and so on.
            rows: How many of the first rows to show. None: 5 of a table, none of a view or on a protected database.

        Raises:
            UsageError: Nothing has that name, or several objects have.
            DatabaseError: Another session has locked the object, or the catalog took too long to answer.
        """
        return verbs.schema.schema(self._options, name, kind=kind, rows=rows)

    @stoppable
    def describe(self, command: str) -> results.SchemaResult | results.ObjectResult | results.CatalogListResult:
        r"""Answer a backslash command as psql knows it: `\d orders`, `\dt shop.*`, `\df`, `\di+`, `\l`.

        Args:
            command: The command with its pattern. Unlike in psql, a pattern without a schema means every schema.

        Raises:
            UsageError: It is not such a command, or nothing has the name.
            DatabaseError: Another session has locked the object, or the catalog took too long to answer.
        """
        return verbs.describe.describe(self._options, command)

    @stoppable
    def check_schema(self) -> results.SchemaFileResult:
        """Return whether the project's `schema_file` is what the database has (`attention` if not).

        Raises:
            ConfigurationError: The project names no file, or the file cannot be read.
            DatabaseError: The catalog cannot be read.
        """
        return verbs.schema_file.check_schema(self._options)

    @stoppable
    def profile(self, table: str, *, exact: bool = False, yes: bool = False) -> results.ProfileResult:
        """Return what is known of the values in a table's columns: NULL, distinct, least, greatest, most frequent.

        Without `exact` these are the server's own estimates, and nothing of the table is read.

        Args:
            table: A table or view, named as for `schema`.
            exact: Read the table, once; of a large one a sample of about half a million rows.
            yes: Read it on a protected database, too.

        Raises:
            UsageError: Nothing that has columns has that name, or several objects have.
            ConfirmationRequired: The database is protected and `yes` is false; it says what reading the table costs.
            DatabaseError: Another session has locked the table, or reading it took too long.
        """
        return verbs.profile.profile(self._options, table, exact=exact, yes=yes)

    @stoppable
    def unused(self) -> results.UnusedResult:
        """Return what the database may do without, or lacks, as far as PostgreSQL counts it honestly.

        These are indexes that were never scanned, that others make superfluous, or that are invalid; foreign keys
        without an index, sequences near their end, and tables without a primary key.

        Raises:
            DatabaseError: The catalog took too long to answer.
        """
        return verbs.unused.unused(self._options)

    @stoppable
    def explain(
        self, sql: str, parameters: Sequence[object] = (), *, analyze: bool = False, yes: bool = False
    ) -> results.QueryPlanResult:
        """Return the plan that PostgreSQL makes of one statement. Nothing is run unless `analyze`.

        Args:
            sql: One statement, sent as it is.
            parameters: The values of `$1`, `$2` and so on, as `query` takes them.
            analyze: Run the statement, for its actual rows and times, and roll it back: a query in a transaction that may
                only read, another statement in one that may write. What is outside of transactions stays done, such as
                numbers taken from sequences.
            yes: Run a query in a transaction that may write, and what writes on a protected database; both are rolled
                back.

        Raises:
            QueryFailed: PostgreSQL refuses it.
            ConfirmationRequired: `analyze` would run what writes on a protected database.
            UsageError: There is no plan for such a statement, or parameters cannot be bound.
        """
        return verbs.explain.explain(self._options, sql, parameters, analyze=analyze, yes=yes)

    @stoppable
    def query(self, sql: str, parameters: Sequence[object] = (), *, yes: bool = False) -> results.QueryResult:
        """Run any SQL in one transaction, and return what it gives.

        Args:
            sql: One statement or several, sent as they are.
            parameters: The values of `$1`, `$2` and so on; `sql` is then one statement. Whole numbers are bound by their
                width (integer, bigint, numeric), lists, tuples, sets, numpy's arrays and pandas' columns as arrays,
                dicts as jsonb.
            yes: Allow changes in a protected database, which is otherwise only read.

        Raises:
            QueryFailed: PostgreSQL refuses it.
            UsageError: PostgreSQL has no type for a parameter.
        """
        return verbs.ask.query(self._options, sql, parameters, yes=yes)

    @stoppable
    def check(self, title: str, sql: str) -> results.CheckResult:
        """Ask a query that must hold, and return whether it does (`passed`). It may only read.

        Args:
            title: What is promised, in words.
            sql: One query. It holds if it gives no rows, or only booleans that are all true.

        Raises:
            MigrationFileError: `sql` is not one query.
            QueryFailed: PostgreSQL refuses it.
        """
        return verbs.ask.check(self._options, title, sql)

    @hides_values
    def follow(self, changed: Callable[[FsapiError | None], None], stopped: threading.Event) -> None:
        """Call `changed` whenever the folder or the history may have changed, until `stopped` is set.

        Blocks the thread that calls it, and keeps a connection of its own open.

        Args:
            changed: Called with None at the beginning and after each change; with the error if the database cannot be
                reached, which is then tried again.
            stopped: Ends the call.
        """
        verbs.follow.follow(self._options, changed, stopped)

    # -- for records, and for other tools on the same database ----------------------------------------------------

    @stoppable
    def facts(self) -> DatabaseFacts:
        """Return which database this is, for a record."""
        return verbs.database.facts(self._options)

    @stoppable
    def names(self, tables: Collection[str] = (), *, beginning: str | None = "") -> DatabaseNames:
        """Return the names that SQL may hold here: schemas, relations, functions, and the columns of some relations.

        For completion: it takes a second at most, and starts no server. If the embedded one does not run, there are none.

        Args:
            tables: The relations whose columns are read, without their schemas.
            beginning: Only relations whose name begins so. Empty: all, of which 5,000 are read. None: no relations.
        """
        return verbs.database.names(self._options, tables, beginning)

    def known_secrets(self) -> frozenset[str]:
        """Return the passwords and tokens of the project and the environment, for a record that must not hold them."""
        return verbs.database.known_secrets(self._options)

    @stoppable
    def connect(self) -> Connection:
        """Return a new psycopg connection for another tool, which closes it. A protected database is read-only in it."""
        return verbs.database.connect(self._options)

    @hides_values
    def same_database(self, other: Migrator) -> bool:
        """Return whether both were given the same database, and the same schema of it. Connects to nothing."""
        return verbs.database.is_same_database(self._options, other._options)

    @hides_values
    def may_lead_to(self, *, host: str, hostaddr: str, port: int, database: str) -> bool:
        """Return whether a connection with these values, as libpq reports them, may be to this database.

        Connects to nothing.
        """
        return verbs.database.may_lead_to(self._options, host=host, hostaddr=hostaddr, port=port, database=database)

    # -- verbs that run a plan ------------------------------------------------------------------------------------

    @stoppable
    def migrate(
        self,
        *,
        to: str | None = None,
        count: int | None = None,
        out_of_order: bool = False,
        allow_unparsed: bool = False,
        changes: bool = True,
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Apply what is pending.

        Args:
            to: Up to and with this migration.
            count: The next so many.
            out_of_order: Apply late files on a protected database.
            allow_unparsed: Run scripts that the parser refuses, each in one transaction.
            changes: Whether the result tells what changed in the schema.
            yes: Do it on a protected database.
            planned: Only if this is still the plan.

        Raises:
            UsageError: `to` is unknown (UnknownMigration), or `to` and `count` exclude each other.
            PlanChanged: The files or the database have changed since `planned` was made.
        """
        request = PlanRequest(
            to=to, count=count, out_of_order=out_of_order, allow_unparsed=allow_unparsed, changes=changes
        )
        return verbs.run.run(self._options, request, yes=yes, planned=planned)

    @stoppable
    def rollback(
        self,
        count: int | None = None,
        *,
        to: str | None = None,
        everything: bool = False,
        allow_unparsed: bool = False,
        changes: bool = True,
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Undo the last migration, the last `count`, all that was applied after `to`, or everything.

        One that is partly applied counts as the last: only what was done of it is undone.

        Args:
            count: How many migrations, 1 or more.
            to: The migration that stays as the last one.
            everything: Undo all.
            allow_unparsed: Run scripts that the parser refuses, each in one transaction.
            changes: Whether the result tells what changed in the schema.
            yes: Do it on a protected database.
            planned: Only if this is still the plan.

        Raises:
            UsageError: `to` is unknown, `count` is not valid, or the options exclude each other.
            NothingToDo: Nothing is applied.
            PlanChanged: The files or the database have changed since `planned` was made.
        """
        request = PlanRequest(
            "rollback", to=to, count=count, everything=everything, allow_unparsed=allow_unparsed, changes=changes
        )
        return verbs.run.run(self._options, request, yes=yes, planned=planned)

    @stoppable
    def redo(
        self, name: str | None = None, *, allow_unparsed: bool = False, changes: bool = True, yes: bool = False
    ) -> results.RunResult:
        """Roll the last migration back and apply its file again; in one transaction if both scripts allow it.

        A redo that was cut off between the two is continued: nothing else is rolled back, unless `name` is given.

        Args:
            name: The migration, which must be the last one.
            allow_unparsed: Run scripts that the parser refuses, each in one transaction.
            changes: Whether the result tells what changed in the schema.
            yes: Do it on a protected database.

        Raises:
            UnknownMigration: `name` is not the last migration, or has no file.
            NothingToDo: Nothing is applied.
        """
        return verbs.run.run(
            self._options, PlanRequest("redo", to=name, allow_unparsed=allow_unparsed, changes=changes), yes=yes
        )

    @stoppable
    def fresh(
        self,
        *,
        migrate: bool = True,
        confirm: str | None = None,
        allow_unparsed: bool = False,
        changes: bool = True,
        yes: bool = False,
    ) -> results.RunResult:
        """Drop everything in the managed schemas, then apply every migration.

        Args:
            migrate: Whether to apply them; if not, the schemas are left empty.
            confirm: The database's name, which a protected database asks for.
            allow_unparsed: Run scripts that the parser refuses, each in one transaction.
            changes: Whether the result tells what changed in the schema.
            yes: Do it; otherwise ConfirmationRequired is raised on any database.

        Raises:
            Protected: The database is protected and `confirm` is None, or `confirm` is not the database's name.
            ConfigurationError: There is no file to apply.
        """
        request = PlanRequest("fresh", allow_unparsed=allow_unparsed, changes=changes)
        return verbs.fresh.fresh(self._options, request, apply=migrate, confirmed_name=confirm, yes=yes)

    # -- verbs that change the history and run no script ----------------------------------------------------------

    @stoppable
    def baseline(
        self,
        name: str | None = None,
        *,
        only: Sequence[str] = (),
        replaces: Sequence[str] = (),
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Record migrations as applied, running nothing.

        Args:
            name: Every migration up to and with this one. With `replaces`, this one alone.
            only: Just these.
            replaces: Applied migrations whose files are gone (names, or `A..B`), of which `name` is the squash. Their
                rows are retired in the same transaction.
            yes: Do it on a protected database.
            planned: Only if this is still the plan.

        Raises:
            UsageError: A name is unknown (UnknownMigration), or the options exclude each other.
            PlanChanged: The files or the database have changed since `planned` was made.
        """
        names = () if name is None else (name,)
        request = PlanRequest("baseline", names, only=only, replaces=replaces)
        return verbs.run.run(self._options, request, yes=yes, planned=planned)

    @stoppable
    def baseline_from_database(self, name: str, *, yes: bool = False) -> results.BaselineResult:
        """Write the database's schema as its first migration, and record it as applied.

        Nothing is run in the database, and its data is not written. Before the file is written it is proven: an empty
        scratch database that is migrated with it has the same schema, and its DOWN leaves that empty.

        Args:
            name: The file's name after the time, such as `init`.
            yes: Do it on a protected database, and leave out what cannot be written.

        Raises:
            RefusedPlan: There are migrations or a history already, or an empty database would not get the same schema.
            DatabaseError: No scratch server can run the schema.
            PlanChanged: The schema has changed meanwhile.
            UsageError: The name is not valid.
        """
        return verbs.first_migration.baseline_from_database(self._options, name, yes=yes)

    @stoppable
    def rename(self, old: str, new: str, *, yes: bool = False, planned: Plan | None = None) -> results.RunResult:
        """Give the row of an applied migration the name that its file has now. The journal records it.

        `rename(new, old)` takes it back, once the file has its old name again.

        Args:
            old: The name that it was applied under.
            new: The file's name now.
            yes: Do it on a protected database.
            planned: Only if this is still the plan.

        Raises:
            UnknownMigration: A name is unknown.
            PlanChanged: The files or the database have changed since `planned` was made.
        """
        return verbs.run.run(self._options, PlanRequest("rename", (old, new)), yes=yes, planned=planned)

    @stoppable
    def retire(
        self,
        names: Sequence[str] = (),
        *,
        missing: bool = False,
        undo: bool = False,
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Take the rows of migrations whose files are gone for good out of the history.

        The journal keeps the rows with the scripts that ran.

        Args:
            names: Whose rows.
            missing: Those of every applied migration that has no file.
            undo: Put the rows of `names` back.
            yes: Do it on a protected database.
            planned: Only if this is still the plan.

        Raises:
            UsageError: A name is unknown (UnknownMigration), none is given, or the options exclude each other.
            RanBefore: A pending script would run a second time.
            PlanChanged: The files or the database have changed since `planned` was made.
        """
        request = PlanRequest("retire", names, missing=missing, undo=undo)
        return verbs.run.run(self._options, request, yes=yes, planned=planned)

    @stoppable
    def repair(self, name: str, *, yes: bool = False) -> results.RepairResult:
        """Accept the file of an applied migration as it is now. The journal records it.

        Args:
            name: The file's name, or any part of it that only one has.
            yes: Do it on a protected database.

        Raises:
            UnknownMigration: No applied migration with a file has that name.
        """
        return verbs.amend.repair(self._options, name, yes=yes)

    @stoppable
    def resolve(
        self, name: str, *, done: bool = False, retry: bool = False, undo: bool = False, yes: bool = False
    ) -> results.RepairResult | results.RunResult:
        """Record what became of a step in doubt. Exactly one of `done`, `retry` and `undo` must be given.

        Args:
            name: The file's name, or any part of it that only one has.
            done: It happened.
            retry: It did not; the next run runs it again.
            undo: It did not; roll back what was done before it. It stays in doubt until that has begun.
            yes: Do it on a protected database.

        Raises:
            UsageError: No step is in doubt, the name is unknown, or `undo` is asked of a step of a rollback.
        """
        return verbs.amend.resolve(self._options, name, done=done, retry=retry, undo=undo, yes=yes)

    # -- verbs that write files, and what may be done -------------------------------------------------------------

    def make(self, name: str) -> results.FileResult:
        """Make a new migration file from the template, named by the next free minute (UTC). Connects to nothing.

        Args:
            name: Its name after the time, such as `add_phone_to_users`.

        Raises:
            UsageError: The name is not valid.
            ConfigurationError: The folder cannot be written.
        """
        return verbs.write.make(self._options, name)

    @stoppable
    def make_from_diff(
        self,
        name: str,
        *,
        origin: str | None = None,
        target: str | None = None,
        renames: Sequence[str] = (),
        no_renames: bool = False,
    ) -> results.ChangeFileResult:
        """Write the migration that leads from one catalog to another one, UP and DOWN.

        It runs on a copy in a scratch database and is compared there. What it does not cover stands in it as comments.

        Args:
            name: Its name after the time.
            origin: Where it leads from, as `diff` takes it. None: the folder's end.
            target: Where it leads to. None: the project's `schema_file`.
            renames: What is renamed, each `old=new`, of a table or of a column (`table.old=new`).
            no_renames: Nothing else is renamed: do not ask about what is alike.

        Raises:
            UsageError: The name is not valid, or a rename cannot be done.
            RefusedPlan: The target is empty, and everything would be dropped.
            ConfigurationError: A file cannot be read or written.
            ReplayFailed: A migration or a file does not run in an empty scratch database.
        """
        return verbs.make_diff.make_from_diff(
            self._options, name, origin=origin, target=target, renames=renames, no_renames=no_renames
        )

    @stoppable
    def adopt(
        self, name: str, *, yes: bool = False, renames: Sequence[str] = (), no_renames: bool = False
    ) -> results.ChangeFileResult:
        """Write the migration that leads from the applied ones to what the database has, and record it as applied.

        Args:
            name: Its name after the time.
            yes: Record it on a protected database, too.
            renames: What was renamed there, as `make_from_diff` takes it.
            no_renames: Nothing else was renamed: do not ask about what is alike.

        Raises:
            UsageError: The name is not valid, or a rename cannot be done.
            ConfirmationRequired: The database is protected, and `yes` is not given.
            RefusedPlan: Files are pending, or the database is empty.
            PlanChanged: The database has changed meanwhile.
            NotUpToDate: Something would not be covered, or may be a rename: nothing is written, and nothing recorded.
        """
        return verbs.make_diff.adopt(self._options, name, yes=yes, renames=renames, no_renames=no_renames)

    @stoppable
    def write(
        self, name: str, text: str, *, apply: bool = False, redo: bool = False, yes: bool = False
    ) -> results.FileResult:
        """Make the file of a migration say `text`, as a notebook's cell does; with `apply` or `redo` run it too.

        A new name makes a file, and a pending one is updated. An applied one may be said again as it is, be given a DOWN
        that it did not have (which is recorded), or be changed with `redo`. The file changes only with what happens: a
        run that is refused or undone leaves it as it was, and one that ends half-way leaves the text that ran.

        Args:
            name: The file's name, or its part after the time.
            text: The whole migration, with its `-- UP` and `-- DOWN`.
            apply: Apply it, after what is pending before it.
            redo: Roll the applied version back and apply this one.
            yes: Do it on a protected database.

        Raises:
            FaultyMigrations: The text has faults.
            Drifted: It is applied and differs; the error has the difference.
            PlanChanged: Another program changes the file meanwhile.
            UsageError: The name is not valid, or `apply` and `redo` are both given.
            ConfigurationError: The folder cannot be written.
        """
        return verbs.write.write(self._options, name, text, apply=apply, redo=redo, yes=yes)

    @stoppable
    def down(self, name: str, *, replace: bool = False, yes: bool = False) -> results.DownResult:
        """Derive the DOWN of a migration, prove it on a copy, and write it into the migration's file.

        The folder is replayed in a scratch database up to the migration. UP runs there between two readings of the
        catalog, from which the DOWN is derived; UP, DOWN and UP again then run on another copy. `is_restored` of the
        result is False if the catalog was not as before, and its file says what is missing. Nothing of it runs on the
        database of this Migrator; the history of an applied migration keeps the new DOWN.

        Args:
            name: The file's name, or any part of it that only one has: pending or applied.
            replace: Put it in the place of the DOWN that the file has.
            yes: Do it for a migration that is applied to a protected database.

        Raises:
            UnknownMigration: No file has that name, or several have.
            ConfirmationRequired: The file has a DOWN, which the error compares with the derived one.
            Drifted: The UP of the file is not what ran.
            NotRestored: What was derived does not run.
            ReplayFailed: The migrations do not run in a scratch database.
        """
        return verbs.down.down(self._options, name, replace=replace, yes=yes)

    @stoppable
    def write_with_down(
        self, name: str, text: str, *, apply: bool = False, redo: bool = False, yes: bool = False
    ) -> results.DownResult:
        """Make the file of a migration say `text` with a derived DOWN below it; with `apply` or `redo` run it too.

        Args:
            name: The file's name, or its part after the time.
            text: The migration without a DOWN.
            apply: Apply it, after what is pending before it.
            redo: Roll the applied version back and apply this one.
            yes: Do it on a protected database.

        Raises:
            UsageError: The text has a DOWN.
            NotRestored: What was derived does not run.
            FsapiError: What `down` and `write` raise.
        """
        return verbs.down.write_with_down(self._options, name, text, apply=apply, redo=redo, yes=yes)

    @stoppable
    def write_schema(self) -> results.SchemaFileResult:
        """Write the schema of the database to the project's `schema_file`, the same text for the same catalog.

        Raises:
            ConfigurationError: The project names no file, the file cannot be written, or fsapi_nb has not written it.
            DatabaseError: The catalog cannot be read.
        """
        return verbs.schema_file.write_schema(self._options)

    def trust(self) -> results.TrustResult:
        """Allow all that the files of this project ask for, as long as that stays the same. Connects to nothing.

        Raises:
            ConfigurationError: The answer cannot be kept.
        """
        return verbs.trust.trust_migrations(self._options)


def _unship(kind: type[Migrator], shipped: ShippedDatabase, directory: Path, given: Mapping[str, Any]) -> Migrator:
    """Return a Migrator in another process, of the same database."""
    migrator = kind(shipped.option, directory, **given)
    shipped.refuse_other(migrator._options.access.address)  # noqa: SLF001 - its own class
    return migrator
