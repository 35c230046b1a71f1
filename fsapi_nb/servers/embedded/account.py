"""The account that a server runs as.

PostgreSQL refuses to run as root, so root's servers run as an account without rights. Accounts are looked up here; none
is made or changed.
"""

from __future__ import annotations

import pwd
from dataclasses import dataclass

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE

_POWERLESS = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system."""

    uid: int
    gid: int
    name: str


def account_of(uid: int) -> Account:
    """Return the account of that number. Raises EmbeddedServerError if it has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedServerError(
            f"the account with number {uid} has no name on this machine, and PostgreSQL does not run without one",
            hint=f"add a line for it to /etc/passwd, or run as a user that has one. {OTHER_DATABASE}",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def powerless_account() -> Account:
    """Return the account that PostgreSQL runs as if this process is root's.

    Raises EmbeddedServerError if there is none.
    """
    try:
        return account_of(pwd.getpwnam(_POWERLESS).pw_uid)
    except KeyError:
        raise EmbeddedServerError(
            f"PostgreSQL refuses to run as root, and this machine has no account {_POWERLESS} for it",
            hint=f"run as another user than root. {OTHER_DATABASE}",
        ) from None
