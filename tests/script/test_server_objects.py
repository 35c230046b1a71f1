"""What a script needs of the server: extensions, and roles, wherever a statement names one."""

from __future__ import annotations

import pytest

from fsapi_nb.folder.read import parse_text
from fsapi_nb.script.server_objects import ServerObjects, find_server_objects


def objects(sql: str) -> ServerObjects:
    return find_server_objects(parse_text("2026_01_01_00_00_a.sql", f"-- UP\n{sql}\n").up.parsed.statements)


def test_extensions_are_found_with_the_version_that_is_asked_for() -> None:
    """With every clause that CREATE EXTENSION has, in any order."""
    found = objects("""CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public VERSION '1.1' CASCADE;
    CREATE EXTENSION pgcrypto; DROP EXTENSION hstore;""")
    assert found.extensions == {"uuid-ossp": "1.1", "pgcrypto": None}


@pytest.mark.parametrize(
    ("sql", "roles"),
    [
        ('GRANT SELECT ON t TO a, PUBLIC, CURRENT_USER, "Odd One"', {"a", "Odd One"}),
        ("ALTER TABLE t OWNER TO a", {"a"}),
        ("CREATE POLICY p ON t TO a USING (true)", {"a"}),
        ("CREATE SCHEMA s AUTHORIZATION a", {"a"}),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b", {"a", "b"}),
        ("GRANT a TO b GRANTED BY c", {"a", "b", "c"}),
        ("REASSIGN OWNED BY a TO b", {"a", "b"}),
        ("SET ROLE a", {"a"}),
        ("SET ROLE NONE", set()),
        ("CREATE TABLE role (owner text)", set()),
    ],
)
def test_roles_are_found_wherever_a_statement_names_one(sql: str, roles: set[str]) -> None:
    """Key words such as PUBLIC are no roles."""
    assert objects(f"{sql};").named == roles


def test_a_role_that_the_script_makes_need_not_be_there() -> None:
    """A role that was made before would be in the way of CREATE ROLE."""
    found = objects("CREATE ROLE app; CREATE USER bob IN ROLE app; GRANT app TO reader;")
    assert found.made == {"app", "bob"}
    assert found.named - found.made == {"reader"}
