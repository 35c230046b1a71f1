"""Which product a server is, by what it says of itself. Pure.

Many products speak PostgreSQL's protocol and have neither its locks nor its transactions of definitions.
"""

from __future__ import annotations

import re

# By a part of what `version()` says of them.
_OTHERS = {
    "CockroachDB": "CockroachDB",
    "-YB-": "YugabyteDB",
    "Greenplum": "Greenplum",
    "Cloudberry": "Apache Cloudberry",
    "Redshift": "Amazon Redshift",
    "CrateDB": "CrateDB",
    "Materialize": "Materialize",
    "QuestDB": "QuestDB",
    "RisingWave": "RisingWave",
    "openGauss": "openGauss",
}
# Distributions add a name in parentheses or behind a dash (Debian, EDB, Percona, Neon's commit); on Windows there is no `on`.
_POSTGRESQL = re.compile(r"PostgreSQL \d+(\.\d+)*(devel|beta\d+|rc\d+)?\b.*( on |, compiled by )", re.DOTALL)
_LONGEST = 60  # characters of what an unknown product says


def other_product(version: str, host: str = "") -> str | None:
    """Return the name of the product that is not PostgreSQL; None for PostgreSQL and its distributions.

    Args:
        version: what `version()` gives.
        host: where the connection went, for a product that only its address tells.
    """
    if ".dsql." in host:
        return "Amazon Aurora DSQL"
    for part, name in _OTHERS.items():
        if part in version:
            return name
    if _POSTGRESQL.match(version):
        return None
    return f"a server that calls itself {version[:_LONGEST]!r}"
