"""Every refusal about the history, with its tables under another name in another schema: what is shown can be pasted.

Names that must be quoted; the SQL that a refusal shows is run as it stands, the commands are read by the terminal's parser.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.cli import _verb_of
from fsapi_nb.commands import parser_of
from fsapi_nb.errors import FsapiError
from fsapi_nb.text.command import Face, commands_of
from tests.conftest import Project

SCHEMA, TABLE = "Audit log", "His tory"
HISTORY, SCRIPTS, JOURNAL = (f'"{SCHEMA}"."{TABLE}{end}"' for end in ("", "_scripts", "_journal"))
SETTINGS = f'[tool.fsapi_nb]\nschema = "{SCHEMA}"\ntable = "{TABLE}"\n'
_SQL = re.compile(r"\b(?:SELECT|DELETE FROM|ALTER|GRANT|REVOKE|CREATE SCHEMA)\b [^;]*;")
_HALF = "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; RAISE EXCEPTION 'boom'; END $$;"
_SWALLOW = "CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"


@pytest.fixture
def named(project: Project) -> Project:
    """One applied migration, recorded under those names."""
    project.rows(f'CREATE SCHEMA "{SCHEMA}"')
    (project.root / "pyproject.toml").write_text(SETTINGS)
    project.write("a", "CREATE TABLE t (i int);", "DROP TABLE t;")
    project.migrator().migrate()
    return project


@pytest.fixture
def role(named: Project) -> Iterator[str]:
    """A role that may do nothing with the history; its name must be written in quotes."""
    name = f"Other {named.value('SELECT current_database()')}"
    named.rows(f'CREATE ROLE "{name}" LOGIN; GRANT CREATE ON SCHEMA public TO "{name}"')
    yield name
    named.rows(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def refusal(run: Callable[[], object]) -> FsapiError:
    """The error; it names no table of the history by a name that is not this project's."""
    with pytest.raises(FsapiError) as caught:
        run()
    text = str(caught.value)
    assert not re.search(r"\bmigrations(_journal|_scripts)?\b(?!/)", text.replace("migrations are", "")), text
    for command in commands_of(caught.value.hint or ""):
        words = shlex.split(command.typed(Face.TERMINAL))
        parser_of(_verb_of(words[1]), prog="sapi").parse_args(words[2:])
    return caught.value


def statements(error: FsapiError) -> list[str]:
    """The SQL that it shows."""
    found = [sql for line in (*error.details, error.hint or "") for sql in _SQL.findall(line)]
    assert found, str(error)
    return found


def test_a_step_in_doubt(named: Project) -> None:
    """The query shows the step; each of the commands is one."""
    named.write("half", f"-- fsapi: transaction=off\n{_HALF}", "SELECT 1;")
    refusal(named.migrator().migrate)
    error = refusal(named.migrator().migrate)
    (query,) = statements(error)
    ((step, state, script),) = named.rows(query)
    assert (step, state) == (1, "started")
    assert "boom" in script
    assert [each.verb for each in commands_of(error.hint or "")] == ["resolve"] * 3


def test_an_event_that_no_verb_writes(named: Project) -> None:
    """It is shown, and taken out."""
    named.rows(f"INSERT INTO {JOURNAL} (run_id, event, state) VALUES (gen_random_uuid(), 'retire', 'done')")
    shown, removed = statements(refusal(named.migrator().status))
    assert len(named.rows(shown)) == 1
    named.rows(removed)
    assert named.migrator().status()


def test_a_retired_row_that_cannot_be_restored(named: Project, role: str) -> None:
    """One that is no JSON is shown and taken out; then one that another role may have written."""
    (name,) = (path.name for path in named.folder.iterdir())
    (named.folder / name).unlink()
    named.migrator().retire([name])
    named.rows(
        f"INSERT INTO {JOURNAL} (run_id, migration, event, state, script) "
        f"VALUES (gen_random_uuid(), '{name}', 'retire', 'done', 'no json')"
    )
    shown, removed = statements(refusal(lambda: named.migrator().retire([name], undo=True)))
    assert len(named.rows(shown)) == 1
    named.rows(removed)
    named.rows(f'GRANT INSERT ON {JOURNAL} TO "{role}"')
    shown, revoke = statements(refusal(lambda: named.migrator().retire([name], undo=True)))
    assert len(named.rows(shown)) == 1
    named.rows(revoke)
    assert named.migrator().retire([name], undo=True)


def test_a_moment_that_python_cannot_hold(named: Project) -> None:
    """The query finds the row."""
    named.rows(f"UPDATE {HISTORY} SET applied_at = 'infinity'")
    (shown,) = statements(refusal(named.migrator().status))
    assert named.value(f"SELECT count(*) FROM ({shown.rstrip(';')}) found") == 1


def test_a_trigger_that_swallows_a_row(named: Project) -> None:
    """It is turned off by the statement."""
    named.rows(_SWALLOW)
    named.rows(f"CREATE TRIGGER quiet BEFORE INSERT ON {HISTORY} FOR EACH ROW EXECUTE FUNCTION public.swallow()")
    named.write("b", "CREATE TABLE b ();")
    (change,) = statements(refusal(named.migrator().migrate))
    named.rows(change)
    assert named.migrator().migrate().done


def test_a_trigger_that_runs_at_commit(named: Project) -> None:
    """It is turned off by the statement."""
    named.rows(_SWALLOW)
    named.rows(
        f"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON {HISTORY} DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.swallow()"
    )
    named.write("b", "CREATE TABLE b ();")
    (change,) = statements(refusal(named.migrator().migrate))
    named.rows(change)
    assert named.migrator().migrate().done


def as_role(named: Project, role: str) -> Migrator:
    return named.migrator(database=make_conninfo(named.database, options="-c role=" + role.replace(" ", "\\ ")))


def test_rights_that_are_missing(named: Project, role: str) -> None:
    """Each refusal says what to grant, until none is left."""
    named.rows(f'GRANT USAGE ON SCHEMA "{SCHEMA}" TO "{role}"')
    named.write("b", "CREATE TABLE b ();")
    for _ in range(5):
        try:
            done = as_role(named, role).migrate().done
        except FsapiError:
            for grant in statements(refusal(as_role(named, role).migrate)):
                named.rows(grant)
        else:
            assert done
            break
    else:
        pytest.fail("the statements do not help")


def test_a_table_that_has_the_historys_name(named: Project) -> None:
    """The statements rename the history, and the next run finds it under the name that the setting says."""
    named.write("b", f"CREATE TABLE {SCRIPTS} (i int);")
    error = refusal(named.migrator().migrate)
    for statement in statements(error):
        named.rows(statement)
    (setting,) = re.findall(r'table = "\w+"', error.hint or "")
    (named.root / "pyproject.toml").write_text(SETTINGS.replace(f'table = "{TABLE}"', setting))
    assert named.migrator().migrate().done


def test_a_schema_that_a_script_drops(named: Project) -> None:
    """The statements move the history out of it."""
    named.write("b", f'DROP SCHEMA "{SCHEMA}" CASCADE;')
    error = refusal(named.migrator().migrate)
    assert f"They are {HISTORY}, {SCRIPTS}, {JOURNAL}." in (error.hint or "")
    for statement in statements(error):
        named.rows(statement)
    (setting,) = re.findall(r'schema = "\w+"', error.hint or "")
    (named.root / "pyproject.toml").write_text(SETTINGS.replace(f'schema = "{SCHEMA}"', setting))
    assert named.migrator().migrate().done


def test_a_history_that_the_setting_names_otherwise(named: Project) -> None:
    """It is found, and the statements give it the name of the setting."""
    (named.root / "pyproject.toml").write_text(SETTINGS.replace(TABLE, "Other name"))
    named.write("b", "CREATE TABLE b ();")
    for statement in statements(refusal(named.migrator().migrate)):
        named.rows(statement)
    assert [each.name for each in named.migrator().migrate().done] == [named_file(named, "b")]


def named_file(project: Project, what: str) -> str:
    (path,) = project.folder.glob(f"*_{what}.sql")
    return path.name


def test_a_name_that_something_else_has(named: Project) -> None:
    """A view, and a table of another tool: neither is taken for the history, and another name works."""
    (named.root / "pyproject.toml").write_text(SETTINGS.replace(TABLE, "fsapi_history"))
    for make in ("CREATE VIEW {} AS SELECT 1 AS id", "CREATE TABLE {} (version text)"):
        named.rows(make.format(f'"{SCHEMA}".fsapi_history'))
        error = refusal(named.migrator().status)
        assert SCHEMA in error.message
        (setting,) = re.findall(r'table = "\w+"', error.hint or "")
        assert setting == 'table = "fsapi_nb_history"'
        named.rows(f'DROP {make.split()[1]} "{SCHEMA}".fsapi_history')


def test_rows_that_are_hidden_from_the_role(named: Project, role: str) -> None:
    """Row-level security on the history: what is to be granted or turned off is named."""
    named.rows(f'GRANT USAGE, CREATE ON SCHEMA "{SCHEMA}" TO "{role}"')
    for table in (HISTORY, SCRIPTS, JOURNAL):
        named.rows(f'GRANT ALL ON {table} TO "{role}"; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
    error = refusal(as_role(named, role).status)
    for statement in _SQL.findall(error.hint or ""):
        named.rows(statement)
    assert as_role(named, role).status()


def test_a_table_that_another_role_has_put_there(named: Project, role: str) -> None:
    """The statement takes it over, or names what the superuser takes over."""
    named.rows(f'ALTER TABLE {JOURNAL} OWNER TO "{role}"')
    error = refusal(named.migrator().status)
    assert JOURNAL in str(error)
    for statement in statements(error):
        named.rows(statement)
    assert named.migrator().status()
