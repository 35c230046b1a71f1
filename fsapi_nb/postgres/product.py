"""Recognise which product a server is, by its own version text. No I/O.

Many products speak PostgreSQL's protocol but have neither its locks nor transactions for definitions.
"""

from __future__ import annotations

import re

# By a part of what their `version()` returns.
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
# Distributions add a name in parentheses or after a dash (Debian, EDB, Percona, Neon's commit). On Windows, `on` is missing.
_POSTGRESQL = re.compile(r"PostgreSQL \d+(\.\d+)*(devel|beta\d+|rc\d+)?\b.*( on |, compiled by )", re.DOTALL)
_LONGEST = 60  # characters of an unknown product's version text


def other_product(version: str, host: str = "") -> str | None:
    """Return the name of the product that is not PostgreSQL; None for PostgreSQL and its distributions.

    Args:
        version: What `version()` returns.
        host: The host that was connected to: Aurora DSQL is recognised only by its address.
    """
    if ".dsql." in host:
        return "Amazon Aurora DSQL"
    for part, name in _OTHERS.items():
        if part in version:
            return name
    if _POSTGRESQL.match(version):
        return None
    return f"a server that calls itself {version[:_LONGEST]!r}"
