"""The facade: one method for each verb, each returning a frozen value. Magics, terminal and tests all call this.

It joins what the other packages do (folder, plan, database, views) and decides nothing by itself but the order.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsapi_nb.errors import (
    AssertionViolated,
    ConfigurationError,
    ConfirmationRequired,
    FsapiError,
    InDoubt,
    Interrupted,
    PartlyApplied,
    PlanChanged,
    Protected,
    QueryFailed,
    StatementFailed,
    UsageError,
)
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, JournalEntry, PartialMigration
from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject, Plan
from fsapi_nb.model.server import Blockage, DatabaseFacts, Identity
from fsapi_nb.model.status import State
from fsapi_nb.plan import amend, build, refuse
from fsapi_nb.plan.names import find_file, find_known
from fsapi_nb.plan.ran_before import noted
from fsapi_nb.plan.reconcile import is_what_ran, reconcile
from fsapi_nb.plan.redo import plan_redo
from fsapi_nb.plan.session import notes_once_run
from fsapi_nb.plan.stored_down import stored_downs
from fsapi_nb.project.origin import origin
from fsapi_nb.script.naming import TEMPLATE, with_suffix
from fsapi_nb.stop import Calls, stoppable
from fsapi_nb.text.tracebacks import hides_values
from fsapi_nb.verbs.draft import Draft, file_changed, stage
from fsapi_nb.views import results

if TYPE_CHECKING:
    from fsapi_nb.events import Observer, Observers
    from fsapi_nb.history.record import Recorder
    from fsapi_nb.history.store import HistoryStore
    from fsapi_nb.postgres.connect import Connector
    from fsapi_nb.postgres.session import Connection, Session
    from fsapi_nb.project.shipping import ShippedDatabase
    from fsapi_nb.run.recover import Settled
    from fsapi_nb.run.runner import Runner

_RETRY = 5.0  # seconds until somebody who follows a database tries to reach it again

Planner = Callable[[build.PlanInput], Plan]


class Migrator:
    """The migrations of one folder on one database.

    `database` is a URL, a name in `pyproject.toml`, or `embedded[:NAME]`; where it is None, the environment, `.env`
    and `pyproject.toml` say. It may also be a function that returns a new psycopg connection at each call (with a
    token that is fetched for each, say); we close what it returns, and nothing that it has set in it stays. `directory` is the migrations folder; where it is None, the project's. `settings`
    are seen by SQL as `current_setting('fsapi.NAME', true)`. `lock_timeout` and `statement_timeout` are durations
    as PostgreSQL writes them, `max_wait` the seconds to wait for another runner, or for a lock that a step in a
    transaction is refused. `schema` is the one to work in: its own history, and a search_path of it and `public` at the
    beginning of each file, so that one folder serves many schemas of a database. `pooler` is `session` if a connection
    pooler in session mode is in between. `runbook` is
    what the journal says the run belongs to; None is what the environment says, as `runbook:run` sets it.
    Nothing is connected to before a method is called, and every method uses a connection
    of its own.

    A pickled Migrator holds its arguments, and no password: where it is unpickled, the database is looked up again and
    must be the same one. It cannot be pickled if its `database` is a URL with a password; pass a name instead.

    Raises ConfigurationError for settings that contradict each other or name nothing.
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
        schema: str | None = None,
        pooler: str | None = None,
        application: str = "fsapi_nb",
        notebook: str | None = None,
        cell: str | None = None,
        runbook: str | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in {"self", "directory"}}
        from fsapi_nb.history.chosen_schema import find_schema, search_path
        from fsapi_nb.history.store import DatabaseAccess
        from fsapi_nb.postgres.pooler import allows_pooler
        from fsapi_nb.project.settings import (
            expanded,
            find_address,
            find_binaries,
            find_project,
            find_requests,
            finite_wait,
            session_settings,
        )
        from fsapi_nb.text.secrets import Secret

        told = origin()
        for option, value in {
            "--dir": directory,
            "--postgres-bin": postgres_bin,
            "--lock-timeout": lock_timeout,
        }.items():
            if value is not None and not os.fspath(value).strip():
                raise ConfigurationError(f"{option} is empty", hint=f"give {option} a value, or leave it out.")
        start = expanded(directory, "--dir").absolute() if directory is not None else Path.cwd()
        project = find_project(start)
        table = project.table
        timeouts = {"lock_timeout": lock_timeout or str(table.get("lock_timeout", "5s"))}
        if statement_timeout is not None:
            timeouts["statement_timeout"] = statement_timeout
        self.directory = start if directory is not None else project.migrations
        self._start = None if directory is not None else start
        self._label = os.fspath(directory) if directory is not None else os.path.relpath(self.directory)
        address = find_address(project, option=database)
        chosen = find_schema(project, address.name, option=schema)
        path = {"search_path": search_path(chosen)} if chosen else {}
        self._access = DatabaseAccess(
            project,
            address,
            settings={**path, **session_settings(settings or {}, timeouts)},
            application=application,
            notebook=notebook or told.notebook,
            cell=cell,
            runbook=runbook or told.runbook,
            max_wait=finite_wait(max_wait),
            postgres_bin=find_binaries(project, option=postgres_bin),
            schema=chosen,
            by_pooler=allows_pooler(project, address.name, option=pooler),
            requests=find_requests(
                project,
                address,
                start=self._start,
                binaries=postgres_bin is None,
            ),
        )
        self._observers = tuple(observers)
        self._calls = Calls()
        self._arguments: dict[str, Any] = {
            **arguments,
            "database": Secret(database) if isinstance(database, str) else database,
            "settings": None if settings is None else {name: Secret(value) for name, value in settings.items()},
        }

    def __reduce__(self) -> tuple[object, ...]:
        from fsapi_nb.project.shipping import ship, ship_settings

        self._require_place()  # whoever unpickles it is given the folder, and asks no more
        arguments = dict(self._arguments)
        shipped = ship(arguments.pop("database"), self._access.address)
        arguments["settings"] = ship_settings(arguments["settings"])
        return _unship, (type(self), shipped, self.directory, arguments)

    def stop(self) -> None:
        """Stop what is under way in this Migrator, in whichever threads; any thread may call this, and it returns at once.

        The call that is stopped cancels on the server, rolls back, writes the journal, and raises Interrupted in its own
        thread, as after Ctrl-C, which reaches only the main thread. A call that begins later is not stopped; nor is
        `follow`, which has an event of its own.
        """
        self._calls.stop()

    # -- verbs that read ---------------------------------------------------------------------------------------

    @stoppable
    def status(self) -> results.StatusResult:
        """Every migration and where it stands. Writes nothing, not even our tables."""
        folder = self._read_folder()
        with self._open(folder, writing=False) as target:
            history, authors = target.history_and_authors()
            statuses = noted(reconcile(folder, history).statuses(authors), history)
            runner = target.runner_at_work()
            if runner:
                half = {State.PARTLY_APPLIED, State.IN_DOUBT}
                note = f"a runner is at work on it: {runner}"
                statuses = tuple(replace(s, note=note) if s.state in half else s for s in statuses)
            lack = [folder.lack] if folder.lack and statuses else []
            notes = (*folder.notes, *lack, *_notes_without_schema(target, folder), *target.warnings())
            return results.StatusResult(
                statuses, target.identity, runner=str(runner) if runner else None, lack=folder.lack, notes=notes
            )

    @stoppable
    def pending(self) -> results.StatusResult:
        """What `migrate` would still apply, in order. Writes nothing."""
        result = self.status()
        waiting = {State.PENDING, State.LATE, State.PARTLY_APPLIED, State.IN_DOUBT, State.BROKEN}
        statuses = tuple(status for status in result.statuses if status.state in waiting)
        return replace(result, statuses=statuses, verb="pending", runner=None)

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
    ) -> results.PlanResult:
        """What a verb would do, step by step; the same plan that would run.

        `names` are those that `rename`, `retire` and `baseline` take; the options are those of the verb.
        """
        if everything and verb != "rollback":
            raise UsageError(f"--all is for a rollback, not for {verb}")
        planners: dict[str, Planner] = {
            "migrate": lambda around: build.plan_migrate(around, to=to, count=count),
            "rollback": lambda around: build.plan_rollback(around, to=to, count=count, everything=everything),
            "redo": lambda around: plan_redo(around, name=to),
            "rename": lambda around: amend.plan_rename(around, **_old_and_new(names)),
            "retire": _retire_planner(names, missing=missing, undo=undo),
            "baseline": lambda around: amend.plan_baseline(
                around, name=next(iter(names), None), only=only, replaces=replaces
            ),
        }
        if verb not in {*planners, "fresh"}:
            raise UsageError(
                f"there is no plan of {verb!r}", hint=f"the verbs with a plan: {', '.join(planners)}, fresh."
            )
        if names and verb not in {"rename", "retire", "baseline"}:
            raise UsageError(f"the plan of {verb} takes no names", hint="--to NAME says up to which migration.")
        folder = self._read_folder()
        rules = {"out_of_order": out_of_order, "allow_unparsed": allow_unparsed}
        with self._open(folder, writing=False) as target:
            stored: tuple[str, ...] = ()
            if verb == "fresh":
                plan = self._plan_fresh(target, folder, allow_unparsed=allow_unparsed)
            else:
                around = _circumstances(target, folder, **rules)
                plan = planners[verb](around)
                stored = tuple(stored_downs(plan, around.stored, target.tables.written))
            plan = replace(plan, notes=(*_notes_without_schema(target, folder), *plan.notes))
            lack = folder.lack if verb in {"migrate", "fresh"} else None
            return results.PlanResult(plan, target.identity, lack, (*stored, *target.warnings()))

    @stoppable
    def history(self, *, count: int | None = None, runbook: str | None = None) -> results.HistoryResult:
        """The journal: every attempt, oldest first, in UTC; the newest `count` of them, or those of one run of a runbook."""
        folder = self._read_folder() if self.directory.is_dir() else Folder()
        with self._open(folder, writing=False) as target:
            entries = target.history().entries
            events = target.journal(limit=count, runbook=runbook)
            notes = _notes_without_schema(target, folder)
            return results.HistoryResult(events, entries, count, runbook, target.identity, notes)

    @stoppable
    def show(self, name: str) -> results.MigrationResult:
        """One migration: where it stands, its scripts, what would run of it, how its file differs, its attempts.

        Those since the last `fresh`; `history` has them all.
        """
        from fsapi_nb.plan.inspect import inspect

        folder = self._read_folder()
        with self._open(folder, writing=False) as target:
            around = _circumstances(target, folder)
            status = around.standing.status(find_known(name, around.standing))
            stored = target.scripts([status.name]).get(status.name)
            events = target.journal()
            # What was before everything was dropped is in `history`: it happened to another table of the same name.
            emptied = max((number for number, event in enumerate(events) if event.event == "fresh"), default=-1)
            attempts = tuple(_of_migration(events[emptied + 1 :], status.name))
            found = inspect(status, around, stored)
            plan = replace(found.plan, notes=(*_notes_without_schema(target, folder), *found.plan.notes))
            return results.MigrationResult(status, replace(found, plan=plan), attempts, target.identity)

    @stoppable
    def blockers(self) -> results.BlockersResult:
        """Who blocks whom in the database at this moment, seen from the runner that is at work, if there is one."""
        from fsapi_nb.history.store import open_onlooker
        from fsapi_nb.postgres.blockers import find_blockage

        with self._open(writing=False) as target:
            runner = target.runner_at_work()
        with open_onlooker(self._access) as connection:
            seen = find_blockage(connection, runner.pid) if runner else Blockage()
            return results.BlockersResult(seen or find_blockage(connection), identity=target.identity)

    @stoppable
    def diagram(self, schemas: Sequence[str] | None = None, tables: Sequence[str] = ()) -> results.DiagramResult:
        """The tables and their foreign keys, as a picture; of these schemas and tables, or all. Writes nothing.

        A migrator of one schema shows that one if no other is named.

        Raises UsageError for a schema or table that is not there.
        """
        from fsapi_nb.catalog.diagram import select
        from fsapi_nb.catalog.tables import read_diagram

        with self._open(writing=False) as target:
            chosen = [self._access.schema] if self._access.schema and schemas is None else schemas
            found = read_diagram(target.session.connection(), chosen)
        return results.DiagramResult(select(found, tables) if tables else found, target.identity)

    @stoppable
    def facts(self) -> DatabaseFacts:
        """Which database this is, for a record. Reads only; raises CannotConnect, ConfigurationError."""
        with self._open(writing=False) as target:
            return target.facts()

    def known_secrets(self) -> frozenset[str]:
        """The passwords and tokens that the project and the environment hold, for a record that must have none of them."""
        from fsapi_nb.project.known_secrets import find_secrets

        return find_secrets(self._access.project, os.environ)

    @hides_values
    def follow(self, changed: Callable[[FsapiError | None], None], stopped: threading.Event) -> None:
        """Call `changed` with None whenever the folder or the history may have changed, until `stopped` is set.

        It is called once at the beginning, and with the error where the database cannot be reached; it is tried again
        then. Blocks the thread that calls it, and keeps a connection of its own open.
        """
        from fsapi_nb.history.changes import changes

        before: object = None
        while not stopped.is_set():
            try:
                files = folders.fingerprint(self.directory)
                with self._open(Folder(dict.fromkeys((name for name, *_ in files), "")), writing=False) as target:
                    for state in changes(target, stopped):
                        now = (state, folders.fingerprint(self.directory))
                        if now != before:
                            changed(None)
                        before = now
            except FsapiError as error:
                if before is not error:
                    changed(error)
                before = error
                stopped.wait(_RETRY)

    @stoppable
    def query(self, sql: str, parameters: Sequence[object] = (), *, yes: bool = False) -> results.QueryResult:
        """Run any SQL, in one transaction; a protected database is only read unless `yes`.

        `parameters` are bound to `$1`, `$2` and so on of the one statement that the SQL then is: whole numbers by their
        width (integer, bigint, numeric), lists, tuples, sets, numpy's arrays and pandas' columns as arrays, dicts as jsonb.
        Raises QueryFailed, and UsageError for a parameter that PostgreSQL has no type for.
        """
        from fsapi_nb.postgres.notices import listening
        from fsapi_nb.query.query import run_query, secret_values
        from fsapi_nb.text.masking import hiding

        with (
            self._open(writing=False) as target,
            listening(target.session.connection()) as notices,
            hiding(secret_values(sql, parameters)),
        ):
            read_only = target.identity.protected and not yes
            try:
                found = run_query(target.session.connection(), sql, parameters, read_only=read_only)
            except QueryFailed as error:
                error.add_notices(notices)
                error.hint = _hint_of_query(error, read_only=read_only, bound=bool(parameters)) or error.hint
                raise
            return results.QueryResult(found, target.identity, tuple(notices))

    @stoppable
    def check(self, title: str, sql: str) -> results.CheckResult:
        """Ask a query that must hold: it gives no rows, or only booleans that are all true. It may only read.

        A check that does not hold is a value like any other (`passed`). Raises MigrationFileError where `sql` is not one
        query, QueryFailed where PostgreSQL refuses it.
        """
        from fsapi_nb.postgres.notices import listening
        from fsapi_nb.query.query import secret_values
        from fsapi_nb.run.check import ask_alone, holds
        from fsapi_nb.script.migration import read_query
        from fsapi_nb.text.masking import hiding

        check = read_query(title, sql)
        with self._open(writing=False) as target, listening(target.session.connection()) as notices:
            try:
                with hiding(secret_values(sql)):
                    found = ask_alone(target.session.connection(), check.statement.text, sql)
            except QueryFailed as error:
                error.add_notices(notices)
                raise
            return results.CheckResult(title, holds(found), found, target.identity, tuple(notices))

    # -- for others on the same database -----------------------------------------------------------------------

    @stoppable
    def connect(self) -> Connection:
        """A new psycopg connection to the database, for another tool; a protected database is only read through it.

        Whoever asked for it closes it. Raises CannotConnect, ConfigurationError, EmbeddedServerError.
        """
        from fsapi_nb.history.store import open_guarded

        return open_guarded(self._access)

    @hides_values
    def same_database(self, other: Migrator) -> bool:
        """Whether both were given the same database, and the same schema of it; connects to nothing."""
        mine, theirs = self._access, other._access
        return (mine.address, mine.schema, mine.project.home) == (theirs.address, theirs.schema, theirs.project.home)

    @hides_values
    def may_lead_to(self, *, host: str, hostaddr: str, port: int, database: str) -> bool:
        """Whether a connection that libpq says went there is to our database; connects to nothing."""
        from fsapi_nb.postgres.protection import Endpoint, may_lead_to

        return may_lead_to(self._access.address, Endpoint(host, hostaddr, port, database))

    # -- verbs that change the database ------------------------------------------------------------------------

    @stoppable
    def migrate(
        self,
        *,
        to: str | None = None,
        count: int | None = None,
        out_of_order: bool = False,
        allow_unparsed: bool = False,
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Apply what is pending: all of it, up to and with `to`, or the next `count`.

        With `planned`, only if that is still the plan: raises PlanChanged where the files or the database have changed
        since it was made.
        """
        return self._run(
            "migrate",
            lambda around: build.plan_migrate(around, to=to, count=count),
            yes=yes,
            planned=planned,
            out_of_order=out_of_order,
            allow_unparsed=allow_unparsed,
        )

    @stoppable
    def rollback(
        self,
        count: int | None = None,
        *,
        to: str | None = None,
        everything: bool = False,
        allow_unparsed: bool = False,
        yes: bool = False,
        planned: Plan | None = None,
    ) -> results.RunResult:
        """Undo the last migration, the last `count`, all that was applied after `to`, or everything.

        One that is partly applied counts as the last: only what was done of it is undone. With `planned`, only if that
        is still the plan (PlanChanged).
        """
        return self._run(
            "rollback",
            lambda around: build.plan_rollback(around, to=to, count=count, everything=everything),
            yes=yes,
            planned=planned,
            allow_unparsed=allow_unparsed,
        )

    @stoppable
    def redo(self, name: str | None = None, *, allow_unparsed: bool = False, yes: bool = False) -> results.RunResult:
        """Roll the last migration back and apply its file again; in one transaction if both scripts allow it.

        A redo that was cut off between the two is continued: nothing else is rolled back, unless `name` is given.
        """
        return self._run("redo", lambda around: plan_redo(around, name=name), yes=yes, allow_unparsed=allow_unparsed)

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
        """Record migrations as applied, running nothing: every one up to and with `name`, or just those of `only`.

        With `replaces` (names, or `A..B`), `name` alone is recorded, in the place of these applied migrations, whose files
        are gone: it is their squash. Their rows are retired in the same transaction.
        """
        return self._run(
            "baseline",
            lambda around: amend.plan_baseline(around, name=name, only=only, replaces=replaces),
            yes=yes,
            planned=planned,
        )

    @stoppable
    def rename(self, old: str, new: str, *, yes: bool = False, planned: Plan | None = None) -> results.RunResult:
        """Give the row of an applied migration the name that its file has now; runs nothing, and is journalled.

        `rename(new, old)` takes it back, once the file has its old name again. Raises RanBefore, RefusedPlan.
        """
        return self._run("rename", lambda around: amend.plan_rename(around, old=old, new=new), yes=yes, planned=planned)

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
        """Take the rows of migrations whose files are gone for good out of the history: those named, or all `missing`.

        Runs nothing. The journal keeps the rows with the scripts that ran; with `undo` those named are put back. Raises
        RanBefore if a pending script would run a second time, RefusedPlan.
        """
        planner = _retire_planner(names, missing=missing, undo=undo)
        return self._run("retire", planner, yes=yes, planned=planned)

    @stoppable
    def repair(self, name: str, *, yes: bool = False) -> results.RepairResult:
        """Accept the file of an applied migration as it is now; a recorded event."""
        folder = self._read_folder()
        with self._open_to_write(folder) as target, self._locked(target) as recorder:
            around = _circumstances(target, folder)
            plan = build.plan_repair(around, name=name)
            _confirm(plan, target.identity, yes=yes)
            with target.session.connection().transaction():
                for migration in plan.marks:
                    entry = around.history.get(migration.name)
                    if entry:
                        recorder.write(recorder.repaired(migration, entry))
            return results.RepairResult(tuple(migration.name for migration in plan.marks), identity=target.identity)

    @stoppable
    def resolve(
        self, name: str, *, done: bool = False, retry: bool = False, undo: bool = False, yes: bool = False
    ) -> results.RepairResult | results.RunResult:
        """Say what became of a step in doubt: it happened (`done`), or it did not (`retry`); a recorded event.

        With `undo` it is taken as not having happened, and what was done before it is rolled back; it stays in doubt until
        that has begun. Raises UsageError for the `undo` of a step of a rollback: nothing takes a DOWN back.
        """
        from fsapi_nb.run.recover import settle

        if [done, retry, undo].count(True) != 1:
            raise UsageError("say one of --done, --retry and --undo", hint="look at the database first.")
        folder = self._read_folder()
        with self._open_to_write(folder) as target, self._locked(target) as recorder:
            around = _circumstances(target, folder)
            full = find_known(name, around.standing)
            progress = around.history.progress(full)
            ran = build.text_that_ran(around, progress) if progress else None
            if progress is None or not progress.in_flight:
                state = around.standing.status(full).state.value
                raise UsageError(f"no step of {full} is in doubt: it is {state}", hint="`status` shows what is.")
            if target.identity.protected and not yes:
                raise _needs_yes(
                    Plan("resolve"), f"the database {target.identity.database} is protected", target.identity
                )
            if undo:
                _refuse_undo(around, progress)
            if not (undo and progress.done):
                said = "the user says that it happened" if done else "the user says that it did not happen"
                with target.session.connection().transaction():
                    settle(recorder, ran, progress, around.history, done=done, reason=said)
        if undo and progress.done:
            return self._undo(progress, yes=yes)
        return results.RepairResult((progress.name,), verb="resolve", identity=target.identity)

    @stoppable
    def fresh(
        self, *, migrate: bool = True, confirm: str | None = None, allow_unparsed: bool = False, yes: bool = False
    ) -> results.RunResult:
        """Drop everything in the managed schemas, then apply every migration (unless `migrate` is False).

        Raises Protected on a protected database unless `confirm` is the database's name, and for a wrong name;
        ConfigurationError if there is no file to apply.
        """
        from fsapi_nb.postgres.notices import listening
        from fsapi_nb.run.reset import drop_all

        started = time.monotonic()
        folder = self._read_folder()
        if migrate and folder.lack:
            raise ConfigurationError(
                f"{folder.lack}: fresh would drop everything and apply nothing",
                state="nothing was dropped.",
                hint="give the folder with --dir; to leave the database empty: `fresh --no-migrate`.",
            )
        with self._open_to_write(folder) as target:
            _refuse_unconfirmed(target.identity, confirm)
            plan = self._plan_fresh(target, folder, allow_unparsed=allow_unparsed)
            if not yes:
                raise _needs_yes(
                    plan,
                    f"fresh drops {_count_drops(plan)} of the database {target.identity.database}",
                    target.identity,
                )
            with self._locked(target) as recorder, listening(target.session.connection()) as notices:
                plan, kept = self._plan_fresh(target, folder, allow_unparsed=allow_unparsed), _kept(target, folder)
                drop_all(target.session, recorder, plan.drops, schemas=self._schemas(target))
        # That a drop takes others along is a NOTICE, and meant here.
        warnings = tuple(notice for notice in notices if not notice.startswith("NOTICE"))
        if not migrate:
            return _run_result("fresh", (), (*warnings, *plan.notes), started, target, recorder, drops=plan.drops)
        try:
            result = self.migrate(allow_unparsed=allow_unparsed, yes=yes)
        except (FsapiError, Interrupted) as error:
            error.state = f"{_count_drops(plan)} had been dropped, which is committed. {error.state or ''}".strip()
            raise
        run_id = result.run_id or str(recorder.run_id)
        notes = (*warnings, *kept, *result.notes)
        return replace(
            result, verb="fresh", notes=notes, elapsed=time.monotonic() - started, drops=plan.drops, run_id=run_id
        )

    # -- verbs that write files --------------------------------------------------------------------------------

    def make(self, name: str) -> results.FileResult:
        """Make a new migration file from the template, named by the next free minute (UTC)."""
        self._require_place()
        begun = self._new_folder()
        made = folders.create(self.directory, name, now=datetime.datetime.now(datetime.UTC), text=TEMPLATE)
        return results.FileResult(made, "created", folder=begun)

    @stoppable
    def write(
        self, name: str, text: str, *, apply: bool = False, redo: bool = False, yes: bool = False
    ) -> results.FileResult:
        """Make the file of a migration say `text`, as a notebook's cell does; with `apply` or `redo` run it too.

        A new name makes a file; a pending one is updated; an applied one may be said again as it is, be given a DOWN
        that it did not have (which is recorded), or be changed with `redo`, which swaps it. `apply` also applies what is
        pending before it. The file changes only with what happens: a run that is refused or undone leaves it as it was,
        and one that ends half-way leaves the text that ran.

        Raises FaultyMigrations where the text has faults, Drifted, with the difference, where it is applied and
        differs, PlanChanged where another program changes the file meanwhile, and what `migrate` and `redo` raise.
        """
        if apply and redo:
            raise UsageError("--apply and --redo exclude each other", hint="--redo applies it again.")
        text = text if text.endswith("\n") else text + "\n"
        self._require_place()
        folder = self._read_folder() if self.directory.is_dir() else Folder()
        with self._open(folder, writing=False) as target:
            around, identity = _circumstances(target, folder), target.identity
            notes = _notes_without_schema(target, folder)
            full = find_file(name, folder, around.history)
            draft = folders.parse_text(full or with_suffix(name), text)
            plan = build.plan_draft(draft, around, redo=redo)
        plan = replace(plan, notes=(*notes, *plan.notes))
        runs = bool(plan) and (apply or redo or plan.verb == "repair")
        if runs:
            _confirm(plan, identity, yes=yes, state="the file was not written; the database is as it was.")
        now, run, begun = datetime.datetime.now(datetime.UTC), None, self._new_folder()
        with stage(self.directory, full, name, text, planned=folder, now=now) as file:
            if runs:
                draft = draft if draft.name == file.name else folders.parse_text(file.name, text)
                run = self._run_draft(file, draft, folder.with_draft(draft), verb=plan.verb, yes=yes)
            action = file.action if file.publish() else "kept"
            if action == "kept" and run is None:
                raise file_changed(file.name, state="the file was not written; the database is as it was.")
        applied = run is not None or around.history.get(file.name) is not None
        shown_plan = None if applied else results.PlanResult(plan, identity)
        return results.FileResult(
            file.name, action, shown=name, applied=applied, plan=shown_plan, run=run, identity=identity, folder=begun
        )

    # -- what may be done ----------------------------------------------------------------------------------------

    def trust(self) -> results.TrustResult:
        """Allow all that the files of this project ask for, as long as that stays the same. Connects to nothing.

        Raises ConfigurationError if the answer cannot be kept.
        """
        from fsapi_nb.verbs.trust import trust_project

        return trust_project(str(self._access.project.root if self._start else self.directory), yes=True)

    # -- inside ------------------------------------------------------------------------------------------------

    def _undo(self, progress: PartialMigration, *, yes: bool) -> results.RunResult:
        """Roll back what was done before a step in doubt; if that fails, say whether the step still is."""
        name = progress.name
        try:
            return self._run("rollback", lambda around: build.plan_undo(around, name=name), yes=yes)
        except (FsapiError, Interrupted) as error:
            with suppress(FsapiError), self._open(self._read_folder(), writing=False) as target:
                left = target.history().progress(name)
                if left and left.in_flight and left.direction is progress.direction:
                    told = f"The step is in doubt as before: `resolve {name} --undo` tries again."
                    error.state = f"{error.state or ''} {told}".strip()
            raise

    def _run_draft(self, file: Draft, draft: Migration, folder: Folder, *, verb: str, yes: bool) -> results.RunResult:
        """Run what a cell says over the folder with its text in it; its file has the text once that has happened."""
        planners: dict[str, Planner] = {
            "migrate": lambda around: build.plan_migrate(around, to=file.name),
            "redo": lambda around: plan_redo(around, name=file.name),
            "repair": lambda around: build.plan_draft(draft, around, redo=False),
        }
        try:
            return self._run(verb, planners[verb], yes=yes, folder=folder, observers=(file.follow,))
        except (FsapiError, Interrupted) as error:
            self._settle_file(file, draft, folder, error)
            raise

    def _settle_file(self, file: Draft, draft: Migration, folder: Folder, error: FsapiError | Interrupted) -> None:
        """After a run that ended badly: give the file the text if something of it is in the database, else leave it."""
        state = (error.state or "").rstrip()
        try:
            happened = file.happened or self._has_begun(draft, folder)
        except FsapiError:  # the run has told already why the database cannot be asked
            state += (
                "" if file.published else " The cell's file was not written: run it again once the database answers."
            )
        else:
            if not happened:
                file.withdraw()
            written = happened and file.publish()
            state += f" The cell's file {'has its text' if written else 'was not written'}."
        error.state = state.strip()

    def _has_begun(self, draft: Migration, folder: Folder) -> bool:
        """Whether the database holds something of that text: it is applied, or in the midst of that."""
        from fsapi_nb.run.recover import is_left

        with self._open(folder, writing=False) as target:
            history = target.history()
            entry = history.get(draft.name)
            if entry is not None:
                return is_what_ran(draft, entry)
            around = build.PlanInput(folder, history, look_at_procedures=target.procedures)
            begun = [progress for progress in history.unfinished if progress.name == draft.name]
            return any(is_left(target.session, each, build.sent_by_file(around, each)) for each in begun)

    def _run(
        self,
        verb: str,
        planner: Planner,
        *,
        yes: bool,
        planned: Plan | None = None,
        out_of_order: bool = False,
        allow_unparsed: bool = False,
        folder: Folder | None = None,
        observers: Sequence[Observer] = (),
    ) -> results.RunResult:
        """Plan; where there is something to do, take the lock, plan again if others have run since, and run that.

        `folder` is the migrations folder as it is taken to be, where that is not what is on the disk; `observers` hear of
        this run besides the migrator's own.
        """
        started = time.monotonic()
        rules = {"out_of_order": out_of_order, "allow_unparsed": allow_unparsed}
        folder = self._read_folder() if folder is None else folder
        with ExitStack() as stack:
            target = stack.enter_context(self._open_to_write(folder))
            before, plan = _circumstances(target, folder, **rules), None
            try:
                plan = planner(before)
            except PartlyApplied:
                pass  # perhaps another runner is in the middle of it: ask again under the lock
            else:
                _refuse_other(plan, planned)
                if not plan:
                    result = _run_result(verb, (), plan.notes, started, target)
                    return replace(result, lack=folder.lack if verb == "migrate" else None)
                _confirm(plan, target.identity, yes=yes)
            recorder = stack.enter_context(self._locked(target))
            around = _circumstances(target, folder, before, **rules)
            settled = self._recover(target, recorder, around)
            if around.history.unfinished:
                around = replace(_circumstances(target, folder, **rules), settled=settled.completed)
            try:
                plan = plan if plan and _alike(before, around) else planner(around)
            except InDoubt as error:
                error.details += tuple(f"  {note}" for note in settled.notes)
                raise
            _confirm(plan, target.identity, yes=yes)
            _refuse_other(plan, planned)
            runner = self._runner(stack, target, recorder, folder, observers)
            done = self._carry_out(plan, runner, target.identity, around.history) if plan else ()
            done = (*(CompletedMigration(name, direction, 0.0) for name, direction in settled.completed), *done)
            notes = (*settled.notes, *self._timeout_notes(target), *notes_once_run(plan))
            result = _run_result(verb, done, notes, started, target, recorder)
            return replace(result, changes=plan.changes if plan else ())

    def _carry_out(
        self, plan: Plan, runner: Runner, identity: Identity, history: History
    ) -> tuple[CompletedMigration, ...]:
        """Run it; the error of a lock has who blocked as a table, that of a check what it found."""
        from fsapi_nb.run.hints import hint_on_filled_database

        try:
            return runner.run(plan, history.entries)
        except StatementFailed as error:
            if error.blockage:
                error.blockers = results.BlockersResult(error.blockage, error.attempts, identity)
            if not history.entries and not error.applied and not error.steps_before:
                error.hint = error.hint or hint_on_filled_database(error.sqlstate, error.migration)
            raise
        except AssertionViolated as error:
            error.result = results.CheckResult(error.title, False, error.found, identity)
            raise

    def _timeout_notes(self, target: HistoryStore) -> tuple[str, ...]:
        """What must be known of a statement timeout that is not ours."""
        theirs = target.session.facts.statement_timeout
        if theirs == "0" or "statement_timeout" in self._access.settings:
            return ()
        return (f"statement_timeout is {theirs} for this role; --statement-timeout sets another for a run",)

    def _recover(self, target: HistoryStore, recorder: Recorder, around: build.PlanInput) -> Settled:
        """Settle what an earlier run has left in flight, before anything is planned; say what was decided."""
        from fsapi_nb.run.recover import recover

        ran = {progress.name: build.text_that_ran(around, progress) for progress in around.history.unfinished}
        known = {name: migration for name, migration in ran.items() if migration}
        sent = {progress.name: build.sent_by_file(around, progress) for progress in around.history.unfinished}
        return recover(target.session, recorder, known, sent, around.history, max_wait=self._access.max_wait)

    def _runner(
        self, stack: ExitStack, target: HistoryStore, recorder: Recorder, folder: Folder, observers: Sequence[Observer]
    ) -> Runner:
        """A runner on this session; should its connection be lost, it may take another that the stack closes."""
        from fsapi_nb.history.store import open_onlooker
        from fsapi_nb.run.runner import Runner

        def reopen() -> Session:
            other = stack.enter_context(self._open(folder))
            stack.enter_context(self._locked(other))
            return other.session

        def renew(session: Session) -> Session:
            return stack.enter_context(target.renewed(session))

        def look() -> AbstractContextManager[Connection]:
            return open_onlooker(self._access)

        emit = self._tell(*observers)
        return Runner(target.session, recorder, emit, reopen, renew, look, max_wait=self._access.max_wait)

    def _plan_fresh(self, target: HistoryStore, folder: Folder, *, allow_unparsed: bool) -> Plan:
        from fsapi_nb.run.left_behind import refuse_left_behind
        from fsapi_nb.run.reset import find_drops
        from fsapi_nb.script.stored_text import stored_migration

        history = target.history()
        stored = target.scripts([entry.name for entry in history.entries])
        ran = (stored_migration(entry.name, stored[entry.name]) for entry in history.entries if entry.name in stored)
        applied, schemas = [migration for migration in ran if migration], self._schemas(target)
        # What stands in no schema serves the other schemas of this database as well.
        beside = () if self._access.schema else applied
        drops = find_drops(target.session, target.tables, schemas=schemas, applied=beside)
        refuse_left_behind(target.session, drops, schemas=schemas, applied=applied)
        around = build.PlanInput(
            folder,
            history,
            allow_unparsed=allow_unparsed,
            encoding=target.session.encoding,
            look_at_procedures=target.procedures,
        )
        plan = build.plan_fresh(around)
        lack = (f"{folder.lack}: nothing is applied afterwards",) if folder.lack else ()
        notes = (*lack, *_kept(target, folder), *plan.notes)
        return Plan("fresh", plan.steps, notes, drops=drops)

    def _schemas(self, target: HistoryStore) -> list[str]:
        """The schemas that `fresh` may empty."""
        if self._access.schema:
            return [self._access.schema]
        return [str(name) for name in self._access.project.table.get("schemas", [target.tables.schema])]

    def _new_folder(self) -> str | None:
        """The folder's path, if a file is about to be the first in a folder that is not there yet."""
        return None if self.directory.exists() else str(self.directory)

    def _require_place(self) -> None:
        """Raise Untrusted if the project's files or the place of its migrations ask for what is not allowed."""
        from fsapi_nb.project.settings import find_place_request
        from fsapi_nb.project.trust import require

        project, requests = self._access.project, self._access.requests
        files = [request for request in requests if request.is_about_files]
        require(project.root, (*files, *find_place_request(project, start=self._start)))

    def _read_folder(self) -> Folder:
        """The migration files, under the name that the user gave to their folder. Raises Untrusted before one is opened."""
        from fsapi_nb.project.settings import find_reading_requests
        from fsapi_nb.project.trust import require

        access = self._access
        asked = find_reading_requests(access.project, self.directory, start=self._start)
        require(access.project.root, (*access.requests, *asked), named=None if self._start else self.directory)
        return folders.read_folder(self.directory, self._label)

    def _open(self, folder: Folder | None = None, *, writing: bool = True) -> AbstractContextManager[HistoryStore]:
        """A connection of our own for one verb, and where the history of the files is."""
        from fsapi_nb.history.store import open_target

        return open_target(self._access, writing=writing, folder=folder or Folder())

    @contextmanager
    def _open_to_write(self, folder: Folder) -> Iterator[HistoryStore]:
        """The same, for a verb that needs a history. Raises HistoryError if there is none and none can be made."""
        with self._open(folder) as target:
            if target.no_schema:
                raise target.no_schema.beside(folder).refusal
            yield target

    def _tell(self, *observers: Observer) -> Observers:
        """Whoever wants to hear what happens."""
        from fsapi_nb.events import Observers

        return Observers((*observers, *self._observers))

    @contextmanager
    def _locked(self, target: HistoryStore) -> Iterator[Recorder]:
        """Hold the lock, with our tables there; who is waited for is told."""
        from fsapi_nb.events import LockAwaited

        emit = self._tell()
        with target.locked(lambda holder: emit(LockAwaited(holder))) as recorder:
            yield recorder


def _unship(kind: type[Migrator], shipped: ShippedDatabase, directory: Path, arguments: Mapping[str, Any]) -> Migrator:
    """A Migrator in another process, of the same database."""
    migrator = kind(shipped.option, directory, **arguments)
    shipped.refuse_other(migrator._access.address)
    return migrator


def _kept(target: HistoryStore, folder: Folder) -> tuple[str, ...]:
    """What `fresh` must say of settings that migrations have made and that it does not take back."""
    from fsapi_nb.run.kept_settings import find_kept_settings

    note = find_kept_settings(target.session, _all_statements(target, folder))
    return (note,) if note else ()


def _all_statements(target: HistoryStore, folder: Folder) -> Iterator[Statement]:
    """Those of every UP that has run, as far as its text was stored, or that is in the folder."""
    from fsapi_nb.script.stored_text import stored_migration

    applied = target.scripts([entry.name for entry in target.history().entries])
    ran = (stored_migration(name, scripts) for name, scripts in applied.items())
    for migration in chain(ran, map(folder.get, folder.names)):
        yield from migration.up.statements if migration else ()


def _run_result(
    verb: str,
    done: tuple[CompletedMigration, ...],
    notes: tuple[str, ...],
    started: float,
    target: HistoryStore,
    recorder: Recorder | None = None,
    drops: tuple[DatabaseObject, ...] = (),
) -> results.RunResult:
    """The result of a run that began at `started` by the monotonic clock; without a recorder, nothing was journalled."""
    run_id = str(recorder.run_id) if recorder else None
    return results.RunResult(verb, done, notes, time.monotonic() - started, drops, target.identity, run_id)


def _stands_at(place: SourceLocation, text: str) -> bool:
    """Whether that text stands at the place of an error."""
    return place.column is not None and (place.source or "").startswith(text, place.column - 1)


def _hint_of_query(error: QueryFailed, *, read_only: bool, bound: bool) -> str | None:
    """What helps with SQL that the server refused, where that is more than it says itself."""
    from fsapi_nb.script.placeholders import explain, placeholder_of

    if error.server.sqlstate == "42P02" and not bound:
        return "$1 and $2 are parameters: bind their values, with --param for each."
    if error.server.sqlstate == "25006" and read_only:
        return "this database is protected, so a query may only read; say --yes if it shall change."
    if error.server.sqlstate == "22P05" and error.place:
        return "write the character otherwise, in a comment as well: PostgreSQL is sent the whole text."
    if error.server.sqlstate == "42601" and error.place and _stands_at(error.place, "\\"):
        return "psql's commands are not SQL: end a statement with a semicolon; `diagram` shows the tables."
    found = placeholder_of(error)
    return explain(found, notebook=False) if found else None


def _circumstances(
    target: HistoryStore,
    folder: Folder,
    before: build.PlanInput | None = None,
    /,
    *,
    out_of_order: bool = False,
    allow_unparsed: bool = False,
) -> build.PlanInput:
    """What a plan is made over, as it is at this moment: that of `before`, where the history is still the same.

    `before` is of the same folder and rules.
    """
    history = target.history()
    if before and not before.stored and _said(before.history) == _said(history):
        return before
    around = build.PlanInput(
        folder=folder,
        history=history,
        protected=target.identity.protected,
        out_of_order=out_of_order,
        allow_unparsed=allow_unparsed,
        encoding=target.session.encoding,
        look_at_procedures=target.procedures,
        look_at_session=target.session_state,
    )
    # The applied migrations whose own file does not tell what ran: gone, edited, broken or half-way.
    unclear = [status.name for status in around.standing.unsettled if status.entry]
    return replace(around, stored=target.scripts(unclear)) if unclear else around


def _notes_without_schema(target: HistoryStore, folder: Folder) -> tuple[str, ...]:
    """What to say beside a result if there is no schema that a history could be in."""
    return target.no_schema.beside(folder).notes if target.no_schema else ()


def _refuse_undo(around: build.PlanInput, progress: PartialMigration) -> None:
    """Raise what would keep the steps before one in doubt from being rolled back.

    What cannot be undone must not lose its doubt: the next run would repeat the step.
    """
    name = progress.name
    refuse.undo_of_down(progress, around.history)
    try:
        if progress.done:
            build.plan_undo(around, name=name)
    except FsapiError as error:
        error.state = "nothing was rolled back, and the step is in doubt as before."
        if isinstance(error, PartlyApplied):
            error.hint = (
                "let its DOWN hold plain DROPs of what was made (only comments if that is undone by hand), and say this again; "
                f"or say `resolve {name}` with --done or --retry, finish it with `migrate`, and roll it back then."
            )
        raise


def _of_migration(events: Sequence[JournalEntry], name: str) -> Iterator[JournalEntry]:
    """The events of a migration, in order; those under the names that it had before, too."""
    names = {name}
    for event in reversed(events):
        if event.migration in names and event.name_before:
            names.add(event.name_before)
    return (event for event in events if event.migration in names)


def _retire_planner(names: Sequence[str], *, missing: bool, undo: bool) -> Planner:
    if undo and missing:
        raise UsageError("--undo and --missing exclude each other", hint="give the names of what is to be restored.")
    if undo:
        return lambda around: amend.plan_restore(around, names=names)
    return lambda around: amend.plan_retire(around, names=names, missing=missing)


def _old_and_new(names: Sequence[str]) -> dict[str, str]:
    if len(names) != 2:
        raise UsageError("rename takes two names", hint="`rename OLD NEW`")
    return {"old": names[0], "new": names[1]}


def _alike(one: build.PlanInput, other: build.PlanInput) -> bool:
    """Whether a plan made over the one is that over the other; both are of the same files and rules."""
    return (_said(one.history), one.stored, one.settled) == (_said(other.history), other.stored, other.settled)


def _said(history: History) -> object:
    """What a history says; whether its tables are there makes no difference."""
    return history.entries, history.unfinished, history.retired, history.redone


def _refuse_other(plan: Plan, planned: Plan | None) -> None:
    if planned is not None and plan != planned:
        raise PlanChanged(
            "this is not the plan any more: the files or the database have changed since it was shown",
            state="nothing was run; the database is as it was.",
            hint="look at the plan again.",
        )


def _confirm(plan: Plan, identity: Identity, *, yes: bool, state: str = "the database is as it was.") -> None:
    if plan and identity.protected and not yes:
        refusal = _needs_yes(plan, f"the database {identity.name or identity.database} is protected", identity)
        refusal.state = state
        raise refusal


def _refuse_unconfirmed(identity: Identity, confirm: str | None) -> None:
    name = identity.database
    if confirm is not None and confirm != name:
        raise Protected(
            f"this is the database {name}, not {confirm}", state="nothing was dropped.", hint="look where you are."
        )
    if identity.protected and confirm is None:
        raise Protected(
            "this database is protected, and fresh would drop everything in it",
            state="nothing was dropped.",
            hint=f"if that is meant, add the database's name: --confirm {name}",
        )


def _needs_yes(plan: Plan, why: str, identity: Identity) -> ConfirmationRequired:
    return ConfirmationRequired(
        f"{why}: nothing was done yet",
        details=tuple(results.PlanResult(plan, identity).lines()),
        state="the database is as it was.",
        hint="this is the plan; say --yes to run it.",
    )


def _count_drops(plan: Plan) -> str:
    count = len(plan.drops)
    return f"{count} object{'s' if count != 1 else ''}"
