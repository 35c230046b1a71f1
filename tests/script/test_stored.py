"""What is kept of a migration: enough to roll it back without its file, and never a password."""

from __future__ import annotations

import pytest
from hypothesis import given

from fsapi_nb.model.history import StoredScripts
from fsapi_nb.script.migration import read_migration, stored_statements
from fsapi_nb.script.redact import redact_line
from fsapi_nb.script.stored_text import stored_migration, to_store
from tests.script.reading import NAME, File, files, quick, read

SECRET = "hunter2"


@quick
@given(files())
def test_what_is_stored_can_be_read_again(file: File) -> None:
    """The same statements and the same checksum, where no password was taken out."""
    migration = read(file.text)
    stored = to_store(migration)
    assert not stored.redacted
    again = stored_migration(NAME, stored)
    assert again
    assert again.checksum == migration.checksum
    assert [statement.text for statement in again.up.parsed.statements] == [
        s.text for s in migration.up.parsed.statements
    ]
    assert (again.down and again.down.written.text) == (migration.down and migration.down.written.text)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("SELECT 1;\n-- CHECK: it holds\nSELECT 2;\n", "SELECT 3;\n-- CHECK\nSELECT 4;"),
        ("SELECT 1;\n-- UP\nSELECT 2;\n", "-- DOWN\nSELECT 3;\n-- UP\nSELECT 4;"),
        ("SELECT 1;\n-- down with it\n-- DOWN\nSELECT 2", "-- up\nSELECT 3;\n/* down */ SELECT 4"),
    ],
)
def test_no_line_of_what_is_stored_is_a_marker(up: str, down: str) -> None:
    """Where the UP ends and the DOWN begins is known; whatever looks like a marker in them is a comment."""
    again = stored_migration(NAME, StoredScripts(up, down, recorded=True))
    assert again
    assert again.down
    texts = [
        statement.text.splitlines()[-1] for script in (again.up, again.down) for statement in script.parsed.statements
    ]
    assert [text[-1] for text in texts] == ["1", "2", "3", "4"]
    assert not again.up.parsed.checks
    assert stored_statements(up)[1].text.endswith("SELECT 2")


WITH_A_PASSWORD = [
    f"CREATE ROLE r PASSWORD '{SECRET}'",
    f"CREATE ROLE r LOGIN ENCRYPTED\nPASSWORD\n  '{SECRET}' VALID UNTIL '2030-01-01'",
    f"ALTER ROLE r WITH PASSWORD E'{SECRET}\\''",
    f"ALTER ROLE r PASSWORD /* new */ $${SECRET}$$",
    f"ALTER ROLE r PASSWORD $pw${SECRET}'$pw$",
    f"ALTER ROLE r PASSWORD U&'{SECRET}'",
    f"ALTER ROLE r PASSWORD 'it''s {SECRET}'",
    f"ALTER ROLE r PASSWORD '{SECRET}'\n'{SECRET}'",
    f"CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'u', password '{SECRET}')",
    f"ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password '{SECRET}')",
    f"CREATE USER MAPPING FOR u SERVER s OPTIONS (\"password\" '{SECRET}')",
    f"CREATE SUBSCRIPTION s CONNECTION 'host=h password={SECRET} user=u' PUBLICATION p",
    f"CREATE SUBSCRIPTION s CONNECTION 'host=h password=''{SECRET} x'' user=u' PUBLICATION p",
    f"CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:{SECRET}@h/d' PUBLICATION p",
    f"ALTER SUBSCRIPTION s CONNECTION $$host=h password={SECRET}$$",
    f"SELECT dblink_connect('c', 'host=h password={SECRET}')",
    f"SELECT dblink('postgres://u:{SECRET}@h/d', 'SELECT 1')",
    f"DO $$ BEGIN CREATE ROLE r PASSWORD '{SECRET}'; END $$",
    f"DO $$ BEGIN EXECUTE 'CREATE ROLE r PASSWORD ''{SECRET}'''; END $$",
    f"DO $$ BEGIN EXECUTE $x$ CREATE ROLE r PASSWORD '{SECRET}' $x$; END $$",
    f"DO $$ BEGIN /* don't */ PERFORM 1; -- was: PASSWORD '{SECRET}'\nEND $$",
    f"-- ALTER ROLE r PASSWORD '{SECRET}';\nSELECT 1",
    f"/* don't: ALTER ROLE r PASSWORD '{SECRET} */ SELECT 1",
    f"UPDATE users SET password = '{SECRET}'",
    f'INSERT INTO settings VALUES (\'{{"smtp_password": "{SECRET}"}}\')',
    f"DO $$ DECLARE password text := '{SECRET}'; BEGIN END $$",
    f"DO $$ DECLARE a int; db_pwd CONSTANT varchar(20) NOT NULL DEFAULT '{SECRET}'; BEGIN END $$",
    f"SELECT f(password => '{SECRET}')",
    f"SELECT f(1, api_key := '{SECRET}')",
    f"SELECT set_config('app.db_password', '{SECRET}', false)",
    f"SET app.jwt_secret = '{SECRET}'",
    f"ALTER DATABASE d SET app.jwt_secret TO '{SECRET}'",
    f"ALTER ROLE r SET app.token TO '{SECRET}'",
    f"SELECT jsonb_build_object('id', 1, 'client_secret', '{SECRET}')",
    f"INSERT INTO settings (k, v) VALUES ('a','b'), ('smtp_password', '{SECRET}')",
    f"INSERT INTO settings VALUES (1, 'smtp_password', '{SECRET}')",
    f"CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (aws_secret_access_key '{SECRET}')",
    f"CREATE USER MAPPING FOR u SERVER s OPTIONS (\"client_secret\" '{SECRET}')",
    f"UPDATE u SET password = crypt('{SECRET}', gen_salt('bf'))",
    f"UPDATE u SET token='{SECRET}', x=1",
    f"DO $$ BEGIN EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', 'r', '{SECRET}'); END $$",
    f"SELECT format('ALTER ROLE %2$I PASSWORD %1$L', '{SECRET}', 'x')",
    f"-- password: {SECRET}\nSELECT 1",
    f"/* api_key = {SECRET} for staging */ SELECT 1",
    f"-- token: '{SECRET}'\nSELECT 1",
    f"-- secret={SECRET} is old\nSELECT 1",
    f'SELECT \'{{"client_secret": "{SECRET}", "a": 1}}\'::jsonb',
    f"CREATE FUNCTION f(api_token text DEFAULT '{SECRET}') RETURNS int LANGUAGE sql AS 'SELECT 1'",
    f"DO $$ DECLARE v_secret text = '{SECRET}'; BEGIN PERFORM set_config('app.jwt_secret', '{SECRET}', true); END $$",
    f"SELECT pg_temp.f(\"clientSecret\" => E'{SECRET}')",
    f"ALTER SYSTEM SET ssl_passphrase_command TO 'x'; SELECT f(secret => '{SECRET}')",
    f"DO $$ DECLARE password public.citext := '{SECRET}'; BEGIN END $$",
    f"ALTER TABLE u ALTER COLUMN api_key SET DEFAULT '{SECRET}'",
    f"ALTER TABLE u ADD token text NOT NULL DEFAULT '{SECRET}'",
    f"INSERT INTO remotes VALUES (1, 'ghp_{SECRET * 3}')",
    f'SELECT net.http_post(headers := \'{{"Authorization": "Bearer eyJ{SECRET}x.{SECRET}.{SECRET}"}}\')',
    f"SELECT net.http_post(headers := jsonb_build_object('Authorization', 'Bearer {SECRET}-12'))",
    f"-- in use: xoxb-{SECRET}-{SECRET}\nSELECT 1",
    f"INSERT INTO remotes VALUES (1, 'glpat-{SECRET * 3}', 'sk-proj-{SECRET * 4}', 'hvs.{SECRET * 4}')",
    f"INSERT INTO remotes VALUES (1, '-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----')",
    f"UPDATE hooks SET url = 'https://h.example/in?x=1&access_token={SECRET}&y=2'",
    f"CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ api_key = '{SECRET}' $$",
    # By the columns of a list.
    f"INSERT INTO users (email, password) VALUES ('a', '{SECRET}'), ('b', $${SECRET}$$)",
    f"WITH x AS (SELECT 1) INSERT INTO u (a, password) SELECT 'x', '{SECRET}' UNION ALL SELECT 'y', '{SECRET}'",
    f"INSERT INTO u (a) VALUES ('x') ON CONFLICT (a) DO UPDATE SET password = lower('{SECRET}')",
    f"UPDATE u SET (a, password) = ('x', '{SECRET}')",
    f"UPDATE u SET (a, password) = (SELECT 'x', '{SECRET}')",
    f"MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET token = '{SECRET}' || 'x'",
    f"MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (a, token) VALUES ('x', '{SECRET}')",
    f"SELECT * FROM (VALUES ('a', '{SECRET}')) AS t(email, password)",
    f"WITH t(email, password) AS (VALUES ('a', '{SECRET}')) SELECT * FROM t",
    f"SELECT '{SECRET}' AS password",
    f"CREATE TABLE t (a, token) AS SELECT 'x'::text, '{SECRET}'::text",
    f"CREATE VIEW v (a, token) AS SELECT 'x', '{SECRET}'",
    f"INSERT INTO settings (key, note, value) VALUES ('smtp_password', 'of mails', '{SECRET}')",
    f"UPDATE settings SET note = 'x', value = '{SECRET}' WHERE key = 'smtp_password'",
    # In an expression.
    f"UPDATE u SET password = md5('{SECRET}')",
    f"UPDATE u SET password = CASE WHEN a = 'x' THEN '{SECRET}' ELSE coalesce(b, '{SECRET}'::text) END",
    f"SELECT coalesce(password, '{SECRET}') FROM u",
    f"SELECT * FROM u WHERE password <> '{SECRET}' OR token IN ('{SECRET}') OR '{SECRET}' = api_key",
    f"SELECT 1 FROM u WHERE token = ANY (ARRAY['{SECRET}'])",
    f"SELECT json_build_object('a', 1, 'password', encode(sha256('{SECRET}'), 'hex'))",
    f"SELECT set_config('app.secret', '{SECRET}' || 'x', true)",
    f"SELECT pgp_sym_encrypt('body', '{SECRET}')",
    f"SELECT convert_from(pgp_sym_decrypt_bytea(a, '{SECRET}'), 'utf8') FROM t",
    f"SELECT hmac('body', '{SECRET}', 'sha256')",
    f"SELECT dblink_connect('c', 'host=h password=' || '{SECRET}')",
    f"CREATE TABLE t (a text, token text DEFAULT upper('{SECRET}'))",
    f"ALTER TABLE t ALTER token SET DEFAULT 'x' || '{SECRET}'",
    f'SELECT \'{{"password": "a\\"{SECRET}", "tokens": 1}}\'::jsonb',
    f'SELECT \'{{"token": ["{SECRET}", "b"]}}\'::jsonb',
    # Without quotes.
    f"SET app.secret TO {SECRET}",
    f"ALTER SYSTEM SET app.secret = {SECRET}",
    f'ALTER ROLE r SET app.token TO "{SECRET}"',
    # In a body.
    f"DO $$ DECLARE n int; v_password text := md5('{SECRET}'); BEGIN n := 1; END $$",
    (
        f"DO $$ DECLARE n int; BEGIN IF n IS NULL THEN INSERT INTO u (a, token) VALUES ('x', '{SECRET}') "
        "RETURNING a INTO n; END IF; END $$"
    ),
    f"DO $$ BEGIN PERFORM pgp_sym_encrypt('a', '{SECRET}'); END $$",
    f"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC INSERT INTO u (a, token) VALUES ('x', '{SECRET}'); SELECT 1; END",
    f"DO $$ BEGIN EXECUTE 'INSERT INTO u (a, token) VALUES (''x'', ''{SECRET}'')'; END $$",
    f"DO $$ BEGIN EXECUTE 'ALTER ROLE r PASSWORD ' || quote_literal('{SECRET}'); END $$",
    f"DO $$ BEGIN EXECUTE format('INSERT INTO %I (a, token) VALUES (%L, %L)', 'u', 'x', '{SECRET}'); END $$",
    f"DO $$ BEGIN EXECUTE 'INSERT INTO u (a, token) VALUES ($1, $2)' USING 'x', '{SECRET}'; END $$",
]


@pytest.mark.parametrize("text", WITH_A_PASSWORD)
def test_a_password_is_never_stored(text: str) -> None:
    """However it is quoted, in a body, in the address of a server, in a comment; the sections stay where they are."""
    migration = read(f"-- UP\n{text};\nSELECT 1;\n-- DOWN\nSELECT 2;\n")
    assert not migration.up.parsed.problems
    stored = to_store(migration)
    assert stored.up
    assert SECRET not in stored.up
    assert "***" in stored.up
    assert stored.up.endswith("SELECT 1;\n")
    assert not stored.redacted
    again = stored_migration(NAME, stored)
    assert again
    assert again.down
    assert [statement.text for statement in again.down.parsed.statements] == ["SELECT 2"]


@pytest.mark.parametrize("text", WITH_A_PASSWORD)
def test_a_down_without_its_password_is_marked(text: str) -> None:
    """It cannot be run any more, so nobody may try to. One with its stars in a comment can."""
    stored = to_store(read(f"-- UP\nSELECT 1;\n-- DOWN\n{text};"))
    assert stored.redacted is not text.startswith(("--", "/*"))
    assert SECRET not in (stored.down or "")


@pytest.mark.parametrize("text", WITH_A_PASSWORD)
def test_a_password_is_never_shown(text: str) -> None:
    """In no excerpt and no message, wherever the fault is."""
    for broken in (
        f"{text} BROKEN BROKEN;",
        f"BROKEN; {text};",
        f"{text}; SELECT 'unterminated",
        f"{text};\n\\connect x",
    ):
        migration, problems = read_migration(NAME, f"-- UP\n{broken}".encode())
        found = [*problems, *(migration.up.parsed.problems if migration else ())]
        assert found
        assert SECRET not in "".join(line for problem in found for line in problem.lines())


def test_a_misquoted_password_is_not_told() -> None:
    """PostgreSQL's message names the token that it did not expect."""
    for text in (
        f'CREATE ROLE r PASSWORD "{SECRET}"',
        f"CREATE ROLE r PASSWORD = '{SECRET}'",
        f"SELECT 1 PASSWORD '{SECRET}'",
    ):
        (problem,) = read(text).up.parsed.problems
        assert SECRET not in "".join(problem.lines())


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE users (password text NOT NULL, CHECK (password <> ''))",
        "CREATE FUNCTION f() RETURNS bool LANGUAGE sql AS $$ SELECT password = crypt($1, password) FROM users $$",
        "COMMENT ON COLUMN users.password IS 'hashed; see https://example.org/a:b'",
        "CREATE TYPE way AS ENUM ('password', 'token')",
        "ALTER TABLE users RENAME password TO hash",
        "-- passwords are hashed\nSELECT 'it''s'",
        "CREATE TABLE t (token text NOT NULL, password_hash text, api_key uuid DEFAULT gen_random_uuid(), secret bytea)",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE r PASSWORD %L', current_setting('fsapi.app_password')); END $$",
        "SELECT * FROM t WHERE kind IN ('token','password')",
        "INSERT INTO kinds VALUES ('token', 'Token'), ('secret','A secret one')",
        "COMMENT ON COLUMN t.token IS 'the token of the day'",
        "-- token: see the wiki\nSELECT 1",
        "ALTER TABLE t ADD CHECK (token ~ '^[a-z]+$' AND kind = 'x')",
        "SELECT token, 'x' FROM t WHERE token IS NOT NULL AND kind = 'a'",
        "CREATE INDEX token ON t (token) WHERE kind = 'token'",
        "SELECT encode(token, 'hex'), kind = 'a' FROM t",
        "SELECT current_setting('app.jwt_secret')",
        "-- the secret: nobody reads comments\nSELECT 1",
        "SELECT jsonb_build_object('kind','token','x', 'y')",
        "UPDATE t SET token = encode(gen_random_bytes(16), 'hex')",
        "SELECT count(*) FROM token t, x WHERE kind = 'b'",
        "ALTER TABLE t RENAME token TO tok",
        "DO $$ DECLARE token_type text := 'bearer'; n int := 1; BEGIN END $$",
        "GRANT SELECT (token) ON t TO x; COMMENT ON TABLE t IS 'x'",
        "SELECT format('SELECT %L AS token', 'x')",
        "UPDATE t SET token = NULL, kind = 'x'",
        "SELECT token = kind, 'a' = 'b' FROM t",
        "DO $$ BEGIN IF token IS NULL THEN kind := 'x'; END IF; END $$",
        "CREATE TABLE x (token text, kind text DEFAULT 'a', secret bool DEFAULT 'f')",
        "UPDATE x SET is_secret = 'f', has_password = 'TRUE' WHERE NOT secret = 'false'",
        "INSERT INTO ways VALUES ('Bearer authentication'), ('asia'), ('https://h.example/?page=2&token=')",
    ],
)
def test_what_only_speaks_of_passwords_is_kept(text: str) -> None:
    """Else a DOWN that needs no password could not be run."""
    migration = read(f"-- UP\nSELECT 1;\n-- DOWN\n{text};")
    stored = to_store(migration)
    assert not stored.redacted
    assert stored.down == f"{text};"


@pytest.mark.parametrize(
    "line",
    [
        f"LINE 1: CREATE ROLE x PASSWORD '{SECRET}'",
        f"EXECUTE 'ALTER ROLE x PASSWORD ''{SECRET}''';",
        f'PASSWORD "{SECRET}"',
        f"password = '{SECRET}",
        f"ALTER ROLE x PASSWORD $a${SECRET}$a$",
        f"could not connect to postgresql://u:{SECRET}@host/db",
        f"Filter: ((api_key)::text = '{SECRET}'::text)",
        f"Filter: ((u.\"Api_Key\")::character varying(20) = '{SECRET}'::text)",
    ],
)
def test_a_line_can_be_shown(line: str) -> None:
    """Of messages, which have no tokens, by patterns."""
    assert SECRET not in redact_line(line)
    assert redact_line("no secret here: password_hash, é") == "no secret here: password_hash, é"


@pytest.mark.parametrize(
    "line",
    [
        "SELECT current_setting('fsapi.app_password')::int, 'x'",
        "EXECUTE 'ALTER ROLE x PASSWORD ' || quote_literal(current_setting('password')) || ' LOGIN'",
        "PERFORM set_config('app.name', 'x', true), current_setting('app_password'), 'y'",
    ],
)
def test_a_line_that_only_names_a_password_stays_readable(line: str) -> None:
    """The quote behind a name closes it."""
    assert redact_line(line) == line


def test_a_password_in_what_does_not_parse_is_not_stored() -> None:
    """A DOWN that the scanner refuses is kept as it is, less what looks like a password."""
    stored = to_store(read(f"-- UP\nSELECT 1;\n-- DOWN\nALTER ROLE r PASSWORD '{SECRET}"))
    assert stored.down
    assert SECRET not in stored.down


def test_a_migration_without_a_down_stays_irreversible() -> None:
    """And one with an empty DOWN stays a no-op."""
    without = stored_migration(NAME, to_store(read("SELECT 1")))
    empty = stored_migration(NAME, to_store(read("-- UP\nSELECT 1\n-- DOWN")))
    assert without
    assert without.down is None
    assert empty
    assert empty.down
    assert not empty.down.parsed.statements
