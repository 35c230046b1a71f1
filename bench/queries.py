"""Ways from a query to a DataFrame, ours and the peers', and the table that they are timed on.

Each is used as its documentation does it first. How exact they are is asked in `bench.exactness`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

#: A million rows of eight columns of the types that most tables are made of, about 5 % of them NULL.
SETUP = """
CREATE TABLE wide AS SELECT
    n::int8 AS id,
    CASE WHEN n % 20 <> 0 THEN (n::int8 * 7919 % 1000003)::int4 END AS quantity,
    CASE WHEN n % 19 <> 0 THEN random() * 1e6 END AS score,
    CASE WHEN n % 21 <> 0 THEN (random() * 1e7)::numeric(12, 2) END AS price,
    CASE WHEN n % 23 <> 0 THEN 'customer ' || substr(md5(n::text), 1, 7 + n % 9) END AS name,
    n % 3 = 0 AS active,
    timestamptz '2020-01-01 00:00+00' + n * interval '61.000001 s' AS created_at,
    CASE WHEN n % 22 <> 0 THEN date '2000-01-01' + n % 9000 END AS born
FROM generate_series(1, 1000000) n;
ANALYZE wide;
SELECT count(*) FROM wide  -- so that no way pays for marking the rows as committed
"""
QUERY = "SELECT * FROM wide"


def copy(url: str, sql: str) -> None:
    """The limit: all bytes received, by psycopg's own loop, and nothing made of them."""
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(_copy_of(sql)) as rows:
        for _ in rows:
            pass


def copy_bare(url: str, sql: str) -> int:
    """The same by calls of libpq alone, which no Python program that keeps the rows can be as quick as; how many messages."""
    import psycopg
    from psycopg import generators

    with psycopg.connect(url, autocommit=True) as connection:
        pgconn = connection.pgconn
        pgconn.send_query(_copy_of(sql))
        connection.wait(generators.send(pgconn))
        connection.wait(generators.fetch(pgconn))
        count = 0
        while pgconn.get_copy_data(0)[0] > 0:
            count += 1
        while connection.wait(generators.fetch(pgconn)) is not None:
            pass
        return count


def copy_with_objects(url: str, sql: str) -> None:
    """The bare limit, and then as many Decimals and texts as the table has; no byte is kept and no value decoded."""
    count = copy_bare(url, sql) * 95 // 100  # the rest is NULL
    numbers, texts = ["1234567.89"] * count, [b"customer 0123456"] * count
    [Decimal(number) for number in numbers]
    [text.decode() for text in texts]


def ours(url: str, sql: str) -> Any:
    """`%query`."""
    from fsapi_nb import Migrator

    return Migrator(url).query(sql).to_frame()


def ours_arrow(url: str, sql: str) -> Any:
    """`%query --as arrow`."""
    import pyarrow  # noqa: F401 - a kernel that asks for tables has imported it

    from fsapi_nb import Migrator

    return Migrator(url).query(sql).to_arrow()


def ours_polars(url: str, sql: str) -> Any:
    """`%query --as polars`."""
    import polars  # noqa: F401

    from fsapi_nb import Migrator

    return Migrator(url).query(sql).to_polars()


def psycopg_rows(url: str, sql: str) -> Any:
    """psycopg's rows, and pandas' own reading of them."""
    import pandas as pd
    import psycopg

    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql.encode())
        names = [column.name for column in cursor.description or ()]
        return pd.DataFrame(cursor.fetchall(), columns=pd.Index(names))


def read_sql(url: str, sql: str) -> Any:
    """pandas over SQLAlchemy."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(_for_sqlalchemy(url))
    try:
        with engine.connect() as connection:
            return pd.read_sql(sqlalchemy.text(_escaped(sql)), connection)
    finally:
        engine.dispose()


def jupysql(url: str, sql: str) -> Any:
    """`%%sql` with `autopandas`."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sql")
    for option in ("autopandas = True", "feedback = 0", "displaycon = False", "named_parameters = 'disabled'"):
        shell.run_line_magic("config", f"SqlMagic.{option}")
    return shell.run_cell_magic("sql", _for_sqlalchemy(url), sql)


def connectorx(url: str, sql: str) -> Any:
    """connectorx to pandas."""
    import connectorx  # type: ignore[import-not-found, import-untyped, unused-ignore]

    # Its driver takes a socket's folder for the host only, where it is escaped.
    address = urlsplit(url)
    query = parse_qs(address.query)
    if "host" in query:
        host = f"{address.username}@{quote(query['host'][0], safe='')}:{query['port'][0]}"
        address = address._replace(scheme="postgresql", netloc=host, query="")
    return connectorx.read_sql(address.geturl(), sql)


def adbc(url: str, sql: str) -> Any:
    """ADBC, and pandas' own types."""
    return _adbc_table(url, sql).to_pandas()


def adbc_arrow(url: str, sql: str) -> Any:
    """ADBC, and Arrow's types in pandas."""
    import pandas as pd

    return _adbc_table(url, sql).to_pandas(types_mapper=pd.ArrowDtype)


def _adbc_table(url: str, sql: str) -> Any:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def _copy_of(sql: str) -> bytes:
    return f"COPY ({sql}) TO STDOUT (FORMAT binary)".encode()


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _escaped(sql: str) -> str:
    r"""SQLAlchemy takes `:name` for a parameter."""
    return sql.replace(":", r"\:").replace(r"\:\:", "::")


LIMIT = "COPY binary, thrown away"
BARE = "the same, bare libpq"
ARROW = "fsapi_nb (Arrow)"
OBJECTS = "COPY by bare libpq; Decimals and texts made"
WAYS: dict[str, Callable[[str, str], object]] = {
    LIMIT: copy,
    BARE: copy_bare,
    OBJECTS: copy_with_objects,
    "fsapi_nb": ours,
    ARROW: ours_arrow,
    "fsapi_nb (polars)": ours_polars,
    "psycopg fetchall": psycopg_rows,
    "pandas.read_sql": read_sql,
    "jupysql": jupysql,
    "connectorx": connectorx,
    "adbc": adbc,
    "adbc (Arrow types)": adbc_arrow,
}
