"""Write a connection string as a URL, which every driver and SQLAlchemy take.

Its repr hides what is secret. Connects to nothing. `dsn` reads what was typed.
"""

from __future__ import annotations

from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.text.secrets import SECRET_PARAMETERS, STARS


class DatabaseUrl(str):
    """The URL of a database, password included.

    Its repr, which tracebacks and test reports show, has `***` in place of the password.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        parts = _parts(self)
        return repr(_url({**parts, **{name: STARS for name in SECRET_PARAMETERS if name in parts}}))


def as_url(conninfo: str) -> DatabaseUrl:
    """Return a connection string of libpq, of either form, as a URL.

    Several hosts and the folder of a socket become parameters.
    """
    return DatabaseUrl(_url(_parts(conninfo)))


def _parts(conninfo: str) -> dict[str, str]:
    return {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}


def _url(parts: dict[str, str]) -> str:
    rest = dict(parts)
    user, database = _quoted(rest.pop("user", "")), _quoted(rest.pop("dbname", ""))
    password = f":{_quoted(rest.pop('password'))}" if user and "password" in rest else ""
    place = _authority(rest)
    query = "&".join(f"{name}={quote(value, safe='/*')}" for name, value in sorted(rest.items()))
    return f"postgresql://{user}{password}{'@' if user else ''}{place}/{database}{'?' if query else ''}{query}"


def _authority(rest: dict[str, str]) -> str:
    """Take host and port out of the rest, if there is one host with a name or an address; return them."""
    host = rest.get("host", "")
    if not host or host.startswith(("/", "@")) or "," in host:
        return ""
    del rest["host"]
    port = f":{rest.pop('port')}" if rest.get("port") else ""
    return f"[{host}]{port}" if ":" in host else f"{_quoted(host)}{port}"


def _quoted(value: str) -> str:
    return quote(value, safe="*")
