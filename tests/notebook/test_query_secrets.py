"""A password in SQL that fails is starred, by `query` and `check` as by migrations."""

from __future__ import annotations

import json
import traceback

import pytest

from fsapi_nb import cli
from fsapi_nb.errors import FsapiError
from tests.conftest import Project
from tests.notebook.conftest import Cells

FAILING = [
    "CREATE ROLE r PASSWORD 'hunter2' NONSENSE",
    "SELECT nothing, dblink_connect('host=h password=hunter2')",
    "SELECT 1;\nALTER USER postgres SET x = 1; ALTER ROLE nobody_such PASSWORD 'hunter2', NONSENSE",
    "DO $$ BEGIN EXECUTE 'CREATE ROLE r PASSWORD ''hunter2'' NONSENSE'; END $$",
    "DO $$ BEGIN CREATE ROLE r PASSWORD 'hunter2' CONNECTION LIMIT -7; END $$",
    "CREATE USER MAPPING FOR nobody_such SERVER s OPTIONS (user 'u', password 'hunter2')",
    "SELECT 'postgresql://u:hunter2@host/db' FROM nowhere",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p WITH (nonsense)",
    "SELECT 'hunter2'::text::int AS password",
    "CREATE TEMP TABLE u (n int, password text CHECK (n > 1)); INSERT INTO u (n, password) VALUES (1, 'hunter2')",
    "CREATE TEMP TABLE u (n int, token text UNIQUE); INSERT INTO u VALUES (1, 'hunter2'), (2, 'hunter2')",
]


@pytest.mark.parametrize("text", FAILING)
def test_a_failing_query_echoes_no_password(project: Project, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the message, the line, the context, its JSON."""
    with pytest.raises(FsapiError) as caught:
        project.migrator().query(text)
    assert "hunter2" not in "\n".join(caught.value.lines()) + json.dumps(caught.value.to_json())
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)).replace(repr(text), "")
    assert cli.main(["--database", project.database, "query", text]) == 1
    assert cli.main(["--database", project.database, "query", "--json", text]) == 1
    printed = capsys.readouterr()
    assert "hunter2" not in printed.out + printed.err


def test_a_failing_cell_echoes_no_password(cells: Cells) -> None:
    """A `%query` and a `%%check`, whose text the parser refuses or the server."""
    for cell in (
        "%query CREATE ROLE r PASSWORD 'hunter2' NONSENSE",
        "%%query\nSELECT nothing,\n 'postgresql://u:hunter2@h/d'",
        "%%check it holds\nSELECT nothing, 'postgresql://u:hunter2@h/d'",
        "%%check it holds\nSELECT FROM FROM 'postgresql://u:hunter2@h/d'",
        "%%check it holds\nCREATE ROLE r PASSWORD 'hunter2'",
        "%%check it holds\nSELECT 'hunter2'::text::int AS password",
    ):
        error, shown = cells.fail(cell)
        assert isinstance(error, FsapiError)
        assert "hunter2" not in shown.replace(cell, "")


def test_a_parameter_that_is_a_secret_is_in_nothing_that_the_server_says(cells: Cells) -> None:
    """By its variable's name; what a query gives of it is what was asked for. The values of others are shown."""
    cells.shell.user_ns.update(api_key="hunter2", region="north")
    for sql in ("SELECT $1::int", "SELECT $1::int -- \n, $1"):
        error, shown = cells.fail(f"%%query --param api_key\n{sql}")
        assert isinstance(error, FsapiError)
        assert "hunter2" not in f"{shown}{error.to_json()}"
        assert "***" in shown
    assert '"north"' in cells.fail("%query --param region SELECT $1::int")[1]
    assert cells.run("%query --param api_key SELECT $1 AS value").value[0] == "hunter2"


def test_the_line_that_is_shown_is_starred_and_the_others_are_whole(project: Project) -> None:
    """Where the error's line holds no password, its caret stands."""
    with pytest.raises(FsapiError) as caught:
        project.migrator().query("ALTER ROLE r PASSWORD 'hunter2'\n NONSENSE")
    assert "  2 |  NONSENSE" in caught.value.lines()
    assert any(line.endswith("| " + " " * 1 + "^") for line in caught.value.lines())
    with pytest.raises(FsapiError) as caught:
        project.migrator().query("ALTER ROLE r PASSWORD 'hunter2' NONSENSE")
    assert "  1 | ALTER ROLE r PASSWORD '***' NONSENSE" in caught.value.lines()
