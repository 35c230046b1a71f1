"""Which project and which database: the order of precedence, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb.database.settings import Endpoint, Project, find_address, find_project, is_protected
from fsapi_nb.errors import ConfigurationError

TABLE = {
    "database": "dev",
    "databases": {
        "dev": "postgresql://localhost/dev",
        "prod": {"url": "postgresql://app@db.example.org/shop", "protected": True},
        "stage": {"url_env": "STAGE_URL"},
        "play": {"url": "embedded:play"},
    },
}
EVERYTHING = {
    "DATABASE_URL": "postgresql://from/url",
    "DB_HOST": "fsapi.example.org",
    "DB_PORT": "6543",
    "DB_USER": "joe",
    "DB_PASS": "s3 cret'",
    "DB_NAME": "shop",
    "PGHOST": "libpq.example.org",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in EVERYTHING.items() if not name.startswith(names)}


def test_the_order_of_precedence(tmp_path: Path) -> None:
    """Option, DATABASE_URL, DB_*, .env, pyproject.toml, PG*, embedded: the first that is found."""
    project = Project(tmp_path, TABLE)
    plain = Project(tmp_path)
    assert find_address(project, option="postgresql://o/o", environment=EVERYTHING).dsn == "postgresql://o/o"
    assert find_address(project, environment=EVERYTHING).place == "DATABASE_URL in the environment"
    fsapi = find_address(project, environment=without("DATABASE_URL"))
    assert fsapi.dsn == "host=fsapi.example.org port=6543 user=joe password='s3 cret\\'' dbname=shop"
    (tmp_path / ".env").write_text("DB_NAME=from_env_file\nDB_HOST=h\n")
    assert find_address(project, environment=without("DATABASE_URL", "DB_")).dsn == "host=h dbname=from_env_file"
    (tmp_path / ".env").write_text("OTHER=1\n")
    assert find_address(project, environment=without("DATABASE_URL", "DB_")).name == "dev"
    assert find_address(plain, environment=without("DATABASE_URL", "DB_")).dsn == ""
    embedded = find_address(plain, environment={})
    assert (embedded.dsn, embedded.database) == (None, "fsapi")


def test_names_stand_in_pyproject(tmp_path: Path) -> None:
    """With a URL, a variable that holds one, or the embedded server; and whether they are protected."""
    project = Project(tmp_path, TABLE)
    assert find_address(project, option="prod", environment={}).protected
    assert not find_address(project, option="dev", environment={}).protected
    assert (
        find_address(project, option="stage", environment={"STAGE_URL": "postgresql://s/s"}).dsn == "postgresql://s/s"
    )
    assert find_address(project, option="play", environment={}).database == "play"
    assert find_address(project, option="embedded:other", environment={}).database == "other"
    with pytest.raises(ConfigurationError, match="STAGE_URL, which is not set"):
        find_address(project, option="stage", environment={})
    with pytest.raises(ConfigurationError, match="dev, play, prod, stage, embedded"):
        find_address(project, option="nope", environment={})


@pytest.mark.parametrize(
    ("url", "reached", "protected"),
    [
        ("postgresql://app@127.0.0.1:5433/shop", Endpoint("localhost", "127.0.0.1", 5433, "shop"), True),
        ("postgresql://app@localhost:5433/shop", Endpoint("/tmp/x/..", "", 5433, "shop"), True),
        ("postgresql://app@/shop?host=/var/run/postgresql/", Endpoint("/var/run/postgresql", "", 5432, "shop"), True),
        ("postgresql://a.invalid,127.0.0.1/shop", Endpoint("127.0.0.1", "127.0.0.1", 5432, "shop"), True),
        ("postgresql://shop@localhost", Endpoint("localhost", "::1", 5432, "shop"), True),
        ("postgresql://localhost/shop", Endpoint("localhost", "::1", 5432, "other"), False),
        ("postgresql://localhost:5433/shop", Endpoint("localhost", "::1", 5432, "shop"), False),
        ("postgresql://db.invalid/shop", Endpoint("localhost", "127.0.0.1", 5432, "shop"), False),
    ],
)
def test_a_database_is_protected_by_where_a_connection_went(
    tmp_path: Path, url: str, reached: Endpoint, protected: bool
) -> None:
    """Not by what was typed: sockets, lists of hosts and the environment lead to the same place."""
    project = Project(tmp_path, {"databases": {"prod": {"url": url, "protected": True}, "dev": url}})
    assert is_protected(project, reached, environment={}) is protected


def test_an_embedded_database_is_protected_by_its_name(tmp_path: Path) -> None:
    """However it is asked for."""
    project = Project(tmp_path, {"databases": {"safe": {"url": "embedded:safe", "protected": True}}})
    assert find_address(project, option="embedded:safe", environment={}).protected
    assert not find_address(project, option="embedded:other", environment={}).protected


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_urls_of_other_tools_are_understood(tmp_path: Path, scheme: str) -> None:
    """SQLAlchemy's and Heroku's forms of the same."""
    address = find_address(Project(tmp_path), environment={"DATABASE_URL": f"{scheme}://u:p@h/d"})
    assert address.dsn == "postgresql://u:p@h/d"


def test_a_bad_url_is_refused_without_showing_it(tmp_path: Path) -> None:
    """It may hold a password; nor does any repr."""
    with pytest.raises(ConfigurationError) as caught:
        find_address(Project(tmp_path), environment={"DATABASE_URL": "postgresql://u:canary%zz@h/d"})
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(find_address(Project(tmp_path), option="postgresql://u:canary@h/d", environment={}))


def test_the_project_is_the_nearest_folder_with_migrations(tmp_path: Path) -> None:
    """So that a notebook in notebooks/ finds ../migrations."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    assert find_project(tmp_path / "notebooks" / "deep").root == tmp_path
    (tmp_path / "notebooks" / "pyproject.toml").write_text("[tool.other]\n")
    assert find_project(tmp_path / "notebooks").root == tmp_path
    (tmp_path / "notebooks" / "pyproject.toml").write_text('[tool.fsapi_nb]\nmigrations = "sql"\n')
    assert find_project(tmp_path / "notebooks").table == {"migrations": "sql"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("[tool.fsapi_nb]\nmigration = 'x'\n", "no setting 'migration'"), ("[tool.fsapi_nb\n", "cannot be read")],
)
def test_a_bad_pyproject_is_told(tmp_path: Path, text: str, message: str) -> None:
    """A setting with a typo must not be passed over."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        find_project(tmp_path)
