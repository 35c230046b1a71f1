"""What the parser's tree tells of a secret: which column a value belongs to, and what an expression is made of."""

from __future__ import annotations

import pytest

from fsapi_nb.model.history import StoredScripts
from fsapi_nb.plan.text_difference import script_difference
from fsapi_nb.script.redact import redact_line, redact_sql, secret_lines
from fsapi_nb.script.stored_text import to_store
from tests.script.reading import read

SECRET = "hunter2"
COPIES = [
    f"COPY users (email, password) FROM stdin;\na@x\t{SECRET}\nit's\t{SECRET}\nnobody\t\\N\n\\.\n",
    f'COPY users (email, password) FROM stdin WITH (FORMAT csv);\na@x,"{SECRET} "" , x"\nb,{SECRET}\n\\.\n',
    f"COPY users FROM stdin CSV HEADER;\nemail,password\na@x,{SECRET}\n\\.\n",
    f"COPY settings (key, value) FROM stdin WITH (DELIMITER ';');\nhost;local\nsmtp_password;{SECRET}\n\\.\n",
    f"COPY hooks (url) FROM stdin;\nhttps://u:{SECRET}@h.example\n\\.\n",
]


@pytest.mark.parametrize("text", COPIES)
def test_a_secret_of_copied_data_is_not_stored(text: str) -> None:
    """By the columns of the COPY, by the header's names, by a key beside it; a DOWN with it is marked."""
    stored = to_store(read(f"-- UP\n{text}SELECT 1;\n-- DOWN\n{text}SELECT 2;\n"))
    assert stored.up is not None
    assert stored.down is not None
    assert SECRET not in stored.up + stored.down
    assert "***" in stored.up
    assert stored.up.endswith("\\.\nSELECT 1;\n")
    assert stored.redacted


@pytest.mark.parametrize(
    "text",
    [
        "COPY users (email, password_hash) FROM stdin;\na\tb c\n\\.\n",
        "COPY words (word, meaning) FROM stdin;\ntoken\twhat opens a door\n\\.\n",
        "INSERT INTO users (password, email) VALUES (NULL, 'ada@example.org')",
        "INSERT INTO words (word, meaning) VALUES ('token', 'A token is …'), ('secret', 'Known to few, and to nobody else.')",
        "INSERT INTO words (key, value) VALUES ('token', 'what opens a door')",
        "INSERT INTO facts (account_key, n) VALUES (12345, 'many')",
        "CREATE TABLE t (password text DEFAULT 'none', token text DEFAULT '', secret text DEFAULT '<secret>')",
        "UPDATE t SET token = encode(gen_random_bytes(16), 'hex'), password = crypt(b, gen_salt('bf', 8))",
        "UPDATE t SET password = current_setting('fsapi.app_password')",
        "UPDATE t SET password = (SELECT hash FROM old WHERE kind = 'first')",
        "UPDATE t SET password = CASE kind WHEN 'first' THEN a ELSE b END",
        "UPDATE t SET value = 'large' WHERE key = 'size'",
        "UPDATE kinds SET label = 'Token' WHERE name = 'token'",
        "SELECT settings ->> 'password' AS password FROM t",
        "SELECT digest(body, 'sha256') AS token, 'hmac' AS kind",
        "SELECT created_at > '2030-01-01' AS is_secret FROM t",
        "DO $$ BEGIN IF token IS NULL THEN kind := 'first'; END IF; END $$",
        "SET app.secret TO DEFAULT",
    ],
)
def test_what_is_not_the_value_of_a_secret_is_kept(text: str) -> None:
    """Stars would say that a secret is written where none is, and keep a DOWN from being run."""
    assert redact_sql(text) == text
    assert not secret_lines(text)


@pytest.mark.parametrize(
    "left", ["(token)::text", "(u.token)::character varying(20)", "token::text", '("Token")::text']
)
def test_a_cast_does_not_hide_whose_value_it_is(left: str) -> None:
    """So the server writes the conditions of indexes, policies and views."""
    assert redact_sql(f"SELECT FROM u WHERE ({left} = 'abc'::text)") == f"SELECT FROM u WHERE ({left} = '***'::text)"


def test_the_default_of_a_domain_is_that_of_its_name() -> None:
    """Quoted or with a schema."""
    for name in ("api_token", "public.api_token", '"Token"'):
        assert redact_sql(f"CREATE DOMAIN {name} AS text DEFAULT 'abc'::text") == (
            f"CREATE DOMAIN {name} AS text DEFAULT '***'::text"
        )


def test_only_the_secret_of_a_row_is_starred() -> None:
    """What stands beside it stays readable."""
    text = "INSERT INTO u (id, email, token, note) VALUES (1, 'a@x', 'abc' || md5('def'), 'n'), (2, 'b@x', NULL, 'm')"
    assert redact_sql(text) == text.replace("abc", "***").replace("def", "***")
    text = "UPDATE u SET (note, token) = (SELECT 'n', encode('abc', 'hex')) WHERE email = 'a@x'"
    assert redact_sql(text) == text.replace("abc", "***")


def test_a_secret_among_very_many_rows_is_found() -> None:
    """Of a statement that is not parsed as a whole: by its column, and by a name in one of the rows."""
    rows = ", ".join(f"({number}, 'a{number}', '{SECRET}')" for number in range(3000))
    by_column = redact_sql(f"INSERT INTO u (id, email, token) VALUES {rows} ON CONFLICT DO NOTHING")
    assert (by_column.count("***"), SECRET in by_column) == (3000, False)
    by_key = redact_sql(f"INSERT INTO u (id, key, value) VALUES {rows}, (1, 'api_key', '{SECRET}')")
    assert by_key.endswith("(1, 'api_key', '***')")
    assert by_key.count("***") == 1


@pytest.mark.parametrize(
    "message",
    [
        f"SQL statement \"INSERT INTO u (email, password) VALUES ('a', '{SECRET}')\"\nPL/pgSQL function f() line 3",
        f"SQL-Anweisung »UPDATE u SET (a, token) = ('x', '{SECRET}')«",
        f"LINE 1: INSERT INTO u (email, password) VALUES ('a', '{SECRET}'), (1",
    ],
)
def test_a_statement_that_a_message_quotes_is_shown_without_its_secrets(message: str) -> None:
    """Whole or cut off, in each language of the server."""
    assert SECRET not in redact_line(message)
    assert "***" in redact_line(message)


def test_a_table_that_the_file_creates_has_columns_with_names() -> None:
    """For an INSERT or a COPY that names none, in the DOWN as well; another table's values stay."""
    rows = f"INSERT INTO app.users VALUES (1, '{SECRET}'), (2, NULL);\nINSERT INTO other VALUES (1, 'seen');\n"
    copied = f"COPY users FROM stdin;\n1\t{SECRET}\n\\.\nSELECT 1;\n"
    created = "CREATE TABLE IF NOT EXISTS app.users (id int, password text, CHECK (id > 0));\n"
    stored = to_store(read(f"-- UP\n{created}{rows}{copied}\n-- DOWN\n{rows}"))
    assert stored.up is not None
    assert stored.down is not None
    assert SECRET not in stored.up + stored.down
    assert (stored.up + stored.down).count("'seen'") == 2
    assert stored.redacted


def test_a_secret_that_an_older_release_has_stored_is_not_shown() -> None:
    """The difference between what ran and the file has both sides."""
    migration = read(f"-- UP\nINSERT INTO u (id, token) VALUES (2, '{SECRET}');\n")
    lines = script_difference(StoredScripts(f"INSERT INTO u (id, token) VALUES (1, '{SECRET}');", None), migration)
    assert [line for line in lines if line[:1] in "+-"][-2:] == [
        "-INSERT INTO u (id, token) VALUES (1, '***');",
        "+INSERT INTO u (id, token) VALUES (2, '***');",
    ]


def test_statements_that_differ_in_their_values_alone_are_judged_by_their_values() -> None:
    """They are parsed once; what a value says still counts: that there is no secret, or the name of one."""
    text = (
        f"INSERT INTO u (n, token) VALUES (1, '{SECRET}'); INSERT INTO u (n, token) VALUES (22, 'none');\n"
        f"INSERT INTO u (n, token) VALUES (3, E'{SECRET}\\''); INSERT INTO u (n, token) VALUES ('{SECRET}', 'abc');\n"
        f"INSERT INTO s (token, key, value) VALUES ('ab', 'host', 'local'), ('cd', 'api_key', '{SECRET}');\n"
        f"INSERT INTO s (token, key, value) VALUES ('ab', 'host', 'local'), ('cd', 'user', '{SECRET}');"
    )
    assert redact_sql(text) == (
        "INSERT INTO u (n, token) VALUES (1, '***'); INSERT INTO u (n, token) VALUES (22, 'none');\n"
        f"INSERT INTO u (n, token) VALUES (3, E'***'); INSERT INTO u (n, token) VALUES ('{SECRET}', '***');\n"
        "INSERT INTO s (token, key, value) VALUES ('***', 'host', 'local'), ('***', 'api_key', '***');\n"
        f"INSERT INTO s (token, key, value) VALUES ('***', 'host', 'local'), ('***', 'user', '{SECRET}');"
    )
