"""Pickle the database of a Migrator, for another process: by its name or URL, never with a password.

In the other process, that name or the environment must lead to the same database: a worker with other settings would
change another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.project.address import Address
from fsapi_nb.text.secrets import SECRET_PARAMETERS, Secret, is_secret_name, revealed


@dataclass(frozen=True, slots=True)
class ShippedDatabase:
    """The `database` argument of a Migrator, and the parts of the address that it led to, without secrets."""

    option: str | Callable[[], Any] | None
    leads_to: Mapping[str, str]

    def refuse_other(self, address: Address) -> None:
        """Raise ConfigurationError if the argument leads to another database here."""
        if _public_parts(address) != self.leads_to:
            raise ConfigurationError(
                "this Migrator was pickled with another database than the one that the settings lead to here",
                state="not connected.",
                hint="set the same environment and pyproject.toml here, or pass the database's name and make a Migrator of it.",
            )


def ship_settings(settings: Mapping[str, Secret] | None) -> dict[str, str] | None:
    """Return what is pickled of a Migrator's settings.

    Raises UsageError for one that is a secret by its name.
    """
    for name in settings or {}:
        if is_secret_name(name):
            raise UsageError(
                f"a Migrator with the secret setting {name!r} cannot be pickled",
                hint="make the Migrator where it is used, and read the secret from the environment there.",
            )
    return None if settings is None else {name: value.reveal() for name, value in settings.items()}


def ship(option: str | Callable[[], Any] | None, address: Address) -> ShippedDatabase:
    """Return what is pickled of a Migrator's database.

    Raises:
        UsageError: The argument is a URL with a password.
    """
    if isinstance(option, str) and address.name is None and SECRET_PARAMETERS & _parts(address).keys():
        raise UsageError(
            "a Migrator whose database is a URL with a password cannot be pickled",
            hint='name the database in pyproject.toml (url_env = "A_VARIABLE") or put the password in ~/.pgpass.',
        )
    plain = revealed(option) if isinstance(option, str) else option
    return ShippedDatabase(plain, _public_parts(address))


def _public_parts(address: Address) -> dict[str, str]:
    parts = {name: value for name, value in _parts(address).items() if name not in SECRET_PARAMETERS}
    return {**parts, "embedded": address.database} if address.embedded else parts


def _parts(address: Address) -> dict[str, str]:
    return {name: str(value) for name, value in conninfo_to_dict(address.dsn or "").items() if value is not None}
