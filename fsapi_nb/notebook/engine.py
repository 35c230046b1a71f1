"""Use a variable of the notebook as a database: `@name`, if `name` is a function, a SQLAlchemy engine, or a URL.

A function or an engine opens a new connection at each call, so a token that it fetches is always fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.errors import CannotConnect, ConfigurationError
from fsapi_nb.text.secrets import STARS, hide_in_message

_HINT = "assign a function that returns psycopg.connect(...), or create_engine('postgresql+psycopg://...')."


@dataclass(frozen=True, slots=True)
class EngineConnector:
    """A function that opens connections by a SQLAlchemy engine's creator, arguments and hooks, but not from its pool."""

    engine: Any = field(repr=False)

    def __call__(self) -> Any:
        """Return a new connection of the engine's driver. Raises CannotConnect."""
        return connect_through(
            self.engine, "the engine's database", "is the server running, and is the engine's URL right?"
        )


def database_of_variable(name: str, names: Mapping[str, object]) -> str | Callable[[], Any]:
    """Return the database of `@name` in a form that `Migrator` accepts.

    Args:
        name: The variable's name, with or without `@`.
        names: The notebook's variables.

    Raises:
        ConfigurationError: There is no such variable, or its value does not lead to a database.
    """
    variable = name.removeprefix("@")
    if variable not in names:
        hint = f"assign it in a cell above: {variable or 'connect'} = ..."
        raise ConfigurationError(f"no variable is named {variable!r}, as the database {name!r} says", hint=hint)
    value = names[variable]
    sqlalchemy = sys.modules.get("sqlalchemy.engine")
    if sqlalchemy is not None and isinstance(value, sqlalchemy.Engine):
        return _of_engine(variable, value)
    if isinstance(value, str) or callable(value):
        return value
    what = f"the variable {variable!r} is of type {type(value).__name__}, which opens no connection"
    raise ConfigurationError(what, hint=_HINT)


def connect_through(engine: Any, what: str, hint: str) -> Any:
    """Open a connection by an engine's creator and hooks. The engine's pool does not know it; the caller must close it.

    Args:
        engine: The SQLAlchemy engine.
        what: The database in words, for the error.
        hint: The error's hint.

    Raises:
        CannotConnect: The engine could not connect.
    """
    try:
        pooled = engine.pool.recreate().connect()
        connection = pooled.driver_connection
        pooled.detach()
    except Exception as error:  # noqa: BLE001 - the error of a driver, or of a user's hook
        message = " ".join(str(error).split())
        if engine.url.password:
            message = message.replace(str(engine.url.password), STARS)
        raise CannotConnect(f"no connection to {what}", details=(f"  {hide_in_message(message)}",), hint=hint) from None
    return connection


def _of_engine(variable: str, engine: Any) -> EngineConnector:
    dialect = engine.dialect
    if engine.url.get_backend_name() != "postgresql" or dialect.driver != "psycopg" or dialect.is_async:
        kind = engine.url.drivername
        raise ConfigurationError(f"the engine {variable!r} is for {kind}, and its driver must be psycopg 3", hint=_HINT)
    return EngineConnector(engine)
