"""A text that nothing shows, and messages without what their names or shapes mark as secrets."""

from __future__ import annotations

import copy
import logging
import pickle
import pprint

import pytest

from fsapi_nb.text.secrets import (
    Secret,
    Variables,
    find_passwords,
    hide_in_arguments,
    hide_in_message,
    is_secret_name,
    is_secret_variable,
)
from tests.canary import CANARY, traces


def test_a_secret_is_shown_by_nothing_and_can_be_revealed(caplog: pytest.LogCaptureFixture) -> None:
    """Formats, prints, logs, copies; a secret of a secret is the same one."""
    secret = Secret(Secret(CANARY))
    logging.getLogger("x").warning("it is %s", secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret} {secret!r} {secret:>9}",
        pprint.pformat({"a": [secret]}),
    ]
    assert not traces(" ".join(shown) + caplog.text)
    assert [copy.copy(secret).reveal(), copy.deepcopy([secret])[0].reveal(), secret] == [CANARY] * 3
    assert type(secret.reveal()) is str
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)


def test_variables_are_shown_by_their_names() -> None:
    """Whatever their values are; those of secrets are secrets."""
    variables = Variables({"DATABASE_URL": CANARY, "HOME": "/root"})
    assert repr(variables) == "Variables(DATABASE_URL, HOME)"
    assert isinstance(variables["DATABASE_URL"], Secret)
    assert variables.get("HOME") == "/root"


@pytest.mark.parametrize(
    "name", ["password", "SMTP_PASSWORD", "app.jwt_secret", "aws_secret_access_key", "apiKey", "refresh_token", "pwd"]
)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    """Of columns, settings, options and parameters."""
    assert is_secret_name(name)
    assert is_secret_variable(name)


@pytest.mark.parametrize(
    "name", ["password_hash", "token_count", "secretary", "primary_key", "monkey", "public_key", "tokens_id"]
)
def test_a_name_that_only_resembles_one_is_none(name: str) -> None:
    """What is said of a secret is none."""
    assert not is_secret_name(name)


@pytest.mark.parametrize("name", ["dsn", "DATABASE_URL", "conn_str", "auth", "db_pass", "token_prod", "PGPASSWORD"])
def test_a_variable_may_hold_an_address_or_say_what_its_secret_is_for(name: str) -> None:
    """More than a column's name may say."""
    assert is_secret_variable(name)
    assert not is_secret_variable("max_token_count")


@pytest.mark.parametrize(
    "message",
    [
        f"could not open postgresql://shop:{CANARY}@host:5432/x",
        f"shop:{CANARY}@host refused",
        f"{{'access_token': '{CANARY}', 'a': 1}}",
        f"api-key? client_secret={CANARY}",
        "eyJhbGciOiJIUzI1NiJ9.eyJrUTd2Wg.kQ7v-Zr9_wX2mB5",
        "ghp_kQ7vZr9wX2mB5kQ7vZr9wX2mB5 is not valid",
        "npm_kQ7vZr9wX2mB5kQ7vZr9wX2mB5kQ7vZr9wX2 is not valid",
        "'-----BEGIN PRIVATE KEY-----\nkQ7vZr9wX2mB5kQ7\n-----END PRIVATE KEY-----' is not valid",
    ],
)
def test_a_message_is_shown_without_its_secrets(message: str) -> None:
    """By a name, an address, or the shape of a token."""
    shown = hide_in_message(message)
    assert "***" in shown
    assert not traces(shown)
    assert "kQ7v" not in shown


@pytest.mark.parametrize(
    "message",
    [
        'password authentication failed for user "shop"',
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        "the token has expired; see https://example.org/login",
        "mail ada@example.org: not found",
    ],
)
def test_a_message_without_a_secret_stays(message: str) -> None:
    """Words are no secrets."""
    assert hide_in_message(message) == message


def test_arguments_and_addresses() -> None:
    """A program's argument behind an option, and what either form of a connection string holds."""
    assert hide_in_arguments(["get", "--access-token", "x", "--user", "y"]) == [
        "get",
        "--access-token",
        "***",
        "--user",
        "y",
    ]
    assert set(find_passwords("postgresql://u:a%40b@h/d")) == {"a%40b", "a@b"}
    assert set(find_passwords("host=h password='a b' user=u")) == {"a b"}
    assert set(find_passwords("postgresql://h/d?password=xy&user=u")) == {"xy"}
