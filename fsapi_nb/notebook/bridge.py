"""Give `%sql` the database of fsapi_nb's magics, as long as JupySQL has no connection of its own.

This happens when a cell runs `%sql`, so that JupySQL may be loaded before fsapi_nb, after it, or in the same cell. The
database is shared, not a session. Nothing of JupySQL or IPython is patched.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from fsapi_nb.errors import FsapiError
from fsapi_nb.notebook import jupysql
from fsapi_nb.text.safe import visible_line

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator

ALIAS = "fsapi"
_MAGICS = {"sql", "jupysql", "sqlcmd", "sqlplot"}
# A line of `%sql` with one of these chooses its connection itself, or needs none.
_OPTIONS = {"-l", "--connections", "-x", "--close", "-s", "--section", "-c", "--creator", "-a", "-A", "--alias"}
_OPTIONS |= {"--connection_arguments", "connect"}
_bridges: dict[int, Magics] = {}


class Magics(Protocol):
    """The magics whose database `%sql` gets."""

    database: str | None

    def migrator(self) -> Migrator:
        """Return the `Migrator` that they use without options."""


# The connections that fsapi_nb gave to JupySQL, each with the magics' `Migrator` and database at that moment. They are
# kept here and not by the extension, so that they outlive `%reload_ext`.
_given: WeakKeyDictionary[Any, tuple[Migrator, str | None]] = WeakKeyDictionary()


class SqlCalls(ast.NodeTransformer):
    """A transformer that adds a call of `before_sql` to each call of `%sql` in a cell, to prepare its connection."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace the magic's name in `get_ipython().run_line_magic("sql", ...)` by a call that returns that name."""
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic" | "run_cell_magic"
                ),
                args=[ast.Constant(value=str(name)), *rest],
            ) if name in _MAGICS and all(isinstance(each, ast.Constant) for each in rest):
                text = "\n".join(str(each.value) for each in rest if isinstance(each, ast.Constant))
                source = f"__import__({__name__!r}, fromlist=['']).before_sql(get_ipython(), {name!r}, {text!r})"
                call = ast.parse(source, mode="eval").body
                for new in ast.walk(call):
                    ast.copy_location(new, node)
                node.args[0] = call
        return node


def install(shell: Any, calls: SqlCalls, magics: Magics) -> None:
    """Make the shell's `%sql` get a connection to the database of these magics, from now on.

    Args:
        shell: The IPython shell.
        calls: The transformer that is registered in the shell.
        magics: The magics whose database `%sql` gets.
    """
    shell.ast_transformers.append(calls)
    _bridges[id(shell)] = magics


def uninstall(shell: Any, calls: SqlCalls) -> None:
    """Undo `install`. `%sql` keeps the connection that it has.

    Args:
        shell: The IPython shell.
        calls: The transformer that `install` registered.
    """
    if calls in shell.ast_transformers:
        shell.ast_transformers.remove(calls)
    _bridges.pop(id(shell), None)


def before_sql(shell: Any, name: str, text: str) -> str:
    """Give JupySQL a connection for `%sql TEXT` if it has none, and return the magic's name.

    If there is no connection to the database, one line on stderr says so, and JupySQL reports what it reports without a
    connection. But the error is raised if JupySQL would run the SQL on another database, such as that of DATABASE_URL.

    Args:
        shell: The IPython shell.
        name: The magic's name, which is returned.
        text: What follows the name, in the line and in the cell.

    Raises:
        FsapiError: There is no connection, and JupySQL would use another one.
    """
    magics, manager = _bridges.get(id(shell)), jupysql.connections()
    if magics is None or manager is None or magics.database == jupysql.NAME:
        return name
    if _says_where(text, manager, shell.user_ns):
        return name
    wanted = text.split(maxsplit=1)[:1] == [ALIAS]
    current = manager.connections.get(ALIAS) if wanted else manager.current
    if current is not None and current not in _given:  # the user's own
        return name
    try:
        migrator = magics.migrator()
        if current is None or current.connection_sqlalchemy.closed or not migrator.same_database(_given[current][0]):
            _take_back(manager, current)
            _connect(shell, manager, migrator, magics.database)
    except Exception as error:
        if manager.connections or os.environ.get("DATABASE_URL"):
            raise
        why = visible_line(error.message) if isinstance(error, FsapiError) else type(error).__name__
        print(
            f"%sql has no connection to the database of %migrate: {why}. %migrate status shows more.", file=sys.stderr
        )
    return name


def database() -> str | Callable[[], Any] | None:
    """Return the database that `--database jupysql` means, in a form that `Migrator` accepts.

    Raises:
        ConfigurationError: JupySQL is not loaded or not connected, or its connection cannot be used.
    """
    manager = jupysql.connections()
    current = manager.current if manager else None
    return _given[current][1] if current is not None and current in _given else jupysql.database()


def _connect(shell: Any, manager: Any, migrator: Migrator, database: str | None) -> None:
    import sqlalchemy

    first = [migrator.connect()]  # before SQLAlchemy calls `connect`: it would wrap the error

    def connect() -> Any:
        connection = first.pop() if first else migrator.connect()
        connection.autocommit = False  # as SQLAlchemy expects a driver's to be
        return connection

    magic = next((each for each in shell.configurables if type(each).__name__ == "SqlMagic"), None)
    try:
        # The URL has neither an address nor a password that an output could show.
        engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=connect, poolclass=sqlalchemy.NullPool)
        manager.set(engine, displaycon=False, alias=ALIAS, config=magic)
    finally:
        for connection in first:
            connection.close()
    # `%sql fsapi` takes the first connection with such letters in its name, which a URL of the embedded server has.
    others = {key: other for key, other in manager.connections.items() if key != ALIAS}
    manager.connections = {ALIAS: manager.current, **others}
    _given[manager.current] = (migrator, database)
    driver = manager.current.connection_sqlalchemy.connection.driver_connection
    if driver.info.parameter_status("default_transaction_read_only") == "on":
        print("This database is protected: %sql only reads from it.", file=sys.stderr)


def _take_back(manager: Any, connected: Any) -> None:
    """Close a connection that fsapi_nb gave, because it leads to another database than the magics work on now."""
    if connected is None:
        return
    if jupysql.in_transaction(connected):
        print("%sql had an open transaction on the previous database; it is rolled back.", file=sys.stderr)
    with contextlib.suppress(Exception):  # it may be lost already
        connected.close()
    for key in [key for key, other in manager.connections.items() if other is connected]:
        del manager.connections[key]
    if manager.current is connected:
        manager.current = None


def _says_where(text: str, manager: Any, names: Mapping[str, Any]) -> bool:
    """Return whether the text after `%sql` chooses a connection, by a URL, an alias, an engine or an option."""
    for word in text.split():
        if word in _OPTIONS:
            return True
        if not word.startswith("-"):
            break
    else:
        return False
    other = word in manager.connections and word != ALIAS
    engine = hasattr(names.get(word), "connect") or hasattr(names.get(word), "cursor")
    return other or engine or "://" in word or "@" in word or word.startswith(("[", "{{", "$"))
