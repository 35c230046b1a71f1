"""`[tool.fsapi_nb]`: every key and every type is checked, so that a safety cannot be misspelt into silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb import cli
from fsapi_nb.errors import ConfigurationError, FsapiError
from fsapi_nb.project.root import find_project

PROD = '[tool.fsapi_nb.databases.prod]\nurl = "postgresql://db.example/shop"\n'


def refusal(tmp_path: Path, text: str) -> ConfigurationError:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        find_project(tmp_path)
    return caught.value


@pytest.mark.parametrize(
    ("key", "right"),
    [("Protected", "protected"), ("protectd", "protected"), ("uri", "url"), ("password-command", "password_command")],
)
def test_an_unknown_key_of_a_database_is_refused(tmp_path: Path, key: str, right: str) -> None:
    """With the key that was meant; the database is not taken for an unprotected one."""
    error = refusal(tmp_path, f"{PROD}{key} = true\n")
    assert error.message == f"[tool.fsapi_nb.databases.prod] in pyproject.toml has no setting {key!r}"
    assert error.hint is not None
    assert error.hint.startswith(f"write {right}; the settings are connect, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool]\nfsapi_nb = 3\n", r"\[tool.fsapi_nb\] in pyproject.toml must be a table \(it is a number\)"),
        ("[tool]\nfsapi_nb = []\n", r"must be a table \(it is empty\)"),
        ("[[tool.fsapi_nb]]\n", r"must be a table \(it is a list\)"),
        ("[[tool]]\n", r"tool in pyproject.toml must be a table \(it is a list\)"),
        ("tool = []\n", r"tool in pyproject.toml must be a table \(it is empty\)"),
        ("tool = 'x'\n", r"tool in pyproject.toml must be a table \(it is a text\)"),
        ("[tool.fsapi_nb]\ntable = 'a.b'\n", "table of .* is a name without its schema"),
        ("[tool.fsapi_nb]\ndatabases = 3\n", "databases of .* must be a table"),
        ("[tool.fsapi_nb]\ndatabases = ['a']\n", "databases of .* must be a table"),
        ("[tool.fsapi_nb]\ntable = 3\n", "table of .* must be a text that is not empty"),
        ("[tool.fsapi_nb]\ntable = ''\n", r"must be a text that is not empty \(it is empty\)"),
        ("[tool.fsapi_nb]\nschemas = 'public'\n", "schemas of .* must be a list of names"),
        ("[tool.fsapi_nb]\nschemas = []\n", "schemas of .* must be a list of names"),
        ("[tool.fsapi_nb]\nschemas = ['a', 3]\n", "schemas of .* must be a list of names"),
        ("[tool.fsapi_nb]\nschema = ['x']\n", "schema of .* must be a text"),
        ("[tool.fsapi_nb]\nlock_timeout = 5\n", "lock_timeout of .* must be a duration"),
        ("[tool.fsapi_nb]\nlock_timeout = '5 sec'\n", "lock_timeout of .* must be a duration"),
        ("[tool.fsapi_nb]\nmigrations = false\n", "migrations of .* must be a text"),
        ("[tool.fsapi_nb]\ndatabase = 1979-05-27\n", r"database of .* \(it is a date or time\)"),
        ("[tool.fsapi_nb.databases]\nprod = 3\n", r"\[tool.fsapi_nb.databases.prod\] .* must be a table"),
        ("[tool.fsapi_nb.databases]\nprod = ''\n", "url of .* must be a text that is not empty"),
        ("[tool.fsapi_nb.databases]\nprod = {}\n", "does not say where the database is"),
        ("[tool.fsapi_nb.databases]\n'' = 'postgresql://h/d'\n", "cannot be named ''"),
        ("[tool.fsapi_nb.databases]\nembedded = 'postgresql://h/d'\n", "cannot be named 'embedded'"),
        (f"{PROD}protected = 'yes'\n", r"protected of .* must be true or false \(it is a text\)"),
        (f"{PROD}protected = 1\n", "protected of .* must be true or false"),
        (f"{PROD}url_env = 'PROD'\n", "has both url and url_env"),
        (f"{PROD}password_for = '5min'\n", "has password_for without password_command"),
        (f"{PROD}password_command = 'aws'\n", "password_command of .* must be a list of arguments"),
        (f"{PROD}password_command = []\n", "password_command of .* must be a list of arguments"),
        (f"{PROD}password_command = ['x', '{{hots}}']\n", "no placeholder but {host}, {port} and {user}"),
        ("[tool.fsapi_nb.databases.a]\nconnect = 'module'\n", 'must be "package.module:function"'),
        ("[tool.fsapi_nb.databases.a]\nurl = 'embedded'\npassword_command = ['x']\n", "is about the embedded server"),
        ("[tool.fsapi-nb]\ntable = 'x'\n", r"has a table \[tool.fsapi-nb\], which nothing reads"),
        ("[fsapi_nb]\ntable = 'x'\n", r"has a table \[fsapi_nb\], which nothing reads"),
        ("[tool.fsapi_nv]\ntable = 'x'\n", r"has a table \[tool.fsapi_nv\], which nothing reads"),
        ("[tool.fspai_nb.databases.prod]\nprotected = true\n", r"has a table \[tool.fspai_nb\], which nothing reads"),
        (
            "[tool.fsapi_nb]\nlock_timeout = '5 parsecs'\n",
            r"lock_timeout of .* must be a duration .*\(it is another text\)",
        ),
        (f"{PROD}pooler = 'transaction'\n", r'pooler of .* must be "session" \(it is another text\)'),
        ("[tool.FSAPI_NB]\ntable = 'x'\n", r"has a table \[tool.FSAPI_NB\], which nothing reads"),
    ],
)
def test_every_shape_is_taken_as_it_is_meant_or_refused(tmp_path: Path, text: str, message: str) -> None:
    """No shape of the table ends in a traceback, and none is passed over."""
    with pytest.raises(ConfigurationError, match=message):
        (tmp_path / "pyproject.toml").write_text(text)
        find_project(tmp_path)


def test_a_table_with_its_schema_is_refused_with_the_way_to_say_it(tmp_path: Path) -> None:
    """It would be the name of a table that has a dot in it."""
    error = refusal(tmp_path, '[tool.fsapi_nb]\ntable = "public.migrations"\n')
    assert error.hint == 'name the schema by a setting of its own: schema = "public" and table = "migrations".'


@pytest.mark.parametrize(
    "setting",
    ["migrations = 'a\\u0000'", "postgres_bin = '\\u0000'", "table = 't\\u0000'", "schemas = ['a', 'b\\u0000']"],
)
def test_a_null_character_is_refused(tmp_path: Path, setting: str) -> None:
    """No path and no name has one, and nothing that takes one says what is wrong."""
    error = refusal(tmp_path, f"[tool.fsapi_nb]\n{setting.replace(chr(39), chr(34))}\n")
    assert error.message == f"{setting.split(maxsplit=1)[0]} of [tool.fsapi_nb] in pyproject.toml has a null character"


@pytest.mark.parametrize("setting", ["migrations", "postgres_bin", "--dir", "--postgres-bin", "trust"])
def test_a_home_folder_that_is_nobodys_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    """`~name` is the folder of an account, which this machine may not have."""
    monkeypatch.chdir(tmp_path)
    option = [setting, "~nobody-at-all/x"]
    if setting in {"migrations", "postgres_bin"}:
        (tmp_path / "pyproject.toml").write_text(f'[tool.fsapi_nb]\n{setting} = "~nobody-at-all/x"\n')
    words = option if setting == "trust" else ["migrate:status", *(option if setting.startswith("--") else ())]
    assert cli.main(words) == 2
    assert "begins with ~nobody-at-all, whose folder is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    "value", ["3", "3.5", "true", "'x'", "''", "[]", "[[]]", "{}", "{x = 1}", "1979-05-27", "[{}]"]
)
@pytest.mark.parametrize(
    "key",
    [
        "database",
        "databases",
        "lock_timeout",
        "migrations",
        "postgres_bin",
        "schema",
        "schemas",
        "scratch",
        "pooler",
        "table",
        "databases.a",
    ]
    + [
        f"databases.a.{key}"
        for key in ("url", "url_env", "protected", "connect", "password_command", "password_for", "schema", "pooler")
    ],
)
def test_no_value_of_any_key_ends_in_a_traceback(tmp_path: Path, key: str, value: str) -> None:
    """Each is taken, or refused by an error that says which key it is."""
    (tmp_path / "pyproject.toml").write_text(f"[tool.fsapi_nb]\n{key} = {value}\n")
    try:
        table = find_project(tmp_path).table
    except FsapiError as error:
        assert key.rpartition(".")[2] in str(error) or "databases" in str(error)
    else:
        assert table


def test_a_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """A protected database would be an unprotected one."""
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ConfigurationError, match="pyproject.toml cannot be read: Is a directory"):
        find_project(tmp_path)


def test_a_url_is_in_no_repr_of_the_project(tmp_path: Path) -> None:
    """A traceback that shows values shows it, and it may hold a password."""
    (tmp_path / "pyproject.toml").write_text(PROD.replace("//", "//app:canary@"))
    assert "canary" not in repr(find_project(tmp_path))
