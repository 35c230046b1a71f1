"""Which project and which database: the order of precedence, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb import Migrator
from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.postgres.protection import Endpoint, is_protected
from fsapi_nb.project.address import find_address
from fsapi_nb.project.root import Project, find_project
from fsapi_nb.text.secrets import revealed

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
    stage = Project(tmp_path, {"databases": {"stage": {"url_env": "STAGE", "protected": True}}})
    assert find_address(stage, option="embedded:safe", environment={"STAGE": "embedded:safe"}).protected
    plain = Project(tmp_path, {"databases": {"safe": {"url": "embedded", "protected": True}}})
    assert find_address(plain, environment={}).protected
    assert find_address(plain, option="embedded:fsapi", environment={}).protected


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


EMPTY_OR_PARTIAL = [
    ({"DATABASE_URL": ""}, "DATABASE_URL in the environment is empty"),
    ({"DATABASE_URL": " \n"}, "DATABASE_URL in the environment is empty"),
    ({"DATABASE_URL": "", "DB_HOST": "h", "DB_NAME": "d"}, "DATABASE_URL in the environment is empty"),
    ({"DB_USER": "u", "DB_PASS": "p"}, "DB_USER, DB_PASS in the environment do not say which database"),
    ({"DB_HOST": "h"}, "DB_HOST in the environment does not say which database"),
    ({"DB_HOST": "", "DB_NAME": "d"}, "DB_HOST in the environment is empty"),
    ({"DB_HOST": "h", "DB_NAME": ""}, "DB_NAME in the environment is empty"),
    ({"DB_HOST": "h", "DB_NAME": "d", "DB_PASS": ""}, "DB_PASS in the environment is empty"),
    ({"PGHOST": ""}, "PGHOST in the environment is empty"),
    ({"PGDATABASE": ""}, "PGDATABASE in the environment is empty"),
    ({"PGPASSWORD": "p"}, "PGPASSWORD in the environment does not say which database"),
    ({"PGUSER": "u", "PGPORT": "5432"}, "PGPORT, PGUSER in the environment do not say which database"),
    ({"FSAPI_NB_DATABASE": ""}, "the runbook's --database is empty"),
]


@pytest.mark.parametrize(("environment", "message"), EMPTY_OR_PARTIAL)
def test_what_is_empty_or_incomplete_leads_nowhere_else(
    tmp_path: Path, environment: dict[str, str], message: str
) -> None:
    """Not to the embedded server, and not to what the next place says."""
    for table in ({}, {"database": "dev", "databases": {"dev": "postgresql://localhost/dev"}}):
        if table and message.startswith("PG"):
            continue  # pyproject.toml comes first
        with pytest.raises(ConfigurationError, match=message):
            find_address(Project(tmp_path, table), environment=environment)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DATABASE_URL=\n", "DATABASE_URL in .env is empty"),
        ("DATABASE_URL\n", "DATABASE_URL in .env is empty"),
        ("DB_HOST=h\nDB_NAME=\n", "DB_NAME in .env is empty"),
        ("DB_USER=u\nDB_PASS=p\n", "DB_USER, DB_PASS in .env do not say which database"),
        ("DATABASE_URL='postgresql://h/d\n", "line 1 of .env cannot be read"),
    ],
)
def test_what_is_empty_or_incomplete_in_the_env_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A line that cannot be read as well: it was meant to say something."""
    (tmp_path / ".env").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        find_address(Project(tmp_path), environment={})


@pytest.mark.parametrize(
    ("names", "right"),
    [
        (("DB_HOSTNAME",), "call it DB_HOST,"),
        (("DATABASE_URI",), "call it DATABASE_URL,"),
        (("DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"), "call them DB_NAME, DB_USER, DB_PASS,"),
        (("PGDBNAME",), "call it PGDATABASE,"),
        (("database_url",), "call it DATABASE_URL,"),
        (("Db_Host", "db_database"), "call them DB_HOST, DB_NAME,"),
    ],
)
def test_the_names_of_other_programs_do_not_lead_to_the_embedded_server(
    tmp_path: Path, names: tuple[str, ...], right: str
) -> None:
    """In the environment or in `.env`; what names a database, or says `embedded`, makes them somebody else's affair."""
    set_so = dict.fromkeys(names, "x")
    with pytest.raises(ConfigurationError, match=f"nothing reads {', '.join(names)} in the environment") as caught:
        find_address(Project(tmp_path), environment=set_so)
    assert right in (caught.value.hint or "")
    assert find_address(Project(tmp_path), environment={**set_so, "DATABASE_URL": "postgresql://h/d"})
    assert find_address(Project(tmp_path), option="embedded", environment=set_so)
    (tmp_path / ".env").write_text("".join(f"{name}=x\n" for name in names))
    with pytest.raises(ConfigurationError, match=r"in \.env"):
        find_address(Project(tmp_path), environment={})


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1])
def test_a_wait_without_an_end_is_refused(tmp_path: Path, seconds: float) -> None:
    """No moment would be behind it."""
    with pytest.raises(UsageError, match="nobody can wait"):
        Migrator("host=/nowhere", tmp_path, max_wait=seconds)


DOTENV = "DB_HOST=db.example\nDB_PORT=5433\nDB_USER=me\nDB_PASS=x\nDB_NAME=shop\n"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"DB_NAME": "np"}, {"dbname": "np"}),
        ({"DB_PASS": "y", "DB_USER": "you"}, {"password": "y", "user": "you"}),
        ({"DB_NAME": "np", "PGHOST": "elsewhere"}, {"dbname": "np"}),
        ({"DB_PORT": "1"}, {"port": "1"}),
    ],
)
def test_the_environment_changes_a_part_of_what_the_env_file_says(
    tmp_path: Path, changed: dict[str, str], expected: dict[str, str]
) -> None:
    """As fsapi reads both: the rest is that of the file, and not another server that libpq would take."""
    (tmp_path / ".env").write_text(DOTENV)
    address = find_address(Project(tmp_path), environment=changed)
    whole = {"host": "db.example", "port": "5433", "user": "me", "password": "x", "dbname": "shop"}
    assert conninfo_to_dict(revealed(address.dsn or "")) == whole | expected
    assert address.place == "DB_* in the environment and .env"
    assert [request.file for request in address.requests] == [".env"]


def test_an_environment_that_says_where_takes_nothing_from_the_env_file(tmp_path: Path) -> None:
    """Neither a port nor a password of another server."""
    (tmp_path / ".env").write_text(DOTENV)
    address = find_address(Project(tmp_path), environment={"DB_HOST": "h", "DB_NAME": "d"})
    assert conninfo_to_dict(revealed(address.dsn or "")) == {"host": "h", "dbname": "d"}
    assert not address.requests


@pytest.mark.parametrize(
    ("changed", "text", "message"),
    [
        ({"DB_NAME": "np"}, "DATABASE_URL=postgresql://h/d\n", "DB_NAME in the environment does not say where"),
        ({"DB_NAME": ""}, DOTENV, "DB_NAME in the environment is empty"),
        ({"DB_NAME": "np"}, "DB_HOST=\n", "DB_HOST in .env is empty"),
        ({"DB_PASS": "p"}, "DB_HOST=h\n", "in the environment and .env do not say which database"),
    ],
)
def test_two_places_that_name_a_database_in_part_are_refused(
    tmp_path: Path, changed: dict[str, str], text: str, message: str
) -> None:
    """An address in the file, a value that is empty, and what both together leave open."""
    (tmp_path / ".env").write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        find_address(Project(tmp_path), environment=changed)


def test_the_way_out_of_an_incomplete_env_file_is_in_that_file(tmp_path: Path) -> None:
    """Unsetting a variable would change nothing."""
    (tmp_path / ".env").write_text("DB_USER=me\nDB_PASS=x\n")
    with pytest.raises(ConfigurationError, match="or take DB_USER, DB_PASS out of .env; the embedded server"):
        find_address(Project(tmp_path), environment={})


@pytest.mark.parametrize("option", ["", " ", "\n"])
def test_an_empty_option_is_refused(tmp_path: Path, option: str) -> None:
    """A shell's unset variable must not mean another database."""
    with pytest.raises(ConfigurationError, match="--database is empty"):
        find_address(Project(tmp_path), option=option, environment=EVERYTHING)


@pytest.mark.parametrize("option", ["directory", "postgres_bin", "lock_timeout"])
def test_other_empty_options_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """An empty folder's name would be the working directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"^--[a-z-]+ is empty"):
        Migrator(**{option: ""})  # type: ignore[arg-type]


def test_a_url_env_that_is_empty_is_refused(tmp_path: Path) -> None:
    """As one that is not set."""
    with pytest.raises(ConfigurationError, match="STAGE_URL, which is empty"):
        find_address(Project(tmp_path, TABLE), option="stage", environment={"STAGE_URL": " "})


def test_a_url_without_any_part_is_refused(tmp_path: Path) -> None:
    """It would lead wherever libpq's defaults do."""
    with pytest.raises(ConfigurationError, match="names neither a host nor a database"):
        find_address(Project(tmp_path), environment={"DATABASE_URL": "postgresql://"})


@pytest.mark.parametrize("ending", ["\n", "\r\n", " \n"])
def test_a_line_end_behind_a_url_does_not_count(tmp_path: Path, ending: str) -> None:
    """As a secret that was read from a file has it."""
    address = find_address(Project(tmp_path), environment={"DATABASE_URL": f"postgresql://u@h/d{ending}"})
    assert address.dsn == "postgresql://u@h/d"
    parts = find_address(Project(tmp_path), environment={"DB_HOST": f"h{ending.strip(' ')}", "DB_NAME": "d"})
    assert parts.dsn == "host=h dbname=d"


@pytest.mark.parametrize(
    "parameter",
    [
        "schema=public",
        "currentSchema=app",
        "search_path=app",
        "pgbouncer=true",
        "connection_limit=1",
        "serverVersion=15",
    ],
)
def test_a_parameter_of_other_tools_is_named(tmp_path: Path, parameter: str) -> None:
    """Not taken for special characters in a password."""
    with pytest.raises(ConfigurationError) as caught:
        find_address(Project(tmp_path), environment={"DATABASE_URL": f"postgresql://u:canary@h/d?{parameter}"})
    name = parameter.partition("=")[0]
    assert caught.value.message == (
        f"DATABASE_URL in the environment has the parameter {name!r}, which PostgreSQL does not know"
    )
    assert ("--schema NAME" in (caught.value.hint or "")) == (name in {"schema", "currentSchema", "search_path"})


@pytest.mark.parametrize("url", ["postgresql://u:pa/s?canary=1@h/d", "host=h password=my canary=1"])
def test_a_part_of_a_password_is_not_taken_for_a_parameter(tmp_path: Path, url: str) -> None:
    """What stands behind a question mark or a blank may be one."""
    with pytest.raises(ConfigurationError) as caught:
        find_address(Project(tmp_path), option=url, environment={})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-32"])
def test_the_env_file_is_read_as_editors_write_it(tmp_path: Path, encoding: str) -> None:
    """With or without a byte order mark, in the encoding that it says."""
    text = "DB_HOST=h\nDB_NAME=größe\n"
    raw = b"\xff\xfe" + text.encode("utf-16-le") if encoding.endswith("-bom") else text.encode(encoding)
    (tmp_path / ".env").write_bytes(raw)
    assert find_address(Project(tmp_path), environment={}).dsn == "host=h dbname=größe"


def test_an_env_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """With the line, and without its text."""
    (tmp_path / ".env").write_bytes("DB_HOST=h\nDB_PASS=größe\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read: line 2 is not UTF-8"):
        find_address(Project(tmp_path), environment={})


@pytest.mark.parametrize("password", ["a${HOME}b", "${SECRET:-x}", "$HOME"])
def test_the_env_file_is_taken_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """No variable of the environment gets into an address, and no password is damaged."""
    monkeypatch.setenv("SECRET", "canary")
    (tmp_path / ".env").write_text(f"DB_HOST=h\nDB_NAME=d\nDB_PASS={password}\n")
    dsn = find_address(Project(tmp_path), environment={}).dsn
    assert conninfo_to_dict(dsn or "")["password"] == password


SHOP = Endpoint("db.example", "192.0.2.7", 5432, "shop")


@pytest.mark.parametrize(
    ("url", "reached", "protected"),
    [
        ("service=shop", SHOP, True),
        ("postgresql:///?service=shop", SHOP, True),
        ("service=shop", Endpoint("db.example", "192.0.2.7", 5432, "other"), False),
        ("service=shop dbname=other", SHOP, False),
        ("service=nowhere", SHOP, True),
        ("not a connection string", SHOP, True),
        ("postgresql://u:p%zz@192.0.2.8/other", SHOP, True),
        ("host=192.0.2.8 dbname=other password=two words", SHOP, True),
        ("host=db.example hostaddr=192.0.2.7 dbname=shop", Endpoint("192.0.2.7", "192.0.2.7", 5432, "shop"), True),
        ("host=other.example hostaddr=192.0.2.7 dbname=shop", SHOP, True),
        ("host=a.invalid,192.0.2.7 port=1,5432 dbname=shop", SHOP, True),
        ("postgresql://unknown.invalid/shop", SHOP, True),
        ("postgresql://unknown.invalid:5433/shop", SHOP, False),
        ("postgresql://192.0.2.7:6432/shop", SHOP, True),
        ("postgresql://192.0.2.8/shop", SHOP, False),
        ("postgresql://192.0.2.7/shop", Endpoint("/tmp", "", 5432, "shop", by_function=True), True),
        ("postgresql://192.0.2.7/shop", Endpoint("127.0.0.1", "127.0.0.1", 3307, "shop", by_function=True), True),
        ("postgresql://192.0.2.7/shop", Endpoint("127.0.0.1", "127.0.0.1", 3307, "other", by_function=True), False),
    ],
)
def test_protection_sees_services_and_is_on_in_doubt(
    tmp_path: Path, url: str, reached: Endpoint, protected: bool
) -> None:
    """Service files, hostaddr, lists of hosts, ports of poolers, names that cannot be looked up, functions."""
    (tmp_path / "services").write_text("# ours\n[other]\nhost=x\n[shop]\nhost=192.0.2.7\nport=5432\ndbname=shop\n")
    project = Project(tmp_path, {"databases": {"prod": {"url": url, "protected": True}}})
    environment = {"PGSERVICEFILE": str(tmp_path / "services")}
    assert is_protected(project, reached, environment=environment) is protected


def test_what_is_known_only_when_it_is_opened_protects_everything_but_what_says_false(tmp_path: Path) -> None:
    """A function may lead anywhere; a database whose own entry says `protected = false` is not in doubt."""
    project = Project(tmp_path, {"databases": {"prod": {"connect": "shop.db:connect", "protected": True}}})
    assert is_protected(project, SHOP, environment={})
    assert not is_protected(project, SHOP, unless_sure=True, environment={})


def test_libpqs_variables_lead_a_protected_url_as_they_lead_a_connection(tmp_path: Path) -> None:
    """PGSERVICE, PGHOSTADDR and PGDATABASE say what the URL leaves out."""
    (tmp_path / "services").write_text("[shop]\nhost=192.0.2.7\ndbname=shop\n")
    project = Project(tmp_path, {"databases": {"prod": {"url": "user=app", "protected": True}}})
    service = {"PGSERVICE": "shop", "PGSERVICEFILE": str(tmp_path / "services")}
    assert is_protected(project, SHOP, environment=service)
    assert is_protected(project, SHOP, environment={"PGHOSTADDR": "192.0.2.7", "PGDATABASE": "shop"})
    assert not is_protected(project, SHOP, environment={"PGHOSTADDR": "192.0.2.9", "PGDATABASE": "shop"})
