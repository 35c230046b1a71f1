"""A database that goes through the history one migration at a time: up, down, up again, and on to the next.

Each step costs what its own script costs, however long the history is. Judges nothing: it says what the catalog was
before and after each direction. Knows nothing of pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.errors import Locked
from fsapi_nb.events import Observers
from fsapi_nb.history.record import Recorder
from fsapi_nb.history.store import DatabaseAccess, HistoryStore, open_onlooker, open_target
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.plan import Plan
from fsapi_nb.plan import build
from fsapi_nb.postgres.connect import connect
from fsapi_nb.postgres.session import Connection, Session
from fsapi_nb.project.settings import Address, Project, session_settings
from fsapi_nb.run.runner import Runner
from fsapi_nb.text.secrets import Secret

_APPLICATION = "fsapi_nb round trip"


@dataclass(slots=True)
class Walk:
    """One database on its way. The history's lock is held as long as it lasts.

    Going up and down raises what `migrate` and `rollback` raise.
    """

    folder: Folder
    access: DatabaseAccess
    target: HistoryStore
    recorder: Recorder
    onlooker: Connection
    stack: ExitStack

    def up(self, to: str) -> None:
        """Apply what is pending up to and with that migration."""
        self._run(build.plan_migrate(self._circumstances(to), to=to))

    def down(self, name: str) -> None:
        """Roll that migration back, which is the last one."""
        self._run(build.plan_rollback(self._circumstances(name), count=1))

    def snapshot(self) -> Snapshot:
        """The catalog as it is, without our tables; read by a session that no script has changed."""
        return read_snapshot(self.onlooker, None)

    def _circumstances(self, last: str) -> build.PlanInput:
        """The folder as if it ended with that file: what comes after it is looked at when its turn comes."""
        return build.PlanInput(
            self.folder.up_to(last), self.target.history(), look_at_procedures=self.target.procedures
        )

    def _run(self, plan: Plan) -> None:
        target = self.target
        runner = Runner(
            target.session,
            self.recorder,
            Observers(()),
            _no_other,
            self._renew,
            self._look,
            max_wait=self.access.max_wait,
        )
        runner.run(plan)
        target.session, self.recorder = runner.session, runner.recorder

    def _renew(self, session: Session) -> Session:
        return self.stack.enter_context(self.target.renewed(session))

    def _look(self) -> AbstractContextManager[Connection]:
        return open_onlooker(self.access)


@contextmanager
def open_walk(project: Project, folder: Folder, database: str) -> Iterator[Walk]:
    """A walk through the folder's migrations from an empty database on. Raises CannotConnect, DatabaseError."""
    access = DatabaseAccess(
        project,
        Address(Secret(database), "a round trip"),
        settings=session_settings({}, {"lock_timeout": str(project.table.get("lock_timeout", "5s"))}),
        application=_APPLICATION,
    )
    with ExitStack() as stack:
        target = stack.enter_context(open_target(access, writing=True, folder=folder))
        recorder = stack.enter_context(target.locked(lambda _: None))
        yield Walk(folder, access, target, recorder, stack.enter_context(_onlooker(database)), stack)


@contextmanager
def _onlooker(database: str) -> Iterator[Connection]:
    """A connection that reads the catalog again and again, and plans each of those queries only once."""
    connection = connect(database, _APPLICATION)
    try:
        connection.execute("SET plan_cache_mode TO force_generic_plan; SET idle_session_timeout TO 0")
        connection.prepare_threshold = 0
        yield connection
    finally:
        connection.close()


def _no_other() -> Session:
    """There is no other session to go on with: a test whose connection is lost has failed."""
    raise Locked("the connection of the round trip was lost", hint="is the server still running? Run the test again.")
