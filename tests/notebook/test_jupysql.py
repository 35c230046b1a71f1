"""`--database jupysql`: the database of JupySQL's connection, on a connection of our own. In a kernel-like process of
its own, since JupySQL changes the shell and takes seconds to load."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import Project

SCRIPT = """
import sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "fsapi_nb")

def run(line):
    try:
        print(shell.run_line_magic("migrate", line))
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])

run("status --database jupysql")
shell.run_line_magic("load_ext", "sql")
run("status --database jupysql")
shell.run_line_magic("config", "SqlMagic.displaycon = False")
shell.run_line_magic("sql", "sqlite://")
run("status --database jupysql")
shell.run_line_magic("sql", sys.argv[1])
run("--database jupysql")
shell.run_line_magic("sql", "SELECT 1 FROM one")
run("status --database jupysql")
"""


def test_jupysqls_database_is_used_where_it_is_asked_for(project: Project) -> None:
    """Whatever it is connected to now; and without a connection that is said."""
    project.write("one", "CREATE TABLE one (i int);")
    url = "postgresql+psycopg:///?" + "&".join(part.replace(" ", "") for part in project.database.split(" "))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, url], cwd=project.root, capture_output=True, text=True, check=False
    )
    lines = [
        line for line in done.stdout.splitlines() if not line.startswith(("Running", "Connecting", "Closing", "+", "|"))
    ]
    assert lines[:2] == ["ConfigurationError JupySQL has no connection whose database could be used"] * 2, done.stderr
    assert lines[2] == "ConfigurationError JupySQL is connected to sqlite, not to PostgreSQL"
    assert "Applied 1 migration." in lines
    assert any(line.endswith(": 1 applied") for line in lines)
    assert project.has("one")
