"""Walk through the migrations on one database: apply one, roll it back, apply it again, go on.

The lock is held, and one session is kept, from the first migration to the last, so that each step costs what its own
script costs, however long the history is. Judges nothing: a caller compares the catalogs before and after.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.history.access import DatabaseAccess
from fsapi_nb.history.record import Recorder
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.postgres.connect import connect
from fsapi_nb.postgres.session import Connection
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import Project
from fsapi_nb.project.settings import session_settings
from fsapi_nb.text.secrets import Secret
from fsapi_nb.verbs.execute import make_runner
from fsapi_nb.verbs.open import locked, open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import Planner, read_plan_input

_APPLICATION = "fsapi_nb round trip"


@dataclass(slots=True)
class Walk:
    """A database at one migration of a walk. The lock of the history is held until the walk ends.

    `up` and `down` raise what `migrate` and `rollback` raise.
    """

    folder: Folder
    options: VerbOptions
    store: HistoryStore
    recorder: Recorder
    onlooker: Connection
    stack: ExitStack

    def up(self, to: str) -> None:
        """Apply what is pending up to and with that migration."""
        self._run(lambda found: plan_migrate(found, to=to), last=to)

    def down(self, name: str) -> None:
        """Roll that migration back, which is the last one."""
        self._run(lambda found: plan_rollback(found, count=1), last=name)

    def snapshot(self) -> Snapshot:
        """Read the catalog as it is, without the history's tables, in a session that no script has changed."""
        return read_snapshot(self.onlooker, None)

    def _run(self, planner: Planner, *, last: str) -> None:
        """Run a plan over the folder as if it ended with `last`: later files are read when their turn comes."""
        folder = self.folder.up_to(last)
        plan = planner(read_plan_input(self.store, folder))
        runner = make_runner(self.options, self.stack, self.store, self.recorder, folder, changes=False)
        runner.run(plan)
        self.store.session, self.recorder = runner.session, runner.recorder


@contextmanager
def open_walk(project: Project, directory: Path, folder: Folder, database: str) -> Iterator[Walk]:
    """Begin a walk through the folder's migrations, in an empty database.

    Raises:
        CannotConnect: There is no connection.
        DatabaseError: The server is not one that fsapi_nb can work with.
    """
    access = DatabaseAccess(
        project,
        Address(Secret(database), "a round trip"),
        settings=session_settings({}, {"lock_timeout": str(project.table.get("lock_timeout", "5s"))}),
        application=_APPLICATION,
    )
    options = VerbOptions(access, directory, str(directory), start=None)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(options, folder))
        recorder = stack.enter_context(locked(options, store))
        yield Walk(folder, options, store, recorder, stack.enter_context(_onlooker(database)), stack)


@contextmanager
def _onlooker(database: str) -> Iterator[Connection]:
    """Open a connection that reads the catalog again and again, and plans each of those queries only once."""
    connection = connect(database, _APPLICATION)
    try:
        connection.execute("SET plan_cache_mode TO force_generic_plan; SET idle_session_timeout TO 0")
        connection.prepare_threshold = 0
        yield connection
    finally:
        connection.close()
