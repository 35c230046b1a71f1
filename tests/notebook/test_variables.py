"""`@name` as a notebook's database: a function that opens connections, a SQLAlchemy engine, or a URL in a variable."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy

from fsapi_nb.errors import CannotConnect, ConfigurationError
from tests.conftest import Project
from tests.notebook.conftest import Cells

TWO = "%%migration two --apply\n-- UP\nCREATE TABLE two (id int);\n"


@pytest.fixture
def opened(cells: Cells, project: Project) -> list[str]:
    """What each connection was opened as, by the function `connect` and the engine `engine` of the notebook."""
    tokens: list[str] = []

    def connect() -> psycopg.Connection[Any]:
        tokens.append(f"function {len(tokens)}")
        return psycopg.connect(project.database)

    def with_token(*arguments: Any) -> None:
        tokens.append(f"engine {len(tokens)}")
        arguments[-1]["application_name"] = tokens[-1]

    url = f"postgresql+psycopg://?{psycopg_query(project.database)}"
    engine = sqlalchemy.create_engine(url)
    sqlalchemy.event.listen(engine, "do_connect", with_token)
    cells.shell.user_ns.update({"connect": connect, "engine": engine, "url": project.database})
    return tokens


def psycopg_query(address: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(address)
    return "&".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@pytest.mark.parametrize("variable", ["connect", "engine"])
def test_each_connection_is_opened_by_the_variable(
    cells: Cells, project: Project, opened: list[str], variable: str
) -> None:
    """By the function, or through the engine's own hooks: a token that it fetches is never an old one."""
    cells.run(f"%config MigrateMagics.database = '@{variable}'")
    cells.run(TWO)
    first = len(opened)
    assert first >= 2  # to look, and to run
    assert project.has("two")
    assert cells.run("%migrate status").identity.label == project.label
    cells.run("%query SELECT 1 AS one")
    assert len(opened) == first + 2
    assert len(set(opened)) == len(opened)


def test_a_line_names_a_variable_too(cells: Cells, project: Project, opened: list[str]) -> None:
    """`--database @name`; a URL in a variable keeps its password out of the cell."""
    cells.run("%config MigrateMagics.database = 'postgresql://nobody@192.0.2.1/nowhere'")
    assert cells.run("%migrate status --database @connect").identity.label == project.label
    assert len(opened) == 1
    assert cells.run("%migrate status --database @url").identity.label == project.label


def test_a_variable_may_be_assigned_anew(cells: Cells, project: Project, opened: list[str]) -> None:
    """It is looked up by each cell."""
    cells.run("%config MigrateMagics.database = '@connect'")
    cells.run("connect = 3")
    with pytest.raises(ConfigurationError, match="the variable 'connect' is of type int, which opens no connection"):
        cells.run("%migrate status")
    cells.run("connect = engine")
    assert cells.run("%migrate status").identity.label == project.label


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("None", "is of type NoneType, which opens no connection"),
        ("psycopg.connect(url)", "is of type Connection, which opens no connection"),
        ("sqlalchemy.create_engine('sqlite://')", "is for sqlite, and its driver must be psycopg 3"),
        ("''", "--database is empty"),
    ],
)
def test_what_leads_to_no_database_is_refused(cells: Cells, opened: list[str], value: str, message: str) -> None:
    """With what a variable should hold."""
    cells.run(f"import psycopg, sqlalchemy\nother = {value}")
    error, _ = cells.fail("%migrate status --database @other")
    assert isinstance(error, ConfigurationError)
    assert message in str(error)
    cells.run("getattr(other, 'close', str)()")


def test_a_name_that_is_not_there_is_refused(cells: Cells) -> None:
    """It does not mean another database."""
    error, _ = cells.fail("%migrate status --database @nowhere")
    assert isinstance(error, ConfigurationError)
    assert error.message == "no variable is named 'nowhere', as the database '@nowhere' says"
    assert isinstance(cells.fail("%migrate status --database ''")[0], ConfigurationError)


def test_an_engine_that_cannot_connect_shows_no_password(cells: Cells) -> None:
    """Nor its URL's password in the driver's message."""
    cells.run("import sqlalchemy\nother = sqlalchemy.create_engine('postgresql+psycopg://u:canary@127.0.0.1:1/d')")
    error, said = cells.fail("%migrate status --database @other")
    assert isinstance(error, CannotConnect)
    assert "canary" not in said + str(error)
